use super::*;

#[test]
fn tasks_deploys_and_phases() {
    check(
        r#"
ocuroot("0.3.0")

def build(): pass

def _up(environment, image): return done()
def _down(environment, image): return done()

task(build, "first")
phase("test", tasks=[task(build, name="unit"), call(build, name="lint")])
phase(
    name="deploy",
    work=[
        deploy(e.name, up=_up, down=_down, inputs={"image": ref("./task/first#output/image")})
        for e in environments()
    ],
)
task(fn=build, name="last", annotation="x", inputs={})
phase("empty")
later = task(build, name="later")
phase("holds", [later])
"#,
        r#"
phase ""
  task/first build/release.ocu.star:4:1
phase "test"
  task/unit build/release.ocu.star:4:1
  task/lint build/release.ocu.star:4:1
phase "deploy"
  deploy/production _up/release.ocu.star:6:1 down _down/release.ocu.star:7:1 {"environment":{"ref":"@/environment/production"},"image":{"ref":"g/o/r/-/release.ocu.star/@r4/task/first#output/image"}}
  deploy/staging _up/release.ocu.star:6:1 down _down/release.ocu.star:7:1 {"environment":{"ref":"@/environment/staging"},"image":{"ref":"g/o/r/-/release.ocu.star/@r4/task/first#output/image"}}
phase ""
  task/last build/release.ocu.star:4:1
phase "empty"
phase "holds"
  task/later build/release.ocu.star:4:1
"#,
    );
}

#[test]
fn a_package_lists_its_functions_as_documents_do() {
    let program = Fixture::new("\ndef b(): pass\ntask(b, 'x')").evaluate().unwrap();
    assert_eq!(
        serde_json::to_value(program.package().unwrap()).unwrap(),
        serde_json::json!({
            "functions": {"b/release.ocu.star:2:1": {"function": {"name": "b", "pos": "release.ocu.star:2:1"}}},
            "phases": [{"name": "", "tasks": [
                {"task": {"name": "x", "inputs": {}, "fn": {"name": "b", "pos": "release.ocu.star:2:1"}}}
            ]}],
        })
    );
}

#[test]
fn no_package_and_an_empty_one() {
    check("x = 1", "no package");
    check("phase('p', [])", "phase \"p\"");
    check("[deploy(e, up=print, down=print) for e in []]", "no package");
}

#[test]
fn inputs_of_every_kind() {
    let inputs = |given: &str| {
        let text = format!("def f(**kw): pass\ntask(f, 't', inputs={{'x': {given}}})");
        match Fixture::new(&text).evaluate() {
            Ok(program) => {
                let package = program.package().unwrap();
                let (_, work) = package.works().next().unwrap();
                serde_json::to_string(&work.first_function().1["x"]).unwrap()
            }
            Err(problems) => problems.0[0].message.clone(),
        }
    };
    let release = "g/o/r/-/release.ocu.star";
    for (given, expected) in [
        ("1", r#"{"value":1}"#),
        ("'s'", r#"{"value":"s"}"#),
        ("1.0", r#"{"value":1.0}"#),
        ("123456789012345678901", r#"{"value":123456789012345678901}"#),
        ("{'b': 1, 'a': [True, None]}", r#"{"value":{"a":[true,null],"b":1}}"#),
        ("{}", r#"{"value":{}}"#),
        ("{'ref': 'a', 'other': 1}", r#"{"value":{"other":1,"ref":"a"}}"#),
        ("input(default=4)", r#"{"default":4}"#),
        ("{'value': 7}", r#"{"value":7}"#),
        ("{'default': [1]}", r#"{"default":[1]}"#),
        ("struct(a=1)", r#"{"value":{"a":1}}"#),
        ("input()", "an input has a ref, a default, or both"),
        ("print", "task `t`: input `x`: a value of type `function` has no JSON"),
    ] {
        assert_eq!(inputs(given), expected, "{given}");
    }
    for (given, expected) in [
        ("ref('./custom/ok')", format!(r#"{{"ref":"{release}/@r4/custom/ok"}}"#)),
        ("ref('./@/call/build#output/v')", format!(r#"{{"ref":"{release}/@/task/build#output/v"}}"#)),
        ("ref('@/environment/prod')", r#"{"ref":"@/environment/prod"}"#.to_owned()),
        ("{'ref': './-/q/@/task/x'}", r#"{"ref":"g/o/r/-/q/@/task/x"}"#.to_owned()),
        (
            "input('./@/task/b#output/v', 0)",
            format!(r#"{{"ref":"{release}/@/task/b#output/v","default":0}}"#),
        ),
        ("input(ref=ref('./custom/ok'))", format!(r#"{{"ref":"{release}/@r4/custom/ok"}}"#)),
    ] {
        assert_eq!(inputs(given), expected, "{given}");
    }
    assert!(inputs("ref('a/-/p/@/invalid/x')").contains("invalid"));
    assert!(inputs("{'ref': 4}").contains("a ref is a string"));
}

#[test]
fn functions_of_loaded_files() {
    check(
        r#"
-- web/release.ocu.star --
load("./tasks.ocu.star", "build", second="check")
load("//lib/make.star", "make", "add")
load("//lib/tasks.ocu.star", other="build")
made = make(1)
again = make(2)
small = lambda: done()
tiny = lambda x: done()
task(build, "a")
task(second, "b")
task(made, "c")
task(again, "d")
task(small, "e")
task(tiny, "f", inputs={"x": 1})
task(other, "g")
add("h")
-- web/tasks.ocu.star --
def build():
    return done()
def check():
    """Only words."""
task(build, "not mine")
-- lib/make.star --
load("./tasks.ocu.star", "build")
def make(x):
    def inner():
        return done(outputs={"x": x})
    return inner
def add(name):
    task(build, name)
-- lib/tasks.ocu.star --
def build():
    return done()
"#,
        r#"
phase ""
  task/a build/./tasks.ocu.star:1:1
phase ""
  task/b check/./tasks.ocu.star:3:1
phase ""
  task/c made///lib/make.star:3:5
phase ""
  task/d again///lib/make.star:3:5
phase ""
  task/e lambda/release.ocu.star:6:9
phase ""
  task/f lambda/release.ocu.star:7:8 {"x":{"value":1}}
phase ""
  task/g build///lib/tasks.ocu.star:1:1
phase ""
  task/h build///lib/tasks.ocu.star:1:1
"#,
    );
}

#[test]
fn functions_are_found_again() {
    let text = r#"
-- web/release.ocu.star --
load("./tasks.ocu.star", "build")
load("//lib/make.star", "make")
made = make("one")
again = make("two")
task(build, "a")
task(made, "c")
task(again, "d")
-- web/tasks.ocu.star --
def build(): return done(outputs={"who": "web"})
-- lib/make.star --
def make(x):
    def inner():
        return done(outputs={"who": x})
    return inner
"#;
    for (task, who) in [("a", "web"), ("c", "one"), ("d", "two")] {
        let Returned::Done { outputs, .. } = Fixture::new(text).call(task, serde_json::json!({})).unwrap()
        else {
            panic!("{task}")
        };
        assert_eq!(outputs.unwrap()["who"], who);
    }
    // As other versions spell the file.
    let fixture = Fixture::new(text);
    let program = fixture.evaluate().unwrap();
    let call = |name: &str, pos: &str| {
        let function = FunctionDef { name: name.to_owned(), pos: pos.to_owned() };
        program
            .call(&function, &BTreeMap::new(), &fixture.base(), &fixture.host, &Limits::default())
            .map(|_| ())
            .map_err(|problems| problems_of(&problems))
    };
    for pos in ["tasks.ocu.star:1:1", "./tasks.ocu.star:1:1", "web/tasks.ocu.star:1:1"] {
        assert_eq!(call("build", pos), Ok(()));
    }
    for (name, pos) in [
        ("build", "tasks.ocu.star:1:2"),
        ("other", "tasks.ocu.star:1:1"),
        ("build", "other.ocu.star:1:1"),
        ("build", "nonsense"),
        ("", ""),
    ] {
        let message = format!("function `{name}` was not found at {pos}");
        assert_eq!(call(name, pos), Err(message));
    }
    assert_eq!(
        call("inner", "make.star:2:5"),
        Err("function `inner` at make.star:2:5 is not clear: the globals `made`, `again` are made there"
            .to_owned())
    );
}

#[test]
fn functions_that_cannot_be_found_again() {
    check(
        r#"
def outer():
    def nested(): pass
    task(nested, "a")
outer()
task(lambda: done(), "b")
task("build", "c")
task(len, "d")
"#,
        "
release.ocu.star:4:5 function `nested` is not the value of a global
release.ocu.star:6:1 function `lambda` is not the value of a global
release.ocu.star:7:1 `\"build\"` is not a function
release.ocu.star:8:1 `len` is built in, not a function of a file",
    );
}

#[test]
fn parameters_fit_the_inputs() {
    check(
        r#"
def f(a, b=1): pass
def ctx_only(ctx): pass
def all(a, **rest): pass
task(f, "ok", inputs={"a": 1})
task(ctx_only, "any", inputs={"x": 1, "y": 2})
task(all, "rest", inputs={"a": 1, "z": 2})
task(f, "bad", inputs={"b": 1, "c": 2})
deploy("prod", up=f, down=all)
"#,
        "
release.ocu.star:8:1 function `f` (release.ocu.star:2:1) has no parameter `c`
release.ocu.star:8:1 function `f` (release.ocu.star:2:1) needs an input `a`
release.ocu.star:9:1 function `f` (release.ocu.star:2:1) has no parameter `environment`
release.ocu.star:9:1 function `f` (release.ocu.star:2:1) needs an input `a`
release.ocu.star:9:1 function `all` (release.ocu.star:4:1) needs an input `a`",
    );
}

#[test]
fn all_problems_at_once() {
    check(
        r#"
def f(**kw): pass
task(f, "a/b")
task(f, "x")
task(f, "x", inputs={"1st": 1, "ok": 2})
deploy("prod", up=f, down=f, inputs={"environment": "x"})
deploy("prod", up=f, down=f)
deploy("a b", up=f, down=f)
phase("p", ["x"])
t = task(f, "t")
phase("one", [t])
phase("two", [t])
register_environment(environment("staging"))
"#,
        "
release.ocu.star:3:1 `a/b` is not a task name: it must not hold '/'
release.ocu.star:3:1 a file declares environments or a package, not both
release.ocu.star:5:1 task `x`: `1st` is not an input name: it must not start with a digit
release.ocu.star:5:1 there are two tasks named `x` (first at release.ocu.star:4)
release.ocu.star:6:1 deploy to `prod`: the input `environment` is given by the deployment itself
release.ocu.star:7:1 environment `prod` is deployed to twice (first at release.ocu.star:6)
release.ocu.star:8:1 `a b` is not an environment name: it must not hold ' '
release.ocu.star:9:1 phase `p` holds tasks and deployments, not `\"x\"`
release.ocu.star:12:1 phase `two` holds a task that is in a phase already",
    );
}

#[test]
fn environments_are_declared_and_asked_for() {
    let fixture = Fixture::new(
        r#"
load("./lib.star", "declare")
prod = register_environment(environment("prod", {"type": "p"}))
register_environment(environment_from_dict(environment("dev", attributes={}).dict()))
register_environment(environment_from_json('{"name": "qa"}'))
register_environment(prod)
declare("eu")
print(prod.name, prod.attributes["type"], prod.json(), prod.dict())
print(environment_from_json(prod.json()) == prod, type(prod), environments()[0].name)
-- lib.star --
register_environment(environment("lib"))
def declare(name):
    register_environment(environment(name))
"#,
    )
    .with_environments(&["staging", "production"]);
    let program = fixture.evaluate().unwrap();
    let names: Vec<_> = program.environments().iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["lib", "prod", "dev", "qa", "eu"]);
    assert!(program.package().is_none());
    assert_eq!(
        fixture.printed(),
        [
            r#"prod p {"attributes":{"type":"p"},"name":"prod"} {"attributes": {"type": "p"}, "name": "prod"}"#,
            "True environment production"
        ]
    );
    check_prints(
        "register_environment(environment('a', {'x': '1'}))\nregister_environment(environment('a'))",
        &["release.ocu.star:2:1 environment `a` is registered twice, differently"],
    );
    check_prints(
        "environment('a b')",
        &["release.ocu.star:1:1 `a b` is not an environment name: it must not hold ' '"],
    );
    check_prints(
        "environment('a', {'n': 1})",
        &["release.ocu.star:1:1 environment `a`: attribute `n` is a string, not `1`"],
    );
}

#[test]
fn odd_but_no_error() {
    let warnings = |text: &str| {
        let program = Fixture::new(text).evaluate().unwrap();
        program.warnings().iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(warnings("environment('a')"), ["environment `a` is made but not registered"]);
    assert_eq!(
        warnings("ocuroot('0.3.0')\nocuroot('0.3.1')"),
        ["`ocuroot` is called a second time; the last call counts"]
    );
    assert!(warnings("ocuroot('0.3.0')").is_empty());
    // Each file says its own.
    assert!(
        warnings("ocuroot('0.3')\nload('./l.star', 'x')\n-- l.star --\nocuroot('0.3')\nx = 1").is_empty()
    );
}
