//! How many requests it takes, on stores of 1,000 and of 100,000 documents.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::host::{
    ANONYMOUS, Cache, Files, GITEA, GITHUB, GITLAB, GITLAB_SMALL, Host, Limits, Repo, carry_out, decide,
    place, settle, tree_id,
};
use crate::documents::body_type;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::hosts::Ask;
use crate::overview;
use crate::reading::{Reader, Wants};
use crate::refs::{Marker, Ref};
use crate::screens::{self, Depth, plan};
use crate::snapshot::{Folder, Needs, Snapshot};
use crate::summary;

/// How much there is in a store.
#[derive(Clone, Copy)]
struct Size {
    packages: usize,
    environments: usize,
    /// Of each package.
    releases: usize,
}

const LARGE: Size = Size { packages: 50, environments: 40, releases: 12 };
/// Some 1,000 documents.
const SMALL: Size = Size { packages: 5, environments: 5, releases: 7 };

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
    fn release(&mut self, size: Size, package: &str, number: usize) {
        let environments = size.environments;
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
            let deploys: Vec<_> = (0..environments).map(deploy).collect();
            let build = json!({"task": {"name": "build", "inputs": {}, "fn": function("build")}});
            let body = json!({"commit": "AT", "package": {"functions": {},
                "phases": [{"name": "build", "tasks": [build]}, {"name": "", "tasks": deploys}]}});
            Document::new(body_type::RELEASE, &body)
        });
        let marker = || Document::new(body_type::MARKER, &json!({"time": "2026-01-01T00:00:00Z"}));
        self.put_like(&format!("{at}/commit/{commit}"), &at, "marker", marker);
        for number in 0..=environments {
            let (place, name, inputs) = match number {
                number if number == environments => ("task/build".to_owned(), "task", json!({})),
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
        for number in 0..environments {
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

fn store(size: Size) -> Branches {
    let mut branches = Branches::default();
    branches.state.insert(".ocuroot-store".into(), br#"{"version":3,"Tags":{"state":{}}}"#.to_vec());
    branches.intent.insert(".ocuroot-store".into(), br#"{"version":3,"Tags":{"intent":{}}}"#.to_vec());
    for environment in 0..size.environments {
        let body = json!({"name": format!("env-{environment}"), "attributes": {"type": "x"}});
        for side in ["@", "+"] {
            let at = format!("{side}/environment/env-{environment}");
            branches.put(&at, Document::new(body_type::ENVIRONMENT, &body).to_text());
        }
    }
    for number in 0..size.packages {
        for release in 1..=size.releases {
            branches.release(size, &package(number), release);
        }
        branches.summarise(&package(number));
    }
    branches
}

/// A repo with both branches before and after a release of one package.
struct Stores {
    size: Size,
    repo: Arc<Repo>,
    state: [String; 2],
    intent: [String; 2],
    /// State before, by a tool that writes no summaries.
    bare: String,
    /// State and intent before, with custom state that was set since and belongs to no package.
    custom: [String; 2],
    documents: usize,
}

impl Stores {
    fn new(size: Size) -> Stores {
        let mut repo = Repo::default();
        let mut branches = store(size);
        let documents = branches.state.len() + branches.intent.len() - 2 - size.packages;
        let before = "2026-01-01T00:00:00Z";
        let (state, intent) = (repo.commit(before, &branches.state), repo.commit(before, &branches.intent));
        let documents_only = branches.state.iter().filter(|(path, _)| !path.starts_with(summary::FOLDER));
        let bare =
            repo.commit(before, &documents_only.map(|(path, text)| (path.clone(), text.clone())).collect());
        let after = "2026-01-02T00:00:00Z";
        let mut touched = branches.clone();
        for side in ["@", "+"] {
            let text = Document::new("string", &json!("yes")).to_text();
            touched.put(&format!("{side}/custom/touched"), text);
        }
        let custom = [repo.commit(after, &touched.state), repo.commit(after, &touched.intent)];
        branches.release(size, &package(3), size.releases + 1);
        branches.summarise(&package(3));
        Stores {
            size,
            state: [state, repo.commit(after, &branches.state)],
            intent: [intent, repo.commit(after, &branches.intent)],
            repo: Arc::new(repo),
            bare,
            custom,
            documents,
        }
    }

    fn host(&self, limits: Limits) -> Host {
        let mut host = Host::of(&self.repo, limits);
        host.push("state", &self.state[0]);
        host.push("intent", &self.intent[0]);
        host
    }

    /// Somebody has released something.
    fn go_on(&self, host: &mut Host) {
        host.push("state", &self.state[1]);
        host.push("intent", &self.intent[1]);
    }
}

/// Made once for all tests: that takes a while.
fn large() -> &'static Stores {
    static STORES: OnceLock<Stores> = OnceLock::new();
    STORES.get_or_init(|| Stores::new(LARGE))
}

fn reader(limits: Limits) -> Reader {
    Reader::new(place("state", limits), place("intent", limits), None)
}

/// Opens the Overview, as the page does: with all that it says of `depth`.
fn open(reader: &mut Reader, host: &mut Host, cache: &mut Cache, size: Size, depth: Depth) {
    settle(reader, host, cache, &Wants { summaries: true, ..Wants::default() });
    let facts = Facts::at("2026-01-03T00:00:00Z");
    let page = loop {
        let summaries = reader.summaries();
        match screens::overview::page(reader.snapshot(), summaries.as_deref(), &facts, &[], depth) {
            Ok(page) => break page,
            Err(needs) => settle(reader, host, cache, &Wants { needs, summaries: true }),
        }
    };
    assert_eq!(page.columns.len(), size.environments);
    assert!(page.columns.iter().all(|column| column.environment.registered));
    assert_eq!(page.groups.iter().map(|group| group.rows.len()).sum::<usize>(), size.packages);
}

/// … at first, and then whole.
fn open_overview(reader: &mut Reader, host: &mut Host, cache: &mut Cache, size: Size) {
    open(reader, host, cache, size, Depth::First);
    open(reader, host, cache, size, Depth::Whole);
}

/// Until the Overview is drawn; each round is one more that has to be waited for.
#[test]
fn the_overview_cold() {
    assert!(large().documents > 100_000);
    let small = Stores::new(SMALL);
    assert!((900..1_100).contains(&small.documents), "{}", small.documents);
    // Whose limits, how many requests of a small store, of a large one, and rounds.
    let all = [
        ("GitHub", GITHUB, 6, 6, 5),
        ("GitHub, anonymous", ANONYMOUS, 4, 4, 5),
        ("GitLab", GITLAB, 6, 6, 5),
        ("GitLab, 20 files", GITLAB_SMALL, 6, 10, 5),
        ("Gitea", GITEA, 6, 8, 5),
    ];
    for (name, limits, of_small, of_large, rounds) in all {
        for (stores, most) in [(&small, of_small), (large(), of_large)] {
            let mut host = stores.host(limits);
            open(&mut reader(limits), &mut host, &mut Cache::default(), stores.size, Depth::First);
            let (asked, waits) = (host.requests, host.rounds);
            println!("{name}, {} documents: {asked} requests in {waits} rounds", stores.documents);
            assert!(asked <= most && waits <= rounds, "{asked}, {waits}: {:#?}", host.asked);
        }
    }
}

/// All refs are wanted before anybody knows how many there are: a host that is asked for too many at once
/// takes seconds to say so.
#[test]
fn a_large_store_is_not_asked_for_as_a_whole() {
    let mut host = large().host(GITHUB);
    let all = Glob::new("**").unwrap();
    let folder = Folder { side: Marker::State, path: String::new(), below: Some(all) };
    let needs = Needs { folders: [folder].into(), ..Needs::default() };
    settle(&mut reader(GITHUB), &mut host, &mut Cache::default(), &Wants { needs, summaries: true });
    let cut = host.asked.iter().filter(|ask| matches!(ask, Ask::Below { path, .. } if path == "refs"));
    assert_eq!(cut.count(), 0, "{:#?}", host.asked);
}

#[test]
fn the_overview_and_a_release() {
    // GitHub finds a folder's id in the folder around it, so its listings by path count two.
    for (limits, overview, release, moved) in [(GITHUB, 10, 7, 7), (GITEA, 15, 14, 7), (GITLAB, 51, 54, 7)] {
        let (mut host, mut cache, mut reader) = (large().host(limits), Cache::default(), reader(limits));
        open_overview(&mut reader, &mut host, &mut cache, LARGE);
        let cold = host.take_requests();
        let at: Ref = format!("{}/@r7", package(5)).parse().unwrap();
        let detail = decide(&mut reader, &mut host, &mut cache, |snapshot| overview::release(snapshot, &at));
        assert_eq!(detail.phases.len(), 2);
        let then = host.take_requests();
        // The next session, with nothing new.
        let mut again = self::reader(limits);
        open_overview(&mut again, &mut host, &mut cache, LARGE);
        decide(&mut again, &mut host, &mut cache, |snapshot| overview::release(snapshot, &at));
        assert_eq!(host.take_requests(), 2, "{:#?}", host.asked);
        // And after a release, which moves both branches.
        large().go_on(&mut host);
        let polls = reader.poll();
        carry_out(&mut reader, &mut host, &cache, polls);
        reader.advance();
        open_overview(&mut reader, &mut host, &mut cache, LARGE);
        let after = host.take_requests();
        println!("{limits:?}: {cold}, {then}, {after}");
        assert!(cold <= overview && then <= release && after <= moved, "{cold}, {then}, {after}");
    }
}

/// Opens the Plan; returns how much work there is.
fn open_plan(reader: &mut Reader, host: &mut Host, cache: &mut Cache) -> usize {
    let facts = Facts::at("2026-01-03T00:00:00Z");
    settle(reader, host, cache, &Wants { summaries: true, ..Wants::default() });
    loop {
        let summaries = reader.summaries().unwrap();
        match plan::page(reader.snapshot(), Some(&summaries), &facts) {
            Ok(page) => return page.count,
            Err(needs) => settle(reader, host, cache, &Wants { needs, summaries: true }),
        }
    }
}

/// The Plan, where nothing is to be done but to look: what summaries leave open. And after a commit: in the
/// next session, and in the same one.
#[test]
fn the_plan() {
    // Custom state that was set, and is not applied yet; that is applied; a release of 40 deployments, which
    // is a commit on each branch. How much work there is then.
    let [set, applied] = [&large().custom[1], &large().custom[0]];
    let commits = [
        ("set", vec![], vec![("intent", set)], 1),
        ("applied", vec![("intent", set)], vec![("state", applied)], 0),
        ("released", vec![], vec![("state", &large().state[1]), ("intent", &large().intent[1])], 0),
    ];
    // GitLab and Gitea do not tell the root of a commit, from which everything follows.
    for (limits, cold, warm) in [(GITHUB, 11, [4, 4, 5]), (GITEA, 17, [4, 4, 6]), (GITLAB, 54, [4, 4, 6])] {
        for ((name, before, then, work), most) in commits.iter().zip(warm) {
            let (mut host, mut cache, mut reader) = (large().host(limits), Cache::default(), reader(limits));
            before.iter().for_each(|(branch, commit)| host.push(branch, commit));
            open_plan(&mut reader, &mut host, &mut cache);
            let first = host.take_requests();
            then.iter().for_each(|(branch, commit)| host.push(branch, commit));
            let mut again = self::reader(limits);
            assert_eq!(open_plan(&mut again, &mut host, &mut cache.clone()), *work, "{name}");
            let asked = host.asked.clone();
            let next = host.take_requests();
            let polls = reader.poll();
            carry_out(&mut reader, &mut host, &cache, polls);
            reader.advance();
            assert_eq!(open_plan(&mut reader, &mut host, &mut cache), *work, "{name}");
            let same = host.take_requests();
            println!("{limits:?}: {first}, {name}: {next}, {same}");
            assert!(first <= cold && next <= most && same <= most, "{first}, {next}, {same}: {asked:#?}");
        }
    }
}

/// A store whose summaries nobody has written yet: folders of what is current and of each newest release,
/// and those around them.
#[test]
fn the_overview_without_summaries() {
    let small = Stores::new(SMALL);
    for (name, limits, of_small, of_large) in
        [("GitHub", GITHUB, 7, 225), ("GitLab", GITLAB, 40, 374), ("Gitea", GITEA, 40, 227)]
    {
        for (stores, most) in [(&small, of_small), (large(), of_large)] {
            let mut host = stores.host(limits);
            host.push("state", &stores.bare);
            open(&mut reader(limits), &mut host, &mut Cache::default(), stores.size, Depth::First);
            let asked = host.requests;
            println!("{name}, {} documents: {asked} requests in {} rounds", stores.documents, host.rounds);
            assert!(asked <= most && host.rounds <= 14, "{asked}: {:#?}", host.asked);
        }
    }
}
