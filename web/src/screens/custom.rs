//! Custom state.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Custom() -> impl IntoView {
    view! {
        <Title text="Custom state"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Custom state"</h1></header></main>
    }
}
