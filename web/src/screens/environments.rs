//! All environments.

use leptos::prelude::*;
use ocuroot_core::screens::{Depth, Word, environments};

use crate::nav::use_nav;
use crate::route::Screen;
use crate::store::{self, Shown, Sight};
use crate::ui::{Icon, State, Status, Title};

/// The screen.
#[component]
pub fn Environments() -> impl IntoView {
    let nav = use_nav();
    let page = store::ask(|sight: &Sight<'_>| {
        environments::page(sight.snapshot, sight.summaries, sight.facts, Depth::Whole)
    });
    view! {
        <Title text="Environments"/>
        <main id="main">
            <header class="head">
                <h1 tabindex="-1">"Environments"</h1>
                <div class="row">
                    <a class="btn" href=move || nav.href(Screen::Custom)>"Custom state and intent"</a>
                </div>
            </header>
            <Shown asked=page let:page>
                {move || {
                    let page = page.get();
                    if page.environments.is_empty() {
                        return view! { <Empty/> }.into_any();
                    }
                    let heads = page
                        .attributes
                        .iter()
                        .map(|name| view! { <th scope="col" class="w">{name.clone()}</th> })
                        .collect_view();
                    let rows = page.environments.iter().map(|row| one(row.clone(), &page.attributes)).collect_view();
                    view! {
                        <div class="scroll across">
                            <table class="tbl rel">
                                <thead>
                                    <tr>
                                        <th scope="col">"Environment"</th>
                                        <th scope="col">"Type"</th>
                                        <th scope="col" class="r">"Live"</th>
                                        <th scope="col">"Most urgent"</th>
                                        {heads}
                                        <th scope="col" class="max w"><span class="sr">"Freeze"</span></th>
                                    </tr>
                                </thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </div>
                    }
                    .into_any()
                }}
            </Shown>
        </main>
    }
}

/// A row.
fn one(row: environments::Row, attributes: &[String]) -> impl IntoView + use<> {
    let nav = use_nav();
    let screen = Screen::Environment(row.name.clone(), None);
    let cells = attributes
        .iter()
        .map(|name| view! { <td class="w dim">{row.attributes.get(name).cloned()}</td> })
        .collect_view();
    let urgent = row.urgent.map(|(word, count)| view! { <Status word text=format!("{word}, {count}")/> });
    let frozen = row.frozen.clone().map(|why| {
        view! { <span class="st off" title=why.clone()><Icon name="frozen"/><span class="cut">{why.clone()}</span></span> }
    });
    let stands = row.stands.text();
    let stands = (!stands.is_empty()).then(|| view! { " "<span class="tag">{stands}</span> });
    let badge = frozen.is_some().then(|| view! { " "<span class="n"><Status word=Word::Frozen/></span> });
    view! {
        <tr>
            <th scope="row"><a href=move || nav.href(screen.clone())><b>{row.name.clone()}</b></a>{stands}{badge}</th>
            <td>{row.kind.clone()}</td>
            <td class="r">{row.live}<span class="dim">" of " {row.targets}</span></td>
            <td>{urgent}</td>
            {cells}
            <td class="max w">{frozen}</td>
        </tr>
    }
}

#[component]
fn Empty() -> impl IntoView {
    view! {
        <State icon="env" title="There is no environment yet">
            <p>"A package deploys to the environments that are registered. This registers one:"</p>
            <crate::ui::Command text="ocuroot state set @/environment/staging '{\"name\": \"staging\", \"attributes\": {\"type\": \"staging\"}}' -f json"/>
        </State>
    }
}
