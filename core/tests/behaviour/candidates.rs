//! The plan of what summaries leave open is the plan.

use std::collections::BTreeMap;

use ocuroot_core::memory::{Memory, Reads};
use ocuroot_core::plan::{Scope, plan, plan_at};
use ocuroot_core::screens::{candidates, diff};
use ocuroot_core::summary::{self, Summary};
use ocuroot_core::{Marker, Ref};

use crate::fixture::{answer, facts, r, store};
use crate::plan::WORK;
use crate::summary_update::whole;

fn parsed(summaries: &BTreeMap<Ref, String>) -> BTreeMap<Ref, Summary> {
    let parse = |(package, text): (&Ref, &String)| {
        (package.clone(), Summary::parse(text.as_bytes()).expect("a summary"))
    };
    summaries.iter().map(parse).collect()
}

/// Compares the plan of candidates with that of everything: with all summaries, without some, and with
/// some that an older tool wrote.
#[track_caller]
pub(crate) fn same_plan(store: &Memory, summaries: &BTreeMap<Ref, String>) {
    let snapshot = store.snapshot();
    let expected = plan(&snapshot, &Scope::Everything, &facts()).unwrap();
    let differences = diff::page(&snapshot, None, &facts()).unwrap();
    let all = parsed(summaries);
    let mut few = all.clone();
    few.retain(|package, summary| {
        if package.as_str().len() % 2 == 0 {
            summary.work = None;
        }
        package.as_str().len() % 3 > 0
    });
    for stored in [&all, &few, &BTreeMap::new()] {
        let candidates = candidates::of(&snapshot, stored).unwrap();
        let found = plan_at(&snapshot, &candidates, &facts()).unwrap();
        assert_eq!(found, expected, "{stored:#?}");
        assert_eq!(diff::page(&snapshot, Some(stored), &facts()).unwrap(), differences);
    }
}

/// Does so with what a store is of, and tells what is read of it with all summaries.
#[track_caller]
fn reads(fixture: &str) -> Reads {
    let store = store(fixture);
    let packages = summary::packages(&store.snapshot()).unwrap();
    let summaries = packages.into_iter().map(|p| (p.clone(), whole(&store, &p).unwrap())).collect();
    same_plan(&store, &summaries);
    let all = parsed(&summaries);
    answer(&store, |s| plan_at(s, &candidates::of(s, &all)?, &facts())).1
}

/// The documents of state that were read, and folders of state in packages.
fn of_state(reads: &Reads) -> (Vec<&str>, Vec<&str>) {
    let bodies = reads.bodies.iter().filter(|at| at.marker() != Some(Marker::Intent)).map(Ref::as_str);
    let folders = reads.folders.iter().filter(|(side, path)| *side == Marker::State && path.contains("/@"));
    (bodies.collect(), folders.map(|(_, path)| path.as_str()).collect())
}

/// As [`crate::fixture`] has it, a release that is deployed as it should be.
fn settled(package: &str) -> String {
    format!(
        "{package}/@r1 = release c1: t | >prod
        {package}/@r1/task/t/1 = complete t
        {package}/@r1/deploy/prod/1 = complete up(a<-@/custom/prod/a=1)
        {package}/@r1/deploy/prod = up 1(a<-@/custom/prod/a=1)
        {package}/@/deploy/prod -> {package}/@r1/deploy/prod
        {package}/+/deploy/prod = r1(a<-@/custom/prod/a=1)
        {package}/@r1/custom/ok = true
        {package}/+r1/custom/ok = true
        "
    )
}

const PROD: &str = "
    @/custom/prod/a = 1
    +/custom/prod/a = 1
    @/environment/prod = {\"name\":\"prod\"}
    +/environment/prod = {\"name\":\"prod\"}
";

#[test]
fn something_of_every_kind() {
    reads(WORK);
    reads(&format!("{WORK}{}{}{PROD}", settled("s/-/dir"), settled("s/-/dir/inner")));
}

#[test]
fn what_is_settled_is_not_looked_at() {
    let store = format!("{PROD}{}{}", settled("s/-/p"), settled("z/-/q"));
    let found = reads(&store);
    assert_eq!(of_state(&found), (vec!["@/custom/prod/a", "@/environment/prod"], vec![]), "{found:?}");
    for (more, opened) in [
        ("s/-/p/@r1/op/check_envs = {}", "s/-/p/@r1"),
        ("s/-/p/@r1/task/u/1 = pending t", "s/-/p/@r1"),
        ("s/-/p/+/custom/new = 1", "s/-/p/@"),
        ("s/-/p/@/custom/gone = 1", "s/-/p/@"),
        ("s/-/p/@/deploy/odd -> s/-/p/@r9/deploy/odd", "s/-/p/@"),
        ("s/-/p/+r1/custom/ok = false", "s/-/p/@r1"),
        ("s/-/p/+/deploy/prod = r1", "s/-/p/@r1"),
        ("@/custom/prod/a = 2\n+/custom/prod/a = 2", "s/-/p/@r1"),
        ("s/-/r/@/custom/alone = 1", "s/-/r/@"),
        ("s/-/p/inner/@/custom/alone = 1", "s/-/p/inner/@"),
    ] {
        let found = reads(&format!("{store}\n{more}\n"));
        let (bodies, folders) = of_state(&found);
        let is_opened = |path: &&str| path.starts_with(opened);
        assert!(folders.iter().chain(&bodies).any(is_opened), "{more}: {folders:?} {bodies:?}");
    }
}

#[test]
fn a_tag_in_intent_is_the_release_that_it_names() {
    let store = format!("{PROD}{}", settled("s/-/p")).replace("+r1/custom/ok", "+v1/custom/ok");
    reads(&format!("{store}\ns/-/p/@v1 -> s/-/p/@r1"));
    reads(&store);
    assert!(r("s/-/p/+v1/custom/ok").release_number().is_none());
}
