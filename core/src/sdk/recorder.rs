//! The package as the file's calls build it up.

use super::diagnostics::Place;
use crate::documents::Inputs;

/// What `phase`, `task` and `deploy` were called with, in file order.
#[derive(Default)]
pub(super) struct Recorder {
    /// Whether any of them was called: an empty package is a package.
    pub(super) called: Option<Place>,
    pub(super) works: Vec<RecordedWork>,
    pub(super) phases: Vec<RecordedPhase>,
}

/// A call of `task` or `deploy`.
pub(super) struct RecordedWork {
    pub(super) what: RecordedKind,
    pub(super) inputs: Inputs,
    pub(super) place: Place,
}

/// Functions are named by their index in the module's list of functions.
pub(super) enum RecordedKind {
    Task { name: String, function: usize },
    Deploy { environment: String, up: usize, down: usize },
}

/// A phase, or a task outside any.
pub(super) struct RecordedPhase {
    pub(super) name: String,
    pub(super) works: Vec<usize>,
    /// Whether it stands for a task that no phase holds (yet).
    pub(super) lone: bool,
}

impl Recorder {
    /// Notes a task or deployment as a phase of its own, and returns its index.
    pub(super) fn add(&mut self, work: RecordedWork) -> usize {
        self.called.get_or_insert_with(|| work.place.clone());
        let index = self.works.len();
        self.works.push(work);
        self.phases.push(RecordedPhase { name: String::new(), works: vec![index], lone: true });
        index
    }

    /// Groups tasks, which until then stood alone.
    ///
    /// # Errors
    /// The task that is in another phase already.
    pub(super) fn group(&mut self, name: &str, works: Vec<usize>, place: Place) -> Result<(), usize> {
        self.called.get_or_insert(place);
        for (position, work) in works.iter().enumerate() {
            let alone = self.phases.iter().any(|phase| phase.lone && phase.works.contains(work));
            let again = works.iter().take(position).any(|other| other == work);
            if !alone || again {
                return Err(*work);
            }
        }
        self.phases.retain(|phase| !(phase.lone && phase.works.iter().any(|work| works.contains(work))));
        self.phases.push(RecordedPhase { name: name.to_owned(), works, lone: false });
        Ok(())
    }
}
