//! Which runs can start, and what the others wait for (work.md, "Ready").

use ocuroot_core::ready::{self, Readiness};
use ocuroot_core::run;

use crate::fixture::{answer, ask, facts, inputs_of, r, store};

const RUN: &str = "s/-/p/@r1/task/t/1";

/// `ready: ` and the inputs, or `waits: ` and what for.
fn readiness(fixture: &str) -> String {
    ask(fixture, |snapshot| {
        let run: ocuroot_core::documents::Run = snapshot.get(&r(RUN))?.unwrap().read().unwrap();
        Ok(match ready::check(snapshot, run.functions.last().unwrap())? {
            Readiness::Ready(inputs) => {
                let value = |(name, input): (&String, &ocuroot_core::documents::Input)| {
                    format!("{name}={}", input.value.as_ref().unwrap())
                };
                format!("ready: {}", inputs.iter().map(value).collect::<Vec<_>>().join(" "))
            }
            Readiness::Waiting(missing) => {
                format!("waits: {}", missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
        })
    })
}

#[test]
fn each_rule() {
    let cases: &[(&str, &str, &str)] = &[
        // Nothing asked for.
        ("t", "", "ready: "),
        // Inputs: resolved, from before, default, in this order.
        ("t(a<-@/custom/a)", "@/custom/a = 1", "ready: a=1"),
        ("t(a<-@/custom/a=0?2)", "@/custom/a = 1", "ready: a=1"),
        ("t(a<-@/custom/a=0?2)", "", "ready: a=0"),
        ("t(a<-@/custom/a?2)", "", "ready: a=2"),
        ("t(a=5)", "", "ready: a=5"),
        ("t(a?5)", "", "ready: a=5"),
        ("t(a<-@/custom/a)", "", "waits: @/custom/a (input a)"),
        ("t(a<-@/custom/a, b<-@/custom/b)", "", "waits: @/custom/a (input a); @/custom/b (input b)"),
        ("t(a<-@/custom/a, b<-@/custom/b)", "@/custom/a = 1", "waits: @/custom/b (input b)"),
        // Falsy is not missing, null is.
        ("t(a<-@/custom/a)", "@/custom/a = false", "ready: a=false"),
        ("t(a<-@/custom/a)", "@/custom/a = 0", "ready: a=0"),
        ("t(a<-@/custom/a)", "@/custom/a = \"\"", "ready: a=\"\""),
        ("t(a<-@/custom/a)", "@/custom/a = null", "waits: @/custom/a (input a)"),
        ("t(a<-@/custom/a#x)", "@/custom/a = {\"x\":null}", "waits: @/custom/a#x (input a)"),
        ("t(a<-@/custom/a#x?3)", "@/custom/a = {\"x\":null}", "ready: a=3"),
        ("t(a<-@/custom/a=3)", "@/custom/a = null", "ready: a=3"),
        // Through a link, by tag, from another package, of a task's output.
        (
            "t(a<-n/-/n/@/task/x#output/port)",
            "n/-/n/@/task/x -> n/-/n/@r1/task/x\nn/-/n/@r1/task/x = task 1 {\"port\":80}",
            "ready: a=80",
        ),
        (
            "t(a<-n/-/n/@v1/task/x#output/port)",
            "n/-/n/@v1 -> n/-/n/@r1\nn/-/n/@r1 = release c: x\nn/-/n/@r1/task/x = task 1 {\"port\":80}",
            "ready: a=80",
        ),
        (
            "t(a<-n/-/n/@/task/x#output/port)",
            "n/-/n/@r1/task/x = task 1 {\"port\":80}",
            "waits: n/-/n/@/task/x#output/port (input a)",
        ),
        // Intent is an input like any other.
        ("t(a<-+/custom/a)", "+/custom/a = 1", "ready: a=1"),
        ("t(a<-+/custom/a)", "@/custom/a = 1", "waits: +/custom/a (input a)"),
        // Dependencies: each must match; what they wait for comes first.
        ("t after s/-/p/@r1/task/b/*/status/complete", "", "waits: s/-/p/@r1/task/b/*/status/complete"),
        (
            "t after s/-/p/@r1/task/b/*/status/complete",
            "s/-/p/@r1/task/b/1 = failed b",
            "waits: s/-/p/@r1/task/b/*/status/complete",
        ),
        (
            "t after s/-/p/@r1/task/b/*/status/complete",
            "s/-/p/@r1/task/b/1 = failed b\ns/-/p/@r1/task/b/2 = complete b",
            "ready: ",
        ),
        ("t after @/custom/x @/custom/y", "@/custom/x = 1", "waits: @/custom/y"),
        ("t(a<-@/custom/a) after @/custom/x", "@/custom/x = 1", "waits: @/custom/a (input a)"),
        ("t(a<-@/custom/a) after @/custom/x", "@/custom/a = 1", "waits: @/custom/x"),
        // The last function counts.
        ("t(a<-@/custom/a) + u(b<-@/custom/b)", "@/custom/b = 1", "ready: b=1"),
        ("t(a<-@/custom/a) + u(b<-@/custom/b)", "@/custom/a = 1", "waits: @/custom/b (input b)"),
    ];
    for (run, rest, expected) in cases {
        assert_eq!(readiness(&format!("{RUN} = pending {run}\n{rest}")), *expected, "{run}\n{rest}");
    }
}

#[test]
fn without_a_status_marker_a_run_is_pending() {
    let mut store = store(&format!("{RUN} = pending t"));
    store.remove(&r(&format!("{RUN}/status/pending")));
    let (transaction, claimed) = store.decide(|s| run::claim(s, &r(RUN), &facts())).unwrap();
    assert_eq!(claimed.inputs, inputs_of(""));
    // And still only one of two can have it.
    store.commit(&transaction).unwrap();
    assert!(store.commit(&transaction).is_err());
}

#[test]
fn few_things_are_read() {
    let noise: String = (2..50).map(|n| format!("s/-/p/@r{n}/task/t/1 = complete t\n")).collect();
    let store = store(&format!(
        "{RUN} = pending t(a<-@/custom/a) after s/-/p/@r1/task/b/*/status/complete\ns/-/p/@r1/task/b/1 = complete b\n@/custom/a = 1\n{noise}"
    ));
    let (_, reads) = answer(&store, |s| {
        run::claim(s, &r(RUN), &facts()).map_err(|unmet| match unmet {
            ocuroot_core::snapshot::Unmet::Needs(needs) => needs,
            ocuroot_core::snapshot::Unmet::Error(error) => panic!("{error}"),
        })
    });
    assert!(reads.rounds <= 5, "{reads:?}");
    assert!(reads.folders.iter().all(|(_, path)| path.starts_with("s/-/p/@r1")), "{reads:?}");
    assert!(reads.bodies.len() <= 5, "{reads:?}");
}
