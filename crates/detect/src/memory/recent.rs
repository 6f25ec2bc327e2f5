//! What was seen lately, up to a number.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digests};

/// A set that forgets the oldest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Digest>", into = "Vec<Digest>")]
pub(crate) struct Recent {
    set: Digests,
    order: VecDeque<Digest>,
}

/// What came of noting something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    New,
    Known,
}

impl Recent {
    /// Notes `digest`; `forgotten` is counted up for each that had to go.
    pub(crate) fn note(&mut self, digest: Digest, max: usize, forgotten: &mut u64) -> Noted {
        if !self.set.insert(digest) {
            return Noted::Known;
        }
        self.order.push_back(digest);
        while self.order.len() > max.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                self.set.remove(&oldest);
                *forgotten += 1;
            }
        }
        Noted::New
    }
}

impl From<Vec<Digest>> for Recent {
    fn from(digests: Vec<Digest>) -> Self {
        Recent { set: digests.iter().copied().collect(), order: digests.into() }
    }
}

impl From<Recent> for Vec<Digest> {
    fn from(recent: Recent) -> Self {
        recent.order.into()
    }
}
