//! `ocuroot state import`

use std::io::Read;
use std::path::PathBuf;

use super::{print_lines, quiet};
use crate::error::Failure;
use crate::export;

/// Write the documents of a file into the stores
///
/// The file is one that `ocuroot state export` has written. Documents that are there already and the
/// same are left alone. All is written in one transaction, or nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where from; default, and -: stdin
    file: Option<PathBuf>,
    /// Overwrite documents that are there already and not the same
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Writes them.
    ///
    /// # Errors
    /// When a line of the file is none of an export; when other documents are there; when the stores
    /// cannot be written to.
    pub fn run(self) -> Result<(), Failure> {
        let session = quiet()?;
        let mut bytes = Vec::new();
        let (name, read) = match self.file.filter(|file| file.as_os_str() != "-") {
            None => (PathBuf::from("stdin"), std::io::stdin().read_to_end(&mut bytes).map(|_| ())),
            Some(file) => {
                let read = std::fs::read(&file).map(|found| bytes = found);
                (file, read)
            }
        };
        read.map_err(|source| Failure::File { path: name.clone(), source })?;
        let files = export::parse(&bytes).map_err(|(line, problem)| Failure::Line {
            file: name.display().to_string(),
            line,
            problem,
        })?;
        let written = session.stores.import(&files, self.force)?;
        let there = files.len() - written;
        print_lines(&[format!("{written} documents written, {there} were there already")])
    }
}
