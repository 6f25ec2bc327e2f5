//! The commands, one file each.

mod completions;
mod detect;
mod man;
mod policy;
mod rules;
mod status;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::Args),
    /// Check, explain, simulate, compare and improve audit policies
    #[command(subcommand, after_help = policy::HELP)]
    Policy(policy::Command),
    /// Check, list, test and explain detection rules
    #[command(subcommand, after_help = rules::HELP)]
    Rules(rules::Command),
    Detect(Box<detect::Args>),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Status(args) => args.run(),
            Command::Policy(command) => command.run(),
            Command::Rules(command) => command.run(),
            Command::Detect(args) => args.run(),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
        }
    }
}
