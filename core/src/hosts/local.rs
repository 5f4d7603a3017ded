//! The server of `ocuroot state view`, which speaks of git objects and nothing else.
//!
//! Its answers are few and ours: `head`, `commits/ID`, `trees/ID`, and posts of `blobs` and `files`, each
//! below the name of the branch's side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::{Answer, Ask, Commit, Entry, EntryKind, File, Head, History};
use super::error::HostError;
use super::exchange::listing;
use super::host::segment;
use super::request::Request;
use super::shapes::unbase64;
use super::wire::{Wire, all};

/// Files in one request: so much that few are needed, so little that progress shows.
const BATCH: usize = 500;

/// What the server says of itself, in the data of an event `head`: why what it offers is older than it
/// should be. None while that is not so.
///
/// ```
/// use ocuroot_core::hosts::told_problem;
///
/// assert_eq!(told_problem(r#"{"state":"4be02d1","intent":null}"#), None);
/// let told = told_problem(r#"{"state":"4be02d1","intent":null,"problem":"error: no such file"}"#);
/// assert_eq!(told.as_deref(), Some("error: no such file"));
/// ```
#[must_use]
pub fn told_problem(event: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        problem: Option<String>,
    }
    serde_json::from_str::<Event>(event).ok()?.problem
}

/// Whether an answer says that something is not there which its asker has seen: of a server that keeps
/// nothing of what was, what was seen is over.
#[must_use]
pub fn is_over(answer: &Answer) -> bool {
    match answer {
        Answer::Folder(listed) => listed.is_none(),
        Answer::Below(listed) => listed.is_none(),
        Answer::Files(files) => files.iter().any(|file| file.bytes.is_none()),
        _ => false,
    }
}

pub(super) async fn answer(wire: &Wire, ask: Ask) -> Result<Answer, HostError> {
    Ok(match ask {
        Ask::Head { branch, etag } => {
            let mut request = get(wire, "head");
            if let Some(etag) = etag {
                request = request.with("If-None-Match", etag);
            }
            let response = wire.send(request, &[304, 404]).await?;
            Answer::Head(match response.status {
                304 => Head::Unchanged,
                404 => Head::Missing,
                _ => Head::At {
                    branch: branch.unwrap_or_default(),
                    commit: response.json::<LocalCommit>("a commit")?.plain(),
                    etag: response.header("etag").map(str::to_owned),
                },
            })
        }
        Ask::Commit { id } => match commit(wire, &id).await {
            Err(HostError::NotFound { .. }) => return Err(HostError::NoCommit { id }),
            commit => Answer::Commit(commit?.plain()),
        },
        Ask::Folder { commit, path, tree } => {
            let tree = tree_of(wire, &commit, &path, tree).await?;
            Answer::Folder(match tree {
                Some(tree) => one_tree(wire, &tree, false).await?.map(|tree| tree.plain().collect()),
                None => None,
            })
        }
        Ask::Below { commit, path, tree } => {
            let listed = match tree_of(wire, &commit, &path, tree).await? {
                Some(tree) => one_tree(wire, &tree, true).await?,
                None => None,
            };
            Answer::Below(listed.map(|tree| {
                let whole = !tree.truncated;
                wire.listed(tree.plain());
                listing(wire.take_listed(), whole)
            }))
        }
        Ask::Files { commit, files } => {
            let batches = files.chunks(BATCH).map(|batch| async {
                let commit = commit.as_str();
                let paths: Vec<&str> = batch.iter().map(|file| file.path.as_str()).collect();
                let ids: Option<Vec<&str>> = batch.iter().map(|file| file.blob.as_deref()).collect();
                let url = |what| format!("{}/{what}", wire.host.api);
                let request = match &ids {
                    Some(ids) => Request::post(url("blobs"), &ById { ids }),
                    None => Request::post(url("files"), &ByPath { commit, paths: &paths }),
                };
                let found: Found = wire.send(request, &[]).await?.json("files")?;
                let mut found: BTreeMap<String, Vec<u8>> = found.bytes()?;
                wire.done(batch.len());
                // An id may stand for several files.
                let keys = ids.unwrap_or(paths);
                let last = |at: usize, key: &str| !keys.iter().skip(at + 1).any(|k| *k == key);
                let files = batch.iter().zip(&keys).enumerate().map(|(at, (file, key))| {
                    let bytes = match last(at, key) {
                        true => found.remove(*key),
                        false => found.get(*key).cloned(),
                    };
                    File { path: file.path.clone(), bytes }
                });
                Ok(files.collect::<Vec<_>>())
            });
            Answer::Files(all(batches).await?.concat())
        }
        // To list folders is as quick.
        Ask::Changes { .. } => Answer::Changes(None),
        Ask::History { from, path, page } => {
            let path = segment(&path.unwrap_or_default());
            let query = format!("commits?from={}&path={path}&page={page}", segment(&from));
            let part: LocalHistory = wire.send(get(wire, &query), &[]).await?.json("a list of commits")?;
            let commits = part.commits.into_iter().map(LocalCommit::plain).collect();
            Answer::History(History { commits, more: part.more })
        }
        // Nobody proposes to a branch on a disk.
        Ask::Proposals { .. } => Answer::Proposals(Vec::new()),
        Ask::Viewer => return Err(HostError::NotSignedIn),
    })
}

fn get(wire: &Wire, path: &str) -> Request {
    Request::get(format!("{}/{path}", wire.host.api))
}

async fn commit(wire: &Wire, id: &str) -> Result<LocalCommit, HostError> {
    wire.send(get(wire, &format!("commits/{}", segment(id))), &[]).await?.json("a commit")
}

/// The id of a folder: known, or from the root down. The way is short, the server near.
async fn tree_of(
    wire: &Wire,
    at: &str,
    path: &str,
    known: Option<String>,
) -> Result<Option<String>, HostError> {
    if known.is_some() {
        return Ok(known);
    }
    let mut id = commit(wire, at).await?.tree;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let Some(tree) = one_tree(wire, &id, false).await? else { return Ok(None) };
        let is = |entry: &Entry| entry.kind == EntryKind::Folder && entry.path == name;
        let Some(entry) = tree.plain().find(is) else { return Ok(None) };
        id = entry.id;
    }
    Ok(Some(id))
}

async fn one_tree(wire: &Wire, id: &str, recursive: bool) -> Result<Option<LocalTree>, HostError> {
    let recursive = if recursive { "?recursive=1" } else { "" };
    let request = get(wire, &format!("trees/{}{recursive}", segment(id)));
    let response = wire.send(request, &[404]).await?;
    if response.status == 404 {
        return Ok(None);
    }
    response.json("a git tree").map(Some)
}

#[derive(Serialize)]
struct ById<'a> {
    ids: &'a [&'a str],
}

#[derive(Serialize)]
struct ByPath<'a> {
    commit: &'a str,
    paths: &'a [&'a str],
}

#[derive(Deserialize)]
struct Found {
    blobs: Option<Vec<LocalFile>>,
    files: Option<Vec<LocalFile>>,
}

#[derive(Deserialize)]
struct LocalFile {
    path: Option<String>,
    id: String,
    text: Option<String>,
    base64: Option<String>,
}

impl Found {
    /// Content by path, or by id where that was asked.
    fn bytes(self) -> Result<BTreeMap<String, Vec<u8>>, HostError> {
        let mut found = BTreeMap::new();
        for file in self.blobs.into_iter().chain(self.files).flatten() {
            let bytes = match (file.text, file.base64) {
                (Some(text), _) => text.into_bytes(),
                (None, Some(base64)) => unbase64(&base64)?,
                (None, None) => {
                    let detail = "neither `text` nor `base64`".to_owned();
                    return Err(HostError::Garbage { expected: "files", detail });
                }
            };
            found.insert(file.path.unwrap_or(file.id), bytes);
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct LocalCommit {
    commit: String,
    tree: String,
    time: String,
    subject: String,
    author: String,
}

impl LocalCommit {
    fn plain(self) -> Commit {
        Commit {
            id: self.commit,
            tree: Some(self.tree),
            time: self.time,
            subject: self.subject,
            author: self.author,
        }
    }
}

#[derive(Deserialize)]
struct LocalHistory {
    commits: Vec<LocalCommit>,
    more: bool,
}

#[derive(Deserialize)]
struct LocalTree {
    entries: Vec<LocalEntry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct LocalEntry {
    path: String,
    #[serde(rename = "type")]
    kind: LocalKind,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LocalKind {
    Tree,
    Blob,
}

impl LocalTree {
    fn plain(self) -> impl Iterator<Item = Entry> {
        self.entries.into_iter().map(|entry| Entry {
            path: entry.path,
            kind: match entry.kind {
                LocalKind::Tree => EntryKind::Folder,
                LocalKind::Blob => EntryKind::File,
            },
            id: entry.id,
        })
    }
}
