//! The stores of a repo, as code at the prompt reads them.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use ocuroot_core::documents::Environment;
use ocuroot_core::resolve::{self, LinkCycle};
use ocuroot_core::sdk::{HostError, State};
use ocuroot_core::snapshot::Unmet;
use ocuroot_core::{Glob, Marker, Ref};
use serde_json::Value;

use crate::error::Failure;
use crate::refs_here::{self, Target};
use crate::session::{Session, environments};

/// The most refs that a completion offers.
const MOST: usize = 200;

/// The stores, or why there are none.
pub struct Stores {
    session: Mutex<Result<Session, HostError>>,
    /// What relative refs start from.
    target: Target,
    base: Ref,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").field("base", &self.base).finish_non_exhaustive()
    }
}

fn explained(failure: &Failure) -> HostError {
    HostError { message: failure.to_string(), hint: failure.hint() }
}

impl Stores {
    /// Those of a session, if it could be opened. Refs are relative to `target`, which is `base`.
    pub fn new(session: Result<Session, Failure>, target: Target, base: Ref) -> Stores {
        let session = Mutex::new(session.map_err(|failure| explained(&failure)));
        Stores { session, target, base }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Session) -> Result<T, Failure>) -> Result<T, HostError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *session {
            Ok(session) => ask(session).map_err(|failure| explained(&failure)),
            Err(why) => Err(why.clone()),
        }
    }

    /// From now on what others have written meanwhile is seen.
    pub fn refresh(&self) {
        // Without stores there is nothing to forget.
        let _ = self.with(|session| {
            session.refresh();
            Ok(())
        });
    }

    /// The environments in state; without stores there are none.
    ///
    /// # Errors
    /// The stores cannot be read.
    pub fn environments(&self) -> Result<Vec<Environment>, HostError> {
        let none = self.session.lock().unwrap_or_else(PoisonError::into_inner).is_err();
        if none { Ok(Vec::new()) } else { self.with(|session| session.read(environments)) }
    }

    /// The refs, or the parts of refs up to the next `/`, that begin with what is typed.
    #[must_use]
    pub fn completions(&self, typed: &str) -> Vec<String> {
        let (folder, slash) = match typed.rsplit_once('/') {
            Some((folder, _)) => (folder, "/"),
            None => ("", ""),
        };
        let intent = typed.split('/').any(|segment| segment.starts_with('+'));
        let path = self.path(folder);
        let names = self.with(|session| {
            session.ask(|snapshot| {
                let side = if intent { Marker::Intent } else { Marker::State };
                Ok(snapshot.children(side, &path)?.into_iter().map(str::to_owned).collect::<Vec<_>>())
            })
        });
        let spelled = |name: String| match name.strip_prefix('@') {
            Some(release) if intent => format!("{folder}{slash}+{release}"),
            _ => format!("{folder}{slash}{name}"),
        };
        let found = names.unwrap_or_default().into_iter().map(spelled);
        found.filter(|text| text.starts_with(typed)).take(MOST).collect()
    }

    /// The path in a store of the start of a ref, which need not be one yet.
    fn path(&self, folder: &str) -> String {
        let full = match folder.strip_prefix('.') {
            Some(rest) if rest.starts_with("/-") => {
                format!("{}{rest}", self.base.repo().unwrap_or_default())
            }
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '@', '+']) => {
                let release = rest.starts_with("/@") || rest.starts_with("/+");
                let base = if release { self.base.package() } else { self.base.release_ref() };
                format!("{base}{rest}")
            }
            _ => folder.to_owned(),
        };
        let segments = full.split('/').map(|segment| match segment.strip_prefix('+') {
            Some(release) => format!("@{release}"),
            None => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl State for Stores {
    fn get(&self, reference: &str) -> Result<Option<Value>, HostError> {
        self.with(|session| {
            let reference = refs_here::resolve(&session.repo, reference, &self.target)?;
            let found = session.read(|snapshot| {
                if let Some(problem) = snapshot.problem(&reference)? {
                    return Ok(Err(problem.to_string()));
                }
                Ok::<_, Unmet<LinkCycle>>(Ok(resolve::value(snapshot, &reference)?.cloned()))
            })?;
            found.map_err(|problem| Failure::Unsuccessful(format!("{reference}: {problem}")))
        })
    }

    fn matching(&self, glob: &str) -> Result<Vec<String>, HostError> {
        self.with(|session| {
            let glob = Glob::new(glob)?;
            let found = session.ask(|snapshot| snapshot.search(&glob))?;
            Ok(found.iter().map(Ref::to_string).collect())
        })
    }
}
