//! Which process this is, and what time it is: the facts that core's decisions take.

use ocuroot_core::documents::Owner;
use ocuroot_core::facts::Facts;

/// How often a run's output and heartbeat are written while it executes, at most (spec: work).
pub const FLUSH: std::time::Duration = std::time::Duration::from_secs(5);

/// This process, as markers of running runs name it.
#[must_use]
pub fn owner() -> Owner {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let pid = std::process::id();
    // Only has to differ from that of an earlier process with the same pid on this machine.
    let started = jiff::Timestamp::now().as_nanosecond();
    Owner { host, pid, id: format!("{:x}", started ^ (i128::from(pid) << 64)) }
}

/// The facts of this moment.
#[must_use]
pub fn facts(owner: &Owner) -> Facts {
    Facts { now: now(), owner: owner.clone(), override_freeze: None, in_order: false }
}

/// Now, as RFC 3339 in UTC.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Runs whose last heartbeat is older than this are stale: now less the [`lease`].
///
/// # Errors
/// When `OCUROOT_LEASE` holds no duration.
pub fn stale_deadline() -> Result<jiff::Timestamp, crate::error::Failure> {
    Ok(jiff::Timestamp::now() - lease()?)
}

/// As [`lease`], in seconds.
///
/// # Errors
/// When `OCUROOT_LEASE` holds no duration.
pub fn lease_seconds() -> Result<u64, crate::error::Failure> {
    Ok(lease()?.unsigned_abs().as_secs())
}

/// For how long a process may be silent before its runs are stale: `OCUROOT_LEASE`, which is
/// 15 minutes by default and takes a duration such as `90s` or `1h`, or seconds.
///
/// # Errors
/// When the variable holds no duration.
fn lease() -> Result<jiff::SignedDuration, crate::error::Failure> {
    Ok(match std::env::var("OCUROOT_LEASE") {
        Err(_) => jiff::SignedDuration::from_secs(ocuroot_core::why::LEASE.cast_signed()),
        Ok(text) => text
            .parse::<i64>()
            .map(jiff::SignedDuration::from_secs)
            .or_else(|_| text.parse::<jiff::SignedDuration>())
            .map_err(|_| {
                crate::error::Failure::Usage(format!(
                    "OCUROOT_LEASE is {text:?}, which is no duration; use seconds (90) or a form like 15m"
                ))
            })?,
    })
}
