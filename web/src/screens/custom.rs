//! Custom state and environments, as people set them.

use std::sync::Arc;

use leptos::prelude::*;
use ocuroot_core::screens::custom::{self, Entry, Missing, Waiting};
use ocuroot_core::screens::environments::Stands;
use ocuroot_core::screens::fields;
use ocuroot_core::screens::{Depth, summaries};

use crate::nav::use_nav;
use crate::route::Screen;
use crate::store::{self, Shown, Sight};
use crate::ui::{Age, Breakable, Command, Icon, RefLink, Title};

/// The screen.
#[component]
pub fn Custom() -> impl IntoView {
    let nav = use_nav();
    let page = store::ask(|sight: &Sight<'_>| {
        let all = summaries::all(sight.snapshot, sight.summaries, Depth::Whole)?;
        custom::page(sight.snapshot, &all, sight.facts)
    });
    view! {
        <Title text="Custom state"/>
        <main id="main">
            <header class="head">
                <nav class="crumb" aria-label="Breadcrumb"><a href=move || nav.href(Screen::Environments)>"Environments"</a></nav>
                <h1 tabindex="-1">"Custom state and environments"</h1>
                <p class="meta"><span>"What people have set, and what runs wait for them to set"</span></p>
            </header>
            <Shown asked=page let:page>{move || body(&page.get())}</Shown>
        </main>
    }
}

fn body(page: &Arc<custom::Page>) -> impl IntoView + use<> {
    let missing = page.missing.iter().map(one_missing).collect_view();
    let waits = (!page.missing.is_empty()).then(|| {
        view! {
            <section aria-labelledby="h-miss">
                <div class="bar g"><Icon name="gate" class="you c"/><h2 id="h-miss">"Waits for a person " <small>{page.missing.len()}</small></h2></div>
                <ul class="list sec" role="list">{missing}</ul>
            </section>
        }
    });
    view! {
        {waits}
        {entries("Custom state", "h-custom", &page.custom, "ocuroot state set ./-/web/release.ocu.star/@r4/custom/approve yes")}
        {entries("Environments", "h-env", &page.environments, "ocuroot state set @/environment/staging '{\"name\": \"staging\"}' -f json")}
    }
}

fn one_missing(missing: &Missing) -> impl IntoView + use<> {
    view! {
        <li class="you">
            <Icon name="gate"/>
            <span><b>{missing.name.clone()}</b> " " <RefLink reference=missing.reference.to_intent()/></span>
            <span class="dim">{runs(missing.waiting.len())}</span>
            <p>{waiting(&missing.waiting)}</p>
            <div class="below"><Command text=missing.set.clone()/></div>
        </li>
    }
}

fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// Runs of a list that are named; of the others there is a count.
const SOME: usize = 6;

/// What waits: the first few, and for how long.
fn waiting(all: &[Waiting]) -> impl IntoView + use<> {
    let nav = use_nav();
    let some = custom::by_release(all.get(..SOME).unwrap_or(all)).enumerate().map(|(index, runs)| {
        let one = runs.first()?;
        let screen = Screen::Release(one.at.release_ref(), None);
        let places: Vec<&str> = runs.iter().map(|run| run.place.as_str()).collect();
        Some(view! {
            {if index == 0 { "For " } else { "; " }}
            <a href=move || nav.href(screen.clone())>{one.package.clone()} " " {one.id.clone()}</a>
            " in " {places.join(", ")}
        })
    });
    let some = some.collect_view();
    let more = all.len().checked_sub(SOME).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
    let before = if all.len() > 1 { ", the longest for " } else { ", for " };
    let since = all.first().map(|first| view! { {before} <Age time=first.since.clone()/> });
    view! { {some}{more}{since} }
}

fn entries(
    title: &'static str,
    id: &'static str,
    all: &[Entry],
    example: &'static str,
) -> impl IntoView + use<> {
    let rows = all.iter().map(entry).collect_view();
    let none = all.is_empty().then(|| {
        view! { <tr><td colspan="4"><p class="dim">"None is set. For example:"</p><Command text=example/></td></tr> }
    });
    view! {
        <section aria-labelledby=id>
            <div class="bar g"><h2 id=id>{title} " " <small>{all.len()}</small></h2></div>
            <table class="tbl fields">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Value"</th>
                        <th scope="col">"In state"</th>
                        <th scope="col" class="w">"Change it"</th>
                    </tr>
                </thead>
                <tbody>{rows}{none}</tbody>
            </table>
        </section>
    }
}

fn entry(entry: &Entry) -> impl IntoView + use<> {
    let value = entry.value.as_ref().map(fields::text).unwrap_or_default();
    let problem = entry.problem.as_ref().map(|problem| view! { <p class="bad c">{problem.clone()}</p> });
    let stands = match entry.stands {
        Stands::Applied => view! { <span class="st ok"><Icon name="ok"/>"yes"</span> }.into_any(),
        stands => view! { <span class="st warn"><Icon name="drift"/>{stands.text()}</span> }.into_any(),
    };
    let waits = (!entry.waiting.is_empty()).then(|| view! { <p class="dim">{waiting(&entry.waiting)}</p> });
    let reference =
        if entry.stands == Stands::Gone { entry.reference.clone() } else { entry.reference.to_intent() };
    view! {
        <tr>
            <th scope="row"><RefLink reference label=entry.name.clone()/>{waits}</th>
            <td><code><Breakable text=value/></code>{problem}</td>
            <td>{stands}</td>
            <td class="w">
                <details>
                    <summary class="dim">"Commands"</summary>
                    <Command text=entry.set.clone()/>
                    <Command text=entry.delete.clone()/>
                </details>
            </td>
        </tr>
    }
}
