//! The name of a repo that gives itself none: its remote's address without what differs between clones.
//!
//! ```
//! use ocuroot_core::repo_name::repo_name_from_url;
//!
//! assert_eq!(repo_name_from_url("https://github.com/example/shop.git").as_deref(), Some("github.com/example/shop"));
//! assert_eq!(repo_name_from_url("git@github.com:example/shop.git").as_deref(), Some("github.com/example/shop"));
//! ```

use crate::refs::Ref;

/// The repo part of refs for a repo fetched from `url`: `host[:port]/path`, or a local path without its
/// leading `/`. Scheme, user, trailing slashes and `.git` are removed.
///
/// `None` when nothing is left, or what is left cannot stand in a ref (a relative path that goes up, say);
/// the repo then needs a `repo_alias`.
#[must_use]
pub fn repo_name_from_url(url: &str) -> Option<String> {
    let url = url.trim();
    let name = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            joined(without_user(authority), path)
        }
        _ => match scp(url) {
            Some((host, path)) => joined(without_user(host), path),
            None => url.trim_start_matches('/').to_owned(),
        },
    };
    let name = name.trim_end_matches('/');
    let name = name.strip_suffix(".git").unwrap_or(name).trim_end_matches('/');
    let whole: Ref = format!("{name}/-").parse().ok()?;
    (name != "." && whole.repo() == Some(name)).then(|| name.to_owned())
}

/// `host` and `path` of git's short form for ssh, `[user@]host:path`: a colon before any slash. An IPv6
/// address stands in brackets.
fn scp(url: &str) -> Option<(&str, &str)> {
    let after_address = url.find("]:").map_or(0, |end| end + 1);
    let (first, second) = url.split_at_checked(after_address)?;
    let colon = second.find(':')?;
    let host = url.get(..first.len() + colon)?;
    let path = second.get(colon + 1..)?;
    (!host.contains('/')).then_some((host, path))
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn joined(host: &str, path: &str) -> String {
    match (host, path.trim_start_matches('/')) {
        ("", path) => path.to_owned(),
        (host, "") => host.to_owned(),
        (host, path) => format!("{host}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::repo_name_from_url;

    #[test]
    fn names() {
        for (url, name) in [
            ("https://github.com/o/r.git", "github.com/o/r"),
            ("https://github.com/o/r", "github.com/o/r"),
            ("https://github.com/o/r/", "github.com/o/r"),
            ("https://github.com/o/r.git/", "github.com/o/r"),
            ("https://user:secret@github.com:8443/o/r.git", "github.com:8443/o/r"),
            ("http://localhost:3000/o/r", "localhost:3000/o/r"),
            ("ssh://git@host:22/o/r.git", "host:22/o/r"),
            ("ssh://git@[::1]:22/o/r.git", "[::1]:22/o/r"),
            ("ssh://host/~me/r", "host/~me/r"),
            ("git@host:o/r.git", "host/o/r"),
            ("git@host:/o/r.git", "host/o/r"),
            ("git@[::1]:o/r.git", "[::1]/o/r"),
            ("host:o/r", "host/o/r"),
            ("/srv/git/r.git", "srv/git/r"),
            ("/srv/git/r/", "srv/git/r"),
            ("/srv/git/r/.git", "srv/git/r"),
            ("/srv/a:b/r", "srv/a:b/r"),
            ("file:///srv/git/r.git", "srv/git/r"),
            ("srv/r", "srv/r"),
            ("https://host", "host"),
            (" https://github.com/o/r.git\n", "github.com/o/r"),
        ] {
            assert_eq!(repo_name_from_url(url).as_deref(), Some(name), "{url}");
        }
    }

    #[test]
    fn nothing_that_is_no_repo_of_a_ref() {
        for url in [
            "",
            "/",
            ".",
            "./",
            "..",
            "../r.git",
            "/a/../b",
            "/a//b",
            "/a/-/b",
            "https://",
            "https://h/@o/r",
            "https://h/+o/r",
            "C:\\r",
            "https://h/r#x",
            "/.git",
            "-",
            "/srv/a b\u{7}/r",
        ] {
            assert_eq!(repo_name_from_url(url), None, "{url}");
        }
    }
}
