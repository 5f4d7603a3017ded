//! Of two releases on their way, the older one does not replace the newer (concepts.md).

use ocuroot_core::open;
use ocuroot_core::outdated;
use ocuroot_core::plan::{Scope, plan};
use ocuroot_core::run;
use ocuroot_core::snapshot::Unmet;

use crate::fixture::{answer, ask, facts, r, store};

/// r1 could be deployed to prod, where something is said of r2.
const FIRST: &str = "\
s/-/p/@r1 = release c1: >prod(n=7)
s/-/p/@r1/deploy/prod/1 = pending up(n=7)
s/-/p/@r2 = release c2: >prod(n=7)
";

fn on_its_way() -> ocuroot_core::facts::Facts {
    ocuroot_core::facts::Facts { in_order: true, ..facts() }
}

/// What keeps r1's run from starting while its release is on its way; empty where it starts. Whoever
/// means it may start it in any case, and to the plan it is work like any other.
fn waits(more: &str) -> String {
    let fixture = format!("{FIRST}{more}");
    let run = r("s/-/p/@r1/deploy/prod/1");
    let plan = ask(&fixture, |s| plan(s, &Scope::Everything, &facts()));
    assert!(plan.ready.iter().any(|ready| ready.run == run), "{plan:?}");
    let mut held = String::new();
    for facts in [facts(), on_its_way()] {
        held = answer(&store(&fixture), |s| match run::claim(s, &run, &facts) {
            Ok(_) => Ok(String::new()),
            Err(Unmet::Needs(needs)) => Err(needs),
            Err(Unmet::Error(error)) => Ok(error.to_string()),
        })
        .0;
        assert!(facts.in_order || held.is_empty(), "{held}");
    }
    held
}

const NEWER: &str = "s/-/p/@r1/deploy/prod/1 does not start: s/-/p/@r2 is newer, and there";

#[test]
fn a_release_on_its_way_puts_nothing_older_where_something_newer_is() {
    let live = "s/-/p/@r2/deploy/prod/1 = complete up(n=7)
                s/-/p/@r2/deploy/prod = up 1(n=7)
                s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod\n";
    let second = |status| format!("s/-/p/@r2/deploy/prod/1 = {status} up(n=7)\n");
    let intent = |release| format!("s/-/p/+/deploy/prod = {release}(n=7)\n");
    for (about, more, expected) in [
        ("nothing is there", String::new(), ""),
        ("it is live", format!("{live}{}", intent("r2")), NEWER),
        ("it is live, and intent is gone", live.to_owned(), NEWER),
        ("it is being deployed", second("running") + &intent("r2"), NEWER),
        ("it has not begun", second("pending"), ""),
        ("it has failed, and nothing of it is there", second("failed") + &intent("r2"), ""),
        ("somebody goes back on purpose", format!("{live}{}", intent("r1")), ""),
    ] {
        assert_eq!(waits(&more), expected, "{about}");
    }
}

#[test]
fn what_has_been_overtaken_is_cancelled_and_told() {
    let fixture = format!("{FIRST}s/-/p/@r2/deploy/prod/1 = running up(n=7)\ns/-/p/+/deploy/prod = r2(n=7)");
    let release = r("s/-/p/@r1");
    let mut store = store(&fixture);
    let candidates = answer(&store, |s| open::startable(s, &release)).0;
    let (step, claimed) = answer(&store, |s| run::claim_ready(s, &candidates, 9, &on_its_way())).0;
    assert!(claimed.is_empty());
    store.commit(&step).unwrap();
    let told = answer(&store, |s| outdated::overtaken(s, &release)).0;
    assert_eq!(told, [(r("s/-/p/@r1/deploy/prod/1"), r("s/-/p/@r2"))]);
    assert!(answer(&store, |s| open::startable(s, &release)).0.is_empty());
    assert!(answer(&store, |s| outdated::overtaken(s, &r("s/-/p/@r2"))).0.is_empty());
}

#[test]
fn what_is_being_replaced_is_older() {
    let fixture = "s/-/p/@r1 = release c1: >prod(n=7)
                   s/-/p/@r1/deploy/prod/1 = complete up(n=7)
                   s/-/p/@r1/deploy/prod = up 1(n=7)
                   s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
                   s/-/p/+/deploy/prod = r1(n=7)
                   s/-/p/@r2 = release c2: >prod(n=7)
                   s/-/p/@r2/deploy/prod/1 = pending up(n=7)
                   s/-/p/@r1/deploy/prod/2 = pending down(n=7)";
    // Taking something down puts nothing there.
    for run in ["s/-/p/@r2/deploy/prod/1", "s/-/p/@r1/deploy/prod/2"] {
        let claimed = answer(&store(fixture), |s| match run::claim(s, &r(run), &on_its_way()) {
            Ok(_) => Ok(true),
            Err(Unmet::Needs(needs)) => Err(needs),
            Err(Unmet::Error(_)) => Ok(false),
        });
        assert!(claimed.0, "{run}");
    }
}
