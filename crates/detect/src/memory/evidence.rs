//! The events behind an alert: the last ones, up to a number.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hit::{EventRef, Which};
use crate::time::Micros;

/// In the order in which they were noted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Evidence(VecDeque<(Micros, Arc<EventRef>)>);

impl Evidence {
    pub(crate) fn note(&mut self, which: &Which, max: usize) {
        self.0.push_back((which.time, which.mark.clone()));
        while self.0.len() > max.max(1) {
            self.0.pop_front();
        }
    }

    pub(crate) fn join<'e>(all: impl Iterator<Item = &'e Evidence>, max: usize) -> Self {
        let mut joined: VecDeque<_> = all.flat_map(|evidence| evidence.0.iter().cloned()).collect();
        // One event may be several steps where the order does not matter.
        let mut seen = Vec::new();
        joined.retain(|(_, mark)| {
            let new = !seen.contains(mark);
            seen.push(mark.clone());
            new
        });
        while joined.len() > max.max(1) {
            joined.pop_front();
        }
        Evidence(joined)
    }

    pub(crate) fn prune(&mut self, from: Micros) {
        self.0.retain(|(time, _)| *time >= from);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn events(&self) -> Vec<EventRef> {
        self.within(Micros::MIN..=Micros::MAX)
    }

    /// Those that happened then.
    pub(crate) fn within(&self, times: RangeInclusive<Micros>) -> Vec<EventRef> {
        let then = self.0.iter().filter(|(time, _)| times.contains(time));
        then.map(|(_, mark)| (**mark).clone()).collect()
    }
}
