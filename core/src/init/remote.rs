//! Where a repo is, read off its remote's URL.

use super::Platform;

/// A repo on a server that people and jobs reach over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `github.com`, without a port.
    pub(crate) host: String,
    /// `https://github.com`, with the port if there is one.
    pub(crate) origin: String,
    /// `owner/name`, or longer.
    pub(crate) slug: String,
    /// What its URLs for ssh begin with: `git@github.com:`.
    pub(super) ssh: String,
    /// Whether it is reached by ssh at a port of its own.
    pub(super) ssh_port: bool,
}

impl Address {
    /// The address in a URL; none for folders.
    pub(crate) fn of(url: &str) -> Option<Address> {
        if let Some((scheme, rest)) = url.split_once("://") {
            let (authority, path) = rest.split_once('/')?;
            let (user, at) = authority.rsplit_once('@').map_or(("git", authority), |(user, at)| (user, at));
            let host = without_port(at);
            let slug = slug(path)?;
            return match scheme {
                "http" | "https" => Some(Address {
                    host: host.to_owned(),
                    origin: format!("{scheme}://{at}"),
                    slug,
                    ssh: format!("git@{host}:"),
                    ssh_port: false,
                }),
                "ssh" | "git+ssh" => Some(Address {
                    host: host.to_owned(),
                    origin: format!("https://{host}"),
                    slug,
                    ssh: format!("{scheme}://{user}@{at}/"),
                    ssh_port: at != host,
                }),
                _ => None,
            };
        }
        let (at, path) = url.split_once(':').filter(|(at, _)| !at.contains('/'))?;
        let host = at.rsplit_once('@').map_or(at, |(_, host)| host);
        Some(Address {
            host: host.to_owned(),
            origin: format!("https://{host}"),
            slug: slug(path)?,
            ssh: format!("{at}:"),
            ssh_port: false,
        })
    }

    /// What a job clones.
    pub(super) fn web(&self) -> String {
        format!("{}/{}.git", self.origin, self.slug)
    }

    /// Whom git says it is, where a token is the password. Most hosts take any name.
    pub(super) fn git_user(&self, platform: Platform) -> &'static str {
        match (platform, self.host.as_str()) {
            (_, host) if host.contains("github") => "x-access-token",
            (_, "bitbucket.org") => "x-token-auth",
            (Platform::Gitlab, _) => "gitlab-ci-token",
            _ => "oauth2",
        }
    }
}

fn without_port(at: &str) -> &str {
    match at.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => at,
    }
}

fn slug(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let slug = path.strip_suffix(".git").unwrap_or(path);
    slug.contains('/').then(|| slug.to_owned())
}

/// A URL as a file may hold it: without passwords, and over HTTP without a user either, since there a
/// user may be a token.
pub(super) fn public_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    match user.split(':').next() {
        Some(user) if scheme.contains("ssh") => format!("{scheme}://{user}@{host}{path}"),
        _ => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, origin, slug, ssh) in [
            ("https://github.com/o/r.git", "https://github.com", "o/r", "git@github.com:"),
            ("http://localhost:3000/o/r/", "http://localhost:3000", "o/r", "git@localhost:"),
            ("git@gitlab.com:a/b/c.git", "https://gitlab.com", "a/b/c", "git@gitlab.com:"),
            ("ssh://git@host:2222/o/r.git", "https://host", "o/r", "ssh://git@host:2222/"),
            ("ssh://host/o/r.git", "https://host", "o/r", "ssh://git@host/"),
        ] {
            let address = Address::of(url).unwrap();
            assert_eq!(
                (address.origin.as_str(), address.slug.as_str(), address.ssh.as_str()),
                (origin, slug, ssh),
                "{url}"
            );
        }
        for url in
            ["/srv/git/r.git", "../remote.git", "file:///srv/r.git", "https://host", "https://host/r", ""]
        {
            assert_eq!(Address::of(url), None, "{url}");
        }
    }

    #[test]
    fn no_secret_is_written_down() {
        for (url, public) in [
            ("https://me:token@host/o/r.git", "https://host/o/r.git"),
            ("https://token@host/o/r.git", "https://host/o/r.git"),
            ("ssh://git:pass@host/o/r.git", "ssh://git@host/o/r.git"),
            ("ssh://git@host/o/r.git", "ssh://git@host/o/r.git"),
            ("git@host:o/r.git", "git@host:o/r.git"),
            ("../remote.git", "../remote.git"),
        ] {
            assert_eq!(public_url(url), public);
        }
    }
}
