//! One environment: what is deployed to it, beside another one, and what has happened there.

use std::sync::Arc;

use leptos::prelude::*;
use ocuroot_core::screens::environment::{self, Attribute, Deployment, Event, Page};
use ocuroot_core::screens::{Depth, Word};
use ocuroot_core::times;

use crate::browser;
use crate::nav::use_nav;
use crate::route::Screen;
use crate::store::{self, Shown, Sight};
use crate::ui::{Age, Command, Icon, Note, RefLink, Shape, State, Status, Title, tone, unbroken};

/// As many events are shown before somebody asks for more.
const EVENTS: usize = 20;

/// The screen.
#[component]
pub fn Environment(
    /// Which one.
    name: String,
    /// What it is compared with.
    with: Option<String>,
) -> impl IntoView {
    let nav = use_nav();
    let page = {
        let (name, with) = (name.clone(), with.clone());
        store::ask(move |sight: &Sight<'_>| {
            environment::page(
                sight.snapshot,
                sight.summaries,
                &name,
                with.as_deref(),
                sight.facts,
                Depth::Whole,
            )
        })
    };
    // Of what is not there, there is nothing more to say.
    let is_there = Memo::new(move |_| {
        page.with(|page| match page {
            store::Asked::Answered(page) => page.exists || !page.deployments.is_empty(),
            _ => true,
        })
    });
    let title = name.clone();
    let shown = name.clone();
    view! {
        <Title text=title/>
        <main id="main" class="split">
            <div>
                <header class="head">
                    <nav class="crumb" aria-label="Breadcrumb">
                        <a href=move || nav.href(Screen::Environments)>"Environments"</a>
                    </nav>
                    <h1 tabindex="-1">{name.clone()}</h1>
                </header>
                <Shown asked=page let:page>
                    {
                        let name = shown.clone();
                        move || view! { <Body page=page.get() name=name.clone()/> }
                    }
                </Shown>
            </div>
            {move || {
                let name = name.clone();
                is_there.get().then(|| view! { <div class="side"><Side name page/></div> })
            }}
        </main>
    }
}

/// What is deployed here.
#[component]
fn Body(page: Arc<Page>, name: String) -> impl IntoView {
    let nav = use_nav();
    if !page.exists && page.deployments.is_empty() {
        return view! {
            <State icon="env" title=format!("There is no environment {name}")>
                <p>"It is neither in intent nor in state."</p>
                <p class="row"><a class="btn" href=move || nav.href(Screen::Environments)>"All environments"</a></p>
            </State>
        }
        .into_any();
    }
    let stands = page.stands.text();
    let stands = (!stands.is_empty()).then(|| {
        view! {
            <Note icon="drift" tone="warn">
                <p>"This environment: " {stands} "."</p>
                <a class="btn sm" href=move || nav.href(Screen::Diff)>"Intent and state"</a>
            </Note>
        }
    });
    let freeze = page.freeze.clone().map(|freeze| {
        let until = match &freeze.until {
            Some(until) => format!("Frozen until {}", times::moment(until, &browser::now(), browser::offset())),
            None => "Frozen".to_owned(),
        };
        let everywhere = freeze.everywhere.then_some(" In every environment.");
        let held = page.held.len();
        let held = (held > 0).then(|| format!(" Tasks go on, deployments wait: {held} held."));
        let malformed = freeze.malformed.as_ref().map(|what| format!(" The document is malformed: {what}."));
        view! {
            <Note icon="frozen">
                <p><b>{until} "."</b> " “" {freeze.reason.clone()} "” " <RefLink reference=freeze.at.clone()/> {everywhere}{held}{malformed}</p>
            </Note>
        }
    });
    let with = page.with.clone();
    let only = RwSignal::new(false);
    let choices = page
        .others
        .iter()
        .map(|other| {
            let chosen = Some(other) == with.as_ref();
            view! { <option value=other.clone() selected=chosen>{other.clone()}</option> }
        })
        .collect_view();
    let choose = {
        let name = name.clone();
        move |event| {
            let other = event_target_value(&event);
            let other = (!other.is_empty()).then_some(other);
            nav.go(&nav.route_now().to(Screen::Environment(name.clone(), other)).to_string());
        }
    };
    let different = page.different;
    let differences = with.is_some().then(|| {
        view! {
            <button
                type="button"
                class="btn sm"
                aria-pressed=move || only.get().to_string()
                on:click=move |_| only.update(|only| *only = !*only)
            >
                "Only differences " <span class="num">{different}</span>
            </button>
        }
    });
    let heads = with.clone().map(|with| {
        let short = format!("Against {with}");
        view! {
            <th scope="col" class="w">{with}</th>
            <th scope="col"><span class="w">"Difference"</span><span class="n">{short}</span></th>
        }
    });
    let columns = if with.is_some() { "7" } else { "5" };
    let rows = {
        let page = Arc::clone(&page);
        move || {
            let only = only.get();
            let mut before = String::new();
            page.deployments
                .iter()
                .filter(|row| !only || row.difference.differs())
                .map(|row| {
                    let group = (row.repo != before).then(|| {
                        row.repo.clone_into(&mut before);
                        view! { <tr class="g"><th colspan=columns scope="rowgroup">{row.repo.clone()}</th></tr> }
                    });
                    view! { {group}{one(row, page.with.is_some())} }
                })
                .collect_view()
        }
    };
    view! {
        <p class="meta facts">
            <RefLink reference=page.reference.clone()/>
            <span>{page.live} " packages live" {(page.never > 0).then(|| format!(", {} never deployed here", page.never))}</span>
        </p>
        {stands}
        {freeze}
        <section aria-labelledby="h-dep">
            <div class="bar">
                <h2 id="h-dep">"Deployments " <small>{page.live}</small></h2>
                <label class="row end">
                    <span class="dim w">"Compare with"</span>
                    <span class="n sr">"Compare with"</span>
                    <select class="in" on:change=choose><option value="">"nothing"</option>{choices}</select>
                </label>
                {differences}
            </div>
            <div class="across">
                <table class="tbl rel">
                    <thead>
                        <tr>
                            <th scope="col">"Package"</th>
                            <th scope="col">"Live"</th>
                            <th scope="col" class="w">"Since"</th>
                            {heads}
                            <th scope="col">"Next here"</th>
                            <th scope="col" class="w max">"Commit of the live release"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// A package.
fn one(row: &Deployment, compared: bool) -> impl IntoView + use<> {
    let nav = use_nav();
    let package = Screen::Package(row.package.clone());
    let live = match &row.here {
        Some(live) => {
            let screen = Screen::Release(live.release.clone(), None);
            view! { <td><a href=move || nav.href(screen.clone())>{live.id.clone()}</a></td> }.into_any()
        }
        None => view! { <td class="dim">"never"</td> }.into_any(),
    };
    let since = row.here.as_ref().map(|live| view! { <Age time=live.since.clone()/> });
    let differs = row.difference.differs();
    let emphasis = move |text: String| match differs {
        true => view! { <b>{text}</b> }.into_any(),
        false => view! { <span class="dim">{text}</span> }.into_any(),
    };
    let other = compared.then(|| {
        let there = row.there.as_ref().map_or_else(|| "never".to_owned(), |there| there.id.clone());
        view! { <td class="w">{emphasis(there)}</td><td>{emphasis(row.difference.to_string())}</td> }
    });
    let next = match &row.up {
        Some(up) => {
            let screen = Screen::Release(up.release.clone(), None);
            let text = format!("{} {}", up.id, up.word);
            view! { <a href=move || nav.href(screen.clone()) title=up.says.to_string()><Status word=up.word text/></a> }.into_any()
        }
        None if row.newer > 0 => view! { <span class="dim">{row.newer} " newer"</span> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a class="cut" href=move || nav.href(package.clone()) title=row.package.to_string()>{row.name.clone()}</a></th>
            {live}
            <td class="w">{since}</td>
            {other}
            <td>{next}</td>
            <td class="w max"><span class="cut dim" title=row.subject.clone()>{row.subject.clone()}</span></td>
        </tr>
    }
}

/// Attributes, what a freeze holds, history.
#[component]
fn Side(name: String, page: RwSignal<store::Asked<Page>>) -> impl IntoView {
    let nav = use_nav();
    let whole = RwSignal::new(false);
    let shown = RwSignal::new(EVENTS);
    let events = store::ask(move |sight: &Sight<'_>| {
        if whole.get() {
            return environment::whole_history(sight.snapshot, &name, sight.facts);
        }
        environment::history(sight.snapshot, sight.summaries, &name, sight.facts)
    });
    let facts = move || {
        let store::Asked::Answered(page) = page.get() else { return None };
        let attributes = page.attributes.iter().map(attribute).collect_view();
        let none = page.attributes.is_empty().then(|| view! { <p class="dim">"None."</p> });
        let held = (!page.held.is_empty()).then(|| {
            let rows = page
                .held
                .iter()
                .map(|held| {
                    let screen = Screen::Release(held.release.clone(), None);
                    view! {
                        <li>
                            <Icon name="frozen"/>
                            <a href=move || nav.href(screen.clone())><b>{held.package.clone()}</b> " " {held.id.clone()}</a>
                            <Age time=held.since.clone()/>
                        </li>
                    }
                })
                .collect_view();
            view! {
                <section class="sec" aria-labelledby="h-fr">
                    <h2 id="h-fr">"Held by the freeze " <small>{page.held.len()}</small></h2>
                    <ul class="list" role="list">{rows}</ul>
                </section>
            }
        });
        let edit = edit_command(&page);
        Some(view! {
            <section class="sec" aria-labelledby="h-at">
                <h2 id="h-at">"Attributes"</h2>
                <dl class="kv">{attributes}</dl>
                {none}
                <details>
                    <summary class="dim">"Change them"</summary>
                    <Command text=edit/>
                </details>
            </section>
            {held}
        })
    };
    view! {
        {facts}
        <section class="sec" aria-labelledby="h-hi">
            <h2 id="h-hi">"History"</h2>
            <Shown asked=events above=Some(store::problem(page)) let:events>
                {move || history(&events.get(), shown.get())}
                {move || {
                    let more = events.get().len() > shown.get();
                    let text = if more { "Show older" } else { "Look for older ones" };
                    let act = move |_| if more { shown.update(|shown| *shown += EVENTS) } else { whole.set(true) };
                    (more || !whole.get()).then(|| view! {
                        <p><button type="button" class="btn sm" on:click=act>{text}</button></p>
                    })
                }}
            </Shown>
        </section>
    }
}

fn attribute(attribute: &Attribute) -> impl IntoView + use<> {
    let there = attribute.there.clone().filter(|there| Some(there) != attribute.here.as_ref());
    let there = there.map(|there| view! { " "<span class="dim">"there: " {there}</span> });
    view! {
        <dt>{attribute.name.clone()}</dt>
        <dd>{attribute.here.clone().unwrap_or_else(|| "–".to_owned())}{there}</dd>
    }
}

/// What is typed to set the document as it is, to be changed there.
fn edit_command(page: &Page) -> String {
    let attributes = page.attributes.iter().filter_map(|one| Some((one.name.clone(), one.here.clone()?)));
    ocuroot_core::screens::custom::environment_command(&page.name, attributes)
}

/// Events by day.
fn history(events: &[Event], most: usize) -> impl IntoView + use<> {
    let nav = use_nav();
    if events.is_empty() {
        return view! { <p class="dim">"Nothing has been deployed here yet."</p> }.into_any();
    }
    let (now, offset) = (browser::now(), browser::offset());
    let mut day = String::new();
    events
        .iter()
        .take(most)
        .map(|event| {
            let moment = times::moment(&event.time, &now, offset);
            let (date, time) = match moment.rsplit_once(' ') {
                Some((date, time)) => (date.to_owned(), time.to_owned()),
                None if moment.is_empty() => ("Some time".to_owned(), String::new()),
                None => ("Today".to_owned(), moment),
            };
            let head = (date != day).then(|| {
                date.clone_into(&mut day);
                view! { <h3><small>{unbroken(&date)}</small></h3> }
            });
            let screen = Screen::Release(event.run.release_ref(), None);
            let said = (event.word != Word::Complete).then(|| view! { <span class="dim">" " {event.word.to_string()}</span> });
            let attempt = (event.attempt > 1).then(|| view! { <span class="dim">", attempt " {event.attempt}</span> });
            view! {
                {head}
                <ul class="list" role="list">
                    <li class=tone(event.word.tone())>
                        <Shape word=event.word/>
                        <a href=move || nav.href(screen.clone())><b>{event.package.clone()}</b> " " {event.id.clone()}{said}{attempt}</a>
                        <time datetime=event.time.clone() title=event.time.clone()>{time}</time>
                    </li>
                </ul>
            }
        })
        .collect_view()
        .into_any()
}
