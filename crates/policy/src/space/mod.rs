//! Sets of requests, for every question about *all* requests: which rule is dead, what differs between two
//! policies, what a detection will never see.
//!
//! A policy is a packet classifier: an ordered list in which the first match wins. A [`Space`] is a set of
//! requests, written as a union of boxes; here a box is called a [`Cube`]. A cube is a product of dimensions:
//!
//! ```text
//!  resource request   user × groups × verb × API group × resource × subresource × namespace × name
//!  any other request  user × groups × verb × path
//!
//!  user                 some names, or all but some;  with or without "no user at all" (authentication failed)
//!  groups               at least one of {a, b}, and at least one of {c}, …, and none of {x, y}
//!  verb, API group …    some words, or all but some
//!  path                 intervals of strings: `/healthz` is ["/healthz", "/healthz\0"), `/api*` is ["/api", "/apj")
//! ```
//!
//! A rule is a union of cubes. Taking a cube out of a cube leaves disjoint cubes, split off one dimension after
//! the other, and so a space can be run down a list of rules:
//!
//! ```text
//!            ┌───────────────┐   ┌───┬───────────┐
//!  space     │               │ − │ 1 │           │  rule 1 decides its part, rule 2 gets what is left, and so on;
//!            │               │   ├───┴────┬──────┤  what no rule takes is recorded at no level. A rule that gets
//!            │               │   │   2    │ rest │  nothing is dead.
//!            └───────────────┘   └────────┴──────┘
//! ```
//!
//! Only requests that kube-apiserver can produce count; [`universe`] says which these are. The answers are exact:
//! a cube is empty if and only if no such request is in it.
//!
//! Invariant: work is bounded by [`MAX_CUBES`] and [`MAX_STEPS`]; beyond them the answer is [`TooComplex`], which
//! a caller reports as "unknown", and never a guess.

mod catalogue;
mod classify;
mod cube;
mod describe;
mod groups;
mod lower;
mod paths;
mod request;
mod set;
mod tidy;
pub mod universe;
mod users;
mod witness;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use classify::{Classifier, Part, Reach, Taken};
pub use cube::{Cube, ResourceSet, TargetSet};
pub use groups::Groups;
pub use paths::Paths;
pub use request::{OwnedAttributes, OwnedTarget, OwnedUser};
pub use set::Space;
pub use users::Users;
pub use witness::{Realism, Witness};
pub use words::Words;

/// How many cubes a space may have. Real policies need a few hundred.
pub const MAX_CUBES: usize = 20_000;

/// How many pairs of cubes one question may compare.
pub const MAX_STEPS: usize = 8_000_000;

/// The answer would take more cubes than [`MAX_CUBES`] or more work than [`MAX_STEPS`]: it is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules overlap in too many ways to be compared exactly (more than {MAX_CUBES} distinct kinds of request); \
     split or simplify the policy"
)]
pub struct TooComplex;

/// Counts work, so that no question runs for ever.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { steps: MAX_STEPS }
    }

    /// Pays for comparing one thing with `others` things while `held` cubes are held.
    fn pay(&mut self, others: usize, held: usize) -> Result<(), TooComplex> {
        self.steps = self.steps.checked_sub(others).ok_or(TooComplex)?;
        if held > MAX_CUBES { Err(TooComplex) } else { Ok(()) }
    }
}
