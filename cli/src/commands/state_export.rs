//! `ocuroot state export`

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::quiet;
use crate::error::Failure;
use crate::export;

/// Write all documents of both stores to one file
///
/// A line of JSON for each document: its ref and the document, in the order of their paths, state
/// first. What is no document is written as base64. A store of version 1 is exported as it will be
/// once it has been upgraded. `ocuroot state import` reads such a file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to; default, and -: stdout
    file: Option<PathBuf>,
}

impl Args {
    /// Writes them.
    ///
    /// # Errors
    /// When the stores cannot be read, or the file cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        let memory = quiet()?.stores.everything()?;
        let lines = memory.documents().map(|(side, path, bytes)| export::line(side, path, bytes));
        match self.file.filter(|file| file.as_os_str() != "-") {
            None => match write(std::io::stdout().lock(), lines) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
                _ => Ok(()),
            },
            Some(file) => std::fs::File::create(&file)
                .and_then(|out| write(out, lines))
                .map_err(|source| Failure::Unwritten { path: file, source }),
        }
    }
}

fn write(out: impl Write, lines: impl Iterator<Item = String>) -> std::io::Result<()> {
    let mut out = BufWriter::new(out);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
