//! What a transaction adds to a clone lies in one pack.
//!
//! A transaction of a few documents is dozens of objects, for every document is a file in a folder of its
//! own. They are made in memory, and one pack of them is written before they are pushed: two files instead
//! of dozens, which `git push` reads at once, and which another clone on the same machine can take as they
//! are. [`join`] makes one pack of many such.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use git2::{ObjectType, Oid, Repository};
use sha1::{Digest, Sha1};

use super::super::steps::step;

/// Above what is read from the disk, so that what is written comes here first.
const PRIORITY: i32 = 1000;
/// Of more objects than this a pack is not small.
const SMALL: u64 = 300;
/// What the index of a pack begins with.
const INDEX: &[u8] = b"\xfftOc\0\0\0\x02";

/// Has objects that are written to this repo kept in memory.
///
/// # Errors
/// When the repo's object database cannot be opened.
pub(super) fn in_memory(repo: &Repository) -> Result<(), git2::Error> {
    repo.odb()?.add_new_mempack_backend(PRIORITY).map(drop)
}

/// Writes a pack of these objects to the repo, for others to see, and returns its file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(repo: &Repository, objects: &BTreeSet<Oid>) -> Result<PathBuf, git2::Error> {
    if objects.len() as u64 > SMALL { write_tight(repo, objects) } else { write_quickly(repo, objects) }
}

/// As small as git can make it.
fn write_tight(repo: &Repository, objects: &BTreeSet<Oid>) -> Result<PathBuf, git2::Error> {
    let folder = folder_of(repo.path());
    let mut pack = repo.packbuilder()?;
    pack.set_threads(1);
    for object in objects {
        pack.insert_object(*object, None)?;
    }
    step();
    pack.write(&folder, 0)?;
    let name = pack.name()?.unwrap_or_default();
    Ok(folder.join(format!("pack-{name}.pack")))
}

/// With each object as it is. Looking for what objects have in common, and at what was written, takes longer
/// than all the rest, and of one transaction's objects no two are alike.
///
/// A pack and its index are as gitformat-pack says: the objects, each with its kind, its length and its bytes
/// made small by zlib; and of each, by id, a sum of these and where they begin.
fn write_quickly(repo: &Repository, objects: &BTreeSet<Oid>) -> Result<PathBuf, git2::Error> {
    let odb = repo.odb()?;
    let count = length(objects.len());
    let mut pack = [b"PACK".as_slice(), &2u32.to_be_bytes(), &count].concat();
    let (mut counts, mut ids, mut sums, mut starts) = ([0u32; 256], Vec::new(), Vec::new(), Vec::new());
    for id in objects {
        let object = odb.read(*id)?;
        let start = pack.len();
        pack.extend(head(object.kind(), object.len()));
        // Git, too, makes a single object small in the quickest way.
        let mut small = ZlibEncoder::new(pack, Compression::fast());
        pack =
            small.write_all(object.data()).and_then(|()| small.finish()).map_err(|error| failed(&error))?;
        let mut sum = Crc::new();
        sum.update(pack.get(start..).unwrap_or_default());
        let first = id.as_bytes().first().copied().unwrap_or_default();
        counts.iter_mut().skip(first.into()).for_each(|count| *count += 1);
        ids.extend(id.as_bytes());
        sums.extend(sum.sum().to_be_bytes());
        starts.extend(length(start));
    }
    let name = Sha1::digest(&pack);
    pack.extend(name);
    let counts = counts.map(u32::to_be_bytes).concat();
    let mut index = [INDEX, &counts, &ids, &sums, &starts, &name].concat();
    index.extend(Sha1::digest(&index));
    let path = folder_of(repo.path()).join(format!("pack-{name:x}.pack"));
    // Who looks for packs looks for their indexes, so these come last.
    for (bytes, path) in [(pack, path.clone()), (index, path.with_extension("idx"))] {
        step();
        put(&bytes, &path).map_err(|error| failed(&error))?;
    }
    Ok(path)
}

/// What an object in a pack begins with: its kind and its length, four bits of it first, then seven a byte.
fn head(kind: ObjectType, length: usize) -> Vec<u8> {
    let kind = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3,
    };
    let low = |length: usize, bits: u32| (length & ((1 << bits) - 1)) as u8;
    let mut head = vec![kind << 4 | low(length, 4)];
    let mut left = length >> 4;
    while left > 0 {
        if let Some(before) = head.last_mut() {
            *before |= 0x80;
        }
        head.push(low(left, 7));
        left >>= 7;
    }
    head
}

fn length(count: usize) -> [u8; 4] {
    // A pack of so few objects is far from 4 GB.
    u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()
}

/// Writes a file that others see when it is whole.
fn put(bytes: &[u8], path: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix("tmp_").tempfile_in(path.parent().unwrap_or(path))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o444))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn failed(error: &io::Error) -> git2::Error {
    git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Os, error.to_string())
}

/// Takes a pack of another clone into this one.
///
/// # Errors
/// When it is not there any more, or cannot be taken.
pub(super) fn take(clone: &Path, pack: &Path) -> io::Result<()> {
    let name = pack.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let here = folder_of(clone).join(name);
    // Who looks for packs looks for their indexes, so these come last.
    for (from, to) in [(pack, &here), (&pack.with_extension("idx"), &here.with_extension("idx"))] {
        step();
        let linked = match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(from, to),
            linked => linked,
        };
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix("tmp_").tempfile_in(to.parent().unwrap_or(to))?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.persist(to).map(drop).map_err(|error| error.error)
}

/// Makes one pack of all small ones that a clone wrote itself, if there are more than `most`.
///
/// # Errors
/// When one cannot be read, or the new one not written; then the old ones are still there.
pub(super) fn join(clone: &Path, most: usize) -> Result<(), git2::Error> {
    let mut small = small_ones(clone);
    if small.len() <= most {
        return Ok(());
    }
    let mut objects = BTreeSet::new();
    small.retain(|index| ids(index).map(|ids| objects.extend(ids)).is_some());
    let new = write_tight(&Repository::open_bare(clone)?, &objects)?;
    for index in small.iter().filter(|index| index.file_stem() != new.file_stem()) {
        // The index first: a pack without one is not looked for. What stays is there twice.
        let _ = fs::remove_file(index).and_then(|()| fs::remove_file(index.with_extension("pack")));
        let _ = fs::remove_file(index.with_extension("rev"));
    }
    Ok(())
}

/// How many packs a repo has.
pub(super) fn count(repo: &Path) -> usize {
    indexes(repo).count()
}

/// The indexes of the small packs that a clone wrote itself.
pub(super) fn small_ones(clone: &Path) -> Vec<PathBuf> {
    indexes(clone).filter(|index| is_small(index)).collect()
}

fn folder_of(clone: &Path) -> PathBuf {
    clone.join("objects/pack")
}

fn indexes(clone: &Path) -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir(folder_of(clone)).into_iter().flatten();
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|is| is == "idx"))
}

/// Where the number of its objects stands in an index: after eight bytes, and how many ids begin with a byte up
/// to 0, 1, … 254.
const COUNT: usize = 8 + 255 * 4;

/// Whether a pack is small and was written by a clone itself. What came from the remote is marked as that, and
/// stays as it is; so does what somebody wants to keep.
fn is_small(index: &Path) -> bool {
    const EACH: u64 = 20 + 4 + 4;
    let large = |file: fs::Metadata| file.len() > (COUNT + 4 + 40) as u64 + EACH * SMALL;
    let marked = || ["promisor", "keep", "mtimes"].iter().any(|mark| index.with_extension(mark).exists());
    !fs::metadata(index).is_ok_and(large) && !marked() && index.with_extension("pack").exists()
}

/// The objects of a pack, by its index, which is git's version 2 (gitformat-pack).
fn ids(index: &Path) -> Option<Vec<Oid>> {
    let bytes = fs::read(index).ok()?;
    let ids = bytes.strip_prefix(INDEX)?.get(COUNT - 8..)?;
    let (count, ids) = ids.split_first_chunk()?;
    let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
    ids.chunks_exact(20).take(count).map(|id| Oid::from_bytes(id).ok()).collect()
}

#[cfg(test)]
mod tests {
    use git2::Odb;

    use super::*;

    fn clone(folder: &Path) -> Repository {
        let repo = Repository::init_bare(folder).unwrap();
        in_memory(&repo).unwrap();
        repo
    }

    fn blobs(odb: &Odb<'_>, numbers: std::ops::Range<u32>) -> BTreeSet<Oid> {
        numbers.map(|number| odb.write(ObjectType::Blob, &number.to_be_bytes()).unwrap()).collect()
    }

    #[test]
    fn what_was_written_lies_in_one_pack_that_others_can_take() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let repo = clone(&one);
        let objects = blobs(&repo.odb().unwrap(), 0..40);
        assert!(!Repository::open(&one).unwrap().odb().unwrap().exists(*objects.first().unwrap()));
        let pack = write(&repo, &objects).unwrap();
        assert!(pack.is_file() && count(&one) == 1, "{pack:?}");
        let other = clone(&two);
        take(&two, &pack).unwrap();
        take(&two, &pack).unwrap();
        fs::remove_dir_all(&one).unwrap();
        assert!(objects.iter().all(|object| other.odb().unwrap().read(*object).is_ok()));
        assert!(take(&two, &pack.with_extension("gone")).is_err());
    }

    #[test]
    fn small_packs_become_one_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let repo = clone(folder.path());
        let odb = repo.odb().unwrap();
        let mut all = BTreeSet::new();
        let mut pack = |numbers| {
            let objects = blobs(&odb, numbers);
            all.extend(objects.iter().copied());
            write(&repo, &objects).unwrap()
        };
        let promised = pack(0..10);
        fs::write(promised.with_extension("promisor"), "").unwrap();
        let large = pack(10..500);
        for start in 500..510 {
            pack(start..start + 5);
        }
        join(folder.path(), 10).unwrap();
        assert_eq!(count(folder.path()), 12, "no more than there may be");
        join(folder.path(), 9).unwrap();
        assert_eq!(count(folder.path()), 3);
        assert!(promised.is_file() && large.is_file());
        let again = Repository::open(folder.path()).unwrap();
        assert!(all.iter().all(|object| again.odb().unwrap().read(*object).is_ok()));
        join(folder.path(), 0).unwrap();
        assert_eq!(count(folder.path()), 3, "one pack made of itself");
        assert!(all.iter().all(|object| Repository::open(folder.path()).unwrap().find_blob(*object).is_ok()));
    }
}
