//! Environments.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Environments() -> impl IntoView {
    view! {
        <Title text="Environments"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Environments"</h1></header></main>
    }
}
