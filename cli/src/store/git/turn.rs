//! Writers on one machine take turns.
//!
//! The remote refuses a push that came too late, so nothing is lost without this. But of twenty jobs
//! on one machine that push at once nineteen would be refused, fetch, and nineteen more would try; by
//! taking turns each pushes once. Who has the turn also leaves a note of what it pushed last, so that
//! the next one knows without asking the remote whether it has to fetch first.
//!
//! It is a lock on a file in the folder for temporary files, shared by all that one user runs. Where
//! there can be none, or somebody holds it for too long, it goes on without.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use git2::Oid;
use ocuroot_core::envelope::BlobId;

/// How long to wait for the turn.
const PATIENCE: Duration = Duration::from_secs(30);

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

    /// Whether somebody on this machine has pushed to `branch` since these notes were read, something
    /// else than `tip`.
    pub(super) fn has_moved(&mut self, branch: &str, tip: Option<Oid>, before: &Notes) -> bool {
        let now = self.notes();
        let noted = now.0.get(branch);
        noted != before.0.get(branch)
            && noted.map(String::as_str) != tip.map(|tip| tip.to_string()).as_deref()
    }

    /// Leaves a note of what was pushed.
    pub(super) fn note(&mut self, branch: &str, tip: Oid) {
        let mut notes = self.notes();
        notes.0.insert(branch.to_owned(), tip.to_string());
        let text: String = notes.0.iter().map(|(name, tip)| format!("{tip} {name}\n")).collect();
        if let Some(file) = &mut self.file {
            // A note that is lost or half there costs a fetch or a push in vain.
            let _ = file
                .seek(SeekFrom::Start(0))
                .and_then(|_| file.write_all(text.as_bytes()))
                .and_then(|()| file.set_len(text.len() as u64));
        }
    }

    fn notes(&mut self) -> Notes {
        let mut text = String::new();
        if let Some(file) = &mut self.file {
            let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        }
        Notes::parse(&text)
    }
}

/// What was last pushed from this machine, by branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes(BTreeMap<String, String>);

impl Notes {
    /// The notes on the remote that is shown as `url`, as they are now.
    pub(super) fn read(url: &str) -> Notes {
        let text = place(url).and_then(|path| std::fs::read_to_string(path).ok());
        Notes::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Notes {
        let line = |line: &str| line.split_once(' ').map(|(tip, name)| (name.to_owned(), tip.to_owned()));
        Notes(text.lines().filter_map(line).collect())
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

    #[test]
    fn who_has_the_turn_knows_what_was_pushed_before() {
        let url = format!("test-{}-{:?}", std::process::id(), std::time::Instant::now());
        let (one, two) = (Oid::from_bytes(&[1; 20]).unwrap(), Oid::from_bytes(&[2; 20]).unwrap());
        let before = Notes::read(&url);
        let mut turn = Turn::take(&url);
        assert!(!turn.has_moved("state", None, &before), "nobody has been here");
        turn.note("state", two);
        turn.note("state", one);
        turn.note("intent", two);
        drop(turn);
        let mut turn = Turn::take(&url);
        assert!(!turn.has_moved("state", Some(one), &before));
        assert!(turn.has_moved("state", Some(two), &before) && turn.has_moved("state", None, &before));
        assert!(!turn.has_moved("intent", Some(two), &before) && !turn.has_moved("other", None, &before));
        assert!(!turn.has_moved("state", Some(two), &Notes::read(&url)), "two came after that");
        std::fs::remove_file(place(&url).unwrap()).unwrap();
    }
}
