//! From a push to every environment, as it happens on a git host.
//!
//! Each scenario has repos of its own, so that all of them can share one host, also at the same time.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fixture::{Files, WITH_APPROVAL, WITH_UPSTREAM, document};
use super::repo::{Change, Repo};
use super::{Host, wait_for};
use crate::Outcome;

/// The branch that people change to say what should be.
const INTENT: &str = "ocuroot/intent";

fn say(text: &str) {
    println!("\n── {text}");
}

/// Plays a story; if it goes wrong, adds what the jobs of these repos have said.
fn play(repos: &[&Repo<'_>], story: impl FnOnce() -> Outcome) -> Outcome {
    story().map_err(|error| {
        let logs: String = repos.iter().map(|repo| repo.logs()).collect();
        format!("{error}\n{logs}").into()
    })
}

/// A new repo; a push releases it, and deploys it to three environments.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn first_push(host: &Host) -> Outcome {
    say("A new repo with three environments. A push is all that it takes.");
    let repo = Repo::create(host, "first-push")?;
    play(&[&repo], || {
        set_up(&repo, &Files::own_store(&repo, &["development", "staging", "production"]))?;
        repo.push("Say hello")?;
        repo.succeeded(1)?;
        for environment in ["development", "staging", "production"] {
            repo.answers(environment, &format!("first-push 1.0.0 in {environment}"))?;
        }
        repo.checks()
    })
}

/// What a repo with stores of its own gets from its owner: sources, and the set-up that `init` writes.
fn set_up(repo: &Repo<'_>, files: &Files<'_>) -> Outcome {
    println!("\n$ ocuroot init --ci gitea --yes");
    repo.ocuroot(&["init", "--ci", "gitea", "--yes"])?;
    // In place of the samples.
    files.write_sources(repo)
}

/// A pull request to the branch of intent adds an environment, another one takes it away.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn environment_by_pull_request(host: &Host) -> Outcome {
    say("An environment is a document in the branch `ocuroot/intent`: a pull request adds it.");
    let repo = Repo::create(host, "places")?;
    play(&[&repo], || {
        set_up(&repo, &Files::own_store(&repo, &["staging"]))?;
        repo.secret("OCUROOT_TRIGGER_TOKEN", &host.token("trigger", &["write:repository"])?)?;
        repo.push("Say hello")?;
        repo.succeeded(1)?;
        let (path, content) =
            document("@/environment/qa", "models.Environment", &json!({ "name": "qa", "attributes": {} }));
        repo.merge(INTENT, "Add qa", &[Change::Create(&path, &content)])?;
        // The workflow of intent, and the work that it has started.
        repo.succeeded(3)?;
        let qa = repo.answers("qa", "places 1.0.0 in qa")?;
        repo.checks()?;

        say("Without the document the environment goes, and everything in it.");
        repo.merge(INTENT, "Drop qa", &[Change::Delete(&path)])?;
        repo.succeeded(5)?;
        repo.silent(&qa)?;
        repo.answers("staging", "places 1.0.0 in staging")?;
        repo.checks()
    })
}

/// A release that waits for an approval goes on when a pull request brings it, at its own commit.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn approval_by_pull_request(host: &Host) -> Outcome {
    say("Production waits for an approval.");
    let repo = Repo::create(host, "approval")?;
    play(&[&repo], || {
        let files = Files { deploys: WITH_APPROVAL, ..Files::own_store(&repo, &["staging", "production"]) };
        set_up(&repo, &files)?;
        repo.secret("OCUROOT_TRIGGER_TOKEN", &host.token("trigger", &["write:repository"])?)?;
        repo.push("Say hello")?;
        repo.succeeded(1)?;
        repo.answers("staging", "approval 1.0.0 in staging: hello")?;
        expect(
            repo.state("./-/release.ocu.star/@/deploy/production")?.is_null(),
            "nothing in production yet",
        )?;

        say("Meanwhile the repo moves on, with nothing that is to be released.");
        repo.write("TEXT", "good evening\n")?;
        repo.push("Say it differently")?;
        repo.succeeded(2)?;

        say("The approval is a document too. What waited goes on, with the sources that it was made of.");
        let release = repo.ocuroot(&["state", "match", "**/-/release.ocu.star/@r1"])?;
        let (path, content) = document(&format!("{}/custom/approve", release.trim()), "", &json!("yes"));
        repo.merge(INTENT, "Approve r1", &[Change::Create(&path, &content)])?;
        // Intent, the newest commit, where it is applied, and the commit whose release waited.
        repo.succeeded(5)?;
        repo.answers("production", "approval 1.0.0 in production: hello")?;
        repo.checks()
    })
}

/// A repo depends on what another one builds; both share a store. A release there makes work here.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn another_repo(host: &Host) -> Outcome {
    say("Two repos and a third for their stores. Downstream deploys with what upstream has built.");
    let store = Repo::create(host, "shared-store")?;
    let upstream = Repo::create(host, "upstream")?;
    let downstream = Repo::create(host, "downstream")?;
    play(&[&upstream, &downstream], || {
        let token = host.token("store", &["write:repository"])?;
        for repo in [&upstream, &downstream] {
            repo.secret("OCUROOT_GIT_TOKEN", &token)?;
            repo.secret("OCUROOT_TRIGGER_TOKEN", &token)?;
        }
        let files = Files {
            store: store.url(),
            git_secret: "OCUROOT_GIT_TOKEN",
            ..Files::own_store(&upstream, &["staging", "production"])
        };
        // `push` would do the work of other repos itself; this leaves it to them.
        let alone = "ocuroot release new environments.ocu.star\n\
                     ocuroot release new release.ocu.star\n\
                     ocuroot work any";
        Files { release: alone, ..files.clone() }.write(host, &upstream)?;
        upstream.push("Say hello")?;
        upstream.succeeded(1)?;
        Files { deploys: WITH_UPSTREAM, ..files }.write(host, &downstream)?;
        downstream.push("Say what upstream says")?;
        downstream.succeeded(1)?;
        downstream.answers("production", "downstream 1.0.0 in production: hello upstream=1.0.0")?;

        say("A new release of upstream. Its job starts the workflow of downstream, which deploys again.");
        upstream.write("VERSION", "1.1.0\n")?;
        upstream.push("Say more")?;
        upstream.succeeded(2)?;
        downstream.succeeded(2)?;
        for environment in ["staging", "production"] {
            let both = format!("downstream 1.0.0 in {environment}: hello upstream=1.1.0");
            downstream.answers(environment, &both)?;
            upstream.answers(environment, &format!("upstream 1.1.0 in {environment}"))?;
        }
        upstream.checks()?;
        downstream.checks()
    })
}

/// Two pushes, one right after the other, and a runner that does both jobs at the same time.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn two_pushes(host: &Host) -> Outcome {
    let repo = Repo::create(host, "crowd")?;
    play(&[&repo], || {
        set_up(&repo, &Files::own_store(&repo, &["staging", "production"]))?;
        repo.push("Say hello")?;
        repo.succeeded(1)?;
        // The first of them takes longer to build, and so comes to its deploys last.
        let hold = host.hold("crowd", "1.1.0")?;
        for version in ["1.1.0", "1.2.0"] {
            repo.write("VERSION", &format!("{version}\n"))?;
            repo.push(&format!("Version {version}"))?;
        }
        hold.begun()?;
        wait_for("the second job to end", || repo.has_ended(2).map(|ended| ended.then_some(())))?;
        hold.release()?;
        repo.succeeded(3)?;
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            let tag = repo.state(&format!("./-/release.ocu.star/@{version}#commit"))?;
            expect(tag.is_string(), &format!("a release of {version}"))?;
        }
        for environment in ["staging", "production"] {
            repo.answers(environment, &format!("crowd 1.2.0 in {environment}"))?;
        }
        repo.checks()
    })
}

/// The machine of the runner dies while a deploy is under way; the next job takes it up.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn killed_runner(host: &Host) -> Outcome {
    const LEASE: Duration = Duration::from_secs(1);
    let repo = Repo::create(host, "outage")?;
    play(&[&repo], || {
        let files = Files {
            runs_on: "outage",
            work: "OCUROOT_LEASE=1 ocuroot work any --comprehensive --stale",
            ..Files::own_store(&repo, &["staging"])
        };
        files.write(host, &repo)?;
        let hold = host.hold("outage", "staging")?;
        let first = host.start_runner("outage", 1)?;
        let commit = repo.push("Say hello")?;
        hold.begun()?;
        first.kill_with_all_below()?;
        drop(first);
        hold.forget()?;
        let silent_since = Instant::now();
        expect(
            repo.ocuroot(&["state", "match", "**/deploy/staging/1/status/running"])?.contains("staging"),
            "a run that nobody executes is still marked as running",
        )?;

        let _second = host.start_runner("outage", 1)?;
        wait_for("the lease to end", || Ok((silent_since.elapsed() > LEASE).then_some(())))?;
        let inputs = json!({ "ref": "main", "inputs": { "commit": commit } });
        let start = format!("/repos/{}/outage/actions/workflows/work.yml/dispatches", super::USER);
        host.api().post(&start, &inputs)?;
        // The host still waits for the first job, and does not know that its runner has died.
        wait_for("the second job to end", || repo.has_ended(1).map(|ended| ended.then_some(())))?;
        repo.answers("staging", "outage 1.0.0 in staging")?;
        expect(
            repo.ocuroot(&["release", "list", "release.ocu.star"])?.contains("complete"),
            "the release is complete",
        )?;
        repo.checks()
    })
}

/// A release file with a mistake fails the job, which says where the mistake is.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn broken_file(host: &Host) -> Outcome {
    let repo = Repo::create(host, "broken")?;
    play(&[&repo], || {
        let files = Files {
            deploys: "phase(\"build\", tasks = [task(biuld, name = \"build\")])\n",
            ..Files::own_store(&repo, &["staging"])
        };
        set_up(&repo, &files)?;
        repo.push("Say hello")?;
        let jobs = repo.jobs(1)?;
        let job = jobs.first().ok_or("no job")?;
        let line = include_str!("files/release.ocu.star").lines().count() + 1;
        expect(!job.success, "the job fails")?;
        let place = format!("::error file=release.ocu.star,line={line},");
        expect(job.log.contains(&place), "an annotation at file and line")?;
        repo.checks()
    })
}

/// A token that may only read cannot start a workflow: the job says which right is missing, starts
/// what can be started, and fails.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn weak_token(host: &Host) -> Outcome {
    let store = Repo::create(host, "weak-store")?;
    let weak = Repo::create(host, "a-weak")?;
    let strong = Repo::create(host, "strong")?;
    play(&[&weak, &strong], || {
        let token = host.token("store", &["write:repository"])?;
        let reader = host.token("reader", &["read:repository"])?;
        for repo in [&weak, &strong] {
            repo.secret("STORE_TOKEN", &token)?;
            repo.secret("OCUROOT_TRIGGER_TOKEN", &reader)?;
        }
        let files =
            Files { store: store.url(), git_secret: "STORE_TOKEN", ..Files::own_store(&weak, &["staging"]) };
        Files { trigger_token: "STORE_TOKEN", ..files.clone() }.write(host, &strong)?;
        strong.push("Say hello")?;
        strong.succeeded(1)?;
        let both = "ocuroot push\n\
                    export STORE_TOKEN=$(echo \"${GIT_CONFIG_VALUE_0#*Basic }\" | base64 -d | cut -d: -f2)\n\
                    ocuroot work trigger --intent || { echo \"it ended with exit $?\"; exit 1; }";
        Files { release: both, ..files }.write(host, &weak)?;
        weak.push("Say hello")?;
        let jobs = weak.jobs(1)?;
        let job = jobs.first().ok_or("no job")?;
        expect(!job.success && job.log.contains("it ended with exit 1"), "exit 1")?;
        expect(job.log.contains("work.yml of a-weak was not started: 403"), "the host's refusal")?;
        expect(job.log.contains("write:repository"), "the right that is missing")?;
        // The rest goes on: the workflow of the other repo was started.
        strong.succeeded(2)?;
        weak.answers("staging", "a-weak 1.0.0 in staging")?;
        strong.answers("staging", "strong 1.0.0 in staging")?;
        weak.checks()
    })
}

fn expect(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("expected: {what}").into()) }
}
