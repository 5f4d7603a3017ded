//! What a store records of the repos that release into it.
//!
//! `<repo>/-/repo.ocu.star/@<commit>` holds the repo's configuration at a commit and where the repo
//! can be cloned from, in both stores, once per commit; the link `…/@` leads to the newest. So work
//! on another repo, or from a checkout of the store alone, knows where to begin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::documents::{Remote, RepoConfig, body_type};
use crate::envelope::Document;
use crate::glob::Glob;
use crate::refs::{Marker, Ref, RefError};
use crate::snapshot::{Needs, Snapshot};
use crate::transaction::{Edit, Transaction};

/// The name of a repo's configuration file, which also marks the repo's root.
pub const FILE: &str = "repo.ocu.star";

/// `<repo>/-/repo.ocu.star/@<commit>`.
///
/// # Errors
/// When the name or the commit makes no ref.
pub fn reference(repo: &str, commit: &str) -> Result<Ref, RefError> {
    format!("{repo}/-/{FILE}/@{commit}").parse()
}

/// Records `source`, the text of `repo.ocu.star`, and the repo's remotes for the commit that `at`
/// ([`reference`]) names, unless that has been done. The link `…/@` moves only then, and only then the remotes
/// are asked for.
///
/// # Errors
/// What must be loaded.
pub fn record<'r>(
    snapshot: &Snapshot,
    at: &Ref,
    source: &str,
    remotes: impl Fn() -> &'r [Remote],
) -> Result<Transaction, Needs> {
    let mut edit = Edit::new(snapshot, format!("configuration {at}"));
    let mut needs = Needs::default();
    for at in [at.to_state(), at.to_intent()] {
        match snapshot.blob(&at) {
            Err(more) => needs.merge(more),
            Ok(Some(_)) => {}
            Ok(None) => {
                let config = RepoConfig {
                    remotes: remotes().iter().map(without_userinfo).collect(),
                    source: STANDARD.encode(source),
                    ..RepoConfig::default()
                };
                needs.take(put(&mut edit, &at, &config));
            }
        }
    }
    needs.settle(edit.finish())
}

fn put(edit: &mut Edit<'_>, at: &Ref, config: &RepoConfig) -> Result<(), Needs> {
    edit.put_body(at, body_type::REPO_CONFIG, config)?;
    if let Ok(newest) = at.with_release("") {
        edit.link(&newest, at)?;
    }
    Ok(())
}

/// The text of `repo.ocu.star` that a configuration holds; none when it is not base64 of UTF-8.
#[must_use]
pub fn source(config: &RepoConfig) -> Option<String> {
    String::from_utf8(STANDARD.decode(&config.source).ok()?).ok()
}

/// The newest configuration of every repo that a store knows, with where it is
/// (`<repo>/-/repo.ocu.star/@<commit>`), sorted by repo.
///
/// # Errors
/// What must be loaded.
pub fn newest(snapshot: &Snapshot, side: Marker) -> Result<Vec<(Ref, RepoConfig)>, Needs> {
    let Ok(glob) = Glob::new(&format!("**/-/{FILE}/@")) else { return Ok(Vec::new()) };
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for link in snapshot.search_in(side, &glob)? {
        let Some(Some(target)) = needs.take(snapshot.get(&link)).map(|link| link?.target()) else { continue };
        let at = if side == Marker::Intent { target.to_intent() } else { target.clone() };
        let document = needs.take(snapshot.get(&at)).flatten();
        found.extend(document.and_then(Document::read).map(|config| (target.clone(), config)));
    }
    needs.settle(found)
}

/// A URL's userinfo may be a token, and a store is read by many.
fn without_userinfo(remote: &Remote) -> Remote {
    Remote {
        name: remote.name.clone(),
        url: strip_userinfo(&remote.url),
        push_url: strip_userinfo(&remote.push_url),
    }
}

/// `url` without user and password. `git@host:path` has none: there `git` is an address's part
/// that everyone shares.
#[must_use]
pub fn strip_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// `text` with the userinfo taken out of every URL in it, as programs print them in messages.
#[must_use]
pub fn strip_userinfo_in(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        clean.push_str(before);
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"' | '<' | '>' | '`');
        let authority = after.find(ends).unwrap_or(after.len());
        let (authority, tail) = after.split_at(authority);
        clean.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_recorded_once_and_the_link_moves_only_then() {
        let remotes = [Remote {
            name: "origin".into(),
            url: "https://user:token@example.com/o/r.git".into(),
            push_url: "git@example.com:o/r.git".into(),
        }];
        let first = reference("shop", "aaa").unwrap();
        let second = reference("shop", "bbb").unwrap();
        let mut snapshot = Snapshot::empty();
        for at in [&first, &second, &first] {
            let transaction = record(&snapshot, at, "repo_alias(\"shop\")", || &remotes).unwrap();
            snapshot.apply(&transaction);
        }
        for newest in ["shop/-/repo.ocu.star/@", "shop/-/repo.ocu.star/+"] {
            let link = snapshot.get(&newest.parse().unwrap()).unwrap().unwrap();
            assert_eq!(link.target().unwrap(), &second, "{newest}");
        }
        let config = snapshot.get(&first).unwrap().and_then(Document::read::<RepoConfig>).unwrap();
        assert_eq!(config.remotes[0].url, "https://example.com/o/r.git");
        assert_eq!(source(&config).unwrap(), "repo_alias(\"shop\")");
    }

    #[test]
    fn userinfo_never_stays_in_what_others_say() {
        for (text, expected) in [
            ("could not read Password for 'http://TOKEN@h'", "could not read Password for 'http://h'"),
            ("a https://u:p@h/x b https://v:q@i/y@z", "a https://h/x b https://i/y@z"),
            ("ssh://git@h:22/x git@h:o/r ://", "ssh://h:22/x git@h:o/r ://"),
        ] {
            assert_eq!(strip_userinfo_in(text), expected);
        }
    }

    #[test]
    fn userinfo_never_stays() {
        for (url, expected) in [
            ("https://u:p@h/x@y", "https://h/x@y"),
            ("https://h/x", "https://h/x"),
            ("ssh://git@h:22/x", "ssh://h:22/x"),
            ("git@h:o/r", "git@h:o/r"),
            ("/srv/repo", "/srv/repo"),
        ] {
            assert_eq!(strip_userinfo(url), expected);
        }
    }
}
