//! How much a file may do before it is stopped.

/// Bounds for one evaluation, or one call of a function.
///
/// They count what the interpreter does, never time: a function may wait for a command for an
/// hour, but it may not loop forever by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls and rounds of loops.
    pub steps: u64,
    /// Bytes of values. Checked between statements, so a single expression may exceed it a little.
    pub heap_bytes: usize,
    /// Functions that may be waiting for each other.
    pub call_depth: usize,
}

impl Default for Limits {
    /// 10 million steps (a second or so), 512 MiB, 100 calls deep.
    fn default() -> Limits {
        Limits { steps: 10_000_000, heap_bytes: 512 << 20, call_depth: 100 }
    }
}
