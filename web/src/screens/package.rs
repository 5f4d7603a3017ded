//! Package: its releases, and which was live where, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use ocuroot_core::Ref;
use ocuroot_core::screens::package::{
    self, Failure, Lane, LaneNow, PackagePage, ReleaseRow, Search, Segment, Step, Timeline,
};
use ocuroot_core::screens::{Depth, Standing, Word, titles};
use ocuroot_core::times;

use super::matrix::{Middle, approve_href, run_href};
use super::says::Says;
use crate::browser;
use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::store::{self, Asked, Shown};
use crate::ui::{Age, Breakable, Icon, Note, State, Status, Title, shape, tone, unbroken};

/// Older releases that are shown at a time.
const MORE: usize = 50;

/// Environments that are named where a release is live in many.
const NAMED: usize = 3;

/// What a length of the lanes is called; all that is known where there is none.
fn length(days: Option<u64>) -> String {
    match days {
        None => "All".to_owned(),
        Some(1) => "24 h".to_owned(),
        Some(365) => "1 year".to_owned(),
        Some(days) => format!("{days} days"),
    }
}

/// The screen.
#[component]
pub fn Package(
    /// Which one.
    package: Ref,
) -> impl IntoView {
    let name = titles::package(&package);
    let about = package.clone();
    let first = store::ask(move |sight| {
        package::page(sight.snapshot, sight.summaries, &about, sight.facts, Depth::First)
    });
    let drawn = Memo::new(move |_| first.with(|first| matches!(first, Asked::Answered(_))));
    let about = package.clone();
    let whole = store::ask(move |sight| {
        if !drawn.get() {
            return Ok(None);
        }
        let page = package::page(sight.snapshot, sight.summaries, &about, sight.facts, Depth::Whole)?;
        Ok(Some(Arc::new(page)))
    });
    let asked = RwSignal::new(first.get_untracked());
    Effect::new(move |_| {
        let whole = whole.with(|whole| match whole {
            Asked::Answered(page) => (**page).clone(),
            _ => None,
        });
        asked.set(whole.map_or_else(|| first.get(), Asked::Answered));
    });
    view! {
        <Title text=name.clone()/>
        <Shown asked=asked heading=name.clone() let:page>
            <Body page package=package.clone() name=name.clone()/>
        </Shown>
    }
}

#[component]
fn Body(
    /// What there is; none where the package has no release.
    page: Signal<Arc<Option<PackagePage>>>,
    /// Which one.
    package: Ref,
    /// What it is called.
    name: String,
) -> impl IntoView {
    let nav = use_nav();
    let there = Memo::new(move |_| page.with(|page| page.is_some()));
    move || {
        let package = package.clone();
        if there.get() {
            return view! { <Known page package/> }.into_any();
        }
        view! {
            <main id="main">
                <header class="head"><h1 tabindex="-1">{name.clone()}</h1></header>
                <State icon="search" title="This package has no release">
                    <p><span class="ref"><Breakable text=package.to_string()/></span></p>
                    <p class="row"><a class="btn" href=move || nav.href(Screen::Overview)>"Overview"</a></p>
                </State>
            </main>
        }
        .into_any()
    }
}

#[component]
fn Known(
    /// What there is.
    page: Signal<Arc<Option<PackagePage>>>,
    /// Which one.
    package: Ref,
) -> impl IntoView {
    let nav = use_nav();
    let of = move |choose: fn(&PackagePage) -> String| {
        move || page.with(|page| (**page).as_ref().map(choose).unwrap_or_default())
    };
    let notes = Memo::new(move |_| {
        page.with(|page| (**page).as_ref().map(|page| page.notes.clone()).unwrap_or_default())
    });
    let in_repo = {
        let package = package.clone();
        move || {
            let repo = package.repo().unwrap_or_default().to_owned();
            let home = nav.href(Screen::Overview);
            view! {
                <nav class="crumb" aria-label="Breadcrumb"><a href=home>"Overview"</a><span>{repo}</span></nav>
            }
        }
    };
    // Loaded after the page: when each of its newest releases was deployed.
    let asked = store::ask(move |sight| {
        let page = page.get();
        let rows = (*page).as_ref().map(|page| page.releases.clone()).unwrap_or_default();
        package::timeline(sight.snapshot, &rows)
    });
    let past = Memo::new(move |_| match asked.get() {
        Asked::Answered(past) => Some((*past).clone()),
        _ => None,
    });
    let usual = move || {
        let usual = past.with(|past| past.as_ref()?.usual)?;
        let usual = unbroken(&times::duration(usual));
        Some(view! { <span>{format!("usually {usual} from commit to the last environment")}</span> })
    };
    let history = nav.route_now().to(Screen::Explorer(Some(package.clone()))).to_string();
    view! {
        <main id="main">
            <header class="head">
                {in_repo}
                <h1 tabindex="-1">{of(|page| page.name.clone())}</h1>
                <p class="meta">
                    <span class="ref"><Breakable text=package.to_string()/></span>
                    <span>{of(|page| counted(page.count))}</span>
                    {usual}
                </p>
                <div class="row"><a class="btn" href=history>"Documents"</a></div>
            </header>
            {move || notes.get().into_iter().map(|standing| view! { <About standing/> }).collect_view()}
            <Lanes page past/>
            <Releases page past package/>
        </main>
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 release".to_owned() } else { format!("{count} releases") }
}

/// What is broken, or needs a person.
#[component]
fn About(
    /// That.
    standing: Standing,
) -> impl IntoView {
    let nav = use_nav();
    let word = standing.word;
    let place = if standing.deploy { "to" } else { "in" };
    let title = match word {
        Word::Failed => {
            format!("{} failed {} {}", standing.id, if standing.deploy { "in" } else { place }, standing.name)
        }
        Word::NeedsApproval => format!("{} needs an approval before {}", standing.id, standing.name),
        word => format!("{} {} {word}", standing.id, standing.name),
    };
    let says = (!standing.says.is_empty()).then(|| view! { ", "<Says sentence=standing.says.clone()/> });
    let action = match approve_href(nav, &standing) {
        Some(href) => {
            view! { <a class="btn you" href=href>{format!("Approve {}", standing.id)}</a> }.into_any()
        }
        None => view! { <a class="btn" href=run_href(nav, &standing)>"See the run"</a> }.into_any(),
    };
    let age = standing.age.map(|age| match word {
        Word::Failed => format!(" {} ago", unbroken(&times::age(age))),
        _ => format!(" since {}", unbroken(&times::age(age))),
    });
    view! {
        <Note icon=shape(word) tone=tone(word.tone())>
            <p><b>{title}</b>{age}{says}"."</p>
            {action}
        </Note>
    }
}

/// The environments, a lane each.
#[component]
fn Lanes(
    /// What there is.
    page: Signal<Arc<Option<PackagePage>>>,
    /// What was live, once it is known.
    past: Memo<Option<Timeline>>,
) -> impl IntoView {
    let nav = use_nav();
    let chosen = RwSignal::new(None::<Option<u64>>);
    let lanes = Memo::new(move |_| {
        let now = page.with(|page| (**page).as_ref().map(package::now_live).unwrap_or_default());
        past.with(|past| match past {
            Some(past) => joined(now, &past.lanes),
            None => now,
        })
    });
    let places = Memo::new(move |_| {
        page.with(|page| {
            (**page).as_ref().map(|page| (page.now.clone(), page.lanes.clone())).unwrap_or_default()
        })
    });
    // As far back as something is to be seen, unless somebody has said how far.
    let range = Memo::new(move |_| {
        let now = places.with(|(now, _)| now.clone());
        chosen.get().unwrap_or_else(|| lanes.with(|lanes| package::range(lanes, &now)))
    });
    let days = Memo::new(move |_| {
        let now = places.with(|(now, _)| now.clone());
        range.get().unwrap_or_else(|| lanes.with(|lanes| package::all(lanes, &now)))
    });
    let ranges = package::RANGES.map(Some).into_iter().chain([None]).map(|to| {
        let pressed = move || (range.get() == to).to_string();
        view! {
            <button type="button" class="btn sm" aria-pressed=pressed on:click=move |_| chosen.set(Some(to))>
                {unbroken(&length(to))}
            </button>
        }
    });
    let rows = {
        move || {
            let (now, places) = places.get();
            let range = days.get().saturating_mul(86_400);
            lanes.with(|lanes| {
                let rows = places.iter().map(|place| {
                    let none = Lane::default();
                    let lane = lanes.get(&place.environment.name).unwrap_or(&none);
                    let href = nav
                        .route_now()
                        .to(Screen::Environment(place.environment.name.clone(), None))
                        .to_string();
                    let next = next(nav, place);
                    let live = place.cell.live.as_ref().map(|live| {
                        let href =
                            nav.route_now().to(Screen::Release(live.release.clone(), None)).to_string();
                        view! { <a href=href><b>{live.id.clone()}</b></a><Age time=live.since.clone()/> }
                    });
                    let live = match live {
                        Some(live) => live.into_any(),
                        None => view! { <span class="dim">"never"</span> }.into_any(),
                    };
                    view! {
                        <li>
                            <a href=href><Middle text=place.environment.name.clone()/></a>
                            {lane_of(nav, lane, &now, range, place.frozen.as_deref())}
                            <span class="row">{live}{next}</span>
                        </li>
                    }
                });
                rows.collect_view()
            })
        }
    };
    let scale = move || {
        let now = places.with(|(now, _)| now.clone());
        let ticks = package::ticks(&now, days.get().saturating_mul(86_400), browser::offset());
        let ticks = ticks
            .into_iter()
            .map(|(at, label)| view! { <span style:--a=percent(at)>{unbroken(&label)}</span> });
        ticks.collect_view()
    };
    view! {
        <section aria-labelledby="h-live">
            <div class="bar">
                <h2 id="h-live">"What was live, and when"</h2>
                <span class="seg end" role="group" aria-label="Time range">{ranges.collect_view()}</span>
            </div>
            <ul class="lanes" role="list">
                <li class="dim" aria-hidden="true">
                    <span class="w">"Environment"</span>
                    <div class="lane">{scale}</div>
                    <span class="w">"now"</span>
                </li>
                {rows}
            </ul>
        </section>
    }
}

/// What is known of the past, and what is live now where that is not among it.
fn joined(now: BTreeMap<String, Lane>, told: &BTreeMap<String, Lane>) -> BTreeMap<String, Lane> {
    let lanes = now.into_iter().map(|(name, lane)| match told.get(&name) {
        Some(told)
            if told.segments.last().map(|last| &last.release)
                == lane.segments.last().map(|last| &last.release) =>
        {
            (name, told.clone())
        }
        // Deployed by a release that is older than those that were read.
        Some(told) => {
            let lane = Lane { segments: lane.segments, failures: told.failures.clone() };
            (name, lane)
        }
        None => (name, lane),
    });
    lanes.collect()
}

fn percent(thousandths: u32) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

fn lane_of(nav: Nav, lane: &Lane, now: &str, range: u64, frozen: Option<&str>) -> impl IntoView + use<> {
    let offset = browser::offset();
    let moment = |time: &str| match time.is_empty() {
        true => "an unknown time".to_owned(),
        false => times::moment(time, now, offset),
    };
    let segments = lane.placed(now, range).into_iter().map(|placed| {
        let Segment { release, id, from, to } = placed.of;
        let until = to.as_deref().map_or_else(|| "now".to_owned(), moment);
        let title = format!("{id}, {} to {until}", moment(from));
        let href = nav.route_now().to(Screen::Release(release.clone(), None)).to_string();
        view! {
            <a class:now=to.is_none() href=href title=title.clone() style:--a=percent(placed.start) style:--b=percent(placed.end)>
                {id.clone()}<span class="sr">{title.clone()}</span>
            </a>
        }
    });
    let failures = lane.failed(now, range).into_iter().map(|placed| {
        let Failure { id, times, time, .. } = placed.of;
        let count = if *times == 1 { String::new() } else { format!(" {times} times") };
        let label = format!("{id} failed{count}, {}", moment(time));
        view! {
            <svg class="i bad" role="img" aria-label=label style:--a=percent(placed.start)><use href="#i-fail"></use></svg>
        }
    });
    let cold = frozen.map(|why| {
        view! { <svg class="i" role="img" aria-label=why.to_owned() style:--a="98.5%"><use href="#i-frozen"></use></svg> }
    });
    view! { <div class="lane">{segments.collect_view()}{cold}{failures.collect_view()}</div> }
}

/// What comes next in an environment.
fn next(nav: Nav, place: &LaneNow) -> impl IntoView + use<> {
    let up = place.cell.up.as_ref().map(|up| {
        let word = if up.word == Word::NeedsApproval { "approve" } else { up.word.text() };
        view! { <a href=run_href(nav, up)><Status word=up.word text=format!("{} {word}", up.id)/></a> }
    });
    match (up, &place.frozen) {
        (Some(up), _) => Some(up.into_any()),
        (None, Some(_)) => Some(view! { <Status word=Word::Frozen/> }.into_any()),
        (None, None) => None,
    }
}

/// The releases, newest first.
#[component]
fn Releases(
    /// What there is.
    page: Signal<Arc<Option<PackagePage>>>,
    /// What was live, once it is known.
    past: Memo<Option<Timeline>>,
    /// Which one.
    package: Ref,
) -> impl IntoView {
    let nav = use_nav();
    let search = RwSignal::new(Search { text: nav.route_now().param("q").to_owned(), word: None });
    let more = RwSignal::new(0_usize);
    let older = store::ask(move |sight| {
        let (page, more) = (page.get(), more.get());
        match (&*page, more) {
            (Some(page), 1..) => package::older(sight.snapshot, page, more, sight.facts),
            _ => Ok(Vec::new()),
        }
    });
    let rows = Memo::new(move |_| {
        let mut rows =
            page.with(|page| (**page).as_ref().map(|page| page.releases.clone()).unwrap_or_default());
        if let Asked::Answered(older) = older.get() {
            rows.extend(older.iter().cloned());
        }
        rows
    });
    let about = package.clone();
    let steps = store::ask(move |sight| package::steps(sight.snapshot, sight.summaries, &about));
    let steps = Memo::new(move |_| match steps.get() {
        Asked::Answered(steps) => (*steps).clone(),
        _ => BTreeMap::new(),
    });
    let found = Memo::new(move |_| rows.with(|rows| search.with(|search| package::found(rows, search))));
    let count = move || page.with(|page| (**page).as_ref().map_or(0, |page| page.count));
    let by = move |word: Option<Word>, label: &'static str| {
        let pressed = move || search.with(|search| search.word == word).to_string();
        view! {
            <button type="button" class="btn sm" aria-pressed=pressed on:click=move |_| search.update(|search| search.word = word)>
                {label}
            </button>
        }
    };
    let drawn = move || {
        let found = found.get();
        rows.with(|rows| {
            steps.with(|steps| {
                let rows = found.iter().filter_map(|index| {
                    let row = rows.get(*index)?.clone();
                    let steps = steps.get(&row.id).cloned().unwrap_or_default();
                    let took = past.with(|past| past.as_ref()?.took.get(&row.id).copied());
                    Some(view! { <Row row steps took/> })
                });
                rows.collect_view()
            })
        })
    };
    let waiting = move || more.get() > 0 && matches!(older.get(), Asked::Waiting(_));
    let rest = move || {
        let (shown, all) = (rows.with(Vec::len), count());
        let left = all.saturating_sub(shown);
        let button = (left > 0).then(|| {
            let next = left.min(MORE);
            view! {
                <button type="button" class="btn" aria-busy=waiting().to_string() on:click=move |_| more.update(|more| *more += MORE)>
                    {waiting().then(|| view! { <Icon name="run" class="spin"/> })}
                    {format!("Show {next} older")}
                </button>
            }
        });
        view! { {button}<span class="dim" role="status">{format!("{} of {all}", found.with(Vec::len))}</span> }
    };
    view! {
        <section aria-labelledby="h-rel">
            <div class="bar">
                <h2 id="h-rel">"Releases "<small>{count}</small></h2>
                <label class="in end">
                    <Icon name="search"/>
                    <span class="sr">"Search releases"</span>
                    <input
                        type="search"
                        placeholder="Commit, message, tag, author"
                        data-search
                        prop:value=move || search.with(|search| search.text.clone())
                        on:input=move |event| search.update(|search| search.text = event_target_value(&event))
                        on:change=move |_| nav.set_param("q", search.with_untracked(|search| search.text.clone()).trim())
                    />
                </label>
                <span class="seg" role="group" aria-label="Status">
                    {by(None, "All")}{by(Some(Word::Complete), "Complete")}{by(Some(Word::Failed), "Failed")}
                </span>
            </div>
            <table class="tbl rel">
                <thead>
                    <tr>
                        <th scope="col">"Release"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="w">"Phases"</th>
                        <th scope="col">"Commit"</th>
                        <th scope="col" class="w">"Live in"</th>
                        <th scope="col" class="w">"Tag"</th>
                        <th scope="col" class="w r">"Created"</th>
                        <th scope="col" class="w r">"Took"</th>
                    </tr>
                </thead>
                <tbody>{drawn}</tbody>
            </table>
            <p class="bar">{rest}</p>
        </section>
    }
}

#[component]
fn Row(
    /// The release.
    row: ReleaseRow,
    /// Its phases, once they are known.
    steps: Vec<Step>,
    /// How long it took, in seconds, once that is known.
    took: Option<u64>,
) -> impl IntoView {
    let nav = use_nav();
    let href = nav.route_now().to(Screen::Release(row.release.clone(), None)).to_string();
    let short: String = row.commit.chars().take(7).collect();
    let took = match (row.word, row.age) {
        (Word::Running, Some(age)) => Some(format!("{} so far", unbroken(&times::duration(age)))),
        _ => took.map(|took| unbroken(&times::duration(took))),
    };
    let live = live_in(&row.live_in);
    let on_phone = live
        .clone()
        .map(|(names, rest)| view! { <div class="n">"Live in "{names}<span class="dim">{rest}</span></div> });
    let live = live.map(|(names, rest)| view! { {names}<span class="dim">{rest}</span> });
    let tags = row.tags.iter().map(|tag| view! { <span class="tag">{tag.clone()}</span>" " }).collect_view();
    let phases = (!steps.is_empty()).then(|| {
        let reached = package::reached(&steps);
        let marks = steps.iter().map(|step| {
            let class = match step.word {
                Word::Complete => "ok",
                Word::Running => "run",
                Word::Pending | Word::Waiting | Word::Queued | Word::Cancelled => "",
                word => tone(word.tone()),
            };
            view! { <i class=class></i> }
        });
        let text = format!("{reached} of {}", steps.len());
        view! {
            <span class="steps" aria-hidden="true">{marks.collect_view()}</span>
            " "<span class="dim">{unbroken(&text)}</span>
        }
    });
    view! {
        <tr>
            <th scope="row"><a href=href>{row.id.clone()}</a></th>
            <td><Status word=row.word/></td>
            <td class="w">{phases}</td>
            <td class="max">
                <span class="cut" title=row.subject.clone()>{row.subject.clone()}</span>
                <span class="dim">
                    <code title=row.commit.clone()>{short}</code>" "{row.author.clone()}
                    <span class="n">", "<Age time=row.time.clone()/>" ago"</span>
                </span>
                {on_phone}
            </td>
            <td class="w">{live}</td>
            <td class="w">{tags}</td>
            <td class="w r"><Age time=row.time.clone()/>{(!row.time.is_empty()).then_some(" ago")}</td>
            <td class="w r dim">{took}</td>
        </tr>
    }
}

/// A few of the environments, and how many more there are.
fn live_in(names: &[String]) -> Option<(String, String)> {
    let shown = names.get(..NAMED.min(names.len())).filter(|shown| !shown.is_empty())?;
    let rest = names.len().saturating_sub(NAMED);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    Some((shown.join(", "), rest))
}
