//! A set-up, written out: templates in which `@@name@@` stands for what differs.
//!
//! A template is a file as its owner will read it. A value of several lines is indented like the line that
//! its name stands on.

use super::stamp::{is_stamped, spelled, stamped};
use super::{File, Found, Platform, STORES, Setup, Store, fitted};
use crate::VERSION;
use crate::hosts::stores::Offered;
use crate::repo_config;
use crate::repo_name::repo_name_from_url;

/// Where the tool is built from when a machine has none.
const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");

/// What a Buildkite pipeline's one step in its settings uploads.
const BUILDKITE: &str = ".buildkite/ocuroot.yml";

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("templates/", $name))
    };
}

/// What stands for the names in a template.
type Values<'a> = [(&'a str, String)];

fn fill(template: &str, values: &Values<'_>) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let alone = line.trim().strip_prefix("@@").and_then(|rest| rest.strip_suffix("@@"));
        let value = alone.and_then(|name| values.iter().find(|(known, _)| *known == name));
        match value {
            Some((_, value)) => {
                let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
                for line in value.trim_end().lines() {
                    text.push_str(if line.is_empty() { "" } else { indent });
                    text.push_str(line);
                    text.push('\n');
                }
            }
            None => {
                let mut line = line.to_owned();
                for (name, value) in values {
                    line = line.replace(&format!("@@{name}@@"), value);
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// The files of a set-up. Release files are proposed only where there is none yet.
#[must_use]
pub fn files(found: &Found, setup: &Setup) -> Vec<File> {
    let ci = setup.platform.and_then(|platform| Ci::new(platform, setup, found));
    let mut files = vec![File {
        path: repo_config::FILE.to_owned(),
        text: stamped("#", &spelled(setup), &repo_file(setup, ci.as_ref())),
    }];
    let mut add = |path: &str, comment: &str, text: &str| {
        files.push(File { path: path.to_owned(), text: stamped(comment, "", text) });
    };
    if setup.store == Store::Fs {
        add(".store/.gitignore", "#", "*\n");
    }
    if !has_release_files(found) {
        let name = setup.url.as_deref().and_then(repo_name_from_url);
        let name = name.or_else(|| setup.alias.clone()).unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let up = "shell(\"echo deploying %s to %s\" % (version, environment[\"name\"]))".to_owned();
        let values = [("build", fitted::build(&found.files, &name)), ("up", up)];
        add("environments.ocu.star", "#", template!("environments.star"));
        add("release.ocu.star", "#", &fill(template!("release.star"), &values));
    }
    for (path, text) in ci.iter().flat_map(|ci| ci.files(found)) {
        let comment = if path.contains("Jenkinsfile") { "//" } else { "#" };
        add(&path, comment, &text);
    }
    if let (true, Some(stores)) = (setup.dashboard, ci.as_ref().and_then(Ci::stores)) {
        // No stamp: JSON has no comments, and there is much that people add.
        files.push(File { path: STORES.to_owned(), text: stores });
    }
    files
}

/// Whether there are release files that `init` would not call so.
fn has_release_files(found: &Found) -> bool {
    let ours = ["environments.ocu.star", "release.ocu.star", repo_config::FILE];
    found.files.iter().any(|file| file.ends_with(".ocu.star") && !ours.contains(&file.as_str()))
}

/// Whether a person has to write the first commit of intent, since it holds a workflow, and GitHub lets no
/// job write one.
fn begins_with_a_person(found: &Found, setup: &Setup) -> bool {
    let ours = found.texts.get(repo_config::FILE).is_none_or(|text| is_stamped(text));
    setup.platform == Some(Platform::Github) && setup.store == Store::Git && ours
}

/// The commands that come next, from the top of the repo.
#[must_use]
pub fn next(found: &Found, setup: &Setup) -> Vec<&'static str> {
    let commit = "git add --all && git commit --message 'Set up Ocuroot'";
    let push = "git push origin HEAD";
    match setup.platform {
        None => vec![commit, "ocuroot push"],
        Some(_) if !begins_with_a_person(found, setup) => vec![commit, push],
        Some(_) if has_release_files(found) => vec![commit, push, "ocuroot push"],
        Some(_) => vec![commit, "ocuroot release new environments.ocu.star", push],
    }
}

/// The page that says what the set-up's CI must be allowed, and how to go on from there.
#[must_use]
pub fn guide(setup: &Setup) -> Option<String> {
    let platform = setup.platform?.as_str();
    Some(format!("{SOURCE}/blob/v{VERSION}/docs/ci/{platform}.md"))
}

fn repo_file(setup: &Setup, ci: Option<&Ci<'_>>) -> String {
    let mut parts = Vec::new();
    if let Some(alias) = &setup.alias {
        parts.push(format!("# Its name in refs.\nrepo_alias(\"{alias}\")\n"));
    }
    if let Some(url) = &setup.url {
        parts.push(format!("# Where others can clone it from.\nremotes([\"{url}\"])\n"));
    }
    if ci.is_some() {
        parts.push(template!("mask.star").to_owned());
    }
    parts.push(match (&setup.url, setup.store) {
        (Some(url), Store::Git) => match ci {
            Some(ci) => {
                let (path, text) = ci.intent();
                let values = [("url", url.clone()), ("path", path.to_owned()), ("text", text)];
                fill(template!("store-ci.star"), &values)
            }
            None => fill(template!("store.star"), &[("url", url.clone())]),
        },
        _ => template!("store-fs.star").to_owned(),
    });
    if let Some(ci) = ci {
        parts.push(ci.trigger());
    }
    fill(template!("repo.star"), &[("parts", parts.join("\n"))])
}

/// What a platform's files are made of.
struct Ci<'a> {
    platform: Platform,
    /// With CI that publishes the dashboard.
    dashboard: bool,
    /// The repo, as a dashboard names it.
    source: String,
    slug: &'a str,
    values: Vec<(&'a str, String)>,
}

impl<'a> Ci<'a> {
    fn new(platform: Platform, of: &'a Setup, found: &Found) -> Option<Ci<'a>> {
        let address = of.address.as_ref()?;
        let (owner, name) = address.slug.rsplit_once('/').unwrap_or_default();
        let api = match address.host.as_str() {
            "github.com" => "https://api.github.com".to_owned(),
            _ => format!("{}/api/v3", address.origin),
        };
        let vcs = if address.host.contains("bitbucket") { "bb" } else { "gh" };
        let mut values = vec![
            ("version", VERSION.to_owned()),
            ("install", install()),
            ("sources", SOURCE.to_owned()),
            ("branch", of.branch.clone()),
            ("branch_in_url", of.branch.replace('/', "%252F")),
            ("slug", address.slug.clone()),
            ("project", address.slug.replace('/', "%2F")),
            ("owner", owner.to_owned()),
            ("name", name.to_owned()),
            ("origin", address.origin.clone()),
            ("web", address.web()),
            ("ssh", address.ssh.clone()),
            ("git_user", address.git_user(platform).to_owned()),
            ("api", api),
            ("vcs", vcs.to_owned()),
            ("folder", if platform == Platform::Forgejo { ".forgejo" } else { ".gitea" }.to_owned()),
            ("runner", if platform == Platform::Forgejo { "docker" } else { "ubuntu-latest" }.to_owned()),
        ];
        let filled = |template: &str, values: &Values<'_>| fill(template, values);
        let install = filled(template!("install.sh"), &values);
        let exported = filled(template!("credentials.sh"), &values);
        let setup = match platform {
            Platform::Github | Platform::Gitea | Platform::Forgejo => install,
            Platform::Gitlab | Platform::Circleci => format!("{exported}{install}"),
            Platform::Jenkins => format!("{}{exported}{install}", template!("agent.sh")),
            // What it sends to its agents is filled in once more before.
            Platform::Buildkite => format!("{}{exported}{install}", template!("agent.sh")).replace('$', "$$"),
        };
        values.push(("credentials", filled(template!("credentials.yml"), &values)));
        let guard = if begins_with_a_person(found, of) { template!("github-guard.sh") } else { "" };
        values.push(("guard", guard.to_owned()));
        values.push(("setup", setup));
        let common = match platform {
            Platform::Gitlab => filled(template!("gitlab-common.yml"), &values),
            Platform::Circleci => filled(template!("circleci-common.yml"), &values),
            _ => String::new(),
        };
        values.push(("common", common));
        values.push(("export", filled(template!("dashboard.sh"), &values)));
        let dashboard = of.dashboard && of.store == Store::Git;
        let at = address.origin.split_once("://").map_or(address.host.as_str(), |(_, at)| at);
        let source = match platform {
            Platform::Gitlab => format!("gitlab:{at}/{}", address.slug),
            Platform::Gitea | Platform::Forgejo => format!("gitea:{at}/{}", address.slug),
            _ if at == "github.com" => format!("github:{}", address.slug),
            _ => format!("github:{at}/{}", address.slug),
        };
        Some(Ci { platform, dashboard, source, slug: &address.slug, values })
    }

    fn fill(&self, template: &str) -> String {
        fill(template, &self.values)
    }

    /// The files beside the sources: for a push, and for work at a commit.
    fn files(&self, found: &Found) -> Vec<(String, String)> {
        let workflows = |folder: &str, release: &str, work: &str| {
            let path = |name: &str| format!("{folder}/workflows/ocuroot-{name}.yml");
            let mut files = vec![(path("release"), self.fill(release)), (path("work"), self.fill(work))];
            files.extend(self.pages().map(|text| (path("dashboard"), text)));
            files
        };
        let (release, work) = (template!("gitea-release.yml"), template!("gitea-work.yml"));
        // Where there can be only one file, and somebody has it, ours lies beside it.
        let one = |path: &str, beside: &str, template: &str| {
            let taken = found.texts.get(path).is_some_and(|text| !is_stamped(text));
            let mut text = self.fill(template);
            if let Some(pages) = self.pages() {
                text.push('\n');
                text.push_str(&pages);
            }
            vec![(if taken { beside } else { path }.to_owned(), text)]
        };
        match self.platform {
            Platform::Github => {
                workflows(".github", template!("github-release.yml"), template!("github-work.yml"))
            }
            Platform::Gitea => workflows(".gitea", release, work),
            Platform::Forgejo => workflows(".forgejo", release, work),
            Platform::Gitlab => one(".gitlab-ci.yml", ".gitlab/ocuroot.yml", template!("gitlab.yml")),
            Platform::Circleci => {
                one(".circleci/config.yml", ".circleci/ocuroot.yml", template!("circleci.yml"))
            }
            Platform::Jenkins => one("Jenkinsfile", "Jenkinsfile.ocuroot", template!("Jenkinsfile")),
            Platform::Buildkite => vec![(BUILDKITE.to_owned(), self.fill(template!("buildkite.yml")))],
        }
    }

    /// What publishes the dashboard.
    fn pages(&self) -> Option<String> {
        let template = match self.platform {
            Platform::Github => template!("github-dashboard.yml"),
            Platform::Gitea | Platform::Forgejo => template!("gitea-dashboard.yml"),
            Platform::Gitlab => template!("gitlab-dashboard.yml"),
            Platform::Jenkins | Platform::Circleci | Platform::Buildkite => return None,
        };
        self.dashboard.then(|| self.fill(template))
    }

    /// The store of the set-up, as a dashboard offers it; none where none is published.
    fn stores(&self) -> Option<String> {
        self.pages()?;
        let store = Offered {
            name: self.slug.to_owned(),
            source: self.source.clone(),
            state: Some("ocuroot/state".to_owned()),
            intent: Some("ocuroot/intent".to_owned()),
            ..Offered::default()
        };
        let text = serde_json::to_string_pretty(&serde_json::json!({ "stores": [store] })).ok()?;
        Some(text + "\n")
    }

    /// The file on the branch for intent, whose change it answers.
    fn intent(&self) -> (&'static str, String) {
        let (path, template) = match self.platform {
            Platform::Github => (".github/workflows/ocuroot-intent.yml", template!("github-intent.yml")),
            Platform::Gitea => (".gitea/workflows/ocuroot-intent.yml", template!("gitea-intent.yml")),
            Platform::Forgejo => (".forgejo/workflows/ocuroot-intent.yml", template!("gitea-intent.yml")),
            Platform::Gitlab => (".gitlab-ci.yml", template!("gitlab-intent.yml")),
            Platform::Circleci => (".circleci/config.yml", template!("circleci-intent.yml")),
            Platform::Jenkins => ("Jenkinsfile", template!("Jenkinsfile-intent")),
            Platform::Buildkite => (BUILDKITE, template!("buildkite-intent.yml")),
        };
        (path, self.fill(template))
    }

    /// What starts work at a commit.
    fn trigger(&self) -> String {
        self.fill(match self.platform {
            Platform::Github => template!("trigger-github.star"),
            Platform::Gitea | Platform::Forgejo => template!("trigger-gitea.star"),
            Platform::Gitlab => template!("trigger-gitlab.star"),
            Platform::Circleci => template!("trigger-circleci.star"),
            Platform::Jenkins => template!("trigger-jenkins.star"),
            Platform::Buildkite => template!("trigger-buildkite.star"),
        })
    }
}

/// The command that gets the tool, in the version that writes the set-up. One place, for all platforms.
fn install() -> String {
    format!(
        "cargo install --locked --root \"$OCUROOT_HOME/v{VERSION}\" --git {SOURCE} --tag v{VERSION} ocuroot"
    )
}
