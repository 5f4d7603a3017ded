//! Package.

use leptos::prelude::*;
use ocuroot_core::Ref;

use crate::ui::Title;

/// The screen.
#[component]
pub fn Package(
    /// Which one.
    package: Ref,
) -> impl IntoView {
    let _ = package;
    view! {
        <Title text="Package"/>
        <main id="main"><header class="head"><h1 tabindex="-1">"Package"</h1></header></main>
    }
}
