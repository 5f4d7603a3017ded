//! Release: its phases as a pipeline, what is the matter, and the run that is looked at.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;
use ocuroot_core::Ref;
use ocuroot_core::hosts::stores::Located;
use ocuroot_core::release::ReleaseError;
use ocuroot_core::screens::release::{self as core, Action, Node, Note as Matter, Page, Phase};
use ocuroot_core::screens::{Word, log, titles};
use ocuroot_core::snapshot::Needs;
use ocuroot_core::times;

use crate::browser;
use crate::keys;
use crate::nav::use_nav;
use crate::route::Screen;
use crate::screens::compare::Compare;
use crate::screens::draft;
use crate::screens::log::RunLog;
use crate::screens::run_panel::RunPanel;
use crate::store::{self, Asked, Shown};
use crate::ui::{
    Age, Copy, Elapsed, Icon, Moment, Note, RefLink, Shape, State, Status, Title, shape, tone, unbroken,
};

/// The run that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// `deploy/prod/2`.
    pub fragment: String,
    /// Whether somebody has chosen it; else it is what one should look at first.
    pub by_hand: bool,
}

/// What a run has failed with: lines of its log, from 0, and what they say, the error first. Known once
/// the log is read.
pub type Failure = RwSignal<Vec<(usize, String)>>;

/// What there is to see of it: at first what its package's summary tells.
fn ask(release: &Ref, previewed: bool) -> RwSignal<Asked<Result<Page, ReleaseError>>> {
    let first = {
        let release = release.clone();
        store::ask(move |sight| core::first(sight.snapshot, sight.summaries, &release, sight.facts))
    };
    let whole = {
        let release = release.clone();
        store::ask(move |sight| {
            let page = core::page(sight.snapshot, sight.summaries, &release, sight.facts)?;
            Ok::<_, Needs>(if previewed { page.map(core::preview::page) } else { page })
        })
    };
    let asked = RwSignal::new(whole.get_untracked());
    Effect::new(move |_| {
        let told = match first.get() {
            Asked::Answered(page) => (*page).clone(),
            _ => None,
        };
        asked.set(match (whole.get(), told) {
            (Asked::Waiting(_), Some(page)) => Asked::Answered(Arc::new(Ok(page))),
            (whole, _) => whole,
        });
    });
    asked
}

/// The screen.
#[component]
pub fn Release(
    /// Which one.
    release: Ref,
    /// What it is compared with.
    with: Option<Ref>,
) -> impl IntoView {
    let nav = use_nav();
    let previewed = is_previewed(&release);
    let asked = ask(&release, previewed);
    let page = Memo::new(move |_| match asked.get() {
        Asked::Answered(answer) => answer.as_ref().as_ref().ok().cloned(),
        _ => None,
    });
    let chosen = Memo::new(move |_| {
        let fragment = nav.fragment();
        let (run, _) = log::fragment(&fragment);
        if run.is_empty() {
            let fragment = page.with(|page| page.as_ref()?.focus().map(str::to_owned))?;
            return Some(Chosen { fragment, by_hand: false });
        }
        Some(Chosen { fragment: run.to_owned(), by_hand: true })
    });
    let narrow = browser::narrow();
    let compares = with.is_some();
    let is_sheet = Memo::new(move |_| narrow.get() && chosen.get().is_some_and(|chosen| chosen.by_hand));
    let failure: Failure = RwSignal::new(Vec::new());
    outside_is_inert(is_sheet);
    own_keys(page, chosen);

    let title = {
        let name = release.release().unwrap_or_default().to_owned();
        let package = titles::package(&release.package());
        let what = if previewed { ", a preview" } else { "" };
        Signal::derive(move || format!("{package} {name}{what}"))
    };
    let fragment = Memo::new(move |_| chosen.get().map(|chosen| chosen.fragment));
    // A log is long: it is read when somebody asks for it, or when it says what is wrong.
    let wants_log = Memo::new(move |_| {
        let chosen = chosen.get().filter(|_| !previewed)?;
        let urgent = || {
            page.with(|page| {
                let nodes = page.as_ref().map(|page| page.phases.iter().flat_map(|phase| &phase.nodes));
                let node = nodes?.into_iter().find(|node| node.fragment == chosen.fragment)?;
                Some(matches!(node.word, Word::Failed | Word::Running | Word::Stale))
            })
        };
        (chosen.by_hand || urgent() == Some(true)).then_some(chosen.fragment)
    });
    let log = {
        let release = release.clone();
        move || wants_log.get().map(|fragment| view! { <RunLog release=release.clone() fragment failure/> })
    };
    let panel = {
        let release = release.clone();
        move || fragment.get().map(|fragment| view! { <RunPanel release=release.clone() fragment failure/> })
    };
    let is_there = Memo::new(move |_| !compares && page.with(Option::is_some));
    let below = {
        let log = log.clone();
        move || (is_there.get() && !narrow.get()).then(|| log.clone())
    };
    let aside = move || {
        let (panel, log) = (panel.clone(), log.clone());
        is_there.get().then(move || {
            let within = move || (narrow.get() && is_sheet.get()).then(|| log.clone());
            view! {
                <aside class="side panel" class:open=move || is_sheet.get() aria-label="Run">{panel}{within}</aside>
            }
        })
    };
    let content = {
        let release = release.clone();
        move |answer: Signal<Arc<Result<Page, ReleaseError>>>| {
            let problem = Memo::new(move |_| answer.get().as_ref().as_ref().err().map(ToString::to_string));
            let (release, with) = (release.clone(), with.clone());
            let pipeline = move || {
                is_there.get().then(|| {
                    view! {
                        <Matters page/>
                        <Pipeline page chosen previewed/>
                    }
                })
            };
            view! {
                {move || problem.get().map(|problem| match previewed {
                    true => view! { <NothingToRelease/> }.into_any(),
                    false => view! { <NotThere problem/> }.into_any(),
                })}
                {match with {
                    Some(with) => view! { <Compare release with page/> }.into_any(),
                    None => pipeline().into_any(),
                }}
            }
        }
    };
    view! {
        <Title text=title/>
        <main id="main" class=if compares { "" } else { "split wide" }>
            <div inert=move || is_sheet.get()>
                <Head release=release.clone() page compares previewed/>
                <Shown asked let:answer>{content(answer)}</Shown>
                {below}
            </div>
            {aside}
        </main>
    }
}

/// While a sheet lies over the page, nothing but it can be reached. What the screen does not hold itself
/// is switched off from here.
fn outside_is_inert(is_sheet: Memo<bool>) {
    let set = |inert: bool| {
        if let Ok(Some(bar)) = document().query_selector(".top") {
            let _ = bar.toggle_attribute_with_force("inert", inert);
        }
    };
    Effect::new(move |_| {
        set(is_sheet.get());
        if is_sheet.get_untracked() {
            request_animation_frame(|| {
                browser::focus(".panel h2");
            });
        }
    });
    on_cleanup(move || set(false));
}

/// Keys that the screen has for itself.
fn own_keys(page: Memo<Option<Page>>, chosen: Memo<Option<Chosen>>) {
    let nav = use_nav();
    keys::on_key(move |key| {
        let to = |release: Option<Ref>| {
            let route = release.map(|release| nav.route_now().to(Screen::Release(release, None)));
            route.map(|route| nav.go(&route.to_string())).is_some()
        };
        let by_hand = chosen.get_untracked().filter(|chosen| chosen.by_hand);
        match key {
            "[" => to(page.with_untracked(|page| page.as_ref()?.previous.clone())),
            "]" => to(page.with_untracked(|page| page.as_ref()?.next.clone())),
            "Escape" => by_hand.is_some_and(|chosen| {
                nav.go("#");
                request_animation_frame(move || {
                    browser::focus(&format!("a.node[data-run='{}']", chosen.fragment));
                });
                true
            }),
            "a" => {
                let waits = page.with_untracked(|page| {
                    page.as_ref()?.notes.iter().find_map(|note| match &note.action {
                        Some(Action::Approve(approval)) => draft::approve(nav, &approval.custom),
                        _ => None,
                    })
                });
                waits.map(|href| nav.go(&href)).is_some()
            }
            "y" => {
                let run = browser::focused().and_then(|element| element.get_attribute("data-run"));
                let run = run.or_else(|| by_hand.map(|chosen| chosen.fragment));
                let release = page.with_untracked(|page| page.as_ref().map(|page| page.release.clone()));
                release.is_some_and(|release| {
                    browser::copy(&run.map_or_else(|| release.to_string(), |run| format!("{release}/{run}")));
                    true
                })
            }
            _ => false,
        }
    });
}

/// Which release it is, and the ways to others.
#[component]
fn Head(
    /// As the address names it.
    release: Ref,
    /// The page, once it is there.
    page: Memo<Option<Page>>,
    /// Whether it is being compared.
    compares: bool,
    /// Whether nobody has made it.
    previewed: bool,
) -> impl IntoView {
    let nav = use_nav();
    let package = release.package();
    let name = release.release().unwrap_or_default().to_owned();
    let crumb = {
        let repo = package.repo().unwrap_or_default().to_owned();
        let title = titles::package(&package);
        view! {
            <nav class="crumb" aria-label="Breadcrumb">
                <a href=move || nav.href(Screen::Overview)>"Overview"</a>
                <span>{repo}</span>
                <a href=move || nav.href(Screen::Package(package.clone()))>{title}</a>
            </nav>
        }
    };
    let status = Memo::new(move |_| page.with(|page| page.as_ref().map(|page| page.word)));
    let facts = move || {
        let page = page.get()?;
        let short: String = page.commit.chars().take(7).collect();
        let commit = match page.commit_link {
            Some(link) => {
                view! { <a class="link" href=link rel="noreferrer"><code>{short}</code></a> }.into_any()
            }
            None => view! { <code>{short}</code> }.into_any(),
        };
        let author = (!page.author.is_empty()).then(|| format!(" by {}", page.author));
        let tags = page.tags.into_iter().map(|tag| view! { <span class="tag">{tag}</span> }).collect_view();
        let live = (!page.live_in.is_empty()).then(|| {
            let places = page.live_in.into_iter().enumerate().map(|(index, name)| {
                let to = Screen::Environment(name.clone(), None);
                let comma = if index > 0 { ", " } else { "" };
                view! { {comma}<a href=move || nav.href(to.clone())>{name}</a> }
            });
            view! { <span>"Live in " {places.collect_view()}</span> }
        });
        let made = (!page.time.is_empty()).then(|| {
            view! { <span><Moment time=page.time.clone()/>", "<Age time=page.time.clone()/>" ago"</span> }
        });
        Some(view! {
            <p class="meta">
                <span>{page.subject}</span>
                <span>{commit}{author}</span>
                {made}
                {live}
                {tags}
            </p>
        })
    };
    let ways = move || {
        let page = page.get()?;
        let sibling = |release: Option<Ref>, next: bool| {
            release.map(|release| {
                let name = release.release().unwrap_or_default().to_owned();
                let to = Screen::Release(release, None);
                let href = move || nav.href(to.clone());
                if next {
                    view! {
                        <a class="btn bare" href=href>
                            <span class="sr">"Next release, "</span>{name}<Icon name="chev"/>
                        </a>
                    }
                    .into_any()
                } else {
                    view! {
                        <a class="btn bare" href=href>
                            <span class="sr">"Previous release, "</span><Icon name="chev" class="bk"/>{name}
                        </a>
                    }
                    .into_any()
                }
            })
        };
        let other = page.previous.clone().or_else(|| page.others.first().cloned());
        let release = page.release.clone();
        let compare = match (compares, other) {
            (true, _) => Some(("Pipeline", Screen::Release(release, None))),
            (false, Some(other)) => Some(("Compare", Screen::Release(release, Some(other)))),
            (false, None) => None,
        };
        let compare = compare.map(|(label, to)| {
            view! { <a class="btn" href=move || nav.href(to.clone())>{label}</a> }
        });
        Some(view! {
            <div class="row">
                {sibling(page.previous, false)}
                {sibling(page.next, true)}
                {compare}
                {(nav.route().at.is_none() && !previewed).then(|| view! { <a class="btn" href=move || nav.href(Screen::Draft)>"Deploy to"</a> })}
            </div>
        })
    };
    view! {
        <header class="head">
            {crumb}
            <h1 tabindex="-1">
                <span class="row">{name}" "{move || status.get().map(|word| match previewed {
                    true => view! { <span class="st you">"preview"</span> }.into_any(),
                    false => view! { <Status word/> }.into_any(),
                })}</span>
            </h1>
            {facts}
            {ways}
        </header>
    }
}

/// Whether a release is what `ocuroot preview` shows.
pub fn is_previewed(release: &Ref) -> bool {
    use_context::<Located>().is_some_and(|located| located.preview.as_ref() == Some(release))
}

/// A file that makes no release.
#[component]
fn NothingToRelease() -> impl IntoView {
    let nav = use_nav();
    view! {
        <State icon="pend" title="Nothing would be released">
            <p>"The file names no phase, task or deployment. One that declares environments sets those."</p>
            <p class="row"><a class="btn" href=move || nav.href(Screen::Environments)>"Environments"</a></p>
        </State>
    }
}

/// There is no such release.
#[component]
fn NotThere(
    /// Why.
    problem: String,
) -> impl IntoView {
    let nav = use_nav();
    let package = move || match nav.route().screen {
        Screen::Release(release, _) => nav.href(Screen::Package(release.package())),
        _ => nav.href(Screen::Overview),
    };
    view! {
        <State icon="search" title="This release cannot be shown">
            <p role="alert">{problem}"."</p>
            <p class="row"><a class="btn" href=package>"Releases of this package"</a></p>
        </State>
    }
}

/// What is the matter.
#[component]
fn Matters(
    /// The page.
    page: Memo<Option<Page>>,
) -> impl IntoView {
    let notes = Memo::new(move |_| {
        page.with(|page| page.as_ref().map(|page| page.notes.clone()).unwrap_or_default())
    });
    move || {
        let notes = notes.get();
        (!notes.is_empty()).then(|| {
            let notes = notes.into_iter().map(|note| view! { <Line note/> }).collect_view();
            view! { <section aria-label="Why it does not go on">{notes}</section> }
        })
    }
}

#[component]
fn Line(
    /// What it says.
    note: Matter,
) -> impl IntoView {
    let nav = use_nav();
    let missing = note.missing.clone().map(|missing| {
        let label = missing.subpath().to_owned();
        view! { <RefLink reference=missing label=format!("custom/{label}")/>" is not set. " }
    });
    let action = note.action.clone().map(|action| match action {
        Action::Look(fragment) => {
            view! { <a class="btn" href=format!("#{fragment}")>"See the run"</a> }.into_any()
        }
        Action::Approve(approval) => draft::approve(nav, &approval.custom)
            .map(|href| {
                view! {
                    <a class="btn you" href=href>"Approve"</a>
                    <Copy text=approval.command label="Copy command"/>
                }
            })
            .into_any(),
        Action::Command(command) => view! {
            <span class="row"><code>{command.clone()}</code><Copy text=command/></span>
        }
        .into_any(),
    });
    view! {
        <Note icon=shape(note.word) tone=tone(note.tone())>
            <p><b>{note.lead.clone()}</b>" "{missing}{note.text.clone()}</p>
            {action}
        </Note>
    }
}

/// Phases as columns: all of one before any of the next.
#[component]
fn Pipeline(
    /// The page.
    page: Memo<Option<Page>>,
    /// What is looked at.
    chosen: Memo<Option<Chosen>>,
    /// Whether nobody has made it.
    previewed: bool,
) -> impl IntoView {
    let phases = Memo::new(move |_| {
        page.with(|page| page.as_ref().map(|page| page.phases.clone()).unwrap_or_default())
    });
    let flow = NodeRef::<leptos::html::Div>::new();
    // Whoever is in the pipeline stays where they are when it is drawn anew.
    Effect::new(move |before: Option<()>| {
        phases.track();
        let within = browser::focused().and_then(|element| element.get_attribute("data-at"));
        if before.is_some()
            && let Some(at) = within
        {
            request_animation_frame(move || {
                browser::focus(&format!("a.node[data-at='{at}']"));
            });
        }
    });
    let step = move |event: web_sys::KeyboardEvent| {
        let at = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let at = at.and_then(|element| element.get_attribute("data-at"));
        let from = at.as_deref().and_then(|at| at.split_once('-'));
        let Some((Ok(phase), Ok(node))) = from.map(|(phase, node)| (phase.parse(), node.parse())) else {
            return;
        };
        let to = page.with_untracked(|page| page.as_ref()?.step((phase, node), &event.key()));
        if let Some((phase, node)) = to {
            event.prevent_default();
            browser::focus(&format!("a.node[data-at='{phase}-{node}']"));
        }
    };
    let columns = move || {
        let phases = phases.get();
        let columns = phases
            .into_iter()
            .enumerate()
            .map(|(index, phase)| view! { <Column index phase chosen previewed/> });
        columns.collect_view()
    };
    let is_empty = move || phases.with(Vec::is_empty) && page.with(Option::is_some);
    view! {
        <section aria-labelledby="h-flow">
            <h2 id="h-flow" class="sr">"Pipeline"</h2>
            <div class="flow" node_ref=flow on:keydown=step>{columns}</div>
            <Show when=is_empty>
                <State icon="pend" title="Nothing to do in this release">
                    <p>"Its file names no task, and no environment that is there to deploy to."</p>
                </State>
            </Show>
        </section>
    }
}

#[component]
fn Column(
    /// Which.
    index: usize,
    /// What is in it.
    phase: Phase,
    /// What is looked at.
    chosen: Memo<Option<Chosen>>,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let shut = RwSignal::new(phase.quiet);
    let narrow = browser::narrow();
    let label = format!("Phase {}, {}", phase.number, phase.name);
    let took = phase.took.map(|took| unbroken(&times::duration(took)));
    let nodes = phase
        .nodes
        .into_iter()
        .enumerate()
        .map(|(at, node)| view! { <Work at=(index, at) number=phase.number node chosen previewed/> });
    let nodes = nodes.collect_view();
    // On a phone what is of no interest is folded to one line.
    let heading = move || {
        if narrow.get() && phase.quiet {
            view! {
                <button
                    type="button"
                    class="fold"
                    aria-expanded=move || (!shut.get()).to_string()
                    on:click=move |_| shut.update(|shut| *shut = !*shut)
                >
                    <small>{phase.number}</small>" "{phase.name.clone()}
                </button>
            }
            .into_any()
        } else {
            view! { <span><small>{phase.number}</small>" "{phase.name.clone()}</span> }.into_any()
        }
    };
    view! {
        <section class="ph" class:shut=move || shut.get() aria-label=label>
            <h3>
                {heading}
                <small><span class="n">{phase.count.clone()}" "</span>{took}</small>
            </h3>
            <ul role="list">{nodes}</ul>
        </section>
    }
}

#[component]
fn Work(
    /// Its phase, and its place in it.
    at: (usize, usize),
    /// The number of its phase.
    number: usize,
    /// What it is.
    node: Node,
    /// What is looked at.
    chosen: Memo<Option<Chosen>>,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let fragment = node.fragment.clone();
    let is_chosen = {
        let node = node.clone();
        Memo::new(move |_| {
            chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| node.is_named(&chosen.fragment)))
        })
    };
    let word = if previewed { "would run".to_owned() } else { node.word.to_string() };
    let beside = match &node.started {
        _ if previewed => core::preview::when(number).into_any(),
        Some(since) if node.word == Word::Running => {
            view! { <Elapsed since=since.clone() usual=node.usual/> }.into_any()
        }
        _ => node.measure(&browser::now()).into_any(),
    };
    view! {
        <li>
            <a
                class=format!("btn node {}", tone(node.word.tone()))
                href=format!("#{fragment}")
                data-run=fragment
                data-at=format!("{}-{}", at.0, at.1)
                aria-current=move || is_chosen.get().then_some("true")
                title=node.name.clone()
            >
                <Shape word=node.word/>
                <span class="cut">{node.name.clone()}</span>
                <span class="sr">{format!(" {word} ")}</span>
                <small>{beside}</small>
            </a>
        </li>
    }
}
