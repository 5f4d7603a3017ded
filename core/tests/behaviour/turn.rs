//! Where a run stands, as every screen says it: in the same word, of documents and of summaries.

use std::collections::{BTreeMap, BTreeSet};

use ocuroot_core::screens::overview::Cell;
use ocuroot_core::screens::release::panel::panel;
use ocuroot_core::screens::{Depth, Word, custom, environment, overview, package, plan, release, summaries};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::Summary;
use ocuroot_core::why;
use ocuroot_core::{Kind, Ref};

use crate::fixture::{answer, facts, kept, r, store};

/// Runs of every sort that wait, behind the word for each.
const WAITING: &str = r#"
    # The first phase waits for a person; the second one waits for it, and for a person.
    release        s/-/gated/@r1 = release c1: gate | >prod
    needs approval s/-/gated/@r1/task/gate/1 = pending gate(ok<-s/-/gated/@r1/custom/ok)
    pending        s/-/gated/@r1/deploy/prod/1 = pending up(key<-s/-/gated/@r1/custom/key) after s/-/gated/@r1/task/gate/*/status/complete

    # The phase before is complete, and all that is missing are two documents.
    release        s/-/second/@r1 = release c1: build | >prod
    complete       s/-/second/@r1/task/build/1 = complete build
    needs approval s/-/second/@r1/deploy/prod/1 = pending up(a<-@/custom/a, by<-s/-/second/@r1/custom/ok#by) after s/-/second/@r1/task/build/*/status/complete
    document       s/-/second/@r1/custom/ok = {"who": "ada"}

    # One that was before has failed, and nothing is on its way any more; or something still is.
    release        s/-/stuck/@r1 = release c1: perf | >prod; >qa
    failed         s/-/stuck/@r1/task/perf/1 = failed perf
    needs approval s/-/stuck/@r1/deploy/prod/1 = pending up(ok<-s/-/stuck/@r1/custom/ok) after s/-/stuck/@r1/task/perf/*/status/complete
    pending        s/-/stuck/@r1/deploy/qa/1 = pending up after s/-/stuck/@r1/task/perf/*/status/complete
    release        s/-/half/@r1 = release c1: perf; load | >prod
    failed         s/-/half/@r1/task/perf/1 = failed perf
    queued         s/-/half/@r1/task/load/1 = pending load
    pending        s/-/half/@r1/deploy/prod/1 = pending up(ok<-s/-/half/@r1/custom/ok) after s/-/half/@r1/task/perf/*/status/complete s/-/half/@r1/task/load/*/status/complete

    # Another package has to be deployed first; that one is; and a person is needed besides.
    release        s/-/other/@r1 = release c1: >prod; >qa; >icy
    waiting        s/-/other/@r1/deploy/prod/1 = pending up(net<-s/-/net/@/deploy/prod#output/net)
    queued         s/-/other/@r1/deploy/qa/1 = pending up(net<-s/-/net/@/deploy/qa#output/net)
    needs approval s/-/other/@r1/deploy/icy/1 = pending up(net<-s/-/net/@/deploy/prod#output/net, ok<-@/custom/ok)
    release        s/-/net/@r1 = release c1: >qa
    complete       s/-/net/@r1/deploy/qa/1 = complete up
    document       s/-/net/@r1/deploy/qa = up 1 {"net": "10.0.0.0/8"}
    document       s/-/net/@/deploy/qa -> s/-/net/@r1/deploy/qa
    document       s/-/net/+/deploy/qa = r1()

    # More than a summary names.
    release        s/-/many/@r1 = release c1: a; b; c; d | >prod; >qa; >icy
    failed         s/-/many/@r1/task/a/1 = failed a
    failed         s/-/many/@r1/task/b/1 = failed b
    failed         s/-/many/@r1/task/c/1 = failed c
    queued         s/-/many/@r1/task/d/1 = pending d
    needs approval s/-/many/@r1/deploy/prod/1 = pending up(ok<-s/-/many/@r1/custom/ok) after s/-/many/@r1/task/a/*/status/complete s/-/many/@r1/task/b/*/status/complete s/-/many/@r1/task/c/*/status/complete
    pending        s/-/many/@r1/deploy/qa/1 = pending up(ok<-s/-/many/@r1/custom/ok) after s/-/many/@r1/task/a/*/status/complete s/-/many/@r1/task/b/*/status/complete s/-/many/@r1/task/c/*/status/complete s/-/many/@r1/task/d/*/status/complete
    needs approval s/-/many/@r1/deploy/icy/1 = pending up(a<-s/-/net/@/deploy/prod#output/a, b<-s/-/net/@/deploy/prod#output/b, c<-s/-/net/@/deploy/prod#output/c, ok<-s/-/many/@r1/custom/ok)

    # A freeze holds what could start, and nothing else.
    release        s/-/cold/@r1 = release c1: build; >icy
    frozen         s/-/cold/@r1/deploy/icy/1 = pending up
    queued         s/-/cold/@r1/task/build/1 = pending build
    release        s/-/later/@r1 = release c1: build | >icy
    queued         s/-/later/@r1/task/build/1 = pending build
    pending        s/-/later/@r1/deploy/icy/1 = pending up after s/-/later/@r1/task/build/*/status/complete

    # Somebody has set it in intent, and it is not applied: for this release, and for another.
    release        s/-/set/@r1 = release c1: >prod; >qa
    waiting        s/-/set/@r1/deploy/prod/1 = pending up(ok<-s/-/set/@r1/custom/ok)
    needs approval s/-/set/@r1/deploy/qa/1 = pending up(also<-s/-/set/@r1/custom/also)
    document       s/-/set/+r1/custom/ok = "yes"

    # What has begun.
    release        s/-/begun/@r1 = release c1: >prod; >qa; >icy
    needs approval s/-/begun/@r1/deploy/prod/1 = paused up + next(ok<-s/-/begun/@r1/custom/ok)
    waiting        s/-/begun/@r1/deploy/qa/1 = paused up + next(net<-s/-/net/@/deploy/prod#output/net)
    queued         s/-/begun/@r1/deploy/icy/1 = paused up + next(set<-@/custom/set)

    document       @/environment/prod = {"name": "prod", "attributes": {}}
    document       +/environment/prod = {"name": "prod", "attributes": {}}
    document       @/environment/qa = {"name": "qa", "attributes": {}}
    document       +/environment/qa = {"name": "qa", "attributes": {}}
    document       @/environment/icy = {"name": "icy", "attributes": {}}
    document       +/environment/icy = {"name": "icy", "attributes": {}}
    document       @/custom/freeze/icy = {"reason": "sale"}
    document       @/custom/set = 1
    document       +/custom/set = 1
"#;

/// The runs of [`WAITING`], with the word for each, and the store.
fn waiting() -> (BTreeMap<Ref, String>, String) {
    let (mut runs, mut fixture) = (BTreeMap::new(), String::new());
    for line in WAITING.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, document) = line.split_at(15);
        let (word, document) = (word.trim(), document.trim());
        fixture.push_str(&format!("{document}\n"));
        if !["release", "document"].contains(&word) {
            let run = r(document.split_once(" = ").unwrap().0);
            runs.insert(run, word.to_owned());
        }
    }
    (runs, fixture)
}

/// `…/@r1/deploy/prod` of `…/@r1/deploy/prod/1`.
fn place(run: &Ref) -> Ref {
    r(run.as_str().strip_suffix("/1").unwrap())
}

/// What a cell shows of a run that stands at `word`.
fn in_cell(word: &str) -> Option<String> {
    (!["pending", "waiting", "complete"].contains(&word)).then(|| word.to_owned())
}

fn up(cell: &Cell) -> Option<String> {
    cell.up.as_ref().map(|up| up.word.to_string())
}

#[test]
fn every_screen_says_the_same_of_a_run() {
    let (runs, fixture) = waiting();
    let store = store(&fixture);
    let kept = kept(&store);
    for stored in [Some(&kept), None] {
        let asked = |word: &str| -> BTreeSet<Ref> {
            runs.iter().filter(|(_, at)| *at == word).map(|(run, _)| run.clone()).collect()
        };
        let approvals: BTreeSet<Ref> = asked("needs approval").iter().map(place).collect();

        let page = answer(&store, |s| overview::page(s, stored, &facts(), &[], Depth::Whole)).0;
        let listed: BTreeSet<Ref> = page.approvals.iter().map(|entry| entry.standing.at.clone()).collect();
        assert_eq!(listed, approvals, "Overview's list");
        let rows: Vec<_> = page.groups.iter().flat_map(|group| &group.rows).collect();
        for row in &rows {
            let said: BTreeSet<String> = row.words.iter().map(Word::to_string).collect();
            let own = runs.iter().filter(|(run, word)| run.package() == row.package && *word != "complete");
            assert_eq!(said, own.map(|(_, word)| word.clone()).collect(), "{}, Overview", row.package);
        }

        let page_of = |s: &Snapshot| custom_page(s, stored);
        let listed: BTreeSet<Ref> = answer(&store, page_of).0.into_iter().collect();
        assert_eq!(listed, approvals, "Custom state");

        let plan = answer(&store, |s| plan::page(s, stored, &facts())).0;
        let waits: BTreeSet<Ref> = plan.approvals.iter().flat_map(|waits| waits.runs.clone()).collect();
        assert_eq!(waits, asked("needs approval"), "Plan");
        let held: BTreeSet<Ref> =
            plan.frozen.iter().flat_map(|held| &held.runs).map(|held| held.run.clone()).collect();
        assert_eq!(held, asked("frozen"), "Plan");
        let others: BTreeMap<Ref, String> =
            plan.others.iter().map(|other| (other.what.run.clone(), other.word.to_string())).collect();
        let waiting = asked("waiting").into_iter().map(|run| (run, "waiting".to_owned())).collect();
        assert_eq!(others, waiting, "Plan");
        assert_eq!(plan.later, asked("pending").len(), "Plan");
        let items = plan.groups.iter().flat_map(|group| &group.items);
        let items: BTreeSet<&Ref> = items.map(|item| &item.item.reference).collect();
        assert!(asked("queued").iter().all(|run| items.contains(run)), "Plan");

        let mut environments = BTreeMap::new();
        for name in page.columns.iter().map(|column| column.environment.name.as_str()) {
            let ask = |s: &Snapshot| environment::page(s, stored, name, None, &facts(), Depth::Whole);
            environments.insert(name, answer(&store, ask).0.deployments);
        }
        for row in &rows {
            let at = &row.package;
            let lanes =
                answer(&store, |s| package::page(s, stored, at, &facts(), Depth::Whole)).0.unwrap().lanes;
            for (run, word) in runs.iter().filter(|(run, _)| run.package() == *at) {
                let name = run.segments().next().unwrap();
                if run.kind() != Some(Kind::Deploy) {
                    continue;
                }
                let column = page.columns.iter().position(|it| it.environment.name == name).unwrap();
                assert_eq!(up(&row.cells[column]), in_cell(word), "{run}, Overview");
                let lane = lanes.iter().find(|lane| lane.environment.name == name).unwrap();
                assert_eq!(up(&lane.cell), in_cell(word), "{run}, Package");
                let deployment = environments[name].iter().find(|row| row.package == *at).unwrap();
                let said = deployment.up.as_ref().map(|up| up.word.to_string());
                assert_eq!(said, in_cell(word), "{run}, Environment");
            }
        }
    }
    for (run, word) in &runs {
        let release = run.release_ref();
        let page = answer(&store, |s| release::page(s, None, &release, &facts())).0.unwrap();
        assert_eq!(&node(&page, run), word, "{run}, Release");
        let key = run.as_str().split_once("@r1/").unwrap().1;
        let panel = answer(&store, |s| panel(s, &release, key, &facts())).0.unwrap();
        assert_eq!(panel.word.text(), word, "{run}, Release, its panel");
        let buttons = panel.waits.iter().filter(|wait| wait.approval.is_some()).count();
        let custom = panel.waits.iter().filter(|wait| wait.source.contains("custom/"));
        let called = custom.filter(|wait| wait.word == Word::NeedsApproval).count();
        assert_eq!((buttons > 0, called), (word == "needs approval", buttons), "{run}, Release, its panel");
        let said = answer(&store, |s| why::of(s, run, &facts())).0.unwrap().status;
        assert_eq!(said.text(), word, "{run}, state why");
    }
}

#[test]
fn what_it_waits_for_is_said() {
    let (_, fixture) = waiting();
    let store = store(&fixture);
    let kept = kept(&store);
    let page = answer(&store, |s| overview::page(s, Some(&kept), &facts(), &[], Depth::Whole)).0;
    let says: Vec<String> = page
        .approvals
        .iter()
        .map(|entry| format!("{} {}: {}", entry.package, entry.standing.name, entry.standing.says))
        .collect();
    assert_eq!(
        says,
        [
            // What would start something by itself comes first.
            "begun prod: waits only for ok",
            "gated gate: waits only for ok",
            "second prod: waits only for @/custom/a, and for ok",
            "set qa: waits only for also",
            "many icy: waits for ok, and for net's deploy to prod",
            "many prod: waits for ok, and for a, which failed, and for b, which failed",
            "other icy: waits for @/custom/ok, and for net's deploy to prod",
            "stuck prod: waits for ok, and for perf, which failed",
        ]
    );
    let note = |at: &str| {
        let page = answer(&store, |s| release::page(s, None, &r(at), &facts())).0.unwrap();
        let note = page.notes.into_iter().find(|note| note.word == Word::NeedsApproval).unwrap();
        format!("{} {}", note.lead, note.text)
    };
    for (at, expected) in [
        ("s/-/gated/@r1", "gate waits for an approval. Once it is set, the next worker goes on."),
        ("s/-/second/@r1", "prod waits for an approval. More than that has to be set."),
        ("s/-/stuck/@r1", "prod waits for an approval. Setting it alone starts nothing: perf still blocks."),
        (
            "s/-/other/@r1",
            "icy waits for an approval. Setting it alone starts nothing: it waits for net's deploy to prod too.",
        ),
    ] {
        assert_eq!(note(at), expected, "{at}");
    }
}

/// Summaries tell what runs wait for, so no run is opened.
#[test]
fn the_overview_reads_no_more_for_it() {
    let (_, fixture) = waiting();
    let store = store(&fixture);
    let kept = kept(&store);
    let (_, reads) = answer(&store, |s| overview::page(s, Some(&kept), &facts(), &[], Depth::Whole));
    let of_custom = |at: &&Ref| at.kind() == Some(Kind::Custom);
    let custom: Vec<&str> = reads.bodies.iter().filter(of_custom).map(Ref::as_str).collect();
    // Of no package, so that no summary tells whether they are there; and the one that intent has.
    let global = ["@/custom/a", "@/custom/freeze/icy", "@/custom/ok", "@/custom/set"];
    assert_eq!(custom, [&global[..], &["s/-/set/+r1/custom/ok"]].concat());
    let others = reads.bodies.iter().filter(|at| matches!(at.kind(), Some(Kind::Task | Kind::Deploy)));
    assert_eq!(others.map(Ref::as_str).collect::<Vec<_>>(), ["s/-/net/+/deploy/qa"]);
}

/// What is shown before anything is listed is the same, but for what only listings tell.
#[test]
fn a_first_look_says_the_same_but_for_freezes_and_intent() {
    let (runs, fixture) = waiting();
    let store = store(&fixture);
    let kept = kept(&store);
    let mut other = BTreeSet::new();
    for (run, word) in &runs {
        let page = answer(&store, |s| release::first(s, Some(&kept), &run.release_ref(), &facts())).0;
        // It tells nothing of a release that the fixture gives fewer runs than tasks.
        let Some(page) = page else { continue };
        let first = node(&page, run);
        if first != *word {
            other.insert(format!("{run}: {first}, {word}"));
        }
    }
    assert_eq!(
        other.into_iter().collect::<Vec<_>>(),
        [
            // Custom state of no package is mostly not set.
            "s/-/begun/@r1/deploy/icy/1: needs approval, queued",
            "s/-/cold/@r1/deploy/icy/1: queued, frozen",
            "s/-/set/@r1/deploy/prod/1: needs approval, waiting",
        ]
    );
}

fn custom_page(snapshot: &Snapshot, stored: Option<&BTreeMap<Ref, Summary>>) -> Result<Vec<Ref>, Needs> {
    let all = summaries::all(snapshot, stored, Depth::Whole)?;
    let page = custom::page(snapshot, &all, &facts())?;
    Ok(page.missing.iter().flat_map(|missing| &missing.waiting).map(|waiting| waiting.at.clone()).collect())
}

fn node(page: &release::Page, run: &Ref) -> String {
    let nodes = page.phases.iter().flat_map(|phase| &phase.nodes);
    let mut nodes = nodes.filter(|node| run.as_str().ends_with(&format!("/{}", node.fragment)));
    nodes.next().unwrap_or_else(|| panic!("{run} is not there")).word.to_string()
}
