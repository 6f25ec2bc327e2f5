//! A search made ready to be asked of many events.

use auditward_expr::{BadMatch, Compiled, Subject};

use crate::Search;

/// A search made ready to be asked of events one by one: what a live tail does.
#[derive(Debug)]
pub struct Matcher {
    search: Search,
    compiled: Compiled,
}

impl Matcher {
    /// Fails on an expression whose patterns do not compile; one that was parsed here has none.
    pub fn new(search: Search) -> Result<Self, Vec<BadMatch>> {
        Ok(Matcher { compiled: Compiled::new(&search.expr)?, search })
    }

    /// What it was made of.
    pub const fn search(&self) -> &Search {
        &self.search
    }

    /// Whether an event of that cluster is meant. An event without a `stageTimestamp` lies in no span of time.
    pub fn holds(&self, cluster: &str, subject: &Subject<'_>) -> bool {
        let timeless = self.search.since.is_none() && self.search.until.is_none();
        let in_time = || subject.event().stage_time().is_some_and(|time| self.search.spans(time));
        self.search.clusters.holds(cluster) && (timeless || in_time()) && self.compiled.holds(subject)
    }
}
