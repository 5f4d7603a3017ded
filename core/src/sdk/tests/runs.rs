use serde_json::json;

use super::*;
use crate::order::Order as _;

fn done(text: &str, inputs: Json) -> (Option<Json>, Vec<String>, Vec<String>) {
    match Fixture::new(text).call("t", inputs) {
        Ok(Returned::Done { outputs, tags, watch, .. }) => (outputs.map(Json::Object), tags, watch),
        other => panic!("{other:?}"),
    }
}

fn failure(text: &str) -> String {
    problems_of(&Fixture::new(text).call("t", json!({})).unwrap_err())
}

#[test]
fn results() {
    let cases = [
        ("return done()", None),
        ("pass", None),
        ("return 'text'", None),
        ("return done(outputs={})", Some(json!({}))),
        ("done(outputs={'a': 1})", Some(json!({"a": 1}))),
        ("return done('words', {'a': [1.0, True, None]})", Some(json!({"a": [1.0, true, null]}))),
        ("return done(**outputs(a=1, b='x'))", Some(json!({"a": 1, "b": "x"}))),
        (
            "return done(outputs={'n': 123456789012345678901234567890})",
            Some(serde_json::from_str("{\"n\":123456789012345678901234567890}").unwrap()),
        ),
    ];
    for (body, expected) in cases {
        let (outputs, ..) = done(&format!("def f():\n    {body}\ntask(f, 't')"), json!({}));
        assert_eq!(outputs, expected, "{body}");
    }
    let (_, tags, watch) = done(
        "def f(): return done(tags=['v1', '0.1.0-1'], watch=('src', 'go.mod'))\ntask(f, 't')",
        json!({}),
    );
    assert_eq!((tags, watch), (vec!["v1".into(), "0.1.0-1".into()], vec!["src".into(), "go.mod".into()]));
}

#[test]
fn failures() {
    for (body, expected) in [
        ("fail('x')", "release.ocu.star:2:5 x"),
        ("fail('a', 1, [2])", "release.ocu.star:2:5 a 1 [2]"),
        (
            "return done(tags=['r5'])",
            "release.ocu.star:2:12 `r5` is not a tag: `r` and digits name a release by its number",
        ),
        ("return done(tags=['a/b'])", "release.ocu.star:2:12 `a/b` is not a tag: it must not hold '/'"),
        ("return done(tags='v1')", "release.ocu.star:2:12 `tags` is a list of strings, not `\"v1\"`"),
        ("return done(outputs=[1])", "release.ocu.star:2:12 outputs are a dict, not `list`"),
        (
            "return done(outputs={1: 2})",
            "release.ocu.star:2:12 outputs: a JSON object has strings as keys, not `1` (int)",
        ),
        (
            "return done(outputs={'f': f})",
            "release.ocu.star:2:12 outputs: a value of type `function` has no JSON",
        ),
        (
            "return done(outputs={'f': float('nan')})",
            "release.ocu.star:2:12 outputs: JSON has no number `nan`",
        ),
        ("return {}['k']", "release.ocu.star:2:12 Key `\"k\"` was not found"),
        ("task(f, 'again')", ""),
    ] {
        let text = format!("def f():\n    {body}\ntask(f, 't')");
        if expected.is_empty() {
            continue;
        }
        assert_eq!(failure(&text), expected, "{body}");
    }
}

#[test]
fn inputs_arrive() {
    let text = r#"
def f(environment, n, items, big=None):
    print(environment["name"], environment["attributes"]["region"], n, items, big)
    print(str(environment))
task(f, "t", inputs={"environment": 1, "n": 1, "items": 2})
"#;
    let fixture = Fixture::new(text);
    fixture
        .call(
            "t",
            json!({
                "environment": {"name": "prod", "attributes": {"region": "eu"}},
                "n": 1.5,
                "items": {"b": [1], "a": null},
            }),
        )
        .unwrap();
    assert_eq!(
        fixture.printed(),
        [
            "prod eu 1.5 {\"a\": None, \"b\": [1]} None",
            "{\"attributes\": {\"region\": \"eu\"}, \"name\": \"prod\"}"
        ]
    );
    let text = "def f(ctx):\n    return done(outputs={'x': ctx.inputs.a})\ntask(f, 't', inputs={'a': 1})";
    assert_eq!(done(text, json!({"a": 7})).0, Some(json!({"x": 7})));
    let misfit = Fixture::new("def f(a): pass\ntask(f, 't', inputs={'a': 1})").call("t", json!({"b": 1}));
    assert_eq!(
        problems_of(&misfit.unwrap_err()),
        "function `f` (release.ocu.star:1:1) has no parameter `b`\nfunction `f` (release.ocu.star:1:1) needs an input `a`"
    );
}

#[test]
fn carrying_on() {
    let text = r#"
def second(x, y=1): return done(outputs={"x": x})
def f():
    return next(second, annotation="wait", inputs={"x": ref("./custom/ok")})
task(f, "t")
"#;
    let fixture = Fixture::new(text);
    let Returned::Next { function, annotation, inputs } = fixture.call("t", json!({})).unwrap() else {
        panic!("done")
    };
    assert_eq!((function.name.as_str(), function.pos.as_str()), ("second", "release.ocu.star:2:1"));
    assert_eq!(annotation, "wait");
    assert_eq!(json!(inputs), json!({"x": {"ref": "g/o/r/-/release.ocu.star/@r4/custom/ok"}}));
    for (body, expected) in [
        (
            "next(second, inputs={'z': 1})",
            "release.ocu.star:3:19 function `second` (release.ocu.star:1:1) has no parameter `z`\nrelease.ocu.star:3:19 function `second` (release.ocu.star:1:1) needs an input `x`",
        ),
        ("next(lambda: 1)", "release.ocu.star:3:19 function `lambda` is not the value of a global"),
        ("next(4)", "release.ocu.star:3:19 `4` is not a function"),
        ("next(second, inputs={'x': ref('a/-/p/@/bad/x')})", ""),
    ] {
        let text = format!("def second(x): pass\n\ndef f(): return   {body}\ntask(f, 't')");
        let mut found: Vec<_> = failure(&text).lines().map(str::to_owned).collect();
        found.order();
        if expected.is_empty() {
            assert!(!found.is_empty());
        } else {
            assert_eq!(found.join("\n"), expected, "{body}");
        }
    }
}

#[test]
fn secrets_are_masked_everywhere() {
    let text = r#"
def f():
    s = secret("hunter2")
    secret("")
    print("using", s)
    fail("cannot log in with " + s)
task(f, "t")
"#;
    let fixture = Fixture::new(text);
    let problems = fixture.call("t", json!({})).unwrap_err();
    assert_eq!(fixture.printed(), ["using <secret>"]);
    assert_eq!(problems.0[0].message, "cannot log in with <secret>");
    assert!(!problems.to_string().contains("hunter2"));
    assert_eq!(
        failure("def f(): secret(4)\ntask(f, 't')"),
        "release.ocu.star:1:10 a secret is a string, not `int`"
    );
    // Its own line is an excerpt too.
    assert!(!failure("def f(): fail(secret('hunter2'))\ntask(f, 't')").contains("hunter2"));
}

#[test]
fn several_threads_may_call() {
    let text = "def f(n):\n    t = 0\n    for i in range(1000):\n        t += i\n    return done(outputs={'n': n + t})\ntask(f, 't', inputs={'n': 1})";
    let fixture = Fixture::new(text);
    let program = fixture.evaluate().unwrap();
    let function = function_of(&program, "t");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (program, fixture, function) = (&program, &fixture, &function);
            scope.spawn(move || {
                let inputs = BTreeMap::from([("n".to_owned(), json!(n))]);
                let returned = program
                    .call(function, &inputs, &fixture.base(), &fixture.host, &Limits::default())
                    .unwrap();
                let Returned::Done { outputs, .. } = returned else { panic!("not done") };
                assert_eq!(outputs.unwrap()["n"], json!(n + 499_500));
            });
        }
    });
}

#[test]
fn log_lines_say_where_they_come_from() {
    let fixture = Fixture::new("def f():\n    print('x')\ntask(f, 't')");
    fixture.call("t", json!({})).unwrap();
    let log = &fixture.host.pure.logs()[0];
    assert_eq!(log.stream, 0);
    assert_eq!(
        json!(log.attributes),
        json!({"filename": "release.ocu.star", "line": "2", "col": "5", "thread": "f"})
    );
}
