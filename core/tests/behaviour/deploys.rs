//! Which deployments came of which commits (cli.md, `find-deploys`).

use ocuroot_core::deploys;

use crate::fixture::ask;

const STORE: &str = r#"
    s/-/p/@r2 = release c2: >prod; >qa
    s/-/p/@r2/deploy/prod/1 = complete up
    s/-/p/@r2/deploy/prod = up 1()
    s/-/p/@r2/deploy/qa/1 = pending up
    s/-/p/@r10 = release c1: >prod
    s/-/p/@r10/deploy/prod/1 = complete up
    s/-/p/@r10/deploy/prod/2 = complete down
    s/-/p/@r10/deploy/prod = down 2()
    s/-/p/@/deploy/prod -> s/-/p/@r2/deploy/prod
    s/-/p/@v1 -> s/-/p/@r2
    # Of the same commit again, and without the commit's marker.
    s/-/p/@r3 = {"commit":"c2"}
    s/-/p/@r3/deploy/prod = up 1()
    # Other packages and repos.
    s/-/sub/q/@r1 = release c1: >prod
    s/-/sub/q/@r1/deploy/prod = up 1()
    o/-/p/@r1 = release c1: >prod
    o/-/p/@r1/deploy/prod = up 1()
    # Of a release that is not there.
    s/-/p/@r99/deploy/prod = up 1()
"#;

#[test]
fn they_are_found_by_the_commits_of_their_releases() {
    for (commits, expected) in [
        (&["c1"][..], &["s/-/p/@r10/deploy/prod", "s/-/sub/q/@r1/deploy/prod"][..]),
        (&["c2"], &["s/-/p/@r2/deploy/prod live", "s/-/p/@r3/deploy/prod"]),
        (
            &["c2", "c0", "c1"],
            &[
                "s/-/p/@r2/deploy/prod live",
                "s/-/p/@r3/deploy/prod",
                "s/-/p/@r10/deploy/prod",
                "s/-/sub/q/@r1/deploy/prod",
            ],
        ),
        (&["c"], &[]),
        (&[], &[]),
    ] {
        let commits: Vec<String> = commits.iter().map(|commit| (*commit).to_owned()).collect();
        let found = ask(STORE, |snapshot| deploys::of_commits(snapshot, "s", &commits));
        let lines: Vec<String> = found
            .iter()
            .map(|found| format!("{}{}", found.reference, if found.live { " live" } else { "" }))
            .collect();
        assert_eq!(lines, expected, "{commits:?}");
    }
}
