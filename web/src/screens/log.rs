//! A run's log: a hundred thousand lines, of which those in sight are in the page.
//!
//! What to draw is [`Layout`]'s to say; this puts it there, and moves.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::web_sys;
use ocuroot_core::envelope::BlobId;
use ocuroot_core::screens::log::{self as core, Hits, Layout, Log, Parse, Row, Rows, Window};
use ocuroot_core::snapshot::Needs;
use ocuroot_core::{Ref, times};

use crate::browser;
use crate::keys;
use crate::nav::use_nav;
use crate::reading::Progress;
use crate::screens::release::Failure;
use crate::store::{self, Asked, Shown};
use crate::ui::{Icon, Skeleton, thousands, unbroken};

/// The file of a log, if there is one.
type File = Option<(Arc<[u8]>, BlobId)>;

/// Entries of a log that are read between two looks at the clock.
const STEP: usize = 500;

/// A log, and what may be folded in it.
#[derive(Clone, Debug, Default)]
struct Read {
    log: Arc<Log>,
    folds: Arc<Vec<(usize, usize)>>,
}

/// The log of one run.
#[component]
pub fn RunLog(
    /// Of which release.
    release: Ref,
    /// Which run: `deploy/prod/2`.
    fragment: String,
    /// Where to say what the run has failed with.
    failure: Failure,
) -> impl IntoView {
    let at = release.to_state().child(&format!("{fragment}/logs")).ok();
    let asked = store::ask(move |sight| {
        let Some(at) = &at else { return Ok(None) };
        // Whether there is one is in the listing of the release.
        if sight.snapshot.exists(at) == Ok(false) {
            return Ok(None);
        }
        Ok::<_, Needs>(sight.snapshot.bytes(at)?.zip(sight.snapshot.blob(at)?))
    });
    // The same one is not read twice.
    let file = Memo::new_with_compare(
        move |_| match asked.get() {
            Asked::Answered(file) => Some((*file).clone()),
            _ => None,
        },
        |old, new| {
            let blob = |file: Option<&Option<File>>| {
                file.map(|file| file.as_ref().map(|file| file.as_ref().map(|(_, blob)| *blob)))
            };
            blob(old) != blob(new)
        },
    );
    let read = RwSignal::new(None::<Read>);
    let newest = StoredValue::new(0_u64);
    Effect::new(move |_| {
        let Some(file) = file.get() else { return };
        let mine = newest.get_value() + 1;
        newest.set_value(mine);
        let Some((bytes, _)) = file else {
            read.set(Some(Read::default()));
            return;
        };
        let mut parse = Parse::new(bytes);
        spawn_local(async move {
            let log = loop {
                if newest.try_get_value() != Some(mine) {
                    return;
                }
                match browser::slice(browser::SLICE, || parse.step(STEP)) {
                    Some(log) => break log,
                    None => browser::turn().await,
                }
            };
            browser::turn().await;
            let now = Read { folds: Arc::new(log.folds()), log: Arc::new(log) };
            browser::turn().await;
            if newest.try_get_value() == Some(mine) {
                let _ = read.try_set(Some(now));
            }
        });
    });
    Effect::new(move |_| {
        let said = read.with(|read| {
            let failed = read.as_ref()?.log.failure()?;
            let lines = std::iter::once((failed.line, failed.message)).chain(failed.before);
            Some(lines.map(|(line, text)| (line, text.to_owned())).collect())
        });
        failure.set(said.unwrap_or_default());
    });
    on_cleanup(move || {
        let _ = failure.try_set(Vec::new());
    });
    view! {
        <section class="logs" aria-labelledby="h-log">
            <Shown asked let:_answer>
                {
                    let fragment = fragment.clone();
                    move || match read.get() {
                        Some(read) if !read.log.is_empty() => {
                            view! { <Lines fragment=fragment.clone() read/> }.into_any()
                        }
                        Some(_) => view! {
                            <div class="bar">
                                <h2 id="h-log">"Log " <small>{fragment.clone()}</small></h2>
                            </div>
                            <p class="bar dim">"Nothing was printed."</p>
                        }
                        .into_any(),
                        None => view! { <Skeleton progress=Signal::stored(Progress::default())/> }.into_any(),
                    }
                }
            </Shown>
        </section>
    }
}

/// What is measured of the list on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    /// How far it is scrolled, and how high it is, in pixels.
    scrolled: f64,
    height: f64,
    /// The height of a row of letters, in pixels.
    line: f64,
    /// How many letters fit beside each other.
    columns: usize,
}

/// The list, and what is done with it.
#[component]
fn Lines(
    /// Of which run.
    fragment: String,
    /// The log.
    read: Read,
) -> impl IntoView {
    let nav = use_nav();
    let narrow = browser::narrow();
    let log = read.log;
    let folds = read.folds;
    let open = RwSignal::new(BTreeSet::new());
    let wrap = RwSignal::new(true);
    let needle = RwSignal::new(String::new());
    let hit = RwSignal::new(None::<usize>);
    let named = core::fragment(&nav.fragment_now()).1;
    let active = RwSignal::new(named.filter(|line| *line < log.len()));
    let measured = RwSignal::new(Measured { scrolled: 0.0, height: 400.0, line: 20.0, columns: 100 });

    let rows = {
        let (log, folds) = (Arc::clone(&log), Arc::clone(&folds));
        Memo::new(move |_| open.with(|open| Rows::new(&log, &folds, open)))
    };
    let columns = Memo::new(move |_| measured.get().columns);
    let layout = {
        let log = Arc::clone(&log);
        Memo::new(move |_| {
            if wrap.get() {
                rows.with(|rows| Layout::wrapped(&log, rows, columns.get()))
            } else {
                Layout::plain(rows.with(Rows::len))
            }
        })
    };
    let window = Memo::new(move |_| {
        let Measured { scrolled, height, line, .. } = measured.get();
        layout.with(|layout| layout.window(scrolled, height, line))
    });
    let hits = {
        let log = Arc::clone(&log);
        Memo::new(move |_| needle.with(|needle| log.search(needle)))
    };

    let list = NodeRef::<html::Div>::new();
    let probe = NodeRef::<html::Span>::new();
    let measure = move || {
        let (Some(list), Some(probe)) = (list.get_untracked(), probe.get_untracked()) else { return };
        let letters = probe.get_bounding_client_rect();
        let letter = letters.width() / 10.0;
        // Numbers, times and what is between them, as the style sheet has it.
        let beside = if browser::is_narrow() { 6.0 * letter + 28.0 } else { 14.0 * letter + 42.0 };
        let free = f64::from(list.client_width()) - beside;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float saturates"
        )]
        let columns = if letter > 0.0 { (free / letter).floor() as usize } else { 100 };
        let now = Measured {
            scrolled: f64::from(list.scroll_top()),
            height: f64::from(list.client_height()),
            line: if letters.height() > 0.0 { letters.height() } else { 20.0 },
            columns: columns.max(10),
        };
        if measured.get_untracked() != now {
            measured.set(now);
        }
    };
    let resized = window_event_listener(leptos::ev::resize, move |_| measure());
    on_cleanup(move || resized.remove());

    // Brings a line into sight, out of its fold if it is in one.
    let show = move |line: usize| {
        if let Some(fold) = rows.with_untracked(|rows| rows.fold_of(line)) {
            open.update(|open| {
                open.insert(fold);
            });
        }
        request_animation_frame(move || {
            // One may have gone on meanwhile.
            let Some(list) = list.try_get_untracked().flatten() else { return };
            measure();
            let Measured { height, line: letters, .. } = measured.get_untracked();
            let row = rows.with_untracked(|rows| rows.of_line(line));
            let to = layout.with_untracked(|layout| layout.scroll_to(row, height, letters));
            #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            list.set_scroll_top(to as i32);
            measure();
        });
    };
    // The page too, so that the line is in sight wherever one was.
    let reveal = move |line: usize| {
        show(line);
        browser::scroll_to(".logs");
        // A sheet is too low for the list and what stands above it.
        if narrow.get_untracked() {
            request_animation_frame(move || browser::scroll_to(&format!("#L{}", line + 1)));
        }
    };
    let last = log.len().saturating_sub(1);
    Effect::new(move |_| {
        if list.get().is_some() {
            request_animation_frame(move || {
                if list.try_get_untracked().flatten().is_none() {
                    return;
                }
                measure();
                // How it ended is what one looks for first, unless a link says otherwise.
                match active.get_untracked() {
                    Some(line) => reveal(line),
                    None => show(last),
                }
            });
        }
    });
    // A link to another line of the same log.
    Effect::new(move |before: Option<()>| {
        let fragment = nav.fragment();
        if before.is_some()
            && let (_, Some(line)) = core::fragment(&fragment)
            && active.get_untracked() != Some(line)
            && line <= last
        {
            active.set(Some(line));
            reveal(line);
        }
    });
    let choose = {
        let fragment = fragment.clone();
        move |line: usize| {
            active.set(Some(line));
            nav.replace(&format!("#{fragment}:L{}", line + 1));
        }
    };
    let unfold = move |line: usize| {
        open.update(|open| {
            open.insert(line);
        });
        active.set(Some(line));
    };
    let to_hit = move |forward: bool| {
        let count = hits.with_untracked(|hits| hits.hits.len());
        if count == 0 {
            return;
        }
        let next = match (hit.get_untracked(), forward) {
            (None, true) => 0,
            (Some(at), true) => (at + 1) % count,
            (None | Some(0), false) => count - 1,
            (Some(at), false) => at - 1,
        };
        hit.set(Some(next));
        if let Some(line) = hits.with_untracked(|hits| hits.hits.get(next).map(|hit| hit.line)) {
            active.set(Some(line));
            show(line);
        }
    };
    let search = move |text: String| {
        hit.set(None);
        needle.set(text);
        to_hit(true);
    };
    let found = move || {
        hits.with(|hits| {
            let all = thousands(hits.hits.len());
            let all = if hits.more { format!("more than {all}") } else { all };
            match (needle.with(String::is_empty), hits.hits.is_empty(), hit.get()) {
                (true, ..) => String::new(),
                (false, true, _) => "not found".to_owned(),
                (false, false, Some(at)) => format!("{} of {all}", thousands(at + 1)),
                (false, false, None) => all,
            }
        })
    };
    let step = {
        let choose = choose.clone();
        move |event: web_sys::KeyboardEvent| {
            if !keys::is_for_page(&event) {
                return;
            }
            let row = |line: usize| rows.with_untracked(|rows| rows.of_line(line));
            let now = active.get_untracked().map_or(0, row);
            let count = rows.with_untracked(Rows::len);
            let to = match event.key().as_str() {
                "ArrowDown" => now + 1,
                "ArrowUp" => now.saturating_sub(1),
                "PageDown" => now + 20,
                "PageUp" => now.saturating_sub(20),
                "Home" => 0,
                "End" => count,
                "Enter" => {
                    if let Row::Fold(from, _) = rows.with_untracked(|rows| rows.row(now)) {
                        event.prevent_default();
                        unfold(from);
                    }
                    return;
                }
                "y" => {
                    if let Some(line) = active.get_untracked() {
                        event.prevent_default();
                        event.stop_propagation();
                        choose(line);
                        browser::copy(&window_href());
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            let line = match rows.with_untracked(|rows| rows.row(to.min(count.saturating_sub(1)))) {
                Row::Line(line) | Row::Fold(line, _) => line,
            };
            active.set(Some(line));
            let Some(list) = list.get_untracked() else { return };
            let Measured { height, line: letters, scrolled, .. } = measured.get_untracked();
            let middle = layout.with_untracked(|layout| layout.scroll_to(row(line), height, letters));
            // Only as far as is needed to see it.
            let room = (height - 3.0 * letters).max(0.0) / 2.0;
            let to = scrolled.clamp(middle - room, middle + room);
            #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            list.set_scroll_top(to as i32);
            measure();
        }
    };

    let drawn = {
        let (log, choose) = (Arc::clone(&log), choose.clone());
        move || {
            let Window { first, last, .. } = window.get();
            let count = log.len();
            rows.with(|rows| {
                (first..last)
                    .map(|row| match rows.row(row) {
                        Row::Line(line) => {
                            let choose = choose.clone();
                            let wanted = hits.with(|hits| log.line_with(line, hits));
                            view! { <Drawn line=wanted count active hit hits choose=move || choose(line)/> }
                                .into_any()
                        }
                        Row::Fold(from, to) => {
                            view! { <Folded from to active unfold=move || unfold(from)/> }.into_any()
                        }
                    })
                    .collect_view()
            })
        }
    };
    let top = move || format!("{}px", window.get().top);
    let height = move || format!("{}px", window.get().height);
    let count = match log.len() {
        1 => "1 line".to_owned(),
        lines => format!("{} lines", thousands(lines)),
    };
    let download = {
        let (log, name) = (Arc::clone(&log), fragment.replace('/', "-"));
        move |_| browser::download(&format!("{name}.log"), log.text())
    };
    let copy = {
        let choose = choose.clone();
        move |_| {
            if let Some(line) = active.get_untracked() {
                choose(line);
                browser::copy(&window_href());
            }
        }
    };
    view! {
        <div class="bar">
            <h2 id="h-log">"Log " <small>{fragment.clone()}", "{unbroken(&count)}</small></h2>
            <label class="in end">
                <Icon name="search"/>
                <span class="sr">"Search the log"</span>
                <input
                    type="search"
                    data-search=""
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| search(event_target_value(&event))
                    on:keydown=move |event: web_sys::KeyboardEvent| {
                        if event.key() == "Enter" {
                            event.prevent_default();
                            to_hit(!event.shift_key());
                        }
                    }
                />
            </label>
            <span class="dim" role="status">{found}</span>
            <Show when=move || hits.with(|hits| hits.hits.len() > 1)>
                <span class="seg" role="group" aria-label="Hits">
                    <button type="button" class="btn sm" aria-label="Hit before" on:click=move |_| to_hit(false)>
                        <Icon name="chev" class="up"/>
                    </button>
                    <button type="button" class="btn sm" aria-label="Next hit" on:click=move |_| to_hit(true)>
                        <Icon name="chev" class="dn"/>
                    </button>
                </span>
            </Show>
            <Show when=move || !narrow.get()>
                <button
                    type="button"
                    class="btn sm"
                    aria-pressed=move || wrap.get().to_string()
                    on:click=move |_| wrap.update(|wrap| *wrap = !*wrap)
                >
                    "Wrap"
                </button>
            </Show>
            <button type="button" class="btn sm" disabled=move || active.get().is_none() on:click=copy>"Copy link"</button>
            <button type="button" class="btn sm w" on:click=download>"Download"</button>
        </div>
        <div
            class="lines"
            class:wraps=move || wrap.get()
            node_ref=list
            tabindex="0"
            role="listbox"
            aria-label="Log lines"
            aria-activedescendant=move || active.get().map(|line| format!("L{}", line + 1))
            on:scroll=move |_| measure()
            on:keydown=step
        >
            <span class="probe" aria-hidden="true" node_ref=probe>"0000000000"</span>
            <div class="all" role="presentation" style:height=height>
                <ol class="code log" role="presentation" style:top=top>{drawn}</ol>
            </div>
        </div>
    }
}

/// Where one is, in full.
fn window_href() -> String {
    window().location().href().unwrap_or_default()
}

/// A line that is in sight.
#[component]
fn Drawn(
    /// What it says.
    line: core::Line,
    /// How many lines there are.
    count: usize,
    /// The line that is looked at.
    active: RwSignal<Option<usize>>,
    /// The hit that is looked at.
    hit: RwSignal<Option<usize>>,
    /// All hits.
    hits: Memo<Hits>,
    /// Chooses it.
    choose: impl Fn() + 'static,
) -> impl IntoView {
    let _ = hits;
    let index = line.number - 1;
    let is_active = Memo::new(move |_| active.get() == Some(index));
    let spans = line.spans.into_iter().map(|span| match span.hit {
        Some(number) => {
            let class = span.style.class();
            view! { <mark class=class class:on=move || hit.get() == Some(number)>{span.text}</mark> }
                .into_any()
        }
        None if span.style.class().is_empty() => span.text.into_any(),
        None => view! { <span class=span.style.class()>{span.text}</span> }.into_any(),
    });
    let cut = (line.cut > 0).then(|| {
        view! { <span class="dim">{format!(" … {} more bytes, all in the download", thousands(line.cut))}</span> }
    });
    let clock = (!line.time.is_empty()).then(|| times::clock(&line.time, browser::offset()));
    view! {
        <li
            id=format!("L{}", line.number)
            role="option"
            class:bad=line.is_error
            aria-selected=move || is_active.get().to_string()
            aria-posinset=line.number.to_string()
            aria-setsize=count.to_string()
            data-on=move || is_active.get().then_some("")
            on:click=move |_| choose()
        >
            <span class="ln">{line.number}</span>
            <time title=line.time>{clock}</time>
            <span>{line.is_error.then(|| view! { <span class="sr">"stderr "</span> })}{spans.collect_view()}{cut}</span>
        </li>
    }
}

/// Lines that say the same, in one row.
#[component]
fn Folded(
    /// The first.
    from: usize,
    /// The one behind the last.
    to: usize,
    /// The line that is looked at.
    active: RwSignal<Option<usize>>,
    /// Shows them.
    unfold: impl Fn() + 'static,
) -> impl IntoView {
    let is_active = Memo::new(move |_| active.get() == Some(from));
    view! {
        <li
            id=format!("L{}", from + 1)
            role="option"
            class="fold g"
            aria-selected=move || is_active.get().to_string()
            data-on=move || is_active.get().then_some("")
            on:click=move |_| unfold()
        >
            <Icon name="chev"/>
            {format!("Lines {} to {}, folded: they repeat the one above", thousands(from + 1), thousands(to))}
        </li>
    }
}
