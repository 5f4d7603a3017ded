//! The plan: what is work, in which order, and what is left out and why (work.md, "Work").

use ocuroot_core::plan::{Plan, Scope, plan};
use ocuroot_core::snapshot::{Needs, Snapshot};

use crate::fixture::{answer, ask, facts, store};

fn at(commit: &str) -> Scope {
    Scope::Commit { repo: "s".into(), commit: commit.into() }
}

fn lines(plan: &Plan) -> Vec<String> {
    let item = |item: &ocuroot_core::plan::Item| {
        let kind = serde_json::to_value(item.work_type).unwrap_or_default();
        let commit = item.commit.as_ref().map(|commit| format!(" at {commit}")).unwrap_or_default();
        format!("{} {}{commit}", kind.as_str().unwrap_or_default(), item.reference)
    };
    plan.items().iter().map(item).collect()
}

#[track_caller]
fn planned(fixture: &str, scope: &Scope, expected: &str) {
    let plan = ask(fixture, |s| plan(s, scope, &facts()));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines(&plan), expected, "{:#?}", plan.left_out);
}

/// Something of every kind, in two repos and at two commits.
pub(crate) const WORK: &str = "
    # Intent.
    +/custom/b = 1
    +/environment/new = {\"name\":\"new\"}
    s/-/p/+r1/custom/ok = true
    @/custom/gone = 1
    s/-/p/+/deploy/prod = r1(a<-@/custom/a=1)
    # Ready runs, in an order that is not the one of numbers.
    s/-/p/@r1 = release c1: t
    s/-/p/@r1/task/t/2 = pending t
    s/-/p/@r1/task/t/10 = pending t
    s/-/p/@r1/task/t-2/1 = paused t + u
    s/-/p/@r1/task/waits/1 = pending t(a<-@/custom/approval) after s/-/p/@r1/task/t/*/status/pending
    s/-/p/@r1/task/later/1 = pending t(a<-@/custom/approval) after s/-/p/@r1/task/waits/*/status/complete
    s/-/p/@r1/task/done/1 = complete t
    s/-/p/@r1/task/broken/1 = failed t
    s/-/p/@r1/task/going/1 = running t
    s/-/p/@r1/task/over/1 = cancelled t
    s/-/p/@r2 = release c2: t
    s/-/p/@r2/task/t/1 = pending t
    z/-/q/@r1 = release c1: t
    z/-/q/@r1/task/t/1 = pending t
    # A deployment whose input has changed, and one that is blocked.
    @/custom/a = 1
    +/custom/a = 1
    s/-/p/@r1/deploy/prod/1 = complete up(a<-@/custom/a=0)
    s/-/p/@r1/deploy/prod = up 1(a<-@/custom/a=0)
    s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
    s/-/p/+/deploy/prod = r1(a<-@/custom/a=0)
    s/-/p/@r1/deploy/qa/1 = complete up(a<-@/custom/a=0)
    s/-/p/@r1/deploy/qa/2 = failed up(a<-@/custom/a=1)
    s/-/p/@r1/deploy/qa = up 1(a<-@/custom/a=0)
    s/-/p/@/deploy/qa -> s/-/p/@r1/deploy/qa
    s/-/p/+/deploy/qa = r1(a<-@/custom/a=0)
    # Operations.
    s/-/p/@r2/op/check_envs = {\"time\":\"x\"}
    s/-/p/@r1/op/check_envs = {\"time\":\"x\"}
";

#[test]
fn everything_in_order_each_kind_sorted_by_ref() {
    planned(
        WORK,
        &Scope::Everything,
        "
        create @/custom/b
        delete @/custom/gone
        create @/environment/new
        create s/-/p/@r1/custom/ok
        run s/-/p/@r1/task/t-2/1 at c1
        run s/-/p/@r1/task/t/10 at c1
        run s/-/p/@r1/task/t/2 at c1
        run s/-/p/@r2/task/t/1 at c2
        run z/-/q/@r1/task/t/1 at c1
        run s/-/p/@r1/deploy/prod at c1
        op s/-/p/@r1/op/check_envs at c1
        op s/-/p/@r2/op/check_envs at c2
        ",
    );
}

#[test]
fn of_one_commit_only_its_work_but_all_of_intent() {
    let intent =
        "create @/custom/b\ndelete @/custom/gone\ncreate @/environment/new\ncreate s/-/p/@r1/custom/ok\n";
    planned(
        WORK,
        &at("c2"),
        &format!("{intent}run s/-/p/@r2/task/t/1 at c2\nop s/-/p/@r2/op/check_envs at c2"),
    );
    planned(WORK, &at("c3"), intent);
    planned(
        WORK,
        &at("c1"),
        &format!(
            "{intent}
            run s/-/p/@r1/task/t-2/1 at c1
            run s/-/p/@r1/task/t/10 at c1
            run s/-/p/@r1/task/t/2 at c1
            run s/-/p/@r1/deploy/prod at c1
            op s/-/p/@r1/op/check_envs at c1
            "
        ),
    );
}

#[test]
fn what_is_left_out_says_why() {
    let plan = ask(WORK, |s| plan(s, &Scope::Everything, &facts()));
    let left: Vec<String> =
        plan.left_out.iter().map(|left| format!("{}: {}", left.reference, left.reason)).collect();
    assert_eq!(
        left,
        [
            "s/-/p/@r1/deploy/qa: s/-/p/@r1/deploy/qa/2 failed and waits for `ocuroot release retry`",
            "s/-/p/@r1/task/later/1: waits for s/-/p/@r1/task/waits/*/status/complete",
            "s/-/p/@r1/task/waits/1: waits for @/custom/approval (input a)",
        ]
    );
}

#[test]
fn what_is_under_way_stays_in_the_diff_but_is_no_work() {
    let base = "
        s/-/p/@r1 = release c: >prod(a=1)
        s/-/p/+/deploy/prod = r1(a=1)
        ";
    planned(base, &at("x"), "create s/-/p/@/deploy/prod");
    for status in ["running", "failed", "paused", "pending"] {
        let fixture = format!("{base}s/-/p/@r1/deploy/prod/1 = {status} up(a=1)");
        planned(&fixture, &at("x"), "");
        assert_eq!(ask(&fixture, ocuroot_core::intent::diff).len(), 1, "{status}");
        let plan = ask(&fixture, |s| plan(s, &at("x"), &facts()));
        assert_eq!(plan.left_out.len(), 1);
    }
    planned(
        &format!("{base}s/-/p/@r1/deploy/prod/1 = failed_retried up(a=1)"),
        &at("x"),
        "create s/-/p/@/deploy/prod",
    );
    // Intent that cannot be carried out is left out too.
    let plan = ask("s/-/p/+/deploy/prod = r9", |s| plan(s, &at("x"), &facts()));
    assert!(plan.is_empty() && plan.left_out[0].reason.to_string().contains("there is no release"));
}

#[test]
fn an_op_waits_for_what_is_being_taken_down() {
    let fixture = "
        s/-/p/@r1 = release c: >prod
        s/-/p/@r1/deploy/prod/1 = complete up
        s/-/p/@r1/deploy/prod/2 = pending down
        s/-/p/@r1/op/check_envs = {\"time\":\"x\"}
        @/environment/prod = {\"name\":\"prod\"}
        +/environment/prod = {\"name\":\"prod\"}
        ";
    planned(fixture, &Scope::Everything, "run s/-/p/@r1/deploy/prod/2 at c");
    planned(&fixture.replace("pending", "complete"), &Scope::Everything, "op s/-/p/@r1/op/check_envs at c");
}

#[test]
fn work_of_a_release_whose_document_is_gone_belongs_to_no_commit() {
    planned("s/-/p/@r1/task/t/1 = pending t\ns/-/p/@r1/op/check_envs = {}", &Scope::Everything, "");
}

#[test]
fn an_empty_plan_is_an_empty_list() {
    for scope in [Scope::Everything, at("c")] {
        let items = ask("s/-/p/@r1 = release c: t\ns/-/p/@r1/task/t/1 = complete t", |s| {
            Ok(plan(s, &scope, &facts())?.items())
        });
        assert_eq!(serde_json::to_string(&items).unwrap(), "[]");
    }
}

#[test]
fn equal_stores_give_equal_bytes_however_they_were_loaded() {
    let bytes = |snapshot: &Snapshot| -> Result<String, Needs> {
        Ok(serde_json::to_string_pretty(&plan(snapshot, &Scope::Everything, &facts())?.items()).unwrap())
    };
    let once = ask(WORK, bytes);
    // Another order of documents, listings and bodies.
    let reversed: Vec<&str> = WORK.lines().rev().collect();
    assert_eq!(ask(&reversed.join("\n"), bytes), once);
    assert!(
        once.starts_with("[\n  {\n    \"ref\": \"@/custom/b\",\n    \"work_type\": \"create\"\n  }"),
        "{once}"
    );
}

#[test]
fn the_plan_of_a_commit_leaves_other_releases_closed() {
    let old: String = (1..40)
        .map(|n| {
            format!(
                "s/-/p/@r{n} = release old{n}: t | >prod
                s/-/p/@r{n}/task/t/1 = complete t
                s/-/p/@r{n}/task/t = task 1
                s/-/p/@r{n}/deploy/prod/1 = complete up
                s/-/p/@r{n}/deploy/prod = up 1
                other/-/q/@r{n} = release c: t
                other/-/q/@r{n}/task/t/1 = pending t
                "
            )
        })
        .collect();
    let fixture = format!(
        "{old}
        s/-/p/@/deploy/prod -> s/-/p/@r39/deploy/prod
        s/-/p/+/deploy/prod = r39
        s/-/p/@r40 = release c: t | >prod
        s/-/p/@r40/task/t/1 = pending t
        s/-/p/@r40/deploy/prod/1 = pending up after s/-/p/@r40/task/t/*/status/complete
        "
    );
    let (plan, reads) = answer(&store(&fixture), |s| {
        let mut found = Plan::default();
        ocuroot_core::plan::plan_runs(s, &at("c"), &facts(), &mut found)?;
        Ok(found)
    });
    assert_eq!(lines(&plan), ["run s/-/p/@r40/task/t/1 at c"]);
    let inside = |path: &str| path.contains("/task") || path.contains("/deploy");
    let opened: Vec<&String> =
        reads.folders.iter().map(|(_, path)| path).filter(|path| inside(path)).collect();
    assert!(opened.iter().all(|path| path.contains("@r40") || path.contains("@/deploy")), "{opened:?}");
    assert!(!reads.folders.iter().any(|(_, path)| path.starts_with("other/-/q")), "{:?}", reads.folders);
    let bodies: Vec<&str> = reads.bodies.iter().map(ocuroot_core::Ref::as_str).collect();
    assert_eq!(bodies, ["s/-/p/@/deploy/prod", "s/-/p/@r40/deploy/prod/1", "s/-/p/@r40/task/t/1"]);
    assert!(reads.rounds <= 4, "{}", reads.rounds);
}

#[test]
fn a_plan_takes_few_rounds() {
    let (_, reads) = answer(&store(WORK), |s| plan(s, &Scope::Everything, &facts()));
    assert!(reads.rounds <= 7, "{}", reads.rounds);
}
