//! A quick hash, for tables whose keys are numbers of our own or ids that are hashes already.
//!
//! The standard library's is safe against keys that somebody chose to make a table slow, and takes longer to
//! compute than most of what is looked up here.

use std::hash::{BuildHasherDefault, Hasher};

/// A map by such keys.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mixed>>;

/// Mixes the bits of numbers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}
