//! Repos, configurations and documents that make no sense. Nothing of them may be half-written.

use expect_test::expect;

use crate::world::World;

const STORE: &str = "store.set(store.fs(\"./.store\"))\n";

fn configured(config: &str) -> World {
    World::new(&format!(
        "-- repo.ocu.star --\n{config}\n-- a.ocu.star --\ndef f():\n    return done()\ntask(f, \"f\")\n"
    ))
}

#[test]
fn no_repo_upwards() {
    let world = World::bare();
    std::fs::create_dir_all(world.root()).unwrap();
    world.check(
        "release new",
        expect![[r#"
        --- stderr
        error: not inside a repo with repo.ocu.star (looked in $DIR/repo and up to /)
          help: run this in a repo, or write repo.ocu.star with `ocuroot init`
        --- exit 1
    "#]],
    );
    for line in [&["state", "match"][..], &["work", "any"], &["release", "lint", "a.ocu.star"]] {
        assert_eq!(world.run(line), world.run(&["release", "new"]));
    }
}

#[test]
fn configurations_without_a_store_or_with_two() {
    configured("repo_alias(\"shop\")").check(
        "release new",
        expect![[r#"
        --- stderr
        error: $DIR/repo/repo.ocu.star sets no store
          help: add `store.set(store.fs("./.store"))` to it, or a git store: `store.git(…)`
        --- exit 1
    "#]],
    );
    configured(&format!("repo_alias(\"shop\")\n{STORE}{STORE}")).check(
        "release new",
        expect![[r#"
        --- stderr
        error: the store is set twice
         --> repo.ocu.star:3:1
          |
        3 | store.set(store.fs("./.store"))
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        help: call `store.set` once, or assign `state_store` and `intent_store`, not both
        --- exit 1
    "#]],
    );
    configured("repo_alias(\"shop\")\nstore.set(\"./.store\")").check(
        "release new",
        expect![[r#"
        --- stderr
        error: this is not a store: `"./.store"`
         --> repo.ocu.star:2:1
          |
        2 | store.set("./.store")
          | ^^^^^^^^^^^^^^^^^^^^^
        help: use what `store.git(url)` or `store.fs(path)` returns
        --- exit 1
    "#]],
    );
    configured("repo_alias(\"shop\")\nstore.set(store.fs(\"./repo.ocu.star\"))").check("release new", expect![[r#"
        --- stderr
        error: $DIR/repo/./repo.ocu.star is not a folder, so it cannot hold a store: name another place in repo.ocu.star, or move that file away
        --- exit 1
    "#]]);
    configured("repo_alias(\"shop\")\nstore.set(store.fs(\"./s\"), store.fs(\"./s\"))")
        .check("release new", expect![[r#"
            --- stderr
            error: state and intent cannot both lie directly in $DIR/repo/s: give intent a folder of its own, or leave `intent` out and both get one below it
            --- exit 1
        "#]]);
    configured("repo_alias(\"shop\"\n").check(
        "state match",
        expect![[r#"
        --- stderr
        error: Parse error: unexpected new line, expected symbol ')'
         --> repo.ocu.star:3:1
          |
        3 | 
          | ^
        --- exit 1
    "#]],
    );
    configured("task(1)\n").check(
        "state match",
        expect![[r#"
        --- stderr
        error: Missing parameter `name` for call to `task`
         --> repo.ocu.star:1:1
          |
        1 | task(1)
          | ^^^^^^^
        --- exit 1
    "#]],
    );
    configured(&format!("repo_alias(\"shop @home\")\n{STORE}")).check("release new", expect![[r#"
        --- stderr
        error: `shop @home` cannot name a repo: `shop @home` at byte 0 of `shop @home/-/x`: `@` starts a release, so it stands right after a `/`; write `path/@release`
         --> repo.ocu.star:1:1
          |
        1 | repo_alias("shop @home")
          | ^^^^^^^^^^^^^^^^^^^^^^^^
        --- exit 1
    "#]]);
}

#[test]
fn repos_and_their_names() {
    let world = configured(STORE);
    world.check(
        "release new",
        expect![[r#"
        --- stderr
        error: this repo has no name: it has no remote called origin
          help: set one in repo.ocu.star: `repo_alias("my-repo")`, or add a remote
        --- exit 1
    "#]],
    );
    world.git(&["remote", "add", "origin", "/srv/git/shop.git"]);
    world.check(
        "release new",
        expect![[r#"
        srv/git/shop/-/a.ocu.star/@r1 complete
        --- stderr
        srv/git/shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]],
    );
    world.git(&["remote", "set-url", "origin", "https://ada:hunter2@example.org:8443/team/shop.git/"]);
    world.check(
        "release new",
        expect![[r#"
        example.org:8443/team/shop/-/a.ocu.star/@r1 complete
        --- stderr
        example.org:8443/team/shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]],
    );
    world.check(
        "state get ./-/repo.ocu.star/@#Remotes",
        expect![[r#"
        [
          {
            "Name": "origin",
            "PushURL": "https://example.org:8443/team/shop.git/",
            "URL": "https://example.org:8443/team/shop.git/"
          }
        ]
    "#]],
    );
    world.git(&["remote", "set-url", "origin", "git@example.org:team/shop.git"]);
    world.check(
        "release new",
        expect![[r#"
        example.org/team/shop/-/a.ocu.star/@r1 complete
        --- stderr
        example.org/team/shop/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]],
    );
    world.git(&["remote", "set-url", "origin", "../elsewhere"]);
    world.check(
        "release new",
        expect![[r#"
        --- stderr
        error: this repo has no name: none can be made of the URL of its remote, ../elsewhere
          help: set one in repo.ocu.star: `repo_alias("my-repo")`, or add a remote
        --- exit 1
    "#]],
    );
    let world = configured(STORE).with("OCU_CFG_repo_alias", "other");
    world.check(
        "release new",
        expect![[r#"
        other/-/a.ocu.star/@r1 complete
        --- stderr
        other/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]],
    );
    let world = configured(STORE).with("OCU_REPO_URL_OVERRIDE", "ssh://git@example.org/x/y.git");
    world.check(
        "release new",
        expect![[r#"
        example.org/x/y/-/a.ocu.star/@r1 complete
        --- stderr
        example.org/x/y/-/a.ocu.star/@r1 first
        › task/f/1 f
        ✓ task/f/1 complete <took>
    "#]],
    );
}

#[test]
fn a_folder_that_is_no_git_repo_and_a_repo_without_commits() {
    let world = World::bare();
    world.write("repo.ocu.star", &format!("repo_alias(\"shop\")\n{STORE}"));
    world.write("a.ocu.star", "def f():\n    return done()\ntask(f, \"f\")\n");
    world.check("release new", expect![[r#"
        --- stderr
        error: no commit is checked out in $DIR/repo: not a git repository (or any of the parent directories): .git
          help: a release is of a commit: `git init` if need be, and commit first
        --- exit 1
    "#]]);
    world.check("work any", expect![[r#"
        --- stderr
        error: no commit is checked out in $DIR/repo: not a git repository (or any of the parent directories): .git
          help: a release is of a commit: `git init` if need be, and commit first
        --- exit 1
    "#]]);
    world.check(
        "state set @/custom/x 1",
        expect![[r#"
        --- stderr
        set +/custom/x; `ocuroot work any` carries it out
    "#]],
    );
    world.git(&["init", "-q"]);
    world.check(
        "release new",
        expect![[r#"
            --- stderr
            error: no commit is checked out in $DIR/repo: there is none yet
              help: a release is of a commit: `git init` if need be, and commit first
            --- exit 1
        "#]],
    );
    let world = world.with("OCU_REPO_COMMIT_OVERRIDE", "0123456789012345678901234567890123456789");
    world.check(
        "release new",
        expect![[r#"
            shop/-/a.ocu.star/@r1 complete
            --- stderr
            warning: .store/ and 2 more are not committed; the release is recorded as the commit's, but runs what is here
            shop/-/a.ocu.star/@r1
            › task/f/1 f
            ✓ task/f/1 complete <took>
        "#]],
    );
    let world = world.with("PATH", "/nowhere").with("OCU_REPO_COMMIT_OVERRIDE", "");
    world.check("release new --force", expect![[r#"
        --- stderr
        error: cannot run `git`: No such file or directory (os error 2); install git and make sure that it is on PATH
        --- exit 1
    "#]]);
}

#[test]
fn documents_that_are_none() {
    let world = configured(&format!("repo_alias(\"shop\")\n{STORE}"));
    world.ok("release new");
    let release = ".store/state/refs/shop/-/a.ocu.star/@r1";
    let run = world.read(&format!("{release}/task/f/1/@object.json"));
    world.write(&format!("{release}/task/f/1/@object.json"), "{\"kind\":");
    world.check_reads_only(
        "state get ./@r1/task/f/1",
        expect![[r#"
        --- stderr
        error: shop/-/a.ocu.star/@r1/task/f/1: not a document: EOF while parsing a value at line 1 column 8
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "release show",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
    "#]],
    );
    world.check_reads_only("state check", expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1: not a document: EOF while parsing a value at line 1 column 8; put the file right by hand, or delete it
        --- stderr
        error: 1 problem found
        --- exit 1
    "#]]);
    world.check_reads_only(
        "release continue",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        --- stderr
        shop/-/a.ocu.star/@r1 first
        nothing is ready
    "#]],
    );
    world.check_reads_only(
        "release retry",
        expect![[r#"
        --- stderr
        error: nothing to retry: no run of shop/-/a.ocu.star/@r1 has failed
        --- exit 1
    "#]],
    );
    world.write(&format!("{release}/task/f/1/@object.json"), &run);
    // A run with two statuses.
    let status = world.read(&format!("{release}/task/f/1/status/complete/@object.json"));
    world.write(&format!("{release}/task/f/1/status/failed/@object.json"), &status);
    world.check_reads_only(
        "state check",
        expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1: the run has 2 statuses (complete, failed); --fix keeps complete
        --- stderr
        error: 1 problem found
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "release show",
        expect![[r#"
        shop/-/a.ocu.star/@r1 complete
        commit <commit 1> first
        phase 1
          ✓ task/f/1 complete <time>
    "#]],
    );
    world.check("state check --fix", expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1: mended: the run has 2 statuses (complete, failed); --fix keeps complete
    "#]]);
    world.check("state check", expect![[""]]);
    // And with none.
    std::fs::remove_dir_all(world.root().join(format!("{release}/task/f/1/status"))).unwrap();
    world.check_reads_only(
        "state check",
        expect![[r#"
        shop/-/a.ocu.star/@r1/task/f/1: the run has no status, and counts as pending; --fix writes that down
        --- stderr
        error: 1 problem found
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "state check --json",
        expect![[r#"
        [
          {
            "fixable": true,
            "message": "the run has no status, and counts as pending; --fix writes that down",
            "problem": "no_status",
            "ref": "shop/-/a.ocu.star/@r1/task/f/1"
          }
        ]
        --- stderr
        error: 1 problem found
        --- exit 1
    "#]],
    );
    world.check_reads_only(
        "work any --dryrun",
        expect![[r#"
        [
          {
            "commit": "<commit 1>",
            "ref": "shop/-/a.ocu.star/@r1/task/f/1",
            "work_type": "run"
          }
        ]
    "#]],
    );
    // A release that cannot be read.
    world.write(&format!("{release}/@object.json"), "[]");
    world.check_reads_only("release show @r1", expect![[r#"
        --- stderr
        error: shop/-/a.ocu.star/@r1 cannot be read (not a document: invalid type: sequence, expected an object at line 1 column 0): put the file right by hand, or delete it; `ocuroot state check` lists all such
        --- exit 1
    "#]]);
    world.check_reads_only(
        "release list",
        expect![[r#"
        RELEASE  STATUS  COMMIT  TAGS  LIVE IN  TIME  SUBJECT
    "#]],
    );
    world.check_reads_only("release continue", expect![[r#"
        --- stderr
        error: shop/-/a.ocu.star/@r1 cannot be read (not a document: invalid type: sequence, expected an object at line 1 column 0): put the file right by hand, or delete it; `ocuroot state check` lists all such
        --- exit 1
    "#]]);
    world.check_reads_only(
        "work any -d",
        expect![[r#"
            [
              {
                "commit": "<commit 1>",
                "ref": "shop/-/a.ocu.star/@r1/task/f/1",
                "work_type": "run"
              }
            ]
        "#]],
    );
    world.check_reads_only(
        "work any",
        expect![[r#"
            --- stderr
            not executed: shop/-/a.ocu.star/@r1 cannot be read (not a document: invalid type: sequence, expected an object at line 1 column 0): put the file right by hand, or delete it; `ocuroot state check` lists all such
            error: shop/-/a.ocu.star/@r1 failed
            --- exit 1
        "#]],
    );
    // Not UTF-8.
    std::fs::write(world.root().join(format!("{release}/@object.json")), b"{\"kind\":\"\xff\xfe\"}").unwrap();
    world.check_reads_only(
        "state get ./@r1",
        expect![[r#"
        --- stderr
        error: shop/-/a.ocu.star/@r1: not a document: invalid unicode code point at line 1 column 10
        --- exit 1
    "#]],
    );
    // Links in a circle.
    for (from, to) in [("a", "b"), ("b", "a")] {
        world.write(
            &format!(".store/state/refs/@/custom/{from}/@object.json"),
            &format!("{{\"kind\":\"link\",\"body_type\":\"\",\"body\":\"@/custom/{to}\"}}"),
        );
    }
    world.check_reads_only(
        "state get @/custom/a",
        expect![[r#"
        --- stderr
        error: links lead in a circle: @/custom/a → @/custom/b → @/custom/a; delete one of them
        --- exit 1
    "#]],
    );
}

#[test]
fn stores_of_other_versions() {
    let world = configured(&format!("repo_alias(\"shop\")\n{STORE}"));
    world.ok("release new");
    for (marker, expected) in [
        (
            "{\"version\":99}",
            expect![[r#"
            --- stderr
            error: the store in $DIR/repo/.store/state has version 99, and this build of Ocuroot knows versions 1, 2 and 3: install a newer Ocuroot. Nothing was changed
            --- exit 1
        "#]],
        ),
        (
            "{\"version\":\"three\"}",
            expect![[r#"
            --- stderr
            error: the store in $DIR/repo/.store/state has version "three", and this build of Ocuroot knows versions 1, 2 and 3: install a newer Ocuroot. Nothing was changed
            --- exit 1
        "#]],
        ),
        (
            "not json",
            expect![[r#"
            --- stderr
            error: $DIR/repo/.store/state/.ocuroot-store does not say which version of store this is (expected ident at line 1 column 2): restore the file; a current store has {"version":3}
            --- exit 1
        "#]],
        ),
        (
            "{\"version\":3,\"Tags\":{\"intent\":{}}}",
            expect![[r#"
            --- stderr
            error: $DIR/repo/.store/state holds intent, but it was opened as the place of state: check the order of the stores in repo.ocu.star
            --- exit 1
        "#]],
        ),
    ] {
        world.write(".store/state/.ocuroot-store", marker);
        world.check_reads_only("release new --force", expected);
    }
}

#[test]
fn globs() {
    let world = configured(&format!("repo_alias(\"shop\")\n{STORE}"));
    for (glob, expected) in [
        (
            "a[",
            expect![[r#"
            --- stderr
            error: `[` at byte 1 of the pattern `a[`: this `[` is never closed; add a `]`, or write `\[` for the character
            --- exit 2
        "#]],
        ),
        (
            "**/[z-a]",
            expect![[r#"
            --- stderr
            error: `z` at byte 4 of the pattern `**/[z-a]`: this range ends before it starts; swap its ends
            --- exit 2
        "#]],
        ),
        (
            "x/[]",
            expect![[r#"
            --- stderr
            error: `[` at byte 2 of the pattern `x/[]`: this class holds no character; name some, as in `[abc]`
            --- exit 2
        "#]],
        ),
        (
            "{a,b",
            expect![[r#"
            --- stderr
            error: `{` at byte 0 of the pattern `{a,b`: this `{` is never closed; add a `}`, or write `\{` for the character
            --- exit 2
        "#]],
        ),
        (
            "a\\",
            expect![[r#"
            --- stderr
            error: `\\` at byte 1 of the pattern `a\\`: nothing follows this `\`; write `\\` for the character
            --- exit 2
        "#]],
        ),
    ] {
        expected.assert_eq(&world.run(&["state", "match", glob]).text());
    }
    world.check(
        "state match --sort sideways",
        expect![[r#"
        --- stderr
        error: invalid value 'sideways' for '--sort <SORT>'
          [possible values: bytes, natural]

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    world.check(
        "state",
        expect![[r#"
            --- stderr
            Look at state, and set intent

            Usage: ocuroot state [OPTIONS] <COMMAND>

            Commands:
              get      Print a document, or a field of it, as JSON
              match    Print the refs that a glob matches, one a line
              set      Set intent: what should be
              delete   Delete intent: what should not be any more
              diff     Print the refs whose intent and state differ, one a line
              why      Say why something is not done, and what would help
              apply    Carry out intent at one ref
              check    Look for what does not add up in the stores
              upgrade  Make a store of an older version one of the current version
              export   Write all documents of both stores to one file
              import   Write the documents of a file into the stores
              view     Serve the dashboard over this repo's store, until Ctrl-C
              help     Print this message or the help of the given subcommand(s)

            Options:
                  --color <WHEN>   Colour in messages: on a terminal, always or never [default: auto]
                  --events <FILE>  Append what happens to a file, a JSON object a line
              -h, --help           Print help
              -V, --version        Print version
            --- exit 2
        "#]],
    );
    world.check(
        "stat",
        expect![[r#"
        --- stderr
        error: unrecognized subcommand 'stat'

          tip: a similar subcommand exists: 'state'

        Usage: ocuroot [OPTIONS] <COMMAND>

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    world.check(
        "state match --nope",
        expect![[r#"
        --- stderr
        error: unexpected argument '--nope' found

          tip: to pass '--nope' as a value, use '-- --nope'

        Usage: ocuroot state match [OPTIONS] [GLOB]

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
}
