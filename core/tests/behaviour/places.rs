//! The screens of environments, custom state, differences, the plan and the Explorer, as plain values.

use std::collections::BTreeMap;

use ocuroot_core::screens::environment::{self, Difference};
use ocuroot_core::screens::environments::{self, Stands};
use ocuroot_core::screens::explorer::Above;
use ocuroot_core::screens::fields::Field;
use ocuroot_core::screens::{Depth, custom, diff, explorer, plan, summaries};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::{Marker, Ref};

use crate::fixture::{ask, facts, kept, r, store};

/// Two packages in two environments and more to come.
const SHOP: &str = r#"
    @/environment/qa = {"name":"qa","attributes":{"type":"test","region":"eu"}}
    +/environment/qa = {"name":"qa","attributes":{"type":"test","region":"eu"}}
    @/environment/prod = {"name":"prod","attributes":{"type":"prod","tier":"1"}}
    +/environment/prod = {"name":"prod","attributes":{"type":"prod","tier":"2"}}
    +/environment/new = {"name":"new"}
    +/custom/freeze/prod = {"reason":"drill","until":"2026-03-01T00:00:00Z"}
    @/custom/freeze/prod = {"reason":"drill","until":"2026-03-01T00:00:00Z"}
    +/custom/note = "hello there"
    @/custom/dsn = "pg-2"
    +/custom/dsn = "pg-2"
    s/-/web.ocu.star/@r1 = release c1: >qa | >prod
    s/-/web.ocu.star/@r1/deploy/qa/1 = complete up(dsn<-@/custom/dsn="pg-1")
    s/-/web.ocu.star/@r1/deploy/qa = up 1(dsn<-@/custom/dsn="pg-1")
    s/-/web.ocu.star/@r1/deploy/prod/1 = complete up
    s/-/web.ocu.star/@r1/deploy/prod = up 1
    s/-/web.ocu.star/@/deploy/prod -> s/-/web.ocu.star/@r1/deploy/prod
    s/-/web.ocu.star/+/deploy/prod = r1
    s/-/web.ocu.star/@r2 = release c2: >qa | >prod
    s/-/web.ocu.star/@r2/deploy/qa/1 = complete up(dsn<-@/custom/dsn="pg-1")
    s/-/web.ocu.star/@r2/deploy/qa = up 1(dsn<-@/custom/dsn="pg-1")
    s/-/web.ocu.star/@/deploy/qa -> s/-/web.ocu.star/@r2/deploy/qa
    s/-/web.ocu.star/+/deploy/qa = r2(dsn<-@/custom/dsn="pg-1")
    s/-/web.ocu.star/@r2/deploy/prod/1 = pending up after s/-/web.ocu.star/@r2/deploy/qa/*/status/complete
    s/-/pay.ocu.star/@r3 = release c2: t | >prod
    s/-/pay.ocu.star/@r3/task/t/1 = pending t
    s/-/pay.ocu.star/@r3/deploy/prod/1 = pending up(ok<-s/-/pay.ocu.star/@r3/custom/approve) after s/-/pay.ocu.star/@r3
    s/-/pay.ocu.star/@r2 = release c1: >prod
    s/-/pay.ocu.star/@r2/deploy/prod/1 = complete up
    s/-/pay.ocu.star/@r2/deploy/prod = up 1
    s/-/pay.ocu.star/@/deploy/prod -> s/-/pay.ocu.star/@r2/deploy/prod
    s/-/pay.ocu.star/@r1/custom/gone = 1
"#;

fn with_summaries<T>(
    snapshot: &Snapshot,
    of: impl Fn(&BTreeMap<Ref, ocuroot_core::summary::Summary>) -> Result<T, Needs>,
) -> Result<T, Needs> {
    of(&*summaries::all(snapshot, None, Depth::Whole)?)
}

#[test]
fn environments_say_what_is_in_them_and_whether_they_are_as_intended() {
    let page = ask(SHOP, |s| environments::page(s, None, &facts(), Depth::Whole));
    let lines: Vec<String> = page
        .environments
        .iter()
        .map(|row| {
            let up = row.urgent.map(|(word, count)| format!("{word} {count}")).unwrap_or_default();
            let frozen = if row.frozen.is_some() { "frozen" } else { "" };
            format!(
                "{} {} {}/{} {up} {frozen} {}",
                row.name,
                row.kind,
                row.live,
                row.targets,
                row.stands.text()
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "prod prod 2/2 needs approval 1 frozen change not applied yet",
            "qa test 1/1   ",
            "new  0/0   not applied yet",
        ]
    );
    assert_eq!(page.attributes, ["region", "tier"]);
}

#[test]
fn an_environment_is_compared_with_another() {
    let page = ask(SHOP, |s| environment::page(s, None, "prod", Some("qa"), &facts(), Depth::Whole));
    let rows: Vec<String> = page
        .deployments
        .iter()
        .map(|row| {
            let id = |live: &Option<ocuroot_core::screens::overview::LiveAt>| {
                live.as_ref().map_or("never".to_owned(), |live| live.id.clone())
            };
            format!("{} {} {} {}", row.name, id(&row.here), id(&row.there), row.difference)
        })
        .collect();
    assert_eq!(rows, ["pay r2 never only here", "web r1 r2 1 behind"]);
    assert_eq!((page.live, page.never, page.different, page.exists), (2, 0, 2, true));
    assert_eq!(page.others, ["qa", "new"]);
    let attributes: Vec<String> = page
        .attributes
        .iter()
        .map(|one| format!("{} {:?} {:?}", one.name, one.here.as_deref(), one.there.as_deref()))
        .collect();
    assert_eq!(
        attributes,
        ["type Some(\"prod\") Some(\"test\")", "region None Some(\"eu\")", "tier Some(\"1\") None"]
    );
    let freeze = page.freeze.unwrap();
    assert_eq!((freeze.reason.as_str(), freeze.everywhere), ("drill", false));
    let held: Vec<String> = page.held.iter().map(|held| format!("{} {}", held.package, held.id)).collect();
    assert_eq!(held, ["web r2"]);
    let alone = ask(SHOP, |s| environment::page(s, None, "prod", None, &facts(), Depth::First));
    assert!(alone.deployments.iter().all(|row| row.difference == Difference::Same));
    // What is live in neither differs in nothing, and is the same in nothing.
    let fixture = "
        @/environment/qa = {\"name\":\"qa\",\"attributes\":{}}
        @/environment/prod = {\"name\":\"prod\",\"attributes\":{}}
        s/-/p/@r1 = release c1: >qa; >prod
        s/-/p/@r1/deploy/qa/1 = pending up
        s/-/p/@r1/deploy/prod/1 = pending up";
    let new = ask(fixture, |s| environment::page(s, None, "prod", Some("qa"), &facts(), Depth::First));
    let said: Vec<String> = new.deployments.iter().map(|row| row.difference.to_string()).collect();
    assert_eq!((said, new.different), (vec!["in neither".to_owned()], 0));
    let nowhere = ask(SHOP, |s| environment::page(s, None, "nowhere", None, &facts(), Depth::Whole));
    assert!(!nowhere.exists && nowhere.deployments.is_empty());
}

#[test]
fn an_environment_has_a_history() {
    let whole = ask(SHOP, |s| environment::whole_history(s, "prod", &facts()));
    let lines = |events: &[environment::Event]| -> Vec<String> {
        events.iter().map(|one| format!("{} {} {}", one.package, one.id, one.word)).collect()
    };
    assert_eq!(lines(&whole), ["web r1 complete", "pay r2 complete"]);
    let kept = kept(&store(SHOP));
    for stored in [Some(&kept), None] {
        let known = ask(SHOP, |s| environment::history(s, stored, "prod", &facts()));
        assert_eq!(lines(&known), ["web r1 complete", "pay r2 complete"]);
    }
}

#[test]
fn custom_state_is_listed_with_what_waits_for_it() {
    let page = ask(SHOP, |s| with_summaries(s, |all| custom::page(s, all, &facts())));
    let missing: Vec<String> = page
        .missing
        .iter()
        .map(|one| format!("{}: {} waits; {}", one.name, one.waiting[0].place, one.set))
        .collect();
    assert_eq!(
        missing,
        ["approve of pay r3: prod waits; ocuroot state set s/-/pay.ocu.star/@r3/custom/approve yes"]
    );
    let entries = |entries: &[custom::Entry]| -> Vec<String> {
        entries.iter().map(|one| format!("{} {:?} {}", one.name, one.stands, one.set)).collect()
    };
    assert_eq!(
        entries(&page.custom),
        [
            "dsn Applied ocuroot state set @/custom/dsn pg-2",
            r#"freeze/prod Applied ocuroot state set @/custom/freeze/prod '{"reason":"drill","until":"2026-03-01T00:00:00Z"}' -f json"#,
            "note New ocuroot state set @/custom/note 'hello there'",
        ]
    );
    let stands: Vec<Stands> = page.environments.iter().map(|one| one.stands).collect();
    assert_eq!(stands, [Stands::New, Stands::Changed, Stands::Applied]);
}

#[test]
fn differences_are_told_field_by_field_and_explained_by_runs() {
    let more = "
        s/-/web.ocu.star/+/deploy/other = r2
        s/-/web.ocu.star/@r2/deploy/other/1 = failed up
    ";
    let page = ask(&format!("{SHOP}{more}"), |s| diff::page(s, None, &facts()));
    let lines: Vec<String> = page
        .differences
        .iter()
        .map(|one| {
            let fields: Vec<String> = one.fields.iter().map(Field::to_string).collect();
            let run = one.explained.as_ref().map(|run| format!(" ({})", run.word)).unwrap_or_default();
            format!("{}{run}: {}", one.reference, fields.join("; "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            r#"@/custom/note: all: nothing → "hello there""#,
            r#"@/environment/new: all: nothing → {"name":"new"}"#,
            r#"@/environment/prod: attributes.tier: "1" → "2""#,
            r#"s/-/pay.ocu.star/@/deploy/prod: all: {"input":{},"release":"r2"} → nothing"#,
            r#"s/-/pay.ocu.star/@r1/custom/gone: all: 1 → nothing"#,
            r#"s/-/web.ocu.star/@/deploy/other (failed): all: nothing → {"input":{},"release":"r2"}"#,
        ]
    );
    assert_eq!(page.unexplained, 5);
}

#[test]
fn intent_without_inputs_differs_in_its_release_only() {
    let store = r#"
        s/-/p/@r1 = release c1: >prod(a=1)
        s/-/p/@r2 = release c2: >prod(a=1)
        s/-/p/@r2/deploy/prod/1 = complete up(a=1)
        s/-/p/@r2/deploy/prod = up 1(a=1)
        s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
        s/-/p/+/deploy/prod = {"release":"s/-/p/@r1"}
    "#;
    let page = ask(store, |s| diff::page(s, None, &facts()));
    let fields: Vec<String> = page.differences[0].fields.iter().map(Field::to_string).collect();
    assert_eq!(fields, [r#"release: "r2" → "r1""#]);
}

#[test]
fn a_plan_reads_as_sentences_and_takes_away_first() {
    let op = r#"s/-/pay.ocu.star/@r2/op/check_envs = {"time":"2026-01-01T00:00:00Z"}"#;
    let page = ask(&format!("{SHOP}{op}"), |s| plan::page(s, None, &facts()));
    let mut lines = Vec::new();
    for group in &page.groups {
        lines.push(group.cause.title().to_owned());
        lines.extend(group.items.iter().map(|item| format!("  {} {}. {}", item.verb, item.what, item.why)));
    }
    assert_eq!(
        lines,
        [
            "Takes something away",
            "  Tear down pay r2 in prod. Its intent was deleted. A down run starts; then nothing is live there.",
            "  Delete Custom state gone of pay r1. Its intent was deleted.",
            "Because intent changed",
            "  Create Custom state note. It is in intent and not in state yet.",
            "  Create Environment new. It is in intent and not in state yet. Packages check their environments afterwards.",
            "  Update Environment prod. attributes.tier changed from 1 to 2. Packages check their environments afterwards.",
            "Ready to run",
            "  Run pay r3, t. Everything it waits for is there.",
            "Because an input changed",
            "  Deploy again web r2 to qa. dsn changed from pg-1 to pg-2: @/custom/dsn.",
            "Upkeep",
            "  Check Environments of pay r2. Environments have changed. New deployments may follow.",
        ]
    );
    assert_eq!(page.count, 8);
    let frozen: Vec<&str> =
        page.frozen.iter().flat_map(|held| &held.runs).map(|run| run.run.as_str()).collect();
    assert_eq!(frozen, ["s/-/web.ocu.star/@r2/deploy/prod/1"]);
    assert_eq!(page.frozen[0].why, "frozen until 2026-03-01T00:00:00Z: drill");
    let approvals: Vec<String> =
        page.approvals.iter().map(|one| format!("{} {} {}", one.package, one.id, one.missing[0])).collect();
    assert_eq!(approvals, ["pay r3 s/-/pay.ocu.star/@r3/custom/approve"]);
}

#[test]
fn intent_whose_run_waits_is_not_left_out_as_well() {
    for (run, approvals, left_out) in [("pending up(ok<-s/-/p/@r1/custom/ok)", 1, 0), ("failed up", 0, 1)] {
        let fixture = format!(
            "@/environment/prod = {{\"name\":\"prod\",\"attributes\":{{}}}}
             s/-/p/@r1 = release c1: >prod
             s/-/p/@r1/deploy/prod/1 = {run}
             s/-/p/+/deploy/prod = r1()"
        );
        let page = ask(&fixture, |s| plan::page(s, None, &facts()));
        assert_eq!(
            (page.approvals.len(), page.left_out, page.others.len()),
            (approvals, left_out, left_out),
            "{run}"
        );
    }
}

#[test]
fn a_document_is_shown_with_what_is_around_it() {
    let run = r("s/-/web.ocu.star/@r2/deploy/prod/1");
    let page = ask(SHOP, |s| explorer::page(s, &run));
    assert_eq!((page.kind, page.title.as_str()), ("run", "prod, attempt 1"));
    assert_eq!(page.word.unwrap().text(), "pending");
    let above: Vec<&str> = page.above.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(above, ["s", "web.ocu.star", "@r2", "deploy", "prod"]);
    assert_eq!(page.above[3].1, Above::Glob("s/-/web.ocu.star/@r2/deploy/*".to_owned()));
    assert_eq!(page.above[4].1, Above::Ref(r("s/-/web.ocu.star/@r2/deploy/prod")));
    let stored = page.stored.unwrap();
    let targets: Vec<String> =
        stored.refers_to.iter().map(|one| format!("{} {}", one.glob, one.text)).collect();
    assert_eq!(
        targets,
        ["true s/-/web.ocu.star/@r2/deploy/qa/*/status/complete", "false s/-/web.ocu.star/@r2"]
    );
    let task = ask(SHOP, |s| explorer::page(s, &r("s/-/web.ocu.star/@r2/deploy/qa")));
    let back: Vec<String> = task.stored.unwrap().referred_by.iter().map(Ref::to_string).collect();
    assert_eq!(back, ["s/-/web.ocu.star/@/deploy/qa"]);
    let intent = ask(SHOP, |s| explorer::page(s, &r("+/environment/prod")));
    assert_eq!(intent.other_side.unwrap().as_str(), "@/environment/prod");
    let newest = ask(SHOP, |s| explorer::page(s, &r("s/-/web.ocu.star/@")));
    assert_eq!((newest.resolved.unwrap().as_str(), newest.stored), ("s/-/web.ocu.star/@r2", None));
    let link = ask(SHOP, |s| explorer::page(s, &r("s/-/web.ocu.star/@/deploy/qa")));
    assert_eq!(link.resolved.unwrap().as_str(), "s/-/web.ocu.star/@r2/deploy/qa");
    assert_eq!(link.stored.unwrap().body_type, "link");
}

#[test]
fn what_lies_below_is_in_reading_order() {
    let children = ask(SHOP, |s| {
        let found = explorer::children(s, Marker::State, "s/-/web.ocu.star")?;
        Ok(found.iter().map(|child| child.name.clone()).collect::<Vec<_>>())
    });
    assert_eq!(children, ["@", "@r2", "@r1"]);
}
