//! Documents: those that a pattern finds, and one of them.

pub mod document;
pub mod finder;
pub mod history;
pub mod tree;

use leptos::prelude::*;
use ocuroot_core::{Marker, Ref};

use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::ui::{State, Title};
use document::Document;
use finder::Finder;

/// The screen. It stays while one goes from document to document.
#[component]
pub fn Explorer() -> impl IntoView {
    let nav = use_nav();
    let reference = Memo::new(move |_| match nav.route().screen {
        Screen::Explorer(reference) => reference,
        _ => None,
    });
    let title =
        move || reference.get().map_or_else(|| "Explorer".to_owned(), |reference| reference.to_string());
    let class = move || if reference.get().is_some() { "split exp on" } else { "split exp" };
    let document = move || {
        match reference.get() {
        Some(reference) => view! { <Document reference/> }.into_any(),
        None => view! {
            <article class="scroll doc">
                <State icon="tree" title="A document is shown here">
                    <p>"Search for a package, a release, an environment or a commit, type a pattern, or go through the tree."</p>
                    <dl class="kv">
                        <dt><code>"**/@/deploy/prod*"</code></dt><dd>"what is deployed to production"</dd>
                        <dt><code>"**/checkout/**/@r14?"</code></dt><dd>"releases 140 to 149 of checkout"</dd>
                        <dt><code>"+/environment/*"</code></dt><dd>"environments, as intent"</dd>
                    </dl>
                </State>
            </article>
            <div class="side"></div>
        }
        .into_any(),
    }
    };
    view! {
        <Title text=Signal::derive(title)/>
        <main id="main" class=class>
            <Finder reference/>
            {document}
        </main>
    }
}

/// A link to a document that keeps what the list shows.
fn href(nav: Nav, reference: Ref) -> String {
    let mut route = nav.route();
    route.screen = Screen::Explorer(Some(reference));
    route.to_string()
}

/// A ref of a path of a store, which has `@` in it on both sides.
fn spelled(side: Marker, path: &str) -> Option<Ref> {
    let reference: Ref = path.parse().ok()?;
    Some(if side == Marker::Intent { reference.to_intent() } else { reference })
}
