//! Carrying out many differences in one transaction.

use super::{Applied, IntentError, apply, set};
use crate::documents::Environment;
use crate::facts::Facts;
use crate::refs::Ref;
use crate::snapshot::{Needs, Snapshot, Unmet};
use crate::transaction::{Steps, Transaction};

/// Carries out the intent at each of `references`, in order. What cannot be carried out is left out,
/// and the rest goes on: returns for each what became of it.
///
/// # Errors
/// What must be loaded.
pub fn apply_all(
    snapshot: &Snapshot,
    references: &[Ref],
    facts: &Facts,
) -> Result<(Transaction, Vec<Result<Applied, IntentError>>), Needs> {
    let mut steps = Steps::new(snapshot);
    let mut needs = Needs::default();
    let mut outcomes = Vec::new();
    for reference in references {
        match apply(steps.here(), reference, facts) {
            Ok((step, applied)) => {
                steps.take(step);
                outcomes.push(Ok(applied));
            }
            Err(Unmet::Needs(more)) => needs.merge(more),
            Err(Unmet::Error(error)) => outcomes.push(Err(error)),
        }
    }
    needs.settle((steps.finish(), outcomes))
}

/// Writes the environments that a file declares as intent, and applies them. Returns their refs.
///
/// # Errors
/// What must be loaded, or which of them is none.
pub fn declare(
    snapshot: &Snapshot,
    environments: &[Environment],
    facts: &Facts,
) -> Result<(Transaction, Vec<Ref>), Unmet<IntentError>> {
    let mut steps = Steps::new(snapshot);
    let mut declared = Vec::new();
    for environment in environments {
        let reference: Ref = format!("@/environment/{}", environment.name).parse()?;
        // What serializes to nothing is refused as no environment.
        let body = serde_json::to_value(environment).unwrap_or_default();
        steps.take(set(steps.here(), &reference, &body)?);
        steps.take(apply(steps.here(), &reference, facts)?.0);
        declared.push(reference);
    }
    Ok((steps.finish(), declared))
}
