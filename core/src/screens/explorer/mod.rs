//! One document as the Explorer shows it: formatted, with what it refers to, what refers to it, and what
//! lies below it.
//!
//! The list beside it is a [`Matches`](crate::snapshot::Matches) of what
//! [`search::pattern`](super::search::pattern) makes of the text in the field.

mod json;
mod rows;

use std::collections::BTreeSet;

use crate::order::Order as _;
use serde::Serialize;

pub use json::{LONG, Line, Token, beginning, lines};
pub use rows::{Row, Rows};

use super::fields::{self, Field};
use super::status::Word;
use crate::documents::Status;
use crate::envelope::{Content, Document};
use crate::glob::Glob;
use crate::natural;
use crate::refs::{Kind, Marker, Ref};
use crate::resolve;
use crate::runs;
use crate::snapshot::{Needs, Snapshot, Unmet, reading_order};

/// A document, or that there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// What was asked for.
    pub reference: Ref,
    /// Where what it means lies, if that is elsewhere: through a link, or the newest release.
    pub resolved: Option<Ref>,
    /// What kind of thing it is, in words: `run`, `release`, …
    pub kind: &'static str,
    /// What is above it, from the repo on, and what each is called.
    pub above: Vec<(String, Above)>,
    /// Its last part; of a run, of what it is an attempt.
    pub title: String,
    /// Where a run stands.
    pub word: Option<Word>,
    /// Its content; none where nothing is stored at exactly this ref.
    pub stored: Option<Stored>,
    /// Why what is stored here is no document.
    pub problem: Option<Unreadable>,
    /// The nearest ref that exists, where this does not and something is known of what is around it.
    pub nearest: Option<Ref>,
    /// The same document on the other side, `+` or `@`, where it exists.
    pub other_side: Option<Ref>,
}

/// What a part of a ref leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Above {
    /// A ref.
    Ref(Ref),
    /// What such a folder holds, as a pattern: a type alone is no ref.
    Glob(String),
}

/// Why something is no document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// What is wrong with it.
    pub why: String,
    /// The line in which that is, from 1, where the reader of JSON tells.
    pub line: Option<usize>,
}

impl Unreadable {
    fn of(why: &str) -> Unreadable {
        let line = why.rsplit_once(" at line ").and_then(|(_, at)| at.split(' ').next()?.parse().ok());
        Unreadable { why: why.to_owned(), line }
    }
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored {
    /// Hint for readers that its envelope holds.
    pub body_type: String,
    /// How long its text is, in bytes.
    pub size: usize,
    /// Git's id of its text.
    pub blob: String,
    /// Its text, line by line; the beginning of it if it is very large.
    pub lines: Vec<Line>,
    /// Whether that is all of it. What it refers to is looked for in these lines.
    pub whole: bool,
    /// What it refers to, in the order of its text, each once.
    pub refers_to: Vec<Target>,
    /// Links that lead here.
    pub referred_by: Vec<Ref>,
}

/// What a document refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// A ref, or a glob of refs.
    pub text: String,
    /// Whether it is a glob.
    pub glob: bool,
}

/// What lies below a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// Its path, spelled with `@`; mostly a ref.
    pub path: String,
    /// Whether a document lies there; none where its folder is not listed yet.
    pub document: Option<bool>,
    /// How many folders lie in it; none where it is not listed yet.
    pub folders: Option<usize>,
    /// Where it stands, if it is a run and its statuses are known.
    pub word: Option<Word>,
}

/// The document at `reference`, which may be spelled with `@` or `+`.
///
/// # Errors
/// What must be loaded.
pub fn page(snapshot: &Snapshot, reference: &Ref) -> Result<Page, Needs> {
    let mut needs = Needs::default();
    let at = reference.document();
    let problem = needs.take(snapshot.problem(&at)).flatten();
    let problem = problem.map(|problem| Unreadable::of(&problem.to_string()));
    let document = needs.take(snapshot.get(&at)).flatten();
    let blob = needs.take(snapshot.blob(&at)).flatten();
    let mut needs = needs.settle(Needs::default())?;
    let resolved = match resolve::document(snapshot, &at) {
        Ok(found) => found.map(|found| found.reference).filter(|found| *found != at),
        Err(Unmet::Needs(more)) => {
            needs.merge(more);
            None
        }
        Err(Unmet::Error(_)) => None,
    };
    let nearest = match (&document, &problem, &resolved) {
        // Whatever is listed around it: nothing is loaded for the sake of a guess.
        (None, None, None) => resolve::nearest(snapshot, &at).ok().flatten(),
        _ => None,
    };
    let other = if at.marker() == Some(Marker::Intent) { at.to_state() } else { at.to_intent() };
    let other_side = match can_be_intent(&at) {
        true => needs.take(snapshot.exists(&other)).unwrap_or_default().then_some(other),
        false => None,
    };
    let word = match is_run(&at) {
        true => needs.take(runs::find(snapshot, &at)).flatten().map(|entry| entry.status().into()),
        false => None,
    };
    let (above, title) = above(&at);
    needs.settle(Page {
        reference: reference.clone(),
        resolved,
        kind: kind(&at),
        above,
        title,
        word,
        stored: document.map(|document| stored(document, blob.map(|blob| blob.to_string()))),
        problem,
        nearest,
        other_side,
    })
}

fn stored(document: &Document, blob: Option<String>) -> Stored {
    let text = document.to_text();
    let (lines, whole) = serde_json::from_str(&text).map_or((Vec::new(), true), |value| lines(&value));
    let mut refers_to: Vec<Target> = Vec::new();
    let back = |text: &str| document.links.iter().any(|link| link == text);
    for token in lines.iter().flat_map(|line: &Line| &line.tokens) {
        let (text, glob) = match token {
            Token::Ref { text } => (text, false),
            Token::Glob { text } => (text, true),
            _ => continue,
        };
        if !back(text) && !refers_to.iter().any(|target| target.text == *text) {
            refers_to.push(Target { text: text.clone(), glob });
        }
    }
    let body_type = match &document.content {
        Content::Body { body_type, .. } => body_type.clone(),
        Content::Link(_) => "link".to_owned(),
    };
    let mut referred_by: Vec<Ref> = document.links.iter().filter_map(|link| link.parse().ok()).collect();
    referred_by.order_by(|one, other| natural::compare(one.as_str(), other.as_str()));
    Stored {
        body_type,
        size: text.len(),
        blob: blob.unwrap_or_default(),
        lines,
        whole,
        refers_to,
        referred_by,
    }
}

/// What lies directly below `path` (spelled with `@`; empty for the root of the store).
///
/// # Errors
/// That the folder must be listed.
pub fn children(snapshot: &Snapshot, side: Marker, path: &str) -> Result<Vec<Child>, Needs> {
    let mut names = snapshot.children(side, path)?;
    names.order_by(|one, other| reading_order(one, other));
    let child = |name: &str| {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let folders = snapshot.children(side, &path).ok().map(|names| names.len());
        let reference = path.parse::<Ref>().ok();
        let spelled = |at: &Ref| if side == Marker::Intent { at.to_intent() } else { at.clone() };
        let document = reference.as_ref().and_then(|at| snapshot.exists(&spelled(at)).ok());
        let word = reference.filter(|_| side == Marker::State).and_then(|at| word(snapshot, &at));
        Child { name: name.to_owned(), document, folders, word, path }
    };
    Ok(names.into_iter().map(child).collect())
}

/// A folder in a tree that is unfolded in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// The folder.
    pub child: Child,
    /// How deep it lies, from 1.
    pub level: usize,
    /// Whether it is unfolded; none where nothing lies in it.
    pub open: Option<bool>,
}

/// What lies below `path`, unfolded where `open` has a folder's path.
///
/// # Errors
/// The folders that must be listed.
pub fn tree(
    snapshot: &Snapshot,
    side: Marker,
    path: &str,
    open: &BTreeSet<String>,
) -> Result<Vec<Branch>, Needs> {
    let mut needs = Needs::default();
    let mut lines = Vec::new();
    unfold(snapshot, side, path, 1, open, &mut needs, &mut lines);
    needs.settle(lines)
}

fn unfold(
    snapshot: &Snapshot,
    side: Marker,
    path: &str,
    level: usize,
    open: &BTreeSet<String>,
    needs: &mut Needs,
    lines: &mut Vec<Branch>,
) {
    for child in needs.take(children(snapshot, side, path)).unwrap_or_default() {
        let is_open = open.contains(&child.path);
        let path = child.path.clone();
        let foldable = child.folders.is_none_or(|folders| folders > 0);
        lines.push(Branch { child, level, open: foldable.then_some(is_open) });
        if is_open {
            unfold(snapshot, side, &path, level + 1, open, needs, lines);
        }
    }
}

/// Where a run, or a run's status marker, stands, as far as that is known without loading anything;
/// for the mark beside a ref in a list.
#[must_use]
pub fn word(snapshot: &Snapshot, at: &Ref) -> Option<Word> {
    if let Some((run, status)) = at.as_str().split_once("/status/") {
        return is_run(&run.parse().ok()?).then(|| Status::from_name(status).map(Word::from)).flatten();
    }
    let entry = is_run(at).then(|| runs::find(snapshot, at).ok()).flatten().flatten();
    entry.map(|entry| entry.status().into())
}

/// What became of a document from one moment to another: field by field, its envelope included. None on
/// one side where it was not there.
#[must_use]
pub fn changes(before: Option<&Document>, after: Option<&Document>) -> Vec<Field> {
    let value = |document: &Document| serde_json::from_str(&document.to_text()).ok();
    fields::changes(before.and_then(value).as_ref(), after.and_then(value).as_ref())
}

/// The document at `reference` as lines of a file: to show what a file of the two branches, read by
/// itself at some commit, holds.
///
/// # Errors
/// Why the bytes are no document.
pub fn parse(bytes: &[u8]) -> Result<Document, crate::envelope::EnvelopeError> {
    Document::parse(bytes)
}

fn is_run(at: &Ref) -> bool {
    let number = |text: &str| text.parse::<u64>().is_ok() && !text.starts_with('0');
    matches!(at.kind(), Some(Kind::Task | Kind::Deploy))
        && at.segments().count() == 2
        && at.segments().nth(1).is_some_and(number)
}

fn can_be_intent(at: &Ref) -> bool {
    match at.kind() {
        Some(Kind::Custom | Kind::Environment) => true,
        Some(Kind::Deploy) => at.release() == Some("") && at.segments().count() == 1,
        _ => false,
    }
}

fn kind(at: &Ref) -> &'static str {
    let intent = at.marker() == Some(Marker::Intent);
    match at.kind() {
        _ if at.subpath().contains("/status/") => "status of a run",
        _ if at.subpath().ends_with("/logs") => "log of a run",
        _ if is_run(at) => "run",
        Some(Kind::Task) => "result of a task",
        Some(Kind::Deploy) if intent => "what should be deployed",
        Some(Kind::Deploy) if at.release() == Some("") => "what is deployed",
        Some(Kind::Deploy) => "result of a deployment",
        Some(Kind::Custom) => "custom state",
        Some(Kind::Environment) => "environment",
        Some(Kind::Commit) => "commit of a release",
        Some(Kind::Push) => "last push",
        Some(Kind::Op) => "operation",
        None if at.release_number().is_some() => "release",
        None if at.release().is_some() => "tag of a release",
        None => "package",
    }
}

/// What is above a ref, outermost first, and what is left of it.
fn above(at: &Ref) -> (Vec<(String, Above)>, String) {
    let mut names: Vec<(String, Above)> = Vec::new();
    if let Some(repo) = at.repo()
        && let Ok(reference) = format!("{repo}/-").parse()
    {
        names.push((repo.to_owned(), Above::Ref(reference)));
    }
    if !at.path().is_empty() {
        names.push((at.path().to_owned(), Above::Ref(at.package())));
    }
    let marker = if at.marker() == Some(Marker::Intent) { '+' } else { '@' };
    if let Some(release) = at.release() {
        names.push((format!("{marker}{release}"), Above::Ref(at.release_ref())));
    }
    let release = at.release_ref();
    let below = at.as_str().get(release.as_str().len()..).unwrap_or_default().trim_start_matches('/');
    let mut folder = String::new();
    for segment in below.split('/').filter(|segment| !segment.is_empty()) {
        if !folder.is_empty() {
            folder.push('/');
        }
        folder.push_str(segment);
        let here = release.child(&folder).map(Above::Ref);
        let glob = || Above::Glob(format!("{}/{}/*", Glob::escape(release.as_str()), Glob::escape(&folder)));
        names.push((segment.to_owned(), here.unwrap_or_else(|_| glob())));
    }
    let mut title = names.pop().map(|(name, _)| name).unwrap_or_default();
    if let Some((what, _)) = names.last().filter(|_| is_run(at)) {
        title = format!("{what}, attempt {title}");
    }
    (names, title)
}

/// The pattern of all that lies below a ref, itself included.
#[must_use]
pub fn below(at: &Ref) -> String {
    format!("{}{{,/**}}", Glob::escape(at.document().as_str()))
}
