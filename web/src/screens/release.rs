//! Release.

use leptos::prelude::*;
use ocuroot_core::Ref;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Release(
    /// Which one.
    release: Ref,
    /// What it is compared with.
    with: Option<Ref>,
) -> impl IntoView {
    let _ = release;
    let _ = with;
    view! {
        <Title text="Release"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Release"</h1></header></main>
    }
}
