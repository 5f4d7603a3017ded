//! A pattern on its way down a tree of folders.
//!
//! A search asks the same two questions in every folder: does the ref that ends here match, and could
//! one below it? Both depend on the whole path, but what a pattern makes of a folder follows from what
//! it made of the folder above and from one name more. A [`Descent`] holds that, so a search costs what
//! the names cost and not what the paths do.

use super::program::Bits;
use super::{Folders, Glob, grammar};

/// What a pattern makes of one folder, and so of those below it.
///
/// ```
/// use ocuroot_core::Glob;
///
/// let glob = Glob::new("**/@/deploy/*")?;
/// let package = glob.descend("shop/-/web.ocu.star");
/// assert!(package.may_match_below());
/// assert!(!package.enter("@r5").may_match_below());
/// assert!(package.enter("@").enter("deploy").enter("prod").is_match());
/// # Ok::<(), ocuroot_core::glob::GlobError>(())
/// ```
#[derive(Clone)]
pub struct Descent<'g> {
    folders: &'g Folders,
    /// Where the grammar of refs stands; none when no ref goes on like this.
    state: Option<grammar::State>,
    steps: Bits,
    root: bool,
}

impl std::fmt::Debug for Descent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Descent").field("state", &self.state).finish_non_exhaustive()
    }
}

/// What a [`Descent`] depends on.
pub(super) type Standing = (Option<grammar::State>, Bits, bool);

impl<'g> Descent<'g> {
    pub(super) fn at(folders: &'g Folders, (state, steps, root): Standing) -> Descent<'g> {
        Descent { folders, state, steps, root }
    }

    pub(super) fn standing(self) -> Standing {
        (self.state, self.steps, self.root)
    }
}

impl Glob {
    /// What the pattern makes of `folder`: some leading segments of a canonical ref, such as
    /// `github.com/o/r/-/p/@r5`; `""` is the root.
    #[must_use]
    pub fn descend(&self, folder: &str) -> Descent<'_> {
        let folders = self.folders();
        let root =
            Descent { folders, state: Some(grammar::START), steps: folders.program.start(), root: true };
        if folder.is_empty() { root } else { root.enter(folder) }
    }

    /// Whether a ref at or below a folder could match; if not, the folder need not be read.
    ///
    /// The answer is exact as to the pattern and to what refs look like: one `/-/`, one release, one of the
    /// known types. A search that goes down folder by folder asks a [`Descent`] instead.
    #[must_use]
    pub fn may_match_below(&self, folder: &str) -> bool {
        self.descend(folder).may_match_below()
    }
}

impl Descent<'_> {
    /// What the pattern makes of the folder `name` in this one. `name` may be several segments.
    #[must_use]
    pub fn enter(&self, name: &str) -> Self {
        let (mut state, mut steps) = (self.state, self.steps.clone());
        if !self.root {
            state = state.and_then(|state| grammar::run(state, "/"));
            steps = self.folders.program.run(steps, "/");
        }
        state = state.and_then(|state| grammar::run(state, name));
        steps = self.folders.program.run(steps, name);
        Descent { folders: self.folders, state, steps, root: false }
    }

    /// Whether this folder's path is a ref, and the pattern matches it.
    #[must_use]
    pub fn is_match(&self) -> bool {
        !self.root && self.state.is_some_and(grammar::is_ref) && self.folders.program.is_end(&self.steps)
    }

    /// Whether a ref at or below this folder could match.
    #[must_use]
    pub fn may_match_below(&self) -> bool {
        if self.is_match() {
            return true;
        }
        let (state, steps) = if self.root {
            (self.state, self.steps.clone())
        } else {
            let state = self.state.and_then(|state| grammar::run(state, "/"));
            (state, self.folders.program.run(self.steps.clone(), "/"))
        };
        state.is_some_and(|state| {
            self.folders.live.iter().enumerate().any(|(step, live)| live.has(state) && steps.has(step))
        })
    }
}
