//! `auditward config`

use std::path::PathBuf;

use auditward_server::StartError;
use clap::Subcommand;

use crate::config::{Config, check_targets, from_file};
use crate::exit::{Exit, Failure, context};
use crate::output::{self, count};
use crate::wire;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
}

/// Say whether a server could be started with a configuration
///
/// Reads the file as `auditward serve --config` does, and the rules and certificates that it names. Nothing is started or
/// written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  it can be used
  2  it cannot: what is wrong is said

Example:
  auditward config check /etc/auditward/auditward.yaml")]
pub(crate) struct Check {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Check(args) => args.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<Exit, Failure> {
        let config = from_file(&self.file)?;
        let rules = wire::rule_set(&config)?.rules().len();
        if let Some(path) = &config.collect.redaction.rules {
            wire::redaction_rules(path)?;
        }
        check_targets(&config.notify, &self.file)?;
        check_listen(&config)?;
        output::talk(&format!(
            "{} can be used: {}, {}, {}",
            self.file.display(),
            count(rules as u64, "detection"),
            count(config.collect.logs.len() as u64, "log"),
            count(config.notify.0.len() as u64, "target"),
        ));
        Ok(Exit::Fine)
    }
}

/// What a server would end with before it answers anybody. Whether there are tokens is known where it runs.
fn check_listen(config: &Config) -> Result<(), Failure> {
    match wire::tls(config) {
        Some(tls) => tls.check().map_err(context("could not use the certificates of `listen.tls`")),
        None if config.listen.address.ip().to_canonical().is_loopback() => Ok(()),
        None => Err(context("could not use `listen.address`")(StartError::NoTls(config.listen.address))),
    }
}
