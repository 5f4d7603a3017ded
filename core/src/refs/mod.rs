//! References: the addresses of documents, and of fields inside them.
//!
//! ```text
//! [repo]/-/[path]/@[release]/[type]/[subpath]#[fragment]      state
//! [repo]/-/[path]/+[release]/[type]/[subpath]#[fragment]      intent
//! ```
//!
//! A [`Ref`] is read from text, and its parts are borrowed from it:
//!
//! ```
//! use ocuroot_core::{Kind, Marker, Ref};
//!
//! let image: Ref = "github.com/example/shop/-/frontend/release.ocu.star/@r12/task/build/1#output/image".parse()?;
//! assert_eq!(image.repo(), Some("github.com/example/shop"));
//! assert_eq!(image.path(), "frontend/release.ocu.star");
//! assert_eq!(image.marker(), Some(Marker::State));
//! assert_eq!(image.release(), Some("r12"));
//! assert_eq!(image.release_number(), Some(12));
//! assert_eq!(image.kind(), Some(Kind::Task));
//! assert_eq!(image.subpath(), "build/1");
//! assert_eq!(image.fragment(), Some("output/image"));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```
//!
//! Several spellings mean the same; a ref keeps only the **canonical** one, so equal refs are equal
//! texts, and parse, print, parse is the identity:
//!
//! ```
//! # use ocuroot_core::Ref;
//! let spelled: Ref = "//frontend/@/call/build/".parse()?;
//! assert_eq!(spelled.to_string(), "./-/frontend/@/task/build");
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```
//!
//! A store uses a ref as a folder path as it is. So whatever could leave the store's folder is no ref,
//! and the error says which part is wrong, and where:
//!
//! ```
//! # use ocuroot_core::{Ref, refs::RefErrorKind};
//! let error = "shop/-/../../etc/passwd".parse::<Ref>().unwrap_err();
//! assert_eq!((error.kind, error.offset, error.part.as_str()), (RefErrorKind::ParentSegment, 7, ".."));
//! ```
//!
//! Inside a package one writes short refs; [`Ref::relative_to`] completes them:
//!
//! ```
//! # use ocuroot_core::Ref;
//! let package: Ref = "github.com/example/shop/-/frontend/@r12".parse()?;
//! let build: Ref = "./task/build#output/image".parse()?;
//! assert_eq!(
//!     build.relative_to(&package)?.as_str(),
//!     "github.com/example/shop/-/frontend/@r12/task/build#output/image",
//! );
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

mod error;
mod parse;
mod relative;
#[cfg(test)]
mod tests;
mod text;

pub use error::{RefError, RefErrorKind};

/// The address of a document, or of a field in it: canonical text, and where its parts lie.
///
/// Equality, order and hash are those of the canonical text, so sorted refs are byte-sorted, and a map
/// keyed by refs can be asked with a `&str`. Serialised, a ref is its text.
#[derive(Clone, Default)]
pub struct Ref {
    text: Box<str>,
    at: Parts,
}

/// Where the parts of a ref lie in its text, in bytes. A ref has at most [`Ref::MAX_LEN`] bytes, so 16 bits hold any.
#[derive(Clone, Copy, Default)]
struct Parts {
    /// Length of the repo; 0 is "no repo", since a repo is never empty.
    repo: u16,
    path_start: u16,
    path_end: u16,
    /// End of the marker and release segment; `path_end` (or the end of `/-`) when there is none.
    release_end: u16,
    subpath: u16,
    document_end: u16,
    marker: Option<(u16, Marker)>,
    kind: Option<Kind>,
}

/// Which store a ref with a release speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Marker {
    /// `@`: what is.
    State,
    /// `+`: what should become state.
    Intent,
}

/// The type of a document below a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Work of a release. Old stores and refs spell it `call`.
    Task,
    /// A release (or part of it) put into an environment.
    Deploy,
    /// A value that people or tools set.
    Custom,
    /// A place to deploy to.
    Environment,
    /// The marker of a commit that was released.
    Commit,
    /// What `push` last saw.
    Push,
    /// An operation asked for.
    Op,
}

impl Ref {
    /// The longest ref, in bytes.
    pub const MAX_LEN: usize = 4096;
    /// The longest segment of a ref, in bytes: file systems allow no longer name.
    pub const MAX_SEGMENT_LEN: usize = 255;

    /// The canonical text; also the path of the document's folder in a store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The repo: a URL path or an alias, `Some(".")` for the current repo, `None` when the ref has no repo part.
    #[must_use]
    pub fn repo(&self) -> Option<&str> {
        (self.at.repo > 0).then(|| self.slice(0, self.at.repo))
    }

    /// The path in the repo, usually of a package file; `"."` is "this package", `""` is none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.slice(self.at.path_start, self.at.path_end)
    }

    /// State or intent; `None` for a ref without a release part.
    #[must_use]
    pub fn marker(&self) -> Option<Marker> {
        self.at.marker.map(|(_, marker)| marker)
    }

    /// The release: a name, `Some("")` for the current one, `None` for a ref without a release part.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        let (start, _) = self.at.marker?;
        Some(self.slice(start.saturating_add(1), self.at.release_end))
    }

    /// `N` of a release named `rN`, from 1. Only the canonical spelling counts: `r0` and `r01` name nothing.
    ///
    /// ```
    /// # use ocuroot_core::Ref;
    /// let number = |text: &str| text.parse::<Ref>().ok()?.release_number();
    /// assert_eq!(number("p/@r12/task/build"), Some(12));
    /// assert_eq!((number("p/@r0"), number("p/@r01"), number("p/@v2"), number("p/@")), (None, None, None, None));
    /// ```
    #[must_use]
    pub fn release_number(&self) -> Option<u64> {
        let digits = self.release()?.strip_prefix('r')?;
        let canonical = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        canonical.then(|| digits.parse().ok()).flatten()
    }

    /// The type of the document, if the ref goes below a release.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.at.kind
    }

    /// What follows the type, `""` when there is none.
    #[must_use]
    pub fn subpath(&self) -> &str {
        self.slice(self.at.subpath, self.at.document_end)
    }

    /// The segments of the subpath: `build`, `1` for `p/@r1/task/build/1`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.subpath().split('/').filter(|segment| !segment.is_empty())
    }

    /// The `/`-separated keys into the document's body, without the `#`.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.text.get(usize::from(self.at.document_end)..)?.strip_prefix('#')
    }

    /// Whether this is the empty ref.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether this ref belongs to no repo and no package: it starts with `@` or `+`.
    #[must_use]
    pub fn is_global(&self) -> bool {
        matches!(self.at.marker, Some((0, _)))
    }

    /// The ref of the whole document: this one without its fragment.
    #[must_use]
    pub fn document(&self) -> Ref {
        let at = self.at;
        Ref { text: self.slice(0, at.document_end).into(), at }
    }

    /// The ref of a field of this ref's document. An empty fragment is the document.
    ///
    /// # Errors
    ///
    /// What the fragment would be refused for in a parsed ref.
    pub fn with_fragment(&self, fragment: &str) -> Result<Ref, RefError> {
        format!("{}#{fragment}", self.slice(0, self.at.document_end)).parse()
    }

    /// This ref in another release (`""` is the current one). Everything else stays, the marker too; a ref
    /// without a release part gets one, as state.
    ///
    /// # Errors
    ///
    /// `release` is not a release name, or the result is too long.
    pub fn with_release(&self, release: &str) -> Result<Ref, RefError> {
        parse::release(release, 0).map_err(|problem| problem.of(release))?;
        let at = self.at;
        let (before, marker) = match at.marker {
            Some((start, marker)) => (self.slice(0, start), marker),
            None => (self.slice(0, at.release_end), Marker::State),
        };
        let joint = if before.is_empty() || before.ends_with('/') { "" } else { "/" };
        let rest = self.text.get(usize::from(at.release_end)..).unwrap_or_default();
        format!("{before}{joint}{marker}{release}{rest}").parse()
    }

    /// The same address in state (`@`), if the ref has a release part.
    #[must_use]
    pub fn to_state(&self) -> Ref {
        self.with_marker(Marker::State)
    }

    /// The same address in intent (`+`), if the ref has a release part.
    #[must_use]
    pub fn to_intent(&self) -> Ref {
        self.with_marker(Marker::Intent)
    }

    /// Repo and path only: the package. The empty ref for a global ref.
    #[must_use]
    pub fn package(&self) -> Ref {
        let at = self.at;
        let end = match (at.path_end > at.path_start, at.repo) {
            (true, _) => at.path_end,
            (false, 0) => 0,
            (false, repo) => repo.saturating_add(2),
        };
        let at = Parts { release_end: end, subpath: end, document_end: end, marker: None, kind: None, ..at };
        Ref { text: self.slice(0, end).into(), at }
    }

    /// Repo, path and release only: the release this ref lies in.
    #[must_use]
    pub fn release_ref(&self) -> Ref {
        let end = self.at.release_end;
        let at = Parts { subpath: end, document_end: end, kind: None, ..self.at };
        Ref { text: self.slice(0, end).into(), at }
    }

    /// The ref that has `rest` below this one's document; a fragment is left behind.
    ///
    /// ```
    /// # use ocuroot_core::Ref;
    /// let release: Ref = "frontend/@r1".parse()?;
    /// assert_eq!(release.child("task/build/1")?.as_str(), "frontend/@r1/task/build/1");
    /// # Ok::<(), ocuroot_core::RefError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The joined text is no ref.
    pub fn child(&self, rest: &str) -> Result<Ref, RefError> {
        match self.slice(0, self.at.document_end) {
            "" => rest.parse(),
            document => format!("{document}/{rest}").parse(),
        }
    }

    /// Whether this ref is `prefix` or lies below it, segment by segment. Every ref is below the empty one.
    ///
    /// A field lies below its document, and below the fields around it.
    #[must_use]
    pub fn is_below(&self, prefix: &Ref) -> bool {
        let Some(rest) = self.text.strip_prefix(prefix.as_str()) else { return false };
        let joint = if prefix.fragment().is_some() { &['/'][..] } else { &['/', '#'][..] };
        rest.is_empty() || prefix.is_empty() || rest.starts_with(joint)
    }

    fn slice(&self, start: u16, end: u16) -> &str {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    fn with_marker(&self, marker: Marker) -> Ref {
        let Some((start, _)) = self.at.marker else { return self.clone() };
        let rest = self.text.get(usize::from(start) + 1..).unwrap_or_default();
        let text = format!("{}{marker}{rest}", self.slice(0, start));
        Ref { text: text.into(), at: Parts { marker: Some((start, marker)), ..self.at } }
    }
}

impl Marker {
    /// `"@"` or `"+"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Marker::State => "@",
            Marker::Intent => "+",
        }
    }
}

impl Kind {
    /// Every type, in the order of the specification.
    pub const ALL: [Kind; 7] =
        [Kind::Task, Kind::Deploy, Kind::Custom, Kind::Environment, Kind::Commit, Kind::Push, Kind::Op];

    /// The name in refs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Task => "task",
            Kind::Deploy => "deploy",
            Kind::Custom => "custom",
            Kind::Environment => "environment",
            Kind::Commit => "commit",
            Kind::Push => "push",
            Kind::Op => "op",
        }
    }

    /// The type of this name, or of the old name `call`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "task" | "call" => Kind::Task,
            "deploy" => Kind::Deploy,
            "custom" => Kind::Custom,
            "environment" => Kind::Environment,
            "commit" => Kind::Commit,
            "push" => Kind::Push,
            "op" => Kind::Op,
            _ => return None,
        })
    }
}
