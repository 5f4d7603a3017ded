//! Notices when work goes round in circles.
//!
//! Doing work makes work: what has been deployed is an input of something else. If that leads back to
//! where it began it would never end, so every plan is noted before it is carried out.

use std::collections::{BTreeMap, BTreeSet};

use ocuroot_core::Ref;
use ocuroot_core::plan::Plan;

use crate::error::Failure;

/// How often an item may come up with the same inputs before it is a loop.
const SAME_INPUTS: usize = 3;

/// How often it may come up at all: a counter that counts itself up never has the same inputs twice.
const ANY_INPUTS: usize = 10;

/// What a loop of work has done so far, to notice when it goes round in circles.
#[derive(Debug, Default)]
pub struct Rounds {
    seen: BTreeMap<Ref, Seen>,
}

/// How often an item has come up.
#[derive(Debug, Default)]
struct Seen {
    times: usize,
    /// By its inputs.
    alike: BTreeMap<String, usize>,
    /// Which inputs had changed, and where each comes from.
    fed_by: BTreeSet<String>,
}

impl Rounds {
    /// Takes note of a plan.
    ///
    /// # Errors
    /// When an item comes up for the third time with the same inputs, or for the tenth time at all: the
    /// refs that feed each other.
    pub fn note(&mut self, plan: &Plan) -> Result<(), Failure> {
        let none = String::new;
        let ready = plan.ready.iter().map(|ready| (&ready.run, none(), Vec::new()));
        let intent = plan.intent.iter().map(|difference| (&difference.reference, none(), Vec::new()));
        let ops = plan.ops.iter().map(|op| (&op.op, none(), Vec::new()));
        let reconciled = plan.reconcile.iter().map(|deploy| {
            let inputs = serde_json::to_string(&deploy.stale.inputs).unwrap_or_default();
            let source = |name: &String| deploy.stale.inputs.get(name)?.source.as_ref();
            let changed = deploy.stale.changed.iter();
            let fed_by = changed.filter_map(|name| Some(format!("{name} from {}", source(name)?))).collect();
            (&deploy.stale.task, inputs, fed_by)
        });
        let mut most = None;
        for (reference, inputs, fed_by) in reconciled.chain(ready).chain(intent).chain(ops) {
            let seen = self.seen.entry(reference.clone()).or_default();
            let alike = seen.alike.entry(inputs).or_default();
            *alike += 1;
            seen.times += 1;
            seen.fed_by.extend(fed_by);
            if *alike >= SAME_INPUTS || seen.times >= ANY_INPUTS {
                most = most.max(Some(seen.times));
            }
        }
        let Some(most) = most else { return Ok(()) };
        // In a circle each comes up as often as the others, or once less.
        let circle = self.seen.iter().filter(|(_, seen)| seen.times > 1 && seen.times + 1 >= most);
        let lines = circle.map(|(reference, seen)| {
            let fed_by: Vec<&str> = seen.fed_by.iter().map(String::as_str).collect();
            let takes =
                if fed_by.is_empty() { String::new() } else { format!(" takes {}", fed_by.join(", ")) };
            format!("\n  {reference}{takes}")
        });
        Err(Failure::Unsuccessful(format!(
            "this work comes up again and again, so it is left:{}\n  each changes what another takes; break the circle, or make an output that settles",
            lines.collect::<String>()
        )))
    }
}
