//! `ocuroot state view`

use std::path::{Path, PathBuf};

use super::{here, print};
use crate::error::Failure;
use crate::repo::Repo;
use crate::serve::{self, Bundle, Place, Site};
use crate::view::say;

/// Serve the dashboard over this repo's store, until Ctrl-C
///
/// It follows what happens: a page that is open shows a release as it runs. Pages can read, not
/// write, and nothing but the store. With --export it serves nothing, and writes the dashboard as a
/// folder for a static host, where it reads stores from their git hosts.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Write the dashboard's files into a folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["port", "host", "open"])]
    export: Option<PathBuf>,
    /// Stores that an exported dashboard offers: a stores.json
    #[arg(long, value_name = "FILE", requires = "export")]
    stores: Option<PathBuf>,
    /// Folder with the dashboard's files, for a build that has none: it is served, or with --export copied
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

impl Args {
    /// Serves, or exports.
    ///
    /// # Errors
    /// When there is no store, or the address is taken; when something cannot be read or written.
    pub fn run(self) -> Result<(), Failure> {
        match &self.export {
            Some(folder) => self.export(folder),
            None => self.serve(),
        }
    }

    /// The dashboard that is meant.
    fn bundle(&self) -> Bundle {
        match &self.from {
            Some(from) => Bundle::in_folder(from.clone()),
            None => Bundle::current(),
        }
    }

    fn serve(self) -> Result<(), Failure> {
        let repo = Repo::open(&here()?)?;
        let stores = repo.stores()?;
        let name = repo.name().map_or_else(|_| stores.describe(), str::to_owned);
        let bundle = self.bundle();
        match bundle.is_there() {
            true => {}
            // Whoever names one wants that.
            false if self.from.is_some() => return Err(Failure::NoDashboard(self.from)),
            false => say(serve::NO_BUNDLE),
        }
        let listening = self.place.listen()?;
        let site = Site::new(name, stores.offer()?, bundle, &listening);
        let url = listening.url();
        print(&url)?;
        if self.place.open {
            serve::open_in_browser(&url);
        }
        serve::run(site, listening)
    }

    fn export(&self, folder: &Path) -> Result<(), Failure> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| Failure::File { path: path.clone(), source })
        };
        let stores = self.stores.as_ref().map(read).transpose()?;
        serve::export(&self.bundle(), folder, stores.as_deref())?;
        print(&format!("wrote the dashboard to {}", folder.display()))
    }
}
