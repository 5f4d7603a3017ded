//! `cargo xtask demo --ci`: from a push to every environment, on a git host on this machine.

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ocuroot_tests::Outcome;
use ocuroot_tests::githost::{Host, INTERRUPTED, Tools, scenario};

fn main() -> ExitCode {
    let keep = std::env::args().skip(1).any(|argument| argument == "--keep");
    match tell(keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(keep: bool) -> Outcome {
    let start = Instant::now();
    // So that nothing is left behind then either.
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
    let tools =
        Tools::find().ok_or("there is no gitea and gitea-runner on PATH; `cargo xtask setup` builds them")?;
    let host = Host::start(tools)?;
    println!("The git host is at {}, and a runner waits for its jobs.", host.url());
    let told = scenario::first_push(&host)
        .and_then(|()| scenario::environment_by_pull_request(&host))
        .and_then(|()| scenario::approval_by_pull_request(&host))
        .and_then(|()| scenario::another_repo(&host));
    println!("\n({} s since the start of the git host)", start.elapsed().as_secs());
    if keep {
        host.keep();
    }
    told
}
