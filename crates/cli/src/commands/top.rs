//! `auditward top FIELD [SEARCH…]`

use auditward_query::names;

use crate::ask::{self, AskArgs, Top};
use crate::exit::{Exit, Failure};
use crate::output::{OutputArgs, share};
use crate::table::{Align, Table};

/// Show the most frequent values of a field
///
/// Counts among the events that SEARCH finds, or all: who does most, on what, from where.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  there is at least one value
  1  there is none
  2  wrong usage, a search that is not understood, or nobody who could be asked

Examples:
  auditward top user 'code:403 since:24h'
  auditward top ip 'user:alice@example.com'
  auditward top resource -n 20 --data /var/lib/auditward")]
pub(crate) struct Args {
    /// The field: user, verb, resource, ns, code, ip, agent, cluster, …
    #[arg(value_name = "FIELD")]
    field: String,
    /// Which events to count
    #[arg(value_name = "SEARCH")]
    search: Vec<String>,
    #[command(flatten)]
    ask: AskArgs,
    /// At most so many values
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N", value_parser = ask::limit)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let search = ask::search(&self.search)?;
        // Whatever it was called; one that cannot be counted is the answerer's to refuse.
        let field = names::find(&self.field).map_or(self.field.as_str(), |name| name.name);
        let top = self.ask.open()?.top(&search, field, self.limit)?;
        self.output.print(&top, |colour| table(&self.field, &top, colour))?;
        Ok(if top.values.is_empty() { Exit::Found } else { Exit::Fine })
    }
}

fn table(field: &str, top: &Top, colour: bool) -> String {
    let all = top.values.iter().map(|value| value.count).sum::<u64>() + top.others + top.missing;
    let mut table = Table::new([("EVENTS", Align::Right), ("SHARE", Align::Right), ("VALUE", Align::Left)]);
    let mut row = |count: u64, value: String| table.row([count.to_string(), share(count, all), value]);
    for value in &top.values {
        row(value.count, if value.value.is_empty() { "\"\"".to_owned() } else { value.value.clone() });
    }
    if top.others > 0 {
        row(top.others, "(others)".to_owned());
    }
    if top.missing > 0 {
        row(top.missing, format!("(without {field})"));
    }
    table.render(colour)
}
