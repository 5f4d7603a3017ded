//! Everything secret that this process knows.
//!
//! One set for the whole process, because a value that one file calls secret must not be seen in
//! anything that the process prints or writes, also not in the message that it ends with.

use std::sync::{Arc, LazyLock};

use ocuroot_core::secrets::Secrets;

static KNOWN: LazyLock<Arc<Secrets>> = LazyLock::new(Arc::default);

/// The secrets of this process.
#[must_use]
pub fn known() -> Arc<Secrets> {
    Arc::clone(&KNOWN)
}

/// `text` with every secret masked.
#[must_use]
pub fn mask(text: &str) -> String {
    KNOWN.mask(text).into_owned()
}
