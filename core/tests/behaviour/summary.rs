//! Summaries (store.md): what a viewer needs first, in one small file a package.
//! How they follow what happens is in `summary_update.rs`.

use ocuroot_core::documents::Status;
use ocuroot_core::envelope::BlobId;
use ocuroot_core::summary::{self, Summary};
use ocuroot_core::{intent, run};
use serde_json::json;

use crate::fixture::{answer, facts, r, store};

const STORE: &str = r#"
    s/-/p/@r1 = release c1: build | >prod; >qa
    s/-/p/@r1/commit/c1 = {"time":"2026-01-01T00:00:00Z","subject":"First","author":"Ada"}
    s/-/p/@v1 -> s/-/p/@r1
    s/-/p/@stable -> s/-/p/@r1
    s/-/p/@r1/task/build/1 = complete build
    s/-/p/@r1/deploy/prod/1 = complete up(a=1, environment<-@/environment/prod=2)
    s/-/p/@r1/deploy/prod/1/status/complete = {"time":"2026-01-02T00:01:30Z","started":"2026-01-02T00:00:00Z"}
    s/-/p/@r1/deploy/prod = up 1(a=1, environment<-@/environment/prod=2)
    s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
    s/-/p/@r1/deploy/qa/1 = complete up
    s/-/p/@r1/deploy/qa/2 = complete down
    s/-/p/@r1/deploy/qa = down 2
    s/-/p/@r2 = release c2: build | >prod
    s/-/p/@r2/task/build/1 = failed_retried build
    s/-/p/@r2/task/build/2 = failed_retried build
    s/-/p/@r2/task/build/3 = failed build
    s/-/p/@r2/deploy/prod/1 = pending up(a<-@/custom/a, b<-s/-/p/@/custom/b, c<-s/-/p/@/custom/c, d=1, e<-@/custom/x?1, environment<-@/environment/prod) after s/-/p/@r2/task/build/*/status/complete
    s/-/p/@/custom/b = 1
    s/-/p/@r1/op/check_envs = {}
    s/-/q/@r9 = release c9: x
"#;

#[test]
fn a_package_at_a_glance() {
    let (summary, reads) = answer(&store(STORE), |s| summary::of_package(s, &r("s/-/p"), "abc"));
    let summary = summary.unwrap();
    let value = serde_json::to_value(&summary).unwrap();
    assert_eq!(
        value,
        json!({
            "package": "s/-/p",
            "tree": "abc",
            "counts": {"releases": 2, "runs": {"complete": 4, "failed": 1, "failed_retried": 2, "pending": 1}},
            "live": {"prod": {
                "release": "r1", "since": "2026-01-02T00:01:30Z", "took": 90, "samples": [[1, 1, 90]],
                "intent": value["live"]["prod"]["intent"],
            }},
            "releases": [
                {
                    "id": "r2", "commit": "c2", "time": "2026-01-01T00:00:00Z", "status": "failed",
                    "runs": {"failed": 1, "failed_retried": 2, "pending": 1},
                    "open": {
                        "deploy/prod": {"status": "pending", "since": "2026-01-01T00:00:00Z", "attempts": 1, "waits": [
                            "s/-/p/@r2/task/build/*/status/complete", "@/custom/a", "s/-/p/@/custom/c",
                        ]},
                        "task/build": {"status": "failed", "since": "2026-01-01T00:00:00Z", "attempts": 3},
                    },
                    "uses": ["s/-/p/@/custom/b", "s/-/p/@/custom/c"],
                },
                {
                    "id": "r1", "commit": "c1", "subject": "First", "author": "Ada", "tags": ["stable", "v1"],
                    "time": "2026-01-01T00:00:00Z", "status": "complete", "runs": {"complete": 4},
                },
            ],
            "phases": [["prod"]],
            "work": {
                "ops": ["@r1/op/check_envs"],
                "custom": value["work"]["custom"],
                "inputs": [{"from": ["@/environment/*"], "values": {"prod": summary::hash(&[&json!(2)])}}],
            },
        })
    );
    assert_eq!(Summary::parse(summary.to_text().as_bytes()), Some(summary));
    // Of other packages and of intent nothing is read.
    let outside = reads.bodies.iter().filter(|at| at.package() != r("s/-/p")).count();
    assert_eq!(
        (outside, reads.folders.iter().filter(|(_, path)| !path.starts_with("s/-/p")).count()),
        (0, 0)
    );
    assert!(reads.rounds <= 6, "{}", reads.rounds);
}

#[test]
fn the_intent_that_a_deployment_came_from_is_told_without_opening_it() {
    let mut store =
        store("s/-/p/@r1 = release c1: >prod(a<-@/custom/a)\ns/-/p/+/deploy/prod = r1\n@/custom/a = 1");
    let at = r("s/-/p/@r1/deploy/prod/1");
    let step = intent::apply(&store.snapshot(), &r("s/-/p/@/deploy/prod"), &facts()).unwrap().0;
    store.commit(&step).unwrap();
    store.commit(&run::claim(&store.snapshot(), &at, &facts()).unwrap().0).unwrap();
    let later = ocuroot_core::facts::Facts { now: "2026-02-01T00:02:00Z".into(), ..facts() };
    let done = run::complete(&store.snapshot(), &at, &run::Completion::default(), &[], &later).unwrap();
    store.commit(&done).unwrap();
    let live = &answer(&store, |s| summary::of_package(s, &r("s/-/p"), "")).0.unwrap().live["prod"];
    assert_eq!(live.intent, BlobId::of(store.bytes(&r("s/-/p/+/deploy/prod")).unwrap()).to_string());
    assert_eq!((live.took, live.since.as_str()), (Some(120), "2026-02-01T00:02:00Z"));
}

/// A package of so many releases and environments. Each deployment stands at `status`.
pub(crate) fn crowded(package: &str, releases: usize, environments: usize, status: &str) -> String {
    let environments: Vec<String> = (0..environments).map(|n| format!("production-eu-{n}")).collect();
    let mut text = String::new();
    for release in 1..=releases {
        let commit = format!("{release:040x}");
        text += &format!("{package}/@r{release} = release {commit}: build | >x\n");
        text += &format!(
            "{package}/@r{release}/commit/{commit} = {{\"time\":\"2026-01-01T00:00:00.123Z\",\"subject\":\"{}\",\"author\":\"Ada Lovelace\"}}\n",
            "x".repeat(120)
        );
        text += &format!("{package}/@v0.{release}.0-1 -> {package}/@r{release}\n");
        for environment in &environments {
            let place = format!("{package}/@r{release}/deploy/{environment}");
            text += &format!(
                "{place}/1 = {status} up(a<-@/custom/approval) after {package}/@r{release}/task/build/*/status/complete\n{place} = up 1\n"
            );
            if status == "complete" {
                text += &format!(
                    "{place}/1/status/complete = {{\"time\":\"2026-01-01T01:00:0{}.123Z\",\"started\":\"2026-01-01T00:00:00Z\"}}\n",
                    release % 10
                );
            }
        }
    }
    for environment in &environments {
        text += &format!("{package}/@/deploy/{environment} -> {package}/@r{releases}/deploy/{environment}\n");
    }
    text
}

pub(crate) const LONG: &str = "github.com/example/shop/-/services/backend/release.ocu.star";

#[test]
fn it_stays_small() {
    for status in ["complete", "failed", "pending"] {
        let snapshot = store(&crowded(LONG, 30, 40, status)).snapshot();
        let summary = summary::of_package(&snapshot, &r(LONG), &"0".repeat(40)).unwrap().unwrap();
        let size = summary.to_text().len();
        assert!(size <= summary::MOST_BYTES, "{size}");
        assert_eq!((summary.live.len(), summary.releases.len(), summary.counts.releases), (40, 20, 30));
        assert_eq!(summary.releases[0].id, "r30");
        assert_eq!(summary.counts.runs.values().sum::<usize>(), 1200);
        let samples = if status == "complete" { 5 } else { 0 };
        assert!(summary.live.values().all(|live| live.samples.len() == samples));
        for release in &summary.releases {
            let all = if status == "complete" { 0 } else { 40 };
            assert_eq!(release.open.len() + release.more, all);
            assert_eq!(release.runs[&Status::from_name(status).unwrap()], 40);
        }
        // Where all is well nothing is cut; else what is old is.
        let whole = |release: &summary::ReleaseSummary| {
            (release.subject.len(), release.tags.len()) == (100, 1) && release.cut.is_empty()
        };
        let newest = &summary.releases[0];
        assert_eq!((newest.subject.len(), newest.more, newest.tags.len()), (100, 0, 1));
        assert_eq!(summary.releases.iter().all(whole), status == "complete");
    }
}

#[test]
fn file_names() {
    assert_eq!(
        summary::path(&r("s/-/a+b é.ocu.star")),
        ".ocuroot/summary/s%2F-%2Fa%2Bb%20%C3%A9.ocu.star.json"
    );
    let long = summary::path(&r(&format!("s/-/{}", "é".repeat(40))));
    let name = long.strip_prefix(".ocuroot/summary/").unwrap().strip_suffix(".json").unwrap();
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
}

#[test]
fn packages_are_found() {
    let (found, _) = answer(&store(STORE), summary::packages);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [r("s/-/p"), r("s/-/q")]);
}
