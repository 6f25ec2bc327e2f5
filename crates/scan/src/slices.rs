//! Time cut into slices, so that whoever wants the newest few of many rows reads no more of them than need be.
//!
//! ```text
//!  oldest ────────────────────────────────────────────► newest
//!  │           3: all the rest          │  2: 7 × 1  │  1  │
//! ```
//! A page is full after the first slice if what it asks for is common. If it is rare, a few slices, each much
//! larger than all before it, are read one after the other, which costs little more than reading all at once. How many rows
//! are in a slice is guessed: a file's rows lie evenly between its first and its last.

use crate::Order;

/// With each slice, what has been looked at is so many times what it was before.
const GROWTH: f64 = 8.0;

/// Rows, and the span of time that they are in, first and last included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lot {
    /// How many.
    pub rows: f64,
    /// Microseconds since 1970.
    pub span: (i64, i64),
}

impl Lot {
    /// What of it is in a span.
    pub fn within(self, (first, last): (i64, i64)) -> Option<Self> {
        let span = (self.span.0.max(first), self.span.1.min(last));
        (span.0 <= span.1).then(|| Lot { rows: self.rows * length(span) / length(self.span), span })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a guess")]
fn length((first, last): (i64, i64)) -> f64 {
    last.saturating_sub(first).saturating_add(1) as f64
}

/// Spans of time in the order in which their rows are told; together they hold all there is.
#[derive(Debug)]
pub struct Slices {
    lots: Vec<Lot>,
    order: Order,
    /// What is left of time; `None` at the end.
    left: Option<(i64, i64)>,
    /// So many rows from the beginning on.
    rows: f64,
}

impl Slices {
    /// `rows`: about so many in the first one.
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    pub fn new(lots: Vec<Lot>, order: Order, rows: usize) -> Self {
        let rows = rows as f64;
        Slices { lots, order, left: Some((i64::MIN, i64::MAX)), rows }
    }

    /// How many rows are told before those of the other side of a moment.
    fn rows_up_to(&self, moment: i64) -> f64 {
        let side = match self.order {
            Order::NewestFirst => (moment, i64::MAX),
            Order::OldestFirst => (i64::MIN, moment),
        };
        self.lots.iter().filter_map(|lot| lot.within(side)).map(|lot| lot.rows).sum()
    }

    /// The moment up to which there are as many rows as wanted; `None`: there are not that many.
    fn edge(&self) -> Option<i64> {
        let mut first = self.lots.iter().map(|lot| lot.span.0).min()?;
        let mut last = self.lots.iter().map(|lot| lot.span.1).max()?;
        let all = match self.order {
            Order::NewestFirst => first,
            Order::OldestFirst => last,
        };
        if self.rows_up_to(all) <= self.rows {
            return None;
        }
        while first < last {
            // Rounded to the side that is told first.
            let half = match self.order {
                Order::NewestFirst => last.abs_diff(first).div_ceil(2),
                Order::OldestFirst => last.abs_diff(first) / 2,
            };
            let middle = first.saturating_add_unsigned(half);
            let enough = self.rows_up_to(middle) >= self.rows;
            match (self.order, enough) {
                (Order::NewestFirst, true) => first = middle,
                (Order::NewestFirst, false) => last = middle - 1,
                (Order::OldestFirst, true) => last = middle,
                (Order::OldestFirst, false) => first = middle + 1,
            }
        }
        Some(first)
    }
}

impl Iterator for Slices {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let (first, last) = self.left?;
        let edge = self.edge().filter(|edge| (first..=last).contains(edge));
        self.rows *= GROWTH;
        let (slice, left) = match (self.order, edge) {
            (_, None) => ((first, last), None),
            (Order::NewestFirst, Some(edge)) => ((edge, last), edge.checked_sub(1).map(|last| (first, last))),
            (Order::OldestFirst, Some(edge)) => {
                ((first, edge), edge.checked_add(1).map(|first| (first, last)))
            }
        };
        self.left = left;
        Some(slice)
    }
}
