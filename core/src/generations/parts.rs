//! The files of an old store, sorted by what they are a part of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{OldFile, ids};
use crate::envelope::{Document, EnvelopeError};
use crate::order::Gather as _;
use crate::refs::{Kind, Marker, Ref};
use crate::repo_config;
use crate::times;

/// A file, and the ref that its path means.
pub(super) struct File {
    /// As it was found.
    pub(super) old: OldFile,
    /// Where it belongs: which store, and there spelled with `@`.
    pub(super) side: Marker,
    pub(super) at: Ref,
    pub(super) document: Result<Document, EnvelopeError>,
}

impl File {
    /// The file, or why its path means nothing.
    fn new(old: OldFile) -> Result<File, (OldFile, String)> {
        let at: Ref = match old.path.parse() {
            Ok(at) => at,
            Err(error) => return Err((old, format!("its path is no ref: {error}"))),
        };
        if at.repo() == Some(".") || at.path() == "." || at.fragment().is_some() {
            return Err((old, "its path does not name a document".to_owned()));
        }
        let intent = old.side == Marker::Intent || at.marker() == Some(Marker::Intent);
        let side = if intent { Marker::Intent } else { Marker::State };
        Ok(File { side, at: at.to_state(), document: Document::parse(&old.bytes), old })
    }

    pub(super) fn body(&self) -> Option<&Value> {
        self.document.as_ref().ok()?.body()
    }

    pub(super) fn target(&self) -> Option<&Ref> {
        self.document.as_ref().ok()?.target()
    }

    /// How much its spelling is that of the current version. Where two files mean the same ref, the one
    /// that was written later counts.
    fn newness(&self) -> (bool, bool) {
        (self.old.side == self.side, self.old.path == self.at.as_str())
    }

    fn same_content(&self, other: &File) -> bool {
        match (&self.document, &other.document) {
            (Ok(one), Ok(two)) => one.content == two.content,
            _ => self.old.bytes == other.old.bytes,
        }
    }
}

/// A function of a run.
#[derive(Default)]
pub(super) struct FunctionParts {
    pub(super) state: Option<File>,
    pub(super) statuses: Vec<File>,
    pub(super) logs: Option<File>,
}

/// A run.
#[derive(Default)]
pub(super) struct RunParts {
    pub(super) run: Option<File>,
    pub(super) statuses: Vec<File>,
    pub(super) logs: Option<File>,
    /// By the last segment of their refs.
    pub(super) functions: BTreeMap<String, FunctionParts>,
}

/// A task or a deployment of a release.
#[derive(Default)]
pub(super) struct PlaceParts {
    pub(super) task: Option<File>,
    /// By number or ULID.
    pub(super) runs: BTreeMap<String, RunParts>,
}

/// A release.
#[derive(Default)]
pub(super) struct ReleaseParts {
    pub(super) document: Option<File>,
    /// By `task/<name>` or `deploy/<environment>`.
    pub(super) places: BTreeMap<String, PlaceParts>,
}

/// The links at `…/@/deploy/<environment>`, `…/@/task/<name>`, and below.
#[derive(Default)]
pub(super) struct CurrentParts {
    pub(super) link: Option<File>,
    pub(super) runs: Vec<File>,
}

/// All files of an old store.
#[derive(Default)]
pub(super) struct Parts {
    /// By their old refs.
    pub(super) releases: BTreeMap<Ref, ReleaseParts>,
    /// By `…/@/task/<name>`, `…/@/deploy/<environment>`.
    pub(super) currents: BTreeMap<Ref, CurrentParts>,
    /// Where tags lead, as it is written.
    pub(super) tags: BTreeMap<Ref, Ref>,
    /// Releases that have a commit's marker.
    pub(super) commits: BTreeSet<Ref>,
    /// Everything else, intent included.
    pub(super) others: Vec<File>,
    /// What has no place, and why.
    pub(super) strays: Vec<(OldFile, String)>,
}

impl Parts {
    pub(super) fn sort(files: impl IntoIterator<Item = OldFile>) -> Parts {
        let mut parts = Parts::default();
        let mut found: BTreeMap<(Marker, Ref), File> = BTreeMap::new();
        for old in files {
            let file = match File::new(old) {
                Ok(file) => file,
                Err(stray) => {
                    parts.strays.push(stray);
                    continue;
                }
            };
            let key = (file.side, file.at.clone());
            let Some(there) = found.remove(&key) else {
                found.insert(key, file);
                continue;
            };
            let (keep, drop) = if there.newness() >= file.newness() { (there, file) } else { (file, there) };
            if !keep.same_content(&drop) {
                let why = format!("{} means the same document, and says something else", keep.old.path);
                parts.strays.push((drop.old, why));
            }
            found.insert(key, keep);
        }
        let state = || found.values().filter(|file| file.side == Marker::State);
        let has_runs = state().filter(|file| work(&file.at).is_some()).map(|file| file.at.release_ref());
        let has_runs: BTreeSet<Ref> = has_runs.gather();
        for file in state().filter(|file| file.at.kind().is_none() && !has_runs.contains(&file.at)) {
            if let Some(target) = file.target() {
                parts.tags.insert(file.at.clone(), target.clone());
            }
        }
        found.into_values().for_each(|file| parts.add(file));
        parts
    }

    fn add(&mut self, file: File) {
        let package = file.at.package();
        let is_package = !package.is_empty() && package.path().rsplit('/').next() != Some(repo_config::FILE);
        let release = file.at.release_ref();
        let slot = match (file.side, file.at.release()) {
            (Marker::State, Some("")) if is_package => self.current(&file),
            (Marker::State, Some(_)) if is_package && !self.tags.contains_key(&release) => {
                self.of_release(&file, release)
            }
            _ => None,
        };
        match slot {
            Some(Slot::One(slot)) => *slot = Some(file),
            Some(Slot::Many(slot)) => slot.push(file),
            Some(Slot::Nowhere) => {}
            None => self.others.push(file),
        }
    }

    fn current(&mut self, file: &File) -> Option<Slot<'_>> {
        file.target()?;
        let kind = work(&file.at)?;
        let mut segments = file.at.segments();
        let place = format!("{}/{kind}/{}", file.at.release_ref(), segments.next()?).parse().ok()?;
        match (segments.next(), segments.next()) {
            (None, _) => Some(Slot::One(&mut self.currents.entry(place).or_default().link)),
            (Some(_), None) => Some(Slot::Many(&mut self.currents.entry(place).or_default().runs)),
            _ => None,
        }
    }

    fn of_release(&mut self, file: &File, release: Ref) -> Option<Slot<'_>> {
        if file.at.kind() == Some(Kind::Commit) {
            self.commits.insert(release);
            return None;
        }
        if file.at.kind().is_none() {
            return Some(Slot::One(&mut self.releases.entry(release).or_default().document));
        }
        let kind = work(&file.at)?;
        let segments: Vec<&str> = file.at.segments().collect();
        let (name, below) = segments.split_first()?;
        let is_run = below.first().is_some_and(|id| ids::number(id).is_some() || ids::ulid(id).is_some());
        let known = is_run || below.is_empty() || matches!(below, ["status", _]);
        if !known {
            return None;
        }
        let places = &mut self.releases.entry(release).or_default().places;
        let place = places.entry(format!("{kind}/{name}")).or_default();
        let [id, below @ ..] = below else { return Some(Slot::One(&mut place.task)) };
        if !is_run {
            // A task's own status says what its last run's says.
            return Some(Slot::Nowhere);
        }
        let run = place.runs.entry((*id).to_owned()).or_default();
        match below {
            [] => Some(Slot::One(&mut run.run)),
            ["logs"] => Some(Slot::One(&mut run.logs)),
            ["status", _] => Some(Slot::Many(&mut run.statuses)),
            ["functions", k, below @ ..] => {
                let function = run.functions.entry((*k).to_owned()).or_default();
                match below {
                    [] => Some(Slot::One(&mut function.state)),
                    ["logs"] => Some(Slot::One(&mut function.logs)),
                    ["status", _] => Some(Slot::Many(&mut function.statuses)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Where a file goes.
enum Slot<'a> {
    One(&'a mut Option<File>),
    Many(&'a mut Vec<File>),
    Nowhere,
}

/// The kind of a ref to a task, a deployment, or something below one.
fn work(at: &Ref) -> Option<Kind> {
    at.kind().filter(|kind| matches!(kind, Kind::Task | Kind::Deploy))
}

impl ReleaseParts {
    /// The earliest time that any of its documents speaks of: about when it was made.
    pub(super) fn earliest(&self, release: &Ref) -> Option<Timestamp> {
        let runs = self.places.values().flat_map(|place| &place.runs);
        let of_runs = runs.flat_map(|(id, run)| run.times().chain(ids::ulid(id)).collect::<Vec<_>>());
        of_runs.chain(ids::ulid(ids::count(release.release()?))).min()
    }

    /// The source commit: what the document says, else the name.
    pub(super) fn commit(&self, release: &Ref) -> Option<String> {
        let said = self.document.as_ref().and_then(File::body).and_then(|body| body.get("commit"));
        let said = said.and_then(Value::as_str).filter(|commit| !commit.is_empty());
        said.or_else(|| ids::commit(release.release()?)).map(str::to_owned)
    }
}

impl RunParts {
    /// Every time that one of its documents speaks of.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let of_functions = self
            .functions
            .values()
            .flat_map(|function| function.statuses.iter().chain(&function.logs).chain(&function.state));
        self.statuses.iter().chain(&self.logs).chain(of_functions).flat_map(times)
    }
}

/// The times of a status marker, of a function's history, or of logs.
fn times(file: &File) -> Vec<Timestamp> {
    let Some(body) = file.body() else { return Vec::new() };
    let entries = body.as_array().or_else(|| body.get("history")?.as_array());
    let nested = entries.into_iter().flatten();
    let texts = nested.chain([body]).flat_map(|entry| [entry.get("time"), entry.get("timestamp")]);
    texts.flatten().filter_map(|text| times::parse(text.as_str()?)).collect()
}

impl FunctionParts {
    /// `current`, what a function of a run is at the moment.
    pub(super) fn current(&self) -> Option<&serde_json::Map<String, Value>> {
        self.state.as_ref()?.body()?.get("current")?.as_object()
    }
}
