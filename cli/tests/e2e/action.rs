//! `action.yml`: its scripts as a runner runs them, and that no input ever is code.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect;

use crate::world::{Run, World};

const ACTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const REPO: &str = "-- a.ocu.star --\ndef f():\n    return done()\ntask(f, \"f\")\n-- sub/x --\n";

/// A runner's folders, beside the repo.
struct Runner {
    world: World,
    /// Programs that are found before all others.
    bin: PathBuf,
}

impl Runner {
    /// One without `ocuroot`. Its `cargo` is quick, and says what it was asked for.
    fn new() -> Runner {
        let world = World::new(REPO).with("GITHUB_ACTIONS", "true");
        let top = world.root().parent().unwrap().to_owned();
        let in_top = |name: &str| top.join(name).display().to_string();
        let runner = Runner { bin: top.join("bin"), world };
        std::fs::create_dir_all(&runner.bin).unwrap();
        runner.program(
            "cargo",
            &format!(
                "echo \"$@\" >>'{}'\nwhile [ $# -gt 1 ]; do [ \"$1\" = --root ] && root=\"$2\"; shift; done\nmkdir -p \"$root/bin\" && ln -s '{}' \"$root/bin/ocuroot\"",
                in_top("asked"),
                env!("CARGO_BIN_EXE_ocuroot")
            ),
        );
        let world = runner
            .world
            .with("RUNNER_TOOL_CACHE", &in_top("tools"))
            .with("GITHUB_PATH", &in_top("path"))
            .with("GITHUB_OUTPUT", &in_top("output"))
            .with("PATH", &format!("{}:/usr/local/bin:/usr/bin:/bin", runner.bin.display()));
        Runner { world, ..runner }
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What is in a file beside the repo.
    fn beside(&self, name: &str) -> String {
        let path = self.world.root().parent().unwrap().join(name);
        self.world.tidy_text(&std::fs::read_to_string(path).unwrap_or_default())
    }

    /// One of the action's scripts, with these inputs.
    fn script(&self, name: &str, inputs: &[(&str, &str)]) -> Run {
        let mut command = Command::new("bash");
        command.arg(Path::new(ACTION).join("action").join(name)).current_dir(self.world.root()).env_clear();
        command.envs(
            self.world
                .command("", &[])
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))),
        );
        // A step finds what the one before it has put on the path.
        let added = std::fs::read_to_string(self.world.root().join("../path")).unwrap_or_default();
        if let Some(folder) = added.lines().last() {
            let path = format!("{folder}:{}:/usr/local/bin:/usr/bin:/bin", self.bin.display());
            command.env("PATH", path);
        }
        command.envs(inputs.iter().map(|(name, value)| (format!("OCUROOT_ACTION_{name}"), value)));
        self.world.tidy(&command.stdin(Stdio::null()).output().unwrap())
    }
}

#[test]
fn it_is_built_once_and_then_runs() {
    let runner = Runner::new();
    let run = runner.script("install.sh", &[("VERSION", "")]);
    assert_eq!(run.code, 0, "{}", run.text());
    assert!(runner.beside("asked").starts_with("install --locked --path "), "{}", runner.beside("asked"));
    let added = runner.beside("path");
    let version = env!("CARGO_PKG_VERSION");
    assert!(added.contains(&format!("/tools/ocuroot/{version}-")) && added.ends_with("/bin\n"), "{added}");
    // The next job has it.
    let again = runner.script("install.sh", &[("VERSION", version)]);
    assert!(
        again.stdout.contains("on PATH") || again.stdout.contains("was built before"),
        "{}",
        again.text()
    );
    assert_eq!(runner.beside("asked").lines().count(), 1);

    let home = runner.world.root().join("../action-home");
    let inputs = [("COMMAND", " push\n -j1 "), ("DIRECTORY", "sub"), ("HOME", &*home.to_string_lossy())];
    let run = runner.script("run.sh", &inputs);
    assert_eq!((run.code, run.stdout.as_str()), (0, "shop/-/a.ocu.star/@r1 complete\n"), "{}", run.text());
    assert!(home.join("logs").is_dir(), "it is OCUROOT_HOME");
    expect![[r#"
        release<<ocuroot-ends
        shop/-/a.ocu.star/@r1
        ocuroot-ends
        status<<ocuroot-ends
        complete
        ocuroot-ends
        deployed<<ocuroot-ends
        []
        ocuroot-ends
    "#]]
    .assert_eq(&runner.beside("output"));
}

#[test]
fn what_is_on_path_is_used_if_it_is_what_is_wanted() {
    let runner = Runner::new();
    runner.program("ocuroot", "[ \"$1\" = version ] && echo 0.3.9");
    let found = runner.script("install.sh", &[("VERSION", "")]);
    assert_eq!(found.stdout, "ocuroot 0.3.9 is on PATH: $DIR/bin/ocuroot\n", "{}", found.text());
    assert_eq!(runner.script("install.sh", &[("VERSION", "v0.3.9")]).stdout, found.stdout);
    assert_eq!((runner.beside("asked"), runner.beside("path")), (String::new(), String::new()));
    // Else it is built.
    let run = runner.script("install.sh", &[("VERSION", env!("CARGO_PKG_VERSION"))]);
    assert_eq!((run.code, runner.beside("asked").lines().count()), (0, 1), "{}", run.text());
}

#[test]
fn what_cannot_be_had_is_named() {
    let runner = Runner::new();
    let run = runner.script("install.sh", &[("VERSION", "9.9\n::set-env name=X::y")]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("::error::the input `version` is 9.9%0A::set-env"), "{}", run.text());
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.text());

    runner.program("cargo", "echo no >&2; exit 101");
    let run = runner.script("install.sh", &[("VERSION", "")]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("::error::cargo could not build ocuroot"), "{}", run.text());
    let tools = runner.world.root().join("../tools/ocuroot");
    let left: Vec<_> = walk(&tools).into_iter().filter(|path| path.is_file()).collect();
    assert!(left.is_empty(), "{left:?}");

    let run = runner.script("run.sh", &[("COMMAND", " "), ("DIRECTORY", "."), ("HOME", "")]);
    assert_eq!(run.code, 2, "{}", run.text());
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| [walk(&path), vec![path]].concat()).collect()
}

#[test]
fn an_input_is_never_code() {
    let runner = Runner::new();
    runner.program("ocuroot", "for word; do echo \"<$word>\"; done");
    let run = runner.script(
        "run.sh",
        &[("COMMAND", "release $(touch hacked) `touch hacked`; touch hacked * --x"), ("HOME", "")],
    );
    assert_eq!(
        run.stdout,
        "<release>\n<$(touch>\n<hacked)>\n<`touch>\n<hacked`;>\n<touch>\n<hacked>\n<*>\n<--x>\n",
        "{}",
        run.text()
    );
    assert!(!runner.world.root().join("hacked").exists());

    // An expression stands only where its value is no part of a script.
    let text = std::fs::read_to_string(Path::new(ACTION).join("action.yml")).unwrap();
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut expressions = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        let key = line.trim_start().trim_start_matches("- ");
        let indent = line.len() - key.len();
        blocks.retain(|(depth, _)| *depth < indent);
        if line.contains("${{") {
            expressions += 1;
            let above: Vec<&str> = blocks.iter().map(|(_, name)| name.as_str()).collect();
            let is_value = matches!(above.as_slice(), ["runs", "steps", "env" | "with"])
                || (matches!(above.as_slice(), ["outputs", _]) && key.starts_with("value: "));
            assert!(is_value, "{above:?}: {line}");
        }
        if let Some((name, _)) = key.split_once(':') {
            blocks.push((indent, name.to_owned()));
        }
    }
    assert!(expressions > 5, "{expressions}");
}
