//! Matches that wait for their turn, because an earlier event may still come.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::Limits;
use crate::hit::{Event, Facts, Hit, Key, Turn, Which};
use crate::texts::Texts;
use crate::time::Micros;

/// By turn, and in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    by_turn: BTreeMap<Turn, Box<Event>>,
    /// With the number of events that had been seen when each came. May name what has left already.
    by_arrival: VecDeque<(u64, Turn)>,
    hits: usize,
    bytes: usize,
}

impl Waiting {
    /// A copy of what is waiting already is dropped.
    pub(crate) fn push(&mut self, event: Event, seen: u64) {
        let turn = event.turn();
        let waiting = match self.by_turn.entry(turn) {
            Entry::Vacant(free) => {
                self.by_arrival.push_back((seen, turn));
                free.insert(Box::new(event))
            }
            Entry::Occupied(known) => {
                let known = known.into_mut();
                self.hits -= known.hits.len();
                self.bytes = self.bytes.saturating_sub(known.bytes());
                known.join(event);
                known
            }
        };
        self.hits += waiting.hits.len();
        self.bytes += waiting.bytes();
        // Most leave in another order than they came in, so those that have left are looked for now and then.
        if self.by_arrival.len() > 2 * self.by_turn.len() + 1024 {
            self.by_arrival.retain(|(_, turn)| self.by_turn.contains_key(turn));
        }
    }

    /// The next one that happened before `until`.
    pub(crate) fn pop_before(&mut self, until: Micros) -> Option<Event> {
        let first = self.by_turn.first_entry().filter(|entry| entry.key().0 < until)?;
        let event = first.remove();
        Some(self.left(*event))
    }

    /// The next one for which no more time is left, or no more room. `seen` is how many events have been.
    pub(crate) fn pop_forced(&mut self, seen: u64, limits: &Limits) -> Option<Event> {
        let overdue = |came: u64| seen.saturating_sub(came) > limits.waiting_events_max;
        while let Some((_, turn)) = self.by_arrival.pop_front_if(|(came, _)| overdue(*came)) {
            if let Some(event) = self.by_turn.remove(&turn) {
                return Some(self.left(*event));
            }
        }
        let crowded = self.hits > limits.waiting_max || self.bytes > limits.waiting_bytes_max;
        if !crowded {
            return None;
        }
        let (_, event) = self.by_turn.pop_first()?;
        Some(self.left(*event))
    }

    pub(crate) fn hits(&self) -> impl Iterator<Item = &Hit> {
        self.by_turn.values().flat_map(|event| &event.hits)
    }

    /// Works on each of them; nothing that decides whose turn it is may change.
    pub(crate) fn for_each(&mut self, mut work: impl FnMut(&mut Event)) {
        let mut bytes = 0;
        for event in self.by_turn.values_mut() {
            work(event);
            bytes += event.bytes();
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

    /// Gives every match another rule's number, or drops it where there is none.
    pub(crate) fn renumber(mut self, number: impl Fn(usize) -> Option<usize>) -> Self {
        let mut renumbered = Waiting::default();
        for (came, turn) in self.by_arrival {
            let Some(mut event) = self.by_turn.remove(&turn) else { continue };
            event.hits.retain_mut(|hit| number(hit.rule).map(|rule| hit.rule = rule).is_some());
            if !event.hits.is_empty() {
                event.sort();
                renumbered.push(*event, came);
            }
        }
        renumbered
    }

    fn left(&mut self, event: Event) -> Event {
        self.hits -= event.hits.len();
        self.bytes = self.bytes.saturating_sub(event.bytes());
        if self.by_turn.is_empty() {
            self.by_arrival.clear();
        }
        event
    }
}

/// A match as it is saved, with all that is known of its event.
#[derive(Serialize, Deserialize)]
struct Saved {
    rule: usize,
    input: usize,
    keys: Arc<[Key]>,
    facts: SavedFacts,
    values: Texts,
}

#[derive(Serialize, Deserialize)]
struct SavedFacts {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    facts: Arc<Facts>,
}

/// The matches with when they came, in that order. What is not read yet would be lost: whoever saves has it read first.
impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = |event: &Event, hit: &Hit| Saved {
            rule: hit.rule,
            input: hit.input,
            keys: hit.keys.clone(),
            facts: SavedFacts { which: event.which.clone(), facts: event.facts.clone().unwrap_or_default() },
            values: hit.told.clone().unwrap_or_default(),
        };
        let events = self.by_arrival.iter().filter_map(|(came, turn)| Some((came, self.by_turn.get(turn)?)));
        let hits =
            events.flat_map(|(came, event)| event.hits.iter().map(move |hit| (came, saved(event, hit))));
        serializer.collect_seq(hits)
    }
}

impl<'de> Deserialize<'de> for Waiting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut waiting = Waiting::default();
        for (came, saved) in Vec::<(u64, Saved)>::deserialize(deserializer)? {
            let SavedFacts { which, facts } = saved.facts;
            let (rule, input, keys) = (saved.rule, saved.input, saved.keys);
            let hit = Hit { rule, input, keys, told: Some(saved.values) };
            waiting.push(Event { which, text: Box::default(), facts: Some(facts), hits: vec![hit] }, came);
        }
        Ok(waiting)
    }
}
