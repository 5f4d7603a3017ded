//! The Overview's matrix: a table of which only what is in sight is drawn, with one tab stop.
//!
//! What a cell says, what a filter leaves and where a key leads is core's.

mod lines;

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;
use ocuroot_core::screens::matrix::{self, At, Filter, Key, Line, View, Window};
use ocuroot_core::screens::overview::{Cell, Column, Overview, Row};
use ocuroot_core::screens::{Standing, Word};

use self::lines::{Lines, Scene};
use super::draft;
use super::says::Says;
use crate::browser;
use crate::keys;
use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::ui::Status;

/// Columns from which on only those in sight are drawn.
const MANY_COLUMNS: usize = 16;

/// Lines that are drawn before and after those in sight. Of columns none: one seldom scrolls across, and each is
/// a cell in every line.
const SPARE: usize = 4;

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
        // Where the table does not scroll by itself the page does.
        let scrolls = scroller.scroll_height() > scroller.client_height().saturating_add(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
        let (top, height) = match scrolls && !narrow {
            true => (pixels(scroller.scroll_top()), pixels(scroller.client_height())),
            false => ((-rect.top()).max(0.0) as usize, browser::height()),
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
    // Until it is measured nothing is in sight.
    let sight = RwSignal::new(Sight {
        left: 0,
        top: 0,
        width: 0,
        height: 0,
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
            false if sight.height == 0 => Window { after: sizes.iter().sum(), ..Window::default() },
            false => matrix::window(sizes, sight.top, sight.height, SPARE),
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
                0,
            ),
        }
    });

    // What heads of columns are made of. A filter of packages leaves it as it is.
    let shown =
        Memo::new(move |_| View { columns: view.with(|view| view.columns.clone()), ..View::default() });

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
    let table = NodeRef::<html::Table>::new();
    let mut lines = Lines::default();
    let mut lost = false;
    // Grows where not all of it could be drawn at once.
    let more = RwSignal::new(0_u64);
    Effect::new(move |_| {
        more.track();
        let Some(table) = table.get() else { return };
        let page = page.get();
        let (rows, columns) = (rows.get(), columns.get());
        lost |= browser::focused().is_some_and(|focused| table.contains(Some(&focused)));
        let whole = view.with(|view| {
            sizes.with(|sizes| {
                let at_once = sight.with_untracked(|sight| sight.whole);
                let scene = Scene { nav, page: &page, view, sizes, rows, columns, at_once };
                lines.draw(&table, &scene)
            })
        });
        let at = stop.get_untracked();
        move_stop(at);
        // What had the focus may have been drawn anew, or is drawn with the next frame.
        let nowhere = browser::focused().is_none_or(|focused| focused.local_name() == "body");
        lost = lost && nowhere && !browser::focus(&selector(at));
        if !whole {
            request_animation_frame(move || {
                let _ = more.try_update(|more| *more = more.wrapping_add(1));
            });
        }
    });
    // Once there is a table as high as its lines, so that one sees whether it scrolls by itself.
    Effect::new(move |_| {
        scroller.track();
        measure(false);
    });
    // It is moved to where it is: cells that look after it themselves are hundreds to be told.
    Effect::new(move |_| {
        let at = stop.get();
        move_stop(at);
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
        if let Some(line) = fold_of(event.target()) {
            let group = view.with_untracked(|view| match view.lines.get(line.saturating_sub(1)) {
                Some(Line::Group(group, _)) => Some(*group),
                _ => None,
            });
            let repo = group.and_then(|group| {
                page.with_untracked(|page| page.groups.get(group).map(|group| group.repo.clone()))
            });
            if let Some(repo) = repo {
                filter.update(|filter| {
                    if !filter.folded.remove(&repo) {
                        filter.folded.insert(repo);
                    }
                });
            }
        }
        if sight.with_untracked(|sight| sight.narrow)
            && let Some(found) = cell_of(event.target())
        {
            event.prevent_default();
            at.set(Some(found));
            pointed.set(Some(found));
        }
    };

    // As the tab stop, it is drawn where it is and then moved.
    let lit = Memo::new(move |_| told.get().map(|at| at.column));
    Effect::new(move |_| light(lit.get()));
    let head = move || {
        let page = page.get();
        let (stop, lit) = (stop.get_untracked(), lit.get_untracked());
        let window = columns.get();
        shown.with(|View { columns, .. }| {
            let cells = columns.iter().enumerate().skip(window.start).take(window.end.saturating_sub(window.start));
            let cells = cells.filter_map(|(index, column)| Some(view! { <Head index column=page.columns.get(*column)?.clone() lit stop/> }));
            let cells = cells.collect_view();
            view! {
                <tr role="row" aria-rowindex="1" data-l="0">
                    <th scope="col" role="columnheader"><span>"Package"<span class="st">"newest"</span></span></th>
                    {gap(window.start)}
                    {cells}
                    {gap(columns.len().saturating_sub(window.end))}
                </tr>
            }
        })
    };
    let cols = move || {
        let lit = lit.get_untracked();
        page.with(|page| {
            shown.with(|View { columns, .. }| {
                let cols = columns.iter().enumerate().map(|(index, column)| {
                    let cold = page.columns.get(*column).is_some_and(|column| column.frozen.is_some());
                    view! { <col class:cold=cold class:on=lit == Some(index.saturating_add(1))/> }
                });
                cols.collect_view()
            })
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
                node_ref=table
                role="grid"
                aria-label="Packages and environments"
                aria-rowcount=move || view.with(|view| view.lines.len().saturating_add(1)).to_string()
                aria-colcount=move || view.with(|view| view.columns.len().saturating_add(1)).to_string()
                style:min-width=width
                // What all cells inherit is told only where it is asked for: another value is another style for each.
                style:--n=move || {
                    sight.with(|sight| sight.narrow || sight.whole).then(|| view.with(|view| view.columns.len().max(1)).to_string())
                }
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
    let target = target?.dyn_into::<web_sys::Element>().ok()?;
    let number = |name| target.closest(&format!("[{name}]")).ok()??.get_attribute(name)?.parse().ok();
    Some((number("data-l")?, number("data-c")))
}

/// The line of a group that an event is to fold, or not to fold any more.
fn fold_of(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let target = target?.dyn_into::<web_sys::Element>().ok()?;
    let line = target.closest(".grp button").ok()??.closest("[data-l]").ok()??;
    line.get_attribute("data-l")?.parse().ok()
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
    format!(".mx [data-l='{line}'] [data-c='{column}'] a, .mx .grp[data-l='{line}'] button")
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

/// Sets off a column, and no other.
fn light(column: Option<usize>) {
    let find = |selector: &str| document().query_selector(selector).ok().flatten();
    while let Some(before) = find(".mx .on") {
        if before.class_list().remove_1("on").is_err() {
            return;
        }
    }
    if let Some(column) = column {
        let line = column.saturating_add(1);
        for selector in [format!(".mx col:nth-child({line})"), format!(".mx thead [data-c='{column}']")] {
            if let Some(now) = find(&selector) {
                let _ = now.class_list().add_1("on");
            }
        }
    }
}

/// The room of columns that are out of sight.
fn gap(columns: usize) -> Option<impl IntoView> {
    (columns > 0).then(|| view! { <th colspan=columns.to_string() aria-hidden="true"></th> })
}

/// The head of a column.
#[component]
fn Head(
    /// Which of those shown.
    index: usize,
    /// The environment.
    column: Column,
    /// The column under pointer or focus.
    #[prop(optional_no_strip)]
    lit: Option<usize>,
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
            data-c=own.column.to_string()
            aria-colindex=index.saturating_add(2).to_string()
            class:edge=edge
            class:cold=frozen
            class:on=lit == Some(own.column)
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

/// "3 need approval", "1 failed"
pub(super) fn counted(word: Word, count: usize) -> String {
    match (word, count) {
        (Word::NeedsApproval, 2..) => format!("{count} need approval"),
        (Word::Differs, 2..) => format!("{count} differ"),
        _ => format!("{count} {word}"),
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
