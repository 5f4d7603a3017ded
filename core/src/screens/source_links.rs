//! Where a source repo can be looked at: the pages of its commits, on the host that it lies on.
//!
//! A repo is named after its remote, so mostly its name tells; one with an alias is looked up in what
//! a store records of it.
//!
//! ```
//! use ocuroot_core::screens::source_links::Host;
//!
//! let host = Host::of("git@gitlab.example.org:team/shop.git").unwrap();
//! assert_eq!(host.commit("7be91d4"), "https://gitlab.example.org/team/shop/-/commit/7be91d4");
//! assert_eq!(Host::of("github.com/acme/shop").unwrap().compare("a1", "b2"), "https://github.com/acme/shop/compare/a1...b2");
//! assert!(Host::of("javascript:alert(1)//a/b").is_none());
//! ```

use crate::documents::RepoConfig;
use crate::envelope::Document;
use crate::init::remote::Address;
use crate::refs::Ref;
use crate::repo_config;
use crate::snapshot::{Needs, Snapshot};

/// The pages of one repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `https://github.com/acme/shop`.
    page: String,
    /// What stands before `commit` and `compare`.
    before: &'static str,
}

impl Host {
    /// That of a remote's URL, or of a repo's name that was made of one. None where no browser could
    /// go: a folder, an alias.
    #[must_use]
    pub fn of(remote: &str) -> Option<Host> {
        let named = || remote.split('/').next().is_some_and(|host| host.contains('.') && is_host(host));
        let address = if remote.contains("://") || remote.contains('@') {
            Address::of(remote)?
        } else {
            named().then(|| Address::of(&format!("https://{remote}")))??
        };
        let authority = address.origin.split_once("://")?.1;
        let plain = is_host(authority) && !address.slug.chars().any(|c| c.is_whitespace() || c.is_control());
        let before = if address.host.contains("gitlab") { "-/" } else { "" };
        plain.then(|| Host { page: format!("{}/{}", address.origin, address.slug), before })
    }

    /// That of the repo which `package` lies in, as it was at `commit`.
    ///
    /// # Errors
    /// What must be loaded.
    pub fn of_repo(snapshot: &Snapshot, package: &Ref, commit: &str) -> Result<Option<Host>, Needs> {
        let Some(repo) = package.repo() else { return Ok(None) };
        if let Some(host) = Host::of(repo) {
            return Ok(Some(host));
        }
        let Ok(config) = repo_config::reference(repo, commit) else { return Ok(None) };
        let config = snapshot.get(&config)?.and_then(Document::read::<RepoConfig>).unwrap_or_default();
        Ok(config.remotes.iter().find_map(|remote| Host::of(&remote.url)))
    }

    /// The page of a commit.
    #[must_use]
    pub fn commit(&self, hash: &str) -> String {
        format!("{}/{}commit/{hash}", self.page, self.before)
    }

    /// The page of what lies between two commits.
    #[must_use]
    pub fn compare(&self, from: &str, to: &str) -> String {
        format!("{}/{}compare/{from}...{to}", self.page, self.before)
    }
}

/// Whether `text` is a host's name, perhaps with a port.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_commits() {
        for (remote, page) in [
            ("https://github.com/acme/shop.git", Some("https://github.com/acme/shop/commit/c")),
            ("https://me:secret@github.com/acme/shop", Some("https://github.com/acme/shop/commit/c")),
            ("ssh://git@git.example.org:2222/acme/shop", Some("https://git.example.org/acme/shop/commit/c")),
            ("git@git.example.org:acme/shop.git", Some("https://git.example.org/acme/shop/commit/c")),
            ("http://127.0.0.1:3000/a/b", Some("http://127.0.0.1:3000/a/b/commit/c")),
            ("gitlab.com/a/b/c", Some("https://gitlab.com/a/b/c/-/commit/c")),
            ("127.0.0.1:3000/a/b", Some("https://127.0.0.1:3000/a/b/commit/c")),
            ("acme/shop", None),
            ("/srv/git/shop.git", None),
            ("file:///srv/git/shop", None),
            ("javascript://x.y/%0aalert(1)/b", None),
            ("https://a\"><script>/b/c", None),
            ("", None),
        ] {
            assert_eq!(Host::of(remote).map(|host| host.commit("c")).as_deref(), page, "{remote}");
        }
    }
}
