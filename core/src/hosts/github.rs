//! GitHub, by <https://docs.github.com/rest> and <https://docs.github.com/graphql>.
//!
//! Folders and commits come by REST. Files come by GraphQL, some hundred in a request, if there is a
//! token, else one by one from the host of raw files, which does not count them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::{Answer, Ask, Change, Entry, EntryKind, File, Head, History, Now, Proposal, Viewer, Wanted};
use super::error::{HostError, Until};
use super::exchange::listing;
use super::host::{segment, segments};
use super::request::{Request, Response};
use super::shapes::{GitCommit, Pull, Repo, RepoCommit, Tree, User};
use super::wire::{Later, Wire, all};
use crate::envelope::BlobId;
use crate::order::Gather as _;

/// The contents API tells no more of a folder than this.
const CONTENTS: usize = 1000;
/// Files in one GraphQL query. More make it slow, not faster.
const BATCH: usize = 250;
/// A query of more files may be too slow.
const SLOW: usize = 16;
/// As many as a page can have.
const PAGE: usize = 100;
/// Of two commits it tells no more files than this.
const COMPARED: usize = 300;

pub(super) async fn answer(wire: &Wire, ask: Ask) -> Result<Answer, HostError> {
    Ok(match ask {
        Ask::Head { branch, etag } => Answer::Head(head(wire, branch, etag).await?),
        Ask::Commit { id } => {
            // Only this one knows the start of a hash, and names the files of a page of them.
            let is_cut = id.len() < 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            let place = match is_cut {
                true => format!("commits/{}?per_page=1", segment(&id)),
                false => format!("git/commits/{}", segment(&id)),
            };
            // What cannot be the id of one is refused with the second.
            let response = wire.send(get(wire, &place), &[404, 422]).await?;
            if matches!(response.status, 404 | 422) {
                // Is it the commit, or the repo? Where there is no repo, this one says so.
                repo(wire).await?;
                return Err(HostError::NoCommit { id });
            }
            let commit = match is_cut {
                true => response.json::<RepoCommit>("a commit")?.plain(),
                false => response.json::<GitCommit>("a commit")?.plain(id.clone()),
            };
            // A branch or tag may be called like the start of a hash.
            if is_cut && !commit.id.starts_with(&id.to_ascii_lowercase()) {
                return Err(HostError::NoCommit { id });
            }
            Answer::Commit(commit)
        }
        Ask::Folder { commit, path, tree } => Answer::Folder(folder(wire, &commit, &path, tree).await?),
        Ask::Below { commit, path, tree } => {
            let tree = match tree {
                Some(tree) => Some(tree),
                None => tree_of(wire, &commit, &path).await?,
            };
            let whole = match tree {
                Some(tree) => Some(below(wire, &tree).await?),
                None => None,
            };
            Answer::Below(whole.map(|whole| listing(wire.take_listed(), whole)))
        }
        Ask::Files { commit, files } if wire.signed_in => {
            let batches = files.chunks(BATCH).map(|batch| documents(wire, &commit, batch.to_vec()));
            Answer::Files(all(batches).await?.concat())
        }
        Ask::Files { commit, files } => {
            Answer::Files(all(files.into_iter().map(|file| raw(wire, &commit, file))).await?)
        }
        Ask::Changes { from, to } => Answer::Changes(changes(wire, &from, &to).await?),
        Ask::History { from, path, page } => {
            let mut query = format!("commits?sha={}&per_page={PAGE}&page={page}", segment(&from));
            if let Some(path) = path {
                query += &format!("&path={}", segment(&path));
            }
            let response = wire.send(get(wire, &query), &[]).await?;
            let commits: Vec<RepoCommit> = response.json("a list of commits")?;
            let commits = commits.into_iter().map(RepoCommit::plain).collect();
            Answer::History(History { commits, more: response.next().is_some() })
        }
        Ask::Proposals { into } => Answer::Proposals(proposals(wire, &into).await?),
        Ask::Viewer => {
            let request = headed(wire, Request::get(format!("{}/user", wire.host.api)));
            let user: User = wire.send(request, &[]).await?.json("a user")?;
            Answer::Viewer(Viewer { login: user.login })
        }
    })
}

fn root(wire: &Wire) -> String {
    format!("{}/repos/{}", wire.host.api, segments(&wire.host.source.repo))
}

/// A request for something of the repo.
fn get(wire: &Wire, path: &str) -> Request {
    headed(wire, Request::get(format!("{}/{path}", root(wire))))
}

/// Without a token the version is left to GitHub, whose default it is: a header of one's own costs a
/// browser a second request each time, to ask whether it may send it.
fn headed(wire: &Wire, request: Request) -> Request {
    let request = request.with("Accept", "application/vnd.github+json");
    match wire.signed_in {
        true => Request { auth: true, ..request.with("X-GitHub-Api-Version", "2022-11-28") },
        false => request,
    }
}

async fn head(wire: &Wire, branch: Option<String>, etag: Option<String>) -> Result<Head, HostError> {
    let branch = match branch {
        Some(branch) => branch,
        None => repo(wire).await?.default_branch,
    };
    let mut request = get(wire, &format!("branches/{}", segment(&branch)));
    if let Some(etag) = etag {
        request = request.with("If-None-Match", etag);
    }
    let response = wire.send(request, &[304, 404]).await?;
    match response.status {
        304 => return Ok(Head::Unchanged),
        // Of the branch or of the repo? Where there is no repo, this one says so.
        404 => return repo(wire).await.map(|_| Head::Missing),
        _ => {}
    }
    let etag = response.header("etag").map(str::to_owned);
    let found: Branch = response.json("a branch")?;
    Ok(Head::At { branch: found.name, commit: found.commit.plain(), etag })
}

async fn repo(wire: &Wire) -> Result<Repo, HostError> {
    let request = headed(wire, Request::get(root(wire)));
    wire.send(request, &[]).await?.json("a repository")
}

async fn folder(
    wire: &Wire,
    commit: &str,
    path: &str,
    tree: Option<String>,
) -> Result<Option<Vec<Entry>>, HostError> {
    let tree = match tree {
        Some(tree) => tree,
        // A commit stands for its root folder.
        None if path.is_empty() => commit.to_owned(),
        None => match contents(wire, commit, path).await? {
            Some(entries) if entries.len() < CONTENTS => return Ok(Some(entries)),
            Some(_) => match tree_of(wire, commit, path).await? {
                Some(tree) => tree,
                None => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    let found = one_tree(wire, &tree).await?;
    if found.truncated {
        return Err(HostError::Truncated { what: format!("the folder {path}") });
    }
    Ok(Some(found.entries("").collect()))
}

/// What differs between two commits. None where one of them is gone, or there may be more than is told.
async fn changes(wire: &Wire, from: &str, to: &str) -> Result<Option<Vec<Change>>, HostError> {
    let request = get(wire, &format!("compare/{}...{}?per_page=1", segment(from), segment(to)));
    let response = wire.send(request, &[404]).await?;
    if response.status == 404 {
        return Ok(None);
    }
    let found: Comparison = response.json("what differs between two commits")?;
    let files = found.files.unwrap_or_default();
    // It compares with where the histories part.
    if files.len() >= COMPARED || !matches!(found.status.as_str(), "ahead" | "identical") {
        return Ok(None);
    }
    let mut changes = Vec::new();
    for Compared { sha, filename, status, previous_filename } in files {
        let now = match sha.filter(|_| status != "removed") {
            Some(sha) => Now::Blob(sha),
            None => Now::Gone,
        };
        let before = previous_filename.filter(|_| status == "renamed");
        changes.extend(before.map(|path| Change { path, now: Now::Gone }));
        changes.push(Change { path: filename, now });
    }
    Ok(Some(changes))
}

#[derive(Deserialize)]
struct Comparison {
    status: String,
    files: Option<Vec<Compared>>,
}

#[derive(Deserialize)]
struct Compared {
    sha: Option<String>,
    filename: String,
    status: String,
    previous_filename: Option<String>,
}

/// A folder by its path. None where there is none.
async fn contents(wire: &Wire, commit: &str, path: &str) -> Result<Option<Vec<Entry>>, HostError> {
    let request = get(wire, &format!("contents/{}?ref={}", segments(path), segment(commit)));
    let response = wire.send(request, &[404]).await?;
    // A file is answered as an object.
    if response.status == 404 || response.body.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    let items: Vec<Content> = response.json("what a folder holds")?;
    Ok(Some(items.into_iter().filter_map(Content::entry).collect()))
}

/// The id of a folder: from its parent, or from the root down if that is too large to tell.
async fn tree_of(wire: &Wire, commit: &str, path: &str) -> Result<Option<String>, HostError> {
    if path.is_empty() {
        return Ok(Some(commit.to_owned()));
    }
    let is = |entry: &Entry, name: &str| entry.kind == EntryKind::Folder && entry.path == name;
    if let Some((parent, name)) = path.rsplit_once('/') {
        let Some(entries) = contents(wire, commit, parent).await? else { return Ok(None) };
        let whole = entries.len() < CONTENTS;
        let found = entries.into_iter().find(|entry| is(entry, name));
        if whole || found.is_some() {
            return Ok(found.map(|entry| entry.id));
        }
    }
    let mut tree = commit.to_owned();
    for name in path.split('/') {
        let listed = one_tree(wire, &tree).await?;
        let Some(entry) = listed.entries("").find(|entry| is(entry, name)) else {
            return Ok(None);
        };
        tree = entry.id;
    }
    Ok(Some(tree))
}

/// A folder by its id, which the host has told: one that it does not have is a failure, not an empty one.
async fn one_tree(wire: &Wire, tree: &str) -> Result<Tree, HostError> {
    wire.send(tree_request(wire, tree, false), &[]).await?.json("a git tree")
}

/// Lists everything below a folder to the wire, or says that it is too large for one answer: then it is for
/// the asker to say which of the folders in it matter. Megabytes that are cut off are not even read.
async fn below(wire: &Wire, tree: &str) -> Result<bool, HostError> {
    let response = wire.send(tree_request(wire, tree, true), &[]).await?;
    if response.body.trim_ascii_end().ends_with(br#""truncated":true}"#) {
        return Ok(false);
    }
    let listed: Tree = response.json("a git tree")?;
    let whole = !listed.truncated;
    if whole {
        wire.listed(listed.entries(""));
    }
    Ok(whole)
}

fn tree_request(wire: &Wire, tree: &str, recursive: bool) -> Request {
    let recursive = if recursive { "?recursive=1" } else { "" };
    get(wire, &format!("git/trees/{}{recursive}", segment(tree)))
}

/// Files by GraphQL. Those that it does not give as text come by REST.
async fn documents(wire: &Wire, commit: &str, batch: Vec<Wanted>) -> Result<Vec<File>, HostError> {
    // GitHub gives up on a query after 10 seconds; on a small one for another reason.
    let bears: &[u16] = if batch.len() > SLOW { &[502, 504] } else { &[] };
    let response = wire.send(query(wire, commit, &batch), bears).await?;
    let mut blobs = match response.status {
        502 | 504 => None,
        _ => read_query(wire, &response)?,
    };
    if blobs.is_none() && batch.len() > 1 {
        // Too much at once, or one among them that spoils it for all.
        let (left, right) = batch.split_at(batch.len() / 2);
        let half =
            |part: &[Wanted]| -> Later<'_, Vec<File>> { Box::pin(documents(wire, commit, part.to_vec())) };
        return Ok(all([half(left), half(right)]).await?.concat());
    }
    let files = batch.into_iter().enumerate().map(|(at, wanted)| {
        let blob = blobs.as_mut().map(|blobs| blobs.remove(&format!("f{at}")).flatten());
        async move {
            match blob {
                // Nothing of the kind, or a folder.
                Some(None | Some(GraphBlob { oid: None, .. })) => {
                    wire.done(1);
                    Ok(File { path: wanted.path, bytes: None })
                }
                Some(Some(GraphBlob { text: Some(text), is_truncated: false, .. })) => {
                    wire.done(1);
                    Ok(File { path: wanted.path, bytes: Some(text.into_bytes()) })
                }
                Some(Some(blob)) => single(wire, commit, Wanted { blob: blob.oid, ..wanted }).await,
                None => single(wire, commit, wanted).await,
            }
        }
    });
    all(files).await
}

fn query(wire: &Wire, commit: &str, batch: &[Wanted]) -> Request {
    use std::fmt::Write as _;
    // Names go as variables, so that none is read as a part of the query.
    let (owner, name) = wire.host.source.repo.split_once('/').unwrap_or_default();
    let known = [("o", owner), ("n", name)];
    let mut variables: BTreeMap<String, String> =
        known.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().gather();
    let (mut head, mut fields) = (String::new(), String::new());
    for (at, wanted) in batch.iter().enumerate() {
        let (kind, argument, value) = match &wanted.blob {
            Some(blob) => ("GitObjectID", "oid", blob.clone()),
            None => ("String", "expression", format!("{commit}:{}", wanted.path)),
        };
        // Writing to a string cannot fail.
        let _ = write!(head, ",$v{at}:{kind}!");
        let _ = write!(fields, "f{at}:object({argument}:$v{at}){{...b}}");
        variables.insert(format!("v{at}"), value);
    }
    let query = format!(
        "query($o:String!,$n:String!{head}){{repository(owner:$o,name:$n){{{fields}}}}}\
         fragment b on Blob{{oid text isTruncated}}"
    );
    headed(wire, Request::post(wire.host.graphql(), &Query { query, variables }))
}

/// A refusal that GraphQL wraps in success: too many requests.
pub(super) fn limited(response: &Response, signed_in: bool) -> Option<HostError> {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<GraphError>,
    }
    // Few answers hold the word, so few are read twice; and files are none.
    let json = response.header("content-type").is_none_or(|kind| kind.starts_with("application/json"));
    if !json {
        return None;
    }
    memchr::memmem::find(&response.body, b"RATE_LIMITED")?;
    let answer: Errors = serde_json::from_slice(&response.body).ok()?;
    let limited = |error: &GraphError| error.kind.as_deref() == Some("RATE_LIMITED");
    let until = response.header("x-ratelimit-reset").and_then(|time| time.parse().ok()).map(Until::At);
    answer.errors.iter().any(limited).then_some(HostError::RateLimited { until, signed_in })
}

/// None where the host could not do it at once.
fn read_query(
    wire: &Wire,
    response: &Response,
) -> Result<Option<BTreeMap<String, Option<GraphBlob>>>, HostError> {
    let answer: GraphAnswer = response.json("an answer of GraphQL")?;
    let errors = answer.errors.unwrap_or_default();
    let is = |kind: &str| errors.iter().find(|error| error.kind.as_deref() == Some(kind));
    let found = answer.data.and_then(|data| data.repository);
    match (found, is("FORBIDDEN")) {
        // With some left out because they are too large, or the like.
        (Some(_), _) if !errors.is_empty() => Ok(None),
        (Some(blobs), _) => Ok(Some(blobs)),
        (None, Some(error)) => Err(HostError::Forbidden { detail: error.message.clone() }),
        (None, None) if is("NOT_FOUND").is_some() => {
            Err(HostError::NotFound { what: wire.host.source.repo.clone(), signed_in: true })
        }
        (None, None) => Ok(None),
    }
}

/// One file by REST, as it is: in base64 a large one would take a third more to travel, and a page too long to
/// read.
async fn single(wire: &Wire, commit: &str, wanted: Wanted) -> Result<File, HostError> {
    let Wanted { path, blob } = wanted;
    let place = match blob {
        Some(blob) => format!("git/blobs/{}", segment(&blob)),
        None => format!("contents/{}?ref={}", segments(&path), segment(commit)),
    };
    let mut request = get(wire, &place);
    request.headers.retain(|(name, _)| *name != "Accept");
    let request = request.with("Accept", "application/vnd.github.raw+json");
    let response = wire.send(request, &[404]).await?;
    wire.done(1);
    Ok(File { path, bytes: (response.status != 404).then_some(response.body) })
}

/// One file for those without a token. Nothing in the answer says how long the file is, so whether it is all
/// of it shows by its id, where the folder's listing has told that.
async fn raw(wire: &Wire, commit: &str, wanted: Wanted) -> Result<File, HostError> {
    let Some(root) = &wire.host.raw else { return single(wire, commit, wanted).await };
    let repo = segments(&wire.host.source.repo);
    let url = format!("{root}/{repo}/{}/{}", segment(commit), segments(&wanted.path));
    let response = wire.send(Request::get(url), &[404]).await?;
    let bytes = (response.status != 404).then_some(response.body);
    if let (Some(bytes), Some(blob)) = (&bytes, &wanted.blob)
        && BlobId::of(bytes).to_string() != *blob
    {
        let detail = format!("{} is cut off or another one", wanted.path);
        return Err(HostError::Garbage { expected: "the file that its folder names", detail });
    }
    wire.done(1);
    Ok(File { path: wanted.path, bytes })
}

async fn proposals(wire: &Wire, into: &str) -> Result<Vec<Proposal>, HostError> {
    let mut found = Vec::new();
    for page in 1_u32.. {
        let query = format!("pulls?state=open&base={}&per_page={PAGE}&page={page}", segment(into));
        let response = wire.send(get(wire, &query), &[]).await?;
        let pulls: Vec<Pull> = response.json("a list of pull requests")?;
        let last = pulls.is_empty() || response.next().is_none();
        found.extend(pulls.into_iter().map(Pull::plain));
        if last {
            break;
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Query {
    query: String,
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct GraphAnswer {
    data: Option<GraphData>,
    errors: Option<Vec<GraphError>>,
}

#[derive(Deserialize)]
struct GraphData {
    repository: Option<BTreeMap<String, Option<GraphBlob>>>,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphBlob {
    oid: Option<String>,
    text: Option<String>,
    #[serde(default)]
    is_truncated: bool,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
    commit: RepoCommit,
}

#[derive(Deserialize)]
struct Content {
    name: String,
    sha: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Content {
    fn entry(self) -> Option<Entry> {
        let kind = match self.kind.as_str() {
            "dir" => EntryKind::Folder,
            "file" => EntryKind::File,
            _ => return None,
        };
        Some(Entry { path: self.name, kind, id: self.sha })
    }
}
