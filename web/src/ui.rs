//! The small parts that screens are put together from.
//!
//! They are named as in the style sheet. None of them decides anything: words, tones and links come
//! from core.

use std::borrow::Cow;

use leptos::prelude::*;
pub use ocuroot_core::numbers::thousands;
use ocuroot_core::screens::{Tone, Word};
use ocuroot_core::{Ref, times};

use crate::browser;
use crate::nav::use_nav;
use crate::reading::{Progress, ReadProblem, Remedy};
use crate::route::Screen;

/// A symbol of the sprite in index.html.
#[component]
pub fn Icon(
    /// Its name there, without `i-`.
    name: &'static str,
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let class = if class.is_empty() { "i".to_owned() } else { format!("i {class}") };
    view! {
        <svg class=class aria-hidden="true">
            <use href=format!("#i-{name}")></use>
        </svg>
    }
}

/// The symbol of a status.
#[must_use]
pub fn shape(word: Word) -> &'static str {
    match word {
        Word::Failed | Word::Retried => "fail",
        Word::NeedsApproval => "gate",
        Word::Stale => "warn",
        Word::Differs => "drift",
        Word::Running => "run",
        Word::Frozen => "frozen",
        Word::Waiting => "wait",
        Word::Queued | Word::Pending => "pend",
        Word::Cancelled => "cancel",
        Word::Complete => "ok",
    }
}

/// The class of a tone.
#[must_use]
pub fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::You => "you",
        Tone::Warn => "warn",
        Tone::Ok => "ok",
        Tone::Off => "off",
    }
}

/// The symbol of a status alone; a word must stand beside it, or be read out.
#[component]
pub fn Shape(
    /// The status.
    word: Word,
) -> impl IntoView {
    let class = if word == Word::Running { "spin" } else { "" };
    view! { <Icon name=shape(word) class=class/> }
}

/// Shape and word of a status.
#[component]
pub fn Status(
    /// The status.
    word: Word,
    /// Another text than its word.
    #[prop(optional, into)]
    text: Option<String>,
) -> impl IntoView {
    view! {
        <span class=format!("st {}", tone(word.tone()))>
            <Shape word/>
            {text.unwrap_or_else(|| word.to_string())}
        </span>
    }
}

/// A moment, as its age: one unit. The full time is in its title. Nothing where there is no time.
#[component]
pub fn Age(
    /// RFC 3339.
    #[prop(into)]
    time: String,
    /// For a cell, where there is little room.
    #[prop(optional)]
    short: bool,
) -> impl IntoView {
    let seconds = times::seconds(&time, &browser::now())?;
    let text = if short { times::short_age(seconds) } else { times::age(seconds) };
    let title = format!("{} ({time})", times::moment(&time, &browser::now(), browser::offset()));
    Some(view! { <time datetime=time title=title>{unbroken(&text)}</time> })
}

/// A moment as such: `9 May 10:12`. Nothing where there is no time.
#[component]
pub fn Moment(
    /// RFC 3339.
    #[prop(into)]
    time: String,
) -> impl IntoView {
    let text = (!time.is_empty()).then(|| times::moment(&time, &browser::now(), browser::offset()))?;
    Some(view! { <time datetime=time.clone() title=time>{unbroken(&text)}</time> })
}

/// How long something has been going on, which goes on: `1:12 of ~3 min`.
#[component]
pub fn Elapsed(
    /// When it began, RFC 3339.
    #[prop(into)]
    since: String,
    /// How long it takes as a rule, in seconds.
    #[prop(optional_no_strip)]
    usual: Option<u64>,
) -> impl IntoView {
    let now = RwSignal::new(browser::now());
    browser::every(1, move || now.set(browser::now()));
    let usual = usual.map(|usual| format!(" of ~{}", times::age(usual))).unwrap_or_default();
    let begun = since.clone();
    let text = move || {
        let seconds = times::seconds(&begun, &now.get())?;
        Some(unbroken(&format!("{}{usual}", times::elapsed(seconds))))
    };
    view! { <time datetime=since.clone() title=since>{text}</time> }
}

/// A number must not part from its unit.
#[must_use]
pub fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// A ref's text, which may break after `/` and before `#` and nowhere else.
#[component]
pub fn Breakable(
    /// The text.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let mut parts = vec![String::new()];
    for c in text.chars() {
        if c == '#' {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        if c == '/' {
            parts.push(String::new());
        }
    }
    parts.into_iter().map(|part| view! { {part}<wbr/> }).collect_view()
}

/// A ref as a link: to the screen that shows what it names, or to its document.
#[component]
pub fn RefLink(
    /// Where it leads.
    reference: Ref,
    /// What it is called here; the ref itself if nothing is given.
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    let nav = use_nav();
    let screen = Screen::of(&reference);
    let text = label.unwrap_or_else(|| reference.to_string());
    view! {
        <span class="ref">
            <a href=move || nav.href(screen.clone()) title=reference.to_string()><Breakable text/></a>
        </span>
    }
}

/// A button that copies a text, and says so.
#[component]
pub fn Copy(
    /// What is copied.
    #[prop(into)]
    text: String,
    /// What the button says.
    #[prop(default = "Copy".into(), into)]
    label: Cow<'static, str>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let act = move |_| {
        browser::copy(&text);
        copied.set(true);
        set_timeout(
            move || {
                let _ = copied.try_set(false);
            },
            std::time::Duration::from_millis(1500),
        );
    };
    view! {
        <button type="button" class="btn sm end" on:click=act>
            {move || if copied.get() { Cow::Borrowed("Copied") } else { label.clone() }}
        </button>
    }
}

/// A command to be typed elsewhere, with a button that copies it.
#[component]
pub fn Command(
    /// The command line.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <p class="row"><code>{text.clone()}</code><Copy text/></p> }
}

/// What is so, why, and what to do, in the pane that it is about.
#[component]
pub fn State(
    /// The symbol.
    icon: &'static str,
    /// `bad`, `you`, `warn`, `ok` or nothing.
    #[prop(optional)]
    tone: &'static str,
    /// What is so.
    #[prop(into)]
    title: String,
    /// Why, and what to do.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("state {tone}")>
            <Icon name=icon/>
            <h2>{title}</h2>
            {children()}
        </div>
    }
}

/// A line across the pane: what is the matter, then one action.
#[component]
pub fn Note(
    /// The symbol.
    icon: &'static str,
    /// `bad`, `you`, `warn`, `ok` or nothing.
    #[prop(optional)]
    tone: &'static str,
    /// The text, in a `<p>`, and one action.
    children: Children,
) -> impl IntoView {
    view! { <div class=format!("note {tone}")><Icon name=icon/>{children()}</div> }
}

/// After so many seconds one may want to stop a load.
const LONG: u64 = 4;

/// Still grey bars, a count, and for a long load how far it is and a way out.
#[component]
pub fn Skeleton(
    /// How far it is.
    progress: Signal<Progress>,
) -> impl IntoView {
    let line = move || {
        progress.with(|progress| match progress.what.as_str() {
            "" => "Reading".to_owned(),
            what => what.to_owned(),
        })
    };
    let bar = move || {
        let (done, of) = progress.with(|progress| (progress.done, progress.of));
        of.filter(|of| *of > 0).map(|of| {
            view! { <progress value=done.to_string() max=of.to_string() aria-label="How much is read"></progress> }
        })
    };
    let bars = [70, 55, 82, 46, 64, 73]
        .map(|width| view! { <p><span class="sk" style=("--w", format!("{width}%"))></span></p> }.into_any());
    let bars = Vec::from(bars);
    let store = use_context::<crate::store::Store>();
    let seconds = RwSignal::new(0_u64);
    browser::every(1, move || seconds.update(|seconds| *seconds += 1));
    let is_long = Memo::new(move |_| seconds.get() >= LONG);
    let out = move || {
        let store = store.filter(|_| is_long.get())?;
        let so_far = move || format!("{} so far. ", unbroken(&times::duration(seconds.get())));
        Some(view! {
            <p class="dim">{so_far}"What is read is kept: later visits read only what has changed."</p>
            <p class="row"><button type="button" class="btn" on:click=move |_| store.stop()>"Stop here"</button></p>
        })
    };
    view! {
        <div class="sec" aria-busy="true">
            {bars}
            <p class="dim" role="status">{line}</p>
            {bar}
            {out}
        </div>
    }
}

/// Why something cannot be shown, and what to do.
#[component]
pub fn Problem(
    /// What is the matter.
    problem: ReadProblem,
) -> impl IntoView {
    let nav = use_nav();
    let store = use_context::<crate::store::Store>();
    let retry = move |_| {
        if let Some(store) = store {
            store.retry();
        }
    };
    let source = move || nav.href(Screen::SignIn);
    let (icon, tone) = match problem.remedy {
        Remedy::SignIn => ("gate", "you"),
        Remedy::Wait(_) => ("wait", "warn"),
        Remedy::GoOn => ("wait", ""),
        Remedy::Source | Remedy::Now => ("search", ""),
        Remedy::Retry | Remedy::Settings(_) => ("fail", "bad"),
    };
    let remedy = match problem.remedy {
        Remedy::Retry => {
            view! { <button type="button" class="btn" on:click=retry>"Try again"</button> }.into_any()
        }
        Remedy::GoOn => {
            view! { <button type="button" class="btn" on:click=retry>"Go on"</button> }.into_any()
        }
        Remedy::SignIn => view! {
            <a class="btn pri" href=source>"Sign in"</a>
            <button type="button" class="btn" on:click=retry>"Try again"</button>
        }
        .into_any(),
        Remedy::Now => {
            let now = move || nav.route().at(None).to_string();
            view! { <a class="btn pri" href=now>"Back to now"</a> }.into_any()
        }
        Remedy::Source => view! { <a class="btn pri" href=source>"Choose a source"</a> }.into_any(),
        Remedy::Settings(_) | Remedy::Wait(_) => {
            view! { <button type="button" class="btn" on:click=retry>"Try now"</button> }.into_any()
        }
    };
    let wait = match &problem.remedy {
        Remedy::Wait(until) => Some(view! { <Countdown until=*until/> }),
        _ => None,
    };
    let settings = match problem_settings(&problem) {
        [] => None,
        lines => {
            let lines = lines.iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view();
            Some(view! { <ol class="code diff">{lines}</ol> })
        }
    };
    view! {
        <State icon tone title=problem.title.clone()>
            <p role="alert">{problem.message.clone()}</p>
            {settings}
            {wait}
            <p class="row">{remedy}</p>
        </State>
    }
}

fn problem_settings(problem: &ReadProblem) -> &[String] {
    match &problem.remedy {
        Remedy::Settings(lines) => lines,
        _ => &[],
    }
}

/// How long there is to wait. The [reading](crate::reading) itself tries again when it is over.
#[component]
fn Countdown(
    /// In seconds since 1970.
    until: u64,
) -> impl IntoView {
    let left = move || until.saturating_sub(browser::seconds());
    let shown = RwSignal::new(left());
    browser::every(1, move || shown.set(left()));
    view! { <p class="dim">"Again in " {move || times::elapsed(shown.get())}</p> }
}

/// A page's title, for the tab and for who listens.
#[component]
pub fn Title(
    /// Without the name of the tool.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    Effect::new(move |_| document().set_title(&format!("{} · Ocuroot", text.get())));
}
