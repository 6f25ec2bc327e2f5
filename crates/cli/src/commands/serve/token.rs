//! `auditward serve token`

use std::io::Write as _;
use std::path::PathBuf;

use auditward_base::clock;
use auditward_event::MicroTime;
use auditward_server::tokens::{self, NewToken};
use auditward_server::{ClusterName, Role};
use clap::Subcommand;

use super::default_folder;
use crate::exit::{Exit, Failure, context};
use crate::output::{self, OutputArgs};
use crate::table::{Align, Table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Revoke(Revoke),
}

/// Make a token; its text is printed once and cannot be found out again
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    place: Place,
    /// ingest: send events of one cluster; read: ask; triage: also work on alerts; admin: all but sending events
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The cluster that an ingest token may send events of
    #[arg(long, required_if_eq("role", "ingest"), value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// What it is called in lists and by alerts that were worked on with it [default: its role]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

/// List tokens, without their secrets
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: OutputArgs,
}

/// Take a token's power away; a running server notices within a second
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Place,
    /// Its id, as `list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The server's data folder [default: /var/lib/auditward, or ~/.local/state/auditward]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    /// The file of tokens. It may be changed while the server runs.
    fn file(self) -> Result<PathBuf, Failure> {
        Ok(self.data.map_or_else(default_folder, Ok)?.join("tokens"))
    }
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Add(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Revoke(args) => args.run(),
        }
    }
}

impl Add {
    fn run(self) -> Result<Exit, Failure> {
        let name = self.name.unwrap_or_else(|| match &self.cluster {
            Some(cluster) => format!("{} {cluster}", self.role),
            None => self.role.to_string(),
        });
        let file = self.place.file()?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, error))?;
        }
        let new = NewToken { name, role: self.role, cluster: self.cluster };
        let (token, text) = tokens::add(&file, new, clock::micros(clock::now()))
            .map_err(context("could not make a token"))?;
        output::talk(&format!("token {} ({}); it is shown this once:", token.id, token.name));
        writeln!(std::io::stdout(), "{text}")?;
        Ok(Exit::Fine)
    }
}

impl List {
    fn run(self) -> Result<Exit, Failure> {
        let tokens = tokens::list(&self.place.file()?).map_err(context("could not list tokens"))?;
        self.output.print(&tokens, |colour| {
            let mut table =
                Table::new(["ID", "ROLE", "CLUSTER", "CREATED", "NAME"].map(|head| (head, Align::Left)));
            for token in &tokens {
                table.row([
                    token.id.clone(),
                    token.role.to_string(),
                    token.cluster.clone().unwrap_or_else(|| "-".to_owned()),
                    MicroTime::from_micros(token.created).to_string(),
                    token.name.clone(),
                ]);
            }
            table.render(colour)
        })?;
        Ok(Exit::Fine)
    }
}

impl Revoke {
    fn run(self) -> Result<Exit, Failure> {
        let file = self.place.file()?;
        if tokens::revoke(&file, &self.id).map_err(context("could not revoke the token"))? {
            output::talk(&format!("token {} is revoked", self.id));
            return Ok(Exit::Fine);
        }
        Err(Failure::new(format!("there is no token `{}`", self.id))
            .hint("`auditward serve token list` shows them"))
    }
}
