//! How long a release file of 200 deploys takes to evaluate.
#![allow(missing_docs, reason = "a benchmark has no interface")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark needs a clock")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ocuroot_core::documents::Environment;
use ocuroot_core::sdk::{FileKind, Limits, Program, PureHost};

const DEPLOYS: usize = 200;
const LIMIT: Duration = Duration::from_millis(30);

/// A release file as they are: a loaded helper, two functions a region, a loop over environments.
fn host() -> PureHost {
    let mut text = String::from(
        "ocuroot(\"0.3.0\")\nload(\"./tasks.ocu.star\", \"build\")\n\
         task(build, name=\"build\", inputs={\"previous\": input(ref=\"./@/task/build#output/n\", default=0)})\n",
    );
    for region in 0..10 {
        writeln!(
            text,
            "def up_{region}(environment, image, replicas):\n    shell(\"deploy \" + image)\n    return done(outputs={{\"url\": environment[\"name\"]}})\n\
             def down_{region}(environment, image, replicas):\n    shell(\"undeploy\")\n    return done()\n\
             phase(name=\"region {region}\", tasks=[\n    deploy(e.name, up=up_{region}, down=down_{region}, inputs={{\n        \
             \"image\": ref(\"./task/build#output/image\"),\n        \"replicas\": 3,\n    }})\n    for e in environments() if e.attributes[\"region\"] == \"{region}\"\n])"
        )
        .unwrap();
    }
    let environments = (0..DEPLOYS)
        .map(|n| Environment {
            name: format!("env-{n}"),
            attributes: [("region".to_owned(), (n % 10).to_string())].into(),
            ..Environment::default()
        })
        .collect();
    let tasks = "def build(previous):\n    return done(outputs={\"n\": previous + 1, \"image\": \"shop\"})\n";
    PureHost::new([("release.ocu.star", text.as_str()), ("tasks.ocu.star", tasks)])
        .with_environments(environments)
}

fn evaluate(criterion: &mut Criterion) {
    let host = host();
    let base = "github.com/example/shop/-/release.ocu.star/@r1".parse().unwrap();
    let once = || {
        Program::evaluate("release.ocu.star", FileKind::Release, &base, &host, &Limits::default()).unwrap()
    };
    assert_eq!(once().package().unwrap().works().count(), DEPLOYS + 1);
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            black_box(once());
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("evaluate {DEPLOYS} deploys: {:.2} ms of {} ms", best.as_secs_f64() * 1e3, LIMIT.as_millis());
    criterion.bench_function("evaluate a release file of 200 deploys", |bencher| bencher.iter(once));

    let looping = PureHost::new([(
        "release.ocu.star",
        "def f():\n    n = 0\n    for i in range(1000000):\n        n += i\nf()",
    )]);
    let start = Instant::now();
    Program::evaluate("release.ocu.star", FileKind::Release, &base, &looping, &Limits::default()).unwrap();
    println!("a loop of 1,000,000 rounds: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
