//! Values that must not be seen.
//!
//! A release file calls `secret(value)`; from then on every text on its way out passes through
//! [`Secrets::mask`]. The longest secrets are replaced first, so a secret that is part of another
//! one leaves nothing of it behind.
//!
//! ```
//! use ocuroot_core::secrets::Secrets;
//!
//! let secrets = Secrets::default();
//! secrets.add("hunter2");
//! assert_eq!(secrets.mask("login with hunter2"), "login with <secret>");
//! ```

use crate::order::Order as _;
use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
pub const MASK: &str = "<secret>";

/// The secrets known to this process. Shared by all runs.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Longest first.
    values: RwLock<Vec<String>>,
}

impl Secrets {
    /// Masks `value` from now on. The empty string masks nothing.
    pub fn add(&self, value: &str) {
        if value.is_empty() {
            return;
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
            values.order_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        }
    }

    /// `text` with every secret replaced by [`MASK`].
    ///
    /// A secret of several lines is also masked where its lines appear one by one, because output
    /// is logged line by line.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for secret in texts(&values) {
            if masked.contains(secret) {
                masked = Cow::Owned(masked.replace(secret, MASK));
            }
        }
        masked
    }

    /// Every text that is masked, each in one line: for whoever is to mask them, too. To be kept from
    /// everybody else.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        texts(&values).filter(|text| !text.contains('\n')).map(str::to_owned).collect()
    }

    /// Whether nothing is masked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Secrets, and the lines of those that have several.
fn texts(values: &[String]) -> impl Iterator<Item = &str> {
    let lines = values.iter().filter(|value| value.contains('\n')).flat_map(|value| value.lines());
    let long = lines.map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
    values.iter().map(String::as_str).chain(long)
}

/// Lines of a secret shorter than this (a brace, a word) are not secret by themselves.
const SHORTEST_LINE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking() {
        let cases: &[(&[&str], &str, &str)] = &[
            (&[], "abc", "abc"),
            (&[""], "abc", "abc"),
            (&["b"], "abcb", "a<secret>c<secret>"),
            (&["ab", "abcd"], "abcd ab", "<secret> <secret>"),
            (&["abcd", "ab"], "abcd ab", "<secret> <secret>"),
            (&["x", "x"], "x", "<secret>"),
            (&["line one!\nline two!\n}"], "> line two! }", "> <secret> }"),
        ];
        for (secrets, text, expected) in cases {
            let set = Secrets::default();
            secrets.iter().for_each(|secret| set.add(secret));
            assert_eq!(set.mask(text), *expected);
        }
    }

    #[test]
    fn lines() {
        let set = Secrets::default();
        set.add("hunter2");
        set.add("line one!\n}\n");
        assert_eq!(set.lines(), ["hunter2", "line one!"]);
    }
}
