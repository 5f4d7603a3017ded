//! One command's view of the stores: what it has loaded, and how it decides and commits.
//!
//! A session keeps its snapshot from one decision to the next, so that a command reads each
//! document once. Whatever it writes is required to be as it was read; when somebody else was
//! faster the stores drop what was known and the decision is made again.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Environment, Owner};
use ocuroot_core::envelope::Document;
use ocuroot_core::facts::Facts;
use ocuroot_core::glob::Glob;
use ocuroot_core::intent::IntentError;
use ocuroot_core::repo_config;
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::transaction::Transaction;

use crate::error::Failure;
use crate::git;
use crate::identity;
use crate::repo::{Place, Repo};
use crate::store::{Decided, Stores};
use crate::view::{Event, View};

/// A command at work. See the [module's page](self).
pub struct Session {
    /// Where it runs.
    pub repo: Repo,
    /// What it reads and writes.
    pub stores: Stores,
    /// What it has loaded so far.
    pub snapshot: Snapshot,
    /// Who hears of progress.
    pub view: Arc<dyn View>,
    /// This process.
    pub owner: Owner,
    /// What it has written so far.
    pub written: BTreeSet<Ref>,
    /// Why it starts deploy runs in spite of a freeze, if it does.
    pub override_freeze: Option<String>,
    /// Whether it follows a branch, where newer releases may overtake those that it makes.
    pub in_order: bool,
    /// The runs of which it has said that a freeze holds them.
    pub frozen: BTreeSet<Ref>,
    recorded: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("repo", &self.repo).finish_non_exhaustive()
    }
}

impl Session {
    /// A session in the repo that `start` is in.
    ///
    /// # Errors
    /// When there is no repo, or its stores cannot be opened.
    pub fn open(start: &Path, view: Arc<dyn View>) -> Result<Session, Failure> {
        let repo = Repo::open(start)?;
        let stores = repo.stores()?;
        let stores = {
            let view = Arc::clone(&view);
            stores.with_notice(move |message| {
                tracing::warn!("{message}");
                view.show(&Event::Note(message));
            })
        };
        Ok(Session {
            repo,
            stores,
            snapshot: Snapshot::default(),
            view,
            owner: identity::owner(),
            written: BTreeSet::new(),
            override_freeze: None,
            in_order: false,
            frozen: BTreeSet::new(),
            recorded: false,
        })
    }

    /// The facts of this moment.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.clock()()
    }

    /// Tells the facts of the moment when it is called: a decision that is made again, because others were
    /// faster, is one of later. Which of two runs began first is told by that.
    pub fn clock(&self) -> impl Fn() -> Facts + use<> {
        let (owner, in_order) = (self.owner.clone(), self.in_order);
        let override_freeze = self.override_freeze.clone();
        move || Facts { override_freeze: override_freeze.clone(), in_order, ..identity::facts(&owner) }
    }

    /// Forgets what was loaded: others may have written meanwhile. Not so with a remote store, which
    /// says so when something is pushed that they were faster with; until then it is as it was fetched.
    pub fn refresh(&mut self) {
        if !self.stores.is_remote() {
            self.snapshot = Snapshot::default();
        }
    }

    /// The answer to a question that only reads.
    ///
    /// # Errors
    /// As the question says, or when the stores cannot be read.
    pub fn read<T, E>(&mut self, query: impl FnMut(&Snapshot) -> Result<T, Unmet<E>>) -> Result<T, Failure>
    where
        Failure: From<Decided<E>>,
    {
        Ok(self.stores.read(&mut self.snapshot, query)?)
    }

    /// The answer to a question that cannot fail.
    ///
    /// # Errors
    /// When the stores cannot be read.
    pub fn ask<T>(&mut self, mut query: impl FnMut(&Snapshot) -> Result<T, Needs>) -> Result<T, Failure> {
        self.read(|snapshot| query(snapshot).map_err(Unmet::<std::convert::Infallible>::Needs))
    }

    /// Decides and commits. The first transaction of a command in a source repo also records the
    /// repo's configuration at this commit.
    ///
    /// # Errors
    /// As the decision says, or when the stores cannot be read or written.
    pub fn decide<T, E>(
        &mut self,
        mut decision: impl FnMut(&Snapshot) -> Result<(Transaction, T), Unmet<E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<Decided<E>>,
    {
        let config = if self.recorded { None } else { self.config()? };
        let mut wrote = false;
        let mut message = String::new();
        let mut touched: Vec<Ref> = Vec::new();
        // Git is asked while the store is read, and its answer is waited for where it is needed.
        let root = self.repo.root.clone();
        let asked = config.as_ref().map(|_| std::thread::spawn(move || git::remotes(&root)));
        let remotes = LazyCell::new(|| asked.and_then(|asked| asked.join().ok()).unwrap_or_default());
        let result = self.stores.decide(&mut self.snapshot, |snapshot| {
            let (mut transaction, value) = decision(snapshot)?;
            wrote = !transaction.is_empty();
            message.clone_from(&transaction.message);
            touched = transaction.writes.keys().cloned().collect();
            if let (true, Some((at, source))) = (wrote, &config) {
                let recorded = repo_config::record(snapshot, at, source, || remotes.as_slice())?;
                transaction = transaction.then(recorded);
            }
            Ok((transaction, value))
        });
        self.recorded |= wrote && result.is_ok();
        if wrote && result.is_ok() {
            self.written.extend(touched);
            tracing::info!(transaction = message, "wrote to the store");
        }
        Ok(result?)
    }

    /// What is recorded of the repo, beside its remotes; none where it has no commit or no name yet, or is none.
    fn config(&self) -> Result<Option<(Ref, String)>, Failure> {
        let (Ok(name), Ok(commit)) = (self.repo.name(), self.repo.commit()) else { return Ok(None) };
        let Place::Source(source) = &self.repo.place else { return Ok(None) };
        Ok(Some((repo_config::reference(name, &commit.hash)?, source.text.clone())))
    }
}

/// The environments that state holds, by name.
///
/// # Errors
/// What must be loaded, or which of them cannot be read.
pub fn environments(snapshot: &Snapshot) -> Result<Vec<Environment>, Unmet<IntentError>> {
    let Ok(glob) = Glob::new("@/environment/*") else { return Ok(Vec::new()) };
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for reference in snapshot.search(&glob)? {
        let Some(document) = needs.take(snapshot.get(&reference)) else { continue };
        // Without it the package would silently deploy to fewer places.
        let environment = document.and_then(Document::read::<Environment>);
        found.push(environment.ok_or_else(|| {
            let problem = "this document is not an environment; `ocuroot state check` says more".to_owned();
            Unmet::Error(IntentError::Environment { reference, problem })
        })?);
    }
    Ok(needs.settle(found)?)
}
