//! A question to a host from its first request to its answer.
//!
//! ```
//! use ocuroot_core::hosts::{Answer, Ask, Exchange, Host, Limits, Response, Side, Source};
//!
//! let source: Source = "github:acme/releases".parse().unwrap();
//! let host = Host::new(&source, Side::State);
//! let mut exchange = Exchange::new(&host, &Limits::default(), Ask::Viewer, true).unwrap();
//!
//! let (id, request) = exchange.requests().remove(0);
//! assert_eq!(request.url, "https://api.github.com/user");
//! let body = br#"{"login":"ada"}"#.to_vec();
//! exchange.respond(id, Ok(Response { status: 200, headers: vec![], body })).unwrap();
//! assert!(matches!(exchange.answer(), Some(Answer::Viewer(viewer)) if viewer.login == "ada"));
//! ```
//!
//! What a host takes several requests for is written down as a future that waits for nothing but its
//! [`Wire`](super::wire): the compiler makes the state machine, and whoever feeds it decides when and how
//! requests travel. There is no executor and no wake-up: an exchange moves when an answer is put in.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::ask::{Answer, Ask, Entry, File, Head, Listing};
use super::error::HostError;
use super::host::{Host, is_plain};
use super::limits::Limits;
use super::request::{Request, Response, Unreachable};
use super::source::Kind;
use super::wire::Wire;
use super::{gitea, github, gitlab, local};
use crate::order::Order as _;

/// How far an exchange is: entries of listings, files of [`Ask::Files`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So many are here.
    pub done: usize,
    /// Of so many, where that is known.
    pub expected: Option<usize>,
}

/// An [`Ask`] under way.
pub struct Exchange {
    wire: Wire,
    script: Option<Script>,
    answer: Option<Answer>,
    lists: bool,
}

type Script = Pin<Box<dyn Future<Output = Result<Answer, HostError>>>>;

/// What a kind of host is asked, for its answer.
type Speak = fn(Wire, Ask) -> Script;

const GITHUB: Speak = |wire, ask| Box::pin(async move { github::answer(&wire, ask).await });

impl Exchange {
    /// Starts one. `signed_in` says whether the shell has a [`Token`](super::Token) for this host. Some
    /// questions have their [`answer`](Exchange::answer) at once.
    ///
    /// # Errors
    ///
    /// If no host need be asked to know that it has no answer.
    pub fn new(host: &Host, limits: &Limits, ask: Ask, signed_in: bool) -> Result<Exchange, HostError> {
        let speak: Speak = match host.source.kind {
            Kind::GitHub => GITHUB,
            Kind::Local => |wire, ask| Box::pin(async move { local::answer(&wire, ask).await }),
            Kind::GitLab => |wire, ask| Box::pin(async move { gitlab::answer(&wire, ask).await }),
            Kind::Gitea => |wire, ask| Box::pin(async move { gitea::answer(&wire, ask).await }),
        };
        Exchange::start(host, limits, ask, signed_in, speak)
    }

    /// As [`new`](Exchange::new), with a host that is GitHub: whoever calls nothing else need not have the
    /// code for the others.
    ///
    /// # Errors
    ///
    /// If no host need be asked to know that it has no answer.
    pub fn github(host: &Host, limits: &Limits, ask: Ask, signed_in: bool) -> Result<Exchange, HostError> {
        Exchange::start(host, limits, ask, signed_in, GITHUB)
    }

    fn start(
        host: &Host,
        limits: &Limits,
        ask: Ask,
        signed_in: bool,
        speak: Speak,
    ) -> Result<Exchange, HostError> {
        let wire = Wire::new(host.clone(), limits.clone(), signed_in);
        let lists = matches!(ask, Ask::Below { .. });
        let script = Box::pin(answer(wire.clone(), ask, speak));
        let mut exchange = Exchange { wire, script: Some(script), answer: None, lists };
        exchange.step()?;
        Ok(exchange)
    }

    /// Requests that may be sent now, all at once if the shell likes ([`Host::in_flight`]). Each is given
    /// out once; its number goes to [`respond`](Exchange::respond).
    pub fn requests(&mut self) -> Vec<(usize, Request)> {
        self.wire.hand_out()
    }

    /// A request that was given out and has no good answer yet, to be sent again.
    pub fn again(&self, id: usize) -> Option<Request> {
        self.wire.open(id)
    }

    /// Takes what came of a request.
    ///
    /// # Errors
    ///
    /// Those for which [`HostError::retry_after`] gives a time leave the exchange as it was: the shell may
    /// send the request [`again`](Exchange::again). After any other the exchange is over.
    pub fn respond(&mut self, id: usize, came: Result<Response, Unreachable>) -> Result<(), HostError> {
        self.wire.put(id, came)?;
        self.step()
    }

    /// The answer, once it is complete; given out once.
    pub fn answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.wire.progress()
    }

    /// Ends a listing early: what is there so far, as not whole. None for other questions.
    pub fn stop(&mut self) -> Option<Answer> {
        self.script = None;
        self.wire.close();
        self.lists.then(|| Answer::Below(Some(listing(self.wire.take_listed(), false))))
    }

    /// What was learnt about the instance, for the next exchange.
    pub fn limits(&self) -> Limits {
        self.wire.limits()
    }

    fn step(&mut self) -> Result<(), HostError> {
        let Some(script) = &mut self.script else { return Ok(()) };
        match script.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(()),
            Poll::Ready(answer) => {
                self.script = None;
                self.wire.close();
                self.answer = Some(answer?);
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// A listing in order.
pub(crate) fn listing(mut entries: Vec<Entry>, whole: bool) -> Listing {
    entries.order();
    entries.dedup();
    Listing { entries, whole }
}

/// Asks the host, after what no host need be asked: names that git cannot have, and that a URL would bend.
async fn answer(wire: Wire, mut ask: Ask, speak: Speak) -> Result<Answer, HostError> {
    let mut impossible = Vec::new();
    match &mut ask {
        Ask::Head { branch: Some(branch), .. } if !is_plain(branch) => {
            return Ok(Answer::Head(Head::Missing));
        }
        Ask::Folder { path, .. } if !path.is_empty() && !is_plain(path) => {
            return Ok(Answer::Folder(None));
        }
        Ask::Below { path, .. } if !path.is_empty() && !is_plain(path) => {
            return Ok(Answer::Below(None));
        }
        Ask::Commit { id } if !is_plain(id) => {
            return Err(HostError::NoCommit { id: id.clone() });
        }
        Ask::Files { files, .. } => {
            impossible = files.extract_if(.., |file| !is_plain(&file.path)).collect();
            if files.is_empty() {
                return Ok(Answer::Files(without(impossible)));
            }
            wire.expect(files.len());
        }
        _ => {}
    }
    let mut answer = speak(wire, ask).await?;
    if let Answer::Files(files) = &mut answer {
        files.extend(without(impossible));
    }
    Ok(answer)
}

fn without(files: Vec<super::ask::Wanted>) -> Vec<File> {
    files.into_iter().map(|file| File { path: file.path, bytes: None }).collect()
}
