//! `ocuroot push`

use std::collections::BTreeSet;

use ocuroot_core::Ref;
use ocuroot_core::plan::{Item, Scope, WorkType};
use ocuroot_core::push::{self, Pushed, Sources, Why};

use super::{cascade, fail_if_failed, fail_if_left, print, print_json, print_lines, standing, watched};
use crate::cascade::Reach;
use crate::checkout;
use crate::color::Color;
use crate::engine;
use crate::error::Failure;
use crate::git;
use crate::interrupt;
use crate::releasing::{self, Made};
use crate::repo::Place;
use crate::report;
use crate::session::Session;
use crate::view::Event;
use crate::work::{self, Manner};

/// Release what has changed since the last push, and do all work that follows
///
/// The first push of a repo releases every release file; later ones those that have changed, and those
/// that watch something that has. release_ignore in repo.ocu.star names files to leave out. In a checkout
/// of intent, what differs from state is carried out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the release files, one a line, and do nothing
    #[arg(short = 'n', long)]
    dryrun: bool,
    /// With --dryrun: print the plan as JSON
    #[arg(long, requires = "dryrun")]
    json: bool,
    #[command(flatten)]
    manner: Manner,
}

impl Args {
    /// Pushes.
    ///
    /// # Errors
    /// When not everything is committed, a release fails, or something cannot be done.
    pub fn run(self, color: Color) -> Result<(), Failure> {
        let mut session = watched(color)?;
        self.manner.freeze.clone().apply(&mut session);
        session.in_order = true;
        match session.repo.place {
            Place::Source(_) => self.sources(&mut session),
            Place::Store(_) => self.intent(&mut session),
        }
    }

    fn sources(&self, session: &mut Session) -> Result<(), Failure> {
        let files = to_release(session)?;
        if self.dryrun && !self.json {
            return print_lines(&files.into_iter().map(|(file, _)| file).collect::<Vec<_>>());
        }
        let (repo, commit) = (session.repo.name()?.to_owned(), session.repo.commit()?.clone());
        let packages: Vec<Ref> =
            files.iter().map(|(file, _)| format!("{repo}/-/{file}").parse()).collect::<Result<_, _>>()?;
        if self.dryrun {
            let release = |package: &Ref| Item {
                reference: package.clone(),
                work_type: WorkType::Release,
                commit: Some(commit.hash.clone()),
            };
            let mut items: Vec<Item> = packages.iter().map(release).collect();
            items.extend(work::plan(session, &Scope::Everything)?.items());
            return print_json(&items);
        }
        let changed = git::changed_files(&session.repo.root, &report::files())?;
        if !changed.is_empty() {
            return Err(Failure::Uncommitted(changed));
        }
        self.manner.leftovers.look_after(session)?;
        if files.is_empty() {
            session.view.show(&Event::Note("no release file has changed since the last push"));
        }
        for (file, why) in &files {
            session.view.show(&Event::Note(&reason(file, why)));
        }
        let jobs = self.manner.jobs();
        let (made, claimed) = releasing::make(session, &packages, &commit, false, jobs)?;
        let releases = releasing::releases(&made);
        let (mut released, mut unreleased) = (BTreeSet::new(), BTreeSet::new());
        for (package, made) in packages.into_iter().zip(made) {
            let broken = say(session, &package, made)?;
            if broken { &mut unreleased } else { &mut released }.insert(package);
        }
        let here = checkout::Sources::here(&session.repo.root);
        for release in &releases {
            engine::announce(session, &here, release)?;
        }
        let report = engine::run(session, &here, &releases, claimed, jobs)?;
        work::show_waiting(session, &report);
        let cascaded = cascade(session, Reach::Everything, jobs);
        if interrupt::is_set() {
            return cascaded;
        }
        // Watch files are known now that the runs have ended.
        let pushed =
            Pushed { repo: &repo, commit: &commit.hash, released: &released, unreleased: &unreleased };
        session.decide(|snapshot| Ok((push::record(snapshot, &pushed)?, ())))?;
        for release in &releases {
            print(&format!("{release} {}", standing(session, release)?))?;
        }
        fail_if_failed(&report)?;
        cascaded?;
        fail_if_left(unreleased.len())
    }

    /// The stores are those that the checkout names, as they are now: the checkout itself may lag behind.
    fn intent(&self, session: &mut Session) -> Result<(), Failure> {
        if self.dryrun {
            let plan = work::plan(session, &Scope::Everything)?;
            if self.json {
                return print_json(&plan.items());
            }
            return print_lines(
                &plan.intent.iter().map(|difference| difference.reference.to_string()).collect::<Vec<_>>(),
            );
        }
        self.manner.leftovers.look_after(session)?;
        let cascaded = cascade(session, Reach::Everything, self.manner.jobs());
        if let (false, Some(commit)) = (interrupt::is_set(), checked_out(session)) {
            session.decide(|snapshot| Ok((push::record_intent(snapshot, &commit)?, ())))?;
        }
        cascaded
    }
}

/// The commit of the store that is checked out; none for a store in a plain folder, also one that
/// happens to lie somewhere in a git repo.
fn checked_out(session: &Session) -> Option<String> {
    let Place::Store(checkout) = &session.repo.place else { return None };
    let is_store = matches!(git::prefix(&checkout.folder).as_str(), "" | "state/" | "intent/");
    git::head(&checkout.folder).ok().filter(|_| is_store).map(|commit| commit.hash)
}

/// The release files to be released, by their paths from the root, and why each.
fn to_release(session: &mut Session) -> Result<Vec<(String, Why)>, Failure> {
    let repo = session.repo.name()?.to_owned();
    let root = session.repo.root.clone();
    // What has no commit yet is told so.
    session.repo.commit()?;
    let ignore = session.repo.settings().release_ignore.iter().map(|pattern| {
        push::ignore(pattern)
            .map_err(|error| Failure::Unsuccessful(format!("release_ignore in repo.ocu.star: {error}")))
    });
    let ignore = ignore.collect::<Result<Vec<_>, _>>()?;
    let previous = session.read(|snapshot| push::previous(snapshot, &repo))?;
    let changed = match &previous {
        None => Vec::new(),
        Some(previous) => {
            let commit = &previous.commit;
            if !git::obtain(&root, commit) {
                return Err(Failure::NoLastPush(commit.clone()));
            }
            git::changed_since(&root, commit)?
        }
    };
    let mut files = git::files(&root)?;
    files.retain(|path| push::is_release_file(path));
    let sources = Sources { repo: &repo, files: &files, changed: &changed };
    Ok(push::to_release(previous.as_ref(), &sources, &ignore))
}

fn reason(file: &str, why: &Why) -> String {
    match why {
        Why::First => file.to_owned(),
        Why::Changed => format!("{file}: it has changed"),
        Why::Watched(path) => format!("{file}: something in {path} has changed, which it watches"),
        Why::Unreleased => format!("{file}: the last push could not release it"),
    }
}

/// Says what became of a file. Returns whether it has problems.
fn say(session: &Session, package: &Ref, made: Made) -> Result<bool, Failure> {
    let note = |text: &str| session.view.show(&Event::Note(text));
    match made {
        Made::Release(_) => {}
        Made::Environments(declared) => {
            print_lines(&declared.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        }
        Made::Nothing => note(&format!("{package} defines nothing to release")),
        Made::Released(releases) => {
            let releases = releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            note(&format!("{package} is released at this commit already: {releases}"));
        }
        Made::Broken(diagnostics) => {
            let what = &format!("{package} is not released");
            session.view.show(&Event::Diagnosed { what, diagnostics: &diagnostics, here: true, run: None });
            return Ok(true);
        }
    }
    Ok(false)
}
