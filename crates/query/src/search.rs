//! What was searched for.

use auditward_event::MicroTime;
use auditward_expr::Expr;

use crate::Clusters;

/// What is searched for. All four have to be so of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The event's `stageTimestamp` is this or later.
    pub since: Option<MicroTime>,
    /// The event's `stageTimestamp` is before this.
    pub until: Option<MicroTime>,
    /// Which clusters it comes from.
    pub clusters: Clusters,
    /// What is so of the event itself.
    pub expr: Expr,
}

impl Search {
    /// Every event for which `expr` is true.
    pub const fn of(expr: Expr) -> Self {
        Search { since: None, until: None, clusters: Clusters::all(), expr }
    }

    /// The same within these bounds as well.
    #[must_use]
    pub fn within(mut self, since: Option<MicroTime>, until: Option<MicroTime>) -> Self {
        self.since = self.since.max(since);
        self.until = match (self.until, until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self
    }

    /// Whether an event of that moment may be meant.
    pub fn spans(&self, time: MicroTime) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// Every event.
impl Default for Search {
    fn default() -> Self {
        Search::of(Expr::Const(true))
    }
}
