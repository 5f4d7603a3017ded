//! Draft.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Draft() -> impl IntoView {
    view! {
        <Title text="Draft"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Draft"</h1></header></main>
    }
}
