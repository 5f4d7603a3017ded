//! `ocuroot release new`

use std::num::NonZeroUsize;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Environment, Package};
use ocuroot_core::intent::{self, IntentError};
use ocuroot_core::release::{self, Commit, ReleaseError};
use ocuroot_core::run;
use ocuroot_core::sdk::Diagnostics;
use ocuroot_core::snapshot::{Snapshot, Unmet};
use ocuroot_core::transaction::{Steps, Transaction};

use super::{cascade_if, execute, finish, print_lines, watched};
use crate::checkout::Sources;
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::git;
use crate::programs::Programs;
use crate::refs_here::{self, Target};
use crate::session::{Session, environments};
use crate::view::{Event, showing};

/// Release a file at the commit that is checked out
///
/// Executes what is ready. What waits for inputs is no failure: it is listed, with the refs that
/// are missing. A file that declares environments sets and applies them instead.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release file; default: the only one in this folder
    file: Option<String>,
    /// Release also when this commit is released already
    #[arg(short, long)]
    force: bool,
    /// Follow up on what this changes, in other releases and other commits too
    #[arg(long)]
    cascade: bool,
    /// How many runs execute at the same time [default: number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    target: Target,
}

/// What evaluating a file for one release number came to.
enum Evaluated {
    Package(Package),
    Environments(Vec<Environment>),
    Nothing,
}

/// What one decision came to.
enum Made {
    Release { release: Ref, claimed: Vec<run::Claimed> },
    Environments(Vec<Ref>),
    Nothing,
}

/// Why there is no release.
#[derive(Debug)]
enum Refused {
    Release(ReleaseError),
    Environment(IntentError),
    File(Diagnostics),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Release(error) => Failure::Release(error),
            Refused::Environment(error) => Failure::Intent(error),
            Refused::File(diagnostics) => Failure::Starlark(diagnostics),
        }
    }
}

fn refused<E: Into<ReleaseError>>(unmet: Unmet<E>) -> Unmet<Refused> {
    match unmet {
        Unmet::Needs(needs) => Unmet::Needs(needs),
        Unmet::Error(error) => Unmet::Error(Refused::Release(error.into())),
    }
}

fn refused_environment(unmet: Unmet<IntentError>) -> Unmet<Refused> {
    match unmet {
        Unmet::Needs(needs) => Unmet::Needs(needs),
        Unmet::Error(error) => Unmet::Error(Refused::Environment(error)),
    }
}

impl Args {
    /// Releases.
    ///
    /// # Errors
    /// When the file has problems, the commit is released already, or the release fails.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        let package = refs_here::package(&session.repo, self.file.as_deref(), &self.target)?;
        if package.release().is_some() {
            return Err(Failure::Usage(format!(
                "a new release gets its number by itself; leave {} out",
                package.release_ref()
            )));
        }
        refs_here::require_file(&session.repo, &package)?;
        let jobs = engine::jobs(self.jobs);
        let commit = git::describe(&session.repo.root, session.repo.commit()?);
        warn_of_changes(&session);
        match make(&mut session, &package, &commit, self.force, jobs)? {
            Made::Nothing => {
                session.view.show(&Event::Note(&format!("{package} defines nothing to release")));
                Ok(())
            }
            Made::Environments(declared) => {
                print_lines(&declared.iter().map(ToString::to_string).collect::<Vec<_>>())?;
                cascade_if(self.cascade, &mut session, jobs)
            }
            Made::Release { release, claimed } => {
                let report = execute(&mut session, &release, claimed, jobs)?;
                finish(&mut session, &release, &report, self.cascade, jobs)
            }
        }
    }
}

/// A release is of a commit, but what runs is what is checked out: says so where the two differ.
fn warn_of_changes(session: &Session) {
    let changed = git::changed_files(&session.repo.root);
    let Some(first) = changed.first() else { return };
    let what = match changed.len() {
        1 => format!("{first} is"),
        many => format!("{first} and {} more are", many - 1),
    };
    session.view.show(&Event::Note(&format!(
        "warning: {what} not committed; the release is recorded as the commit's, but runs what is here"
    )));
}

/// Evaluates the file and makes the release in one transaction, with the claims on what can start
/// at once. When another process takes the number first, both are done again with the next one.
fn make(
    session: &mut Session,
    package: &Ref,
    commit: &Commit,
    force: bool,
    jobs: usize,
) -> Result<Made, Failure> {
    let sources = Sources::here(&session.repo.root);
    let secrets = Arc::clone(&session.repo.secrets);
    let view = Arc::clone(&session.view);
    let facts = session.facts();
    let mut evaluated: Option<(Ref, Vec<Environment>, Evaluated)> = None;
    session.decide(|snapshot| {
        if !force {
            release::refuse_released(snapshot, package, &commit.hash).map_err(refused)?;
        }
        let number = release::next_number(snapshot, package)?;
        let known = environments(snapshot).map_err(refused_environment)?;
        let release = package
            .with_release(&format!("r{number}"))
            .map_err(|error| refused(Unmet::Error(ReleaseError::from(error))))?;
        // Evaluating may run commands, so it is done once for a number and not once a try.
        if evaluated.as_ref().is_none_or(|(at, with, _)| *at != release || *with != known) {
            let programs = Programs::new(&sources, Arc::clone(&secrets), known.clone());
            let result =
                evaluate(&programs, &release, &view).map_err(|error| Unmet::Error(Refused::File(error)))?;
            evaluated = Some((release.clone(), known, result));
        }
        match evaluated.as_ref().map(|(_, _, result)| result) {
            Some(Evaluated::Package(definition)) => {
                start(snapshot, &release, commit, definition, jobs, &facts).map_err(refused)
            }
            Some(Evaluated::Environments(declared)) => {
                let (transaction, refs) =
                    intent::declare(snapshot, declared, &facts).map_err(refused_environment)?;
                Ok((transaction, Made::Environments(refs)))
            }
            Some(Evaluated::Nothing) | None => Ok((Transaction::default(), Made::Nothing)),
        }
    })
}

fn evaluate(
    programs: &Programs,
    release: &Ref,
    view: &Arc<dyn crate::view::View>,
) -> Result<Evaluated, Diagnostics> {
    let program = programs.evaluate(release, showing(view, release))?;
    for warning in program.warnings() {
        view.show(&Event::Note(&warning.to_string()));
    }
    Ok(match program.package() {
        Some(package) => Evaluated::Package(package.clone()),
        None if program.environments().is_empty() => Evaluated::Nothing,
        None => Evaluated::Environments(program.environments().to_vec()),
    })
}

fn start(
    snapshot: &Snapshot,
    release: &Ref,
    commit: &Commit,
    definition: &Package,
    jobs: usize,
    facts: &ocuroot_core::facts::Facts,
) -> Result<(Transaction, Made), Unmet<ReleaseError>> {
    let created = release::create(snapshot, release, commit, definition.clone(), facts)?;
    let mut steps = Steps::new(snapshot);
    steps.take(created);
    let claimed = engine::claim(&mut steps, std::slice::from_ref(release), jobs, facts)?;
    Ok((steps.finish(), Made::Release { release: release.clone(), claimed }))
}
