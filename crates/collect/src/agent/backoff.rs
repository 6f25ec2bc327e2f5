//! How long to wait before the next attempt: with full jitter, so that many agents that lost the same server do not all
//! come back at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

pub(super) struct Backoff {
    failed: u32,
    random: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { failed: 0, random: seed }
    }

    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// Anything from nothing to twice as long as before; after what the server asked for, if it asked. Who asks for little
    /// each time is not asked at that pace for ever.
    pub(super) fn failed(&mut self, asked: Option<Duration>) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failed.min(16)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        match asked {
            Some(asked) => {
                let soon = asked + self.some_of(longest.min(asked / 4 + FIRST));
                soon.max(self.some_of(longest))
            }
            None => self.some_of(longest),
        }
    }

    fn some_of(&mut self, longest: Duration) -> Duration {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        Duration::from_millis((z ^ (z >> 31)) % millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_and_longer_but_not_for_ever() {
        let mut longest = [Duration::ZERO; 12];
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed);
            for longest in &mut longest {
                *longest = backoff.failed(None).max(*longest);
            }
        }
        assert!(longest[0] <= FIRST && longest[0] > FIRST / 2, "{longest:?}");
        assert!(longest[3] <= FIRST * 8 && longest[3] > FIRST * 4, "{longest:?}");
        assert!(longest[11] <= LONGEST && longest[11] > LONGEST / 2, "{longest:?}");
    }

    #[test]
    fn not_before_the_server_wants() {
        let mut backoff = Backoff::new(1);
        for _ in 0..4 {
            let wait = backoff.failed(Some(Duration::from_secs(8)));
            assert!((8000..=10500).contains(&wait.as_millis()), "{wait:?}");
        }
        let waits: Duration = (0..50).map(|_| backoff.failed(Some(Duration::ZERO))).sum();
        assert!(waits > LONGEST * 10, "{waits:?}");
        backoff.succeeded();
        assert!(backoff.failed(None) <= FIRST);
    }
}
