//! The keys that a first-seen rule knows, each with the time it was seen last.
//!
//! Most matches of such a rule are of a key that it knows, so seeing one again must cost next to nothing: its time is raised,
//! and its place in the order of times is put right only when somebody asks for the oldest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::{ByDigest, Digest};
use crate::time::Micros;

/// By key, and by when each was seen last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Digest, Micros)>", into = "Vec<(Digest, Micros)>")]
pub(crate) struct Known {
    entries: ByDigest<Entry>,
    /// Each key once, with a time at which it was seen: the last one or an earlier one.
    order: BTreeSet<(Micros, Digest)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    last: Micros,
    /// The time with which it stands in the order.
    placed: Micros,
}

impl Known {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the key was seen at `from` or later. If so it is seen once more, at `time`.
    pub(crate) fn again(&mut self, key: Digest, time: Micros, from: Micros) -> bool {
        match self.entries.get_mut(&key) {
            Some(entry) if entry.last >= from => {
                entry.last = entry.last.max(time);
                true
            }
            _ => false,
        }
    }

    /// The key is seen at `time`.
    pub(crate) fn note(&mut self, key: Digest, time: Micros) {
        if self.again(key, time, Micros::MIN) {
            return;
        }
        self.entries.insert(key, Entry { last: time, placed: time });
        self.order.insert((time, key));
    }

    /// When the one that was not seen for longest was seen last.
    pub(crate) fn oldest(&mut self) -> Option<Micros> {
        loop {
            let (placed, key) = *self.order.first()?;
            let entry = self.entries.get_mut(&key)?;
            if entry.last == placed {
                return Some(placed);
            }
            entry.placed = entry.last;
            self.order.remove(&(placed, key));
            self.order.insert((entry.placed, key));
        }
    }

    /// Gives up the one that was not seen for longest; false if there is none.
    pub(crate) fn evict(&mut self) -> bool {
        if self.oldest().is_none() {
            return false;
        }
        let oldest = self.order.pop_first();
        oldest.is_some_and(|(_, key)| self.entries.remove(&key).is_some())
    }
}

impl From<Vec<(Digest, Micros)>> for Known {
    fn from(pairs: Vec<(Digest, Micros)>) -> Self {
        let mut known = Known::default();
        for (key, time) in pairs {
            known.note(key, time);
        }
        known
    }
}

/// The one that was not seen for longest first.
impl From<Known> for Vec<(Digest, Micros)> {
    fn from(known: Known) -> Self {
        let mut pairs: Vec<_> = known.entries.into_iter().map(|(key, entry)| (key, entry.last)).collect();
        pairs.sort_unstable_by_key(|(key, time)| (*time, *key));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Hasher;

    fn key(name: &str) -> Digest {
        Hasher::new("test").part(name.as_bytes()).finish()
    }

    #[test]
    fn what_was_not_seen_for_longest_goes_first() {
        let mut known = Known::default();
        assert!(!known.again(key("a"), 1, 0) && !known.evict());
        for (name, time) in [("a", 1), ("b", 2), ("c", 3)] {
            known.note(key(name), time);
        }
        assert!(known.again(key("a"), 9, 1));
        assert!(known.again(key("b"), 1, 2), "a time that comes late changes nothing");
        assert!(!known.again(key("c"), 9, 4), "too long ago");
        assert_eq!((known.len(), known.oldest()), (3, Some(2)));
        let saved = serde_json::to_string(&known).unwrap();
        let restored: Known = serde_json::from_str(&saved).unwrap();
        assert_eq!(serde_json::to_string(&restored).unwrap(), saved);
        for mut known in [known, restored] {
            let mut order = Vec::new();
            while let Some(time) = known.oldest() {
                order.push(time);
                assert!(known.evict());
            }
            assert_eq!((order, known.len()), (vec![2, 3, 9], 0));
        }
    }
}
