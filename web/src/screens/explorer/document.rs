//! One document, and what is around it.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::web_sys;
use ocuroot_core::hosts::Side;
use ocuroot_core::screens::explorer::{self, Above, Line, Page, Stored, Token, Unreadable};
use ocuroot_core::{Marker, Ref};

use super::history::{self, History};
use super::href;
use super::tree::Tree;
use crate::browser;
use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::store::{self, Asked, Shown, Sight, use_store};
use crate::ui::{Breakable, Copy, Icon, Note, RefLink, State, Status, thousands, unbroken};

/// As many lines are in the page at once; a log has thousands.
const LINES: usize = 500;

/// The document, its links, what lies below it, its history.
#[component]
pub fn Document(
    /// Spelled with `@` or `+`; its fragment is a field.
    reference: Ref,
) -> impl IntoView {
    let nav = use_nav();
    let page = {
        let reference = reference.clone();
        store::ask(move |sight: &Sight<'_>| explorer::page(sight.snapshot, &reference))
    };
    let back = move || {
        let mut route = nav.route();
        route.screen = Screen::Explorer(None);
        route.to_string()
    };
    let side = if reference.marker() == Some(Marker::Intent) { Marker::Intent } else { Marker::State };
    let path = reference.document().to_state().to_string();
    let heading = reference.to_string();
    let around = move || match page.get() {
        Asked::Answered(page) => Some(around(&page)),
        _ => None,
    };
    let at = reference.document();
    view! {
        <article class="scroll doc" id="doc" aria-labelledby="h-doc" tabindex="0">
            <p class="n sec"><a class="btn sm" href=back>"Back to the list"</a></p>
            <Shown asked=page let:page>{move || body(&page.get())}</Shown>
            {move || matches!(page.get(), Asked::Waiting(_)).then(|| view! { <h1 id="h-doc" class="sr" tabindex="-1">{heading.clone()}</h1> })}
        </article>
        <div class="side scroll">
            <section class="sec below" aria-labelledby="h-in">
                <h2 id="h-in">"Below it"</h2>
                <Tree side start=path reference=Signal::derive(|| None)/>
            </section>
            {around}
            <History reference=at side=if side == Marker::Intent { Side::Intent } else { Side::State }/>
        </div>
    }
}

fn body(page: &Arc<Page>) -> impl IntoView + use<> {
    let nav = use_nav();
    let reference = page.reference.document();
    let crumbs = page
        .above
        .iter()
        .map(|(name, above)| {
            let above = above.clone();
            let to = move || match &above {
                Above::Ref(at) => href(nav, at.clone()),
                Above::Glob(glob) => search(nav, glob),
            };
            view! { <a href=to>{name.clone()}</a> }
        })
        .collect_view();
    let screen = Screen::of(&reference);
    let own = (!matches!(screen, Screen::Explorer(_))).then(|| {
        view! { <a class="btn" href=move || nav.href(screen.clone())>"Open its page"</a> }
    });
    let release = (reference.release_number().is_some() && !reference.subpath().is_empty()).then(|| {
        let release = reference.release_ref();
        let label = format!(
            "{} {}",
            ocuroot_core::screens::titles::package(&release),
            release.release().unwrap_or_default()
        );
        let screen = Screen::Release(release, None);
        view! { <span>"of "<a class="link" href=move || nav.href(screen.clone())>{label}</a></span> }
    });
    let facts = page.stored.as_ref().map(|stored| {
        let short: String = stored.blob.chars().take(7).collect();
        view! {
            <span><code>{stored.body_type.clone()}</code></span>
            <span>{size(stored.size)}</span>
            <span>"blob " <code title=stored.blob.clone()>{short}</code></span>
        }
    });
    let other = page.other_side.clone().map(|other| {
        let text = if other.marker() == Some(Marker::Intent) { "In intent" } else { "In state" };
        view! { <a class="btn" href=move || href(nav, other.clone())>{text}</a> }
    });
    let fragment = page
        .reference
        .fragment()
        .map(|fragment| view! { <span>"field " <code>{fragment.to_owned()}</code></span> });
    view! {
        <header class="head">
            <nav class="crumb" aria-label="Ref">{crumbs}</nav>
            <h1 id="h-doc" tabindex="-1">
                <span class="row">{page.title.clone()} " " {page.word.map(|word| view! { <Status word/> })}</span>
            </h1>
            <p class="meta"><span>{page.kind}</span>{release}{fragment}{facts}</p>
            <div class="row">{own}{other}<Copy text=page.reference.to_string() label="Copy ref"/></div>
        </header>
        {resolved(page)}
        {match (&page.stored, &page.problem) {
            (Some(stored), _) => view! { <Text stored=stored.clone() reference=page.reference.document()/> }.into_any(),
            (None, Some(problem)) => {
                view! { <Invalid reference=page.reference.document() problem=problem.clone()/> }.into_any()
            }
            (None, None) if page.resolved.is_none() => missing(page).into_any(),
            (None, None) => ().into_any(),
        }}
    }
}

/// A link to what a pattern finds.
fn search(nav: Nav, glob: &str) -> String {
    nav.route().to(Screen::Explorer(None)).with("q", glob).to_string()
}

/// Something that is no document, as it is.
#[component]
fn Invalid(
    /// Where it is stored.
    reference: Ref,
    /// What is wrong with it.
    problem: Unreadable,
) -> impl IntoView {
    let store = use_store();
    let raw = RwSignal::new(None::<String>);
    let at = reference.clone();
    spawn_local(async move {
        if let Ok(Some(text)) = history::raw(&store.reading(), &at).await {
            let _ = raw.try_set(Some(text));
        }
    });
    let lines = move || {
        raw.get().map(|text| {
            let line = |(index, line): (usize, &str)| {
                let class = if problem.line == Some(index + 1) { "bad" } else { "" };
                let (shown, more) = explorer::beginning(line);
                view! { <li class=class><span>{shown.to_owned()}{more}</span></li> }
            };
            let mut all = text.lines();
            let lines: Vec<_> = all.by_ref().take(LINES).collect();
            let part = all.next().is_some() || lines.iter().any(|line| line.len() > explorer::LONG);
            let lines = lines.into_iter().enumerate().map(line).collect_view();
            let (name, size) = (file_name(&reference), text.len());
            view! {
                <ol class="code" aria-label="As it is stored">{lines}</ol>
                {part.then(|| view! { <Beginning size save=move |_| browser::download(&name, &text)/> })}
            }
        })
    };
    view! {
        <State icon="fail" tone="bad" title="This document is not valid">
            <p>{problem.why.clone()} ". It is shown as it is; nothing on other screens depends on it."</p>
        </State>
        {lines}
    }
}

/// That a ref means a document that lies elsewhere.
fn resolved(page: &Page) -> Option<impl IntoView + use<>> {
    let nav = use_nav();
    let resolved = page.resolved.clone()?;
    let text = resolved.to_string();
    Some(view! {
        <Note icon="tree">
            <p>"It stands for " <span class="ref"><a href=move || href(nav, resolved.clone())><Breakable text/></a></span></p>
        </Note>
    })
}

fn missing(page: &Page) -> impl IntoView + use<> {
    let nav = use_nav();
    let nearest = page.nearest.clone().map(|nearest| {
        let text = nearest.to_string();
        view! {
            <p>"The nearest that exists:"</p>
            <p><span class="ref"><a href=move || href(nav, nearest.clone())><Breakable text/></a></span></p>
        }
    });
    let text = page.reference.to_string();
    view! {
        <State icon="search" title="No document at this ref">
            <p><span class="ref"><Breakable text/></span></p>
            {nearest}
            <p class="dim">"It may be a folder: what lies below is beside."</p>
        </State>
    }
}

/// What a file of a document is called on one's own disk.
fn file_name(reference: &Ref) -> String {
    format!("{}.json", reference.as_str().replace('/', "-"))
}

/// That only the beginning of something is shown, and a way to the rest.
#[component]
fn Beginning(
    /// How long it is, in bytes.
    size: usize,
    /// Called to save it.
    save: impl Fn(web_sys::MouseEvent) + 'static,
) -> impl IntoView {
    view! {
        <p class="sec row">
            <span class="dim">"Only its beginning is shown, of " {self::size(size)} "."</span>
            <button type="button" class="btn sm" on:click=save>"Download all of it"</button>
        </p>
    }
}

/// The lines, the first of them if they are many.
#[component]
fn Text(
    /// The document.
    stored: Stored,
    /// Where it is stored.
    reference: Ref,
) -> impl IntoView {
    let shown = RwSignal::new(LINES);
    let store = use_store();
    let all = stored.lines.len();
    let lines = stored.lines;
    let save = move |_| {
        let text = store.reading().look(|snapshot, _| match snapshot.get(&reference) {
            Ok(Some(document)) => Some(document.to_text()),
            _ => None,
        });
        if let Some(text) = text {
            browser::download(&file_name(&reference), &text);
        }
    };
    view! {
        {(!stored.whole).then(|| view! { <Beginning size=stored.size save/> })}
        <ol class="code" aria-label="Document">
            {move || lines.iter().take(shown.get()).map(line).collect_view()}
        </ol>
        {move || (all > shown.get()).then(|| view! {
            <p class="sec">
                <button type="button" class="btn sm" on:click=move |_| shown.update(|shown| *shown += 4 * LINES)>
                    "Show more of " {thousands(all)} " lines"
                </button>
            </p>
        })}
    }
}

fn line(line: &Line) -> impl IntoView + use<> {
    let nav = use_nav();
    let tokens = line
        .tokens
        .iter()
        .map(|token| match token {
            Token::Key { text } => view! { <s>{text.clone()}</s> }.into_any(),
            Token::Plain { text } => text.clone().into_any(),
            Token::Ref { text } => {
                let reference = text.parse::<Ref>().unwrap_or_default();
                let text = text.clone();
                view! { <a class="link" href=move || href(nav, reference.clone())><Breakable text/></a> }
                    .into_any()
            }
            Token::Glob { text } => {
                let (text, glob) = (text.clone(), text.clone());
                view! { <a class="link" href=move || search(nav, &glob)><Breakable text/></a> }.into_any()
            }
        })
        .collect_view();
    view! { <li><span>{"  ".repeat(line.depth)}{tokens}</span></li> }
}

/// What it refers to, and what refers to it.
fn around(page: &Arc<Page>) -> impl IntoView + use<> {
    let nav = use_nav();
    let stored = page.stored.as_ref()?;
    let to = stored
        .refers_to
        .iter()
        .map(|target| {
            let text = short(&target.text, &page.reference);
            let title = target.text.clone();
            let link = match target.glob {
                true => {
                    let glob = target.text.clone();
                    view! { <a title=title href=move || search(nav, &glob)><Breakable text/></a> }.into_any()
                }
                false => {
                    let at = target.text.parse::<Ref>().unwrap_or_default();
                    view! { <a title=title href=move || href(nav, at.clone())><Breakable text/></a> }.into_any()
                }
            };
            view! { <li><Icon name=if target.glob { "search" } else { "tree" }/><span class="ref">{link}</span><span></span></li> }
        })
        .collect_view();
    let from = stored
        .referred_by
        .iter()
        .map(|at| {
            let label = short(at.as_str(), &page.reference);
            view! { <li><Icon name="tree"/><RefLink reference=at.clone() label/><span></span></li> }
        })
        .collect_view();
    let none = |what: &'static str| view! { <p class="dim">{what}</p> };
    Some(view! {
        <section class="sec" aria-labelledby="h-links">
            <h2 id="h-links">"Refers to " <small>{stored.refers_to.len()}</small></h2>
            <ul class="list" role="list">{to}</ul>
            {(stored.refers_to.is_empty() && stored.whole).then(|| none("Nothing."))}
            {(!stored.whole).then(|| none("The rest of it was not looked through."))}
        </section>
        <section class="sec" aria-labelledby="h-back">
            <h2 id="h-back">"Referred to by " <small>{stored.referred_by.len()}</small></h2>
            <ul class="list" role="list">{from}</ul>
            {stored.referred_by.is_empty().then(|| none("No link leads here."))}
        </section>
    })
}

/// A ref without the package that the page is about.
fn short(text: &str, context: &Ref) -> String {
    let package = context.package();
    let own = (!package.is_empty()).then(|| text.strip_prefix(package.as_str())).flatten();
    own.map_or(text, |rest| rest.trim_start_matches('/')).to_owned()
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => unbroken(&format!("{bytes} bytes")),
        1024..0x10_0000 => unbroken(&format!("{}.{} KB", bytes / 1024, bytes % 1024 * 10 / 1024)),
        _ => size(bytes / 1024).replace("KB", "MB"),
    }
}
