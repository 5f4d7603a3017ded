//! The Release screen, on small stores.

use std::collections::BTreeMap;

use ocuroot_core::Ref;
use ocuroot_core::envelope::Document;
use ocuroot_core::facts::Facts;
use ocuroot_core::memory::Memory;
use ocuroot_core::release::ReleaseError;
use ocuroot_core::screens::Word;
use ocuroot_core::screens::release::compare::compare;
use ocuroot_core::screens::release::panel::{From, Panel, Target, panel};
use ocuroot_core::screens::release::{Action, Page, first, page};
use ocuroot_core::summary::{self, Counts, Live, Summary};

use crate::fixture::{answer, ask, r, store};

const AT: &str = "g.org/o/s/-/p/@r2";

/// Build and dev are done, perf has failed for the third time, prod waits for its turn and a person.
const FAILED: &str = r#"
    g.org/o/s/-/p/@r1 = release c1: build
    g.org/o/s/-/p/@r2 = release c2: build | >dev; >perf(image<-g.org/o/s/-/p/@r2/task/build#output/image, size?6) | >prod(ok<-g.org/o/s/-/p/@r2/custom/ok) | >last
    g.org/o/s/-/p/@r10 = release c10: build
    g.org/o/s/-/p/@v2 -> g.org/o/s/-/p/@r2
    g.org/o/s/-/p/@r2/task/build/1 = complete build => {"image":"i:2"}
    g.org/o/s/-/p/@r2/task/build = task 1 {"image":"i:2"}
    g.org/o/s/-/p/@/task/build -> g.org/o/s/-/p/@r2/task/build
    g.org/o/s/-/p/@r2/deploy/dev/1 = complete up after g.org/o/s/-/p/@r2/task/build/*/status/complete
    g.org/o/s/-/p/@r2/deploy/dev = up 1
    g.org/o/s/-/p/@/deploy/dev -> g.org/o/s/-/p/@r2/deploy/dev
    g.org/o/s/-/p/@r2/deploy/perf/1 = failed_retried up(image<-g.org/o/s/-/p/@r2/task/build#output/image="i:2")
    g.org/o/s/-/p/@r2/deploy/perf/2 = failed_retried up(image<-g.org/o/s/-/p/@r2/task/build#output/image="i:2")
    g.org/o/s/-/p/@r2/deploy/perf/3 = failed up(image<-g.org/o/s/-/p/@r2/task/build#output/image="i:2", size?6) + check
    g.org/o/s/-/p/@r2/deploy/prod/1 = pending up(ok<-g.org/o/s/-/p/@r2/custom/ok, net<-n/-/n/@/deploy/prod#output/net) after g.org/o/s/-/p/@r2/deploy/dev/*/status/complete g.org/o/s/-/p/@r2/deploy/perf/*/status/complete
    g.org/o/s/-/p/@r2/deploy/last/1 = pending up after g.org/o/s/-/p/@r2/deploy/prod/*/status/complete
    g.org/o/s/-/p/@r2/deploy/perf/3/logs = [{"message":"boom","stream":2}]
    n/-/n/@/deploy/prod -> n/-/n/@r7/deploy/prod
    n/-/n/@r7/deploy/prod = up 1 {"net":"10.0.0.0/8"}
"#;

fn now() -> Facts {
    Facts::at("2026-01-01T00:38:00Z")
}

fn page_of(fixture: &str) -> Page {
    page_in(&store(fixture))
}

#[track_caller]
fn page_in(store: &Memory) -> Page {
    answer(store, |snapshot| page(snapshot, None, &r(AT), &now())).0.unwrap()
}

/// Where everything stands, phases between ` | `, and behind it the notes.
fn told(page: &Page) -> String {
    let node = |node: &ocuroot_core::screens::release::Node| format!("{} {}", node.name, node.word);
    let phases = page.phases.iter().map(|phase| phase.nodes.iter().map(node).collect::<Vec<_>>().join(", "));
    let notes = page.notes.iter().map(|note| {
        let missing = note.missing.as_ref().map(|missing| format!(" {missing}")).unwrap_or_default();
        let action = match &note.action {
            Some(Action::Look(fragment)) => format!(" #{fragment}"),
            Some(Action::Approve(approval)) => format!(" ${}", approval.command),
            Some(Action::Command(command)) => format!(" ${command}"),
            None => String::new(),
        };
        format!("\n{}{missing} {}{action}", note.lead, note.text)
    });
    format!("{}: {}{}", page.word, phases.collect::<Vec<_>>().join(" | "), notes.collect::<String>())
}

#[test]
fn a_release_that_failed_and_waits() {
    let page = page_of(FAILED);
    assert_eq!(
        told(&page),
        "failed: build complete | dev complete, perf failed | prod needs approval | last pending\n\
         perf failed 38 min ago, after 3 attempts. Phases 3 to 4 start only when all of phase 2 is complete. #deploy/perf/3\n\
         prod waits for an approval. g.org/o/s/-/p/@r2/custom/ok Setting it alone starts nothing: perf still blocks. \
         $ocuroot state set g.org/o/s/-/p/@r2/custom/ok yes"
    );
    assert_eq!(
        (page.name.as_str(), page.tags, page.live_in),
        ("r2", vec!["v2".to_owned()], vec!["dev".to_owned()])
    );
    assert_eq!((page.previous, page.next), (Some(r("g.org/o/s/-/p/@r1")), Some(r("g.org/o/s/-/p/@r10"))));
    assert_eq!(page.others, [r("g.org/o/s/-/p/@r10"), r("g.org/o/s/-/p/@r1")]);
    assert_eq!(page.commit_link.as_deref(), Some("https://g.org/o/s/commit/c2"));
    let phases: Vec<_> =
        page.phases.iter().map(|p| (p.number, p.name.as_str(), p.count.as_str(), p.quiet)).collect();
    assert_eq!(phases[0], (1, "build", "1 complete", true));
    assert_eq!(phases[1], (2, "", "1 failed, 1 complete", false));
    assert_eq!(phases[3], (4, "last", "1 pending", true));
}

#[test]
fn one_moves_through_the_pipeline_by_keys() {
    let page = page_of(FAILED);
    let steps = |keys: &str| keys.split(' ').try_fold((1, 1), |from, key| page.step(from, key));
    for (keys, to) in [
        ("ArrowUp", Some((1, 0))),
        ("ArrowDown", None),
        ("ArrowLeft", Some((0, 0))),
        ("ArrowRight", Some((2, 0))),
        ("ArrowRight ArrowRight ArrowRight", None),
        ("ArrowLeft ArrowLeft", None),
        ("Home", Some((1, 0))),
        ("Home End", Some((1, 1))),
        ("x", None),
    ] {
        assert_eq!(steps(keys), to, "{keys}");
    }
    assert_eq!(page.focus(), Some("deploy/perf/3"));
    let perf = &page.phases[1].nodes[1];
    for (fragment, is) in [
        ("deploy/perf", true),
        ("deploy/perf/1", true),
        ("deploy/perf/x", false),
        ("deploy/perf-2/1", false),
        ("task/perf/1", false),
        ("", false),
    ] {
        assert_eq!(perf.is_named(fragment), is, "{fragment}");
    }
    let fine = page_of("g.org/o/s/-/p/@r2 = release c2: a; b\ng.org/o/s/-/p/@r2/task/a/1 = complete a");
    assert_eq!(fine.focus(), Some("task/a/1"));
    assert_eq!(page_of("g.org/o/s/-/p/@r2 = release c2:").focus(), None);
}

#[test]
fn a_release_is_read_in_few_steps_and_without_its_logs() {
    let (_, reads) = answer(&store(FAILED), |snapshot| page(snapshot, None, &r(AT), &now()));
    let logs = reads.bodies.iter().filter(|at| at.as_str().ends_with("/logs")).count();
    assert_eq!(logs, 0);
    assert!(reads.rounds <= 4, "{} rounds", reads.rounds);
}

/// What a summary tells of the release is what its folder tells, and takes one document.
#[test]
fn a_summary_and_the_document_show_it_at_first() {
    let store = store(FAILED);
    let package = r("g.org/o/s/-/p");
    let summary = summary::of_package(&store.snapshot(), &package, "").unwrap().unwrap();
    let summaries = BTreeMap::from([(package, summary)]);
    let whole = page_in(&store);
    for at in [AT, "g.org/o/s/-/p/@v2"] {
        let (found, reads) = answer(&store, |s| first(s, Some(&summaries), &r(at), &now()));
        let found = found.unwrap();
        assert_eq!(reads.bodies.len(), 1, "{reads:?}");
        assert!(reads.folders.is_empty(), "{reads:?}");
        let phases = |page: &Page| {
            let nodes = |phase: &ocuroot_core::screens::release::Phase| {
                let node =
                    |node: &ocuroot_core::screens::release::Node| (node.fragment.clone(), node.attempts);
                (phase.number, phase.name.clone(), phase.nodes.iter().map(node).collect::<Vec<_>>())
            };
            page.phases.iter().map(nodes).collect::<Vec<_>>()
        };
        assert_eq!(phases(&found), phases(&whole));
        let same = |page: Page| {
            (page.release, page.word, page.tags, page.live_in, page.previous, page.next, page.others)
        };
        assert_eq!(same(found), same(whole.clone()));
    }
    assert_eq!(answer(&store, |s| first(s, None, &r(AT), &now())).0, None);
    assert_eq!(answer(&store, |s| first(s, Some(&summaries), &r("g.org/o/s/-/p/@r3"), &now())).0, None);
}

#[test]
fn words_say_what_a_status_does_not() {
    let release = "g.org/o/s/-/p/@r2 = release c2: >prod";
    let cases: &[(&str, &str)] = &[
        ("", "pending: prod pending"),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = pending up",
            "queued: prod queued\nprod can start, and nobody has started it yet. The next worker does, or this command: \
             $ocuroot release continue g.org/o/s/-/p/@r2",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = pending up\n@/custom/freeze/prod = {\"reason\":\"end of year\"}",
            "frozen: prod frozen\nNo deploy starts in prod: end of year. ",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = pending up\n@/custom/freeze = {\"until\":\"2025-12-31T00:00:00Z\"}",
            "queued: prod queued\nprod can start, and nobody has started it yet. The next worker does, or this command: \
             $ocuroot release continue g.org/o/s/-/p/@r2",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = pending up(a<-@/custom/a)",
            "needs approval: prod needs approval\nprod waits for an approval. @/custom/a Once it is set, the next worker goes on. \
             $ocuroot state set @/custom/a yes",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = pending up(a<-n/-/n/@/deploy/x#output/a)",
            "waiting: prod waiting",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = paused up + next(a<-n/-/n/@/deploy/x#output/a)",
            "waiting: prod waiting",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = running up",
            "stale: prod stale\nprod says that it runs, and has not been heard of for 38 min. \
             If the process is gone, a retry takes over. $ocuroot release retry --stale g.org/o/s/-/p/@r2",
        ),
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = cancelled up",
            "cancelled: prod cancelled\nprod was cancelled. A newer release may have overtaken this one.",
        ),
        ("g.org/o/s/-/p/@r2/deploy/prod/1 = complete up", "complete: prod complete"),
        // What the file does not name any more is still there.
        (
            "g.org/o/s/-/p/@r2/deploy/prod/1 = complete up\ng.org/o/s/-/p/@r2/deploy/old/1 = complete down",
            "complete: prod complete | old complete",
        ),
    ];
    for (runs, expected) in cases {
        let page = page_of(&format!("{release}\n{runs}"));
        assert_eq!(told(&page), *expected, "{runs}");
    }
}

#[test]
fn at_most_three_notes_the_worst_first() {
    let page = page_of(
        "g.org/o/s/-/p/@r2 = release c2: a; b; c; d; e\n\
         g.org/o/s/-/p/@r2/task/a/1 = pending a\n\
         g.org/o/s/-/p/@r2/task/b/1 = cancelled b\n\
         g.org/o/s/-/p/@r2/task/c/1 = failed c\n\
         g.org/o/s/-/p/@r2/task/d/1 = pending d(x<-@/custom/x)\n\
         g.org/o/s/-/p/@r2/task/e/1 = failed e",
    );
    let words: Vec<Word> = page.notes.iter().map(|note| note.word).collect();
    assert_eq!(words, [Word::Failed, Word::NeedsApproval, Word::Queued]);
    assert_eq!(page.notes[0].lead, "c and e failed.");
    assert_eq!(page.notes[0].text, "");
}

#[test]
fn times_of_runs_and_of_phases() {
    let mut store = store(
        "g.org/o/s/-/p/@r2 = release c2: >a; >b | >c\n\
         g.org/o/s/-/p/@r2/deploy/a/1 = complete up\n\
         g.org/o/s/-/p/@r2/deploy/b/1 = complete up\n\
         g.org/o/s/-/p/@r2/deploy/c/1 = running up",
    );
    let mut marker = |run: &str, status: &str, started: &str, time: &str| {
        let body = serde_json::json!({"started": started, "time": time, "heartbeat": "2026-01-01T00:37:59Z"});
        store
            .put(&r(&format!("{AT}/deploy/{run}/1/status/{status}")), &Document::new("models.Marker", &body));
    };
    marker("a", "complete", "2026-01-01T00:00:00Z", "2026-01-01T00:05:01Z");
    marker("b", "complete", "2026-01-01T00:01:00Z", "2026-01-01T00:06:00Z");
    marker("c", "running", "2026-01-01T00:36:48Z", "2026-01-01T00:36:48Z");
    let live = Live {
        release: "r1".into(),
        since: String::new(),
        took: Some(180),
        samples: vec![],
        intent: String::new(),
    };
    let summary = Summary {
        phases: None,
        work: None,
        package: r("g.org/o/s/-/p"),
        tree: String::new(),
        counts: Counts::default(),
        live: BTreeMap::from([("c".to_owned(), live)]),
        releases: vec![],
    };
    let summaries = BTreeMap::from([(summary.package.clone(), summary)]);
    let (page, _) = answer(&store, |snapshot| page(snapshot, Some(&summaries), &r(AT), &now()));
    let page = page.unwrap();
    let measures: Vec<String> =
        page.phases.iter().flat_map(|phase| &phase.nodes).map(|node| node.measure(&now().now)).collect();
    assert_eq!(measures, ["5m 1s", "5m", "1:12 of ~3 min"]);
    assert_eq!(page.phases.iter().map(|phase| phase.took).collect::<Vec<_>>(), [Some(360), None]);
}

#[test]
fn what_is_not_there_or_broken() {
    let question = |fixture: &str, at: &str| ask(fixture, |snapshot| page(snapshot, None, &r(at), &now()));
    assert!(matches!(question("", AT), Err(ReleaseError::Unknown(_))));
    assert!(matches!(question("g.org/o/s/-/p/@r2 !{", AT), Err(ReleaseError::Broken { .. })));
    assert!(matches!(question("g.org/o/s/-/p/@r1 = release c: x", AT), Err(ReleaseError::Unknown(_))));
    // By tag, and by the old spelling.
    assert_eq!(question(FAILED, "g.org/o/s/-/p/@v2").unwrap().release, r(AT));
    assert_eq!(question(FAILED, "g.org/o/s/-/p/@2").unwrap().release, r(AT));
}

#[test]
fn the_commit_is_linked_to_its_host() {
    let with = |repo: &str, more: &str| {
        let fixture = format!("{repo}/-/p/@r2 = release 7be91d4: x\n{more}");
        ask(&fixture, |snapshot| page(snapshot, None, &r(&format!("{repo}/-/p/@r2")), &now()))
            .unwrap()
            .commit_link
    };
    assert_eq!(with("g.org/o/s", "").as_deref(), Some("https://g.org/o/s/commit/7be91d4"));
    let config =
        r#"o/s/-/repo.ocu.star/@7be91d4 = {"Remotes":[{"Name":"origin","URL":"git@gitlab.com:o/s.git"}]}"#;
    assert_eq!(with("o/s", config).as_deref(), Some("https://gitlab.com/o/s/-/commit/7be91d4"));
    assert_eq!(with("o/s", ""), None);
    // What is no hash is no part of a link.
    let odd = ask("g.org/o/s/-/p/@r2 = release none: x", |snapshot| page(snapshot, None, &r(AT), &now()));
    assert_eq!(odd.unwrap().commit_link, None);
}

fn panel_of(fixture: &str, fragment: &str) -> Option<Panel> {
    ask(fixture, |snapshot| panel(snapshot, &r(AT), fragment, &now()))
}

#[test]
fn the_panel_of_a_failed_run() {
    let panel = panel_of(FAILED, "deploy/perf").unwrap();
    assert_eq!((panel.number, panel.word, panel.what.as_str()), (3, Word::Failed, "Deploy, phase 2"));
    assert_eq!(panel.retry.as_deref(), Some("ocuroot release retry g.org/o/s/-/p/@r2"));
    assert_eq!(panel.start, None);
    let tries: Vec<(u64, Word)> = panel.attempts.iter().map(|one| (one.number, one.word)).collect();
    assert_eq!(tries, [(3, Word::Failed), (2, Word::Retried), (1, Word::Retried)]);
    let functions: Vec<(&str, Word)> =
        panel.functions.iter().map(|one| (one.name.as_str(), one.word)).collect();
    assert_eq!(functions, [("up", Word::Complete), ("check", Word::Failed)]);
    assert_eq!(panel.no_outputs, "None: a run has outputs when it completes.");
    // What an earlier attempt was: nobody can retry that.
    let first = panel_of(FAILED, "deploy/perf/1").unwrap();
    assert_eq!((first.number, first.word, first.retry), (1, Word::Retried, None));
    let from = |name: &str| first.inputs.iter().find(|input| input.name == name).unwrap().from.clone();
    let target = r("g.org/o/s/-/p/@r2/task/build#output/image");
    let source = "@r2/task/build#output/image".to_owned();
    assert_eq!(from("image"), From::Ref { source, target, note: "this release".into() });
    for nothing in ["", "deploy", "deploy/none", "deploy/perf/9", "deploy/perf/x", "task/perf"] {
        assert_eq!(panel_of(FAILED, nothing), None, "{nothing}");
    }
}

#[test]
fn the_panel_of_a_run_that_waits_tells_first_what_is_missing() {
    let panel = panel_of(FAILED, "deploy/prod/1").unwrap();
    let waits: Vec<String> =
        panel.waits.iter().map(|wait| format!("{}: {} {}", wait.word, wait.source, wait.sentence)).collect();
    assert_eq!(
        waits,
        [
            "needs approval: @r2/custom/ok custom state that somebody must set",
            "failed: @r2/deploy/perf failed 38 min ago, attempt 3 of 3; retry with `ocuroot release retry g.org/o/s/-/p/@r2`",
            "complete: @r2/deploy/dev complete",
            "complete: n/-/n/@/deploy/prod#output/net there",
        ]
    );
    assert_eq!((panel.missing, panel.waits.len()), (2, 4));
    assert_eq!(panel.waits[1].target, Some(Target::Run("deploy/perf/3".into())));
    assert_eq!(panel.waits[3].target, Some(Target::Document(r("n/-/n/@/deploy/prod#output/net"))));
    assert_eq!(panel.waits[0].approval.as_ref().unwrap().custom, r("g.org/o/s/-/p/@r2/custom/ok"));
    // What it would be given now.
    let net = panel.inputs.iter().find(|input| input.name == "net").unwrap();
    assert_eq!(net.value, Some("10.0.0.0/8".into()));
    assert!(matches!(&net.from, From::Ref { note, .. } if note == "r7"));
    assert!(!panel.has_log);
}

#[test]
fn where_each_input_came_from() {
    let run = "g.org/o/s/-/p/@r2 = release c2: t\n\
        g.org/o/s/-/p/@r2/task/t/1 = complete t(same<-@/custom/a=1, other<-@/custom/a=2, gone<-@/custom/b=3, \
        fell<-@/custom/b=4?4, set=5, by?6, env<-@/environment/e={\"name\":\"e\"}, late<-n/-/n/@/task/x#output/y=7)\n\
        @/custom/a = 1\n\
        @/environment/e = {\"name\":\"e\",\"attributes\":{}}\n\
        n/-/n/@/task/x -> n/-/n/@r9/task/x\n\
        n/-/n/@r9/task/x = task 1 {\"y\":7}";
    let panel = panel_of(run, "task/t/1").unwrap();
    let from = |from: &From| match from {
        From::Ref { source, note, .. } => format!("{source} {note}"),
        From::Default { file } => format!("default {file}"),
        From::File { file } => format!("file {file}"),
        From::Text(text) => format!("text {text}"),
    };
    let inputs: Vec<String> = panel
        .inputs
        .iter()
        .map(|input| format!("{}={} {}", input.name, input.value.clone().unwrap(), from(&input.from)))
        .collect();
    assert_eq!(
        inputs,
        [
            "by=6 default p",
            r#"env={"name":"e"} @/environment/e "#,
            "fell=4 default p",
            "gone=3 @/custom/b gone since",
            "late=7 n/-/n/@/task/x#output/y r9",
            "other=2 @/custom/a changed since",
            "same=1 @/custom/a ",
            "set=5 file p",
        ]
    );
}

#[test]
fn outputs_say_who_is_given_them() {
    let panel = panel_of(FAILED, "task/build").unwrap();
    assert_eq!(panel.outputs.len(), 1);
    assert_eq!(panel.outputs[0].used_by, [("perf".to_owned(), "deploy/perf/3".to_owned())]);
    assert_eq!(panel.no_outputs, "");
}

#[test]
fn two_releases_side_by_side() {
    let fixture = r#"
        g.org/o/s/-/p/@r1 = release aaa1: build; lint | >dev
        g.org/o/s/-/p/@r2 = release bbb2: build; new | >dev
        g.org/o/s/-/p/@r1/task/build/1 = complete build(from="x", flags={"a":1,"b":2}) => {"image":"i:1"}
        g.org/o/s/-/p/@r2/task/build/1 = complete build(from="x", flags={"a":1,"b":3}) => {"image":"i:2"}
        g.org/o/s/-/p/@r1/task/lint/1 = complete lint
        g.org/o/s/-/p/@r2/task/new/1 = complete new
        g.org/o/s/-/p/@r1/deploy/dev/1 = complete up
        g.org/o/s/-/p/@r2/deploy/dev/1 = complete up
    "#;
    // The fixture separates inputs by commas.
    let fixture = fixture.replace(r#"{"a":1,"b":2}"#, r#"{"b":2}"#).replace(r#"{"a":1,"b":3}"#, r#"{"b":3}"#);
    let both = |one: &str, other: &str| -> String {
        let compare = ask(&fixture, |snapshot| compare(snapshot, &r(one), &r(other), &now())).unwrap();
        let work: Vec<String> = compare
            .work
            .iter()
            .map(|work| {
                let fields: Vec<String> =
                    work.fields.iter().map(|field| format!(" {}", field.path)).collect();
                format!("{} {:?}/{:?}{}", work.key, work.words.one, work.words.other, fields.concat())
            })
            .collect();
        format!("{} alike; {}; {}", compare.alike, compare.commits_link.unwrap_or_default(), work.join("; "))
    };
    assert_eq!(
        both("g.org/o/s/-/p/@r2", "g.org/o/s/-/p/@r1"),
        "1 alike; https://g.org/o/s/compare/aaa1...bbb2; \
         task/build Some(Complete)/Some(Complete) input.flags.b output.image; \
         task/new Some(Complete)/None; task/lint None/Some(Complete)"
    );
    assert!(both("g.org/o/s/-/p/@r1", "g.org/o/s/-/p/@r2").contains("aaa1...bbb2"));
    assert_eq!(both("g.org/o/s/-/p/@r1", "g.org/o/s/-/p/@r1"), "3 alike; ; ");
    let none: Ref = r("g.org/o/s/-/p/@r9");
    assert!(ask(&fixture, |snapshot| compare(snapshot, &r(AT), &none, &now())).is_err());
}
