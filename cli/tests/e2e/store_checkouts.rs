//! Commands inside a store, or a checkout of one, with no source repo around it.

use expect_test::expect;

use crate::team::{API, ENVIRONMENTS, WEB_LINE, assert_tidy, commit, news, ok_in, repo, run_in, team};
use crate::world::World;

/// A copy of one side of the store, as a checkout of its branch would be.
fn copy(world: &World, side: &str) -> String {
    let copied = std::process::Command::new("cp")
        .args(["-r", &format!("../store/{side}"), &format!("../copy-{side}")])
        .current_dir(world.root())
        .status();
    assert!(copied.unwrap().success());
    format!("copy-{side}")
}

#[test]
fn state_commands_work_anywhere_in_a_store() {
    let world = team();
    let copies = [copy(&world, "state"), copy(&world, "intent")];
    // A copy lags behind; the stores are those that the configuration names.
    news(&world, "2\n");
    let inside = "store/state/refs/web/-";
    for at in ["store", "store/state", "store/intent", inside, &copies[0], &copies[1]] {
        let newest = ok_in(&world, at, "state match api/-/a.ocu.star/@r*").stdout;
        assert!(newest.contains("@r2\n"), "{at}: {newest}");
        assert_eq!(ok_in(&world, at, WEB_LINE).stdout, "\"1 with first\"\n", "{at}");
        ok_in(&world, at, &format!("state set @/custom/at {}", at.replace('/', "_")));
        assert_eq!(ok_in(&world, at, "state diff").stdout, "@/custom/at\n", "{at}");
        ok_in(&world, at, "state apply @/custom/at");
        ok_in(&world, at, "state delete +/custom/at");
        ok_in(&world, at, "state apply @/custom/at");
        assert_eq!(
            ok_in(&world, at, "release list web/-/a.ocu.star --json").stdout.matches("@r1").count(),
            1
        );
        ok_in(&world, at, "state check");
        for line in ["state get ./@/deploy/prod", "release new a.ocu.star", "release new", "release retry"] {
            let run = run_in(&world, at, line);
            assert_eq!(run.code, 1, "{at} {line}: {}", run.text());
            assert!(run.stderr.contains("is a store, not a source repo"), "{}", run.text());
            assert!(run.stderr.contains("write full refs here"), "{}", run.text());
        }
    }
    // Who writes from a store is no repo that could be recorded.
    assert_eq!(ok_in(&world, "store", "state match **/-/repo.ocu.star/@").stdout.lines().count(), 2);
}

#[test]
fn work_of_every_repo_is_done_from_a_store_in_fresh_clones() {
    let world = team();
    let copied = copy(&world, "intent");
    assert!(ok_in(&world, &copied, "work any").stderr.contains("nothing to do anywhere"));
    for (n, (at, line)) in [
        (&*copied, "work cascade"),
        ("store", "work any"),
        ("store/state", "work continue"),
        ("store/intent", "work any --comprehensive"),
    ]
    .into_iter()
    .enumerate()
    {
        let n = n + 2;
        news(&world, &format!("{n}\n"));
        ok_in(&world, at, line);
        assert_eq!(ok_in(&world, "web", WEB_LINE).stdout, format!("\"{n} with first\"\n"), "{line}");
        assert_tidy(&world);
    }
    ok_in(&world, "store", r#"state set -f=json @/environment/qa {"name":"qa"}"#);
    ok_in(&world, "store", "state apply @/environment/qa");
    ok_in(&world, "store", "work ops");
    let plan = ok_in(&world, "store", "work cascade -d").stdout;
    assert!(plan.contains("/deploy/qa/1"), "{plan}");
    ok_in(&world, "store", "work cascade");
    assert_eq!(ok_in(&world, "store", "state match **/@/deploy/qa").stdout.lines().count(), 2);
    ok_in(&world, "store", "state delete @/environment/qa");
    ok_in(&world, "store", "state apply @/environment/qa --cascade");
    assert_eq!(ok_in(&world, "store", "state match **/@/deploy/qa").stdout, "");
    assert_tidy(&world);
}

#[test]
fn triggers_are_called_from_a_store() {
    let world = team();
    let trigger = "def start(commit):\n    write(\"triggered\", commit + \" \" + pwd())\ntrigger(start)\n";
    repo(&world, "ci", trigger, &[("a.ocu.star", API), ("n.txt", "1\n")]);
    ok_in(&world, "ci", "release new a.ocu.star");
    // What the file loads is in the repo only.
    let loads = "load(\"./ci.star\", \"start\")\ntrigger(start)\n";
    let lib = "def start(commit):\n    write(\"loaded\", commit)\n";
    repo(&world, "lib", loads, &[("a.ocu.star", API), ("n.txt", "1\n"), ("ci.star", lib)]);
    ok_in(&world, "lib", "release new a.ocu.star");
    let copied = copy(&world, "state");
    let run = run_in(&world, &copied, "work trigger -i");
    assert_eq!(run.code, 1, "{}", run.text());
    for part in [
        "triggered ci at ",
        "the trigger of lib failed",
        "`ci.star` cannot be read: neither the files nor the git objects of lib at ",
        "api has work at ",
        "error: 1 trigger failed",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.text());
    }
    let written = world.read(&format!("../{copied}/triggered"));
    assert!(written.ends_with(&copied), "{written}");

    // In the repo itself the working tree has it, and at another commit git's objects do.
    run_in(&world, "lib", "work trigger -i");
    assert_eq!(world.read("../lib/loaded").len(), 40);
    std::fs::remove_file(world.root().join("../lib/loaded")).unwrap();
    world.write("../lib/ci.star", &lib.replace("loaded", "wrong"));
    commit(&world, "lib");
    run_in(&world, "lib", "work trigger -i");
    assert_eq!(world.read("../lib/loaded").len(), 40);
    assert_eq!(world.read("../lib/wrong"), "");
}

#[test]
fn a_store_that_does_not_say_where_the_stores_are() {
    let world = World::bare();
    world.write("state/.ocuroot-store", r#"{"version":3,"Tags":{"state":{}}}"#);
    let expected = expect![[r#"
        --- stderr
        error: $DIR/repo/state holds a store in which no repo has recorded a configuration that names the stores
          help: a repo records it with whatever it writes first: run `ocuroot release new` or `ocuroot state set` in a repo whose repo.ocu.star names this store
        --- exit 1
    "#]];
    world.check_in("state", "state match", expected);
    // One of the first generation, too.
    world.write("state/.ocuroot-store", r#"{"version":1}"#);
    let run = world.run_in("state", &["work", "any"]);
    assert!(run.code == 1 && run.stderr.contains("no repo has recorded"), "{}", run.text());
    world.write("state/.ocuroot-store", r#"{"version":9}"#);
    let run = world.run_in("state", &["work", "any"]);
    assert!(run.code == 1 && run.stderr.contains("has version 9"), "{}", run.text());
}

#[test]
fn the_first_configuration_that_evaluates_and_names_stores_counts() {
    let world = team();
    // In the order of refs these come first: `fail("broken")` and `repo_alias("aab")`.
    for (name, source) in [("aaa", "ZmFpbCgiYnJva2VuIikK"), ("aab", "cmVwb19hbGlhcygiYWFiIikK")] {
        repo(&world, name, "", &[("env.ocu.star", ENVIRONMENTS)]);
        ok_in(&world, name, &format!("state set @/custom/{name} 1"));
        let at = ok_in(&world, name, &format!("state match {name}/-/repo.ocu.star/@?*")).stdout;
        for side in ["state", "intent"] {
            let path = format!("../store/{side}/refs/{}/@object.json", at.trim());
            let mut document: serde_json::Value =
                serde_json::from_str(&world.read(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            document["body"]["source"] = source.into();
            world.write(&path, &serde_json::to_string_pretty(&document).unwrap());
        }
    }
    assert_eq!(ok_in(&world, "store/state", WEB_LINE).stdout, "\"1 with first\"\n");
}

#[test]
fn a_relative_store_is_found_from_inside_it_only() {
    let mut world = World::new(&format!("-- env.ocu.star --\n{ENVIRONMENTS}"));
    world.ok("release new");
    let get = ["state", "get", "@/environment/prod#name"];
    for at in [".store", ".store/state", ".store/intent"] {
        assert_eq!(world.run_in(at, &get).stdout, "\"prod\"\n", "{at}");
    }
    // Two folders, each found from the other.
    world.write(
        "repo.ocu.star",
        "repo_alias(\"shop\")\nstore.set(store.fs(\"./.store/a/state\"), intent=store.fs(\".store/intent-of-it\"))\n",
    );
    world.commit("second");
    world.ok("release new");
    for at in [".store/a/state", ".store/intent-of-it"] {
        assert_eq!(world.run_in(at, &get).stdout, "\"prod\"\n", "{at}");
    }
    // Moved away, it does not say where the other one is.
    std::fs::rename(world.root().join(".store/a/state"), world.root().join("../moved")).unwrap();
    let run = world.run_in("../moved", &get);
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("names the folder \".store/intent-of-it\" as a store"), "{}", run.text());
}
