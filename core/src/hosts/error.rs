//! What can go wrong with a host, and what to do then.

use std::fmt;
use std::time::Duration;

use super::host::Host;
use super::request::{Request, Response, Unreachable};
use super::source::Kind;

/// Why a host did not answer what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostError {
    /// It wants to know who asks.
    NotSignedIn,
    /// It does not take the token: revoked, expired or mistyped.
    BadToken,
    /// Whoever asks may not.
    Forbidden {
        /// The host's words.
        detail: String,
    },
    /// Too many requests.
    RateLimited {
        /// When it answers again, where it says so.
        until: Option<Until>,
        /// Whether the request carried a token.
        signed_in: bool,
    },
    /// It knows nothing of that, or does not tell us.
    NotFound {
        /// What was asked for.
        what: String,
        /// Whether the request carried a token.
        signed_in: bool,
    },
    /// The repo has no such commit.
    NoCommit {
        /// As it was asked for.
        id: String,
    },
    /// The page's own policy does not let it ask there, so nothing was sent.
    Blocked {
        /// The origin that it may not reach.
        origin: String,
    },
    /// It was there once, or contradicts what else is there.
    Conflict {
        /// HTTP's number.
        status: u16,
        /// The host's words.
        detail: String,
    },
    /// The host is broken or busy.
    ServerError {
        /// HTTP's number.
        status: u16,
    },
    /// No answer came.
    Unreachable {
        /// In the words of whatever was used to send.
        detail: String,
    },
    /// The answer is not what the host's API promises.
    Garbage {
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The answer was cut off, and there is no other way to ask.
    Truncated {
        /// What was asked for.
        what: String,
    },
}

/// When a host answers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long after its answer.
    Seconds(u64),
    /// Seconds since 1970.
    At(u64),
}

impl Until {
    /// How long that is from now, in seconds since 1970.
    pub fn from_now(self, now: u64) -> Duration {
        Duration::from_secs(match self {
            Until::Seconds(seconds) => seconds,
            Until::At(time) => time.saturating_sub(now),
        })
    }
}

impl HostError {
    /// What an answer says that is not a success. None for successes.
    pub(crate) fn of(request: &Request, response: &Response, signed_in: bool) -> Option<HostError> {
        let signed_in = signed_in && request.auth;
        let status = response.status;
        let what = || request.place().to_owned();
        let number = |name| response.header(name).and_then(|text| text.trim().parse().ok());
        let spent = number("x-ratelimit-remaining").or(number("ratelimit-remaining")) == Some(0);
        let until = || {
            let after = number("retry-after").map(Until::Seconds);
            // GitHub sends the first always, GitLab the second: when the hour starts anew.
            let reset = || number("x-ratelimit-reset").or(number("ratelimit-reset"));
            after.or_else(|| spent.then(reset).flatten().map(Until::At))
        };
        Some(match status {
            200..=299 => return None,
            401 if signed_in => HostError::BadToken,
            401 => HostError::NotSignedIn,
            429 => HostError::RateLimited { until: until(), signed_in },
            403 => {
                let detail = words(response);
                let limited = spent
                    || response.header("retry-after").is_some()
                    || detail.to_ascii_lowercase().contains("rate limit");
                match limited {
                    true => HostError::RateLimited { until: until(), signed_in },
                    false => HostError::Forbidden { detail },
                }
            }
            404 => HostError::NotFound { what: what(), signed_in },
            400..=499 => HostError::Conflict { status, detail: words(response) },
            500..=599 => HostError::ServerError { status },
            _ => HostError::Garbage {
                expected: "an HTTP status of success or failure",
                detail: format!("status {status} of {}", what()),
            },
        })
    }

    /// How long to wait before the same request is sent again; none where that is of no use. `attempt`
    /// counts from 1, `now` is in seconds since 1970. The shell adds some chance, so that many pages do not
    /// come back at once.
    pub fn retry_after(&self, attempt: u32, now: u64) -> Option<Duration> {
        let wait = match self {
            // GitHub: "wait for at least one minute" where nothing is said.
            HostError::RateLimited { until, .. } => {
                return (attempt <= 3).then(|| match until {
                    Some(until) => until.from_now(now).max(Duration::from_secs(1)),
                    None => Duration::from_secs(60),
                });
            }
            HostError::ServerError { status: 500 | 502 | 503 | 504 } => 500,
            HostError::Unreachable { .. } => 500,
            _ => return None,
        };
        (attempt <= 4).then(|| Duration::from_millis(wait << attempt.saturating_sub(1).min(5)))
    }

    /// What happened and where, in a sentence.
    pub fn message(&self, host: &Host) -> String {
        match host.source.kind {
            _ if matches!(self, HostError::Blocked { .. }) => self.to_string(),
            Kind::Local => self.of_host("The local server"),
            _ => self.of_host(&host.source.host),
        }
    }

    fn of_host(&self, name: &str) -> String {
        match self {
            HostError::NotSignedIn => format!("{name} wants to know who asks."),
            HostError::BadToken => {
                format!("{name} does not take the token: it may be revoked, expired or mistyped.")
            }
            HostError::Forbidden { detail } => format!("{name} does not allow that{}", said(detail)),
            HostError::RateLimited { signed_in: true, .. } => {
                format!("{name} answers no more for now: too many requests were made with this token.")
            }
            HostError::RateLimited { signed_in: false, .. } => {
                format!("{name} answers no more for now: too many requests were made without a token.")
            }
            HostError::NotFound { what, .. } => format!("{name} has nothing at {what}."),
            HostError::NoCommit { id } => format!("{name} knows no commit {id}."),
            HostError::Blocked { origin } => {
                let name = origin.split_once("://").map_or(origin.as_str(), |(_, name)| name);
                format!("This page may not reach {name}.")
            }
            HostError::Conflict { status, detail } => {
                format!("{name} refused the request with status {status}{}", said(detail))
            }
            HostError::ServerError { status } => format!("{name} failed with status {status}."),
            HostError::Unreachable { detail } => format!("{name} cannot be reached{}", said(detail)),
            HostError::Garbage { expected, detail } => {
                format!("{name} answered something else than {expected}{}", said(detail))
            }
            HostError::Truncated { what } => format!("{name} cut off its answer to {what}."),
        }
    }

    /// What to do next, in a sentence.
    pub fn hint(&self, host: &Host) -> String {
        let kind = host.source.kind;
        let repo = &host.source.repo;
        let hint = match self {
            HostError::NotSignedIn => "Sign in.",
            HostError::BadToken => "Sign in again.",
            HostError::Forbidden { .. } => {
                return format!(
                    "Sign in with a token that may read the contents of {repo}; the organisation may have to approve it."
                );
            }
            HostError::RateLimited { signed_in: true, .. } => {
                "Reading goes on by itself when the host answers again."
            }
            HostError::RateLimited { signed_in: false, .. } => {
                "Sign in, which raises the limit, or wait until the host answers again."
            }
            HostError::NotFound { signed_in: false, .. } => {
                return format!(
                    "Check the name {repo}. A private repo looks like a missing one to those who are not signed in."
                );
            }
            HostError::NotFound { signed_in: true, .. } => {
                return format!(
                    "Check the name {repo}, and that the token may read it: a repo that it may not read looks like a missing one."
                );
            }
            HostError::NoCommit { .. } => "Go back to now, or check the commit in the address.",
            HostError::Blocked { .. } => {
                "Add it to stores.json and publish the page anew. \
                 A page of `ocuroot state view` reads only the store that it was started for."
            }
            HostError::Conflict { .. } => "Reload, which reads the store anew.",
            HostError::ServerError { .. } => "Try again in a while.",
            HostError::Unreachable { .. } => match kind {
                Kind::Local => "Start `ocuroot state view` again.",
                Kind::Gitea => {
                    return format!(
                        "Check the connection. If {} opens in a tab, its administrator has to allow this page to \
                         read it: `[cors]` with `ENABLED = true` and `ALLOW_DOMAIN` = this page's address in app.ini.",
                        host.web
                    );
                }
                Kind::GitHub | Kind::GitLab => "Check the connection, then try again.",
            },
            HostError::Garbage { .. } => match kind {
                Kind::Local => "Is the page as new as the program that serves it? Reload it.",
                _ => {
                    return format!(
                        "Check that {} is {}, and that nothing in between answers for it (a proxy, a login page).",
                        host.api,
                        kind.name()
                    );
                }
            },
            HostError::Truncated { .. } => "Ask for a smaller part: a folder, or a single file.",
        };
        hint.to_owned()
    }
}

/// As [`HostError::message`], for who does not know the host.
impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of_host("The host"))
    }
}

impl std::error::Error for HostError {}

impl From<Unreachable> for HostError {
    fn from(error: Unreachable) -> Self {
        HostError::Unreachable { detail: error.detail }
    }
}

fn said(detail: &str) -> String {
    match detail.trim().trim_end_matches('.') {
        "" => ".".to_owned(),
        detail => format!(": {detail}."),
    }
}

/// What a host says of a failure, cut to a line.
fn words(response: &Response) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: Option<String>,
        error: Option<String>,
        error_description: Option<String>,
    }
    let said: Option<Said> = serde_json::from_slice(&response.body).ok();
    let said = said.and_then(|said| said.message.or(said.error_description).or(said.error));
    let line = said.unwrap_or_default();
    line.lines().next().unwrap_or_default().chars().take(200).collect()
}
