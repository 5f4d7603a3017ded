//! The shell around [`ocuroot_core`]: what loads snapshots, carries transactions out, runs functions
//! and talks to people.
//!
//! Core decides, this crate acts. It is a library as well as a binary so that tests and
//! benchmarks reach the parts.

pub mod cascade;
pub mod checkout;
pub mod color;
pub mod commands;
pub mod engine;
pub mod error;
pub mod export;
pub mod freeze;
pub mod git;
pub mod identity;
pub mod interrupt;
pub mod lint_host;
pub mod log_file;
pub mod native_host;
pub mod places;
pub mod platform;
pub mod programs;
pub mod recorded;
pub mod refs_here;
pub mod releasing;
pub mod repl;
pub mod repo;
pub mod report;
pub mod rounds;
pub mod secrets;
pub mod serve;
pub mod session;
pub mod space;
pub mod store;
pub mod telemetry;
pub mod view;
pub mod work;
