//! `ocuroot preview`

use std::sync::Arc;

use ocuroot_core::release::{self, Commit};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{here, print};
use crate::error::Failure;
use crate::identity;
use crate::refs_here::{self, Target};
use crate::repo::Repo;
use crate::serve::{self, Bundle, Place, Preview, Site};
use crate::session::{Session, environments};
use crate::view::say;

/// What may stand in a query as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'@').remove(b'-').remove(b'.').remove(b'_');

/// Show a release file's phases in the dashboard, until Ctrl-C
///
/// The page shows the release that `release new` would make, and follows the file as it changes.
/// Nothing is released or written. Commands that the file runs when it is evaluated do run, unless
/// --pure refuses them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Release file
    file: String,
    /// Refuse effects: no command runs, nothing is written, nothing is fetched
    #[arg(long)]
    pure: bool,
    #[command(flatten)]
    place: Place,
}

impl Args {
    /// Serves.
    ///
    /// # Errors
    /// When there is no such file, or the address is taken.
    pub fn run(self) -> Result<(), Failure> {
        let start = here()?;
        let repo = Repo::open(&start)?;
        let package = refs_here::package(&repo, Some(&self.file), &Target::default())?.package();
        refs_here::require_release_file(&repo, &package)?;
        // A store is not needed; without one there are no environments, and the release is the first.
        let (known, number) = match Session::open(&start, Arc::new(crate::view::Quiet)) {
            Ok(mut session) => {
                let number = session.ask(|snapshot| release::next_number(snapshot, &package))?;
                (session.read(environments)?, number)
            }
            Err(_) => (Vec::new(), 1),
        };
        let commit = match repo.commit() {
            Ok(commit) => commit.clone(),
            Err(_) => Commit { hash: "uncommitted".to_owned(), ..Commit::default() },
        };
        let preview = Preview {
            root: repo.root.clone(),
            release: package.with_release(&format!("r{number}"))?,
            commit,
            environments: known,
            facts: identity::facts(&identity::owner()),
            pure: self.pure,
        };
        let listening = self.place.listen()?;
        let shown = utf8_percent_encode(preview.release.as_str(), QUERY).to_string();
        let url = format!("{}?view=release&ref={shown}", listening.url());
        let bundle = Bundle::current();
        if !bundle.is_there() {
            say(serve::NO_BUNDLE);
        }
        let site = Site::preview(preview.release.clone(), Box::new(preview.empty()), bundle, &listening);
        print(&url)?;
        if self.place.open {
            serve::open_in_browser(&url);
        }
        preview.start(&site);
        serve::run(site, listening)
    }
}
