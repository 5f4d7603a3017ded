//! Stores of the first version, as they are read today.

use std::path::Path;

use ocuroot_core::envelope::Document;
use ocuroot_core::generations::{OldFile, Translation, translate};
use ocuroot_core::order::Order as _;
use ocuroot_core::plan::{Scope, plan};
use ocuroot_core::snapshot::Unmet;
use ocuroot_core::{Marker as Side, Ref, check, deploys, intent, overview, resolve};

use crate::fixture::{assert_sound, facts, r};

/// The files of an old store: `PATH = body`, `PATH -> target`, or `PATH !bytes`, a line each; after a
/// line `intent:` they are of the intent store.
fn files(fixture: &str) -> Vec<OldFile> {
    let mut side = Side::State;
    let mut files = Vec::new();
    for line in fixture.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line == "intent:" {
            side = Side::Intent;
            continue;
        }
        let file = |path: &str, bytes: String| OldFile { side, path: path.into(), bytes: bytes.into() };
        files.push(if let Some((path, target)) = line.split_once(" -> ") {
            file(path, format!(r#"{{"kind":"link","body":"{target}","links":["x/-/gone/@v1"]}}"#))
        } else if let Some((path, bytes)) = line.split_once(" !") {
            file(path, bytes.into())
        } else {
            let (path, body) = line.split_once(" = ").unwrap_or_else(|| panic!("what is {line:?}?"));
            file(path, format!(r#"{{"kind":"ref","body_type":"old","body":{body},"create_stack":["x"]}}"#))
        });
    }
    files
}

/// The documents of a translation, a line each, as the fixtures of this file spell them.
fn lines(translation: &Translation) -> Vec<String> {
    let mut lines = Vec::new();
    for (side, path, bytes) in translation.memory.documents() {
        let mark = if side == Side::Intent { "intent " } else { "" };
        lines.push(match Document::parse(bytes) {
            Err(_) => format!("{mark}{path} !{}", String::from_utf8_lossy(bytes)),
            Ok(document) => match document.target() {
                Some(target) => format!("{mark}{path} -> {target}"),
                None => format!("{mark}{path} = {}", document.body().unwrap()),
            },
        });
    }
    lines.extend(translation.remarks.iter().map(|remark| format!("? {}: {}", remark.path, remark.message)));
    lines
}

/// Compares what an old store is translated to; of the expected lines, those that end with `…` are the
/// start of one. Only lines that `about` begins or that remark on something are compared.
#[track_caller]
fn check_about(about: &str, fixture: &str, expected: &str) -> Translation {
    let translation = translate(files(fixture));
    assert_sound(&translation.memory);
    let actual: Vec<String> = lines(&translation)
        .into_iter()
        .filter(|line| line.starts_with(about) || line.starts_with('?') || line.starts_with("intent "))
        .collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let same = actual.len() == expected.len()
        && actual.iter().zip(&expected).all(|(actual, expected)| match expected.strip_suffix('…') {
            Some(start) => actual.starts_with(start),
            None => actual == expected,
        });
    assert!(same, "expected:\n{}\n\nactual:\n{}\n", expected.join("\n"), actual.join("\n"));
    translation
}

#[track_caller]
fn check_all(fixture: &str, expected: &str) -> Translation {
    check_about("", fixture, expected)
}

/// A release of one task and one deployment, as old tools left it.
const RELEASE: &str = r#"
    s/-/p/@c0ffee01.1 = {"commit":"c0ffee01","package":{"deployments":null,"functions":{"b/p:1:1":{"function":{"name":"b","pos":"p:1:1"},"graph":[]}},"phases":[{"name":"one","work":[{"call":{"name":"build","inputs":{"v":{"ref":"s/-/p/@/call/build#output/v","default":0}},"fn":{"name":"b","pos":"p:1:1"}}}]},{"name":"","work":[{"deploy":{"environment":"prod","up":{"name":"u","pos":"p:2:1"},"down":{"name":"d","pos":"p:3:1"},"inputs":{"e":{"ref":"@/environment/prod"},"b":{"ref":"s/-/p/@c0ffee01.1/call/build#output/v"}}}}]}]}}
    s/-/p/@c0ffee01.1/call/build/status/complete = {"time":"2025-01-01T00:00:05Z"}
    s/-/p/@c0ffee01.1/call/build = {"type":"","release":"s/-/p/@c0ffee01.1","entrypoint":"s/-/p/@c0ffee01.1/call/build/1/functions/1","output":{"v":7}}
    s/-/p/@c0ffee01.1/call/build/1 = {"type":"","release":"s/-/p/@c0ffee01.1","entrypoint":"s/-/p/@c0ffee01.1/call/build/1/functions/1","output":{"v":7},"own":1}
    s/-/p/@c0ffee01.1/call/build/1/logs = null
    s/-/p/@c0ffee01.1/call/build/1/status/complete = {"time":"2025-01-01T00:00:04Z"}
    s/-/p/@c0ffee01.1/call/build/1/functions/1 = {"current":{"id":"1","fn":{"name":"b","pos":"p:1:1"},"status":"complete","inputs":{"v":{"ref":"s/-/p/@/call/build#output/v","default":0,"value":6}},"outputs":{"v":7}},"more":true,"history":[{"time":"2025-01-01T00:00:03Z","status":"running"},{"time":"2025-01-01T00:00:04Z","status":"complete"}]}
    s/-/p/@c0ffee01.1/call/build/1/functions/1/status/complete = {"time":"2025-01-01T00:00:04Z"}
    s/-/p/@c0ffee01.1/deploy/prod/1 = {"type":"","release":"s/-/p/@c0ffee01.1","entrypoint":"s/-/p/@c0ffee01.1/deploy/prod/1/functions/1","output":null}
    s/-/p/@c0ffee01.1/deploy/prod/1/status/pending = {"time":"2025-01-01T00:00:01Z"}
    s/-/p/@c0ffee01.1/deploy/prod/1/functions/1 = {"current":{"id":"1","fn":{"name":"u","pos":"p:2:1"},"status":"pending","dependencies":["s/-/p/@c0ffee01.1/call/build/1/status/complete"],"inputs":{"e":{"ref":"@/environment/prod"},"b":{"ref":"s/-/p/@c0ffee01.1/call/build#output/v"}}},"history":[{"time":"2025-01-01T00:00:01Z","status":"pending"}]}
    s/-/p/@c0ffee01.1/deploy/prod/1/functions/1/status/pending = {"time":"2025-01-01T00:00:01Z"}
    s/-/p/@/call/build -> s/-/p/@c0ffee01.1/call/build/1
    s/-/p/@/call/build/1 -> s/-/p/@c0ffee01.1/call/build/1
    s/-/p/@v1 -> s/-/p/@c0ffee01.1
"#;

#[test]
fn a_release_with_all_that_belongs_to_it() {
    let translation = check_all(
        RELEASE,
        r#"
        s/-/p/@/task/build -> s/-/p/@r1/task/build
        s/-/p/@c0ffee01.1 -> s/-/p/@r1
        s/-/p/@r1 = {"commit":"c0ffee01","package":{"deployments":null,"functions":{"b/p:1:1":{"function":{"name":"b","pos":"p:1:1"},"graph":[]}},"phases":[{"name":"one","tasks":[{"task":{"fn":{"name":"b","pos":"p:1:1"},"inputs":{"v":{"default":0,"ref":"s/-/p/@/task/build#output/v"}},"name":"build"}}]},{"name":"","tasks":[{"deploy":{"down":{"name":"d","pos":"p:3:1"},"environment":"prod","inputs":{"b":{"ref":"s/-/p/@r1/task/build#output/v"},"e":{"ref":"@/environment/prod"}},"up":{"name":"u","pos":"p:2:1"}}}]}]}}
        s/-/p/@r1/commit/c0ffee01 = {"time":"2025-01-01T00:00:01Z"}
        s/-/p/@r1/deploy/prod/1 = {"functions":[{"dependencies":["s/-/p/@r1/task/build/*/status/complete"],"fn":{"name":"u","pos":"p:2:1"},"history":[{"status":"pending","time":"2025-01-01T00:00:01Z"}],"inputs":{"b":{"ref":"s/-/p/@r1/task/build#output/v"},"e":{"ref":"@/environment/prod"}}}],"output":null,"release":"s/-/p/@r1","type":"up","watch_files":null}
        s/-/p/@r1/deploy/prod/1/status/pending = {"time":"2025-01-01T00:00:01Z"}
        s/-/p/@r1/task/build = {"input":{"v":{"default":0,"ref":"s/-/p/@/task/build#output/v","value":6}},"output":{"v":7},"release":"s/-/p/@r1","run_ref":"s/-/p/@r1/task/build/1","type":"task"}
        s/-/p/@r1/task/build/1 = {"functions":[{"fn":{"name":"b","pos":"p:1:1"},"history":[{"status":"running","time":"2025-01-01T00:00:03Z"},{"status":"complete","time":"2025-01-01T00:00:04Z"}],"inputs":{"v":{"default":0,"ref":"s/-/p/@/task/build#output/v","value":6}},"more":true,"outputs":{"v":7}}],"output":{"v":7},"own":1,"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/build/1/logs = null
        s/-/p/@r1/task/build/1/status/complete = {"started":"2025-01-01T00:00:03Z","time":"2025-01-01T00:00:04Z"}
        s/-/p/@v1 -> s/-/p/@r1
        "#,
    );
    assert_eq!(translation.renamed, [(r("s/-/p/@c0ffee01.1"), r("s/-/p/@r1"))]);
    let snapshot = translation.memory.snapshot();
    for (spelling, found) in [
        ("s/-/p/@c0ffee01.1/call/build/1", Some("s/-/p/@r1/task/build/1")),
        ("s/-/p/@v1/task/build", Some("s/-/p/@r1/task/build")),
        ("s/-/p/@/call/build#output/v", Some("s/-/p/@r1/task/build")),
        ("s/-/p/@/task/build/1", Some("s/-/p/@r1/task/build/1")),
        ("s/-/p/@", Some("s/-/p/@r1")),
        ("s/-/p/@r2", None),
    ] {
        let document = resolve::document(&snapshot, &r(spelling)).unwrap();
        assert_eq!(document.map(|found| found.reference.to_string()).as_deref(), found, "{spelling}");
    }
    // It can be carried on: the deployment is what is left to do.
    let with_prod = format!(
        "{RELEASE}\n+/environment/prod = {{\"name\":\"prod\"}}\n@/environment/prod = {{\"name\":\"prod\"}}"
    );
    let snapshot = translate(files(&with_prod)).memory.snapshot();
    let left = plan(&snapshot, &Scope::Everything, &crate::fixture::facts()).unwrap();
    let ready: Vec<&str> = left.ready.iter().map(|ready| ready.run.as_str()).collect();
    assert_eq!(ready, ["s/-/p/@r1/deploy/prod/1"], "{left:?}");
}

#[test]
fn what_is_translated_already_stays_as_it_is() {
    let once = translate(files(RELEASE)).memory;
    let again = translate(once.documents().map(|(side, path, bytes)| OldFile {
        side,
        path: path.into(),
        bytes: bytes.into(),
    }));
    assert_eq!((again.memory, again.renamed, again.remarks), (once, vec![], vec![]));
}

#[test]
fn releases_are_numbered_in_the_order_in_which_they_were_made() {
    let cases: &[(&str, &[&str])] = &[
        // Of one commit the count decides, in number and not in text; of others the time.
        (
            r#"
            s/-/p/@aaaaaaa.10 = {"commit":"aaaaaaa"}
            s/-/p/@aaaaaaa.10/call/b/1/status/complete = {"time":"2025-01-01T00:00:00Z"}
            s/-/p/@aaaaaaa.9 = {"commit":"aaaaaaa"}
            s/-/p/@aaaaaaa.9/call/b/1/status/complete = {"time":"2025-01-02T00:00:00Z"}
            s/-/p/@bbbbbbb.1 = {"commit":"bbbbbbb"}
            s/-/p/@bbbbbbb.1/call/b/1/functions/1 = {"history":[{"time":"2024-12-31T23:00:00-02:00","status":"complete"}]}
            "#,
            &["bbbbbbb.1 r1", "aaaaaaa.9 r2", "aaaaaaa.10 r3"],
        ),
        // A ULID holds the time at which it was made.
        (
            r#"
            s/-/p/@aaaaaaa.01BX5ZZKBKACTAV9WEVGEMMVRZ = {"commit":"aaaaaaa"}
            s/-/p/@bbbbbbb.01ARZ3NDEKTSV4RRFFQ69G5FAV = {"commit":"bbbbbbb"}
            s/-/p/@aaaaaaa.01AN4Z07BY79KA1307SR9X4MV3 = {"commit":"aaaaaaa"}
            "#,
            &[
                "aaaaaaa.01AN4Z07BY79KA1307SR9X4MV3 r1",
                "bbbbbbb.01ARZ3NDEKTSV4RRFFQ69G5FAV r2",
                "aaaaaaa.01BX5ZZKBKACTAV9WEVGEMMVRZ r3",
            ],
        ),
        // A number stays the number, and so does one of today; others take what is free.
        (
            r#"
            s/-/p/@2 = {"commit":"aaaaaaa"}
            s/-/p/@r3 = {"commit":"aaaaaaa"}
            s/-/p/@aaaaaaa.1 = {"commit":"aaaaaaa"}
            s/-/p/@aaaaaaa.2 = {"commit":"aaaaaaa"}
            s/-/q/@aaaaaaa.1 = {"commit":"aaaaaaa"}
            "#,
            &["2 r2", "aaaaaaa.1 r1", "aaaaaaa.2 r4", "aaaaaaa.1 r1"],
        ),
        (
            r#"
            s/-/p/@3 = {"commit":"aaaaaaa"}
            s/-/p/@r3 = {"commit":"aaaaaaa"}
            "#,
            &["3 r1"],
        ),
        // Other names too; a tag is none, nor is what holds custom state only, nor a repo's config.
        (
            r#"
            s/-/p/@007 = {"commit":"aaaaaaa"}
            s/-/p/@nightly = {"commit":"aaaaaaa"}
            s/-/p/@v1 -> s/-/p/@007
            s/-/p/@soon/custom/x = 1
            s/-/repo.ocu.star/@aaaaaaa = {"source":"eA=="}
            @aaaaaaa = 1
            "#,
            &["007 r1", "nightly r2"],
        ),
    ];
    for (fixture, expected) in cases {
        let translation = translate(files(fixture));
        assert_sound(&translation.memory);
        let mut renamed: Vec<String> = translation
            .renamed
            .iter()
            .map(|(old, new)| format!("{} {}", old.release().unwrap(), new.release().unwrap()))
            .collect();
        let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        renamed.order();
        expected.order();
        assert_eq!(renamed, expected);
        let snapshot = translation.memory.snapshot();
        for (old, new) in &translation.renamed {
            let found = resolve::document(&snapshot, old).unwrap().unwrap();
            assert_eq!(found.reference, *new);
        }
    }
}

#[test]
fn intent_moves_to_its_own_store_wherever_it_lay() {
    check_about(
        "s/-/p/@/",
        r#"
        s/-/p/@aaaaaaa.1 = {"commit":"aaaaaaa"}
        +/environment/prod = {"name":"prod","attributes":null}
        s/-/p/+/deploy/prod = {"type":"","release":"s/-/p/@aaaaaaa.1","input":{"x":{"ref":"s/-/p/@aaaaaaa.1/call/b#output/x","value":"s/-/p/@aaaaaaa.1"}}}
        s/-/p/+aaaaaaa.1/custom/ok = "+aaaaaaa.1"
        s/-/p/@v1 -> s/-/p/@aaaaaaa.1
        s/-/repo.ocu.star/+aaaaaaa = {"source":"eA=="}
        intent:
        s/-/p/+v1/custom/ok = 1
        s/-/repo.ocu.star/+ -> s/-/repo.ocu.star/+aaaaaaa
        # Of a later version already.
        s/-/p/@/custom/late = 2
        "#,
        r#"
        intent @/environment/prod = {"attributes":null,"name":"prod"}
        intent s/-/p/@/custom/late = 2
        intent s/-/p/@/deploy/prod = {"input":{"x":{"ref":"s/-/p/@r1/task/b#output/x","value":"s/-/p/@aaaaaaa.1"}},"release":"s/-/p/@r1","type":""}
        intent s/-/p/@r1/custom/ok = "+aaaaaaa.1"
        intent s/-/p/@v1/custom/ok = 1
        intent s/-/repo.ocu.star/@ -> s/-/repo.ocu.star/@aaaaaaa
        intent s/-/repo.ocu.star/@aaaaaaa = {"Remotes":[],"source":"eA=="}
        "#,
    );
}

#[test]
fn where_a_run_stands_is_one_answer_out_of_many() {
    /// `status@minute` for each marker of the run, then for each function ` / status@minute`, its own
    /// status being the last one.
    fn run(n: u32, text: &str) -> String {
        let run = format!("s/-/p/@1/call/b/{n}");
        let sign = |sign: &str| {
            let (status, minute) = sign.split_once('@').unwrap();
            (status.to_owned(), format!("2025-01-01T00:0{minute}:00Z"))
        };
        let mut lines = vec![format!("{run} = {{\"output\":null}}")];
        for (k, part) in text.split('/').enumerate() {
            let signs: Vec<_> = part.split_whitespace().map(sign).collect();
            if k == 0 {
                lines.extend(signs.iter().map(|(s, t)| format!("{run}/status/{s} = {{\"time\":\"{t}\"}}")));
                continue;
            }
            let history: Vec<String> =
                signs.iter().map(|(s, t)| format!(r#"{{"status":"{s}","time":"{t}"}}"#)).collect();
            let (last, _) = signs.last().unwrap();
            lines.push(format!(
                r#"{run}/functions/{k} = {{"current":{{"id":"{k}","fn":{{"name":"f{k}","pos":"p:1:1"}},"status":"{last}"}},"history":[{}]}}"#,
                history.join(",")
            ));
        }
        lines.join("\n")
    }
    let cases: &[(&[&str], &[&str])] = &[
        (&["complete@3 / complete@2"], &["complete 3"]),
        (&["pending@1 / pending@1"], &["pending 1"]),
        // A tool that died: its function says more than the run.
        (&["pending@1 / running@2"], &["running 2"]),
        (&["pending@3 / running@2"], &["running 2"]),
        (&["pending@1 / complete@2"], &["complete 2"]),
        (&["pending@1 / complete@2 / pending@3"], &["paused 3"]),
        (&["pending@1 / complete@2 / failed@3"], &["failed 3"]),
        (&["pending@1 / cancelled@2"], &["cancelled 2"]),
        // Two markers: a run never goes back, and of two ends the later one counts.
        (&["complete@1 pending@3 /complete@1"], &["complete 1"]),
        (&["running@1 failed@3 /running@1"], &["failed 3"]),
        (&["failed@1 complete@2 /failed@1"], &["complete 2"]),
        // Without a marker of its own; without anything.
        (&["/ running@1 failed@2"], &["failed 2"]),
        (&[" "], &["pending "]),
        // A later run has taken over what failed.
        (&["failed@1 / failed@1", "complete@2 / complete@2"], &["failed_retried 1", "complete 2"]),
        (&["failed@1 / failed@1", "failed@2 / failed@2"], &["failed_retried 1", "failed 2"]),
    ];
    for (runs, expected) in cases {
        let mut fixture = "s/-/p/@1 = {\"commit\":\"c\"}\n".to_owned();
        for (n, text) in (1..).zip(*runs) {
            fixture.push_str(&run(n, text));
            fixture.push('\n');
        }
        let translation = translate(files(&fixture));
        assert_sound(&translation.memory);
        let found: Vec<String> = lines(&translation)
            .iter()
            .filter_map(|line| {
                let (_, rest) = line.split_once("/status/")?;
                let (status, body) = rest.split_once(" = ")?;
                let time = body.rsplit_once("\"time\":\"").unwrap().1;
                Some(format!("{status} {}", time.get(15..16).unwrap_or_default()))
            })
            .collect();
        assert_eq!(found, *expected, "{runs:?}");
    }
}

#[test]
fn a_deployment_that_was_taken_down_is_not_current() {
    let deployed = |last: &str, link: &str| {
        format!(
            r#"
            s/-/p/@aaaaaaa.1 = {{"commit":"aaaaaaa"}}
            s/-/p/@aaaaaaa.1/deploy/prod = {{"type":"{last}","release":"s/-/p/@aaaaaaa.1","entrypoint":"s/-/p/@aaaaaaa.1/deploy/prod/2/functions/1","output":{{}}}}
            s/-/p/@aaaaaaa.1/deploy/prod/1 = {{"type":"","functions":[{{"fn":{{"name":"u","pos":"p:1:1"}}}}],"output":{{}}}}
            s/-/p/@aaaaaaa.1/deploy/prod/1/status/complete = {{"time":"2025-01-01T00:00:00Z"}}
            s/-/p/@aaaaaaa.1/deploy/prod/2 = {{"type":"{last}","functions":[{{"fn":{{"name":"u","pos":"p:1:1"}}}}],"output":{{}}}}
            s/-/p/@aaaaaaa.1/deploy/prod/2/status/complete = {{"time":"2025-01-02T00:00:00Z"}}
            s/-/p/@/deploy/prod/1 -> s/-/p/@aaaaaaa.1/deploy/prod/1
            s/-/p/@/deploy/prod/2 -> s/-/p/@aaaaaaa.1/deploy/prod/2
            {link}
            "#
        )
    };
    let current = "s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod";
    check_about("s/-/p/@/", &deployed("", ""), current);
    check_about("s/-/p/@/", &deployed("down", ""), "");
    // Where the old tool says so itself, that counts.
    check_about("s/-/p/@/", &deployed("", "s/-/p/@/deploy/prod -> s/-/p/@aaaaaaa.1/deploy/prod/1"), current);
    // The Task may be missing.
    let without_task =
        deployed("", "").replace("s/-/p/@aaaaaaa.1/deploy/prod =", "s/-/p/@aaaaaaa.1/custom/x =");
    check_about(
        "s/-/p/@r1/deploy/prod =",
        &without_task,
        r#"s/-/p/@r1/deploy/prod = {"input":{},"output":{},"release":"s/-/p/@r1","run_ref":"s/-/p/@r1/deploy/prod/2","type":"up"}"#,
    );
    check_about(
        "s/-/p/@/",
        "s/-/p/@/deploy/prod/1 -> s/-/p/@gone.1/deploy/prod/1",
        "? s/-/p/@/deploy/prod: links to runs none of which is complete, so nothing counts as current",
    );
}

#[test]
fn ulids_of_runs_become_numbers_everywhere() {
    let fixture = r#"
        s/-/p/@aaaaaaa.1 = {"commit":"aaaaaaa"}
        s/-/p/@aaaaaaa.1/call/b/01BX5ZZKBKACTAV9WEVGEMMVRZ = {"functions":[{"fn":{"name":"f","pos":"p:1:1"},"dependencies":["s/-/p/@aaaaaaa.1/call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV/status/complete","**/@*/call/{a,b}/*/status/complete","not a ref//"],"inputs":{"x":{"ref":"s/-/p/@aaaaaaa.1/call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV/functions/01ARZ3NDEKTSV4RRFFQ69G5FAV#output/x"},"y":{"ref":"s/-/p/@v1/call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV#output"},"z":{"ref":"./call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV"},"u":{"ref":"./@/call/b"},"v":{"ref":"s/-/p/@/call/b/01BX5ZZKBKACTAV9WEVGEMMVRZ#output"}}}]}
        s/-/p/@aaaaaaa.1/call/b/01BX5ZZKBKACTAV9WEVGEMMVRZ/status/complete = {"time":"2025-01-01T00:00:00Z"}
        s/-/p/@aaaaaaa.1/call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV = {"functions":[{"fn":{"name":"f","pos":"p:1:1"}}]}
        s/-/p/@aaaaaaa.1/call/b/01ARZ3NDEKTSV4RRFFQ69G5FAV/status/failed = {"time":"2025-01-01T00:00:00Z"}
        s/-/p/@/call/b/01BX5ZZKBKACTAV9WEVGEMMVRZ -> s/-/p/@aaaaaaa.1/call/b/01BX5ZZKBKACTAV9WEVGEMMVRZ
        s/-/p/@v1 -> s/-/p/@aaaaaaa.1
    "#;
    check_about(
        "s/-/p/@r1/task/b/",
        fixture,
        r#"
        s/-/p/@r1/task/b/1 = {"functions":[{"fn":{"name":"f","pos":"p:1:1"}}],"output":null,"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/b/1/status/failed_retried = {"time":"2025-01-01T00:00:00Z"}
        s/-/p/@r1/task/b/2 = {"functions":[{"dependencies":["s/-/p/@r1/task/b/*/status/complete","**/@*/task/{a,b}/*/status/complete","not a ref//"],"fn":{"name":"f","pos":"p:1:1"},"inputs":{"u":{"ref":"./@/task/b"},"v":{"ref":"s/-/p/@/task/b/2#output"},"x":{"ref":"s/-/p/@r1/task/b/1#output/x"},"y":{"ref":"s/-/p/@v1/task/b/1#output"},"z":{"ref":"s/-/p/@r1/task/b/1"}}}],"output":null,"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/b/2/status/complete = {"time":"2025-01-01T00:00:00Z"}
        "#,
    );
}

#[test]
fn functions_follow_the_order_in_which_the_run_enters_them() {
    let function = |k: &str, name: &str, rest: &str| {
        format!(
            "s/-/p/@1/call/b/1/functions/{k} = {{\"current\":{{\"id\":\"{k}\",\"fn\":{{\"name\":\"{name}\",\"pos\":\"p:1:1\"}},\"status\":\"complete\"{rest}}}}}\n"
        )
    };
    let fixture = [
        "s/-/p/@1/call/b/1 = {\"entrypoint\":\"s/-/p/@1/call/b/1/functions/9\",\"output\":null}\n",
        &function("10", "last", r#","outputs":{"x":1}"#),
        &function("9", "first", r#","later":{"a":1}"#),
        &function("2", "then", ""),
        "s/-/p/@1/call/b/1/functions/2/logs = [{\"message\":\"one\"}]\n",
        "s/-/p/@1/call/b/1/functions/10/logs = [{\"message\":\"two\"}]\n",
        "s/-/p/@1/call/b/1/functions/9/logs = null\n",
    ]
    .concat();
    check_about(
        "s/-/p/@r1/task/b/1",
        &fixture,
        r#"
        s/-/p/@r1/task/b/1 = {"functions":[{"fn":{"name":"first","pos":"p:1:1"},"later":{"a":1}},{"fn":{"name":"then","pos":"p:1:1"}},{"fn":{"name":"last","pos":"p:1:1"},"outputs":{"x":1}}],"output":{"x":1},"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/b/1/logs = [{"message":"one"},{"message":"two"}]
        s/-/p/@r1/task/b/1/status/complete = {"time":""}
        ? s/-/p/@1: the release has no document
        "#,
    );
}

#[test]
fn what_is_missing_is_made_up_for_and_remarked_on() {
    // A function's document: the release knows the function.
    let lost =
        RELEASE.lines().filter(|line| !line.contains("deploy/prod/1/functions/1 ")).collect::<Vec<_>>();
    check_about(
        "s/-/p/@r1/deploy/prod/1 ",
        &lost.join("\n"),
        r#"
        s/-/p/@r1/deploy/prod/1 = {"functions":[{"dependencies":["s/-/p/@r1/task/build/*/status/complete"],"fn":{"name":"u","pos":"p:2:1"},"inputs":{"b":{"ref":"s/-/p/@r1/task/build#output/v"},"e":{"ref":"@/environment/prod"}}}],"output":null,"release":"s/-/p/@r1","type":"up","watch_files":null}
        ? s/-/p/@c0ffee01.1/deploy/prod/1: its function has no document; taken from the release
        "#,
    );
    // A run's document: its functions say what it was.
    let lost = RELEASE.lines().filter(|line| !line.contains("call/build/1 =")).collect::<Vec<_>>();
    check_about(
        "s/-/p/@r1/task/build/1 ",
        &lost.join("\n"),
        r#"s/-/p/@r1/task/build/1 = {"functions":[{"fn":{"name":"b","pos":"p:1:1"},"history"…"#,
    );
    // A run without a status that has a result is over.
    check_about(
        "s/-/p/@r1/task/b/1/status",
        r#"
        s/-/p/@1 = {"commit":"c"}
        s/-/p/@1/call/b = {"entrypoint":"s/-/p/@1/call/b/1/functions/1","output":null}
        s/-/p/@1/call/b/1 = {"functions":[{"fn":{"name":"f","pos":"p:1:1"}}],"output":null}
        "#,
        r#"s/-/p/@r1/task/b/1/status/complete = {"time":""}"#,
    );
}

#[test]
fn what_cannot_be_translated_is_kept_and_remarked_on() {
    check_all(
        r#"
        s/-/p/@aaaaaaa.1 !{"half
        s/-/p/@aaaaaaa.1/call/b/1 !garbage
        s/-/p/@aaaaaaa.1/call/b/1/status/complete !
        s/-/p/@aaaaaaa.1/call/b/1/functions/1 = {"current":{"fn":{"name":"f","pos":"p:1:1"}}}
        s/-/p/@aaaaaaa.1/call/c/1 = {"functions":3}
        s/-/p/@aaaaaaa.1/call/c/1/status/odd = {}
        s/-/p/@aaaaaaa.1/op/x = {"time":"t"}
        a//b = 1
        ./-/x/@ = 1
        s/-/p/@/custom/x = 1
        s/-/p/@/deploy/z !where a link comes to lie
        s/-/p/@/deploy/z/1 -> s/-/p/@aaaaaaa.1/call/d/1
        s/-/p/@aaaaaaa.1/call/d/1 = {"functions":[{"fn":{"name":"f","pos":"p:1:1"}}],"output":{}}
        s/-/p/+/custom/x = "in state"
        s/-/p/+/custom/same = 1
        @ = {"a":1}
        @commitid = 2
        intent:
        s/-/p/+/custom/x = "in intent"
        s/-/p/+/custom/same = 1
        s/-/p/+/deploy/prod = {"release":5}
        "#,
        r#"
        ./-/x/@ = 1
        @ = {"a":1}
        @commitid = 2
        a//b = 1
        s/-/p/+/custom/x = "in state"
        s/-/p/@/custom/x = 1
        s/-/p/@/deploy/z -> s/-/p/@r1/task/d
        s/-/p/@/deploy/z/kept !where a link comes to lie
        s/-/p/@aaaaaaa.1 -> s/-/p/@r1
        s/-/p/@aaaaaaa.1/call/b/1/functions/1 = {"current":{"fn":{"name":"f","pos":"p:1:1"}}}
        s/-/p/@aaaaaaa.1/call/c/1/status/odd = {}
        s/-/p/@r1 !{"half
        s/-/p/@r1/commit/aaaaaaa = {"time":""}
        s/-/p/@r1/op/x = {"time":"t"}
        s/-/p/@r1/task/b/1 !garbage
        s/-/p/@r1/task/b/1/status/complete = {"time":""}
        s/-/p/@r1/task/c/1 = {"functions":[],"output":null,"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/c/1/status/pending = {"time":""}
        s/-/p/@r1/task/d = {"input":{},"output":{},"release":"s/-/p/@r1","run_ref":"s/-/p/@r1/task/d/1","type":"task"}
        s/-/p/@r1/task/d/1 = {"functions":[{"fn":{"name":"f","pos":"p:1:1"}}],"output":{},"release":"s/-/p/@r1","type":"task","watch_files":null}
        s/-/p/@r1/task/d/1/status/complete = {"time":""}
        intent s/-/p/@/custom/same = 1
        intent s/-/p/@/custom/x = "in intent"
        intent s/-/p/@/deploy/prod = {"release":5}
        ? ./-/x/@: kept as it is, and nothing reads it: its path does not name a document
        ? a//b: kept as it is, and nothing reads it: its path is no ref…
        ? s/-/p/+/custom/x: kept as it is, and nothing reads it: s/-/p/+/custom/x means the same document, and says something else
        ? s/-/p/+/deploy/prod: is not an intent to deploy…
        ? s/-/p/@/deploy/z: kept as it is at s/-/p/@/deploy/z/kept, and nothing reads it: not a document…
        ? s/-/p/@aaaaaaa.1: kept as it is: not a document…
        ? s/-/p/@aaaaaaa.1/call/b/1: kept as it is: not a document…
        ? s/-/p/@aaaaaaa.1/call/b/1/functions/1: kept as it is, and nothing reads it: it could not be made a part of s/-/p/@r1/task/b/1
        ? s/-/p/@aaaaaaa.1/call/c/1: the run has no functions
        ? s/-/p/@aaaaaaa.1/call/c/1/status/odd: kept as it is, and nothing reads it: there is no such status
        "#,
    );
}

#[test]
fn whatever_is_missing_or_broken_the_rest_adds_up() {
    let all = files(&format!(
        "{RELEASE}\n{}",
        r#"
        s/-/p/@c0ffee01.2 = {"commit":"c0ffee01"}
        s/-/p/@c0ffee01.2/deploy/prod = {"type":"down","entrypoint":"s/-/p/@c0ffee01.2/deploy/prod/01BX5ZZKBKACTAV9WEVGEMMVRZ/functions/1"}
        s/-/p/@c0ffee01.2/deploy/prod/01BX5ZZKBKACTAV9WEVGEMMVRZ = {"type":"down","output":{}}
        s/-/p/@c0ffee01.2/deploy/prod/01BX5ZZKBKACTAV9WEVGEMMVRZ/functions/1 = {"current":{"fn":{"name":"d","pos":"p:3:1"}},"history":[{"time":"2025-01-03T00:00:00Z","status":"complete"}]}
        s/-/p/@c0ffee01.2/deploy/prod/1 = {"output":{}}
        s/-/p/@c0ffee01.2/deploy/prod/1/status/failed = {"time":"2025-01-02T00:00:00Z"}
        s/-/p/@/deploy/prod/1 -> s/-/p/@c0ffee01.2/deploy/prod/1
        s/-/p/@/deploy/prod/01BX5ZZKBKACTAV9WEVGEMMVRZ -> s/-/p/@c0ffee01.2/deploy/prod/01BX5ZZKBKACTAV9WEVGEMMVRZ
        s/-/p/+/deploy/prod = {"release":"s/-/p/@c0ffee01.2"}
        intent:
        s/-/p/+c0ffee01.2/custom/x = 1
        "#
    ));
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    for _ in 0..300 {
        let mut some = Vec::new();
        for file in &all {
            let bytes = match next(12) {
                0 | 1 => continue,
                2 => b"garbage".to_vec(),
                3 => br#"{"kind":"ref","body":[1,null,"x"]}"#.to_vec(),
                4 => br#"{"kind":"link","body":"s/-/p/@v1"}"#.to_vec(),
                _ => file.bytes.clone(),
            };
            some.push(OldFile { bytes, ..file.clone() });
        }
        let translation = translate(some.clone());
        // Whatever was no document is there as it was, somewhere, and remarked on.
        let garbage = |bytes: &[u8]| bytes == b"garbage";
        let before = some.iter().filter(|file| garbage(&file.bytes) && !file.path.contains("/status/"));
        let after = translation.memory.documents().filter(|(_, _, bytes)| garbage(bytes));
        assert_eq!(before.count(), after.count(), "{:#?}", lines(&translation));
        let snapshot = translation.memory.snapshot();
        for entry in ocuroot_core::runs::of_store(&snapshot).unwrap() {
            assert_eq!(entry.statuses.len(), 1, "{}: {:#?}", entry.reference, lines(&translation));
        }
        // The order of files means nothing.
        some.reverse();
        assert_eq!(translate(some), translation);
    }
}

/// The files of a real store, where there is one beside the project.
fn real(name: &str) -> Option<Vec<OldFile>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    let mut files = Vec::new();
    for (side, folder) in [(Side::State, "state"), (Side::Intent, "intent")] {
        collect(&root.join(folder).join("refs"), "", side, &mut files)?;
    }
    Some(files)
}

#[expect(clippy::disallowed_methods, reason = "real stores lie on the disk, and this is no core")]
fn collect(refs: &Path, path: &str, side: Side, files: &mut Vec<OldFile>) -> Option<()> {
    for entry in std::fs::read_dir(refs.join(path)).ok()?.flatten() {
        let name = entry.file_name().into_string().ok()?;
        if entry.path().is_dir() {
            collect(refs, format!("{path}/{name}").trim_start_matches('/'), side, files)?;
        } else if name == "@object.json" {
            files.push(OldFile { side, path: path.to_owned(), bytes: std::fs::read(entry.path()).ok()? });
        }
    }
    Some(())
}

#[test]
fn a_real_store_of_the_first_version() {
    let Some(files) = real("vps-demo") else { return eprintln!("skipped: no real stores here") };
    let old: Vec<Ref> = files.iter().filter_map(|file| file.path.parse().ok()).collect();
    assert_eq!(old.len(), files.len());
    let translation = translate(files);
    assert_sound(&translation.memory);
    assert_eq!(translation.remarks, []);
    let snapshot = translation.memory.snapshot();
    // What has a document of its own today is found by its old name, intent too.
    let mut found = 0;
    for reference in old.iter().filter(|at| {
        let gone = at.subpath().contains("/functions/") || at.subpath().contains("/status/");
        let link = at.release() == Some("") && at.kind().is_some();
        !gone && !link
    }) {
        let new = resolve::document(&snapshot, reference).unwrap();
        assert!(new.is_some(), "{reference} is gone");
        found += 1;
    }
    assert!(found > 250, "{found}");
    let (findings, _) = check::check(&snapshot, "2026-01-01T00:00:00Z".parse().unwrap(), &facts()).unwrap();
    // Two runs that were under way when their tool died; both are so in the old store.
    let stale: Vec<_> = findings.iter().map(|finding| finding.problem).collect();
    assert_eq!(stale, [check::Problem::StaleRun, check::Problem::StaleRun], "{findings:?}");
    let package = r("github.com/ocuroot/vps-demo/-/frontend/release.ocu.star");
    let releases = overview::releases(&snapshot, &package).unwrap();
    assert_eq!(releases.len(), 16);
    assert_eq!(releases[0].tags, ["4902581945a695f41d94ead33c09189eecd47a22.2", "v7"]);
    assert!(releases.windows(2).all(|pair| pair[0].time >= pair[1].time), "newest first");
    // Everything was taken down in the end, and intent still wants it.
    let differences = intent::diff(&snapshot).unwrap();
    assert!(!differences.is_empty());
    let todo = plan(&snapshot, &Scope::Everything, &crate::fixture::facts()).unwrap();
    assert!(!todo.is_empty());
    let last = "4902581945a695f41d94ead33c09189eecd47a22".to_owned();
    let deployed = deploys::of_commits(&snapshot, "github.com/ocuroot/vps-demo", &[last]).unwrap();
    let deployed: Vec<&str> =
        deployed.iter().map(|found| found.reference.as_str().rsplit("/-/").next().unwrap()).collect();
    assert_eq!(
        deployed,
        [
            "frontend/release.ocu.star/@r15/deploy/production",
            "frontend/release.ocu.star/@r15/deploy/staging",
            "frontend/release.ocu.star/@r16/deploy/production",
            "frontend/release.ocu.star/@r16/deploy/staging",
            "vps/release.ocu.star/@r4/deploy/production",
            "vps/release.ocu.star/@r4/deploy/staging",
        ]
    );
    let detail = overview::release(&snapshot, &package.with_release("r1").unwrap()).unwrap();
    assert!(!detail.phases.is_empty() && detail.phases.iter().all(|phase| !phase.work[0].runs.is_empty()));
}

#[test]
fn a_real_store_of_the_second_version_is_readable_as_it_is() {
    let Some(files) = real("gh-actions-example") else { return eprintln!("skipped: no real stores here") };
    let mut memory = ocuroot_core::memory::Memory::default();
    files.iter().for_each(|file| memory.put_path(file.side, &file.path, &file.bytes));
    assert_sound(&memory);
    let snapshot = memory.snapshot();
    let (findings, _) = check::check(&snapshot, "2026-01-01T00:00:00Z".parse().unwrap(), &facts()).unwrap();
    assert_eq!(findings, []);
    let releases =
        overview::releases(&snapshot, &r("github.com/ocuroot/gh-actions-example/-/release.ocu.star"))
            .unwrap();
    assert_eq!(releases.len(), 4);
    let value = resolve::value(
        &snapshot,
        &r("github.com/ocuroot/gh-actions-example/-/release.ocu.star/@2/call/build#output/message"),
    );
    assert_eq!(value, Ok::<_, Unmet<_>>(Some(&"Hello".into())));
}
