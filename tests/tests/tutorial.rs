//! The tutorial and the walk-through of stores, followed to the letter.
//!
//! Every ` ```console ` block of `docs/tutorial.md` is typed into one shell, in order, and every
//! block with a title (` ```starlark title=check/release.ocu.star `) is written to that file where
//! the shell is then. What the tutorial shows must appear, line by line, in that order:
//!
//! * `…` alone on a line: any lines, or none.
//! * `…` in a line: any text. Runs of spaces count as one.
//! * A command must succeed, unless the output that is shown has a line that starts with `error: `.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ocuroot_tests::path_with_ocuroot;

/// Stands before what belongs to one command in the shell's output; no program prints it.
const MARK: char = '\u{1e}';

/// One thing that the tutorial asks for.
enum Step {
    /// Type this, and see that.
    Run { line: usize, command: String, shown: Vec<String> },
    /// Write a file.
    File { path: String, content: String },
}

#[test]
fn the_tutorial_works_as_written() {
    for tool in ["git", "curl", "node"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "the tutorial needs {tool} on the PATH");
    }
    // A clone of this project, as far as the tutorial looks at it.
    let home = tempfile::tempdir().expect("a temporary folder");
    let clone = home.path().join("ocuroot");
    copy(&root().join("examples/shop"), &clone.join("examples/shop"));
    follow("docs/tutorial.md", &read("docs/tutorial.md"), home.path(), &clone);
}

#[test]
fn two_clones_work_at_once_as_written() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let page = read("docs/stores.md");
    let (_, walk) = page.split_once("## Two clones at work").expect("the walk-through");
    let folder = home.path().join("empty");
    fs::create_dir(&folder).expect("a folder");
    follow("docs/stores.md, its walk-through", walk, home.path(), &folder);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root above the crate")
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).expect("the page")
}

/// Does what `text`, of a page, says in `folder`.
fn follow(page: &str, text: &str, home: &Path, folder: &Path) {
    let steps = steps(text);
    assert!(steps.len() > 20, "only {} steps found: has the form of the blocks changed?", steps.len());
    let output = Command::new("sh")
        .arg("-c")
        .arg(script(&steps))
        .current_dir(folder)
        .env("PATH", path_with_ocuroot(&home.join("bin")).expect("a PATH"))
        .env("HOME", home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Reader"), ("GIT_AUTHOR_EMAIL", "reader@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Reader"), ("GIT_COMMITTER_EMAIL", "reader@example.com")])
        .env("SHOP_OWNER", std::process::id().to_string()) // its servers end with this test, whatever happens
        .env_remove("SHOP_RUN")
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    compare(page, &steps, &String::from_utf8_lossy(&output.stdout));
}

/// The blocks of the tutorial that are to be followed.
fn steps(tutorial: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = tutorial.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        if info == "console" {
            for (number, line) in block {
                match (line.strip_prefix("$ "), steps.last_mut()) {
                    (Some(command), _) => {
                        steps.push(Step::Run {
                            line: number + 1,
                            command: command.to_owned(),
                            shown: Vec::new(),
                        });
                    }
                    (None, Some(Step::Run { shown, .. })) => shown.push(line.to_owned()),
                    (None, _) => panic!("line {}: output before any command", number + 1),
                }
            }
        } else if let Some((_, path)) = info.split_once(" title=") {
            let content = block.iter().flat_map(|(_, line)| [line, "\n"]).collect();
            steps.push(Step::File { path: path.to_owned(), content });
        }
    }
    steps
}

/// All steps for one shell. Before each command's output stands its number, behind it its exit code.
fn script(steps: &[Step]) -> String {
    let mut script = String::from("exec 2>&1\n");
    for (index, step) in steps.iter().enumerate() {
        let step = match step {
            Step::Run { command, .. } => {
                format!("printf '{MARK}%s\\n' {index}\n{command}\nprintf '{MARK}=%s\\n' $?\n")
            }
            Step::File { path, content } => format!("cat > '{path}' <<'END OF FILE'\n{content}END OF FILE\n"),
        };
        script.push_str(&step);
    }
    script
}

/// Compares what was printed with what is shown, and says everything that differs.
fn compare(page: &str, steps: &[Step], printed: &str) {
    let mut problems = String::new();
    for (index, step) in steps.iter().enumerate() {
        let Step::Run { line, command, shown } = step else { continue };
        let output = printed.split_once(&format!("{MARK}{index}\n")).map_or("", |(_, rest)| rest);
        let (output, rest) = output.split_once(&format!("{MARK}=")).unwrap_or((output, "none"));
        let code = rest.lines().next().unwrap_or_default();
        let should_fail = shown.iter().any(|line| line.starts_with("error: "));
        let mut wrong = Vec::new();
        if (code != "0") != should_fail {
            wrong.push(format!("it ended with exit code {code}"));
        }
        let actual: Vec<&str> = output.lines().collect();
        if let Err(missing) = appears(shown, &actual) {
            wrong.push(missing);
        }
        if !wrong.is_empty() {
            let _ = writeln!(problems, "\n{page}, line {line}: $ {command}");
            let _ = writeln!(problems, "  {}\n  it printed:\n{output}", wrong.join("\n  "));
        }
    }
    assert!(problems.is_empty(), "the tutorial and the tool disagree:\n{problems}");
}

/// Whether the lines shown appear among those printed, in their order. Lines between them may be
/// left out only where the tutorial shows a `…`.
fn appears(shown: &[String], printed: &[&str]) -> Result<(), String> {
    let mut at = 0;
    let mut gap = false;
    for pattern in shown {
        if pattern == "…" {
            gap = true;
            continue;
        }
        let rest = printed.get(at..).unwrap_or_default();
        let reach = if gap { rest.len() } else { 1 };
        match rest.iter().take(reach).position(|line| matches(pattern, line)) {
            Some(found) => at += found + 1,
            None => return Err(format!("missing, or not where it should be: {pattern}")),
        }
        gap = false;
    }
    match printed.get(at) {
        Some(more) if !gap => Err(format!("this is printed, and not shown: {more}")),
        _ => Ok(()),
    }
}

/// Whether a line is as shown; `…` stands for any text.
fn matches(pattern: &str, line: &str) -> bool {
    let plain = |text: &str| text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let (pattern, line) = (plain(pattern), plain(line));
    let parts: Vec<&str> = pattern.split('…').map(str::trim).collect();
    let [first, between @ .., last] = parts.as_slice() else { return pattern == line };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in between {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

/// Copies what a folder holds, but not what its .gitignore names: `.run` and `.store`.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the example").map(|entry| entry.expect("an entry")) {
        let (name, path) = (entry.file_name(), entry.path());
        if name == ".run" || name == ".store" {
        } else if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}

#[test]
fn lines_shown_stand_for_lines_printed() {
    for (pattern, line, expected) in [
        ("a b", "a   b", true),
        ("a b", "a bc", false),
        ("a … c", "a b c", true),
        ("a …", "a b c", true),
        ("a … c", "a b d", false),
        ("… c", "a c", true),
        ("tags 1-…", "tags   1-23", true),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(matches(pattern, line), expected, "{pattern:?} {line:?}");
    }
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(appears(&shown(&["a", "…", "c"]), &["a", "b", "b", "c"]).is_ok());
    assert!(appears(&shown(&["a", "…"]), &["a"]).is_ok());
    assert!(appears(&shown(&["a", "c"]), &["a", "b", "c"]).is_err());
    assert!(appears(&shown(&["a"]), &["a", "b"]).is_err());
    assert!(appears(&shown(&[]), &["unexpected"]).is_err());
    assert!(appears(&shown(&["a"]), &[]).is_err());
}
