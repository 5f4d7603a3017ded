//! Looks for new commits.

use std::rc::{Rc, Weak};

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys;
use ocuroot_core::Marker;
use ocuroot_core::hosts::{self, Answer, Ask, Kind, Side};
use ocuroot_core::reading::{Work, pace};

use super::driver::exchange;
use super::{Inner, Newer, jittered, problem};
use crate::browser;
use crate::net::sleep;

/// What the local server tells by itself: that something has changed. It is listened to until this is
/// dropped.
pub(super) struct Events {
    source: web_sys::EventSource,
    /// What hears it; the browser calls it for as long as the source is open.
    _heard: Closure<dyn Fn(web_sys::MessageEvent)>,
}

impl Events {
    /// Those of the server that a store is read from; none of other hosts.
    pub(super) fn of(inner: &Rc<Inner>) -> Option<Events> {
        if inner.located.state.host.source.kind != Kind::Local {
            return None;
        }
        let source = web_sys::EventSource::new("api/events").ok()?;
        let weak = Rc::downgrade(inner);
        let heard = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            let weak = weak.clone();
            if let Some(inner) = weak.upgrade() {
                let told = event.data().as_string().and_then(|data| hosts::told_problem(&data));
                inner.refresh(|freshness| freshness.told = told);
            }
            spawn_local(async move {
                poll(weak).await;
            });
        });
        source.add_event_listener_with_callback("head", heard.as_ref().unchecked_ref()).ok()?;
        Some(Events { source, _heard: heard })
    }

    /// Whether the server is heard at the moment.
    fn are_heard(&self) -> bool {
        self.source.ready_state() == web_sys::EventSource::OPEN
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// Looks for new commits again and again, while the tab is seen.
pub(super) async fn watch(weak: Weak<Inner>) {
    let Some(mut wait) = weak.upgrade().map(|inner| inner.look_every()) else { return };
    loop {
        sleep(jittered(wait * 1000)).await;
        let Some(inner) = weak.upgrade() else { return };
        let visible = document().visibility_state() == web_sys::VisibilityState::Visible;
        let told = inner.events.borrow().as_ref().is_some_and(Events::are_heard);
        let usual = inner.look_every();
        drop(inner);
        // A server that speaks for itself need not be asked.
        if !visible || told {
            continue;
        }
        wait = pace::next_look(wait, poll(weak.clone()).await, usual);
    }
}

/// Looks for new commits once. Returns whether the hosts have answered.
pub(super) async fn poll(weak: Weak<Inner>) -> bool {
    let Some(inner) = weak.upgrade() else { return false };
    let mut jobs = inner.reader.borrow_mut().poll().into_iter();
    drop(inner);
    while let Some(job) = jobs.next() {
        let Work::Ask { host, ask } = job.work else { continue };
        let side = if host == 0 { Side::State } else { Side::Intent };
        let answer = exchange(&weak, side, ask).await;
        let Some(inner) = weak.upgrade() else { return false };
        match answer {
            Ok(answer) => inner.reader.borrow_mut().answered(job.id, answer),
            Err(error) => {
                // The others are not asked now, and must not be waited for.
                let left = jobs.map(|job| job.id);
                std::iter::once(job.id).chain(left).for_each(|id| {
                    inner.reader.borrow_mut().failed(id);
                });
                let problem = problem(inner.host(side), &error);
                inner.refresh(|freshness| freshness.problem = Some(problem));
                return false;
            }
        }
    }
    let Some(inner) = weak.upgrade() else { return false };
    inner.refresh(|freshness| {
        freshness.checked = browser::now();
        freshness.problem = None;
    });
    if !inner.reader.borrow().news() {
        return true;
    }
    if inner.follow.get() {
        inner.show_newer();
        return true;
    }
    drop(inner);
    count_newer(&weak).await;
    true
}

/// Counts the commits that are not shown yet, by one question.
async fn count_newer(weak: &Weak<Inner>) {
    let Some(inner) = weak.upgrade() else { return };
    let moved = |side: Marker| inner.reader.borrow().moved(side);
    let (side, moved) = match moved(Marker::State) {
        Some(moved) => (Side::State, Some(moved)),
        None => (Side::Intent, moved(Marker::Intent)),
    };
    drop(inner);
    let Some((shown, newest)) = moved else { return };
    let ask = Ask::History { from: newest.clone(), path: None, page: 1 };
    let Ok(Answer::History(history)) = exchange(weak, side, ask).await else { return };
    let count = history.commits.iter().position(|commit| commit.id == shown);
    let Some(inner) = weak.upgrade() else { return };
    // It may have moved on in the meantime.
    let same = [Marker::State, Marker::Intent]
        .into_iter()
        .any(|side| inner.reader.borrow().moved(side).is_some_and(|(_, id)| id == newest));
    if same {
        inner.refresh(|freshness| freshness.newer = count.map_or(Newer::Some, Newer::Count));
    }
}
