//! History.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn History() -> impl IntoView {
    view! {
        <Title text="History"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"History"</h1></header></main>
    }
}
