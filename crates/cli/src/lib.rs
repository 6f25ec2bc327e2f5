//! The command line of Auditward.
//!
//! A library so that the reference pages, completions and the man page come from the same definitions as the
//! binary. One file a command under `commands/`; data goes to stdout, talk to stderr.

mod ask;
mod commands;
mod config;
mod exit;
mod input;
mod node_change;
mod output;
mod progress;
pub mod reference;
mod rule_files;
mod snippet;
mod table;
mod wire;

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
    keep_quiet_about_the_yaml_parser();
    let cli = Cli::parse();
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            Exit::Trouble.into()
        }
    }
}

/// The YAML parser panics on some texts. Whoever calls it catches that and tells of it with its place, so the panic's own
/// words would only frighten.
fn keep_quiet_about_the_yaml_parser() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let parser = |place: &std::panic::Location<'_>| place.file().contains("libyaml-safer");
        if !panic.location().is_some_and(parser) {
            usual(panic);
        }
    }));
}

/// The definitions of all commands, for reference pages, completions and the man page.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
