use super::*;

#[track_caller]
fn message(text: &str) -> String {
    match Fixture::new(text).evaluate() {
        Ok(_) => panic!("no error in\n{text}"),
        Err(problems) => problems_of(&problems),
    }
}

#[test]
fn a_syntax_error_is_shown_in_its_place() {
    let problems = Fixture::new("x = 1\ndef f(:\n    pass").evaluate().unwrap_err();
    let text = problems.to_string();
    assert!(text.contains("--> release.ocu.star:2:7"), "{text}");
    assert!(text.contains("2 | def f(:\n  |       ^"), "{text}");
    assert!(!text.contains("called from"), "{text}");
    assert!(
        message("x = undefined_name").contains("release.ocu.star:1:5"),
        "{}",
        message("x = undefined_name")
    );
}

#[test]
fn a_runtime_error_three_calls_deep_shows_the_calls() {
    let problems = Fixture::new(
        r#"
load("./lib/a.star", "one")
def start():
    one({})
start()
-- lib/a.star --
load("./b.star", "two")
def one(d):
    two(d)
-- lib/b.star --
def two(d):
    three(d)
def three(d):
    print(d["k"])
"#,
    )
    .evaluate()
    .unwrap_err();
    assert_eq!(
        problems.to_string(),
        r#"error: Key `"k"` was not found
 --> lib/b.star:4:11
  |
4 |     print(d["k"])
  |           ^^^^^^
  = called from two at lib/b.star:2:5
  = called from one at lib/a.star:3:5
  = called from start at release.ocu.star:4:5
  = called from <module> at release.ocu.star:5:1"#
    );
    let functions: Vec<_> = problems.0[0].stack.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(functions, ["<module>", "start", "one", "two", "three"]);
}

#[test]
fn an_error_of_the_sdk_points_at_its_call() {
    let problems = Fixture::new("def f():\n    shell('x', env=4)\nf()").evaluate().unwrap_err();
    assert_eq!(
        problems.to_string(),
        "error: `env` is a dict, not `int`\n --> release.ocu.star:2:5\n  |\n2 |     shell('x', env=4)\n  |     ^^^^^^^^^^^^^^^^^\
         \n  = called from <module> at release.ocu.star:3:1"
    );
}

#[test]
fn loads_that_lead_nowhere() {
    assert_eq!(
        message(
            "load('./a.star', 'a')\n-- a.star --\nload('./b/b.star', 'b')\na = 1\n-- b/b.star --\nload('../a.star', 'a')\nb = 1"
        ),
        "b/b.star:1:1 files load each other in a circle: a.star → b/b.star → a.star"
    );
    assert_eq!(
        message("load('./release.ocu.star', 'a')"),
        "release.ocu.star:1:1 files load each other in a circle: release.ocu.star → release.ocu.star"
    );
    assert_eq!(
        message("load('../x.star', 'x')"),
        "release.ocu.star:1:1 `load(\"../x.star\")` leaves the repo"
    );
    assert_eq!(message("load('./nope.star', 'x')"), "release.ocu.star:1:1 there is no file `nope.star`");
    assert!(message("load('/etc/x.star', 'x')").contains("a path starts with"));
    assert!(message("load('./a.star', 'b')\n-- a.star --\na = 1").contains("`b`"));
    assert!(message("load('./a.star', 'a')\n-- a.star --\na = 1 +").starts_with("a.star:1:"));
}

#[test]
fn unknown_sdk_versions() {
    assert_eq!(
        message("ocuroot('0.9.0')"),
        "release.ocu.star:1:1 there is no SDK version `0.9.0`; known: 0.3.0"
    );
    assert_eq!(
        message("ocuroot('newest')"),
        "release.ocu.star:1:1 `newest` is not an SDK version or a constraint on one"
    );
}

#[test]
fn endless_loops_and_memory_end() {
    let limits = Limits { steps: 100_000, heap_bytes: 32 << 20, ..Limits::default() };
    let cases = [
        ("for i in range(1000000000):\n    x = i", "too many steps"),
        ("x = [i for i in range(100000000)]", "stopped"),
        ("def f():\n    for i in range(1000000000):\n        pass\nf()", "too many steps"),
        ("x = 'a'\nfor i in range(100):\n    x = x + x", "too much memory"),
        ("def f():\n    x = ['a']\n    for i in range(100):\n        x = x + x\nf()", "too much memory"),
        (
            "def f():\n    x = []\n    for i in range(100000):\n        x.append('y' * 100000)\nf()",
            "too much memory",
        ),
        ("x = 'abc' * 2000000000", "too much memory"),
        ("x = 2000000000 * [1]", "too much memory"),
        ("x = list(range(2000000000))", "too much memory"),
        ("x = sorted(range(2000000000))", "too much memory"),
    ];
    for (text, expected) in cases {
        let problems = Fixture::new(text).evaluate_within(&limits).unwrap_err();
        assert!(problems.0[0].message.contains(expected), "{text}: {problems}");
        assert!(problems.0[0].line > 0, "{text}: {problems}");
    }
    // A function is bounded too.
    let fixture = Fixture::new("def f():\n    for i in range(1000000000): pass\ntask(f, 't')");
    let problems = fixture.call_within("t", serde_json::json!({}), &limits).unwrap_err();
    assert!(problems.0[0].message.contains("too many steps"), "{problems}");
}

#[test]
fn no_recursion() {
    assert_eq!(
        message("def f(n):\n    return 1 if n == 0 else f(n - 1)\nf(1)"),
        "release.ocu.star:2:29 function `f` calls itself"
    );
    assert!(message("def f(): g()\ndef g(): f()\nf()").ends_with("function `f` calls itself"));
    assert!(message("f = lambda n: f(n)\nf(1)").ends_with("function `lambda` calls itself"));
    // The same function twice in a row, or for two values of a closure, is none.
    check_prints(
        "def f(n): return n\nprint(f(f(1)) + f(2))\ndef g(x): return [f(y) for y in x]\nprint(g([1, 2]))",
        &["3", "[1, 2]"],
    );
    check_prints("def f(h): return h()\ndef a(): return 1\ndef b(): return 2\nprint(f(a), f(b))", &["1 2"]);
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    let deep = format!("x = {}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(message(&deep).contains("nests too deeply"));
    let calls: String = (0..150).map(|n| format!("def f{n}(): return f{}()\n", n + 1)).collect();
    assert_eq!(
        message(&format!("{calls}def f150(): pass\nf0()")).split_once(' ').unwrap().1,
        "functions call each other too deeply"
    );
}

#[test]
fn values_of_the_wrong_type_are_named() {
    for (text, expected) in [
        ("task()", "fn"),
        ("task(print)", "name"),
        ("task(print, 'x', nope=1)", "nope"),
        ("phase(4)", "int"),
        ("deploy(4, up=print, down=print)", "an environment is given by its name, not `4`"),
        ("secret()", "positional"),
    ] {
        assert!(message(text).contains(expected), "{text}: {}", message(text));
    }
}

#[test]
fn long_chains_do_not_overflow_the_stack() {
    let deep = std::thread::Builder::new().stack_size(STACK_BYTES);
    deep.spawn(nest_in_every_way).unwrap().join().unwrap();
}

/// Just within what is allowed, and far beyond it.
fn nest_in_every_way() {
    for (piece, last) in [
        ("1 + ", "1"),
        ("not ", "1"),
        ("-", "1"),
        ("1 or ", "1"),
        ("lambda: ", "1"),
        ("[", ""),
        ("(1 + ", "1"),
        ("1 if 1 else ", "1"),
    ] {
        for times in [50, 95, 190, 20_000] {
            let closing = match piece.chars().next() {
                Some('[') => "]",
                Some('(') => ")",
                _ => "",
            };
            let text = format!("x = {}{last}{}", piece.repeat(times), closing.repeat(times));
            let result = Fixture::new(&text).evaluate();
            match times {
                50 => assert!(result.is_ok(), "{piece}: {}", result.unwrap_err()),
                20_000 => assert!(result.is_err(), "{piece}"),
                // Either will do, as long as it is an answer.
                _ => {}
            }
        }
    }
    for depth in [50, 300] {
        let text = (0..depth).map(|n| format!("{}if True:\n", " ".repeat(n))).collect::<String>();
        let result = Fixture::new(&format!("{text}{}x = 1\n", " ".repeat(depth))).evaluate();
        assert_eq!(result.is_ok(), depth == 50);
    }
    for branches in [190, 5_000] {
        let text = format!("x = 1\nif x == 0:\n  pass\n{}", "elif x == 2:\n  pass\n".repeat(branches));
        assert_eq!(Fixture::new(&text).evaluate().is_ok(), branches == 190);
    }
}
