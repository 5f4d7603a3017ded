//! One run of a release: why it failed or what it waits for, its attempts, what it was given and left.

use leptos::prelude::*;
use ocuroot_core::Ref;
use ocuroot_core::screens::Word;
use ocuroot_core::screens::release::Approval;
use ocuroot_core::screens::release::panel::{self, Called, From, Given, Left, Panel, Target, Try, Wait};
use ocuroot_core::screens::release::preview;
use ocuroot_core::snapshot::Needs;
use ocuroot_core::times;
use ocuroot_core::why::Sentence;
use serde_json::Value;

use crate::nav::use_nav;
use crate::screens::draft;
use crate::screens::release::{Failure, is_previewed};
use crate::screens::says::Says;
use crate::store::{self, Asked, Shown};
use crate::ui::{Breakable, Command, Moment, RefLink, Shape, State, Status, thousands, tone, unbroken};

/// How much of a value is shown before one asks for all of it, in characters.
const SHOWN: usize = 400;

/// The run.
#[component]
pub fn RunPanel(
    /// Of which release.
    release: Ref,
    /// Which: `deploy/prod/2`.
    fragment: String,
    /// What it has failed with, once that is known.
    failure: Failure,
) -> impl IntoView {
    let previewed = is_previewed(&release);
    let asked = store::ask({
        let fragment = fragment.clone();
        move |sight| {
            let panel = panel::panel(sight.snapshot, &release, &fragment, sight.facts)?;
            Ok::<_, Needs>(if previewed { panel.map(preview::panel) } else { panel })
        }
    });
    // Asked again every minute, and mostly the same: then nothing is drawn anew.
    let panel = Memo::new(move |_| match asked.get() {
        Asked::Answered(panel) => Some((*panel).clone()),
        _ => None,
    });
    view! {
        <Shown asked let:_panel>
            {
                let fragment = fragment.clone();
                move || match panel.get().flatten() {
                    Some(panel) => view! { <Body panel failure previewed/> }.into_any(),
                    None => view! { <Nothing fragment=fragment.clone()/> }.into_any(),
                }
            }
        </Shown>
    }
}

#[component]
fn Nothing(
    /// What was asked for.
    fragment: String,
) -> impl IntoView {
    view! {
        <State icon="search" title="No such run in this release">
            <p><code>{fragment}</code></p>
            <p class="row"><a class="btn" href="#">"Close"</a></p>
        </State>
    }
}

#[component]
fn Body(
    /// All of it.
    panel: Panel,
    /// What it has failed with.
    failure: Failure,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let failed = matches!(panel.word, Word::Failed | Word::Retried | Word::Stale).then(
        || view! { <Failed fragment=fragment_of(&panel) retry=panel.retry.clone() word=panel.word failure/> },
    );
    let start = panel.start.clone().map(|command| {
        view! {
            <section class="sec">
                <h3>"It can start"</h3>
                <p class="dim">"The next worker starts it, or this command:"</p>
                <Command text=command/>
            </section>
        }
    });
    let waits = (!panel.waits.is_empty()).then(
        || view! { <Waits waits=panel.waits.clone() missing=panel.missing why=panel.why.clone() previewed/> },
    );
    let freeze = panel.override_freeze.clone().map(|why| {
        view! {
            <section class="sec">
                <h3>"Started in spite of a freeze"</h3>
                <p>{why}</p>
            </section>
        }
    });
    let attempts = (!panel.attempts.is_empty())
        .then(|| view! { <Attempts attempts=panel.attempts.clone() number=panel.number/> });
    let inputs =
        (!panel.inputs.is_empty()).then(|| view! { <Inputs inputs=panel.inputs.clone() previewed/> });
    let functions = (!panel.functions.is_empty())
        .then(|| view! { <Functions functions=panel.functions.clone() previewed/> });
    view! {
        <header class="head">
            <div>
                <div class="row">
                    <span class="crumb">{panel.what.clone()}</span>
                    <span class="n end"><a class="btn sm" href="#">"Close"</a></span>
                </div>
            </div>
            <h2 tabindex="-1"><span class="row">{panel.name.clone()}" "{(!previewed).then(|| view! { <Status word=panel.word/> })}</span></h2>
            <p class="ref"><Breakable text=panel.run.to_string()/></p>
        </header>
        {failed}
        {start}
        {waits}
        {freeze}
        {attempts}
        {inputs}
        {functions}
        <section class="sec">
            <h3>"Outputs " {(!panel.outputs.is_empty()).then(|| view! { <small>{panel.outputs.len()}</small> })}</h3>
            {if panel.outputs.is_empty() {
                view! { <p class="dim">{panel.no_outputs.clone()}</p> }.into_any()
            } else {
                view! { <Outputs outputs=panel.outputs.clone()/> }.into_any()
            }}
        </section>
    }
}

/// `deploy/prod/2`.
fn fragment_of(panel: &Panel) -> String {
    let tried = panel.attempts.iter().find(|tried| tried.number == panel.number);
    tried.map(|tried| tried.fragment.clone()).unwrap_or_default()
}

#[component]
fn Failed(
    /// Of the run.
    fragment: String,
    /// What tries again.
    retry: Option<String>,
    /// How it failed.
    word: Word,
    /// With what.
    failure: Failure,
) -> impl IntoView {
    let line = move |(line, text): (usize, String)| {
        let href = format!("#{fragment}:L{}", line + 1);
        let label = unbroken(&format!("Line {}", thousands(line + 1)));
        view! { <p>{text}" "<a class="link" href=href>{label}</a></p> }
    };
    let reason = move || match failure.get() {
        lines if !lines.is_empty() => lines.into_iter().map(line.clone()).collect_view().into_any(),
        _ if word == Word::Stale => {
            view! { <p>"Its process has not been heard of for longer than it may be silent."</p> }.into_any()
        }
        _ => view! { <p class="dim">"Its log says more."</p> }.into_any(),
    };
    view! {
        <section class="sec">
            <h3>{if word == Word::Stale { "Why it is stale" } else { "Why it failed" }}</h3>
            {reason}
            {retry.map(|command| view! { <p class="dim">"A retry runs from the command line:"</p><Command text=command/> })}
        </section>
    }
}

#[component]
fn Waits(
    /// Missing first.
    waits: Vec<Wait>,
    /// How many are missing.
    missing: usize,
    /// Why it is not done, in a sentence.
    why: Option<Sentence>,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let why = why.filter(|_| missing > 0).map(|sentence| {
        view! { <p>"It "<Says sentence/>"."</p> }
    });
    let approvals: Vec<Approval> = waits.iter().filter_map(|wait| wait.approval.clone()).collect();
    let count = match (missing, waits.len()) {
        (_, all) if previewed => all.to_string(),
        (0, _) => "nothing is missing".to_owned(),
        (1, all) => format!("1 of {all} is missing"),
        (missing, all) => format!("{missing} of {all} are missing"),
    };
    let rows = waits.into_iter().map(|wait| view! { <Waiting wait/> }).collect_view();
    view! {
        <section class="sec">
            <h3>{if previewed { "Would wait for " } else { "Waits for " }}<small>{count}</small></h3>
            {why}
            <ul class="list" role="list">{rows}</ul>
        </section>
        {approvals.into_iter().map(|approval| view! { <Approve approval/> }).collect_view()}
    }
}

#[component]
fn Waiting(
    /// What for.
    wait: Wait,
) -> impl IntoView {
    let subject = match wait.target {
        Some(Target::Run(fragment)) => view! {
            <span class="ref"><a href=format!("#{fragment}")><Breakable text=wait.source/></a></span>
        }
        .into_any(),
        Some(Target::Document(reference)) => view! { <RefLink reference label=wait.source/> }.into_any(),
        None => view! { <span class="ref">{wait.source}</span> }.into_any(),
    };
    let there = wait.word == Word::Complete;
    let class = if there { "ok" } else { tone(wait.word.tone()) };
    let sentence = if there {
        view! { <span class="dim"><Says sentence=wait.sentence/></span> }.into_any()
    } else {
        view! { <p><Says sentence=wait.sentence/></p> }.into_any()
    };
    view! { <li class=class><Shape word=wait.word/>{subject}{sentence}</li> }
}

/// Where custom state will be proposed; so far the command that sets it.
#[component]
fn Approve(
    /// What.
    approval: Approval,
) -> impl IntoView {
    let nav = use_nav();
    let name = approval.custom.subpath().to_owned();
    let href = draft::approve(nav, &approval.custom)?;
    Some(view! {
        <section class="sec">
            <h3>"Approve: " {name}</h3>
            <p>"It is one document in intent. Setting it runs nothing by itself: the next worker goes on."</p>
            <p class="row"><a class="btn you" href=href>"Approve"</a></p>
            <p class="dim">"Or from the command line:"</p>
            <Command text=approval.command/>
        </section>
    })
}

#[component]
fn Attempts(
    /// Newest first.
    attempts: Vec<Try>,
    /// The one that is looked at.
    number: u64,
) -> impl IntoView {
    let count = attempts.len();
    let row = |tried: Try| {
        let name = if tried.number == number {
            view! { <b>{tried.number}</b> }.into_any()
        } else {
            view! { <a class="link" href=format!("#{}", tried.fragment)>{tried.number}</a> }.into_any()
        };
        let down = tried.down.then_some(" takes down");
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td><Status word=tried.word/>{down}</td>
                <td><Moment time=tried.time/></td>
                <td class="r">{tried.took.map(|took| unbroken(&times::duration(took)))}</td>
            </tr>
        }
    };
    view! {
        <section class="sec">
            <h3>"Attempts " <small>{count}</small></h3>
            <table class="tbl"><tbody>{attempts.into_iter().map(row).collect_view()}</tbody></table>
        </section>
    }
}

/// JSON, of which the end is folded if it is long. What is a web address can be gone to.
#[component]
fn Json(
    /// It.
    value: Value,
) -> impl IntoView {
    let text = value.to_string();
    if let Value::String(link) = &value
        && (link.starts_with("https://") || link.starts_with("http://"))
        && text.len() < SHOWN
    {
        let link = link.clone();
        return view! { <code><a class="link" href=link rel="noreferrer noopener">{text}</a></code> }
            .into_any();
    }
    if text.chars().count() <= SHOWN {
        return view! { <code>{text}</code> }.into_any();
    }
    let start: String = text.chars().take(SHOWN / 4).collect();
    view! { <details><summary><code>{start}"…"</code></summary><code>{text}</code></details> }.into_any()
}

#[component]
fn Inputs(
    /// By name.
    inputs: Vec<Given>,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let count = inputs.len();
    let missing = if previewed { "known when it runs" } else { "not there yet" };
    let row = |given: Given| {
        let value = match given.value {
            Some(value) => view! { <Json value/> }.into_any(),
            None => view! { <span class="dim">{missing}</span> }.into_any(),
        };
        let from = match given.from {
            From::Ref { source, target, note } => {
                view! { <RefLink reference=target label=source/>" "{note} }.into_any()
            }
            From::Default { file } => format!("default of the file, {file}").into_any(),
            From::File { file } => format!("set in the file, {file}").into_any(),
            From::Text(text) => text.into_any(),
        };
        view! { <tr><th scope="row">{given.name}</th><td>{value}<span class="from">{from}</span></td></tr> }
    };
    view! {
        <section class="sec">
            <h3>"Inputs " <small>{count}", and where each came from"</small></h3>
            <table class="tbl"><tbody>{inputs.into_iter().map(row).collect_view()}</tbody></table>
        </section>
    }
}

#[component]
fn Functions(
    /// As they are called.
    functions: Vec<Called>,
    /// Whether nobody has made its release.
    previewed: bool,
) -> impl IntoView {
    let count = functions.len();
    let row = |called: Called| {
        let word = called.word;
        view! {
            <li class=tone(word.tone())>
                <Shape word/>
                <span><code>{called.name}</code>" "{(!previewed).then(|| view! { <span class="sr">{word.to_string()}</span> })}</span>
                <span class="dim">{called.pos}</span>
            </li>
        }
    };
    view! {
        <section class="sec">
            <h3>"Functions " <small>{count}</small></h3>
            <ul class="list" role="list">{functions.into_iter().map(row).collect_view()}</ul>
        </section>
    }
}

#[component]
fn Outputs(
    /// By name.
    outputs: Vec<Left>,
) -> impl IntoView {
    let row = |left: Left| {
        let users = if left.used_by.is_empty() {
            "not used in this release".into_any()
        } else {
            let users = left.used_by.into_iter().enumerate().map(|(index, (name, fragment))| {
                let comma = if index > 0 { ", " } else { "" };
                view! { {comma}<a class="link" href=format!("#{fragment}")>{name}</a> }
            });
            view! { "used by " {users.collect_view()} }.into_any()
        };
        view! {
            <tr>
                <th scope="row">{left.name}</th>
                <td><Json value=left.value/><span class="from">{users}</span></td>
            </tr>
        }
    };
    view! { <table class="tbl"><tbody>{outputs.into_iter().map(row).collect_view()}</tbody></table> }
}
