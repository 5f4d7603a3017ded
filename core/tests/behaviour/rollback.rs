//! Going back to the release that was live before (work.md, "release rollback").

use std::fmt::Write;

use ocuroot_core::rollback::{RollbackError, Step, Wish, is_bad, rollback};
use ocuroot_core::snapshot::{Snapshot, Unmet};
use ocuroot_core::transaction::Transaction;

use crate::fixture::{ask, check, facts, r};

/// What was deployed to `environment`, in that order: each release's attempts are numbered.
fn deployed(environment: &str, order: &[&str]) -> String {
    let mut text = String::new();
    for (index, release) in order.iter().enumerate() {
        let number = order[..=index].iter().filter(|other| *other == release).count();
        let place = format!("s/-/p/@{release}/deploy/{environment}");
        writeln!(
            text,
            "{place}/{number} = complete up(n={index})
             {place}/{number}/status/complete = {{\"time\":\"2026-01-{:02}T00:00:00Z\"}}
             {place} = up {number}(n={index})",
            index + 1
        )
        .unwrap();
    }
    let last = order.last().unwrap();
    writeln!(text, "s/-/p/@/deploy/{environment} -> s/-/p/@{last}/deploy/{environment}").unwrap();
    writeln!(text, "s/-/p/+/deploy/{environment} = {last}(n={})", order.len() - 1).unwrap();
    text
}

fn releases(package: &str) -> String {
    (1..=5).map(|n| format!("s/-/p/@r{n} = release c{n}: {package}\n")).collect()
}

/// r1 to `latest` were deployed to prod, one after the other.
fn up_to(order: &[&str]) -> String {
    releases(">prod(n=7); >qa(n=7)") + &deployed("prod", order)
}

type Answer = Result<(Transaction, Vec<Step>), Unmet<RollbackError>>;

fn back(to: Option<&str>, environments: &[&str], mark_bad: bool) -> impl Fn(&Snapshot) -> Answer {
    let (package, to) = (r("s/-/p"), to.map(r));
    let environments: Vec<String> = environments.iter().map(|name| (*name).to_owned()).collect();
    move |s| {
        let wish = Wish { package: &package, to: to.as_ref(), environments: &environments, mark_bad };
        rollback(s, &wish, &facts())
    }
}

#[test]
fn intent_is_set_back_to_what_was_live_before_with_what_it_was_deployed_with() {
    check(&up_to(&["r1", "r2", "r3"]), back(None, &[], false), "~ s/-/p/+/deploy/prod = r2(n=1)");
}

#[test]
fn what_was_left_by_going_back_is_not_gone_back_to() {
    for (order, expected) in [
        (&["r1", "r2", "r3", "r2"][..], "r1(n=0)"),
        (&["r1", "r2", "r3", "r1", "r4"], "r1(n=3)"),
        // A release made earlier can be deployed later: what counts is what was live.
        (&["r1", "r3", "r2"], "r3(n=1)"),
        (&["r1", "r2", "r2", "r2"], "r1(n=0)"),
    ] {
        check(&up_to(order), back(None, &[], false), &format!("~ s/-/p/+/deploy/prod = {expected}"));
    }
    check(
        &up_to(&["r1", "r2", "r1"]),
        back(None, &[], false),
        "error: in prod no release was live before s/-/p/@r1",
    );
}

#[test]
fn a_deploy_that_failed_is_gone_back_from_too() {
    let failed = "
        s/-/p/@r3/deploy/prod/1 = failed up(n=2)
        s/-/p/+/deploy/prod = r3(n=2)
        ";
    let fixture = up_to(&["r1", "r2"]) + failed;
    let (store, _) = check(&fixture, back(None, &[], false), "~ s/-/p/+/deploy/prod = r2(n=1)");
    assert_eq!(ocuroot_core::intent::diff(&store.snapshot()).unwrap(), []);
    // Intent that leads nowhere says nothing about what there is to get away from.
    let fixture = up_to(&["r1", "r2"]) + "s/-/p/+/deploy/prod = r9";
    check(&fixture, back(None, &[], false), "~ s/-/p/+/deploy/prod = r1(n=0)");
}

#[test]
fn all_environments_or_those_that_are_named_and_all_of_them_or_none() {
    let both = up_to(&["r1", "r2", "r3"]) + &deployed("qa", &["r1", "r4"]);
    let (prod, qa) = ("~ s/-/p/+/deploy/prod = r2(n=1)", "~ s/-/p/+/deploy/qa = r1(n=0)");
    let (_, steps) = check(&both, back(None, &[], false), &format!("{prod}\n{qa}"));
    let steps: Vec<String> =
        steps.unwrap().iter().map(|s| format!("{} {} {}", s.environment, s.from, s.to)).collect();
    assert_eq!(steps, ["prod s/-/p/@r3 s/-/p/@r2", "qa s/-/p/@r4 s/-/p/@r1"]);
    check(&both, back(None, &["qa"], false), qa);
    check(&both, back(None, &["qa", "prod", "qa"], false), &format!("{prod}\n{qa}"));
    let one = up_to(&["r1", "r2"]) + &deployed("qa", &["r4"]);
    check(&one, back(None, &[], false), "error: in qa no release was live before s/-/p/@r4");
    check(&one, back(None, &["prod"], false), "~ s/-/p/+/deploy/prod = r1(n=0)");
    check(
        &one,
        back(None, &["nowhere"], false),
        "error: s/-/p is not deployed to nowhere (it is deployed to: prod, qa)",
    );
}

#[test]
fn to_a_release_that_is_named_by_number_or_tag() {
    let fixture = up_to(&["r1", "r2", "r3"]) + "s/-/p/@v1 -> s/-/p/@r1";
    for name in ["s/-/p/@r1", "s/-/p/@v1"] {
        check(&fixture, back(Some(name), &[], false), "~ s/-/p/+/deploy/prod = r1(n=0)");
    }
    // One that was never there gets the inputs of its package.
    check(&fixture, back(Some("s/-/p/@r5"), &[], false), "~ s/-/p/+/deploy/prod = r5");
    check(&fixture, back(Some("s/-/p/@r3"), &[], false), "error: s/-/p/@r3 is what should be deployed there");
    check(&fixture, back(Some("s/-/p/@r9"), &[], false), "error: there is no release s/-/p/@r9");
    let other = format!("{fixture}\ns/-/q/@r1 = release c1: >prod");
    check(&other, back(Some("s/-/q/@r1"), &[], false), "error: s/-/q/@r1 is a release of another package");
    let narrow = format!("{fixture}\ns/-/p/@r1 = release c1: >qa");
    check(&narrow, back(Some("s/-/p/@r1"), &[], false), "error: s/-/p/@r1 has no deployment to prod");
    // Not named, it is passed over.
    check(&narrow, back(None, &[], false), "~ s/-/p/+/deploy/prod = r2(n=1)");
    let gone = narrow.replace("c2: >prod(n=7); >qa(n=7)", "c2: >qa");
    check(&gone, back(None, &[], false), "error: no release was live before");
}

#[test]
fn what_is_marked_as_bad_is_passed_over() {
    let fixture = up_to(&["r1", "r2", "r3"]);
    let marked = r#"+ s/-/p/+r3/custom/bad = {"environments":["prod"],"reason":"rolled back","time":"2026-02-01T00:00:00Z"}"#;
    let (store, _) =
        check(&fixture, back(None, &[], true), &format!("~ s/-/p/+/deploy/prod = r2(n=1)\n{marked}"));
    // State has it once it is applied; both count.
    assert!(is_bad(&store.snapshot(), &r("s/-/p/@r3")).unwrap());
    for (mark, skips) in [
        ("s/-/p/@r2/custom/bad = {\"why\":\"slow\"}", true),
        ("s/-/p/+r2/custom/bad = true", true),
        ("s/-/p/+r2/custom/bad !nonsense", true),
        ("s/-/p/+r2/custom/bad = false", false),
    ] {
        let fixture = format!("{fixture}\n{mark}");
        let expected = if skips { "r1(n=0)" } else { "r2(n=1)" };
        let (_, steps) =
            check(&fixture, back(None, &[], false), &format!("~ s/-/p/+/deploy/prod = {expected}"));
        assert_eq!(steps.unwrap()[0].skipped.len(), usize::from(skips), "{mark}");
    }
    let all = format!("{fixture}\ns/-/p/@r1/custom/bad = 1\ns/-/p/@r2/custom/bad = 1");
    check(
        &all,
        back(None, &[], false),
        "error: in prod no release was live before s/-/p/@r3 that is not marked as bad (s/-/p/@r2, s/-/p/@r1 is)",
    );
    // Named, it is what somebody wants.
    check(&all, back(Some("s/-/p/@r2"), &[], false), "~ s/-/p/+/deploy/prod = r2(n=1)");
}

#[test]
fn what_is_left_in_one_environment_is_not_gone_to_in_another() {
    let fixture = up_to(&["r1", "r2", "r3"]) + &deployed("qa", &["r1", "r2"]);
    check(
        &fixture,
        back(None, &[], true),
        r#"
        ~ s/-/p/+/deploy/prod = r1(n=0)
        ~ s/-/p/+/deploy/qa = r1(n=0)
        + s/-/p/+r2/custom/bad = {"environments":["qa"],"reason":"rolled back","time":"2026-02-01T00:00:00Z"}
        + s/-/p/+r3/custom/bad = {"environments":["prod"],"reason":"rolled back","time":"2026-02-01T00:00:00Z"}
        "#,
    );
}

#[test]
fn nothing_deployed_is_nothing_to_roll_back() {
    for fixture in ["", &releases(">prod"), &(releases(">prod") + "s/-/p/+/deploy/prod = r1")] {
        check(
            fixture,
            back(None, &[], false),
            "error: nothing to roll back: no release of s/-/p is deployed",
        );
    }
}

#[test]
fn a_new_environment_gets_no_release_that_is_bad() {
    let fixture = "
        s/-/p/@r1 = release c1: >prod
        s/-/p/@r2 = release c2: >prod
        s/-/q/@r1 = release c1: >prod
        s/-/q/@r1/custom/bad = true
        s/-/p/+r2/custom/bad = true
        +/environment/qa = {\"name\":\"qa\"}
        ";
    check(
        fixture,
        |s| ocuroot_core::intent::apply(s, &r("@/environment/qa"), &facts()),
        "
        + @/environment/qa = {\"name\":\"qa\"}
        + s/-/p/@r1/op/check_envs
        ",
    );
}

#[test]
fn what_has_ended_meanwhile_is_a_conflict() {
    let fixture = up_to(&["r1", "r2", "r3"]);
    let (transaction, _) = ask(&fixture, |s| match back(None, &[], false)(s) {
        Ok(decided) => Ok(decided),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(error)) => panic!("{error}"),
    });
    assert!(transaction.requires.contains_key(&r("s/-/p/@/deploy/prod")));
}
