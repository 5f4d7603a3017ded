//! What few pages need, each a module that is loaded when it is called, as the
//! [later screens](crate::screens::later) are.

use leptos::wasm_split::{SplitLoaderError, wasm_split};
use ocuroot_core::generations::{self, OldFile, Translation};
use ocuroot_core::hosts::{Ask, Exchange, Host, HostError, Limits};

use crate::reading::{ReadProblem, Remedy};

/// Begins an exchange with a host that is not GitHub. [`load_hosts`] has its code ready.
#[wasm_split(hosts, wasm_split_path = ::leptos::wasm_split, fallible, preload(load_hosts))]
pub(crate) fn elsewhere(
    host: Host,
    limits: Limits,
    ask: Ask,
    signed_in: bool,
) -> Result<Result<Exchange, HostError>, SplitLoaderError> {
    Ok(Exchange::new(&host, &limits, ask, signed_in))
}

/// The documents of a store of version 1.
#[wasm_split(old, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn translate(files: Vec<OldFile>) -> Result<Translation, SplitLoaderError> {
    Ok(generations::translate(files))
}

/// What is so when one of these, or of the later screens, could not be loaded.
pub(crate) const LOST: &str = "A part of the dashboard is missing";
/// Why that may be.
pub(crate) const WHY: &str =
    "The network may have failed, or the dashboard was replaced by a newer version while it was open.";

/// That one of these could not be loaded.
pub(crate) fn lost() -> ReadProblem {
    ReadProblem {
        title: LOST.to_owned(),
        message: format!("{WHY} If trying again does not help, reload the page."),
        remedy: Remedy::Retry,
    }
}
