//! The binary from end to end: real processes, real git, real folders.
//!
//! A test makes a [`World`](world::World) from a repo that is written in one string, runs commands
//! in it and compares what they print, on both streams, with their exit code. Run
//! `UPDATE_EXPECT=1 cargo test -p ocuroot --test e2e` to write what they print into the tests;
//! then read the difference, since that is where the testing happens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is tests; a helper that cannot go on has found something"
)]

#[cfg(unix)]
mod action;
mod bad_input;
mod cascade;
mod failing_files;
mod freeze;
mod generations;
mod git_crowd;
mod git_store;
mod help;
mod init;
mod intent;
mod interrupt;
mod log_files;
mod output;
mod platforms;
mod preview;
mod push;
mod refs_typed;
mod releases;
mod repl;
mod rollback;
mod server;
mod state_view;
mod storage;
mod store_checkouts;
mod team;
mod terminal;
mod together;
mod transactions;
mod why;
mod work;
mod world;
