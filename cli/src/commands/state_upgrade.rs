//! `ocuroot state upgrade`

use super::{print_lines, quiet};
use crate::error::Failure;
use crate::store::Upgrade;

/// Make a store of an older version one of the current version
///
/// A store of version 1 can be read by every command, but nothing can be written to it before it has
/// been upgraded. All is written in one transaction. Releases get numbers, and their old names stay as
/// links; every ref to them is rewritten. What cannot be translated is kept as it is and listed.
/// A store of version 2 needs a new marker only, and gets it also by the first command that writes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only say what would be changed
    #[arg(long)]
    dryrun: bool,
}

impl Args {
    /// Upgrades.
    ///
    /// # Errors
    /// When the store is of a version that this build does not know, or cannot be written to.
    pub fn run(self) -> Result<(), Failure> {
        let session = quiet()?;
        let upgrade = session.stores.upgrade(self.dryrun)?;
        print_lines(&described(&upgrade, &session.stores.describe(), self.dryrun))
    }
}

/// What was done, or would be, line by line.
fn described(upgrade: &Upgrade, place: &str, dryrun: bool) -> Vec<String> {
    let Some(from) = upgrade.from else {
        return vec![format!("nothing to upgrade in {place}: what is written there is of version 3")];
    };
    let verb = if dryrun { "would upgrade" } else { "upgraded" };
    let mut lines = vec![format!("{verb} {place} from version {from} to 3")];
    if upgrade.written + upgrade.removed > 0 {
        let Upgrade { before, after, written, removed, .. } = upgrade;
        lines.push(format!(
            "{before} documents become {after}: {written} are written, {removed} removed, which others hold now"
        ));
    }
    lines.extend(upgrade.renamed.iter().map(|(old, new)| format!("{old} is {new} now")));
    if !upgrade.remarks.is_empty() {
        lines.push(format!("to look at ({}):", upgrade.remarks.len()));
        lines.extend(upgrade.remarks.iter().map(|remark| format!("{}: {}", remark.path, remark.message)));
    }
    lines
}
