//! A set of stages, in one byte.

use std::fmt;

use auditward_event::Stage;

/// A set of [`Stage`]s.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct StageSet(u8);

impl StageSet {
    /// No stage.
    pub const EMPTY: StageSet = StageSet(0);
    /// All four stages.
    pub const ALL: StageSet = StageSet(0b1111);

    /// Whether `stage` is in the set.
    pub const fn contains(self, stage: Stage) -> bool {
        self.0 & bit(stage) != 0
    }

    /// The set with `stage` in it.
    #[must_use]
    pub const fn with(self, stage: Stage) -> Self {
        Self(self.0 | bit(stage))
    }

    /// Everything that is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The stages that are not in the set.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Whether no stage is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The stages in the order of a request's life.
    pub fn iter(self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(move |stage| self.contains(*stage))
    }
}

const fn bit(stage: Stage) -> u8 {
    1 << stage as u8
}

impl FromIterator<Stage> for StageSet {
    fn from_iter<I: IntoIterator<Item = Stage>>(stages: I) -> Self {
        stages.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for StageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{Panic, RequestReceived, ResponseComplete, ResponseStarted};

    /// The seven cases of the reference's `TestUnionStages`.
    #[test]
    fn union_collapses_duplicates() {
        let set = |stages: &[Stage]| stages.iter().copied().collect::<StageSet>();
        let check = |a: &[Stage], b: &[Stage], both: &[Stage]| assert_eq!(set(a).union(set(b)), set(both));
        check(&[], &[], &[]);
        check(&[RequestReceived], &[], &[RequestReceived]);
        check(&[], &[RequestReceived], &[RequestReceived]);
        check(&[RequestReceived], &[RequestReceived], &[RequestReceived]);
        check(&[RequestReceived], &[ResponseStarted], &[RequestReceived, ResponseStarted]);
        check(&[RequestReceived, RequestReceived], &[ResponseStarted], &[RequestReceived, ResponseStarted]);
        check(
            &[RequestReceived, ResponseStarted],
            &[Panic, RequestReceived],
            &[RequestReceived, ResponseStarted, Panic],
        );
    }

    /// The reference's `TestInvertStages`.
    #[test]
    fn complement_is_what_is_left() {
        let set = |stages: &[Stage]| stages.iter().copied().collect::<StageSet>();
        assert_eq!(set(&[ResponseStarted]).complement(), set(&[RequestReceived, ResponseComplete, Panic]));
        assert_eq!(set(&[ResponseStarted, RequestReceived]).complement(), set(&[ResponseComplete, Panic]));
        assert_eq!(StageSet::EMPTY.complement(), StageSet::ALL);
        assert_eq!(StageSet::ALL.complement(), StageSet::EMPTY);
    }
}
