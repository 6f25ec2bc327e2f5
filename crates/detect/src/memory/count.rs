//! A sliding window of one group: how many events, how many different values, which numbers, lately.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{Evidence, Weigh};
use crate::digest::{ByDigest, Digest};
use crate::plan::Counted;
use crate::time::Micros;

/// What happened in one group within the window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Window {
    /// In order.
    events: VecDeque<Micros>,
    values: Values,
    /// In order of time.
    numbers: VecDeque<(Micros, f64)>,
    pub(crate) evidence: Evidence,
}

/// Values with the last time each was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Digest, Micros)>", into = "Vec<(Digest, Micros)>")]
struct Values {
    last: ByDigest<Micros>,
    by_time: BTreeSet<(Micros, Digest)>,
}

impl Window {
    /// Notes an event, and says how many there are from `from` up to it.
    pub(crate) fn event(&mut self, time: Micros, from: Micros) -> u64 {
        let place = self.events.partition_point(|other| *other <= time);
        self.events.insert(place, time);
        (place + 1 - self.events.partition_point(|other| *other < from)) as u64
    }

    /// Notes an event's values, and says how many different ones there are from `from` up to it.
    pub(crate) fn values(&mut self, values: &[Digest], time: Micros, from: Micros) -> u64 {
        for value in values {
            self.values.note(*value, time);
        }
        let seen = &self.values.by_time;
        let earlier = seen.range(..(from, Digest::LEAST)).count();
        let later = seen.range((Bound::Excluded((time, Digest::MOST)), Bound::Unbounded)).count();
        (seen.len() - earlier - later) as u64
    }

    /// Notes an event's numbers, and makes one of all those from `from` up to it; `None` of none.
    pub(crate) fn numbers(
        &mut self,
        numbers: &[f64],
        time: Micros,
        from: Micros,
        statistic: Counted,
    ) -> Option<f64> {
        for number in numbers {
            let place = self.numbers.partition_point(|(other, _)| *other <= time);
            self.numbers.insert(place, (time, *number));
        }
        let recent = self.numbers.iter().filter(|(at, _)| (from..=time).contains(at));
        let mut recent: Vec<f64> = recent.map(|(_, number)| *number).collect();
        match statistic {
            _ if recent.is_empty() => None,
            Counted::Average => Some(recent.iter().sum::<f64>() / recent.len() as f64),
            Counted::Percentile(percent) => {
                let rank = (recent.len() * usize::from(percent.min(100))).div_ceil(100).max(1) - 1;
                recent.sort_by(f64::total_cmp);
                recent.get(rank).copied()
            }
            Counted::Sum | Counted::Events | Counted::Distinct => Some(recent.iter().sum()),
        }
    }

    /// Gives up what happened before `from`, and the oldest beyond `entries_max`, which is counted.
    pub(crate) fn prune(&mut self, from: Micros, entries_max: usize, dropped: &mut u64) {
        while self.events.front().is_some_and(|time| *time < from) {
            self.events.pop_front();
        }
        while self.events.len() > entries_max {
            self.events.pop_front();
            *dropped += 1;
        }
        while self.numbers.front().is_some_and(|(time, _)| *time < from) {
            self.numbers.pop_front();
        }
        while self.numbers.len() > entries_max {
            self.numbers.pop_front();
            *dropped += 1;
        }
        while self.values.by_time.first().is_some_and(|(time, _)| *time < from) {
            self.values.pop();
        }
        while self.values.by_time.len() > entries_max {
            self.values.pop();
            *dropped += 1;
        }
        self.evidence.prune(from);
    }

    /// The last time that is remembered.
    pub(crate) fn newest(&self) -> Option<Micros> {
        let value = self.values.by_time.last().map(|(time, _)| *time);
        let number = self.numbers.back().map(|(time, _)| *time);
        self.events.back().copied().max(value).max(number)
    }
}

impl Weigh for Window {
    fn weight(&self) -> usize {
        1 + self.events.len() + self.values.by_time.len() + self.numbers.len() + self.evidence.len()
    }
}

impl Values {
    fn note(&mut self, value: Digest, time: Micros) {
        let last = self.last.entry(value).or_insert(time);
        if *last < time {
            self.by_time.remove(&(*last, value));
            *last = time;
        }
        self.by_time.insert((*last, value));
    }

    fn pop(&mut self) {
        if let Some((_, value)) = self.by_time.pop_first() {
            self.last.remove(&value);
        }
    }
}

impl From<Vec<(Digest, Micros)>> for Values {
    fn from(pairs: Vec<(Digest, Micros)>) -> Self {
        let mut values = Values::default();
        for (value, time) in pairs {
            values.note(value, time);
        }
        values
    }
}

impl From<Values> for Vec<(Digest, Micros)> {
    fn from(values: Values) -> Self {
        values.by_time.into_iter().map(|(time, value)| (value, time)).collect()
    }
}
