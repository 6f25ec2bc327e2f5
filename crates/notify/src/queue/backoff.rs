//! How long to wait after a failure.

/// A target may ask for at most this with `Retry-After`: an hour, in microseconds.
pub const RETRY_AFTER_MAX: i64 = 3600 * 1_000_000;

/// Doubles from failure to failure. In microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: i64,
    pub(crate) longest: i64,
}

impl Backoff {
    /// The wait after so many failures in a row, of which a random part of up to half is taken off: targets that were
    /// lost together are not all tried together.
    pub(crate) fn after(self, failures: u32, random: &mut Random) -> i64 {
        let doubled = 1_i64.checked_shl(failures.saturating_sub(1)).filter(|factor| *factor > 0);
        let whole = doubled.and_then(|factor| self.first.checked_mul(factor)).unwrap_or(i64::MAX);
        let whole = whole.min(self.longest);
        whole - i64::try_from(random.below(u64::try_from(whole / 2).unwrap_or(0) + 1)).unwrap_or(0)
    }
}

/// Steele, Lea and Flood's `SplitMix64`: numbers that need not be unguessable.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be 0. Slightly uneven for huge ends.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_longest_and_half_of_it_is_chance() {
        let backoff = Backoff { first: 1_000_000, longest: 300_000_000 };
        let mut random = Random::new(1);
        for failures in [1, 2, 3, 9, 10, 62, 63, 64, 65, u32::MAX] {
            let whole = match failures {
                0..=9 => 1_000_000_i64 << (failures - 1),
                _ => 300_000_000,
            };
            let waits: Vec<i64> = (0..1000).map(|_| backoff.after(failures, &mut random)).collect();
            assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)), "{failures}");
            assert!(waits.iter().any(|wait| *wait < whole * 6 / 10));
            assert!(waits.iter().any(|wait| *wait > whole * 9 / 10));
        }
    }
}
