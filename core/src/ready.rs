//! Whether a run can start, with what, and what it waits for if not.
//!
//! A pending or paused run is ready when each of its last function's dependencies matches
//! something and each of its inputs has a value (spec: work, "Ready").
//!
//! ```
//! use ocuroot_core::documents::{Function, FunctionDef, Input};
//! use ocuroot_core::ready::{Missing, Readiness, check};
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let approve = "s/-/p/@r4/custom/approve";
//! let function = Function {
//!     function: FunctionDef::default(),
//!     dependencies: vec![],
//!     inputs: [("approve".to_owned(), Input { source: Some(approve.to_owned()), ..Input::default() })].into(),
//!     extra: Default::default(),
//! };
//! let answer = check(&Snapshot::empty(), &function).unwrap();
//! assert_eq!(answer, Readiness::Waiting(vec![Missing::Input { name: "approve".into(), source: approve.into() }]));
//! ```

use crate::documents::{Function, Inputs};
use crate::glob::Glob;
use crate::refs::{Kind, Marker, Ref};
use crate::resolve;
use crate::snapshot::{Needs, Snapshot};

/// The answer of [`check`].
#[derive(Clone, Debug, PartialEq)]
pub enum Readiness {
    /// It can start, with these inputs: each has its `value`.
    Ready(Inputs),
    /// It waits for all of these: dependencies first, and once those hold, inputs.
    Waiting(Vec<Missing>),
}

/// Something that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Nothing matches this glob ref yet: an earlier phase is not done.
    Dependency(String),
    /// The input called `name` has no value: there is nothing at `source`. Empty when the input
    /// names no source either.
    Input {
        /// Of the input.
        name: String,
        /// Its ref, as written.
        source: String,
    },
}

impl Missing {
    /// The ref, or the glob of refs, that has to appear, or to go.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            Missing::Dependency(glob) => glob,
            Missing::Input { source, .. } => source,
        }
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Missing::Dependency(glob) => write!(f, "{glob}"),
            Missing::Input { name, source } if source.is_empty() => write!(f, "a value for input {name}"),
            Missing::Input { name, source } => write!(f, "{source} (input {name})"),
        }
    }
}

/// Whether `function` can be called now.
///
/// # Errors
/// What must be loaded.
pub fn check(snapshot: &Snapshot, function: &Function) -> Result<Readiness, Needs> {
    let mut needs = Needs::default();
    let mut missing = Vec::new();
    for dependency in &function.dependencies {
        if needs.take(holds(snapshot, dependency)) == Some(false) {
            missing.push(Missing::Dependency(dependency.clone()));
        }
    }
    needs.settle(())?;
    // Inputs of a run whose turn has not come are none of our business, and may be many.
    if !missing.is_empty() {
        return Ok(Readiness::Waiting(missing));
    }
    let mut needs = Needs::default();
    let mut inputs = function.inputs.clone();
    for (name, input) in &mut inputs {
        match needs.take(resolve::input(snapshot, input)) {
            None => {}
            Some(Some(value)) => input.value = Some(value),
            Some(None) => missing.push(Missing::Input {
                name: name.clone(),
                source: input.source.clone().unwrap_or_default(),
            }),
        }
    }
    needs.settle(if missing.is_empty() { Readiness::Ready(inputs) } else { Readiness::Waiting(missing) })
}

/// Whether `dependency`, a glob ref, matches at least one document.
///
/// # Errors
/// What must be loaded.
pub fn holds(snapshot: &Snapshot, dependency: &str) -> Result<bool, Needs> {
    let Ok(glob) = Glob::new(dependency) else { return Ok(false) };
    let side = if glob.is_intent() { Marker::Intent } else { Marker::State };
    let mut any = false;
    let searched = snapshot.search_paths(side, &glob, &mut |_| any = true);
    // One match is enough, whatever else could not be looked at.
    if any { Ok(true) } else { searched.map(|()| false) }
}

/// The task or deployment that `dependency`, as releases write them, waits for:
/// `…/task/build/*/status/complete`.
pub(crate) fn place_of(dependency: &str) -> Option<Ref> {
    let literal = dependency.strip_suffix("/*/status/complete")?;
    let plain = ["*", "?", "[", "{"]
        .iter()
        .fold(literal.to_owned(), |text, special| text.replace(&format!("[{special}]"), special));
    plain.parse().ok().filter(|place: &Ref| matches!(place.kind(), Some(Kind::Task | Kind::Deploy)))
}
