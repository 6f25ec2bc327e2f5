//! Where events are asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Cancel, Failure};

/// Finds events. A `query` is a text in the search language, with its times and clusters in it; the empty one finds
/// everything. A query that makes no sense is `Failure::Bad` with places in that text.
pub trait Trail: Send + Sync {
    /// A page of what is found.
    fn search(&self, query: &str, page: &Page, cancel: &Cancel) -> Result<Found, Failure>;

    /// How many are found.
    fn count(&self, query: &str, cancel: &Cancel) -> Result<u64, Failure>;

    /// How many are found over time, in about so many buckets of equal width.
    fn histogram(&self, query: &str, buckets: usize, cancel: &Cancel) -> Result<Histogram, Failure>;

    /// The most frequent values of a field among what is found. An unknown field is `Failure::Bad`.
    fn facets(&self, query: &str, field: &str, limit: usize, cancel: &Cancel) -> Result<Facets, Failure>;

    /// The fields that a query can name.
    fn fields(&self) -> Result<Vec<FieldInfo>, Failure>;

    /// Values of a field that begin with `prefix`, at most `limit`, the most frequent first.
    fn values(
        &self,
        field: &str,
        prefix: &str,
        limit: usize,
        cancel: &Cancel,
    ) -> Result<Vec<String>, Failure>;

    /// Answers a read-only SQL query in pieces of the format. A mistake in the text is `Failure::Bad`, here and not in a
    /// piece: once the first piece is sent, there is no status to take back.
    fn sql(&self, text: &str, format: Format, cancel: &Cancel) -> Result<Chunks, Failure>;

    /// All stages of the request with this audit id, in one cluster or in any, in time order. Nothing found is empty.
    fn event(&self, audit_id: &str, cluster: Option<&str>, cancel: &Cancel) -> Result<Vec<Hit>, Failure>;

    /// Follows what a query finds: after a position, or from now on.
    fn live(&self, query: &str, after: Option<u64>) -> Result<Box<dyn Live>, Failure>;
}

/// One follower. It is dropped when its client has gone.
pub trait Live: Send {
    /// The next events, at most `max`, as soon as there is one; none after `wait`. The caller may be slow: what is
    /// skipped for that is counted, never kept in memory without a bound.
    fn next(&mut self, max: usize, wait: Duration) -> Result<Batch, Failure>;
}

/// The pieces of an answer, each made when it is asked for.
pub type Chunks = Box<dyn Iterator<Item = Result<Vec<u8>, Failure>> + Send>;

/// Which part of what is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub limit: usize,
    /// In which order.
    pub order: Order,
    /// Where the page begins: `Found::next` of the page before it.
    pub after: Option<String>,
}

/// The order of events in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// A page of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Found {
    /// The events.
    pub events: Vec<Hit>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// One event that is found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hit {
    /// How many events the server had taken before it.
    pub position: u64,
    /// The cluster that it is from.
    pub cluster: String,
    /// The event, as `audit.k8s.io/v1` writes it.
    #[schema(value_type = Object)]
    pub event: Box<RawValue>,
}

impl Hit {
    /// From an event's JSON text, which is checked: what is broken on the disk must not break the answer around it.
    pub fn new(position: u64, cluster: String, event: Vec<u8>) -> Result<Self, Failure> {
        let broken = |error: String| Failure::Broken(format!("the event at {position} is no JSON: {error}"));
        let text = String::from_utf8(event).map_err(|error| broken(error.to_string()))?;
        let event = RawValue::from_string(text).map_err(|error| broken(error.to_string()))?;
        Ok(Self { position, cluster, event })
    }
}

/// What a follower is told.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// New events, in the order in which they came.
    pub events: Vec<Hit>,
    /// Everything up to here has been looked at; a follower that begins again after it misses nothing.
    pub position: Option<u64>,
    /// Events that were found but not told, since the last batch.
    pub skipped: u64,
}

/// How many events over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Histogram {
    /// How long a bucket is, in microseconds.
    pub width: u64,
    /// The buckets without gaps, the oldest first.
    pub buckets: Vec<Bucket>,
}

/// How many events begin in a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bucket {
    /// When it begins, in RFC 3339.
    #[schema(example = "2026-11-26T14:00:00.000000Z")]
    pub start: String,
    /// How many.
    pub count: u64,
}

/// A field's most frequent values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Facets {
    /// The values, the most frequent first.
    pub values: Vec<Facet>,
    /// How many found events have some other value.
    pub others: u64,
    /// How many found events have no value there.
    pub missing: u64,
}

/// How often a value is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// How many events have it.
    pub count: u64,
}

/// A field that a query can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldInfo {
    /// Its name in the search language.
    pub name: String,
    /// What kind of value it has, in a word.
    #[schema(example = "text")]
    pub kind: String,
    /// What it is, in a sentence.
    pub about: String,
    /// Whether `facets` and `values` know it.
    pub facets: bool,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A JSON object a line.
    #[default]
    Json,
    /// Comma-separated values with a header line.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}
