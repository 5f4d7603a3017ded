//! Platforms whose CI can run the tool.

use std::fmt;
use std::str::FromStr;

/// See the [module's page](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// GitHub Actions.
    Github,
    /// Gitea Actions.
    Gitea,
    /// Forgejo Actions.
    Forgejo,
    /// GitLab CI.
    Gitlab,
    /// Jenkins, with a multibranch pipeline.
    Jenkins,
    /// CircleCI.
    Circleci,
    /// Buildkite.
    Buildkite,
}

impl Platform {
    /// All there are.
    pub const ALL: [Platform; 7] = [
        Platform::Github,
        Platform::Gitea,
        Platform::Forgejo,
        Platform::Gitlab,
        Platform::Jenkins,
        Platform::Circleci,
        Platform::Buildkite,
    ];

    /// As on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Github => "github",
            Platform::Gitea => "gitea",
            Platform::Forgejo => "forgejo",
            Platform::Gitlab => "gitlab",
            Platform::Jenkins => "jenkins",
            Platform::Circleci => "circleci",
            Platform::Buildkite => "buildkite",
        }
    }

    /// What its name reads like in a sentence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Platform::Github => "GitHub",
            Platform::Gitea => "Gitea",
            Platform::Forgejo => "Forgejo",
            Platform::Gitlab => "GitLab",
            Platform::Jenkins => "Jenkins",
            Platform::Circleci => "CircleCI",
            Platform::Buildkite => "Buildkite",
        }
    }

    /// The platform that a repo uses: files say so before the host does, since CI may run elsewhere; but
    /// many read `.github`, so that comes last.
    pub(super) fn detect(host: Option<&str>, files: &[String]) -> Option<Platform> {
        let has = |start: &str| files.iter().any(|file| file.starts_with(start));
        let by_file = [
            (".forgejo/", Platform::Forgejo),
            (".gitea/", Platform::Gitea),
            (".gitlab-ci.yml", Platform::Gitlab),
            (".circleci/", Platform::Circleci),
            (".buildkite/", Platform::Buildkite),
            ("Jenkinsfile", Platform::Jenkins),
        ];
        let by_host = [
            ("github", Platform::Github),
            ("gitlab", Platform::Gitlab),
            ("gitea", Platform::Gitea),
            ("forgejo", Platform::Forgejo),
            ("codeberg.org", Platform::Forgejo),
        ];
        let found = by_file.iter().find(|(start, _)| has(start));
        let found =
            found.or_else(|| by_host.iter().find(|(part, _)| host.is_some_and(|host| host.contains(part))));
        found.map(|(_, platform)| *platform).or_else(|| has(".github/workflows/").then_some(Platform::Github))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        Platform::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no CI platform that init knows"))
    }
}
