//! A store that lies nowhere: the documents of a [`Memory`], as a git host would show them.

use std::collections::HashMap;

use ocuroot_core::Marker as Side;
use ocuroot_core::envelope::BlobId;
use ocuroot_core::memory::Memory;

use super::super::error::StoreError;
use super::super::layout::{OBJECT, REFS};
use super::super::marker::{self, NAME as MARKER};
use super::{Commit, Contents, Entry, File, History, Offer, parse_id};

/// One shared branch with what a memory holds. See the [module's page](self).
#[derive(Clone, Debug, Default)]
pub struct MemoryOffer {
    contents: Contents,
    bytes: HashMap<BlobId, Vec<u8>>,
    commit: Commit,
    /// What was offered before.
    earlier: Option<Box<MemoryOffer>>,
}

impl MemoryOffer {
    /// Offers these documents, written at `time` (RFC 3339) with this message.
    #[must_use]
    pub fn new(memory: &Memory, time: &str, message: &str) -> MemoryOffer {
        let mut files: Vec<(String, Vec<u8>)> = [("state", Side::State), ("intent", Side::Intent)]
            .map(|(folder, side)| (format!("{folder}/{MARKER}"), marker::current(side).into_bytes()))
            .into();
        for (side, path, bytes) in memory.documents() {
            let folder = if side == Side::Intent { "intent" } else { "state" };
            let slash = if path.is_empty() { "" } else { "/" };
            files.push((format!("{folder}/{REFS}/{path}{slash}{OBJECT}"), bytes.to_vec()));
        }
        let contents = Contents::new(files.iter().map(|(path, bytes)| (path.clone(), BlobId::of(bytes))));
        let tree = contents.root().to_string();
        let commit = Commit {
            id: BlobId::of(format!("commit {tree}").as_bytes()).to_string(),
            tree,
            time: time.to_owned(),
            subject: message.to_owned(),
            author: String::new(),
        };
        let bytes = files.into_iter().map(|(_, bytes)| (BlobId::of(&bytes), bytes)).collect();
        MemoryOffer { contents, bytes, commit, earlier: None }
    }

    /// The same, where `before` has been offered until now: who has asked for its head can read it to the
    /// end. What was there before that is forgotten.
    #[must_use]
    pub fn after(self, before: MemoryOffer) -> MemoryOffer {
        MemoryOffer { earlier: Some(Box::new(MemoryOffer { earlier: None, ..before })), ..self }
    }

    /// The newest state of which `found` finds something.
    fn look<T>(&self, found: impl Fn(&MemoryOffer) -> Option<T>) -> Option<T> {
        found(self).or_else(|| found(self.earlier.as_deref()?))
    }
}

impl Offer for MemoryOffer {
    fn head(&mut self, _: Side) -> Result<Option<Commit>, StoreError> {
        Ok(Some(self.commit.clone()))
    }

    fn commit(&mut self, _: Side, id: &str) -> Result<Option<Commit>, StoreError> {
        Ok(self.look(|offer| (offer.commit.id == id).then(|| offer.commit.clone())))
    }

    fn tree(&mut self, _: Side, id: &str, recursive: bool) -> Result<Option<Vec<Entry>>, StoreError> {
        let Some(id) = parse_id(id) else { return Ok(None) };
        Ok(self.look(|offer| offer.contents.list(id, recursive)))
    }

    fn blobs(&mut self, _: Side, ids: &[String]) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let bytes = |text: &String| {
            let id = parse_id(text)?;
            self.look(|offer| offer.bytes.get(&id).cloned())
        };
        Ok(ids.iter().filter_map(|id| Some((id.clone(), bytes(id)?))).collect())
    }

    fn files(&mut self, _: Side, commit: &str, paths: &[String]) -> Result<Option<Vec<File>>, StoreError> {
        Ok(self.look(|offer| {
            let file = |path: &String| {
                let id = offer.contents.file(path)?;
                Some(File { path: path.clone(), id: id.to_string(), bytes: offer.bytes.get(&id)?.clone() })
            };
            (offer.commit.id == commit).then(|| paths.iter().filter_map(file).collect())
        }))
    }

    fn history(&mut self, side: Side, from: &str, _: &str, _: usize) -> Result<Option<History>, StoreError> {
        Ok(self.commit(side, from)?.map(|_| History::default()))
    }
}
