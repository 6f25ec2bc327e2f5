//! A dimension of plain words: some, or all but some.

use std::collections::BTreeSet;
use std::sync::Arc;

/// A set of strings: finitely many, or all but finitely many.
///
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Words {
    /// These and no others.
    Only(Arc<BTreeSet<Arc<str>>>),
    /// Every string but these.
    Except(Arc<BTreeSet<Arc<str>>>),
}

impl Words {
    /// Every string.
    pub fn any() -> Self {
        Self::Except(Arc::default())
    }

    /// These strings and no others.
    pub fn only<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::Only(Arc::new(words.into_iter().map(|word| Arc::from(word.as_ref())).collect()))
    }

    /// Every string but these.
    pub fn except<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::only(words).complement()
    }

    /// The words of a rule's condition, where an empty list means any.
    pub(super) fn condition(words: &[String]) -> Self {
        if words.is_empty() { Self::any() } else { Self::only(words) }
    }

    /// Whether this is every string.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Except(words) if words.is_empty())
    }

    /// Whether this is no string at all.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(words) if words.is_empty())
    }

    /// Whether `word` is in the set.
    pub fn contains(&self, word: &str) -> bool {
        match self {
            Self::Only(words) => words.contains(word),
            Self::Except(words) => !words.contains(word),
        }
    }

    /// Whether some string for which `allowed` holds is in the set; `allowed` must hold for infinitely many.
    pub(super) fn contains_any(&self, allowed: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Only(words) => words.iter().any(|word| allowed(word)),
            Self::Except(_) => true,
        }
    }

    /// Every string that is not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        match self {
            Self::Only(words) => Self::Except(words.clone()),
            Self::Except(words) => Self::Only(words.clone()),
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (set, any) | (any, set) if any.is_any() => set.clone(),
            (Self::Only(a), Self::Only(b)) => Self::Only(Arc::new(a.intersection(b).cloned().collect())),
            (Self::Only(a), Self::Except(b)) | (Self::Except(b), Self::Only(a)) => {
                Self::Only(Arc::new(a.difference(b).cloned().collect()))
            }
            (Self::Except(a), Self::Except(b)) => Self::Except(Arc::new(a.union(b).cloned().collect())),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.complement().and(&other.complement()).complement()
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.and(&other.complement())
    }

    /// Whether the two have a string in common. Allocates nothing.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => !a.is_disjoint(b),
            (Self::Only(a), Self::Except(b)) | (Self::Except(b), Self::Only(a)) => !a.is_subset(b),
            (Self::Except(_), Self::Except(_)) => true,
        }
    }

    /// How many words the set names.
    pub(super) fn len(&self) -> usize {
        let (Self::Only(words) | Self::Except(words)) = self;
        words.len()
    }

    /// The words that the set names, whether as members or as exceptions.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let (Self::Only(words) | Self::Except(words)) = self;
        words.iter().map(AsRef::as_ref)
    }

    /// The members, where there are finitely many.
    pub fn members(&self) -> Option<impl Iterator<Item = &str>> {
        match self {
            Self::Only(words) => Some(words.iter().map(AsRef::as_ref)),
            Self::Except(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complement_is_what_is_left() {
        let few = Words::only(["a", "b"]);
        let most = Words::except(["b", "c"]);
        assert_eq!(few.and(&most), Words::only(["a"]));
        assert_eq!(few.or(&most), Words::except(["c"]));
        assert_eq!(few.minus(&most), Words::only(["b"]));
        assert_eq!(most.minus(&few), Words::except(["a", "b", "c"]));
        assert!(few.minus(&few).is_none());
        assert!(few.or(&few.complement()).is_any());
    }
}
