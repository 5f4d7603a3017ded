//! Of two releases on their way, the older one does not replace the newer (concepts.md).

use ocuroot_core::open;
use ocuroot_core::plan::{Scope, plan};
use ocuroot_core::run;
use ocuroot_core::snapshot::Unmet;

use crate::fixture::{answer, ask, check, facts, r, store};

/// r1 could be deployed to prod, where something is said of r2.
const FIRST: &str = "\
s/-/p/@r1 = release c1: >prod(n=7)
s/-/p/@r1/deploy/prod/1 = pending up(n=7)
s/-/p/@r2 = release c2: >prod(n=7)
";

/// What r1's run waits for; empty where it can start. The plan, the list of what waits and the claim
/// must agree.
fn waits(more: &str) -> String {
    let fixture = format!("{FIRST}{more}");
    let run = r("s/-/p/@r1/deploy/prod/1");
    let left = ask(&fixture, |s| open::waiting(s, &r("s/-/p/@r1")));
    let waits: Vec<_> = left.iter().flat_map(|(_, missing)| missing).map(ToString::to_string).collect();
    let plan = ask(&fixture, |s| plan(s, &Scope::Everything, &facts()));
    let starts = plan.ready.iter().any(|ready| ready.run == run);
    assert_eq!(starts, waits.is_empty(), "{plan:?}");
    let claimed = answer(&store(&fixture), |s| match run::claim(s, &run, &facts()) {
        Ok(_) => Ok(true),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(_)) => Ok(false),
    });
    assert_eq!(claimed.0, starts, "{plan:?}");
    waits.join("; ")
}

const NEWER: &str = "s/-/p/@r2 to go: it is newer, and there (to go back on purpose: release rollback)";

#[test]
fn an_older_release_waits_for_the_newer_one_to_go() {
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
fn what_is_being_replaced_is_older() {
    let fixture = "s/-/p/@r1 = release c1: >prod(n=7)
                   s/-/p/@r1/deploy/prod/1 = complete up(n=7)
                   s/-/p/@r1/deploy/prod = up 1(n=7)
                   s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
                   s/-/p/+/deploy/prod = r1(n=7)
                   s/-/p/@r2 = release c2: >prod(n=7)
                   s/-/p/@r2/deploy/prod/1 = pending up(n=7)
                   s/-/p/@r1/deploy/prod/2 = pending down(n=7)";
    assert!(ask(fixture, |s| open::waiting(s, &r("s/-/p/@r2"))).is_empty());
    // Taking something down puts nothing there.
    assert!(ask(fixture, |s| open::waiting(s, &r("s/-/p/@r1"))).is_empty());
}

#[test]
fn a_claim_says_what_is_in_its_way() {
    check(
        &format!(
            "{FIRST}s/-/p/@r2/deploy/prod/1 = running up(n=7)
             s/-/p/+/deploy/prod = r2(n=7)"
        ),
        |s| run::claim(s, &r("s/-/p/@r1/deploy/prod/1"), &facts()),
        "error: s/-/p/@r1/deploy/prod/1 does not start: s/-/p/@r2 is newer, and there",
    );
}
