//! `preview`: a store in memory that holds one release, made of a file as it is now.
//!
//! The release is the one that `release new` would make: its number is the next one, and it deploys to
//! the environments that the repo's store has. Nothing of it is executed or written anywhere.
//!
//! When the file changes, or one that it loads, or any other in its folder, it is evaluated again. While
//! it has a mistake, the page keeps what came of it before; the mistake is said in the terminal and, as
//! `"problem"`, to the page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ocuroot_core::documents::Environment;
use ocuroot_core::facts::Facts;
use ocuroot_core::intent;
use ocuroot_core::memory::Memory;
use ocuroot_core::release::{self, Commit};
use ocuroot_core::sdk::{FileKind, Host, Limits, Program};
use ocuroot_core::{Ref, repo_config};

use super::Site;
use crate::lint_host::LintHost;
use crate::native_host::{NativeHost, on_deep_stack};
use crate::secrets;
use crate::store::MemoryOffer;
use crate::view::say;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What is previewed.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The folder with `repo.ocu.star`.
    pub root: PathBuf,
    /// The release to be.
    pub release: Ref,
    /// The commit that is checked out.
    pub commit: Commit,
    /// The environments that it would deploy to.
    pub environments: Vec<Environment>,
    /// Who would make it, and when.
    pub facts: Facts,
    /// Whether commands and requests of the file are refused.
    pub pure: bool,
}

/// The files that a preview depends on, and when each was written.
type Stamps = BTreeMap<PathBuf, Option<SystemTime>>;

impl Preview {
    /// What there is before the file was evaluated: the environments.
    #[must_use]
    pub fn empty(&self) -> MemoryOffer {
        self.offer(&self.store())
    }

    /// Evaluates the file and shows what comes of it, again and again. Ends with the site's last user,
    /// or with the process.
    pub fn start(self, site: &Arc<Site>) {
        let site = Arc::downgrade(site);
        std::thread::spawn(move || {
            let mut loaded = BTreeSet::new();
            let mut seen: Option<Stamps> = None;
            let mut offered = self.empty();
            while let Some(site) = site.upgrade() {
                let now = self.stamps(&loaded);
                if seen.as_ref() != Some(&now) {
                    let problem = match self.evaluate(&mut loaded) {
                        Ok(store) => {
                            offered = self.offer(&store).after(offered);
                            site.replace(Box::new(offered.clone()));
                            None
                        }
                        Err(problem) => Some(problem),
                    };
                    // Those that it loads now are files that it depends on, as they were before.
                    seen = Some(
                        self.stamps(&loaded)
                            .into_iter()
                            .map(|(path, stamp)| {
                                let before = now.get(&path).copied();
                                (path, before.unwrap_or(stamp))
                            })
                            .collect(),
                    );
                    if site.set_problem(problem.clone()) {
                        say(problem.as_deref().unwrap_or("the file is in order again"));
                    }
                    // Nothing that lies in memory fails to be read.
                    let _ = site.tell();
                }
                drop(site);
                std::thread::sleep(LOOK);
            }
        });
    }

    /// The store with the release; `loaded` becomes what the file consists of.
    fn evaluate(&self, loaded: &mut BTreeSet<String>) -> Result<Memory, String> {
        let file = self.release.path();
        let folder = self.folder();
        let environments = self.environments.clone();
        let host: Box<dyn Host> = if self.pure {
            Box::new(LintHost::new(&self.root, file, environments))
        } else {
            let host = NativeHost::new(&self.root, folder, secrets::known());
            let host = host.with_environments(Arc::new(move || Ok(environments.clone())));
            Box::new(host.logging_to(Arc::new(|log| say(&log.message))))
        };
        // What makes its way out of the thread is only what is asked for here.
        let made = on_deep_stack(|| {
            let program =
                Program::evaluate(file, FileKind::Release, &self.release, &*host, &Limits::default())
                    .map_err(|diagnostics| diagnostics.to_string().trim_end().to_owned())?;
            let mut store = self.store();
            let transaction = match program.package() {
                Some(package) => store
                    .decide(|snapshot| {
                        release::create(snapshot, &self.release, &self.commit, package.clone(), &self.facts)
                    })
                    .map_err(|error| error.to_string())?,
                None => {
                    store
                        .decide(|snapshot| intent::declare(snapshot, program.environments(), &self.facts))
                        .map_err(|error| error.to_string())?
                        .0
                }
            };
            store.commit(&transaction).map_err(|error| error.to_string())?;
            Ok((store, program.sources().map(str::to_owned).collect()))
        });
        let (store, sources) = made.unwrap_or_else(|error| Err(error.to_string()))?;
        *loaded = sources;
        Ok(store)
    }

    /// A store with the environments.
    fn store(&self) -> Memory {
        let mut store = Memory::default();
        let declared = store.decide(|snapshot| intent::declare(snapshot, &self.environments, &self.facts));
        if let Ok((transaction, _)) = declared {
            // Nobody else writes to it.
            let _ = store.commit(&transaction);
        }
        store
    }

    fn offer(&self, store: &Memory) -> MemoryOffer {
        MemoryOffer::new(store, &self.facts.now, &format!("preview of {}", self.release))
    }

    fn folder(&self) -> PathBuf {
        let file = self.root.join(self.release.path());
        file.parent().unwrap_or(&self.root).to_owned()
    }

    fn stamps(&self, loaded: &BTreeSet<String>) -> Stamps {
        let stamp = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let loaded = loaded.iter().map(|file| self.root.join(file));
        let own = [self.root.join(self.release.path()), self.root.join(repo_config::FILE)];
        let beside = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let beside = beside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let all = loaded.chain(own).chain(beside.map(|entry| entry.path()));
        all.map(|path| (path.clone(), stamp(&path))).collect()
    }
}
