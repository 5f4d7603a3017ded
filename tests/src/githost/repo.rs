//! A repo on the host, as somebody sees it who works in it.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::api::{list, number, text};
use super::{Host, USER, output, wait_for};
use crate::Outcome;

/// A repo, and a clone of it.
#[derive(Clone, Debug)]
pub struct Repo<'a> {
    host: &'a Host,
    name: String,
    clone: PathBuf,
}

/// A file that a pull request changes.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Makes the file.
    Create(&'a str, &'a str),
    /// Deletes the file.
    Delete(&'a str),
}

/// One run of a workflow, ended.
#[derive(Clone, Debug)]
pub struct Job {
    /// The file that defines it.
    pub workflow: String,
    /// Whether it succeeded.
    pub success: bool,
    /// What it said.
    pub log: String,
}

impl<'a> Repo<'a> {
    /// Makes an empty repo of this name, and a clone of it.
    ///
    /// # Errors
    /// When the host does not.
    pub fn create(host: &'a Host, name: &str) -> Outcome<Self> {
        host.api().post("/user/repos", &json!({ "name": name, "default_branch": "main" }))?;
        let clone = host.folder().join("clones").join(name);
        std::fs::create_dir_all(&clone)?;
        let repo = Self { host, name: name.to_owned(), clone };
        repo.git(&["init", "--quiet", "--initial-branch=main"])?;
        repo.git(&["remote", "add", "origin", &repo.url()])?;
        Ok(repo)
    }

    /// What it is called, also in refs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What git fetches it from.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{USER}/{}.git", self.host.url(), self.name)
    }

    fn api(&self, path: &str) -> String {
        format!("/repos/{USER}/{}{path}", self.name)
    }

    /// Writes a file of the clone.
    ///
    /// # Errors
    /// When the disk does not let it.
    pub fn write(&self, path: &str, content: &str) -> Outcome {
        let path = self.clone.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, content)?)
    }

    /// Commits everything. Returns the commit.
    ///
    /// # Errors
    /// When there is nothing to commit.
    pub fn commit(&self, subject: &str) -> Outcome<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", subject])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Commits everything and pushes it. Returns the commit.
    ///
    /// # Errors
    /// When there is nothing to commit, or the host refuses.
    pub fn push(&self, subject: &str) -> Outcome<String> {
        println!("\n$ git commit --all --message '{subject}' && git push    # in {}", self.name);
        let commit = self.commit(subject)?;
        self.git(&["push", "--quiet", "origin", "HEAD:main"])?;
        Ok(commit)
    }

    /// Gives jobs a secret.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn secret(&self, name: &str, value: &str) -> Outcome {
        let path = self.api(&format!("/actions/secrets/{name}"));
        self.host.api().put(&path, &json!({ "data": value })).map(drop)
    }

    /// Runs a command of the tool in the clone. Returns what it said on stdout.
    ///
    /// # Errors
    /// When it fails.
    pub fn ocuroot(&self, words: &[&str]) -> Outcome<String> {
        output(&mut self.command("ocuroot", words))
    }

    fn git(&self, words: &[&str]) -> Outcome<String> {
        output(&mut self.command("git", words))
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        self.host.shield(&mut command, &self.host.folder().join("home"));
        self.host.authenticate(&mut command);
        command.current_dir(&self.clone).args(words);
        command
    }

    /// What the document at a ref says, or `null`.
    ///
    /// # Errors
    /// When the stores cannot be read.
    pub fn state(&self, reference: &str) -> Outcome<Value> {
        match self.ocuroot(&["state", "get", reference]) {
            Ok(document) => Ok(serde_json::from_str(&document)?),
            Err(error) if error.to_string().contains("not found") => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }

    /// A pull request to `branch`, and somebody who merges it.
    ///
    /// # Errors
    /// When the host refuses any of it.
    pub fn merge(&self, branch: &str, title: &str, changes: &[Change<'_>]) -> Outcome {
        println!("\nA pull request to {branch} of {}: {title}", self.name);
        let head = title.to_lowercase().replace(' ', "-");
        let mut files = Vec::new();
        for change in changes {
            files.push(match change {
                Change::Create(path, content) => {
                    println!("  + {path}\n    {content}");
                    json!({ "operation": "create", "path": path, "content": BASE64_STANDARD.encode(content) })
                }
                Change::Delete(path) => {
                    println!("  - {path}");
                    let at = self.api(&format!("/contents/{path}?ref={branch}"));
                    let sha = text(&self.host.api().get(&at)?, "sha").to_owned();
                    json!({ "operation": "delete", "path": path, "sha": sha })
                }
            });
        }
        let commit = json!({ "branch": branch, "new_branch": head, "message": title, "files": files });
        self.host.api().post(&self.api("/contents"), &commit)?;
        let request = json!({ "base": branch, "head": head, "title": title });
        let request = self.host.api().post(&self.api("/pulls"), &request)?;
        let merge = self.api(&format!("/pulls/{}/merge", number(&request, "number")));
        // The host looks first whether there are conflicts, and refuses until it knows.
        let mut last = None;
        wait_for("the pull request to be merged", || {
            match self.host.api().post(&merge, &json!({ "Do": "merge", "delete_branch_after_merge": true })) {
                Ok(_) => Ok(Some(())),
                Err(error) if error.to_string().contains("answers 405") => {
                    last = Some(error);
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })
        .map_err(|error| format!("{error}; the last answer: {last:?}").into())
        .map(|()| println!("  merged"))
    }

    /// The runs of this repo's workflows, oldest first, as soon as there are `count` and all have ended.
    ///
    /// # Errors
    /// When that takes too long; then with what those have said that there are.
    pub fn jobs(&self, count: usize) -> Outcome<Vec<Job>> {
        let found = wait_for(&format!("{count} jobs of {} to end", self.name), || {
            let runs = self.runs()?;
            let ended = runs.iter().all(|run| text(run, "status") == "completed");
            Ok((ended && runs.len() >= count).then_some(runs))
        });
        found.and_then(|runs| runs.iter().map(|run| self.job(run)).collect())
    }

    /// As [`Self::jobs`], and all of them have succeeded.
    ///
    /// # Errors
    /// When that takes too long, or one has failed.
    pub fn succeeded(&self, count: usize) -> Outcome<Vec<Job>> {
        let jobs = self.jobs(count)?;
        for job in &jobs {
            println!("  {}: {}", job.workflow, if job.success { "success" } else { "failure" });
        }
        match jobs.iter().find(|job| !job.success) {
            None => Ok(jobs),
            Some(job) => Err(format!("{} of {} failed", job.workflow, self.name).into()),
        }
    }

    /// The runs of workflows as the host lists them, oldest first.
    ///
    /// # Errors
    /// When the host does not say.
    pub fn runs(&self) -> Outcome<Vec<Value>> {
        let answer = self.host.api().get(&self.api("/actions/runs?limit=50"))?;
        let mut runs = list(&answer, "workflow_runs").to_vec();
        runs.sort_by_key(|run| number(run, "id"));
        Ok(runs)
    }

    /// Whether the run with this index has ended, counted from the oldest.
    ///
    /// # Errors
    /// When the host does not say.
    pub fn has_ended(&self, index: usize) -> Outcome<bool> {
        Ok(self.runs()?.get(index).is_some_and(|run| text(run, "status") == "completed"))
    }

    fn job(&self, run: &Value) -> Outcome<Job> {
        let path = text(run, "path");
        let workflow = path.split_once('@').map_or(path, |(file, _)| file).to_owned();
        let success = text(run, "conclusion") == "success";
        let jobs = self.host.api().get(&self.api(&format!("/actions/runs/{}/jobs", number(run, "id"))))?;
        let mut log = String::new();
        for job in list(&jobs, "jobs") {
            // A job that was never started has no log.
            let at = self.api(&format!("/actions/jobs/{}/logs", number(job, "id")));
            log.push_str(&self.host.api().text(&at).unwrap_or_default());
        }
        Ok(Job { workflow, success, log })
    }

    /// Everything that this repo's jobs have said, for people who want to know why a test failed.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut told = String::new();
        for run in self.runs().unwrap_or_default() {
            let (path, status, conclusion) =
                (text(&run, "path"), text(&run, "status"), text(&run, "conclusion"));
            told.push_str(&format!("\n── {}: {path} {status} {conclusion}\n", self.name));
            told.push_str(&self.job(&run).map(|job| job.log).unwrap_or_default());
        }
        told
    }

    /// The text that a deployment's server answers with, once it contains `part`.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn answers(&self, environment: &str, part: &str) -> Outcome<String> {
        let reference = format!("./-/release.ocu.star/@/deploy/{environment}#output/url");
        let url = self.state(&reference)?.as_str().unwrap_or_default().to_owned();
        let mut answer = ureq::get(&url).call().map_err(|e| format!("{environment}: {url:?}: {e}"))?;
        let answer = answer.body_mut().read_to_string()?;
        println!("$ curl {url}\n{}", answer.trim_end());
        if answer.contains(part) {
            return Ok(url);
        }
        Err(format!("{} in {environment} should answer with {part:?}, not {answer:?}", self.name).into())
    }

    /// Nothing answers at an address any more.
    ///
    /// # Errors
    /// When something does until the deadline.
    pub fn silent(&self, url: &str) -> Outcome {
        wait_for(&format!("{url} to go"), || Ok(ureq::get(url).call().is_err().then_some(())))?;
        println!("$ curl {url}\n(nobody there)");
        Ok(())
    }

    /// The store adds up.
    ///
    /// # Errors
    /// What `state check` found.
    pub fn checks(&self) -> Outcome {
        let said = self.ocuroot(&["state", "check"])?;
        println!("$ ocuroot state check\n{}", said.trim_end());
        Ok(())
    }
}
