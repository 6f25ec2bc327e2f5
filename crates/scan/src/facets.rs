//! Which values there are, and how often.

use auditward_query::{Search, names};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::lit;
use datafusion::prelude::col;
use datafusion::scalar::ScalarValue;

use crate::answer::{all, numbers, texts};
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
    ("ip", "source_ip", false),
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
            let best = counted
                .clone()
                .sort(vec![col("events").sort(false, false), col("value").sort(true, false)])?
                .limit(0, Some(most.min(VALUES_MAX)))?;
            let mut facets = Facets::default();
            if let Some(rows) = all(best).await? {
                let values = texts(rows.column(0))?.into_iter().zip(numbers(rows.column(1))?);
                facets.values = values
                    .map(|(value, events)| Facet { value, events: u64::try_from(events).unwrap_or_default() })
                    .collect();
            }
            if facets.values.len() < most {
                facets.distinct = facets.values.len() as u64;
                return Ok(facets);
            }
            let sum = datafusion::functions_aggregate::expr_fn::sum(col("events"));
            if let Some(rows) =
                all(counted.aggregate(vec![], vec![count(lit(ScalarValue::Int64(Some(1)))), sum])?).await?
            {
                let number = |column| {
                    numbers(rows.column(column)).map(|numbers| numbers.first().copied().unwrap_or_default())
                };
                facets.distinct = u64::try_from(number(0)?).unwrap_or_default();
                let told: u64 = facets.values.iter().map(|facet| facet.events).sum();
                facets.others = u64::try_from(number(1)?).unwrap_or_default().saturating_sub(told);
            }
            Ok(facets)
        })
        .await
    }
}
