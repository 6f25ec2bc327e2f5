//! A map that knows what was touched least recently.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::digest::{ByDigest, Digest};

/// What a group holds, for limits.
pub(crate) trait Weigh {
    /// Entries, at least one.
    fn weight(&self) -> usize;
}

/// By key, and in the order in which they were touched.
#[derive(Debug, Clone)]
pub(crate) struct Lru<V> {
    entries: ByDigest<Entry<V>>,
    order: BTreeMap<u64, Digest>,
    next: u64,
    weight: usize,
}

#[derive(Debug, Clone)]
struct Entry<V> {
    touched: u64,
    weight: usize,
    value: V,
}

impl<V> Default for Lru<V> {
    fn default() -> Self {
        Lru { entries: ByDigest::default(), order: BTreeMap::new(), next: 0, weight: 0 }
    }
}

impl<V: Weigh> Lru<V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The sum of all weights, as they were after each [`Lru::update`].
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn get(&self, key: Digest) -> Option<&V> {
        self.entries.get(&key).map(|entry| &entry.value)
    }

    /// Works on the value of `key`, made if it is not there, which becomes the one touched last.
    pub(crate) fn update<T>(
        &mut self,
        key: Digest,
        make: impl FnOnce() -> V,
        work: impl FnOnce(&mut V) -> T,
    ) -> T {
        let touched = self.next;
        let entry = self.entries.entry(key).or_insert_with(|| Entry { touched, weight: 0, value: make() });
        // Often it is the last one already.
        if entry.touched + 1 != touched {
            self.next += 1;
            self.order.remove(&entry.touched);
            self.order.insert(touched, key);
            entry.touched = touched;
        }
        let done = work(&mut entry.value);
        self.weight -= entry.weight;
        entry.weight = entry.value.weight();
        self.weight += entry.weight;
        done
    }

    /// What was touched least recently.
    pub(crate) fn oldest(&self) -> Option<&V> {
        let (_, key) = self.order.first_key_value()?;
        self.get(*key)
    }

    /// Gives up what was touched least recently; false if there is nothing.
    pub(crate) fn evict(&mut self) -> bool {
        let Some((_, key)) = self.order.pop_first() else { return false };
        self.weight -= self.entries.remove(&key).map_or(0, |entry| entry.weight);
        true
    }
}

/// Pairs of key and value, least recently touched first.
impl<V: Serialize> Serialize for Lru<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.order.values();
        serializer.collect_seq(values.filter_map(|key| Some((key, &self.entries.get(key)?.value))))
    }
}

impl<'de, V: Weigh + DeserializeOwned> Deserialize<'de> for Lru<V> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut lru = Lru::default();
        for (key, value) in Vec::<(Digest, V)>::deserialize(deserializer)? {
            lru.update(key, || value, |_| {});
        }
        Ok(lru)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Hasher;

    impl Weigh for u8 {
        fn weight(&self) -> usize {
            usize::from(*self)
        }
    }

    fn key(name: &str) -> Digest {
        Hasher::new("test").part(name.as_bytes()).finish()
    }

    #[test]
    fn the_least_recently_touched_goes_first() {
        let mut lru = Lru::default();
        for (name, weight) in [("a", 1), ("b", 2), ("c", 4)] {
            lru.update(key(name), || weight, |_| {});
        }
        lru.update(key("a"), || 0, |value| *value += 8);
        assert_eq!((lru.len(), lru.weight()), (3, 15));
        assert_eq!(lru.oldest(), Some(&2));
        assert!(lru.evict());
        assert_eq!((lru.len(), lru.weight(), lru.get(key("b"))), (2, 13, None));
        let again: Lru<u8> = serde_json::from_str(&serde_json::to_string(&lru).unwrap()).unwrap();
        assert_eq!((again.len(), again.weight(), again.oldest()), (2, 13, Some(&4)));
        assert!(lru.evict() && lru.evict() && !lru.evict());
        assert_eq!(lru.weight(), 0);
    }
}
