//! `ocuroot init`: in repos of all kinds, and once more in one that was set up before.

use expect_test::expect;

use crate::terminal::Terminal;
use crate::world::World;

/// A git repo without any of our files, with `remote` as its origin if there is one.
fn repo(remote: &str) -> World {
    let world = World::bare();
    std::fs::create_dir_all(world.root()).unwrap();
    world.git(&["init", "-q", "-b", "main"]);
    if !remote.is_empty() {
        world.git(&["remote", "add", "origin", remote]);
    }
    world
}

#[test]
fn without_a_remote_a_folder_is_the_store_and_a_push_deploys() {
    let mut world = repo("");
    world.write("Makefile", "all:\n\t@echo made it\n");
    world.check(
        "init",
        expect![[r#"
            wrote repo.ocu.star
            wrote .store/.gitignore
            wrote environments.ocu.star
            wrote release.ocu.star
            next:
              git add --all && git commit --message 'Set up Ocuroot'
              ocuroot push
            --- stderr
            note: no CI is set up, since there is no remote on a server that has one
        "#]],
    );
    world.commit("Set up Ocuroot");
    world.ok("push");
    world.check(
        "state match **/@/deploy/*",
        expect![[r#"
            repo/-/release.ocu.star/@/deploy/production
            repo/-/release.ocu.star/@/deploy/staging
        "#]],
    );
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    world.check(
        "init",
        expect![[r#"
        everything is set up; `ocuroot init --force --dryrun` shows what differs from what init writes
    "#]],
    );
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let world = repo("https://github.com/acme/shop.git");
    let run = world.run(&["init", "--dryrun"]);
    for part in [
        "new file repo.ocu.star\n# ocuroot init --store git --ci github --branch main: template 1, ",
        "\nremotes([\"https://github.com/acme/shop.git\"])\n",
        "\nnew file .github/workflows/ocuroot-release.yml\n",
        "\nnew file .github/workflows/ocuroot-work.yml\n",
    ] {
        assert!(run.stdout.contains(part), "{part}:\n{}", run.text());
    }
    assert!(!run.stdout.contains("repo_alias("), "{}", run.text());
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn an_older_set_up_is_updated_where_nobody_has_changed_it() {
    let mut world = repo("https://github.com/acme/shop.git");
    world.ok("init --ci gitea --branch trunk");
    let work = world.read(".gitea/workflows/ocuroot-work.yml");
    let repo_file = world.read("repo.ocu.star");
    // As an older version would have written them; the stamp is made of what is below it.
    world.write(".gitea/workflows/ocuroot-work.yml", "# ocuroot init: template 0, 78981922613b\nold\n");
    world.write(".gitea/workflows/ocuroot-release.yml", "# ocuroot init: template 0, 3367afdbbf\nold\n");
    world.write("release.ocu.star", "print('mine')\n");
    world.write("repo.ocu.star", &repo_file.replace("OCUROOT_GIT_TOKEN", "MY_TOKEN"));
    world.commit("before");

    let run = world.run(&["init", "--dryrun"]);
    assert!(run.stdout.starts_with("--- .gitea/workflows/ocuroot-release.yml\n"), "{}", run.text());
    assert!(run.stdout.contains("\n-old\n+# ocuroot init: template 1, "), "{}", run.text());
    assert_eq!(
        run.stderr,
        "left: repo.ocu.star has been changed\nleft: release.ocu.star is there already\nleft: .gitea/workflows/ocuroot-work.yml has been changed\n"
    );
    assert_eq!(world.git(&["status", "--porcelain"]), "");

    let run = world.run(&["init", "--yes"]);
    assert!(run.stdout.contains("\nupdated .gitea/workflows/ocuroot-release.yml\n"), "{}", run.text());
    assert_eq!(world.git(&["status", "--porcelain"]), "M .gitea/workflows/ocuroot-release.yml");

    world.ok("init --force");
    assert_eq!(world.read("repo.ocu.star"), repo_file);
    assert_eq!(world.read(".gitea/workflows/ocuroot-work.yml"), work);
    assert_ne!(world.read("release.ocu.star"), "print('mine')\n");
}

#[test]
fn what_init_says_where_it_cannot_know() {
    let world = repo("https://git.example.com/acme/shop.git");
    let run = world.run(&["init", "--dryrun"]);
    assert_eq!(
        run.stderr,
        "note: nothing here tells which CI belongs to git.example.com; --ci NAME writes its set-up\n"
    );

    let mut world = repo("https://me:hunter2@github.com/acme/shop.git");
    world.write("x", "");
    world.commit("x");
    world.git(&["checkout", "-q", "--detach"]);
    let run = world.run(&["init", "--dryrun"]);
    assert_eq!(
        run.stderr,
        "note: no branch is checked out; releases are taken from main, or from --branch\n"
    );
    assert!(!run.stdout.contains("hunter2"), "{}", run.text());
}

#[test]
fn what_cannot_be_set_up_is_refused() {
    let world = repo("");
    world.check(
        "init --store git",
        expect![[r#"
            --- stderr
            error: a store in git needs a remote, and this repo has none
              help: git remote add origin URL, or do without: --store fs --ci none
            --- exit 1
        "#]],
    );
    world.check(
        "init --ci gitlab",
        expect![[r#"
            --- stderr
            error: CI of GitLab needs a remote, and this repo has none
              help: git remote add origin URL, or do without: --store fs --ci none
            --- exit 1
        "#]],
    );
    assert_eq!(world.run(&["init", "--ci", "travis"]).code, 2);
    world.git(&["remote", "add", "origin", "/srv/git/shop.git"]);
    world.check(
        "init --ci github",
        expect![[r#"
            --- stderr
            error: the remote /srv/git/shop.git is no server, so CI of GitHub cannot be set up for it
              help: --ci none leaves it out; a remote called origin comes first where there are several
            --- exit 1
        "#]],
    );

    world.check("init --dashboard", expect![[r#"
        --- stderr
        error: no dashboard can be set up: it is published by the server that the repo's remote names, and this repo has no such remote
          help: git remote add origin URL; `ocuroot state view` shows it on this machine, without --dashboard
        --- exit 1
    "#]]);
    // A checkout of a store is no place for it.
    world.write(".ocuroot-store", "{}");
    let run = world.run(&["init"]);
    assert!(run.stderr.starts_with("error: $DIR/repo is a store, not a source repo\n"), "{}", run.text());

    let world = World::bare();
    std::fs::create_dir_all(world.root()).unwrap();
    world.check(
        "init",
        expect![[r#"
            --- stderr
            error: $DIR/repo is in no git repo
              help: make one first: git init
            --- exit 1
        "#]],
    );
}

#[test]
fn in_a_folder_of_the_repo_the_top_is_set_up() {
    let world = repo("");
    world.write("app/package.json", "{}");
    world.run_in("app", &["init"]);
    assert!(world.read("repo.ocu.star").contains("repo_alias(\"repo\")"));
    assert_eq!(world.read("app/repo.ocu.star"), "");
}

#[test]
fn on_a_terminal_it_asks() {
    let world = repo("https://git.example.com/acme/shop.git");
    let mut terminal = Terminal::start(world.command("", &["init"]));
    terminal.wait_for("or a folder? (git, fs) [git] ");
    terminal.press("\r");
    terminal.wait_for("[none] ");
    terminal.press("git\r");
    terminal.wait_for("\"git\" is none of github, gitea");
    terminal.press("gitl\r");
    terminal.wait_for(".gitlab-ci.yml? (yes, no) [yes] ");
    terminal.press("n\r");
    terminal.wait_for("nothing was written");
    assert_eq!(terminal.end(), Some(0));
    assert_eq!(world.git(&["status", "--porcelain"]), "");

    let mut terminal = Terminal::start(world.command("", &["init", "--yes", "--ci", "forgejo"]));
    terminal.wait_for("wrote .forgejo/workflows/ocuroot-work.yml");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn every_fitted_release_file_can_be_released() {
    for files in [
        "Dockerfile",
        "package.json yarn.lock",
        "Cargo.toml",
        "go.mod",
        "pyproject.toml",
        "Cargo.toml go.mod",
        "x",
    ] {
        let world = repo("");
        for file in files.split(' ') {
            world.write(file, "");
        }
        world.ok("init");
        world.check(
            "release lint release.ocu.star",
            expect![[r#"
                phase 1: build
                  task/build
                phase 2: staging
                phase 3: production
            "#]],
        );
    }
}
