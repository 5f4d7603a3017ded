//! The commands, one file each: its arguments, whose comments are its help, and one function that
//! parses, calls core and prints.

use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches};
use ocuroot_core::documents::Status;
use ocuroot_core::freeze;
use ocuroot_core::plan::{self, Plan, Scope};
use ocuroot_core::release::{self, ReleaseError};
use ocuroot_core::repo_config::strip_userinfo;
use ocuroot_core::rollback::RollbackError;
use ocuroot_core::run::Claimed;
use ocuroot_core::snapshot::Unmet;
use ocuroot_core::{Ref, resolve, runs};
use serde::Serialize;

use crate::cascade::Reach;
use crate::checkout::Sources;
use crate::engine::{self, Report};
use crate::error::Failure;
use crate::refs_here;
use crate::report;
use crate::session::Session;
use crate::telemetry;
use crate::view::{self, Event};
use crate::work;

pub mod completions;
pub mod find_deploys;
pub mod init;
pub mod man;
pub mod preview;
pub mod push;
pub mod release_cancel;
pub mod release_continue;
pub mod release_lint;
pub mod release_list;
pub mod release_new;
pub mod release_retry;
pub mod release_rollback;
pub mod release_show;
pub mod repl;
pub mod state_apply;
pub mod state_check;
pub mod state_delete;
pub mod state_diff;
pub mod state_export;
pub mod state_get;
pub mod state_import;
pub mod state_match;
pub mod state_set;
pub mod state_upgrade;
pub mod state_view;
pub mod state_why;
pub mod version;
pub mod work_any;
pub mod work_cascade;
pub mod work_continue;
pub mod work_ops;
pub mod work_trigger;

/// Takes a commit to every environment where it belongs.
///
/// Releases are defined in Starlark (*.ocu.star). What is deployed where (state) and what should
/// be (intent) are documents in a store that repo.ocu.star names.
#[derive(Debug, clap::Parser)]
#[command(name = "ocuroot", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Colour in messages: on a terminal, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub color: crate::color::When,
    /// Append what happens to a file, a JSON object a line
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Args),
    /// Make releases, carry them on, and look at them
    #[command(subcommand)]
    Release(Release),
    /// Look at state, and set intent
    #[command(subcommand)]
    State(State),
    /// Find work that is due, and do it
    #[command(subcommand)]
    Work(Work),
    FindDeploys(find_deploys::Args),
    Repl(repl::Args),
    Push(push::Args),
    Preview(preview::Args),
    Completions(completions::Args),
    Man(man::Args),
    Version(version::Args),
}

#[derive(Debug, clap::Subcommand)]
enum Release {
    New(release_new::Args),
    Continue(release_continue::Args),
    Retry(release_retry::Args),
    Cancel(release_cancel::Args),
    Rollback(release_rollback::Args),
    List(release_list::Args),
    Show(release_show::Args),
    Lint(release_lint::Args),
}

#[derive(Debug, clap::Subcommand)]
enum State {
    Get(state_get::Args),
    Match(state_match::Args),
    Set(state_set::Args),
    Delete(state_delete::Args),
    Diff(state_diff::Args),
    Why(state_why::Args),
    Apply(state_apply::Args),
    Check(state_check::Args),
    Upgrade(state_upgrade::Args),
    Export(state_export::Args),
    Import(state_import::Args),
    View(state_view::Args),
}

#[derive(Debug, clap::Subcommand)]
enum Work {
    Any(work_any::Args),
    Continue(work_continue::Args),
    Ops(work_ops::Args),
    Trigger(work_trigger::Args),
    Cascade(work_cascade::Args),
}

impl Cli {
    /// What the process was asked for, and the command's name: `release new`. Ends the process for
    /// help, and with 2 for a command line that it does not understand.
    #[must_use]
    pub fn read() -> (Cli, String) {
        let matches = Cli::command().get_matches();
        let names = std::iter::successors(matches.subcommand(), |(_, below)| below.subcommand());
        let name = names.map(|(name, _)| name).collect::<Vec<_>>().join(" ");
        match Cli::from_arg_matches(&matches) {
            Ok(cli) => (cli, name),
            Err(error) => error.format(&mut Cli::command()).exit(),
        }
    }

    /// Does what the command line asks for.
    ///
    /// # Errors
    /// Why that did not work; see [`Failure`].
    pub fn run(self) -> Result<(), Failure> {
        tracing::info!(version = ocuroot_core::VERSION, folder = ?std::env::current_dir().ok(), "{}", self.described());
        let color = crate::color::Color::decide(self.color);
        match self.command {
            Command::Init(args) => args.run(color),
            Command::Release(Release::New(args)) => args.run(color),
            Command::Release(Release::Continue(args)) => args.run(color),
            Command::Release(Release::Retry(args)) => args.run(color),
            Command::Release(Release::Cancel(args)) => args.run(),
            Command::Release(Release::Rollback(args)) => args.run(),
            Command::Release(Release::List(args)) => args.run(),
            Command::Release(Release::Show(args)) => args.run(),
            Command::Release(Release::Lint(args)) => args.run(),
            Command::State(State::Get(args)) => args.run(),
            Command::State(State::Match(args)) => args.run(),
            Command::State(State::Set(args)) => args.run(),
            Command::State(State::Delete(args)) => args.run(),
            Command::State(State::Diff(args)) => args.run(),
            Command::State(State::Why(args)) => args.run(),
            Command::State(State::Apply(args)) => args.run(color),
            Command::State(State::Check(args)) => args.run(),
            Command::State(State::Upgrade(args)) => args.run(),
            Command::State(State::Export(args)) => args.run(),
            Command::State(State::Import(args)) => args.run(),
            Command::State(State::View(args)) => args.run(),
            Command::FindDeploys(args) => args.run(),
            Command::Work(Work::Any(args)) => args.run(color),
            Command::Work(Work::Continue(args)) => args.run(color),
            Command::Work(Work::Ops(args)) => args.run(color),
            Command::Work(Work::Trigger(args)) => args.run(color),
            Command::Repl(args) => args.run(color),
            Command::Work(Work::Cascade(args)) => args.run(color),
            Command::Push(args) => args.run(color),
            Command::Preview(args) => args.run(),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
            Command::Version(args) => args.run(),
        }
    }
}

impl Cli {
    /// The command line as a log may show it: a value that is set may be a secret, and so may code.
    fn described(&self) -> String {
        if let Command::State(State::Set(args)) = &self.command {
            return format!("ocuroot state set {} …", args.reference);
        }
        if let Command::Repl(repl::Args { code: Some(_), .. }) = &self.command {
            return "ocuroot repl -c …".to_owned();
        }
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|word| strip_userinfo(&word.to_string_lossy())).collect();
        format!("ocuroot {}", words.join(" "))
    }
}

/// A session for a command that only answers.
fn quiet() -> Result<Session, Failure> {
    Session::open(&here()?, report::heard(std::sync::Arc::new(view::Quiet), false))
}

/// A session for a command whose progress people watch.
fn watched(color: crate::color::Color) -> Result<Session, Failure> {
    Session::open(&here()?, report::heard(telemetry::recorded(view::for_stderr(color)), true))
}

/// The working directory, with links resolved as the file system sees it.
fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|source| Failure::File { path: ".".into(), source })
}

/// Prints a line, or many, on stdout. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Prints lines; none prints nothing.
fn print_lines(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() { Ok(()) } else { print(&lines.join("\n")) }
}

/// Prints JSON with two-space indentation and sorted keys.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    // Through a value, whose maps are sorted.
    let text = serde_json::to_value(value)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map_err(|source| Failure::Json { what: "the answer".to_owned(), source })?;
    print(&text)
}

/// Prints a plan as JSON, and says what is left out of it, and why.
fn print_plan(session: &mut Session, plan: &Plan) -> Result<(), Failure> {
    crate::freeze::show(session, &plan.frozen());
    work::show_left_out(session, &work::left_out(plan))?;
    print_json(&plan.items())
}

/// Prints the plan for a scope, or what it was when the stores were last as they are now.
fn print_planned(session: &mut Session, scope: &Scope) -> Result<(), Failure> {
    // A freeze may end by itself, and is said.
    if session.ask(freeze::is_any)? {
        let plan = work::plan(session, scope)?;
        return print_plan(session, &plan);
    }
    let facts = session.facts();
    let Session { stores, snapshot, .. } = session;
    let (items, left_out) =
        stores.remembered(&format!("plan of {scope:?}, and what it leaves out"), || {
            stores.ask(snapshot, |snapshot| {
                let plan = plan::plan(snapshot, scope, &facts)?;
                Ok((plan.items(), work::left_out(&plan)))
            })
        })?;
    work::show_left_out(session, &left_out)?;
    print_json(&items)
}

/// Prints rows as columns that line up; the first row is the heading.
fn print_table(rows: &[Vec<String>]) -> Result<(), Failure> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    print_lines(&lines)
}

/// Fails when runs did.
fn fail_if_failed(report: &Report) -> Result<(), Failure> {
    match report.failed.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::Unsuccessful(format!("{one} failed"))),
        [first, rest @ ..] => Err(Failure::Unsuccessful(format!("{first} and {} more failed", rest.len()))),
    }
}

/// Executes a release until nothing in it is ready. `claimed` are runs that were claimed already.
fn execute(
    session: &mut Session,
    release: &Ref,
    claimed: Vec<Claimed>,
    jobs: usize,
) -> Result<Report, Failure> {
    let sources = Sources::here(&session.repo.root);
    engine::announce(session, &sources, release)?;
    engine::run(session, &sources, std::slice::from_ref(release), claimed, jobs)
}

/// Ends a command that has executed a release: what waits, what follows if it was asked for, how the
/// release stands. Fails when the release has.
fn finish(
    session: &mut Session,
    release: &Ref,
    report: &Report,
    cascade: bool,
    jobs: usize,
) -> Result<(), Failure> {
    work::show_waiting(session, report);
    let followed = cascade_if(cascade, session, jobs);
    session.view.finish();
    let status = standing(session, release)?;
    print(&format!("{release} {status}"))?;
    if status == Status::Failed {
        return Err(Failure::Unsuccessful(format!(
            "{release} failed; when the cause is mended: {}",
            ocuroot_core::commands::retry(release)
        )));
    }
    followed
}

/// Refuses a package that nothing was ever released of and whose file is not here: mostly its name is not
/// what was meant.
fn require_known(session: &mut Session, package: &Ref) -> Result<(), Failure> {
    if session.ask(|snapshot| resolve::newest_release(snapshot, package))?.is_some() {
        return Ok(());
    }
    refs_here::require_file(&session.repo, package)
}

/// As [`require_known`], where there is no such release.
fn found<T>(session: &mut Session, package: &Ref, found: Result<T, Failure>) -> Result<T, Failure> {
    if let Err(
        Failure::Release(ReleaseError::Unknown(_))
        | Failure::Rollback(
            RollbackError::NothingDeployed(_) | RollbackError::Release(ReleaseError::Unknown(_)),
        ),
    ) = &found
    {
        require_known(session, package)?;
    }
    found
}

/// How a release stands. One that is not there (any more: somebody may have rewritten the store) is an
/// error.
fn standing(session: &mut Session, release: &Ref) -> Result<Status, Failure> {
    session.read(|snapshot| {
        release::read(snapshot, release)?;
        Ok::<_, Unmet<ReleaseError>>(runs::release_status(snapshot, release)?)
    })
}

/// Follows up on what the command has changed, if it was asked to.
fn cascade_if(asked: bool, session: &mut Session, jobs: usize) -> Result<(), Failure> {
    if asked { cascade(session, Reach::Caused, jobs) } else { Ok(()) }
}

/// Does work wherever it leads. Fails when a run does, or when something could not be done.
fn cascade(session: &mut Session, reach: Reach, jobs: usize) -> Result<(), Failure> {
    let (report, failed) = crate::cascade::follow(session, reach, jobs)?;
    if reach == Reach::Everything && report.executed == 0 && failed == 0 && session.written.is_empty() {
        session.view.show(&Event::Note("there is no work anywhere"));
    }
    session.view.finish();
    fail_if_failed(&report)?;
    fail_if_left(failed)
}

/// Fails when things that were reported before could not be done.
fn fail_if_left(failed: usize) -> Result<(), Failure> {
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Unsuccessful("1 thing could not be done, as said above".to_owned())),
        many => Err(Failure::Unsuccessful(format!("{many} things could not be done, as said above"))),
    }
}
