//! What a person or another tool may find or leave in a store's folder.

use std::fs;
use std::path::Path;

use ocuroot_core::envelope::Document;
use ocuroot_core::snapshot::{Folder, Needs, Snapshot, Unmet};
use ocuroot_core::transaction::{Edit, Transaction};
use ocuroot_core::{Glob, Marker, Ref};

use super::{Commit, Decided, Location, StoreError, Stores};

fn r(text: &str) -> Ref {
    text.parse().unwrap()
}

fn shared(folder: &Path) -> Stores {
    Stores::open(Location::Fs(folder.to_owned()), None).unwrap()
}

fn put(stores: &Stores, references: &[&str]) -> Result<(), Decided<StoreError>> {
    stores.decide(&mut Snapshot::default(), |snapshot| {
        let mut edit = Edit::new(snapshot, "put");
        for reference in references {
            edit.put_body(&r(reference), "string", &reference)?;
        }
        Ok::<_, Unmet<StoreError>>((edit.finish(), ()))
    })
}

fn delete(stores: &Stores, reference: &str) {
    let deleted = stores.decide(&mut Snapshot::default(), |snapshot| {
        let mut edit = Edit::new(snapshot, "delete");
        edit.delete(&r(reference))?;
        Ok::<_, Unmet<StoreError>>((edit.finish(), ()))
    });
    deleted.unwrap();
}

fn search(stores: &Stores, pattern: &str) -> Vec<String> {
    let glob: Glob = pattern.parse().unwrap();
    let found = stores.ask(&mut Snapshot::default(), |snapshot| snapshot.search(&glob)).unwrap();
    found.iter().map(ToString::to_string).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_document_lies_where_its_ref_says_in_the_form_that_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["a/-/p q.ocu.star/@r1/custom/ünï", "+/environment/prod"]).unwrap();
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    assert_eq!(
        read("state/refs/a/-/p q.ocu.star/@r1/custom/ünï/@object.json"),
        "{\n  \"kind\": \"ref\",\n  \"body_type\": \"string\",\n  \"body\": \"a/-/p q.ocu.star/@r1/custom/ünï\"\n}"
    );
    assert!(read("intent/refs/@/environment/prod/@object.json").contains("+/environment/prod"));
    assert_eq!(read("state/.ocuroot-store"), r#"{"version":3,"Tags":{"state":{}}}"#);
    assert_eq!(read("intent/.ocuroot-store"), r#"{"version":3,"Tags":{"intent":{}}}"#);
    assert_eq!(names(&folder.path().join("state")), [".ocuroot-lock", ".ocuroot-store", "refs"]);
    assert_eq!(search(&stores, "**"), ["a/-/p q.ocu.star/@r1/custom/ünï"]);
    assert_eq!(search(&stores, "+/**"), ["+/environment/prod"]);
}

#[test]
fn reading_and_doing_nothing_create_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let stores = shared(&store);
    assert!(search(&stores, "**").is_empty());
    assert_eq!(stores.commit(&Transaction::default()).unwrap(), Commit::Done);
    delete(&stores, "@/custom/not-there");
    assert!(!store.exists());
    assert_eq!(stores.describe(), folder.path().canonicalize().unwrap().join("store").display().to_string());
}

#[test]
fn what_belongs_to_people_is_neither_seen_nor_touched() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["@/custom/a", "@/custom/b/c"]).unwrap();
    let state = folder.path().join("state");
    for path in ["README.md", "refs/notes.txt", "refs/@/custom/b/c/notes.txt", "refs/@/custom/.hidden"] {
        fs::write(state.join(path), "mine").unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(&state, state.join("refs/@/custom/loop")).unwrap();
    assert_eq!(search(&stores, "**"), ["@/custom/a", "@/custom/b/c"]);
    delete(&stores, "@/custom/a");
    delete(&stores, "@/custom/b/c");
    assert!(search(&stores, "**").is_empty());
    assert!(!state.join("refs/@/custom/a").exists());
    for path in ["README.md", "refs/notes.txt", "refs/@/custom/b/c/notes.txt", "refs/@/custom/.hidden"] {
        assert_eq!(fs::read_to_string(state.join(path)).unwrap(), "mine", "{path}");
    }
}

#[test]
fn a_folder_is_removed_with_its_last_document() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["x/-/p/@r1/task/a/1/status/pending", "x/-/p/@r1"]).unwrap();
    delete(&stores, "x/-/p/@r1/task/a/1/status/pending");
    assert_eq!(names(&folder.path().join("state/refs/x/-/p/@r1")), ["@object.json"]);
    delete(&stores, "x/-/p/@r1");
    assert!(names(&folder.path().join("state/refs")).is_empty());
}

#[test]
fn a_broken_document_is_a_problem_and_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["@/custom/a", "@/custom/b"]).unwrap();
    fs::write(folder.path().join("state/refs/@/custom/a/@object.json"), [0xff, b'{']).unwrap();
    let mut snapshot = Snapshot::default();
    let needs = Needs { bodies: ["@/custom/a", "@/custom/b"].map(r).into(), ..Needs::default() };
    stores.load(&needs, &mut snapshot).unwrap();
    assert!(snapshot.problem(&r("@/custom/a")).unwrap().is_some());
    assert!(snapshot.get(&r("@/custom/b")).unwrap().is_some());
    // It can be replaced, by who has seen what is there.
    put(&stores, &["@/custom/a"]).unwrap();
    let fixed =
        stores.ask(&mut Snapshot::default(), |snapshot| Ok(snapshot.get(&r("@/custom/a"))?.is_some()));
    assert!(fixed.unwrap());
}

#[test]
fn nothing_outside_of_a_store_can_be_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(&folder.path().join("store"));
    put(&stores, &["@/custom/a"]).unwrap();
    fs::create_dir_all(folder.path().join("store/state/outside")).unwrap();
    fs::write(folder.path().join("store/state/outside/@object.json"), "{}").unwrap();
    for path in ["..", "../outside", "@/../../outside", "/", "//", "./@"] {
        let below: Glob = "**".parse().unwrap();
        let folder = Folder { side: Marker::State, path: path.to_owned(), below: Some(below.clone()) };
        let mut snapshot = Snapshot::default();
        stores.load(&Needs { folders: [folder].into(), ..Needs::default() }, &mut snapshot).unwrap();
        assert!(snapshot.size() < 8, "{path}: {snapshot:?}");
    }
    assert!(search(&stores, "../**").is_empty());
    let relative = Transaction {
        writes: [(r("./-/p/@r1"), ocuroot_core::transaction::Write::Put(Document::new("x", &1)))].into(),
        ..Transaction::default()
    };
    let error = stores.commit(&relative).unwrap_err();
    assert!(matches!(error, StoreError::Address { .. }), "{error}");
}

#[test]
fn only_the_needed_folders_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["x/-/p/@/deploy/prod", "x/-/p/@r1/deploy/prod", "x/-/q/@r1/task/a"]).unwrap();
    let glob: Glob = "**/@/deploy/prod".parse().unwrap();
    let mut snapshot = Snapshot::default();
    stores.load(&Needs::folder(Marker::State, "", Some(&glob)), &mut snapshot).unwrap();
    assert_eq!(snapshot.search(&glob).unwrap(), [r("x/-/p/@/deploy/prod")]);
    assert!(snapshot.children(Marker::State, "x/-/p/@r1").is_err());
    // One folder and no more, when no more was asked for.
    let mut snapshot = Snapshot::default();
    stores.load(&Needs::folder(Marker::State, "x/-", None), &mut snapshot).unwrap();
    assert_eq!(snapshot.children(Marker::State, "x/-").unwrap(), ["p", "q"]);
    assert!(snapshot.children(Marker::State, "x/-/p").is_err());
}

#[test]
fn many_folders_are_listed_on_several_threads_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    let refs: Vec<String> = (0..60).map(|number| format!("x/-/p{number:02}/@r1/custom/a")).collect();
    put(&stores, &refs.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert_eq!(search(&stores, "**"), refs);
}

#[test]
fn an_older_store_is_upgraded_by_its_first_change_or_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["@/custom/a"]).unwrap();
    let marker = folder.path().join("state/.ocuroot-store");
    let text = || fs::read_to_string(&marker).unwrap();

    fs::write(&marker, r#"{"version":2}"#).unwrap();
    let stores = shared(folder.path());
    assert_eq!(search(&stores, "**"), ["@/custom/a"]);
    put(&stores, &["@/custom/a"]).unwrap();
    assert_eq!(text(), r#"{"version":2}"#, "nothing changed, so nothing was written");
    put(&stores, &["@/custom/b"]).unwrap();
    assert_eq!(text(), r#"{"version":3,"Tags":{"state":{}}}"#);

    fs::write(&marker, r#"{"version":1}"#).unwrap();
    let stores = shared(folder.path());
    assert_eq!(search(&stores, "**"), ["@/custom/a", "@/custom/b"]);
    let error = put(&stores, &["@/custom/c"]).unwrap_err();
    assert!(error.to_string().contains("run `ocuroot state upgrade` first"), "{error}");

    fs::write(&marker, r#"{"version":9}"#).unwrap();
    let error = Stores::open(Location::Fs(folder.path().to_owned()), None).unwrap_err();
    assert!(matches!(&error, StoreError::UnknownVersion { found, .. } if found == "9"), "{error}");
    // Also for a process that had opened it before.
    assert!(matches!(put(&stores, &["@/custom/c"]), Err(Decided::Store(StoreError::UnknownVersion { .. }))));
}

#[test]
fn places_that_are_no_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let fs_at = |path: &Path| Location::Fs(path.to_owned());
    let refused = |error: StoreError| assert!(matches!(error, StoreError::NotAFolder { .. }), "{error}");
    refused(Stores::open(fs_at(&file), None).unwrap_err());
    refused(Stores::open(fs_at(&folder.path().join("state")), Some(fs_at(&file))).unwrap_err());
    let below = Stores::open(fs_at(&file.join("state")), Some(fs_at(&folder.path().join("intent"))));
    refused(below.unwrap_err());

    let same = folder.path().join("same");
    let error = Stores::open(fs_at(&same), Some(fs_at(&folder.path().join("./same")))).unwrap_err();
    assert!(matches!(error, StoreError::SameFolder { .. }), "{error}");

    put(&shared(folder.path()), &["@/custom/a", "+/custom/a"]).unwrap();
    let (state, intent) = (folder.path().join("state"), folder.path().join("intent"));
    let error = Stores::open(fs_at(&intent), Some(fs_at(&state))).unwrap_err();
    assert!(matches!(error, StoreError::WrongSide { found: "intent", .. }), "{error}");
}

#[test]
fn a_stale_snapshot_is_decided_again() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    // It believes that there is nothing, whatever others do.
    let mut snapshot = Snapshot::empty();
    put(&stores, &["@/custom/a"]).unwrap();
    let mut rounds = 0;
    let decided = stores.decide(&mut snapshot, |snapshot| {
        rounds += 1;
        let mut edit = Edit::new(snapshot, "put");
        let known = edit.get(&r("@/custom/a"))?.is_some();
        edit.put_body(&r("@/custom/a"), "string", &"mine")?;
        Ok::<_, Unmet<StoreError>>((edit.finish(), known))
    });
    assert!(decided.unwrap());
    assert!(rounds > 1);
    // The snapshot has what was written.
    let text = snapshot.get(&r("@/custom/a")).unwrap().unwrap().read::<String>();
    assert_eq!(text.as_deref(), Some("mine"));
}

#[test]
fn questions_and_decisions_that_never_end_are_ended() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    let again = stores.ask(&mut Snapshot::default(), |_| Err::<(), _>(Needs::body(&r("@/custom/a"))));
    assert!(matches!(again, Err(StoreError::Unsettled { .. })), "{again:?}");
    let nothing = stores.ask(&mut Snapshot::default(), |_| Err::<(), _>(Needs::default()));
    assert!(matches!(nothing, Err(StoreError::Unsettled { .. })), "{nothing:?}");
    // A decision that requires what never was.
    let never = stores.decide(&mut Snapshot::default(), |_| {
        let mut edit = Transaction { message: "x".into(), ..Transaction::default() };
        edit.writes.insert(r("@/custom/a"), ocuroot_core::transaction::Write::Delete);
        let blob = ocuroot_core::envelope::BlobId::of(b"never");
        edit.requires.insert(r("@/custom/a"), ocuroot_core::transaction::Expect::Blob(blob));
        Ok::<_, Unmet<StoreError>>((edit, ()))
    });
    assert!(matches!(never, Err(Decided::Store(StoreError::Busy { .. }))), "{never:?}");
}

#[test]
fn one_store_of_version_1_makes_both_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let stores = shared(folder.path());
    put(&stores, &["a/-/p/@1", "+/custom/x"]).unwrap();
    fs::write(folder.path().join("state/.ocuroot-store"), "{\"version\":1}").unwrap();
    let stores = shared(folder.path());
    let error = put(&stores, &["+/custom/y"]).unwrap_err();
    assert!(matches!(error, Decided::Store(StoreError::OldVersion { found: 1, .. })), "{error}");
    assert_eq!(search(&stores, "{,**/}{@,+}**"), ["+/custom/x", "a/-/p/@r1"]);
    assert_eq!(stores.upgrade(false).unwrap().from, Some(1));
    put(&stores, &["+/custom/y"]).unwrap();
    assert_eq!(search(&stores, "{,**/}{@,+}**"), ["+/custom/x", "+/custom/y", "a/-/p/@r1"]);
}
