//! A set of requests: a union of cubes.

use super::cube::{Cube, ResourceSet};
use super::paths::Paths;
use super::witness::Witness;
use super::{Budget, TooComplex, lower, tidy};
use crate::{Attributes, Rule};

/// A set of requests. Its cubes are not empty, and may overlap where the doc of a function does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    cubes: Vec<Cube>,
}

impl Space {
    /// Every request that can occur, in disjoint cubes.
    pub fn everything() -> Self {
        Self { cubes: vec![Cube::resources(ResourceSet::any()), Cube::paths(Paths::any())] }
    }

    /// No request.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The requests that `rule` matches, wherever it stands.
    pub fn matched_by(rule: &Rule) -> Self {
        lower::cubes(rule).into_iter().collect()
    }

    /// Whether no request that can occur is in here.
    pub fn is_empty(&self) -> bool {
        self.cubes.is_empty()
    }

    /// The cubes.
    pub fn cubes(&self) -> &[Cube] {
        &self.cubes
    }

    pub(super) fn into_cubes(self) -> Vec<Cube> {
        self.cubes
    }

    /// Whether the request is in here.
    pub fn contains(&self, request: &Attributes<'_>) -> bool {
        self.cubes.iter().any(|cube| cube.contains(request))
    }

    /// What is in both; disjoint cubes when both sets have disjoint cubes.
    pub fn and(&self, other: &Self) -> Result<Self, TooComplex> {
        self.and_within(other, &mut Budget::new())
    }

    /// What is in either.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.cubes.extend(other.cubes);
        self
    }

    /// What is in this set and not in the other; disjoint cubes when this set has disjoint cubes.
    pub fn minus(&self, other: &Self) -> Result<Self, TooComplex> {
        self.clone().minus_within(other, &mut Budget::new())
    }

    /// Whether all of this set is in the other.
    pub fn is_within(&self, other: &Self) -> Result<bool, TooComplex> {
        Ok(self.minus(other)?.is_empty())
    }

    /// The most ordinary request in the set, and among equals the smallest; `None` when the set is empty.
    pub fn witness(&self) -> Option<Witness> {
        super::witness::find(&self.cubes)
    }

    /// The same set in fewer cubes where that is easy, widest first: for reading.
    #[must_use]
    pub fn tidy(self) -> Self {
        Self { cubes: tidy::tidy(self.cubes) }
    }

    pub(crate) fn and_within(&self, other: &Self, budget: &mut Budget) -> Result<Self, TooComplex> {
        let mut both = Self::nothing();
        for cube in &self.cubes {
            budget.pay(other.cubes.len() * cube.weight(), both.cubes.len())?;
            both.cubes.extend(other.cubes.iter().filter_map(|other| cube.and(other)));
        }
        Ok(both)
    }

    pub(super) fn minus_within(self, other: &Self, budget: &mut Budget) -> Result<Self, TooComplex> {
        let mut rest = self;
        for taken in &other.cubes {
            let mut left = Vec::with_capacity(rest.cubes.len());
            for cube in rest.cubes {
                budget.pay(cube.weight(), left.len())?;
                if cube.may_meet(taken) {
                    left.extend(cube.minus(taken));
                } else {
                    left.push(cube);
                }
            }
            rest.cubes = left;
        }
        Ok(rest)
    }
}

impl From<Cube> for Space {
    fn from(cube: Cube) -> Self {
        std::iter::once(cube).collect()
    }
}

impl FromIterator<Cube> for Space {
    fn from_iter<I: IntoIterator<Item = Cube>>(cubes: I) -> Self {
        Self { cubes: cubes.into_iter().filter(|cube| !cube.is_empty()).collect() }
    }
}
