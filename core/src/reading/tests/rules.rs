//! Every decision, on a small store.

use super::host::{Cache, GITHUB, Host, decide, files, place};
use crate::envelope::Document;
use crate::memory::Memory;
use crate::reading::Reader;
use crate::refs::Marker;
use crate::runs;

fn small() -> Memory {
    let mut memory = Memory::default();
    for at in [
        "@/environment/prod",
        "+/environment/prod",
        "s/-/p/@r1",
        "s/-/p/@r1/commit/c0ffee",
        "s/-/p/@r1/task/build",
        "s/-/p/@r1/task/build/1",
        "s/-/p/@r1/task/build/1/status/complete",
        "s/-/p/@/deploy/prod",
        "s/-/p/+/deploy/prod",
    ] {
        memory.put(&at.parse().unwrap(), &Document::new("x", &at));
    }
    memory
}

#[test]
fn what_is_needed_is_read_and_the_rest_is_not() {
    let memory = small();
    let mut host = Host::new(GITHUB);
    host.commit("state", "2026-01-01T00:00:00Z", &files(&memory, Marker::State, ""));
    host.commit("intent", "2026-01-01T00:00:00Z", &files(&memory, Marker::Intent, ""));
    let mut cache = Cache::default();
    let mut reader = Reader::new(place("state", GITHUB), place("intent", GITHUB), None);
    let release = "s/-/p/@r1".parse().unwrap();
    let found = decide(&mut reader, &mut host, &mut cache, |snapshot| runs::of_release(snapshot, &release));
    assert_eq!(found.len(), 1);
    // Two heads, two roots, everything below the release.
    assert_eq!(host.take_requests(), 5, "{:?}", host.asked);
    let prod = "+/environment/prod".parse().unwrap();
    assert!(decide(&mut reader, &mut host, &mut cache, |snapshot| Ok(snapshot.get(&prod)?.is_some())));
    assert_eq!(host.take_requests(), 1);
    // The next session.
    let mut reader = Reader::new(place("state", GITHUB), place("intent", GITHUB), None);
    decide(&mut reader, &mut host, &mut cache, |snapshot| runs::of_release(snapshot, &release));
    assert!(decide(&mut reader, &mut host, &mut cache, |snapshot| Ok(snapshot.get(&prod)?.is_some())));
    assert_eq!(host.take_requests(), 2);
}
