//! Looks whether the store changes, as long as somebody listens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Site;

/// How often a store is looked at that lies here.
const LOOK: Duration = Duration::from_millis(250);
/// How often a remote is asked.
const ASK: Duration = Duration::from_secs(5);

/// Starts looking. It ends with the site's last user, or with the process.
pub(super) fn start(site: &Arc<Site>) {
    let updates = super::lock(&site.offer).updates();
    if let Some(updates) = updates {
        let site = Arc::downgrade(site);
        // It was fetched when it was opened.
        let mut asked = Instant::now();
        std::thread::spawn(move || {
            while let Some(site) = site.upgrade() {
                if site.is_heard() && asked.elapsed() >= ASK {
                    let problem = updates.fetch().err().map(|error| error.to_string());
                    asked = Instant::now();
                    if let (true, Some(problem)) = (site.set_problem(problem.clone()), problem) {
                        crate::view::say(&format!("warning: {problem}"));
                    }
                }
                drop(site);
                std::thread::sleep(LOOK);
            }
        });
    }
    let site = Arc::downgrade(site);
    std::thread::spawn(move || {
        while let Some(site) = site.upgrade() {
            if site.is_heard()
                && let Err(error) = site.tell()
            {
                // Whoever reads the store is told; here it is only that nothing changed.
                tracing::warn!("cannot look at the store: {error}");
            }
            drop(site);
            std::thread::sleep(LOOK);
        }
    });
}
