//! The folder of a server that is not running.
//!
//! What the server had not yet written into files is in its journal: it is read into memory, and nothing is written. The
//! folder's lock is held meanwhile, so that no server begins to change what is being read.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auditward_base::disk::OsDisk;
use auditward_journal::Journal;
use auditward_query::Search;
use auditward_scan::format::{Format, WriteError, Writer};
use auditward_scan::{Cursor, Limits, Order, Scan, ScanError};
use auditward_store::alerts::{AlertConfig, AlertLog};
use auditward_store::columns::Row;
use auditward_store::{AppendError, Store};
use serde_json::value::RawValue;

use super::{Found, Hit, Page, Rows, Source, Top, Value, now};
use crate::exit::{Failure, context};
use crate::output;
use crate::wire::Folder;

/// A folder.
pub(crate) struct Local {
    scan: Scan,
    /// Released last.
    _folder: Folder,
}

/// Events of the journal that are read into memory at most; a server writes them into files long before.
const FRESH_EVENTS_MAX: usize = 1 << 20;
const FRESH_BYTES_MAX: usize = 1 << 30;

impl Local {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let folder = Folder::take_existing(path, "a question of `auditward`")?;
        let config = auditward_store::Config {
            fresh_events_max: FRESH_EVENTS_MAX,
            fresh_bytes_max: FRESH_BYTES_MAX,
            ..auditward_store::Config::new(folder.file("store"))
        };
        let (store, recovered) = Store::open(Arc::new(OsDisk), config)
            .map_err(context(format!("could not open the store in `{}`", path.display())))?;
        for damage in &recovered.damaged {
            output::talk(&format!("`{}` is damaged, and its events are missing in the answer", damage.file));
        }
        fill(&store, &folder, recovered.position)?;
        let (alerts, _) = AlertLog::open(Arc::new(OsDisk), AlertConfig::new(folder.file("alerts")))
            .map_err(context(format!("could not open the alert log in `{}`", path.display())))?;
        let scan = Scan::new(store, Some(alerts), Limits::new(folder.file("spill"))).map_err(failed)?;
        Ok(Local { scan, _folder: folder })
    }

    /// For whoever reads all of it.
    pub(crate) const fn scan(&self) -> &Scan {
        &self.scan
    }
}

/// Reads what only the journal has.
fn fill(store: &Store, folder: &Folder, position: u64) -> Result<(), Failure> {
    const EVENTS: usize = 4096;
    const BYTES: usize = 8 << 20;
    /// The one who keeps events in the store: by its name nothing new is remembered.
    const READER: &str = "store";
    let broken = || "could not read the journal";
    let config = auditward_journal::Config {
        next_min: position,
        ..auditward_journal::Config::new(folder.file("journal"))
    };
    folder.make_room();
    let (journal, _) = Journal::open(Arc::new(OsDisk), config).map_err(context(broken()))?;
    folder.keep_room();
    let mut reader = journal.reader(READER, position);
    let received = now();
    while let Some(records) = reader.next(EVENTS, BYTES, Duration::ZERO).map_err(context(broken()))? {
        let rows: Vec<Row<'_>> = records
            .iter()
            .map(|record| Row {
                position: record.position,
                cluster: record.cluster,
                received,
                event: record.event,
            })
            .collect();
        match store.append(&rows) {
            Ok(_) => {}
            Err(AppendError::Full { .. }) => {
                output::talk(
                    "the newest events are missing in the answer: there are too many for memory; start the server to have them written into files",
                );
                return Ok(());
            }
            Err(error) => return Err(context("could not read the newest events")(error)),
        }
    }
    Ok(())
}

impl Source for Local {
    fn page(&self, search: &Search, page: &Page) -> Result<Found, Failure> {
        let after = page.after.as_deref().map(str::parse::<Cursor>).transpose();
        let asked = auditward_scan::Page {
            after: after.map_err(|error| Failure::new(error.to_string()))?,
            limit: page.limit,
            order: if page.oldest_first { Order::OldestFirst } else { Order::NewestFirst },
        };
        let found = self.scan.wait(self.scan.search(search, asked)).map_err(failed)?;
        Ok(Found {
            events: found.events.into_iter().map(hit).collect::<Result<_, _>>()?,
            next: found.next.map(|cursor| cursor.to_string()),
        })
    }

    fn top(&self, search: &Search, field: &str, limit: usize) -> Result<Top, Failure> {
        let found =
            self.scan.wait(self.scan.facets(search, field, limit.saturating_add(1))).map_err(failed)?;
        let mut top = Top { values: Vec::new(), others: found.others, missing: 0 };
        for facet in found.values {
            match facet.value {
                None => top.missing = facet.events,
                Some(value) if top.values.len() < limit => {
                    top.values.push(Value { value, count: facet.events });
                }
                Some(_) => top.others += facet.events,
            }
        }
        Ok(top)
    }

    fn sql(&self, text: &str, format: Rows, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
        let format = match format {
            Rows::Json => Format::JsonLines,
            Rows::Csv => Format::Csv,
            Rows::Arrow => Format::Arrow,
            Rows::Parquet => Format::Parquet,
        };
        let mut batches = self.scan.wait(self.scan.sql(text)).map_err(failed)?;
        let mut writer = Writer::new(format, &batches.schema(), out).map_err(unwritten)?;
        while let Some(batch) = batches.wait_next() {
            writer.write(&batch.map_err(failed)?).map_err(unwritten)?;
        }
        writer.finish().map_err(unwritten)?;
        Ok(())
    }

    fn follow(&self, _: &Search, _: &mut dyn FnMut(Hit) -> Result<bool, Failure>) -> Result<(), Failure> {
        Err(Failure::new("nothing new comes to the folder of a stopped server")
            .hint("follow a server: `--server URL`"))
    }
}

/// As a server would tell it.
pub(crate) fn hit(hit: auditward_scan::Hit) -> Result<Hit, Failure> {
    let broken = || format!("the event at position {} is broken", hit.position);
    let text = String::from_utf8(hit.event).map_err(context(broken()))?;
    let event = RawValue::from_string(text).map_err(context(broken()))?;
    Ok(Hit { position: hit.position, cluster: hit.cluster, event })
}

pub(crate) fn failed(error: ScanError) -> Failure {
    match error {
        ScanError::Sql(what) => Failure::new(what)
            .hint("the views are `events` and `alerts`; `describe events` tells their columns"),
        ScanError::Field(error) => Failure::new(error.to_string()),
        error @ ScanError::Store(_) => context("could not answer")(error)
            .hint("start `auditward serve` on this folder and ask again with `--server`: it sets a damaged file aside and answers from the others"),
        other => context("could not answer")(other),
    }
}

/// A reader that went away is no error of ours; who calls knows it by its kind.
fn unwritten(error: WriteError) -> Failure {
    match error {
        WriteError::Io(error) => Failure::from(error),
        other => context("could not write the answer")(other),
    }
}
