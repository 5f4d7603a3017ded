//! Carries out what the reader wants: asks hosts, and the cache of this device.
//!
//! An exchange with a host may take many requests. Each is sent by a task of its own, and what comes of
//! it lies in the exchange's inbox until it is looked at; what failed is sent again, where that helps.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use leptos::task::spawn_local;
use ocuroot_core::hosts::{
    self, Answer, Ask, Exchange, HostError, Kind, Request, Response, Side, Unreachable,
};
use ocuroot_core::reading::{Job, What, Work, pace};

use super::polling::poll;
use super::{Inner, jittered, problem};
use crate::net::{self, Bell, sleep};
use crate::{account, apart, browser};

/// Does what a job says, and gives its result back.
pub(super) async fn carry_out(weak: Weak<Inner>, job: Job) {
    match job.work {
        Work::Recall(recall) => {
            let Some(cache) = weak.upgrade().map(|inner| inner.cache.clone()) else { return };
            let found = cache.recall(&recall).await;
            let Some(inner) = weak.upgrade() else { return };
            inner.reader.borrow_mut().recalled(job.id, found);
            inner.bell.ring();
        }
        Work::Translate(files) => {
            let translated = apart::translate(files).await;
            let Some(inner) = weak.upgrade() else { return };
            match translated {
                Ok(translation) => inner.reader.borrow_mut().translated(job.id, translation),
                Err(_) => {
                    inner.reader.borrow_mut().failed(job.id);
                    inner.fail(apart::lost());
                }
            }
            inner.bell.ring();
        }
        Work::Ask { host, ask } => {
            let side = if host == 0 { Side::State } else { Side::Intent };
            let stops = weak.upgrade().map(|inner| inner.stops.get());
            let answer = exchange(&weak, side, ask).await;
            // To read an answer and to take it in are two tasks of the page.
            browser::turn().await;
            let Some(inner) = weak.upgrade() else { return };
            if answer.is_err() && stops != Some(inner.stops.get()) {
                inner.reader.borrow_mut().failed(job.id);
                inner.bell.ring();
                return;
            }
            let is_local = inner.host(side).source.kind == Kind::Local;
            if is_local && answer.as_ref().is_ok_and(hosts::is_over) {
                poll(weak.clone()).await;
                if inner.reader.borrow().news() {
                    inner.reader.borrow_mut().failed(job.id);
                    inner.show_newer();
                    inner.bell.ring();
                    return;
                }
            }
            match answer {
                Ok(answer) => inner.reader.borrow_mut().answered(job.id, answer),
                Err(error) => {
                    if inner.reader.borrow_mut().failed(job.id) {
                        inner.fail(problem(inner.host(side), &error));
                    }
                }
            }
            inner.bell.ring();
        }
    }
}

/// What has come, for an exchange that waits.
#[derive(Default)]
pub(super) struct Inbox {
    came: RefCell<VecDeque<(usize, Result<Response, Unreachable>)>>,
    pub(super) bell: Bell,
    /// Whether nobody waits any more.
    pub(super) closed: Cell<bool>,
}

/// Asks a host.
pub(super) async fn exchange(weak: &Weak<Inner>, side: Side, ask: Ask) -> Result<Answer, HostError> {
    let gone = || HostError::Unreachable { detail: "the page has gone on".to_owned() };
    let what = What::of(&ask);
    let index = usize::from(side == Side::Intent);
    let (host, limits, number) = {
        let inner = weak.upgrade().ok_or_else(gone)?;
        let limits = inner.limits.borrow().get(index).cloned().unwrap_or_default();
        let host = inner.host(side).clone();
        (host, limits, inner.number())
    };
    let signed_in = account::token(&host).is_some();
    let mut exchange = match host.source.kind {
        Kind::GitHub => Exchange::github(&host, &limits, ask, signed_in)?,
        _ => match apart::elsewhere(host, limits, ask, signed_in).await {
            Ok(exchange) => exchange?,
            Err(lost) => return Err(HostError::Unreachable { detail: lost.to_string() }),
        },
    };
    let inbox = Rc::new(Inbox::default());
    // The requests that came to nothing, each as often as it did.
    let mut failures: Vec<usize> = Vec::new();
    let mut open = 0_usize;
    let result = loop {
        if let Some(answer) = exchange.answer() {
            break Ok(answer);
        }
        if inbox.closed.get() {
            exchange.stop();
            break Err(gone());
        }
        for (id, request) in exchange.requests() {
            open += 1;
            spawn_local(send(weak.clone(), side, id, request, 0, Rc::clone(&inbox)));
        }
        if let Some(inner) = weak.upgrade() {
            inner.forget(number);
            let progress = exchange.progress();
            inner.under_way.borrow_mut().push((number, what, progress, Rc::clone(&inbox)));
            inner.bell.ring();
        }
        if open == 0 {
            break Err(gone());
        }
        let rung = inbox.bell.rung();
        let came = inbox.came.borrow_mut().pop_front();
        let Some((id, came)) = came else {
            inbox.bell.after(rung).await;
            continue;
        };
        open -= 1;
        let asked = came.as_ref().err().and_then(|_| exchange.again(id));
        if let Some(origin) = asked.and_then(|request| net::blocked(&request.url)) {
            break Err(HostError::Blocked { origin });
        }
        if let Err(error) = exchange.respond(id, came) {
            failures.push(id);
            let attempt = failures.iter().filter(|other| **other == id).count();
            let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
            match (pace::again(&error, attempt, browser::seconds()), exchange.again(id), weak.upgrade()) {
                (Some(wait), Some(request), Some(_)) => {
                    open += 1;
                    spawn_local(send(weak.clone(), side, id, request, jittered(wait), Rc::clone(&inbox)));
                }
                _ => break Err(error),
            }
        }
    };
    inbox.closed.set(true);
    if let Some(inner) = weak.upgrade() {
        inner.forget(number);
        if let Some(limits) =
            inner.limits.borrow_mut().get_mut(index).filter(|old| **old != exchange.limits())
        {
            *limits = exchange.limits();
            account::keep_limits(inner.host(side), limits);
        }
    }
    result
}

/// Sends one request of an exchange, after a while.
async fn send(weak: Weak<Inner>, side: Side, id: usize, request: Request, wait: u32, inbox: Rc<Inbox>) {
    if wait > 0 {
        sleep(wait).await;
    }
    let there = weak.upgrade().map(|inner| (Rc::clone(&inner.net), account::token(inner.host(side))));
    let came = match there {
        Some((net, token)) => net.send(&request, token.as_ref(), &|| inbox.closed.get()).await,
        None => Err(Unreachable { detail: "the page has gone on".to_owned() }),
    };
    inbox.came.borrow_mut().push_back((id, came));
    inbox.bell.ring();
}
