//! Alerts as a table.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringViewBuilder, TimestampMicrosecondBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use async_trait::async_trait;
use auditward_event::MicroTime;
use auditward_store::alerts::{AlertLog, StoredAlert};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use serde::Deserialize;

/// Columns and what they mean; for the page for users.
pub static ALERT_COLUMNS: &[(&str, &str)] = &[
    ("seq", "number of the alert"),
    ("id", "its id: the same for the same finding"),
    ("time", "when what it tells of happened, by the events' clocks"),
    ("rule", "the rule's id"),
    ("severity", "the severity's word"),
    ("cluster", "the cluster"),
    ("title", "the rule's title"),
    ("summary", "what happened, in one line"),
    ("username", "who did it; null if nobody was authenticated"),
    ("state", "`open`, `acknowledged` or `closed`"),
    ("note", "what was written when the state was changed last"),
    ("triaged_by", "who changed it"),
    ("triaged_at", "when"),
    ("alert", "the whole alert, as JSON"),
];

/// What the columns take out of the alert's own JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    title: String,
    summary: String,
    user: String,
}

/// The table. What is in it is read when it is asked for.
pub(crate) struct Table(pub(crate) Option<AlertLog>);

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("alerts")
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batches = self.0.as_ref().map(read).transpose()?.unwrap_or_default();
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema(), projection.cloned())?)
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let field = |(name, _): &(&str, &str)| {
            let kind = match *name {
                "seq" => DataType::UInt64,
                "time" | "triaged_at" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                _ => DataType::Utf8View,
            };
            Field::new(
                *name,
                kind,
                matches!(*name, "title" | "summary" | "username" | "note" | "triaged_by" | "triaged_at"),
            )
        };
        Arc::new(Schema::new(ALERT_COLUMNS.iter().map(field).collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

/// All that the log keeps, which it bounds.
fn read(log: &AlertLog) -> Result<Vec<RecordBatch>> {
    const ROWS: usize = 8192;
    let (mut batches, mut last) = (Vec::new(), 0);
    loop {
        let alerts = log.after(last, ROWS).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let Some(end) = alerts.last() else { return Ok(batches) };
        last = end.seq;
        batches.push(batch(&alerts)?);
    }
}

fn batch(alerts: &[StoredAlert]) -> std::result::Result<RecordBatch, ArrowError> {
    let mut seq = UInt64Builder::new();
    alerts.iter().for_each(|alert| seq.append_value(alert.seq));
    let time = |of: &dyn Fn(&StoredAlert) -> Option<MicroTime>| -> ArrayRef {
        let mut times = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        alerts.iter().for_each(|alert| times.append_option(of(alert).map(MicroTime::as_micros)));
        Arc::new(times.finish())
    };
    let text = |of: &dyn for<'a> Fn(&'a StoredAlert) -> &'a str| -> ArrayRef {
        let mut texts = StringViewBuilder::new();
        alerts.iter().for_each(|alert| texts.append_value(of(alert)));
        Arc::new(texts.finish())
    };
    // Null where nobody wrote anything.
    let words = |of: &dyn for<'a> Fn(&'a StoredAlert) -> &'a str| -> ArrayRef {
        let mut texts = StringViewBuilder::new();
        alerts.iter().for_each(|alert| texts.append_option(Some(of(alert)).filter(|text| !text.is_empty())));
        Arc::new(texts.finish())
    };
    let told: Vec<Told> =
        alerts.iter().map(|alert| serde_json::from_str(&alert.json).unwrap_or_default()).collect();
    let of_told = |of: &dyn for<'a> Fn(&'a Told) -> &'a str| -> ArrayRef {
        let mut texts = StringViewBuilder::new();
        told.iter().for_each(|told| texts.append_option(Some(of(told)).filter(|text| !text.is_empty())));
        Arc::new(texts.finish())
    };
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(seq.finish()),
            text(&|alert| &alert.id),
            time(&|alert| Some(alert.time)),
            text(&|alert| &alert.rule),
            text(&|alert| &alert.severity),
            text(&|alert| &alert.cluster),
            of_told(&|told| &told.title),
            of_told(&|told| &told.summary),
            of_told(&|told| &told.user),
            text(&|alert| alert.state().as_str()),
            words(&|alert| alert.history.last().map_or("", |last| last.note.as_str())),
            words(&|alert| alert.history.last().map_or("", |last| last.by.as_str())),
            time(&|alert| alert.history.last().and_then(|last| last.at)),
            text(&|alert| &alert.json),
        ],
    )
}
