//! Events, a page at a time.
//!
//! ```text
//!  1  keys:    time, position of the best rows    ── reads what the filters look at, slice by slice of time, until
//!                                                    there is a page's worth
//!  2  events:  all columns of those rows          ── reads the pages that hold them
//! ```
//! The order is that of `time` and, within one microsecond, of `position`: total, and the same however files are put
//! together. A cursor is the last key of a page. What is stored meanwhile may be on a later page, where its time is, and
//! moves nothing that is already there: no event is on two pages.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use auditward_event::MicroTime;
use auditward_query::Search;
use auditward_store::columns::Rebuilder;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Expr as Sql, lit};
use datafusion::prelude::col;
use futures_util::StreamExt as _;

use crate::rows::{Question, moment};
use crate::{Scan, ScanError};

/// One event that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its number in the journal.
    pub position: u64,
    /// When it happened.
    pub time: MicroTime,
    /// When it was taken in.
    pub received: MicroTime,
    /// Its cluster.
    pub cluster: String,
    /// Its JSON text.
    pub event: Vec<u8>,
}

impl Hit {
    /// The place behind it.
    pub fn cursor(&self) -> Cursor {
        Cursor { time: self.time, position: self.position }
    }
}

/// In which order events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The last that happened first.
    #[default]
    NewestFirst,
    /// The first that happened first.
    OldestFirst,
}

/// A place between two events, in either order: behind the event of this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// When the event happened.
    pub time: MicroTime,
    /// Its number in the journal.
    pub position: u64,
}

/// `1764165600000000-42`: short, and fit for a URL.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time.as_micros(), self.position)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cursor; take one from an answer")]
pub struct BadCursor(String);

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bad = || BadCursor(text.chars().take(60).collect());
        let (time, position) = text.rsplit_once('-').ok_or_else(bad)?;
        let micros = time.parse().map_err(|_| bad())?;
        Ok(Cursor { time: MicroTime::from_micros(micros), position: position.parse().map_err(|_| bad())? })
    }
}

/// Which part of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Behind this; `None`: from the beginning.
    pub after: Option<Cursor>,
    /// At most so many events.
    pub limit: usize,
    /// In this order.
    pub order: Order,
}

impl Page {
    /// The first so many, newest first.
    pub const fn first(limit: usize) -> Self {
        Page { after: None, limit, order: Order::NewestFirst }
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The events, in order.
    pub events: Vec<Hit>,
    /// Where the next page begins; `None`: there is no more now.
    pub next: Option<Cursor>,
}

impl Scan {
    /// A page of the events that are meant.
    pub async fn search(&self, search: &Search, page: Page) -> Result<Found, ScanError> {
        // What a page takes is more often than not in the first slice.
        let rows = self.inner.limits.slice_rows.max(page.limit.saturating_mul(2));
        self.search_in_slices(search, page, rows).await
    }

    /// All events of one request, by `auditID`, in order of their stages' times.
    pub async fn lookup(
        &self,
        audit_id: &str,
        clusters: &auditward_query::Clusters,
    ) -> Result<Found, ScanError> {
        let mut search = Search::of(crate::timeline::is("auditID", audit_id));
        search.clusters = clusters.clone();
        let page = Page { after: None, limit: self.inner.limits.page_events, order: Order::OldestFirst };
        // They may be anywhere, and are too few to fill a page.
        self.search_in_slices(&search, page, usize::MAX).await
    }

    /// `rows`: how many are looked at first.
    async fn search_in_slices(&self, search: &Search, page: Page, rows: usize) -> Result<Found, ScanError> {
        let (scan, search) = (self.clone(), search.clone());
        self.run(async move {
            let snapshot = scan.inner.store.snapshot();
            let mut question = scan.question(&search, &snapshot)?;
            if let Some(after) = page.after {
                let micros = after.time.as_micros();
                question = question.and(behind(after, page.order)).between(match page.order {
                    Order::NewestFirst => (i64::MIN, micros),
                    Order::OldestFirst => (micros, i64::MAX),
                });
            }
            let limit = page.limit.min(scan.inner.limits.page_events);
            let wanted = limit.saturating_add(1);
            let mut keys = Vec::new();
            for slice in question.slices(page.order, rows) {
                let order = by(page.order, &["time", "position"]);
                keys.extend(scan.keys(&slice, wanted - keys.len(), &order).await?);
                if keys.len() >= wanted {
                    break;
                }
            }
            scan.page(&question, keys, limit).await
        })
        .await
    }

    /// Events from `position` on in the order in which they were taken in, and where to go on. What is meant by somebody
    /// who follows: the last page is the one that has fewer events than `limit`.
    pub async fn follow(
        &self,
        search: &Search,
        position: u64,
        limit: usize,
    ) -> Result<(Vec<Hit>, u64), ScanError> {
        let (scan, search) = (self.clone(), search.clone());
        self.run(async move {
            let snapshot = scan.inner.store.snapshot();
            let question = scan
                .question(&search, &snapshot)?
                .and(col("position").gt_eq(lit(position)))
                .only(|segment| segment.meta.position.1 >= position);
            let limit = limit.clamp(1, scan.inner.limits.page_events);
            let keys = scan.keys(&question, limit, &by(Order::OldestFirst, &["position"])).await?;
            let full = keys.len() == limit;
            let wanted = keys.len();
            let mut found = scan.page(&question, keys, limit).await?;
            found.events.sort_by_key(|hit| hit.position);
            let whole = !full && found.events.len() == wanted;
            let last = found.events.last().map_or(position, |hit| hit.position + 1);
            let next = if whole { snapshot.position.max(last) } else { last };
            Ok((found.events, next))
        })
        .await
    }

    /// The keys of the first rows.
    async fn keys(
        &self,
        question: &Question,
        limit: usize,
        order: &[datafusion::logical_expr::SortExpr],
    ) -> Result<Vec<Cursor>, ScanError> {
        if question.rows.is_empty() {
            return Ok(Vec::new());
        }
        let frame = question.frame(self)?.select(vec![col("time"), col("position")])?;
        let mut rows = frame.sort(order.to_vec())?.limit(0, Some(limit))?.execute_stream().await?;
        let mut keys = Vec::new();
        while let Some(batch) = rows.next().await {
            keys.extend(keys_of(&batch?)?);
        }
        Ok(keys)
    }

    /// The events of these keys, as many as a page may have.
    async fn page(&self, question: &Question, keys: Vec<Cursor>, limit: usize) -> Result<Found, ScanError> {
        /// So many events are fetched at a time.
        const EVENTS: usize = 512;
        let more = keys.len() > limit;
        let mut found = Found::default();
        let mut bytes = 0;
        for chunk in keys[..keys.len().min(limit)].chunks(EVENTS) {
            for hit in self.events(question, chunk).await? {
                bytes += hit.event.len();
                if bytes > self.inner.limits.page_bytes && !found.events.is_empty() {
                    found.next = found.events.last().map(Hit::cursor);
                    return Ok(found);
                }
                found.events.push(hit);
            }
        }
        if more {
            found.next = found.events.last().map(Hit::cursor);
        }
        Ok(found)
    }

    /// The events of these keys, in their order.
    async fn events(&self, question: &Question, keys: &[Cursor]) -> Result<Vec<Hit>, ScanError> {
        let (Some(least), Some(greatest)) = (keys.iter().min(), keys.iter().max()) else {
            return Ok(Vec::new());
        };
        let positions = keys.iter().map(|key| lit(key.position)).collect();
        let (first, last) = (least.time.as_micros(), greatest.time.as_micros());
        let within =
            |(low, high): (u64, u64)| keys.iter().any(|key| low <= key.position && key.position <= high);
        let mut rows = question.rows.clone();
        rows.segments.retain(|segment| {
            let meta = &segment.meta;
            meta.time.0 <= last && meta.time.1 >= first && within(meta.position)
        });
        let frame = self
            .inner
            .context
            .read_table(std::sync::Arc::new(rows))?
            .filter(col("time").gt_eq(moment(least.time)).and(col("time").lt_eq(moment(greatest.time))))?
            .filter(col("position").in_list(positions, false))?;
        let mut batches = frame.execute_stream().await?;
        let mut hits = HashMap::with_capacity(keys.len());
        while let Some(batch) = batches.next().await {
            for hit in self::hits(&batch?)? {
                hits.insert(hit.position, hit);
            }
        }
        Ok(keys.iter().filter_map(|key| hits.remove(&key.position)).collect())
    }
}

/// Behind a place, of what is not on its other side in time.
fn behind(after: Cursor, order: Order) -> Sql {
    let (time, position) = (col("time"), col("position"));
    let (moment, number) = (moment(after.time), lit(after.position));
    match order {
        Order::NewestFirst => time.lt(moment).or(position.lt(number)),
        Order::OldestFirst => time.gt(moment).or(position.gt(number)),
    }
}

fn by(order: Order, columns: &[&str]) -> Vec<datafusion::logical_expr::SortExpr> {
    let ascending = order == Order::OldestFirst;
    columns.iter().map(|column| col(*column).sort(ascending, ascending)).collect()
}

fn broken(column: &str) -> ScanError {
    ScanError::Store(DataFusionError::Internal(format!("column `{column}` is not what it should be")))
}

fn keys_of(batch: &RecordBatch) -> Result<Vec<Cursor>, ScanError> {
    let times =
        batch.column_by_name("time").and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let positions =
        batch.column_by_name("position").and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let times = times.ok_or_else(|| broken("time"))?;
    let positions = positions.ok_or_else(|| broken("position"))?;
    let key =
        |(time, position): (&i64, &u64)| Cursor { time: MicroTime::from_micros(*time), position: *position };
    Ok(times.values().iter().zip(positions.values()).map(key).collect())
}

/// The events of a batch that has all columns.
pub(crate) fn hits(batch: &RecordBatch) -> Result<Vec<Hit>, ScanError> {
    let keys = keys_of(batch)?;
    let received = batch.column_by_name("received");
    let received = received.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let received = received.ok_or_else(|| broken("received"))?;
    let clusters = batch.column_by_name("cluster").and_then(|column| column.as_string_view_opt());
    let clusters = clusters.ok_or_else(|| broken("cluster"))?;
    let rebuilder = Rebuilder::new(batch)
        .map_err(|error| ScanError::Store(DataFusionError::External(Box::new(error))))?;
    let hit = |(row, key): (usize, Cursor)| {
        let mut event = Vec::new();
        rebuilder.rebuild(row, &mut event);
        Hit {
            position: key.position,
            time: key.time,
            received: MicroTime::from_micros(received.value(row)),
            cluster: if clusters.is_valid(row) { clusters.value(row).to_owned() } else { String::new() },
            event,
        }
    };
    Ok(keys.into_iter().enumerate().map(hit).collect())
}
