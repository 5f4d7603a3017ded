//! The screens Overview and Package, on small stores: what they say, and that they say it of summaries
//! and few documents.

use std::collections::{BTreeMap, BTreeSet};

use ocuroot_core::hosts::Proposal;
use ocuroot_core::screens::matrix::{self, At, Filter, Key, Line, View};
use ocuroot_core::screens::overview::{self, Overview};
use ocuroot_core::screens::package::{self, Search};
use ocuroot_core::screens::{Depth, Word};

use crate::fixture::{answer, facts, kept, r, store};

/// A shop: `web` waits for a person in prod and has failed in perf, `db` runs, `ops/bus` is as it should
/// be but for an intent that was deleted and one that is new.
const SHOP: &str = r#"
    @/environment/dev = {"name":"dev","attributes":{"type":"dev"}}
    @/environment/perf = {"name":"perf","attributes":{"type":"test"}}
    @/environment/prod-10 = {"name":"prod-10","attributes":{"type":"prod"}}
    @/environment/prod-2 = {"name":"prod-2","attributes":{"type":"prod"}}
    @/environment/attic = {"name":"attic","attributes":{}}

    git.example/acme/shop/-/web/release.ocu.star/@r1 = release c1: build | >dev | >perf | >prod-2; >prod-10
    git.example/acme/shop/-/web/release.ocu.star/@r1/task/build/1 = complete build
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/dev/1 = complete up
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/dev = up 1
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/perf/1 = complete up
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/perf/1/status/complete = {"time":"2026-01-31T22:00:00Z"}
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/perf = up 1
    git.example/acme/shop/-/web/release.ocu.star/@/deploy/perf -> git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/perf
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/prod-2/1 = complete up
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/prod-2 = up 1
    git.example/acme/shop/-/web/release.ocu.star/@/deploy/prod-2 -> git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/prod-2
    git.example/acme/shop/-/web/release.ocu.star/@r1/deploy/prod-10/1 = failed up
    git.example/acme/shop/-/web/release.ocu.star/+/deploy/perf = r1()
    git.example/acme/shop/-/web/release.ocu.star/+/deploy/prod-2 = r1()
    git.example/acme/shop/-/web/release.ocu.star/@r2 = release c2: build | >dev | >perf | >prod-2; >prod-10
    git.example/acme/shop/-/web/release.ocu.star/@r2/commit/c2 = {"time":"2026-01-31T23:00:00Z","subject":"Faster","author":"Ada"}
    git.example/acme/shop/-/web/release.ocu.star/@v2 -> git.example/acme/shop/-/web/release.ocu.star/@r2
    git.example/acme/shop/-/web/release.ocu.star/@r2/task/build/1 = complete build
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/dev/1 = complete up
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/dev = up 1
    git.example/acme/shop/-/web/release.ocu.star/@/deploy/dev -> git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/dev
    git.example/acme/shop/-/web/release.ocu.star/+/deploy/dev = r2()
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/perf/1 = failed_retried up
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/perf/2 = failed up
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/prod-2/1 = pending up(ok<-git.example/acme/shop/-/web/release.ocu.star/@r2/custom/ok) after git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/perf/*/status/complete
    git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/prod-10/1 = pending up after git.example/acme/shop/-/web/release.ocu.star/@r2/deploy/perf/*/status/complete

    git.example/acme/shop/-/db.ocu.star/@r7 = release c7: build | >dev | >prod-2
    git.example/acme/shop/-/db.ocu.star/@r7/commit/c7 = {"time":"2026-01-31T23:30:00Z"}
    git.example/acme/shop/-/db.ocu.star/@r7/task/build/1 = running build
    git.example/acme/shop/-/db.ocu.star/@r7/task/build/1/status/running = {"time":"2026-01-31T23:58:48Z","heartbeat":"2026-01-31T23:59:50Z"}
    git.example/acme/shop/-/db.ocu.star/@r7/deploy/dev/1 = pending up(ok<-@/custom/ok)
    git.example/acme/shop/-/db.ocu.star/@r7/deploy/prod-2/1 = pending up(ok<-git.example/acme/shop/-/db.ocu.star/@r7/custom/ok) after git.example/acme/shop/-/db.ocu.star/@r7/deploy/dev/*/status/complete

    git.example/acme/ops/-/bus.ocu.star/@r1 = release c1: >dev | >prod-2; >prod-10
    git.example/acme/ops/-/bus.ocu.star/@r1/deploy/dev/1 = complete up
    git.example/acme/ops/-/bus.ocu.star/@r1/deploy/dev = up 1
    git.example/acme/ops/-/bus.ocu.star/@/deploy/dev -> git.example/acme/ops/-/bus.ocu.star/@r1/deploy/dev
    git.example/acme/ops/-/bus.ocu.star/@r1/deploy/prod-2/1 = complete up
    git.example/acme/ops/-/bus.ocu.star/@r1/deploy/prod-2 = up 1
    git.example/acme/ops/-/bus.ocu.star/@/deploy/prod-2 -> git.example/acme/ops/-/bus.ocu.star/@r1/deploy/prod-2
    git.example/acme/ops/-/bus.ocu.star/@r1/deploy/prod-10/1 = pending up
    git.example/acme/ops/-/bus.ocu.star/+/deploy/prod-2 = r1()
    git.example/acme/ops/-/bus.ocu.star/+/deploy/perf = r1()
"#;

const WEB: &str = "git.example/acme/shop/-/web/release.ocu.star";

fn overview(fixture: &str, depth: Depth) -> Overview {
    let store = store(fixture);
    let kept = kept(&store);
    answer(&store, |s| overview::page(s, Some(&kept), &facts(), &[], depth)).0
}

/// The matrix, a line a row: name, newest release, and of each cell what is live, what waits and what is up.
fn drawn(page: &Overview) -> Vec<String> {
    let columns = page.columns.iter().map(|column| {
        let rule = if column.environment.edge { "| " } else { "" };
        let urgent = column.urgent.map(|(word, count)| format!(" ({count} {word})")).unwrap_or_default();
        let frozen = if column.frozen.is_some() { " *" } else { "" };
        format!("{rule}{}{urgent}{frozen}", column.environment.name)
    });
    let mut lines = vec![columns.collect::<Vec<_>>().join(" ")];
    for group in &page.groups {
        let counts = group.counts.iter().map(|(word, count)| format!(" {count} {word}"));
        lines.push(format!("{}:{}", group.title, counts.collect::<Vec<_>>().join(",")));
        for row in &group.rows {
            let newest = row.newest.as_ref().unwrap();
            let cells = row.cells.iter().map(|cell| {
                let live = match &cell.live {
                    Some(live) => live.id.clone(),
                    None if cell.target => "never".to_owned(),
                    None => "-".to_owned(),
                };
                let newer = if cell.newer > 0 { format!("+{}", cell.newer) } else { String::new() };
                let up = cell.up.as_ref().map(|up| format!(" {}", up.word)).unwrap_or_default();
                format!("{live}{newer}{up}")
            });
            let cells = cells.collect::<Vec<_>>().join(" / ");
            lines.push(format!("{} {} {}: {cells}", row.name, newest.id, newest.word));
        }
    }
    lines
}

#[test]
fn a_cell_says_what_is_live_and_the_most_urgent_of_what_is_up() {
    assert_eq!(
        drawn(&overview(SHOP, Depth::First)),
        [
            "dev (1 needs approval) | perf (1 failed) | prod-2 (1 needs approval) prod-10 (1 failed)",
            "acme/ops:",
            "bus r1 queued: r1 / - / r1 / never queued",
            "acme/shop: 2 failed, 2 needs approval, 1 running",
            "db r7 needs approval: never needs approval / - / never / -",
            "web r2 failed: r2 / r1+1 failed / r1+1 needs approval / never failed",
        ]
    );
}

#[test]
fn intents_freezes_and_what_others_have_set_come_second_and_move_nothing() {
    let more = format!(
        "{SHOP}
        @/custom/ok = 1
        @/custom/freeze/prod-10 = {{\"reason\":\"sale\"}}
        @/custom/freeze/dev = {{\"reason\":\"over\",\"until\":\"2026-01-05\"}}"
    );
    assert_eq!(
        drawn(&overview(&more, Depth::Whole)),
        [
            "dev (1 differs) | perf (1 failed) | prod-2 (1 needs approval) prod-10 (1 failed) * | attic",
            "acme/ops: 2 differs",
            "bus r1 frozen: r1 differs / never differs / r1 / never frozen / -",
            "acme/shop: 2 failed, 1 needs approval, 1 running",
            "db r7 running: never queued / - / never / - / -",
            "web r2 failed: r2 / r1+1 failed / r1+1 needs approval / never failed / -",
        ]
    );
    let page = overview(&more, Depth::Whole);
    let bus = &page.groups[0].rows[0];
    let stories: Vec<String> = bus.cells.iter().map(|cell| cell.story().to_string()).collect();
    assert_eq!(
        stories,
        [
            "r1 is live for 1 month. Differs: its intent was deleted, it will be taken down.",
            "Nothing is live here. Differs: wanted here, and no run yet.",
            "r1 is live for 1 month. ",
            "Nothing is live here. r1 is held since 1 month: frozen: sale.",
            "Not a target of this package.",
        ]
    );
}

#[test]
fn the_side_says_who_has_to_do_what() {
    let store = store(SHOP);
    let kept = kept(&store);
    let proposal = |number, opened: &str| Proposal {
        number,
        title: "Roll back web".into(),
        url: "https://git.example/1".into(),
        author: "ada".into(),
        opened: opened.into(),
        branch: "b".into(),
        draft: false,
    };
    let proposals = [proposal(1, "2026-01-30T00:00:00Z"), proposal(2, "2026-01-31T00:00:00Z")];
    let (page, _) = answer(&store, |s| overview::page(s, Some(&kept), &facts(), &proposals, Depth::First));
    let lines = |entries: &[overview::Entry]| -> Vec<String> {
        let line = |entry: &overview::Entry| {
            let standing = &entry.standing;
            let progress = standing.progress().filter(|_| standing.word == Word::Running).unwrap_or_default();
            format!("{} {} {}: {}{progress}", entry.package, standing.id, standing.name, standing.says)
        };
        entries.iter().map(line).collect()
    };
    // Approvals that would start something by themselves come first.
    assert_eq!(
        lines(&page.approvals),
        ["db r7 dev: waits only for @/custom/ok", "web r2 prod-2: waits for ok, and for perf, which failed",]
    );
    assert_eq!(lines(&page.broken), ["web r2 perf: attempt 2, see the run", "web r1 prod-10: "]);
    assert_eq!(lines(&page.running), ["db r7 build: 1:12"]);
    assert_eq!(page.proposals.iter().map(|proposal| proposal.number).collect::<Vec<_>>(), [2, 1]);
    let latest: Vec<String> =
        page.latest.iter().map(|it| format!("{} {} {}", it.package, it.id, it.word)).collect();
    assert_eq!(latest[..2], ["db r7 needs approval", "web r2 failed"]);
    let count: Vec<(Word, usize)> = page.counts.into_iter().collect();
    assert_eq!(count, [(Word::Failed, 2), (Word::NeedsApproval, 2), (Word::Running, 1)]);
}

#[test]
fn what_waits_for_the_same_stands_together() {
    let package = |name: &str, days: u32, waits: &str| {
        format!(
            "s/-/{name}/@r1 = release c1: >dev; >prod
             s/-/{name}/@r1/deploy/dev/1 = pending up({waits})
             s/-/{name}/@r1/deploy/dev/1/status/pending = {{\"time\":\"2026-01-{days:02}T00:00:00Z\"}}
             s/-/{name}/@r1/deploy/prod/1 = pending up(key<-s/-/{name}/@r1/custom/key)
"
        )
    };
    let url = "url<-s/-/net/@/deploy/dev#output/url";
    let mut fixture: String =
        (1..=7).map(|day| package(&format!("p{day}"), day, url)).collect::<Vec<_>>().concat();
    fixture += &package("free", 20, "");
    fixture += &package("odd", 9, "url<-s/-/other/@/deploy/dev#output/url");
    fixture += "@/environment/dev = {\"name\":\"dev\",\"attributes\":{}}\n";
    let told = |fixture: &str, depth| {
        let page = overview(fixture, depth);
        let line = |it: &overview::Waiting| {
            let runs: Vec<&str> = it.runs.iter().map(|entry| entry.package.as_str()).collect();
            format!("{} {}: {} +{}", it.word, it.says, runs.join(" "), it.more)
        };
        (page.waits, page.waiting.iter().map(line).collect::<Vec<_>>())
    };
    let net = "waiting waits for net's deploy to dev: p1 p2 p3 p4 p5 +2".to_owned();
    let other = "waiting waits for other's deploy to dev: odd +0".to_owned();
    assert_eq!(
        told(&fixture, Depth::First),
        (8, vec![net, other]),
        "who waits for a person is not among them"
    );
    fixture += "@/custom/freeze/dev = {\"reason\":\"sale\"}\n";
    let (waits, lines) = told(&fixture, Depth::Whole);
    assert_eq!((waits, lines.len()), (9, 3));
    assert_eq!(lines[2], "frozen frozen: sale: free +0");
}

#[test]
fn the_first_page_reads_environments_and_lists_nothing() {
    let store = store(SHOP);
    let mut kept = kept(&store);
    let (page, reads) = answer(&store, |s| overview::page(s, Some(&kept), &facts(), &[], Depth::First));
    assert!(reads.folders.is_empty(), "{:?}", reads.folders);
    assert_eq!(reads.bodies.len(), 4);
    assert_eq!(reads.rounds, 1);
    // Where an older tool wrote the summaries, the newest releases as well, which say the same.
    kept.values_mut().for_each(|summary| summary.phases = None);
    let (same, reads) = answer(&store, |s| overview::page(s, Some(&kept), &facts(), &[], Depth::First));
    assert_eq!((same, reads.bodies.len(), reads.rounds), (page, 4 + 3, 1));
}

#[test]
fn a_run_is_stale_when_nothing_was_heard_of_it() {
    let silent = SHOP.replace(
        "23:58:48Z\",\"heartbeat\":\"2026-01-31T23:59:50Z",
        "20:00:00Z\",\"heartbeat\":\"2026-01-31T23:40:00Z",
    );
    let words = |fixture: &str, depth| {
        let page = overview(fixture, depth);
        (page.running.len(), page.broken.iter().filter(|entry| entry.standing.word == Word::Stale).count())
    };
    assert_eq!(words(&silent, Depth::First), (1, 0));
    assert_eq!(words(&silent, Depth::Whole), (0, 1));
    let heard = silent.replace("23:40:00Z", "23:50:00Z");
    assert_eq!(words(&heard, Depth::Whole), (1, 0));
}

#[test]
fn what_a_newer_release_has_made_good_is_past() {
    let store = |newer: &str| {
        format!(
            "s/-/p/@r1 = release c1: build | >prod
             s/-/p/@r1/task/build/1 = failed build
             s/-/p/@r1/deploy/prod/1 = pending up after s/-/p/@r1/task/build/*/status/complete
             s/-/p/@r2 = release c2: build | >prod
             {newer}"
        )
    };
    for (newer, failed) in [
        ("s/-/p/@r2/task/build/1 = complete build", 0),
        ("s/-/p/@r2/task/build/1 = pending build", 1),
        ("s/-/p/@r2/task/build/1 = running build", 1),
        ("s/-/p/@r2/task/build/1 = failed build", 1),
        ("s/-/p/@r2/task/build/1 = cancelled build", 1),
    ] {
        assert_eq!(overview(&store(newer), Depth::First).broken.len(), failed, "{newer}");
    }
}

#[test]
fn a_filter_hides_rows_by_what_is_up_and_rows_and_columns_by_name() {
    let page = overview(SHOP, Depth::First);
    let shown = |text: &str, words: &[Word]| {
        let filter =
            Filter { text: text.into(), words: words.iter().copied().collect(), ..Filter::default() };
        let view = matrix::filtered(&page, &filter);
        let rows: Vec<String> =
            view.rows().map(|(group, at)| page.groups[group].rows[at].name.clone()).collect();
        let columns: Vec<&str> =
            view.columns.iter().map(|at| page.columns[*at].environment.name.as_str()).collect();
        format!("{} | {}", rows.join(" "), columns.join(" "))
    };
    for (text, words, expected) in [
        ("", &[][..], "bus db web | dev perf prod-2 prod-10"),
        ("we", &[], "web | dev perf prod-2 prod-10"),
        ("WE bus", &[], "bus web | dev perf prod-2 prod-10"),
        ("prod-*", &[], "bus db web | prod-2 prod-10"),
        ("w*, prod-*", &[], "web | prod-2 prod-10"),
        ("prod", &[], "bus db web | prod-2 prod-10"),
        ("", &[Word::Running], "db | dev perf prod-2 prod-10"),
        ("", &[Word::Running, Word::Failed], "db web | dev perf prod-2 prod-10"),
        ("dev", &[Word::Failed], " | dev"),
        ("perf", &[Word::Failed], "web | perf"),
        ("d*", &[], "db | dev"),
        ("bux", &[], " | dev perf prod-2 prod-10"),
    ] {
        assert_eq!(shown(text, words), expected, "{text:?} {words:?}");
    }
    let meant =
        |text: &str| matrix::filtered(&page, &Filter { text: text.into(), ..Filter::default() }).meant;
    assert_eq!(meant("bux").as_deref(), Some("bus"));
    assert_eq!(meant("pref").as_deref(), Some("perf"));
    assert_eq!(meant("nothing"), None);
}

#[test]
fn groups_fold_or_are_left_out() {
    let page = overview(SHOP, Depth::First);
    let folded = BTreeSet::from(["git.example/acme/shop".to_owned()]);
    let view = matrix::filtered(&page, &Filter { folded: folded.clone(), ..Filter::default() });
    assert_eq!(view.lines, [Line::Group(0, false), Line::Package(0, 0), Line::Group(1, true)]);
    assert_eq!((view.packages, view.of), (3, 3));
    let view = matrix::filtered(&page, &Filter { folded, flat: true, ..Filter::default() });
    assert_eq!(view.lines, [Line::Package(0, 0), Line::Package(1, 0), Line::Package(1, 1)]);
}

#[test]
fn keys_move_within_what_is_shown() {
    let at = |line, column| At { line, column };
    // Two groups of nine packages.
    let group = |group| {
        std::iter::once(Line::Group(group, false)).chain((0..9).map(move |at| Line::Package(group, at)))
    };
    let view =
        View { lines: group(0).chain(group(1)).collect(), columns: (0..12).collect(), ..View::default() };
    assert_eq!(view.first(), at(2, 1));
    for (from, key, to) in [
        (at(2, 1), Key::Right, at(2, 2)),
        (at(2, 1), Key::Down, at(3, 1)),
        (at(20, 4), Key::Down, at(20, 4)),
        (at(20, 12), Key::Right, at(20, 12)),
        // Heads of rows, of groups and of columns.
        (at(2, 1), Key::Left, at(2, 0)),
        (at(2, 0), Key::Left, at(2, 0)),
        (at(2, 0), Key::Right, at(2, 1)),
        (at(2, 4), Key::Up, at(1, 4)),
        (at(1, 4), Key::Up, at(0, 4)),
        (at(0, 4), Key::Up, at(0, 4)),
        (at(0, 4), Key::Down, at(1, 4)),
        (at(0, 4), Key::PageUp, at(0, 4)),
        // Through a group's head without losing the column.
        (at(10, 4), Key::Down, at(11, 4)),
        (at(11, 4), Key::Down, at(12, 4)),
        (at(11, 4), Key::Left, at(11, 4)),
        (at(11, 4), Key::Last, at(11, 4)),
        // Nothing is in the corner.
        (at(0, 1), Key::Left, at(0, 1)),
        (at(1, 0), Key::Up, at(0, 1)),
        (at(5, 4), Key::First, at(5, 1)),
        (at(5, 4), Key::Last, at(5, 12)),
        (at(5, 4), Key::FirstOfAll, at(2, 1)),
        (at(5, 4), Key::LastOfAll, at(20, 12)),
        (at(5, 4), Key::PageDown, at(13, 4)),
        (at(19, 4), Key::PageDown, at(20, 4)),
        (at(5, 4), Key::PageUp, at(1, 4)),
        // What a filter has taken away.
        (at(40, 40), Key::Right, at(20, 12)),
    ] {
        assert_eq!(view.moved(from, key), to, "{from:?} {key:?}");
    }
    let folded = View { lines: vec![Line::Group(0, true)], columns: vec![0], ..View::default() };
    assert_eq!(folded.first(), at(1, 1));
    assert_eq!(View::default().moved(at(3, 3), Key::Right), at(0, 1));
    assert_eq!(Key::from_name("Home", true), Some(Key::FirstOfAll));
    assert_eq!(Key::from_name("Enter", false), None);
}

#[test]
fn only_what_is_in_sight_is_drawn() {
    let sizes = [40; 1000];
    for (scrolled, expected) in [
        (0, (0, 16, 0, 984 * 40)),
        (20, (0, 16, 0, 984 * 40)),
        (4000, (96, 116, 96 * 40, 884 * 40)),
        (400_000, (996, 1000, 996 * 40, 0)),
    ] {
        let window = matrix::window(&sizes, scrolled, 400, 4);
        assert_eq!((window.start, window.end, window.before, window.after), expected, "{scrolled}");
    }
    let window = matrix::window(&sizes, 4000, 400, 0);
    assert_eq!((window.start, window.end), (100, 112));
    assert_eq!(matrix::window(&[], 0, 400, 4), matrix::Window::default());
}

#[test]
fn a_package_shows_its_releases_and_where_they_are() {
    let store = store(SHOP);
    let kept = kept(&store);
    let (page, reads) = answer(&store, |s| package::page(s, Some(&kept), &r(WEB), &facts(), Depth::First));
    let page = page.unwrap();
    assert_eq!(reads.rounds, 1);
    assert_eq!((page.name.as_str(), page.count), ("web", 2));
    let rows: Vec<String> = page
        .releases
        .iter()
        .map(|row| format!("{} {} {} {:?} {:?}", row.id, row.word, row.commit, row.tags, row.live_in))
        .collect();
    assert_eq!(rows, [r#"r2 failed c2 ["v2"] ["dev"]"#, r#"r1 failed c1 [] ["perf", "prod-2"]"#,]);
    let notes: Vec<String> = page.notes.iter().map(|note| note.story().to_string()).collect();
    assert_eq!(
        notes,
        [
            "r2 failed 1 month ago, attempt 2, see the run.",
            "r2 waits for ok, and for perf, which failed (1 month).",
        ]
    );
    let lanes: Vec<&str> = page.lanes.iter().map(|lane| lane.environment.name.as_str()).collect();
    assert_eq!(lanes, ["dev", "perf", "prod-2", "prod-10"]);

    let search = |text: &str, word| package::found(&page.releases, &Search { text: text.into(), word });
    assert_eq!(search("", None), [0, 1]);
    assert_eq!(search("v2", None), [0]);
    assert_eq!(search("ada", None), [0]);
    assert_eq!(search("c1", None), [1]);
    assert_eq!(search("", Some(Word::Complete)), [0usize; 0]);

    let (steps, _) = answer(&store, |s| package::steps(s, Some(&kept), &r(WEB)));
    let words = |id: &str| steps[id].iter().map(|step| step.word.text()).collect::<Vec<_>>();
    assert_eq!(words("r2"), ["complete", "complete", "failed", "pending"]);
    assert_eq!(package::reached(&steps["r2"]), 3);

    let unknown = answer(&store, |s| package::page(s, Some(&kept), &r("s/-/x"), &facts(), Depth::First)).0;
    assert_eq!(unknown, None);
}

#[test]
fn a_lane_tells_what_was_live_and_when() {
    let store = store(
        r#"
        s/-/p/@r1 = release c1: >prod
        s/-/p/@r1/deploy/prod/1 = complete up
        s/-/p/@r1/deploy/prod/1/status/complete = {"time":"2026-01-20T00:00:00Z"}
        s/-/p/@r1/deploy/prod/2 = complete up
        s/-/p/@r1/deploy/prod/2/status/complete = {"time":"2026-01-21T00:00:00Z"}
        s/-/p/@r2 = release c2: >prod
        s/-/p/@r2/deploy/prod/1 = failed_retried up
        s/-/p/@r2/deploy/prod/1/status/failed_retried = {"time":"2026-01-24T00:00:00Z"}
        s/-/p/@r2/deploy/prod/2 = failed up
        s/-/p/@r2/deploy/prod/2/status/failed = {"time":"2026-01-25T12:00:00Z"}
        s/-/p/@r2/deploy/prod/3 = complete up
        s/-/p/@r2/deploy/prod/3/status/complete = {"time":"2026-01-29T00:00:00Z"}
        s/-/p/@r2/deploy/prod = up 3
        s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
        s/-/p/@r3 = release c3: >prod
        s/-/p/@r3/deploy/prod/1 = pending up
        "#,
    );
    let page = answer(&store, |s| package::page(s, None, &r("s/-/p"), &facts(), Depth::First)).0.unwrap();
    let drawn = |lanes: &BTreeMap<String, package::Lane>, range: u64| {
        let lane = &lanes["prod"];
        let segments = lane.placed(&page.now, range);
        let segments = segments.iter().map(|it| format!("{} {}-{}", it.of.id, it.start, it.end));
        let failures = lane.failed(&page.now, range);
        let failures = failures.iter().map(|it| format!("{} x{} {}", it.of.id, it.of.times, it.start));
        segments.chain(failures).collect::<Vec<_>>().join(", ")
    };
    const DAY: u64 = 86_400;
    let first = package::now_live(&page);
    assert_eq!(drawn(&first, 10 * DAY), "r2 700-1000");
    let (all, _) = answer(&store, |s| package::timeline(s, &page.releases));
    assert_eq!(all.took, BTreeMap::from([("r1".to_owned(), 20 * DAY), ("r2".to_owned(), 28 * DAY)]));
    // r2 has failed once, and nobody has retried that run.
    assert_eq!(all.usual, Some(20 * DAY));
    let all = all.lanes;
    assert_eq!(drawn(&all, 10 * DAY), "r1 0-700, r2 700-1000, r2 x2 350");
    assert_eq!(drawn(&all, 2 * DAY), "r2 0-1000");
    assert_eq!(all["prod"].segments[0].from, "2026-01-20T00:00:00Z");

    // r1 came 12 days ago: a week would not show it.
    assert_eq!(page.now, "2026-02-01T00:00:00Z");
    assert_eq!(package::range(&all, &page.now), Some(30));
    assert_eq!(package::range(&all, "2026-01-26T00:00:00Z"), Some(7));
    assert_eq!(package::range(&all, "2026-06-01T00:00:00Z"), Some(365));
    assert_eq!(package::range(&all, "2028-01-31T00:00:00Z"), None);
    assert_eq!(package::all(&all, &page.now), 13);
    assert_eq!(package::range(&BTreeMap::new(), &page.now), Some(7));
    let years = package::ticks("2028-01-31T00:00:00Z", 800 * DAY, 0);
    assert_eq!(years.len(), 6, "{years:?}");
    assert_eq!(years[5].1, "Nov 2027");

    let ticks = package::ticks("2026-02-01T06:00:00Z", 3 * DAY, 0);
    assert_eq!(ticks, [(250, "30 Jan".to_owned()), (583, "31 Jan".to_owned()), (916, "1 Feb".to_owned())]);
}

#[test]
fn older_releases_come_when_they_are_asked_for() {
    let mut fixture = String::new();
    for number in 1..=25 {
        fixture += &format!("s/-/p/@r{number} = release c{number}: build\n");
        fixture += &format!("s/-/p/@r{number}/task/build/1 = complete build\n");
    }
    let store = store(&fixture);
    let kept = kept(&store);
    let page = answer(&store, |s| package::page(s, Some(&kept), &r("s/-/p"), &facts(), Depth::First)).0;
    let page = page.unwrap();
    assert_eq!((page.releases.len(), page.count), (20, 25));
    let (older, _) = answer(&store, |s| package::older(s, &page, 3, &facts()));
    let rows: Vec<String> =
        older.iter().map(|row| format!("{} {} {}", row.id, row.word, row.commit)).collect();
    assert_eq!(rows, ["r5 complete c5", "r4 complete c4", "r3 complete c3"]);
}
