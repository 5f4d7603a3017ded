//! Two releases of a package, side by side.

use leptos::prelude::*;
use leptos::web_sys;
use ocuroot_core::Ref;
use ocuroot_core::release::ReleaseError;
use ocuroot_core::screens::release::Page;
use ocuroot_core::screens::release::compare::{self as core, Compare as Both, Side, Work};
use ocuroot_core::times;

use crate::nav::use_nav;
use crate::route::Screen;
use crate::store::{self, Shown};
use crate::ui::{Icon, Moment, State, Status, unbroken};

/// The comparison.
#[component]
pub fn Compare(
    /// The release whose page it is.
    release: Ref,
    /// What it is compared with.
    with: Ref,
    /// The page, for what else there is to compare with.
    page: Memo<Option<Page>>,
) -> impl IntoView {
    let asked = {
        let (one, other) = (release.clone(), with.clone());
        store::ask(move |sight| core::compare(sight.snapshot, &one, &other, sight.facts))
    };
    view! {
        <section aria-labelledby="h-compare">
            <Choice release with page/>
            <Shown asked let:answer>
                {move || match answer.get().as_ref() {
                    Ok(both) => view! { <Table both=both.clone()/> }.into_any(),
                    Err(error) => view! { <Not error=error.clone()/> }.into_any(),
                }}
            </Shown>
        </section>
    }
}

/// Which other release.
#[component]
fn Choice(
    /// The release whose page it is.
    release: Ref,
    /// What it is compared with.
    with: Ref,
    /// What else there is.
    page: Memo<Option<Page>>,
) -> impl IntoView {
    let nav = use_nav();
    let choose = move |event: web_sys::Event| {
        if let Ok(other) = event_target_value(&event).parse::<Ref>() {
            let screen = Screen::Release(release.clone(), Some(other));
            nav.go(&nav.route_now().to(screen).to_string());
        }
    };
    let options = move || {
        let others = page.get().map(|page| page.others).unwrap_or_default();
        let option = |other: Ref| {
            let name = other.release().unwrap_or_default().to_owned();
            let selected = other == with;
            view! { <option value=other.to_string() selected=selected>{name}</option> }
        };
        others.into_iter().map(option).collect_view()
    };
    view! {
        <div class="bar">
            <h2 id="h-compare">"Compared with"</h2>
            <label class="in pick">
                <span class="sr">"Other release"</span>
                <select on:change=choose>{options}</select>
            </label>
        </div>
    }
}

#[component]
fn Not(
    /// Why not.
    error: ReleaseError,
) -> impl IntoView {
    view! {
        <State icon="search" title="These cannot be compared">
            <p role="alert">{error.to_string()}"."</p>
        </State>
    }
}

#[component]
fn Table(
    /// Both.
    both: Both,
) -> impl IntoView {
    let name = |side: &Side| side.release.release().unwrap_or_default().to_owned();
    let (one, other) = (name(&both.one), name(&both.other));
    let commit = |side: &Side| {
        let short: String = side.commit.chars().take(7).collect();
        view! { <td><code>{short}</code>" "{side.subject.clone()}" "<Moment time=side.time.clone()/></td> }
    };
    let link = both.commits_link.clone().map(|link| {
        view! {
            <a class="btn sm end" href=link rel="noreferrer">"The commits between them"<Icon name="ext"/></a>
        }
    });
    let alike = match (both.alike, both.work.len()) {
        (alike, 0) => format!("All {alike} tasks and deploys are alike."),
        (0, _) => String::new(),
        (1, _) => "1 other task or deploy is alike.".to_owned(),
        (alike, _) => format!("{alike} other tasks and deploys are alike."),
    };
    let rows = both.work.iter().map(rows).collect_view();
    view! {
        <div class="bar"><span class="dim">{alike}</span>{link}</div>
        <table class="tbl compare">
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col">{one}</th>
                    <th scope="col">{other}</th>
                </tr>
            </thead>
            <tbody>
                <tr><th scope="row">"Commit"</th>{commit(&both.one)}{commit(&both.other)}</tr>
            </tbody>
            {rows}
        </table>
    }
}

fn rows(work: &Work) -> impl IntoView + use<> {
    let value = |value: &Option<serde_json::Value>, class: &'static str| match value {
        Some(value) => view! { <td><code class=class>{value.to_string()}</code></td> }.into_any(),
        None => view! { <td class="dim">"not there"</td> }.into_any(),
    };
    let stands = |word: Option<ocuroot_core::screens::Word>, took: Option<u64>| match word {
        Some(word) => {
            let took =
                took.map(|took| view! { " " <span class="dim">{unbroken(&times::duration(took))}</span> });
            view! { <td><Status word/>{took}</td> }.into_any()
        }
        None => view! { <td class="dim">"not there"</td> }.into_any(),
    };
    let fields = work.fields.iter().map(|field| {
        view! {
            <tr>
                <th scope="row"><code>{field.path.clone()}</code></th>
                {value(&field.after, "ins")}
                {value(&field.before, "del")}
            </tr>
        }
    });
    view! {
        <tbody>
            <tr class="g">
                <th scope="row"><b>{work.key.clone()}</b></th>
                {stands(work.words.one, work.took.one)}
                {stands(work.words.other, work.took.other)}
            </tr>
            {fields.collect_view()}
        </tbody>
    }
}
