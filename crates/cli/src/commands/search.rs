//! `auditward search [SEARCH…]`

use auditward_query::RuleHead;
use clap::ValueEnum;
use serde_json::Value;

use crate::ask::{self, AskArgs, Ended, Hit, Told};
use crate::exit::{Exit, Failure, context};
use crate::output;
use crate::table::{Align, Table};

/// Search the trail for events
///
/// SEARCH is in the search language: `verb:delete resource:secrets ns:prod since:2h`; docs/live/search.md has all of it. Put it
/// in single quotes, or the shell takes its quotes and parentheses; one that begins with `-` stands behind `--`. Several words are
/// joined by blanks; without any, every event is found.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  something was found
  1  nothing was found
  2  wrong usage, a search that is not understood, or nobody who could be asked

Examples:
  auditward search 'verb:delete resource:secrets since:2h'
  auditward search --follow -o json 'code:403 -actor:node'
  auditward search --data /var/lib/auditward --oldest --limit 1000 'user:alice*'
  auditward search --as-rule 'resource:pods/exec ns:prod' > exec.yaml")]
pub(crate) struct Args {
    /// What to search for
    #[arg(value_name = "SEARCH")]
    search: Vec<String>,
    #[command(flatten)]
    ask: AskArgs,
    /// At most so many events
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N", value_parser = ask::limit, conflicts_with = "follow")]
    limit: usize,
    /// The oldest first, instead of the newest
    #[arg(long, conflicts_with = "follow")]
    oldest: bool,
    /// Print what is found from now on, as it comes, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Print the search as a rule for `auditward detect`, and ask nobody
    #[arg(long)]
    as_rule: bool,
    /// How to print events; json and yaml print one document an event
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: one line an event
    #[default]
    Table,
    /// One line of JSON an event: position, cluster, event
    Json,
    /// One YAML document an event
    Yaml,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let search = ask::search(&self.search)?;
        if self.as_rule {
            let head = RuleHead {
                id: "my-rule".to_owned(),
                title: "What it finds, in a line".to_owned(),
                severity: "notice".to_owned(),
            };
            output::write(&search.as_rule(&head))?;
            return Ok(Exit::Fine);
        }
        let source = self.ask.open()?;
        let mut found = 0_u64;
        if self.follow {
            source.follow(&search, &mut |hit| {
                found += 1;
                self.print(&hit)
            })?;
            return Ok(if found == 0 { Exit::Found } else { Exit::Fine });
        }
        let mut rows = Vec::new();
        let ended = ask::all(&*source, &search, self.oldest, self.limit, &mut |hit| {
            found += 1;
            if self.output == Format::Table {
                rows.push(Told::of(&hit));
                return Ok(true);
            }
            self.print(&hit)
        })?;
        if !rows.is_empty() {
            output::write(&table(&rows, output::colour()))?;
        }
        if ended == Ended::More {
            output::talk(&format!("there are more; `--limit` is {}", self.limit));
        } else if found == 0 {
            output::talk("nothing was found");
        }
        Ok(if found == 0 { Exit::Found } else { Exit::Fine })
    }

    /// One event; false when nobody reads any more.
    fn print(&self, hit: &Hit) -> Result<bool, Failure> {
        let text = match self.output {
            Format::Table => line(&Told::of(hit)),
            Format::Json => serde_json::to_string(hit).map_err(context("could not write an event"))? + "\n",
            Format::Yaml => {
                let value: Value =
                    serde_json::from_str(hit.event.get()).map_err(context("could not read an event"))?;
                let document =
                    serde_json::json!({"position": hit.position, "cluster": hit.cluster, "event": value});
                let text = serde_saphyr::to_string(&document).map_err(context("could not write an event"))?;
                format!("---\n{text}")
            }
        };
        output::write_on(&text)
    }
}

/// A line of what comes without end; columns are as wide as most values.
fn line(told: &Told) -> String {
    let who =
        if told.cluster.is_empty() { told.user.clone() } else { format!("{}: {}", told.cluster, told.user) };
    let line = format!(
        "{:24}  {:4}  {:6}  {:50}  {who}  {}",
        told.time, told.code, told.verb, told.object, told.from
    );
    output::visible(&line).into_owned() + "\n"
}

fn table(rows: &[Told], colour: bool) -> String {
    let clusters = rows.iter().any(|row| row.cluster != rows[0].cluster);
    let mut columns =
        vec![("TIME", Align::Left), ("USER", Align::Left), ("VERB", Align::Left), ("OBJECT", Align::Left)];
    columns.extend([("CODE", Align::Left), ("FROM", Align::Left)]);
    if clusters {
        columns.insert(1, ("CLUSTER", Align::Left));
    }
    let mut table = Table::new(columns);
    for row in rows {
        let mut cells = vec![row.time.clone()];
        if clusters {
            cells.push(row.cluster.clone());
        }
        cells.extend([&row.user, &row.verb, &row.object, &row.code, &row.from].map(String::clone));
        table.row(cells);
    }
    table.render(colour)
}
