//! Pushing commits, and reading what became of them.

use std::collections::BTreeSet;

use git2::Oid;

use super::super::error::{RemoteProblem, StoreError};
use super::super::steps::step;
use super::clone::{Clone, full_name};
use super::command::Answer;
use super::local::Begun;
use super::pack;
use super::turn::{Notes, Turn};

/// A branch's way from one commit to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    /// Index into the branches.
    pub(super) branch: usize,
    pub(super) old: Option<Oid>,
    pub(super) new: Oid,
    /// What it takes to come there.
    pub(super) objects: Vec<Oid>,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Done,
    /// Somebody else was faster, or seems to have been: nothing was pushed. The remote's words.
    Moved {
        branch: String,
        why: String,
    },
    /// The remote takes one branch at a time only; nothing was pushed.
    NotAtomic,
}

/// What is pushed is small where it is of fewer objects, or documents, than this.
pub(super) const FEW: usize = 1000;

/// The setting of a clone whose remote does not take several branches in one push.
const NO_ATOMIC: &str = "ocuroot.noatomic";

impl Clone {
    /// Whether somebody on this machine has pushed to these branches since they were fetched.
    pub(super) fn is_behind(&self, branches: &BTreeSet<usize>) -> bool {
        let opened = self.opened.borrow();
        let known = opened.as_ref().map(|opened| opened.branches.as_slice()).unwrap_or_default();
        let (notes, before) = (Notes::read(&self.shown()), self.notes.borrow());
        let mut known = branches.iter().filter_map(|branch| known.get(*branch));
        known.any(|branch| notes.has_moved(&branch.name, branch.tip, &before))
    }

    /// Whether the remote may take several branches in one push; known once it has refused.
    pub(super) fn is_atomic(&self) -> bool {
        !self.with(|repo, _| Ok(repo.config()?.get_bool(NO_ATOMIC).unwrap_or(false))).unwrap_or(false)
    }

    /// Begins a push, where that can be done before it is known what is pushed.
    pub(super) fn begin(&self, small: bool) -> Option<Begun> {
        self.local()?.begin(small).ok()
    }

    /// Pushes branches, all or none of them, as it was begun if it was.
    ///
    /// # Errors
    /// When the remote does not take them.
    pub(super) fn push(
        &self,
        updates: &[Update],
        turn: &Turn,
        begun: Option<Begun>,
    ) -> Result<Pushed, StoreError> {
        let branches = self.branches()?;
        let way = |update: &Update| {
            let name = branches.get(update.branch).map(|branch| full_name(&branch.name));
            Way { name: name.unwrap_or_default(), old: update.old, new: update.new }
        };
        let ways: Vec<Way> = updates.iter().map(way).collect();
        let objects: BTreeSet<Oid> =
            updates.iter().flat_map(|update| update.objects.iter().copied()).collect();
        let pack = self.with(|repo, _| pack::write(repo, &objects))?;
        step();
        let told = match self.local() {
            Some(local) => {
                let begun = begun.map_or_else(|| local.begin(objects.len() < FEW), Ok)?;
                begun.push(local, &ways, &pack)?
            }
            None => self.push_by_git(&ways)?,
        };
        step();
        match told {
            Told::Taken => {
                let name = |update: &Update| branches.get(update.branch).map(|branch| branch.name.as_str());
                turn.note(
                    &self.shown(),
                    updates.iter().filter_map(|update| Some((name(update)?, update.old, update.new))),
                    &pack,
                );
                updates.iter().for_each(|update| self.moved_to(update));
                Ok(Pushed::Done)
            }
            Told::NotAtomic => {
                self.with(|repo, _| repo.config()?.set_bool(NO_ATOMIC, true))?;
                Ok(Pushed::NotAtomic)
            }
            Told::Refused(Refused::Moved { branch, why }) => Ok(Pushed::Moved { branch, why }),
            Told::Refused(Refused::Declined { branch, message }) => Err(StoreError::Remote {
                url: self.shown(),
                problem: RemoteProblem::Declined { branch, message },
            }),
            // The answer may have been lost on its way, and not the commits.
            Told::Nothing(_) if self.fetch().is_ok() && self.has(updates) => Ok(Pushed::Done),
            Told::Nothing(stderr) => Err(self.failed(&stderr)),
        }
    }

    /// Pushes by the user's git.
    fn push_by_git(&self, ways: &[Way]) -> Result<Told, StoreError> {
        let mut arguments = vec!["push".to_owned(), "--porcelain".to_owned(), "--no-thin".to_owned()];
        arguments.push("--no-verify".to_owned());
        if ways.len() > 1 {
            arguments.push("--atomic".to_owned());
        }
        for Way { name, old, .. } in ways {
            // The remote must still be where this commit goes on from; an empty id is "not there".
            let old = old.map(|old| old.to_string()).unwrap_or_default();
            arguments.push(format!("--force-with-lease={name}:{old}"));
        }
        arguments.push("origin".to_owned());
        arguments.extend(ways.iter().map(|Way { name, new, .. }| format!("{new}:{name}")));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.git(&arguments, None).map(|answer| Told::by_git(answer, ways.len() > 1))
    }

    /// Whether all these updates are where the branches are.
    fn has(&self, updates: &[Update]) -> bool {
        let branches = self.branches().unwrap_or_default();
        updates
            .iter()
            .all(|update| branches.get(update.branch).is_some_and(|branch| branch.tip == Some(update.new)))
    }

    /// Whether the branches that these updates begin at are still there.
    pub(super) fn is_unmoved(&self, updates: &[Update]) -> bool {
        let branches = self.branches().unwrap_or_default();
        updates
            .iter()
            .all(|update| branches.get(update.branch).is_some_and(|branch| branch.tip == update.old))
    }

    /// Takes note that the remote has a commit of ours.
    fn moved_to(&self, update: &Update) {
        if let Some(opened) = self.opened.borrow_mut().as_mut()
            && let Some(branch) = opened.branches.get_mut(update.branch)
        {
            branch.tip = Some(update.new);
            // Only a hint for the next fetch; what counts is what the remote has.
            let _ = opened.repo.reference(&full_name(&branch.name), update.new, true, "pushed");
        }
    }
}

/// A branch by its full name, and its way from one commit to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) name: String,
    /// None where the branch is not to be there.
    pub(super) old: Option<Oid>,
    pub(super) new: Oid,
}

/// What was said of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Taken,
    /// It takes one branch at a time only.
    NotAtomic,
    Refused(Refused),
    /// Not what became of it, but this on stderr.
    Nothing(String),
}

/// Why a branch was not pushed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Moved { branch: String, why: String },
    Declined { branch: String, message: String },
}

impl Told {
    /// Reads `git push --porcelain`: a line for each branch, `!` before those that were not taken.
    fn by_git(answer: Answer, atomic: bool) -> Told {
        if answer.success {
            return Told::Taken;
        }
        if atomic && answer.stderr.contains("does not support --atomic") {
            return Told::NotAtomic;
        }
        let refused = answer.stdout.lines().filter_map(|line| line.strip_prefix("!\t"));
        let refused = refused.map(|line| line.split_once('\t').unwrap_or((line, "")));
        let refused =
            refused.map(|(names, why)| (names.rsplit_once(':').map_or(names, |(_, name)| name), why));
        Told::refused(refused, &answer.stderr)
    }

    /// Of these branches, by their full names, and why each of them was not taken.
    pub(super) fn refused<'n>(branches: impl Iterator<Item = (&'n str, &'n str)>, stderr: &str) -> Told {
        let mut told = Told::Nothing(stderr.to_owned());
        for (name, why) in branches {
            let lost = [
                "stale info",
                "fetch first",
                "non-fast-forward",
                "failed to update ref",
                "cannot lock ref",
                "failed to lock",
                "unable to lock",
                "reference already exists",
                "incorrect old value provided",
                "atomic",
            ];
            let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
            let message = declined(why, stderr);
            // A branch `state` cannot be where there is a branch `state/x`.
            let never = why.contains("cannot create") || stderr.contains("cannot create");
            if lost.iter().any(|needle| why.contains(needle)) && !never {
                told = Told::Refused(Refused::Moved { branch, why: message });
            } else {
                return Told::Refused(Refused::Declined { branch, message });
            }
        }
        told
    }
}

/// The remote's own words, where it has any.
fn declined(why: &str, stderr: &str) -> String {
    let why = why.trim_start_matches("[remote rejected] ").trim_start_matches("[rejected] ");
    let why = why.trim_start_matches('(').trim_end_matches(')');
    let said: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(5)
        .collect();
    if said.is_empty() { why.to_owned() } else { format!("{why}: {}", said.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_that_came_late_is_told_from_one_that_is_not_wanted() {
        let answer = |stdout: &str, stderr: &str| Answer {
            success: false,
            stdout: format!("To /srv/r.git\n{stdout}\nDone"),
            stderr: stderr.to_owned(),
        };
        for late in [
            "!\tabc:refs/heads/state\t[rejected] (stale info)",
            "!\tabc:refs/heads/state\t[remote rejected] (failed to update ref)",
            "!\tabc:refs/heads/state\t[remote rejected] (cannot lock ref 'refs/heads/state': is at a but expected b)",
            "!\tabc:refs/heads/state\t[rejected] (atomic push failed)\n!\tabc:refs/heads/intent\t[rejected] (stale info)",
        ] {
            assert!(
                matches!(Told::by_git(answer(late, ""), false), Told::Refused(Refused::Moved { .. })),
                "{late}"
            );
        }
        let protected = "!\tabc:refs/heads/my/state\t[remote rejected] (pre-receive hook declined)";
        let expected = Refused::Declined {
            branch: "my/state".to_owned(),
            message: "pre-receive hook declined: only robots may push".to_owned(),
        };
        assert_eq!(
            Told::by_git(answer(protected, "remote: only robots may push\nerror: failed"), false),
            Told::Refused(expected)
        );
        assert_eq!(Told::by_git(answer("", "fatal: no"), false), Told::Nothing("fatal: no".to_owned()));
    }
}
