//! Words about many things of a kind: about some one by one, of the others how many they are.

use std::time::{Duration, Instant};

/// So many are told one by one,
const TOLD_MAX: u64 = 10;

/// and then as many again after so long.
const PERIOD: Duration = Duration::from_mins(1);

/// What was told of late, and how much was not.
#[derive(Debug, Default)]
pub(super) struct Sparing {
    since: Option<Instant>,
    told: u64,
    untold: u64,
}

impl Sparing {
    /// Whether so many things are to be told now; if not, they are in what [`Self::rest`] gives.
    pub(super) fn tells(&mut self, now: Instant, things: u64) -> bool {
        self.since.get_or_insert(now);
        let tells = self.told < TOLD_MAX;
        if tells {
            self.told += 1;
        } else {
            self.untold += things;
        }
        tells
    }

    /// How many were not told, when there were such and enough time has passed.
    pub(super) fn rest(&mut self, now: Instant) -> Option<u64> {
        let over = self.since.is_some_and(|since| now.saturating_duration_since(since) >= PERIOD);
        if over { self.end() } else { None }
    }

    /// The same, however little time has passed.
    pub(super) fn end(&mut self) -> Option<u64> {
        let untold = std::mem::take(self).untold;
        (untold > 0).then_some(untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_counted() {
        let (mut sparing, now) = (Sparing::default(), Instant::now());
        assert_eq!(sparing.rest(now), None);
        let told = (0..TOLD_MAX + 3).filter(|_| sparing.tells(now, 2)).count() as u64;
        assert_eq!((told, sparing.rest(now)), (TOLD_MAX, None));
        assert_eq!(sparing.rest(now + PERIOD), Some(6));
        assert_eq!(sparing.rest(now + PERIOD), None);
        assert!(sparing.tells(now + PERIOD, 1), "it begins anew");
        assert_eq!(sparing.end(), None);
    }
}
