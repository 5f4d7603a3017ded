//! Where a `load` leads.
//!
//! `./x.star` (or `x.star`) counts from the folder of the file that loads, `//x.star` from the
//! repo root. Nothing leads out of the repo.

/// Why a `load` leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The path climbs above the repo root.
    #[error("`load(\"{0}\")` leaves the repo")]
    Outside(String),
    /// Neither relative nor from the repo root.
    #[error("`load(\"{0}\")`: a path starts with `./` (this file's folder) or `//` (the repo root)")]
    Malformed(String),
    /// A file loads itself, directly or through others.
    #[error("files load each other in a circle: {}", .0.join(" → "))]
    Cycle(Vec<String>),
}

/// The path from the repo root of what a file in `folder` loads by `path`.
///
/// # Errors
/// The path leaves the repo, or is none.
pub(super) fn resolve(folder: &str, path: &str) -> Result<String, LoadError> {
    let (from, rest) = match path.strip_prefix("//") {
        Some(rest) => ("", rest),
        None => (folder, path),
    };
    let malformed = || LoadError::Malformed(path.to_owned());
    let bad = |c: char| c.is_control() || c == '\\';
    if rest.is_empty()
        || rest.starts_with(['/', '@', ':'])
        || matches!(file_name(rest), "" | "." | "..")
        || path.contains(bad)
    {
        return Err(malformed());
    }
    if rest.contains("://") {
        return Err(malformed());
    }
    match join(from, rest) {
        Some(joined) if joined.is_empty() => Err(malformed()),
        Some(joined) => Ok(joined),
        None => Err(LoadError::Outside(path.to_owned())),
    }
}

/// `path` taken from `folder`, both from the repo root; none if it climbs above the root.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    let from = if path.starts_with('/') { "" } else { folder };
    for segment in from.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// The folder of a file; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last segment of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let good = [
            ("", "./a.star", "a.star"),
            ("", "a.star", "a.star"),
            ("x/y", "./a.star", "x/y/a.star"),
            ("x/y", "../a.star", "x/a.star"),
            ("x/y", "../../a.star", "a.star"),
            ("x/y", "//lib/a.star", "lib/a.star"),
            ("x", "//lib/../a.star", "a.star"),
            ("x", ".//b//a.star", "x/b/a.star"),
        ];
        for (folder, path, expected) in good {
            assert_eq!(resolve(folder, path).as_deref(), Ok(expected), "{folder} {path}");
        }
        for path in ["../../a.star", "//../a.star", "./../../../etc/passwd"] {
            assert_eq!(resolve("x", path), Err(LoadError::Outside(path.to_owned())));
        }
        for path in ["", "/etc/passwd", "///x", "//", "./", "@repo//x.star", "https://x/y.star", "a\\b", "."]
        {
            assert_eq!(resolve("x", path), Err(LoadError::Malformed(path.to_owned())), "{path}");
        }
    }
}
