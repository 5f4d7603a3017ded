//! The page: its frame, and the screen that the address names.

use leptos::prelude::*;

use crate::browser;
use crate::frame::{Badges, KeysDialog, TopBar, name_of};
use crate::keys::{self, Letters};
use crate::nav::{Nav, use_nav};
use crate::reading::Reading;
use crate::route::Screen;
use crate::screens;
use crate::store::Store;

/// Everything in the page.
#[component]
pub fn App() -> impl IntoView {
    let nav = Nav::start();
    provide_context(nav);
    provide_context(Badges::default());
    provide_context(Letters::remembered());
    let help = RwSignal::new(false);
    keys::of_every_screen(help);
    let place = Memo::new(move |_| (nav.route().place, nav.route().at));
    let inside = move || {
        // Another store, or another moment of it, is another page.
        let (place, _at) = place.get();
        provide_context(Store::new(Reading::default()));
        let source = name_of(&place);
        view! {
            <TopBar source=source freshness=().into_any() viewer=None/>
            <Screens/>
        }
    };
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        {inside}
        <KeysDialog open=help/>
    }
}

/// The screen that the address names.
#[component]
fn Screens() -> impl IntoView {
    let nav = use_nav();
    let screen = Memo::new(move |_| nav.route().screen);
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
    move || match screen.get() {
        Screen::Overview => view! { <screens::overview::Overview/> }.into_any(),
        Screen::Package(package) => view! { <screens::package::Package package/> }.into_any(),
        Screen::Release(release, with) => view! { <screens::release::Release release with/> }.into_any(),
        Screen::Environments => view! { <screens::environments::Environments/> }.into_any(),
        Screen::Environment(name, with) => {
            view! { <screens::environment::Environment name with/> }.into_any()
        }
        Screen::Custom => view! { <screens::custom::Custom/> }.into_any(),
        Screen::Explorer(reference) => view! { <screens::explorer::Explorer reference/> }.into_any(),
        Screen::Diff => view! { <screens::diff::Diff/> }.into_any(),
        Screen::Plan => view! { <screens::plan::Plan/> }.into_any(),
        Screen::History => view! { <screens::history::History/> }.into_any(),
        Screen::Draft => view! { <screens::draft::Draft/> }.into_any(),
        Screen::SignIn => view! { <screens::signin::SignIn/> }.into_any(),
    }
}
