//! Release files that are wrong. Whatever is wrong with them, the store is as it was before.

use expect_test::{Expect, expect};

use crate::world::World;

#[track_caller]
fn refused(fixture: &str, expected: Expect) {
    let world = World::new(fixture);
    world.check("release new a.ocu.star", expected);
    assert!(world.store().is_empty(), "something was written: {:?}", world.store().keys());
}

#[test]
fn syntax() {
    refused(
        "-- a.ocu.star --\ndef f(:\n    return done()\n",
        expect![[r#"
        --- stderr
        error: Parse error: unexpected symbol ':', expected identifier
         --> a.ocu.star:1:7
          |
        1 | def f(:
          |       ^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\nx = nope\n",
        expect![[r#"
        --- stderr
        error: Variable `nope` not found, did you mean `None`?
         --> a.ocu.star:1:5
          |
        1 | x = nope
          |     ^^^^
        --- exit 1
    "#]],
    );
}

#[test]
fn a_run_time_error_three_calls_deep() {
    refused(
        "-- a.ocu.star --\nload(\"./lib/b.ocu.star\", \"two\")\ndef one(x):\n    return two(x)\n\none({\"a\": 1})\n-- lib/b.ocu.star --\ndef three(d):\n    x = d[\"b\"]\n    return x\n\ndef two(d):\n    y = three(d)\n    return y\n",
        expect![[r#"
            --- stderr
            error: Key `"b"` was not found
             --> lib/b.ocu.star:2:9
              |
            2 |     x = d["b"]
              |         ^^^^^^
              = called from two at lib/b.ocu.star:6:9
              = called from one at a.ocu.star:3:12
              = called from <module> at a.ocu.star:5:1
            --- exit 1
        "#]],
    );
}

#[test]
fn loads() {
    refused(
        "-- a.ocu.star --\nload(\"./b.star\", \"x\")\n-- b.star --\nload(\"./c.star\", \"x\")\n-- c.star --\nload(\"./b.star\", \"x\")\n",
        expect![[r#"
            --- stderr
            error: files load each other in a circle: b.star → c.star → b.star
             --> c.star:1:1
              |
            1 | load("./b.star", "x")
              | ^^^^^^^^^^^^^^^^^^^^^
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\nload(\"../../etc/passwd\", \"x\")\n",
        expect![[r#"
        --- stderr
        error: `load("../../etc/passwd")` leaves the repo
         --> a.ocu.star:1:1
          |
        1 | load("../../etc/passwd", "x")
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\nload(\"./nope.star\", \"x\")\n",
        expect![[r#"
            --- stderr
            error: there is no file `nope.star`
             --> a.ocu.star:1:1
              |
            1 | load("./nope.star", "x")
              | ^^^^^^^^^^^^^^^^^^^^^^^^
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\nload(\"./b.star\", \"y\")\n-- b.star --\nx = 1\n",
        expect![[r#"
        --- stderr
        error: Module has no symbol `y`, did you mean `x`?
         --> a.ocu.star:1:18
          |
        1 | load("./b.star", "y")
          |                  ^^^
        --- exit 1
    "#]],
    );
}

#[test]
fn sdk_versions() {
    refused(
        "-- a.ocu.star --\nocuroot(\"9.9.9\")\n",
        expect![[r#"
        --- stderr
        error: there is no SDK version `9.9.9`; known: 0.3.0
         --> a.ocu.star:1:1
          |
        1 | ocuroot("9.9.9")
          | ^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\nocuroot(\"latest\")\n",
        expect![[r#"
        --- stderr
        error: `latest` is not an SDK version or a constraint on one
         --> a.ocu.star:1:1
          |
        1 | ocuroot("latest")
          | ^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
}

#[test]
fn evaluation_that_would_never_end() {
    refused(
        "-- a.ocu.star --\nfor i in range(2000000000):\n    for j in range(2000000000):\n        pass\n",
        expect![[r#"
            --- stderr
            error: evaluation was stopped: it took too many steps
             --> a.ocu.star:2:5
              |
            2 |     for j in range(2000000000):
              |     ^
            help: a loop may never end; waiting belongs into a command that `shell` runs
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\nx = \"a\" * 10000000000\n",
        expect![[r#"
        --- stderr
        error: Integer value is too big to fit in i32: 10000000000
         --> a.ocu.star:1:5
          |
        1 | x = "a" * 10000000000
          |     ^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\nx = [1]\nfor i in range(100):\n    x = x + x\n",
        expect![[r#"
            --- stderr
            error: evaluation was stopped: it uses too much memory
             --> a.ocu.star:3:5
              |
            3 |     x = x + x
              |     ^^^^^^^^^
            help: a loop may never end, or a value keeps growing
            --- exit 1
        "#]],
    );
}

#[test]
fn functions_that_cannot_be_found_again_or_do_not_fit() {
    refused(
        "-- a.ocu.star --\ndef outer():\n    def inner():\n        return done()\n    task(inner, \"t\")\n\nouter()\n",
        expect![[r#"
            --- stderr
            error: function `inner` is not the value of a global
             --> a.ocu.star:4:5
              |
            4 |     task(inner, "t")
              |     ^^^^^^^^^^^^^^^^
              = called from <module> at a.ocu.star:6:1
            help: define it with `def` at the top level of the file or of one that it loads, or assign it to a global: a run may call it in a later process
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\ntask(lambda: done(), \"t\")\n",
        expect![[r#"
        --- stderr
        error: function `lambda` is not the value of a global
         --> a.ocu.star:1:1
          |
        1 | task(lambda: done(), "t")
          | ^^^^^^^^^^^^^^^^^^^^^^^^^
        help: define it with `def` at the top level of the file or of one that it loads, or assign it to a global: a run may call it in a later process
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\ndef f(a, b=1):\n    return done()\n\ntask(f, \"missing\")\ntask(f, \"more\", inputs={\"a\": 1, \"c\": 2})\ntask(f, \"fine\", inputs={\"a\": 1})\n",
        expect![[r#"
            --- stderr
            error: function `f` (a.ocu.star:1:1) needs an input `a`
             --> a.ocu.star:4:1
              |
            4 | task(f, "missing")
              | ^^^^^^^^^^^^^^^^^^
            help: add `a` to the inputs, or give the parameter a default

            error: function `f` (a.ocu.star:1:1) has no parameter `c`
             --> a.ocu.star:5:1
              |
            5 | task(f, "more", inputs={"a": 1, "c": 2})
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            help: add `c` to its parameters, or drop the input
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\ndef f():\n    return done()\n\ntask(f, \"t\")\ntask(f, \"t\")\ntask(f, \"a/b\")\ntask(f, \"\")\ntask(f, \"i\", inputs={\"a-b\": 1})\ntask(1, \"n\")\ndeploy(\"no such name\", up=f, down=f)\n",
        expect![[r#"
            --- stderr
            error: there are two tasks named `t` (first at a.ocu.star:4)
             --> a.ocu.star:5:1
              |
            5 | task(f, "t")
              | ^^^^^^^^^^^^

            error: `a/b` is not a task name: it must not hold '/'
             --> a.ocu.star:6:1
              |
            6 | task(f, "a/b")
              | ^^^^^^^^^^^^^^

            error: `` is not a task name: it is empty
             --> a.ocu.star:7:1
              |
            7 | task(f, "")
              | ^^^^^^^^^^^

            error: task `i`: `a-b` is not an input name: it must not hold '-'
             --> a.ocu.star:8:1
              |
            8 | task(f, "i", inputs={"a-b": 1})
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: `1` is not a function
             --> a.ocu.star:9:1
              |
            9 | task(1, "n")
              | ^^^^^^^^^^^^
            help: define it with `def` at the top level of the file or of one that it loads, or assign it to a global: a run may call it in a later process

            error: `no such name` is not an environment name: it must not hold ' '
              --> a.ocu.star:10:1
               |
            10 | deploy("no such name", up=f, down=f)
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: function `f` (a.ocu.star:1:1) has no parameter `environment`
              --> a.ocu.star:10:1
               |
            10 | deploy("no such name", up=f, down=f)
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            help: add `environment` to its parameters, or drop the input
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\nregister_environment(environment(\"prod\"))\ndef f():\n    return done()\ntask(f, \"t\")\n",
        expect![[r#"
            --- stderr
            error: a file declares environments or a package, not both
             --> a.ocu.star:4:1
              |
            4 | task(f, "t")
              | ^^^^^^^^^^^^
            help: move the environments to a file of their own
            --- exit 1
        "#]],
    );
    refused(
        "-- a.ocu.star --\nregister_environment(environment(\"a b\"))\n",
        expect![[r#"
        --- stderr
        error: `a b` is not an environment name: it must not hold ' '
         --> a.ocu.star:1:22
          |
        1 | register_environment(environment("a b"))
          |                      ^^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\ntask()\n",
        expect![[r#"
        --- stderr
        error: Missing parameter `fn` for call to `task`
         --> a.ocu.star:1:1
          |
        1 | task()
          | ^^^^^^
        --- exit 1
    "#]],
    );
    refused(
        "-- a.ocu.star --\ndef f(x):\n    return done()\ntask(f, \"t\", inputs={\"x\": ref(\"no//ref\")})\n",
        expect![[r#"
        --- stderr
        error: byte 3 of `no//ref`: a segment is empty; write one `/`, not two
         --> a.ocu.star:3:27
          |
        3 | task(f, "t", inputs={"x": ref("no//ref")})
          |                           ^^^^^^^^^^^^^^
        --- exit 1
    "#]],
    );
}

#[test]
fn functions_that_fail_in_a_run() {
    let world = World::new(
        r#"-- a.ocu.star --
def misfit():
    return next(needs, inputs={"x": 1})
def needs(y):
    return done()
def closure():
    def inner():
        return done()
    return next(inner)
def text():
    return "done"
def command():
    shell("echo out; echo err >&2; exit 3")
def missing():
    shell("true", shell="/no/such/shell")
def nowhere():
    shell("true", dir="no/such/folder")
def unreadable():
    read("nope.txt")
def killed():
    shell("kill -9 $$")
def outputs():
    return done(outputs={"f": misfit})
def wrong():
    return done(output={})
phase("all", tasks=[task(f, "t%s" % n) for n, f in enumerate([
    misfit, closure, text, missing, nowhere, unreadable, killed, outputs, wrong
])])
"#,
    );
    world.check("release new -j 1", expect![[r#"
        shop/-/a.ocu.star/@r1 failed
        --- stderr
        shop/-/a.ocu.star/@r1 first
        › task/t0/1 misfit
          t0/1 | error: function `needs` (a.ocu.star:3:1) has no parameter `x`
          t0/1 |  --> a.ocu.star:2:12
          t0/1 |   |
          t0/1 | 2 |     return next(needs, inputs={"x": 1})
          t0/1 |   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          t0/1 | help: add `x` to its parameters, or drop the input
          t0/1 |
          t0/1 | error: function `needs` (a.ocu.star:3:1) needs an input `y`
          t0/1 |  --> a.ocu.star:2:12
          t0/1 |   |
          t0/1 | 2 |     return next(needs, inputs={"x": 1})
          t0/1 |   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          t0/1 | help: add `y` to the inputs, or give the parameter a default
        ✗ task/t0/1 failed <took>
        › task/t1/1 closure
          t1/1 | error: function `inner` is not the value of a global
          t1/1 |  --> a.ocu.star:8:12
          t1/1 |   |
          t1/1 | 8 |     return next(inner)
          t1/1 |   |            ^^^^^^^^^^^
          t1/1 | help: define it with `def` at the top level of the file or of one that it loads, or assign it to a global: a run may call it in a later process
        ✗ task/t1/1 failed <took>
        › task/t2/1 text
        ✓ task/t2/1 complete <took>
        › task/t3/1 missing
          t3/1 | error: cannot start `/no/such/shell`: no such file or directory
          t3/1 |   --> a.ocu.star:14:5
          t3/1 |    |
          t3/1 | 14 |     shell("true", shell="/no/such/shell")
          t3/1 |    |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/t3/1 failed <took>
        › task/t4/1 nowhere
          t4/1 | error: there is no folder `no/such/folder` to run in
          t4/1 |   --> a.ocu.star:16:5
          t4/1 |    |
          t4/1 | 16 |     shell("true", dir="no/such/folder")
          t4/1 |    |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/t4/1 failed <took>
        › task/t5/1 unreadable
          t5/1 | error: there is no file `nope.txt`
          t5/1 |   --> a.ocu.star:18:5
          t5/1 |    |
          t5/1 | 18 |     read("nope.txt")
          t5/1 |    |     ^^^^^^^^^^^^^^^^
        ✗ task/t5/1 failed <took>
        › task/t6/1 killed
          t6/1 | error: command exited with code 137: kill -9 $$
          t6/1 |   --> a.ocu.star:20:5
          t6/1 |    |
          t6/1 | 20 |     shell("kill -9 $$")
          t6/1 |    |     ^^^^^^^^^^^^^^^^^^^
        ✗ task/t6/1 failed <took>
        › task/t7/1 outputs
          t7/1 | error: outputs: a value of type `function` has no JSON
          t7/1 |   --> a.ocu.star:22:12
          t7/1 |    |
          t7/1 | 22 |     return done(outputs={"f": misfit})
          t7/1 |    |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ✗ task/t7/1 failed <took>
        › task/t8/1 wrong
          t8/1 | error: Found `output` extra named parameter(s) for call to done
          t8/1 |   --> a.ocu.star:24:12
          t8/1 |    |
          t8/1 | 24 |     return done(output={})
          t8/1 |    |            ^^^^^^^^^^^^^^^
        ✗ task/t8/1 failed <took>
        error: shop/-/a.ocu.star/@r1 failed; when the cause is mended: ocuroot release retry shop/-/a.ocu.star/@r1
        --- exit 1
    "#]]);
}

#[test]
fn output_that_is_not_utf8() {
    let world = World::new(
        "-- a.ocu.star --\ndef f():\n    r = shell(\"printf 'caf\\\\351\\\\n'\")\n    return done(outputs={\"text\": r.stdout})\ntask(f, \"f\")\n",
    );
    world.check(
        "release new",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        shop/-/a.ocu.star/@r1 first
        › task/f/1 f
          f/1 | caf�
        ✓ task/f/1 complete <took>
            shop/-/a.ocu.star/@r1/task/f#output/text
    "#]],
    );
    world.check(
        "state get ./@/task/f#output",
        expect![[r#"
        {
          "text": "caf�\n"
        }
    "#]],
    );
}
