//! The oracle: every event is looked at.

use auditward_event::{EventView, MicroTime};
use auditward_expr::Subject;
use auditward_query::{Matcher, Search};
use auditward_scan::Order;

/// What was put in.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) position: u64,
    pub(crate) cluster: String,
    pub(crate) received: MicroTime,
    pub(crate) event: Vec<u8>,
}

impl Row {
    /// What is no event has nothing in it.
    pub(crate) fn view(&self) -> EventView<'_> {
        EventView::parse(&self.event).or_else(|_| EventView::parse(b"{}")).unwrap()
    }

    pub(crate) fn time(&self) -> MicroTime {
        let view = self.view();
        view.stage_time().or_else(|| view.request_received()).unwrap_or(self.received)
    }
}

/// The rows that are meant, in the order of a search.
pub(crate) fn search<'r>(rows: &'r [Row], search: &Search, order: Order) -> Vec<&'r Row> {
    let matcher = Matcher::new(search.clone()).unwrap();
    let mut found: Vec<&Row> =
        rows.iter().filter(|row| matcher.holds(&row.cluster, &Subject::new(&row.view()))).collect();
    found.sort_by_key(|row| (row.time(), row.position));
    if order == Order::NewestFirst {
        found.reverse();
    }
    found
}
