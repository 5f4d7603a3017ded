//! Where a host's API is, and its pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::source::{Kind, Source};

/// Which of the two branches is asked; only the local server keeps them apart by URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What happened.
    State,
    /// What people want.
    Intent,
}

impl Side {
    /// `state` or `intent`.
    pub fn word(self) -> &'static str {
        match self {
            Side::State => "state",
            Side::Intent => "intent",
        }
    }
}

/// A source with the addresses that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Whose it is.
    pub source: Source,
    /// Root of its API, without a slash at the end.
    pub api: String,
    /// Root of raw files for those without a token, where the host has one that any page may read.
    pub raw: Option<String>,
    /// Root of its pages.
    pub web: String,
}

impl Host {
    /// As the source says.
    pub fn new(source: &Source, side: Side) -> Host {
        let name = &source.host;
        let scheme = if is_loopback(name) { "http" } else { "https" };
        let web = format!("{scheme}://{name}");
        let (api, raw, web) = match source.kind {
            Kind::GitHub if name == "github.com" => (
                "https://api.github.com".to_owned(),
                Some("https://raw.githubusercontent.com".to_owned()),
                web,
            ),
            // GitHub Enterprise Cloud with data residency.
            Kind::GitHub if name.ends_with(".ghe.com") => (format!("https://api.{name}"), None, web),
            Kind::GitHub => (format!("{web}/api/v3"), None, web),
            Kind::GitLab => (format!("{web}/api/v4"), None, web),
            Kind::Gitea => (format!("{web}/api/v1"), None, web),
            Kind::Local => (format!("api/{}", side.word()), None, String::new()),
        };
        Host { source: source.clone(), api, raw, web }
    }

    /// With an API, and raw files, that are elsewhere.
    pub fn with_roots(mut self, api: Option<&str>, raw: Option<&str>) -> Host {
        if let Some(api) = api {
            self.api = api.trim_end_matches('/').to_owned();
        }
        if let Some(raw) = raw {
            self.raw = Some(raw.trim_end_matches('/').to_owned());
        }
        self
    }

    /// How many requests may be under way at once (GitHub refuses more than some).
    pub fn in_flight(&self) -> usize {
        10
    }

    /// How many entries of a folder it tells in one answer, about.
    pub fn page(&self) -> usize {
        match self.source.kind {
            // It cuts a listing off at 7 MB, which is about so much of our paths.
            Kind::GitHub => 25_000,
            Kind::GitLab => 100,
            Kind::Gitea => 1000,
            // It answers at once, and the page takes in so much in one go.
            Kind::Local => 10_000,
        }
    }

    /// How long to wait before a look for new commits, in seconds. GitHub gives 60 requests an hour to
    /// those without a token, and counts also those that nothing new is answered to.
    pub fn look_every(&self, signed_in: bool) -> u32 {
        match self.source.kind {
            Kind::GitHub if !signed_in => 600,
            _ => 30,
        }
    }

    /// Whether the API is where the source says. If it is elsewhere (a URL may say so), a token for it goes
    /// to that place, and has nothing to do with the host that the source names.
    pub fn is_derived(&self) -> bool {
        let derived = Host::new(&self.source, Side::State);
        let local = self.source.kind == Kind::Local;
        local || super::stores::origin(&derived.api) == super::stores::origin(&self.api)
    }

    /// Where its GraphQL is: beside the REST API.
    pub(crate) fn graphql(&self) -> String {
        let root = self.api.strip_suffix("/v3").or_else(|| self.api.strip_suffix("/v4"));
        format!("{}/graphql", root.unwrap_or(&self.api))
    }
}

/// Whether a host is this machine, which is asked without TLS.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let v4 = || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    let v6 = || name.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    name == "localhost" || name.ends_with(".localhost") || v4() || v6()
}

/// RFC 3986's unreserved characters stay, all else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encoded for one place between slashes, or for a query's value.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A path with its slashes, all else percent-encoded.
pub(crate) fn segments(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for part in path.split('/') {
        if !encoded.is_empty() {
            encoded.push('/');
        }
        encoded.extend(utf8_percent_encode(part, ENCODED));
    }
    encoded
}

/// Whether a path may stand in a URL and can be in a git tree: no empty part, and none of `.` and `..`,
/// which browsers take out of a URL, encoded or not.
pub(crate) fn is_plain(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(source: &str) -> Host {
        Host::new(&source.parse().unwrap(), Side::Intent)
    }

    #[test]
    fn roots_follow_from_the_source() {
        for (source, api, graphql, web) in [
            ("github:a/b", "https://api.github.com", "https://api.github.com/graphql", "https://github.com"),
            (
                "github:ghe.a.com/a/b",
                "https://ghe.a.com/api/v3",
                "https://ghe.a.com/api/graphql",
                "https://ghe.a.com",
            ),
            (
                "github:a.ghe.com/a/b",
                "https://api.a.ghe.com",
                "https://api.a.ghe.com/graphql",
                "https://a.ghe.com",
            ),
            (
                "gitlab:gitlab.com/a/b",
                "https://gitlab.com/api/v4",
                "https://gitlab.com/api/graphql",
                "https://gitlab.com",
            ),
            ("gitea:h:3000/a/b", "https://h:3000/api/v1", "", "https://h:3000"),
            ("gitea:127.0.0.1:3000/a/b", "http://127.0.0.1:3000/api/v1", "", "http://127.0.0.1:3000"),
            ("gitea:[::1]:3000/a/b", "http://[::1]:3000/api/v1", "", "http://[::1]:3000"),
            ("local", "api/intent", "", ""),
        ] {
            let host = host(source);
            assert_eq!((host.api.as_str(), host.web.as_str()), (api, web));
            if !graphql.is_empty() {
                assert_eq!(host.graphql(), graphql);
            }
        }
        let elsewhere =
            host("github:a/b").with_roots(Some("http://127.0.0.1:1/"), Some("http://127.0.0.1:2"));
        assert_eq!(elsewhere.graphql(), "http://127.0.0.1:1/graphql");
        assert_eq!(elsewhere.raw.as_deref(), Some("http://127.0.0.1:2"));
    }

    #[test]
    fn what_a_host_bears() {
        for (source, page, anonymous, signed_in) in [
            ("github:a/b", 25_000, 600, 30),
            ("gitlab:gitlab.com/a/b", 100, 30, 30),
            ("gitea:h/a/b", 1000, 30, 30),
            ("local", 10_000, 30, 30),
        ] {
            let host = host(source);
            assert_eq!(host.page(), page, "{source}");
            assert_eq!([false, true].map(|it| host.look_every(it)), [anonymous, signed_in], "{source}");
        }
    }

    #[test]
    fn this_machine_and_others() {
        for name in
            ["localhost", "localhost:1", "a.localhost", "127.0.0.1", "127.9.0.1:80", "[::1]", "[::1]:1"]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["127.0.0.1.evil.com", "localhost.evil.com", "10.0.0.1", "[::2]:1", "", "127.1"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
