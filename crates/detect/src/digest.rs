//! Names for things that are too long to keep: groups, requests, alerts.

use std::collections::{HashMap, HashSet};
use std::fmt;

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The first 128 bits of a SHA-256, over parts whose lengths are hashed too.
///
/// A cryptographic one, because what is hashed comes from whoever is watched: user names, audit ids, object names. With a
/// weaker one somebody could choose a name that shares another's window, or is taken for a request already seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(u128);

impl Digest {
    pub(crate) const LEAST: Digest = Digest(0);
    pub(crate) const MOST: Digest = Digest(u128::MAX);
}

/// Digests are spread over tables with a seed of the process: nobody who chooses what is hashed can fill one place.
pub(crate) type ByDigest<V> = HashMap<Digest, V, RandomState>;

/// As [`ByDigest`].
pub(crate) type Digests = HashSet<Digest, RandomState>;

/// Collects the parts of a [`Digest`], and hashes them in one go: most are a few bytes long.
pub(crate) struct Hasher(Vec<u8>);

impl Hasher {
    /// `kind` keeps digests of different things apart.
    pub(crate) fn new(kind: &str) -> Self {
        Hasher(Vec::with_capacity(256)).part(kind.as_bytes())
    }

    #[must_use]
    pub(crate) fn part(mut self, bytes: &[u8]) -> Self {
        self.add(bytes);
        self
    }

    #[must_use]
    pub(crate) fn digest(self, digest: Digest) -> Self {
        self.part(&digest.0.to_be_bytes())
    }

    #[must_use]
    pub(crate) fn number(self, number: i64) -> Self {
        self.part(&number.to_be_bytes())
    }

    #[must_use]
    pub(crate) fn size(self, size: usize) -> Self {
        self.part(&(size as u64).to_be_bytes())
    }

    /// What `add` adds, behind how many it says that it has added.
    #[must_use]
    pub(crate) fn counted(mut self, add: impl FnOnce(&mut Self) -> usize) -> Self {
        let at = self.0.len();
        self = self.size(0);
        let count = add(&mut self) as u64;
        // Behind the length of the number.
        if let Some(place) = self.0.get_mut(at + 8..at + 16) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        self
    }

    /// As [`Hasher::part`].
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let hash = Sha256::digest(&self.0);
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Digest(u128::from_be_bytes(first))
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let read = (text.len() == 32).then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        read.map(Digest).ok_or_else(|| serde::de::Error::custom("a digest has 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[&str]| {
            parts.iter().fold(Hasher::new("test"), |hasher, part| hasher.part(part.as_bytes())).finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }

    #[test]
    fn what_is_counted_is_hashed_behind_its_number() {
        let counted = Hasher::new("test").counted(|hasher| {
            hasher.add(b"a");
            hasher.add(b"b");
            2
        });
        let plain = Hasher::new("test").size(2).part(b"a").part(b"b");
        assert_eq!(counted.part(b"c").finish(), plain.part(b"c").finish());
    }

    #[test]
    fn a_digest_is_the_same_in_every_version() {
        let digest = Hasher::new("alert").part(b"rule").number(1).finish();
        assert_eq!(digest.to_string(), "265ad2e4257f176a0b3593d6898ab1b2");
        assert_eq!(serde_json::from_str::<Digest>(&serde_json::to_string(&digest).unwrap()).unwrap(), digest);
    }
}
