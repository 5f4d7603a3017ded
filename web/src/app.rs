//! The page: its frame, and the screen that the address names.

use leptos::context::Provider;
use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::hosts::stores::Located;

use crate::browser;
use crate::frame::{Badges, KeysDialog, Notes, TopBar};
use crate::keys::{self, Letters};
use crate::nav::{Nav, use_nav};
use crate::net;
use crate::oauth::{self, Refusal};
use crate::reading::Reading;
use crate::route::Screen;
use crate::screens::later::{Later, Rest};
use crate::screens::overview::Overview;
use crate::sources::{self, Listed, Looked, Sources};
use crate::store::Store;

/// Everything in the page.
#[component]
pub fn App() -> impl IntoView {
    let nav = Nav::start();
    let sources = Sources(RwSignal::new(Listed::default()));
    provide_context(nav);
    provide_context(sources);
    provide_context(Badges::default());
    provide_context(crate::travel::Travels::default());
    provide_context(Letters::remembered());
    provide_context(Later::new());
    let help = RwSignal::new(false);
    keys::of_every_screen(help);
    net::watch_policy();
    let refusal = Refusal(RwSignal::new(None));
    provide_context(refusal);
    // Nothing is asked of a host before it is clear as whom.
    let signed_in = RwSignal::new(false);
    spawn_local(async move {
        if let Some(outcome) = oauth::end().await {
            refusal.0.set(outcome.err());
            nav.read();
        }
        let place = nav.route_now().place;
        if let Looked::At(located) = Listed::Reading.look(&place) {
            renew(&located).await;
            signed_in.set(true);
        }
        let listed = sources::list().await;
        if let Looked::At(located) = listed.look(&place)
            && !signed_in.get_untracked()
        {
            renew(&located).await;
        }
        sources.0.set(listed);
        signed_in.set(true);
    });
    // Another store, or another moment of it, is another page.
    let looked = Memo::new(move |before: Option<&(Looked, Option<String>, bool)>| {
        let mut route = nav.route();
        // The whole hash of the commit that is looked at names no other moment than its start.
        let start = before.and_then(|(_, at, _)| at.clone());
        if let (Some(start), Some(at)) = (start, &route.at)
            && at.starts_with(&start)
        {
            route.at = Some(start);
        }
        let looked =
            if signed_in.get() { sources.0.with(|listed| listed.look(&route.place)) } else { Looked::NotYet };
        // Where there is no store, only choosing one is a screen.
        let chooses = !matches!(looked, Looked::At(_)) && route.screen == Screen::SignIn;
        (looked, route.at, chooses)
    });
    // The fragment of the address is the screens' own, so it is not left to the browser.
    let skip = |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        browser::focus("main h1");
    };
    view! {
        <a class="skip" href="#main" on:click=skip>"Skip to content"</a>
        {move || {
            let (looked, at, chooses) = looked.get();
            view! { <Inside looked at chooses/> }
        }}
        <KeysDialog open=help/>
    }
}

/// Renews the tokens for a store's hosts, where they are about to expire.
async fn renew(located: &Located) {
    oauth::renew(&located.state.host).await;
    oauth::renew(&located.intent.host).await;
}

/// The page of one store.
#[component]
fn Inside(
    /// Which.
    looked: Looked,
    /// As of which commit of its state.
    at: Option<String>,
    /// Whether there is none, and one is being chosen.
    chooses: bool,
) -> impl IntoView {
    match looked {
        Looked::At(located) => {
            let store = Store::new(Reading::open(&located, at.as_deref()));
            let renewed = located.clone();
            browser::every(60, move || {
                let located = renewed.clone();
                spawn_local(async move { renew(&located).await });
            });
            let back = window_event_listener_untyped("visibilitychange", move |_| {
                if document().visibility_state() == leptos::web_sys::VisibilityState::Visible {
                    store.reading().catch_up();
                }
            });
            on_cleanup(move || back.remove());
            // For what is within only: the next store, or none, must not find this one.
            let source = located.name.clone();
            view! {
                <Provider value=store>
                    <Provider value=*located>
                        <TopBar source/>
                        <Screens/>
                    </Provider>
                </Provider>
            }
            .into_any()
        }
        // One must be able to choose a source whatever is wrong with the one that is named.
        _ if chooses => view! {
            <TopBar source="No source"/>
            <Rest screen=Screen::SignIn/>
        }
        .into_any(),
        Looked::NotYet => view! { <TopBar source=""/><main id="main" aria-busy="true"><h1 class="sr" tabindex="-1">"Ocuroot"</h1></main> }.into_any(),
        Looked::Nothing => view! {
            <TopBar source="No source"/>
            <Rest screen=Screen::SignIn/>
        }
        .into_any(),
        Looked::Wrong(why) => view! {
            <TopBar source="No source"/>
            <Rest screen=Screen::NoSource(why)/>
        }
        .into_any(),
    }
}

/// The screen that the address names.
#[component]
fn Screens() -> impl IntoView {
    let nav = use_nav();
    let preview = use_context::<Located>().and_then(|located| located.preview);
    // There is nothing to be looked over but what is previewed.
    let screen = Memo::new(move |_| match (nav.route().screen, &preview) {
        (Screen::Overview, Some(release)) => Screen::Release(release.clone(), None),
        (screen, _) => screen,
    });
    // Not on the first screen: there the browser decides where the focus is.
    Effect::new(move |before: Option<()>| {
        screen.track();
        if before.is_some() {
            request_animation_frame(|| {
                browser::focus("main h1");
            });
        }
    });
    Effect::new(move |_| {
        if let Some(body) = document().body() {
            let fits = matches!(screen.get(), Screen::Overview | Screen::Explorer(_));
            let _ = body.class_list().toggle_with_force("fit", fits);
        }
    });
    // The Explorer stays where it is when another document is chosen: its list is long.
    let shown = Memo::new(move |_| match screen.get() {
        Screen::Explorer(_) => Screen::Explorer(None),
        other => other,
    });
    let screen = move || match shown.get() {
        Screen::Overview => view! { <Overview/> }.into_any(),
        screen => view! { <Rest screen/> }.into_any(),
    };
    view! { <Notes/>{screen} }
}
