//! `state check`: what is found, and what mends it.

use std::collections::BTreeMap;

use ocuroot_core::check::{self, Finding, Problem};
use ocuroot_core::order::Order as _;
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::summary;

use crate::fixture::{check as changes, facts, r, store};

fn run(
    snapshot: &Snapshot,
) -> Result<(Vec<Finding>, ocuroot_core::transaction::Transaction), ocuroot_core::snapshot::Needs> {
    check::check(snapshot, "2026-01-31T00:00:00Z".parse().unwrap(), &facts())
}

/// What is found, and what `--fix` changes; after it nothing fixable is left.
#[track_caller]
fn found(fixture: &str, findings: &str, fix: &str) {
    let decide = |snapshot: &Snapshot| run(snapshot).map(|(findings, transaction)| (transaction, findings));
    let (after, actual) = changes(fixture, decide, fix);
    let lines: Vec<String> = actual
        .unwrap()
        .iter()
        .map(|finding| {
            format!("{}: {}", serde_json::to_value(finding.problem).unwrap().as_str().unwrap(), finding.place)
        })
        .collect();
    let expected: Vec<&str> = findings.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
    let (left, again) = run(&after.snapshot()).unwrap();
    assert!(again.is_empty() && left.iter().all(|finding| !finding.fixable), "{left:?}");
}

const SOUND: &str = "
    s/-/p/@r1 = release c: t
    s/-/p/@v1 -> s/-/p/@r1
    s/-/p/@r1/task/t/1 = complete t
    s/-/p/@r1/task/t/2 = pending t
    s/-/p/@r1/task/t = task 1
    s/-/p/@/task/t -> s/-/p/@r1/task/t
    s/-/repo.ocu.star/+c = {}
    s/-/repo.ocu.star/+ -> s/-/repo.ocu.star/+c
";

#[test]
fn a_sound_store_has_no_findings() {
    found("", "", "");
    found(SOUND, "", "");
}

#[test]
fn dangling_links_are_deleted() {
    found(
        "s/-/p/@v1 -> s/-/p/@r1\ns/-/p/@/task/t -> s/-/p/@r1/task/t\ns/-/repo.ocu.star/+ -> s/-/repo.ocu.star/+c\ns/-/repo.ocu.star/@c = {}",
        "
        dangling_link: s/-/p/@/task/t
        dangling_link: s/-/p/@v1
        dangling_link: s/-/repo.ocu.star/+
        ",
        "
        - s/-/p/@/task/t
        - s/-/p/@v1
        - s/-/repo.ocu.star/+
        ",
    );
    // One that leads on through another link does not dangle, nor one to what cannot be read.
    found(&format!("{SOUND}\ns/-/p/@latest -> s/-/p/@v1"), "", "");
    found("s/-/p/@v1 -> s/-/p/@r1\ns/-/p/@r1 !{", "unreadable: s/-/p/@r1", "");
}

#[test]
fn links_in_a_circle_are_reported() {
    found("s/-/p/@a -> s/-/p/@b\ns/-/p/@b -> s/-/p/@a", "link_cycle: s/-/p/@a\nlink_cycle: s/-/p/@b", "");
}

#[test]
fn a_run_without_status_becomes_pending() {
    let mut broken = store("s/-/p/@r1/task/t/1 = pending t");
    broken.remove(&r("s/-/p/@r1/task/t/1/status/pending"));
    let ((findings, transaction), _) = crate::fixture::answer(&broken, run);
    assert_eq!((findings.len(), findings[0].problem, findings[0].fixable), (1, Problem::NoStatus, true));
    broken.commit(&transaction).unwrap();
    assert!(broken.get(&r("s/-/p/@r1/task/t/1/status/pending")).is_some());
    assert!(run(&broken.snapshot()).unwrap().0.is_empty());
}

#[test]
fn of_two_statuses_the_one_that_does_no_work_twice_stays() {
    for (statuses, kept) in [
        ("pending running", "running"),
        ("complete running", "complete"),
        ("failed failed_retried", "failed_retried"),
        ("cancelled pending paused", "cancelled"),
        ("failed complete", "complete"),
    ] {
        let (first, others) = statuses.split_once(' ').unwrap();
        let markers: String = others
            .split(' ')
            .map(|status| {
                format!("s/-/p/@r1/task/t/1/status/{status} = {{\"time\":\"2026-01-31T12:00:00Z\"}}\n")
            })
            .collect();
        let gone: String = {
            let mut gone: Vec<&str> = statuses.split(' ').filter(|status| *status != kept).collect();
            gone.order();
            gone.iter().map(|status| format!("- s/-/p/@r1/task/t/1/status/{status}\n")).collect()
        };
        found(
            &format!("s/-/p/@r1/task/t/1 = {first} t\n{markers}"),
            "many_statuses: s/-/p/@r1/task/t/1",
            &gone,
        );
    }
}

#[test]
fn files_that_are_no_documents_are_for_people_to_put_right() {
    found(
        "+/custom/a !not json\n@/custom/b !{\"kind\":\"thing\"}\n@/custom/c !{\"kind\":\"link\",\"body\":3}",
        "
        unreadable: +/custom/a
        unreadable: @/custom/b
        unreadable: @/custom/c
        ",
        "",
    );
    found(
        "s/-/p/@r1/task/t/1 = pending t\ns/-/p/@r1/task/t/1 = {\"not\":\"a run\"}",
        "unreadable: s/-/p/@r1/task/t/1",
        "",
    );
    found("s/-/p/@r1/task/t/1 = pending t\ns/-/p/@r1/task/t/1 !{", "unreadable: s/-/p/@r1/task/t/1", "");
}

#[test]
fn a_path_that_is_no_ref_or_not_its_spelling_is_reported() {
    for path in ["s/-/p/@r1/nonsense/x", "s/-/p/@r1/call/t", "s/-/p/+/custom/x"] {
        let mut snapshot = store(SOUND).snapshot();
        snapshot.load_path(ocuroot_core::Marker::State, path, Some(br#"{"kind":"ref","body":1}"#));
        let (findings, fix) = run(&snapshot).unwrap();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.problem, finding.place.as_str())).collect();
        assert_eq!(found, [(Problem::BadPath, path)]);
        assert!(fix.is_empty());
    }
}

#[test]
fn a_run_left_by_a_dead_process_is_reported_and_not_touched() {
    found("s/-/p/@r1/task/t/1 = running t", "stale_run: s/-/p/@r1/task/t/1", "");
    found(
        "s/-/p/@r1/task/t/1 = running t\ns/-/p/@r1/task/t/1/status/running = {\"time\":\"2026-01-01T00:00:00Z\",\"heartbeat\":\"2026-01-31T12:00:00Z\"}",
        "",
        "",
    );
}

#[test]
fn summaries_are_compared_with_what_they_tell_of() {
    let store = store("s/-/p/@r1 = release c: t\ns/-/q/@r1 = release c: t\ns/-/empty/@/custom/a = 1");
    let mends = |stored: &BTreeMap<String, Vec<u8>>| {
        crate::fixture::answer(&store, |s| summary::check(s, stored, |package| format!("tree of {package}")))
            .0
    };
    let mut stored = BTreeMap::new();
    let mend = |stored: &mut BTreeMap<String, Vec<u8>>| {
        for mend in mends(stored) {
            match mend.text {
                Some(text) => stored.insert(mend.path, text.into_bytes()),
                None => stored.remove(&mend.path),
            };
        }
        assert!(mends(stored).is_empty());
    };
    assert_eq!(mends(&stored).len(), 2);
    mend(&mut stored);
    let [p, q, empty] = ["s/-/p", "s/-/q", "s/-/empty"].map(|package| summary::path(&r(package)));
    assert!(stored.keys().eq([&p, &q]));
    let whole = stored.clone();

    let of_p = stored[&p].clone();
    stored.insert(q.clone(), of_p);
    stored.insert(p.clone(), b"{".to_vec());
    stored.insert(empty.clone(), b"{}".to_vec());
    // People's files are theirs.
    stored.insert(format!("{}/README.md", summary::FOLDER), b"hello".to_vec());
    let found: Vec<String> = mends(&stored)
        .iter()
        .map(|mend| {
            assert_eq!((mend.finding.problem, mend.finding.fixable), (Problem::Summary, true));
            format!("{}: {}", mend.finding.place, mend.finding.message)
        })
        .collect();
    assert_eq!(
        found,
        [
            format!("{empty}: {empty} is the summary of no package that has releases; --fix deletes it"),
            format!("s/-/p: {p} is not a summary; --fix writes it anew"),
            format!("s/-/q: {q} is out of date; --fix writes it anew"),
        ]
    );
    mend(&mut stored);
    stored.remove(&format!("{}/README.md", summary::FOLDER)).unwrap();
    assert_eq!(stored, whole);
}
