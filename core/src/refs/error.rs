//! Why a text is no ref: which part of it, where, and what to write instead.

use super::Kind;
use std::fmt;

/// Why a text is no ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefError {
    /// What is wrong.
    pub kind: RefErrorKind,
    /// Where the offending part starts in the text that was read, in bytes.
    pub offset: usize,
    /// The offending part, cut short if it is long.
    pub part: String,
    /// The text that was read, cut short if it is long, and without the password of a URL.
    pub input: String,
}

/// What can be wrong with a ref. The order has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefErrorKind {
    /// The ref is over 4,096 bytes.
    TooLong,
    /// A segment is over 255 bytes.
    SegmentTooLong,
    /// A NUL or another control character.
    ControlCharacter,
    /// A backslash.
    Backslash,
    /// The text starts like a URL, `https://…`.
    Scheme,
    /// The text starts with a single `/`.
    LeadingSlash,
    /// The document or the fragment ends in two slashes.
    TrailingSlashes,
    /// Two slashes in a row.
    EmptySegment,
    /// A `.` segment that is neither the repo nor a leading `./`.
    DotSegment,
    /// A `..` segment.
    ParentSegment,
    /// A `-` segment that does not end the repo.
    DashSegment,
    /// An `@` inside a segment of the repo or the path.
    AtInPath,
    /// A segment of the subpath or the fragment starts with `@`.
    LeadingAt,
    /// A `=` in the subpath.
    EqualsSign,
    /// The segment after the release is none of the known types.
    UnknownType,
    /// A type with nothing after it.
    MissingSubpath,
    /// Two release markers in a row.
    TwoMarkers,
    /// White space in a release.
    SpaceInRelease,
    /// A `/` or `#` in a release.
    InvalidRelease,
    /// A ref that starts with its release goes on with a path.
    GlobalPath,
}

/// A problem found at a place, before it is said of which text.
pub(super) struct Problem<'a> {
    pub(super) kind: RefErrorKind,
    pub(super) part: &'a str,
    pub(super) offset: usize,
}

impl Problem<'_> {
    /// The error of reading `input`.
    #[cold]
    pub(super) fn of(self, input: &str) -> RefError {
        RefError::new(self.kind, self.part, self.offset, input)
    }
}

impl RefError {
    pub(super) fn new(kind: RefErrorKind, part: &str, offset: usize, input: &str) -> RefError {
        // Only at the start of a text stands what may be a URL with a password.
        let part = if offset == 0 { without_password(part) } else { part.to_owned() };
        RefError { kind, offset, part: shortened(part), input: shortened(without_password(input)) }
    }
}

impl fmt::Display for RefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.part.is_empty() {
            write!(f, "`{}` at ", self.part.escape_debug())?;
        }
        write!(f, "byte {}", self.offset)?;
        if self.input != self.part {
            write!(f, " of `{}`", self.input.escape_debug())?;
        }
        f.write_str(": ")?;
        f.write_str(match self.kind {
            RefErrorKind::TooLong => "a ref has at most 4,096 bytes; shorten it",
            RefErrorKind::SegmentTooLong => "a segment has at most 255 bytes; shorten it",
            RefErrorKind::ControlCharacter => "a ref holds no control characters; remove it",
            RefErrorKind::Backslash => "a ref holds no backslash; separate segments with `/`",
            RefErrorKind::Scheme => "a ref is not a URL; drop the scheme and start with the host",
            RefErrorKind::LeadingSlash => {
                "a ref does not start with `/`; drop it, or start with `//` for the root of the current repo"
            }
            RefErrorKind::TrailingSlashes => "a ref ends in at most one `/`; drop the others",
            RefErrorKind::EmptySegment => "a segment is empty; write one `/`, not two",
            RefErrorKind::DotSegment => {
                "`.` stands only for the current repo (`./-/`) or in a leading `./`; drop it"
            }
            RefErrorKind::ParentSegment => {
                "a ref does not go up with `..`; write the path from the root of the repo"
            }
            RefErrorKind::DashSegment => {
                "`-` stands only once, between repo and path (`repo/-/path`); rename this one"
            }
            RefErrorKind::AtInPath => {
                "`@` starts a release, so it stands right after a `/`; write `path/@release`"
            }
            RefErrorKind::LeadingAt => "a segment after the type does not start with `@`; rename it",
            RefErrorKind::EqualsSign => "a subpath holds no `=`; remove it",
            RefErrorKind::UnknownType => {
                f.write_str("unknown type; after the release write one of ")?;
                return f.write_str(&Kind::ALL.map(Kind::as_str).join(", "));
            }
            RefErrorKind::MissingSubpath => "a type is followed by a name; write it, as in `task/build`",
            RefErrorKind::TwoMarkers => "a ref has one release; keep one `@` or `+`",
            RefErrorKind::SpaceInRelease => "a release holds no white space; remove it",
            RefErrorKind::InvalidRelease => "a release holds no `/` and no `#`; give its name only",
            RefErrorKind::GlobalPath => {
                "a ref that starts with `@` or `+` is global and has no path; write `repo/-/path/@release`"
            }
        })
    }
}

impl std::error::Error for RefError {}

/// The text with `…` for the user and password of a URL.
fn without_password(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, _)) if !scheme.contains('/') => text.split_at(scheme.len() + "://".len()),
        _ => ("", text),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) if !scheme.is_empty() || user.contains(':') => format!("{scheme}…@{host}{path}"),
        _ => text.to_owned(),
    }
}

fn shortened(mut text: String) -> String {
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}
