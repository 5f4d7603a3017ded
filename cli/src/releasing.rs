//! Makes releases: evaluates release files, and writes what they say.
//!
//! All files of one command are released in one transaction, with the environments that some of them
//! declare, and with the claims on what can start at once. When another process takes a number first,
//! it is all decided again with the next one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::{Environment, Package};
use ocuroot_core::intent::{self, IntentError};
use ocuroot_core::release::{self, Commit, ReleaseError};
use ocuroot_core::run::Claimed;
use ocuroot_core::sdk::Diagnostics;
use ocuroot_core::secrets::Secrets;
use ocuroot_core::snapshot::Unmet;
use ocuroot_core::transaction::Steps;

use crate::checkout::Sources;
use crate::engine;
use crate::error::Failure;
use crate::programs::Programs;
use crate::session::{Session, environments};
use crate::view::{Event, View, showing};

/// What became of one file.
#[derive(Debug)]
pub enum Made {
    /// A release.
    Release(Ref),
    /// Environments; their refs.
    Environments(Vec<Ref>),
    /// It defines nothing to release.
    Nothing,
    /// Its commit has these releases already.
    Released(Vec<Ref>),
    /// It has problems.
    Broken(Diagnostics),
}

/// What evaluating a file for one release number came to.
enum Evaluated {
    Package(Package),
    Environments(Vec<Environment>),
    Nothing,
}

/// Evaluating may run commands, so it is done once for a number and what is known, and not once a try.
struct Evaluations {
    sources: Sources,
    secrets: Arc<Secrets>,
    view: Arc<dyn View>,
    done: BTreeMap<Ref, (Vec<Environment>, Result<Evaluated, Diagnostics>)>,
}

impl Evaluations {
    fn of(&mut self, release: &Ref, known: &[Environment]) -> &Result<Evaluated, Diagnostics> {
        let evaluate = || {
            let programs = Programs::new(&self.sources, Arc::clone(&self.secrets), known.to_vec());
            (known.to_vec(), evaluate(&programs, release, &self.view))
        };
        let (_, result) = match self.done.entry(release.clone()) {
            Entry::Vacant(entry) => entry.insert(evaluate()),
            Entry::Occupied(mut entry) => {
                if entry.get().0 != known {
                    *entry.get_mut() = evaluate();
                }
                entry.into_mut()
            }
        };
        result
    }
}

fn evaluate(programs: &Programs, release: &Ref, view: &Arc<dyn View>) -> Result<Evaluated, Diagnostics> {
    let program = programs.evaluate(release, showing(view, release))?;
    let diagnostics = &Diagnostics(program.warnings().to_vec());
    if !program.warnings().is_empty() {
        view.show(&Event::Diagnosed { what: "", diagnostics, here: true, run: None });
    }
    Ok(match program.package() {
        Some(package) => Evaluated::Package(package.clone()),
        None if program.environments().is_empty() => Evaluated::Nothing,
        None => Evaluated::Environments(program.environments().to_vec()),
    })
}

/// Why nothing at all could be made.
enum Refused {
    Release(ReleaseError),
    Environment(IntentError),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Release(error) => Failure::Release(error),
            Refused::Environment(error) => Failure::Intent(error),
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

/// Releases each of `packages` (`<repo>/-/<file>`) at `commit`, which is checked out here. With `force`
/// also where that is released already. Returns what became of each, in the same order, and the runs
/// that were claimed, at most `jobs`.
///
/// # Errors
/// When the stores cannot be read or written, or hold an environment that is none.
pub fn make(
    session: &mut Session,
    packages: &[Ref],
    commit: &Commit,
    force: bool,
    jobs: usize,
) -> Result<(Vec<Made>, Vec<Claimed>), Failure> {
    let clock = session.clock();
    let claims = engine::claims(session, jobs);
    let mut evaluations = Evaluations {
        sources: Sources::here(&session.repo.root),
        secrets: Arc::clone(&session.repo.secrets),
        view: Arc::clone(&session.view),
        done: BTreeMap::new(),
    };
    session.decide(|snapshot| {
        let facts = clock();
        let mut steps = Steps::new(snapshot);
        let mut made: BTreeMap<&Ref, Made> = BTreeMap::new();
        // Environments come first, whatever the order of the files: the others deploy to them.
        for last in [false, true] {
            let known = environments(steps.here()).map_err(refused_environment)?;
            for package in packages {
                if made.contains_key(package) {
                    continue;
                }
                if !force {
                    let releases = release::of_commit(steps.here(), package, &commit.hash)?;
                    if !releases.is_empty() {
                        made.insert(package, Made::Released(releases));
                        continue;
                    }
                }
                let number = release::next_number(steps.here(), package)?;
                let release = package
                    .with_release(&format!("r{number}"))
                    .map_err(|error| refused(Unmet::Error(ReleaseError::from(error))))?;
                let outcome = match evaluations.of(&release, &known) {
                    Ok(Evaluated::Environments(declared)) => {
                        let (step, refs) =
                            intent::declare(steps.here(), declared, &facts).map_err(refused_environment)?;
                        steps.take(step);
                        Made::Environments(refs)
                    }
                    _ if !last => continue,
                    Ok(Evaluated::Package(definition)) => {
                        let step =
                            release::create(steps.here(), &release, commit, definition.clone(), &facts)
                                .map_err(refused)?;
                        steps.take(step);
                        Made::Release(release)
                    }
                    Ok(Evaluated::Nothing) => Made::Nothing,
                    Err(diagnostics) => Made::Broken(diagnostics.clone()),
                };
                made.insert(package, outcome);
            }
        }
        let made: Vec<Made> = packages.iter().filter_map(|package| made.remove(package)).collect();
        let releases = releases(&made);
        let claimed = engine::claim(&mut steps, &releases, claims, &facts)?;
        let mut transaction = steps.finish();
        // Of all that was done the releases are what people look for.
        match releases.as_slice() {
            [] => {}
            [one] => transaction.message = format!("release {one}"),
            [first, rest @ ..] => transaction.message = format!("release {first} and {} more", rest.len()),
        }
        Ok::<_, Unmet<Refused>>((transaction, (made, claimed)))
    })
}

/// The releases among what was made.
#[must_use]
pub fn releases(made: &[Made]) -> Vec<Ref> {
    let release = |made: &Made| match made {
        Made::Release(release) => Some(release.clone()),
        _ => None,
    };
    made.iter().filter_map(release).collect()
}
