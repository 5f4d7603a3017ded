//! Summaries follow what happens: each is made from the one before, and is the one that the whole
//! package would give.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ocuroot_core::documents::{Release, Status, body_type};
use ocuroot_core::facts::Facts;
use ocuroot_core::memory::{Memory, Reads};
use ocuroot_core::snapshot::Snapshot;
use ocuroot_core::summary::{self, Summary, Trees};
use ocuroot_core::transaction::{Edit, Transaction};
use ocuroot_core::{Marker as Side, Ref, intent, ops, release, run, runs};
use proptest::prelude::*;
use serde_json::json;

use crate::candidates::same_plan;
use crate::fixture::{facts, function_of, inputs_of, package_of, r, store};
use crate::summary::{LONG, crowded};

/// A store with its summaries, as a git store keeps them.
struct World {
    store: Memory,
    summaries: BTreeMap<Ref, String>,
    /// Minutes since it began.
    now: u32,
}

/// Some id that is another when anything in the package's folder is.
fn tree(store: &Memory, package: &Ref) -> String {
    let mut hash = DefaultHasher::new();
    for at in store.refs().filter(|at| at.marker() != Some(Side::Intent) && at.is_below(package)) {
        (at.as_str(), store.bytes(&at)).hash(&mut hash);
    }
    format!("{:040x}", hash.finish())
}

pub(crate) fn whole(store: &Memory, package: &Ref) -> Option<String> {
    whole_of(&store.snapshot(), store, package)
}

fn whole_of(snapshot: &Snapshot, store: &Memory, package: &Ref) -> Option<String> {
    let summary = summary::of_package(snapshot, package, &tree(store, package)).unwrap();
    summary.map(|summary| summary.to_text())
}

impl World {
    fn new(fixture: &str) -> World {
        World::of(store(fixture))
    }

    fn of(store: Memory) -> World {
        let packages = summary::packages(&store.snapshot()).unwrap();
        let summaries =
            packages.into_iter().map(|package| (package.clone(), whole(&store, &package).unwrap())).collect();
        World { store, summaries, now: 0 }
    }

    fn facts(&self) -> Facts {
        let (hour, minute) = (self.now / 60, self.now % 60);
        Facts { now: format!("2026-03-01T{hour:02}:{minute:02}:00Z"), ..facts() }
    }

    /// Carries `transaction` out, brings the summaries of what it touches up to date, and compares all
    /// with what the whole store gives. Returns what was read of each package.
    #[track_caller]
    fn commit(&mut self, transaction: &Transaction) -> BTreeMap<Ref, Reads> {
        let before = self.store.clone();
        self.store.commit(transaction).unwrap();
        let snapshot = self.store.snapshot();
        let mut all = BTreeMap::new();
        for package in summary::touched(transaction) {
            let trees = [&before, &self.store].map(|store| tree(store, &package));
            let trees = Trees { before: &trees[0], after: &trees[1] };
            let stored = self.summaries.get(&package).map(String::as_bytes);
            let (updated, reads) =
                before.decide_counting(|s| summary::update(stored, s, transaction, &package, trees));
            let updated = updated.unwrap().map(|summary| summary.to_text());
            let expected = whole_of(&snapshot, &self.store, &package);
            assert_eq!(updated, expected, "{package} after {transaction:#?}");
            match updated {
                Some(text) => self.summaries.insert(package.clone(), text),
                None => self.summaries.remove(&package),
            };
            all.insert(package, reads);
        }
        // What is said not to be touched is as it was.
        for package in summary::packages(&snapshot).unwrap().iter().filter(|p| !all.contains_key(*p)) {
            let expected = whole_of(&snapshot, &self.store, package);
            assert_eq!(self.summaries.get(package), expected.as_ref(), "{transaction:#?}");
        }
        let packages = summary::packages(&snapshot).unwrap();
        assert!(self.summaries.keys().all(|package| packages.contains(package)));
        all
    }

    /// As [`World::commit`], of what `edit` does.
    #[track_caller]
    fn edit(&mut self, edit: impl Fn(&mut Edit<'_>)) -> BTreeMap<Ref, Reads> {
        let snapshot = self.store.snapshot();
        let mut step = Edit::new(&snapshot, "by hand");
        edit(&mut step);
        self.commit(&step.finish())
    }
}

/// What can happen. The numbers choose among what there is.
fn happen(
    snapshot: &Snapshot,
    facts: &Facts,
    packages: &[&str],
    (what, which, how): (u8, usize, usize),
) -> Option<Transaction> {
    let pick = |from: Vec<Ref>| (!from.is_empty()).then(|| from[which % from.len()].clone());
    let all = runs::of_store(snapshot).unwrap();
    let run_in = |wanted: &[Status]| {
        pick(
            all.iter()
                .filter(|run| wanted.contains(&run.status()))
                .map(|run| run.reference.clone())
                .collect(),
        )
    };
    let package = pick(packages.iter().map(|package| r(package)).collect())?;
    let release = || {
        let text = format!("{package}/@r*");
        let found = snapshot.search(&text.parse().unwrap()).unwrap();
        pick(found.into_iter().filter(|at| at.release_number().is_some()).collect())
    };
    let custom = ["s/-/p/@/custom/a", "s/-/p/@r2/custom/a", "s/-/p/@r22/custom/a", "s/-/dir/@r1/custom/b"];
    Some(match what {
        0..=5 => {
            let next = release::next_number(snapshot, &package).unwrap() + u64::from(how == 7);
            let release = package.with_release(&format!("r{next}")).unwrap();
            let own = release.as_str();
            let definition = match how % 4 {
                0 => "build | >prod; >qa".to_owned(),
                1 => format!(
                    "build; test(a<-{own}/custom/a) | >prod(a<-{package}/@/custom/a, v<-{package}/@v1/custom/a)"
                ),
                2 => format!(
                    "build(b<-{package}/@/task/build#output/x) | >qa(n<-{package}/@/op/check_envs, o<-{own}/task/build#output/x); >prod(c<-@/custom/c, environment<-@/environment/prod)"
                ),
                _ => format!(
                    ">prod(l<-{package}/@/deploy/qa#output/x, m<-{package}/@) | >qa(n<-{package}/@r2/custom/a) | test"
                ),
            };
            let commit = release::Commit {
                hash: format!("{:x}", next * 7919),
                subject: "What it was for ".repeat(how),
                author: "Ada".into(),
            };
            release::create(snapshot, &release, &commit, package_of(&definition), facts).ok()?
        }
        6..=20 => run::claim(snapshot, &run_in(&[Status::Pending, Status::Paused])?, facts).ok()?.0,
        21..=34 => {
            let output = if how % 2 == 0 { json!({"x": 1}) } else { json!({"x": null}) };
            let done = run::Completion {
                output: output.as_object().cloned(),
                tags: if how % 3 == 0 { vec![format!("v{}", how % 2)] } else { Vec::new() },
                watch_files: Vec::new(),
            };
            run::complete(snapshot, &run_in(&[Status::Running])?, &done, &[], facts).ok()?
        }
        35..=37 => run::fail(snapshot, &run_in(&[Status::Running])?, &[], facts).ok()?,
        38..=40 => {
            let inputs = inputs_of(["a<-s/-/p/@/custom/a", "c<-@/custom/c", "d=1"][how % 3]);
            run::next(snapshot, &run_in(&[Status::Running])?, function_of("more"), inputs, &[], facts).ok()?.0
        }
        41 => run::progress(snapshot, &run_in(&[Status::Running])?, &[], facts).ok()?,
        42..=44 => release::retry(snapshot, &release()?, facts).ok()?.0,
        45 => release::cancel(snapshot, &release()?, facts).ok()?.0,
        46..=53 => {
            let at = r(custom[which % custom.len()]);
            let mut edit = Edit::new(snapshot, "custom");
            match how % 3 {
                0 => edit.delete(&at).unwrap(),
                1 => edit.put_body(&at, "float64", &which).unwrap(),
                _ => edit.put_body(&at, "", &serde_json::Value::Null).unwrap(),
            }
            edit.finish()
        }
        54..=56 => {
            let mut edit = Edit::new(snapshot, "an environment has changed");
            edit.put_body(&release()?.child("op/check_envs").unwrap(), body_type::MARKER, &facts.marker())
                .unwrap();
            edit.finish()
        }
        57..=59 => {
            let op = pick(ops::waiting(snapshot).unwrap())?;
            ops::check_envs(snapshot, &op, package_of("build | >prod; >qa; >new"), facts).ok()?.0
        }
        60..=66 => {
            let at = package.child(["@/deploy/prod", "@/deploy/qa"][how % 2]).unwrap();
            let wanted = if how < 6 {
                intent::set(snapshot, &at, &json!({"release": release()?, "input": {}})).ok()?
            } else {
                intent::delete(snapshot, &at).ok()?
            };
            let applied = intent::apply(&snapshot.with(&wanted), &at, facts).ok()?.0;
            wanted.then(applied)
        }
        67..=69 => {
            let mut edit = Edit::new(snapshot, "a tag moves");
            edit.link(&package.with_release("v1").unwrap(), &release()?).unwrap();
            edit.finish()
        }
        // People and other tools.
        70..=72 => {
            let mut edit = Edit::new(snapshot, "something goes");
            let text = format!("{package}/@**");
            let there = snapshot.search(&text.parse().unwrap()).unwrap();
            let what = [
                |at: &Ref| at.kind().is_none(),
                |at: &Ref| at.release() == Some(""),
                |at: &Ref| at.kind().is_some(),
            ];
            edit.delete(&pick(there.into_iter().filter(what[how % 3]).collect())?).unwrap();
            edit.finish()
        }
        _ => {
            let mut edit = Edit::new(snapshot, "somewhere else");
            let current = package.child("@/deploy/prod").unwrap();
            let to = [
                "s/-/p/@r2/deploy/qa",
                "s/-/p/@v1/deploy/prod",
                "s/-/dir/q/@r1/deploy/prod",
                "s/-/p/@r21/deploy/prod",
                "s/-/p/@/deploy/prod",
            ];
            edit.link(&current, &r(to[how % to.len()])).unwrap();
            edit.finish()
        }
    })
}

/// Releases that are done, to begin with.
fn past(package: &str, releases: usize, deploys: &str) -> String {
    let mut text = String::new();
    for release in 1..=releases {
        text += &format!("{package}/@r{release} = release c{release}: build | {deploys}\n");
        text += &format!("{package}/@r{release}/task/build/1 = complete build\n");
        for deploy in deploys.split("; ") {
            let place = format!("{package}/@r{release}/deploy/{}", deploy.trim_start_matches('>'));
            text += &format!("{place}/1 = complete up\n{place} = up 1\n");
            text += &format!(
                "{place}/1/status/complete = {{\"time\":\"2026-01-01T00:00:{release:02}Z\",\"started\":\"2026-01-01T00:00:00Z\"}}\n"
            );
            if release == releases {
                text += &format!("{} -> {place}\n", place.replace(&format!("@r{release}"), "@"));
            }
        }
    }
    text
}

/// Carries out what `steps` say, several at once where they say so.
fn play(fixture: &str, packages: &[&str], steps: &[((u8, usize, usize), bool)]) {
    let mut world = World::new(fixture);
    let mut together = Transaction::default();
    for (step, more) in steps {
        world.now += 1;
        if world.now.is_multiple_of(8) {
            same_plan(&world.store, &world.summaries);
        }
        let snapshot = world.store.snapshot().with(&together);
        let Some(step) = happen(&snapshot, &world.facts(), packages, *step) else { continue };
        together = std::mem::take(&mut together).then(step);
        if !more {
            world.commit(&std::mem::take(&mut together));
        }
    }
    world.commit(&together);
    same_plan(&world.store, &world.summaries);
}

fn steps(most: usize) -> impl Strategy<Value = Vec<((u8, usize, usize), bool)>> {
    prop::collection::vec(((0..74u8, 0..1000usize, 0..9usize), prop::bool::weighted(0.2)), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_is_what_the_whole_gives(steps in steps(60)) {
        play("", &["s/-/p", "s/-/dir", "s/-/dir/q"], &steps);
    }

    #[test]
    fn old_releases_leave(steps in steps(25)) {
        play(&past("s/-/p", 21, ">prod; >qa"), &["s/-/p"], &steps);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_cut_comes_back(steps in steps(15)) {
        play(&crowded(LONG, 21, 5, "pending"), &[LONG], &steps);
    }
}

/// The documents that were read.
fn bodies(reads: &Reads) -> Vec<&str> {
    reads.bodies.iter().map(Ref::as_str).collect()
}

#[test]
fn only_what_is_touched_is_read() {
    let package = "s/-/p";
    let environments: Vec<String> = (0..40).map(|n| format!(">env{n:02}")).collect();
    let mut fixture = past(package, 11, &environments.join("; "));
    fixture += &past(package, 12, &environments.join("; "))
        .lines()
        .filter(|line| line.contains("/@r12"))
        .filter(|line| !line.contains(" -> ") && !line.contains("/env07"))
        .fold(String::new(), |text, line| text + line + "\n");
    fixture += "s/-/p/@r12/deploy/env07/1 = running up\n";
    let mut world = World::new(&fixture);
    let done = run::Completion { output: json!({"url": "x"}).as_object().cloned(), ..Default::default() };
    let at = r("s/-/p/@r12/deploy/env07/1");
    let done = run::complete(&world.store.snapshot(), &at, &done, &[], &world.facts());
    let reads = &world.commit(&done.unwrap())[&r(package)];
    // The Task that the link leads to no more, to see that it says what it said. All else is in the
    // transaction, and in the summary as it was.
    assert_eq!(bodies(reads), ["s/-/p/@r11/deploy/env07"]);
    let outside = reads.folders.iter().filter(|(_, path)| !path.starts_with("s/-/p/@r12")).count();
    assert_eq!((reads.rounds, outside, reads.folders.len()), (2, 0, 167));
    // A new release, and the claim of its first run: all is in the transaction.
    let commit = release::Commit { hash: "c13".into(), ..release::Commit::default() };
    let (new, definition) = (r("s/-/p/@r13"), format!("build | {}", environments.join("; ")));
    let made =
        release::create(&world.store.snapshot(), &new, &commit, package_of(&definition), &world.facts());
    assert_eq!(bodies(&world.commit(&made.unwrap())[&r(package)]), [""; 0]);
    let first = new.child("task/build/1").unwrap();
    let claimed = run::claim(&world.store.snapshot(), &first, &world.facts()).unwrap().0;
    let reads = &world.commit(&claimed)[&r(package)];
    // Of those that wait for it, what they wait for.
    assert!(reads.bodies.iter().all(|read| read.release() == Some("r13")), "{reads:?}");
    assert_eq!(reads.bodies.len(), 40);
    // Without the summary as it was, everything is.
    let whole = world.store.decide_counting(|s| summary::of_package(s, &r(package), "")).1;
    assert!(whole.bodies.len() > 300, "{}", whole.bodies.len());
}

#[test]
fn what_open_runs_use_elsewhere_is_followed() {
    let fixture = "
        s/-/p/@r1 = release c1: t
        s/-/p/@r1/task/t/1 = complete t => {\"x\": 1}
        s/-/p/@r1/task/t = task 1 {\"x\": 1}
        s/-/p/@/task/t -> s/-/p/@r1/task/t
        s/-/p/@v1 -> s/-/p/@r1
        s/-/p/@r2 = release c2: u
        s/-/p/@r2/task/u/1 = pending u(a<-s/-/p/@/custom/a, b<-s/-/p/@v1/custom/b, c<-s/-/p/@/task/t#output/x, d<-s/-/p/@r2/custom/d, n<-s/-/p/@/commit/c2, o<-s/-/p/@r2/op/check_envs)
        s/-/p/@r2/task/w/1 = pending w after s/-/p/@r1/task/t/*/status/complete s/-/q/@r1/task/t/*/status/complete
        s/-/p/@r2/op/check_envs = {}
        s/-/p/@r3 = release c3: t
        s/-/p/@r3/task/t/1 = pending t
    ";
    let waits = |world: &World| {
        let value: serde_json::Value = serde_json::from_str(&world.summaries[&r("s/-/p")]).unwrap();
        let release = value["releases"].as_array().unwrap().iter().find(|r| r["id"] == "r2").unwrap();
        release["open"]["task/u"]["waits"].to_string().replace("s/-/p/", "")
    };
    let mut world = World::new(fixture);
    assert_eq!(waits(&world), r#"["@/custom/a","@v1/custom/b","@r2/custom/d"]"#);
    let put = |at: &'static str, value: u64| {
        move |edit: &mut Edit<'_>| edit.put_body(&r(at), "float64", &value).unwrap()
    };
    let delete = |at: &'static str| move |edit: &mut Edit<'_>| edit.delete(&r(at)).unwrap();
    world.edit(put("s/-/p/@/custom/a", 1));
    assert_eq!(waits(&world), r#"["@v1/custom/b","@r2/custom/d","@/commit/c2"]"#);
    world.edit(put("s/-/p/@r1/custom/b", 1));
    assert_eq!(waits(&world), r#"["@r2/custom/d","@/commit/c2"]"#);
    // The newest release is not the one of that commit any more, or again.
    world.edit(delete("s/-/p/@r3"));
    assert_eq!(waits(&world), r#"["@r2/custom/d"]"#);
    world.edit(put("s/-/p/@r2/custom/d", 1));
    assert_eq!(waits(&world), "null");
    world.edit(delete("s/-/p/@r2/op/check_envs"));
    assert_eq!(waits(&world), r#"["@r2/op/check_envs"]"#);
    world.edit(put("s/-/p/@r2/op/check_envs", 1));
    // Links and tags that lead elsewhere now.
    world.edit(|edit| assert!(edit.link(&r("s/-/p/@v1"), &r("s/-/p/@r2")).unwrap()));
    assert_eq!(waits(&world), r#"["@v1/custom/b"]"#);
    world.edit(delete("s/-/p/@/task/t"));
    assert_eq!(waits(&world), r#"["@v1/custom/b","@/task/t#output/x"]"#);
    world.edit(delete("s/-/p/@/custom/a"));
    assert_eq!(waits(&world), r#"["@/custom/a","@v1/custom/b","@/task/t#output/x"]"#);
    // A link under another name is followed by runs, but not here.
    world.edit(|edit| assert!(edit.link(&r("s/-/p/@/custom/a"), &r("s/-/p/@r2/custom/d")).unwrap()));
    assert_eq!(waits(&world), r#"["@/custom/a","@v1/custom/b","@/task/t#output/x"]"#);
    // So are dependencies on other releases, and other packages.
    let all = "s/-/p/@r1/task/t/*/status/complete\",\"s/-/q/@r1/task/t/*/status/complete";
    assert!(world.summaries[&r("s/-/p")].contains(all));
    // What nobody uses costs nothing but what it is itself.
    let reads = &world.edit(put("s/-/p/@/custom/other", 1))[&r("s/-/p")];
    assert_eq!((reads.rounds, bodies(reads)), (0, Vec::new()));
}

#[test]
fn how_long_it_takes_is_told_by_the_newest() {
    let samples = |world: &World| {
        let value: serde_json::Value = serde_json::from_str(&world.summaries[&r("s/-/p")]).unwrap();
        format!("{} {}", value["live"]["prod"]["took"], value["live"]["prod"]["samples"])
    };
    let mut world = World::new(&past("s/-/p", 7, ">prod"));
    assert_eq!(samples(&world), "5 [[7,1,7],[6,1,6],[5,1,5],[4,1,4],[3,1,3]]");
    // An older one takes the place of one that goes.
    world.edit(|edit| edit.delete(&r("s/-/p/@r5/deploy/prod/1/status/complete")).unwrap());
    assert_eq!(samples(&world), "4 [[7,1,7],[6,1,6],[4,1,4],[3,1,3],[2,1,2]]");
    // Gone, and there again.
    world.edit(|edit| edit.delete(&r("s/-/p/@/deploy/prod")).unwrap());
    assert_eq!(samples(&world), "null null");
    world.edit(|edit| assert!(edit.link(&r("s/-/p/@/deploy/prod"), &r("s/-/p/@r6/deploy/prod")).unwrap()));
    assert_eq!(samples(&world), "4 [[7,1,7],[6,1,6],[4,1,4],[3,1,3],[2,1,2]]");
    // One that took a deployment down is none.
    world.edit(|edit| {
        let at = r("s/-/p/@r7/deploy/prod/1");
        let mut run: ocuroot_core::documents::Run = edit.get(&at).unwrap().unwrap().read().unwrap();
        run.run_type = Some(ocuroot_core::documents::RunType::Down);
        edit.put_body(&at, body_type::RUN_STARTED, &run).unwrap();
    });
    assert_eq!(samples(&world), "3 [[6,1,6],[4,1,4],[3,1,3],[2,1,2],[1,1,1]]");
    // They leave with their releases.
    for (release, expected) in [
        (20, "3 [[6,1,6],[4,1,4],[3,1,3],[2,1,2],[1,1,1]]"),
        (21, "4 [[6,1,6],[4,1,4],[3,1,3],[2,1,2]]"),
        (25, "6 [[6,1,6]]"),
        (26, "null null"),
    ] {
        for release in 1..=release {
            let at = r(&format!("s/-/p/@r{release}"));
            let commit = release::Commit { hash: format!("c{release}"), ..release::Commit::default() };
            let made = release::create(&world.store.snapshot(), &at, &commit, package_of("t"), &facts());
            if let Ok(made) = made {
                world.commit(&made);
            }
        }
        assert_eq!(samples(&world), expected, "r{release}");
    }
}

#[test]
fn what_is_cut_comes_back_step_by_step() {
    let tag = |release: usize, n: usize| format!("{LONG}/@{}-{release}-{n}", "t".repeat(90));
    let tags: String = (1..=22)
        .flat_map(|release| (0..5).map(move |n| (release, n)))
        .map(|(release, n)| format!("{} -> {LONG}/@r{release}\n", tag(release, n)))
        .collect();
    let fixture = crowded(LONG, 22, 6, "pending");
    for (fixture, expected) in
        [(fixture.clone(), "00000012222222222222"), (fixture + &tags, "22222222222222222233")]
    {
        let mut world = World::new(&fixture);
        let cuts = |world: &World| {
            let summary = summary::Summary::parse(world.summaries[&r(LONG)].as_bytes()).unwrap();
            summary.releases.iter().map(|release| release.cut.len().to_string()).collect::<String>()
        };
        assert_eq!(cuts(&world), expected);
        // What happens to one that is cut.
        let at = r(&format!("{LONG}/@r3/custom/x"));
        let reads = &world.edit(|edit| edit.put_body(&at, "float64", &1).unwrap())[&r(LONG)];
        assert!(reads.bodies.iter().all(|read| read.release() == Some("r3")), "{reads:?}");
        assert_eq!(cuts(&world), expected);
        for release in (3..=22).rev() {
            // Newer ones end, and leave room for old ones.
            let at = r(&format!("{LONG}/@r{release}"));
            let runs = runs::of_release(&world.store.snapshot(), &at).unwrap();
            world.edit(|edit| {
                for run in &runs {
                    let marker = |status| run::status_ref(&run.reference, status).unwrap();
                    edit.delete(&marker(Status::Pending)).unwrap();
                    edit.put_body(&marker(Status::Complete), body_type::MARKER, &facts().marker()).unwrap();
                }
                for n in 0..5 {
                    edit.delete(&r(&tag(release, n))).unwrap();
                }
            });
        }
        assert_eq!(cuts(&world), "0".repeat(20));
    }
}

#[test]
fn what_is_told_of_what_is_live_follows_its_documents() {
    let mut world = World::new(&past("s/-/p", 2, ">prod"));
    let live = |world: &World| {
        let value: serde_json::Value = serde_json::from_str(&world.summaries[&r("s/-/p")]).unwrap();
        let live = &value["live"]["prod"];
        format!("{} {} {}", live["release"], live["since"], live["took"])
    };
    assert_eq!(live(&world), r#""r2" "2026-01-01T00:00:02Z" 2"#);
    let marker = json!({"time": "2026-01-01T00:00:09Z", "started": "2026-01-01T00:00:00Z"});
    world.edit(|edit| {
        let at = r("s/-/p/@r2/deploy/prod/1/status/complete");
        edit.put_body(&at, body_type::MARKER, &marker).unwrap();
    });
    assert_eq!(live(&world), r#""r2" "2026-01-01T00:00:09Z" 9"#);
    // Runs that were there before their release.
    world.edit(|edit| {
        for (at, body) in
            [("task/t/1", json!({})), ("deploy/prod/1", json!({"type": "up", "release": "s/-/p/@r3"}))]
        {
            let at = r("s/-/p/@r3").child(at).unwrap();
            edit.put_body(&at, body_type::RUN_STARTED, &body).unwrap();
            edit.put_body(&run::status_ref(&at, Status::Complete).unwrap(), body_type::MARKER, &marker)
                .unwrap();
        }
    });
    world.edit(|edit| edit.put_body(&r("s/-/p/@r3"), body_type::RELEASE, &json!({})).unwrap());
    assert_eq!(live(&world), r#""r2" "2026-01-01T00:00:09Z" 9"#);
    // A link to anything but its own Task in a release is no deployment.
    for to in
        ["s/-/p/@r1/task/build", "s/-/p/@v1/deploy/prod", "s/-/q/@r1/deploy/prod", "s/-/p/@r9/deploy/prod"]
    {
        world.edit(|edit| assert!(edit.link(&r("s/-/p/@/deploy/prod"), &r(to)).unwrap()));
        assert_eq!(live(&world), "null null null", "{to}");
    }
    // It was there all the time, and leads somewhere now.
    world.edit(|edit| {
        let at = r("s/-/p/@r9/deploy/prod");
        let task = json!({"run_ref": "s/-/p/@r2/deploy/prod/1", "release": "s/-/p/@r9"});
        edit.put_body(&at, body_type::TASK, &task).unwrap();
    });
    assert_eq!(live(&world), r#""r9" "" 9"#);
}

#[test]
fn where_the_newest_release_deploys_is_told() {
    let package = r("s/-/p");
    let mut world = World::new(&past("s/-/p", 2, ">a; >b"));
    let phases = |world: &World| Summary::parse(world.summaries[&package].as_bytes()).unwrap().phases;
    let names = |all: &[&[&str]]| -> Option<Vec<Vec<String>>> {
        Some(all.iter().map(|phase| phase.iter().copied().map(str::to_owned).collect()).collect())
    };
    assert_eq!(phases(&world), names(&[&["a", "b"]]));
    // Somebody mends its document, and that of an older one.
    for (release, definition, told) in
        [("r2", ">b | >a", [&["b"][..], &["a"]]), ("r1", ">c", [&["b"], &["a"]])]
    {
        let at = package.with_release(release).unwrap();
        let body = Release { package: package_of(definition), ..Release::default() };
        world.edit(|edit| edit.put_body(&at, body_type::RELEASE, &body).unwrap());
        assert_eq!(phases(&world), names(&told));
    }
    // A tool that did not tell it yet wrote the summary.
    let older = Summary { phases: None, ..Summary::parse(world.summaries[&package].as_bytes()).unwrap() };
    world.summaries.insert(package.clone(), older.to_text());
    let reads = world.edit(|edit| edit.put_body(&r("s/-/p/@/custom/a"), "float64", &1).unwrap());
    assert_eq!(bodies(&reads[&package]), ["s/-/p/@r2"]);
    let reads = world.edit(|edit| edit.put_body(&r("s/-/p/@/custom/a"), "float64", &2).unwrap());
    assert_eq!(bodies(&reads[&package]), ["s/-/p/@/custom/a"]);
}

#[test]
fn what_somebody_else_wrote_is_made_anew() {
    let fixture = past("s/-/p", 2, ">prod");
    let step = |store: &Memory| {
        let snapshot = store.snapshot();
        let mut edit = Edit::new(&snapshot, "custom");
        edit.put_body(&r("s/-/p/@/custom/a"), "float64", &1).unwrap();
        edit.finish()
    };
    let before = store(&fixture);
    let transaction = step(&before);
    let mut after = before.clone();
    after.commit(&transaction).unwrap();
    let (package, tree_before, tree_after) =
        (r("s/-/p"), tree(&before, &r("s/-/p")), tree(&after, &r("s/-/p")));
    let text = whole(&before, &package).unwrap();
    let trees = Trees { before: &tree_before, after: &tree_after };
    let rounds = |stored: Option<&str>, trees: Trees<'_>| {
        let stored = stored.map(str::as_bytes);
        let (updated, reads) =
            before.decide_counting(|s| summary::update(stored, s, &transaction, &package, trees));
        assert_eq!(updated.unwrap().unwrap().to_text(), whole(&after, &package).unwrap());
        reads.rounds
    };
    assert_eq!(rounds(Some(&text), trees), 0);
    for (stored, what) in [
        (None, "none"),
        (Some("{"), "garbage"),
        (Some(&*text.replace("\"tree\"", "\"later\":1,\"tree\"")), "a newer tool's"),
        (Some(text.trim_end()), "edited"),
        (Some(&*text.replace("s/-/p\"", "s/-/q\"")), "another package's"),
    ] {
        assert!(rounds(stored, trees) > 0, "{what}");
    }
    // The package has changed since, by a tool that writes no summaries.
    assert!(rounds(Some(&text), Trees { before: "another", ..trees }) > 0);
}

#[test]
fn packages_come_and_go() {
    let mut world = World::new("s/-/dir/p/@r1 = release c1: t\ns/-/repo.ocu.star/@c = {}");
    assert!(world.summaries.keys().eq([&r("s/-/dir/p")]));
    // A package's folder may hold another's: that one's tree is another now.
    world.edit(|edit| edit.put_body(&r("s/-/dir/@r1"), body_type::RELEASE, &json!({"commit": "c"})).unwrap());
    let touched = world.edit(|edit| edit.put_body(&r("s/-/dir/p/@/custom/a"), "float64", &1).unwrap());
    assert!(touched.keys().map(Ref::as_str).eq(["s/-", "s/-/dir", "s/-/dir/p"]));
    assert_eq!(bodies(&touched[&r("s/-/dir")]), Vec::<&str>::new());
    world.edit(|edit| edit.delete(&r("s/-/dir/p/@r1")).unwrap());
    assert!(world.summaries.keys().eq([&r("s/-/dir")]));
    // The folder is empty once its last document goes.
    let inner = |world: &World| world.summaries[&r("s/-/dir")].contains("\"inner\":true");
    assert!(inner(&world));
    let last: Vec<Ref> = world.store.refs().filter(|at| at.is_below(&r("s/-/dir/p"))).collect();
    world.edit(|edit| last.iter().for_each(|at| edit.delete(at).unwrap()));
    assert!(!inner(&world));
    // Intent, environments and global state belong to no package.
    let at = ["s/-/p/+/custom/a", "@/custom/a", "@/environment/prod", "+/environment/prod"];
    let touched = world.edit(|edit| {
        for at in at {
            edit.put_body(&r(at), "float64", &1).unwrap();
        }
    });
    assert!(touched.is_empty());
}
