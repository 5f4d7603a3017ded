//! Writers on one machine take turns.
//!
//! The remote refuses a push that came too late, so nothing is lost without this. But of twenty jobs
//! on one machine that push at once nineteen would be refused, fetch, and nineteen more would try; by
//! taking turns each pushes once. Who has the turn also leaves a note of what it pushed and of the
//! [pack](super::pack) that this lies in, so that the next one need not ask the remote for it.
//!
//! It is a lock on a file in the folder for temporary files, shared by all that one user runs. Where
//! there can be none, or somebody holds it for too long, it goes on without.

use std::fs::{DirBuilder, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use git2::Oid;
use ocuroot_core::envelope::BlobId;

/// How long to wait for the turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many pushes are noted.
const KEPT: usize = 200;
/// What the file of notes is called that lies beside the one that is locked.
const NOTES: &str = "pushed";

/// The right to push to a remote, as far as this machine goes.
#[derive(Debug)]
pub(crate) struct Turn {
    file: Option<File>,
}

impl Turn {
    /// Waits for the turn to push to the remote that is shown as `url`.
    pub(super) fn take(url: &str) -> Turn {
        let Some(file) = place(url).and_then(|path| {
            File::options().create(true).truncate(false).read(true).write(true).open(path).ok()
        }) else {
            return Turn { file: None };
        };
        // The system lets those who wait in one after the other, which looking again and again would not.
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let locked = file.lock().is_ok();
            // After the patience is over nobody is there to take it, and it is free again.
            let _ = sender.send(locked.then_some(file));
        });
        Turn { file: receiver.recv_timeout(PATIENCE).ok().flatten() }
    }

    /// Leaves a note of a push to the remote that is shown as `url`: of these branches, from what to what, and
    /// of the pack with what is new.
    pub(super) fn note<'b>(
        &self,
        url: &str,
        branches: impl IntoIterator<Item = (&'b str, Option<Oid>, Oid)>,
        pack: &Path,
    ) {
        let Some(path) = self.file.as_ref().and_then(|_| place(url)) else { return };
        let mut notes = Notes::read(url);
        notes.0.extend(branches.into_iter().map(|(branch, old, new)| Push {
            old: old.unwrap_or(Oid::ZERO_SHA1),
            new,
            branch: branch.to_owned(),
            pack: pack.to_owned(),
        }));
        let surplus = notes.0.len().saturating_sub(KEPT);
        let text: String = notes.0.iter().skip(surplus).map(Push::line).collect();
        // A note that is lost or half there costs a fetch or a push in vain.
        let _ = std::fs::write(path.with_extension(NOTES), text);
    }
}

/// What was pushed from this machine, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes(Vec<Push>);

/// A branch's way from one commit to the next, and the pack with what is new.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Push {
    /// Zero where the branch was not there.
    old: Oid,
    new: Oid,
    branch: String,
    pack: PathBuf,
}

impl Push {
    fn line(&self) -> String {
        format!("{} {} {} {}\n", self.old, self.new, self.branch, self.pack.display())
    }

    fn parse(line: &str) -> Option<Push> {
        let (old, rest) = line.split_once(' ')?;
        let (new, rest) = rest.split_once(' ')?;
        let (branch, pack) = rest.split_once(' ')?;
        let id = |text| Oid::from_str(text).ok();
        Some(Push { old: id(old)?, new: id(new)?, branch: branch.to_owned(), pack: pack.into() })
    }
}

impl Notes {
    /// The notes on the remote that is shown as `url`, as they are now.
    pub(super) fn read(url: &str) -> Notes {
        let text = place(url).and_then(|path| std::fs::read_to_string(path.with_extension(NOTES)).ok());
        Notes::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Notes {
        Notes(text.lines().filter_map(Push::parse).collect())
    }

    /// Where a branch was after the last push.
    fn latest(&self, branch: &str) -> Option<Oid> {
        self.0.iter().rfind(|push| push.branch == branch).map(|push| push.new)
    }

    /// Whether somebody on this machine has pushed to `branch` since `before`, something else than `tip`.
    pub(super) fn has_moved(&self, branch: &str, tip: Option<Oid>, before: &Notes) -> bool {
        let now = self.latest(branch);
        now != before.latest(branch) && now != tip
    }

    /// Where a branch is that was at `tip`, and the packs with what came to it since, the oldest first.
    /// None if some of that was not pushed from here, or too long ago.
    pub(super) fn since(&self, branch: &str, tip: Option<Oid>) -> Option<(Option<Oid>, Vec<&Path>)> {
        let now = self.latest(branch).or(tip);
        let start = tip.unwrap_or(Oid::ZERO_SHA1);
        let mut at = now.unwrap_or(Oid::ZERO_SHA1);
        let mut packs = Vec::new();
        for push in self.0.iter().rev().filter(|push| push.branch == branch) {
            if at == start || push.new != at {
                break;
            }
            at = push.old;
            packs.push(push.pack.as_path());
        }
        packs.reverse();
        (at == start).then_some((now, packs))
    }
}

/// The file that is locked, in a folder that only this user can write to.
fn place(url: &str) -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("ocuroot-turns-{user}"));
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let _ = builder.create(&folder);
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::symlink_metadata(&folder).ok()?);
    (owner == user).then(|| folder.join(BlobId::of(url.as_bytes()).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> Oid {
        Oid::from_bytes(&[number; 20]).unwrap()
    }

    #[test]
    fn who_has_the_turn_knows_what_was_pushed_before() {
        let url = format!("test-{}-{:?}", std::process::id(), std::time::Instant::now());
        let (one, two) = (id(1), id(2));
        let before = Notes::read(&url);
        let turn = Turn::take(&url);
        assert!(!Notes::read(&url).has_moved("state", None, &before), "nobody has been here");
        turn.note(&url, [("state", None, two)], Path::new("/a"));
        turn.note(&url, [("state", Some(two), one), ("intent", None, two)], Path::new("/b c"));
        turn.note(&format!("{url}, another"), [("state", Some(one), two)], Path::new("/d"));
        let now = Notes::read(&url);
        assert!(!now.has_moved("state", Some(one), &before));
        assert!(now.has_moved("state", Some(two), &before) && now.has_moved("state", None, &before));
        assert!(!now.has_moved("intent", Some(two), &before) && !now.has_moved("other", None, &before));
        assert!(!now.has_moved("state", Some(two), &Notes::read(&url)), "two came after that");
        assert_eq!(now.since("state", None), Some((Some(one), vec![Path::new("/a"), Path::new("/b c")])));
        for number in 0..=KEPT {
            turn.note(&url, [("state", Some(id(number as u8)), id(number as u8 + 1))], Path::new("/"));
        }
        let now = Notes::read(&url);
        assert_eq!((now.0.len(), now.latest("state")), (KEPT, Some(id(KEPT as u8 + 1))), "old ones go");
        drop(turn);
        for path in [place(&url), place(&format!("{url}, another"))].map(Option::unwrap) {
            let _ = std::fs::remove_file(&path);
            std::fs::remove_file(path.with_extension(NOTES)).unwrap();
        }
    }

    #[test]
    fn what_others_pushed_is_followed_as_long_as_all_of_it_was_pushed_from_here() {
        let push = |old: u8, new: u8, branch: &str| Push {
            old: id(old),
            new: id(new),
            branch: branch.to_owned(),
            pack: format!("/{old}-{new}").into(),
        };
        let branches = ["state", "intent"].iter().zip([[(1, 2), (2, 3), (4, 5)], [(0, 1), (1, 2), (2, 1)]]);
        let pushes = branches.flat_map(|(branch, ways)| ways.map(|(old, new)| push(old, new, branch)));
        let notes = Notes(pushes.collect());
        for (branch, tip, expected) in [
            ("state", Some(5), Some((Some(5), vec![]))),
            ("state", Some(4), Some((Some(5), vec!["/4-5"]))),
            // From 3 to 4 somebody else came.
            ("state", Some(3), None),
            ("state", Some(1), None),
            ("state", None, None),
            ("intent", None, Some((Some(1), vec!["/0-1", "/1-2", "/2-1"]))),
            ("intent", Some(2), Some((Some(1), vec!["/2-1"]))),
            ("intent", Some(1), Some((Some(1), vec![]))),
            ("other", Some(1), Some((Some(1), vec![]))),
            ("other", None, Some((None, vec![]))),
        ] {
            let expected = expected.map(|(now, packs): (Option<u8>, Vec<&str>)| {
                (now.map(id), packs.into_iter().map(Path::new).collect())
            });
            assert_eq!(notes.since(branch, tip.map(id)), expected, "{branch} {tip:?}");
        }
        assert_eq!(Notes::parse("half a\nline\n\n"), Notes::default());
    }
}
