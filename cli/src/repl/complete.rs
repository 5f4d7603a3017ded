//! What may follow what is typed.

/// The offset from which `typed`, all that stands before the cursor, is to be replaced, and by what:
/// refs inside of a string, else names. `refs` answers with those that begin with a text.
pub(super) fn complete(
    typed: &str,
    names: &[String],
    refs: impl FnOnce(&str) -> Vec<String>,
) -> (usize, Vec<String>) {
    if let Some(start) = string_start(typed) {
        return (start, refs(typed.get(start..).unwrap_or_default()));
    }
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let start = typed
        .rfind(|c: char| !part(c))
        .map_or(0, |at| at + typed.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let word = typed.get(start..).unwrap_or_default();
    if word.is_empty() {
        return (start, Vec::new());
    }
    // Members are offered once their namespace is typed.
    let fits = |name: &&String| name.starts_with(word) && name.contains('.') == word.contains('.');
    (start, names.iter().filter(fits).cloned().collect())
}

/// Where the text of the string begins that `typed` ends in.
fn string_start(typed: &str) -> Option<usize> {
    let mut open = None;
    let mut escaped = false;
    for (at, c) in typed.char_indices() {
        match open {
            _ if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some((quote, _)) if c == quote || c == '\n' => open = None,
            None if c == '"' || c == '\'' => open = Some((c, at + 1)),
            _ => {}
        }
    }
    open.map(|(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_in_strings_refs() {
        let names: Vec<String> =
            ["build", "json", "json.decode", "json.encode", "state_get"].map(str::to_owned).to_vec();
        let refs = |typed: &str| vec![format!("<{typed}>")];
        for (typed, start, expected) in [
            ("bu", 0, &["build"][..]),
            ("x = f(bu", 6, &["build"]),
            ("ä+bu", 3, &["build"]),
            ("js", 0, &["json"]),
            ("json.", 0, &["json.decode", "json.encode"]),
            ("json.e", 0, &["json.encode"]),
            ("", 0, &[]),
            ("f(", 2, &[]),
            ("state_get(\"@/cus", 11, &["<@/cus>"]),
            ("f('a', '", 8, &["<>"]),
            ("f('it\\'s', bu", 11, &["build"]),
        ] {
            let (at, found) = complete(typed, &names, refs);
            assert_eq!(
                (at, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
                (start, expected),
                "{typed}"
            );
        }
    }
}
