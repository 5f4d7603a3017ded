//! A real Gitea for tests in other languages (`tests/githost/gitea.mjs`): prints where it is and who
//! may do everything there, as a line of JSON, and ends with its standard input.
//!
//! Its arguments are further lines of `app.ini`.

use std::io::Write as _;
use std::process::ExitCode;

use ocuroot_tests::Outcome;
use ocuroot_tests::githost::{Host, PASSWORD, Tools, USER};
use serde_json::json;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let tools =
        Tools::find().ok_or("there is no gitea and gitea-runner on PATH; `cargo xtask setup` builds them")?;
    let lines: Vec<String> = std::env::args().skip(1).collect();
    let host = Host::without_runner(tools, &(lines.join("\n") + "\n"))?;
    let about = json!({
        "origin": host.url(), "token": host.own_token(), "user": USER, "password": PASSWORD,
    });
    println!("{about}");
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
