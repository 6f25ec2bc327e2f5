//! Which clusters a search is about. The name of a cluster is no part of an event.

use crate::value::wildcard;

/// Which clusters a search is about: every rule has to agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clusters {
    rules: Vec<ClusterRule>,
}

/// `cluster:(prod OR edge-*)`, or its negation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRule {
    /// Whether it must be none of them.
    pub negated: bool,
    /// One of these.
    pub any: Vec<Pattern>,
}

/// The name of a cluster, or what it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This name.
    Name(String),
    /// `*` any run of characters, `?` one, `\` takes the next as it is; the whole name.
    Like(String),
}

impl Clusters {
    /// Every cluster.
    pub const fn all() -> Self {
        Clusters { rules: Vec::new() }
    }

    /// This cluster alone.
    pub fn only(name: impl Into<String>) -> Self {
        Clusters { rules: vec![ClusterRule { negated: false, any: vec![Pattern::Name(name.into())] }] }
    }

    /// Whether nothing is asked of the cluster.
    pub fn is_all(&self) -> bool {
        self.rules.is_empty()
    }

    /// What is asked.
    pub fn rules(&self) -> &[ClusterRule] {
        &self.rules
    }

    /// Asks for this as well.
    pub fn push(&mut self, rule: ClusterRule) {
        self.rules.push(rule);
    }

    /// Whether a cluster is meant.
    pub fn holds(&self, cluster: &str) -> bool {
        self.rules.iter().all(|rule| rule.negated != rule.any.iter().any(|pattern| pattern.holds(cluster)))
    }
}

impl Pattern {
    /// Whether it is the name of this cluster.
    pub fn holds(&self, cluster: &str) -> bool {
        match self {
            Pattern::Name(name) => name == cluster,
            Pattern::Like(pattern) => wildcard(pattern, cluster),
        }
    }
}
