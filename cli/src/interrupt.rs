//! Ctrl-C, and being told to end.
//!
//! A run that is under way when the user gives up must not be lost: its commands are ended, it is
//! recorded as failed, and a retry takes it up. A second Ctrl-C ends at once; then the run is left
//! `running` and found as stale later. What must not stay behind in any case, like a temporary folder,
//! is registered as a [`Cleanup`].

use std::collections::{BTreeMap, BTreeSet};
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENERS: Mutex<BTreeMap<u64, Option<mpsc::Sender<()>>>> = Mutex::new(BTreeMap::new());
static CLEANUPS: Mutex<BTreeMap<u64, Undo>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);
static CHILDREN: Mutex<BTreeSet<(u32, bool)>> = Mutex::new(BTreeSet::new());

type Undo = Box<dyn FnOnce() + Send>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on signals that ask this process to end are handled as this module says.
pub fn install() {
    // Fails only when a handler is there already, and then there is nothing to do.
    let _ = ctrlc::set_handler(|| {
        let again = INTERRUPTED.swap(true, Ordering::SeqCst);
        end_children();
        let mut heard = false;
        for listener in lock(&LISTENERS).values() {
            heard |= listener.as_ref().is_none_or(|listener| listener.send(()).is_ok());
        }
        if again || !heard {
            // Held to the end: what is being undone elsewhere is finished first, and nothing twice.
            let mut left = lock(&CLEANUPS);
            if again || !left.is_empty() {
                // They have been asked before; and whoever still writes would make again what is removed.
                kill_children();
            }
            std::mem::take(&mut *left).into_values().for_each(|undo| undo());
            process::exit(130);
        }
    });
}

/// Whether the user has given up.
#[must_use]
pub fn is_set() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Tells `listener` instead of ending the process. Until the guard is dropped.
#[must_use]
pub fn listen(listener: mpsc::Sender<()>) -> Listening {
    listening(Some(listener))
}

/// Does not end the process: whoever holds the guard asks [`is_set`] now and then, and stops.
#[must_use]
pub fn hold() -> Listening {
    listening(None)
}

fn listening(listener: Option<mpsc::Sender<()>>) -> Listening {
    let id = NEXT.fetch_add(1, Ordering::SeqCst);
    lock(&LISTENERS).insert(id, listener);
    Listening(id)
}

/// See [`listen`] and [`hold`].
#[derive(Debug)]
pub struct Listening(u64);

impl Drop for Listening {
    fn drop(&mut self) {
        lock(&LISTENERS).remove(&self.0);
    }
}

/// Does `undo` when the guard is dropped, or before the process ends by a signal.
#[must_use]
pub fn cleanup(undo: impl FnOnce() + Send + 'static) -> Cleanup {
    let id = NEXT.fetch_add(1, Ordering::SeqCst);
    lock(&CLEANUPS).insert(id, Box::new(undo));
    Cleanup(id)
}

/// See [`cleanup`].
#[derive(Debug)]
pub struct Cleanup(u64);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let mut left = lock(&CLEANUPS);
        if let Some(undo) = left.remove(&self.0) {
            undo();
        }
    }
}

/// Starts a child process that ends with this one. `group`: it leads a process group of its own, and all
/// of that ends.
///
/// # Errors
/// When it cannot be started; [`Interrupted`](std::io::ErrorKind::Interrupted) once the user has given up.
pub fn spawn(command: &mut Command, group: bool) -> std::io::Result<(process::Child, Child)> {
    // Whoever ends children waits until this one is known, so that none is overlooked.
    let mut children = lock(&CHILDREN);
    if is_set() {
        return Err(std::io::Error::new(std::io::ErrorKind::Interrupted, "interrupted"));
    }
    let child = command.spawn()?;
    let id = child.id();
    children.insert((id, group));
    Ok((child, Child(id, group)))
}

/// See [`spawn`].
#[derive(Debug)]
pub struct Child(u32, bool);

impl Drop for Child {
    fn drop(&mut self) {
        lock(&CHILDREN).remove(&(self.0, self.1));
    }
}

fn end_children() {
    for (pid, group) in lock(&CHILDREN).iter() {
        end(*pid, *group, Signal::TERM);
    }
}

/// Starts no more commands, and ends those that run: this process cannot go on.
pub fn stop() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    end_children();
}

/// Ends commands that did not end when they were asked to.
pub fn kill_children() {
    for (pid, group) in lock(&CHILDREN).iter() {
        end(*pid, *group, Signal::KILL);
    }
}

fn end(pid: u32, group: bool, signal: Signal) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // It may have ended by itself meanwhile.
    let _ = if group { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
}
