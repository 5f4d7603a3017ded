//! What the repos of the scenarios hold: release files that deploy small servers, and workflows.

use serde_json::{Value, json};

use super::Host;
use super::repo::Repo;
use crate::Outcome;

/// What differs between the repos.
#[derive(Clone, Debug)]
pub struct Files<'a> {
    /// The environments that the repo declares.
    pub environments: &'a [&'a str],
    /// How it deploys: a part of a release file, after what all have.
    pub deploys: &'a str,
    /// The repo that holds the stores, in the branches `ocuroot/state` and `ocuroot/intent`.
    pub store: String,
    /// The secret that git is to use in jobs.
    pub git_secret: &'a str,
    /// The variable with the token that the repo's trigger uses.
    pub trigger_token: &'a str,
    /// What a push runs.
    pub release: &'a str,
    /// What `trigger` runs.
    pub work: &'a str,
    /// The runners that do it.
    pub runs_on: &'a str,
}

/// Builds, then deploys to all environments at once.
pub const EVERYWHERE: &str = r#"
phase("build", tasks = [task(build, name = "build")])
phase("deploy", tasks = [deploy(e, up = up, down = down, inputs = INPUTS) for e in environments()])
"#;

/// Builds, deploys to staging, and to production when somebody has approved.
pub const WITH_APPROVAL: &str = r#"
phase("build", tasks = [task(build, name = "build")])
phase("staging", tasks = [
    deploy(e, up = up, down = down, inputs = INPUTS) for e in environments() if e.name == "staging"
])
phase("approval", tasks = [task(approve, name = "approve", inputs = {"approval": ref("./custom/approve")})])
phase("production", tasks = [
    deploy(e, up = up, down = down, inputs = INPUTS) for e in environments() if e.name == "production"
])
"#;

/// Deploys with what another repo has built.
pub const WITH_UPSTREAM: &str = r#"
phase("build", tasks = [task(build, name = "build")])
INPUTS["upstream"] = ref("upstream/-/release.ocu.star/@/task/build#output/version")
phase("deploy", tasks = [deploy(e, up = up, down = down, inputs = INPUTS) for e in environments()])
"#;

impl<'a> Files<'a> {
    /// A repo that keeps its stores in branches of its own, and deploys to these environments.
    #[must_use]
    pub fn own_store(repo: &Repo<'_>, environments: &'a [&'a str]) -> Self {
        Self {
            environments,
            deploys: EVERYWHERE,
            store: repo.url(),
            // What every job has, and may write to its own repo.
            git_secret: "GITHUB_TOKEN",
            trigger_token: "OCUROOT_TRIGGER_TOKEN",
            release: "ocuroot push",
            work: "ocuroot work any --comprehensive",
            runs_on: "ubuntu-latest",
        }
    }

    /// Writes them all to the repo's clone.
    ///
    /// # Errors
    /// When the disk does not let it.
    pub fn write(&self, host: &Host, repo: &Repo<'_>) -> Outcome {
        self.write_sources(repo)?;
        repo.write("repo.ocu.star", &self.config(host, repo.name()))?;
        let release = include_str!("files/release.yml").replace("run: ocuroot push", &run(self.release));
        repo.write(".gitea/workflows/release.yml", &self.fit(&release))?;
        let work = include_str!("files/work.yml");
        let work = work.replace("run: ocuroot work any --comprehensive", &run(self.work));
        repo.write(".gitea/workflows/work.yml", &self.fit(&work))
    }

    /// Writes what is deployed, and how.
    ///
    /// # Errors
    /// When the disk does not let it.
    pub fn write_sources(&self, repo: &Repo<'_>) -> Outcome {
        let name = repo.name();
        repo.write("VERSION", "1.0.0\n")?;
        repo.write("TEXT", "hello\n")?;
        repo.write("server.mjs", include_str!("files/server.mjs"))?;
        let release = include_str!("files/release.ocu.star").replace("NAME", name) + self.deploys;
        repo.write("release.ocu.star", &release)?;
        let declared =
            self.environments.iter().map(|e| format!("register_environment(environment(\"{e}\"))\n"));
        repo.write("environments.ocu.star", &declared.collect::<String>())
    }

    fn fit(&self, workflow: &str) -> String {
        workflow
            .replace("secrets.GITHUB_TOKEN", &format!("secrets.{}", self.git_secret))
            .replace("runs-on: ubuntu-latest", &format!("runs-on: {}", self.runs_on))
    }

    /// repo.ocu.star
    fn config(&self, host: &Host, name: &str) -> String {
        let (store, url, token) = (&self.store, host.url(), self.trigger_token);
        let user = super::USER;
        // A text in JSON is one in Starlark too.
        let intent = json!(self.fit(include_str!("files/intent.yml")));
        format!(
            r#"ocuroot("0.3.0")

repo_alias("{name}")

# The branch of intent brings the workflow that is to run when somebody has merged into it.
store.set(
    store.git("{store}", branch = "ocuroot/state"),
    intent = store.git("{store}", branch = "ocuroot/intent", support_files = {{".gitea/workflows/intent.yml": {intent}}}),
)

def start(commit):
    answer = http.post(
        "{url}/api/v1/repos/{user}/{name}/actions/workflows/work.yml/dispatches",
        headers = {{
            "Authorization": "token " + secret(env().get("{token}", "")),
            "Content-Type": "application/json",
        }},
        body = json.encode({{"ref": "main", "inputs": {{"commit": commit}}}}),
    )
    if answer.status_code >= 300:
        fail("work.yml of {name} was not started: %s %s" % (answer.status_text, answer.body))

trigger(start)
"#
        )
    }
}

/// A step's command, of one line or many.
fn run(commands: &str) -> String {
    let mut step = "run: |".to_owned();
    for line in commands.lines() {
        step.push_str("\n          ");
        step.push_str(line);
    }
    step
}

/// A document as it lies in a store: where, and what.
#[must_use]
pub fn document(reference: &str, body_type: &str, body: &Value) -> (String, String) {
    let envelope = json!({ "kind": "ref", "body_type": body_type, "body": body });
    (format!("refs/{reference}/@object.json"), format!("{envelope:#}"))
}
