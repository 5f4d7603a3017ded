//! Freezes: no run of a deployment starts there (web.md, "Freeze").

use std::collections::BTreeSet;

use ocuroot_core::facts::Facts;
use ocuroot_core::freeze;
use ocuroot_core::plan::{Plan, Scope, plan};
use ocuroot_core::runs;
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::{cause, run};
use serde_json::json;

use crate::fixture::{answer, ask, check, facts, r, store};

const PROD: &str = "s/-/p/@r1/deploy/prod/1";
const FREEZE: &str = r#"@/custom/freeze = {"reason":"end of year"}"#;

fn anyway() -> Facts {
    Facts { override_freeze: Some("a hole in the wall".into()), ..facts() }
}

fn planned(fixture: &str, facts: &Facts) -> Plan {
    ask(fixture, |s| plan(s, &Scope::Everything, facts))
}

/// What of a plan is work, and what is held.
fn lines(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let work = plan.items().iter().map(|item| item.reference.to_string()).collect();
    (work, plan.frozen().iter().map(|(at, freeze)| format!("{at} {freeze}")).collect())
}

/// Whether a document at `at` freezes prod, and what is said of it.
fn said(at: &str, body: &str) -> Option<String> {
    ask(&format!("{at} {body}"), |s| freeze::of(s, "prod", &facts().now)).map(|freeze| freeze.to_string())
}

#[test]
fn what_is_a_freeze_and_until_when() {
    for (body, expected) in [
        (r#"= {"reason":"r"}"#, "frozen: r (@/custom/freeze)"),
        (r#"= {"reason":"r","until":null}"#, "frozen: r (@/custom/freeze)"),
        (r#"= "r""#, "frozen: r (@/custom/freeze)"),
        (
            r#"= {"reason":"r","until":"2026-02-01T00:00:01Z"}"#,
            "frozen until 2026-02-01T00:00:01Z: r (@/custom/freeze)",
        ),
        // In another zone it is later.
        (
            r#"= {"reason":"r","until":"2026-02-01T01:00:00-01:00"}"#,
            "frozen until 2026-02-01T01:00:00-01:00: r (@/custom/freeze)",
        ),
        (r#"= {"reason":"r","until":"2026-02-01"}"#, "frozen until 2026-02-01: r (@/custom/freeze)"),
        (r#"= {"reason":"r","until":"2026-02-01T00:00:00Z"}"#, ""),
        (r#"= {"reason":"r","until":"2026-02-01T00:30:00+01:00"}"#, ""),
        (r#"= {"reason":"r","until":"2026-01-31"}"#, ""),
    ] {
        assert_eq!(said("@/custom/freeze", body).unwrap_or_default(), expected, "{body}");
    }
    assert_eq!(said("@/custom/freeze/prod", "= \"r\"").unwrap(), "frozen: r (@/custom/freeze/prod)");
    for other in ["@/custom/freeze/qa", "@/custom/freezer", "+/custom/freeze", "s/-/p/@/custom/freeze"] {
        assert_eq!(said(other, "= \"r\""), None, "{other}");
    }
}

#[test]
fn what_is_malformed_freezes_all_the_same() {
    for (body, expected) in [
        ("= 7", r#"expected {"reason": "…", "until": "…"}"#),
        ("= null", r#"expected {"reason": "…", "until": "…"}"#),
        ("= {}", "it gives no reason"),
        ("= \" \"", "it gives no reason"),
        (r#"= {"reason":7}"#, "it gives no reason"),
        (r#"= {"reason":"r","until":"soon"}"#, "`until` is neither a time (2026-12-27T08:00:00Z) nor a date"),
        (r#"= {"reason":"r","until":"2026-01-01T00:00:00"}"#, "`until` is neither"),
        (r#"= {"reason":"r","until":20260101}"#, "`until` is neither"),
        (r#"= "{\"reason\": \"r\"}""#, "it is text that looks like JSON; set it with --format json"),
        ("!nonsense", "it cannot be read"),
        ("-> @/custom/other", "it cannot be read"),
    ] {
        let said = said("@/custom/freeze", body).unwrap_or_else(|| panic!("{body} does not freeze"));
        assert!(said.contains(&format!("(@/custom/freeze is malformed: {expected}")), "{said}");
    }
    let problem = |at: &str, body| freeze::problem(&r(at), &body);
    assert_eq!(problem("@/custom/freeze", json!({"reason": "r"})), None);
    assert_eq!(
        problem("+/custom/freeze/prod", json!(7)).unwrap(),
        r#"expected {"reason": "…", "until": "…"}"#
    );
    assert_eq!(problem("@/custom/other", json!(7)), None);
}

#[test]
fn one_that_is_over_does_not_hide_another() {
    let over = r#"@/custom/freeze = {"reason":"x","until":"2026-01-01"}"#;
    let both = format!("{over}\n@/custom/freeze/prod = \"still\"");
    let found = |environment: &str| ask(&both, |s| freeze::of(s, environment, &facts().now));
    assert_eq!(found("prod").unwrap().reason, "still");
    assert_eq!(found("qa"), None);
}

/// A ready run of every kind, and a deployment whose input has changed.
const WORK: &str = "
    s/-/p/@r1 = release c1: t | >prod; >qa; >old
    s/-/p/@r1/task/t/1 = pending t
    s/-/p/@r1/deploy/prod/1 = pending up
    s/-/p/@r1/deploy/qa/1 = pending down
    s/-/p/@r1/deploy/begun/1 = paused up + verify
    @/custom/a = 1
    +/custom/a = 1
    s/-/p/@r1/deploy/old/1 = complete up(a<-@/custom/a=0)
    s/-/p/@r1/deploy/old = up 1(a<-@/custom/a=0)
    s/-/p/@/deploy/old -> s/-/p/@r1/deploy/old
    s/-/p/+/deploy/old = r1(a<-@/custom/a=0)
    ";

#[test]
fn deploys_are_left_out_of_the_plan_and_tasks_and_what_has_begun_are_not() {
    let all = [
        "s/-/p/@r1/deploy/begun/1",
        "s/-/p/@r1/deploy/prod/1",
        "s/-/p/@r1/deploy/qa/1",
        "s/-/p/@r1/task/t/1",
        "s/-/p/@r1/deploy/old",
    ];
    assert_eq!(lines(&planned(WORK, &facts())).0, all);
    let everywhere = format!("{WORK}\n{FREEZE}\n+{}", &FREEZE[1..]);
    let (work, held) = lines(&planned(&everywhere, &facts()));
    assert_eq!(work, ["s/-/p/@r1/deploy/begun/1", "s/-/p/@r1/task/t/1"]);
    let held_runs: Vec<&str> = held.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(held_runs, ["s/-/p/@r1/deploy/old", "s/-/p/@r1/deploy/prod/1", "s/-/p/@r1/deploy/qa/1"]);
    assert!(held[0].ends_with("frozen: end of year (@/custom/freeze)"), "{}", held[0]);
    assert_eq!(lines(&planned(&everywhere, &anyway())), (all.map(str::to_owned).to_vec(), vec![]));
    // In one environment only.
    let one = format!("{WORK}\n@/custom/freeze/prod = \"r\"\n+/custom/freeze/prod = \"r\"");
    let (work, held) = lines(&planned(&one, &facts()));
    assert_eq!(work.len(), 4);
    assert_eq!(held, ["s/-/p/@r1/deploy/prod/1 frozen: r (@/custom/freeze/prod)"]);
}

#[test]
fn what_is_held_in_a_release_is_what_could_start_otherwise() {
    let fixture = format!(
        "{WORK}\n{FREEZE}
        s/-/p/@r1/deploy/waits/1 = pending up(a<-@/custom/nothing)
        "
    );
    let held = |facts: &Facts| -> Vec<String> {
        let held = ask(&fixture, |s| freeze::held(s, &r("s/-/p/@r1"), facts));
        held.iter().map(|(run, _)| run.subpath().to_owned()).collect()
    };
    assert_eq!(held(&facts()), ["prod/1", "qa/1"]);
    assert_eq!(held(&anyway()), [""; 0]);
}

#[test]
fn what_a_command_has_caused_includes_what_a_freeze_holds_of_it() {
    let fixture = format!("{WORK}\n{FREEZE}\n+{}", &FREEZE[1..]);
    let written: BTreeSet<_> = [r(PROD)].into();
    let caused = ask(&fixture, |s| cause::of(s, &plan(s, &Scope::Everything, &facts())?, &written));
    assert!(caused.is_empty());
    assert_eq!(lines(&caused).1, [format!("{PROD} frozen: end of year (@/custom/freeze)")]);
}

#[test]
fn a_claim_is_refused_in_the_transaction_that_claims() {
    let claim = |facts: Facts| move |s: &Snapshot| run::claim(s, &r(PROD), &facts);
    let fixture = format!("{WORK}\n{FREEZE}");
    check(&fixture, claim(facts()), &format!("error: {PROD} does not start: frozen: end of year"));
    // What is not ready says so, frozen or not.
    let waits = format!("{fixture}\n{PROD} = pending up(a<-@/custom/nothing)");
    check(&waits, claim(facts()), "error: s/-/p/@r1/deploy/prod/1 is not ready");
    check(
        &fixture,
        claim(anyway()),
        &format!(
            "
            + s/-/p/+/deploy/prod = r1
            ~ {PROD} = up in spite of a freeze: a hole in the wall
            - {PROD}/status/pending
            + {PROD}/status/running by me
            "
        ),
    );
    // There is nothing to override: nothing is recorded.
    check(
        WORK,
        claim(anyway()),
        &format!("+ s/-/p/+/deploy/prod = r1\n- {PROD}/status/pending\n+ {PROD}/status/running by me"),
    );
    for other in ["s/-/p/@r1/task/t/1", "s/-/p/@r1/deploy/begun/1"] {
        let claimed = store(&fixture).decide(|s| run::claim(s, &r(other), &facts())).unwrap().1;
        assert_eq!(claimed.run.as_str(), other);
    }
}

#[test]
fn a_freeze_that_comes_between_decision_and_commit_wins() {
    for freeze in [FREEZE, "@/custom/freeze/prod = \"r\""] {
        let before = store(WORK);
        let (transaction, _) = before.decide(|s| run::claim(s, &r(PROD), &facts())).unwrap();
        let mut frozen = store(&format!("{WORK}\n{freeze}"));
        assert!(frozen.commit(&transaction).unwrap_err().to_string().contains("freeze"));
        // Another environment's does not matter.
        let mut other = store(&format!("{WORK}\n@/custom/freeze/qa = \"r\""));
        other.commit(&transaction).unwrap();
    }
}

#[test]
fn of_several_that_are_ready_those_that_are_not_held_are_claimed() {
    let fixture = format!("{WORK}\n@/custom/freeze/prod = \"r\"");
    let claimed = store(&fixture)
        .decide(|s| {
            let all = runs::of_release(s, &r("s/-/p/@r1"))?;
            run::claim_ready(s, &all, 9, &facts())
        })
        .unwrap()
        .1;
    let claimed: Vec<&str> = claimed.iter().map(|claimed| claimed.run.subpath()).collect();
    assert_eq!(claimed, ["begun/1", "qa/1", "t/1"]);
}

#[test]
fn without_a_freeze_one_listing_tells() {
    let many: String = (1..30).map(|n| format!("s/-/p/@r{n}/deploy/prod/1 = pending up\n")).collect();
    let many = format!("{many}@/custom/other = 1");
    let (_, reads) = answer(&store(&many), |s| {
        for entry in runs::of_store(s)? {
            assert_eq!(freeze::of(s, entry.name(), &facts().now)?, None);
        }
        Ok(())
    });
    assert!(!reads.bodies.iter().any(|body| body.as_str().contains("freeze")));
    let folders = reads.folders.iter().filter(|(_, path)| path.contains("freeze")).count();
    assert_eq!(folders, 1);
}
