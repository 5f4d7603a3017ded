//! Keeping a clone small: each transaction and each fetch adds a pack.
//!
//! It is done at the start of a command, when enough has come together and no other process uses the
//! clone: who reads there announces it with a lock that is shared.

use std::fs::File;
use std::path::Path;

use super::command::git;
use super::pack;

/// Loose objects that are worth packing.
const LOOSE: usize = 500;
/// Small packs that are worth making one of, which takes as long for each however many there are.
const SMALL_PACKS: usize = 24;
/// Other packs that are worth making one of.
const PACKS: usize = 12;
/// The file whose lock says that a clone is in use.
const IN_USE: &str = "ocuroot-in-use";

/// The file that says how many loose objects were left when it was done: what was written for nothing stays
/// loose for a while, and is no reason to do it again.
const LEFT: &str = "ocuroot-left-loose";

/// Says that this process uses the clone, until the file is dropped; waits while somebody tidies up. None
/// where that cannot be said.
pub(super) fn announce(clone: &Path) -> Option<File> {
    let file = open(clone)?;
    file.lock_shared().ok().map(|()| file)
}

fn open(clone: &Path) -> Option<File> {
    File::options().create(true).truncate(false).write(true).open(clone.join(IN_USE)).ok()
}

/// Makes one pack of many small ones, and when there are many others too, of all. What fails is left for
/// another day.
pub(super) fn run_if_due(clone: &Path, url: &str) {
    let objects = clone.join("objects");
    let loose = loose_in(&objects);
    let (mut packs, mut small) = (pack::count(clone), pack::small_ones(clone).len());
    let left = std::fs::read_to_string(clone.join(LEFT)).ok().and_then(|text| text.parse().ok());
    let many_loose = loose >= left.unwrap_or(0) + LOOSE;
    if !many_loose && small < SMALL_PACKS && packs < small + PACKS {
        return;
    }
    let Some(file) = open(clone) else { return };
    if file.try_lock().is_err() {
        return;
    }
    if small >= SMALL_PACKS {
        let joined = pack::join(clone, 1);
        tracing::debug!(small, ?joined, "made one pack of small ones");
        (packs, small) = (pack::count(clone), pack::small_ones(clone).len());
    }
    let many_packs = packs >= small + PACKS;
    if !many_loose && !many_packs {
        return;
    }
    let all: &[&str] = if many_packs { &["-a"] } else { &[] };
    let arguments = [&["repack", "-d", "-q"], all].concat();
    let repacked = git(clone, url, &arguments, None);
    // What was written for a push that came too late is in no pack. Nobody is about to push it: nobody else
    // uses the clone.
    let pruned = git(clone, url, &["prune", "--expire=now"], None);
    let _ = std::fs::write(clone.join(LEFT), loose_in(&objects).to_string());
    tracing::debug!(loose, packs, ?repacked, ?pruned, "tidied up a clone");
}

/// How many objects lie in files of their own, about: ids are spread evenly, so one of the 256 folders tells
/// of all.
pub(super) fn loose_in(objects: &Path) -> usize {
    count(&objects.join("17")) * 256
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
