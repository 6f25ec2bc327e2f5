//! SQL, for reading only, over the views `events` and `alerts`.
//!
//! What is refused: whatever changes something (`CREATE`, `INSERT`, `COPY`, `DROP`), settings (`SET`), files as tables, more
//! than one statement. What is left is `SELECT`, `WITH`, `VALUES`, `EXPLAIN`, `DESCRIBE`, `SHOW TABLES`, `SHOW COLUMNS`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::common::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::engine::Task;
use crate::error::is_exhausted;
use crate::table::Rows;
use crate::yielding::Yielding;
use crate::{Given, Scan, ScanError, alerts, statement};

/// Batches on their way to the reader.
const AHEAD: usize = 2;

/// An answer on its way. When it is dropped, the query ends.
#[derive(Debug)]
pub struct Batches {
    schema: SchemaRef,
    rows: mpsc::Receiver<Result<RecordBatch, ScanError>>,
    _task: Task<()>,
}

impl Batches {
    /// The columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The next rows; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, ScanError>> {
        self.rows.recv().await
    }

    /// The same on a thread that is no runtime's.
    pub fn wait_next(&mut self) -> Option<Result<RecordBatch, ScanError>> {
        self.rows.blocking_recv()
    }
}

impl Scan {
    /// Answers one statement. The time limit is for the query's own work, not for a reader who takes his time.
    pub async fn sql(&self, text: &str) -> Result<Batches, ScanError> {
        let (scan, text) = (self.clone(), text.to_owned());
        let limit = self.inner.limits.time;
        let began = Instant::now();
        let mut rows = self
            .run_statement(async move {
                statement::check(&text).map_err(ScanError::Sql)?;
                let options = SQLOptions::new()
                    .with_allow_ddl(false)
                    .with_allow_dml(false)
                    .with_allow_statements(false);
                let frame = scan.views()?.sql_with_options(&text, options).await.map_err(refused)?;
                frame.execute_stream().await.map_err(refused)
            })
            .await?;
        let schema = rows.schema();
        let (sender, rows_to_come) = mpsc::channel(AHEAD);
        let mut left = limit.saturating_sub(began.elapsed());
        let task = self.spawn_statement(async move {
            loop {
                let began = Instant::now();
                if left.is_zero() {
                    _ = sender.send(Err(Given::Time(limit).into())).await;
                    return;
                }
                let batch = match tokio::time::timeout(left, rows.next()).await {
                    Err(_) => Err(Given::Time(limit).into()),
                    Ok(None) => return,
                    Ok(Some(batch)) => batch.map_err(refused),
                };
                left = left.saturating_sub(began.elapsed());
                let over = batch.is_err();
                if sender.send(batch).await.is_err() || over {
                    return;
                }
            }
        });
        Ok(Batches { schema, rows: rows_to_come, _task: task })
    }

    /// A session of its own: what a statement sees is one moment, and nobody else sees what it does.
    fn views(&self) -> Result<SessionContext, ScanError> {
        let snapshot = self.inner.store.snapshot();
        let state = SessionStateBuilder::new_from_existing(self.inner.context.state())
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
            .with_physical_optimizer_rule(Arc::new(Yielding))
            .build();
        let context = SessionContext::new_with_state(state);
        let catalog = datafusion::catalog::MemoryCatalogProvider::new();
        let schema = Arc::new(datafusion::catalog::MemorySchemaProvider::new());
        datafusion::catalog::CatalogProvider::register_schema(&catalog, "public", schema)?;
        context.register_catalog("datafusion", Arc::new(catalog));
        let rows = Rows { segments: snapshot.segments, fresh: snapshot.fresh };
        context.register_table("events", Arc::new(rows))?;
        context.register_table("alerts", Arc::new(alerts::Table(self.inner.alerts.clone())))?;
        Ok(context)
    }
}

/// Most that goes wrong in a statement is the statement's.
fn refused(error: DataFusionError) -> ScanError {
    if is_exhausted(&error) {
        return error.into();
    }
    match error.find_root() {
        DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_)
        | DataFusionError::External(_) => error.into(),
        DataFusionError::Plan(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Execution(text) => ScanError::Sql(plain(text)),
        DataFusionError::ArrowError(inner, _)
            if matches!(**inner, ArrowError::ParquetError(_) | ArrowError::IoError(..)) =>
        {
            error.into()
        }
        DataFusionError::SQL(error, _) => ScanError::Sql(plain(&error.to_string())),
        DataFusionError::ArrowError(error, _) => ScanError::Sql(plain(&error.to_string())),
        other => ScanError::Sql(plain(&other.strip_backtrace())),
    }
}

/// Without what `DataFusion` says of itself, in our own way of beginning.
fn plain(text: &str) -> String {
    const HINT: &str = "one `SELECT` over `events` and `alerts` is answered; nothing can be changed";
    let text = text.lines().next().unwrap_or_default();
    let refused =
        ["DDL not supported", "DML not supported", "Statement not supported", "Unsupported SQL statement"];
    if refused.iter().any(|refused| text.starts_with(refused)) {
        let what = text.rsplit(": ").next().unwrap_or(text);
        return format!("`{what}` is not allowed; {HINT}");
    }
    if text.contains("single SQL statement") || text.starts_with("No SQL statements") {
        return HINT.to_owned();
    }
    let text = &text.replace("datafusion.public.", "");
    let text = text
        .strip_prefix("sql parser error: ")
        .or_else(|| text.strip_prefix("Schema error: "))
        .unwrap_or(text);
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
