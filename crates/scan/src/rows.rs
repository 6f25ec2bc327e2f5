//! Which rows a question is asked of.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use auditward_event::MicroTime;
use auditward_query::Search;
use auditward_store::{Segment, Snapshot};
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr as Sql, lit};
use datafusion::parquet::file::reader::{FileReader as _, SerializedFileReader};
use datafusion::prelude::{SessionContext, col};
use datafusion::scalar::ScalarValue;

use crate::lower::{is_odd, is_plain, joined, lower};
use crate::slices::Slices;
use crate::table::Rows;
use crate::{Order, Scan, ScanError};

/// A search, ready to be asked of a snapshot's rows.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Rows of which some may be meant.
    pub(crate) rows: Rows,
    /// Those among them that have odd rows.
    odd: Rows,
    /// When they happened: first and last moment.
    span: (i64, i64),
    /// Of time, cluster and whatever else any row has.
    bounds: Vec<Sql>,
    /// Of plain rows.
    plain: Vec<Sql>,
    /// Of odd rows.
    of_odd: Vec<Sql>,
}

impl Question {
    /// Also this, of columns that no row lacks.
    pub(crate) fn and(mut self, bound: Sql) -> Self {
        self.bounds.push(bound);
        self
    }

    /// Only of these files.
    pub(crate) fn only(mut self, keep: impl Fn(&Segment) -> bool) -> Self {
        self.rows.segments.retain(|segment| keep(segment));
        self.odd.segments.retain(|segment| keep(segment));
        self
    }

    /// Only of what happened then, first and last moment included.
    pub(crate) fn between(mut self, (first, last): (i64, i64)) -> Self {
        self.span = (self.span.0.max(first), self.span.1.min(last));
        if first > i64::MIN {
            self.bounds.push(col("time").gt_eq(moment(MicroTime::from_micros(first))));
        }
        if last < i64::MAX {
            self.bounds.push(col("time").lt_eq(moment(MicroTime::from_micros(last))));
        }
        self.only(|segment| segment.meta.time.0 <= last && segment.meta.time.1 >= first)
    }

    /// The same in parts, by time: in the order in which they are told, the first one of about so many rows.
    pub(crate) fn slices(&self, order: Order, rows: usize) -> impl Iterator<Item = Question> + use<> {
        let lots = self.rows.lots().into_iter().filter_map(|lot| lot.within(self.span)).collect();
        let whole = self.clone();
        Slices::new(lots, order, rows).map(move |span| whole.clone().between(span))
    }

    /// Without rows that are in no file.
    pub(crate) fn forget_fresh(&mut self) {
        self.rows.fresh.clear();
        self.odd.fresh.clear();
    }

    /// Whether some rows may be odd.
    pub(crate) fn has_odd(&self) -> bool {
        !self.odd.is_empty()
    }

    /// The rows that are meant, with all columns.
    pub(crate) fn frame(&self, scan: &Scan) -> Result<DataFrame, DataFusionError> {
        self.frame_in(&scan.inner.context)
    }

    /// The same, with other settings.
    pub(crate) fn frame_in(&self, context: &SessionContext) -> Result<DataFrame, DataFusionError> {
        let filtered = |rows: &Rows, filters: &[Sql], kind: Option<Sql>| {
            let frame = context.read_table(Arc::new(rows.clone()))?;
            // As one, so that they stay in their order: what is cheap comes first.
            let filters: Vec<Sql> =
                self.bounds.iter().cloned().chain(kind).chain(filters.iter().cloned()).collect();
            if filters.is_empty() { Ok(frame) } else { frame.filter(joined(filters, true)) }
        };
        if self.odd.is_empty() {
            return filtered(&self.rows, &self.plain, None);
        }
        // What is true of an odd row for certain is true of a plain one; without a filter they need not be told apart.
        if self.of_odd.is_empty() {
            return filtered(&self.rows, &[], None);
        }
        let plain = filtered(&self.rows, &self.plain, Some(is_plain()))?;
        plain.union(filtered(&self.odd, &self.of_odd, Some(is_odd()))?)
    }
}

impl Scan {
    /// What `search` is asked of in a snapshot.
    pub(crate) fn question(&self, search: &Search, snapshot: &Snapshot) -> Result<Question, ScanError> {
        let lowered = lower(&search.expr)?;
        let span = (
            search.since.map_or(i64::MIN, MicroTime::as_micros),
            search.until.map_or(i64::MAX, |until| until.as_micros().saturating_sub(1)),
        );
        let segments: Vec<Arc<Segment>> = snapshot
            .segments
            .iter()
            .filter(|segment| search.clusters.holds(&segment.meta.cluster))
            .filter(|segment| segment.meta.time.0 <= span.1 && segment.meta.time.1 >= span.0)
            .cloned()
            .collect();
        let odd = Rows {
            segments: self.odd_segments(&segments, snapshot)?,
            fresh: snapshot.fresh.iter().filter(|batch| has_odd(batch)).cloned().collect(),
        };
        let rows = Rows { segments, fresh: snapshot.fresh.clone() };
        let mut bounds = Vec::new();
        // An event without a stage's time is in no span of time. `time` says where to look: files are in its order.
        if let Some(since) = search.since {
            bounds.push(col("stage_time").gt_eq(moment(since)));
        }
        if let Some(until) = search.until {
            bounds.push(col("stage_time").lt(moment(until)));
        }
        if !search.clusters.is_all() {
            bounds.push(clusters(search, &rows));
        }
        let any = (i64::MIN, i64::MAX);
        let question = Question { rows, odd, span: any, bounds, plain: lowered.plain, of_odd: lowered.odd };
        Ok(question.between(span))
    }

    /// Those that have odd rows. Whether one has is found out once.
    fn odd_segments(
        &self,
        segments: &[Arc<Segment>],
        snapshot: &Snapshot,
    ) -> Result<Vec<Arc<Segment>>, ScanError> {
        let mut known = self.inner.odd();
        if known.len() > 2 * snapshot.segments.len() + 1024 {
            let there: BTreeSet<u64> = snapshot.segments.iter().map(|segment| segment.meta.id).collect();
            known.retain(|id, _| there.contains(id));
        }
        let mut odd = Vec::new();
        for segment in segments {
            let id = segment.meta.id;
            let has = match known.get(&id) {
                Some(has) => *has,
                None => {
                    let has = may_have_odd(segment).map_err(|error| ScanError::Store(error.into()))?;
                    known.insert(id, has);
                    has
                }
            };
            if has {
                odd.push(Arc::clone(segment));
            }
        }
        Ok(odd)
    }
}

/// Whether a file's statistics do not say that all its rows are plain.
fn may_have_odd(segment: &Segment) -> Result<bool, datafusion::parquet::errors::ParquetError> {
    let reader = SerializedFileReader::new(File::open(&segment.path)?)?;
    let plain = reader.metadata().row_groups().iter().all(|group| {
        ["rest", "raw"].iter().all(|name| {
            let column = group.columns().iter().find(|column| column.column_path().string() == *name);
            let nulls = column.map(|column| {
                column
                    .statistics()
                    .and_then(datafusion::parquet::file::statistics::Statistics::null_count_opt)
            });
            // A file that lacks the column is of an earlier version.
            nulls.is_none_or(|nulls| nulls == u64::try_from(group.num_rows()).ok())
        })
    });
    Ok(!plain)
}

fn has_odd(batch: &RecordBatch) -> bool {
    ["rest", "raw"]
        .iter()
        .any(|name| batch.column_by_name(name).is_some_and(|column| column.null_count() < column.len()))
}

/// The clusters that are there and meant, by name.
fn clusters(search: &Search, rows: &Rows) -> Sql {
    let mut names: BTreeSet<String> =
        rows.segments.iter().map(|segment| segment.meta.cluster.clone()).collect();
    for batch in &rows.fresh {
        let Some(column) = batch.column_by_name("cluster").and_then(|column| column.as_string_view_opt())
        else {
            continue;
        };
        let mut last = None;
        for name in column.iter().flatten() {
            if last != Some(name) && !names.contains(name) {
                names.insert(name.to_owned());
            }
            last = Some(name);
        }
    }
    let meant = names.into_iter().filter(|name| search.clusters.holds(name));
    let meant: Vec<Sql> =
        meant.map(|name| col("cluster").eq(lit(ScalarValue::Utf8View(Some(name))))).collect();
    joined(meant, false)
}

/// As the columns have moments.
pub(crate) fn moment(time: MicroTime) -> Sql {
    lit(ScalarValue::TimestampMicrosecond(Some(time.as_micros()), Some("UTC".into())))
}
