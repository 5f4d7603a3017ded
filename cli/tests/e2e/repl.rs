//! `repl`: Starlark with the SDK, a file's globals and the state at hand.

use std::io::Write;
use std::process::Stdio;

use expect_test::{Expect, expect};

use crate::terminal::Terminal;
use crate::world::World;

const WEB: &str = r#"-- env.ocu.star --
register_environment(environment("prod"))
-- web/release.ocu.star --
load("./lib.star", "twice")
_private = 20

def build(n):
    return done(outputs={"n": twice(n) + _private})

task(build, "build", inputs={"n": 1})
-- web/lib.star --
def twice(n):
    return n * 2
-- web/note.txt --
hello
"#;

fn world() -> World {
    let world = World::new(WEB);
    world.ok("release new env.ocu.star");
    world.ok("release new web/release.ocu.star");
    world
}

/// What code that comes on stdin comes to.
#[track_caller]
fn piped(world: &World, arguments: &[&str], code: &[u8], expected: Expect) {
    let mut command = world.command("", arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(code);
    expected.assert_eq(&world.tidy(&child.wait_with_output().unwrap()).text());
}

#[test]
fn the_value_of_the_last_expression_is_printed() {
    let world = world();
    for (code, expected) in [
        ("1 + 1", expect!["2\n"]),
        ("x = 2\nx * 3", expect!["6\n"]),
        (
            "'a'",
            expect![[r#"
            "a"
        "#]],
        ),
        ("None", expect![""]),
        ("x = 1", expect![""]),
        ("", expect![""]),
        ("print('said'); 2", expect!["said\n2\n"]),
        (
            "shell('echo out; echo err >&2', mute=True).stdout",
            expect![[r#"
            "out\n"
        "#]],
        ),
        (
            "write('made/it.txt', 'x'); read('made/it.txt')",
            expect![[r#"
            "x"
        "#]],
        ),
        (
            "environments()[0].name",
            expect![[r#"
            "prod"
        "#]],
        ),
    ] {
        expected.assert_eq(&world.run(&["repl", "-c", code]).text());
    }
}

#[test]
fn a_files_globals_and_its_folder_are_there() {
    let world = world();
    for (code, expected) in [
        ("_private + twice(1)", expect!["22\n"]),
        (
            "build(3)",
            expect![[r#"
            done(outputs = {"n":26})
        "#]],
        ),
        (
            "read('note.txt')",
            expect![[r#"
            "hello\n"
        "#]],
        ),
        ("load('./lib.star', t='twice'); t(4)", expect!["8\n"]),
        (
            "ref('./@/task/build#output/n')",
            expect![[r#"
            {"ref": "shop/-/web/release.ocu.star/@/task/build#output/n"}
        "#]],
        ),
    ] {
        expected.assert_eq(&world.run(&["repl", "web/release.ocu.star", "-c", code]).text());
    }
    assert_eq!(world.run_in("web", &["repl", "release.ocu.star", "--code", "_private"]).stdout, "20\n");
    let config = world.run(&["repl", "repo.ocu.star", "-c", "store.fs('x')"]);
    assert_eq!(config.stdout, "{\"fs\": {\"path\": \"x\"}}\n", "{}", config.text());
}

#[test]
fn the_state_can_be_read() {
    let world = world();
    world.ok("state set @/custom/a intended");
    for (words, expected) in [
        (
            &["-c", "state_get('@/environment/prod')['name']"][..],
            expect![[r#"
            "prod"
        "#]],
        ),
        (
            &["-c", "[state_get('+/custom/a'), state_get('@/custom/a')]"],
            expect![[r#"
            ["intended", None]
        "#]],
        ),
        (
            &["-c", "state_match('**/@/task/*')"],
            expect![[r#"
            ["shop/-/web/release.ocu.star/@/task/build"]
        "#]],
        ),
        (&["-c", "len(state_match()) > 5"], expect!["True\n"]),
        (&["-c", "state_get('./-/web/release.ocu.star/@r1/task/build#output/n')"], expect!["22\n"]),
        (&["web/release.ocu.star", "-c", "state_get('./@/task/build#output/n')"], expect!["22\n"]),
        (&["web/release.ocu.star/@r1", "-c", "state_get('./task/build#output/n')"], expect!["22\n"]),
        (
            &["--package=web/release.ocu.star", "--release=r1", "-c", "state_get('./task/build#output/n')"],
            expect!["22\n"],
        ),
        (
            &["-c", "state_get('a//b')"],
            expect![[r#"
            --- stderr
            error: byte 2 of `a//b`: a segment is empty; write one `/`, not two
             --> <repl>:1:1
              |
            1 | state_get('a//b')
              | ^^^^^^^^^^^^^^^^^
            --- exit 1
        "#]],
        ),
        (
            &["-c", "state_match('[')"],
            expect![[r#"
            --- stderr
            error: `[` at byte 0 of the pattern `[`: this `[` is never closed; add a `]`, or write `\[` for the character
             --> <repl>:1:1
              |
            1 | state_match('[')
              | ^^^^^^^^^^^^^^^^
            --- exit 1
        "#]],
        ),
    ] {
        expected.assert_eq(&world.run(&[&["repl"], words].concat()).text());
    }
}

#[test]
fn mistakes_say_where_they_are() {
    let world = world();
    for (code, expected) in [
        (
            "x = 1\nx +",
            expect![[r#"
                --- stderr
                error: Parse error: unexpected new line, expected expression
                 --> <repl>:2:4
                  |
                2 | x +
                  |    ^
                --- exit 1
            "#]],
        ),
        (
            "1 // 0",
            expect![[r#"
            --- stderr
            error: Floor division by zero: 1 // 0
             --> <repl>:1:1
              |
            1 | 1 // 0
              | ^^^^^^
            --- exit 1
        "#]],
        ),
        (
            "fail('no')",
            expect![[r#"
            --- stderr
            error: no
             --> <repl>:1:1
              |
            1 | fail('no')
              | ^^^^^^^^^^
            --- exit 1
        "#]],
        ),
    ] {
        expected.assert_eq(&world.run(&["repl", "-c", code]).text());
    }
    world.check(
        "repl web/nosuch.ocu.star",
        expect![[r#"
            --- stderr
            error: there is no release file $DIR/repo/web/nosuch.ocu.star
              help: name one of them:
                    web/release.ocu.star
            --- exit 1
        "#]],
    );
}

#[test]
fn code_on_stdin_is_evaluated_piece_by_piece_up_to_the_first_mistake() {
    let world = world();
    piped(
        &world,
        &["repl"],
        b"x = [1,\n 2]\nx\ndef f(y):\n    z = y\n\n    return z\nf(3)\nprint('said')\nf(4)",
        expect![[r#"
            [1, 2]
            3
            said
            4
        "#]],
    );
    piped(
        &world,
        &["repl"],
        b"1\n1 // 0\n3\n",
        expect![[r#"
        1
        --- stderr
        error: Floor division by zero: 1 // 0
         --> <repl>:1:1
          |
        1 | 1 // 0
          | ^^^^^^
        --- exit 1
    "#]],
    );
    piped(&world, &["repl"], b"", expect![""]);
    piped(
        &world,
        &["repl"],
        b"f(1,\n",
        expect![[r#"
        --- stderr
        error: Parse error: unexpected new line, expected expression
         --> <repl>:2:1
          |
        2 | 
          | ^
        --- exit 1
    "#]],
    );
    piped(
        &world,
        &["repl"],
        b"def f(x):\n",
        expect![[r#"
        --- stderr
        error: Parse error: unexpected end of file, expected new indentation block
         --> <repl>:2:1
          |
        2 | 
          | ^
        --- exit 1
    "#]],
    );
    piped(
        &world,
        &["repl"],
        b"1\n\xff\xfe\n",
        expect![[r#"
        1
        --- stderr
        error: cannot read stdin: stream did not contain valid UTF-8
        --- exit 1
    "#]],
    );
}

#[test]
fn no_store_and_no_repo_is_needed() {
    let world = World::new("-- repo.ocu.star --\nrepo_alias(\"shop\")\n");
    assert_eq!(world.run(&["repl", "-c", "environments()"]).text(), "[]\n");
    world.check(
        "repl -c state_get('@/custom/a')",
        expect![[r#"
        --- stderr
        error: $DIR/repo/repo.ocu.star sets no store
         --> <repl>:1:1
          |
        1 | state_get('@/custom/a')
          | ^^^^^^^^^^^^^^^^^^^^^^^
        help: add `store.set(store.fs("./.store"))` to it, or a git store: `store.git(…)`
        --- exit 1
    "#]],
    );
    let bare = World::bare();
    std::fs::create_dir_all(bare.root()).unwrap();
    assert_eq!(bare.run(&["repl", "-c", "1 + 1"]).text(), "2\n");
    bare.check(
        "repl -c state_match()",
        expect![[r#"
        --- stderr
        error: not inside a repo with repo.ocu.star (looked in $DIR/repo and up to /)
         --> <repl>:1:1
          |
        1 | state_match()
          | ^^^^^^^^^^^^^
        help: run this in a repo, or write repo.ocu.star with `ocuroot init`
        --- exit 1
    "#]],
    );
    bare.check(
        "repl release.ocu.star",
        expect![[r#"
        --- stderr
        error: not inside a repo with repo.ocu.star (looked in $DIR/repo and up to /)
          help: run this in a repo, or write repo.ocu.star with `ocuroot init`
        --- exit 1
    "#]],
    );
}

#[test]
fn code_is_in_no_log() {
    let world = world();
    world.run(&["repl", "-c", "secret('hunter2')"]);
    let logs = std::fs::read_dir(world.home().join("logs")).unwrap();
    for log in logs {
        let text = std::fs::read_to_string(log.unwrap().path()).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_terminal_has_editing_completion_and_a_history() {
    let world = world();
    let mut terminal = Terminal::start(world.command("", &["repl", "web/release.ocu.star"]));
    // What is waited for stands in no line that is typed.
    for (keys, expected) in [
        ("6 * 8\x7f7\r", "42\n"),
        ("for x in [1]:\r    print(x + 90)\r\r", "91\n"),
        ("_priv\t * 111\r", "2220\n"),
        ("state_get('@/envi\t/pr\t')['name'] * 2\r", "\"prodprod\"\n"),
        ("[nope,\r 1]\r", "Variable `nope` not found"),
        // Ctrl-C takes back what is typed; what was typed before comes back from the history.
        ("1 +\x03", "\n"),
        ("\x1b[A\x1b[A + 's'\r", "\"prodprods\"\n"),
    ] {
        terminal.wait_for(">>> ");
        terminal.press(keys);
        terminal.wait_for(expected);
    }
    terminal.wait_for(">>> ");
    terminal.press("\x04");
    assert_eq!(terminal.end(), Some(0));
    let history = world.home().join("repl_history");
    assert!(std::fs::read_to_string(&history).unwrap().contains("_private * 111\n"));
    let mode = std::os::unix::fs::MetadataExt::mode(&history.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600);
}
