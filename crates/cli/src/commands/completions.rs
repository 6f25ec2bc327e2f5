//! `auditward completions SHELL`

use clap_complete::Shell;

use crate::exit::{Exit, Failure};
use crate::output;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, for bash:\n  auditward completions bash > /etc/bash_completion.d/auditward")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "auditward", &mut script);
        output::write(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Fine)
    }
}
