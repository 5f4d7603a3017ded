//! The dashboard as a folder of files for a static host, with the stores that it is for.

use std::path::Path;

use ocuroot_core::hosts::stores::{self, Offered};

use super::Bundle;
use crate::error::Failure;

/// Writes the dashboard's files into `folder`, which is made if it is not there. With `stores`, the text
/// of a `stores.json`, that goes with them, and the page may send requests to their hosts and to no
/// others.
///
/// # Errors
/// When there is no dashboard, `stores` is no such list, or a file cannot be written.
pub fn export(bundle: &Bundle, folder: &Path, stores: Option<&str>) -> Result<(), Failure> {
    let missing = || Failure::NoDashboard(bundle.named().map(Path::to_owned));
    if !bundle.is_there() {
        return Err(missing());
    }
    let offered = match stores {
        Some(text) => Some(stores::parse(text.as_bytes())?),
        None => None,
    };
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, bytes))
            .map_err(|source| Failure::Unwritten { path: path.clone(), source })
    };
    for path in bundle.paths() {
        let Some(file) = bundle.file(&path) else { continue };
        match (&offered, path.as_str()) {
            (Some(offered), "index.html") => {
                let page = String::from_utf8_lossy(&file.bytes);
                let page = allowing(&page, offered).ok_or_else(missing)?;
                write(&path, page.as_bytes())?;
            }
            _ => write(&path, &file.bytes)?,
        }
    }
    // A page asks for it in any case, and one that gets none has a failed request in its console.
    write(stores::FILE, stores.unwrap_or("{\"stores\": []}\n").as_bytes())
}

/// The page with a policy that lets it reach these stores. None if it has no policy.
fn allowing(page: &str, offered: &[Offered]) -> Option<String> {
    const START: &str = "connect-src 'self'";
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(';')?;
    let mut origins = String::new();
    for origin in stores::origins(offered) {
        origins.push(' ');
        origins.push_str(&origin);
    }
    Some(format!("{before}{START}{origins};{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reaches_its_stores_and_nothing_else() {
        let page =
            "<meta content=\"img-src 'self'; connect-src 'self' https://api.github.com; base-uri 'none'\">";
        let offered = stores::parse(
            br#"{"stores":[{"source":"gitea:git.acme.dev/a/b"},{"source":"gitlab:gitlab.com/a/b"}]}"#,
        )
        .unwrap();
        assert_eq!(
            allowing(page, &offered).unwrap(),
            "<meta content=\"img-src 'self'; connect-src 'self' https://git.acme.dev https://gitlab.com; base-uri 'none'\">"
        );
        assert_eq!(allowing("<p>", &offered), None);
    }
}
