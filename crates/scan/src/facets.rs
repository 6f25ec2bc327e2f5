//! Which values there are, and how often.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use auditward_query::{Search, names};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::lit;
use datafusion::prelude::col;
use futures_util::StreamExt as _;

use crate::answer::numbers;
use crate::{Scan, ScanError};

/// One value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The value; `None`: the events that have none.
    pub value: Option<String>,
    /// In how many events.
    pub events: u64,
}

/// The most frequent values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// The most frequent first; of equally frequent ones the first by bytes, none last.
    pub values: Vec<Facet>,
    /// How many events have another value. An event of a field with several values counts once a value.
    pub others: u64,
    /// How many different values there are.
    pub distinct: u64,
}

/// A word that is no field to count by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot count by `{field}`; {hint}")]
pub struct UnknownField {
    /// The word.
    pub field: String,
    /// What would do.
    pub hint: String,
}

/// What can be counted by: the search language's word, the column, and whether an event has several values.
const FIELDS: &[(&str, &str, bool)] = &[
    ("agent", "user_agent", false),
    ("apiGroup", "api_group", false),
    ("as", "impersonated_username", false),
    ("cluster", "cluster", false),
    ("code", "code", false),
    ("decision", "decision", false),
    ("group", "user_groups", true),
    ("id", "audit_id", false),
    ("ip", "source_ips", true),
    ("level", "level", false),
    ("message", "message", false),
    ("name", "name", false),
    ("ns", "namespace", false),
    ("reason", "reason", false),
    ("resource", "resource", false),
    ("sourceIP", "source_ip", false),
    ("stage", "stage", false),
    ("subresource", "subresource", false),
    ("uid", "user_uid", false),
    ("uri", "request_uri", false),
    ("user", "username", false),
    ("verb", "verb", false),
    ("version", "api_version", false),
];

/// The words that [`Scan::facets`] counts by, sorted.
pub fn facet_fields() -> Vec<&'static str> {
    let mut words: Vec<_> = FIELDS.iter().map(|(word, ..)| *word).collect();
    words.sort_unstable();
    words
}

/// By the search's word, by another word that it has for it, or by the column's name.
fn find(field: &str) -> Result<(&'static str, bool), UnknownField> {
    let word = names::find(field).map_or(field, |name| name.name);
    let known = FIELDS.iter().find(|(name, column, _)| *name == word || *column == word);
    known.map(|(_, column, several)| (*column, *several)).ok_or_else(|| UnknownField {
        field: field.chars().take(60).collect(),
        hint: format!("one of {}", facet_fields().join(", ")),
    })
}

/// More than any list shows.
const VALUES_MAX: usize = 10_000;

impl Scan {
    /// The `most` most frequent values of a field among the events that are meant.
    pub async fn facets(&self, search: &Search, field: &str, most: usize) -> Result<Facets, ScanError> {
        let (column, several) = find(field)?;
        let (scan, search) = (self.clone(), search.clone());
        self.run(async move {
            let question = scan.question(&search, &scan.inner.store.snapshot())?;
            if question.rows.is_empty() {
                return Ok(Facets::default());
            }
            let mut frame = question.frame(&scan)?.select(vec![col(column).alias("value")])?;
            if several {
                frame = frame.unnest_columns(&["value"])?;
            }
            let counted = frame.aggregate(vec![col("value")], vec![count(lit(1_i64)).alias("events")])?;
            let mut best = Best::new(most.min(VALUES_MAX));
            let mut rows = counted.execute_stream().await?;
            while let Some(rows) = rows.next().await {
                best.add(&rows?)?;
            }
            Ok(best.facets())
        })
        .await
    }
}

/// The most frequent of all values that it is shown, each once, and how many the others are.
struct Best {
    most: usize,
    /// The least of them on top.
    ranks: BinaryHeap<Reverse<Rank>>,
    events: u64,
    distinct: u64,
}

/// The greater, the further in front: by events, then the first by bytes, what has no value last.
type Rank = (u64, Reverse<(bool, Option<String>)>);

impl Best {
    fn new(most: usize) -> Self {
        Best { most, ranks: BinaryHeap::new(), events: 0, distinct: 0 }
    }

    /// Takes rows of a value and its number of events.
    fn add(&mut self, rows: &RecordBatch) -> Result<(), ScanError> {
        let values =
            cast(rows.column(0), &DataType::Utf8View).map_err(|error| ScanError::Store(error.into()))?;
        for (value, events) in values.as_string_view().iter().zip(numbers(rows.column(1))?) {
            let events = u64::try_from(events).unwrap_or_default();
            self.distinct += 1;
            self.events += events;
            let is_full = self.ranks.len() >= self.most;
            if is_full && self.ranks.peek().is_none_or(|Reverse((least, _))| events < *least) {
                continue;
            }
            self.ranks.push(Reverse((events, Reverse((value.is_none(), value.map(str::to_owned))))));
            if is_full {
                self.ranks.pop();
            }
        }
        Ok(())
    }

    fn facets(self) -> Facets {
        let ranks = self.ranks.into_sorted_vec().into_iter();
        let values: Vec<Facet> =
            ranks.map(|Reverse((events, Reverse((_, value))))| Facet { value, events }).collect();
        let told: u64 = values.iter().map(|facet| facet.events).sum();
        Facets { values, others: self.events.saturating_sub(told), distinct: self.distinct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_can_be_counted() {
        let page = include_str!("../../../docs/live/search.md");
        let words: Vec<String> = FIELDS.iter().map(|(word, ..)| format!("`{word}`")).collect();
        let (last, first) = words.split_last().unwrap();
        let sentence = format!("`top` counts by {} and {last}", first.join(", "));
        assert!(page.replace('\n', " ").contains(&sentence), "{sentence}");
    }
}
