//! The shell around [`ocuroot_core`]: what loads snapshots, carries transactions out and talks to people.
//!
//! Core decides, this crate acts. It is a library as well as a binary so that tests and
//! benchmarks reach the parts.

pub mod store;
