//! What stores cost: memory for a listing, time for a plan. `cargo bench -p ocuroot-core --bench store`
//!
//! Plain medians, a line each: name, measured, limit, their ratio. The limits are the issue's; a line
//! over its limit is marked, and nothing fails, since a busy machine is no defect.

#![expect(unsafe_code, reason = "an allocator that counts can be written no other way")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench has to look at a clock")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use ocuroot_core::documents::body_type;
use ocuroot_core::envelope::Document;
use ocuroot_core::facts::Facts;
use ocuroot_core::order::Order as _;
use ocuroot_core::plan::{Scope, plan};
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::{Glob, Marker, Ref, intent, run, runs};
use serde_json::json;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's doing; this only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A store of packages × releases × (a build and deployments) × statuses.
struct Shape {
    packages: usize,
    releases: usize,
    environments: usize,
}

impl Shape {
    /// Calls `put` with every document: its ref, and what makes it.
    fn each(&self, put: &mut dyn FnMut(String, &dyn Fn() -> Document)) {
        let marker = || Document::new(body_type::MARKER, &json!({"time": "2026-01-01T00:00:00Z"}));
        let environments: Vec<String> = (0..self.environments).map(|n| format!("env-{n}")).collect();
        for environment in &environments {
            let body = || {
                Document::new(
                    body_type::ENVIRONMENT,
                    &json!({"name": environment, "attributes": {"type": "x"}}),
                )
            };
            put(format!("@/environment/{environment}"), &body);
            put(format!("+/environment/{environment}"), &body);
        }
        for package in 0..self.packages {
            let package =
                format!("github.com/example/shop-{}/-/service-{package}/release.ocu.star", package % 7);
            let function = |name: &str| json!({"name": name, "pos": "release.ocu.star:10:1"});
            let input = |environment: &str| json!({"environment": {"ref": format!("@/environment/{environment}"), "value": {"name": environment, "attributes": {"type": "x"}}}});
            for release in 1..=self.releases {
                let at = format!("{package}/@r{release}");
                let commit = format!("{release:040x}");
                put(at.clone(), &|| {
                    let deploys: Vec<_> = environments
                        .iter()
                        .map(|environment| json!({"deploy": {"environment": environment, "up": function("up"), "down": function("down"), "inputs": input(environment)}}))
                        .collect();
                    let build = json!({"task": {"name": "build", "inputs": {}, "fn": function("build")}});
                    Document::new(
                        body_type::RELEASE,
                        &json!({"commit": commit, "package": {"functions": {}, "phases": [{"name": "build", "tasks": [build]}, {"name": "", "tasks": deploys}]}}),
                    )
                });
                put(format!("{at}/commit/{commit}"), &marker);
                let places = std::iter::once("task/build".to_owned())
                    .chain(environments.iter().map(|e| format!("deploy/{e}")));
                for place in places {
                    let environment = place.strip_prefix("deploy/");
                    let inputs = environment.map_or(json!({}), input);
                    put(format!("{at}/{place}/1"), &|| {
                        let name = if environment.is_some() { "up" } else { "task" };
                        Document::new(
                            body_type::RUN_STARTED,
                            &json!({"type": name, "release": at, "functions": [{"fn": function(name), "inputs": inputs}], "output": {"x": "y"}, "watch_files": null}),
                        )
                    });
                    put(format!("{at}/{place}/1/status/complete"), &marker);
                    put(format!("{at}/{place}/1/logs"), &|| Document::new(body_type::LOGS, &json!(null)));
                    put(format!("{at}/{place}"), &|| {
                        let name = if environment.is_some() { "up" } else { "task" };
                        Document::new(
                            body_type::TASK,
                            &json!({"run_ref": format!("{at}/{place}/1"), "type": name, "release": at, "input": inputs, "output": {"x": "y"}}),
                        )
                    });
                }
            }
            let last = format!("{package}/@r{}", self.releases);
            for environment in &environments {
                let target: Option<Ref> = format!("{last}/deploy/{environment}").parse().ok();
                put(format!("{package}/@/deploy/{environment}"), &|| {
                    Document::link(&target.clone().unwrap_or_default())
                });
                put(format!("{package}/+/deploy/{environment}"), &|| {
                    Document::new(body_type::INTENT, &json!({"release": last, "input": input(environment)}))
                });
            }
        }
    }

    fn snapshot(&self) -> (Snapshot, usize) {
        let mut snapshot = Snapshot::empty();
        let mut count = 0;
        self.each(&mut |at, document| {
            if let Ok(at) = at.parse::<Ref>() {
                snapshot.put(&at, document());
                count += 1;
            }
        });
        (snapshot, count)
    }

    /// The folders of the state store, as listings tell them.
    fn listings(&self) -> BTreeMap<String, (bool, BTreeSet<String>)> {
        let mut folders: BTreeMap<String, (bool, BTreeSet<String>)> = BTreeMap::new();
        self.each(&mut |at, _| {
            if at.contains("/+/") || at.starts_with('+') {
                return;
            }
            folders.entry(at.clone()).or_default().0 = true;
            let mut path = at.as_str();
            while !path.is_empty() {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
                if !folders.entry(parent.to_owned()).or_default().1.insert(name.to_owned()) {
                    break;
                }
                path = parent;
            }
        });
        folders
    }
}

fn median(rounds: usize, mut measured: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            measured();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.order_by(f64::total_cmp);
    times.get(rounds / 2).copied().unwrap_or_default()
}

fn report(name: &str, measured: f64, limit: f64, unit: &str) {
    let over = if measured > limit { "  OVER" } else { "" };
    println!("{name:<60} {measured:>9.2} {unit:<6} {limit:>9.2} {:>6.2}{over}", measured / limit);
}

/// A figure without a limit of its own, that explains others.
fn note(name: &str, measured: f64) {
    println!("{name:<60} {measured:>9.2} ms");
}

fn main() {
    println!("{:<60} {:>9} {:<6} {:>9} {:>6}", "name", "measured", "", "limit", "ratio");
    memory();
    let shape = Shape { packages: 20, releases: 122, environments: 9 };
    let (snapshot, count) = shape.snapshot();
    println!("# {count} documents in memory");
    times(&snapshot);
}

fn memory() {
    let shape = Shape { packages: 100, releases: 235, environments: 9 };
    let folders = shape.listings();
    let refs = folders.values().filter(|(document, _)| *document).count();
    println!("# {refs} refs, {} folders", folders.len());
    let before = BYTES.load(Relaxed);
    let mut snapshot = Snapshot::default();
    // As a loader does it: from the root down, one folder after the other.
    let start = Instant::now();
    for (path, (document, entries)) in &folders {
        snapshot.list(Marker::State, path, *document, entries.iter().map(String::as_str));
    }
    let listed = start.elapsed().as_secs_f64() * 1000.0;
    let bytes = BYTES.load(Relaxed) - before;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    report("snapshot of 1,000,000 refs listed, memory a ref", bytes as f64 / refs as f64, 150.0, "bytes");
    note("… made of listings", listed);
    if let Ok(glob) = Glob::new("**/@/deploy/env-3") {
        note("… search **/@/deploy/env-3", median(9, || drop(black_box(snapshot.search(&glob)))));
    }
    if let Ok(glob) = Glob::new("**") {
        note("… search **", median(3, || drop(black_box(snapshot.search(&glob)))));
    }
    note("… clone", median(9, || drop(black_box(snapshot.clone()))));
}

fn times(snapshot: &Snapshot) {
    let facts = Facts::at("2026-01-01T00:00:00Z");
    let all = plan(snapshot, &Scope::Everything, &facts);
    assert!(all.is_ok_and(|plan| plan.is_empty()), "there must be nothing to do");
    report(
        "plan over 100,000 documents, nothing to do",
        median(9, || drop(black_box(plan(snapshot, &Scope::Everything, &facts)))),
        300.0,
        "ms",
    );
    let scope = Scope::Commit { repo: "github.com/example/shop-3".into(), commit: format!("{:040x}", 122) };
    note("… of one commit", median(9, || drop(black_box(plan(snapshot, &scope, &facts)))));
    note("… intent::diff alone", median(9, || drop(black_box(intent::diff(snapshot)))));
    note("… runs::of_store alone", median(9, || drop(black_box(runs::of_store(snapshot)))));
    let place = "github.com/example/shop-3/-/service-3/release.ocu.star/@r122/task/build";
    let mut with_run = snapshot.clone();
    for (at, document) in [
        (
            "2",
            Document::new(
                body_type::RUN,
                &json!({"type": "task", "release": "p/@r1", "functions": [{"fn": {"name": "f", "pos": "p:1:1"}, "inputs": {}}], "output": null, "watch_files": null}),
            ),
        ),
        ("2/status/pending", Document::new(body_type::MARKER, &json!({"time": "x"}))),
    ] {
        if let Ok(at) = format!("{place}/{at}").parse() {
            with_run.put(&at, document);
        }
    }
    if let Ok(reference) = format!("{place}/2").parse::<Ref>() {
        note(
            "claim of one run, and the snapshot after it",
            median(9, || {
                if let Ok((step, _)) = run::claim(&with_run, &reference, &facts) {
                    drop(black_box(with_run.with(&step)));
                }
            }),
        );
    }
}
