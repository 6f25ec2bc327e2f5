//! Who answers questions about the trail: a running server, or the folder of one that is stopped.
//!
//! ```text
//! search ─┐                  ┌── remote ──► HTTP ──► a server
//! query ──┤                  │
//! top ────┼──► dyn Source ───┤
//! timeline┘                  └── local ──► store + what the journal has beyond it ──► scan
//! ```
//! Commands know neither. A search is read here, so that a mistake looks the same whoever is asked, and `2h` counts from
//! the clock of whoever typed it.

mod event;
mod local;
mod remote;
mod table;

use std::io::Write;
use std::path::PathBuf;

use auditward_base::clock;
use auditward_event::MicroTime;
use auditward_query::{Finding, Search, moment, parse};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use event::Told;
pub(crate) use local::{Local, failed};
pub(crate) use table::CsvTable;

use crate::exit::Failure;
use crate::output;

/// Whom to ask; the same for every command that asks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AskArgs {
    /// The server to ask, or else `AUDITWARD_SERVER` of the environment, or else `http://127.0.0.1:8440`
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    server: Option<String>,
    /// The file whose first line is the token to show to the server, or else `AUDITWARD_TOKEN_FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    token_file: Option<PathBuf>,
    /// Certificates (PEM) of the authority that vouches for the server, or else `AUDITWARD_CA`, or else the system's
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    ca: Option<PathBuf>,
    /// Ask the data folder of a server that is not running
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl AskArgs {
    /// Whoever is meant.
    pub(crate) fn open(&self) -> Result<Box<dyn Source>, Failure> {
        if let Some(folder) = &self.data {
            return Ok(Box::new(Local::open(folder)?));
        }
        let named = |flag: &Option<PathBuf>, variable| flag.clone().or_else(|| variable_path(variable));
        let url = self.server.clone().or_else(|| std::env::var(SERVER).ok().filter(|url| !url.is_empty()));
        Ok(Box::new(remote::Remote::new(
            url.as_deref().unwrap_or(HERE),
            named(&self.token_file, "AUDITWARD_TOKEN_FILE").as_deref(),
            named(&self.ca, "AUDITWARD_CA").as_deref(),
        )?))
    }
}

/// Whom to ask when no flag says it.
const SERVER: &str = "AUDITWARD_SERVER";

/// The server of this machine.
const HERE: &str = "http://127.0.0.1:8440";

/// A path from the environment; an empty one is none.
fn variable_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Answers questions.
pub(crate) trait Source {
    /// A page of what is found.
    fn page(&self, search: &Search, page: &Page) -> Result<Found, Failure>;

    /// The most frequent values of a field among what is found.
    fn top(&self, search: &Search, field: &str, limit: usize) -> Result<Top, Failure>;

    /// The answer to a SQL query, written in a format.
    fn sql(&self, text: &str, format: Rows, out: &mut (dyn Write + Send)) -> Result<(), Failure>;

    /// What is found from now on, until `found` says that it is enough.
    fn follow(
        &self,
        search: &Search,
        found: &mut dyn FnMut(Hit) -> Result<bool, Failure>,
    ) -> Result<(), Failure>;
}

/// Which part of what is found.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// At most so many; fewer may come though there are more.
    pub(crate) limit: usize,
    /// The oldest first, instead of the newest.
    pub(crate) oldest_first: bool,
    /// [`Found::next`] of the page before.
    pub(crate) after: Option<String>,
}

/// A page of events.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) events: Vec<Hit>,
    /// Where the next page begins; none after the last.
    pub(crate) next: Option<String>,
}

/// An event that was found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hit {
    /// Its number on its server.
    pub(crate) position: u64,
    pub(crate) cluster: String,
    pub(crate) event: Box<RawValue>,
}

/// A field's most frequent values.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Top {
    pub(crate) values: Vec<Value>,
    /// Events with another value.
    pub(crate) others: u64,
    /// Events without one.
    pub(crate) missing: u64,
}

/// A value and in how many events it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) value: String,
    pub(crate) count: u64,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rows {
    /// A JSON object a row
    Json,
    /// Comma-separated values with a header line
    Csv,
    /// An Arrow IPC stream
    Arrow,
    /// A Parquet file
    Parquet,
}

/// The clock's time.
pub(crate) fn now() -> MicroTime {
    MicroTime::from_micros(clock::micros(clock::now()))
}

/// A search as it was typed: its words, joined by blanks. What is wrong with it is told at its places.
pub(crate) fn search(words: &[String]) -> Result<Search, Failure> {
    let text = words.join(" ");
    parse(&text, now()).map_err(|findings| not_understood("search", &text, &findings))
}

/// A moment as it was typed.
pub(crate) fn time(text: Option<&str>) -> Result<Option<MicroTime>, Failure> {
    let Some(text) = text else { return Ok(None) };
    match moment(text, now()) {
        Some(time) => Ok(Some(time)),
        None => Err(Failure::new(format!("`{text}` is no time"))
            .hint("write `2h`, `7d`, `today`, `2026-11-26` or `2026-11-26T14:00:00Z`")),
    }
}

/// Tells what is wrong with a text.
fn not_understood(what: &str, text: &str, findings: &[Finding]) -> Failure {
    for finding in findings {
        output::talk(&told(what, text, finding));
    }
    Failure::new(format!("the {what} is not understood")).hint(match what {
        "query" => "docs/live/sql.md has the views and their columns",
        _ => "docs/live/search.md has the language and its fields",
    })
}

/// `--limit`: of nothing, nobody could say whether there is more.
pub(crate) fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("should be at least 1".to_owned()),
        Ok(limit) => Ok(limit),
        Err(_) => Err("should be a whole number".to_owned()),
    }
}

/// `search:1:5: message`, the line with a mark, the hint.
fn told(what: &str, text: &str, finding: &Finding) -> String {
    crate::snippet::Snippet {
        file: what,
        text: text.as_bytes(),
        span: finding.span.clone(),
        severity: "error",
        message: &finding.message,
        path: &auditward_policy::read::FieldPath::ROOT,
        hint: (!finding.hint.is_empty()).then_some(finding.hint.as_str()),
    }
    .render(false)
}

/// All that is found, page after page, up to so many events.
pub(crate) fn all(
    source: &dyn Source,
    search: &Search,
    oldest_first: bool,
    limit: usize,
    found: &mut dyn FnMut(Hit) -> Result<bool, Failure>,
) -> Result<Ended, Failure> {
    let mut left = limit;
    let mut after = None;
    loop {
        let page = source.page(search, &Page { limit: left.min(PAGE_MAX), oldest_first, after })?;
        let empty = page.events.is_empty();
        for hit in page.events {
            if left == 0 {
                return Ok(Ended::More);
            }
            left -= 1;
            if !found(hit)? {
                return Ok(Ended::All);
            }
        }
        match page.next {
            None => return Ok(Ended::All),
            Some(_) if left == 0 => return Ok(Ended::More),
            Some(_) if empty => return Ok(Ended::All),
            next => after = next,
        }
    }
}

/// What a server gives at once.
const PAGE_MAX: usize = 1_000;

/// Whether there was more than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    All,
    More,
}
