//! Code that is typed at a prompt.

use serde_json::{Value as Json, json};

use super::Fixture;
use crate::sdk::{Console, Diagnostics, HostError, Limits, Program, State, Surroundings, repl};

/// Types lines, and takes down what they come to.
struct Typed<'a> {
    lines: std::slice::Iter<'a, &'a str>,
    names: Vec<String>,
    answers: Vec<String>,
}

impl Console for Typed<'_> {
    fn read(&mut self, names: &[String]) -> Option<String> {
        self.names = names.to_vec();
        self.lines.next().map(|line| (*line).to_owned())
    }

    fn answer(&mut self, answer: Result<Option<String>, Diagnostics>) -> bool {
        self.answers.push(match answer {
            Ok(value) => value.unwrap_or_default(),
            Err(diagnostics) => diagnostics.to_string(),
        });
        true
    }
}

/// A store with one document.
struct OneDocument;

impl State for OneDocument {
    fn get(&self, reference: &str) -> Result<Option<Json>, HostError> {
        match reference {
            "nonsense" => Err(HostError::new("that is no ref")),
            "@/custom/a" => Ok(Some(json!({"b": [1, null], "a": 12345678901234567890_u64}))),
            _ => Ok(None),
        }
    }

    fn matching(&self, glob: &str) -> Result<Vec<String>, HostError> {
        Ok(if glob == "**" { vec!["@/custom/a".to_owned()] } else { Vec::new() })
    }
}

fn typed<'a>(fixture: &Fixture, program: Option<&Program>, lines: &'a [&'a str]) -> Typed<'a> {
    let mut console = Typed { lines: lines.iter(), names: Vec::new(), answers: Vec::new() };
    let surroundings = Surroundings {
        program,
        folder: "",
        base: &fixture.base(),
        host: &fixture.host,
        state: &OneDocument,
        limits: &Limits::default(),
    };
    repl(surroundings, &mut console);
    console
}

#[track_caller]
fn check(lines: &[&str], expected: &[&str]) {
    assert_eq!(typed(&Fixture::new(""), None, lines).answers, expected);
}

#[test]
fn each_line_sees_those_before_it() {
    check(
        &["x = 2", "x * 3", "def f(y):\n    return y + x", "f(1)", "x = 5", "f(1)", "None", "", "# nothing"],
        // A function keeps what it saw where it was defined.
        &["", "6", "", "3", "", "3", "", "", ""],
    );
    check(
        &["'a' + \"b\"", "[1, None]", "{'k': True}", "1; 2"],
        &["\"ab\"", "[1, None]", "{\"k\": True}", "2"],
    );
    check(&["l = [1]", "l.append(2)", "l", "for i in l:\n    print(i)"], &["", "", "[1, 2]", ""]);
}

#[test]
fn a_mistake_costs_its_own_line_only() {
    let answers = typed(&Fixture::new(""), None, &["x = 1", "x +", "y", "fail('no')", "x"]).answers;
    assert!(answers[1].starts_with("error: ") && answers[1].contains("--> <repl>:1:4"), "{}", answers[1]);
    assert!(answers[2].contains("`y`") && answers[2].contains("--> <repl>:1:1"), "{}", answers[2]);
    assert!(answers[3].starts_with("error: no\n --> <repl>:1:1"), "{}", answers[3]);
    assert_eq!(answers[4], "1");
    // What was said of one line is not said of the next.
    let answers = typed(&Fixture::new(""), None, &["next(f, inputs={'1x': 1})", "2"]).answers;
    assert_eq!(answers[1], "2", "{answers:?}");
    let answers = typed(&Fixture::new(""), None, &["def f():\n  f()\n\n", "f()", "3"]).answers;
    assert!(answers[1].contains("calls itself"), "{}", answers[1]);
    assert_eq!(answers[2], "3");
}

const FILE: &str = "\
load(\"./lib.star\", \"twice\")
_private = 20
def build(n):
    return done(outputs={\"n\": twice(n) + _private})
task(build, \"build\", inputs={\"n\": 1})
-- lib.star --
def twice(n):
    return n * 2
def thrice(n):
    return n * 3
";

#[test]
fn the_globals_of_a_file_are_there_private_ones_and_what_it_loads_too() {
    let fixture = Fixture::new(FILE);
    let program = fixture.evaluate().unwrap();
    let console = typed(
        &fixture,
        Some(&program),
        &[
            "_private",
            "twice(4)",
            "load('./lib.star', 'thrice')",
            "thrice(3)",
            "_private = 1",
            "_private",
            "_x = 1",
            "_x",
        ],
    );
    assert_eq!(console.answers, ["20", "8", "", "9", "", "1", "", "1"]);
    for name in [
        "_private",
        "twice",
        "thrice",
        "build",
        "_x",
        "task",
        "state_get",
        "json",
        "json.encode",
        "host.shell",
        "len",
    ] {
        assert!(console.names.iter().any(|known| known == name), "{name}: {:?}", console.names);
    }
    assert!(console.names.is_sorted() && !console.names.iter().any(|name| name == "*"));
    // The file's own functions see what the file has, not what was typed.
    let console = typed(&fixture, Some(&program), &["_private = 1", "build(2)"]);
    assert!(console.answers[1].contains("24"), "{:?}", console.answers);
}

#[test]
fn the_state_can_be_read_here_and_in_no_file() {
    check(
        &[
            "state_get('@/custom/a')['a']",
            "state_get('@/custom/b')",
            "state_match()",
            "state_match('x')",
            "[state_get(r)['b'] for r in state_match()]",
        ],
        &["12345678901234567890", "", "[\"@/custom/a\"]", "[]", "[[1, None]]"],
    );
    let answers = typed(&Fixture::new(""), None, &["state_get('nonsense')"]).answers;
    assert!(answers[0].starts_with("error: that is no ref\n --> <repl>:1:1"), "{}", answers[0]);
    let error = Fixture::new("state_get('@/custom/a')\n").evaluate().unwrap_err().to_string();
    assert!(error.contains("state_get"), "{error}");
}

#[test]
fn secrets_are_masked_and_prints_go_to_the_log() {
    let fixture = Fixture::new("");
    let console = typed(&fixture, None, &["secret('hunter2')", "print('x hunter2')", "fail('hunter2')"]);
    assert_eq!(console.answers[0], "\"<secret>\"");
    assert!(console.answers[2].starts_with("error: <secret>"), "{}", console.answers[2]);
}
