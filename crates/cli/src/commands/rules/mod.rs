//! `auditward rules …`

mod check;
mod explain;
mod list;
mod test;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

pub(super) const HELP: &str = "\
Begin here:
  auditward rules list
  auditward rules check my-rules/
  auditward rules test my-rules/";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    List(list::Args),
    Test(test::Args),
    Explain(explain::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Check(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Test(args) => args.run(),
            Command::Explain(args) => args.run(),
        }
    }
}
