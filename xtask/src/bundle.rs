//! Builds the dashboard: a folder of static files for any host, or for the tool to embed.
//!
//! Trunk compiles, joins and names the files by their content. What it cannot do is a page
//! without inline script, so its start script is moved to a file of its own here, and the policy
//! that forbids any other is put in.

use std::path::{Path, PathBuf};

use crate::project::{self, Failure, Outcome, Project};

/// How the dashboard is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Nothing but the page's own files, and requests only to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

/// Builds the dashboard and returns its folder.
///
/// # Errors
///
/// When it does not compile, or the page is not as expected.
pub(crate) fn run(project: &Project, profile: Profile) -> Outcome<PathBuf> {
    let bundle = project.target().join("bundle");
    let mut trunk = project.command("trunk");
    trunk
        .args(["build", "--offline", "--dist"])
        .arg(&bundle)
        .args(match profile {
            Profile::Dev => &[] as &[&str],
            Profile::Release => &["--release"],
        })
        // wasm-bindgen reads a section that `strip = true` takes away, and strips by itself.
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        // Trunk reads this variable as a flag of its own and accepts only true and false.
        .env_remove("NO_COLOR");
    project::run(&mut trunk)?;
    harden(&bundle)?;
    println!("The dashboard is in {}", bundle.display());
    Ok(bundle)
}

/// Moves the page's inline script to a file, and puts its policy in.
fn harden(bundle: &Path) -> Outcome {
    let index = bundle.join("index.html");
    let page = project::read(&index)?;
    let Hardened { page, script, name } = split(&page).ok_or_else(|| {
        Failure::new(
            format!("{} is not as this chore expects it", index.display()),
            "has trunk's output changed? See xtask/src/bundle.rs",
        )
    })?;
    project::write(&bundle.join(name), &script)?;
    project::write(&index, &page)
}

struct Hardened {
    page: String,
    script: String,
    name: String,
}

fn split(page: &str) -> Option<Hardened> {
    let (before, rest) = page.split_once("<script type=\"module\">")?;
    let (script, after) = rest.split_once("</script>")?;
    if after.contains("<script") {
        return None;
    }
    // The script names the file that it loads, whose name holds a hash of everything below it.
    let loads = script.split_once("from './")?.1.split_once(".js'")?.0;
    let name = format!("start-{}.js", loads.rsplit('-').next()?);
    let page = format!("{before}<script type=\"module\" src=\"./{name}\"></script>{after}");
    let policy = format!("<head>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    Some(Hardened { page: page.replacen("<head>", &policy, 1), script: script.to_owned(), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inline_script_moves_out() {
        let page = "<head>\n<script type=\"module\">\nimport init from './app-1f.js';\n</script>\n</head>";
        let hardened = split(page).unwrap();
        assert_eq!(hardened.name, "start-1f.js");
        assert_eq!(hardened.script, "\nimport init from './app-1f.js';\n");
        assert!(hardened.page.ends_with("<script type=\"module\" src=\"./start-1f.js\"></script>\n</head>"));
        assert!(hardened.page.starts_with("<head>\n<meta http-equiv=\"Content-Security-Policy\""));
        assert!(split("<head></head>").is_none());
    }
}
