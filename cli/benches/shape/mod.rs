//! Stores of any size, shaped like real ones.
//!
//! Every release has a document for its commit and one for each deployment's task, run, status
//! and logs; every environment has a link to what is deployed there. With [`Shape::LARGE`] that
//! makes about 100,000 documents in 220,000 files and folders.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::io::Write;
use std::path::Path;

use ocuroot_core::Ref;
use ocuroot_core::envelope::Document;
use serde_json::{Value, json};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Packages of the one repo.
    pub(crate) packages: u32,
    /// Releases of each package.
    pub(crate) releases: u32,
    /// Environments that each release is deployed to. The first is `prod`.
    pub(crate) deploys: u32,
}

impl Shape {
    /// What all figures of issue 3 and 4 are about.
    pub(crate) const LARGE: Shape = Shape { packages: 50, releases: 12, deploys: 40 };
}

/// Calls `write` with every document of a store of that shape, in the order of a person's work.
pub(crate) fn documents(shape: Shape, write: &mut dyn FnMut(&Ref, &Document)) {
    let mut write = |reference: String, document: Document| write(&reference.parse().unwrap(), &document);
    let mut put = |reference, body_type, body: Value| write(reference, Document::new(body_type, &body));
    let environments: Vec<String> = (0..shape.deploys).map(environment).collect();
    for name in &environments {
        put(format!("@/environment/{name}"), "sdk.Environment", environment_body(name));
    }
    for package in 0..shape.packages {
        let package = package_name(package);
        for number in 1..=shape.releases {
            let release = format!("{package}/@r{number}");
            let commit = format!("{number:040x}");
            put(release.clone(), "release.ReleaseInfo", release_body(&commit, &environments));
            put(
                format!("{release}/commit/{commit}"),
                "models.Marker",
                json!({"time": TIME, "subject": "Sell more", "author": "A. Person"}),
            );
            for name in &environments {
                let task = format!("{release}/deploy/{name}");
                let run = format!("{task}/1");
                let inputs = inputs(name);
                let output = json!({"host": format!("{name}.example.com"), "port": 8080});
                put(
                    task,
                    "models.Task",
                    json!({"run_ref": run, "type": "up", "release": release, "input": inputs, "output": output}),
                );
                put(
                    run.clone(),
                    "*models.Run",
                    json!({
                        "type": "up", "release": release, "output": output, "watch_files": null,
                        "functions": [{"fn": {"name": "up", "pos": "release.ocu.star:10:5"}, "inputs": inputs}],
                    }),
                );
                put(format!("{run}/status/complete"), "models.Marker", json!({"time": TIME}));
                put(
                    format!("{run}/logs"),
                    "[]sdk.Log",
                    json!([{"timestamp": TIME, "message": "deployed", "attributes": {"line": "11"}, "stream": 0}]),
                );
            }
        }
    }
    for package in 0..shape.packages {
        let package = package_name(package);
        for name in &environments {
            let target = format!("{package}/@r{}/deploy/{name}", shape.releases).parse().unwrap();
            write(format!("{package}/@/deploy/{name}"), Document::link(&target));
        }
    }
}

/// Calls `write` with every document of the intent that a store of that shape has come from, so that
/// there is nothing to do.
pub(crate) fn intent(shape: Shape, write: &mut dyn FnMut(&Ref, &Document)) {
    for number in 0..shape.deploys {
        let name = environment(number);
        let at = format!("@/environment/{name}").parse().unwrap();
        write(&at, &Document::new("sdk.Environment", &environment_body(&name)));
        for package in 0..shape.packages {
            let package = package_name(package);
            let body = json!({"release": format!("{package}/@r{}", shape.releases), "input": inputs(&name)});
            let at = format!("{package}/@/deploy/{name}").parse().unwrap();
            write(&at, &Document::new("models.Intent", &body));
        }
    }
}

/// What a document is written as into git: the path of its file, and its text.
pub(crate) type Files = Vec<(String, String)>;

/// Writes a branch with these files, and a store's marker, into the bare repo at `repo`.
pub(crate) fn import(repo: &Path, branch: &str, side: &str, files: &Files) {
    let marker = (".ocuroot-store".to_owned(), format!("{{\"version\":3,\"Tags\":{{\"{side}\":{{}}}}}}"));
    commit(repo, branch, "", files.iter().chain([&marker]));
}

/// Adds files to a branch that is there.
pub(crate) fn add(repo: &Path, branch: &str, files: &Files) {
    commit(repo, branch, &format!("from refs/heads/{branch}^0\n"), files.iter());
}

fn commit<'a>(repo: &Path, branch: &str, from: &str, files: impl Iterator<Item = &'a (String, String)>) {
    let mut git = std::process::Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repo)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = std::io::BufWriter::new(git.stdin.take().unwrap());
    write!(
        pipe,
        "commit refs/heads/{branch}\ncommitter P <p@example.org> 1700000000 +0000\ndata 5\nstore\n{from}"
    )
    .unwrap();
    for (path, text) in files {
        write!(pipe, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
    }
    drop(pipe);
    assert!(git.wait().unwrap().success());
}

/// A file of a document, for [`import`].
pub(crate) fn file(reference: &Ref, document: &Document) -> (String, String) {
    (format!("refs/{reference}/@object.json"), document.to_text())
}

/// Writes a store of that shape into a folder, marker and all, and returns how many documents it
/// has. Much faster than transactions would.
pub(crate) fn write(shape: Shape, folder: &Path) -> usize {
    let mut count = 0;
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(".ocuroot-store"), r#"{"version":3,"Tags":{"state":{}}}"#).unwrap();
    documents(shape, &mut |reference, document| {
        let folder = folder.join("refs").join(reference.as_str());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("@object.json"), document.to_text()).unwrap();
        count += 1;
    });
    count
}

const TIME: &str = "2026-01-05T10:00:00.123456789+01:00";

fn package_name(number: u32) -> String {
    format!("example.com/o/mono/-/p{number:02}/release.ocu.star")
}

fn environment(number: u32) -> String {
    if number == 0 { "prod".to_owned() } else { format!("env{number:02}") }
}

fn environment_body(name: &str) -> Value {
    json!({"name": name, "attributes": {"region": "eu-1", "type": "shop"}})
}

fn inputs(environment: &str) -> Value {
    json!({"environment": {
        "ref": format!("@/environment/{environment}"),
        "value": environment_body(environment),
    }})
}

fn release_body(commit: &str, environments: &[String]) -> Value {
    let function = json!({"name": "up", "pos": "release.ocu.star:10:5"});
    let deploys: Vec<Value> = environments
        .iter()
        .map(|name| {
            let input = json!({"environment": {"ref": format!("@/environment/{name}")}});
            json!({"deploy": {"environment": name, "up": function, "down": function, "inputs": input}})
        })
        .collect();
    json!({
        "commit": commit,
        "package": {
            "functions": {"up/release.ocu.star:10:5": {"function": function}},
            "phases": [{"name": "deploy", "tasks": deploys}],
        },
    })
}
