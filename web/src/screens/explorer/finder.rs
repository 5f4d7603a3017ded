//! The field, and the list of what it finds.
//!
//! A pattern is matched in slices of a few milliseconds, so that the page answers meanwhile, and what is
//! found so far is drawn after each. Only the rows that are seen are in the page.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::web_sys;
use ocuroot_core::hosts::Commit;
use ocuroot_core::screens::Word;
use ocuroot_core::screens::environments;
use ocuroot_core::screens::explorer::{self, Row, Rows};
use ocuroot_core::screens::search::{self, Hit, HitKind, Seen, Target};
use ocuroot_core::snapshot::{Found, Matches, Needs, Paths, Snapshot};
use ocuroot_core::{Marker, Ref};

use super::tree::Tree;
use super::{href, spelled};
use crate::nav::use_nav;
use crate::reading::{Freshness, Progress, ReadProblem};
use crate::route::Screen;
use crate::store::{self, Asked, Sight, Store, use_store};
use crate::travel::Travels;
use crate::ui::{Icon, Problem, Shape, State, thousands, tone};
use crate::{browser, keys};

/// How many folders are looked at between two looks at the clock.
const STEP: usize = 1000;
/// How long one searches before the letter that was typed is drawn, in milliseconds: enough for all there is
/// where a pattern is narrow, which is drawn once then, with the letter; and short beside a frame.
const FIRST: f64 = 6.0;
/// The height of a row, in pixels, as in the style sheet.
const ROW: usize = 28;
/// As many things are named that a text may mean.
const HITS: usize = 8;

/// How far the search is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// There is nothing to look for.
    Idle,
    /// It goes on.
    Searching,
    /// More has to be read first.
    Reading(Progress),
    /// Somebody has stopped it.
    Stopped,
    /// That is all; how long it took, in milliseconds.
    All(u32),
    /// It cannot go on.
    Failed(ReadProblem),
    /// The pattern is none.
    Wrong(String),
}

/// A search that can be watched.
#[derive(Clone, Copy)]
struct Search {
    store: Store,
    matches: StoredValue<Option<Matches>>,
    rows: StoredValue<Rows>,
    stage: RwSignal<Stage>,
    /// Grows with what is found.
    found: RwSignal<usize>,
    newest: StoredValue<u64>,
}

impl Search {
    fn new() -> Search {
        Search {
            store: use_store(),
            matches: StoredValue::new(None),
            rows: StoredValue::new(Rows::default()),
            stage: RwSignal::new(Stage::Idle),
            found: RwSignal::new(0),
            newest: StoredValue::new(0),
        }
    }

    /// Ends whatever goes on.
    fn stop(self, stage: Stage) -> u64 {
        let mine = self.newest.get_value() + 1;
        self.newest.set_value(mine);
        self.stage.set(stage);
        mine
    }

    fn start(self, side: Marker, text: &str) {
        let glob = match search::pattern(text) {
            Ok(glob) => glob,
            Err(error) => {
                self.stop(Stage::Wrong(error.to_string()));
                return;
            }
        };
        let began = js_sys::Date::now();
        self.matches.update_value(|matches| match matches {
            Some(matches) => matches.instead(side, &glob),
            None => *matches = Some(Matches::new(side, &glob)),
        });
        // The first slice is now: what it finds is drawn with the letter that was typed, and mostly it is all.
        let mut found = self.slice(FIRST);
        if found == Some(Found::All) {
            self.stop(Stage::All(since(began)));
            return;
        }
        let mine = self.stop(Stage::Searching);
        spawn_local(async move {
            let mut before = None;
            let mut is_drawn = false;
            loop {
                match found {
                    // What comes next would be done before the letter and what it finds are drawn.
                    Some(Found::More) if !is_drawn => {
                        is_drawn = true;
                        browser::painted().await;
                    }
                    Some(Found::More) => browser::turn().await,
                    Some(Found::Needs(needs)) => {
                        if before.as_ref() == Some(&needs) {
                            let _ = self.stage.try_set(Stage::Failed(ReadProblem::stuck(&needs)));
                            return;
                        }
                        let reading = self.store.reading();
                        let tell = move |progress| {
                            if self.newest.try_get_value() == Some(mine) {
                                let _ = self.stage.try_set(Stage::Reading(progress));
                            }
                        };
                        let loaded = reading.load(&needs, &tell).await;
                        if self.newest.try_get_value() != Some(mine) {
                            return;
                        }
                        if let Err(problem) = loaded {
                            let _ = self.stage.try_set(Stage::Failed(problem));
                            return;
                        }
                        before = Some(needs);
                        let _ = self.matches.try_update_value(|matches| {
                            matches.iter_mut().for_each(Matches::restart);
                        });
                    }
                    Some(Found::All) => {
                        let _ = self.stage.try_set(Stage::All(since(began)));
                        return;
                    }
                    None => return,
                }
                if self.newest.try_get_value() != Some(mine) {
                    return;
                }
                found = self.slice(browser::SLICE);
            }
        });
    }

    /// Matches for a while. None when the list is gone.
    fn slice(self, milliseconds: f64) -> Option<Found> {
        let reading = self.store.reading();
        let found = self.matches.try_update_value(|matches| {
            let matches = matches.as_mut()?;
            Some(reading.look(|snapshot, _| {
                let all = browser::slice(milliseconds, || {
                    Some(matches.resume(snapshot, STEP)).filter(|found| *found != Found::More)
                });
                all.unwrap_or(Found::More)
            }))
        })??;
        let count = self.matches.try_with_value(|matches| {
            let paths = matches.as_ref()?.paths();
            self.rows.try_update_value(|rows| rows.follow(paths));
            Some(paths.len())
        })??;
        let _ = self.found.try_set(count);
        Some(found)
    }

    /// Looks at what is found.
    fn look<T>(self, look: impl FnOnce(&Rows, &Paths) -> T) -> Option<T> {
        self.matches.with_value(|matches| {
            let paths = matches.as_ref()?.paths();
            Some(self.rows.with_value(|rows| look(rows, paths)))
        })
    }
}

/// How long it is since then, in milliseconds.
fn since(began: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
    let took = (js_sys::Date::now() - began).max(0.0) as u32;
    took
}

/// The field and what it finds.
#[component]
pub fn Finder(
    /// The document that is shown beside.
    reference: Memo<Option<Ref>>,
) -> impl IntoView {
    let nav = use_nav();
    let search = Search::new();
    let text = Memo::new(move |_| nav.param("q"));
    let entered = RwSignal::new(false);
    let is_plain =
        Memo::new(move |_| text.with(|text| !text.contains(['*', '?', '[', '{']) && !text.trim().is_empty()));
    // What the host is asked for is asked for with the first look at the field, and no letter waits for it.
    let names = store::ask(move |sight: &Sight<'_>| {
        if !(entered.get() || is_plain.get()) {
            return Ok(Vec::new());
        }
        let names = environments::all(sight.snapshot)?;
        Ok::<_, Needs>(names.iter().map(|at| at.subpath().to_owned()).collect())
    });
    let chosen = Memo::new(move |_| nav.param("in") == "intent");
    let as_tree = Memo::new(move |_| nav.param("as") == "tree" || text.get().trim().is_empty());
    let side = Memo::new(move |_| {
        let typed = search::pattern(&text.get()).is_ok_and(|glob| glob.is_intent());
        if typed || chosen.get() { Marker::Intent } else { Marker::State }
    });
    let freshness = search.store.reading().freshness();
    let head = Memo::new(move |_| {
        let freshness = freshness.get();
        (freshness.state.map(|commit| commit.id), freshness.intent.map(|commit| commit.id))
    });
    Effect::new(move |_| {
        head.track();
        let (text, side, tree) = (text.get(), side.get(), as_tree.get());
        if tree {
            search.stop(Stage::Idle);
        } else {
            search.start(side, &text);
        }
    });
    on_cleanup(move || {
        search.newest.try_update_value(|newest| *newest += 1);
    });
    let status = move || match search.stage.get() {
        Stage::Idle => String::new(),
        Stage::Searching => format!("{} refs so far", thousands(search.found.get())),
        Stage::Reading(progress) if progress.what.is_empty() => "Reading".to_owned(),
        Stage::Reading(progress) => progress.what,
        Stage::Stopped => format!("{} refs, stopped", thousands(search.found.get())),
        Stage::All(took) => format!("{} refs, {took}\u{a0}ms", thousands(search.found.get())),
        Stage::Failed(_) => "Not finished".to_owned(),
        Stage::Wrong(_) => "Not a pattern".to_owned(),
    };
    let under_way = move || matches!(search.stage.get(), Stage::Searching | Stage::Reading(_));
    let toggle = move |name: &'static str, value: &'static str, on: Signal<bool>, label: &'static str| {
        view! {
            <button
                type="button"
                class="btn sm"
                aria-pressed=move || on.get().to_string()
                on:click=move |_| nav.set_param(name, value)
            >
                {label}
            </button>
        }
    };
    // Whether a text means something, whatever it is a part of.
    let meant = RwSignal::new(false);
    let intent = Signal::derive(move || side.get() == Marker::Intent);
    let state = Signal::derive(move || side.get() == Marker::State);
    let tree = Signal::derive(move || as_tree.get());
    let list = Signal::derive(move || !as_tree.get());
    let typed = move |event| nav.set_param("q", &event_target_value(&event));
    let heading = move || match reference.get() {
        Some(_) => view! { <h2 class="sr">"Explorer"</h2> }.into_any(),
        None => view! { <h1 class="sr" tabindex="-1">"Explorer"</h1> }.into_any(),
    };
    let to_list = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "ArrowDown" => {
            event.prevent_default();
            browser::focus(".finder [data-row][tabindex='0']");
        }
        "Escape" => nav.set_param("q", ""),
        _ => {}
    };
    let problem = move || {
        match search.stage.get() {
        Stage::Failed(problem) => Some(view! { <Problem problem/> }.into_any()),
        Stage::Wrong(why) => Some(
            view! { <State icon="fail" tone="bad" title="This is not a pattern"><p role="alert">{why}</p></State> }.into_any(),
        ),
        _ => None,
    }
    };
    let start = Memo::new(move |_| {
        let prefix = search::pattern(&text.get()).map(|glob| glob.to_state().literal_prefix().to_owned());
        let prefix = prefix.unwrap_or_default();
        prefix.rfind('/').and_then(|end| prefix.get(..end)).unwrap_or("").to_owned()
    });
    view! {
        <section class="finder" aria-label="Find documents">
            <div class="sec">
                {heading}
                <label class="in">
                    <Icon name="search"/>
                    <span class="sr">"Search, or glob over refs"</span>
                    <input
                        type="search"
                        data-search=""
                        placeholder="checkout, r142, 7be91d4, **/@/deploy/*"
                        spellcheck="false"
                        autocapitalize="off"
                        prop:value=move || text.get()
                        on:focus=move |_| entered.set(true)
                        on:input=typed
                        on:keydown=to_list
                    />
                </label>
                <p class="row">
                    <span class="dim" role="status">{status}</span>
                    {move || under_way().then(|| view! {
                        <button type="button" class="btn sm" on:click=move |_| { search.stop(Stage::Stopped); }>"Stop"</button>
                    })}
                    <span class="seg end" role="group" aria-label="Store">
                        {toggle("in", "", state, "State")}
                        {toggle("in", "intent", intent, "Intent")}
                    </span>
                    <span class="seg" role="group" aria-label="Layout">
                        {toggle("as", "", list, "List")}
                        {toggle("as", "tree", tree, "Tree")}
                    </span>
                </p>
                {move || match search.stage.get() {
                    Stage::Reading(progress) => progress.of.filter(|of| *of > 0).map(|of| view! {
                        <progress value=progress.done.to_string() max=of.to_string() aria-label="How much is read"></progress>
                    }),
                    _ => None,
                }}
            </div>
            {move || match as_tree.get() {
                true => view! { <div class="scroll"><Tree side=side.get() start=start.get() reference/></div> }.into_any(),
                false => view! {
                    <div class="found">
                        <Meant text is_plain names meant/>
                        {problem}
                        <List search side reference meant/>
                    </div>
                }
                .into_any(),
            }}
        </section>
    }
}

/// What a text may mean, besides a part of a ref. Tells whether there is anything.
#[component]
fn Meant(
    text: Memo<String>,
    /// Whether it may mean something.
    is_plain: Memo<bool>,
    /// The environments, once they are known.
    names: RwSignal<Asked<Vec<String>>>,
    /// Whether there is anything.
    meant: RwSignal<bool>,
) -> impl IntoView {
    let nav = use_nav();
    let hits = store::ask(move |sight: &Sight<'_>| {
        if !is_plain.get() {
            return Ok(Vec::new());
        }
        let names = match names.get() {
            Asked::Answered(names) => names,
            _ => Arc::default(),
        };
        let none = BTreeMap::new();
        Ok::<_, Needs>(search::search(&text.get(), sight.summaries.unwrap_or(&none), &names, HITS))
    });
    let travel = expect_context::<Travels>().travel();
    let freshness = use_store().reading().freshness();
    let commits = move |else_found: bool| {
        let Freshness { state, intent, .. } = freshness.get();
        travel.with(|travel| {
            let known = travel.commits();
            let state = state.filter(|state| !known.iter().any(|commit| commit.id == state.id));
            let state: Vec<Commit> = state.into_iter().chain(known.iter().cloned()).collect();
            search::commits(&text.get(), Seen { state: &state, intent: intent.as_ref() }, else_found)
        })
    };
    let row = move |hit: &Hit| {
        let icon = match hit.kind {
            HitKind::Package => "grid",
            HitKind::Environment => "env",
            HitKind::Release => "plan",
            HitKind::Ref => "tree",
            HitKind::Commit => "wait",
        };
        let target = hit.target.clone();
        let title = match &target {
            Target::Ref(reference) => reference.to_string(),
            Target::At(commit) => format!("Every screen as of state commit {commit}"),
            Target::Intent => "Intent beside state".to_owned(),
        };
        let href = move || match &target {
            Target::Ref(reference) => nav.href(Screen::of(reference)),
            Target::At(commit) => nav.route().to(Screen::Overview).at(Some(commit.clone())).to_string(),
            Target::Intent => nav.href(Screen::Diff),
        };
        view! {
            <li>
                <Icon name=icon/>
                <a href=href title=title><b>{hit.title.clone()}</b></a>
                <span class="dim cut">{hit.detail.clone()}</span>
            </li>
        }
    };
    let found = Memo::new(move |_| {
        let hits = hits.get();
        let named = match &hits {
            Asked::Answered(hits) => hits.as_slice(),
            _ => &[],
        };
        let is_known = matches!(hits, Asked::Answered(_));
        let mut found = commits(!is_known || !named.is_empty());
        found.extend(named.iter().cloned());
        found.truncate(HITS);
        found
    });
    Effect::new(move |_| meant.set(found.with(|found| !found.is_empty())));
    move || {
        let found = found.get();
        (!found.is_empty()).then(|| {
            let rows = found.iter().map(row).collect_view();
            view! { <ul class="list meant" role="list" aria-label="Best matches">{rows}</ul> }
        })
    }
}

/// The rows that are seen, of any number.
#[component]
fn List(
    search: Search,
    side: Memo<Marker>,
    reference: Memo<Option<Ref>>,
    meant: RwSignal<bool>,
) -> impl IntoView {
    let nav = use_nav();
    let scrolled = RwSignal::new(0_usize);
    // No more than this; to measure it before anything is drawn would have all of it laid out twice.
    let fits = RwSignal::new(browser::height());
    let active = RwSignal::new(1_usize);
    let pane = NodeRef::<leptos::html::Div>::new();
    let measure = move || {
        if let Some(pane) = pane.get_untracked() {
            fits.set(usize::try_from(pane.client_height()).unwrap_or(0));
            scrolled.set(usize::try_from(pane.scroll_top()).unwrap_or(0));
        }
    };
    let resized = window_event_listener(leptos::ev::resize, move |_| measure());
    on_cleanup(move || resized.remove());
    let count = move || {
        search.found.track();
        search.rows.with_value(Rows::len)
    };
    let window = Memo::new(move |_| {
        search.found.track();
        search.rows.with_value(|rows| rows.in_sight(ROW, scrolled.get(), fits.get()))
    });
    // A row is a group's name or a ref; one goes from ref to ref.
    let go = move |to: usize, down: bool| {
        let last = count().saturating_sub(1);
        let is_ref = |index: usize| {
            search.look(|rows, paths| matches!(rows.at(paths, index), Some(Row::Ref { .. }))) == Some(true)
        };
        let mut to = to.min(last);
        if !is_ref(to) {
            to = if down || to == 0 { (to + 1).min(last) } else { to - 1 };
        }
        active.set(to);
        if let Some(pane) = pane.get_untracked() {
            let (top, height) = (pane.scroll_top(), pane.client_height());
            let (row, size) = (i32::try_from(to * ROW).unwrap_or(i32::MAX), i32::try_from(ROW).unwrap_or(28));
            if row < top {
                pane.set_scroll_top((row - size).max(0));
            } else if row + size > top + height {
                pane.set_scroll_top(row + size - height);
            }
        }
        request_animation_frame(move || {
            request_animation_frame(move || {
                browser::focus(&format!("[data-row='{to}']"));
            });
        });
    };
    let keyed = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        measure();
        let (at, page) = (active.get_untracked(), (fits.get_untracked() / ROW).saturating_sub(1).max(1));
        match event.key().as_str() {
            "ArrowDown" => go(at + 1, true),
            "ArrowUp" if at <= 1 => drop(browser::focus("[data-search]")),
            "ArrowUp" => go(at - 1, false),
            "PageDown" => go(at + page, true),
            "PageUp" => go(at.saturating_sub(page), false),
            "Home" => go(0, true),
            "End" => go(usize::MAX, false),
            _ => return,
        }
        event.prevent_default();
    };
    // `y` copies the ref that has the focus.
    keys::on_key(move |key| {
        let focused = document().active_element().and_then(|element| element.get_attribute("data-ref"));
        match (key, focused) {
            ("y", Some(reference)) => {
                browser::copy(&reference);
                true
            }
            _ => false,
        }
    });
    // While a search goes on the rows in sight stay: those are not drawn anew.
    let shown = Memo::new(move |_| {
        search.found.track();
        let (window, side) = (window.get(), side.get());
        let drawn = |snapshot: &Snapshot, row: Row<'_>| match row {
            Row::Group("") => Drawn::Group("Of no package".to_owned()),
            Row::Group(name) => Drawn::Group(name.to_owned()),
            Row::Ref { path, rest } => match spelled(side, path) {
                Some(at) => {
                    let word = explorer::word(snapshot, &at);
                    Drawn::Ref { at, rest: rest.to_owned(), word }
                }
                None => Drawn::Odd(path.to_owned()),
            },
        };
        let rows = search.store.reading().look(|snapshot, _| {
            search.look(|rows, paths| {
                let row = |index: usize| Some((index, drawn(snapshot, rows.at(paths, index)?)));
                window.filter_map(row).collect::<Vec<_>>()
            })
        });
        rows.unwrap_or_default()
    });
    let rows = move || {
        let here = reference.get();
        let active = active.get();
        shown.with(|rows| {
            let rows = rows.iter().map(|(index, row)| match row {
                Drawn::Group(name) => {
                    view! { <li class="grp" title=name.clone()><span class="cut">{name.clone()}</span></li> }
                        .into_any()
                }
                Drawn::Ref { at, rest, word } => {
                    one(*index, at, rest, *word, here.as_ref() == Some(at), *index == active).into_any()
                }
                Drawn::Odd(path) => view! { <li><span></span><code>{path.clone()}</code></li> }.into_any(),
            });
            rows.collect_view()
        })
    };
    let empty = move || {
        let all = matches!(search.stage.get(), Stage::All(_)) && search.found.get() == 0;
        let title = || format!("No ref matches “{}”", nav.param("q"));
        if all && meant.get() {
            return Some(view! { <p class="sec dim">{title()} "."</p> }.into_any());
        }
        all.then(|| {
            view! {
                <State icon="search" title=title()>
                    <p>"A pattern has to match a whole ref: " <code>"**"</code> " stands for any text, " <code>"*"</code> " for any without a slash."</p>
                </State>
            }
            .into_any()
        })
    };
    let above = move || format!("{}px", window.get().start * ROW);
    let height = move || format!("{}px", count() * ROW);
    view! {
        {empty}
        <div class="scroll vlist" node_ref=pane on:scroll=move |_| measure() on:keydown=keyed>
            <ul class="list refs" role="list" aria-label="Refs" style:height=height style:padding-top=above>{rows}</ul>
        </div>
    }
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
enum Drawn {
    Group(String),
    Ref {
        at: Ref,
        rest: String,
        word: Option<Word>,
    },
    /// A path that is no ref.
    Odd(String),
}

/// A ref.
fn one(
    index: usize,
    at: &Ref,
    rest: &str,
    word: Option<Word>,
    on: bool,
    active: bool,
) -> impl IntoView + use<> {
    let nav = use_nav();
    let class = word.map_or("", |word| tone(word.tone()));
    let shape = match word {
        Some(word) => view! { <Shape word/> }.into_any(),
        None => view! { <span></span> }.into_any(),
    };
    let said = word.map(|word| view! { <span class="sr">", " {word.to_string()}</span> });
    let rest = if at.marker() == Some(Marker::Intent) { rest.replacen('@', "+", 1) } else { rest.to_owned() };
    let (text, target) = (at.to_string(), at.clone());
    view! {
        <li class=class data-on=on.then_some("")>
            {shape}
            <a
                class="cut"
                href=move || href(nav, target.clone())
                title=text.clone()
                data-row=index.to_string()
                data-ref=text.clone()
                tabindex=if active { "0" } else { "-1" }
                aria-current=on.then_some("true")
            >
                <code>{rest}</code>
                {said}
            </a>
        </li>
    }
}
