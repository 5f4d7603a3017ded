//! Which SDK a file asks for: `ocuroot("0.3.0")`.
//!
//! A file names a version exactly (`0.3.0`), by any patch of it (`0.3.14`), or by a constraint
//! (`>=0.3`, `~0.3`, `0.3.x`). There is one SDK today, so the answer is that or an error.

use semver::{BuildMetadata, Prerelease, Version, VersionReq};

/// The SDKs of this build, oldest first, as minor versions: every patch of one is the same SDK.
pub const KNOWN: &[(u64, u64)] = &[(0, 3)];

/// A version that no SDK of this build has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Neither a version nor a constraint.
    #[error("`{0}` is not an SDK version or a constraint on one")]
    Malformed(String),
    /// None of the known ones.
    #[error("there is no SDK version `{asked}`; known: {}", list())]
    Unknown {
        /// What the file asks for.
        asked: String,
    },
}

/// The known versions, for people.
fn list() -> String {
    KNOWN.iter().map(|(major, minor)| format!("{major}.{minor}.0")).collect::<Vec<_>>().join(", ")
}

/// The newest SDK that `asked` allows, as `major.minor`.
///
/// # Errors
/// `asked` cannot be read, or allows no SDK of this build.
pub(super) fn select(asked: &str) -> Result<String, VersionError> {
    let text = asked.trim();
    let found = if let Some((major, minor)) = exact(text) {
        KNOWN.iter().rev().find(|known| **known == (major, minor))
    } else {
        let requirements = alternatives(text).ok_or_else(|| VersionError::Malformed(asked.to_owned()))?;
        KNOWN
            .iter()
            .rev()
            .find(|known| requirements.iter().any(|requirement| any_patch(requirement, **known)))
    };
    match found {
        Some((major, minor)) => Ok(format!("{major}.{minor}")),
        None => Err(VersionError::Unknown { asked: asked.to_owned() }),
    }
}

/// `major.minor` of a full version; what follows the patch is ignored.
fn exact(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.splitn(3, '.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    let patch = parts.next()?;
    let digits = patch.find(|c: char| !c.is_ascii_digit()).unwrap_or(patch.len());
    let (patch, rest) = patch.split_at(digits);
    patch.parse::<u64>().ok()?;
    (rest.is_empty() || !rest.starts_with('.')).then_some((major, minor))
}

/// Constraints separated by `||`; within one, by commas or spaces.
fn alternatives(text: &str) -> Option<Vec<VersionReq>> {
    text.split("||").map(requirement).collect()
}

fn requirement(text: &str) -> Option<VersionReq> {
    let mut joined = String::new();
    for part in text.replace(',', " ").split_whitespace() {
        let glued = joined.ends_with(|c: char| "<>=~^".contains(c));
        if !joined.is_empty() && !glued {
            joined.push(',');
        }
        joined.push_str(part);
    }
    if joined.is_empty() {
        return None;
    }
    VersionReq::parse(&joined).ok()
}

/// Whether `requirement` allows some patch of an SDK.
fn any_patch(requirement: &VersionReq, (major, minor): (u64, u64)) -> bool {
    let patches = requirement
        .comparators
        .iter()
        .filter_map(|comparator| comparator.patch)
        .flat_map(|patch| [patch, patch.saturating_add(1), patch.saturating_sub(1)]);
    patches.chain([0]).any(|patch| {
        requirement.matches(&Version {
            major,
            minor,
            patch,
            pre: Prerelease::EMPTY,
            build: BuildMetadata::EMPTY,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_constraints() {
        let good = [
            "0.3.0",
            "0.3.14",
            "0.3.11-1",
            "0.3.11+x",
            "0.3",
            "0.3.x",
            "0.3.*",
            "0",
            ">=0.3",
            "~0.3",
            "^0.3",
            ">=0.3.7",
            ">= 0.3, <0.5",
            ">=0.2 <1",
            "=0.3",
            "*",
            "0.2 || 0.3",
            " 0.3.0 ",
            "~0.3.14",
            "<=0.3.5",
        ];
        for asked in good {
            assert_eq!(select(asked).as_deref(), Ok("0.3"), "{asked}");
        }
        for asked in ["0.2.0", "0.4.0", "1", "<0.3", ">0.3", "^1.0", "0.2 || 0.4", "10.3.0"] {
            let error = select(asked).unwrap_err();
            assert!(matches!(error, VersionError::Unknown { .. }), "{asked}: {error}");
            assert!(error.to_string().ends_with("known: 0.3.0"), "{error}");
        }
        for asked in ["", "latest", "0.3.0.1", "v0.3.0", "0.3.", "||", "-1"] {
            assert!(matches!(select(asked), Err(VersionError::Malformed(_))), "{asked}");
        }
    }
}
