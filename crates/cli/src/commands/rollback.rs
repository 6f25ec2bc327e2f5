//! `auditward rollback`

use auditward_node::journal::{Left, Outcome, Record};
use auditward_node::unwind;
use serde::Serialize;

use super::disable::{records, refused, show};
use crate::exit::{Exit, Failure};
use crate::node_change::ChangeArgs;
use crate::output::{self, OutputArgs};
use crate::table::{Align, Table};

/// List what was done to this node, or put back what was there before
///
/// Without a name it lists the backups, one for each change, and undoes a change that was cut off by a crash. With a name
/// it puts the files to where they were before that change, byte for byte, whatever is there now.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  auditward rollback
  auditward rollback 2026-11-24T10-41-19Z-enable --yes

Exit code: 0 done; 2 nothing was changed, or what was changed has been rolled back")]
pub(crate) struct Args {
    /// The backup, as the list names it
    #[arg(value_name = "BACKUP")]
    backup: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A line of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    backup: String,
    purpose: &'static str,
    outcome: &'static str,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Some(name) = self.backup else { return list(self.change, self.output) };
        if self.change.dry_run {
            show(&unwind::restore(&records()?, &name).map_err(refused)?)?;
            return Ok(Exit::Fine);
        }
        let mut session = self.change.begin()?;
        let unwound = unwind::restore(&records()?, &name).map_err(refused)?;
        show(&unwound)?;
        // The API server may be away: this may be what brings it back.
        if unwound.change.manifest.is_some() || unwound.change.unit.is_some() {
            session.consent()?;
        }
        session.run(&unwound.change)?;
        output::write(&format!("everything is as it was before {name}\n"))?;
        Ok(Exit::Fine)
    }
}

fn list(change: ChangeArgs, output: OutputArgs) -> Result<Exit, Failure> {
    if !change.dry_run && records()?.iter().any(|record| record.left() != Left::Nothing) {
        // Beginning is finishing what was left behind.
        change.begin()?;
    }
    let rows: Vec<Row> = records()?.iter().map(row).collect();
    output.print(&rows, |colour| {
        let columns = ["BACKUP", "OUTCOME", "WHAT"].map(|name| (name, Align::Left));
        let mut table = Table::new(columns);
        for row in &rows {
            let what = row
                .reason
                .as_ref()
                .map_or(row.summary.clone(), |reason| format!("{}: {reason}", row.summary));
            table.row([row.backup.clone(), row.outcome.to_owned(), what]);
        }
        table.render(colour)
    })?;
    Ok(Exit::Fine)
}

fn row(record: &Record) -> Row {
    let ended = record.ended();
    Row {
        backup: record.name(),
        purpose: record.began().map_or("", |began| began.purpose.name()),
        outcome: match ended.map(|ended| ended.outcome) {
            Some(Outcome::Kept) => "kept",
            Some(Outcome::RolledBack) => "rolled back",
            None => "unfinished",
        },
        summary: record.began().map_or(String::new(), |began| began.summary.clone()),
        reason: ended.and_then(|ended| ended.reason.clone()),
    }
}
