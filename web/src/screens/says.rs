//! Sentences of core, with their refs as links.

use leptos::prelude::*;
use ocuroot_core::why::{Part, Sentence};
use ocuroot_core::{Kind, Ref};

use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::ui::{RefLink, unbroken};

/// A sentence.
#[component]
pub fn Says(
    /// What is said.
    sentence: Sentence,
) -> impl IntoView {
    let nav = use_nav();
    let parts = sentence.parts().iter().map(|part| match part {
        Part::Text(text) => view! { {text.clone()} }.into_any(),
        Part::Ref { reference, label } if is_run(reference) => {
            let (run, title, label) = (reference.clone(), reference.to_string(), unbroken(label));
            view! { <a class="link" href=run_href(nav, &run) title=title>{label}</a> }.into_any()
        }
        Part::Ref { reference, label } => {
            view! { <RefLink reference=reference.clone() label=unbroken(label)/> }.into_any()
        }
        Part::Command { command } => view! { <code>{command.clone()}</code> }.into_any(),
    });
    parts.collect_view()
}

/// Whether a ref names a task or deployment of a release, or a run of one.
fn is_run(reference: &Ref) -> bool {
    let of_release = reference.release().is_some_and(|release| !release.is_empty());
    of_release && matches!(reference.kind(), Some(Kind::Task | Kind::Deploy))
}

/// A link to a run on its release's screen; on that screen itself, to the run.
pub fn run_href(nav: Nav, run: &Ref) -> String {
    let release = run.release_ref();
    let within = run.as_str().strip_prefix(release.as_str()).unwrap_or_default().trim_start_matches('/');
    let route = nav.route_now();
    match &route.screen {
        Screen::Release(here, None) if *here == release => format!("#{within}"),
        _ => format!("{}#{within}", route.to(Screen::Release(release, None))),
    }
}
