//! Completing a short ref with what its surroundings say: `./task/build` in the package `…/frontend/@r12`.

use super::{Ref, RefError};

impl Ref {
    /// This ref as meant in `base`: the repo, path and release it leaves out are taken from there.
    ///
    /// * A global ref, and one that names a repo other than `.`, is complete and returned as it is; so is
    ///   any ref against an empty or global base, which has nothing to give.
    /// * A path is joined to the base's path, `.` being that path itself; after `./-/` it counts from the
    ///   root of the base's repo.
    /// * A ref without a release part gets the base's ("in this release"); with an empty one (`./@/…`) it
    ///   keeps it ("in the current release"). A base without a release gives a result without one; a type
    ///   is then a folder like any other: `./task/build` in `g/-/p` is the path `p/task/build`.
    /// * The base's type, subpath and fragment play no part.
    ///
    /// ```
    /// # use ocuroot_core::Ref;
    /// let base: Ref = "g/o/r/-/p/@abc".parse()?;
    /// let completed = |text: &str| text.parse::<Ref>()?.relative_to(&base);
    /// assert_eq!(completed("./task/build#output/x")?.as_str(), "g/o/r/-/p/@abc/task/build#output/x");
    /// assert_eq!(completed("./@/task/build#output/x")?.as_str(), "g/o/r/-/p/@/task/build#output/x");
    /// assert_eq!(completed("./-/q/@/task/build")?.as_str(), "g/o/r/-/q/@/task/build");
    /// assert_eq!(completed("@/environment/prod")?.as_str(), "@/environment/prod");
    /// # Ok::<(), ocuroot_core::RefError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The result would be too long, or would be a path that holds an `@` (`./task/a@b` in `g/-/p`).
    pub fn relative_to(&self, base: &Ref) -> Result<Ref, RefError> {
        let complete = self.repo().is_some_and(|repo| repo != ".") || self.is_global();
        if complete || base.is_empty() || base.is_global() {
            return Ok(self.clone());
        }
        let repo = base.repo().or(self.repo());
        let path = match (self.repo(), base.path(), self.path()) {
            (Some(_), _, path) | (None, "", path) => path.to_owned(),
            (None, folder, "" | ".") => folder.to_owned(),
            (None, ".", path) => path.to_owned(),
            (None, folder, path) => format!("{folder}/{path}"),
        };
        let path = if repo.is_some() && path == "." { "" } else { &path };
        let from = if self.marker().is_some() { self } else { base };
        let release = from.marker().map(|marker| format!("{marker}{}", from.release().unwrap_or_default()));
        let below = self.kind().map(|kind| format!("{kind}/{}", self.subpath()));

        let parts = [
            repo,
            repo.map(|_| "-"),
            Some(path).filter(|path| !path.is_empty()),
            release.as_deref(),
            below.as_deref(),
        ];
        let document = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        match self.fragment() {
            Some(fragment) => format!("{document}#{fragment}").parse(),
            None => document.parse(),
        }
    }
}
