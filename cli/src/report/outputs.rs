//! What later steps and jobs want to know: `release`, `status` and `deployed`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::outcome::Outcome;
use crate::secrets;

/// Names the report for later jobs.
const DOTENV: &str = "OCUROOT_DOTENV";

/// Appends them to the outputs of the step.
///
/// # Errors
/// When they cannot be written: where, and why.
pub(super) fn for_steps(outcome: &Outcome, exit_code: u8) -> Result<(), String> {
    let Some(path) = std::env::var_os("GITHUB_OUTPUT").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let text: String =
        values(outcome, exit_code, "\n").iter().map(|(name, value)| assigned(name, value)).collect();
    let file = File::options().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("cannot write outputs to {}: {error}", path.display()))
}

/// Writes them to the report for later jobs, instead of what an earlier command has written there.
///
/// # Errors
/// When they cannot be written: where, and why.
pub(super) fn for_jobs(outcome: &Outcome, exit_code: u8) -> Result<(), String> {
    let path = dotenv();
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let text = dotenv_with(&before, &values(outcome, exit_code, " "));
    std::fs::write(&path, text)
        .map_err(|error| format!("cannot write the dotenv report {}: {error}", path.display()))
}

/// Where the report for later jobs is: a path from the folder that the job has checked out.
pub(super) fn dotenv() -> PathBuf {
    let folder = std::env::var_os("CI_PROJECT_DIR").map(PathBuf::from);
    let folder = folder.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let folder = folder.canonicalize().unwrap_or(folder);
    let named = std::env::var_os(DOTENV).filter(|name| !name.is_empty());
    folder.join(named.unwrap_or_else(|| "ocuroot.env".into()))
}

/// Name and value of each; releases with `between` between them.
fn values(outcome: &Outcome, exit_code: u8, between: &str) -> [(&'static str, String); 3] {
    let releases: Vec<&str> = outcome.releases.iter().map(|released| released.release.as_str()).collect();
    [
        ("release", secrets::mask(&releases.join(between))),
        ("status", outcome.status(exit_code).to_owned()),
        ("deployed", secrets::mask(&outcome.deployed().to_string())),
    ]
}

/// A value of any number of lines. The line that ends it is none of its own.
fn assigned(name: &str, value: &str) -> String {
    let mut end = "ocuroot-ends".to_owned();
    while value.contains(&end) {
        end.push('.');
    }
    format!("{name}<<{end}\n{value}\n{end}\n")
}

/// A dotenv file with our values in it. A value is one line there, and nothing is quoted.
fn dotenv_with(before: &str, values: &[(&str, String)]) -> String {
    let key = |name: &str| format!("OCUROOT_{}", name.to_uppercase());
    let is_ours = |line: &&str| {
        line.split_once('=').is_some_and(|(name, _)| values.iter().any(|(known, _)| key(known) == name))
    };
    let others = before.lines().filter(|line| !is_ours(line)).map(|line| format!("{line}\n"));
    let ours =
        values.iter().map(|(name, value)| format!("{}={}\n", key(name), value.replace(['\r', '\n'], " ")));
    others.chain(ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_step() {
        for (value, expected) in [
            ("a", "x<<ocuroot-ends\na\nocuroot-ends\n"),
            ("a\nb=c", "x<<ocuroot-ends\na\nb=c\nocuroot-ends\n"),
            ("a\nocuroot-ends\ny=1", "x<<ocuroot-ends.\na\nocuroot-ends\ny=1\nocuroot-ends.\n"),
        ] {
            assert_eq!(assigned("x", value), expected);
        }
    }

    #[test]
    fn a_value_of_a_job() {
        let values = [("release", "a b\nX=1".to_owned())];
        for (before, expected) in [
            ("", "OCUROOT_RELEASE=a b X=1\n"),
            ("OCUROOT_RELEASE=old\nOTHER=1", "OTHER=1\nOCUROOT_RELEASE=a b X=1\n"),
        ] {
            assert_eq!(dotenv_with(before, &values), expected);
        }
    }
}
