//! Plays recorded answers to an exchange.

#![expect(clippy::disallowed_methods, reason = "recorded answers are files")]

use std::path::Path;

use ocuroot_core::hosts::{
    Answer, Ask, Change, Exchange, Host, HostError, Limits, Now, Request, Response, Side, Source, Unreachable,
};
use ocuroot_core::order::Order as _;

pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";
pub(crate) const BEFORE: &str = "9999999999999999999999999999999999999999";
pub(crate) const TREE: &str = "2222222222222222222222222222222222222222";
pub(crate) const FOLDER: &str = "3333333333333333333333333333333333333333";
pub(crate) const BLOB: &str = "4444444444444444444444444444444444444444";

/// A host that answers with recordings.
pub(crate) struct Played {
    pub(crate) host: Host,
    pub(crate) signed_in: bool,
    pub(crate) limits: Limits,
    /// Each request that was made, as `GET /path`, in order.
    pub(crate) asked: Vec<String>,
    /// And as it was.
    pub(crate) requests: Vec<Request>,
    recorded: Vec<(String, Response)>,
}

impl Played {
    pub(crate) fn new(source: &str, signed_in: bool) -> Played {
        let source: Source = source.parse().unwrap();
        Played {
            host: Host::new(&source, Side::State),
            signed_in,
            limits: Limits::default(),
            asked: Vec::new(),
            requests: Vec::new(),
            recorded: Vec::new(),
        }
    }

    /// With the recordings of these names; each answers what it was recorded for.
    pub(crate) fn with(mut self, names: &[&str]) -> Played {
        for name in names {
            let (key, response) = self.read(name);
            self.recorded.push((key, response));
        }
        self
    }

    /// With a recording that answers another request than its own.
    pub(crate) fn instead(mut self, request: &str, name: &str) -> Played {
        let (_, response) = self.read(name);
        self.recorded.push((request.to_owned(), response));
        self
    }

    /// With an answer that nobody recorded.
    pub(crate) fn answering(self, request: &str, status: u16, body: &str) -> Played {
        self.answering_with(request, status, &[], body)
    }

    pub(crate) fn answering_with(
        mut self,
        request: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Played {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        self.recorded.push((request.to_owned(), response));
        self
    }

    fn read(&self, name: &str) -> (String, Response) {
        let kind = self.host.source.kind.word();
        let path = format!("{}/tests/recorded/{kind}/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(Path::new(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        let recorded: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let request = &recorded["request"];
        let key = format!("{} {}", text(&request["method"]), text(&request["path"]));
        let headers = recorded["headers"].as_object().unwrap().iter();
        let response = Response {
            status: recorded["status"].as_u64().unwrap().try_into().unwrap(),
            headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
            body: match &recorded["body"] {
                serde_json::Value::String(text) => text.clone().into_bytes(),
                json => json.to_string().into_bytes(),
            },
        };
        (key, response)
    }

    /// The answer to a question; requests that nothing is recorded for fail the test. Of several recordings
    /// of one request each answers once, in order, the last one for ever.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<Answer, HostError> {
        let mut exchange = Exchange::new(&self.host, &self.limits, ask, self.signed_in)?;
        loop {
            if let Some(answer) = exchange.answer() {
                self.limits = exchange.limits();
                return Ok(answer);
            }
            let requests = exchange.requests();
            assert!(!requests.is_empty(), "waits for nothing: {:?}", self.asked);
            // The last first: nothing may depend on the order.
            for (id, request) in requests.into_iter().rev() {
                let path = request.url.strip_prefix(&self.host.api).unwrap_or(&request.url);
                let key = format!("{} {path}", request.method.word());
                self.asked.push(key.clone());
                self.requests.push(request);
                let fits: Vec<usize> =
                    (0..self.recorded.len()).filter(|&at| self.recorded[at].0 == key).collect();
                let response = match fits.as_slice() {
                    [] => panic!("nothing recorded for {key}"),
                    [only] => self.recorded[*only].1.clone(),
                    [first, ..] => self.recorded.remove(*first).1,
                };
                if response.status == 0 {
                    let detail = "no route".to_owned();
                    exchange.respond(id, Err(Unreachable { detail }))?;
                } else {
                    exchange.respond(id, Ok(response))?;
                }
            }
        }
    }
}

pub(crate) fn head(branch: &str) -> Ask {
    Ask::Head { branch: Some(branch.to_owned()), etag: None }
}

pub(crate) fn folder(path: &str, tree: Option<&str>) -> Ask {
    Ask::Folder { commit: COMMIT.into(), path: path.into(), tree: tree.map(Into::into) }
}

pub(crate) fn changes() -> Ask {
    Ask::Changes { from: BEFORE.into(), to: COMMIT.into() }
}

pub(crate) fn below(path: &str, tree: Option<&str>) -> Ask {
    Ask::Below { commit: COMMIT.into(), path: path.into(), tree: tree.map(Into::into) }
}

/// Files by path, and id where there is one.
pub(crate) fn files(wanted: &[(&str, Option<&str>)]) -> Ask {
    let files = wanted.iter().map(|(path, blob)| ocuroot_core::hosts::Wanted {
        path: (*path).to_owned(),
        blob: blob.map(Into::into),
    });
    Ask::Files { commit: COMMIT.into(), files: files.collect() }
}

/// An answer in few words: entries as `path/` and `path`, files as `path=content`, `path!` where missing.
pub(crate) fn brief(answer: &Answer) -> String {
    use ocuroot_core::hosts::{Entry, EntryKind, Head};
    let entries = |entries: &[Entry]| {
        let entries = entries.iter().map(|entry| {
            let slash = if entry.kind == EntryKind::Folder { "/" } else { "" };
            format!("{}{slash}@{}", entry.path, entry.id.get(..1).unwrap_or_default())
        });
        entries.collect::<Vec<_>>().join(" ")
    };
    match answer {
        Answer::Head(Head::At { branch, commit, etag }) => {
            format!("{branch} {} {}", brief(&Answer::Commit(commit.clone())), etag.as_deref().unwrap_or("-"))
        }
        Answer::Head(other) => format!("{other:?}"),
        Answer::Commit(commit) => format!(
            "{}:{} {} `{}` {}",
            commit.id.get(..1).unwrap_or_default(),
            commit.tree.as_deref().and_then(|tree| tree.get(..1)).unwrap_or("-"),
            commit.time,
            commit.subject,
            commit.author
        ),
        Answer::Folder(None) | Answer::Below(None) => "none".to_owned(),
        Answer::Folder(Some(found)) => entries(found),
        Answer::Below(Some(listing)) => {
            format!("{}{}", entries(&listing.entries), if listing.whole { "" } else { " …" })
        }
        Answer::Files(files) => {
            let mut files: Vec<String> = files
                .iter()
                .map(|file| match &file.bytes {
                    Some(bytes) => format!("{}={}", file.path, bytes.escape_ascii()),
                    None => format!("{}!", file.path),
                })
                .collect();
            files.order();
            files.join(" ")
        }
        Answer::Changes(None) => "untold".to_owned(),
        Answer::Changes(Some(changes)) => {
            let change = |change: &Change| match &change.now {
                Now::Blob(id) => format!("{}@{}", change.path, id.get(..1).unwrap_or_default()),
                Now::Gone => format!("{}!", change.path),
                Now::Untold => change.path.clone(),
            };
            changes.iter().map(change).collect::<Vec<_>>().join(" ")
        }
        Answer::History(history) => {
            let commits = history.commits.iter().map(|c| brief(&Answer::Commit(c.clone())));
            let more = if history.more { " …" } else { "" };
            format!("{}{more}", commits.collect::<Vec<_>>().join(", "))
        }
        Answer::Proposals(proposals) => {
            let lines = proposals.iter().map(|p| {
                let draft = if p.draft { "draft " } else { "" };
                format!("{draft}#{} `{}` {} {} {} {}", p.number, p.title, p.author, p.opened, p.branch, p.url)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Answer::Viewer(viewer) => viewer.login.clone(),
    }
}
