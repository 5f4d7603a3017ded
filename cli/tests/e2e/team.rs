//! Two repos of one team, with remotes, that share a store.

use crate::world::{Run, World};

/// Two repos, `api` and `web`, each with a remote, that share a store. What `web` deploys takes a
/// number from what `api` has deployed.
pub(crate) const API: &str = r#"
def up(environment):
    return done(outputs={"n": read("n.txt").strip()})
def down(environment):
    pass
phase("all", tasks=[deploy(e, up=up, down=down) for e in environments()])
"#;

pub(crate) const WEB: &str = r#"
def up(environment, n):
    write("left.txt", n)
    shell(env().get("RUNS", ":"))
    return done(outputs={
        "line": n + " with " + read("version.txt").strip(),
        "alias": env().get("OCU_CFG_repo_alias", "none") + shell("echo $OCU_REPO_COMMIT_OVERRIDE", mute=True).stdout.strip(),
    })
def down(environment, n):
    pass
phase("all", tasks=[
    deploy(e, up=up, down=down, inputs={"n": ref("api/-/a.ocu.star/@/deploy/%s#output/n" % e.name)})
    for e in environments()
])
"#;

pub(crate) const WEB_LINE: &str = "state get web/-/a.ocu.star/@/deploy/prod#output/line";

pub(crate) fn repo(world: &World, name: &str, config: &str, files: &[(&str, &str)]) {
    let store = world.root().join("../store");
    let set = format!("repo_alias({name:?})\nstore.set(store.fs({:?}))\n{config}", store.to_string_lossy());
    world.write(&format!("../{name}/repo.ocu.star"), &set);
    for (path, text) in files {
        world.write(&format!("../{name}/{path}"), text);
    }
    let remote = format!("../{name}.git");
    world.git(&["init", "-q", "--bare", "-b", "main", &remote]);
    let at = format!("../{name}");
    world.git(&["-C", &at, "init", "-q", "-b", "main"]);
    let url = world.root().join(&remote).canonicalize().unwrap();
    world.git(&["-C", &at, "remote", "add", "origin", &url.to_string_lossy()]);
    commit(world, name);
}

/// Commits all of a repo, pushes it, and returns the hash.
pub(crate) fn commit(world: &World, name: &str) -> String {
    let at = format!("../{name}");
    world.git(&["-C", &at, "add", "-A"]);
    world.git(&["-C", &at, "commit", "-q", "-m", "more"]);
    world.git(&["-C", &at, "push", "-q", "-f", "origin", "HEAD:main"]);
    world.git(&["-C", &at, "rev-parse", "HEAD"])
}

pub(crate) fn team() -> World {
    let world = World::bare();
    std::fs::create_dir_all(world.root()).unwrap();
    std::fs::create_dir_all(world.root().join("../tmp")).unwrap();
    let tmp = world.root().join("../tmp").canonicalize().unwrap();
    let world = world.with("TMPDIR", &tmp.to_string_lossy());
    repo(&world, "api", "", &[("a.ocu.star", API), ("n.txt", "1\n"), ("env.ocu.star", ENVIRONMENTS)]);
    repo(&world, "web", "", &[("a.ocu.star", WEB), ("version.txt", "first\n")]);
    for (name, file) in [("api", "env.ocu.star"), ("api", "a.ocu.star"), ("web", "a.ocu.star")] {
        ok_in(&world, name, &format!("release new {file}"));
    }
    world
}

pub(crate) const ENVIRONMENTS: &str = "register_environment(environment(\"prod\"))\n";

#[track_caller]
pub(crate) fn run_in(world: &World, name: &str, line: &str) -> Run {
    world.run_in(&format!("../{name}"), &line.split(' ').collect::<Vec<_>>())
}

#[track_caller]
pub(crate) fn ok_in(world: &World, name: &str, line: &str) -> Run {
    let run = run_in(world, name, line);
    assert_eq!(run.code, 0, "{line}\n{}", run.text());
    run
}

/// Nothing is left in the folder for temporary files, and git remembers no worktree.
#[track_caller]
pub(crate) fn assert_tidy(world: &World) {
    let left: Vec<_> =
        std::fs::read_dir(world.root().join("../tmp")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    for name in ["api", "web"] {
        let list = world.git(&["-C", &format!("../{name}"), "worktree", "list", "--porcelain"]);
        assert_eq!(list.matches("worktree ").count(), 1, "{list}");
    }
}

/// `api` has a new number, and that is deployed.
pub(crate) fn news(world: &World, n: &str) {
    world.write("../api/n.txt", n);
    commit(world, "api");
    ok_in(world, "api", "release new a.ocu.star");
}
