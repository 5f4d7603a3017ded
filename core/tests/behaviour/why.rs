//! Why it waits: each status, and chains of them.

use ocuroot_core::facts::Facts;
use ocuroot_core::why::{self, Help, Why};
use serde_json::json;

use crate::fixture::{ask, r};

/// Half an hour after the documents of fixtures were written.
const SOON: &str = "2026-01-01T00:30:00Z";

fn facts() -> Facts {
    Facts::at(SOON)
}

#[track_caller]
fn of(fixture: &str, reference: &str) -> Why {
    let found = ask(fixture, |s| why::of(s, &r(reference), &facts()));
    found.unwrap_or_else(|| panic!("there is no {reference}"))
}

/// "word: sentence", and what would help, with a `*` where that alone starts something.
#[track_caller]
fn said(fixture: &str, reference: &str) -> String {
    let why = of(fixture, reference);
    lines(&why)
}

fn lines(why: &Why) -> String {
    let helps = |help: &Help| format!(" > {}{}", help.action.command(), if help.alone { " *" } else { "" });
    let help: String = why.help.iter().map(helps).collect();
    format!("{}: {}{help}", why.status, why.sentence)
}

const PROD: &str = "s/-/p/@r1/deploy/prod/1";

/// `said` of each, one a line.
#[track_caller]
fn check(fixture: &str, expected: &[(&str, &str)]) {
    for (reference, expected) in expected {
        assert_eq!(said(fixture, reference), *expected, "{reference}");
    }
}

const RETRY: &str = "ocuroot release retry s/-/p/@r1";

#[test]
fn each_status_in_its_own_words() {
    let fixture = r#"
        s/-/p/@r1 = release c0ffee1234: a; b; c; d; e; f; g | >prod
        s/-/p/@r1/task/a/1 = complete a
        s/-/p/@r1/task/b/1 = failed b
        s/-/p/@r1/task/c/1 = failed_retried c
        s/-/p/@r1/task/c/2 = failed_retried c
        s/-/p/@r1/task/c/3 = failed c
        s/-/p/@r1/task/c/3/logs = [{"message":"trying"},{"message":"error: 2 of 6 replicas ready"},{"message":" --> p:3:9"},{"message":""}]
        s/-/p/@r1/task/d/1 = running d
        s/-/p/@r1/task/d/1/status/running = {"time":"2026-01-01T00:00:00Z","owner":{"host":"ci-7","pid":4711,"id":"x"},"heartbeat":"2026-01-01T00:29:55Z"}
        s/-/p/@r1/task/e/1 = running e
        s/-/p/@r1/task/e/1/status/running = {"time":"2026-01-01T00:00:00Z","owner":{"host":"ci-7","pid":4711,"id":"x"},"heartbeat":"2026-01-01T00:01:00Z"}
        s/-/p/@r1/task/f/1 = cancelled f
        s/-/p/@r1/task/g/1 = pending g
        s/-/p/@r1/task/h/1 = running h
        s/-/p/@r1/task/h/1/status/running = {"time":"whenever"}
        s/-/p/@r1/task/i/1 = {"odd":1}
    "#;
    check(
        fixture,
        &[
            ("s/-/p/@r1/task/a/1", "complete: completed 30 min ago"),
            ("s/-/p/@r1/task/b/1", &format!("failed: failed 30 min ago; retry with `{RETRY}` > {RETRY} *")),
            (
                "s/-/p/@r1/task/c/3",
                &format!(
                    "failed: failed 30 min ago, attempt 3 of 3: 2 of 6 replicas ready; retry with `{RETRY}` > {RETRY} *"
                ),
            ),
            // The place is its newest run.
            (
                "s/-/p/@r1/task/c",
                &format!(
                    "failed: failed 30 min ago, attempt 3 of 3: 2 of 6 replicas ready; retry with `{RETRY}` > {RETRY} *"
                ),
            ),
            (
                "s/-/p/@r1/task/c/1",
                "retried: failed 30 min ago; then attempt 3 failed 30 min ago, attempt 3 of 3",
            ),
            ("s/-/p/@r1/task/d/1", "running: running for 30 min on ci-7, process 4711"),
            (
                "s/-/p/@r1/task/e/1",
                "stale: stale: no heartbeat for 29 min, its process, 4711 on ci-7, may have died; take it up with `ocuroot release retry --stale s/-/p/@r1` > ocuroot release retry --stale s/-/p/@r1 *",
            ),
            (
                "s/-/p/@r1/task/h/1",
                "stale: stale: no heartbeat, its process may have died; take it up with `ocuroot release retry --stale s/-/p/@r1` > ocuroot release retry --stale s/-/p/@r1 *",
            ),
            ("s/-/p/@r1/task/f/1", "cancelled: cancelled 30 min ago"),
            (
                "s/-/p/@r1/task/g/1",
                "queued: ready, and no worker has taken it; start it with `ocuroot release continue s/-/p/@r1` at commit c0ffee1 > ocuroot release continue s/-/p/@r1 *",
            ),
            (
                "s/-/p/@r1/task/i/1",
                "waiting: its document cannot be read; see what is wrong with `ocuroot state check`",
            ),
        ],
    );
}

#[test]
fn a_lease_says_when_a_run_is_stale() {
    let fixture = "s/-/p/@r1 = release c1: a\ns/-/p/@r1/task/a/1 = running a";
    let word = |seconds: u64| {
        let facts = facts();
        let ask = |s: &ocuroot_core::snapshot::Snapshot| {
            why::Enquiry::new(s, &facts).with_lease(seconds).of(&r("s/-/p/@r1/task/a/1"))
        };
        crate::fixture::ask(fixture, ask).unwrap().status.to_string()
    };
    assert_eq!((word(1799).as_str(), word(1800).as_str()), ("stale", "running"));
}

#[test]
fn what_a_person_must_set_and_what_only_has_to_be_applied() {
    let run = |input: &str| format!("s/-/p/@r1 = release c1: >prod\n{PROD} = pending up(i{input})");
    for (input, more, expected) in [
        (
            "<-s/-/p/@r1/custom/ok",
            "",
            "needs approval: waits for ok, custom state that somebody must set > ocuroot state set s/-/p/@r1/custom/ok yes *",
        ),
        (
            "<-@/custom/ok",
            "",
            "needs approval: waits for @/custom/ok, custom state that somebody must set > ocuroot state set @/custom/ok yes *",
        ),
        (
            "<-n/-/n.ocu.star/@/custom/ok",
            "",
            "needs approval: waits for n's ok, custom state that somebody must set > ocuroot state set n/-/n.ocu.star/@/custom/ok yes *",
        ),
        (
            "<-s/-/p/@r1/custom/ok",
            "s/-/p/+r1/custom/ok = 1",
            "waiting: waits for ok, which is set in intent, and only has to be applied > ocuroot state apply s/-/p/@r1/custom/ok *",
        ),
        (
            "<-s/-/p/@r1/custom/ok#by",
            "s/-/p/@r1/custom/ok = {\"who\":1}",
            "needs approval: waits for ok, which has no field by > ocuroot state set s/-/p/@r1/custom/ok yes *",
        ),
        ("<-@/environment/qa", "", "waiting: waits for environment qa, which does not exist"),
        (
            "<-s/-/p/@r1/deploy/prod#output/x",
            "",
            "waiting: waits for the deploy to prod, its own output, which is there only afterwards; the input lacks a default",
        ),
        (
            "<-s/-/p/@/deploy/prod#output/x",
            "",
            "waiting: waits for the deploy to prod, its own output, which is there only afterwards; the input lacks a default",
        ),
    ] {
        assert_eq!(said(&format!("{}\n{more}", run(input)), PROD), expected, "{input} {more}");
    }
}

#[test]
fn an_input_that_comes_from_nowhere() {
    let run = |input: &str| {
        format!(
            r#"s/-/p/@r1/task/t/1 = {{"type":"task","release":"s/-/p/@r1","functions":[{{"fn":{{"name":"f","pos":"p:1:1"}},"inputs":{{"i":{input}}}}}]}}"#
        )
    };
    check(
        &run("{}"),
        &[("s/-/p/@r1/task/t/1", "waiting: waits for a value for its input i, which nothing gives")],
    );
    check(
        &run(r#"{"ref":"a//b"}"#),
        &[(
            "s/-/p/@r1/task/t/1",
            "waiting: waits for a//b, which is no ref; the release file must be changed",
        )],
    );
}

#[test]
fn phases_are_followed_to_what_stops_them() {
    let fixture = "
        s/-/p/@r1 = release c1: build; lint | smoke; load | >prod(ok<-s/-/p/@r1/custom/ok); >qa
        s/-/p/@r1/task/build/1 = failed build
        s/-/p/@r1/task/lint/1 = complete lint
        s/-/p/@r1/task/smoke/1 = pending smoke after s/-/p/@r1/task/build/*/status/complete s/-/p/@r1/task/lint/*/status/complete
        s/-/p/@r1/task/load/1 = pending load after s/-/p/@r1/task/build/*/status/complete s/-/p/@r1/task/lint/*/status/complete
        s/-/p/@r1/deploy/prod/1 = pending up(ok<-s/-/p/@r1/custom/ok) after s/-/p/@r1/task/smoke/*/status/complete s/-/p/@r1/task/load/*/status/complete
        s/-/p/@r1/deploy/qa/1 = pending up after s/-/p/@r1/task/smoke/*/status/complete s/-/p/@r1/task/load/*/status/complete
    ";
    check(
        fixture,
        &[
            (
                "s/-/p/@r1/task/smoke/1",
                &format!("pending: waits for build, which failed 30 min ago > {RETRY} *"),
            ),
            (
                "s/-/p/@r1/deploy/qa/1",
                &format!("pending: waits for build, which failed 30 min ago > {RETRY} *"),
            ),
            // Both are said, and that to approve alone starts nothing: it is nobody's turn yet.
            (
                PROD,
                &format!(
                    "pending: waits for build, which failed 30 min ago, and for ok, custom state that somebody must set > {RETRY} * > ocuroot state set s/-/p/@r1/custom/ok yes"
                ),
            ),
        ],
    );
    let blockers = of(fixture, PROD).blockers;
    let blockers: Vec<String> = blockers
        .iter()
        .map(|blocker| {
            format!("{} {} {}: {}", blocker.source, blocker.there, blocker.status, blocker.sentence)
        })
        .collect();
    assert_eq!(
        blockers,
        [
            "s/-/p/@r1/task/smoke/*/status/complete false pending: waits for build, which failed 30 min ago",
            "s/-/p/@r1/task/load/*/status/complete false pending: waits for build, which failed 30 min ago",
            "s/-/p/@r1/custom/ok false pending: custom state that somebody must set",
        ]
    );
}

#[test]
fn what_is_missing_comes_before_what_is_there() {
    let fixture = "
        s/-/p/@r1 = release c1: build | >prod
        s/-/p/@r1/task/build/1 = complete build
        s/-/p/@r1/deploy/prod/1 = pending up(a<-@/environment/prod,b<-@/custom/b,c<-@/custom/c,d=4) after s/-/p/@r1/task/build/*/status/complete
        @/environment/prod = {\"name\":\"prod\",\"attributes\":{}}
        @/custom/c = 1
    ";
    let blockers = of(fixture, PROD).blockers;
    let blockers: Vec<(&str, bool)> =
        blockers.iter().map(|blocker| (blocker.source.as_str(), blocker.there)).collect();
    assert_eq!(
        blockers,
        [
            ("@/custom/b", false),
            ("s/-/p/@r1/task/build/*/status/complete", true),
            ("@/environment/prod", true),
            ("@/custom/c", true),
        ]
    );
}

#[test]
fn a_task_called_as_its_approval() {
    let fixture = "
        s/-/p/@r1 = release c1: approve(ok<-s/-/p/@r1/custom/approve) | >prod
        s/-/p/@r1/task/approve/1 = pending approve(ok<-s/-/p/@r1/custom/approve)
        s/-/p/@r1/deploy/prod/1 = pending up after s/-/p/@r1/task/approve/*/status/complete
    ";
    check(
        fixture,
        &[(
            PROD,
            "pending: waits for task approve, which waits for approve, custom state that somebody must set > ocuroot state set s/-/p/@r1/custom/approve yes *",
        )],
    );
}

/// A release whose phase `build` has a name and two tasks.
const PHASES: &str = r#"
    s/-/p/@r1 = {"commit":"c1","package":{"functions":{},"phases":[{"name":"build","tasks":[{"task":{"name":"lint","inputs":{},"fn":{"name":"f","pos":"p:1:1"}}},{"task":{"name":"unit-tests","inputs":{},"fn":{"name":"f","pos":"p:1:1"}}}]},{"name":"check","tasks":[{"task":{"name":"check","inputs":{},"fn":{"name":"f","pos":"p:1:1"}}}]}]}}
    s/-/p/@r1/task/check/1 = pending check after s/-/p/@r1/task/lint/*/status/complete s/-/p/@r1/task/unit-tests/*/status/complete
    s/-/p/@r1/task/unit-tests/1 = failed f
"#;

#[test]
fn a_phase_with_a_name_is_named() {
    let running = r#"
        s/-/p/@r1/task/lint/1 = running f
        s/-/p/@r1/task/lint/1/status/running = {"time":"2026-01-01T00:28:00Z"}
    "#;
    check(
        &format!("{PHASES}{running}"),
        &[(
            "s/-/p/@r1/task/check/1",
            &format!(
                "pending: waits for all of phase build: unit-tests failed 30 min ago, lint has been running for 2 min > {RETRY} *"
            ),
        )],
    );
    // Or it would sound as if the approval were one of its tasks.
    let waits = "s/-/p/@r1/task/lint/1 = pending f(ok<-s/-/p/@r1/custom/ok)";
    check(
        &format!("{PHASES}{waits}"),
        &[(
            "s/-/p/@r1/task/check/1",
            &format!(
                "pending: waits for all of phase build: lint waits for ok, custom state that somebody must set, unit-tests failed 30 min ago > ocuroot state set s/-/p/@r1/custom/ok yes * > {RETRY} *"
            ),
        )],
    );
}

#[test]
fn other_packages_are_followed() {
    let own = "
        s/-/p/@r1 = release c1: >prod
        s/-/p/@r1/deploy/prod/1 = pending up(port<-n/-/network.ocu.star/@/deploy/prod#output/port)
    ";
    let retry = "ocuroot release retry n/-/network.ocu.star/@r7";
    for (network, expected) in [
        ("", "waiting: waits for network, which has no release yet"),
        (
            "n/-/network.ocu.star/@r7 = release c1: t",
            "waiting: waits for network, which was never deployed to prod",
        ),
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod\nn/-/network.ocu.star/@r7/deploy/prod/1 = failed up",
            &format!("waiting: waits for network's deploy to prod, which failed 30 min ago > {retry} *"),
        ),
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod
             n/-/network.ocu.star/@r7/deploy/prod/1 = pending up(ok<-n/-/network.ocu.star/@r7/custom/ok)",
            "waiting: waits for network's deploy to prod, which waits for ok, custom state that somebody must set > ocuroot state set n/-/network.ocu.star/@r7/custom/ok yes *",
        ),
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod
             n/-/network.ocu.star/@r7/deploy/prod/1 = pending up",
            "waiting: waits for network's deploy to prod, which is ready, and no worker has taken it > ocuroot release continue n/-/network.ocu.star/@r7 *",
        ),
        // There, but not what is asked for.
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod
             n/-/network.ocu.star/@r7/deploy/prod/1 = complete up
             n/-/network.ocu.star/@r7/deploy/prod = up 1 {\"ports\":1}
             n/-/network.ocu.star/@/deploy/prod -> n/-/network.ocu.star/@r7/deploy/prod",
            "waiting: waits for network's deploy to prod, which completed 30 min ago without output port",
        ),
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod
             n/-/network.ocu.star/@r7/deploy/prod/1 = complete down
             n/-/network.ocu.star/@r7/deploy/prod = down 1 {\"port\":1}",
            "waiting: waits for network's deploy to prod, which was taken down 30 min ago",
        ),
        // An older release's, where the newest has none.
        (
            "n/-/network.ocu.star/@r7 = release c1: >prod
             n/-/network.ocu.star/@r8 = release c2: t
             n/-/network.ocu.star/@r7/deploy/prod/1 = failed up",
            &format!("waiting: waits for network's deploy to prod, which failed 30 min ago > {retry} *"),
        ),
    ] {
        assert_eq!(said(&format!("{own}{network}"), PROD), expected, "{network}");
    }
}

#[test]
fn a_circle_is_named_and_ends() {
    let fixture = "
        s/-/p/@r1 = release c1: >prod
        s/-/q/@r1 = release c1: >prod
        s/-/p/@r1/deploy/prod/1 = pending up(x<-s/-/q/@/deploy/prod#output/x)
        s/-/q/@r1/deploy/prod/1 = pending up(x<-s/-/p/@/deploy/prod#output/x)
    ";
    check(
        fixture,
        &[(
            PROD,
            "waiting: waits for q's deploy to prod, which waits for p's deploy to prod, which waits for it in turn, so none of them can start",
        )],
    );
}

#[test]
fn many_phases_and_tasks_are_looked_at_once_each() {
    let mut fixture = "s/-/p/@r1 = release c1: t0x0\n".to_owned();
    for phase in 0..12 {
        for task in 0..6 {
            let status = if phase == 0 { "failed" } else { "pending" };
            fixture.push_str(&format!("s/-/p/@r1/task/t{phase}x{task}/1 = {status} f"));
            if phase > 0 {
                fixture.push_str(" after");
                for before in 0..6 {
                    fixture.push_str(&format!(" s/-/p/@r1/task/t{}x{before}/*/status/complete", phase - 1));
                }
            }
            fixture.push('\n');
        }
    }
    let all = ask(&fixture, |s| why::of_release(s, &r("s/-/p/@r1"), &facts()));
    assert_eq!(all.len(), 72);
    let last = all.iter().find(|why| why.about == r("s/-/p/@r1/task/t11x5/1")).unwrap();
    assert_eq!(
        last.sentence.to_string(),
        "waits for t0x0, which failed 30 min ago, for t0x1, which failed 30 min ago, for t0x2, which failed 30 min ago, and for 3 more"
    );
}

#[test]
fn a_freeze_holds_and_says_why() {
    let fixture = |input: &str, freeze: &str| {
        format!("s/-/p/@r1 = release c1: >prod\n{PROD} = pending up{input}\n{freeze}")
    };
    let freeze = r#"@/custom/freeze/prod = {"reason":"end of year","until":"2026-01-06"}"#;
    check(
        &fixture("", freeze),
        &[(
            PROD,
            "frozen: frozen until 2026-01-06: end of year, says @/custom/freeze/prod > ocuroot state delete @/custom/freeze/prod *",
        )],
    );
    check(
        &fixture("(ok<-s/-/p/@r1/custom/ok)", freeze),
        &[(
            PROD,
            "needs approval: waits for ok, custom state that somebody must set, and for the end of the freeze, which is planned for 2026-01-06: end of year > ocuroot state set s/-/p/@r1/custom/ok yes > ocuroot state delete @/custom/freeze/prod",
        )],
    );
    check(
        &fixture("(ok<-s/-/p/@r1/custom/ok)", "@/custom/freeze = \"hands off\""),
        &[(
            PROD,
            "needs approval: waits for ok, custom state that somebody must set, and for the end of the freeze, which nobody has planned: hands off > ocuroot state set s/-/p/@r1/custom/ok yes > ocuroot state delete @/custom/freeze",
        )],
    );
}

#[test]
fn something_newer_is_said() {
    let newer = "
        s/-/p/@r1 = release c1: >prod
        s/-/p/@r2 = release c2: >prod
        s/-/p/@r2/deploy/prod/1 = complete up
        s/-/p/@r2/deploy/prod = up 1
        s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
        s/-/p/+/deploy/prod = r2
    ";
    check(
        &format!("{newer}{PROD} = cancelled up"),
        &[(PROD, "cancelled: cancelled 30 min ago: r2 is newer, and is there or on its way")],
    );
    check(
        &format!("{newer}{PROD} = pending up"),
        &[(
            PROD,
            "queued: ready, but r2 is newer, and is there or on its way; to deploy it all the same: `ocuroot release continue s/-/p/@r1` at commit c1 > ocuroot release continue s/-/p/@r1 *",
        )],
    );
}

/// A release that is done, and one behind it that waits.
const TWO: &str = "
    @/environment/prod = {\"name\":\"prod\",\"attributes\":{}}
    +/environment/prod = {\"name\":\"prod\",\"attributes\":{}}
    s/-/p/@r1 = release c1: >prod
    s/-/p/@r1/deploy/prod/1 = complete up
    s/-/p/@r1/deploy/prod = up 1
    s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
    s/-/p/+/deploy/prod = r1
";

const SECOND: &str = "
    s/-/p/@r2 = release c2: build | >prod
    s/-/p/@r2/task/build/1 = complete build
    s/-/p/@r2/deploy/prod/1 = pending up(ok<-s/-/p/@r2/custom/ok) after s/-/p/@r2/task/build/*/status/complete
";

fn parts(why: &Why) -> Vec<String> {
    why.open.iter().map(|part| format!("{} {}", part.about, lines(part))).collect()
}

#[test]
fn what_is_done_says_so() {
    for (reference, expected) in [
        ("s/-/p/@r1", "complete: completed 30 min ago, nothing waits"),
        ("s/-/p", "complete: r1: completed 30 min ago, nothing waits"),
        ("s/-/p/@", "complete: r1: completed 30 min ago, nothing waits"),
        ("s/-/p/@/deploy/prod", "complete: r1 completed 30 min ago, nothing waits"),
        ("s/-/p/@r1/deploy/prod", "complete: completed 30 min ago"),
        ("@/environment/prod", "complete: nothing waits"),
    ] {
        assert_eq!(said(TWO, reference), expected, "{reference}");
    }
    for nothing in [
        "s/-/p/@r9",
        "s/-/q",
        "s/-/p/@/deploy/qa",
        "s/-/p/@r1/task/x/1",
        "@/environment/qa",
        "@/custom/x",
        "s/-/p/@r1/op/check_envs",
    ] {
        assert_eq!(ask(TWO, |s| why::of(s, &r(nothing), &facts())), None, "{nothing}");
    }
}

#[test]
fn whatever_is_asked_about_leads_to_the_runs() {
    let fixture = format!("{TWO}{SECOND}");
    let run = "s/-/p/@r2/deploy/prod/1 needs approval: waits for ok, custom state that somebody must set > ocuroot state set s/-/p/@r2/custom/ok yes *";
    for (reference, expected) in [
        ("s/-/p/@r2", "needs approval: 1 of 2 complete > ocuroot state set s/-/p/@r2/custom/ok yes *"),
        ("s/-/p", "needs approval: r2: 1 of 2 complete > ocuroot state set s/-/p/@r2/custom/ok yes *"),
        (
            "s/-/p/@/deploy/prod",
            "needs approval: r1 completed 30 min ago > ocuroot state set s/-/p/@r2/custom/ok yes *",
        ),
        (
            "@/environment/prod",
            "needs approval: 1 thing is not done > ocuroot state set s/-/p/@r2/custom/ok yes *",
        ),
    ] {
        let why = of(&fixture, reference);
        assert_eq!((lines(&why).as_str(), parts(&why)), (expected, vec![run.to_owned()]), "{reference}");
    }
    // Nobody asks what a third release's predecessor waits for, except while it is open.
    let third = format!("{fixture}\ns/-/p/@r3 = release c3: t\ns/-/p/@r3/task/t/1 = complete t");
    assert_eq!(parts(&of(&third, "s/-/p")), [run]);
}

#[test]
fn intent_that_is_not_state_yet() {
    let wants = |intent: &str, more: &str| {
        let fixture = format!("{TWO}\ns/-/p/@r2 = release c2: >prod\ns/-/p/+/deploy/prod = {intent}\n{more}");
        parts(&of(&fixture, "s/-/p/@/deploy/prod"))
    };
    assert_eq!(
        wants("r2", ""),
        [
            "s/-/p/@/deploy/prod differs: intent asks for something else; apply it with `ocuroot state apply s/-/p/@/deploy/prod` > ocuroot state apply s/-/p/@/deploy/prod *"
        ]
    );
    assert_eq!(
        wants("r7", ""),
        [
            "s/-/p/@/deploy/prod differs: intent asks for something else, but cannot be applied: s/-/p/+/deploy/prod: there is no release s/-/p/@r7"
        ]
    );
    // A run explains it.
    let running = "s/-/p/@r2/deploy/prod/1 = running up";
    assert_eq!(wants("r2", running).len(), 1);
    let custom = format!("{TWO}\n@/custom/a = 1\n+/custom/a = 2\n+/custom/b = 1");
    check(
        &custom,
        &[
            (
                "@/custom/a",
                "differs: is another in intent; apply it with `ocuroot state apply @/custom/a` > ocuroot state apply @/custom/a *",
            ),
            (
                "@/custom/b",
                "differs: is set in intent, and only has to be applied: `ocuroot state apply @/custom/b` > ocuroot state apply @/custom/b *",
            ),
        ],
    );
}

#[test]
fn a_deployment_whose_input_changed() {
    let fixture = "
        s/-/p/@r1 = release c1: >prod
        s/-/p/@r1/deploy/prod/1 = complete up(a<-@/custom/a=1)
        s/-/p/@r1/deploy/prod = up 1(a<-@/custom/a=1)
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        s/-/p/+/deploy/prod = r1(a<-@/custom/a=1)
        @/custom/a = 2
        +/custom/a = 2
    ";
    let at = "s/-/p/@/deploy/prod";
    assert_eq!(
        parts(&of(fixture, at)),
        [format!("{at} differs: its input changed (a); deploy it again with `ocuroot work any`")]
    );
    let frozen = format!("{fixture}\n@/custom/freeze = \"x\"");
    assert_eq!(
        parts(&of(&frozen, at)),
        [format!("{at} differs: its input changed (a), but it is frozen: x, says @/custom/freeze")]
    );
}

#[test]
fn operations_that_wait() {
    let fixture = format!("{TWO}\ns/-/p/@r1/op/check_envs = {{\"time\":\"2026-01-01T00:00:00Z\"}}");
    check(
        &fixture,
        &[(
            "s/-/p/@r1/op/check_envs",
            "queued: environments have changed, and the release file is to be looked at again: `ocuroot work ops` > ocuroot work ops *",
        )],
    );
    assert_eq!(parts(&of(&fixture, "s/-/p/@r1")).len(), 1);
    let blocked = format!("{fixture}\ns/-/p/@r1/deploy/prod/2 = pending down(x<-@/custom/x)");
    check(
        &blocked,
        &[(
            "s/-/p/@r1/op/check_envs",
            "waiting: environments have changed, and the release file is to be looked at again; but s/-/p/@r1/deploy/prod/2 is pending",
        )],
    );
}

#[test]
fn as_json_each_ref_can_be_linked() {
    let fixture = format!("{TWO}{SECOND}");
    assert_eq!(
        serde_json::to_value(of(&fixture, "s/-/p/@r2/deploy/prod/1")).unwrap(),
        json!({
            "ref": "s/-/p/@r2/deploy/prod/1",
            "status": "needs-approval",
            "since": "2026-01-01T00:00:00Z",
            "sentence": [
                "waits for ",
                {"ref": "s/-/p/@r2/custom/ok", "label": "ok"},
                ", custom state that somebody must set",
            ],
            "blockers": [
                {
                    "source": "s/-/p/@r2/custom/ok",
                    "input": "ok",
                    "there": false,
                    "status": "needs-approval",
                    "sentence": ["custom state that somebody must set"],
                },
                {
                    "source": "s/-/p/@r2/task/build/*/status/complete",
                    "there": true,
                    "status": "complete",
                    "sentence": ["complete"],
                },
            ],
            "help": [{"do": "approve", "ref": "s/-/p/@r2/custom/ok", "alone": true}],
        })
    );
}
