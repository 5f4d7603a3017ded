//! The work that would be done now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::Ref;
use ocuroot_core::hosts::Commit;
use ocuroot_core::hosts::stores::Located;
use ocuroot_core::screens::Word;
use ocuroot_core::screens::plan::{self, Cause, Group, Item, Named, Page};
use ocuroot_core::screens::prose::{Part, Prose};

use crate::frame::Badges;
use crate::nav::use_nav;
use crate::route::Screen;
use crate::screens::diff;
use crate::screens::explorer::history;
use crate::screens::says::Says;
use crate::store::{self, Shown, Sight, use_store};
use crate::ui::{Age, Breakable, Command, Icon, RefLink, Shape, State, Title, tone};

/// The screen.
#[component]
pub fn Plan() -> impl IntoView {
    let badges = expect_context::<Badges>();
    let page = store::ask(|sight: &Sight<'_>| plan::page(sight.snapshot, sight.summaries, sight.facts));
    let count = move || {
        page.with(|page| match page {
            store::Asked::Answered(page) => Some(page.count),
            _ => None,
        })
    };
    Effect::new(move |_| {
        if let Some(count) = count() {
            badges.plan.set(count);
        }
    });
    let changes = changes(page);
    let nav = use_nav();
    let filter = RwSignal::new(nav.route_now().param("q").to_owned());
    // The address follows once one leaves the field.
    let remember = move || nav.set_param("q", filter.get_untracked().trim());
    let heading = move || match count() {
        None => "Plan".to_owned(),
        Some(1) => "Plan: 1 item".to_owned(),
        Some(count) => format!("Plan: {count} items"),
    };
    let preview = expect_context::<Located>().preview.is_some();
    view! {
        <Title text=Signal::derive(heading)/>
        <main id="main" class="split">
            <div>
                <header class="head">
                    <h1 tabindex="-1">{heading}</h1>
                    <p class="meta"><span>"What " <code>"ocuroot work cascade"</code> {if preview { " would do then" } else { " would do now" }}</span><Commits/></p>
                    <div class="row">
                        <label class="in">
                            <Icon name="search"/>
                            <span class="sr">"Filter the plan"</span>
                            <input
                                type="search"
                                data-search=""
                                placeholder="Filter: prod, search"
                                prop:value=move || filter.get()
                                on:input=move |event| filter.set(event_target_value(&event))
                                on:change=move |_| remember()
                                on:keydown=move |event| if event.key() == "Escape" {
                                    filter.set(String::new());
                                    remember();
                                }
                            />
                        </label>
                    </div>
                </header>
                <Shown asked=page let:page>{move || items(&page.get(), &filter.get(), changes)}</Shown>
                <diff::Differences above=store::problem(page)/>
            </div>
            <div class="side">
                // Of a preview there is nothing that could be run.
                {(!preview).then(|| view! {
                    <section class="sec" aria-labelledby="h-how">
                        <h2 id="h-how">"Who runs it"</h2>
                        <p>"Not this page. Your CI does it when it runs next, or you do:"</p>
                        <Command text="ocuroot work cascade"/>
                    </section>
                })}
                {move || page.with(|page| match page {
                    store::Asked::Answered(page) => Some(side(page)),
                    _ => None,
                })}
            </div>
        </main>
    }
}

/// Which commits the page is about.
#[component]
pub fn Commits() -> impl IntoView {
    let freshness = use_store().reading().freshness();
    move || {
        let freshness = freshness.get();
        let short = |id: &str| id.chars().take(7).collect::<String>();
        let state = freshness.state.map(|commit| view! { "state " <code>{short(&commit.id)}</code> });
        let intent = freshness.intent.map(|commit| view! { ", intent " <code>{short(&commit.id)}</code> });
        view! { <span>{state}{intent}</span> }
    }
}

fn items(page: &Arc<Page>, filter: &str, changes: Changes) -> AnyView {
    if page.count == 0 {
        return view! {
            <State icon="ok" tone="ok" title="There is nothing to do">
                <p>"Nothing that could start waits, and intent asks for nothing that could be done now."</p>
            </State>
        }
        .into_any();
    }
    let hidden = page.count;
    let filter = filter.trim().to_lowercase();
    let groups: Vec<(Cause, Vec<Item>)> = page
        .groups
        .iter()
        .map(|group| {
            (group.cause, group.items.iter().filter(|item| item.is_about(&filter)).cloned().collect())
        })
        .filter(|(_, items): &(Cause, Vec<Item>)| !items.is_empty())
        .collect();
    if groups.is_empty() {
        return view! {
            <State icon="search" title=format!("Nothing in the plan is about “{filter}”")>
                <p>{hidden} " items are hidden by the filter."</p>
            </State>
        }
        .into_any();
    }
    groups
        .into_iter()
        .map(|(cause, items)| view! { <Items group=Group { cause, items } changes/> })
        .collect_view()
        .into_any()
}

/// Who changed intent last, and when, by its document.
type Changes = RwSignal<BTreeMap<Ref, Commit>>;

/// As many documents are asked about.
const ASKED: usize = 10;

/// Asks for the last change of what is behind the first items, once they are drawn.
fn changes(page: RwSignal<store::Asked<Page>>) -> Changes {
    let changes = Changes::default();
    let store = use_store();
    let asked = StoredValue::new(BTreeSet::new());
    Effect::new(move |_| {
        let causes: Vec<Ref> = page.with(|page| match page {
            store::Asked::Answered(page) => page.causes().take(ASKED).cloned().collect(),
            _ => Vec::new(),
        });
        let intent = store.reading().freshness().get_untracked().intent.map(|commit| commit.id);
        for cause in causes {
            if asked.try_update_value(|asked| asked.insert((cause.clone(), intent.clone()))) == Some(true) {
                spawn_local(async move {
                    if let Some(commit) = history::newest(&store.reading(), &cause).await {
                        let _ = changes.try_update(|changes| changes.insert(cause, commit));
                    }
                });
            }
        }
    });
    changes
}

/// A group of items.
#[component]
fn Items(
    /// It.
    group: Group,
    /// What is known of who changed intent.
    changes: Changes,
) -> impl IntoView {
    let away = group.cause == Cause::TakesAway;
    let id = format!("h-{}", group.cause.title().replace(' ', "-").to_lowercase());
    let count = group.items.len();
    let rows = group.items.into_iter().map(|item| {
        let commit = item.item.commit.clone().map(|commit| {
            let short: String = commit.chars().take(7).collect();
            view! { {item.repo.clone()} " at " <code title=commit>{short}</code> }
        });
        let cause = item.cause.clone();
        let changed = move || {
            let commit = changes.with(|changes| changes.get(cause.as_ref()?).cloned())?;
            let title = format!("{} {}", commit.id, commit.subject);
            Some(view! {
                " "
                <span class="dim" title=title>"Changed by "{commit.author}" "<Age time=commit.time/>" ago."</span>
            })
        };
        view! {
            <li>
                <span class=if away { "bad c" } else { "dim" }>{item.verb}</span>
                " "
                <span><Said prose=item.what/></span>
                " "
                <span class="dim w">{commit}</span>
                <p><Said prose=item.why/>{changed}</p>
            </li>
        }
    });
    let label = id.clone();
    view! {
        <section aria-labelledby=label>
            <div class="bar g">
                {away.then(|| view! { <Icon name="warn" class="bad c"/> })}
                <h2 id=id>{group.cause.title()} " " <small>{count}</small></h2>
            </div>
            <ul class=if away { "list plan bad" } else { "list plan" } role="list">{rows.collect_view()}</ul>
        </section>
    }
}

/// A sentence with its links.
#[component]
pub fn Said(
    /// The sentence.
    prose: Prose,
) -> impl IntoView {
    let nav = use_nav();
    prose
        .parts()
        .iter()
        .cloned()
        .map(|part| match part {
            Part::Text { text } => text.into_any(),
            Part::Code { text } => view! { <code>{text}</code> }.into_any(),
            Part::Old { text } => view! { <del>{text}</del> }.into_any(),
            Part::New { text } => view! { <ins>{text}</ins> }.into_any(),
            Part::Link { to, text, strong } => {
                let screen = Screen::of(&to);
                let is_ref = to.as_str() == text;
                let title = to.to_string();
                match (is_ref, strong) {
                    (true, _) => view! { <span class="ref"><a href=move || nav.href(screen.clone())><Breakable text/></a></span> }.into_any(),
                    (_, true) => view! { <a href=move || nav.href(screen.clone()) title=title><b>{text}</b></a> }.into_any(),
                    _ => view! { <a href=move || nav.href(screen.clone()) title=title>{text}</a> }.into_any(),
                }
            }
        })
        .collect_view()
}

/// What is left out, and why.
fn side(page: &Arc<Page>) -> impl IntoView + use<> {
    let frozen = page
        .frozen
        .iter()
        .map(|held| {
            let rows = held.runs.iter().map(|run| named(run, Word::Frozen, ().into_any())).collect_view();
            view! {
                <section class="sec">
                    <h2>"Held by a freeze " <small>{held.runs.len()}</small></h2>
                    <p class="says">{held.why.clone()} " " <RefLink reference=held.at.clone()/></p>
                    <ul class="list" role="list">{rows}</ul>
                </section>
            }
        })
        .collect_view();
    let runs: usize = page.approvals.iter().map(|waits| waits.runs.len()).sum();
    let approvals = page
        .approvals
        .iter()
        .map(|waits| {
            let missing = waits.missing.iter().map(|at| missing(at, &waits.release)).collect_view();
            let nav = use_nav();
            let screen = Screen::Release(waits.release.clone(), None);
            let count = counted_runs(waits.runs.len());
            view! {
                <li class="you">
                    <Icon name="gate"/>
                    <a href=move || nav.href(screen.clone())><b>{waits.package.clone()}</b> " " {waits.id.clone()}</a>
                    <span class="dim">{count}</span>
                    <p>{missing}</p>
                </li>
            }
        })
        .collect_view();
    let later = (page.later > 0).then(|| {
        view! { <p class="dim">{page.later} " more wait for an earlier phase of their release."</p> }
    });
    let others = page
        .others
        .iter()
        .map(|other| {
            let says = view! { <p class="says"><Says sentence=other.says.clone()/></p> };
            named(&other.what, other.word, says.into_any())
        })
        .collect_view();
    let rest = page.left_out - page.others.len();
    let rest = (rest > 0).then(|| view! { <p class="dim">{format!("and {rest} more")}</p> });
    view! {
        {frozen}
        {(runs > 0 || page.later > 0).then(|| view! {
            <section class="sec" aria-labelledby="h-wait">
                <h2 id="h-wait">
                    {if runs > 0 { "Waits for a person " } else { "Waits for an earlier phase " }}
                    <small>{counted_runs(if runs > 0 { runs } else { page.later })}</small>
                </h2>
                <ul class="list" role="list">{approvals}</ul>
                {later}
            </section>
        })}
        {(!page.others.is_empty()).then(|| view! {
            <section class="sec" aria-labelledby="h-other">
                <h2 id="h-other">"Left out " <small>{page.left_out}</small></h2>
                <ul class="list" role="list">{others}</ul>
                {rest}
            </section>
        })}
    }
}

fn counted_runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// Custom state that is not set, as short as the release allows.
fn missing(at: &Ref, release: &Ref) -> impl IntoView + use<> {
    let label = if at.release_ref() == *release { at.subpath().to_owned() } else { at.to_string() };
    view! { <RefLink reference=at.clone() label/> " is not set. " }
}

fn named(run: &Named, word: Word, says: AnyView) -> impl IntoView + use<> {
    let nav = use_nav();
    // An intent is of no release.
    let screen = match run.run.release_number() {
        Some(_) => Screen::Release(run.run.release_ref(), None),
        None => Screen::of(&run.run),
    };
    let name = if run.package.is_empty() { run.run.to_string() } else { run.package.clone() };
    view! {
        <li class=tone(word.tone())>
            <Shape word/>
            <span>
                <span class="sr">{format!("{word}: ")}</span>
                <a href=move || nav.href(screen.clone()) title=run.run.to_string()><b>{name}</b> " " {run.id.clone()}</a>
            </span>
            <span class="dim">{run.place.clone()}</span>
            {says}
        </li>
    }
}
