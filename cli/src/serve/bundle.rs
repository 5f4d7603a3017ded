//! The dashboard's files: in the binary, or in a folder where a debug build looks for them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ocuroot_core::envelope::BlobId;

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// What is shown where there is no dashboard.
const MISSING: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Ocuroot: no dashboard</title>
<h1>This build of ocuroot has no dashboard</h1>
<p>The store is served under <a href=\"api/state/head\"><code>api/</code></a> all the same.
<p>To have the dashboard too, build it first, in a clone of Ocuroot:
<pre>cargo xtask bundle --release
cargo build --release --package ocuroot</pre>
";

/// The dashboard. See the [module's page](self).
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: Option<PathBuf>,
    /// Whether the user has named that folder.
    named: bool,
}

/// A file of it.
#[derive(Clone, Debug)]
pub struct BundleFile {
    /// What is in it.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub kind: &'static str,
    /// Tells one content from the next.
    pub tag: String,
    /// Whether it has another name as soon as it has another content.
    pub is_named_by_content: bool,
}

impl Bundle {
    /// The one that this build has.
    #[must_use]
    pub fn current() -> Bundle {
        let given = || std::env::var_os("OCUROOT_BUNDLE_DIR").map(PathBuf::from);
        let folder = FOLDER.map(|folder| given().unwrap_or_else(|| PathBuf::from(folder)));
        Bundle { folder, named: false }
    }

    /// The one in a folder that the user has named.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Bundle {
        Bundle { folder: Some(folder), named: true }
    }

    /// The folder that the user has named.
    #[must_use]
    pub fn named(&self) -> Option<&Path> {
        self.folder.as_deref().filter(|_| self.named)
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.bytes("index.html").is_some()
    }

    /// The file at `path`; for `index.html` there is always one.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<BundleFile> {
        let bytes = match self.bytes(path) {
            None if path == "index.html" => MISSING.as_bytes().into(),
            bytes => bytes?,
        };
        Some(BundleFile {
            kind: kind(path),
            tag: format!("\"{}\"", BlobId::of(&bytes)),
            is_named_by_content: is_named_by_content(path),
            bytes,
        })
    }

    /// The paths of all files, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let Some(folder) = &self.folder else {
            return FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            names.filter(|name| !name.starts_with('.') && name != "stores.json").collect();
        names.sort();
        names
    }

    fn bytes(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        let Some(folder) = &self.folder else {
            let found = FILES.iter().find(|(name, _)| *name == path);
            return found.map(|(_, bytes)| Cow::Borrowed(*bytes));
        };
        // Only names that it has, so that no path leads out of it.
        if !self.paths().iter().any(|name| name == path) {
            return None;
        }
        std::fs::read(folder.join(path)).ok().map(Cow::Owned)
    }
}

/// The media type of a file.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a name has a hash in it, as those have that the bundler gives: `app-0123456789abcdef.css`.
fn is_named_by_content(path: &str) -> bool {
    let stem = path.split('.').next().unwrap_or_default();
    let hash = stem.rsplit('-').next().unwrap_or_default();
    let hash = hash.strip_suffix("_bg").unwrap_or(hash);
    hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && stem.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_told_from_others() {
        for (path, is) in [
            ("ocuroot-web-2f7a4c0e9b1d3355_bg.wasm", true),
            ("start-2f7a4c0e9b1d3355.js", true),
            ("index.html", false),
            ("ocuroot-web.js", false),
            ("deadbeef.js", false),
        ] {
            assert_eq!(is_named_by_content(path), is, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("index.html"), "hello").unwrap();
        std::fs::write(inside.join("stores.json"), "{}").unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let bundle = Bundle::in_folder(inside.clone());
        assert_eq!(bundle.paths(), ["index.html"]);
        assert_eq!(&*bundle.file("index.html").unwrap().bytes, b"hello");
        let absolute = folder.path().join("secret").display().to_string();
        for path in ["../secret", "./index.html", "stores.json", "", ".", &absolute] {
            assert!(bundle.file(path).is_none(), "{path}");
        }
        std::fs::remove_file(inside.join("index.html")).unwrap();
        assert!(String::from_utf8_lossy(&bundle.file("index.html").unwrap().bytes).contains("no dashboard"));
    }
}
