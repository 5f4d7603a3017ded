//! Open a source.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn SignIn() -> impl IntoView {
    view! {
        <Title text="Open a source"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Open a source"</h1></header></main>
    }
}
