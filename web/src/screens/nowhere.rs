//! Addresses that lead nowhere, and the ways on.

use leptos::prelude::*;

use super::signin::Offers;
use crate::nav::use_nav;
use crate::route::Screen;
use crate::ui::{State, Title};

/// There is no such screen.
#[component]
pub fn NoScreen(
    /// What the address calls it.
    view: String,
) -> impl IntoView {
    let nav = use_nav();
    let why = match view.as_str() {
        "package" | "release" => format!("The address should say which {view}, by its ref, and does not."),
        _ => format!(
            "The address names the screen “{view}”. A newer dashboard may have one that is called so."
        ),
    };
    let ways = [
        ("Overview", Screen::Overview),
        ("Environments", Screen::Environments),
        ("Plan", Screen::Plan),
        ("Explorer", Screen::Explorer(None)),
    ];
    let ways = ways.map(|(name, screen)| {
        let class = if screen == Screen::Overview { "btn pri" } else { "btn" };
        view! { <a class=class href=move || nav.href(screen.clone())>{name}</a> }
    });
    view! {
        <Title text="No such screen"/>
        <main id="main">
            <header class="head"><h1 tabindex="-1">"No such screen"</h1></header>
            <State icon="search" title="Nothing is shown under this address">
                <p role="alert">{why}</p>
                <p class="row">{ways.into_iter().collect_view()}</p>
            </State>
        </main>
    }
}

/// There is no such store; but maybe others.
#[component]
pub fn NoSource(
    /// Why.
    why: String,
) -> impl IntoView {
    let nav = use_nav();
    view! {
        <Title text="No source"/>
        <main id="main">
            <header class="head"><h1 tabindex="-1">"This is no source"</h1></header>
            <State icon="search" title="Nothing can be read there">
                <p role="alert">{why}</p>
                <p class="row"><a class="btn pri" href=move || nav.href(Screen::SignIn)>"Choose a source"</a></p>
            </State>
            <Offers/>
        </main>
    }
}
