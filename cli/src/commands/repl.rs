//! `ocuroot repl`

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::repo_config;
use ocuroot_core::sdk::{Console, FileKind, Host, Limits, Program, Surroundings, repl};

use super::{here, print};
use crate::color::Color;
use crate::error::Failure;
use crate::native_host::{NativeHost, on_deep_stack};
use crate::refs_here::{self, Target};
use crate::repl::{Lines, Once, Stores, Terminal};
use crate::repo::Repo;
use crate::session::Session;
use crate::view::{Quiet, say};

/// Type Starlark, with the SDK, a file's globals and the state at hand
///
/// `state_get(ref)` is the value at a ref and `state_match(glob)` the refs that a glob matches.
/// Commands run, and files are written, as in a release file. On a terminal lines can be edited;
/// otherwise they are read from stdin, and the first mistake ends it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File whose globals are at hand, those that begin with _ too
    file: Option<String>,
    /// Evaluate this, print the value of its last expression, and end
    #[arg(short, long, value_name = "CODE")]
    pub(super) code: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Where the prompt is.
struct Place {
    /// The repo's root; without a repo, the working directory.
    root: std::path::PathBuf,
    /// The folder that code is in, from the root.
    folder: String,
    /// The file whose globals are at hand, from the root.
    file: Option<String>,
    /// What refs start from.
    base: Ref,
    /// The same, as the command line says it.
    target: Target,
}

impl Args {
    /// Evaluates what is typed.
    ///
    /// # Errors
    /// When the file has problems; with `-c`, or not on a terminal, when the code has.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let start = here()?;
        let session = Session::open(&start, Arc::new(Quiet));
        let place = match &session {
            Ok(session) => self.place(Some(&session.repo), &start)?,
            // A prompt needs no store, and not even a repo.
            Err(_) => match Repo::open(&start) {
                Ok(repo) => self.place(Some(&repo), &start)?,
                Err(Failure::NoRepo(_)) => self.place(None, &start)?,
                Err(other) => return Err(other),
            },
        };
        let stores = Arc::new(Stores::new(session, place.target.clone(), place.base.clone()));
        let host = {
            let stores = Arc::clone(&stores);
            NativeHost::new(&place.root, &place.folder, crate::secrets::known())
                .with_environments(Arc::new(move || stores.environments()))
                .logging_to(Arc::new(|line| match line.stream {
                    2 => say(&line.message),
                    // A reader that has seen enough is told by the next answer.
                    _ => drop(print(&line.message)),
                }))
        };
        on_deep_stack(move || evaluate(&place, &host, &stores, self.code, color))
            .map_err(|source| Failure::File { path: "the prompt".into(), source })?
    }

    fn place(&self, repo: Option<&Repo>, start: &Path) -> Result<Place, Failure> {
        let named = self.file.is_some() || self.target.package.is_some();
        let Some(repo) = repo else {
            if named || self.target.release.is_some() {
                return Err(Failure::NoRepo(start.to_owned()));
            }
            return Ok(Place {
                root: start.to_owned(),
                folder: String::new(),
                file: None,
                base: Ref::default(),
                target: Target::default(),
            });
        };
        let root = repo.root.clone();
        if !named {
            let base =
                repo.name().ok().and_then(|name| format!("{name}/-/{}", repo.folder).parse::<Ref>().ok());
            let target = self.target.clone();
            return Ok(Place {
                root,
                folder: repo.folder.clone(),
                file: None,
                base: base.unwrap_or_default(),
                target,
            });
        }
        let package = refs_here::package(repo, self.file.as_deref(), &self.target)?;
        let release = package.release().unwrap_or_default().to_owned();
        let file = package.path().to_owned();
        if self.file.is_some() {
            refs_here::require_file(repo, &package.package())?;
        }
        let (folder, _) = file.rsplit_once('/').unwrap_or_default();
        Ok(Place {
            root,
            folder: folder.to_owned(),
            base: package.with_release(&release)?,
            target: Target {
                package: Some(format!("//{file}")),
                release: Some(release).filter(|release| !release.is_empty()),
            },
            file: self.file.is_some().then_some(file),
        })
    }
}

fn evaluate(
    place: &Place,
    host: &dyn Host,
    stores: &Arc<Stores>,
    code: Option<String>,
    color: Color,
) -> Result<(), Failure> {
    let limits = Limits::default();
    let program = match place.file.as_deref() {
        None => None,
        Some(file) => {
            let kind = if file == repo_config::FILE { FileKind::Repo } else { FileKind::Release };
            let program = Program::evaluate(file, kind, &place.base, host, &limits)?;
            program.warnings().iter().for_each(|warning| say(&warning.to_string()));
            Some(program)
        }
    };
    let run = |console: &mut dyn Console| {
        let surroundings = Surroundings {
            program: program.as_ref(),
            folder: &place.folder,
            base: &place.base,
            host,
            state: &**stores,
            limits: &limits,
        };
        repl(surroundings, console);
    };
    if let Some(code) = code {
        let mut once = Once::new(code);
        run(&mut once);
        return once.answer()?.map_or(Ok(()), |value| print(&value));
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() && std::io::stdout().is_terminal() {
        run(&mut Terminal::new(Arc::clone(stores), color.is_on()));
        return Ok(());
    }
    let mut lines = Lines::new(stdin.lock(), print);
    run(&mut lines);
    lines.failure().map_or(Ok(()), Err)
}
