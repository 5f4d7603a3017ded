//! The CI platform that a command runs on, and what things are called there.
//!
//! A platform reads the log of a job as it is printed: lines of a certain form fold a part of it, or
//! mark a line of a file. GitHub's form is spoken by Gitea and Forgejo, too.
//!
//! What our own users' commands print reaches the platform as it is, as if the job had called them
//! itself. All other text comes from other people, by way of commits, stores and servers, and goes
//! through [`Platform::inert`]: a subject that says `::add-mask::` is a text to be read.

pub mod actions;
mod gitlab;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use ocuroot_core::repo_config;
use ocuroot_core::sdk::{Diagnostic, Diagnostics, Severity};

use crate::error::Failure;
use crate::git;
use actions::Place;

/// Who reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A runner of GitHub's, Gitea's or Forgejo's Actions.
    Actions,
    /// A runner of GitLab's.
    GitLab,
    /// Anybody else.
    Plain,
}

/// The part of a log that one run has for itself.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// What tells it from other groups.
    pub name: &'a str,
    /// What is read of it while it is folded.
    pub title: &'a str,
    /// When its run began.
    pub began: SystemTime,
    /// Whether it begins unfolded, where that can be chosen.
    pub open: bool,
}

impl Platform {
    /// The one that the environment of this process speaks of.
    #[must_use]
    pub fn current() -> Platform {
        static CURRENT: LazyLock<Platform> =
            LazyLock::new(|| Platform::of(|name| std::env::var(name).unwrap_or_default()));
        *CURRENT
    }

    /// The one that an environment speaks of. Forgejo sets GITHUB_ACTIONS, and Gitea both of theirs.
    fn of(variable: impl Fn(&str) -> String) -> Platform {
        let is_set = |name: &str| variable(name) == "true";
        if ["GITHUB_ACTIONS", "GITEA_ACTIONS", "FORGEJO_ACTIONS"].iter().any(|name| is_set(name)) {
            return Platform::Actions;
        }
        if is_set("GITLAB_CI") { Platform::GitLab } else { Platform::Plain }
    }

    /// `text` as a text of other people, in which nothing is a command to the platform.
    #[must_use]
    pub fn inert(self, text: &str) -> Cow<'_, str> {
        match self {
            Platform::Actions => actions::inert(text).into(),
            Platform::GitLab => gitlab::inert(text).into(),
            Platform::Plain => text.into(),
        }
    }

    /// `lines` as a group; none where there are no groups.
    #[must_use]
    pub fn group(self, group: &Group<'_>, lines: &[String]) -> Vec<String> {
        let (open, close) = match self {
            Platform::Actions => (actions::group(group.title), actions::GROUP_ENDS.to_owned()),
            Platform::GitLab => gitlab::section(group, SystemTime::now()),
            Platform::Plain => return lines.to_vec(),
        };
        std::iter::once(open).chain(lines.iter().cloned()).chain(std::iter::once(close)).collect()
    }

    /// Lines that mark each problem where it is. `title` is what does not happen because of it, and may
    /// be empty; `here` says whether its file is one of those that are checked out.
    #[must_use]
    pub fn annotations(self, title: &str, diagnostics: &Diagnostics, here: bool) -> Vec<String> {
        match self {
            Platform::Actions => {
                diagnostics.iter().map(|diagnostic| of_diagnostic(title, diagnostic, here)).collect()
            }
            Platform::GitLab | Platform::Plain => Vec::new(),
        }
    }

    /// A line that marks the job with something that is not about a file.
    #[must_use]
    pub fn annotation(self, severity: Severity, text: &str) -> Option<String> {
        (self == Platform::Actions).then(|| actions::annotation(severity, None, "", text))
    }

    /// Lines that mark why a command failed.
    #[must_use]
    pub fn of_failure(self, failure: &Failure) -> Vec<String> {
        match failure {
            Failure::Starlark(diagnostics) => self.annotations("", diagnostics, true),
            other => {
                let hint = other.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
                self.annotation(Severity::Error, &format!("{other}{hint}")).into_iter().collect()
            }
        }
    }

    /// How a job gets the whole history of a repo, and not just its last commit.
    #[must_use]
    pub fn whole_history(self) -> &'static str {
        match self {
            Platform::Actions => {
                "let the job fetch the whole history: `fetch-depth: 0` below `with:` of actions/checkout"
            }
            Platform::GitLab => {
                "let the job fetch the whole history: `GIT_DEPTH: 0` below `variables:` in .gitlab-ci.yml"
            }
            Platform::Plain => "fetch the history that is missing: git fetch --unshallow",
        }
    }

    /// What lets a job write to a branch that is protected, and where that is set; none where the
    /// platform has no words of its own for it.
    #[must_use]
    pub fn protection(self) -> Option<&'static str> {
        Some(match self {
            Platform::Actions => {
                "the job's token needs `permissions: contents: write`; and where a rule protects the branch, that rule has to let the job's token or a deploy key pass (settings of the repo, rules or branches)"
            }
            Platform::GitLab => {
                "give the job a project access token with `write_repository`, and let its role push to the branch (settings of the project, repository, protected branches)"
            }
            Platform::Plain => return None,
        })
    }
}

/// The annotation of one problem.
fn of_diagnostic(title: &str, diagnostic: &Diagnostic, here: bool) -> String {
    let Diagnostic { severity, message, hint, file, line, column, end_column, .. } = diagnostic;
    let mut text = message.clone();
    if let Some(hint) = hint {
        text.push_str(&format!("\n{hint}"));
    }
    let at = |file: String| Place { file, line: *line, column: *column, end_column: *end_column };
    let place = (here && *line > 0).then(|| at(in_workspace(file)));
    if !here && *line > 0 {
        // The job's own files have other lines.
        text = format!("{file}:{line}:{column}: {text}");
    }
    actions::annotation(*severity, place.as_ref(), title, &text)
}

/// The path of a file of this repo as the platform counts: from the folder that the job has checked
/// the repo out to.
fn in_workspace(file: &str) -> String {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let root = here.ancestors().find(|folder| folder.join(repo_config::FILE).is_file());
        let root = root.unwrap_or(&here);
        let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let workspace = workspace.and_then(|folder| folder.canonicalize().ok());
        match workspace.as_deref().and_then(|workspace| root.strip_prefix(workspace).ok()) {
            Some(below) => slashed(below),
            None => git::prefix(root),
        }
    });
    format!("{}{file}", *FOLDER)
}

/// `a/b/` for a folder, empty for none.
fn slashed(folder: &Path) -> String {
    folder.iter().map(|part| format!("{}/", part.to_string_lossy())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detection() {
        let cases: &[(&[(&str, &str)], Platform)] = &[
            (&[], Platform::Plain),
            (&[("CI", "true")], Platform::Plain),
            (&[("GITHUB_ACTIONS", "true")], Platform::Actions),
            (&[("GITEA_ACTIONS", "true")], Platform::Actions),
            (&[("FORGEJO_ACTIONS", "true")], Platform::Actions),
            (&[("GITLAB_CI", "true")], Platform::GitLab),
            (&[("GITHUB_ACTIONS", "")], Platform::Plain),
            (&[("GITHUB_ACTIONS", "false"), ("GITLAB_CI", "true")], Platform::GitLab),
        ];
        for (variables, expected) in cases {
            let of = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Platform::of(|name| of(name).unwrap_or_default()), *expected, "{variables:?}");
        }
    }
}
