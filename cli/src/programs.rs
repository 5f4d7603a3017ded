//! The release files of a checkout, evaluated.

use std::collections::HashMap;
use std::sync::Arc;

use ocuroot_core::Ref;
use ocuroot_core::documents::Environment;
use ocuroot_core::sdk::{Diagnostics, FileKind, Limits, Program};
use ocuroot_core::secrets::Secrets;

use crate::checkout::Sources;
use crate::native_host::{LogSink, NativeHost};

/// Evaluates release files below a root, each once for calling its functions.
pub struct Programs {
    sources: Sources,
    secrets: Arc<Secrets>,
    environments: Vec<Environment>,
    loaded: HashMap<String, Arc<Program>>,
}

impl std::fmt::Debug for Programs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Programs").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Programs {
    /// For files of `sources`, with the environments that state holds.
    #[must_use]
    pub fn new(sources: &Sources, secrets: Arc<Secrets>, environments: Vec<Environment>) -> Programs {
        Programs { sources: sources.clone(), secrets, environments, loaded: HashMap::new() }
    }

    /// The host of the release file at `file`, a path from the root.
    #[must_use]
    pub fn host(&self, file: &str, sink: LogSink) -> NativeHost {
        let root = &self.sources.root;
        let path = root.join(file);
        let environments = self.environments.clone();
        let folder = path.parent().unwrap_or(root);
        NativeHost::new(root, folder, Arc::clone(&self.secrets))
            .hiding(self.sources.hidden.clone())
            .with_environments(Arc::new(move || Ok(environments.clone())))
            .logging_to(sink)
    }

    /// Evaluates the release file of `release` as that release's.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn evaluate(&self, release: &Ref, sink: LogSink) -> Result<Program, Diagnostics> {
        let file = release.path();
        let host = self.host(file, sink);
        Program::evaluate(file, FileKind::Release, release, &host, &Limits::default())
    }

    /// The program of `release`'s file, evaluated once for all of its releases.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn load(&mut self, release: &Ref, sink: LogSink) -> Result<Arc<Program>, Diagnostics> {
        if let Some(program) = self.loaded.get(release.path()) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(self.evaluate(release, sink)?);
        self.loaded.insert(release.path().to_owned(), Arc::clone(&program));
        Ok(program)
    }
}
