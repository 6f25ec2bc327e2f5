//! `auditward man`

use std::path::PathBuf;

use crate::exit::{Exit, Failure, context};
use crate::output;

/// Print the manual page, or write one page a command into a folder
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  auditward man | man -l -\n  auditward man --to /usr/local/share/man/man1"
)]
pub(crate) struct Args {
    /// Write one page a command into this folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.to {
            Some(folder) => {
                let what = format!("could not write manual pages into `{}`", folder.display());
                clap_mangen::generate_to(crate::command(), folder).map_err(context(what))?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(crate::command()).render(&mut page)?;
                output::write(&String::from_utf8_lossy(&page))?;
            }
        }
        Ok(Exit::Fine)
    }
}
