//! Whole stores: those of version 1, which are read whole, and what is done to all of a store at once.
//!
//! Every place that a store can have gives [`Everything`] and carries out a [`Rewrite`]; what is in
//! between is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ocuroot_core::envelope::Document;
use ocuroot_core::generations::{OldFile, Remark, Translation, translate};
use ocuroot_core::memory::Memory;
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::{Marker as Side, Ref};

use super::error::StoreError;

/// Documents as bytes, by store and by path below `refs/`.
pub type Files = BTreeMap<(Side, String), Vec<u8>>;

/// A store of version 1, in today's terms.
#[derive(Debug)]
pub(super) struct Translated(Translation);

impl Translated {
    /// Translates all files of both stores.
    pub(super) fn new(files: impl IntoIterator<Item = OldFile>) -> Translated {
        Translated(translate(files))
    }

    /// Loads what is needed.
    pub(super) fn load(&self, needs: &Needs, snapshot: &mut Snapshot) {
        self.0.memory.load(snapshot, needs);
    }
}

/// All that two stores hold.
pub(super) struct Everything {
    /// Every `@object.json`, as it is.
    pub(super) files: Vec<OldFile>,
    /// The versions that the stores have; none where nobody has written yet. Of two stores that are one
    /// in version 1, both are that.
    pub(super) state: Option<u64>,
    pub(super) intent: Option<u64>,
    /// Where one of version 1 lies, for messages.
    pub(super) old: Option<PathBuf>,
    /// Whether what is written does not come to lie where all this was found, so that nothing stays by
    /// being left alone: two stores that are one in version 1 become two.
    pub(super) moves: bool,
}

impl Everything {
    /// All documents, those of an old store in today's terms.
    pub(super) fn into_memory(self) -> Memory {
        if self.old.is_some() {
            return translate(self.files).memory;
        }
        let mut memory = Memory::default();
        for OldFile { side, path, bytes } in self.files {
            memory.put_path(side, &path, &bytes);
        }
        memory
    }

    fn by_path(&self) -> BTreeMap<(Side, &str), &[u8]> {
        self.files.iter().map(|file| ((file.side, file.path.as_str()), file.bytes.as_slice())).collect()
    }
}

/// A change to all of two stores, carried out whole or not at all.
#[derive(Default)]
pub(super) struct Rewrite {
    /// What it is, in a line.
    pub(super) message: String,
    /// Documents to write.
    pub(super) puts: Files,
    /// Documents to delete.
    pub(super) deletes: BTreeSet<(Side, String)>,
    /// Stores that get the marker of the current version, besides those that are written to.
    pub(super) markers: BTreeSet<Side>,
}

impl Rewrite {
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty() && self.markers.is_empty()
    }
}

/// What an upgrade has changed, or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// The version that the older of the two stores had; none if there was nothing to upgrade.
    pub from: Option<u64>,
    /// How many documents there were.
    pub before: usize,
    /// How many there are now.
    pub after: usize,
    /// How many of these are new or have another content.
    pub written: usize,
    /// How many of those before are not there any more: what they said is in others.
    pub removed: usize,
    /// Releases that have another name now. The old one is a link to the new one.
    pub renamed: Vec<(Ref, Ref)>,
    /// What a person should look at.
    pub remarks: Vec<Remark>,
}

/// Decides how a store becomes one of the current version.
pub(super) fn upgrade(all: &Everything) -> (Rewrite, Upgrade) {
    let sides = [(Side::State, all.state), (Side::Intent, all.intent)];
    let outdated = |(_, version): &(Side, Option<u64>)| version.is_some_and(|version| version < 3);
    let from = sides.into_iter().filter(outdated).filter_map(|(_, version)| version).min();
    let message = format!("upgrade from version {}", from.unwrap_or_default());
    let before = all.files.len();
    let unchanged = Upgrade { from, before, after: before, ..Upgrade::default() };
    if from != Some(1) {
        let markers = sides.into_iter().filter(outdated).map(|(side, _)| side).collect();
        return (Rewrite { message, markers, ..Rewrite::default() }, unchanged);
    }
    let there = all.by_path();
    let Translation { memory, renamed, remarks } = translate(all.files.iter().cloned());
    let mut rewrite = Rewrite { message, markers: [Side::State, Side::Intent].into(), ..Rewrite::default() };
    let mut kept = BTreeSet::new();
    for (side, path, bytes) in memory.documents() {
        if all.moves || there.get(&(side, path)) != Some(&bytes) {
            rewrite.puts.insert((side, path.to_owned()), bytes.to_owned());
        }
        kept.insert((side, path));
    }
    let gone = there.keys().filter(|at| !kept.contains(*at)).map(|(side, path)| (*side, (*path).to_owned()));
    rewrite.deletes = gone.collect();
    let upgrade = Upgrade {
        after: kept.len(),
        written: rewrite.puts.len(),
        removed: rewrite.deletes.len(),
        renamed,
        remarks,
        ..unchanged
    };
    (rewrite, upgrade)
}

/// Decides how documents from elsewhere come into a store. Those that are there already and the same
/// are left; returns how many are written.
///
/// # Errors
/// When one is there that is another, unless it may be overwritten; when the store is of version 1.
pub(super) fn import(
    all: &Everything,
    files: &Files,
    overwrite: bool,
) -> Result<(Rewrite, usize), StoreError> {
    if let Some(path) = &all.old {
        return Err(StoreError::OldVersion { path: path.clone(), found: 1 });
    }
    let there = all.by_path();
    let mut rewrite = Rewrite { message: "import".to_owned(), ..Rewrite::default() };
    let mut differ = Vec::new();
    for ((side, path), bytes) in files {
        match there.get(&(*side, path.as_str())) {
            Some(old) if same(old, bytes) => continue,
            Some(_) if !overwrite => differ.push(shown(*side, path)),
            _ => {}
        }
        rewrite.puts.insert((*side, path.clone()), bytes.clone());
    }
    if !differ.is_empty() {
        return Err(StoreError::Differ { documents: differ });
    }
    let written = rewrite.puts.len();
    Ok((rewrite, written))
}

/// Whether two files are the same document, however it is written.
fn same(one: &[u8], other: &[u8]) -> bool {
    one == other
        || matches!((Document::parse(one), Document::parse(other)), (Ok(one), Ok(other)) if one == other)
}

/// A document's place for messages: its ref, where it has one.
fn shown(side: Side, path: &str) -> String {
    match (side, path.parse::<Ref>()) {
        (Side::Intent, Ok(reference)) => reference.to_intent().to_string(),
        _ => path.to_owned(),
    }
}
