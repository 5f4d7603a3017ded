//! Shapes that GitHub's REST API and Gitea's share, and what they mean.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::ask::{Commit, Entry, EntryKind, Proposal};
use super::error::HostError;

#[derive(Deserialize)]
pub(super) struct Repo {
    pub(super) default_branch: String,
}

#[derive(Deserialize)]
pub(super) struct RepoCommit {
    pub(super) sha: String,
    pub(super) commit: GitCommit,
}

impl RepoCommit {
    pub(super) fn plain(self) -> Commit {
        self.commit.plain(self.sha)
    }
}

#[derive(Deserialize)]
pub(super) struct GitCommit {
    pub(super) message: String,
    pub(super) author: Option<Person>,
    pub(super) committer: Option<Person>,
    pub(super) tree: Option<Sha>,
}

#[derive(Deserialize)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) date: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Sha {
    pub(super) sha: String,
}

impl GitCommit {
    pub(super) fn plain(self, id: String) -> Commit {
        let time = self.committer.and_then(|person| person.date);
        let (author, written) = self.author.map(|a| (a.name, a.date)).unwrap_or_default();
        Commit {
            id,
            tree: self.tree.map(|tree| tree.sha),
            time: time.or(written).unwrap_or_default(),
            subject: subject(&self.message),
            author: author.unwrap_or_default(),
        }
    }
}

/// First line of a message.
pub(super) fn subject(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[derive(Deserialize)]
pub(super) struct Tree {
    /// Gitea says nothing where there is nothing.
    tree: Option<Vec<TreeEntry>>,
    pub(super) truncated: bool,
    /// Gitea's: of all pages.
    pub(super) total_count: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct TreeEntry {
    path: String,
    mode: Option<Mode>,
    #[serde(rename = "type")]
    kind: TreeKind,
    sha: String,
}

#[derive(Deserialize)]
enum Mode {
    #[serde(rename = "120000")]
    Link,
    #[serde(other)]
    Usual,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TreeKind {
    Tree,
    Blob,
    #[serde(other)]
    Other,
}

impl Tree {
    /// How many there are on this page.
    pub(super) fn len(&self) -> usize {
        self.tree.as_ref().map_or(0, Vec::len)
    }

    /// Its entries, under a path that ends with a slash or is empty.
    pub(super) fn entries(self, under: &str) -> impl Iterator<Item = Entry> {
        self.tree.into_iter().flatten().filter_map(move |entry| {
            let kind = match (entry.kind, entry.mode) {
                (_, Some(Mode::Link)) | (TreeKind::Other, _) => return None,
                (TreeKind::Tree, _) => EntryKind::Folder,
                (TreeKind::Blob, _) => EntryKind::File,
            };
            let path = if under.is_empty() { entry.path } else { format!("{under}{}", entry.path) };
            Some(Entry { path, kind, id: entry.sha })
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Blob {
    sha: String,
    size: Option<usize>,
    /// Gitea leaves it out where it is too large.
    content: Option<String>,
    encoding: Option<String>,
}

impl Blob {
    /// Its id and its content. None where the content is not, or not all, there.
    pub(super) fn whole(self) -> Result<Option<(String, Vec<u8>)>, HostError> {
        let Some(content) = self.content else { return Ok(None) };
        let bytes = match self.encoding.as_deref() {
            Some("base64") => unbase64(&content)?,
            _ => content.into_bytes(),
        };
        let whole = self.size.is_none_or(|size| size == bytes.len());
        Ok(whole.then_some((self.sha, bytes)))
    }
}

/// Base64 with or without line ends, as git hosts send it.
pub(super) fn unbase64(text: &str) -> Result<Vec<u8>, HostError> {
    let joined = match text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => Cow::Owned(text.split_ascii_whitespace().collect::<String>()),
        false => Cow::Borrowed(text),
    };
    STANDARD
        .decode(joined.as_bytes())
        .map_err(|error| HostError::Garbage { expected: "content in base64", detail: error.to_string() })
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    number: u64,
    title: String,
    html_url: String,
    user: Option<User>,
    created_at: String,
    #[serde(default)]
    draft: bool,
    head: PullEnd,
    pub(super) base: PullEnd,
}

#[derive(Deserialize)]
pub(super) struct PullEnd {
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

impl Pull {
    pub(super) fn plain(self) -> Proposal {
        Proposal {
            number: self.number,
            title: self.title,
            url: self.html_url,
            author: self.user.map(|user| user.login).unwrap_or_default(),
            opened: self.created_at,
            branch: self.head.branch,
            draft: self.draft,
        }
    }
}
