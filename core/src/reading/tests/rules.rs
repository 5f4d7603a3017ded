//! Every decision, on a small store.

use serde_json::json;

use super::host::{
    Cache, Files, GITEA, GITHUB, GITLAB, Host, Limits, carry_out, decide, files, place, settle, tree_id,
};
use crate::documents::body_type;
use crate::envelope::Document;
use crate::generations::Translation;
use crate::glob::Glob;
use crate::hosts::{Answer, Ask, Entry, EntryKind, Head, Listing};
use crate::memory::Memory;
use crate::reading::{LARGEST, Problem, Reader, Recalled, Wants, Work};
use crate::refs::{Marker, Ref};
use crate::runs;
use crate::snapshot::{Needs, Snapshot, address};
use crate::summary;

const MONDAY: &str = "2026-01-05T10:00:00Z";
const TUESDAY: &str = "2026-01-06T10:00:00+01:00";
/// Far later: there may be any number of commits before.
const MAY: &str = "2026-05-06T10:00:00Z";
const WEDNESDAY: &str = "2026-01-07T10:00:00Z";

fn memory(refs: &[&str]) -> Memory {
    let mut memory = Memory::default();
    for at in refs {
        memory.put(&at.parse().unwrap(), &Document::new("x", at));
    }
    memory
}

const SMALL: [&str; 10] = [
    "@/environment/prod",
    "+/environment/prod",
    "s/-/p/@r1",
    "s/-/p/@r1/commit/c0ffee",
    "s/-/p/@r1/task/build",
    "s/-/p/@r1/task/build/1",
    "s/-/p/@r1/task/build/1/status/complete",
    "s/-/p/@/deploy/prod",
    "s/-/p/+/deploy/prod",
    "s/-/q/@/custom/x",
];

fn small() -> Memory {
    memory(&SMALL)
}

/// A host with these stores on two branches.
fn host(limits: Limits, memory: &Memory) -> Host {
    let mut host = Host::new(limits);
    host.commit("state", MONDAY, &files(memory, Marker::State, ""));
    host.commit("intent", MONDAY, &files(memory, Marker::Intent, ""));
    host
}

fn reader(limits: Limits) -> Reader {
    Reader::new(place("state", limits), place("intent", limits), None)
}

/// All refs.
fn refs(snapshot: &Snapshot) -> Result<Vec<Ref>, Needs> {
    let mut needs = Needs::default();
    let everything = Glob::new("**").unwrap();
    let state = needs.take(snapshot.search_in(Marker::State, &everything)).unwrap_or_default();
    let intent = needs.take(snapshot.search_in(Marker::Intent, &everything)).unwrap_or_default();
    needs.settle([state, intent].concat())
}

/// Everything: refs with what is in them.
fn all(snapshot: &Snapshot) -> Result<Vec<(Ref, Option<Document>)>, Needs> {
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for at in refs(snapshot)? {
        if let Some(document) = needs.take(snapshot.get(&at)) {
            found.push((at, document.cloned()));
        }
    }
    needs.settle(found)
}

/// Reads everything, and compares it with what is there.
fn check(reader: &mut Reader, host: &mut Host, cache: &mut Cache, memory: &Memory) {
    let found = decide(reader, host, cache, all);
    let expected = all(&memory.snapshot()).unwrap();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

#[test]
fn what_is_needed_is_read_and_the_rest_is_not() {
    let mut host = host(GITEA, &small());
    let mut cache = Cache::default();
    let mut reader = self::reader(GITEA);
    let release = "s/-/p/@r1".parse().unwrap();
    let found = decide(&mut reader, &mut host, &mut cache, |snapshot| runs::of_release(snapshot, &release));
    assert_eq!(found.len(), 1);
    // Two heads, the root of state, everything below the release.
    assert_eq!(host.take_requests(), 4);
    let prod = "+/environment/prod".parse().unwrap();
    let other = "@/environment/other".parse().unwrap();
    let both = |snapshot: &Snapshot| {
        let mut needs = Needs::default();
        let (prod, other) = (needs.take(snapshot.get(&prod)), needs.take(snapshot.get(&other)));
        needs.settle((prod.flatten().is_some(), other.flatten().is_some()))
    };
    assert_eq!(decide(&mut reader, &mut host, &mut cache, both), (true, false));
    // The root of intent, everything below both `@`, and the file of the one that is there.
    assert_eq!(host.take_requests(), 4);
    // The next session.
    let mut reader = self::reader(GITEA);
    decide(&mut reader, &mut host, &mut cache, |snapshot| runs::of_release(snapshot, &release));
    assert_eq!(decide(&mut reader, &mut host, &mut cache, both), (true, false));
    assert_eq!(host.take_requests(), 2);
    assert!(host.asked.is_empty());
}

#[test]
fn what_may_not_be_there_is_looked_for_in_the_folder_around_it() {
    let (mut host, mut cache) = (host(GITHUB, &small()), Cache::default());
    let mut reader = self::reader(GITHUB);
    let absent = ["s/-/p/+r1", "s/-/p/+r1/custom/x", "s/-/p/+/deploy/qa", "@/custom/freeze", "+/custom/x"];
    let absent: Vec<Ref> = absent.iter().map(|at| at.parse().unwrap()).collect();
    let look = |snapshot: &Snapshot| {
        let mut needs = Needs::default();
        for at in &absent {
            assert!(needs.take(snapshot.get(at)).flatten().is_none());
            let (side, path) = address(at);
            needs.take(snapshot.children(side, &path));
        }
        needs.settle(())
    };
    decide(&mut reader, &mut host, &mut cache, look);
    for ask in &host.asked {
        let paths = match ask {
            Ask::Folder { path, .. } | Ask::Below { path, .. } => vec![path],
            Ask::Files { files, .. } => files.iter().map(|file| &file.path).collect(),
            _ => Vec::new(),
        };
        for path in paths {
            let there = ["", "refs/@", "refs/s/-/p"].contains(&path.as_str());
            assert!(there, "asks for {path}");
        }
    }
}

#[test]
fn a_document_whose_id_is_known_is_still_to_be_read() {
    let (mut host, mut cache) = (host(GITEA, &small()), Cache::default());
    let mut reader = self::reader(GITEA);
    let intents = |snapshot: &Snapshot| snapshot.search_in(Marker::Intent, &Glob::new("**").unwrap());
    let found = decide(&mut reader, &mut host, &mut cache, intents);
    assert!(reader.snapshot().blob(&found[0]).is_ok());
    assert!(!reader.has(&Wants { needs: Needs::body(&found[0]), summaries: false }));
    let read = |snapshot: &Snapshot| Ok(snapshot.get(&found[0])?.is_some());
    assert!(decide(&mut reader, &mut host, &mut cache, read));
}

#[test]
fn steps_make_no_difference() {
    let names: Vec<String> =
        (0..3_000).map(|n| format!("s/-/p{}/@r{}/custom/x", n / 1_500, n % 1_500)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(SMALL).collect();
    let memory = memory(&names);
    for limits in [GITHUB, GITEA] {
        let requests = [usize::MAX, 1_000, 37].map(|step| {
            let (mut host, mut cache) = (host(limits, &memory), Cache::default());
            host.step = step;
            decide(&mut reader(limits), &mut host, &mut cache, refs);
            let cold = host.take_requests();
            let found = decide(&mut reader(limits), &mut host, &mut cache, refs);
            assert_eq!(found, refs(&memory.snapshot()).unwrap(), "by {step}");
            (cold, host.take_requests())
        });
        assert_eq!(requests, [requests[0]; 3]);
        assert_eq!(requests[0].1, 2);
    }
}

#[test]
fn a_large_file_is_shown_and_not_kept() {
    for (length, kept) in [(1_000, true), (LARGEST, false)] {
        let mut memory = small();
        let at: Ref = "s/-/p/@r1/task/build/1/logs".parse().unwrap();
        memory.put(&at, &Document::new("x", &"x".repeat(length)));
        let (mut host, mut cache) = (host(GITHUB, &memory), Cache::default());
        let mut reader = reader(GITHUB);
        let look = |snapshot: &Snapshot| Ok((snapshot.get(&at)?.cloned(), snapshot.blob(&at)?));
        // Its id is known from a listing.
        decide(&mut reader, &mut host, &mut cache, refs);
        // Who reads it does not look into it, which takes a page longer than it may be busy.
        settle(&mut reader, &mut host, &mut cache, &Wants { needs: Needs::body(&at), ..Wants::default() });
        assert!(reader.snapshot().knows(&at));
        assert_eq!(reader.snapshot().is_parsed(&at), kept);
        let found = decide(&mut reader, &mut host, &mut cache, look);
        assert_eq!(found, look(&memory.snapshot()).unwrap());
        assert_eq!(cache.has_file(&found.1.unwrap().to_string()), kept);
    }
}

#[test]
fn every_host_and_every_layout_gives_the_same() {
    let memory = small();
    for limits in [GITHUB, GITLAB, GITEA] {
        for files_only in [false, true] {
            let mut two = host(limits, &memory);
            two.files_only = files_only;
            let mut cache = Cache::default();
            check(&mut reader(limits), &mut two, &mut cache, &memory);
            two.take_requests();
            check(&mut reader(limits), &mut two, &mut cache, &memory);
            assert_eq!(two.take_requests(), 2);
            // Both in one branch, as one place or as two that are the same.
            let mut shared = Host::new(limits);
            shared.files_only = files_only;
            let mut both = files(&memory, Marker::State, "state/");
            both.extend(files(&memory, Marker::Intent, "intent/"));
            shared.commit("main", MONDAY, &both);
            let mut twice = place("main", limits);
            twice.host = 1;
            for intent in [place("main", limits), twice] {
                let mut reader = Reader::new(place("main", limits), intent, None);
                check(&mut reader, &mut shared, &mut Cache::default(), &memory);
            }
        }
    }
}

#[test]
fn a_listing_that_is_not_whole_is_walked() {
    let memory = small();
    let limits = Limits { below: 5, ..GITHUB };
    let mut host = host(limits, &memory);
    let mut reader = Reader::new(place("state", GITHUB), place("intent", GITHUB), None);
    check(&mut reader, &mut host, &mut Cache::default(), &memory);
}

#[test]
fn what_was_not_touched_is_not_read_again() {
    let mut memory = small();
    let mut host = host(GITEA, &memory);
    let mut cache = Cache::default();
    let mut reader = self::reader(GITEA);
    check(&mut reader, &mut host, &mut cache, &memory);
    memory.put(&"s/-/p/@r1/task/build/2".parse().unwrap(), &Document::new("x", &2));
    memory.put(&"s/-/p/@r1/task/build".parse().unwrap(), &Document::new("x", &3));
    memory.remove(&"s/-/p/@r1/commit/c0ffee".parse().unwrap());
    host.commit("state", TUESDAY, &files(&memory, Marker::State, ""));
    host.take_requests();
    assert!(!reader.news());
    for job in reader.poll() {
        carry_out(&mut reader, &mut host, &cache, vec![job]);
    }
    assert_eq!(host.take_requests(), 2);
    assert!(reader.news());
    // What is shown stays until one goes on.
    assert_eq!(reader.commit(Marker::State).unwrap().time, MONDAY);
    reader.advance();
    assert_eq!(reader.commit(Marker::State).unwrap().time, TUESDAY);
    let mut next_session = self::reader(GITEA);
    for reader in [&mut reader, &mut next_session] {
        check(reader, &mut host, &mut cache, &memory);
        let asked: Vec<&Ask> = host.asked.iter().filter(|ask| !matches!(ask, Ask::Head { .. })).collect();
        assert!(asked.len() < 12, "{asked:#?}");
        host.take_requests();
    }
    let changed = reader.changed();
    assert!(changed.state && !changed.intent);
    let changed: Vec<&str> = changed.documents.iter().map(Ref::as_str).collect();
    assert_eq!(changed, ["s/-/p/@r1/commit/c0ffee", "s/-/p/@r1/task/build", "s/-/p/@r1/task/build/2"]);
    reader.forget();
    check(&mut reader, &mut host, &mut cache, &memory);
    assert_eq!(host.take_requests(), 0);
}

#[test]
fn answers_about_an_older_commit_are_not_taken_for_newer_ones() {
    let mut memory = small();
    let mut host = host(GITEA, &memory);
    let (mut cache, mut reader) = (Cache::default(), self::reader(GITEA));
    settle(&mut reader, &mut host, &mut cache, &Wants::default());
    let build: Ref = "s/-/p/@r1/task/build".parse().unwrap();
    let wants = Wants { needs: Needs::body(&build), summaries: false };
    let mut late = Vec::new();
    while late.is_empty() {
        for job in reader.jobs(&wants) {
            match &job.work {
                Work::Recall(_) => reader.recalled(job.id, Recalled::default()),
                Work::Ask { .. } | Work::Translate(_) => late.push(job),
            }
        }
    }
    memory.put(&build, &Document::new("x", &"new"));
    host.commit("state", TUESDAY, &files(&memory, Marker::State, ""));
    let polls = reader.poll();
    carry_out(&mut reader, &mut host, &cache, polls);
    reader.advance();
    carry_out(&mut reader, &mut host, &cache, late);
    settle(&mut reader, &mut host, &mut cache, &wants);
    assert_eq!(reader.snapshot().get(&build).unwrap().unwrap().body().unwrap(), "new");
    assert!(reader.has(&wants));
}

#[test]
fn summaries_are_read_and_dropped_when_they_are_out_of_date() {
    let mut memory = small();
    memory.put(&"s/-/q/@r1".parse().unwrap(), &Document::new("x", &1));
    let mut state = files(&memory, Marker::State, "");
    let snapshot = memory.snapshot();
    for (package, tree) in [("s/-/p", tree_id(&state, "refs/s/-/p/")), ("s/-/q", "0".repeat(40))] {
        let package: Ref = package.parse().unwrap();
        let summary = summary::of_package(&snapshot, &package, &tree).unwrap().unwrap();
        state.insert(summary::path(&package), summary.to_text().into_bytes());
        // Under a name that is not its own.
        state.insert(format!("{}/other.json", summary::FOLDER), summary.to_text().into_bytes());
    }
    state.insert(format!("{}/odd.json", summary::FOLDER), b"<html>".to_vec());
    let mut host = Host::new(GITEA);
    host.commit("state", MONDAY, &state);
    let (mut cache, mut reader) = (Cache::default(), self::reader(GITEA));
    let wants = Wants { summaries: true, ..Wants::default() };
    assert!(reader.summaries().is_none() && !reader.is_open());
    settle(&mut reader, &mut host, &mut cache, &wants);
    assert!(reader.is_open() && reader.has(&wants));
    let packages = |reader: &mut Reader| -> Vec<String> {
        reader.summaries().unwrap().keys().map(Ref::to_string).collect()
    };
    assert_eq!(packages(&mut reader), ["s/-/p", "s/-/q"]);
    // Heads, root, the folder and its files at once.
    assert_eq!(host.requests, 5);
    check(&mut reader, &mut host, &mut cache, &memory_of_state(&memory));
    assert_eq!(packages(&mut reader), ["s/-/p"]);
    // A store without any.
    let mut host = self::host(GITEA, &memory);
    let mut reader = self::reader(GITEA);
    settle(&mut reader, &mut host, &mut Cache::default(), &wants);
    assert!(reader.summaries().is_none() && reader.is_open());
}

fn memory_of_state(memory: &Memory) -> Memory {
    let mut state = Memory::default();
    for (side, path, bytes) in memory.documents().filter(|(side, ..)| *side == Marker::State) {
        state.put_path(side, path, bytes);
    }
    state
}

/// What is wrong with a store that has this on its state branch.
fn problem(state: Option<&Files>, intent: Option<&Files>) -> Option<Problem> {
    let mut host = Host::new(GITEA);
    state.map(|files| host.commit("state", MONDAY, files));
    intent.map(|files| host.commit("intent", MONDAY, files));
    let mut reader = reader(GITEA);
    settle(&mut reader, &mut host, &mut Cache::default(), &Wants::default());
    reader.problem().cloned()
}

#[test]
fn markers_tell_which_store_it_is() {
    let memory = small();
    let (state, intent) = (files(&memory, Marker::State, ""), files(&memory, Marker::Intent, ""));
    assert_eq!(problem(Some(&state), Some(&intent)), None);
    assert_eq!(problem(Some(&state), None), None);
    assert_eq!(problem(None, Some(&intent)), Some(Problem::NoBranch { name: Some("state".into()) }));
    assert_eq!(problem(Some(&intent), Some(&intent)), Some(Problem::Side { side: Marker::State }));
    assert_eq!(problem(Some(&state), Some(&state)), None);
    let with = |text: &str| {
        let mut state = state.clone();
        state.insert(".ocuroot-store".into(), text.into());
        problem(Some(&state), Some(&intent))
    };
    assert_eq!(with(r#"{"version":2,"more":1}"#), None);
    let found = with(r#"{"version":17}"#).unwrap();
    assert_eq!(found, Problem::Version { side: Marker::State, found: "17".into() });
    assert!(found.to_string().contains("version 17"));
    assert!(matches!(with("<html>"), Some(Problem::Marker { side: Marker::State, .. })));
    // Stores that nobody has written to, and a branch of something else.
    let readme: Files = [("README.md".to_owned(), b"hi".to_vec())].into();
    assert_eq!(problem(Some(&Files::new()), None), None);
    assert_eq!(problem(Some(&state), Some(&readme)), None);
    assert_eq!(problem(Some(&readme), None), Some(Problem::NoStore { name: Some("state".into()) }));
    let mut host = Host::new(GITEA);
    host.commit("state", MONDAY, &Files::new());
    let mut reader = reader(GITEA);
    let mut empty = decide(&mut reader, &mut host, &mut Cache::default(), all);
    assert!(empty.pop().is_none());
}

#[test]
fn a_store_of_the_first_version_is_read_whole_and_translated() {
    let old: Files = [
        (".ocuroot-store", r#"{"version":1}"#),
        (
            "refs/s/-/p/@c0ffee.1/@object.json",
            r#"{"kind":"ref","body":{"commit":"c0ffee","package":{"phases":[]}}}"#,
        ),
        ("refs/s/-/p/+c0ffee.1/custom/ok/@object.json", r#"{"kind":"ref","body":1}"#),
        ("refs/s/-/p/@c0ffee.1/custom/@object.json", "no document"),
        ("README.md", "hi"),
    ]
    .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    .into();
    for limits in [GITHUB, GITLAB, Limits { below: 3, ..GITHUB }] {
        let mut host = Host::new(limits);
        host.commit("main", MONDAY, &old);
        let mut twice = place("main", limits);
        twice.host = 1;
        for intent in [place("main", limits), twice] {
            let (mut cache, mut reader) =
                (Cache::default(), Reader::new(place("main", limits), intent, None));
            let found = decide(&mut reader, &mut host, &mut cache, refs);
            let found: Vec<&str> = found.iter().map(Ref::as_str).collect();
            let there = ["s/-/p/@c0ffee.1", "s/-/p/@r1", "s/-/p/@r1/commit/c0ffee", "s/-/p/+r1/custom/ok"];
            assert!(there.iter().all(|at| found.contains(at)), "{found:?}");
            assert!(!reader.remarks().is_empty());
            assert!(reader.is_open() && reader.has(&Wants::default()) && reader.summaries().is_none());
            // A new commit.
            let mut next = old.clone();
            next.insert(
                "refs/s/-/p/+c0ffee.1/custom/more/@object.json".into(),
                br#"{"kind":"ref","body":2}"#.to_vec(),
            );
            host.commit("main", TUESDAY, &next);
            let polls = reader.poll();
            carry_out(&mut reader, &mut host, &cache, polls);
            reader.advance();
            // What was translated of the commit before comes too late.
            let late = until_translation(&mut reader, &mut host, &cache);
            let mut after = next.clone();
            after.insert("README.md".into(), b"bye".to_vec());
            host.commit("main", WEDNESDAY, &after);
            let polls = reader.poll();
            carry_out(&mut reader, &mut host, &cache, polls);
            reader.advance();
            reader.translated(late, Translation::default());
            assert!(!reader.has(&Wants::default()));
            let more: Ref = "s/-/p/+r1/custom/more".parse().unwrap();
            assert!(decide(&mut reader, &mut host, &mut cache, |snapshot| Ok(snapshot
                .get(&more)?
                .is_some())));
        }
    }
}

/// Reads a store of version 1 until it is to be translated. Returns that job, which is left undone.
fn until_translation(reader: &mut Reader, host: &mut Host, cache: &Cache) -> u32 {
    loop {
        let mut jobs = reader.jobs(&Wants::default());
        assert!(!jobs.is_empty());
        if let Some(at) = jobs.iter().position(|job| matches!(job.work, Work::Translate(_))) {
            // It is asked for once.
            assert!(reader.jobs(&Wants::default()).is_empty());
            return jobs.remove(at).id;
        }
        carry_out(reader, host, cache, jobs);
    }
}

#[test]
fn an_earlier_commit_has_the_intent_of_its_time() {
    let mut host = Host::new(GITEA);
    let state = |at: &[&str]| files(&memory(at), Marker::State, "");
    let intent = |at: &[&str]| files(&memory(at), Marker::Intent, "");
    let first = host.commit("state", MONDAY, &state(&["@/custom/one"]));
    // On Tuesday, 10:00 in Berlin, which is 9:00 UTC.
    let second = host.commit("state", "2026-01-06T09:00:00Z", &state(&["@/custom/two"]));
    host.commit("state", WEDNESDAY, &state(&["@/custom/three"]));
    for (time, what) in [
        ("2026-01-06T08:00:00Z", "+/custom/early"),
        (TUESDAY, "+/custom/then"),
        ("2026-01-06T10:30:00+01:00", "+/custom/later"),
        (WEDNESDAY, "+/custom/last"),
    ] {
        host.commit("intent", time, &intent(&[what]));
    }
    let mut cache = Cache::default();
    let mut at = |commit: &str, expected: &[&str]| {
        let mut reader = Reader::new(place("state", GITEA), place("intent", GITEA), Some(commit));
        let found = decide(&mut reader, &mut host, &mut cache, all);
        let found: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
        assert_eq!(found, expected);
        assert!(reader.poll().is_empty());
        host.take_requests()
    };
    assert!(at(&second, &["@/custom/two", "+/custom/then"]) > 0);
    // A commit is what it is: nobody has to be asked twice.
    assert_eq!(at(&second, &["@/custom/two", "+/custom/then"]), 0);
    at(&first, &["@/custom/one"]);
}

#[test]
fn a_host_that_makes_things_up_is_found_out() {
    let entry = |path: &str, kind, id: &str| Entry { path: path.into(), kind, id: id.into() };
    let id = "a".repeat(40);
    let long = "a/".repeat(3000) + "x";
    let odd = ["..", ".", "", "a/../b", "/etc/passwd", "a//b", "a\nb", "\u{0}", &long];
    for deep in [false, true] {
        let mut reader = reader(Limits { below: 100_000, ..GITHUB });
        let wants = Wants {
            needs: Needs::folder(Marker::State, "", Some(&Glob::new("**").unwrap())),
            summaries: deep,
        };
        for _ in 0..50 {
            for job in reader.jobs(&wants) {
                let Work::Ask { ask, .. } = &job.work else {
                    reader.recalled(
                        job.id,
                        Recalled {
                            branches: vec![("test:repo#state".into(), b"{}".to_vec())],
                            trees: vec![(id.clone(), vec![1, 2, 3]), ("x".into(), vec![])],
                            blobs: vec![("x".into(), vec![])],
                        },
                    );
                    continue;
                };
                let mut entries: Vec<Entry> =
                    odd.iter().map(|path| entry(path, EntryKind::File, &id)).collect();
                entries.extend(odd.iter().map(|path| entry(path, EntryKind::Folder, &id)));
                // A folder in itself.
                entries.push(entry("refs", EntryKind::Folder, &id));
                entries.push(entry(".ocuroot", EntryKind::Folder, &id));
                entries.push(entry("refs", EntryKind::File, &id));
                let answer = match ask {
                    Ask::Head { .. } => {
                        let commit = crate::hosts::Commit {
                            id: id.clone(),
                            tree: Some(id.clone()),
                            ..Default::default()
                        };
                        Answer::Head(Head::At { branch: String::new(), commit, etag: None })
                    }
                    Ask::Folder { .. } => Answer::Folder(Some(entries)),
                    Ask::Below { .. } => Answer::Below(Some(Listing { entries, whole: true })),
                    Ask::Files { .. } => Answer::Files(vec![]),
                    _ => Answer::Folder(None),
                };
                reader.answered(job.id, answer);
            }
        }
    }
    for answer in [None, Some(vec![entry("x", EntryKind::File, "no id")])] {
        let mut host = host(GITHUB, &small());
        let mut reader = reader(GITHUB);
        for _ in 0..5 {
            for job in reader.jobs(&Wants::default()) {
                match &job.work {
                    Work::Ask { ask: Ask::Folder { .. }, .. } => {
                        reader.answered(job.id, Answer::Folder(answer.clone()));
                    }
                    _ => carry_out(&mut reader, &mut host, &Cache::default(), vec![job]),
                }
            }
        }
        assert_eq!(reader.problem(), Some(&Problem::Nonsense { path: String::new() }));
    }
}

#[test]
fn what_has_failed_is_asked_again() {
    let mut host = host(GITEA, &small());
    let mut reader = reader(GITEA);
    let mut asked = Vec::new();
    // Every question fails twice.
    let wants =
        Wants { needs: Needs::folder(Marker::State, "s", Some(&Glob::new("**").unwrap())), summaries: true };
    let mut idle = 0;
    while idle < 2 {
        let jobs = reader.jobs(&wants);
        idle = if jobs.is_empty() { idle + 1 } else { 0 };
        for job in jobs {
            let again = asked.iter().filter(|work| **work == job.work).count();
            asked.push(job.work.clone());
            match again {
                0 | 1 => assert!(reader.failed(job.id)),
                _ => carry_out(&mut reader, &mut host, &Cache::default(), vec![job]),
            }
        }
    }
    assert!(reader.has(&wants) && !reader.is_waiting());
}

/// The files of the small store with one more release deployed, and its summary.
fn released(release: u32) -> (Memory, Files) {
    let mut memory = small();
    let place = format!("s/-/p/@r{release}");
    let intent = json!({"release": place, "input": {}});
    let run = format!("{place}/deploy/prod/1");
    let task = json!({"run_ref": run, "type": "up", "release": place, "input": {}, "output": null});
    let put = |memory: &mut Memory, at: &str, document: &Document| memory.put(&at.parse().unwrap(), document);
    put(&mut memory, &place, &Document::new("x", &1));
    put(&mut memory, &format!("{place}/deploy/prod"), &Document::new(body_type::TASK, &task));
    let link = Document::link(&format!("{place}/deploy/prod").parse().unwrap());
    put(&mut memory, "s/-/p/@/deploy/prod", &link);
    put(&mut memory, "s/-/p/+/deploy/prod", &Document::new(body_type::INTENT, &intent));
    let state = summarised(&memory);
    (memory, state)
}

fn summarised(memory: &Memory) -> Files {
    let mut state = files(memory, Marker::State, "");
    let package: Ref = "s/-/p".parse().unwrap();
    let tree = tree_id(&state, "refs/s/-/p/");
    let summary = summary::of_package(&memory.snapshot(), &package, &tree).unwrap().unwrap();
    state.insert(summary::path(&package), summary.to_text().into_bytes());
    state
}

#[test]
fn a_new_commit_is_foreseen_where_its_summaries_tell_all_and_read_where_they_do_not() {
    let before = released(2);
    let after = released(3);
    let mut more = after.0.clone();
    more.put(&"@/custom/more".parse().unwrap(), &Document::new("x", &1));
    more.put(&"s/-/z/+/custom/more".parse().unwrap(), &Document::new("x", &1));
    let more = (more.clone(), summarised(&more));
    let wants = Wants { summaries: true, ..Wants::default() };
    for (limits, shared) in [(GITEA, false), (GITHUB, false), (GITEA, true), (GITLAB, false)] {
        let commit = |host: &mut Host, time: &str, (memory, state): &(Memory, Files)| {
            let intent = files(memory, Marker::Intent, "");
            if shared {
                let both = [("state/", state), ("intent/", &intent)];
                let inside = both.into_iter().flat_map(|(side, files)| {
                    files.iter().map(move |(path, bytes)| (format!("{side}{path}"), bytes.clone()))
                });
                host.commit("main", time, &inside.collect());
            } else {
                host.commit("state", time, state);
                host.commit("intent", time, &intent);
            }
        };
        let reader = || match shared {
            true => Reader::new(place("main", limits), place("main", limits), None),
            false => self::reader(limits),
        };
        for (next, foreseen) in [(&after, true), (&more, false)] {
            let (mut host, mut cache) = (Host::new(limits), Cache::default());
            commit(&mut host, MONDAY, &before);
            let mut first = reader();
            settle(&mut first, &mut host, &mut cache, &wants);
            check(&mut first, &mut host, &mut cache, &before.0);
            commit(&mut host, TUESDAY, next);
            let polls = first.poll();
            carry_out(&mut first, &mut host, &cache, polls);
            first.advance();
            // In this session, and in one that has the cache only.
            for mut reader in [first, reader()] {
                host.take_requests();
                let mut cache = cache.clone();
                settle(&mut reader, &mut host, &mut cache, &wants);
                decide(&mut reader, &mut host, &mut cache, refs_of_package);
                // What lies around the summaries is.
                let listed = host.asked.iter().any(|ask| match ask {
                    Ask::Folder { path, .. } => !path.is_empty(),
                    Ask::Below { path, .. } => !path.ends_with(".ocuroot"),
                    _ => false,
                });
                assert_eq!(!listed, foreseen, "{limits:?} {:#?}", host.asked);
                check(&mut reader, &mut host, &mut cache, &next.0);
            }
        }
    }
}

/// What people change in intent is a few files. Which ones the host tells, and nothing is listed.
#[test]
fn a_new_commit_of_intent_is_followed() {
    let put = |memory: &mut Memory, at: &str, value: i32| {
        memory.put(&at.parse().unwrap(), &Document::new("x", &value));
    };
    let mut before = Memory::default();
    for at in ["s/-/p/+/custom/a", "s/-/p/+/custom/b", "s/-/q/+/custom/only", "+/custom/c"] {
        put(&mut before, at, 1);
    }
    let mut after = before.clone();
    after.remove(&"s/-/p/+/custom/a".parse().unwrap());
    after.remove(&"s/-/q/+/custom/only".parse().unwrap());
    put(&mut after, "s/-/p/+/custom/b", 2);
    put(&mut after, "s/-/new/+r1/custom/approve", 1);
    let mut many = after.clone();
    (0..40).for_each(|n| put(&mut many, &format!("s/-/p/+/custom/n{n}"), n));
    for limits in [GITHUB, GITEA, GITLAB] {
        for (next, followed) in [(&after, true), (&many, false)] {
            for rewritten in [false, true] {
                let (mut host, mut cache) = (Host::new(limits), Cache::default());
                host.commit("state", MONDAY, &files(&before, Marker::State, ""));
                host.commit("intent", MONDAY, &files(&before, Marker::Intent, ""));
                let mut first = reader(limits);
                check(&mut first, &mut host, &mut cache, &before);
                host.commit("intent", TUESDAY, &files(next, Marker::Intent, ""));
                host.rewritten = rewritten;
                let polls = first.poll();
                carry_out(&mut first, &mut host, &cache, polls);
                first.advance();
                // In this session, and in one that has the cache only.
                for mut reader in [first, reader(limits)] {
                    host.take_requests();
                    check(&mut reader, &mut host, &mut cache.clone(), next);
                    let listed = |ask: &Ask| matches!(ask, Ask::Folder { .. } | Ask::Below { .. });
                    let listed = host.asked.iter().any(listed);
                    assert_eq!(!listed, followed && !rewritten, "{limits:?} {:#?}", host.asked);
                }
            }
        }
    }
}

/// A host that will not compare commits is one whose folders are listed; nobody is told of a failure.
#[test]
fn commits_that_cannot_be_compared_are_read_all_the_same() {
    let put = |memory: &mut Memory, at: &str| memory.put(&at.parse().unwrap(), &Document::new("x", &at));
    for (limits, next, compared) in [(GITHUB, TUESDAY, true), (GITEA, TUESDAY, true), (GITHUB, MAY, false)] {
        let (mut host, mut cache) = (host(limits, &small()), Cache::default());
        let mut reader = self::reader(limits);
        check(&mut reader, &mut host, &mut cache, &small());
        let mut after = small();
        put(&mut after, "s/-/p/+/custom/new");
        host.commit("intent", next, &files(&after, Marker::Intent, ""));
        let polls = reader.poll();
        carry_out(&mut reader, &mut host, &cache, polls);
        reader.advance();
        let mut asked = false;
        let wants = Wants { needs: Needs::body(&"+/custom/x".parse().unwrap()), summaries: false };
        for _ in 0..9 {
            for job in reader.jobs(&wants) {
                match job.work {
                    Work::Ask { ask: Ask::Changes { .. }, .. } => {
                        asked = true;
                        assert!(!reader.failed(job.id));
                    }
                    _ => carry_out(&mut reader, &mut host, &cache, vec![job]),
                }
            }
        }
        assert_eq!(asked, compared, "{next}");
        check(&mut reader, &mut host, &mut cache, &after);
    }
}

/// What is known without listing the package that has changed.
fn refs_of_package(snapshot: &Snapshot) -> Result<usize, Needs> {
    let mut needs = Needs::default();
    let packages = needs.take(snapshot.children(Marker::State, "s/-")).map(|names| names.len());
    let intents = needs.take(snapshot.search_in(Marker::Intent, &Glob::new("**/@/deploy/*").unwrap()));
    needs.settle(packages.unwrap_or_default() + intents.unwrap_or_default().len())
}
