//! The rows of a snapshot as a table of `DataFusion`'s.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use auditward_store::Segment;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DataFusionError, Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::path::Path;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::scalar::ScalarValue;

use crate::slices::Lot;

/// Rows in files, and rows that are in none yet. The files stay while the table, or a plan made of it, lives.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) fresh: Vec<RecordBatch>,
}

impl Rows {
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.fresh.is_empty()
    }

    /// Its parts: how many rows are when, as far as is known without reading.
    pub(crate) fn lots(&self) -> Vec<Lot> {
        #[expect(clippy::cast_precision_loss, reason = "a guess is made of it")]
        let lot = |rows: u64, span| Lot { rows: rows as f64, span };
        let files = self.segments.iter().map(|segment| lot(segment.meta.rows, segment.meta.time));
        let fresh = self.fresh.iter().filter_map(|batch| {
            let times = batch.column_by_name("time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some(lot(batch.num_rows() as u64, (min(times)?, max(times)?)))
        });
        files.chain(fresh).collect()
    }

    /// The least and the greatest `time`, as far as is known without reading.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let spans = self.lots().into_iter().map(|lot| lot.span);
        spans.reduce(|(first, last), (low, high)| (first.min(low), last.max(high)))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files, {} fresh batches", self.segments.len(), self.fresh.len())
    }
}

#[async_trait]
impl TableProvider for Rows {
    fn schema(&self) -> SchemaRef {
        auditward_store::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Whatever the files can do with a filter, the physical plan gives it to them.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !self.segments.is_empty() {
            inputs.push(self.files(state, projection, limit)?);
        }
        if !self.fresh.is_empty() {
            let fresh = [self.fresh.clone()];
            inputs.push(MemorySourceConfig::try_new_exec(&fresh, self.schema(), projection.cloned())?);
        }
        match inputs.len() {
            0 => {
                let schema = match projection {
                    Some(columns) => Arc::new(self.schema().project(columns)?),
                    None => self.schema(),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            _ => UnionExec::try_new(inputs),
        }
    }
}

impl Rows {
    fn files(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let local = ObjectStoreUrl::local_filesystem();
        let runtime = state.runtime_env();
        let cache = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(runtime.object_store(&local)?, cache);
        let source = ParquetSource::new(self.schema())
            .with_pushdown_filters(true)
            .with_reorder_filters(true)
            .with_enable_page_index(true)
            .with_bloom_filter_on_read(true)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let parallel = state.config().target_partitions().clamp(1, self.segments.len());
        let mut groups = vec![Vec::new(); parallel];
        for (place, segment) in self.segments.iter().enumerate() {
            groups[place % parallel].push(file(segment)?);
        }
        let config = FileScanConfigBuilder::new(local, Arc::new(source))
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn file(segment: &Arc<Segment>) -> Result<PartitionedFile> {
    let path = std::path::absolute(&segment.path).map_err(DataFusionError::IoError)?;
    let mut file = PartitionedFile::new("", segment.meta.bytes);
    // Not by way of a text, in which a folder's `%` would be taken for an escape.
    file.object_meta.location =
        Path::from_absolute_path(path).map_err(|error| DataFusionError::External(Box::new(error)))?;
    // With what is known of it, and with the file itself, so that it is not removed meanwhile.
    Ok(file.with_statistics(Arc::new(statistics(segment))).with_extension(Arc::clone(segment)))
}

/// What the catalogue knows of a file's columns: enough to pass over a file without opening it.
fn statistics(segment: &Segment) -> Statistics {
    let meta = &segment.meta;
    let schema = auditward_store::schema();
    let mut statistics = Statistics::new_unknown(&schema);
    statistics.num_rows = Precision::Exact(usize::try_from(meta.rows).unwrap_or(usize::MAX));
    let time = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
    let known = [
        ("position", ScalarValue::UInt64(Some(meta.position.0)), ScalarValue::UInt64(Some(meta.position.1))),
        ("time", time(meta.time.0), time(meta.time.1)),
        ("received", time(meta.received.0), time(meta.received.1)),
        ("cluster", text(&meta.cluster), text(&meta.cluster)),
    ];
    for (name, least, greatest) in known {
        let Ok(place) = schema.index_of(name) else { continue };
        statistics.column_statistics[place] = ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: Precision::Exact(least),
            max_value: Precision::Exact(greatest),
            ..ColumnStatistics::new_unknown()
        };
    }
    statistics
}

fn text(text: &str) -> ScalarValue {
    ScalarValue::Utf8View(Some(text.to_owned()))
}
