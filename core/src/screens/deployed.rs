//! What is deployed to one environment of one package, and what comes next there: read off its
//! [summary](crate::summary).

use serde::Serialize;

use super::status::Word;
use crate::documents::Status;
use crate::natural;
use crate::refs::{Kind, Ref};
use crate::snapshot::{Needs, Snapshot};
use crate::summary::{Open, Summary};

/// What is to happen next in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The release.
    pub release: Ref,
    /// Its name, `r12`.
    pub id: String,
    /// Where its deployment stands.
    pub word: Word,
    /// Since when, RFC 3339.
    pub since: String,
    /// What it waits for: refs and globs.
    pub waits: Vec<String>,
}

/// The most urgent of the deployments to `environment` that are not complete, of the newest release
/// among equals. None when there is nothing to do.
///
/// # Errors
/// Whether what such a run waits for is there, where its summary cannot know.
pub fn next(
    snapshot: &Snapshot,
    summary: &Summary,
    environment: &str,
    frozen: bool,
) -> Result<Option<Next>, Needs> {
    let mut needs = Needs::default();
    let mut best: Option<Next> = None;
    for release in &summary.releases {
        let Some(open) = release.open.get(&format!("deploy/{environment}")) else { continue };
        let Some(word) = needs.take(word(snapshot, summary, open, frozen)) else { continue };
        // What is over asks for nothing any more.
        if matches!(word, Word::Cancelled | Word::Retried | Word::Complete) {
            continue;
        }
        let Ok(reference) = summary.package.with_release(&release.id) else { continue };
        if best.as_ref().is_none_or(|best| word < best.word) {
            best = Some(Next {
                release: reference,
                id: release.id.clone(),
                word,
                since: open.since.clone(),
                waits: open.waits.clone(),
            });
        }
    }
    needs.settle(best)
}

/// Where a task or deployment that is not complete stands, in one word.
///
/// # Errors
/// As [`next`].
pub fn word(snapshot: &Snapshot, summary: &Summary, open: &Open, frozen: bool) -> Result<Word, Needs> {
    if !matches!(open.status, Status::Pending | Status::Paused) {
        return Ok(open.status.into());
    }
    let mut needs = Needs::default();
    let mut missing = false;
    let mut approval = false;
    for wait in &open.waits {
        let reference = wait.parse::<Ref>().ok();
        // A summary knows its own package; what lies elsewhere is named whether it is there or not.
        if let Some(reference) = &reference
            && reference.package() != summary.package
            && needs.take(is_there(snapshot, reference)) != Some(false)
        {
            continue;
        }
        missing = true;
        approval |= reference.is_some_and(|reference| reference.kind() == Some(Kind::Custom));
    }
    let started = open.status == Status::Paused;
    needs.settle(match (missing, approval) {
        (true, true) => Word::NeedsApproval,
        (true, false) if started => Word::Waiting,
        (true, false) => Word::Pending,
        (false, _) if frozen => Word::Frozen,
        (false, _) => Word::Queued,
    })
}

/// Whether a ref that something waits for leads to a document now.
///
/// # Errors
/// What must be loaded.
pub fn is_there(snapshot: &Snapshot, reference: &Ref) -> Result<bool, Needs> {
    match crate::resolve::document(snapshot, reference) {
        Ok(found) => Ok(found.is_some()),
        Err(crate::snapshot::Unmet::Needs(needs)) => Err(needs),
        Err(crate::snapshot::Unmet::Error(_)) => Ok(false),
    }
}

/// How many releases there are that are newer than the one that is live in `environment`, as far as
/// the summary tells of them; cancelled ones do not count.
#[must_use]
pub fn newer(summary: &Summary, environment: &str) -> usize {
    let Some(live) = summary.live.get(environment) else { return 0 };
    let newer = |id: &str| natural::compare(id, &live.release).is_gt();
    summary.releases.iter().filter(|one| newer(&one.id) && one.status != Status::Cancelled).count()
}
