//! `auditward notify targets|test`

use std::io;
use std::path::{Path, PathBuf};

use auditward_notify::{Target, Targets};
use clap::Subcommand;
use serde::Serialize;

use crate::config;
use crate::exit::{Exit, Failure};
use crate::output::OutputArgs;
use crate::table::{Align, Table};

pub(crate) const HELP: &str = "\
Targets are what stands under `notify:` in the configuration of `auditward serve`.

Examples:
  auditward notify targets --config /etc/auditward/auditward.yaml
  auditward notify test oncall --config /etc/auditward/auditward.yaml";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Targets(TargetsArgs),
    Test(TestArgs),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Targets(args) => args.run(),
            Command::Test(args) => args.run(),
        }
    }
}

/// List where alerts go, and which of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  there is at least one target
  1  there is none
  2  wrong usage, or a configuration with mistakes

Example:
  auditward notify targets --config auditward.yaml -o json")]
pub(crate) struct TargetsArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Send a marked test alert to targets, and say what they answer
///
/// It goes out at once, past filters, groups and queues, and from this machine: whether a server on it reaches the target is
/// what it shows. Nothing is tried twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every target took it
  1  one did not
  2  wrong usage, or a configuration with mistakes

Examples:
  auditward notify test --config auditward.yaml
  auditward notify test oncall chat --config auditward.yaml")]
pub(crate) struct TestArgs {
    /// Which ones; all, if none is named
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The configuration of `auditward serve`
    #[arg(long, value_name = "FILE", default_value = "/etc/auditward/auditward.yaml")]
    config: PathBuf,
}

impl ConfigArgs {
    fn targets(&self) -> Result<Targets, Failure> {
        let targets = config::from_file(&self.config)?.notify;
        config::check_targets(&targets, &self.config)?;
        Ok(targets)
    }
}

impl TargetsArgs {
    fn run(self) -> Result<Exit, Failure> {
        let targets = self.config.targets()?;
        let rows: Vec<Listed<'_>> = targets.0.iter().map(|(name, target)| Listed::of(name, target)).collect();
        self.output.print(&rows, |colour| {
            let left = ["NAME", "KIND", "PLACE", "SEVERITY"].map(|head| (head, Align::Left));
            let mut table = Table::new(left);
            for row in &rows {
                table.row([row.name, row.kind, &row.place, row.severity].map(str::to_owned));
            }
            table.render(colour)
        })?;
        Ok(if rows.is_empty() { Exit::Found } else { Exit::Fine })
    }
}

#[derive(Serialize)]
struct Listed<'t> {
    name: &'t str,
    kind: &'static str,
    /// Without secrets.
    place: String,
    /// The least.
    severity: &'static str,
}

impl<'t> Listed<'t> {
    fn of(name: &'t str, target: &Target) -> Self {
        Listed {
            name,
            kind: target.kind().unwrap_or_default(),
            place: target.place(),
            severity: target.severity.map_or("all", auditward_notify::Severity::as_str),
        }
    }
}

impl TestArgs {
    fn run(self) -> Result<Exit, Failure> {
        let targets = self.config.targets()?;
        let all = self.names.is_empty();
        let names: Vec<String> = if all { targets.0.keys().cloned().collect() } else { self.names };
        if names.is_empty() {
            return Err(none(&self.config.config));
        }
        let mut rows = Vec::new();
        for name in &names {
            let target = targets.0.get(name).ok_or_else(|| unknown(name, &targets))?;
            let tested = auditward_notify::test(name, target, Box::new(io::stderr()));
            let (taken, answer) = match tested.answer {
                Ok(answer) => (true, answer),
                Err(failure) => (false, failure.reason),
            };
            rows.push(Sent { target: name, place: target.place(), taken, answer, alert: tested.id });
        }
        self.output.print(&rows, |colour| {
            let left = ["TARGET", "TAKEN", "ANSWER", "ALERT"].map(|head| (head, Align::Left));
            let mut table = Table::new(left);
            for row in &rows {
                let taken = if row.taken { "yes" } else { "no" };
                table.row([row.target, taken, &row.answer, &row.alert].map(str::to_owned));
            }
            table.render(colour)
        })?;
        Ok(if rows.iter().all(|row| row.taken) { Exit::Fine } else { Exit::Found })
    }
}

#[derive(Serialize)]
struct Sent<'t> {
    target: &'t str,
    place: String,
    taken: bool,
    /// The target's answer, or why there is none.
    answer: String,
    /// The test alert's id.
    alert: String,
}

fn none(config: &Path) -> Failure {
    Failure::new(format!("`{}` has no targets under `notify`", config.display()))
}

fn unknown(name: &str, targets: &Targets) -> Failure {
    let known: Vec<&str> = targets.0.keys().map(String::as_str).collect();
    Failure::new(format!("there is no target `{name}`")).hint(format!("there are `{}`", known.join("`, `")))
}
