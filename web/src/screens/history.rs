//! The commits of the state branch: any screen as it was at one of them.

use leptos::prelude::*;
use ocuroot_core::hosts::Commit;
use ocuroot_core::hosts::stores::Located;

use crate::nav::use_nav;
use crate::route::Screen;
use crate::store::use_store;
use crate::travel::Travels;
use crate::ui::{Age, Moment, Problem, Title};

/// The screen.
#[component]
pub fn History() -> impl IntoView {
    let nav = use_nav();
    let store = use_store();
    let travels = expect_context::<Travels>();
    // Nothing else here reads the store, and the bar is to say which commit one sees.
    let _ = crate::store::ask(|_| Ok(()));
    let located = expect_context::<Located>();
    let more = StoredValue::new(move || {
        if let Some(wants) = travels.travel().with_untracked(ocuroot_core::screens::travel::Travel::more) {
            travels.fetch(store, located.clone(), wants, || {});
        }
    });
    Effect::new(move |_| {
        if travels.travel().with_untracked(|travel| travel.commits().is_empty()) {
            more.with_value(|more| more());
        }
    });
    let rows = move || {
        let here = nav.route().at;
        travels.travel().with(|travel| {
            let rows = travel.commits().iter().enumerate();
            rows.map(|(index, commit)| one(commit, index == 0, here.as_deref())).collect_view()
        })
    };
    let count = move || travels.travel().with(|travel| travel.commits().len());
    let none = move || {
        (count() == 0 && !travels.busy().get() && travels.problem().get().is_none()).then(|| view! {
        <p class="sec dim">"This store keeps no history: it lies in a folder, or nothing was written yet."</p>
    })
    };
    let older = move || {
        let more_to_come = travels.travel().with(|travel| travel.more().is_some());
        if travels.busy().get() {
            return view! { <p class="sec dim" role="status">"Asking for commits"</p> }.into_any();
        }
        (more_to_come && count() > 0)
            .then(|| view! {
                <p class="sec"><button type="button" class="btn" on:click=move |_| more.with_value(|more| more())>"Show older"</button></p>
            })
            .into_any()
    };
    view! {
        <Title text="Time travel"/>
        <main id="main">
            <header class="head">
                <h1 tabindex="-1">"Time travel"</h1>
                <p class="meta">
                    <span>"Every screen as it was after a commit of state, with intent as it was then"</span>
                    <span><kbd>"["</kbd> " " <kbd>"]"</kbd> " the commit before, after"</span>
                </p>
            </header>
            {move || travels.problem().get().map(|problem| view! { <Problem problem/> })}
            <table class="tbl rel">
                <thead>
                    <tr>
                        <th scope="col">"Commit"</th>
                        <th scope="col">"When"</th>
                        <th scope="col" class="max">"What"</th>
                        <th scope="col" class="w">"Who"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {none}
            {older}
        </main>
    }
}

fn one(commit: &Commit, newest: bool, here: Option<&str>) -> impl IntoView + use<> {
    let nav = use_nav();
    let short: String = commit.id.chars().take(7).collect();
    let on = match here {
        Some(here) => commit.id.starts_with(here),
        None => newest,
    };
    let to = (!newest).then(|| commit.id.clone());
    // To the first screen: of the list itself one has seen enough.
    let href = move || nav.route().at(to.clone()).to(Screen::Overview).to_string();
    view! {
        <tr data-on=on.then_some("")>
            <th scope="row"><a class="link" href=href aria-current=on.then_some("true")><code>{short}</code></a> {newest.then_some(" now")}</th>
            <td><Moment time=commit.time.clone()/> <span class="dim w">", " <Age time=commit.time.clone()/> " ago"</span></td>
            <td class="max"><span class="cut" title=commit.subject.clone()>{commit.subject.clone()}</span></td>
            <td class="w dim">{commit.author.clone()}</td>
        </tr>
    }
}
