//! `ocuroot init`

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use clap::builder::PossibleValuesParser;
use ocuroot_core::init::{self, Asked, File, Found, Platform, Standing, Store, compare};
use similar::TextDiff;

use super::{here, print, print_lines};
use crate::color::{Color, Style};
use crate::error::Failure;
use crate::git;
use crate::repo::is_store;
use crate::view::say;

/// What `--ci` takes.
const PLATFORMS: [&str; 8] =
    ["github", "gitea", "forgejo", "gitlab", "jenkins", "circleci", "buildkite", "none"];

/// Set a repo up: repo.ocu.star, a first release, environments and CI
///
/// What suits the repo is found from its remote and its files, and asked for on a terminal. Files that are
/// there stay as they are; run again, it updates those that it wrote and nobody has changed since.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// CI that releases what is pushed [default: as the remote and the files suggest]
    #[arg(long, value_name = "PLATFORM", value_parser = PossibleValuesParser::new(PLATFORMS))]
    ci: Option<String>,
    /// Where state is kept: branches of this repo, or a folder [default: git where there is a remote]
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(["git", "fs"]))]
    store: Option<String>,
    /// Branch that is released [default: the remote's default branch]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Publish the dashboard on the host's pages, whenever .ocuroot/stores.json changes
    #[arg(long)]
    dashboard: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Print what would be written, and write nothing
    #[arg(short, long)]
    dryrun: bool,
    /// Write anew what somebody has changed, or wrote themselves
    #[arg(short, long)]
    force: bool,
}

impl Args {
    /// Sets the repo up.
    ///
    /// # Errors
    /// When there is no git repo, what was asked for cannot be had, or a file cannot be written.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let folder = here()?;
        let top = git::top(&folder).map_err(|error| match error {
            git::GitError::Failed { .. } => Failure::NoGitRepo(folder),
            other => other.into(),
        })?;
        if is_store(&top) {
            return Err(Failure::NoSource(top));
        }
        let found = found(&top)?;
        let mut asked = Asked {
            platform: self.ci.as_deref().map(|name| name.parse().ok()),
            store: match self.store.as_deref() {
                Some("git") => Some(Store::Git),
                Some(_) => Some(Store::Fs),
                None => None,
            },
            branch: self.branch.clone(),
            dashboard: self.dashboard,
        };
        let asks =
            !self.yes && !self.dryrun && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if asks {
            ask(&found, &mut asked)?;
        }
        let setup = init::propose(&found, &asked)?;
        for note in &setup.notes {
            say(&format!("note: {note}"));
        }
        let due = self.due(&top, init::files(&found, &setup))?;
        let mut closing = vec!["next:".to_owned()];
        closing.extend(init::next(&found, &setup).iter().map(|command| format!("  {command}")));
        closing.extend(init::guide(&setup).map(|page| format!("what CI must be allowed: {page}")));
        self.carry_out(&top, &due, &closing, asks, color)
    }

    /// The files that are to be written, each with what is there now. Says what is left.
    fn due(&self, top: &Path, files: Vec<File>) -> Result<Vec<(File, Option<String>)>, Failure> {
        let mut due = Vec::new();
        for file in files {
            let there = read(&top.join(&file.path))?;
            match compare(&file.text, there.as_deref()) {
                Standing::Same => {}
                Standing::Missing | Standing::Older => due.push((file, there)),
                Standing::Changed | Standing::Foreign if self.force => due.push((file, there)),
                Standing::Changed => say(&format!("left: {} has been changed", file.path)),
                Standing::Foreign => say(&format!("left: {} is there already", file.path)),
            }
        }
        Ok(due)
    }

    fn carry_out(
        &self,
        top: &Path,
        due: &[(File, Option<String>)],
        closing: &[String],
        asks: bool,
        color: Color,
    ) -> Result<(), Failure> {
        if due.is_empty() {
            return print(
                "everything is set up; `ocuroot init --force --dryrun` shows what differs from what init writes",
            );
        }
        for (file, there) in due {
            match there {
                Some(there) => print(&difference(&file.path, there, &file.text, color))?,
                None if self.dryrun => print(&format!("new file {}\n{}", file.path, file.text))?,
                None => {}
            }
        }
        if self.dryrun {
            return Ok(());
        }
        if asks {
            let names: Vec<&str> = due.iter().map(|(file, _)| file.path.as_str()).collect();
            let answer = answer(&format!("Write {}?", names.join(", ")), &["yes", "no"], "yes")?;
            if answer != "yes" {
                return print("nothing was written");
            }
        }
        for (file, there) in due {
            write(&top.join(&file.path), &file.text)?;
            print(&format!("{} {}", if there.is_some() { "updated" } else { "wrote" }, file.path))?;
        }
        print_lines(closing)
    }
}

/// What the repo at `top` has.
fn found(top: &Path) -> Result<Found, Failure> {
    let mut texts = std::collections::BTreeMap::new();
    for path in init::READ {
        texts.extend(read(&top.join(path))?.map(|text| ((*path).to_owned(), text)));
    }
    Ok(Found {
        folder: top.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        remotes: git::remotes(top),
        files: git::all_files(top)?,
        texts,
        branch: git::main_branch(top),
    })
}

/// Asks a person for what was not said, with what suits the repo as the default.
fn ask(found: &Found, asked: &mut Asked) -> Result<(), Failure> {
    if asked.store.is_none() {
        let default = init::propose(found, asked)?.store;
        let words = [Store::Git.as_str(), Store::Fs.as_str()];
        let said =
            answer("Where is state kept: branches of this repo, or a folder?", &words, default.as_str())?;
        asked.store = Some(if said == "git" { Store::Git } else { Store::Fs });
    }
    if asked.platform.is_none() {
        let default = init::propose(found, asked)?.platform.map_or("none", Platform::as_str);
        asked.platform = Some(answer("Which CI releases what is pushed?", &PLATFORMS, default)?.parse().ok());
    }
    Ok(())
}

/// One of `words`, as a person chooses. They may type a part of it, or nothing for the default.
fn answer(question: &str, words: &[&str], default: &str) -> Result<String, Failure> {
    let unreadable = |source| Failure::File { path: "the terminal".into(), source };
    loop {
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{question} ({}) [{default}] ", words.join(", "));
        let _ = stderr.flush();
        drop(stderr);
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).map_err(unreadable)? == 0 {
            return Err(Failure::Unsuccessful("no answer, so nothing was written".to_owned()));
        }
        let said = line.trim().to_lowercase();
        if said.is_empty() {
            return Ok(default.to_owned());
        }
        let fitting: Vec<&&str> = words.iter().filter(|word| word.starts_with(&said)).collect();
        match fitting.as_slice() {
            [one] => return Ok((**one).to_owned()),
            _ => say(&format!("{said:?} is none of {}", words.join(", "))),
        }
    }
}

fn difference(path: &str, old: &str, new: &str, color: Color) -> String {
    let diff = TextDiff::from_lines(old, new);
    let unified = diff.unified_diff().header(path, path).to_string();
    let painted = unified.lines().map(|line| match line.chars().next() {
        Some('+') => color.paint(Style::Good, line),
        Some('-') => color.paint(Style::Bad, line),
        _ => line.to_owned(),
    });
    painted.collect::<Vec<_>>().join("\n")
}

/// The text of a file; none where there is no file.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read(path) {
        // What is no text is somebody's own.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::File { path: path.to_owned(), source }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|source| Failure::Unwritten { path: path.to_owned(), source })
}
