//! Why something cannot be read, and what a person can do about it.
//!
//! ```
//! use ocuroot_core::hosts::{Host, HostError, Side};
//! use ocuroot_core::reading::{ReadProblem, Remedy};
//!
//! let host = Host::new(&"github:acme/releases".parse()?, Side::State);
//! let problem = ReadProblem::of_host(&host, &HostError::NotSignedIn, 0, "https://acme.github.io");
//! assert_eq!(problem.title, "Sign in to read this store");
//! assert_eq!(problem.remedy, Remedy::SignIn);
//! # Ok::<(), ocuroot_core::hosts::SourceError>(())
//! ```

use super::{Problem, Progress};
use crate::hosts::{Host, HostError, Kind};
use crate::refs::Ref;
use crate::snapshot::Needs;

/// How long to wait for a host that does not say for how long, in seconds.
const A_WHILE: u64 = 60;

/// Why something cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProblem {
    /// What is the matter, in a few words.
    pub title: String,
    /// Why, and what to do about it.
    pub message: String,
    /// What a person can do.
    pub remedy: Remedy,
}

/// What a person can do about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again.
    Retry,
    /// Go on with what one has stopped.
    GoOn,
    /// Ask again at this time, in seconds since 1970; the page does so by itself.
    Wait(u64),
    /// Say who they are.
    SignIn,
    /// Choose another source.
    Source,
    /// Look at what is now.
    Now,
    /// Change these lines of a host's settings.
    Settings(Vec<String>),
}

impl ReadProblem {
    fn new(title: &str, message: String, remedy: Remedy) -> ReadProblem {
        ReadProblem { title: title.to_owned(), message, remedy }
    }

    /// A host's failure. `now` is in seconds since 1970, `page` the origin of who asks.
    #[must_use]
    pub fn of_host(host: &Host, error: &HostError, now: u64, page: &str) -> ReadProblem {
        let (title, remedy) = match error {
            HostError::NotSignedIn => ("Sign in to read this store", Remedy::SignIn),
            HostError::BadToken => ("The token is not taken any more", Remedy::SignIn),
            HostError::Forbidden { .. } => ("This store may not be read", Remedy::SignIn),
            HostError::RateLimited { until, .. } => {
                let wait = until.map_or(A_WHILE, |until| until.from_now(now).as_secs().max(1));
                ("The host wants a rest", Remedy::Wait(now.saturating_add(wait)))
            }
            HostError::NotFound { signed_in: false, .. } => ("Nothing was found there", Remedy::SignIn),
            HostError::NotFound { .. } => ("Nothing was found there", Remedy::Source),
            HostError::NoCommit { .. } => ("There is no such commit", Remedy::Now),
            HostError::Blocked { .. } => ("This page may not ask there", Remedy::Source),
            HostError::Unreachable { .. } if host.source.kind == Kind::Gitea => {
                let domain = format!("ALLOW_DOMAIN = {page}");
                let lines = vec!["[cors]".to_owned(), "ENABLED = true".to_owned(), domain];
                ("The host does not answer this page", Remedy::Settings(lines))
            }
            HostError::Unreachable { .. } => ("The host does not answer", Remedy::Retry),
            HostError::ServerError { .. } => ("The host has trouble", Remedy::Retry),
            HostError::Garbage { .. } => ("The host's answer makes no sense", Remedy::Retry),
            HostError::Conflict { .. } | HostError::Truncated { .. } => {
                ("The host did not answer", Remedy::Retry)
            }
        };
        ReadProblem::new(title, format!("{} {}", error.message(host), error.hint(host)), remedy)
    }

    /// What cannot be read, whatever is asked again.
    #[must_use]
    pub fn unreadable(problem: &Problem) -> ReadProblem {
        let text = format!("{problem}.");
        let mut chars = text.chars();
        let message =
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect());
        ReadProblem::new("This store cannot be read", message, Remedy::Source)
    }

    /// What somebody has stopped, when it was so far.
    #[must_use]
    pub fn stopped(at: &Progress) -> ReadProblem {
        let far = if at.what.is_empty() { String::new() } else { format!("{}. ", at.what) };
        let message = format!("{far}Folders and documents that have come are kept; the rest was not read.");
        ReadProblem::new("Stopped", message, Remedy::GoOn)
    }

    /// A question that goes on asking for what is there.
    #[must_use]
    pub fn stuck(needs: &Needs) -> ReadProblem {
        let body = needs.bodies.iter().next().map(Ref::to_string);
        let what =
            body.or_else(|| needs.folders.iter().next().map(|folder| format!("the folder {}", folder.path)));
        let message = format!(
            "The page went on asking for {}, which is as loaded as it can be. That is a defect of the page.",
            what.unwrap_or_default()
        );
        ReadProblem::new("This could not be worked out", message, Remedy::Retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::{Side, Until};
    use crate::refs::Marker;

    #[test]
    fn each_failure_of_a_host_has_its_remedy() {
        let text = || "x".to_owned();
        let not_found = |signed_in| HostError::NotFound { what: text(), signed_in };
        let limited = |until| HostError::RateLimited { until, signed_in: true };
        let settings =
            ["[cors]", "ENABLED = true", "ALLOW_DOMAIN = https://page"].map(str::to_owned).to_vec();
        let (github, gitea) = ("github:a/b", "gitea:git.example.org/a/b");
        for (source, error, title, remedy) in [
            (github, HostError::NotSignedIn, "Sign in to read this store", Remedy::SignIn),
            (github, HostError::BadToken, "The token is not taken any more", Remedy::SignIn),
            (github, HostError::Forbidden { detail: text() }, "This store may not be read", Remedy::SignIn),
            (github, limited(Some(Until::At(1300))), "The host wants a rest", Remedy::Wait(1300)),
            (github, limited(Some(Until::Seconds(20))), "The host wants a rest", Remedy::Wait(1020)),
            // Over already: but not at once.
            (github, limited(Some(Until::At(900))), "The host wants a rest", Remedy::Wait(1001)),
            (github, limited(None), "The host wants a rest", Remedy::Wait(1060)),
            (github, not_found(false), "Nothing was found there", Remedy::SignIn),
            (github, not_found(true), "Nothing was found there", Remedy::Source),
            (github, HostError::NoCommit { id: text() }, "There is no such commit", Remedy::Now),
            (gitea, HostError::Blocked { origin: text() }, "This page may not ask there", Remedy::Source),
            (
                gitea,
                HostError::Unreachable { detail: text() },
                "The host does not answer this page",
                Remedy::Settings(settings),
            ),
            (github, HostError::Unreachable { detail: text() }, "The host does not answer", Remedy::Retry),
            (github, HostError::ServerError { status: 500 }, "The host has trouble", Remedy::Retry),
            (
                github,
                HostError::Garbage { expected: "x", detail: text() },
                "The host's answer makes no sense",
                Remedy::Retry,
            ),
            (
                github,
                HostError::Conflict { status: 409, detail: text() },
                "The host did not answer",
                Remedy::Retry,
            ),
            (github, HostError::Truncated { what: text() }, "The host did not answer", Remedy::Retry),
        ] {
            let host = Host::new(&source.parse().unwrap(), Side::State);
            let problem = ReadProblem::of_host(&host, &error, 1000, "https://page");
            assert_eq!((problem.title.as_str(), &problem.remedy), (title, &remedy), "{error:?}");
            assert_eq!(problem.message, format!("{} {}", error.message(&host), error.hint(&host)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_store_or_with_the_page_is_a_sentence() {
        let told = |problem: ReadProblem| (problem.title, problem.message, problem.remedy);
        let (title, message, remedy) = told(ReadProblem::unreadable(&Problem::Side { side: Marker::State }));
        assert_eq!((title.as_str(), remedy), ("This store cannot be read", Remedy::Source));
        assert!(message.starts_with("What should be the state store") && message.ends_with('.'), "{message}");
        let so_far = Progress { what: "Reading 3 of 5 documents".into(), ..Progress::default() };
        let (_, message, remedy) = told(ReadProblem::stopped(&so_far));
        assert_eq!(remedy, Remedy::GoOn);
        assert!(message.starts_with("Reading 3 of 5 documents. Folders"), "{message}");
        assert!(told(ReadProblem::stopped(&Progress::default())).1.starts_with("Folders"));
        let (.., remedy) = told(ReadProblem::stuck(&Needs::default()));
        assert_eq!(remedy, Remedy::Retry);
        let needs = Needs::body(&"@/custom/x".parse().unwrap());
        assert!(told(ReadProblem::stuck(&needs)).1.contains("asking for @/custom/x, "));
    }
}
