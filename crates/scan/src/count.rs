//! How many events there are.

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use auditward_query::Search;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::lit;
use datafusion::prelude::col;

use crate::answer::{moment_at, single};
use crate::{Scan, ScanError};
use auditward_event::MicroTime;

/// How many events there are, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// How many.
    pub events: u64,
    /// When the first and the last of them happened; `None` of none.
    pub between: Option<(MicroTime, MicroTime)>,
}

impl Scan {
    /// How many events are meant, and between which moments.
    pub async fn count(&self, search: &Search) -> Result<Counted, ScanError> {
        let (scan, search) = (self.clone(), search.clone());
        self.run(async move {
            let question = scan.question(&search, &scan.inner.store.snapshot())?;
            if question.rows.is_empty() {
                return Ok(Counted::default());
            }
            let numbers = vec![count(lit(1_i64)), min(col("time")), max(col("time"))];
            let Some(row) = single(question.frame(&scan)?.aggregate(vec![], numbers)?).await? else {
                return Ok(Counted::default());
            };
            let events = row.column(0).as_primitive_opt::<Int64Type>().map_or(0, |counts| counts.value(0));
            let between = moment_at(&row, 1, 0).zip(moment_at(&row, 2, 0));
            Ok(Counted { events: u64::try_from(events).unwrap_or_default(), between })
        })
        .await
    }
}
