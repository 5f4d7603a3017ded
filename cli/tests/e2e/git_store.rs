//! Stores on git branches: where things lie, what is fetched and pushed, and what remotes do to one.

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect;

use crate::world::World;

const TWO_BRANCHES: &str = r#"repo_alias("shop")
store.set(store.git("../remote.git", branch="state"), intent=store.git("../remote.git", branch="intent"))
"#;

const SHARED: &str = r#"repo_alias("shop")
store.set(store.git("../remote.git", branch="store", support_files={"README.md": "Written by a robot\n", ".github/workflows/work.yml": "on: push\n"}))
"#;

const TWO_REPOS: &str = r#"repo_alias("shop")
store.set(store.git("../remote.git", branch="main", support_files={"README.md": "state\n"}), intent=store.git("../other.git", support_files={"README.md": "intent\n"}))
"#;

/// One task, then a deployment to each of three environments.
const RELEASE: &str = r#"-- env.ocu.star --
for name in ["a", "b", "c"]:
    register_environment(environment(name))
-- release.ocu.star --
def build():
    return done(outputs={"image": "i"}, tags=["v" + host.env()["N"]] if "N" in host.env() else [])
def up(environment, image):
    return done(outputs={"at": environment["name"]})
def down(environment, image):
    pass
task(build, "build")
phase("everywhere", tasks=[
    deploy(e, up=up, down=down, inputs={"image": ref("./task/build#output/image")})
    for e in environments()
])
"#;

/// A world whose stores are in git, in bare repos beside it.
pub(crate) fn world(config: &str) -> World {
    let world = World::new(&format!("-- repo.ocu.star --\n{config}{RELEASE}"));
    for name in ["remote.git", "other.git"] {
        git(&beside(&world, ""), &["init", "-q", "--bare", "-b", "trunk", name]);
    }
    world
}

/// A path beside the repo.
pub(crate) fn beside(world: &World, name: &str) -> PathBuf {
    world.root().parent().unwrap().join(name)
}

/// What git says in a folder; a failure ends the test.
#[track_caller]
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "P"), ("GIT_AUTHOR_EMAIL", "p@example.org")])
        .envs([("GIT_COMMITTER_NAME", "P"), ("GIT_COMMITTER_EMAIL", "p@example.org")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn remote(world: &World) -> PathBuf {
    beside(world, "remote.git")
}

/// The files of a branch that are neither documents nor summaries.
fn other_files(repo: &Path, branch: &str) -> String {
    let all = git(repo, &["ls-tree", "-r", "--name-only", branch]);
    let own: Vec<&str> =
        all.lines().filter(|line| !line.contains("refs/") && !line.contains(".ocuroot/")).collect();
    own.join(" ")
}

/// Writes a file on a branch as a person does, in a clone of their own.
pub(crate) fn edit(world: &World, repo: &str, branch: &str, path: &str, text: &str) {
    let clone = beside(world, "person");
    let _ = std::fs::remove_dir_all(&clone);
    git(&beside(world, ""), &["clone", "-q", "-b", branch, repo, "person"]);
    std::fs::create_dir_all(clone.join(path).parent().unwrap()).unwrap();
    std::fs::write(clone.join(path), text).unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "by hand"]);
    git(&clone, &["push", "-q", "origin", branch]);
}

/// A world that notes every git command that is run, and what it noted of fetches and pushes.
fn counting(world: World) -> World {
    let folder = beside(&world, "bin");
    std::fs::create_dir_all(&folder).unwrap();
    let real = String::from_utf8(Command::new("which").arg("git").output().unwrap().stdout).unwrap();
    let log = beside(&world, "git.log");
    let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec {} \"$@\"\n", log.display(), real.trim());
    std::fs::write(folder.join("git"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("git"), mode).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    world.with("PATH", &path)
}

/// How often it was fetched, pushed and asked since the last time. A push to a folder is one to `receive-pack`.
fn counted(world: &World) -> [usize; 3] {
    let log = beside(world, "git.log");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    let count = |words: &[&str]| {
        text.lines().filter(|line| line.split(' ').any(|argument| words.contains(&argument))).count()
    };
    [count(&["fetch"]), count(&["push", "receive-pack"]), count(&["ls-remote"])]
}

/// Has git come to the remote as it does where it is none in a folder: by `git fetch` and `git push`. For who
/// sets up how a repo takes pushes or tidies up is obeyed.
fn by_git(world: &World) {
    git(&remote(world), &["config", "gc.auto", "6700"]);
}

/// A world whose remote is pushed to as one in a folder is, and one whose remote is pushed to by git, as one
/// elsewhere is.
fn both_ways() -> [World; 2] {
    let worlds = [world(TWO_BRANCHES), world(TWO_BRANCHES)];
    by_git(&worlds[1]);
    worlds
}

fn release_everywhere(world: &World) {
    world.ok("release new env.ocu.star");
    world.ok("release new release.ocu.star");
}

#[test]
fn state_and_intent_lie_on_two_branches() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    assert_eq!(git(&remote(&world), &["branch", "--format=%(refname:short)"]), "intent\nstate");
    assert_eq!(other_files(&remote(&world), "state"), ".ocuroot-store");
    assert_eq!(
        git(&remote(&world), &["show", "state:.ocuroot-store"]),
        r#"{"version":3,"Tags":{"state":{}}}"#
    );
    assert_eq!(
        git(&remote(&world), &["show", "intent:.ocuroot-store"]),
        r#"{"version":3,"Tags":{"intent":{}}}"#
    );
    world.check(
        "state match '**/@/deploy/*'",
        expect![[r#"
        shop/-/release.ocu.star/@/deploy/a
        shop/-/release.ocu.star/@/deploy/b
        shop/-/release.ocu.star/@/deploy/c
    "#]],
    );
    world.check("state diff", expect![""]);
    world.check("state check", expect![""]);
    let who = git(&remote(&world), &["log", "-1", "--format=%an <%ae> %cn <%ce>", "state"]);
    assert_eq!(who, "Ocuroot <contact@ocuroot.com> Ocuroot <contact@ocuroot.com>");
    let claim = git(&remote(&world), &["log", "--format=%B", "--grep=^release shop", "state"]);
    assert!(
        claim.starts_with("release shop/-/release.ocu.star/@r1\n\nshop/-/release.ocu.star/@r1\n"),
        "{claim}"
    );
}

#[test]
fn a_shared_branch_holds_both_in_folders_and_support_files_at_its_root() {
    let mut world = world(SHARED);
    release_everywhere(&world);
    assert_eq!(git(&remote(&world), &["branch", "--format=%(refname:short)"]), "store");
    assert_eq!(
        other_files(&remote(&world), "store"),
        ".github/workflows/work.yml README.md intent/.ocuroot-store state/.ocuroot-store"
    );
    world.check(
        "state get +/environment/a#name",
        expect![[r#"
        "a"
    "#]],
    );
    // People's own files stay; a support file is written again for the next commit.
    edit(&world, "remote.git", "store", "README.md", "Mine\n");
    edit(&world, "remote.git", "store", "notes/today.md", "Busy\n");
    world.ok("state set @/custom/x y");
    assert_eq!(git(&remote(&world), &["show", "store:README.md"]), "Mine");
    world.commit("next");
    world.ok("state set @/custom/x z");
    assert_eq!(git(&remote(&world), &["show", "store:README.md"]), "Written by a robot");
    assert_eq!(git(&remote(&world), &["show", "store:notes/today.md"]), "Busy");
}

#[test]
fn state_and_intent_lie_in_two_repos() {
    let world = world(TWO_REPOS);
    release_everywhere(&world);
    assert_eq!(git(&remote(&world), &["branch", "--format=%(refname:short)"]), "main");
    // The branch that the other's HEAD names, though there is nothing on it yet.
    assert_eq!(git(&beside(&world, "other.git"), &["branch", "--format=%(refname:short)"]), "trunk");
    assert_eq!(git(&remote(&world), &["show", "main:README.md"]), "state");
    assert_eq!(git(&beside(&world, "other.git"), &["show", "trunk:README.md"]), "intent");
    world.check("state diff", expect![""]);
    world.ok("state delete @/environment/c");
    world.ok("work any");
    world.check(
        "state match '**/@/deploy/*'",
        expect![[r#"
        shop/-/release.ocu.star/@/deploy/a
        shop/-/release.ocu.star/@/deploy/b
    "#]],
    );
}

#[test]
fn a_command_fetches_once_and_pushes_once_for_what_it_knows_at_one_moment() {
    // In a folder it can be seen where nothing is to be fetched.
    for (world, fetches) in both_ways().map(counting).into_iter().zip([0, 1]) {
        world.ok("state set @/custom/x y");
        counted(&world);
        world.ok("state get +/custom/x");
        assert_eq!(counted(&world), [fetches, 0, 0]);
        world.ok("state match '**'");
        assert_eq!(counted(&world), [fetches, 0, 0]);
        world.ok("state set @/custom/x z");
        assert_eq!(counted(&world), [fetches, 1, 0]);
        world.ok("state set @/custom/x z");
        assert_eq!(counted(&world), [fetches, 0, 0], "nothing has changed");
        world.ok("release new env.ocu.star");
        assert_eq!(counted(&world), [fetches, 1, 0], "three environments, in state and in intent");
        world.ok("release new release.ocu.star");
        assert_eq!(counted(&world), [fetches, 3, 0], "two phases and one");
        // Somebody else has written meanwhile, which is no reason to fetch twice.
        edit(&world, "remote.git", "intent", "README.md", "hello\n");
        world.ok("state set @/custom/x later");
        assert_eq!(counted(&world), [1, 1, 0]);
        assert_eq!(git(&remote(&world), &["show", "intent:README.md"]), "hello");
    }
}

#[test]
fn a_remote_on_this_disk_keeps_a_push_as_the_pack_that_it_came_in() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    let count = git(&remote(&world), &["count-objects", "-v"]);
    let of = |what: &str| {
        count.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": ")?.parse::<usize>().ok())
    };
    // A push that begins a branch, and two more of a release; none leaves files of single objects.
    assert_eq!(of("count"), Some(0), "{count}");
    assert!(of("packs") >= Some(3), "{count}");

    // Whoever has set up how a remote takes pushes is obeyed.
    git(&remote(&world), &["config", "receive.unpackLimit", "100"]);
    world.ok("release new release.ocu.star --force");
    let count = git(&remote(&world), &["count-objects"]);
    assert!(!count.starts_with("0 "), "{count}");
}

#[test]
fn another_machine_sees_what_one_has_written() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    let other = beside(&world, "elsewhere").display().to_string();
    let world = world.with("OCUROOT_HOME", &other);
    world.check(
        "state get ./-/release.ocu.star/@/deploy/a#output",
        expect![[r#"
        {
          "at": "a"
        }
    "#]],
    );
}

#[test]
fn documents_come_when_they_are_asked_for() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    git(&remote(&world), &["config", "uploadpack.allowFilter", "true"]);
    let blobs = |world: &World| {
        let clone = std::fs::read_dir(beside(world, "elsewhere/stores")).unwrap();
        let clone = clone.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let all = git(&clone, &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
        all.lines().filter(|line| *line == "blob").count()
    };
    let other = beside(&world, "elsewhere").display().to_string();
    // A file protocol that negotiates, as a real remote does.
    let url = format!("file://{}", remote(&world).canonicalize().unwrap().display());
    world.write("repo.ocu.star", &TWO_BRANCHES.replace("../remote.git", &url));
    by_git(&world);
    let world = counting(world.with("OCUROOT_HOME", &other));
    world.ok("state match '**'");
    let (at_first, asked) = (blobs(&world), counted(&world));
    assert_eq!((at_first, asked), (0, [1, 0, 0]), "names only");
    world.ok("state get ./-/release.ocu.star/@r1/deploy/a");
    assert_eq!((blobs(&world), counted(&world)), (1, [2, 0, 0]), "the document");
    world.ok("state get ./-/release.ocu.star/@/deploy/b");
    assert_eq!((blobs(&world), counted(&world)), (3, [3, 0, 0]), "a link, then what it leads to");
    world.ok("state get ./-/release.ocu.star/@/deploy/b");
    assert_eq!((blobs(&world), counted(&world)), (3, [1, 0, 0]), "it is there now");
    // And what was not fetched is not lost when something beside it is written.
    world.ok("state set @/custom/x y");
    world.ok("state apply @/custom/x");
    world.check("state check", expect![""]);
}

#[test]
fn what_a_remote_does_not_do_is_done_without() {
    for world in both_ways().map(counting) {
        git(&remote(&world), &["config", "receive.advertiseAtomic", "false"]);
        world.ok("release new env.ocu.star");
        counted(&world);
        world.ok("release new release.ocu.star");
        world.check("state check", expect![""]);
        world.check("state diff", expect![""]);
        // Two for each of three, and one in vain: that it was refused is remembered.
        let [_, pushes, _] = counted(&world);
        assert!(pushes <= 7, "{pushes}");
    }
}

#[test]
fn history_that_was_rewritten_is_taken_as_it_is() {
    both_ways().into_iter().for_each(history_that_was_rewritten_is_taken_as_it_is_at);
}

fn history_that_was_rewritten_is_taken_as_it_is_at(world: World) {
    world.ok("state set @/custom/x one");
    let before = git(&remote(&world), &["rev-parse", "intent"]);
    world.ok("state set @/custom/x two");
    git(&remote(&world), &["update-ref", "refs/heads/intent", &before]);
    world.check(
        "state get +/custom/x",
        expect![[r#"
        "one"
    "#]],
    );
    world.ok("state set @/custom/y three");
    git(&remote(&world), &["update-ref", "-d", "refs/heads/intent"]);
    world.check("state match '+/**'", expect![""]);
    world.ok("state set @/custom/x four");
    world.check(
        "state match '+/**'",
        expect![[r#"
        +/custom/x
    "#]],
    );
}

#[test]
fn a_broken_clone_is_made_anew() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    let stores = world.home().join("stores");
    let clone = || {
        let entries = std::fs::read_dir(&stores).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("no objects", |clone| std::fs::remove_dir_all(clone.join("objects")).unwrap()),
        ("empty objects", |clone| {
            for folder in std::fs::read_dir(clone.join("objects")).unwrap().flatten() {
                for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
                    let _ = std::fs::remove_file(file.path());
                    let _ = std::fs::write(file.path(), "");
                }
            }
        }),
        ("no HEAD", |clone| std::fs::remove_file(clone.join("HEAD")).unwrap()),
        ("a configuration that is none", |clone| std::fs::write(clone.join("config"), "[[[").unwrap()),
        ("a branch that is none", |clone| std::fs::write(clone.join("refs/heads/state"), "x").unwrap()),
    ];
    for (what, damage) in damages {
        damage(&clone()[0]);
        let run = world.run(&["state", "get", "./-/release.ocu.star/@/deploy/a#output/at"]);
        assert_eq!(run.text(), "\"a\"\n", "{what}");
        damage(&clone()[0]);
        world.ok("state set @/custom/x y");
        world.ok("state delete @/custom/x");
        assert_eq!(clone().len(), 1, "{what}: nothing is left behind");
    }
    world.check("state check", expect![""]);
}

#[test]
fn remotes_that_cannot_be_used_say_why() {
    let mut world = world(TWO_BRANCHES);
    let with = |world: &mut World, store: &str| {
        world.write("repo.ocu.star", &format!("repo_alias(\"shop\")\nstore.set({store})\n"));
    };
    for (store, expected) in [
        (
            r#"store.git("../nowhere.git", branch="x")"#,
            expect![[r#"
                --- stderr
                error: the store needs `git` access to $DIR/repo/../nowhere.git: there is no repo that these credentials can see ('$DIR/repo/../nowhere.git' does not appear to be a git repository). Check the URL that `store.git` is given in repo.ocu.star
                --- exit 1
            "#]],
        ),
        (
            r#"store.git("../remote.git", branch="x", create_branch=False)"#,
            expect![[r#"
                --- stderr
                error: branch x is not in $DIR/remote.git, and repo.ocu.star says not to create it (create_branch=False): push that branch, or name another one
                --- exit 1
            "#]],
        ),
        (
            r#"store.git("../remote.git", branch="x"), intent=store.git("../remote.git", branch="x")"#,
            expect![[r#"
                --- stderr
                error: state and intent cannot both lie directly on branch x of $DIR/remote.git: give intent a branch of its own, or leave `intent` out and both get a folder on it
                --- exit 1
            "#]],
        ),
        (
            r#"store.git("../remote.git"), intent=store.git("../remote.git", branch="trunk")"#,
            expect![[r#"
                --- stderr
                error: state and intent cannot both lie directly on branch trunk of $DIR/remote.git: give intent a branch of its own, or leave `intent` out and both get a folder on it
                --- exit 1
            "#]],
        ),
        (
            r#"store.git("../remote.git"), intent=store.fs("x")"#,
            expect![[r#"
                --- stderr
                error: state and intent must both lie in git or both in folders: change one of them in repo.ocu.star
                --- exit 1
            "#]],
        ),
        (
            r#"store.git("../remote.git", support_files={"refs/x": ""})"#,
            expect![[r#"
                --- stderr
                error: the support file "refs/x" cannot be written: that is where the store keeps its own files. See `support_files` in repo.ocu.star
                --- exit 1
            "#]],
        ),
    ] {
        with(&mut world, store);
        world.check("state match", expected);
    }
    with(&mut world, r#"store.git("http://me:hunter2-hunter2@127.0.0.1:9/x.git", branch="x")"#);
    let run = world.run(&["state", "match"]);
    assert!(
        run.stderr.starts_with(
            "error: the store needs `git` access to http://127.0.0.1:9/x.git: it cannot be reached ("
        ),
        "{}",
        run.text()
    );
    let logs: String = std::fs::read_dir(world.home().join("logs"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(!run.text().contains("hunter2") && !logs.contains("hunter2"));
    let config = std::fs::read_dir(world.home().join("stores")).unwrap().flatten();
    let configs: String =
        config.filter_map(|entry| std::fs::read_to_string(entry.path().join("config")).ok()).collect();
    assert!(configs.contains("promisor") && !configs.contains("hunter2"), "{configs}");
}

#[test]
fn a_protected_branch_is_named_and_nothing_is_written() {
    both_ways().into_iter().for_each(a_protected_branch_is_named_and_nothing_is_written_at);
}

fn a_protected_branch_is_named_and_nothing_is_written_at(world: World) {
    world.ok("state set @/custom/x y");
    let hook = remote(&world).join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        "#!/bin/sh\n[ \"$1\" = refs/heads/intent ] || exit 0\necho only by pull request\nexit 1\n",
    )
    .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tips = git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]);
    world.check("state set @/custom/x z", expect![[r#"
        --- stderr
        error: the store needs `git` access to $DIR/remote.git: it does not accept a push to branch intent (hook declined: only by pull request error: hook declined to update refs/heads/intent). Allow this user to push there, or take the protection off that branch
        --- exit 1
    "#]]);
    assert_eq!(git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]), tips);
    // A job is told what lets it through.
    let world = world.with("GITHUB_ACTIONS", "true");
    let run = world.run(&["state", "set", "@/custom/x", "z"]);
    let annotation = run.stderr.lines().find(|line| line.starts_with("::error::")).unwrap_or_default();
    assert!(annotation.contains("branch intent (hook declined: only by pull request"), "{}", run.text());
    assert!(annotation.contains("%0Athe job's token needs `permissions: contents: write`"), "{}", run.text());
    let run =
        world.with("GITHUB_ACTIONS", "").with("GITLAB_CI", "true").run(&["state", "set", "@/custom/x", "z"]);
    assert!(run.stderr.contains("\n  help: give the job a project access token"), "{}", run.text());
}

#[test]
fn a_push_that_is_too_large_is_declined_by_the_remote() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    git(&remote(&world), &["config", "receive.maxInputSize", "100"]);
    // More than fits into a pipe, and less.
    for size in [120_000, 10] {
        // Nothing that compresses well.
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
        };
        let value: String = (0..size).map(|_| next()).collect();
        let run = world.run(&["state", "set", "@/custom/x", &value]);
        assert!(run.stderr.contains("does not accept a push to branch intent"), "{}", run.text());
        assert!(run.stderr.contains("pack exceeds maximum allowed size"), "{}", run.text());
    }
}

#[test]
fn where_the_users_git_is_told_to_push_is_pushed_to() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    let other = beside(&world, "other.git");
    let (here, there) = (remote(&world).display().to_string(), other.display().to_string());
    git(&other, &["fetch", "-q", &here, "+refs/heads/*:refs/heads/*"]);
    let name = format!("url.{there}.insteadOf");
    let file = beside(&world, "gitconfig");
    std::fs::write(&file, format!("[url \"{there}\"]\n\tinsteadOf = {here}\n")).unwrap();
    let file = file.display().to_string();
    let by_file = [("GIT_CONFIG_GLOBAL", file.as_str())];
    let by_variables = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", name.as_str()),
        ("GIT_CONFIG_VALUE_0", here.as_str()),
    ];
    let mut world = world;
    for (n, variables) in [&by_file[..], &by_variables[..]].into_iter().enumerate() {
        let before = git(&remote(&world), &["rev-parse", "intent"]);
        let mut told = world;
        for (name, value) in variables {
            told = told.with(name, value);
        }
        told.ok(&format!("state set @/custom/n{n} y"));
        assert_eq!(git(&remote(&told), &["rev-parse", "intent"]), before);
        assert_ne!(git(&other, &["rev-parse", "intent"]), before);
        git(&remote(&told), &["fetch", "-q", &there, "+intent:intent"]);
        world = told;
    }
}

#[test]
fn a_remote_that_is_gone_is_not_taken_for_a_missing_git() {
    let world = world(TWO_BRANCHES);
    world.ok("release new env.ocu.star");
    let gone = world.read("release.ocu.star");
    let away = format!("host.shell(\"mv {0} {0}.away\")", remote(&world).display());
    let first = gone.find("return").unwrap();
    world.write("release.ocu.star", &format!("{}{away}\n    {}", &gone[..first], &gone[first..]));
    let run = world.run(&["release", "new", "release.ocu.star", "--force"]);
    assert!(!run.stderr.contains("install git"), "{}", run.text());
    assert!(run.stderr.contains("remote.git"), "{}", run.text());
}

#[test]
fn a_store_of_an_unknown_version_is_left_alone() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    edit(&world, "remote.git", "state", ".ocuroot-store", r#"{"version":9}"#);
    let tips = git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]);
    world.check("state set @/custom/x z", expect![[r#"
        --- stderr
        error: the store in $DIR/remote.git, branch state has version 9, and this build of Ocuroot knows versions 1, 2 and 3: install a newer Ocuroot. Nothing was changed
        --- exit 1
    "#]]);
    assert_eq!(git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]), tips);
}

#[test]
fn a_version_two_store_is_upgraded_by_the_first_write() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    edit(&world, "remote.git", "intent", ".ocuroot-store", r#"{"version":2}"#);
    world.check(
        "state get +/custom/x",
        expect![[r#"
        "y"
    "#]],
    );
    assert_eq!(git(&remote(&world), &["show", "intent:.ocuroot-store"]), r#"{"version":2}"#);
    world.ok("state set @/custom/x z");
    assert_eq!(
        git(&remote(&world), &["show", "intent:.ocuroot-store"]),
        r#"{"version":3,"Tags":{"intent":{}}}"#
    );
}

#[test]
fn intent_edited_by_hand_into_nonsense_is_reported_and_the_rest_goes_on() {
    let world = world(TWO_BRANCHES);
    release_everywhere(&world);
    edit(&world, "remote.git", "intent", "refs/@/custom/broken/@object.json", "{");
    edit(
        &world,
        "remote.git",
        "intent",
        "refs/@/environment/d/@object.json",
        r#"{"kind":"ref","body_type":"sdk.Environment","body":{"name":"e"}}"#,
    );
    edit(&world, "remote.git", "intent", "refs/no@ref/x/@object.json", r#"{"kind":"ref","body":1}"#);
    world.ok("state set @/custom/fine yes");
    let run = world.run(&["work", "any"]);
    expect![[r#"
        --- stderr
        not applied: +/custom/broken cannot be read (not a document: EOF while parsing an object at line 1 column 1): mend it, or delete it with `ocuroot state delete`
        not applied: @/environment/d: the environment is called "e" but its ref says "d"; make them the same
        applied @/custom/fine
        error: 2 things could not be done, as said above
        --- exit 1
    "#]].assert_eq(&run.text());
    world.check(
        "state get @/custom/fine",
        expect![[r#"
        "yes"
    "#]],
    );
    world.check("state check", expect![[r#"
        +/custom/broken: not a document: EOF while parsing an object at line 1 column 1; put the file right by hand, or delete it
        no@ref/x: refs/no@ref/x is no ref, so nothing reads it; move the file or delete it
        --- stderr
        error: 2 problems found
        --- exit 1
    "#]]);
    assert_eq!(git(&remote(&world), &["show", "intent:refs/@/custom/broken/@object.json"]), "{");
}

#[test]
fn summaries_are_written_with_what_they_tell_of_and_mended_where_they_are_not() {
    let world = world(SHARED);
    release_everywhere(&world);
    let path = "state/.ocuroot/summary/shop%2F-%2Frelease.ocu.star.json";
    let text = git(&remote(&world), &["show", &format!("store:{path}")]);
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["releases"][0]["status"], "complete");
    assert_eq!(summary["live"].as_object().unwrap().len(), 3);
    let folder = git(&remote(&world), &["rev-parse", "store:state/refs/shop/-/release.ocu.star"]);
    assert_eq!(summary["tree"], folder);
    world.check("state check", expect![""]);
    // Somebody edits one, and leaves another of a package that there is not.
    edit(&world, "remote.git", "store", path, "{}");
    edit(&world, "remote.git", "store", "state/.ocuroot/summary/gone.json", "{}");
    world.check("state check", expect![[r#"
        .ocuroot/summary/gone.json: .ocuroot/summary/gone.json is the summary of no package that has releases; --fix deletes it
        shop/-/release.ocu.star: .ocuroot/summary/shop%2F-%2Frelease.ocu.star.json is not a summary; --fix writes it anew
        --- stderr
        error: 2 problems found
        --- exit 1
    "#]]);
    world.ok("state check --fix");
    world.check("state check", expect![""]);
    assert_eq!(git(&remote(&world), &["show", &format!("store:{path}")]), text);
    // One that is not there is made by the next transaction on its package.
    git(&beside(&world, "person"), &["pull", "-q"]);
    git(&beside(&world, "person"), &["rm", "-q", path]);
    git(&beside(&world, "person"), &["commit", "-q", "-m", "by hand"]);
    git(&beside(&world, "person"), &["push", "-q"]);
    world.ok("release new release.ocu.star --force");
    world.check("state check", expect![""]);
}

#[test]
fn a_store_of_version_1_on_a_branch_is_read_and_upgraded() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    // State as an old tool left it: a release with one task, and intent among it.
    let document = |body: &str| format!(r#"{{"kind":"ref","body_type":"x","body":{body}}}"#);
    let release = "refs/shop/-/p.ocu.star/@abc.1";
    edit(&world, "remote.git", "state", ".ocuroot-store", r#"{"version":1}"#);
    edit(
        &world,
        "remote.git",
        "state",
        &format!("{release}/@object.json"),
        &document(r#"{"commit":"abc","package":{"functions":{},"phases":[{"name":"","work":[]}]}}"#),
    );
    edit(&world, "remote.git", "state", "refs/+/custom/old/@object.json", &document("1"));
    world.check(
        "state match 'shop/-/p.ocu.star/**'",
        expect![[r#"
        shop/-/p.ocu.star/@abc.1
        shop/-/p.ocu.star/@r1
        shop/-/p.ocu.star/@r1/commit/abc
    "#]],
    );
    world.check(
        "state get shop/-/p.ocu.star/@abc.1#commit",
        expect![[r#"
        "abc"
    "#]],
    );
    world.check(
        "state match '+/custom/*'",
        expect![[r#"
        +/custom/old
        +/custom/x
    "#]],
    );
    let tips = git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]);
    let refused = world.run(&["state", "set", "@/custom/x", "z"]);
    assert!(
        refused
            .stderr
            .contains("has the old version 1 and can only be read: run `ocuroot state upgrade` first"),
        "{}",
        refused.text()
    );
    world.ok("state upgrade --dryrun");
    assert_eq!(git(&remote(&world), &["for-each-ref", "--format=%(objectname)"]), tips);
    let commits =
        |branch: &str| git(&remote(&world), &["rev-list", "--count", branch]).parse::<u32>().unwrap();
    let before = commits("state");
    world.ok("state upgrade");
    assert_eq!(commits("state"), before + 1, "in one commit, summaries and all");
    world.check("state check", expect![""]);
    world.ok("state set @/custom/x z");
    world.check(
        "state match '+/custom/*'",
        expect![[r#"
        +/custom/old
        +/custom/x
    "#]],
    );
    world.check("state upgrade", expect![[r#"
        nothing to upgrade in $DIR/remote.git (state) and $DIR/remote.git (intent): what is written there is of version 3
    "#]]);
}

#[test]
fn a_store_goes_from_folders_to_git_and_back() {
    let mut world = world("repo_alias(\"shop\")\nstore.set(store.fs(\".store\"))\n");
    release_everywhere(&world);
    world.ok("state set @/custom/x y");
    let file = beside(&world, "all.jsonl").display().to_string();
    world.ok(&format!("state export {file}"));
    let everything = std::fs::read_to_string(&file).unwrap();
    world.write("repo.ocu.star", TWO_BRANCHES);
    world.ok(&format!("state import {file}"));
    world.check("state check", expect![""]);
    assert_eq!(world.ok("state export").stdout, world.tidy_text(&everything));
    world.commit("to git");
    world.ok("release new release.ocu.star");
    world.check(
        "state diff",
        expect![[r#"
        @/custom/x
    "#]],
    );
}

/// Makes a release file whose build waits until somebody has written to a pipe.
fn waiting(world: &World) {
    world.write("slow.ocu.star", "def wait():\n    shell(\"echo up > ../up; cat ../go\")\ndef up(environment):\n    pass\ntask(wait, \"wait\")\nphase(\"all\", tasks=[deploy(e, up=up, down=up) for e in environments()])\n");
    for name in ["up", "go"] {
        assert!(Command::new("mkfifo").arg(beside(world, name)).status().unwrap().success());
    }
}

#[test]
fn of_two_remotes_only_what_somebody_else_has_written_is_left_to_them() {
    let world = world(TWO_REPOS);
    world.ok("release new env.ocu.star");
    waiting(&world);
    let job =
        world.command("", &["release", "new", "slow.ocu.star"]).stderr(std::process::Stdio::piped()).spawn();
    std::fs::read_to_string(beside(&world, "up")).unwrap();
    // Meanwhile a person says something about one of the three deployments.
    let intent = r#"{"kind":"ref","body_type":"models.Intent","body":{"release":"shop/-/slow.ocu.star/@r9","input":{}}}"#;
    edit(&world, "other.git", "trunk", "refs/shop/-/slow.ocu.star/@/deploy/a/@object.json", intent);
    std::fs::write(beside(&world, "go"), "go\n").unwrap();
    assert!(job.unwrap().wait_with_output().unwrap().status.success());
    world.check(
        "state get shop/-/slow.ocu.star/+/deploy/a#release",
        expect![[r#"
        "shop/-/slow.ocu.star/@r9"
    "#]],
    );
    world.check(
        "state diff",
        expect![[r#"
        shop/-/slow.ocu.star/@/deploy/a
    "#]],
    );
}

#[test]
fn history_that_is_rewound_during_a_release_fails_it() {
    let world = world(TWO_BRANCHES);
    world.ok("release new env.ocu.star");
    waiting(&world);
    let before = git(&remote(&world), &["rev-parse", "state"]);
    let job =
        world.command("", &["release", "new", "slow.ocu.star"]).stderr(std::process::Stdio::piped()).spawn();
    std::fs::read_to_string(beside(&world, "up")).unwrap();
    git(&remote(&world), &["update-ref", "refs/heads/state", &before]);
    std::fs::write(beside(&world, "go"), "go\n").unwrap();
    let run = world.tidy(&job.unwrap().wait_with_output().unwrap());
    assert_eq!(run.code, 1, "{}", run.text());
    assert!(run.stderr.contains("there is no release shop/-/slow.ocu.star/@r1"), "{}", run.text());
}

#[test]
fn an_upgrade_loses_nothing_where_it_takes_two_pushes() {
    for config in [TWO_REPOS, TWO_BRANCHES] {
        let world = world(config);
        world.ok("state set @/custom/x y");
        let (state, intent) =
            if config == TWO_REPOS { ("main", "other.git") } else { ("state", "remote.git") };
        git(&remote(&world), &["config", "receive.advertiseAtomic", "false"]);
        edit(&world, "remote.git", state, ".ocuroot-store", r#"{"version":1}"#);
        edit(
            &world,
            "remote.git",
            state,
            "refs/+/custom/old/@object.json",
            r#"{"kind":"ref","body_type":"x","body":1}"#,
        );
        world.ok("state upgrade");
        assert_eq!(world.ok("state match '+/custom/*'").stdout, "+/custom/old\n+/custom/x\n", "{intent}");
        world.check("state check", expect![""]);
    }
}

#[test]
fn what_is_in_the_way_of_a_branch_is_said_at_once() {
    let world = world(TWO_BRANCHES);
    world.ok("state set @/custom/x y");
    let stuck = remote(&world).join("refs/heads/intent.lock");
    std::fs::write(&stuck, "").unwrap();
    let run = world.run(&["state", "set", "@/custom/x", "z"]);
    assert!(run.stderr.contains("does not accept a push to branch intent"), "{}", run.text());
    assert!(run.stderr.contains("Look after that branch on the remote"), "{}", run.text());
    std::fs::remove_file(stuck).unwrap();
    // A folder where the branch would be.
    let tip = git(&remote(&world), &["rev-parse", "intent"]);
    git(&remote(&world), &["update-ref", "refs/heads/other/deep", &tip]);
    world.write("repo.ocu.star", &TWO_BRANCHES.replace("\"intent\"", "\"other\""));
    let run = world.run(&["state", "set", "@/custom/x", "z"]);
    assert!(run.stderr.contains("does not accept a push to branch other"), "{}", run.text());
    let run = world.run(&["state", "set", "@/custom/.git/x", "z"]);
    assert!(run.stderr.contains("git cannot hold a file in a folder called .git"), "{}", run.text());
}

#[test]
fn the_default_branch_is_followed() {
    let world = world("repo_alias(\"shop\")\nstore.set(store.git(\"../remote.git\"))\n");
    world.ok("state set @/custom/x y");
    git(&remote(&world), &["branch", "next", "trunk"]);
    git(&remote(&world), &["symbolic-ref", "HEAD", "refs/heads/next"]);
    edit(&world, "remote.git", "next", "README.md", "moved\n");
    world.ok("state set @/custom/x z");
    assert_eq!(
        git(&remote(&world), &["show", "next:intent/refs/@/custom/x/@object.json"]).matches("\"z\"").count(),
        1
    );
    assert_eq!(
        git(&remote(&world), &["show", "trunk:intent/refs/@/custom/x/@object.json"]).matches("\"y\"").count(),
        1
    );
}

#[test]
fn after_a_crowd_intent_says_what_is_deployed() {
    let world = world(TWO_BRANCHES);
    world.ok("release new env.ocu.star");
    let jobs: Vec<_> = (0..5)
        .map(|number| {
            let mut command = world.command("", &["release", "new", "release.ocu.star", "--force"]);
            command.env("OCUROOT_HOME", beside(&world, &format!("home{number}"))).spawn().unwrap()
        })
        .collect();
    for mut job in jobs {
        assert!(job.wait().unwrap().success());
    }
    world.check("state diff", expect![""]);
    world.check(
        "work any --dryrun",
        expect![[r#"
        []
    "#]],
    );
}
