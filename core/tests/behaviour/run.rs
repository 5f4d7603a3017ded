//! The life of one run (work.md, "Executing").

use ocuroot_core::documents::{Log, RunType};
use ocuroot_core::run::{self, Completion};
use serde_json::json;

use crate::fixture::{check, facts, function_of, inputs_of, r, step, store};

const TASK: &str = "s/-/p/@r1/task/t/1";
const DEPLOY: &str = "s/-/p/@r1/deploy/prod/1";

fn line(message: &str) -> Log {
    serde_json::from_value(json!({"timestamp": "t", "message": message, "attributes": {}, "stream": 0}))
        .unwrap()
}

fn output(value: serde_json::Value) -> Completion {
    Completion { output: value.as_object().cloned(), ..Completion::default() }
}

#[test]
fn a_claim_makes_a_run_ours_with_its_values() {
    let (_, claimed) = check(
        &format!("{TASK} = pending t(a<-@/custom/a)\n@/custom/a = 1"),
        |s| run::claim(s, &r(TASK), &facts()),
        "
        ~ s/-/p/@r1/task/t/1 = t(a<-@/custom/a=1)
        - s/-/p/@r1/task/t/1/status/pending
        + s/-/p/@r1/task/t/1/status/running by me
        ",
    );
    let claimed = claimed.unwrap();
    assert_eq!(
        (claimed.run.as_str(), claimed.run_type, claimed.release.as_str()),
        (TASK, RunType::Task, "s/-/p/@r1")
    );
    assert_eq!((claimed.function.name.as_str(), claimed.inputs), ("t", inputs_of("a<-@/custom/a=1")));
    assert!(claimed.logs.is_empty());
}

#[test]
fn of_two_claims_one_is_lost() {
    for fixture in [format!("{TASK} = pending t"), format!("{TASK} = paused t + u")] {
        let mut store = store(&fixture);
        let ours = run::claim(&store.snapshot(), &r(TASK), &facts()).unwrap().0;
        let theirs = run::claim(&store.snapshot(), &r(TASK), &facts()).unwrap().0;
        store.commit(&ours).unwrap();
        assert!(store.commit(&theirs).unwrap_err().to_string().contains("status"));
        step(store, |s| run::claim(s, &r(TASK), &facts()), "error: s/-/p/@r1/task/t/1 is running");
    }
}

#[test]
fn what_is_over_waits_or_is_gone_cannot_be_claimed() {
    for status in ["running", "complete", "failed", "failed_retried", "cancelled"] {
        let fixture = format!("{TASK} = {status} t");
        check(&fixture, |s| run::claim(s, &r(TASK), &facts()), &format!("error: {TASK} is {status}"));
    }
    let claim = |s: &_| run::claim(s, &r(TASK), &facts());
    check(&format!("{TASK} = pending t(a<-@/custom/a)"), claim, "error: s/-/p/@r1/task/t/1 is not ready");
    check("", claim, "error: s/-/p/@r1/task/t/1 is not a run");
    check(&format!("{TASK} = pending t\n{TASK} !nonsense"), claim, "error: s/-/p/@r1/task/t/1 is not a run");
    check(
        &format!("{TASK} = {{\"type\":\"task\",\"release\":\"s/-/p/@r1\"}}"),
        claim,
        "error: s/-/p/@r1/task/t/1 is not a run",
    );
}

#[test]
fn the_first_function_of_a_deployment_writes_the_intent() {
    check(
        &format!("{DEPLOY} = pending up(a<-@/custom/a)\n@/custom/a = 1"),
        |s| run::claim(s, &r(DEPLOY), &facts()),
        "
        + s/-/p/+/deploy/prod = r1(a<-@/custom/a=1)
        ~ s/-/p/@r1/deploy/prod/1 = up(a<-@/custom/a=1)
        - s/-/p/@r1/deploy/prod/1/status/pending
        + s/-/p/@r1/deploy/prod/1/status/running by me
        ",
    );
    // What people wrote besides is kept.
    check(
        &format!(
            "{DEPLOY} = pending up\n s/-/p/+/deploy/prod = {{\"release\":\"s/-/p/@r7\",\"input\":{{}},\"note\":\"by hand\"}}"
        ),
        |s| run::claim(s, &r(DEPLOY), &facts()),
        "
        ~ s/-/p/+/deploy/prod = r1 {\"note\":\"by hand\"}
        - s/-/p/@r1/deploy/prod/1/status/pending
        + s/-/p/@r1/deploy/prod/1/status/running by me
        ",
    );
    // Later functions leave it alone.
    check(
        &format!("{DEPLOY} = paused up + verify\ns/-/p/+/deploy/prod = r7"),
        |s| run::claim(s, &r(DEPLOY), &facts()),
        "
        - s/-/p/@r1/deploy/prod/1/status/paused
        + s/-/p/@r1/deploy/prod/1/status/running by me
        ",
    );
    // A down deletes it; there may be none any more.
    for (intent, change) in [("s/-/p/+/deploy/prod = r1", "- s/-/p/+/deploy/prod"), ("", "")] {
        let (_, claimed) = check(
            &format!("{DEPLOY} = pending down\n{intent}"),
            |s| run::claim(s, &r(DEPLOY), &facts()),
            &format!("{change}\n- {DEPLOY}/status/pending\n+ {DEPLOY}/status/running by me"),
        );
        assert_eq!(claimed.unwrap().run_type, RunType::Down);
    }
    // A task has no intent.
    check(
        &format!("{TASK} = pending t"),
        |s| run::claim(s, &r(TASK), &facts()),
        &format!("- {TASK}/status/pending\n+ {TASK}/status/running by me"),
    );
}

#[test]
fn what_was_claimed_and_not_begun_is_given_back() {
    for (before, restored) in [
        ("", "- s/-/p/+/deploy/prod"),
        ("s/-/p/+/deploy/prod = r3(a=1)\n", "~ s/-/p/+/deploy/prod = r3(a=1)"),
    ] {
        let fixture = format!("{before}{DEPLOY} = pending up(a=2)");
        let mut claiming = store(&fixture);
        let (claim, claimed) = run::claim(&claiming.snapshot(), &r(DEPLOY), &facts()).unwrap();
        claiming.commit(&claim).unwrap();
        // The status comes back too, so that anybody can claim it.
        let back = run::give_back(&claiming.snapshot(), &claimed, &facts()).unwrap();
        claiming.commit(&back).unwrap();
        let again = run::claim(&claiming.snapshot(), &r(DEPLOY), &facts()).unwrap().1;
        assert_eq!(again.was, claimed.was);
        let intent = again.intent.unwrap();
        assert_eq!(intent.before.is_some(), restored.starts_with('~'), "{restored}");
        assert_eq!(intent.before, claimed.intent.clone().unwrap().before);
        // What somebody has written there meanwhile stays.
        let mut meant = store(&fixture);
        meant.commit(&claim).unwrap();
        let theirs = ocuroot_core::envelope::Document::new("models.Intent", &json!({"release": "s/-/p/@r9"}));
        meant.put(&r("s/-/p/+/deploy/prod"), &theirs);
        let back = run::give_back(&meant.snapshot(), &claimed, &facts()).unwrap();
        meant.commit(&back).unwrap();
        assert_eq!(meant.get(&r("s/-/p/+/deploy/prod")), Some(theirs));
        // And what somebody has taken over is theirs.
        let ended = run::fail(&claiming.snapshot(), &r(DEPLOY), &[], &facts());
        assert!(ended.is_err(), "it does not run");
        let late = run::give_back(&store(&fixture).snapshot(), &claimed, &facts());
        assert!(late.is_err(), "it is pending");
    }
}

#[test]
fn a_queued_down_runs_after_its_environment_is_gone() {
    check(
        &format!("{DEPLOY} = pending down(environment<-@/environment/prod={{\"name\":\"prod\"}})"),
        |s| run::claim(s, &r(DEPLOY), &facts()),
        &format!("- {DEPLOY}/status/pending\n+ {DEPLOY}/status/running by me"),
    );
}

#[test]
fn next_goes_on_here_when_its_inputs_are_there() {
    let (_, claimed) = check(
        &format!("{TASK} = running t(a=1)\n@/custom/b = 2"),
        |s| {
            run::next(
                s,
                &r(TASK),
                function_of("u"),
                inputs_of("b<-@/custom/b, c=3"),
                &[line("one")],
                &facts(),
            )
        },
        r#"
        ~ s/-/p/@r1/task/t/1 = t(a=1) + u(b<-@/custom/b=2, c=3)
        + s/-/p/@r1/task/t/1/logs = [{"attributes":{},"message":"one","stream":0,"timestamp":"t"}]
        ~ s/-/p/@r1/task/t/1/status/running by me
        "#,
    );
    let claimed = claimed.unwrap().unwrap();
    assert_eq!((claimed.function.name.as_str(), claimed.inputs), ("u", inputs_of("b<-@/custom/b=2, c=3")));
    assert_eq!(claimed.logs, [line("one")]);
}

#[test]
fn next_pauses_until_they_are_and_keeps_what_was_printed() {
    let (mut store, claimed) = check(
        &format!("{TASK} = running t"),
        |s| run::next(s, &r(TASK), function_of("u"), inputs_of("b<-@/custom/b"), &[line("one")], &facts()),
        r#"
        ~ s/-/p/@r1/task/t/1 = t + u(b<-@/custom/b)
        + s/-/p/@r1/task/t/1/logs = [{"attributes":{},"message":"one","stream":0,"timestamp":"t"}]
        + s/-/p/@r1/task/t/1/status/paused
        - s/-/p/@r1/task/t/1/status/running
        "#,
    );
    assert_eq!(claimed.unwrap(), None);
    store.put(&r("@/custom/b"), &ocuroot_core::envelope::Document::new("float64", &2));
    let (store, claimed) = step(
        store,
        |s| run::claim(s, &r(TASK), &facts()),
        "
        ~ s/-/p/@r1/task/t/1 = t + u(b<-@/custom/b=2)
        - s/-/p/@r1/task/t/1/status/paused
        + s/-/p/@r1/task/t/1/status/running by me
        ",
    );
    let mut logs = claimed.unwrap().logs;
    assert_eq!(logs, [line("one")]);
    logs.push(line("two"));
    let (store, _) = step(
        store,
        |s| run::complete(s, &r(TASK), &output(json!({})), &logs, &facts()),
        r#"
        + s/-/p/@/task/t -> s/-/p/@r1/task/t
        + s/-/p/@r1/task/t = task 1 {}
        ~ s/-/p/@r1/task/t/1 = t + u(b<-@/custom/b=2) => {}
        ~ s/-/p/@r1/task/t/1/logs = [{"attributes":{},"message":"one","stream":0,"timestamp":"t"},{"attributes":{},"message":"two","stream":0,"timestamp":"t"}]
        + s/-/p/@r1/task/t/1/status/complete
        - s/-/p/@r1/task/t/1/status/running
        "#,
    );
    assert_eq!(run::logs(&store.snapshot(), &r(TASK)).unwrap().len(), 2);
}

#[test]
fn a_completed_task_leaves_its_result_and_becomes_the_current_one() {
    check(
        &format!("{TASK} = running t(a<-@/custom/a=1) + u(b=2)"),
        |s| {
            let completion = Completion {
                watch_files: vec!["lib".into(), "x.txt".into()],
                ..output(json!({"image": "i", "none": null}))
            };
            run::complete(s, &r(TASK), &completion, &[], &facts())
        },
        r#"
        + s/-/p/@/task/t -> s/-/p/@r1/task/t
        + s/-/p/@r1/task/t = task 1(a<-@/custom/a=1) {"image":"i","none":null}
        ~ s/-/p/@r1/task/t/1 = t(a<-@/custom/a=1) + u(b=2) => {"image":"i","none":null} watch lib x.txt
        + s/-/p/@r1/task/t/1/logs = null
        + s/-/p/@r1/task/t/1/status/complete
        - s/-/p/@r1/task/t/1/status/running
        "#,
    );
    // Written even when null.
    let (store, _) = check(
        &format!("{TASK} = running t"),
        |s| run::complete(s, &r(TASK), &Completion::default(), &[], &facts()),
        "
        + s/-/p/@/task/t -> s/-/p/@r1/task/t
        + s/-/p/@r1/task/t = task 1
        + s/-/p/@r1/task/t/1/logs = null
        + s/-/p/@r1/task/t/1/status/complete
        - s/-/p/@r1/task/t/1/status/running
        ",
    );
    let run = store.get(&r(TASK)).unwrap();
    assert_eq!(run.body().unwrap()["output"], json!(null));
    assert!(run.body().unwrap().as_object().unwrap().contains_key("watch_files"));
    assert!(
        store
            .get(&r("s/-/p/@r1/task/t"))
            .unwrap()
            .body()
            .unwrap()
            .as_object()
            .unwrap()
            .contains_key("output")
    );
}

#[test]
fn a_deployment_by_a_newer_release_moves_the_link() {
    check(
        "
        s/-/p/@r2/deploy/prod/1 = running up(a=1)
        s/-/p/@r1/deploy/prod = up 1
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        ",
        |s| run::complete(s, &r("s/-/p/@r2/deploy/prod/1"), &output(json!({"url": "u"})), &[], &facts()),
        r#"
        ~ s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
        + s/-/p/@r2/deploy/prod = up 1(a=1) {"url":"u"}
        ~ s/-/p/@r2/deploy/prod/1 = up(a=1) => {"url":"u"}
        + s/-/p/@r2/deploy/prod/1/logs = null
        + s/-/p/@r2/deploy/prod/1/status/complete
        - s/-/p/@r2/deploy/prod/1/status/running
        "#,
    );
}

#[test]
fn a_completed_down_writes_its_task_and_removes_the_link() {
    check(
        "
        s/-/p/@r1/deploy/prod/1 = complete up
        s/-/p/@r1/deploy/prod/2 = running down(a=1)
        s/-/p/@r1/deploy/prod = up 1(a=1) {\"url\":\"u\"}
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        ",
        |s| run::complete(s, &r("s/-/p/@r1/deploy/prod/2"), &Completion::default(), &[], &facts()),
        "
        - s/-/p/@/deploy/prod
        ~ s/-/p/@r1/deploy/prod = down 2(a=1)
        + s/-/p/@r1/deploy/prod/2/logs = null
        + s/-/p/@r1/deploy/prod/2/status/complete
        - s/-/p/@r1/deploy/prod/2/status/running
        ",
    );
}

#[test]
fn tags_are_links_to_the_release() {
    let complete = |tags: &[&str]| {
        let completion =
            Completion { tags: tags.iter().map(ToString::to_string).collect(), ..Completion::default() };
        move |s: &_| run::complete(s, &r(TASK), &completion, &[], &facts())
    };
    let fixture = format!(
        "s/-/p/@r1 = release c: t\ns/-/p/@r0x = release c: t\n{TASK} = running t\ns/-/p/@latest -> s/-/p/@r0x"
    );
    check(
        &fixture,
        complete(&["v1.0-rc", "latest"]),
        "
        + s/-/p/@/task/t -> s/-/p/@r1/task/t
        ~ s/-/p/@latest -> s/-/p/@r1
        + s/-/p/@r1/task/t = task 1
        + s/-/p/@r1/task/t/1/logs = null
        + s/-/p/@r1/task/t/1/status/complete
        - s/-/p/@r1/task/t/1/status/running
        + s/-/p/@v1.0-rc -> s/-/p/@r1
        ",
    );
    for (tag, error) in [
        ("r5", "error: `r5` is not a tag"),
        ("a b", "error: `a b` is not a tag"),
        ("", "error: `` is not a tag"),
        ("a/b", "error: `a/b` is not a tag"),
        ("r0x", "error: the tag s/-/p/@r0x of s/-/p/@r1 cannot be set"),
    ] {
        let (store, _) = check(&fixture, complete(&["fine", tag]), error);
        // Nothing has happened, so the run can be failed.
        step(
            store,
            |s| run::fail(s, &r(TASK), &[line("bad tag")], &facts()),
            r#"
            + s/-/p/@r1/task/t/1/logs = [{"attributes":{},"message":"bad tag","stream":0,"timestamp":"t"}]
            + s/-/p/@r1/task/t/1/status/failed
            - s/-/p/@r1/task/t/1/status/running
            "#,
        );
    }
}

#[test]
fn a_failed_deployment_leaves_the_current_one() {
    check(
        "
        s/-/p/@r2/deploy/prod/1 = running up
        s/-/p/@r1/deploy/prod = up 1
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        ",
        |s| run::fail(s, &r("s/-/p/@r2/deploy/prod/1"), &[], &facts()),
        "
        + s/-/p/@r2/deploy/prod/1/logs = null
        + s/-/p/@r2/deploy/prod/1/status/failed
        - s/-/p/@r2/deploy/prod/1/status/running
        ",
    );
}

#[test]
fn progress_writes_logs_and_the_heartbeat() {
    let (store, _) = check(
        &format!("{TASK} = pending t"),
        |s| run::claim(s, &r(TASK), &facts()),
        &format!("- {TASK}/status/pending\n+ {TASK}/status/running by me"),
    );
    let later = ocuroot_core::facts::Facts { now: "2026-02-01T00:00:05Z".into(), ..facts() };
    let (store, _) = step(
        store,
        |s| run::progress(s, &r(TASK), &[line("one")], &later),
        r#"+ s/-/p/@r1/task/t/1/logs = [{"attributes":{},"message":"one","stream":0,"timestamp":"t"}]"#,
    );
    let marker = store.get(&r(&format!("{TASK}/status/running"))).unwrap();
    let marker = marker.body().unwrap();
    assert_eq!(marker["time"], crate::fixture::NOW);
    assert_eq!(marker["heartbeat"], "2026-02-01T00:00:05Z");
    assert_eq!(marker["owner"], json!({"host": "h", "pid": 1, "id": "me"}));
}

#[test]
fn a_run_that_somebody_ended_meanwhile_is_not_ours_any_more() {
    for status in ["failed", "failed_retried", "cancelled", "paused"] {
        let fixture = format!("{TASK} = {status} t");
        let error = format!("error: {TASK} is {status}");
        check(&fixture, |s| run::complete(s, &r(TASK), &Completion::default(), &[], &facts()), &error);
        check(&fixture, |s| run::fail(s, &r(TASK), &[], &facts()), &error);
        check(&fixture, |s| run::progress(s, &r(TASK), &[], &facts()), &error);
        check(&fixture, |s| run::next(s, &r(TASK), function_of("u"), inputs_of(""), &[], &facts()), &error);
    }
}

#[test]
fn several_ready_runs_are_claimed_in_one_transaction() {
    let fixture = "
        s/-/p/@r1/task/a/1 = pending a
        s/-/p/@r1/task/b/1 = pending b(x<-@/custom/x)
        s/-/p/@r1/task/c/1 = paused c + d
        s/-/p/@r1/task/e/1 = complete e
        s/-/p/@r1/task/f/1 = pending f
    ";
    let claim = |most| {
        move |s: &_| {
            let all = ocuroot_core::runs::of_release(s, &r("s/-/p/@r1"))?;
            run::claim_ready(s, &all, most, &facts())
        }
    };
    let (_, claimed) = check(
        fixture,
        claim(9),
        "
        - s/-/p/@r1/task/a/1/status/pending
        + s/-/p/@r1/task/a/1/status/running by me
        - s/-/p/@r1/task/c/1/status/paused
        + s/-/p/@r1/task/c/1/status/running by me
        - s/-/p/@r1/task/f/1/status/pending
        + s/-/p/@r1/task/f/1/status/running by me
        ",
    );
    assert_eq!(claimed.unwrap().len(), 3);
    let (_, claimed) = check(
        fixture,
        claim(1),
        "- s/-/p/@r1/task/a/1/status/pending\n+ s/-/p/@r1/task/a/1/status/running by me",
    );
    assert_eq!(claimed.unwrap().len(), 1);
    check(fixture, claim(0), "");
}

#[test]
fn what_a_finished_run_makes_ready_is_claimed_in_the_same_transaction() {
    check(
        "
        s/-/p/@r1 = release c: a | b
        s/-/p/@r1/task/a/1 = running a
        s/-/p/@r1/task/b/1 = pending b(x<-s/-/p/@r1/task/a#output/x) after s/-/p/@r1/task/a/*/status/complete
        ",
        |s| {
            let done = run::complete(s, &r("s/-/p/@r1/task/a/1"), &output(json!({"x": 1})), &[], &facts())?;
            let after = s.with(&done);
            let all = ocuroot_core::runs::of_release(&after, &r("s/-/p/@r1"))?;
            let (claims, claimed) = run::claim_ready(&after, &all, 4, &facts())?;
            Ok::<_, ocuroot_core::snapshot::Unmet<run::RunError>>((done.then(claims), claimed))
        },
        r#"
        + s/-/p/@/task/a -> s/-/p/@r1/task/a
        + s/-/p/@r1/task/a = task 1 {"x":1}
        ~ s/-/p/@r1/task/a/1 = a => {"x":1}
        + s/-/p/@r1/task/a/1/logs = null
        + s/-/p/@r1/task/a/1/status/complete
        - s/-/p/@r1/task/a/1/status/running
        ~ s/-/p/@r1/task/b/1 = b(x<-s/-/p/@r1/task/a#output/x=1) after s/-/p/@r1/task/a/*/status/complete
        - s/-/p/@r1/task/b/1/status/pending
        + s/-/p/@r1/task/b/1/status/running by me
        "#,
    );
}
