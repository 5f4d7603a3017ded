//! The commits that changed a document, and what each changed in it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::envelope::Document;
use ocuroot_core::hosts::{Answer, Ask, Commit, Side, Wanted};
use ocuroot_core::screens::explorer;
use ocuroot_core::screens::fields::Field;
use ocuroot_core::{Marker, Ref};

use crate::nav::use_nav;
use crate::reading::{ReadProblem, Reading};
use crate::store::{Store, use_store};
use crate::ui::{Moment, Problem};

/// What one commit changed.
#[derive(Clone, Debug)]
enum Changed {
    Reading,
    Fields(Vec<Field>),
    Failed(ReadProblem),
}

/// What is known of the history.
#[derive(Clone, Debug, Default)]
struct Known {
    commits: Vec<Commit>,
    page: u32,
    more: bool,
    /// Whether a page is on its way.
    busy: bool,
    problem: Option<ReadProblem>,
}

/// The commits, newest first.
#[component]
pub fn History(
    /// Of which document.
    reference: Ref,
    /// In which store.
    side: Side,
) -> impl IntoView {
    let store = use_store();
    let nav = use_nav();
    let known = RwSignal::new(Known { busy: true, ..Known::default() });
    let chosen = RwSignal::new(None::<usize>);
    let changed = RwSignal::new(None::<Changed>);
    let freshness = store.reading().freshness();
    let head = Memo::new(move |_| {
        let freshness = freshness.get();
        let commit = match side {
            Side::State => freshness.state,
            // Where both are in one branch, only one commit is told.
            Side::Intent => freshness.intent.or(freshness.state),
        };
        commit.map(|commit| commit.id)
    });
    let at = StoredValue::new(reference);
    let load = move |page: u32| {
        let Some(from) = head.get_untracked() else { return };
        known.update(|known| known.busy = true);
        spawn_local(async move {
            let came = page_of(store, side, at, from, page).await;
            let _ = known.try_update(|known| {
                known.busy = false;
                match came {
                    Ok((commits, more)) => {
                        if page == 1 {
                            known.commits.clear();
                        }
                        known.commits.extend(commits);
                        known.page = page;
                        known.more = more;
                        known.problem = None;
                    }
                    Err(problem) => known.problem = Some(problem),
                }
            });
        });
    };
    Effect::new(move |_| {
        if head.get().is_some() {
            chosen.set(None);
            load(1);
        }
    });
    let choose = move |index: usize| {
        if chosen.get_untracked() == Some(index) {
            chosen.set(None);
            return;
        }
        chosen.set(Some(index));
        changed.set(Some(Changed::Reading));
        let pair = known.with_untracked(|known| {
            let id = |index: usize| known.commits.get(index).map(|commit| commit.id.clone());
            (id(index + 1), id(index), known.more)
        });
        spawn_local(async move {
            let (before, Some(after), more) = pair else { return };
            let told = match (before, more) {
                (None, true) => None,
                (before, _) => Some(difference(store, side, at, before, after).await),
            };
            if chosen.try_get_untracked() == Some(Some(index)) {
                let _ = changed.try_set(match told {
                    Some(Ok(fields)) => Some(Changed::Fields(fields)),
                    Some(Err(problem)) => Some(Changed::Failed(problem)),
                    None => Some(Changed::Fields(Vec::new())),
                });
            }
        });
    };
    let rows = move || {
        known.with(|known| {
            known
                .commits
                .iter()
                .enumerate()
                .map(|(index, commit)| {
                    let short: String = commit.id.chars().take(7).collect();
                    let on = move || chosen.get() == Some(index);
                    let then = commit.id.clone();
                    let then = move || nav.route().at(Some(then.clone())).to_string();
                    view! {
                        <li data-on=move || on().then_some("")>
                            <span></span>
                            <span>
                                <button type="button" class="link bare" aria-expanded=move || on().to_string() on:click=move |_| choose(index)>
                                    <code>{short}</code>
                                </button>
                                " " {commit.subject.clone()}
                                {(side == Side::State).then(|| view! { " "<a class="link" href=then title="Everything as it was then">"as of then"</a> })}
                            </span>
                            <Moment time=commit.time.clone()/>
                            {move || on().then(|| view! { <div class="below">{told(changed.get())}</div> })}
                        </li>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <section class="sec" aria-labelledby="h-hist">
            <h2 id="h-hist">"History"</h2>
            <ul class="list" role="list">{rows}</ul>
            {move || {
                let known = known.get();
                match known {
                    Known { problem: Some(problem), .. } => view! { <Problem problem/> }.into_any(),
                    Known { busy: true, .. } => view! { <p class="dim" role="status">"Asking for commits"</p> }.into_any(),
                    Known { more: true, page, .. } => view! {
                        <p><button type="button" class="btn sm" on:click=move |_| load(page + 1)>"Show older"</button></p>
                    }
                    .into_any(),
                    Known { commits, .. } if commits.is_empty() => {
                        view! { <p class="dim">"No commit is known that changed it. Stores in folders keep none."</p> }.into_any()
                    }
                    _ => ().into_any(),
                }
            }}
        </section>
    }
}

fn told(changed: Option<Changed>) -> AnyView {
    match changed {
        None => ().into_any(),
        Some(Changed::Reading) => {
            view! { <p class="dim" role="status">"Reading what it was before"</p> }.into_any()
        }
        Some(Changed::Failed(problem)) => view! { <Problem problem/> }.into_any(),
        Some(Changed::Fields(fields)) if fields.is_empty() => {
            view! { <p class="dim">"Nothing that one sees."</p> }.into_any()
        }
        Some(Changed::Fields(fields)) => {
            let lines = fields
                .into_iter()
                .map(|field| {
                    let path =
                        if field.path.is_empty() { "the document".to_owned() } else { field.path.clone() };
                    let line = |sign: &str, value: String| format!("{sign} {path}: {value}");
                    let gone =
                        field.before_text().map(|value| view! { <li class="del">{line("−", value)}</li> });
                    let new =
                        field.after_text().map(|value| view! { <li class="add">{line("+", value)}</li> });
                    view! { {gone}{new} }
                })
                .collect_view();
            view! { <ol class="code diff">{lines}</ol> }.into_any()
        }
    }
}

/// Where a document's file lies; known once the store is open.
async fn file(reading: &Reading, reference: &Ref) -> Result<Option<String>, ReadProblem> {
    if reading.path(reference).is_none() {
        reading.load(&ocuroot_core::snapshot::Needs::body(reference), &|_| {}).await?;
    }
    Ok(reading.path(reference))
}

/// Which store a ref belongs to, and the commit of it that is shown.
fn shown(reading: &Reading, reference: &Ref) -> (Side, Option<Commit>) {
    let freshness = reading.freshness().get_untracked();
    match reference.marker() {
        Some(Marker::Intent) => (Side::Intent, freshness.intent.or(freshness.state)),
        _ => (Side::State, freshness.state),
    }
}

/// The commit that changed a document last, where the host tells.
pub async fn newest(reading: &Reading, reference: &Ref) -> Option<Commit> {
    let path = file(reading, reference).await.ok()??;
    let (side, commit) = shown(reading, reference);
    let ask = Ask::History { from: commit?.id, path: Some(path), page: 1 };
    match reading.ask(side, ask).await {
        Ok(Answer::History(history)) => history.commits.into_iter().next(),
        _ => None,
    }
}

/// What is stored at a ref, as it is; none where nothing is.
pub(super) async fn raw(reading: &Reading, reference: &Ref) -> Result<Option<String>, ReadProblem> {
    let Some(path) = file(reading, reference).await? else { return Ok(None) };
    let (side, commit) = shown(reading, reference);
    let Some(commit) = commit else { return Ok(None) };
    let found = bytes(reading, side, commit.id, &path).await?;
    Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

async fn page_of(
    store: Store,
    side: Side,
    at: StoredValue<Ref>,
    from: String,
    page: u32,
) -> Result<(Vec<Commit>, bool), ReadProblem> {
    let reading = store.reading();
    let Some(path) = file(&reading, &at.get_value()).await? else { return Ok((Vec::new(), false)) };
    match reading.ask(side, Ask::History { from, path: Some(path), page }).await? {
        Answer::History(history) => Ok((history.commits, history.more)),
        _ => Ok((Vec::new(), false)),
    }
}

async fn difference(
    store: Store,
    side: Side,
    at: StoredValue<Ref>,
    before: Option<String>,
    after: String,
) -> Result<Vec<Field>, ReadProblem> {
    let reading = store.reading();
    let Some(path) = file(&reading, &at.get_value()).await? else { return Ok(Vec::new()) };
    let before = match before {
        Some(before) => document(&reading, side, before, &path).await?,
        None => None,
    };
    let after = document(&reading, side, after, &path).await?;
    Ok(explorer::changes(before.as_ref(), after.as_ref()))
}

async fn document(
    reading: &Reading,
    side: Side,
    commit: String,
    path: &str,
) -> Result<Option<Document>, ReadProblem> {
    let found = bytes(reading, side, commit, path).await?;
    Ok(found.and_then(|bytes| Document::parse(&bytes).ok()))
}

async fn bytes(
    reading: &Reading,
    side: Side,
    commit: String,
    path: &str,
) -> Result<Option<Vec<u8>>, ReadProblem> {
    let wanted = Wanted { path: path.to_owned(), blob: None };
    match reading.ask(side, Ask::Files { commit, files: vec![wanted] }).await? {
        Answer::Files(files) => Ok(files.into_iter().find_map(|file| file.bytes)),
        _ => Ok(None),
    }
}
