//! One host for the tests of a file, which run at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Host, Tools};
use crate::Outcome;

/// The last of those that use it ends it.
static HOST: Mutex<Weak<Host>> = Mutex::new(Weak::new());

/// Plays a scenario on the host. Without the host's programs on PATH it says so and does nothing, unless
/// `OCUROOT_TEST_CI` is `required`.
///
/// # Errors
///
/// The scenario's, why the host does not start, or that its programs are required and not there.
pub fn play(scenario: impl FnOnce(&Host) -> Outcome) -> Outcome {
    let Some(tools) = Tools::find() else {
        if std::env::var("OCUROOT_TEST_CI").is_ok_and(|value| value == "required") {
            return Err("there is no gitea and gitea-runner on PATH; `cargo xtask test` builds them".into());
        }
        eprintln!("skipped: no gitea and gitea-runner on PATH; `cargo xtask test` builds them, with Go");
        return Ok(());
    };
    let host = {
        let mut shared = HOST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = shared.upgrade() {
            host
        } else {
            let host = Arc::new(Host::start(tools)?);
            *shared = Arc::downgrade(&host);
            host
        }
    };
    scenario(&host)
}
