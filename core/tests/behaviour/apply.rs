//! Intent is carried out: custom state and deployments (work.md, "`apply REF`").

use ocuroot_core::intent::{self, Applied};
use ocuroot_core::run;
use ocuroot_core::snapshot::Snapshot;
use serde_json::json;

use crate::fixture::{Outcome, check, facts, r, store};

/// r1 is deployed to prod, as its run 1.
const DEPLOYED: &str = "
    s/-/p/@r1 = release c: >prod(a<-@/custom/a)
    s/-/p/@r2 = release d: >prod(a<-@/custom/a); >qa(b=1)
    s/-/p/@r1/deploy/prod/1 = complete up(a<-@/custom/a=1)
    s/-/p/@r1/deploy/prod = up 1(a<-@/custom/a=1)
    s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
    @/custom/a = 1
";

fn apply(
    reference: &str,
) -> impl Fn(
    &Snapshot,
) -> Result<
    (ocuroot_core::transaction::Transaction, Applied),
    ocuroot_core::snapshot::Unmet<intent::IntentError>,
> + use<'_> {
    move |snapshot| intent::apply(snapshot, &r(reference), &facts())
}

/// Applies, and checks that nothing happens, for a reason that holds `why`.
#[track_caller]
fn nothing(fixture: &str, reference: &str, why: &str) {
    match check(fixture, apply(reference), "").1.unwrap() {
        Applied::Unchanged(reason) => assert!(reason.contains(why), "{reason}"),
        Applied::Changed(refs) => panic!("{refs:?}"),
    }
}

#[test]
fn custom_state_is_copied_or_deleted() {
    check("+/custom/a = {\"x\":1}", apply("@/custom/a"), "+ @/custom/a = {\"x\":1}");
    check("+/custom/a = {\"x\":1}", apply("+/custom/a"), "+ @/custom/a = {\"x\":1}");
    check("+/custom/a = 2\n@/custom/a = 1", apply("@/custom/a"), "~ @/custom/a = 2");
    check("@/custom/a = 1", apply("@/custom/a"), "- @/custom/a");
    nothing("+/custom/a = 2\n@/custom/a = 2", "@/custom/a", "as intended");
    check("", apply("@/custom/a"), "error: there is nothing at @/custom/a");
    check("+/custom/a !{\n@/custom/a = 1", apply("@/custom/a"), "error: +/custom/a cannot be read");
}

#[test]
fn custom_state_of_a_release_is_kept_under_its_number() {
    let release = "s/-/p/@r1 = release c: x\ns/-/p/@v1 -> s/-/p/@r1\n";
    for (spelled, reference) in [("+v1", "@v1"), ("+r1", "@r1"), ("+v1", "@r1"), ("+r1", "@v1"), ("+1", "@1")]
    {
        check(
            &format!("{release}s/-/p/{spelled}/custom/ok = true\ns/-/p/@r1/custom/ok = false"),
            apply(&format!("s/-/p/{reference}/custom/ok")),
            "~ s/-/p/@r1/custom/ok = true",
        );
    }
    check(
        &format!("{release}s/-/p/+v1/custom/ok = true"),
        apply("s/-/p/@v1/custom/ok"),
        "+ s/-/p/@r1/custom/ok = true",
    );
    check(
        &format!("{release}s/-/p/@r1/custom/ok = true"),
        apply("s/-/p/@v1/custom/ok"),
        "- s/-/p/@r1/custom/ok",
    );
}

#[test]
fn only_intent_can_be_applied() {
    for reference in [
        "s/-/p/@r1/task/t",
        "s/-/p/@r1",
        "s/-/p/@r1/deploy/prod",
        "s/-/p/@/deploy/prod/1",
        "s/-/p/@/environment/x",
    ] {
        check(DEPLOYED, apply(reference), "error: is not intent");
    }
}

#[test]
fn a_deployment_is_queued_with_the_inputs_of_the_intent() {
    let (_, applied) = check(
        &format!("{DEPLOYED}\ns/-/p/+/deploy/prod = r2(a<-@/custom/a=7)"),
        apply("s/-/p/@/deploy/prod"),
        "
        + s/-/p/@r2/deploy/prod/1 = up(a<-@/custom/a=7)
        + s/-/p/@r2/deploy/prod/1/status/pending
        ",
    );
    assert_eq!(applied, Some(Applied::Changed(vec![r("s/-/p/@r2/deploy/prod/1")])));
    // Another value for the deployed release is a further run of it.
    check(
        &format!("{DEPLOYED}\ns/-/p/+/deploy/prod = r1(a<-@/custom/b)"),
        apply("s/-/p/@/deploy/prod"),
        "
        + s/-/p/@r1/deploy/prod/2 = up(a<-@/custom/b)
        + s/-/p/@r1/deploy/prod/2/status/pending
        ",
    );
    // By tag; and without inputs: those of the package.
    check(
        &format!("{DEPLOYED}\ns/-/p/@v2 -> s/-/p/@r2\ns/-/p/+/deploy/qa = v2"),
        apply("s/-/p/+/deploy/qa"),
        "
        + s/-/p/@r2/deploy/qa/1 = up(b=1)
        + s/-/p/@r2/deploy/qa/1/status/pending
        ",
    );
    // A rollback to what was deployed before is a run of that release.
    check(
        "
        s/-/p/@r1 = release c: >prod
        s/-/p/@r1/deploy/prod/1 = complete up
        s/-/p/@r1/deploy/prod = up 1
        s/-/p/@r2/deploy/prod/1 = complete up
        s/-/p/@r2/deploy/prod = up 1
        s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
        s/-/p/+/deploy/prod = r1
        ",
        apply("s/-/p/@/deploy/prod"),
        "
        + s/-/p/@r1/deploy/prod/2 = up
        + s/-/p/@r1/deploy/prod/2/status/pending
        ",
    );
}

#[test]
fn what_is_so_already_is_left_alone() {
    nothing(
        &format!("{DEPLOYED}\ns/-/p/+/deploy/prod = r1(a<-@/custom/a=1)"),
        "s/-/p/@/deploy/prod",
        "deployed like that",
    );
    nothing(&format!("{DEPLOYED}\ns/-/p/+/deploy/prod = r1"), "s/-/p/@/deploy/prod", "deployed like that");
}

#[test]
fn a_run_for_exactly_this_is_not_queued_twice() {
    let intent = "s/-/p/+/deploy/prod = r2(a<-@/custom/a=7)";
    for status in ["pending", "paused", "running", "failed"] {
        let run = format!("s/-/p/@r2/deploy/prod/1 = {status} up(a<-@/custom/a=7)");
        nothing(&format!("{DEPLOYED}\n{intent}\n{run}"), "s/-/p/@/deploy/prod", "s/-/p/@r2/deploy/prod/1");
    }
    for status in ["cancelled", "failed_retried", "complete"] {
        let run = format!("s/-/p/@r2/deploy/prod/1 = {status} up(a<-@/custom/a=7)");
        check(
            &format!("{DEPLOYED}\n{intent}\n{run}"),
            apply("s/-/p/@/deploy/prod"),
            "+ s/-/p/@r2/deploy/prod/2 = up(a<-@/custom/a=7)\n+ s/-/p/@r2/deploy/prod/2/status/pending",
        );
    }
    // What failed with other inputs does not hold up these; the newest with these does.
    check(
        &format!("{DEPLOYED}\n{intent}\ns/-/p/@r2/deploy/prod/1 = failed up(a<-@/custom/a=6)"),
        apply("s/-/p/@/deploy/prod"),
        "+ s/-/p/@r2/deploy/prod/2 = up(a<-@/custom/a=7)\n+ s/-/p/@r2/deploy/prod/2/status/pending",
    );
    nothing(
        &format!(
            "{DEPLOYED}\n{intent}\ns/-/p/@r2/deploy/prod/1 = failed up(a<-@/custom/a=7)\ns/-/p/@r2/deploy/prod/2 = failed up(a<-@/custom/a=6)"
        ),
        "s/-/p/@/deploy/prod",
        "prod/1 failed and waits for `ocuroot release retry`",
    );
    // A failed down is not an up.
    check(
        &format!("{DEPLOYED}\n{intent}\ns/-/p/@r2/deploy/prod/1 = failed down(a<-@/custom/a=7)"),
        apply("s/-/p/@/deploy/prod"),
        "+ s/-/p/@r2/deploy/prod/2 = up(a<-@/custom/a=7)\n+ s/-/p/@r2/deploy/prod/2/status/pending",
    );
}

#[test]
fn never_two_runs_of_one_deployment_at_a_time() {
    let intent = "s/-/p/+/deploy/prod = r2(a<-@/custom/a=7)";
    for status in ["running", "paused", "pending"] {
        // Of the same release, whatever its inputs, and of another one.
        for run in ["s/-/p/@r2/deploy/prod/1", "s/-/p/@r1/deploy/prod/2"] {
            let fixture = format!("{DEPLOYED}\n{intent}\n{run} = {status} up(z=1)");
            nothing(&fixture, "s/-/p/@/deploy/prod", &format!("{run} is {status}"));
        }
    }
    // A pending run of another release that waits for an approval holds up nobody.
    check(
        &format!("{DEPLOYED}\n{intent}\ns/-/p/@r1/deploy/prod/2 = pending up(z<-@/custom/approval)"),
        apply("s/-/p/@/deploy/prod"),
        "+ s/-/p/@r2/deploy/prod/1 = up(a<-@/custom/a=7)\n+ s/-/p/@r2/deploy/prod/1/status/pending",
    );
    // Neither does a run to another environment or of another package.
    check(
        &format!(
            "{DEPLOYED}\n{intent}\ns/-/p/@r1/deploy/qa/1 = running up\nq/-/q/@r1/deploy/prod/1 = running up"
        ),
        apply("s/-/p/@/deploy/prod"),
        "+ s/-/p/@r2/deploy/prod/1 = up(a<-@/custom/a=7)\n+ s/-/p/@r2/deploy/prod/1/status/pending",
    );
}

#[test]
fn what_cannot_be_deployed_says_why() {
    for (intent, error) in [
        ("s/-/p/+/deploy/prod = r9", "there is no release s/-/p/@r9"),
        ("s/-/p/+/deploy/nowhere = r2", "s/-/p/@r2 has no deployment to nowhere (it deploys to: prod, qa)"),
        ("s/-/p/+/deploy/prod = {\"release\":\"s/-/q/@r1\",\"input\":{}}", "there is no release s/-/q/@r1"),
        (
            "s/-/q/@r1 = release c: >prod\ns/-/p/+/deploy/prod = {\"release\":\"s/-/q/@r1\",\"input\":{}}",
            "is a release of another package",
        ),
        ("s/-/p/+/deploy/prod = {\"input\":{}}", "not a deployment intent"),
        ("s/-/p/+/deploy/prod !{", "cannot be read"),
    ] {
        let reference =
            if intent.contains("nowhere") { "s/-/p/@/deploy/nowhere" } else { "s/-/p/@/deploy/prod" };
        check(&format!("{DEPLOYED}\n{intent}"), apply(reference), &format!("error: {error}"));
    }
    check(DEPLOYED, apply("s/-/p/@/deploy/nowhere"), "error: there is nothing at s/-/p/@/deploy/nowhere");
}

#[test]
fn a_deleted_deployment_is_taken_down_with_its_inputs_resolved_again() {
    let (_, applied) = check(
        &format!("{DEPLOYED}\n@/custom/a = 5"),
        apply("s/-/p/@/deploy/prod"),
        "
        + s/-/p/@r1/deploy/prod/2 = down(a<-@/custom/a=5)
        + s/-/p/@r1/deploy/prod/2/status/pending
        ",
    );
    assert_eq!(applied, Some(Applied::Changed(vec![r("s/-/p/@r1/deploy/prod/2")])));
}

#[test]
fn a_down_is_not_queued_twice_either() {
    for status in ["pending", "paused", "running", "failed"] {
        let run = format!("s/-/p/@r1/deploy/prod/2 = {status} down(a<-@/custom/a=1)");
        nothing(&format!("{DEPLOYED}\n{run}"), "s/-/p/@/deploy/prod", "s/-/p/@r1/deploy/prod/2");
    }
    // It failed with what its inputs are now, though not with what was deployed.
    nothing(
        &format!("{DEPLOYED}\n@/custom/a = 5\ns/-/p/@r1/deploy/prod/2 = failed down(a<-@/custom/a=5)"),
        "s/-/p/@/deploy/prod",
        "prod/2 failed",
    );
    nothing(
        &format!("{DEPLOYED}\ns/-/p/@r2/deploy/prod/1 = running up"),
        "s/-/p/@/deploy/prod",
        "@r2/deploy/prod/1 is running",
    );
}

#[test]
fn a_deployment_ends_as_intended_and_then_there_is_nothing_left() {
    // Without inputs in the intent, to the end: the claim writes them down, and nothing differs.
    let mut store = store(&format!("{DEPLOYED}\n+/custom/a = 1\ns/-/p/+/deploy/prod = r2\n"));
    for _ in 0..3 {
        let snapshot = store.snapshot();
        let (step, _) = intent::apply(&snapshot, &r("s/-/p/@/deploy/prod"), &facts()).unwrap();
        store.commit(&step).unwrap();
        let run = r("s/-/p/@r2/deploy/prod/1");
        if let Ok((step, _)) = run::claim(&store.snapshot(), &run, &facts()).split() {
            store.commit(&step).unwrap();
            let done =
                run::complete(&store.snapshot(), &run, &run::Completion::default(), &[], &facts()).unwrap();
            store.commit(&done).unwrap();
        }
    }
    assert_eq!(intent::diff(&store.snapshot()).unwrap(), []);
    assert!(store.get(&r("s/-/p/@r2/deploy/prod/2")).is_none());
}

#[test]
fn what_people_set_is_checked_where_they_set_it() {
    let set =
        |reference: &'static str, body: serde_json::Value| move |s: &_| intent::set(s, &r(reference), &body);
    check("", set("@/custom/a", json!([1])), "+ +/custom/a = [1]");
    check("", set("s/-/p/+v1/custom/a", json!("x")), "+ s/-/p/+v1/custom/a = \"x\"");
    check(
        "",
        set("@/environment/prod", json!({"name": "prod"})),
        "+ +/environment/prod = {\"name\":\"prod\"}",
    );
    check(
        "",
        set("@/environment/prod", json!({"name": "qa"})),
        "error: the environment is called \"qa\" but its ref says \"prod\"",
    );
    check("", set("@/environment/prod", json!("prod")), "error: not an environment");
    check(
        "",
        set("@/environment/prod", json!({"name": "prod", "attributes": {"a": 1}})),
        "error: not an environment",
    );
    check("", set("@/environment/a~b", json!({"name": "a~b"})), "error: is not an environment name");
    check(
        "",
        set("s/-/p/@/deploy/prod", json!({"release": "s/-/p/@v1", "input": {}})),
        "+ s/-/p/+/deploy/prod = v1",
    );
    check("", set("s/-/p/@/deploy/prod", json!({"input": {}})), "error: not a deployment intent");
    check("", set("s/-/p/@r1/task/t", json!(1)), "error: is not intent");
    check("+/custom/a = 1", |s| intent::delete(s, &r("@/custom/a")), "- +/custom/a");
    check(
        "@/custom/a = 1",
        |s| intent::delete(s, &r("@/custom/a")),
        "error: there is no intent at +/custom/a",
    );
    check("", |s| intent::delete(s, &r("s/-/p/@r1")), "error: is not intent");
}

#[test]
fn many_are_applied_at_once_and_one_that_cannot_be_keeps_no_other_back() {
    let references = ["@/custom/c", "s/-/p/@/deploy/prod", "@/custom/nothing", "@/custom/b"].map(r);
    let (_, outcomes) = check(
        &format!(
            "{DEPLOYED}\n+/custom/c = 1\n+/custom/b = 2\n@/custom/b = 2\ns/-/p/+/deploy/prod = r2(a<-@/custom/a)"
        ),
        |snapshot| intent::apply_all(snapshot, &references, &facts()),
        "
        + @/custom/c = 1
        + s/-/p/@r2/deploy/prod/1 = up(a<-@/custom/a)
        + s/-/p/@r2/deploy/prod/1/status/pending
        ",
    );
    let [Ok(Applied::Changed(a)), Ok(Applied::Changed(run)), Err(nothing), Ok(Applied::Unchanged(_))] =
        outcomes.as_deref().unwrap()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((a.as_slice(), run.as_slice()), (&[r("@/custom/c")][..], &[r("s/-/p/@r2/deploy/prod/1")][..]));
    assert!(nothing.to_string().contains("there is nothing at @/custom/nothing"));
}
