//! What Ocuroot decides, without doing any of it.
//!
//! A release orchestrator answers a few questions again and again: what is deployed where, what
//! should be, what follows from the difference, and which documents change when one step of that
//! has been taken. This crate holds those answers as pure functions. It never opens a file, asks
//! for the time or talks to a network: a caller loads a [`snapshot::Snapshot`] of a store, calls a
//! function, and carries out the value that comes back.
//!
//! ```
//! use ocuroot_core::Ref;
//!
//! let deploy: Ref = "github.com/example/shop/-/web.ocu.star/@r4/deploy/prod".parse()?;
//! assert_eq!(deploy.release_number(), Some(4));
//! assert_eq!(deploy.package().as_str(), "github.com/example/shop/-/web.ocu.star");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

pub mod cause;
pub mod check;
mod chunks;
pub mod commands;
pub mod deploys;
pub mod documents;
pub mod envelope;
pub mod facts;
pub mod failure;
pub mod freeze;
pub mod generations;
pub mod glob;
pub mod hosts;
pub mod init;
pub mod intent;
pub mod logs;
pub mod memory;
mod mixed;
pub mod names;
pub mod natural;
pub mod numbers;
pub mod open;
pub mod ops;
pub mod order;
pub mod outdated;
pub mod overview;
pub mod plan;
pub mod push;
pub mod reading;
pub mod ready;
pub mod reconcile;
pub mod refs;
pub mod release;
pub mod repo_config;
pub mod repo_name;
pub mod resolve;
pub mod rollback;
pub mod run;
pub mod runs;
pub mod screens;
pub mod secrets;
pub mod snapshot;
pub mod summary;
pub mod times;
pub mod transaction;
pub mod why;

#[cfg(feature = "starlark")]
pub mod sdk;

pub use glob::Glob;
pub use refs::{Kind, Marker, Ref, RefError};

/// The version of this build, as in its release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
