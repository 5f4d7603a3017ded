//! How many requests it takes, on a store of 100,000 documents.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::host::{
    Cache, Files, GITEA, GITHUB, GITLAB, Host, Limits, Repo, carry_out, decide, place, settle, tree_id,
};
use crate::documents::body_type;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::overview;
use crate::reading::{Reader, Wants};
use crate::refs::Ref;
use crate::screens::plan;
use crate::snapshot::{Needs, Snapshot};
use crate::summary;

const PACKAGES: usize = 50;
const ENVIRONMENTS: usize = 40;
const RELEASES: usize = 12;

fn package(number: usize) -> String {
    format!("github.com/example/shop-{}/-/service-{number}/release.ocu.star", number % 7)
}

/// The files of a state and an intent branch.
#[derive(Clone, Default)]
struct Branches {
    state: Files,
    intent: Files,
    /// Documents in which `AT` stands for a release: a hundred thousand are made of them.
    templates: BTreeMap<String, String>,
}

impl Branches {
    fn put(&mut self, at: &str, text: String) {
        let files = if at.contains('+') { &mut self.intent } else { &mut self.state };
        files.insert(format!("refs/{}/@object.json", at.replace('+', "@")), text.into_bytes());
    }

    fn put_like(&mut self, at: &str, release: &str, name: &str, make: impl Fn() -> Document) {
        let template = self.templates.entry(name.to_owned()).or_insert_with(|| make().to_text());
        let text = template.replace("AT", release);
        self.put(at, text);
    }

    /// Puts everything that a release leaves behind.
    fn release(&mut self, package: &str, number: usize) {
        let function = |name: &str| json!({"name": name, "pos": "release.ocu.star:10:1"});
        let input = |environment: usize| {
            json!({"environment": {"ref": format!("@/environment/env-{environment}"),
                "value": {"name": format!("env-{environment}"), "attributes": {"type": "x"}}}})
        };
        let at = format!("{package}/@r{number}");
        let commit = format!("{number:040x}");
        self.put_like(&at, &commit, "release", || {
            let deploy = |environment| {
                json!({"deploy": {"environment": format!("env-{environment}"), "up": function("up"),
                    "down": function("down"), "inputs": input(environment)}})
            };
            let deploys: Vec<_> = (0..ENVIRONMENTS).map(deploy).collect();
            let build = json!({"task": {"name": "build", "inputs": {}, "fn": function("build")}});
            let body = json!({"commit": "AT", "package": {"functions": {},
                "phases": [{"name": "build", "tasks": [build]}, {"name": "", "tasks": deploys}]}});
            Document::new(body_type::RELEASE, &body)
        });
        let marker = || Document::new(body_type::MARKER, &json!({"time": "2026-01-01T00:00:00Z"}));
        self.put_like(&format!("{at}/commit/{commit}"), &at, "marker", marker);
        for number in 0..=ENVIRONMENTS {
            let (place, name, inputs) = match number {
                ENVIRONMENTS => ("task/build".to_owned(), "task", json!({})),
                number => (format!("deploy/env-{number}"), "up", input(number)),
            };
            let run = || {
                let body = json!({"type": name, "release": "AT", "functions": [{"fn": function(name),
                    "inputs": inputs}], "output": {"x": "y"}, "watch_files": null});
                Document::new(body_type::RUN_STARTED, &body)
            };
            let task = || {
                let body = json!({"run_ref": format!("AT/{place}/1"), "type": name, "release": "AT",
                    "input": inputs, "output": {"x": "y"}});
                Document::new(body_type::TASK, &body)
            };
            let logs = || Document::new(body_type::LOGS, &json!(null));
            self.put_like(&format!("{at}/{place}/1"), &at, &format!("run {number}"), run);
            self.put_like(&format!("{at}/{place}/1/status/complete"), &at, "marker", marker);
            self.put_like(&format!("{at}/{place}/1/logs"), &at, "logs", logs);
            self.put_like(&format!("{at}/{place}"), &at, &format!("task {number}"), task);
        }
        for number in 0..ENVIRONMENTS {
            let link = || Document::link(&format!("s/-/AT/@r1/deploy/env-{number}").parse().unwrap());
            let intent =
                || Document::new(body_type::INTENT, &json!({"release": "AT", "input": input(number)}));
            let place = format!("{package}/@/deploy/env-{number}");
            let template = link().to_text().replace("s/-/AT/@r1", &at);
            self.put(&place, template);
            self.put_like(&place.replace('@', "+"), &at, &format!("intent {number}"), intent);
        }
    }

    /// Writes a package's summary.
    fn summarise(&mut self, package: &str) {
        let folder = format!("refs/{package}/");
        let mut snapshot = Snapshot::empty();
        let inside = self.state.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder));
        for (path, bytes) in inside {
            let at = path.trim_start_matches("refs/").trim_end_matches("/@object.json");
            snapshot.load(&at.parse().unwrap(), Some(bytes));
        }
        let package = package.parse().unwrap();
        let tree = tree_id(&self.state, &folder);
        let summary = summary::of_package(&snapshot, &package, &tree).unwrap().unwrap();
        self.state.insert(summary::path(&package), summary.to_text().into_bytes());
    }
}

fn store() -> Branches {
    let mut branches = Branches::default();
    branches.state.insert(".ocuroot-store".into(), br#"{"version":3,"Tags":{"state":{}}}"#.to_vec());
    branches.intent.insert(".ocuroot-store".into(), br#"{"version":3,"Tags":{"intent":{}}}"#.to_vec());
    for environment in 0..ENVIRONMENTS {
        let body = json!({"name": format!("env-{environment}"), "attributes": {"type": "x"}});
        for side in ["@", "+"] {
            let at = format!("{side}/environment/env-{environment}");
            branches.put(&at, Document::new(body_type::ENVIRONMENT, &body).to_text());
        }
    }
    for number in 0..PACKAGES {
        for release in 1..=RELEASES {
            branches.release(&package(number), release);
        }
        branches.summarise(&package(number));
    }
    branches
}

/// A repo with both branches before and after a release of one package.
struct Stores {
    repo: Arc<Repo>,
    state: [String; 2],
    intent: [String; 2],
    documents: usize,
}

/// Made once for all tests: that takes a while.
fn stores() -> &'static Stores {
    static STORES: OnceLock<Stores> = OnceLock::new();
    STORES.get_or_init(|| {
        let mut repo = Repo::default();
        let mut branches = store();
        let documents = branches.state.len() + branches.intent.len() - 2 - PACKAGES;
        let before = "2026-01-01T00:00:00Z";
        let (state, intent) = (repo.commit(before, &branches.state), repo.commit(before, &branches.intent));
        branches.release(&package(3), RELEASES + 1);
        branches.summarise(&package(3));
        let after = "2026-01-02T00:00:00Z";
        Stores {
            state: [state, repo.commit(after, &branches.state)],
            intent: [intent, repo.commit(after, &branches.intent)],
            repo: Arc::new(repo),
            documents,
        }
    })
}

fn host(limits: Limits) -> Host {
    let mut host = Host::of(&stores().repo, limits);
    host.push("state", &stores().state[0]);
    host.push("intent", &stores().intent[0]);
    host
}

/// Somebody has released something.
fn go_on(host: &mut Host) {
    host.push("state", &stores().state[1]);
    host.push("intent", &stores().intent[1]);
}

fn reader(limits: Limits) -> Reader {
    Reader::new(place("state", limits), place("intent", limits), None)
}

/// What the Overview takes besides summaries: environments, and which intents there are.
fn overview_needs(snapshot: &Snapshot) -> Result<usize, Needs> {
    let mut needs = Needs::default();
    let environments = Glob::new("@/environment/*").unwrap();
    for environment in needs.take(snapshot.search(&environments)).unwrap_or_default() {
        needs.take(snapshot.get(&environment));
    }
    let intents = needs.take(snapshot.search(&Glob::new("**/+/deploy/*").unwrap())).unwrap_or_default();
    needs.settle(intents.len())
}

fn open_overview(reader: &mut Reader, host: &mut Host, cache: &mut Cache) {
    settle(reader, host, cache, &Wants { summaries: true, ..Wants::default() });
    assert_eq!(reader.summaries().unwrap().len(), PACKAGES);
    assert_eq!(decide(reader, host, cache, overview_needs), PACKAGES * ENVIRONMENTS);
}

#[test]
fn the_overview_and_a_release() {
    assert!(stores().documents > 100_000);
    // GitHub finds a folder's id in the folder around it, so its listings by path count two.
    for (limits, overview, release, moved) in [(GITHUB, 10, 7, 8), (GITEA, 15, 14, 6), (GITLAB, 51, 54, 16)] {
        let (mut host, mut cache, mut reader) = (host(limits), Cache::default(), reader(limits));
        open_overview(&mut reader, &mut host, &mut cache);
        let cold = host.take_requests();
        let at: Ref = format!("{}/@r7", package(5)).parse().unwrap();
        let detail = decide(&mut reader, &mut host, &mut cache, |snapshot| overview::release(snapshot, &at));
        assert_eq!(detail.phases.len(), 2);
        let then = host.take_requests();
        // The next session, with nothing new.
        let mut again = self::reader(limits);
        open_overview(&mut again, &mut host, &mut cache);
        decide(&mut again, &mut host, &mut cache, |snapshot| overview::release(snapshot, &at));
        assert_eq!(host.take_requests(), 2, "{:#?}", host.asked);
        // And after a release, which moves both branches.
        go_on(&mut host);
        let polls = reader.poll();
        carry_out(&mut reader, &mut host, &cache, polls);
        reader.advance();
        open_overview(&mut reader, &mut host, &mut cache);
        let after = host.take_requests();
        println!("{limits:?}: {cold}, {then}, {after}");
        assert!(cold <= overview && then <= release && after <= moved, "{cold}, {then}, {after}");
    }
}

/// The Plan, where nothing is to be done but to look: what summaries leave open.
#[test]
fn the_plan() {
    let facts = Facts::at("2026-01-03T00:00:00Z");
    let open = |reader: &mut Reader, host: &mut Host, cache: &mut Cache| {
        settle(reader, host, cache, &Wants { summaries: true, ..Wants::default() });
        let page = loop {
            let summaries = reader.summaries().unwrap();
            match plan::page(reader.snapshot(), Some(&summaries), &facts) {
                Ok(page) => break page,
                Err(needs) => settle(reader, host, cache, &Wants { needs, summaries: true }),
            }
        };
        assert_eq!(page.count, 0, "{page:#?}");
    };
    // GitLab does not tell the root of a commit, from which everything follows.
    for (limits, cold, warm) in [(GITHUB, 10, 5), (GITEA, 16, 4), (GITLAB, 51, 17)] {
        let (mut host, mut cache, mut reader) = (host(limits), Cache::default(), reader(limits));
        open(&mut reader, &mut host, &mut cache);
        let first = host.take_requests();
        go_on(&mut host);
        let mut again = self::reader(limits);
        open(&mut again, &mut host, &mut cache.clone());
        let next = host.take_requests();
        // In the same session.
        let polls = reader.poll();
        carry_out(&mut reader, &mut host, &cache, polls);
        reader.advance();
        open(&mut reader, &mut host, &mut cache);
        let then = host.take_requests();
        println!("{limits:?}: {first}, {next}, {then}");
        assert!(first <= cold && next <= warm && then <= warm, "{first}, {next}, {then}");
    }
}
