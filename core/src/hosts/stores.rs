//! Which stores a page offers: `stores.json`, or a store that a URL names.
//!
//! ```json
//! {"stores": [{"name": "acme/releases", "source": "github:acme/releases",
//!              "state": "state", "intent": "intent"}]}
//! ```
//!
//! The first is the one that a page opens by itself; there may be none. A store that names no branch of intent is shared:
//! one branch holds both, in folders.
//!
//! ```
//! use ocuroot_core::hosts::stores;
//!
//! let stores = stores::parse(br#"{"stores":[{"name":"releases","source":"gitlab:git.acme.dev/ops/releases"}]}"#)?;
//! let located = stores[0].locate()?;
//! assert_eq!(located.state.host.api, "https://git.acme.dev/api/v4");
//! assert_eq!(stores::origins(&stores), ["https://git.acme.dev"]);
//! # Ok::<(), ocuroot_core::hosts::stores::StoresError>(())
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::host::{Host, Side, is_loopback};
use super::source::{Kind, Source, SourceError};
use crate::refs::Ref;

/// The name of the file, beside the page.
pub const FILE: &str = "stores.json";

/// A store that is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// The repo of state, and of intent if `intent_source` names no other: see [`Source`].
    pub source: String,
    /// The branch of state; none for the repo's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The branch of intent; none where the branch of state holds both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// The repo of intent, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_source: Option<String>,
    /// Root of the API, where it does not follow from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Root of raw files, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The id of the page's OAuth application at the host, for signing in without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The release that `ocuroot preview` shows, where the store holds nothing but that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What people call it.
    pub name: String,
    /// Where state is.
    pub state: Place,
    /// Where intent is: the same place if it is shared.
    pub intent: Place,
    /// The id of the page's OAuth application at the host.
    pub client_id: Option<String>,
    /// The release that has not been made, where the store holds nothing but that.
    pub preview: Option<Ref>,
}

/// A branch of a repo on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The repo.
    pub host: Host,
    /// None for the repo's default branch.
    pub branch: Option<String>,
}

/// What is wrong with a list of stores.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// It is not as this module's page says.
    #[error("stores.json does not read: {0}. It is {{\"stores\": [{{\"name\": …, \"source\": …}}]}}")]
    Json(#[from] serde_json::Error),
    /// A source is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A root is no address that a page can be sent to.
    #[error("`{0}` is not the root of an API: write https://…; http:// only for this machine")]
    Root(String),
}

#[derive(Deserialize)]
struct File {
    stores: Vec<Offered>,
}

/// Reads `stores.json`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Offered>, StoresError> {
    let file: File = serde_json::from_slice(bytes)?;
    for store in &file.stores {
        store.locate()?;
    }
    Ok(file.stores)
}

impl Offered {
    /// What it is called: its name, or where it is.
    #[must_use]
    pub fn title(&self) -> &str {
        match self.name.as_str() {
            "" => self.source.split_once(':').map_or(&self.source, |(_, rest)| rest),
            name => name,
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// When a source or a root is none.
    pub fn locate(&self) -> Result<Located, StoresError> {
        for root in [&self.api, &self.raw].into_iter().flatten() {
            if !is_root(root) {
                return Err(StoresError::Root(root.clone()));
            }
        }
        let source: Source = self.source.parse()?;
        let place = |source: &Source, side, branch: &Option<String>| Place {
            host: Host::new(source, side).with_roots(self.api.as_deref(), self.raw.as_deref()),
            branch: branch.clone(),
        };
        let state = place(&source, Side::State, &self.state);
        let intent = match (&self.intent_source, &self.intent) {
            (Some(other), branch) => place(&other.parse()?, Side::Intent, branch),
            (None, Some(_)) => place(&source, Side::Intent, &self.intent),
            // The local server keeps the two apart by itself.
            (None, None) if source.kind == Kind::Local => place(&source, Side::Intent, &None),
            (None, None) => state.clone(),
        };
        Ok(Located {
            name: self.title().to_owned(),
            state,
            intent,
            client_id: self.client_id.clone(),
            preview: self.preview.as_ref().and_then(|release| release.parse().ok()),
        })
    }
}

/// An address that requests with a token may go to: over TLS, or to this machine; and nothing but an
/// address, so that what follows it cannot be read as another host.
fn is_root(root: &str) -> bool {
    let (secure, rest) = match (root.strip_prefix("https://"), root.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let host = rest.split('/').next().unwrap_or_default();
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']' | '~');
    !host.is_empty() && rest.chars().all(plain) && (secure || is_loopback(host))
}

/// The origins that a page must be able to reach to read these stores, sorted: what its
/// Content-Security-Policy allows.
#[must_use]
pub fn origins(stores: &[Offered]) -> Vec<String> {
    let mut origins = BTreeSet::new();
    for located in stores.iter().filter_map(|store| store.locate().ok()) {
        for host in [located.state.host, located.intent.host] {
            origins.extend(origin(&host.api).map(str::to_owned));
            origins.extend(host.raw.as_deref().and_then(origin).map(str::to_owned));
            // Where a sign-in asks for its token.
            origins.extend(origin(&host.web).map(str::to_owned).filter(|_| located.client_id.is_some()));
        }
    }
    origins.into_iter().collect()
}

/// The origin of an address: `https://api.github.com` of `https://api.github.com/repos`. None for an
/// address that is relative to the page.
#[must_use]
pub fn origin(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url.get(start..)?.find('/').map_or(url.len(), |slash| start + slash);
    url.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(text: &str) -> Offered {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn where_a_store_is() {
        for (text, state, intent) in [
            (
                r#"{"source":"github:a/b"}"#,
                ("https://api.github.com", None),
                ("https://api.github.com", None),
            ),
            (
                r#"{"source":"github:a/b","state":"s","intent":"i"}"#,
                ("https://api.github.com", Some("s")),
                ("https://api.github.com", Some("i")),
            ),
            (
                r#"{"source":"gitea:h.dev/a/b","state":"s","intent_source":"gitea:h.dev/a/c"}"#,
                ("https://h.dev/api/v1", Some("s")),
                ("https://h.dev/api/v1", None),
            ),
            (
                r#"{"source":"gitlab:h.dev/a/b","api":"http://127.0.0.1:9/api/v4/"}"#,
                ("http://127.0.0.1:9/api/v4", None),
                ("http://127.0.0.1:9/api/v4", None),
            ),
            (r#"{"source":"local"}"#, ("api/state", None), ("api/intent", None)),
        ] {
            let located = offered(text).locate().unwrap();
            let told = |place: &Place| (place.host.api.clone(), place.branch.clone());
            let expected = |(api, branch): (&str, Option<&str>)| (api.to_owned(), branch.map(str::to_owned));
            assert_eq!(
                (told(&located.state), told(&located.intent)),
                (expected(state), expected(intent)),
                "{text}"
            );
        }
        let other =
            offered(r#"{"source":"gitea:h.dev/a/b","intent_source":"gitea:h.dev/a/c"}"#).locate().unwrap();
        assert_eq!(other.intent.host.source.repo, "a/c");
    }

    #[test]
    fn a_list_that_is_none_says_why() {
        for (text, says) in [
            ("", "does not read"),
            ("[]", "does not read"),
            (r#"{"stores":[{"name":"x"}]}"#, "missing field `source`"),
            (r#"{"stores":[{"source":"acme/releases"}]}"#, "names no kind of host"),
            (r#"{"stores":[{"source":"local","intent_source":"x"}]}"#, "names no kind of host"),
            (r#"{"stores":[{"source":"github:a/b","api":"javascript:alert(1)"}]}"#, "not the root of an API"),
            (r#"{"stores":[{"source":"github:a/b","api":"http://evil.dev"}]}"#, "not the root of an API"),
            (r#"{"stores":[{"source":"github:a/b","raw":"https://h@evil.dev"}]}"#, "not the root of an API"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_a_page_must_reach() {
        let stores = [
            offered(r#"{"source":"github:a/b"}"#),
            offered(r#"{"source":"gitea:h.dev:3000/a/b","client_id":"x"}"#),
            offered(r#"{"source":"github:a/b","api":"https://ghe.dev/api/v3","client_id":"x"}"#),
            offered(r#"{"source":"local"}"#),
            offered(r#"{"source":"nonsense"}"#),
        ];
        let expected = [
            "https://api.github.com",
            "https://ghe.dev",
            "https://github.com",
            "https://h.dev:3000",
            "https://raw.githubusercontent.com",
        ];
        assert_eq!(origins(&stores), expected);
    }
}
