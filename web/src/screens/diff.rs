//! Intent beside state.

use leptos::prelude::*;
use ocuroot_core::intent::Change;
use ocuroot_core::screens::diff::{self, Difference};

use crate::nav::use_nav;
use crate::reading::ReadProblem;
use crate::route::Screen;
use crate::screens::plan::Commits;
use crate::screens::says::run_href;
use crate::store::{self, Shown, Sight};
use crate::ui::{Breakable, RefLink, State, Status, Title};

/// The screen.
#[component]
pub fn Diff() -> impl IntoView {
    let nav = use_nav();
    view! {
        <Title text="Intent and state"/>
        <main id="main">
            <header class="head">
                <h1 tabindex="-1">"Intent and state"</h1>
                <p class="meta"><span>"What should be, beside what is"</span><Commits/></p>
                <div class="row"><a class="btn" href=move || nav.href(Screen::Plan)>"Plan"</a></div>
            </header>
            <Differences whole=true/>
        </main>
    }
}

/// Every difference, field by field.
#[component]
pub fn Differences(
    /// Whether it is the screen itself, and says so when there is none.
    #[prop(optional)]
    whole: bool,
    /// The problem of what stands above it, if it is a part of another screen.
    #[prop(optional)]
    above: Option<Memo<Option<ReadProblem>>>,
) -> impl IntoView {
    let page = store::ask(|sight: &Sight<'_>| diff::page(sight.snapshot, sight.summaries, sight.facts));
    view! {
        <Shown asked=page above=above let:page>
            {move || {
                let page = page.get();
                match page.differences.len() {
                    0 if whole => view! {
                        <State icon="ok" tone="ok" title="Intent and state agree">
                            <p>"Everything that people want is there, and nothing else."</p>
                        </State>
                    }
                    .into_any(),
                    0 => ().into_any(),
                    count => {
                        let rows = page.differences.iter().map(one).collect_view();
                        let drift = (page.unexplained < count).then(|| format!(", {} not explained by a run", page.unexplained));
                        let documents = if count == 1 { "1 document".to_owned() } else { format!("{count} documents") };
                        view! {
                            <section aria-labelledby="h-diff">
                                <div class="bar g"><h2 id="h-diff">"Intent and state differ " <small>{documents}{drift}</small></h2></div>
                                <table class="tbl fields">
                                    <thead>
                                        <tr>
                                            <th scope="col">"Document, field"</th>
                                            <th scope="col">"State: what is"</th>
                                            <th scope="col">"Intent: what should be"</th>
                                        </tr>
                                    </thead>
                                    <tbody>{rows}</tbody>
                                </table>
                            </section>
                        }
                        .into_any()
                    }
                }
            }}
        </Shown>
    }
}

fn one(difference: &Difference) -> impl IntoView + use<> {
    let nav = use_nav();
    let run = difference.explained.as_ref().map(|run| {
        let (run, word) = (run.run.clone(), run.word);
        view! { " "<a href=move || run_href(nav, &run)><Status word text=format!("its run: {word}")/></a> }
    });
    let intent = difference.reference.to_intent();
    let problem = difference.problem.as_ref().map(|problem| {
        view! { <tr><td colspan="3"><span class="bad c">{problem.clone()}</span></td></tr> }
    });
    let change = difference.change;
    let fields = difference
        .fields
        .iter()
        .map(|field| {
            let path = match field.path.as_str() {
                "" => view! { <span class="dim">"whole document"</span> }.into_any(),
                path => path.to_owned().into_any(),
            };
            let before = match field.before_text() {
                Some(text) => view! { <del><Breakable text/></del> }.into_any(),
                None => view! { <span class="dim">"nothing"</span> }.into_any(),
            };
            let after = match (field.after_text(), change) {
                (Some(text), _) => view! { <ins><Breakable text/></ins> }.into_any(),
                (None, Change::Delete) => view! { <span class="dim">"deleted"</span> }.into_any(),
                (None, _) => view! { <span class="dim">"nothing"</span> }.into_any(),
            };
            view! { <tr><th scope="row">{path}</th><td>{before}</td><td>{after}</td></tr> }
        })
        .collect_view();
    let reference = if change == Change::Delete { difference.reference.clone() } else { intent };
    view! {
        <tr class="g"><th colspan="3" scope="rowgroup"><RefLink reference label=difference.reference.to_string()/>{run}</th></tr>
        {problem}
        {fields}
    }
}
