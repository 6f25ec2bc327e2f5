//! `auditward query SQL`

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::ask::{AskArgs, CsvTable, Rows};
use crate::exit::{Exit, Failure};
use crate::output;

/// Ask the trail in SQL
///
/// Reads the views `events` and `alerts`; `describe events` tells their columns, and docs/live/sql.md what they mean. Nothing
/// can be changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  there was an answer, also one without rows
  2  wrong usage, a query that is not understood or takes too much, or nobody who could be asked

Examples:
  auditward query 'select username, count(*) as n from events group by 1 order by 2 desc limit 10'
  auditward query -o csv \"select time, username, name from events where resource = 'secrets' and verb = 'get'\"
  auditward query -o parquet 'select * from events' > events.parquet")]
pub(crate) struct Args {
    /// One statement that reads
    #[arg(value_name = "SQL")]
    sql: String,
    #[command(flatten)]
    ask: AskArgs,
    /// How to print the rows
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// A line of JSON a row
    Json,
    /// Comma-separated values with a header line
    Csv,
    /// An Arrow IPC stream
    Arrow,
    /// A Parquet file
    Parquet,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let rows = match self.output {
            Format::Table => return self.table(),
            Format::Json => Rows::Json,
            Format::Csv => Rows::Csv,
            Format::Arrow => Rows::Arrow,
            Format::Parquet => Rows::Parquet,
        };
        if matches!(rows, Rows::Arrow | Rows::Parquet) && io::stdout().is_terminal() {
            return Err(
                Failure::new("these bytes are not for a terminal").hint("send them to a file: `> FILE`")
            );
        }
        let mut out = Reader { gone: false };
        match self.ask.open()?.sql(&self.sql, rows, &mut out) {
            Err(_) if out.gone => {}
            result => result?,
        }
        Ok(Exit::Fine)
    }

    fn table(&self) -> Result<Exit, Failure> {
        let mut table = CsvTable::default();
        match self.ask.open()?.sql(&self.sql, Rows::Csv, &mut table) {
            Err(_) if table.is_full() => {
                return Err(
                    Failure::new("the answer is too large for a table").hint("use `-o csv` or `-o parquet`")
                );
            }
            result => result?,
        }
        let (text, rows) = table.render();
        output::write(&text)?;
        if rows == 0 {
            output::talk("the answer has no rows");
        }
        Ok(Exit::Fine)
    }
}

/// Who reads stdout; one who has gone (`| head`) ends the query.
struct Reader {
    gone: bool,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stdout().lock().write(bytes);
        self.gone |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}
