//! `ocuroot init`: what a repo needs to be released, fitted to what is in it.
//!
//! The shell says what it [found](Found) and what was [asked](Asked) for; [`propose`] makes a
//! [`Setup`] of that, which people may still change, and [`files`] writes it out. Every file begins with a
//! [stamp](stamp), by which a later `init` tells what it wrote itself from what somebody has changed:
//! [`compare`].

mod fitted;
mod platform;
pub(crate) mod remote;
mod stamp;
mod written;

use std::collections::BTreeMap;

pub use platform::Platform;
pub use stamp::{Standing, compare};
pub use written::{files, guide, next};

use crate::documents::Remote;
use crate::refs::Ref;
use crate::repo_config;
use crate::repo_name::repo_name_from_url;
use remote::{Address, public_url};

/// The files whose text [`Found`] holds, if they are there: they say what a set-up was made for, or
/// stand where a platform allows one file only.
pub const READ: &[&str] = &[repo_config::FILE, ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile"];

/// The stores that a published dashboard offers.
const STORES: &str = ".ocuroot/stores.json";

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The name of the repo's folder.
    pub folder: String,
    /// Its remotes.
    pub remotes: Vec<Remote>,
    /// Its files, by their paths from the top.
    pub files: Vec<String>,
    /// The text of those in [`READ`].
    pub texts: BTreeMap<String, String>,
    /// The branch that is released: the remote's default one, else the one that is checked out.
    pub branch: Option<String>,
}

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The platform whose CI runs the tool; `Some(None)` for none.
    pub platform: Option<Option<Platform>>,
    /// Where state lives.
    pub store: Option<Store>,
    /// The branch that is released.
    pub branch: Option<String>,
    /// Whether CI publishes the dashboard.
    pub dashboard: bool,
}

/// Where state and intent live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// On two branches of the repo.
    Git,
    /// In a folder beside the sources.
    Fs,
}

impl Store {
    /// As on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Store::Git => "git",
            Store::Fs => "fs",
        }
    }
}

/// What is to be written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The name in refs, where the remote makes none.
    pub alias: Option<String>,
    /// What the repo is cloned from, without userinfo.
    pub url: Option<String>,
    /// The branch that is released.
    pub branch: String,
    /// Where state lives.
    pub store: Store,
    /// The platform whose CI runs the tool.
    pub platform: Option<Platform>,
    /// Whether its CI publishes the dashboard.
    pub dashboard: bool,
    /// What people should know about these choices.
    pub notes: Vec<String>,
    address: Option<Address>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path from the top of the repo.
    pub path: String,
    /// Its text, with the stamp.
    pub text: String,
}

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// What was asked for lies at the remote, and there is none.
    #[error("{0} needs a remote, and this repo has none")]
    NoRemote(String),
    /// The platform is asked by its API, which a folder does not have.
    #[error("the remote {url} is no server, so CI of {platform} cannot be set up for it")]
    NoServer {
        /// The platform.
        platform: Platform,
        /// The remote.
        url: String,
    },
    /// A dashboard that nobody could publish, or that could read nothing.
    #[error("no dashboard can be set up: {why}")]
    NoDashboard {
        /// Why.
        why: String,
        /// What to do about it, or instead.
        help: String,
    },
    /// A text that would mean something else in a script.
    #[error("the {what} {text:?} has characters that no script can hold safely")]
    Odd {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
    },
}

/// What suits the repo. What was asked for comes first, then what an earlier set-up was made for, then
/// what remote and files suggest.
///
/// # Errors
/// When what was asked for cannot be had here.
pub fn propose(found: &Found, asked: &Asked) -> Result<Setup, InitError> {
    let before = found.texts.get(repo_config::FILE).map(|text| stamp::options(text)).unwrap_or_default();
    let remote =
        found.remotes.iter().find(|remote| remote.name == "origin").or_else(|| found.remotes.first());
    let url = remote.map(|remote| public_url(remote.url.trim())).filter(|url| !url.is_empty());
    let address = url.as_deref().and_then(Address::of);
    let mut notes = Vec::new();

    let store = asked.store.or(before.store).unwrap_or(match url {
        Some(_) => Store::Git,
        None => Store::Fs,
    });
    if asked.dashboard && url.is_none() {
        publishes(None, store, None)?;
    }
    if store == Store::Git && url.is_none() {
        return Err(InitError::NoRemote("a store in git".to_owned()));
    }
    let platform = match asked.platform.or(before.platform) {
        Some(platform) => platform,
        None => {
            let guess = Platform::detect(address.as_ref().map(|address| address.host.as_str()), &found.files);
            match (&guess, &address) {
                (None, Some(address)) => notes.push(format!(
                    "nothing here tells which CI belongs to {}; --ci NAME writes its set-up",
                    address.host
                )),
                (None, None) => notes
                    .push("no CI is set up, since there is no remote on a server that has one".to_owned()),
                (Some(_), _) => {}
            }
            guess.filter(|_| address.is_some())
        }
    };
    if let (Some(platform), None) = (platform, &address) {
        return Err(match &url {
            None => InitError::NoRemote(format!("CI of {platform}")),
            Some(url) => InitError::NoServer { platform, url: url.clone() },
        });
    }
    if let Some(Some(old)) = before.platform.filter(|old| *old != platform) {
        notes.push(format!("what was set up for {old} stays; remove it when nothing needs it"));
    }
    if platform.is_some() && store == Store::Fs {
        notes.push("the store is a folder of one machine, which all CI jobs have to share".to_owned());
    }
    // An earlier set-up leaves this behind.
    let dashboard = asked.dashboard || found.files.iter().any(|file| file == STORES);
    if asked.dashboard {
        let host = publishes(platform, store, address.as_ref())?;
        if asked.platform.is_none() && before.platform.is_none() {
            let server = address.as_ref().map_or("", |address| address.host.as_str());
            notes.push(format!(
                "the dashboard's workflow is for {host}, as {server} and the files here suggest; --ci NAME chooses another"
            ));
        }
        match host {
            Platform::Github => notes.push(
                "the dashboard is published once the repo's settings say that Pages come from GitHub Actions"
                    .to_owned(),
            ),
            Platform::Gitea | Platform::Forgejo => notes.push(
                "the dashboard goes to the branch `pages`, and a server for pages has to show that; \
                 pages may read a store only if the host's settings allow it in [cors]"
                    .to_owned(),
            ),
            _ => {}
        }
    }
    let branch = match asked.branch.clone().or(before.branch).or_else(|| found.branch.clone()) {
        Some(branch) => branch,
        None => {
            notes.push("no branch is checked out; releases are taken from main, or from --branch".to_owned());
            "main".to_owned()
        }
    };
    for (what, text) in [("branch", Some(&branch)), ("remote", url.as_ref())] {
        if let Some(text) = text.filter(|text| !text.chars().all(is_plain)) {
            return Err(InitError::Odd { what, text: text.clone() });
        }
    }
    let alias = match url.as_deref().and_then(repo_name_from_url) {
        // A name with the port of ssh is not what a checkout over HTTP would be called.
        Some(_) if !address.as_ref().is_some_and(|address| address.ssh_port) => None,
        _ => Some(address.as_ref().map_or_else(
            || name_of_folder(&found.folder),
            |address| format!("{}/{}", address.host, address.slug),
        )),
    };
    Ok(Setup { alias, url, branch, store, platform, dashboard, notes, address })
}

/// The platform that publishes the dashboard.
fn publishes(
    platform: Option<Platform>,
    store: Store,
    address: Option<&Address>,
) -> Result<Platform, InitError> {
    let instead = "`ocuroot state view` shows it on this machine, without --dashboard";
    let refused =
        |why: &str, help: &str| InitError::NoDashboard { why: why.to_owned(), help: help.to_owned() };
    match (platform, address) {
        _ if store == Store::Fs && address.is_some() => Err(refused(
            "a page can read no folder of a machine, and that is where the store is",
            &format!("--store git keeps it on branches of the repo; {instead}"),
        )),
        (_, None) => Err(refused(
            "it is published by the server that the repo's remote names, and this repo has no such remote",
            &format!("git remote add origin URL; {instead}"),
        )),
        (Some(host @ (Platform::Github | Platform::Gitlab | Platform::Gitea | Platform::Forgejo)), _) => {
            Ok(host)
        }
        (Some(other), _) => Err(refused(
            &format!("{other} publishes no pages"),
            "`ocuroot state view --export FOLDER` writes it for any other host",
        )),
        (None, Some(address)) => Err(refused(
            &format!(
                "nothing tells which CI belongs to {}, so none is set up that could publish it",
                address.host
            ),
            "--ci github, gitlab, gitea or forgejo says so; `ocuroot state view --export FOLDER` writes it for any other host",
        )),
    }
}

/// Whether a character stands for itself in YAML, Starlark, Groovy and shell, quoted.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_./:@+~%,=[]".contains(c)
}

/// The folder's name, as far as it can name a repo.
fn name_of_folder(folder: &str) -> String {
    let plain: String =
        folder.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let name = plain.trim_matches('-');
    let fits = format!("{name}/-/x").parse::<Ref>().is_ok_and(|parsed| parsed.repo() == Some(name));
    if fits { name.to_owned() } else { "repo".to_owned() }
}

#[cfg(test)]
mod tests;
