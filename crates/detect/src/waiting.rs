//! Matches that wait for their turn, because an earlier event may still come.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize, Serializer};

use crate::config::Limits;
use crate::hit::{Hit, Turn};
use crate::time::Micros;

/// By turn, and in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    by_turn: BTreeMap<Turn, Box<Hit>>,
    /// With the number of events that had been seen when each came. May name what has left already.
    by_arrival: VecDeque<(u64, Turn)>,
    bytes: usize,
}

impl Waiting {
    /// A copy of what is waiting already is dropped.
    pub(crate) fn push(&mut self, hit: Hit, seen: u64) {
        let (turn, bytes) = (hit.turn(), hit.bytes());
        let Entry::Vacant(free) = self.by_turn.entry(turn) else { return };
        free.insert(Box::new(hit));
        self.bytes += bytes;
        self.by_arrival.push_back((seen, turn));
        // Most leave in another order than they came in, so those that have left are looked for now and then.
        if self.by_arrival.len() > 2 * self.by_turn.len() + 1024 {
            self.by_arrival.retain(|(_, turn)| self.by_turn.contains_key(turn));
        }
    }

    /// The next one that happened before `until`.
    pub(crate) fn pop_before(&mut self, until: Micros) -> Option<Hit> {
        let first = self.by_turn.first_entry().filter(|entry| entry.key().0 < until)?;
        let hit = first.remove();
        Some(self.left(*hit))
    }

    /// The next one for which no more time is left, or no more room. `seen` is how many events have been.
    pub(crate) fn pop_forced(&mut self, seen: u64, limits: &Limits) -> Option<Hit> {
        let overdue = |came: u64| seen.saturating_sub(came) > limits.waiting_events_max;
        while let Some((_, turn)) = self.by_arrival.pop_front_if(|(came, _)| overdue(*came)) {
            if let Some(hit) = self.by_turn.remove(&turn) {
                return Some(self.left(*hit));
            }
        }
        let crowded = self.by_turn.len() > limits.waiting_max || self.bytes > limits.waiting_bytes_max;
        if !crowded {
            return None;
        }
        let (_, hit) = self.by_turn.pop_first()?;
        Some(self.left(*hit))
    }

    pub(crate) fn hits(&self) -> impl Iterator<Item = &Hit> {
        self.by_turn.values().map(|hit| &**hit)
    }

    /// Works on each of them; nothing that decides whose turn it is may change.
    pub(crate) fn for_each(&mut self, mut work: impl FnMut(&mut Hit)) {
        let mut bytes = 0;
        for hit in self.by_turn.values_mut() {
            work(hit);
            bytes += hit.bytes();
        }
        self.bytes = bytes;
    }

    /// When the next one happened.
    pub(crate) fn next(&self) -> Option<Micros> {
        self.by_turn.first_key_value().map(|(turn, _)| turn.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_turn.is_empty()
    }

    fn left(&mut self, hit: Hit) -> Hit {
        self.bytes = self.bytes.saturating_sub(hit.bytes());
        if self.by_turn.is_empty() {
            self.by_arrival.clear();
        }
        hit
    }
}

/// The matches with when they came, in that order.
impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let arrivals = self.by_arrival.iter();
        serializer.collect_seq(arrivals.filter_map(|(came, turn)| Some((came, self.by_turn.get(turn)?))))
    }
}

impl<'de> Deserialize<'de> for Waiting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut waiting = Waiting::default();
        for (came, hit) in Vec::<(u64, Hit)>::deserialize(deserializer)? {
            waiting.push(hit, came);
        }
        Ok(waiting)
    }
}

impl Waiting {
    /// Gives every match another rule's number, or drops it where there is none.
    pub(crate) fn renumber(self, number: impl Fn(usize) -> Option<usize>) -> Self {
        let mut renumbered = Waiting::default();
        let mut by_turn = self.by_turn;
        for (came, turn) in self.by_arrival {
            let Some(hit) = by_turn.remove(&turn) else { continue };
            if let Some(rule) = number(hit.rule) {
                renumbered.push(Hit { rule, ..*hit }, came);
            }
        }
        renumbered
    }
}
