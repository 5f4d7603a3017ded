//! What may be work once a transaction has been carried out.

use std::collections::BTreeMap;

use super::{Change, What};
use crate::refs::Kind;
use crate::snapshot::Needs;
use crate::summary::{Live, Work, work};

impl Change<'_> {
    /// What may be work now, all but the inputs; none when the old summary does not tell of it. `live` is
    /// what is told to be live now.
    pub(super) fn work(&self, live: &BTreeMap<String, Live>) -> Result<Option<Work>, Needs> {
        let Some(mut work) = self.old.work.clone() else { return Ok(None) };
        let package = &self.old.package;
        let mut needs = Needs::default();
        for (written, what) in &self.writes {
            if let Some(name) = work::name(package, written) {
                match what {
                    What::Gone => work.ops.remove(&name),
                    What::New | What::Other | What::Links => work.ops.insert(name),
                };
            }
            if written.kind() == Some(Kind::Custom) {
                let before = match what {
                    What::New => None,
                    What::Other | What::Gone | What::Links => needs.take(self.before.blob(written)).flatten(),
                };
                if let Some(blob) = before {
                    work.custom.remove(written, blob);
                }
                if let Some(Some(blob)) = needs.take(self.after.blob(written)) {
                    work.custom.add(written, blob);
                }
            }
        }
        for environment in self.touched() {
            work.others.remove(environment);
            let Ok(current) = package.child(&format!("@/deploy/{environment}")) else { continue };
            if !live.contains_key(environment) && needs.take(self.after.exists(&current)) == Some(true) {
                work.others.insert(environment.to_owned());
            }
        }
        if self.inner {
            work.inner = needs.take(work::is_around(self.after, package)) == Some(true);
        }
        needs.settle(Some(work))
    }
}
