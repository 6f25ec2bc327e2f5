//! `auditward policy …`

mod check;
mod diff;
mod explain;
mod install;
mod lint;
mod simulate;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

pub(super) const HELP: &str = "\
Begin here:
  auditward policy check /etc/kubernetes/audit-policy.yaml
  auditward policy lint /etc/kubernetes/audit-policy.yaml
  auditward policy simulate --policy audit-policy.yaml /var/log/kubernetes/audit/*.log";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    Explain(Box<explain::Args>),
    Simulate(simulate::Args),
    Diff(diff::Args),
    Lint(lint::Args),
    Install(install::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Check(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Simulate(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Lint(args) => args.run(),
            Command::Install(args) => args.run(),
        }
    }
}
