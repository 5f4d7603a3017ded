//! The screens that are loaded later: all but the Overview.
//!
//! [`draw`] is where the bundle is cut (see `cargo xtask bundle`): what only these screens need is a file
//! of its own, a third of the page's code. It is loaded once the Overview is drawn, or when another
//! screen is opened first:
//!
//! ```text
//! ./                      app.wasm, the Overview, then screens.wasm
//! ./?view=release&ref=…   app.wasm and then screens.wasm, the release
//! ```

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use ocuroot_core::Ref;
use ocuroot_core::hosts::stores::Located;

use super::{
    custom, diff, draft, environment, environments, explorer, history, nowhere, package, plan, release,
    signin,
};
use crate::nav::use_nav;
use crate::route::Screen;
use crate::ui::{Note, State};
use crate::{apart, browser};

/// Where the later screens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Elsewhere,
    OnTheWay,
    Here,
    /// The file could not be had, as when the page has been replaced by a newer one.
    Lost,
}

/// The screens that are loaded later.
#[derive(Clone, Copy, Debug)]
pub struct Later(RwSignal<Stage>);

impl Later {
    /// Nothing is loaded yet.
    #[must_use]
    pub fn new() -> Later {
        Later(RwSignal::new(Stage::Elsewhere))
    }

    /// Loads them, if that has not been done.
    pub fn load(self) {
        if matches!(self.0.get_untracked(), Stage::Elsewhere | Stage::Lost) {
            self.0.set(Stage::OnTheWay);
            spawn_local(async move {
                let loaded = load().await;
                self.0.set(if loaded.is_ok() { Stage::Here } else { Stage::Lost });
            });
        }
    }
}

impl Default for Later {
    fn default() -> Later {
        Later::new()
    }
}

/// A screen other than the Overview; until it is here, that it is on its way.
#[component]
pub fn Rest(
    /// Which.
    screen: Screen,
) -> impl IntoView {
    let later = use_context::<Later>().unwrap_or_default();
    later.load();
    move || {
        match later.0.get() {
        Stage::Here => {
            // Whoever was led to the heading that stood for this one is led to this one.
            let heading = document().query_selector("main[aria-busy] h1").ok().flatten();
            if heading.is_some() && heading == document().active_element() {
                request_animation_frame(|| {
                    browser::focus("main h1");
                });
            }
            match at_once(draw(screen.clone())) {
                Some(Ok(drawn)) => drawn,
                _ => lost(later),
            }
        }
        Stage::Elsewhere | Stage::OnTheWay => view! {
            <main id="main" aria-busy="true">
                <header class="head"><h1 tabindex="-1">"Ocuroot"</h1><p class="meta">"Loading this screen."</p></header>
            </main>
        }
        .into_any(),
        Stage::Lost => lost(later),
    }
    }
}

fn lost(later: Later) -> AnyView {
    let reload = |_| {
        let _ = window().location().reload();
    };
    view! {
        <main id="main">
            <header class="head"><h1 tabindex="-1">{apart::LOST}</h1></header>
            <State icon="fail" tone="bad" title="This screen could not be loaded">
                <p role="alert">{apart::WHY}</p>
                <p class="row">
                    <button type="button" class="btn pri" on:click=reload>"Reload the page"</button>
                    <button type="button" class="btn" on:click=move |_| later.load()>"Try again"</button>
                </p>
            </State>
        </main>
    }
    .into_any()
}

/// What a future gives without waiting.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Draws a screen, in the module that has them.
#[wasm_split(screens, wasm_split_path = ::leptos::wasm_split, fallible, preload(load))]
fn draw(screen: Screen) -> Result<AnyView, SplitLoaderError> {
    let preview = preview_of(&screen);
    let drawn = match screen {
        // The app draws it itself.
        Screen::Overview => ().into_any(),
        Screen::Package(package) => view! { <package::Package package/> }.into_any(),
        Screen::Release(release, with) => view! { <release::Release release with/> }.into_any(),
        Screen::Environments => view! { <environments::Environments/> }.into_any(),
        Screen::Environment(name, with) => view! { <environment::Environment name with/> }.into_any(),
        Screen::Custom => view! { <custom::Custom/> }.into_any(),
        Screen::Explorer(_) => view! { <explorer::Explorer/> }.into_any(),
        Screen::Diff => view! { <diff::Diff/> }.into_any(),
        Screen::Plan => view! { <plan::Plan/> }.into_any(),
        Screen::History => view! { <history::History/> }.into_any(),
        Screen::Draft => view! { <draft::Draft/> }.into_any(),
        Screen::SignIn => view! { <signin::SignIn/> }.into_any(),
        Screen::Nowhere(view) => view! { <nowhere::NoScreen view/> }.into_any(),
        Screen::NoSource(why) => view! { <nowhere::NoSource why/> }.into_any(),
    };
    Ok(view! { {preview.map(|release| view! { <AsIf release/> })}{drawn} }.into_any())
}

/// The release that is previewed, on screens that do not say so themselves.
fn preview_of(screen: &Screen) -> Option<Ref> {
    let preview = use_context::<Located>()?.preview?;
    (!matches!(screen, Screen::Release(..))).then_some(preview)
}

/// Says that what one sees is no store.
#[component]
fn AsIf(
    /// What would be made.
    release: Ref,
) -> impl IntoView {
    let nav = use_nav();
    let to = Screen::Release(release, None);
    view! {
        <div role="status">
            <Note icon="pend" tone="you">
                <p><b>"This is a preview: nothing has been released. "</b>"One sees what would be there right after the release was made."</p>
                <a class="btn sm" href=move || nav.href(to.clone())>"What would run"</a>
            </Note>
        </div>
    }
}
