//! Explorer.

use leptos::prelude::*;
use ocuroot_core::Ref;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Explorer(
    /// Which one.
    reference: Option<Ref>,
) -> impl IntoView {
    let _ = reference;
    view! {
        <Title text="Explorer"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Explorer"</h1></header></main>
    }
}
