//! `auditward policy …`

mod check;
mod coverage;
mod diff;
mod explain;
mod generate;
mod install;
mod lint;
mod simulate;

use auditward_rules::Rule;
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
    Coverage(coverage::Args),
    Generate(generate::Args),
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
            Command::Coverage(args) => args.run(),
            Command::Generate(args) => args.run(),
        }
    }
}

/// Every detection that a command names has to be there.
fn refuse_unknown_rules(rules: &[Rule], named: &[String]) -> Result<(), Failure> {
    let known = |name: &&String| rules.iter().any(|rule| rule.id == **name);
    let Some(unknown) = named.iter().find(|name| !known(name)) else { return Ok(()) };
    let failure = Failure::new(format!("there is no detection `{unknown}`"));
    let ids = rules.iter().map(|rule| rule.id.as_str());
    Err(match auditward_policy::read::did_you_mean(unknown, ids) {
        Some(known) => failure.hint(format!("did you mean `{known}`?")),
        None => failure.hint("`auditward rules list` names them"),
    })
}
