//! How fast the file-system store is on 100,000 documents, each figure beside its limit.
//!
//! `cargo bench -p ocuroot --bench store`. Limits are ratios to what else this machine does with
//! the same store in the same run, so that they hold on any machine.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may end")]

mod measure;
mod shape;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use measure::{find, line, median, millis};
use ocuroot::store::{Location, StoreError, Stores};
use ocuroot_core::snapshot::{Needs, Snapshot, Unmet};
use ocuroot_core::transaction::Edit;
use ocuroot_core::{Glob, Marker, Ref};
use shape::Shape;

fn main() {
    // Cargo also calls benchmarks when it runs tests; then there is nothing to do.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let state = folder.path().join("state");
    let documents = shape::write(Shape::LARGE, &state);
    println!("a store of {documents} documents");
    let open = || {
        Stores::open(Location::Fs(state.clone()), Some(Location::Fs(folder.path().join("intent")))).unwrap()
    };

    let find = median(5, || find(&state.join("refs")));
    println!("{:<58} {:>9.1} ms", "find", millis(find));
    let search = |pattern: &str| {
        let glob: Glob = pattern.parse().unwrap();
        median(5, || {
            black_box(open().ask(&mut Snapshot::default(), |snapshot| snapshot.search(&glob)).unwrap().len())
        })
    };
    let all = "**".parse::<Glob>().unwrap();
    let needs = Needs::folder(Marker::State, "", Some(&all));
    line(
        "load of every folder",
        median(5, || open().load(&needs, &mut Snapshot::default()).unwrap()),
        find,
        1.2,
    );
    line("match **", search("**"), find, 1.2);
    line("match **/@/deploy/prod", search("**/@/deploy/prod"), find, 0.2);
    line("match **/status/failed", search("**/status/failed"), find, 1.5);
    let package = "example.com/o/mono/-/p01/release.ocu.star";
    let below = search(&format!("{package}/@r5/**"));
    line("match <package>/@r5/** beside 5 ms", below, Duration::from_millis(5), 1.0);

    let one: Ref = format!("{package}/@r5/deploy/env03").parse().unwrap();
    let get = median(101, || {
        let mut snapshot = Snapshot::default();
        black_box(open().ask(&mut snapshot, |snapshot| snapshot.exists(&one)).unwrap())
    });
    line("open and get one document beside 5 ms", get, Duration::from_millis(5), 1.0);

    let runs: Glob = "**/@r*/deploy/*/1".parse().unwrap();
    let stores = open();
    let mut listed = Snapshot::default();
    let refs = stores.ask(&mut listed, |snapshot| snapshot.search(&runs)).unwrap();
    let bodies = Needs { bodies: refs.into_iter().collect(), ..Needs::default() };
    let count = bodies.bodies.len();
    let read = median(3, || stores.load(&bodies, &mut listed.clone()).unwrap());
    println!("{:<58} {:>9.1} ms", format!("load of {count} bodies"), millis(read));

    transactions(&state, &stores);
}

/// Ten transactions like those of a release, beside as many files written and synced one by one.
fn transactions(state: &Path, stores: &Stores) {
    const FILES: u32 = 6;
    let mut number = 0;
    let commit = median(21, || {
        number += 1;
        let mut snapshot = Snapshot::default();
        stores
            .decide(&mut snapshot, |snapshot| {
                let mut edit = Edit::new(snapshot, "bench");
                for file in 0..FILES {
                    let reference: Ref = format!("bench/-/p/@r{number}/task/t{file}/1").parse().unwrap();
                    edit.put_body(&reference, "float64", &number)?;
                }
                Ok::<_, Unmet<StoreError>>((edit.finish(), ()))
            })
            .unwrap();
    });
    let mut number = 0;
    let plain = median(21, || {
        number += 1;
        for file in 0..FILES {
            let folder = state.join(format!("plain/@r{number}/task/t{file}/1"));
            std::fs::create_dir_all(&folder).unwrap();
            let path = folder.join("@object.json");
            std::fs::write(&path, "1").unwrap();
            std::fs::File::open(&path).unwrap().sync_all().unwrap();
        }
    });
    println!("{:<58} {:>9.1} ms", format!("{FILES} files written and synced one by one"), millis(plain));
    line(&format!("a transaction of {FILES} documents"), commit, plain, 1.5);
}
