//! GitLab, by <https://docs.gitlab.com/api/rest/> and <https://docs.gitlab.com/api/graphql/reference/>.
//!
//! Folders come by REST, 100 entries a page, where each page names the next one. Files come by GraphQL.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::{
    Answer, Ask, Change, Commit, Entry, EntryKind, File, Head, History, Now, Proposal, Viewer, Wanted,
};
use super::error::HostError;
use super::exchange::listing;
use super::host::segment;
use super::request::Request;
use super::wire::{Later, Wire, all};
use crate::order::Gather as _;

/// As many as a page can have, and as many files as a query can ask for.
const PAGE: usize = 100;
/// So many parts of a listing are read before it is taken apart: as many as a release of forty
/// deployments has.
const PARTS: usize = 6;
/// Of two commits it tells so many files at least.
const COMPARED: usize = 100;
/// As many files as a small instance bears in a query.
const SMALL: usize = 20;

pub(super) async fn answer(wire: &Wire, ask: Ask) -> Result<Answer, HostError> {
    Ok(match ask {
        Ask::Head { branch, etag } => Answer::Head(head(wire, branch, etag).await?),
        Ask::Commit { id } => {
            let request = get(wire, &format!("/repository/commits/{}", segment(&id)));
            let response = wire.send(request, &[400, 404]).await?;
            if matches!(response.status, 400 | 404) {
                // Is it the commit, or the project? Where there is no project, this one says so.
                project(wire).await?;
                return Err(HostError::NoCommit { id });
            }
            let commit: LabCommit = response.json("a commit")?;
            Answer::Commit(commit.plain())
        }
        Ask::Folder { commit, path, tree } => {
            let folder = Place { wire, commit: &commit, path: &path, known: tree.is_some() };
            Answer::Folder(folder.all(false, &mut |_| ()).await?)
        }
        Ask::Below { commit, path, tree } => {
            let folder = Place { wire, commit: &commit, path: &path, known: tree.is_some() };
            Answer::Below(match folder.below(String::new()).await? {
                true => Some(listing(wire.take_listed(), true)),
                false => None,
            })
        }
        Ask::Files { commit, files } => {
            let size = wire.limits().batch.unwrap_or(PAGE).max(1);
            let batches = files.chunks(size).map(|batch| documents(wire, &commit, batch.to_vec()));
            Answer::Files(all(batches).await?.concat())
        }
        Ask::Changes { from, to } => Answer::Changes(changes(wire, &from, &to).await?),
        Ask::History { from, path, page } => {
            let mut query =
                format!("/repository/commits?ref_name={}&per_page={PAGE}&page={page}", segment(&from));
            if let Some(path) = path {
                query += &format!("&path={}", segment(&path));
            }
            let response = wire.send(get(wire, &query), &[]).await?;
            let commits: Vec<LabCommit> = response.json("a list of commits")?;
            let commits = commits.into_iter().map(LabCommit::plain).collect();
            Answer::History(History { commits, more: response.next().is_some() })
        }
        Ask::Proposals { into } => Answer::Proposals(proposals(wire, &into).await?),
        Ask::Viewer => {
            let request = Request::get(format!("{}/user", wire.host.api));
            let request = Request { auth: wire.signed_in, ..request };
            let user: LabUser = wire.send(request, &[]).await?.json("a user")?;
            Answer::Viewer(Viewer { login: user.username })
        }
    })
}

/// What differs between two commits; of large differences it may leave files out.
async fn changes(wire: &Wire, from: &str, to: &str) -> Result<Option<Vec<Change>>, HostError> {
    let query = format!("/repository/compare?from={}&to={}&straight=true", segment(from), segment(to));
    let response = wire.send(get(wire, &query), &[404]).await?;
    if response.status == 404 {
        return Ok(None);
    }
    let found: Comparison = response.json("what differs between two commits")?;
    let diffs = found.diffs.filter(|diffs| !found.compare_timeout && diffs.len() < COMPARED);
    let changes = |diff: Diff| {
        let moved = diff.renamed_file.then_some(Change { path: diff.old_path, now: Now::Gone });
        let now = if diff.deleted_file { Now::Gone } else { Now::Untold };
        moved.into_iter().chain([Change { path: diff.new_path, now }])
    };
    Ok(diffs.map(|diffs| diffs.into_iter().flat_map(changes).collect()))
}

#[derive(Deserialize)]
struct Comparison {
    diffs: Option<Vec<Diff>>,
    #[serde(default)]
    compare_timeout: bool,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
    #[serde(default)]
    renamed_file: bool,
    #[serde(default)]
    deleted_file: bool,
}

/// A request for something of the project.
fn get(wire: &Wire, path: &str) -> Request {
    let url = format!("{}/projects/{}{path}", wire.host.api, segment(&wire.host.source.repo));
    Request { auth: wire.signed_in, ..Request::get(url) }
}

/// The commit's id stands for an ETag: GitLab counts a request that it answers with 304 like any other.
async fn head(wire: &Wire, branch: Option<String>, etag: Option<String>) -> Result<Head, HostError> {
    let branch = match branch {
        Some(branch) => branch,
        None => match project(wire).await?.default_branch {
            Some(branch) => branch,
            None => return Ok(Head::Missing),
        },
    };
    let request = get(wire, &format!("/repository/branches/{}", segment(&branch)));
    let response = wire.send(request, &[404]).await?;
    if response.status == 404 {
        // Of the branch or of the project? Where there is no project, this one says so.
        return project(wire).await.map(|_| Head::Missing);
    }
    let found: LabBranch = response.json("a branch")?;
    let commit = found.commit.plain();
    if etag.as_ref() == Some(&commit.id) {
        return Ok(Head::Unchanged);
    }
    let etag = Some(commit.id.clone());
    Ok(Head::At { branch: found.name, commit, etag })
}

async fn project(wire: &Wire) -> Result<Project, HostError> {
    wire.send(get(wire, ""), &[]).await?.json("a project")
}

/// A folder of a commit.
struct Place<'a> {
    wire: &'a Wire,
    commit: &'a str,
    path: &'a str,
    /// Whether it was listed in the folder around it: then it is there.
    known: bool,
}

/// A part of a listing, and what to ask the next part with.
struct Part {
    entries: Vec<Entry>,
    next: Option<String>,
}

impl Place<'_> {
    /// None where there is no such folder, but for one that must be there: a failure is no empty folder.
    async fn part(&self, recursive: bool, token: Option<&str>) -> Result<Option<Part>, HostError> {
        let Place { wire, commit, path, known } = *self;
        let must_be = known || token.is_some() || path.is_empty();
        let mut query = format!(
            "/repository/tree?ref={}&path={}&per_page={PAGE}&pagination=keyset",
            segment(commit),
            segment(path)
        );
        if recursive {
            query += "&recursive=true";
        }
        if let Some(token) = token {
            query += &format!("&page_token={token}");
        }
        let request = get(wire, &query);
        let response = wire.send(request.clone(), &[404]).await?;
        if response.status == 404 {
            return if must_be { Err(wire.missing(&request)) } else { Ok(None) };
        }
        let nodes: Vec<Node> = response.json("what a folder holds")?;
        // Git has no empty folders, but for an empty root.
        if nodes.is_empty() && token.is_none() && !path.is_empty() {
            return if known { Err(wire.missing(&request)) } else { Ok(None) };
        }
        let entries = nodes.into_iter().filter_map(|node| node.entry(path)).collect();
        let token = |param: &str| param.strip_prefix("page_token=").map(str::to_owned);
        let next = response.next().and_then(|query| query.split('&').find_map(token));
        Ok(Some(Part { entries, next }))
    }

    /// All parts of a listing, one after the other, as each names the next.
    async fn all(
        &self,
        recursive: bool,
        tell: &mut dyn FnMut(&[Entry]),
    ) -> Result<Option<Vec<Entry>>, HostError> {
        let Some(part) = self.part(recursive, None).await? else { return Ok(None) };
        tell(&part.entries);
        let Part { mut entries, mut next } = part;
        while let Some(token) = next {
            let Some(part) = self.part(recursive, Some(&token)).await? else { break };
            tell(&part.entries);
            // A next part that is this one again would never end.
            next = part.next.filter(|next| *next != token);
            entries.extend(part.entries);
        }
        Ok(Some(entries))
    }

    /// Lists everything below to the wire. One part waits for the other, so what does not fit into a few is
    /// taken apart by folders for as long as fewer requests are under way than may be.
    async fn below(&self, under: String) -> Result<bool, HostError> {
        let Place { wire, commit, path, .. } = *self;
        let named = |entry: &Entry| Entry { path: format!("{under}{}", entry.path), ..entry.clone() };
        let Some(first) = self.part(true, None).await? else { return Ok(false) };
        let Some(mut token) = first.next else {
            wire.listed(first.entries.iter().map(named));
            return Ok(true);
        };
        // A few parts are there sooner one after the other than folder by folder.
        let most = if wire.awaited() >= wire.host.in_flight() { usize::MAX } else { PARTS };
        wire.listed(first.entries.iter().map(named));
        for _ in 1..most {
            let Some(part) = self.part(true, Some(&token)).await? else { return Ok(true) };
            wire.listed(part.entries.iter().map(named));
            match part.next {
                Some(next) if next != token => token = next,
                _ => return Ok(true),
            }
        }
        let mut tell = |entries: &[Entry]| wire.listed(entries.iter().map(named));
        let level = self.all(false, &mut tell).await?.unwrap_or_default();
        let folders = level.iter().filter(|entry| entry.kind == EntryKind::Folder);
        let parts = folders.map(|folder| -> Later<'_, bool> {
            let slash = if path.is_empty() { "" } else { "/" };
            let inner = format!("{path}{slash}{}", folder.path);
            let under = format!("{under}{}/", folder.path);
            Box::pin(async move { Place { wire, commit, path: &inner, known: true }.below(under).await })
        });
        all(parts).await?;
        Ok(true)
    }
}

/// Files by GraphQL. Those that it does not give as text come by REST.
async fn documents(wire: &Wire, commit: &str, batch: Vec<Wanted>) -> Result<Vec<File>, HostError> {
    const QUERY: &str = "query($p:ID!,$r:String!,$f:[String!]!){project(fullPath:$p){repository{\
        blobs(ref:$r,paths:$f){nodes{path oid size rawTextBlob}pageInfo{hasNextPage}}}}}";
    let paths = batch.iter().map(|wanted| wanted.path.as_str()).collect();
    let variables = Variables { p: &wire.host.source.repo, r: commit, f: paths };
    let request = Request::post(wire.host.graphql(), &Query { query: QUERY, variables });
    let request = Request { auth: wire.signed_in, ..request };
    let answer: GraphAnswer = wire.send(request, &[]).await?.json("an answer of GraphQL")?;
    let Some(blobs) = (match answer.data {
        Some(GraphData { project: None }) if answer.errors.is_none() => {
            let (what, signed_in) = (wire.host.source.repo.clone(), wire.signed_in);
            return Err(HostError::NotFound { what, signed_in });
        }
        data => data.and_then(|data| data.project?.repository?.blobs),
    }) else {
        // Small instances bear fewer files in a query ("complexity").
        if batch.len() > 1 {
            let size = if batch.len() > SMALL { SMALL } else { batch.len().div_ceil(2) };
            wire.learn(|limits| limits.batch = Some(limits.batch.map_or(size, |b| b.min(size))));
            let part = |part: &[Wanted]| -> Later<'_, Vec<File>> {
                Box::pin(documents(wire, commit, part.to_vec()))
            };
            return Ok(all(batch.chunks(size).map(part)).await?.concat());
        }
        return all(batch.into_iter().map(|wanted| single(wire, commit, wanted))).await;
    };
    let cut = blobs.page_info.is_some_and(|page| page.has_next_page);
    let mut blobs: BTreeMap<String, LabBlob> =
        blobs.nodes.into_iter().flatten().map(|blob| (blob.path.clone(), blob)).gather();
    let (batch, rest): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|wanted| !cut || blobs.contains_key(&wanted.path));
    if cut {
        wire.learn(|limits| limits.batch = Some(blobs.len().max(1)));
    }
    let rest: Later<'_, Vec<File>> = match batch.is_empty() {
        // None of them came, and there are more: no way to get on but one by one.
        true => Box::pin(all(rest.into_iter().map(|wanted| single(wire, commit, wanted)))),
        false if rest.is_empty() => Box::pin(async { Ok(Vec::new()) }),
        false => Box::pin(documents(wire, commit, rest)),
    };
    let files = batch.into_iter().map(|wanted| {
        let blob = blobs.remove(&wanted.path);
        async move {
            let Some(blob) = blob else {
                wire.done(1);
                return Ok(File { path: wanted.path, bytes: None });
            };
            match blob.whole() {
                Ok(text) => {
                    wire.done(1);
                    Ok(File { path: wanted.path, bytes: Some(text.into_bytes()) })
                }
                Err(id) => single(wire, commit, Wanted { blob: Some(id), ..wanted }).await,
            }
        }
    });
    let mut files = all(files).await?;
    files.extend(rest.await?);
    Ok(files)
}

/// One file by REST.
async fn single(wire: &Wire, commit: &str, wanted: Wanted) -> Result<File, HostError> {
    let Wanted { path, blob } = wanted;
    let request = match blob {
        Some(blob) => get(wire, &format!("/repository/blobs/{}/raw", segment(&blob))),
        None => {
            let (file, commit) = (segment(&path), segment(commit));
            get(wire, &format!("/repository/files/{file}/raw?ref={commit}"))
        }
    };
    let response = wire.send(request, &[404]).await?;
    wire.done(1);
    Ok(File { path, bytes: (response.status != 404).then_some(response.body) })
}

async fn proposals(wire: &Wire, into: &str) -> Result<Vec<Proposal>, HostError> {
    let mut found = Vec::new();
    for page in 1_u32.. {
        let into = segment(into);
        let query = format!("/merge_requests?state=opened&target_branch={into}&per_page={PAGE}&page={page}");
        let response = wire.send(get(wire, &query), &[]).await?;
        let requests: Vec<MergeRequest> = response.json("a list of merge requests")?;
        let last = requests.is_empty() || response.next().is_none();
        found.extend(requests.into_iter().map(MergeRequest::plain));
        if last {
            break;
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Query<'a> {
    query: &'a str,
    variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    p: &'a str,
    r: &'a str,
    f: Vec<&'a str>,
}

#[derive(Deserialize)]
struct GraphAnswer {
    data: Option<GraphData>,
    errors: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct GraphData {
    project: Option<GraphProject>,
}

#[derive(Deserialize)]
struct GraphProject {
    repository: Option<GraphRepository>,
}

#[derive(Deserialize)]
struct GraphRepository {
    blobs: Option<GraphBlobs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphBlobs {
    nodes: Vec<Option<LabBlob>>,
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabBlob {
    path: String,
    oid: String,
    /// A `BigInt`, which is written as a string.
    size: Option<serde_json::Value>,
    raw_text_blob: Option<String>,
}

impl LabBlob {
    /// Its text, or else its id. A text in another encoding, and one that was cut off, have another size
    /// than is said.
    fn whole(self) -> Result<String, String> {
        let size = self.size.map(|size| size.to_string());
        let fits =
            |text: &String| size.as_ref().is_none_or(|size| size.trim_matches('"') == text.len().to_string());
        self.raw_text_blob.filter(fits).ok_or(self.oid)
    }
}

#[derive(Deserialize)]
struct Project {
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct LabBranch {
    name: String,
    commit: LabCommit,
}

#[derive(Deserialize)]
struct LabCommit {
    id: String,
    title: String,
    author_name: String,
    committed_date: String,
}

impl LabCommit {
    fn plain(self) -> Commit {
        Commit {
            id: self.id,
            tree: None,
            time: self.committed_date,
            subject: self.title,
            author: self.author_name,
        }
    }
}

#[derive(Deserialize)]
struct Node {
    id: String,
    path: String,
    #[serde(rename = "type")]
    kind: String,
    mode: Option<String>,
}

impl Node {
    /// As seen from a folder; nodes are named from the root.
    fn entry(self, folder: &str) -> Option<Entry> {
        let kind = match (self.kind.as_str(), self.mode.as_deref()) {
            (_, Some("120000")) => return None,
            ("tree", _) => EntryKind::Folder,
            ("blob", _) => EntryKind::File,
            _ => return None,
        };
        let path = match folder {
            "" => self.path,
            folder => self.path.strip_prefix(folder)?.strip_prefix('/')?.to_owned(),
        };
        Some(Entry { path, kind, id: self.id })
    }
}

#[derive(Deserialize)]
struct LabUser {
    username: String,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    title: String,
    web_url: String,
    author: Option<LabUser>,
    created_at: String,
    source_branch: String,
    #[serde(default)]
    draft: bool,
}

impl MergeRequest {
    fn plain(self) -> Proposal {
        Proposal {
            number: self.iid,
            title: self.title,
            url: self.web_url,
            author: self.author.map(|author| author.username).unwrap_or_default(),
            opened: self.created_at,
            branch: self.source_branch,
            draft: self.draft,
        }
    }
}
