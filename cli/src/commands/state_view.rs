//! `ocuroot state view`

use super::{here, print};
use crate::error::Failure;
use crate::repo::Repo;
use crate::serve::{self, Bundle, Place, Site};
use crate::view::say;

/// Serve the dashboard over this repo's store, until Ctrl-C
///
/// It follows what happens: a page that is open shows a release as it runs. Pages can read, not
/// write, and nothing but the store.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

impl Args {
    /// Serves.
    ///
    /// # Errors
    /// When there is no store, or the address is taken.
    pub fn run(self) -> Result<(), Failure> {
        let repo = Repo::open(&here()?)?;
        let stores = repo.stores()?;
        let name = repo.name().map_or_else(|_| stores.describe(), str::to_owned);
        let listening = self.place.listen()?;
        let site = Site::new(name, stores.offer()?, &listening);
        let url = listening.url();
        if !Bundle::current().is_there() {
            say("warning: this build of ocuroot has no dashboard, and serves only api/\n  \
                 help: in a clone of Ocuroot: cargo xtask bundle --release, then build it anew");
        }
        print(&url)?;
        if self.place.open {
            serve::open_in_browser(&url);
        }
        serve::run(site, listening)
    }
}
