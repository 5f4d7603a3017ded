//! Environments appear, change and go, and releases follow (work.md, "environment", "op check_envs").

use ocuroot_core::documents::Environment;
use ocuroot_core::intent::{self, Applied};
use ocuroot_core::ops;

use crate::fixture::{answer, ask, check, facts, package_of, r, store};

const PROD: &str = "{\"attributes\":{},\"name\":\"prod\"}";

#[test]
fn a_new_or_changed_environment_asks_the_right_release_of_every_package() {
    let packages = "
        # Newest release that is deployed anywhere …
        s/-/a/@r1 = release c: >qa
        s/-/a/@r2 = release c: >qa; >old
        s/-/a/@r3 = release c: >qa
        s/-/a/@r1/deploy/old = up 1
        s/-/a/@/deploy/old -> s/-/a/@r1/deploy/old
        s/-/a/@r2/deploy/qa = up 1
        s/-/a/@/deploy/qa -> s/-/a/@r2/deploy/qa
        # … or else the newest.
        s/-/b/@r9 = release c:
        s/-/b/@r10 = release c:
        # What was taken down is not deployed.
        s/-/c/@r1 = release c: >qa
        s/-/c/@r2 = release c: >qa
        s/-/c/@r1/deploy/qa = down 2
        # Neither is this a package.
        s/-/repo.ocu.star/@abc = {}
    ";
    let expected = "
        + s/-/a/@r2/op/check_envs
        + s/-/b/@r10/op/check_envs
        + s/-/c/@r2/op/check_envs
    ";
    let (_, applied) = check(
        &format!("{packages}\n+/environment/prod = {PROD}"),
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        &format!("+ @/environment/prod = {PROD}\n{expected}"),
    );
    assert!(matches!(applied, Some(Applied::Changed(ops)) if ops.len() == 3));
    check(
        &format!(
            "{packages}\n+/environment/prod = {PROD}\n@/environment/prod = {{\"name\":\"prod\",\"attributes\":{{\"x\":\"y\"}}}}"
        ),
        |s| intent::apply(s, &r("+/environment/prod"), &facts()),
        &format!("~ @/environment/prod = {PROD}\n{expected}"),
    );
}

#[test]
fn an_unchanged_environment_asks_nobody() {
    for there in [PROD, "{\"name\":\"prod\"}", "{\"name\":\"prod\",\"attributes\":null}"] {
        check(
            &format!(
                "s/-/a/@r1 = release c: >prod\n+/environment/prod = {PROD}\n@/environment/prod = {there}"
            ),
            |s| intent::apply(s, &r("@/environment/prod"), &facts()),
            "",
        );
    }
}

#[test]
fn a_bad_environment_is_not_applied() {
    for body in ["{\"name\":\"qa\"}", "\"prod\"", "{}"] {
        check(
            &format!("+/environment/prod = {body}"),
            |s| intent::apply(s, &r("@/environment/prod"), &facts()),
            "error: @/environment/prod",
        );
    }
    check("", |s| intent::apply(s, &r("@/environment/prod"), &facts()), "error: there is nothing");
    check(
        &format!("+/environment/prod !{{\n@/environment/prod = {PROD}"),
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        "error: +/environment/prod cannot be read",
    );
}

/// Two packages in prod, one of them in qa too.
fn deployed(rest: &str) -> String {
    let one = |package: &str, environment: &str| {
        format!(
            "
            s/-/{package}/@r1 = release c: >prod(e<-@/environment/prod); >qa
            s/-/{package}/@r1/deploy/{environment}/1 = complete up(e<-@/environment/{environment}#name=\"{environment}\")
            s/-/{package}/@r1/deploy/{environment} = up 1(e<-@/environment/{environment}#name=\"{environment}\")
            s/-/{package}/@/deploy/{environment} -> s/-/{package}/@r1/deploy/{environment}
            "
        )
    };
    format!(
        "{}{}{}@/environment/prod = {PROD}\n@/environment/qa = {{}}\n{rest}",
        one("a", "prod"),
        one("b", "prod"),
        one("b", "qa")
    )
}

#[test]
fn a_deleted_environment_takes_down_every_deployment_to_it() {
    let (_, applied) = check(
        &deployed(""),
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        "
            - @/environment/prod
            + s/-/a/@r1/deploy/prod/2 = down(e<-@/environment/prod#name=\"prod\")
            + s/-/a/@r1/deploy/prod/2/status/pending
            + s/-/b/@r1/deploy/prod/2 = down(e<-@/environment/prod#name=\"prod\")
            + s/-/b/@r1/deploy/prod/2/status/pending
            ",
    );
    assert!(matches!(applied, Some(Applied::Changed(runs)) if runs.len() == 2));
    check(
        "@/environment/prod = {}",
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        "- @/environment/prod",
    );
}

#[test]
fn a_down_that_is_under_way_or_failed_is_enough() {
    for status in ["pending", "running", "failed"] {
        check(
            &deployed(&format!(
                "s/-/a/@r1/deploy/prod/2 = {status} down(e<-@/environment/prod#name=\"prod\")"
            )),
            |s| intent::apply(s, &r("@/environment/prod"), &facts()),
            "
                - @/environment/prod
                + s/-/b/@r1/deploy/prod/2 = down(e<-@/environment/prod#name=\"prod\")
                + s/-/b/@r1/deploy/prod/2/status/pending
                ",
        );
    }
}

#[test]
fn an_environment_stays_while_something_is_being_deployed_to_it() {
    // Else nobody would take that down. What can be taken down is.
    for run in [
        "s/-/a/@r1/deploy/prod/2 = running up",
        "s/-/a/@r2/deploy/prod/1 = running up",
        "s/-/c/@r1/deploy/prod/1 = running up",
    ] {
        let package_a = if run.contains("/c/") {
            "+ s/-/a/@r1/deploy/prod/2 = down(e<-@/environment/prod#name=\"prod\")
                 + s/-/a/@r1/deploy/prod/2/status/pending"
                .to_string()
        } else {
            String::new()
        };
        check(
            &deployed(run),
            |s| intent::apply(s, &r("@/environment/prod"), &facts()),
            &format!(
                "
                {package_a}
                + s/-/b/@r1/deploy/prod/2 = down(e<-@/environment/prod#name=\"prod\")
                + s/-/b/@r1/deploy/prod/2/status/pending
                "
            ),
        );
    }
    let (_, applied) = check(
        "@/environment/prod = {}\ns/-/c/@r1/deploy/prod/1 = running up",
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        "",
    );
    assert_eq!(applied, Some(Applied::Unchanged("s/-/c/@r1/deploy/prod/1 is running".into())));
    // What waits for an approval does not keep it.
    check(
        "@/environment/prod = {}\ns/-/c/@r1/deploy/prod/1 = pending up(a<-@/custom/a)",
        |s| intent::apply(s, &r("@/environment/prod"), &facts()),
        "- @/environment/prod",
    );
}

const OP: &str = "s/-/p/@r1/op/check_envs";

#[test]
fn check_envs_writes_a_run_for_a_new_environment_and_refreshes_the_package() {
    let (_, queued) = check(
        &format!(
            "
            s/-/p/@r1 = release c: build | >qa(x=1)
            s/-/p/@r1/task/build/1 = complete build
            s/-/p/@r1/deploy/qa/1 = failed up(x=1)
            {OP} = {{\"time\":\"x\"}}
            "
        ),
        |s| ops::check_envs(s, &r(OP), package_of("build | >qa(x=2); >prod(x=3)"), &facts()),
        "
        ~ s/-/p/@r1 = release c: build | >qa(x=2); >prod(x=3)
        + s/-/p/@r1/deploy/prod/1 = up(x=3) after s/-/p/@r1/task/build/*/status/complete
        + s/-/p/@r1/deploy/prod/1/status/pending
        - s/-/p/@r1/op/check_envs
        ",
    );
    assert_eq!(queued.unwrap(), [r("s/-/p/@r1/deploy/prod/1")]);
}

#[test]
fn a_release_without_work_is_filled_by_check_envs() {
    check(
        &format!("s/-/p/@r1 = release c:\n{OP} = {{\"time\":\"x\"}}").replace("c:\n", "c: \n"),
        |s| ops::check_envs(s, &r(OP), package_of(">prod"), &facts()),
        "
        ~ s/-/p/@r1 = release c: >prod
        + s/-/p/@r1/deploy/prod/1 = up
        + s/-/p/@r1/deploy/prod/1/status/pending
        - s/-/p/@r1/op/check_envs
        ",
    );
}

#[test]
fn an_environment_that_is_there_again_is_deployed_to_again() {
    for (runs, next) in [
        ("1 = complete up|2 = complete down", Some(3)),
        ("9 = complete up|10 = complete down", Some(11)),
        ("1 = complete up|2 = complete down|3 = cancelled up", Some(4)),
        ("1 = complete up|2 = complete down|3 = complete up", None),
        ("1 = complete up|2 = complete down|3 = pending up", None),
        ("1 = complete up|2 = complete down|3 = failed up", None),
        ("1 = complete up", None),
        ("1 = cancelled up", None),
        ("1 = complete up|2 = failed down", None),
    ] {
        let runs: String = runs.split('|').map(|run| format!("s/-/p/@r1/deploy/prod/{run}\n")).collect();
        let queued = next.map(|n| {
            format!("+ s/-/p/@r1/deploy/prod/{n} = up(x=1)\n+ s/-/p/@r1/deploy/prod/{n}/status/pending\n")
        });
        check(
            &format!("s/-/p/@r1 = release c: >prod(x=1)\n{runs}{OP} = {{\"time\":\"x\"}}"),
            |s| ops::check_envs(s, &r(OP), package_of(">prod(x=1)"), &facts()),
            &format!("{}- {OP}", queued.unwrap_or_default()),
        );
    }
}

#[test]
fn the_op_stays_while_the_deployment_is_still_being_taken_down() {
    let fixture = format!(
        "
        s/-/p/@r1 = release c: >prod; >qa
        s/-/p/@r1/deploy/prod/1 = complete up
        s/-/p/@r1/deploy/prod/2 = pending down
        {OP} = {{\"time\":\"x\"}}
        "
    );
    let check_envs = |s: &_| ops::check_envs(s, &r(OP), package_of(">prod; >qa"), &facts());
    check(
        &format!("{fixture}\n@/environment/prod = {PROD}"),
        check_envs,
        "+ s/-/p/@r1/deploy/qa/1 = up\n+ s/-/p/@r1/deploy/qa/1/status/pending",
    );
    let blocked = |fixture: &str| ask(fixture, |s| ops::blocked(s, &r(OP)));
    assert_eq!(
        blocked(&format!("{fixture}\n@/environment/prod = {PROD}")).unwrap(),
        "s/-/p/@r1/deploy/prod/2 is pending"
    );
    // An environment that is gone for good keeps nobody waiting.
    assert_eq!(blocked(&fixture), None);
}

#[test]
fn an_op_on_a_release_that_is_gone_says_so() {
    check(
        &format!("{OP} = {{\"time\":\"x\"}}"),
        |s| ops::check_envs(s, &r(OP), package_of(""), &facts()),
        "error: there is no release s/-/p/@r1",
    );
}

#[test]
fn ops_are_found_in_every_release() {
    let store = store(
        "s/-/p/@r1/op/check_envs = {}\nq/-/q/@r10/op/check_envs = {}\nq/-/q/@r9/op/check_envs = {}\ns/-/p/@r1/task/op/1 = pending t",
    );
    let (ops, _) = answer(&store, ops::waiting);
    let ops: Vec<String> = ops.iter().map(ToString::to_string).collect();
    assert_eq!(ops, ["q/-/q/@r10/op/check_envs", "q/-/q/@r9/op/check_envs", "s/-/p/@r1/op/check_envs"]);
}

#[test]
fn a_file_declares_its_environments_at_once() {
    let environment = |name: &str| Environment { name: name.into(), ..Environment::default() };
    let store = "s/-/a/@r1 = release c: >qa\n+/environment/prod = {\"attributes\":{},\"name\":\"prod\"}\n@/environment/prod = {\"attributes\":{},\"name\":\"prod\"}";
    let (_, declared) = check(
        store,
        |snapshot| {
            intent::declare(snapshot, &[environment("prod"), environment("qa"), environment("dev")], &facts())
        },
        r#"
        + +/environment/dev = {"attributes":{},"name":"dev"}
        + +/environment/qa = {"attributes":{},"name":"qa"}
        + @/environment/dev = {"attributes":{},"name":"dev"}
        + @/environment/qa = {"attributes":{},"name":"qa"}
        + s/-/a/@r1/op/check_envs
        "#,
    );
    assert_eq!(declared, Some(vec![r("@/environment/prod"), r("@/environment/qa"), r("@/environment/dev")]));
    check(
        "",
        |snapshot| intent::declare(snapshot, &[environment("good"), environment("b d")], &facts()),
        "error: environment",
    );
}
