//! Sets of texts that an expression can say.

use std::collections::BTreeSet;

/// Some names, or all but some. The empty name stands for "none": no namespace, the core group, no subresource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Names {
    /// These and no others.
    Only(BTreeSet<String>),
    /// All but these.
    Except(BTreeSet<String>),
}

impl Names {
    /// Every name.
    pub const fn any() -> Self {
        Self::Except(BTreeSet::new())
    }

    /// These and no others.
    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// All but these.
    pub fn except<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Except(names.into_iter().map(Into::into).collect())
    }

    /// Whether this is every name.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Except(names) if names.is_empty())
    }

    /// Whether this is no name.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(names) if names.is_empty())
    }

    /// Whether it is in the set.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::Except(names) => !names.contains(name),
        }
    }

    /// What is not in the set.
    #[must_use]
    pub fn complement(self) -> Self {
        match self {
            Self::Only(names) => Self::Except(names),
            Self::Except(names) => Self::Only(names),
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a & b),
            (Self::Only(a), Self::Except(b)) | (Self::Except(b), Self::Only(a)) => Self::Only(a - b),
            (Self::Except(a), Self::Except(b)) => Self::Except(a | b),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.clone().complement().and(&other.clone().complement()).complement()
    }
}

/// Paths of requests that are not about a resource: any, or some exact ones and all that begin with some prefixes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Paths {
    /// Every path.
    Any,
    /// These.
    Some {
        /// Whole paths.
        exact: BTreeSet<String>,
        /// Beginnings.
        prefixes: BTreeSet<String>,
    },
}

impl Paths {
    /// One path.
    pub fn exact(path: &str) -> Self {
        Self::Some { exact: BTreeSet::from([path.to_owned()]), prefixes: BTreeSet::new() }
    }

    /// All that begin so.
    pub fn prefix(prefix: &str) -> Self {
        Self::Some { exact: BTreeSet::new(), prefixes: BTreeSet::from([prefix.to_owned()]) }
    }

    /// Whether it is in the set.
    pub fn contains(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Some { exact, prefixes } => {
                exact.contains(path) || prefixes.iter().any(|prefix| path.starts_with(prefix))
            }
        }
    }

    /// Whether no path is in the set.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Some { exact, prefixes } if exact.is_empty() && prefixes.is_empty())
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Any, set) | (set, Self::Any) => set.clone(),
            (Self::Some { exact: a, prefixes: p }, Self::Some { exact: b, prefixes: q }) => {
                let exact = a.iter().filter(|path| other.contains(path));
                let exact = exact.chain(b.iter().filter(|path| self.contains(path))).cloned().collect();
                // Of two prefixes the longer one is in both, if it begins with the shorter.
                let within = |p: &BTreeSet<String>, q: &BTreeSet<String>| {
                    let begins = |path: &&String| q.iter().any(|prefix| path.starts_with(prefix));
                    p.iter().filter(begins).cloned().collect::<Vec<_>>()
                };
                let prefixes = within(p, q).into_iter().chain(within(q, p)).collect();
                Self::Some { exact, prefixes }
            }
        }
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Some { exact: a, prefixes: p }, Self::Some { exact: b, prefixes: q }) => {
                Self::Some { exact: a | b, prefixes: p | q }
            }
            _ => Self::Any,
        }
    }
}
