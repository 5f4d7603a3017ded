//! Globs: patterns over canonical refs, one dialect for every query.
//!
//! | pattern | matches |
//! | --- | --- |
//! | `*` | any run of characters except `/` (also none) |
//! | `**` | any run of characters, `/` included (also none), wherever it stands |
//! | `?` | one character except `/` |
//! | `[abc]`, `[a-z]`, `[!abc]` | one character (`/` too) of, or not of, the set; `^` is an ordinary character |
//! | `{a,b}` | either; may nest, may hold other wildcards |
//! | `\x` | the character x itself |
//!
//! ```
//! use ocuroot_core::Glob;
//!
//! let deployed = Glob::new("**/@/deploy/{staging,production}")?;
//! assert!(deployed.is_match("github.com/example/shop/-/frontend/@/deploy/production"));
//! assert!(!deployed.is_match("github.com/example/shop/-/frontend/@r12/deploy/production"));
//! assert!(!deployed.is_match("@/deploy/production"), "there is no `/` before the `@`");
//! # Ok::<(), ocuroot_core::glob::GlobError>(())
//! ```
//!
//! Characters are Unicode scalar values. `call/` where a type stands is the old spelling of `task/`, and a
//! pattern that starts a release with `+` searches [intent](Glob::is_intent). A pattern need not be a ref.
//!
//! # Reading little
//!
//! A search walks a tree of folders whose paths are refs. A pattern can say where to start, and which
//! folders need no look; for that it knows how refs are built (one release, then one of the known types):
//!
//! ```
//! # use ocuroot_core::Glob;
//! let deployed = Glob::new("github.com/example/**/@/deploy/production")?;
//! assert_eq!(deployed.literal_prefix(), "github.com/example/");
//! assert!(deployed.may_match_below("github.com/example/shop/-/frontend"));
//! assert!(!deployed.may_match_below("github.com/example/shop/-/frontend/@r12"));
//! assert!(!deployed.may_match_below("github.com/example/shop/-/frontend/@/task"));
//! # Ok::<(), ocuroot_core::glob::GlobError>(())
//! ```
//!
//! # How it works
//!
//! A pattern is compiled to a list of steps (`code`), whose states are the bits of a few machine
//! words (`program`): a character moves all of them at once, so no pattern makes matching slow.
//! What is literal at either end is compared as text. `grammar` is a small automaton of the refs; the steps
//! of a pattern and the states of the grammar from which both can still be satisfied are worked out once.

mod code;
mod descent;
mod escape;
mod grammar;
mod judge;
mod program;
#[cfg(test)]
mod tests;

use code::{Code, Step};
pub use descent::Descent;
pub(crate) use judge::{Judge, Verdict};
use program::Program;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// A compiled pattern. A clone is cheap; equality and order are those of the pattern's text.
#[derive(Clone)]
pub struct Glob(Arc<Compiled>);

struct Compiled {
    pattern: String,
    /// Where the pattern spells a marker `+`, in bytes.
    intent: Vec<usize>,
    state: bool,
    code: Vec<Step>,
    prefix: String,
    middle: Middle,
    suffix: String,
    folders: OnceLock<Folders>,
}

/// What stands between the literal start and the literal end of a pattern.
enum Middle {
    /// Nothing: the pattern is a text.
    Empty,
    /// `**`.
    Anything,
    /// `*`.
    WithoutSlash,
    Program(Box<Program>),
}

/// What it takes to judge folders; built when the first one is.
struct Folders {
    program: Program,
    /// For each step of the code the states of the grammar from which a matching ref can be completed.
    live: Vec<grammar::States>,
}

/// Why a text is no pattern, and the character that is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobError {
    /// What is wrong.
    pub kind: GlobErrorKind,
    /// Where the offending character stands in the pattern, in bytes.
    pub offset: usize,
    /// The pattern, cut short if it is long.
    pub pattern: String,
}

/// What can be wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GlobErrorKind {
    /// A `[` without its `]`.
    UnclosedClass,
    /// A `{` without its `}`.
    UnclosedBrace,
    /// `[]` or `[!]`.
    EmptyClass,
    /// A range whose end comes before its start, `[z-a]`.
    ReversedRange,
    /// A `\` with nothing after it.
    TrailingBackslash,
    /// The pattern is over 4,096 bytes.
    TooLong,
}

impl Glob {
    /// The longest pattern, in bytes: as long as the longest ref.
    pub const MAX_LEN: usize = crate::refs::Ref::MAX_LEN;

    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// An unclosed `[` or `{`, an empty class, a reversed range, a trailing `\`, or more than
    /// [`Glob::MAX_LEN`] bytes.
    pub fn new(pattern: &str) -> Result<Glob, GlobError> {
        let Code { steps, intent, state } = Code::new(pattern)?;
        let prefix: String = steps.iter().map_while(Step::literal).collect();
        let start = prefix.chars().count();
        let rest = steps.get(start..).unwrap_or_default();
        let mut suffix: Vec<char> = rest.iter().rev().map_while(Step::literal).collect();
        suffix.reverse();
        let middle = match rest.get(..rest.len() - suffix.len()).unwrap_or_default() {
            [] => Middle::Empty,
            [Step::Anything] => Middle::Anything,
            [Step::WithoutSlash] => Middle::WithoutSlash,
            steps => Middle::Program(Box::new(Program::new(steps, start))),
        };
        Ok(Glob(Arc::new(Compiled {
            pattern: pattern.to_owned(),
            intent,
            state,
            code: steps,
            prefix,
            middle,
            suffix: suffix.into_iter().collect(),
            folders: OnceLock::new(),
        })))
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the pattern matches the whole of a canonical ref.
    #[must_use]
    pub fn is_match(&self, canonical_ref: &str) -> bool {
        let Compiled { prefix, middle, suffix, .. } = &*self.0;
        let Some(rest) = canonical_ref.strip_prefix(prefix.as_str()) else { return false };
        let Some(rest) = rest.strip_suffix(suffix.as_str()) else { return false };
        match middle {
            Middle::Empty => rest.is_empty(),
            Middle::Anything => true,
            Middle::WithoutSlash => !rest.contains('/'),
            Middle::Program(program) => program.is_match(rest),
        }
    }

    /// Whether the pattern searches intent: it starts a release with `+`.
    ///
    /// The `+` counts after a `/`, after `**` and at the start of the pattern, where a release can stand:
    /// `+/custom/*`, `a/**+*`, `**/{@,+}/x`, but not in `libs/c++/@`, nor in `@/custom/+1`. `\+` is never a marker.
    #[must_use]
    pub fn is_intent(&self) -> bool {
        !self.0.intent.is_empty()
    }

    /// Whether the pattern searches state: it does not search intent, or both, like `**/{@,+}/deploy/*`.
    #[must_use]
    pub fn is_state(&self) -> bool {
        self.0.state || !self.is_intent()
    }

    /// The pattern with every marker `+` spelled `@`, as an intent store spells the refs of its documents.
    #[must_use]
    pub fn to_state(&self) -> Glob {
        if self.0.intent.is_empty() {
            return self.clone();
        }
        let mut pattern = self.0.pattern.clone();
        for &offset in &self.0.intent {
            pattern.replace_range(offset..=offset, "@");
        }
        Glob::new(&pattern).unwrap_or_else(|_| self.clone())
    }

    /// The longest text that every match starts with, as far as the pattern spells it out.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The only text that matches, if the pattern has no wildcard, class or brace.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        matches!(self.0.middle, Middle::Empty).then_some(&self.0.prefix)
    }

    /// What it takes to judge folders, built when the first one is.
    fn folders(&self) -> &Folders {
        self.0.folders.get_or_init(|| Folders {
            program: Program::new(&self.0.code, 0),
            live: grammar::live(&self.0.code),
        })
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(pattern: &str) -> Result<Glob, GlobError> {
        Glob::new(pattern)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.as_str())
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Glob {}

impl PartialOrd for Glob {
    fn partial_cmp(&self, other: &Glob) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Glob {
    fn cmp(&self, other: &Glob) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Glob {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.pattern.get(self.offset..).and_then(|rest| rest.chars().next());
        if let Some(c) = c {
            write!(f, "`{}` at byte {} of ", c.escape_debug(), self.offset)?;
        }
        write!(f, "the pattern `{}`: ", self.pattern.escape_debug())?;
        f.write_str(match self.kind {
            GlobErrorKind::UnclosedClass => {
                "this `[` is never closed; add a `]`, or write `\\[` for the character"
            }
            GlobErrorKind::UnclosedBrace => {
                "this `{` is never closed; add a `}`, or write `\\{` for the character"
            }
            GlobErrorKind::EmptyClass => "this class holds no character; name some, as in `[abc]`",
            GlobErrorKind::ReversedRange => "this range ends before it starts; swap its ends",
            GlobErrorKind::TrailingBackslash => "nothing follows this `\\`; write `\\\\` for the character",
            GlobErrorKind::TooLong => "a pattern has at most 4,096 bytes; shorten it",
        })
    }
}

impl std::error::Error for GlobError {}
