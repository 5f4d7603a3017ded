//! A release is made, retried, cancelled (work.md, "A release").

use ocuroot_core::release::{self, Commit};

use crate::fixture::{answer, ask, check, facts, package_of, r, store};

fn commit(hash: &str) -> Commit {
    Commit { hash: hash.into(), subject: "Fix it".into(), author: "Ada".into() }
}

#[test]
fn create_writes_the_release_its_commit_and_a_pending_run_for_each_work() {
    check(
        "",
        |s| {
            let package = package_of("build(img<-@/custom/img); lint | >staging(n=1); >prod(n=2)");
            release::create(s, &r("s/-/p/@r1"), &commit("c1"), package, &facts())
        },
        r#"
        + s/-/p/@r1 = release c1: build(img<-@/custom/img); lint | >staging(n=1); >prod(n=2)
        + s/-/p/@r1/commit/c1 = {"author":"Ada","subject":"Fix it","time":"2026-02-01T00:00:00Z"}
        + s/-/p/@r1/deploy/prod/1 = up(n=2) after s/-/p/@r1/task/build/*/status/complete s/-/p/@r1/task/lint/*/status/complete
        + s/-/p/@r1/deploy/prod/1/status/pending
        + s/-/p/@r1/deploy/staging/1 = up(n=1) after s/-/p/@r1/task/build/*/status/complete s/-/p/@r1/task/lint/*/status/complete
        + s/-/p/@r1/deploy/staging/1/status/pending
        + s/-/p/@r1/task/build/1 = build(img<-@/custom/img)
        + s/-/p/@r1/task/build/1/status/pending
        + s/-/p/@r1/task/lint/1 = lint
        + s/-/p/@r1/task/lint/1/status/pending
        "#,
    );
}

#[test]
fn a_phase_waits_for_the_previous_one_only_and_an_empty_phase_holds_up_what_follows() {
    check(
        "",
        |s| release::create(s, &r("s/-/p/@r1"), &commit("c"), package_of("a | b | | c"), &facts()),
        r#"
        + s/-/p/@r1 = release c: a | b |  | c
        + s/-/p/@r1/commit/c = {"author":"Ada","subject":"Fix it","time":"2026-02-01T00:00:00Z"}
        + s/-/p/@r1/task/a/1 = a
        + s/-/p/@r1/task/a/1/status/pending
        + s/-/p/@r1/task/b/1 = b after s/-/p/@r1/task/a/*/status/complete
        + s/-/p/@r1/task/b/1/status/pending
        + s/-/p/@r1/task/c/1 = c after s/-/p/@r1/task/b/*/status/complete
        + s/-/p/@r1/task/c/1/status/pending
        "#,
    );
}

#[test]
fn a_package_without_work_is_a_release_too() {
    check(
        "",
        |s| {
            release::create(
                s,
                &r("s/-/p/@r1"),
                &Commit { hash: "c".into(), ..Commit::default() },
                package_of(""),
                &facts(),
            )
        },
        r#"
        + s/-/p/@r1 = release c:
        + s/-/p/@r1/commit/c = {"time":"2026-02-01T00:00:00Z"}
        "#,
    );
}

#[test]
fn names_with_glob_characters_are_waited_for_literally() {
    check(
        "",
        |s| release::create(s, &r("s/-/p[1]/@r1"), &commit("c"), package_of("[x] | b"), &facts()),
        r#"
        + s/-/p[1]/@r1 = release c: [x] | b
        + s/-/p[1]/@r1/commit/c = {"author":"Ada","subject":"Fix it","time":"2026-02-01T00:00:00Z"}
        + s/-/p[1]/@r1/task/[x]/1 = [x]
        + s/-/p[1]/@r1/task/[x]/1/status/pending
        + s/-/p[1]/@r1/task/b/1 = b after s/-/p[[]1]/@r1/task/[[]x]/*/status/complete
        + s/-/p[1]/@r1/task/b/1/status/pending
        "#,
    );
    let dependency = "s/-/p[[]1]/@r1/task/[[]x]/*/status/complete";
    assert_eq!(r(dependency).as_str(), dependency, "a dependency is a ref");
    assert!(ocuroot_core::Glob::new(dependency).unwrap().is_match("s/-/p[1]/@r1/task/[x]/1/status/complete"));
}

#[test]
fn a_number_that_is_taken_is_never_overwritten() {
    let create = |s: &_| release::create(s, &r("s/-/p/@r1"), &commit("c2"), package_of("a"), &facts());
    check("s/-/p/@r1 = release c1: a", create, "error: s/-/p/@r1 exists already");
    // Taken meanwhile: the precondition "absent" tells.
    let mut behind = store("");
    let transaction = create(&behind.snapshot()).unwrap();
    behind = store("s/-/p/@r1 = release c1: b");
    assert!(behind.commit(&transaction).unwrap_err().to_string().contains("s/-/p/@r1"));
}

#[test]
fn the_next_number_follows_the_highest_release() {
    for (fixture, expected) in [
        ("", 1),
        ("s/-/p/@r9 = release c: a\ns/-/p/@r10 = release d: a\ns/-/q/@r77 = release c: a", 11),
        // Custom state alone makes no release; neither does a tag.
        ("s/-/p/@r1 = release c: a\ns/-/p/@r5/custom/x = 1\ns/-/p/@r7x -> s/-/p/@r1", 2),
    ] {
        assert_eq!(ask(fixture, |s| release::next_number(s, &r("s/-/p"))), expected, "{fixture}");
    }
    let many: String = (1..200).map(|n| format!("s/-/p/@r{n} = release c{n}: a\n")).collect();
    let (_, reads) = answer(&store(&many), |s| release::next_number(s, &r("s/-/p")));
    assert_eq!((reads.rounds, reads.bodies.len(), reads.folders.len()), (2, 1, 1));
}

#[test]
fn the_releases_of_a_commit_are_known_by_number() {
    let fixture = "s/-/p/@r2 = release c1: a\ns/-/p/@r10 = release c1: a\ns/-/p/@r3 = release c2: a";
    let of = |package: &str, commit: &str| ask(fixture, |s| release::of_commit(s, &r(package), commit));
    assert_eq!(of("s/-/p", "c1"), [r("s/-/p/@r2"), r("s/-/p/@r10")]);
    assert_eq!(of("s/-/p", "c3"), []);
    assert_eq!(of("s/-/q", "c1"), []);
}

#[test]
fn retry_queues_what_failed_once_more_with_function_and_inputs_of_the_first_attempt() {
    let (_, queued) = check(
        r#"
        s/-/p/@r1 = release c: a; b | >prod
        s/-/p/@r1/task/a/1 = complete a
        s/-/p/@r1/task/b/1 = failed b(x<-@/custom/x=1) + second(y=2) after g/*
        s/-/p/@r1/deploy/prod/1 = pending up after s/-/p/@r1/task/b/*/status/complete
        "#,
        |s| release::retry(s, &r("s/-/p/@r1"), &facts()),
        "
        - s/-/p/@r1/task/b/1/status/failed
        + s/-/p/@r1/task/b/1/status/failed_retried
        + s/-/p/@r1/task/b/2 = b(x<-@/custom/x=1) after g/*
        + s/-/p/@r1/task/b/2/status/pending
        ",
    );
    assert_eq!(queued.unwrap(), [r("s/-/p/@r1/task/b/2")]);
}

#[test]
fn retry_of_a_down_is_a_down() {
    check(
        "s/-/p/@r1/deploy/prod/1 = complete up\ns/-/p/@r1/deploy/prod/2 = failed down(n=1)",
        |s| release::retry(s, &r("s/-/p/@r1"), &facts()),
        "
        - s/-/p/@r1/deploy/prod/2/status/failed
        + s/-/p/@r1/deploy/prod/2/status/failed_retried
        + s/-/p/@r1/deploy/prod/3 = down(n=1)
        + s/-/p/@r1/deploy/prod/3/status/pending
        ",
    );
}

#[test]
fn of_several_that_failed_at_one_place_the_newest_is_tried_again() {
    check(
        "
        s/-/p/@r1/deploy/prod/1 = failed up(n=1)
        s/-/p/@r1/deploy/prod/2 = failed up(n=2)
        s/-/p/@r1/deploy/qa/9 = failed up
        s/-/p/@r1/deploy/qa/10 = complete up
        s/-/p/@r1/task/t/1 = failed t
        s/-/p/@r1/task/t/2 = pending t
        ",
        |s| release::retry(s, &r("s/-/p/@r1"), &facts()),
        "
        - s/-/p/@r1/deploy/prod/1/status/failed
        + s/-/p/@r1/deploy/prod/1/status/failed_retried
        - s/-/p/@r1/deploy/prod/2/status/failed
        + s/-/p/@r1/deploy/prod/2/status/failed_retried
        + s/-/p/@r1/deploy/prod/3 = up(n=2)
        + s/-/p/@r1/deploy/prod/3/status/pending
        - s/-/p/@r1/deploy/qa/9/status/failed
        + s/-/p/@r1/deploy/qa/9/status/failed_retried
        - s/-/p/@r1/task/t/1/status/failed
        + s/-/p/@r1/task/t/1/status/failed_retried
        ",
    );
}

#[test]
fn nothing_failed_is_nothing_to_retry() {
    for status in ["complete", "pending", "failed_retried", "cancelled", "running", "paused"] {
        let fixture = format!("s/-/p/@r1/task/a/1 = {status} a");
        check(&fixture, |s| release::retry(s, &r("s/-/p/@r1"), &facts()), "error: nothing to retry");
    }
}

#[test]
fn cancel_ends_what_is_pending_or_paused() {
    let (_, cancelled) = check(
        "
        s/-/p/@r1/task/a/1 = pending a
        s/-/p/@r1/task/b/1 = paused b + c(x<-@/custom/x)
        s/-/p/@r1/task/c/1 = running c
        s/-/p/@r1/task/d/1 = failed d
        s/-/p/@r1/task/e/1 = complete e
        s/-/p/@r2/task/a/1 = pending a
        ",
        |s| release::cancel(s, &r("s/-/p/@r1"), &facts()),
        "
        + s/-/p/@r1/task/a/1/status/cancelled
        - s/-/p/@r1/task/a/1/status/pending
        + s/-/p/@r1/task/b/1/status/cancelled
        - s/-/p/@r1/task/b/1/status/paused
        ",
    );
    assert_eq!(cancelled.unwrap().len(), 2);
    check(
        "s/-/p/@r1/task/c/1 = running c",
        |s| release::cancel(s, &r("s/-/p/@r1"), &facts()),
        "error: nothing to cancel",
    );
}

#[test]
fn a_run_whose_process_is_silent_for_longer_than_the_lease_is_failed() {
    let fixture = r#"
        s/-/p/@r1/task/old/1 = running a
        s/-/p/@r1/task/alive/1 = running a
        s/-/p/@r1/task/alive/1/status/running = {"time":"2026-01-01T00:00:00Z","heartbeat":"2026-01-31T23:50:00Z"}
        s/-/p/@r1/task/gone/1 = running a
        s/-/p/@r1/task/gone/1/status/running = {"time":"2026-01-31T23:59:00Z","heartbeat":"2026-01-31T23:30:00Z"}
        s/-/p/@r1/task/odd/1 = running a
        s/-/p/@r1/task/odd/1/status/running = {"time":"yesterday"}
        s/-/p/@r1/task/done/1 = complete a
        "#;
    let deadline = "2026-01-31T23:45:00Z".parse().unwrap();
    let (_, failed) = check(
        fixture,
        |s| release::fail_stale(s, &r("s/-/p/@r1"), deadline, &facts()),
        "
        + s/-/p/@r1/task/gone/1/status/failed
        - s/-/p/@r1/task/gone/1/status/running
        + s/-/p/@r1/task/odd/1/status/failed
        - s/-/p/@r1/task/odd/1/status/running
        + s/-/p/@r1/task/old/1/status/failed
        - s/-/p/@r1/task/old/1/status/running
        ",
    );
    assert_eq!(failed.unwrap().len(), 3);
}

#[test]
fn what_is_stale_is_tried_again_in_every_release_and_what_failed_is_not() {
    let deadline = "2026-01-31T23:45:00Z".parse().unwrap();
    let (_, retried) = check(
        r#"
        s/-/p/@r1/deploy/prod/1 = running down(n=7)
        s/-/p/@r1/task/failed/1 = failed a
        s/-/p/@r1/task/alive/1 = running a
        s/-/p/@r1/task/alive/1/status/running = {"time":"2026-01-31T23:50:00Z"}
        s/-/p/@r1/task/later/1 = running a
        s/-/p/@r1/task/later/2 = complete a
        s/-/q/@r2/task/t/1 = running a(x=1) + b
        "#,
        |s| release::retry_stale(s, deadline, &facts()),
        "
        + s/-/p/@r1/deploy/prod/1/status/failed_retried
        - s/-/p/@r1/deploy/prod/1/status/running
        + s/-/p/@r1/deploy/prod/2 = down(n=7)
        + s/-/p/@r1/deploy/prod/2/status/pending
        + s/-/p/@r1/task/later/1/status/failed_retried
        - s/-/p/@r1/task/later/1/status/running
        + s/-/q/@r2/task/t/1/status/failed_retried
        - s/-/q/@r2/task/t/1/status/running
        + s/-/q/@r2/task/t/2 = a(x=1)
        + s/-/q/@r2/task/t/2/status/pending
        ",
    );
    let retried: Vec<_> =
        retried.unwrap().iter().map(|run| format!("{} {}", run.stale, run.queued)).collect();
    let expected =
        ["s/-/p/@r1/deploy/prod/1 s/-/p/@r1/deploy/prod/2", "s/-/q/@r2/task/t/1 s/-/q/@r2/task/t/2"];
    assert_eq!(retried, expected);
}

#[test]
fn a_release_is_found_by_number_tag_and_as_the_newest() {
    let fixture = "s/-/p/@r1 = release c1: a\ns/-/p/@r2 = release c2: a\ns/-/p/@v1 -> s/-/p/@r1";
    for (spelling, expected) in [
        ("s/-/p/@r1", "s/-/p/@r1"),
        ("s/-/p/@v1", "s/-/p/@r1"),
        ("s/-/p/@1", "s/-/p/@r1"),
        ("s/-/p/+v1/deploy/prod", "s/-/p/@r1"),
        ("s/-/p/@", "s/-/p/@r2"),
    ] {
        let found = store(fixture).decide(|s| release::read(s, &r(spelling))).unwrap();
        assert_eq!(found.0.as_str(), expected, "{spelling}");
    }
    let missing = store(fixture).decide(|s| release::read(s, &r("s/-/p/@r9"))).unwrap_err();
    assert_eq!(missing.to_string(), "there is no release s/-/p/@r9");
}
