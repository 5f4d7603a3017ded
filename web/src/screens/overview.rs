//! Overview.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Overview() -> impl IntoView {
    view! {
        <Title text="Overview"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Overview"</h1></header></main>
    }
}
