//! Sentences of core, with their refs as links.

use leptos::prelude::*;
use ocuroot_core::why::{Part, Sentence};

use crate::ui::{RefLink, unbroken};

/// A sentence.
#[component]
pub fn Says(
    /// What is said.
    sentence: Sentence,
) -> impl IntoView {
    let parts = sentence.parts().iter().map(|part| match part {
        Part::Text(text) => view! { {text.clone()} }.into_any(),
        Part::Ref { reference, label } => {
            view! { <RefLink reference=reference.clone() label=unbroken(label)/> }.into_any()
        }
        Part::Command { command } => view! { <code>{command.clone()}</code> }.into_any(),
    });
    parts.collect_view()
}
