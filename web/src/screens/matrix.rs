//! The Overview's matrix: a table of which only what is in sight is drawn, with one tab stop.
//!
//! What a cell says, what a filter leaves and where a key leads is core's.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;
use ocuroot_core::screens::matrix::{self, At, Filter, Key, Line, View, Window};
use ocuroot_core::screens::overview::{Cell, Column, Overview, Row};
use ocuroot_core::screens::{Standing, Word};
use ocuroot_core::times;

use super::draft;
use super::says::Says;
use crate::browser;
use crate::keys;
use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::ui::{Icon, Shape, Status, tone};

/// Columns from which on only those in sight are drawn.
const MANY_COLUMNS: usize = 16;

/// Pixels of a row's parts as the style sheet has them: a line, what is around it; a group's head; on a
/// phone the name, and the numbers below it.
const LINE: usize = 16;
const AROUND: usize = 9;
const GROUP: usize = 26;
const NAME_COLUMN: usize = 188;
const COLUMN: usize = 75;
const PHONE_ROW: usize = 57;
const PHONE_STATUS: usize = 14;

/// What is in sight of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    narrow: bool,
    /// All of it: for paper.
    whole: bool,
}

impl Sight {
    fn of(scroller: &web_sys::Element, whole: bool) -> Sight {
        let pixels = |number: i32| usize::try_from(number).unwrap_or(0);
        let narrow = browser::is_narrow();
        let rect = scroller.get_bounding_client_rect();
        let inner = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(900.0);
        // Where the table does not scroll by itself the page does.
        let scrolls = scroller.scroll_height() > scroller.client_height().saturating_add(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
        let (top, height) = match scrolls && !narrow {
            true => (pixels(scroller.scroll_top()), pixels(scroller.client_height())),
            false => ((-rect.top()).max(0.0) as usize, inner as usize),
        };
        let (left, width) = (pixels(scroller.scroll_left()), pixels(scroller.client_width()));
        Sight { left, top, width, height, narrow, whole }
    }
}

/// Where a link of a cell leads: the run that is up, or the release that is live.
fn href(nav: Nav, row: &Row, cell: &Cell) -> Option<String> {
    let to = |screen: Screen| nav.route_now().to(screen).to_string();
    if let Some(up) = &cell.up {
        return Some(run_href(nav, up));
    }
    match &cell.live {
        Some(live) => Some(to(Screen::Release(live.release.clone(), None))),
        None if cell.target => Some(to(Screen::Package(row.package.clone()))),
        None => None,
    }
}

/// A link to a run, on its release's screen.
pub(super) fn run_href(nav: Nav, standing: &Standing) -> String {
    if standing.word == Word::Differs {
        return nav.route_now().to(Screen::Diff).to_string();
    }
    let run = standing.at.child(&standing.attempts.to_string());
    super::says::run_href(nav, run.as_ref().unwrap_or(&standing.at))
}

/// A link to where what waits is approved.
pub(super) fn approve_href(nav: Nav, standing: &Standing) -> Option<String> {
    let approval = standing.approvals.first().filter(|_| standing.word == Word::NeedsApproval)?;
    draft::approve(nav, approval)
}

/// The table, and below it the cell under pointer or focus as a sentence.
#[component]
pub fn Matrix(
    /// What there is.
    page: Signal<Arc<Overview>>,
    /// What is shown of it.
    filter: RwSignal<Filter>,
    /// That, worked out.
    view: Memo<View>,
    /// What stands below it.
    children: Children,
) -> impl IntoView {
    let nav = use_nav();
    let scroller = NodeRef::<html::Div>::new();
    // Until it can be measured: about a screen.
    let sight = RwSignal::new(Sight {
        left: 0,
        top: 0,
        width: 1100,
        height: 900,
        narrow: browser::is_narrow(),
        whole: false,
    });
    let measure = move |whole: bool| {
        if let Some(scroller) = scroller.get_untracked() {
            let now = Sight::of(&scroller, whole);
            if sight.get_untracked() != now {
                sight.set(now);
            }
        }
    };
    Effect::new(move |_| {
        scroller.track();
        measure(false);
    });
    for handle in [
        window_event_listener(leptos::ev::scroll, move |_| measure(false)),
        window_event_listener(leptos::ev::resize, move |_| measure(false)),
        window_event_listener(leptos::ev::beforeprint, move |_| measure(true)),
        window_event_listener(leptos::ev::afterprint, move |_| measure(false)),
    ] {
        on_cleanup(move || handle.remove());
    }

    // Where one was last; before that, the first cell.
    let at = RwSignal::new(None::<At>);
    let focused = RwSignal::new(false);
    let pointed = RwSignal::new(None::<At>);
    let sizes = Memo::new(move |_| {
        let narrow = sight.with(|sight| sight.narrow);
        page.with(|page| {
            view.with(|view| view.lines.iter().map(|line| size(page, line, narrow)).collect::<Vec<_>>())
        })
    });
    let rows = Memo::new(move |_| {
        let sight = sight.get();
        sizes.with(|sizes| match sight.whole {
            true => Window { start: 0, end: sizes.len(), before: 0, after: 0 },
            false => matrix::window(sizes, sight.top, sight.height),
        })
    });
    let column_size = move || {
        let count = view.with(|view| view.columns.len()).max(1);
        (sight.with(|sight| sight.width).saturating_sub(NAME_COLUMN) / count).max(COLUMN)
    };
    let columns = Memo::new(move |_| {
        let sight = sight.get();
        let count = view.with(|view| view.columns.len());
        match sight.whole || sight.narrow || count <= MANY_COLUMNS {
            true => Window { start: 0, end: count, before: 0, after: 0 },
            false => matrix::window(
                &vec![column_size(); count],
                sight.left,
                sight.width.saturating_sub(NAME_COLUMN),
            ),
        }
    });

    // The tab stop. Where it is out of sight, and so not drawn, what is in sight stands in for it.
    let stop = Memo::new(move |_| {
        view.with(|view| {
            let At { line, column } = at.get().map_or_else(|| view.first(), |at| view.near(at));
            let within = |at: usize, window: Window| match at {
                0 => 0,
                at => at.min(window.end).max(window.start.saturating_add(1)),
            };
            view.near(At { line: within(line, rows.get()), column: within(column, columns.get()) })
        })
    });
    // Whatever is drawn is drawn with it, and then it is moved to where it is: cells that look after it
    // themselves are hundreds to be told.
    Effect::new(move |_| {
        page.track();
        view.track();
        rows.track();
        columns.track();
        stop.track();
        request_animation_frame(move || {
            if let Some(at) = stop.try_get_untracked() {
                move_stop(at);
            }
        });
    });
    let told = Memo::new(move |_| {
        let told = pointed.get().or_else(|| focused.get().then(|| stop.get()))?;
        page.with(|page| view.with(|view| view.cell(page, told).map(|_| told)))
    });

    let go = move |to: At| {
        at.set(Some(to));
        // First into sight, for what is out of it may not be drawn.
        if let Some(scroller) = scroller.get_untracked() {
            // Heads of columns and of rows are always in sight.
            let line = to.line.saturating_sub(1);
            let top = sizes.with_untracked(|sizes| sizes.iter().take(line).sum::<usize>());
            let bottom =
                top.saturating_add(sizes.with_untracked(|sizes| sizes.get(line).copied().unwrap_or(LINE)));
            let sight = sight.get_untracked();
            if !sight.narrow
                && to.line > 0
                && (top < sight.top || bottom.saturating_add(60) > sight.top.saturating_add(sight.height))
            {
                let middle = top.saturating_sub(sight.height / 2);
                scroller.set_scroll_top(i32::try_from(middle).unwrap_or(0));
            }
            let left = untrack(column_size).saturating_mul(to.column.saturating_sub(1));
            let right = left.saturating_add(untrack(column_size));
            let fits = sight.width.saturating_sub(NAME_COLUMN);
            if to.column > 0 && (left < sight.left || right > sight.left.saturating_add(fits)) {
                scroller.set_scroll_left(i32::try_from(left.saturating_sub(fits / 2)).unwrap_or(0));
            }
            measure(sight.whole);
        }
        // At once, for the next key may be faster than a frame; and once what has come into sight is drawn.
        let focus = move || {
            // None once one has gone on.
            if let Some(at) = stop.try_get_untracked() {
                browser::focus(&selector(at));
            }
        };
        focus();
        request_animation_frame(focus);
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let control = event.ctrl_key() || event.meta_key();
        let Some(key) = Key::from_name(&event.key(), control).filter(|_| !event.alt_key()) else { return };
        if place_of(event.target()).is_none() {
            return;
        }
        event.prevent_default();
        // The focus follows with the next frame, and the next key may be faster.
        let from = at.get_untracked().unwrap_or_else(|| stop.get_untracked());
        go(view.with_untracked(|view| view.moved(from, key)));
    };
    keys::on_key(move |key| {
        let Some(at) = told.get_untracked() else { return false };
        let page = page.get_untracked();
        let found = view
            .with_untracked(|view| view.cell(&page, at).map(|(row, _, cell)| (row.clone(), cell.clone())));
        let Some((row, cell)) = found else { return false };
        match key {
            "a" => match cell.up.as_ref().and_then(|up| approve_href(nav, up)) {
                Some(href) => nav.go(&href),
                None => return false,
            },
            "y" => {
                let reference =
                    cell.up.as_ref().map(|up| &up.at).or(cell.live.as_ref().map(|live| &live.release));
                browser::copy(reference.unwrap_or(&row.package).as_str());
            }
            _ => return false,
        }
        true
    });
    let on_focusin = move |event: web_sys::FocusEvent| {
        let found = place_of(event.target());
        if let Some((line, column)) = found {
            // A group's head has no column of its own.
            let column = column.unwrap_or_else(|| stop.get_untracked().column);
            at.set(Some(At { line, column }));
        }
        focused.set(found.is_some());
    };
    // What is told stays while one is at its actions.
    let on_focusout = move |event: web_sys::FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<web_sys::Element>().ok());
        let stays = to.and_then(|to| to.closest(".mx, .read").ok().flatten()).is_some();
        if !stays {
            focused.set(false);
        }
    };
    let on_pointer = move |event: web_sys::PointerEvent| {
        if event.pointer_type() == "mouse" {
            pointed.set(cell_of(event.target()));
        }
    };
    // On a phone the first tap tells, and the readout has the link.
    let on_click = move |event: web_sys::MouseEvent| {
        if sight.with_untracked(|sight| sight.narrow)
            && let Some(found) = cell_of(event.target())
        {
            event.prevent_default();
            at.set(Some(found));
            pointed.set(Some(found));
        }
    };

    let lit = Memo::new(move |_| told.get().map(|at| at.column));
    let head = move || {
        let page = page.get();
        let window = columns.get();
        let stop = stop.get_untracked();
        view.with(|view| {
            let cells = view.columns.iter().enumerate().skip(window.start).take(window.end.saturating_sub(window.start));
            let cells = cells.filter_map(|(index, column)| Some(view! { <Head index column=page.columns.get(*column)?.clone() lit stop/> }));
            let cells = cells.collect_view();
            view! {
                <tr role="row" aria-rowindex="1">
                    <th scope="col" role="columnheader"><span>"Package"<span class="st">"newest"</span></span></th>
                    {gap(window.start, true)}
                    {cells}
                    {gap(view.columns.len().saturating_sub(window.end), true)}
                </tr>
            }
        })
    };
    let cols = move || {
        page.with(|page| {
            view.with(|view| {
                let cols = view.columns.iter().enumerate().map(|(index, column)| {
                    let cold = page.columns.get(*column).is_some_and(|column| column.frozen.is_some());
                    view! { <col class:cold=cold class:on=move || lit.get() == Some(index.saturating_add(1))/> }
                });
                cols.collect_view()
            })
        })
    };
    let body = move || {
        let page = page.get();
        let (rows, columns) = (rows.get(), columns.get());
        let stop = stop.get_untracked();
        view.with(|view| {
            let lines = view.lines.iter().skip(rows.start).take(rows.end.saturating_sub(rows.start));
            // A table's body a group, as far as it is in sight.
            let mut bodies: Vec<Vec<AnyView>> = Vec::new();
            for (index, line) in (rows.start..).zip(lines) {
                match line {
                    Line::Group(group, folded) => {
                        bodies.push(vec![group_head(
                            &page,
                            *group,
                            *folded,
                            view.columns.len(),
                            index.saturating_add(1),
                            filter,
                            stop,
                        )]);
                    }
                    Line::Package(group, number) => {
                        if let Some(package) = matrix::package(&page, *group, *number) {
                            let drawn =
                                draw(nav, &page, view, package, index.saturating_add(1), columns, stop);
                            match bodies.last_mut() {
                                Some(body) => body.push(drawn),
                                None => bodies.push(vec![drawn]),
                            }
                        }
                    }
                }
            }
            let bodies =
                bodies.into_iter().map(|rows| view! { <tbody role="rowgroup">{rows}</tbody> }).collect_view();
            view! { {room(rows.before)}{bodies}{room(rows.after)} }
        })
    };
    let width = move || {
        let count = view.with(|view| view.columns.len());
        format!("{}px", NAME_COLUMN.saturating_add(COLUMN.saturating_mul(count)))
    };
    view! {
        <div class="scroll" node_ref=scroller on:scroll=move |_| measure(false)>
            <table
                class="mx"
                role="grid"
                aria-label="Packages and environments"
                aria-rowcount=move || view.with(|view| view.lines.len().saturating_add(1)).to_string()
                aria-colcount=move || view.with(|view| view.columns.len().saturating_add(1)).to_string()
                style:--w=width
                style:--n=move || view.with(|view| view.columns.len().max(1)).to_string()
                on:keydown=on_keydown
                on:focusin=on_focusin
                on:focusout=on_focusout
                on:pointerover=on_pointer
                on:pointerleave=move |event: web_sys::PointerEvent| {
                    if event.pointer_type() == "mouse" {
                        pointed.set(None);
                    }
                }
                on:click=on_click
            >
                <colgroup><col/>{cols}</colgroup>
                <thead role="rowgroup">{head}</thead>
                {body}
            </table>
            {children()}
        </div>
        <Readout page view told pointed on:focusout=on_focusout/>
    }
}

/// How high a line is.
fn size(page: &Overview, line: &Line, narrow: bool) -> usize {
    let Line::Package(group, at) = line else { return GROUP };
    let up =
        matrix::package(page, *group, *at).is_some_and(|row| row.cells.iter().any(|cell| cell.up.is_some()));
    match (narrow, up) {
        (true, up) => PHONE_ROW + if up { PHONE_STATUS } else { 0 },
        (false, true) => LINE + LINE + AROUND,
        (false, false) => LINE + AROUND,
    }
}

/// The place that an event is about, by its line and, but for a group's head, its column.
fn place_of(target: Option<web_sys::EventTarget>) -> Option<(usize, Option<usize>)> {
    let place = target?.dyn_into::<web_sys::Element>().ok()?.closest("[data-l]").ok()??;
    let number = |name| place.get_attribute(name)?.parse().ok();
    Some((number("data-l")?, number("data-c")))
}

/// The cell that an event is about.
fn cell_of(target: Option<web_sys::EventTarget>) -> Option<At> {
    match place_of(target)? {
        (line @ 1.., Some(column @ 1..)) => Some(At { line, column }),
        _ => None,
    }
}

/// What is to have the focus at a place.
fn selector(At { line, column }: At) -> String {
    format!(".mx [data-l='{line}'][data-c='{column}'] a, .mx .grp [data-l='{line}'] button")
}

/// What a tab stop says of itself, and what arrows alone reach.
fn tab(is_stop: bool) -> &'static str {
    if is_stop { "0" } else { "-1" }
}

/// Makes what is at a place the tab stop, and nothing else.
fn move_stop(to: At) {
    let find = |selector: &str| document().query_selector(selector).ok().flatten();
    while let Some(before) = find(".mx [tabindex='0']") {
        if before.set_attribute("tabindex", tab(false)).is_err() {
            return;
        }
    }
    if let Some(now) = find(&selector(to)) {
        let _ = now.set_attribute("tabindex", tab(true));
    }
}

/// The room of rows that are out of sight.
fn room(pixels: usize) -> Option<impl IntoView> {
    (pixels > 0).then(|| {
        view! { <tbody aria-hidden="true" class="room"><tr style:height=format!("{pixels}px")><td></td></tr></tbody> }
    })
}

/// The room of columns that are out of sight.
fn gap(columns: usize, head: bool) -> Option<impl IntoView> {
    let span = columns.to_string();
    (columns > 0).then(|| match head {
        true => view! { <th colspan=span aria-hidden="true"></th> }.into_any(),
        false => view! { <td colspan=span aria-hidden="true"></td> }.into_any(),
    })
}

/// The head of a column.
#[component]
fn Head(
    /// Which of those shown.
    index: usize,
    /// The environment.
    column: Column,
    /// The column under pointer or focus.
    lit: Memo<Option<usize>>,
    /// The tab stop.
    stop: At,
) -> impl IntoView {
    let nav = use_nav();
    let own = At { line: 0, column: index.saturating_add(1) };
    let name = column.environment.name;
    let href = nav.route_now().to(Screen::Environment(name.clone(), None)).to_string();
    let (frozen, edge) = (column.frozen.is_some(), column.environment.edge && index > 0);
    let urgent = match column.urgent {
        Some((word, count)) => {
            Some(view! { <Status word text=format!("{count} {}", short(word))/> }.into_any())
        }
        None if frozen => Some(view! { <Status word=Word::Frozen/> }.into_any()),
        None => None,
    };
    view! {
        <th
            scope="col"
            role="columnheader"
            data-l="0"
            data-c=own.column.to_string()
            aria-colindex=index.saturating_add(2).to_string()
            class:edge=edge
            class:cold=frozen
            class:on=move || lit.get() == Some(own.column)
            title=column.frozen
        >
            <a href=href tabindex=tab(stop == own)><Middle text=name/></a>
            {urgent}
        </th>
    }
}

/// A word in a cell.
fn short(word: Word) -> &'static str {
    if word == Word::NeedsApproval { "approve" } else { word.text() }
}

/// A name that loses its middle where there is no room for all of it.
#[component]
pub fn Middle(
    /// The name.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    const END: usize = 8;
    let cut = text.char_indices().rev().nth(END).filter(|_| text.chars().count() > 16).map(|(at, _)| at);
    match cut.and_then(|at| text.split_at_checked(at)) {
        Some((start, end)) => view! {
            <span class="mid" title=text.clone()><span>{start.to_owned()}</span><span>{end.to_owned()}</span></span>
        }
        .into_any(),
        None => view! { {text} }.into_any(),
    }
}

/// The head of a group.
fn group_head(
    page: &Overview,
    index: usize,
    folded: bool,
    columns: usize,
    line: usize,
    filter: RwSignal<Filter>,
    stop: At,
) -> AnyView {
    let Some(group) = page.groups.get(index) else { return ().into_any() };
    let counts = group.counts.iter().map(|(word, count)| counted(*word, *count));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let repo = group.repo.clone();
    let fold = move |_| {
        filter.update(|filter| {
            if !filter.folded.remove(&repo) {
                filter.folded.insert(repo.clone());
            }
        });
    };
    view! {
        <tr class="grp" role="row" aria-rowindex=line.saturating_add(1).to_string()>
            <th
                colspan=columns.saturating_add(1).to_string()
                scope="rowgroup"
                role="rowheader"
                data-l=line.to_string()
            >
                <div>
                    <button
                        type="button"
                        tabindex=tab(stop.line == line)
                        aria-expanded=(!folded).to_string()
                        on:click=fold
                    >
                        <Icon name="chev"/>
                        {group.title.clone()}
                    </button>
                    " "
                    {counts}
                </div>
            </th>
        </tr>
    }
    .into_any()
}

/// "3 need approval", "1 failed"
pub(super) fn counted(word: Word, count: usize) -> String {
    match (word, count) {
        (Word::NeedsApproval, 2..) => format!("{count} need approval"),
        (Word::Differs, 2..) => format!("{count} differ"),
        _ => format!("{count} {word}"),
    }
}

/// A package's row.
fn draw(
    nav: Nav,
    page: &Overview,
    view: &View,
    package: &Row,
    line: usize,
    window: Window,
    stop: At,
) -> AnyView {
    let newest = package.newest.as_ref().map(|newest| {
        let word = newest.word;
        let said = matches!(word, Word::Failed | Word::NeedsApproval | Word::Stale | Word::Running);
        let shape = said.then(|| view! { <Shape word/><span class="sr">{format!("{word} ")}</span> });
        let class = if said { format!("st {}", tone(word.tone())) } else { "st".to_owned() };
        view! { <span class=class>{shape}{newest.id.clone()}</span> }
    });
    let cells =
        view.columns.iter().enumerate().skip(window.start).take(window.end.saturating_sub(window.start));
    let cells = cells.filter_map(|(index, column)| {
        let cell = package.cells.get(*column)?;
        let edge = index > 0 && page.columns.get(*column).is_some_and(|column| column.environment.edge);
        Some(draw_cell(nav, package, cell, At { line, column: index.saturating_add(1) }, edge, stop))
    });
    let href = nav.route_now().to(Screen::Package(package.package.clone())).to_string();
    view! {
        <tr role="row" aria-rowindex=line.saturating_add(1).to_string()>
            <th scope="row" role="rowheader" data-l=line.to_string() data-c="0">
                <span><a class="cut" href=href tabindex=tab(stop == At { line, column: 0 }) title=package.package.to_string()>{package.name.clone()}</a>{newest}</span>
            </th>
            {gap(window.start, false)}
            {cells.collect::<Vec<_>>()}
            {gap(view.columns.len().saturating_sub(window.end), false)}
        </tr>
    }
    .into_any()
}

fn draw_cell(nav: Nav, row: &Row, cell: &Cell, own: At, edge: bool, stop: At) -> impl IntoView + use<> {
    let word = cell.up.as_ref().map(|up| up.word);
    // A tint for what is not as it should be.
    let class = match word {
        Some(word @ (Word::Failed | Word::NeedsApproval | Word::Stale | Word::Differs)) => tone(word.tone()),
        Some(Word::Running) => "run",
        _ => "",
    };
    let class = if edge { format!("{class} edge") } else { class.to_owned() };
    let age =
        |seconds: Option<u64>| seconds.map(|seconds| view! { <time>{times::short_age(seconds)}</time> });
    let first = match &cell.live {
        Some(live) => {
            let newer = (cell.newer > 0)
                .then(|| view! { <i>{format!("+{}", cell.newer)}<span class="sr">" newer"</span></i>" " });
            view! { {live.id.clone()}" "{newer}{age(live.age)} }.into_any()
        }
        None if cell.target => view! { <em>"never"</em> }.into_any(),
        None => view! { <span class="sr">"not a target"</span> }.into_any(),
    };
    let second = cell.up.as_ref().map(|up| {
        let word = up.word;
        view! { <span class="st"><Shape word/>{short(word)}" "{age(up.age)}</span> }
    });
    view! {
        <td
            class=class
            role="gridcell"
            data-l=own.line.to_string()
            data-c=own.column.to_string()
            aria-colindex=own.column.saturating_add(1).to_string()
        >
            <a href=href(nav, row, cell) tabindex=tab(stop == own)>{first}{second}</a>
        </td>
    }
}

/// The cell under pointer or focus, as a sentence with its actions; else the legend.
#[component]
fn Readout(
    /// What there is.
    page: Signal<Arc<Overview>>,
    /// What is shown of it.
    view: Memo<View>,
    /// The cell.
    told: Memo<Option<At>>,
    /// That under the pointer, to let go of it.
    pointed: RwSignal<Option<At>>,
) -> impl IntoView {
    let nav = use_nav();
    let content = move || {
        let page = page.get();
        let found = told.get().and_then(|at| {
            view.with(|view| {
                let (row, column, cell) = view.cell(&page, at)?;
                let name = page.columns.get(column)?.environment.name.clone();
                Some((row.clone(), name, cell.clone()))
            })
        });
        let Some((row, name, cell)) = found else { return legend().into_any() };
        let approve = cell.up.as_ref().and_then(|up| approve_href(nav, up));
        let approve = approve.map(|href| view! { <a class="btn sm you" href=href>"Approve"</a> });
        let open = href(nav, &row, &cell).map(|href| view! { <a class="btn sm" href=href>"Open"</a> });
        view! {
            <b>{format!("{} in {name}", row.name)}</b>
            <span><Says sentence=cell.story()/></span>
            <span class="end row">
                {open}{approve}
                <button type="button" class="btn sm n" on:click=move |_| pointed.set(None)>"Close"</button>
            </span>
        }
        .into_any()
    };
    view! { <output class="bar g read" class:on=move || told.get().is_some()>{content}</output> }
}

fn legend() -> impl IntoView {
    view! {
        <Status word=Word::Failed/>
        <Status word=Word::NeedsApproval/>
        <Status word=Word::Running/>
        <Status word=Word::Differs text="intent and state differ"/>
        <Status word=Word::Frozen/>
        <span>"+2: two newer releases wait"</span>
        <span class="end w"><kbd>"↑↓←→"</kbd>" move "<kbd>"Enter"</kbd>" open "<kbd>"a"</kbd>" approve"</span>
    }
}
