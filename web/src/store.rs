//! Questions to the store that is looked at, and what stands in a screen until they are answered.
//!
//! ```ignore
//! let page = store::ask(move |sight| screens::plan::page(sight.snapshot, sight.facts));
//! view! { <Shown asked=page let:page>{move || page.get().items.len()}</Shown> }
//! ```
//!
//! A question is a function of core. What it says it [`Needs`] is loaded and it is asked again, until
//! it answers; and once more whenever the store has moved on.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::Ref;
use ocuroot_core::facts::Facts;
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::Summary;

use crate::browser;
use crate::frame::FOLLOW;
use crate::reading::{Progress, ReadProblem, Reading};
use crate::ui::{Problem, Skeleton};

/// What a question can look at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// What is loaded of state and intent.
    pub snapshot: &'a Snapshot,
    /// The summaries that the store has; none if it has none at all.
    pub summaries: Option<&'a BTreeMap<Ref, Summary>>,
    /// The time.
    pub facts: &'a Facts,
    /// How far the reader's clock is east of UTC, in seconds.
    pub offset: i32,
}

/// Where a question stands.
#[derive(Debug)]
pub enum Asked<T> {
    /// Not answered yet.
    Waiting(Progress),
    /// Answered.
    Answered(Arc<T>),
    /// It cannot be answered.
    Failed(ReadProblem),
}

// Derived, it would ask the same of `T`.
impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        match self {
            Asked::Waiting(progress) => Asked::Waiting(progress.clone()),
            Asked::Answered(answer) => Asked::Answered(Arc::clone(answer)),
            Asked::Failed(problem) => Asked::Failed(problem.clone()),
        }
    }
}

/// The store that is looked at. Found in the context; [`use_store`].
#[derive(Clone, Copy)]
pub struct Store {
    reading: StoredValue<Reading, LocalStorage>,
    /// Grows whenever the answers may have changed.
    version: RwSignal<u64>,
    /// Goes on once a minute, since ages do.
    minute: RwSignal<u64>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// The store that is looked at.
#[must_use]
pub fn use_store() -> Store {
    expect_context()
}

impl Store {
    /// A store that is read by `reading`, for as long as the component that makes it is there.
    #[must_use]
    pub fn new(reading: Reading) -> Store {
        reading.follow(browser::remembered(FOLLOW).is_some());
        let version = RwSignal::new(0);
        let minute = RwSignal::new(0);
        browser::every(60, move || minute.update(|minute| *minute += 1));
        reading.on_change(move || version.update(|version| *version += 1));
        Store { reading: StoredValue::new_local(reading), version, minute }
    }

    /// What reads it.
    #[must_use]
    pub fn reading(self) -> Reading {
        self.reading.get_value()
    }

    /// Asks again what could not be answered.
    pub fn retry(self) {
        self.reading().forget_problems();
        self.version.update(|version| *version += 1);
    }

    /// Ends what is being loaded; who asked for it is told.
    pub fn stop(self) {
        self.reading().stop();
    }

    fn now<T>(self, question: &dyn Fn(&Sight<'_>) -> Result<T, Needs>) -> Result<T, Needs> {
        let facts = browser::facts();
        self.reading.with_value(|reading| {
            reading.look(|snapshot, summaries| {
                question(&Sight { snapshot, summaries, facts: &facts, offset: browser::offset() })
            })
        })
    }
}

/// Asks the store that is looked at; see the [module's page](self). Signals that `question` reads make
/// it be asked again.
pub fn ask<T: Send + Sync + 'static>(
    question: impl Fn(&Sight<'_>) -> Result<T, Needs> + 'static,
) -> RwSignal<Asked<T>> {
    let store = use_store();
    let asked = RwSignal::new(Asked::Waiting(Progress::default()));
    let question = std::rc::Rc::new(question);
    // Which question is the newest: what an older one finds out is of no interest.
    let newest = StoredValue::new(0_u64);
    Effect::new(move |_| {
        store.version.track();
        store.minute.track();
        let mine = newest.with_value(|newest| newest + 1);
        newest.set_value(mine);
        let reading = store.reading();
        // It is called in any case, so that the signals that it reads are followed.
        let looked = store.now(&*question);
        let first = if reading.is_open() { looked } else { Err(Needs::default()) };
        match first {
            Ok(answer) => asked.set(Asked::Answered(Arc::new(answer))),
            Err(needs) => {
                // That it is tried again is to be seen.
                if asked.with_untracked(|asked| matches!(asked, Asked::Failed(_))) {
                    asked.set(Asked::Waiting(Progress::default()));
                }
                let question = std::rc::Rc::clone(&question);
                spawn_local(async move {
                    let superseded = move || newest.try_get_value() != Some(mine);
                    let answer = settle(store, reading, needs, &*question, &superseded, &|progress| {
                        // An answer that is there stays until there is another.
                        if matches!(asked.try_get_untracked(), Some(Asked::Waiting(_))) {
                            let _ = asked.try_set(Asked::Waiting(progress));
                        }
                    })
                    .await;
                    if let Some(answer) = answer
                        && !superseded()
                    {
                        let _ = asked.try_set(match answer {
                            Ok(answer) => Asked::Answered(Arc::new(answer)),
                            Err(problem) => Asked::Failed(problem),
                        });
                    }
                });
            }
        }
    });
    asked
}

/// Loads and asks in turn. None once `superseded`.
async fn settle<T>(
    store: Store,
    reading: Reading,
    mut needs: Needs,
    question: &dyn Fn(&Sight<'_>) -> Result<T, Needs>,
    superseded: &dyn Fn() -> bool,
    tell: &dyn Fn(Progress),
) -> Option<Result<T, ReadProblem>> {
    loop {
        if let Err(problem) = reading.load(&needs, tell).await {
            return Some(Err(problem));
        }
        if superseded() {
            return None;
        }
        match untrack(|| store.now(question)) {
            Ok(answer) => return Some(Ok(answer)),
            // What was loaded has not helped, and will not if it is loaded again.
            Err(again) if again == needs => return Some(Err(ReadProblem::stuck(&needs))),
            Err(more) => needs = more,
        }
    }
}

/// Why a question cannot be answered, for whoever asks another one on the same screen.
#[must_use]
pub fn problem<T: Send + Sync + 'static>(asked: RwSignal<Asked<T>>) -> Memo<Option<ReadProblem>> {
    Memo::new(move |_| {
        asked.with(|asked| match asked {
            Asked::Failed(problem) => Some(problem.clone()),
            _ => None,
        })
    })
}

/// A screen's content: skeletons until it is there, a problem if it cannot be, `children` with the page
/// as a signal from then on.
#[component]
pub fn Shown<T, V>(
    /// From [`ask`].
    asked: RwSignal<Asked<T>>,
    /// For a screen that brings its own `main`: the heading of the one that stands there until then.
    #[prop(optional, into)]
    heading: String,
    /// The [`problem`] of what stands above it: that is not said a second time.
    #[prop(optional_no_strip)]
    above: Option<Memo<Option<ReadProblem>>>,
    /// Given the page, once; the signal has each newer one.
    children: impl Fn(Signal<Arc<T>>) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + Sync + 'static,
    V: IntoView + 'static,
{
    #[derive(Clone, PartialEq, Eq)]
    enum Stage {
        Waiting,
        Answered,
        // With the problem: another one is drawn anew.
        Failed(ReadProblem),
        Told,
    }
    let stage = Memo::new(move |_| {
        asked.with(|asked| match asked {
            Asked::Waiting(_) => Stage::Waiting,
            Asked::Answered(_) => Stage::Answered,
            Asked::Failed(problem) => {
                let told = above.is_some_and(|above| above.with(|above| above.as_ref() == Some(problem)));
                if told { Stage::Told } else { Stage::Failed(problem.clone()) }
            }
        })
    });
    move || match stage.get() {
        Stage::Waiting => {
            let progress = Signal::derive(move || match asked.get() {
                Asked::Waiting(progress) => progress,
                _ => Progress::default(),
            });
            framed(&heading, view! { <Skeleton progress/> })
        }
        Stage::Failed(problem) => framed(&heading, view! { <Problem problem/> }),
        Stage::Told => {
            framed(&heading, view! { <p class="dim">"Not known either, for the same reason."</p> })
        }
        Stage::Answered => match asked.get_untracked() {
            Asked::Answered(first) => {
                let page = Memo::new_with_compare(
                    move |last: Option<&Arc<T>>| match asked.get() {
                        Asked::Answered(page) => page,
                        _ => last.map_or_else(|| Arc::clone(&first), Arc::clone),
                    },
                    |old, new| !matches!((old, new), (Some(old), Some(new)) if Arc::ptr_eq(old, new)),
                );
                children(page.into()).into_any()
            }
            _ => ().into_any(),
        },
    }
}

/// What there is to see before the screen itself, below a heading if the screen has not drawn one.
fn framed(heading: &str, content: impl IntoView + 'static) -> AnyView {
    if heading.is_empty() {
        return content.into_any();
    }
    let heading = heading.to_owned();
    view! {
        <main id="main">
            <header class="head"><h1 tabindex="-1">{heading}</h1></header>
            {content}
        </main>
    }
    .into_any()
}
