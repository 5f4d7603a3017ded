//! Deployments whose inputs have changed since (work.md, "Reconcile").

use ocuroot_core::reconcile;

use crate::fixture::{ask, check, facts, r};

const CURRENT: &str = "s/-/p/@/deploy/prod";

/// A deployment made with the port 1, and what else there is.
fn deployed(inputs: &str, rest: &str) -> String {
    format!(
        "
        s/-/p/@r1 = release c: >prod({inputs})
        s/-/p/@r1/deploy/prod/1 = complete up({inputs}) after s/-/p/@r1/task/b/*/status/complete
        s/-/p/@r1/deploy/prod = up 1({inputs}) {{\"url\":\"new\"}}
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        s/-/p/@r1/task/b/1 = complete b
        {rest}
        "
    )
}

/// `queued`, `nothing`, or why not for now.
fn reconciled(fixture: &str) -> String {
    ask(fixture, |snapshot| {
        Ok(match reconcile::check(snapshot, &r(CURRENT))? {
            None => "nothing".into(),
            Some(stale) => stale.blocked.unwrap_or(format!("queued for {}", stale.changed.join(" "))),
        })
    })
}

#[test]
fn a_changed_input_queues_a_run_with_the_new_values() {
    let (_, queued) = check(
        &deployed("port<-n/-/n/@/deploy/prod#output/port=1, size=3", "n/-/n/@r4/deploy/prod = up 1 {\"port\":2}\nn/-/n/@/deploy/prod -> n/-/n/@r4/deploy/prod"),
        |s| reconcile::queue(s, &r(CURRENT), &facts()),
        "
        + s/-/p/@r1/deploy/prod/2 = up(port<-n/-/n/@/deploy/prod#output/port=2, size=3) after s/-/p/@r1/task/b/*/status/complete
        + s/-/p/@r1/deploy/prod/2/status/pending
        ",
    );
    assert_eq!(queued.unwrap(), Some(r("s/-/p/@r1/deploy/prod/2")));
}

#[test]
fn each_rule() {
    let port = "port<-@/custom/port=1";
    let cases: &[(&str, &str, &str)] = &[
        (port, "@/custom/port = 1", "nothing"),
        (port, "@/custom/port = 2", "queued for port"),
        (port, "@/custom/port = \"1\"", "queued for port"),
        // A ref that resolves no longer, or to null, counts as unchanged.
        (port, "", "nothing"),
        (port, "@/custom/port = null", "nothing"),
        ("port<-@/custom/port=1?9", "", "nothing"),
        // What was given by value cannot change.
        ("port=1", "@/custom/port = 2", "nothing"),
        // One that was empty and has a value now.
        ("port<-@/custom/port", "@/custom/port = 2", "queued for port"),
        // Its own outputs do not count, however they are spelled.
        ("own<-s/-/p/@/deploy/prod#output/url=\"old\"", "", "nothing"),
        ("own<-s/-/p/@r1/deploy/prod#output/url=\"old\"", "", "nothing"),
        ("own<-s/-/p/@v1/deploy/prod#output/url=\"old\"", "s/-/p/@v1 -> s/-/p/@r1", "nothing"),
        ("own<-s/-/p/@1/deploy/prod#output/url=\"old\"", "", "nothing"),
        // Those of another deployment of the same release do.
        (
            "qa<-s/-/p/@r1/deploy/qa#output/url=\"old\"",
            "s/-/p/@r1/deploy/qa = up 1 {\"url\":\"new\"}",
            "queued for qa",
        ),
        (
            "x<-s/-/p/@r1/deploy/prod-2#output/url=\"old\"",
            "s/-/p/@r1/deploy/prod-2 = up 1 {\"url\":\"new\"}",
            "queued for x",
        ),
        (
            "x<-s/-/p/@r2/deploy/prod#output/url=\"old\"",
            "s/-/p/@r2/deploy/prod = up 1 {\"url\":\"new\"}",
            "queued for x",
        ),
        // Never two at a time, and taken up again afterwards.
        (
            port,
            "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = running up",
            "s/-/p/@r1/deploy/prod/2 is running",
        ),
        (port, "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = paused up", "s/-/p/@r1/deploy/prod/2 is paused"),
        (
            port,
            "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = pending down",
            "s/-/p/@r1/deploy/prod/2 is pending",
        ),
        (
            port,
            "@/custom/port = 2\ns/-/p/@r2/deploy/prod/1 = running up",
            "s/-/p/@r2/deploy/prod/1 is running",
        ),
        (
            port,
            "@/custom/port = 2\ns/-/p/@r2/deploy/prod/1 = pending up",
            "s/-/p/@r2/deploy/prod/1 is pending",
        ),
        (
            port,
            "@/custom/port = 2\ns/-/p/@r2/deploy/prod/1 = pending up(x<-@/custom/approval)",
            "queued for port",
        ),
        (port, "@/custom/port = 2\ns/-/p/@r1/deploy/qa/1 = running up", "queued for port"),
        // What failed like that waits for a retry, or for yet another value.
        (
            port,
            "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = failed up(port<-@/custom/port=2)",
            "s/-/p/@r1/deploy/prod/2 failed and waits for `ocuroot release retry`",
        ),
        (
            port,
            "@/custom/port = 3\ns/-/p/@r1/deploy/prod/2 = failed up(port<-@/custom/port=2)",
            "queued for port",
        ),
        (
            port,
            "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = cancelled up(port<-@/custom/port=2)",
            "queued for port",
        ),
    ];
    for (inputs, rest, expected) in cases {
        assert_eq!(reconciled(&deployed(inputs, rest)), *expected, "{inputs}\n{rest}");
    }
}

#[test]
fn only_what_is_deployed_and_whose_dependencies_hold() {
    let inputs = "port<-@/custom/port=1";
    let fixture = deployed(inputs, "@/custom/port = 2");
    assert_eq!(reconciled(&fixture.replace("s/-/p/@r1/task/b/1 = complete b", "")), "nothing");
    assert_eq!(reconciled(&fixture.replace("s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod", "")), "nothing");
    check("", |s| reconcile::queue(s, &r(CURRENT), &facts()), "");
}

#[test]
fn blocked_ones_are_not_queued() {
    let fixture =
        deployed("port<-@/custom/port=1", "@/custom/port = 2\ns/-/p/@r1/deploy/prod/2 = running up");
    let (_, queued) = check(&fixture, |s| reconcile::queue(s, &r(CURRENT), &facts()), "");
    assert_eq!(queued.unwrap(), None);
}
