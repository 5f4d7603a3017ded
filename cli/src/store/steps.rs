//! The steps by which stores change, counted, so that tests can end the process before any.
//!
//! Whatever writes to a store calls [`step`] before it does: a file written or renamed, an
//! object, a push. `OCUROOT_CRASH_AT=<n>` makes the process abort before its n-th step. It exists for
//! tests; nobody sets it otherwise.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static CRASH_AT: LazyLock<Option<u64>> =
    LazyLock::new(|| std::env::var("OCUROOT_CRASH_AT").ok().and_then(|text| text.parse().ok()));
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// The process is about to change a store.
pub(super) fn step() {
    if let Some(crash_at) = *CRASH_AT
        && TAKEN.fetch_add(1, Ordering::SeqCst) + 1 == crash_at
    {
        std::process::abort();
    }
}
