//! What is live once a transaction has been carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::Change;
use crate::order::Gather as _;
use crate::refs::{Kind, Ref};
use crate::runs;
use crate::snapshot::Needs;
use crate::summary::live::{self, SAMPLES};
use crate::summary::work::{self, AllInputs};
use crate::summary::{Live, Sample};

impl Change<'_> {
    /// The environments in which another thing may be live.
    pub(super) fn touched(&self) -> BTreeSet<&str> {
        self.writes.iter().filter_map(|(written, _)| self.environment(written)).gather()
    }

    /// What is live now, and the inputs that it was deployed with.
    pub(super) fn live(&self) -> Result<(BTreeMap<String, Live>, AllInputs), Needs> {
        let mut needs = Needs::default();
        let touched = self.touched();
        let mut inputs = self.old.work.as_ref().map(|work| work.inputs()).unwrap_or_default();
        inputs.retain(|environment, _| !touched.contains(environment.as_str()));
        let all: BTreeSet<&str> =
            self.old.live.keys().map(String::as_str).chain(touched.iter().copied()).collect();
        let mut now = BTreeMap::new();
        for environment in all {
            let old = self.old.live.get(environment);
            let mut live = if touched.contains(environment) {
                let current = self.old.package.child(&format!("@/deploy/{environment}"));
                let Ok(current) = current else { continue };
                match needs.take(live::of(self.after, &current)) {
                    Some(Some((live, place, task))) => {
                        let asked = work::inputs(&current, &place, &task);
                        inputs.extend(asked.map(|asked| (environment.to_owned(), asked)));
                        live
                    }
                    Some(None) | None => continue,
                }
            } else {
                let Some(old) = old else { continue };
                old.clone()
            };
            let samples = match old {
                Some(old) => self.samples(&old.samples, environment),
                None => self.all_samples(environment),
            };
            live.set_samples(needs.take(samples).unwrap_or_default());
            now.insert(environment.to_owned(), live);
        }
        needs.settle((now, inputs))
    }

    /// The environment in which another thing may be live once `written` is, or since another time.
    fn environment<'b>(&self, written: &'b Ref) -> Option<&'b str> {
        let environment = written.segments().next().filter(|_| written.kind() == Some(Kind::Deploy))?;
        let ended = || {
            let live = self.old.live.get(environment)?;
            let here = written.release() == Some(&live.release);
            (here && written.subpath().ends_with("/status/complete")).then_some(())
        };
        (written.subpath() == environment || ended().is_some()).then_some(environment)
    }

    /// The newest samples of an environment, of which `old` were the newest before.
    fn samples(&self, old: &[Sample], environment: &str) -> Result<Vec<Sample>, Needs> {
        let recent: BTreeSet<u64> = self.window.iter().filter_map(Ref::release_number).gather();
        let touched = self.writes.iter().filter_map(|(written, _)| {
            let of_this = written.kind() == Some(Kind::Deploy);
            let mut segments = written.segments().filter(|_| of_this);
            let run = (segments.next()? == environment).then(|| segments.next())??;
            Some((written.release_number()?, run.parse::<u64>().ok()?))
        });
        let touched: BTreeSet<(u64, u64)> = touched.gather();
        // Of a release that was not told of before, every run is new here.
        let is_touched = |release: &Ref, run: u64| {
            let number = release.release_number().unwrap_or_default();
            touched.contains(&(number, run)) || self.told(release).is_none()
        };
        let mut now: Vec<Sample> = old
            .iter()
            .filter(|sample| {
                recent.contains(&sample.release) && !touched.contains(&(sample.release, sample.run))
            })
            .copied()
            .collect();
        let mut needs = Needs::default();
        for (name, runs) in self.runs.iter().filter(|(name, _)| self.window.contains(name)) {
            for entry in runs {
                let of_this = entry.is_deploy() && entry.name() == environment;
                if of_this && is_touched(name, entry.number) {
                    now.extend(needs.take(live::sample(self.after, entry)).flatten());
                }
            }
        }
        needs.settle(())?;
        // Older ones than the oldest that is known may take the place of one that went, unless their
        // releases are too old as well.
        let oldest = old.last().filter(|oldest| old.len() >= SAMPLES && recent.contains(&oldest.release));
        let enough = oldest.is_none_or(|oldest| {
            let place = |sample: &Sample| (sample.release, sample.run);
            now.iter().filter(|sample| place(sample) >= place(oldest)).count() >= SAMPLES
        });
        if enough { Ok(now) } else { self.all_samples(environment) }
    }

    /// The newest samples of an environment, of all releases that the summary tells of.
    fn all_samples(&self, environment: &str) -> Result<Vec<Sample>, Needs> {
        let mut needs = Needs::default();
        let mut recent = Vec::new();
        for name in &self.window {
            if let Ok(place) = name.child(&format!("deploy/{environment}")) {
                let runs = needs.take(runs::of_place(self.after, &place)).unwrap_or_default();
                recent.extend(runs.into_iter().rev());
            }
        }
        needs.settle(())?;
        live::newest_samples(self.after, recent.iter())
    }
}
