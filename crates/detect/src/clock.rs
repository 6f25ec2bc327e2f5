//! What time it is, going by the events.
//!
//! One event whose time is a year ahead must not end every window, and a pause of a day must not look like a broken clock.
//! So the time is the median of the last events: a single wrong clock does not move it, and a jump counts once most
//! events agree. It may go backwards, and nothing is thrown away because of what it says but what is idle.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

/// The median of the last event times.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    recent: VecDeque<Micros>,
    /// Their median, once somebody has asked for it.
    #[serde(skip)]
    median: Option<Micros>,
}

impl Clock {
    /// Odd, so that there is a middle one. So many events, or half of them, must agree that time has jumped.
    const RECENT: usize = 63;

    pub(crate) fn observe(&mut self, time: Micros) {
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(time);
        self.median = None;
    }

    /// `None` before the first event.
    pub(crate) fn now(&mut self) -> Option<Micros> {
        self.median = self.median.or_else(|| self.find_median());
        self.median
    }

    fn find_median(&self) -> Option<Micros> {
        let mut times = [0; Self::RECENT];
        let times = &mut times[..self.recent.len().min(Self::RECENT)];
        for (copy, time) in times.iter_mut().zip(&self.recent) {
            *copy = *time;
        }
        let middle = times.len() / 2;
        (!times.is_empty()).then(|| *times.select_nth_unstable(middle).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: impl IntoIterator<Item = Micros>) -> Option<Micros> {
        let mut clock = Clock::default();
        times.into_iter().for_each(|time| clock.observe(time));
        clock.now()
    }

    #[test]
    fn one_wrong_clock_does_not_move_it() {
        assert_eq!(after([]), None);
        assert_eq!(after([7]), Some(7));
        assert_eq!(after((0..63).chain([1_000_000_000])), Some(32));
        assert_eq!(after((1000..1063).chain([0])), Some(1031));
    }

    #[test]
    fn a_jump_counts_once_most_events_agree() {
        assert_eq!(after((0..63).chain(std::iter::repeat_n(10_000, 31))), Some(62));
        assert_eq!(after((0..63).chain(std::iter::repeat_n(10_000, 32))), Some(10_000));
        assert_eq!(after((5000..5063).chain(std::iter::repeat_n(7, 32))), Some(7));
    }
}
