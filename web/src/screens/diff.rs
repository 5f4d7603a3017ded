//! Intent and state.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Diff() -> impl IntoView {
    view! {
        <Title text="Intent and state"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Intent and state"</h1></header></main>
    }
}
