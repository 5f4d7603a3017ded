//! Finds the dashboard's files for the binary to hold: those in `OCUROOT_BUNDLE_DIR`, else in
//! `target/bundle`, where `cargo xtask bundle` puts them.
//!
//! A debug build holds none and reads the folder when it runs, so that neither waits for the other.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=OCUROOT_BUNDLE_DIR");
    let out = PathBuf::from(variable("OUT_DIR"));
    let given = std::env::var_os("OCUROOT_BUNDLE_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let debug = variable("PROFILE") == "debug";
    let default = target(&out).map(|target| target.join("bundle"));
    let mut files = Vec::new();
    if !debug && let Some(folder) = given.as_ref().or(default.as_ref()) {
        if folder.join("index.html").is_file() {
            println!("cargo:rerun-if-changed={}", folder.display());
            collect(folder, "", &mut files);
        } else if given.is_some() {
            println!("cargo:error=OCUROOT_BUNDLE_DIR is {}, which has no index.html", folder.display());
        }
    }
    files.sort();
    let mut code =
        String::from("/// The dashboard's files, by their paths.\nstatic FILES: &[(&str, &[u8])] = &[\n");
    for (path, file) in files {
        let _ = writeln!(code, "    ({path:?}, include_bytes!({:?})),", file.display().to_string());
    }
    let folder = default.filter(|_| debug).map(|folder| folder.display().to_string());
    let _ =
        writeln!(code, "];\n/// Where to look for them instead.\nconst FOLDER: Option<&str> = {folder:?};");
    let path = out.join("bundle.rs");
    if let Err(error) = std::fs::write(&path, code) {
        println!("cargo:error={}: {error}", path.display());
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Cargo's target folder, by that of this script: `target/[TRIPLE/]PROFILE/build/ocuroot-HASH/out`.
fn target(out: &Path) -> Option<&Path> {
    let folder = out.ancestors().nth(4)?;
    let is_of_triple = folder.file_name().is_some_and(|name| name == variable("TARGET").as_str());
    if is_of_triple { folder.parent() } else { Some(folder) }
}

/// The files of a folder and of those in it, by their paths from there.
fn collect(folder: &Path, before: &str, files: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // The list of stores is the one that the server makes.
        if name.starts_with('.') || (before.is_empty() && name == "stores.json") {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{before}{name}/"), files);
        } else {
            files.push((format!("{before}{name}"), path));
        }
    }
}
