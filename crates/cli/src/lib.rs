//! The command line of Auditward.
//!
//! A library so that the reference pages, completions and the man page come from the same definitions as the
//! binary. One file a command under `commands/`; data goes to stdout, talk to stderr.

mod commands;
mod exit;
mod input;
mod node_change;
mod output;
mod progress;
pub mod reference;
mod rule_files;
mod snippet;
mod table;

use std::process::ExitCode;

use clap::Parser;

pub use exit::{Exit, Failure};

/// The whole API-server audit system for on-premises Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "auditward", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Every command explains itself: auditward help policy simulate")]
pub struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

/// Parses the process's arguments, runs the command, and says how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            Exit::Trouble.into()
        }
    }
}

/// The definitions of all commands, for reference pages, completions and the man page.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
