//! Medians, and lines that put them beside their limits.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Lists every file below `folder` with the system's `find`, which the store is measured against.
pub(crate) fn find(folder: &Path) {
    let status = Command::new("find").arg(folder).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
}

/// The median of the times that `run` takes.
pub(crate) fn median<T>(times: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    taken.sort_unstable();
    taken.get(times / 2).copied().unwrap_or_default()
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Prints a figure, and how it stands to `limit` times `base`.
pub(crate) fn line(what: &str, taken: Duration, base: Duration, limit: f64) {
    let ratio = taken.as_secs_f64() / base.as_secs_f64();
    let verdict = if ratio <= limit { "ok" } else { "TOO SLOW" };
    println!("{what:<58} {:>9.1} ms   {ratio:>6.3} of {limit:<4} {verdict}", millis(taken));
}
