//! Where a store is: `github:acme/releases`.
//!
//! ```
//! use ocuroot_core::hosts::{Kind, Source};
//!
//! let source: Source = "gitlab:gitlab.com/acme/platform/releases".parse().unwrap();
//! assert_eq!(source.kind, Kind::GitLab);
//! assert_eq!((source.host.as_str(), source.repo.as_str()), ("gitlab.com", "acme/platform/releases"));
//! assert_eq!(source.to_string(), "gitlab:gitlab.com/acme/platform/releases");
//! ```

use std::fmt;
use std::str::FromStr;

/// A repo on a git host, or the local server. Grammar:
///
/// ```text
/// github:OWNER/REPO | github:HOST/OWNER/REPO | gitlab:HOST/GROUP/…/PROJECT | gitea:HOST/OWNER/REPO | local
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Whose API it speaks.
    pub kind: Kind,
    /// Name of the host, maybe with a port; empty for [`Kind::Local`].
    pub host: String,
    /// `OWNER/REPO`, on GitLab with groups; empty for [`Kind::Local`].
    pub repo: String,
}

/// Whose API a host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// github.com, or a GitHub Enterprise Server.
    GitHub,
    /// gitlab.com, or a GitLab of one's own.
    GitLab,
    /// Gitea or Forgejo.
    Gitea,
    /// The server of `ocuroot state view`.
    Local,
}

impl Kind {
    /// As a source starts with it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
            Kind::Gitea => "gitea",
            Kind::Local => "local",
        }
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::GitHub => "GitHub",
            Kind::GitLab => "GitLab",
            Kind::Gitea => "Gitea or Forgejo",
            Kind::Local => "ocuroot state view",
        }
    }
}

/// What is wrong with the text of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It does not start with a kind of host.
    #[error(
        "`{0}` names no kind of host: write github:OWNER/REPO, gitlab:HOST/GROUP/PROJECT, gitea:HOST/OWNER/REPO or local"
    )]
    Kind(String),
    /// What follows the kind has too few or too many parts.
    #[error("`{kind}:{rest}` is not a repo: write {}", .kind.form(), kind = .kind.word())]
    Parts {
        /// The kind.
        kind: Kind,
        /// What follows.
        rest: String,
    },
    /// The host's name is none.
    #[error(
        "`{0}` is not the name of a host: write it as git.example.com, or with a port as git.example.com:3000"
    )]
    Host(String),
    /// A part of the repo's name is none.
    #[error("`{0}` cannot be a part of a repo's name: they are letters, digits, `.`, `-` and `_`")]
    Name(String),
}

impl Kind {
    fn form(self) -> &'static str {
        match self {
            Kind::GitHub => "github:OWNER/REPO, or github:HOST/OWNER/REPO for GitHub Enterprise",
            Kind::GitLab => "gitlab:HOST/GROUP/PROJECT",
            Kind::Gitea => "gitea:HOST/OWNER/REPO",
            Kind::Local => "local",
        }
    }
}

impl Source {
    /// The one of `ocuroot state view`.
    pub fn local() -> Source {
        Source { kind: Kind::Local, host: String::new(), repo: String::new() }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "local" {
            return Ok(Source::local());
        }
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        let kind = match word {
            "github" => Kind::GitHub,
            "gitlab" => Kind::GitLab,
            "gitea" | "forgejo" => Kind::Gitea,
            _ => return Err(SourceError::Kind(text.to_owned())),
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let (host, names) = match (kind, parts.as_slice()) {
            (Kind::GitHub, names @ [_, _]) => ("github.com", names),
            (Kind::GitLab, [host, names @ ..]) if names.len() >= 2 => (*host, names),
            (_, [host, names @ ..]) if names.len() == 2 => (*host, names),
            _ => return Err(SourceError::Parts { kind, rest: rest.to_owned() }),
        };
        if !is_host(host) {
            return Err(SourceError::Host(host.to_owned()));
        }
        if let Some(bad) = names.iter().find(|name| !is_name(name)) {
            return Err(SourceError::Name((*bad).to_owned()));
        }
        Ok(Source { kind, host: host.to_ascii_lowercase(), repo: names.join("/") })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Local => f.write_str("local"),
            Kind::GitHub if self.host == "github.com" => write!(f, "github:{}", self.repo),
            kind => write!(f, "{}:{}/{}", kind.word(), self.host, self.repo),
        }
    }
}

/// What may stand between two slashes without meaning anything else to a URL.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, port)) => (name, port.strip_prefix(':').or(port.is_empty().then_some("0"))),
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let bracketed = host.starts_with('[');
    let good_name = if bracketed {
        name.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
    } else {
        name.split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    };
    good_name && !name.is_empty() && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_and_print() {
        for (text, kind, host, repo, printed) in [
            ("github:acme/releases", Kind::GitHub, "github.com", "acme/releases", ""),
            ("github:github.com/acme/r", Kind::GitHub, "github.com", "acme/r", "github:acme/r"),
            ("github:ghe.acme.com/acme/r.x", Kind::GitHub, "ghe.acme.com", "acme/r.x", ""),
            ("gitlab:gitlab.com/a/b", Kind::GitLab, "gitlab.com", "a/b", ""),
            (
                "gitlab:GitLab.acme.com/a/b/c/d",
                Kind::GitLab,
                "gitlab.acme.com",
                "a/b/c/d",
                "gitlab:gitlab.acme.com/a/b/c/d",
            ),
            ("gitea:127.0.0.1:3000/a/b", Kind::Gitea, "127.0.0.1:3000", "a/b", ""),
            ("gitea:[::1]:3000/a/b", Kind::Gitea, "[::1]:3000", "a/b", ""),
            ("gitea:[::1]/a/b", Kind::Gitea, "[::1]", "a/b", ""),
            ("forgejo:codeberg.org/a/b", Kind::Gitea, "codeberg.org", "a/b", "gitea:codeberg.org/a/b"),
            ("local", Kind::Local, "", "", ""),
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(
                (source.kind, source.host.as_str(), source.repo.as_str()),
                (kind, host, repo),
                "{text}"
            );
            let printed = if printed.is_empty() { text } else { printed };
            assert_eq!(source.to_string(), printed);
            assert_eq!(printed.parse(), Ok(source));
        }
    }

    #[test]
    fn what_is_none_says_what_to_write() {
        for (text, error) in [
            ("", SourceError::Kind(String::new())),
            ("acme/releases", SourceError::Kind("acme/releases".into())),
            ("https://github.com/a/b", SourceError::Kind("https://github.com/a/b".into())),
            ("github", SourceError::Parts { kind: Kind::GitHub, rest: String::new() }),
            ("github:a", SourceError::Parts { kind: Kind::GitHub, rest: "a".into() }),
            ("github:h/a/b/c", SourceError::Parts { kind: Kind::GitHub, rest: "h/a/b/c".into() }),
            ("gitlab:a/b", SourceError::Parts { kind: Kind::GitLab, rest: "a/b".into() }),
            ("gitea:a/b", SourceError::Parts { kind: Kind::Gitea, rest: "a/b".into() }),
            ("github:a/..", SourceError::Name("..".into())),
            ("github:a/", SourceError::Name(String::new())),
            ("github:a/b?x", SourceError::Name("b?x".into())),
            ("github:a/b%2f", SourceError::Name("b%2f".into())),
            ("gitea:u:p@h/a/b", SourceError::Host("u:p@h".into())),
            ("gitea:h:99999/a/b", SourceError::Host("h:99999".into())),
            ("gitea:/a/b", SourceError::Host(String::new())),
            ("gitea:h..x/a/b", SourceError::Host("h..x".into())),
            ("gitea:[]/a/b", SourceError::Host("[]".into())),
        ] {
            assert_eq!(text.parse::<Source>(), Err(error.clone()), "{text}");
            assert!(error.to_string().contains("write") || error.to_string().contains("letters"));
        }
    }
}
