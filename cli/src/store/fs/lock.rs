//! One writer at a time: `.ocuroot-lock`.
//!
//! The lock is the system's advisory lock on that file (`flock`), so it is free the moment its
//! holder ends, however it ends. Two things are written in the file. Its first line counts the
//! commits to the store: a reader that finds the same number before and after it read has seen
//! nothing change. The rest says who holds the lock, for the message of those who wait.
//!
//! The file stays where it is: removing a lock file that others may have open is a race.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::error::{Holder, StoreError};

/// Its name in a store's folder.
pub(super) const NAME: &str = ".ocuroot-lock";

/// The length of the first line: 19 digits and its end.
const COUNT: usize = 20;

/// How many commits a store has seen; none for one without a lock file, which has seen none.
pub(super) type Generation = Option<u64>;

/// A lock on one store, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    exclusive: bool,
}

/// What became of an attempt to lock.
pub(super) enum Attempt<T> {
    /// This.
    Done(T),
    /// Somebody else is in the way.
    Held(Option<Holder>),
}

impl Lock {
    /// Tries to become the only writer of the store in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub(super) fn try_exclusive(folder: &Path) -> Result<Attempt<Lock>, StoreError> {
        let path = folder.join(NAME);
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::create_dir_all(folder).map_err(|error| not_made(folder, error))?;
                open()
            }
            result => result,
        };
        let file = file.map_err(|error| StoreError::write("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {
                let mut lock = Lock { file, path, exclusive: true };
                lock.introduce()?;
                Ok(Attempt::Done(lock))
            }
            Err(TryLockError::WouldBlock) => Ok(Attempt::Held(holder(&path))),
            Err(TryLockError::Error(error)) => Err(StoreError::write("lock", &path, error)),
        }
    }

    /// Tries to keep writers out of the store in `folder` while this process reads. None when the
    /// store has never been written to.
    ///
    /// # Errors
    /// When the lock file cannot be read.
    pub(super) fn try_shared(folder: &Path) -> Result<Attempt<Option<Lock>>, StoreError> {
        let path = folder.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(Attempt::Done(None)),
            Err(error) => return Err(StoreError::read("open", &path, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Attempt::Done(Some(Lock { file, path, exclusive: false }))),
            Err(TryLockError::WouldBlock) => Ok(Attempt::Held(holder(&path))),
            Err(TryLockError::Error(error)) => Err(StoreError::read("lock", &path, error)),
        }
    }

    /// Writes who holds the lock, for those who wait.
    fn introduce(&mut self) -> Result<(), StoreError> {
        let text =
            serde_json::to_string(&Holder { pid: std::process::id(), host: host() }).unwrap_or_default();
        let mut write = || -> io::Result<()> {
            if self.file.metadata()?.len() < COUNT as u64 {
                self.file.seek(SeekFrom::Start(0))?;
                self.file.write_all(count_line(0).as_bytes())?;
            }
            self.file.seek(SeekFrom::Start(COUNT as u64))?;
            self.file.write_all(text.as_bytes())?;
            self.file.set_len((COUNT + text.len()) as u64)
        };
        write().map_err(|error| StoreError::write("write", &self.path, error))
    }

    /// Counts a commit, which must be visible whole by now. The count needs no `fsync`: nobody
    /// who reads now is still there after the machine went down.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub(super) fn count_commit(&mut self) -> Result<(), StoreError> {
        let mut write = || -> io::Result<()> {
            let mut line = [0; COUNT];
            self.file.seek(SeekFrom::Start(0))?;
            self.file.read_exact(&mut line)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(count_line(count_of(&line).wrapping_add(1)).as_bytes())
        };
        write().map_err(|error| StoreError::write("write", &self.path, error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.exclusive {
            // The name of a process that is through would only mislead; the lock itself goes
            // with the file handle.
            let _ = self.file.set_len(COUNT as u64);
        }
    }
}

/// The generation of the store in `folder`.
///
/// # Errors
/// When the lock file is there and cannot be read.
pub(super) fn generation(folder: &Path) -> Result<Generation, StoreError> {
    let path = folder.join(NAME);
    let mut line = [0; COUNT];
    match File::open(&path).and_then(|mut file| file.read(&mut line)) {
        Ok(_) => Ok(Some(count_of(&line))),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(StoreError::read("read", &path, error)),
    }
}

fn count_line(count: u64) -> String {
    format!("{count:019}\n")
}

/// The number in a first line; 0 for one that was never written.
fn count_of(line: &[u8; COUNT]) -> u64 {
    std::str::from_utf8(line).ok().and_then(|line| line.trim_end().parse().ok()).unwrap_or(0)
}

fn holder(path: &Path) -> Option<Holder> {
    let bytes = std::fs::read(path).ok()?;
    serde_json::from_slice(bytes.get(COUNT..)?).ok()
}

/// The name of this machine, as far as the system tells.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .unwrap_or_else(|| "this machine".to_owned())
}

/// Whether the error says that there is nothing at the path.
pub(super) fn absent(error: &io::Error) -> bool {
    // A name too long for the system cannot be there either.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

fn not_made(folder: &Path, error: io::Error) -> StoreError {
    let blocked = folder.ancestors().find(|ancestor| ancestor.exists());
    match blocked {
        Some(path) if !path.is_dir() => StoreError::NotAFolder { path: path.to_owned() },
        _ => StoreError::write("create", folder, error),
    }
}

/// How long to wait for others, and whom to tell about it.
#[derive(Clone)]
pub(super) struct Patience {
    /// The longest wait.
    pub(super) limit: Duration,
    /// Told once a wait lasts for a second.
    pub(super) notice: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { limit: Duration::from_secs(60), notice: Arc::new(|message| tracing::warn!("{message}")) }
    }
}

impl Patience {
    /// Repeats `attempt` until it is done, with growing, jittered pauses.
    ///
    /// # Errors
    /// Its own, and [`StoreError::Locked`] when the limit is over.
    pub(super) fn wait<T>(
        &self,
        folder: &Path,
        mut attempt: impl FnMut() -> Result<Attempt<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(200);
        let mut told = false;
        loop {
            let holder = match attempt()? {
                Attempt::Done(value) => return Ok(value),
                Attempt::Held(holder) => holder,
            };
            let waited = start.elapsed();
            if waited >= self.limit {
                return Err(StoreError::Locked { path: folder.to_owned(), holder, waited });
            }
            if waited >= Duration::from_secs(1) && !told {
                told = true;
                let who = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
                (self.notice)(&format!(
                    "waiting for {who}, which writes to the store in {}",
                    folder.display()
                ));
            }
            std::thread::sleep(pause.mul_f64(0.5 + jitter()).min(self.limit.saturating_sub(waited)));
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A number from 0 to 1, so that those who wait do not all wake at once.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0_u8) >> 40;
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    let fraction = random as f64 / (1_u64 << 24) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusive(folder: &Path) -> Lock {
        match Lock::try_exclusive(folder).unwrap() {
            Attempt::Done(lock) => lock,
            Attempt::Held(holder) => panic!("held by {holder:?}"),
        }
    }

    #[test]
    fn who_waits_learns_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let lock = exclusive(folder.path());
        let patience = Patience { limit: Duration::ZERO, ..Patience::default() };
        let error = patience.wait(folder.path(), || Lock::try_exclusive(folder.path())).unwrap_err();
        let StoreError::Locked { holder: Some(holder), .. } = &error else { panic!("{error}") };
        assert_eq!(holder.pid, std::process::id());
        assert!(error.to_string().contains(&format!("being written by process {}", holder.pid)), "{error}");
        assert!(matches!(Lock::try_shared(folder.path()).unwrap(), Attempt::Held(_)));
        drop(lock);
        exclusive(folder.path());
    }

    #[test]
    fn commits_are_counted_and_the_holder_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(generation(folder.path()).unwrap(), None);
        for count in 0..3 {
            let mut lock = exclusive(folder.path());
            assert_eq!(generation(folder.path()).unwrap(), Some(count));
            lock.count_commit().unwrap();
        }
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text, "0000000000000000003\n");
    }

    #[test]
    fn readers_share_and_keep_writers_out() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Lock::try_shared(folder.path()).unwrap(), Attempt::Done(None)));
        drop(exclusive(folder.path()));
        let one = Lock::try_shared(folder.path()).unwrap();
        let two = Lock::try_shared(folder.path()).unwrap();
        assert!(matches!((&one, &two), (Attempt::Done(Some(_)), Attempt::Done(Some(_)))));
        assert!(matches!(Lock::try_exclusive(folder.path()).unwrap(), Attempt::Held(None)));
    }
}
