//! Edits to intent, collected until they are proposed.

use leptos::prelude::*;
use ocuroot_core::commands;
use ocuroot_core::{Kind, Ref};

use crate::nav::{Nav, use_nav};
use crate::route::Screen;
use crate::ui::{Command, RefLink, State, Title};

/// What is to be approved, in the address.
const APPROVE: &str = "approve";

/// A link to where custom state is set that something waits for. None of the past: what waited then may
/// not wait now.
pub fn approve(nav: Nav, custom: &Ref) -> Option<String> {
    let here = nav.route_now();
    here.at.is_none().then(|| here.to(Screen::Draft).with(APPROVE, custom.as_str()).to_string())
}

/// The screen. So far it says how intent is changed without it.
#[component]
pub fn Draft() -> impl IntoView {
    let nav = use_nav();
    let custom = move || {
        let custom = nav.param(APPROVE).parse::<Ref>().ok()?;
        (custom.kind() == Some(Kind::Custom)).then_some(custom)
    };
    view! {
        <Title text="Draft"/>
        <main id="main">
            <header class="head"><h1 tabindex="-1">"Draft"</h1></header>
            {move || match custom() {
                Some(custom) => view! { <Approve custom/> }.into_any(),
                None => view! { <Nothing/> }.into_any(),
            }}
        </main>
    }
}

/// How custom state is set.
#[component]
fn Approve(
    /// Which.
    custom: Ref,
) -> impl IntoView {
    let nav = use_nav();
    let release = (!custom.is_global()).then(|| {
        let screen = Screen::Release(custom.release_ref(), None);
        view! { <a class="btn" href=move || nav.href(screen.clone())>"Its release"</a> }
    });
    let command = commands::approve(&custom);
    view! {
        <State icon="gate" tone="you" title=format!("To approve: {}", custom.subpath())>
            <p><RefLink reference=custom/></p>
            <p>
                "It is one document in intent. Setting it runs nothing by itself: the next work goes on. \
                 This page does not propose edits yet; this command sets it, to any value:"
            </p>
            <Command text=command/>
            <p class="row">
                {release}
                <a class="btn" href=move || nav.href(Screen::Custom)>"What waits for somebody"</a>
            </p>
        </State>
    }
}

/// There are no edits.
#[component]
fn Nothing() -> impl IntoView {
    let nav = use_nav();
    view! {
        <State icon="edit" title="Nothing is drafted">
            <p>
                "This page does not propose edits yet. Intent is changed from the command line, by \
                 " <code>"ocuroot state set"</code> ", or by a commit to its branch; the next work carries it \
                 out. What waits for somebody has the command with it."
            </p>
            <p class="row">
                <a class="btn" href=move || nav.href(Screen::Custom)>"What waits for somebody"</a>
                <a class="btn" href=move || nav.href(Screen::Plan)>"The plan"</a>
            </p>
        </State>
    }
}
