//! Overview: packages and environments.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;
use ocuroot_core::hosts::stores::Located;
use ocuroot_core::hosts::{Answer, Ask, Head, Kind, Proposal, Side};
use ocuroot_core::screens::matrix::{self, Filter};
use ocuroot_core::screens::overview::{self, CHIPS, Entry, Latest, ProposalEntry, Waiting};
use ocuroot_core::screens::{Depth, Word};
use ocuroot_core::times;

use super::matrix::{Matrix, approve_href, counted, run_href};
use super::says::Says;
use crate::browser;
use crate::nav::{Nav, use_nav};
use crate::reading::Reading;
use crate::route::Screen;
use crate::screens::later::Later;
use crate::store::{self, Asked, Shown, use_store};
use crate::ui::{Age, Command, Elapsed, Icon, Shape, State, Title, shape, tone, unbroken};
use ocuroot_core::order::Gather as _;

/// Entries of a list at the side; the filters find the others.
const MOST: usize = 30;

/// The screen.
#[component]
pub fn Overview() -> impl IntoView {
    let proposals = RwSignal::new(Vec::<Proposal>::new());
    let refused = RwSignal::new(false);
    let first = store::ask(move |sight| {
        proposals.with(|proposals| {
            overview::page(sight.snapshot, sight.summaries, sight.facts, proposals, Depth::First)
        })
    });
    // What only a look at intents and markers tells is loaded once there is something to see.
    let drawn = RwSignal::new(false);
    Effect::new(move |_| {
        if first.with(|first| matches!(first, Asked::Answered(_))) && !drawn.get_untracked() {
            spawn_local(async move {
                // Drawn is what has been painted.
                browser::painted().await;
                let _ = drawn.try_set(true);
            });
        }
    });
    let whole = store::ask(move |sight| {
        if !drawn.get() {
            return Ok(None);
        }
        proposals.with(|proposals| {
            overview::page(sight.snapshot, sight.summaries, sight.facts, proposals, Depth::Whole)
                .map(|page| Some(Arc::new(page)))
        })
    });
    let asked = RwSignal::new(first.get_untracked());
    Effect::new(move |_| {
        let whole = whole.with(|whole| match whole {
            Asked::Answered(page) => (**page).clone(),
            _ => None,
        });
        asked.set(whole.map_or_else(|| first.get(), Asked::Answered));
    });
    ask_proposals(drawn, proposals, refused);
    let later = use_context::<Later>();
    Effect::new(move |_| {
        if drawn.get()
            && let Some(later) = later
        {
            later.load();
        }
    });
    view! {
        <Title text="Overview"/>
        <Shown asked=asked heading="Overview" let:page>
            <Page page refused/>
        </Shown>
    }
}

/// Asks the host for open proposals, once the screen is drawn.
fn ask_proposals(drawn: RwSignal<bool>, proposals: RwSignal<Vec<Proposal>>, refused: RwSignal<bool>) {
    let place = use_context::<Located>().map(|located| located.intent);
    // The local server has none.
    let place = place.filter(|place| place.host.source.kind != Kind::Local);
    let reading = use_store().reading();
    Effect::new(move |_| {
        let Some(place) = place.clone().filter(|_| drawn.get()) else { return };
        let reading = reading.clone();
        spawn_local(async move {
            // A host that will not say is no reason to show less.
            match open_proposals(&reading, place.branch).await {
                Some(found) => proposals.try_set(found).map(drop),
                None => refused.try_set(true).map(drop),
            };
        });
    });
}

/// Open proposals into a branch, or into the default branch, whose name the host has to tell first.
async fn open_proposals(reading: &Reading, branch: Option<String>) -> Option<Vec<Proposal>> {
    let into = match branch {
        Some(branch) => branch,
        None => match reading.ask(Side::Intent, Ask::Head { branch: None, etag: None }).await {
            Ok(Answer::Head(Head::At { branch, .. })) => branch,
            _ => return None,
        },
    };
    match reading.ask(Side::Intent, Ask::Proposals { into }).await {
        Ok(Answer::Proposals(found)) => Some(found),
        _ => None,
    }
}

#[component]
fn Page(
    /// What there is.
    page: Signal<Arc<overview::Overview>>,
    /// Whether the host did not tell open proposals.
    refused: RwSignal<bool>,
) -> impl IntoView {
    let nav = use_nav();
    let words = nav.route_now();
    let words = words.param("show").split(',').map(str::to_owned).gather::<BTreeSet<_>>();
    let filter = RwSignal::new(Filter {
        text: nav.route_now().param("q").to_owned(),
        words: CHIPS.into_iter().filter(|word| words.contains(&key(*word))).collect(),
        flat: nav.route_now().param("by") == "name",
        ..Filter::default()
    });
    let view = Memo::new(move |_| page.with(|page| filter.with(|filter| matrix::filtered(page, filter))));
    let heading = move || {
        page.with(|page| {
            let counts = page.counts.iter().map(|(word, count)| counted(*word, *count));
            match counts.collect::<Vec<_>>().join(", ") {
                counts if counts.is_empty() => "Overview: all as it should be".to_owned(),
                counts => format!("Overview: {counts}"),
            }
        })
    };
    let empty = Memo::new(move |_| page.with(|page| page.groups.is_empty()));
    move || match empty.get() {
        true => view! {
            <main id="main">
                <header class="head"><h1 tabindex="-1">"Overview"</h1></header>
                <State icon="grid" title="Nothing has been released yet">
                    <p>"The store is there and empty. In a repository with a release file, run:"</p>
                    <Command text="ocuroot release new release.ocu.star"/>
                </State>
            </main>
        }
        .into_any(),
        false => view! {
            <main id="main" class="split over">
                <h1 class="sr" tabindex="-1">{heading}</h1>
                <Side page refused/>
                <section class="board" aria-label="What is live where">
                    <Tools page filter/>
                    <Matrix page filter view><NoMatch filter view/></Matrix>
                </section>
            </main>
        }
        .into_any(),
    }
}

/// A word in the address.
fn key(word: Word) -> String {
    word.text().replace(' ', "-")
}

/// What is to be said where a filter leaves nothing.
#[component]
fn NoMatch(
    /// The filter.
    filter: RwSignal<Filter>,
    /// What it leaves.
    view: Memo<matrix::View>,
) -> impl IntoView {
    move || {
        let (packages, of, meant) = view.with(|view| (view.packages, view.of, view.meant.clone()));
        (packages == 0).then(|| {
            let text = filter.with(|filter| filter.text.trim().to_owned());
            let title = match text.is_empty() {
                true => "No package has that".to_owned(),
                false => format!("Nothing matches “{text}”"),
            };
            let hidden = match of {
                1 => "1 package is hidden by the filter.".to_owned(),
                of => format!("{of} packages are hidden by the filter."),
            };
            let meant = meant.map(|meant| {
                let name = meant.clone();
                let choose = move |_| filter.update(|filter| filter.text.clone_from(&name));
                view! { " Did you mean " <button type="button" class="link" on:click=choose>{meant}</button> "?" }
            });
            let clear = move |_| filter.update(clear);
            view! {
                <State icon="search" title=title>
                    <p role="status">{hidden}{meant}</p>
                    <p class="row"><button type="button" class="btn" on:click=clear>"Clear filter"</button></p>
                </State>
            }
        })
    }
}

fn clear(filter: &mut Filter) {
    filter.text.clear();
    filter.words.clear();
}

/// Filters, and how rows are grouped.
#[component]
fn Tools(
    /// What there is.
    page: Signal<Arc<overview::Overview>>,
    /// What is shown of it.
    filter: RwSignal<Filter>,
) -> impl IntoView {
    let nav = use_nav();
    // The address follows what is chosen, and the text once one leaves the field.
    let remember = move || {
        let (text, words, flat) =
            filter.with_untracked(|filter| (filter.text.clone(), filter.words.clone(), filter.flat));
        nav.set_param("q", text.trim());
        nav.set_param("show", &words.into_iter().map(key).collect::<Vec<_>>().join(","));
        nav.set_param("by", if flat { "name" } else { "" });
    };
    let chips = CHIPS.map(|word| {
        let count = Memo::new(move |_| page.with(|page| page.counts.get(&word).copied().unwrap_or(0)));
        let pressed = move || filter.with(|filter| filter.words.contains(&word));
        let press = move |_| {
            filter.update(|filter| {
                if !filter.words.remove(&word) {
                    filter.words.insert(word);
                }
            });
            remember();
        };
        move || {
            (count.get() > 0 || pressed()).then(|| {
                view! {
                    <button type="button" class="btn sm" aria-pressed=move || pressed().to_string() on:click=press>
                        <Icon name=shape(word) class=tone(word.tone())/>
                        {counted(word, count.get())}
                    </button>
                }
            })
        }
    });
    let by = move |flat: bool, label: &'static str| {
        let choose = move |_| {
            filter.update(|filter| filter.flat = flat);
            remember();
        };
        let pressed = move || filter.with(|filter| filter.flat == flat).to_string();
        view! { <button type="button" class="btn sm" aria-pressed=pressed on:click=choose>{label}</button> }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            filter.update(clear);
            remember();
            let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
            if let Some(field) = field {
                let _ = field.blur();
            }
        }
    };
    view! {
        <div class="bar">
            <div class="row chips">{chips.into_iter().collect_view()}</div>
            <label class="in end">
                <Icon name="search"/>
                <span class="sr">"Filter packages and environments"</span>
                <input
                    type="search"
                    placeholder="Filter: cart, prod-*"
                    data-search
                    prop:value=move || filter.with(|filter| filter.text.clone())
                    on:input=move |event| filter.update(|filter| filter.text = event_target_value(&event))
                    on:change=move |_| remember()
                    on:keydown=on_keydown
                />
            </label>
            <span class="seg w" role="group" aria-label="Group by">{by(false, "By repo")}{by(true, "Flat")}</span>
        </div>
    }
}

/// What asks for somebody, what runs, what is new.
#[component]
fn Side(
    /// What there is.
    page: Signal<Arc<overview::Overview>>,
    /// Whether the host did not tell open proposals.
    refused: RwSignal<bool>,
) -> impl IntoView {
    let entries = move |choose: fn(&overview::Overview) -> &Vec<Entry>| {
        Memo::new(move |_| page.with(|page| choose(page).clone()))
    };
    let proposals = Memo::new(move |_| page.with(|page| page.proposals.clone()));
    let latest = Memo::new(move |_| page.with(|page| page.latest.clone()));
    view! {
        <div class="side scroll rail">
            <Section id="h-you" title="Needs a person" now=true entries=entries(|page| &page.approvals)/>
            <Section id="h-bad" title="Failed or stale" now=true entries=entries(|page| &page.broken)/>
            <Section id="h-run" title="Running now" now=false entries=entries(|page| &page.running)/>
            <Waits page/>
            {move || {
                let proposals = proposals.get();
                (!proposals.is_empty()).then(|| view! {
                    <section class="sec" aria-labelledby="h-pr">
                        <h2 id="h-pr">"Open proposals "<small>{proposals.len()}</small></h2>
                        <ul class="list" role="list">{proposals.into_iter().map(draw_proposal).collect_view()}</ul>
                    </section>
                })
            }}
            {move || refused.get().then(|| view! {
                <section class="sec" aria-labelledby="h-pr">
                    <h2 id="h-pr">"Open proposals"</h2>
                    <p class="dim" role="status">"Proposals could not be read"</p>
                </section>
            })}
            <section class="sec" aria-labelledby="h-new">
                <h2 id="h-new">"Latest releases"</h2>
                <ul class="list" role="list">{move || latest.get().into_iter().map(|latest| view! { <New latest/> }).collect_view()}</ul>
            </section>
        </div>
    }
}

/// A list of what stands somehow; nothing where there is none.
#[component]
fn Section(
    /// Of its heading.
    id: &'static str,
    /// Its heading.
    title: &'static str,
    /// Whether it asks for somebody.
    now: bool,
    /// What is in it.
    entries: Memo<Vec<Entry>>,
) -> impl IntoView {
    move || {
        let entries = entries.get();
        let count = entries.len();
        (count > 0).then(|| {
            let rest = count.saturating_sub(MOST);
            let rest = (rest > 0).then(|| view! { <p class="dim">{format!("and {rest} more")}</p> });
            let items = entries.into_iter().take(MOST).map(|entry| view! { <Item entry/> }).collect_view();
            view! {
                <section class="sec" class:now=now aria-labelledby=id>
                    <h2 id=id>{title}" "<small>{count}</small></h2>
                    <ul class="list" role="list">{items}</ul>
                    {rest}
                </section>
            }
        })
    }
}

/// What waits for something other than a person, and for what; nothing where there is none.
#[component]
fn Waits(
    /// What there is.
    page: Signal<Arc<overview::Overview>>,
) -> impl IntoView {
    let nav = use_nav();
    let waiting = Memo::new(move |_| page.with(|page| (page.waits, page.waiting.clone())));
    move || {
        let (all, waiting) = waiting.get();
        let shown: usize = waiting.iter().map(|group| group.runs.len()).sum();
        let rest = (all > shown).then(|| {
            let plan = nav.route_now().to(Screen::Plan).to_string();
            view! { <p><a class="link" href=plan>"More in Plan"</a></p> }
        });
        (all > 0).then(|| view! {
            <section class="sec" aria-labelledby="h-wait">
                <h2 id="h-wait">"Waiting "<small>{all}</small></h2>
                <ul class="list" role="list">{waiting.into_iter().map(|group| draw_waiting(nav, group)).collect_view()}</ul>
                {rest}
            </section>
        })
    }
}

fn draw_waiting(nav: Nav, waiting: Waiting) -> impl IntoView {
    let Waiting { word, says, runs, more } = waiting;
    let since = runs.first().map(|entry| entry.standing.since.clone()).unwrap_or_default();
    let runs = runs.iter().enumerate().map(|(index, entry)| {
        let before = if index > 0 { ", " } else { "" };
        view! { {before}{draw_named(nav, entry)} }
    });
    let runs = runs.collect_view();
    let more = (more > 0).then(|| format!(", and {more} more"));
    let says = (!says.is_empty()).then(|| view! { <p class="says"><Says sentence=says/></p> });
    view! {
        <li class=tone(word.tone())>
            <Shape word/>
            <span><span class="sr">{format!("{word}: ")}</span>{runs}{more}</span>
            <Age time=since/>
            {says}
        </li>
    }
}

/// "checkout r142 to prod"
fn draw_named(nav: Nav, entry: &Entry) -> impl IntoView + use<> {
    let Entry { package, standing } = entry;
    view! {
        <a href=run_href(nav, standing)><b>{package.clone()}</b>" "{standing.id.clone()}</a>
        " "<span class="dim">{if standing.deploy { "to" } else { "in" }}</span>" "{standing.name.clone()}
    }
}

#[component]
fn Item(
    /// What.
    entry: Entry,
) -> impl IntoView {
    let nav = use_nav();
    let named = draw_named(nav, &entry);
    let Entry { standing, .. } = entry;
    let word = standing.word;
    let time = match word {
        Word::Running => view! { <Elapsed since=standing.since.clone() usual=standing.usual/> }.into_any(),
        _ => view! { <Age time=standing.since.clone()/> }.into_any(),
    };
    let says = (!standing.says.is_empty())
        .then(|| view! { <p class="says"><Says sentence=standing.says.clone()/></p> });
    let approve =
        approve_href(nav, &standing).map(|href| view! { <a class="btn sm you" href=href>"Approve"</a> });
    view! {
        <li class=tone(word.tone())>
            <Shape word/>
            <span>
                <span class="sr">{format!("{word}: ")}</span>
                {named}
            </span>
            {time}
            {says}
            {approve}
        </li>
    }
}

fn draw_proposal(proposal: ProposalEntry) -> impl IntoView {
    let age = proposal.age.map(|age| unbroken(&times::age(age)));
    let draft = if proposal.draft { ", draft" } else { "" };
    view! {
        <li>
            <Icon name="pr"/>
            <a href=proposal.url rel="noreferrer">{format!("#{} {}", proposal.number, proposal.title)}</a>
            <time datetime=proposal.opened>{age}</time>
            <p>{format!("{}{draft}", proposal.author)}</p>
        </li>
    }
}

#[component]
fn New(
    /// The release.
    latest: Latest,
) -> impl IntoView {
    let nav = use_nav();
    let Latest { package, release, id, word, subject, time, .. } = latest;
    let subject = (!subject.is_empty())
        .then(|| view! { <p><span class="cut" title=subject.clone()>{subject.clone()}</span></p> });
    view! {
        <li class=tone(word.tone())>
            <Shape word/>
            <span>
                <a href=nav.route_now().to(Screen::Release(release, None)).to_string()><b>{package}</b>" "{id}</a>
                <span class="sr">{format!(" {word}")}</span>
            </span>
            <Age time=time/>
            {subject}
        </li>
    }
}
