//! The SDK: what a `*.ocu.star` file can call, and how such a file is evaluated.
//!
//! A file is Starlark. Evaluating it ([`Program::evaluate`]) runs its top level once, which calls
//! `phase`, `task` and `deploy` and so builds up a [`Package`](crate::documents::Package); nothing
//! is built or deployed by that. The functions it names are called later, one by one
//! ([`Program::call`]), maybe in another process, and say with `done` or `next` how they ended.
//! Everything a file reads or does goes through one trait, [`Host`].
//!
//! ```
//! use std::collections::BTreeMap;
//! use ocuroot_core::sdk::{FileKind, Limits, Program, PureHost, Returned};
//!
//! let host = PureHost::new([(
//!     "release.ocu.star",
//!     r#"
//! def build(version):
//!     return done(outputs={"image": "shop:" + version})
//!
//! task(build, name="build", inputs={"version": "1"})
//! "#,
//! )]);
//! let base = "shop/-/release.ocu.star/@r1".parse()?;
//! let limits = Limits::default();
//! let program = Program::evaluate("release.ocu.star", FileKind::Release, &base, &host, &limits)?;
//!
//! let package = program.package().ok_or("no package")?;
//! let (_, work) = package.works().next().ok_or("no task")?;
//! let (function, _) = work.first_function();
//! assert_eq!((function.name.as_str(), function.pos.as_str()), ("build", "release.ocu.star:2:1"));
//!
//! let inputs = BTreeMap::from([("version".to_owned(), "1".into())]);
//! let returned = program.call(function, &inputs, &base, &host, &limits)?;
//! let Returned::Done { outputs, .. } = returned else { return Err("not done".into()) };
//! assert_eq!(outputs.unwrap_or_default()["image"], "shop:1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod context;
mod diagnostics;
mod environments;
mod expression;
mod functions;
mod guard;
mod host;
mod host_calls;
mod inputs;
mod json;
mod limits;
mod load;
mod nesting;
mod package;
mod program;
mod pure;
mod recorder;
mod release;
mod repl;
mod repo;
mod source;
mod text;
mod values;
mod version;

#[cfg(test)]
mod tests;

pub use context::FileKind;
pub use diagnostics::{Diagnostic, Diagnostics, Frame, Severity};
pub use expression::evaluate_expression;
pub use host::{Host, HostError, HttpRequest, HttpResponse, Platform, Shell, ShellOutput};
pub use host_calls::canonical_header;
pub use limits::Limits;
pub use load::LoadError;
pub use nesting::STACK_BYTES;
pub use program::{Program, Returned};
pub use pure::PureHost;
pub use repl::{Console, Rest, State, Surroundings, repl, rest};
pub use repo::{FsStore, GitStore, RepoSettings, StoreConfig};
pub use version::{KNOWN as KNOWN_VERSIONS, VersionError};
