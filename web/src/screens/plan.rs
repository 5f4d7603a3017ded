//! Plan.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Plan() -> impl IntoView {
    view! {
        <Title text="Plan"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Plan"</h1></header></main>
    }
}
