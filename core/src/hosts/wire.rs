//! The end of an exchange at which the host's scripts sit: they send and wait, as if there were a network.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::ask::Entry;
use super::error::HostError;
use super::exchange::Progress;
use super::github;
use super::host::Host;
use super::limits::Limits;
use super::request::{Request, Response, Unreachable};
use super::source::Kind;

/// A handle; its copies are the same wire.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) host: Host,
    pub(crate) signed_in: bool,
    shared: Rc<RefCell<Shared>>,
}

#[derive(Default)]
struct Shared {
    next: usize,
    fresh: Vec<usize>,
    open: Vec<Open>,
    came: Vec<(usize, Response)>,
    limits: Limits,
    progress: Progress,
    listed: Vec<Entry>,
}

impl Shared {
    fn open(&self, id: usize) -> Option<&Open> {
        self.open.iter().find(|open| open.id == id)
    }

    fn take(&mut self, id: usize) -> Option<Response> {
        let at = self.came.iter().position(|(other, _)| *other == id)?;
        Some(self.came.swap_remove(at).1)
    }
}

struct Open {
    id: usize,
    request: Request,
    bears: &'static [u16],
}

impl Wire {
    pub(crate) fn new(host: Host, limits: Limits, signed_in: bool) -> Wire {
        let shared = Shared { limits, ..Shared::default() };
        Wire { host, signed_in, shared: Rc::new(RefCell::new(shared)) }
    }

    /// Sends a request. Failures end the script, but for those of a status that it `bears`, which it looks
    /// at itself.
    pub(crate) fn send(&self, request: Request, bears: &'static [u16]) -> Later<'_, Response> {
        Box::pin(self.sent(request, bears))
    }

    async fn sent(&self, request: Request, bears: &'static [u16]) -> Result<Response, HostError> {
        let id = {
            let mut shared = self.shared.borrow_mut();
            let id = shared.next;
            shared.next += 1;
            shared.fresh.push(id);
            shared.open.push(Open { id, request: request.clone(), bears });
            id
        };
        let response = poll_fn(|_| match self.shared.borrow_mut().take(id) {
            Some(response) => Poll::Ready(response),
            None => Poll::Pending,
        })
        .await;
        if !bears.contains(&response.status)
            && let Some(error) = HostError::of(&request, &response, self.signed_in)
        {
            return Err(error);
        }
        Ok(response)
    }

    /// That there is nothing where a request asks.
    pub(crate) fn missing(&self, request: &Request) -> HostError {
        let signed_in = self.signed_in && request.auth;
        HostError::NotFound { what: request.place().to_owned(), signed_in }
    }

    /// How many requests have no answer yet.
    pub(crate) fn awaited(&self) -> usize {
        self.shared.borrow().open.len()
    }

    /// So many will come.
    pub(crate) fn expect(&self, count: usize) {
        self.shared.borrow_mut().progress.expected = Some(count);
    }

    /// So many more came.
    pub(crate) fn done(&self, count: usize) {
        self.shared.borrow_mut().progress.done += count;
    }

    /// Entries of a listing came.
    pub(crate) fn listed(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut shared = self.shared.borrow_mut();
        shared.listed.extend(entries);
        shared.progress.done = shared.listed.len();
    }

    pub(crate) fn take_listed(&self) -> Vec<Entry> {
        std::mem::take(&mut self.shared.borrow_mut().listed)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.shared.borrow().limits.clone()
    }

    pub(crate) fn learn(&self, learn: impl FnOnce(&mut Limits)) {
        learn(&mut self.shared.borrow_mut().limits);
    }

    pub(crate) fn progress(&self) -> Progress {
        self.shared.borrow().progress
    }

    pub(crate) fn hand_out(&self) -> Vec<(usize, Request)> {
        let mut shared = self.shared.borrow_mut();
        let fresh = std::mem::take(&mut shared.fresh);
        let request = |id: usize| Some((id, shared.open(id)?.request.clone()));
        fresh.into_iter().filter_map(request).collect()
    }

    pub(crate) fn open(&self, id: usize) -> Option<Request> {
        self.shared.borrow().open(id).map(|open| open.request.clone())
    }

    /// Nobody waits any more: what comes now changes nothing.
    pub(crate) fn close(&self) {
        let mut shared = self.shared.borrow_mut();
        shared.fresh.clear();
        shared.open.clear();
    }

    pub(crate) fn put(&self, id: usize, came: Result<Response, Unreachable>) -> Result<(), HostError> {
        let mut shared = self.shared.borrow_mut();
        // An answer to what nobody asked, or asked twice, changes nothing.
        let Some(open) = shared.open(id) else { return Ok(()) };
        let response = came?;
        if !open.bears.contains(&response.status)
            && let Some(error) = HostError::of(&open.request, &response, self.signed_in)
            && error.retry_after(1, 0).is_some()
        {
            return Err(error);
        }
        if self.host.source.kind == Kind::GitHub
            && let Some(error) = github::limited(&response, self.signed_in)
        {
            return Err(error);
        }
        shared.open.retain(|open| open.id != id);
        shared.came.push((id, response));
        Ok(())
    }
}

/// A step of a script that calls itself, or that many others call: each would hold all of it, and the code
/// to drop it at every point where it may be.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + 'a>>;

/// Waits for all, in parallel; their values in order, or the first failure.
pub(crate) fn all<'a, T: 'a>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, HostError>> + 'a>,
) -> Later<'a, Vec<T>> {
    let later = |future| -> Option<Later<'a, T>> { Some(Box::pin(future)) };
    Box::pin(join(futures.into_iter().map(later).collect()))
}

async fn join<T>(mut waiting: Vec<Option<Later<'_, T>>>) -> Result<Vec<T>, HostError> {
    let mut values: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    let poll = |cx: &mut Context<'_>| {
        let mut pending = false;
        for (slot, value) in waiting.iter_mut().zip(&mut values) {
            let Some(future) = slot else { continue };
            match Pin::new(future).poll(cx) {
                Poll::Pending => pending = true,
                Poll::Ready(result) => {
                    *slot = None;
                    match result {
                        Ok(came) => *value = Some(came),
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(Ok(())) }
    };
    poll_fn(poll).await?;
    Ok(values.into_iter().flatten().collect())
}
