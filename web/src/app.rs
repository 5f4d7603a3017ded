//! The page's content.

use leptos::prelude::*;

use crate::screens::SCREENS;

/// What stands in the page's frame.
#[component]
pub fn App() -> impl IntoView {
    let screens = SCREENS.map(|screen| {
        view! {
            <div>
                <dt>{screen.name}</dt>
                <dd>{screen.shows}</dd>
            </div>
        }
    });
    view! {
        <h1>"Ocuroot dashboard"</h1>
        <p>
            "Here you will see which release is live in which environment, what waits and for what, \
             and propose changes under your own name. The page has no server: it will read your \
             stores where they are, in your browser."
        </p>
        <h2>"Screens to come"</h2>
        <dl class="screens">{screens}</dl>
        <p><small>"Version " {ocuroot_core::VERSION}</small></p>
    }
}
