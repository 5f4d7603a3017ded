//! Edits to intent, collected until they are proposed.

use leptos::prelude::*;

use crate::nav::use_nav;
use crate::route::Screen;
use crate::ui::{Command, State, Title};

/// The screen. So far it says how intent is changed without it.
#[component]
pub fn Draft() -> impl IntoView {
    let nav = use_nav();
    view! {
        <Title text="Draft"/>
        <main id="main">
            <header class="head"><h1 tabindex="-1">"Draft"</h1></header>
            <State icon="edit" title="Nothing is drafted">
                <p>
                    "This page does not propose edits yet. Intent is changed from the command line, or by a \
                     commit to its branch; the next work carries it out. To approve, for example:"
                </p>
                <Command text="ocuroot state set ./-/web/release.ocu.star/@r4/custom/approve yes"/>
                <p class="row">
                    <a class="btn" href=move || nav.href(Screen::Custom)>"What waits for somebody"</a>
                    <a class="btn" href=move || nav.href(Screen::Plan)>"The plan"</a>
                </p>
            </State>
        </main>
    }
}
