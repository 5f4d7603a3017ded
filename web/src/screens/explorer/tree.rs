//! Folders, unfolded one by one: nothing is listed that nobody looks at.

use std::collections::BTreeSet;

use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use leptos::web_sys;
use ocuroot_core::screens::explorer::{self, Branch};
use ocuroot_core::{Marker, Ref};

use super::{href, spelled};
use crate::browser;
use crate::nav::use_nav;
use crate::store::{self, Shown, Sight};
use crate::ui::{Icon, Shape, tone};

/// What lies below a folder.
#[component]
pub fn Tree(
    /// In which store.
    side: Marker,
    /// The folder; empty for the root.
    #[prop(into)]
    start: String,
    /// The document that is shown beside.
    #[prop(into)]
    reference: Signal<Option<Ref>>,
) -> impl IntoView {
    let open = RwSignal::new(BTreeSet::<String>::new());
    let active = RwSignal::new(0_usize);
    let lines =
        store::ask(move |sight: &Sight<'_>| explorer::tree(sight.snapshot, side, &start, &open.get()));
    let count = move || {
        lines.with(|lines| match lines {
            store::Asked::Answered(lines) => lines.len(),
            _ => 0,
        })
    };
    let line = move |index: usize| {
        lines.with(|lines| match lines {
            store::Asked::Answered(lines) => lines.get(index).cloned(),
            _ => None,
        })
    };
    // Rows are drawn anew when a folder opens or another row is the active one. What had the focus is gone
    // then, and the next key may come at once: so the focus is set before anything else can happen.
    let focus = move |only_if_lost: bool| {
        spawn_local(async move {
            tick().await;
            let focused = document().query_selector(":focus").ok().flatten();
            if let (Some(at), true) = (active.try_get_untracked(), focused.is_none() || !only_if_lost) {
                browser::focus(&format!("[data-line='{at}']"));
            }
        });
    };
    let go = move |to: usize| {
        active.set(to);
        focus(false);
    };
    // Whoever was in the tree stays there.
    let opened = StoredValue::new(false);
    Effect::new(move |_| {
        lines.track();
        opened.update_value(|opened| *opened |= open.with(|open| !open.is_empty()));
        if opened.get_value() {
            focus(true);
        }
    });
    let fold = move |path: &str, to: bool| {
        open.update(|open| {
            if to {
                open.insert(path.to_owned());
            } else {
                open.remove(path);
            }
        });
    };
    let keyed = move |event: web_sys::KeyboardEvent| {
        let at = untrack(move || active.get());
        let (Some(here), count) = (untrack(move || line(at)), untrack(count)) else { return };
        match event.key().as_str() {
            "ArrowDown" if at + 1 < count => go(at + 1),
            "ArrowUp" if at > 0 => go(at - 1),
            "Home" => go(0),
            "End" => go(count.saturating_sub(1)),
            "ArrowRight" if here.open == Some(false) => fold(&here.child.path, true),
            "ArrowRight" if here.open == Some(true) && at + 1 < count => go(at + 1),
            "ArrowLeft" if here.open == Some(true) => fold(&here.child.path, false),
            "ArrowLeft" => {
                let above = (0..at)
                    .rev()
                    .find(|index| untrack(|| line(*index)).is_some_and(|line| line.level < here.level));
                if let Some(above) = above {
                    go(above);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <Shown asked=lines let:lines>
            {move || {
                let lines = lines.get();
                if lines.is_empty() {
                    return view! { <p class="dim">"Nothing."</p> }.into_any();
                }
                let here = reference.get();
                let active = active.get();
                let rows = lines.iter().enumerate().map(|(index, line)| {
                    one(side, index, line, here.as_ref(), index == active, open)
                });
                view! { <ul class="list refs" role="tree" aria-label="Refs" on:keydown=keyed>{rows.collect_view()}</ul> }.into_any()
            }}
        </Shown>
    }
}

fn one(
    side: Marker,
    index: usize,
    line: &Branch,
    here: Option<&Ref>,
    active: bool,
    open: RwSignal<BTreeSet<String>>,
) -> impl IntoView + use<> {
    let nav = use_nav();
    let Branch { child, level, open: is_open } = line.clone();
    let at = spelled(side, &child.path);
    let on = here.is_some() && here == at.as_ref();
    let tint = child.word.map_or("", |word| tone(word.tone()));
    let mark = match (child.word, is_open) {
        (Some(word), _) => view! { <Shape word/> }.into_any(),
        (None, Some(true)) => view! { <Icon name="chev" class="dn"/> }.into_any(),
        (None, Some(false)) => view! { <Icon name="chev"/> }.into_any(),
        (None, None) => view! { <span></span> }.into_any(),
    };
    let said = child.word.map(|word| view! { <span class="sr">{word.to_string()}</span> });
    let path = child.path.clone();
    let act = move |event: web_sys::Event| {
        if let Some(is_open) = is_open {
            open.update(|open| {
                if is_open {
                    open.remove(&path);
                } else {
                    open.insert(path.clone());
                }
            });
        }
        drop(event);
    };
    let go = {
        let at = at.clone();
        move || {
            if let Some(at) = &at {
                nav.go(&href(nav, at.clone()));
            }
        }
    };
    let clicked = {
        let (act, go, document) = (act.clone(), go.clone(), child.document);
        move |event: leptos::ev::MouseEvent| {
            act(event.into());
            // Whoever opens a folder that may hold a document wants to see that too.
            if document == Some(true) || is_open.is_none() {
                go();
            }
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            event.stop_propagation();
            go();
        } else if event.key() == " " {
            event.prevent_default();
            act(event.into());
        }
    };
    let name = match (side, child.name.strip_prefix('@')) {
        (Marker::Intent, Some(rest)) => format!("+{rest}"),
        _ => child.name.clone(),
    };
    view! {
        <li
            role="treeitem"
            {..custom_attribute("aria-level", level.to_string())}
            aria-selected=on.to_string()
            aria-expanded=is_open.map(|open| open.to_string())
            class=tint
            style=("--d", (level - 1).to_string())
            tabindex=if active { "0" } else { "-1" }
            data-on=on.then_some("")
            data-line=index.to_string()
            data-ref=at.map(|at| at.to_string())
            on:click=clicked
            on:keydown=pressed
        >
            {mark}
            <code>{name}</code>
            {said}
            <span class="dim">{child.folders.filter(|count| *count > 0)}</span>
        </li>
    }
}
