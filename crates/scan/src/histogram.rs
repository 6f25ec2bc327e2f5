//! How many events there are when.

use arrow::datatypes::DataType;
use auditward_base::clock;
use auditward_event::MicroTime;
use auditward_query::Search;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{cast, lit};
use datafusion::prelude::col;

use crate::answer::{all, numbers};
use crate::{Scan, ScanError};

/// The events of one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its beginning.
    pub start: MicroTime,
    /// How many events happened in it.
    pub events: u64,
}

/// How many events there are when: spans of one width, without gaps, also where nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// How long each span is, in microseconds; zero if there are none.
    pub width_micros: i64,
    /// From the first to the last.
    pub buckets: Vec<Bucket>,
}

/// How far a clock may be ahead of ours.
const AHEAD_MICROS: i64 = 3_600_000_000;

/// More than any screen shows.
const BUCKETS_MAX: usize = 10_000;

impl Scan {
    /// The events that are meant, over time: in at least one and at most `buckets` spans of a round width. They begin and
    /// end where the search says, or where there is anything in the store; without an end, an hour from now, lest a single
    /// event of a clock that runs wrong makes one span of all the others.
    pub async fn histogram(&self, search: &Search, buckets: usize) -> Result<Histogram, ScanError> {
        let (scan, search) = (self.clone(), search.clone());
        self.run(async move {
            let snapshot = scan.inner.store.snapshot();
            let question = scan.question(&search, &snapshot)?;
            let Some((first, last)) = question.rows.span() else { return Ok(Histogram::default()) };
            let first = search.since.map_or(first, MicroTime::as_micros);
            let soon = clock::micros(clock::now()).saturating_add(AHEAD_MICROS);
            let last =
                search.until.map_or(last.min(soon.max(first)), |until| until.as_micros().saturating_sub(1));
            if last < first {
                return Ok(Histogram::default());
            }
            let (start, width, spans) = spans(first, last, buckets);
            let place = (cast(col("time"), DataType::Int64) - lit(start)) / lit(width);
            let frame = question.frame(&scan)?.aggregate(vec![place], vec![count(lit(1_i64))])?;
            let mut histogram = Histogram {
                width_micros: width,
                buckets: (0..spans)
                    .map(|span| Bucket { start: MicroTime::from_micros(start + width * span), events: 0 })
                    .collect(),
            };
            if let Some(rows) = all(frame).await? {
                for (place, events) in numbers(rows.column(0))?.into_iter().zip(numbers(rows.column(1))?) {
                    let bucket =
                        usize::try_from(place).ok().and_then(|place| histogram.buckets.get_mut(place));
                    if let Some(bucket) = bucket {
                        bucket.events += u64::try_from(events).unwrap_or_default();
                    }
                }
            }
            Ok(histogram)
        })
        .await
    }
}

/// Start, width and number of spans: the narrowest width of the list of which no more are needed.
fn spans(first: i64, last: i64, buckets: usize) -> (i64, i64, i64) {
    const SECOND: i64 = 1_000_000;
    const WIDTHS: [i64; 26] = [
        1,
        10,
        100,
        1000,
        10_000,
        100_000,
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        30 * SECOND,
        60 * SECOND,
        120 * SECOND,
        300 * SECOND,
        600 * SECOND,
        1800 * SECOND,
        3600 * SECOND,
        7200 * SECOND,
        21_600 * SECOND,
        43_200 * SECOND,
        86_400 * SECOND,
        7 * 86_400 * SECOND,
        30 * 86_400 * SECOND,
        90 * 86_400 * SECOND,
        365 * 86_400 * SECOND,
        10_000 * 365 * 86_400 * SECOND,
    ];
    let most = i64::try_from(buckets.clamp(1, BUCKETS_MAX)).unwrap_or(1);
    let of = |width: i64| {
        let start = first.div_euclid(width) * width;
        (start, width, (last - start) / width + 1)
    };
    WIDTHS
        .iter()
        .map(|width| of(*width))
        .find(|(_, _, spans)| *spans <= most)
        .unwrap_or_else(|| (first, (last - first).saturating_add(1), 1))
}
