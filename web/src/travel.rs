//! Going through the commits of the store that is looked at.
//!
//! The commits are kept above the screens: each step looks at another moment, and so at another store.

use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::hosts::stores::Located;
use ocuroot_core::hosts::{Answer, Ask, Head, Side};
use ocuroot_core::screens::travel::{Travel, Wants};

use crate::nav::{Nav, use_nav};
use crate::reading::ReadProblem;
use crate::route::Screen;
use crate::store::{Store, use_store};
use crate::ui::{Icon, Moment};
use crate::{browser, keys};

/// What is known of the commits. Found in the context.
#[derive(Clone, Copy, Debug)]
pub struct Travels {
    /// Of which store.
    of: RwSignal<String>,
    travel: RwSignal<Travel>,
    newest: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
    problem: RwSignal<Option<ReadProblem>>,
}

impl Default for Travels {
    fn default() -> Travels {
        Travels {
            of: RwSignal::new(String::new()),
            travel: RwSignal::new(Travel::default()),
            newest: RwSignal::new(None),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }
}

impl Travels {
    /// Forgets what is known of another store.
    fn enter(self, located: &Located) {
        let of = format!(
            "{} {} {:?}",
            located.state.host.api, located.state.host.source.repo, located.state.branch
        );
        if self.of.with_untracked(|known| *known != of) {
            self.of.set(of);
            self.travel.set(Travel::default());
            self.newest.set(None);
        }
    }

    /// The commits, as far as they are known.
    #[must_use]
    pub fn travel(self) -> RwSignal<Travel> {
        self.travel
    }

    /// Whether more is being asked for.
    #[must_use]
    pub fn busy(self) -> RwSignal<bool> {
        self.busy
    }

    /// Why the host has not answered.
    #[must_use]
    pub fn problem(self) -> RwSignal<Option<ReadProblem>> {
        self.problem
    }

    /// Fetches a page, and then does `then`.
    pub fn fetch(self, store: Store, located: Located, wants: Wants, then: impl FnOnce() + 'static) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.problem.set(None);
        spawn_local(async move {
            let came = self.page(store, &located, wants).await;
            let _ = self.busy.try_set(false);
            match came {
                Ok(()) => then(),
                Err(problem) => drop(self.problem.try_set(Some(problem))),
            }
        });
    }

    async fn page(self, store: Store, located: &Located, wants: Wants) -> Result<(), ReadProblem> {
        let reading = store.reading();
        let from = match self.newest.get_untracked() {
            Some(newest) => newest,
            None => {
                let ask = Ask::Head { branch: located.state.branch.clone(), etag: None };
                let Answer::Head(Head::At { commit, .. }) = reading.ask(Side::State, ask).await? else {
                    return Ok(());
                };
                let _ = self.newest.try_set(Some(commit.id.clone()));
                commit.id
            }
        };
        let ask = Ask::History { from, path: None, page: wants.page };
        if let Answer::History(history) = reading.ask(Side::State, ask).await? {
            let _ = self.travel.try_update(|travel| travel.take(wants.page, history));
        }
        Ok(())
    }

    /// Goes to the commit before or after the one that is looked at.
    fn step(self, nav: Nav, store: Store, located: Located, older: bool) {
        let at = nav.route_now().at;
        let found = self.travel.with_untracked(|travel| {
            let found = if older { travel.older(at.as_deref()) } else { travel.newer(at.as_deref()) };
            found.map(|commit| commit.map(|commit| commit.id.clone()))
        });
        match found {
            Ok(Some(id)) => nav.go(&nav.route_now().at(Some(id)).to_string()),
            Ok(None) if older => {}
            Ok(None) => nav.go(&nav.route_now().at(None).to_string()),
            Err(wants) => {
                let then = {
                    let located = located.clone();
                    move || self.step(nav, store, located, older)
                };
                self.fetch(store, located, wants, then);
            }
        }
    }
}

/// The way through the commits, while one looks at the past: a slider, and buttons and keys to the ones
/// before and after.
#[component]
pub fn Scrubber() -> impl IntoView {
    let nav = use_nav();
    let store = use_store();
    let travels = expect_context::<Travels>();
    let located = expect_context::<Located>();
    travels.enter(&located);
    let position = Memo::new(move |_| {
        let at = nav.route().at?;
        travels.travel.with(|travel| travel.position(Some(&at), &browser::now()).ok().flatten())
    });
    let step = {
        let located = located.clone();
        move |older: bool| travels.step(nav, store, located.clone(), older)
    };
    {
        let step = step.clone();
        keys::on_key(move |key| {
            let route = nav.route_now();
            let travels_here = route.at.is_some() || route.screen == Screen::History;
            match key {
                "[" if travels_here => step(true),
                "]" if travels_here => step(false),
                _ => return false,
            }
            true
        });
    }
    // One that a link has named is looked for.
    {
        let located = located.clone();
        Effect::new(move |_| {
            let Some(at) = nav.route().at else { return };
            let wants = travels.travel.with(|travel| travel.position(Some(&at), "").err());
            if let Some(wants) = wants
                && travels.problem.get_untracked().is_none()
            {
                travels.fetch(store, located.clone(), wants, || {});
            }
        });
    }
    let slide = move |event| {
        let back = travels.travel.with_untracked(|travel| travel.commits().len().saturating_sub(1));
        let back = back.saturating_sub(event_target_value(&event).parse().unwrap_or(back));
        let id = travels.travel.with_untracked(|travel| travel.at(back).map(|commit| commit.id.clone()));
        nav.go(&nav.route_now().at(id).to_string());
    };
    let slide = StoredValue::new(slide);
    move || {
        nav.route().at?;
        let (older, newer) = (step.clone(), step.clone());
        let place = position.get().map(|position| {
            let last = position.known.saturating_sub(1);
            let known = if position.whole { format!(" of {}", position.known) } else { format!(" of {} known", position.known) };
            let subject = position.subject.clone();
            view! {
                <label class="slide">
                    <span class="sr">"Commit"</span>
                    <input
                        type="range"
                        min="0"
                        max=last.to_string()
                        prop:value=(last - position.back.min(last)).to_string()
                        aria-valuetext=format!("{}, {}", position.time, position.subject)
                        on:change=move |event| slide.with_value(|slide| slide(event))
                    />
                </label>
                <span class="cut dim w" title=subject.clone()>{subject.clone()}</span>
                <span class="dim end"><Moment time=position.time.clone()/> ", " {position.known - position.back} {known}</span>
            }
        });
        Some(view! {
            <div class="bar scrub" role="region" aria-label="Commit that is shown">
                <button type="button" class="btn sm" on:click=move |_| older(true)><Icon name="chev" class="bk"/><span class="w">"Earlier commit"</span><span class="n">"Earlier"</span></button>
                <button type="button" class="btn sm" on:click=move |_| newer(false)><span class="w">"Later commit"</span><span class="n">"Later"</span><Icon name="chev"/></button>
                {place}
                {move || travels.busy.get().then(|| view! { <span class="dim" role="status">"Asking for commits"</span> })}
            </div>
        })
    }
}
