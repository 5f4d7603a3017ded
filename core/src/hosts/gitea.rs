//! Gitea and Forgejo, by the description that each instance has of itself (`/swagger.v1.json`).
//!
//! Folders come by git's ids, a thousand entries a page. Many files come at once from Gitea 1.24 on, by
//! their paths, and from Forgejo 12 on, by their ids; older instances give them out one by one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::{
    Answer, Ask, Change, Commit, Entry, EntryKind, File, Head, History, Now, Proposal, Viewer, Wanted,
};
use super::error::HostError;
use super::exchange::listing;
use super::host::{segment, segments};
use super::limits::{Limits, Way};
use super::request::Request;
use super::shapes::{Blob, Person, Pull, Repo, RepoCommit, Sha, Tree, User, subject, unbase64};
use super::wire::{Later, Wire, all};
use crate::order::{Gather as _, Order as _};

/// So few files are not worth asking how to get many.
const FEW: usize = 3;
/// A listing of more pages is taken apart.
const PAGES: usize = 4;
/// Pages that are asked for at once, whatever number of them an answer claims.
const AT_ONCE: usize = 20;
/// A folder of more pages is none of ours, and an instance that always has another one would never end.
const MOST: usize = 2000;
/// Ids in one URL, which may have some two thousand characters.
const IDS: usize = 40;
/// What an instance gives out at once unless its administrator says otherwise.
const PAGING: usize = 30;
/// So many files are worth two requests to find out how many there may be in one.
const MANY: usize = 300;
/// Commits and pull requests on a page: more are cut to this on most instances.
const PAGE: usize = 50;

pub(super) async fn answer(wire: &Wire, ask: Ask) -> Result<Answer, HostError> {
    Ok(match ask {
        Ask::Head { branch, etag } => Answer::Head(head(wire, branch, etag).await?),
        Ask::Commit { id } => {
            let request = get(wire, &format!("/git/commits/{}?{BARE}", segment(&id)));
            let response = wire.send(request, &[400, 404, 422]).await?;
            if matches!(response.status, 400 | 404 | 422) {
                // Is it the commit, or the repo? Where there is no repo, this one says so.
                repo(wire).await?;
                return Err(HostError::NoCommit { id });
            }
            let commit: RepoCommit = response.json("a commit")?;
            Answer::Commit(commit.plain())
        }
        Ask::Folder { commit, path, tree } => {
            let mut found = None;
            for way in ways(wire, &path, tree.as_deref()) {
                let Some(tree) = tree_of(wire, &commit, &path, tree.clone(), way).await? else { break };
                found = folder(wire, &tree, way).await?;
                if found.is_some() {
                    way.works(wire);
                    break;
                }
            }
            Answer::Folder(found)
        }
        Ask::Below { commit, path, tree } => {
            let mut found = false;
            for way in ways(wire, &path, tree.as_deref()) {
                let Some(tree) = tree_of(wire, &commit, &path, tree.clone(), way).await? else { break };
                found = below(wire, tree, String::new(), way).await?;
                if found {
                    way.works(wire);
                    break;
                }
            }
            Answer::Below(found.then(|| listing(wire.take_listed(), true)))
        }
        Ask::Files { commit, files } => Answer::Files(documents(wire, &commit, files).await?),
        Ask::Changes { from, to } => {
            let request = get(wire, &format!("/compare/{}...{}", segment(&from), segment(&to)));
            let response = wire.send(request, &[400, 404, 422]).await?;
            if matches!(response.status, 400 | 404 | 422) {
                return Ok(Answer::Changes(None));
            }
            let found: Comparison = response.json("what differs between two commits")?;
            Answer::Changes(found.between(&from, &to))
        }
        Ask::History { from, path, page } => {
            let mut query = format!("/commits?sha={}&limit={PAGE}&page={page}&{BARE}", segment(&from));
            if let Some(path) = &path {
                query += &format!("&path={}", segment(path));
            }
            // What no commit has touched is not found.
            let bears: &[u16] = if path.is_some() { &[404] } else { &[] };
            let response = wire.send(get(wire, &query), bears).await?;
            if response.status == 404 {
                return Ok(Answer::History(History { commits: Vec::new(), more: false }));
            }
            let commits: Vec<RepoCommit> = response.json("a list of commits")?;
            let commits = commits.into_iter().map(RepoCommit::plain).collect();
            let more = response.header("x-hasmore") == Some("true") || response.next().is_some();
            Answer::History(History { commits, more })
        }
        Ask::Proposals { into } => Answer::Proposals(proposals(wire, &into).await?),
        Ask::Viewer => {
            let user: User = wire.send(instance(wire, "/user"), &[]).await?.json("a user")?;
            Answer::Viewer(Viewer { login: user.login })
        }
    })
}

/// The commits from one to another.
#[derive(Deserialize)]
struct Comparison {
    commits: Option<Vec<Compared>>,
}

#[derive(Deserialize)]
struct Compared {
    sha: String,
    parents: Option<Vec<Sha>>,
    files: Option<Vec<Touched>>,
}

#[derive(Deserialize)]
struct Touched {
    filename: String,
    status: Option<String>,
}

impl Comparison {
    /// The files that any of the commits touched that lead from one to another, each with one before it.
    fn between(self, from: &str, to: &str) -> Option<Vec<Change>> {
        let mut commits: BTreeMap<String, Compared> =
            self.commits?.into_iter().map(|commit| (commit.sha.clone(), commit)).gather();
        let (mut changes, mut at) = (BTreeMap::new(), to.to_owned());
        while at != from {
            let commit = commits.remove(&at)?;
            for Touched { filename, status } in commit.files? {
                let is_gone = status.is_some_and(|status| matches!(&*status, "removed" | "deleted"));
                // The newest commit says what it is now.
                changes.entry(filename).or_insert(if is_gone { Now::Gone } else { Now::Untold });
            }
            let [before] = <[Sha; 1]>::try_from(commit.parents?).ok()?;
            at = before.sha;
        }
        Some(changes.into_iter().map(|(path, now)| Change { path, now }).collect())
    }
}

/// Leaves out of commits what takes long to find out.
const BARE: &str = "stat=false&verification=false&files=false";

/// A request for something of the instance.
fn instance(wire: &Wire, path: &str) -> Request {
    Request { auth: wire.signed_in, ..Request::get(format!("{}{path}", wire.host.api)) }
}

/// A request for something of the repo.
fn get(wire: &Wire, path: &str) -> Request {
    instance(wire, &format!("/repos/{}{path}", segments(&wire.host.source.repo)))
}

/// There are no ETags: the commit's id stands for one.
async fn head(wire: &Wire, branch: Option<String>, etag: Option<String>) -> Result<Head, HostError> {
    let branch = match branch {
        Some(branch) => branch,
        None => repo(wire).await?.default_branch,
    };
    let request = get(wire, &format!("/branches/{}", segments(&branch)));
    let response = wire.send(request, &[404]).await?;
    if response.status == 404 {
        // Of the branch or of the repo? Where there is no repo, this one says so.
        return repo(wire).await.map(|_| Head::Missing);
    }
    let found: Branch = response.json("a branch")?;
    let commit = found.commit.plain();
    if etag.as_ref() == Some(&commit.id) {
        return Ok(Head::Unchanged);
    }
    let etag = Some(commit.id.clone());
    Ok(Head::At { branch: found.name, commit, etag })
}

async fn repo(wire: &Wire) -> Result<Repo, HostError> {
    wire.send(get(wire, ""), &[]).await?.json("a repository")
}

/// How the id of a folder is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Find {
    /// It is known, or the root's.
    Known,
    /// An instance hands what it is given as an id to git, which also takes `<commit>:<path>`. Whatever is
    /// before the instance may not bear the slashes in it.
    ByName,
    /// From the root down, a request for each folder on the way.
    Down,
}

impl Find {
    /// Notes that a folder was found so.
    fn works(self, wire: &Wire) {
        match self {
            Find::Known => {}
            Find::ByName => wire.learn(|limits| limits.names = Some(true)),
            Find::Down => wire.learn(|limits| limits.names = Some(false)),
        }
    }
}

/// How to look for a folder: where nobody knows whether the first way works here, in two ways.
fn ways(wire: &Wire, path: &str, known: Option<&str>) -> Vec<Find> {
    match wire.limits().names {
        _ if known.is_some() || path.is_empty() => vec![Find::Known],
        Some(true) => vec![Find::ByName],
        Some(false) => vec![Find::Down],
        None => vec![Find::ByName, Find::Down],
    }
}

/// The id of a folder, or what stands for one. The contents API would find it at once, but looks up the
/// last commit of everything in the folder first.
async fn tree_of(
    wire: &Wire,
    commit: &str,
    path: &str,
    known: Option<String>,
    way: Find,
) -> Result<Option<String>, HostError> {
    if known.is_some() {
        return Ok(known);
    }
    if way == Find::ByName {
        return Ok(Some(format!("{commit}:{path}")));
    }
    // A commit stands for its root folder.
    let mut tree = commit.to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let mut page = 1;
        tree = loop {
            let part = part(wire, &tree, false, page).await?;
            let truncated = part.truncated;
            let is = |entry: &Entry| entry.kind == EntryKind::Folder && entry.path == name;
            match part.entries("").find(is) {
                Some(entry) => break entry.id,
                None if truncated => page += 1,
                None => return Ok(None),
            }
        };
    }
    Ok(Some(tree))
}

/// What a folder holds. None where there is none.
async fn folder(wire: &Wire, tree: &str, way: Find) -> Result<Option<Vec<Entry>>, HostError> {
    let Some(first) = first(wire, tree, false, way).await? else { return Ok(None) };
    rest(wire, tree, false, first).await.map(Some)
}

/// Lists everything below a folder to the wire; false where there is none. The host reads the whole folder
/// for every page, so what has many pages is taken apart by folders.
async fn below(wire: &Wire, tree: String, under: String, way: Find) -> Result<bool, HostError> {
    let named = |entry: Entry| Entry { path: format!("{under}{}", entry.path), ..entry };
    let Some(first) = first(wire, &tree, true, way).await? else { return Ok(false) };
    let (size, total) = (first.len(), first.total_count.unwrap_or(0));
    if under.is_empty() {
        wire.expect(total.max(size));
    }
    if !first.truncated || total <= size * PAGES {
        let entries = rest(wire, &tree, true, first).await?;
        wire.listed(entries.into_iter().map(named));
        return Ok(true);
    }
    let level = part(wire, &tree, false, 1).await?;
    let level = rest(wire, &tree, false, level).await?;
    let level: Vec<Entry> = level.into_iter().map(named).collect();
    let folders = level.iter().filter(|entry| entry.kind == EntryKind::Folder);
    let parts: Vec<_> = folders
        .map(|folder| -> Later<'_, bool> {
            Box::pin(below(wire, folder.id.clone(), format!("{}/", folder.path), Find::Known))
        })
        .collect();
    wire.listed(level);
    all(parts).await?;
    Ok(true)
}

/// The entries of the first page, and of those after it.
async fn rest(wire: &Wire, tree: &str, recursive: bool, first: Tree) -> Result<Vec<Entry>, HostError> {
    let (size, total) = (first.len(), first.total_count.unwrap_or(0));
    let mut truncated = first.truncated && size > 0;
    let pages = if truncated { total.div_ceil(size) } else { 1 };
    let mut entries: Vec<Entry> = first.entries("").collect();
    let mut page = 1;
    while truncated {
        if page >= MOST {
            return Err(HostError::Truncated { what: format!("the folder {tree}") });
        }
        // As many at once as there are said to be, within reason; page by page where nothing is said.
        let last = pages.clamp(page + 1, page + AT_ONCE);
        for part in all((page + 1..=last).map(|page| part(wire, tree, recursive, page))).await? {
            truncated = part.truncated && part.len() > 0;
            entries.extend(part.entries(""));
        }
        page = last;
    }
    Ok(entries)
}

/// The first page of a folder. None for one that was asked for by name and is not there; an id that the
/// host has told and does not have is a failure, not an empty folder.
async fn first(wire: &Wire, tree: &str, recursive: bool, way: Find) -> Result<Option<Tree>, HostError> {
    match part(wire, tree, recursive, 1).await {
        Err(HostError::NotFound { .. }) if way == Find::ByName => Ok(None),
        part => part.map(Some),
    }
}

async fn part(wire: &Wire, tree: &str, recursive: bool, page: usize) -> Result<Tree, HostError> {
    let recursive = if recursive { "recursive=true&" } else { "" };
    let request = get(wire, &format!("/git/trees/{}?{recursive}page={page}", segment(tree)));
    // What git does not know is a bad request to some versions.
    let response = wire.send(request.clone(), &[400]).await?;
    match response.status {
        400 => Err(wire.missing(&request)),
        _ => response.json("a git tree"),
    }
}

async fn documents(wire: &Wire, commit: &str, files: Vec<Wanted>) -> Result<Vec<File>, HostError> {
    let singles = |files: Vec<Wanted>| all(files.into_iter().map(move |file| single(wire, commit, file)));
    let Limits { way, batch, .. } = wire.limits();
    let way = match way {
        Some(Way::Contents) | None if batch.is_none() && files.len() > MANY => learn(wire).await?,
        Some(way) => way,
        None if files.len() <= FEW => Way::Single,
        // What all newer ones can: those that cannot say so.
        None => Way::Contents,
    };
    let batch = wire.limits().batch.or(batch).unwrap_or(PAGING).max(1);
    Ok(match way {
        Way::Contents => {
            let batches = files.chunks(batch).map(|batch| by_path(wire, commit, batch.to_vec()));
            all(batches).await?.concat()
        }
        Way::Blobs => {
            let (known, unknown): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.blob.is_some());
            let batches = known.chunks(batch.min(IDS)).map(|batch| by_id(wire, commit, batch.to_vec()));
            let known = all(batches).await?.concat();
            [known, singles(unknown).await?].concat()
        }
        Way::Single => singles(files).await?,
    })
}

/// Finds out what the instance can.
async fn learn(wire: &Wire) -> Result<Way, HostError> {
    let asked = ["/version", "/settings/api"];
    let asked = asked.map(|path| wire.send(instance(wire, path), &[403, 404]));
    let answers = all(asked).await?;
    let (mut way, mut batch) = (Way::Single, None);
    if let [version, settings] = answers.as_slice() {
        if version.status == 200 {
            way = way_of(&version.json::<Version>("a version")?.version);
        }
        if settings.status == 200 {
            batch = Some(settings.json::<Settings>("settings")?.default_paging_num);
        }
    }
    wire.learn(|limits| (limits.way, limits.batch) = (Some(way), batch.or(limits.batch)));
    Ok(way)
}

/// By a version such as `1.24.6` of Gitea or `12.0.1+gitea-1.22.0` of Forgejo. What is no version was built
/// by somebody who builds the newest.
fn way_of(version: &str) -> Way {
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Way::Contents;
    }
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let (major, minor) = (number(numbers.next()), number(numbers.next()));
    match version.contains("+gitea-") {
        true if major >= 12 => Way::Blobs,
        true => Way::Single,
        false if (major, minor) >= (1, 24) => Way::Contents,
        false => Way::Single,
    }
}

/// Files by path, of which the instance answers the first ones if there are too many.
async fn by_path(wire: &Wire, commit: &str, mut batch: Vec<Wanted>) -> Result<Vec<File>, HostError> {
    let mut came = Vec::new();
    while !batch.is_empty() {
        let url = get(wire, &format!("/file-contents?ref={}", segment(commit))).url;
        let files = batch.iter().map(|file| file.path.as_str()).collect();
        let request = Request { auth: wire.signed_in, ..Request::post(url, &Paths { files }) };
        let response = wire.send(request, &[404, 405]).await?;
        let contents: Vec<Option<Content>> = match response.status {
            404 | 405 => Vec::new(),
            _ => response.json("the contents of files")?,
        };
        let count = contents.len().min(batch.len());
        if count == 0 {
            // There is another way. One that says that it can do this is not asked for it again.
            if wire.limits().way.is_some() || learn(wire).await? == Way::Contents {
                wire.learn(|limits| limits.way = Some(Way::Single));
            }
            let rest: Later<'_, Vec<File>> = Box::pin(documents(wire, commit, batch));
            came.extend(rest.await?);
            break;
        }
        wire.learn(|limits| limits.way = Some(Way::Contents));
        if count < batch.len() {
            wire.learn(|limits| limits.batch = limits.batch.or(Some(count)));
        }
        let rest = batch.split_off(count);
        let files = batch.into_iter().zip(contents).map(|(file, content)| async move {
            match content {
                Some(Content { kind, .. }) if kind != "file" => found(wire, file.path, None),
                None => found(wire, file.path, None),
                Some(Content { content: Some(content), encoding: Some(encoding), size, .. })
                    if encoding == "base64" && (size == 0 || !content.is_empty()) =>
                {
                    found(wire, file.path, Some(unbase64(&content)?))
                }
                // Too large to come with others.
                Some(_) => raw(wire, commit, file.path).await,
            }
        });
        came.extend(all(files).await?);
        batch = rest;
    }
    Ok(came)
}

/// Files by id. What does not come that way comes by itself.
async fn by_id(wire: &Wire, commit: &str, batch: Vec<Wanted>) -> Result<Vec<File>, HostError> {
    let mut ids: Vec<&str> = batch.iter().filter_map(|file| file.blob.as_deref()).collect();
    ids.order();
    ids.dedup();
    let ids: Vec<String> = ids.into_iter().map(segment).collect();
    let request = get(wire, &format!("/git/blobs?shas={}", ids.join(",")));
    // Some of the ids may be unknown.
    let response = wire.send(request, &[400, 404, 405, 422]).await?;
    let blobs: Vec<Blob> = match response.status {
        200 => response.json("git blobs")?,
        _ => Vec::new(),
    };
    let mut bytes = BTreeMap::new();
    for blob in blobs {
        bytes.extend(blob.whole()?);
    }
    let files = batch.into_iter().map(|file| {
        let content = file.blob.as_ref().and_then(|id| bytes.get(id)).cloned();
        async move {
            match content {
                Some(content) => found(wire, file.path, Some(content)),
                None => raw(wire, commit, file.path).await,
            }
        }
    });
    all(files).await
}

/// One file: by its id, which takes the host a sixth of the time, or else by its path.
async fn single(wire: &Wire, commit: &str, wanted: Wanted) -> Result<File, HostError> {
    let Some(id) = wanted.blob else { return raw(wire, commit, wanted.path).await };
    let request = get(wire, &format!("/git/blobs/{}", segment(&id)));
    let response = wire.send(request, &[400, 404]).await?;
    if response.status != 200 {
        return found(wire, wanted.path, None);
    }
    let blob: Blob = response.json("a git blob")?;
    match blob.whole()? {
        Some((_, bytes)) => found(wire, wanted.path, Some(bytes)),
        None => raw(wire, commit, wanted.path).await,
    }
}

/// One file as it is, however large.
async fn raw(wire: &Wire, commit: &str, path: String) -> Result<File, HostError> {
    let request = get(wire, &format!("/raw/{}?ref={}", segments(&path), segment(commit)));
    let response = wire.send(request, &[404]).await?;
    found(wire, path, (response.status != 404).then_some(response.body))
}

fn found(wire: &Wire, path: String, bytes: Option<Vec<u8>>) -> Result<File, HostError> {
    wire.done(1);
    Ok(File { path, bytes })
}

async fn proposals(wire: &Wire, into: &str) -> Result<Vec<Proposal>, HostError> {
    let mut found = Vec::new();
    for page in 1_u32.. {
        // `base_branch` is newer than some instances, which leave it unread.
        let into_branch = segment(into);
        let query = format!("/pulls?state=open&base_branch={into_branch}&limit={PAGE}&page={page}");
        let response = wire.send(get(wire, &query), &[]).await?;
        let pulls: Vec<Pull> = response.json("a list of pull requests")?;
        let last = pulls.is_empty() || response.next().is_none();
        let pulls = pulls.into_iter().filter(|pull| pull.base.branch == into);
        found.extend(pulls.map(Pull::plain));
        if last {
            break;
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Paths<'a> {
    files: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    encoding: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Settings {
    default_paging_num: usize,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
    commit: PayloadCommit,
}

#[derive(Deserialize)]
struct PayloadCommit {
    id: String,
    message: String,
    author: Option<Person>,
    timestamp: String,
}

impl PayloadCommit {
    fn plain(self) -> Commit {
        Commit {
            id: self.id,
            tree: None,
            time: self.timestamp,
            subject: subject(&self.message),
            author: self.author.and_then(|author| author.name).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_say_how_files_are_given_out() {
        for (version, way) in [
            ("1.24.0", Way::Contents),
            ("1.26.0+dev-12-gabcdef", Way::Contents),
            ("2.0.0", Way::Contents),
            ("1.23.8", Way::Single),
            ("1.9", Way::Single),
            ("12.0.0+gitea-1.22.0", Way::Blobs),
            ("13.1.0-dev-12+gitea-1.22.0", Way::Blobs),
            ("11.0.3+gitea-1.22.0", Way::Single),
            ("development", Way::Contents),
        ] {
            assert_eq!(way_of(version), way, "{version}");
        }
    }
}
