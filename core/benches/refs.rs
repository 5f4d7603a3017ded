//! How fast refs are parsed and matched, on refs shaped like those of a large store; with the limits that hold.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench has to look at a clock")]

use criterion::Criterion;
use ocuroot_core::{Glob, Ref};
use std::hint::black_box;
use std::time::{Duration, Instant};

const FULL: &str =
    "github.com/example/shop/-/frontend/release.ocu.star/@r12/deploy/production/3/status/complete";
const SCANNED: usize = 1_000_000;
/// What a search asks: one package's deployments, the current ones everywhere, and the waiting runs of a release.
const PATTERNS: [&str; 4] = [
    "github.com/example/shop-17/-/**/deploy/production/*/status/complete",
    "github.com/example/**/status/failed",
    "**/@/deploy/production",
    "**/@r1?/{task,deploy}/*/*/status/{pending,running}",
];

/// Packages × releases × deploys × runs × statuses.
fn refs(count: usize) -> Vec<String> {
    let mut refs = Vec::with_capacity(count);
    for package in 0.. {
        for release in 1..=40 {
            for environment in ["staging", "production", "dev"] {
                for run in 1..=4 {
                    for status in ["pending", "running", "complete", "failed"] {
                        if refs.len() == count {
                            return refs;
                        }
                        refs.push(format!(
                            "github.com/example/shop-{}/-/services/p{package}/release.ocu.star/@r{release}/deploy/{environment}/{run}/status/{status}",
                            package % 50,
                        ));
                    }
                }
            }
        }
    }
    refs
}

/// The best of some rounds: what the code takes when nothing else runs.
fn best<T>(rounds: usize, mut work: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

fn report(target: &str, measured: Duration, limit: Duration) {
    let ratio = measured.as_secs_f64() / limit.as_secs_f64();
    println!(
        "{target}: {measured:?} of {limit:?}, {ratio:.2}{}",
        if ratio > 1.0 { "  OVER THE LIMIT" } else { "" }
    );
}

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(500));
    criterion.bench_function("parse a full ref", |b| b.iter(|| black_box(FULL).parse::<Ref>()));
    for pattern in PATTERNS {
        criterion.bench_function(&format!("compile {pattern}"), |b| b.iter(|| Glob::new(black_box(pattern))));
        let Ok(glob) = Glob::new(pattern) else { continue };
        criterion.bench_function(&format!("match {pattern}"), |b| b.iter(|| glob.is_match(black_box(FULL))));
        criterion.bench_function(&format!("may match below {pattern}"), |b| {
            b.iter(|| {
                glob.may_match_below(black_box("github.com/example/shop/-/frontend/release.ocu.star/@r12"))
            })
        });
    }
    criterion.final_summary();

    const ROUND: u32 = 10_000;
    println!();
    let parse = best(20, || (0..ROUND).filter(|_| black_box(FULL).parse::<Ref>().is_ok()).count());
    report("parse a full ref", parse / ROUND, Duration::from_nanos(250));
    for pattern in
        ["github.com/example/shop/-/**/status/complete", "github.com/example/**/deploy/*/*/status/*"]
    {
        if let Ok(glob) = Glob::new(pattern) {
            let one = best(20, || (0..ROUND).filter(|_| glob.is_match(black_box(FULL))).count());
            report(&format!("match {pattern}"), one / ROUND, Duration::from_nanos(150));
        }
    }
    let refs = refs(SCANNED);
    for pattern in PATTERNS {
        if let Ok(glob) = Glob::new(pattern) {
            let scan = best(5, || refs.iter().filter(|text| glob.is_match(text)).count());
            report(&format!("scan {SCANNED} refs for {pattern}"), scan, Duration::from_millis(150));
        }
    }
}
