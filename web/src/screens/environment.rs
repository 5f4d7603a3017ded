//! Environment.

use leptos::prelude::*;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Environment(
    /// Which one.
    name: String,
    /// What it is compared with.
    with: Option<String>,
) -> impl IntoView {
    let _ = name;
    let _ = with;
    view! {
        <Title text="Environment"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Environment"</h1></header></main>
    }
}
