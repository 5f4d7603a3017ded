//! Times in which nothing is deployed.
//!
//! `@/custom/freeze` in state is a freeze of every environment, `@/custom/freeze/<environment>` of
//! one: `{"reason": "end of year", "until": "2026-12-27T08:00:00Z"}`, or just the reason, as text.
//! While it is in force no run of a deployment starts there, up or down. Tasks go on, and so does a
//! run that has begun. Without `until` it lasts until it is deleted (spec: web, "Freeze").
//!
//! A document that says something else freezes all the same: whoever wrote it wanted that, and not
//! to deploy is what can be made up for.
//!
//! ```
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::freeze;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let mut snapshot = Snapshot::empty();
//! let body = serde_json::json!({"reason": "end of year", "until": "2026-12-27"});
//! snapshot.put(&"@/custom/freeze".parse()?, Document::new("", &body));
//! let at = |now| freeze::of(&snapshot, "prod", now).unwrap();
//! let freeze = at("2026-12-27T23:00:00Z").ok_or("a date lasts to its end")?;
//! assert_eq!(freeze.to_string(), "frozen until 2026-12-27: end of year (@/custom/freeze)");
//! assert!(at("2026-12-28T00:00:00Z").is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use crate::documents::Run;
use crate::envelope::Document;
use crate::facts::Facts;
use crate::open;
use crate::refs::{Marker, Ref};
use crate::runs::RunEntry;
use crate::snapshot::{Needs, Snapshot};
use crate::times;
use crate::transaction::Edit;

/// Where a freeze of every environment is. Those of single ones are below.
pub const EVERYWHERE: &str = "@/custom/freeze";

/// A freeze that is in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Freeze {
    /// The document that says so.
    pub at: Ref,
    /// Why, in its author's words; empty where it does not say.
    pub reason: String,
    /// Until when, as it is written: RFC 3339, or a date, which is its end in UTC.
    pub until: Option<String>,
    /// What is wrong with the document.
    pub malformed: Option<String>,
}

impl Freeze {
    /// "frozen until 2026-12-27: sale", without where that is said.
    #[must_use]
    pub fn says(&self) -> String {
        let until = self.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("frozen{until}{reason}")
    }
}

impl std::fmt::Display for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", self.says(), self.at)?;
        if let Some(malformed) = &self.malformed {
            write!(f, " is malformed: {malformed}")?;
        }
        f.write_str(")")
    }
}

/// The freeze that is in force in `environment` at the time `now` (RFC 3339). One listing, and two
/// documents at most where there are any.
///
/// # Errors
/// What must be loaded.
pub fn of(snapshot: &Snapshot, environment: &str, now: &str) -> Result<Option<Freeze>, Needs> {
    for at in places(environment) {
        // One listing says of all of them that they are not there, and mostly none is.
        snapshot.children(Marker::State, EVERYWHERE)?;
        if !snapshot.exists(&at)? {
            continue;
        }
        let freeze = read(at.clone(), snapshot.get(&at)?.and_then(Document::body));
        if !freeze.is_over(now) {
            return Ok(Some(freeze));
        }
    }
    Ok(None)
}

/// Whether there is any freeze, in force or over. Where there is none, a plan does not depend on the
/// time.
///
/// # Errors
/// What must be loaded.
pub fn is_any(snapshot: &Snapshot) -> Result<bool, Needs> {
    let Ok(everywhere) = EVERYWHERE.parse::<Ref>() else { return Ok(false) };
    Ok(!snapshot.children(Marker::State, EVERYWHERE)?.is_empty() || snapshot.exists(&everywhere)?)
}

/// The freeze that keeps a run from being started, whoever overrides it: a deployment's, none of
/// whose functions has been called yet.
///
/// # Errors
/// What must be loaded.
pub fn holds(
    snapshot: &Snapshot,
    entry: &RunEntry,
    run: &Run,
    facts: &Facts,
) -> Result<Option<Freeze>, Needs> {
    if !starts_deploy(entry, run) {
        return Ok(None);
    }
    of(snapshot, entry.name(), &facts.now)
}

/// Whether to start a run is to start to deploy, or to take something down.
pub(crate) fn starts_deploy(entry: &RunEntry, run: &Run) -> bool {
    entry.is_deploy() && run.functions.len() == 1
}

/// Requires that no freeze of `environment` comes, goes or changes meanwhile.
pub(crate) fn require_unchanged(edit: &mut Edit<'_>, environment: &str) -> Result<(), Needs> {
    places(environment).try_for_each(|at| edit.require_unchanged(&at))
}

/// The runs of `release` that could start if no freeze held them, in file order. None where `facts`
/// override it.
///
/// # Errors
/// What must be loaded.
pub fn held(snapshot: &Snapshot, release: &Ref, facts: &Facts) -> Result<Vec<(Ref, Freeze)>, Needs> {
    if facts.override_freeze.is_some() {
        return Ok(Vec::new());
    }
    let mut needs = Needs::default();
    let mut found = Vec::new();
    for entry in open::startable(snapshot, release)? {
        let Some(run) = needs.take(snapshot.get(&entry.reference)).flatten() else { continue };
        let Some(run) = run.read::<Run>() else { continue };
        let Some(Some(freeze)) = needs.take(holds(snapshot, &entry, &run, facts)) else { continue };
        let ready = run.functions.last().map(|function| crate::ready::check(snapshot, function));
        let ready = ready.and_then(|ready| needs.take(ready));
        if matches!(ready, Some(crate::ready::Readiness::Ready(_))) {
            found.push((entry.reference, freeze));
        }
    }
    needs.settle(found)
}

/// What is wrong with `body` as what is at `reference`; none for what is no freeze, and for one that
/// is as it should be.
#[must_use]
pub fn problem(reference: &Ref, body: &Value) -> Option<String> {
    let at = reference.document().to_state();
    let is_freeze = at.as_str() == EVERYWHERE || environment(&at).is_some();
    is_freeze.then(|| read(at, Some(body)).malformed).flatten()
}

/// The one environment that `reference`, with `@` or `+`, is the freeze of.
#[must_use]
pub fn environment(reference: &Ref) -> Option<String> {
    let at = reference.document().to_state();
    Some(at.as_str().strip_prefix(EVERYWHERE)?.strip_prefix('/')?.to_owned())
}

fn places(environment: &str) -> impl Iterator<Item = Ref> {
    [EVERYWHERE.to_owned(), format!("{EVERYWHERE}/{environment}")]
        .into_iter()
        .filter_map(|place| place.parse().ok())
}

/// What a document says.
fn read(at: Ref, body: Option<&Value>) -> Freeze {
    let mut freeze = Freeze { at, reason: String::new(), until: None, malformed: None };
    let malformed = match body {
        Some(Value::String(reason)) => {
            reason.trim().clone_into(&mut freeze.reason);
            let json = reason.trim_start().starts_with('{');
            json.then(|| "it is text that looks like JSON; set it with --format json".to_owned())
        }
        Some(Value::Object(fields)) => {
            let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
            freeze.reason = fields.get("reason").and_then(text).unwrap_or_default();
            match fields.get("until").filter(|until| !until.is_null()) {
                None => None,
                Some(until) => {
                    let until = text(until).filter(|until| end(until).is_some());
                    let ok = until.is_some();
                    freeze.until = until;
                    (!ok).then(|| "`until` is neither a time (2026-12-27T08:00:00Z) nor a date".to_owned())
                }
            }
        }
        Some(_) => Some(r#"expected {"reason": "…", "until": "…"}"#.to_owned()),
        None => Some("it cannot be read".to_owned()),
    };
    let reason = freeze.reason.is_empty().then(|| "it gives no reason".to_owned());
    freeze.malformed = malformed.or(reason);
    freeze
}

impl Freeze {
    /// Whether it is over at the time `now`.
    fn is_over(&self, now: &str) -> bool {
        let end = self.until.as_deref().and_then(end);
        matches!((end, times::parse(now)), (Some(end), Some(now)) if end <= now)
    }
}

/// The moment at which `until` is over: of a date, the end of it in UTC.
fn end(until: &str) -> Option<Timestamp> {
    times::parse(until).or_else(|| {
        let midnight = times::parse_date(until)?.tomorrow().ok()?.at(0, 0, 0, 0);
        Offset::UTC.to_timestamp(midnight).ok()
    })
}
