//! Text as a pattern that matches just itself.

use super::Glob;

impl Glob {
    /// `text` with every character that means something in a pattern behind a `\`.
    ///
    /// ```
    /// use ocuroot_core::Glob;
    ///
    /// let escaped = Glob::escape("libs/c*/x");
    /// assert_eq!(escaped, r"libs/c\*/x");
    /// # let glob = Glob::new(&escaped)?;
    /// assert!(glob.is_match("libs/c*/x") && !glob.is_match("libs/c++/x"));
    /// # Ok::<(), ocuroot_core::glob::GlobError>(())
    /// ```
    #[must_use]
    pub fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '*' | '?' | '[' | '{' | '}' | ',' | '\\' | ']') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }
}
