//! The commands, one file each.

mod agent;
mod completions;
mod config;
pub(crate) mod detect;
mod disable;
mod enable;
mod man;
mod notify;
mod policy;
mod query;
mod rollback;
mod rules;
mod search;
mod serve;
mod status;
mod timeline;
mod top;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::Args),
    Enable(Box<enable::Args>),
    Disable(disable::Args),
    Rollback(rollback::Args),
    Detect(Box<detect::Args>),
    Search(Box<search::Args>),
    Query(Box<query::Args>),
    Top(Box<top::Args>),
    Timeline(Box<timeline::Args>),
    Serve(Box<serve::Args>),
    Agent(Box<agent::Args>),
    /// Check a server's configuration
    #[command(subcommand)]
    Config(config::Command),
    /// List where alerts go, and try it
    #[command(subcommand, after_help = notify::HELP)]
    Notify(notify::Command),
    /// Check, explain, simulate, compare and improve audit policies
    #[command(subcommand, after_help = policy::HELP)]
    Policy(policy::Command),
    /// Check, list, test and explain detection rules
    #[command(subcommand, after_help = rules::HELP)]
    Rules(rules::Command),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Status(args) => args.run(),
            Command::Enable(args) => args.run(),
            Command::Disable(args) => args.run(),
            Command::Rollback(args) => args.run(),
            Command::Detect(args) => args.run(),
            Command::Search(args) => args.run(),
            Command::Query(args) => args.run(),
            Command::Top(args) => args.run(),
            Command::Timeline(args) => args.run(),
            Command::Serve(args) => args.run(),
            Command::Agent(args) => args.run(),
            Command::Config(command) => command.run(),
            Command::Notify(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Rules(command) => command.run(),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
        }
    }
}
