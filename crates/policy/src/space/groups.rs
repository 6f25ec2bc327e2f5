//! The dimension of groups. A request carries a *set* of groups, so this is a set of sets.

use std::collections::BTreeSet;
use std::sync::Arc;

type Set = BTreeSet<Arc<str>>;

/// The requests whose user has at least one group of each set in `one_of` and none in `none_of`.
///
/// Kept in one normal form, so that equal sets are equal values: no `one_of` holds a word of `none_of`, and none
/// contains another.
///
/// It is empty when some `one_of` lies wholly in `none_of`. A request without a user has no groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Groups {
    one_of: Arc<BTreeSet<Set>>,
    none_of: Arc<Set>,
}

impl Groups {
    /// Any groups, or none.
    pub fn any() -> Self {
        Self::default()
    }

    /// At least one of `groups`.
    pub fn one_of<S: AsRef<str>>(groups: impl IntoIterator<Item = S>) -> Self {
        Self { one_of: Arc::new(BTreeSet::from([collect(groups)])), none_of: Arc::default() }
    }

    /// None of `groups`.
    pub fn none_of<S: AsRef<str>>(groups: impl IntoIterator<Item = S>) -> Self {
        Self { one_of: Arc::default(), none_of: Arc::new(collect(groups)) }
    }

    /// Whether this is every request.
    pub fn is_any(&self) -> bool {
        self.one_of.is_empty() && self.none_of.is_empty()
    }

    /// Whether no set of groups fits.
    pub fn is_none(&self) -> bool {
        // In normal form the words of `none_of` are already gone from it, and an empty set absorbs all others.
        self.one_of.first().is_some_and(BTreeSet::is_empty)
    }

    /// Whether a request must have some group.
    pub fn needs_one(&self) -> bool {
        !self.one_of.is_empty()
    }

    /// Whether a user with these groups fits.
    pub fn contains(&self, groups: &[impl AsRef<str>]) -> bool {
        let has = |set: &Set| groups.iter().any(|group| set.contains(group.as_ref()));
        self.one_of.iter().all(has) && !has(&self.none_of)
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if other.is_any() {
            return self.clone();
        }
        if self.is_any() {
            return other.clone();
        }
        Self::normal(
            self.one_of.iter().chain(other.one_of.iter()).cloned(),
            self.none_of.union(&other.none_of).cloned().collect(),
        )
    }

    /// What is in this set and not in the other, in disjoint pieces.
    pub(super) fn minus(&self, other: &Self) -> Vec<Self> {
        let mut rest = self.clone();
        let mut outside = Vec::new();
        for one_of in other.one_of.iter() {
            outside.push(rest.and(&Self::none_of(one_of)));
            rest = rest.and(&Self::one_of(one_of));
        }
        if !other.none_of.is_empty() {
            outside.push(rest.and(&Self::one_of(other.none_of.iter())));
        }
        outside.retain(|piece| !piece.is_none());
        outside
    }

    /// Whether the two may have something in common; `false` is certain, and allocates nothing.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let fits = |one_of: &BTreeSet<Set>, none_of: &Set| one_of.iter().all(|set| !set.is_subset(none_of));
        fits(&self.one_of, &other.none_of) && fits(&other.one_of, &self.none_of)
    }

    /// The union, where it is again one such set: `x` with one of `g`, and `x` with none of `g`.
    pub(super) fn or(&self, other: &Self) -> Option<Self> {
        let join = |with: &Self, without: &Self| {
            let group_set: Set = without.none_of.difference(&with.none_of).cloned().collect();
            let one_of = with.one_of.iter().filter(|set| **set != group_set).cloned();
            let both = Self::normal(one_of, (*with.none_of).clone());
            (both.and(&Self::one_of(&group_set)) == *with && both.and(&Self::none_of(&group_set)) == *without)
                .then_some(both)
        };
        join(self, other).or_else(|| join(other, self))
    }

    /// How many words the set names.
    pub(super) fn len(&self) -> usize {
        self.one_of.iter().map(BTreeSet::len).sum::<usize>() + self.none_of.len()
    }

    /// The sets of which each needs a group.
    pub fn needed(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.one_of.iter().map(|set| set.iter().map(AsRef::as_ref))
    }

    /// The groups that must be missing.
    pub fn barred(&self) -> impl Iterator<Item = &str> {
        self.none_of.iter().map(AsRef::as_ref)
    }

    pub(super) fn bars(&self, group: &str) -> bool {
        self.none_of.contains(group)
    }

    fn normal(one_of: impl Iterator<Item = Set>, none_of: Set) -> Self {
        let mut sets: Vec<Set> = one_of.map(|set| set.difference(&none_of).cloned().collect()).collect();
        sets.sort_by_key(BTreeSet::len);
        let mut kept: Vec<Set> = Vec::new();
        for set in sets {
            if !kept.iter().any(|smaller| smaller.is_subset(&set)) {
                kept.push(set);
            }
        }
        Self { one_of: Arc::new(kept.into_iter().collect()), none_of: Arc::new(none_of) }
    }
}

fn collect<S: AsRef<str>>(groups: impl IntoIterator<Item = S>) -> Set {
    groups.into_iter().map(|group| Arc::from(group.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_when_a_one_of_lies_in_none_of() {
        assert!(Groups::one_of(["a", "b"]).and(&Groups::none_of(["a", "b", "c"])).is_none());
        assert!(!Groups::one_of(["a", "b"]).and(&Groups::none_of(["a", "c"])).is_none());
    }

    #[test]
    fn what_follows_from_the_rest_is_left_out() {
        let groups = Groups::one_of(["a", "b"]).and(&Groups::one_of(["a"])).and(&Groups::none_of(["x"]));
        assert_eq!(groups, Groups::one_of(["a"]).and(&Groups::none_of(["x"])));
    }

    #[test]
    fn pieces_of_a_difference_join_again() {
        let base = Groups::none_of(["x"]);
        let inside = base.and(&Groups::one_of(["a", "b"]));
        let outside = base.minus(&Groups::one_of(["a", "b"]));
        assert_eq!(outside.len(), 1);
        assert_eq!(inside.or(&outside[0]), Some(base));
        assert_eq!(Groups::one_of(["a"]).or(&Groups::one_of(["b"])), None);
    }
}
