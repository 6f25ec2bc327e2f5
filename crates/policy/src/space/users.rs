//! The dimension of user names, with "no user at all" beside them.

use super::words::Words;

/// A set of users: names, and maybe the request without a user (authentication failed), which no name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Users {
    /// Names of authenticated users.
    pub names: Words,
    /// Whether a request without a user is in the set.
    pub absent: bool,
}

impl Users {
    /// Every request, with or without a user.
    pub fn any() -> Self {
        Self { names: Words::any(), absent: true }
    }

    /// Users whose name is in `names`; a request without a user is not in.
    pub fn named(names: Words) -> Self {
        Self { names, absent: false }
    }

    pub(super) fn is_any(&self) -> bool {
        self.absent && self.names.is_any()
    }

    pub(super) fn contains(&self, name: Option<&str>) -> bool {
        name.map_or(self.absent, |name| self.names.contains(name))
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self { names: self.names.and(&other.names), absent: self.absent && other.absent }
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self { names: self.names.or(&other.names), absent: self.absent || other.absent }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        Self { names: self.names.minus(&other.names), absent: self.absent && !other.absent }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.absent && other.absent) || self.names.meets(&other.names)
    }
}
