//! A policy that kube-apiserver would accept, as plain data.
//!
//! [`crate::read`] is the way in from text; everything in here has passed its checks, and the fields mean
//! exactly what `audit.k8s.io/v1` says they mean (see the Kubernetes API reference, "kube-apiserver Audit
//! Configuration").

use auditward_event::Level;

use crate::StageSet;

/// An ordered list of rules; the first that matches a request decides how it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tried in this order. Never empty when it comes from [`crate::read`].
    pub rules: Vec<Rule>,
    /// Stages at which no event is written, whatever the rule.
    pub omit_stages: StageSet,
    /// Whether `metadata.managedFields` is left out of recorded bodies where a rule does not say.
    pub omit_managed_fields: bool,
}

impl Policy {
    /// The oldest Kubernetes release that accepts the policy, where not every one that serves `audit.k8s.io/v1` does.
    pub fn needs_kubernetes(&self) -> Option<&'static str> {
        let wildcard = self.rules.iter().any(|rule| rule.resources.iter().any(|entry| entry.group == "*"));
        wildcard.then_some("1.36")
    }
}

/// Conditions on a request and the level at which a matching request is recorded.
///
/// All conditions must hold, each by any of its entries; an empty one always holds. All comparisons are exact
/// and case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How much of a matching request is recorded.
    pub level: Level,
    /// Names of authenticated users (never impersonated ones).
    pub users: Vec<String>,
    /// Groups, of which the authenticated user must have at least one.
    pub user_groups: Vec<String>,
    /// Verbs. `*` is no wildcard here.
    pub verbs: Vec<String>,
    /// API groups and resources. When this or `namespaces` is set, only resource requests match.
    pub resources: Vec<GroupResources>,
    /// Namespaces; `""` stands for cluster-scoped and all-namespaces requests. `*` is no wildcard here.
    pub namespaces: Vec<String>,
    /// Paths; `*` alone, or a path whose trailing `*` makes it a prefix.
    pub non_resource_urls: Vec<String>,
    /// Stages omitted for this rule, beside the policy's own.
    pub omit_stages: StageSet,
    /// This rule's own word on managed fields; `None` leaves it to the policy.
    pub omit_managed_fields: Option<bool>,
}

impl Rule {
    /// A rule that matches every request at `level`.
    pub fn catch_all(level: Level) -> Self {
        Self {
            level,
            users: Vec::new(),
            user_groups: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            namespaces: Vec::new(),
            non_resource_urls: Vec::new(),
            omit_stages: StageSet::EMPTY,
            omit_managed_fields: None,
        }
    }

    /// What kind of request the rule is about.
    pub fn scope(&self) -> Scope {
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            Scope::Resource
        } else if !self.non_resource_urls.is_empty() {
            Scope::NonResource
        } else {
            Scope::Any
        }
    }
}

/// The kind of request that a rule can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only requests for API resources.
    Resource,
    /// Only requests for other paths.
    NonResource,
    /// Both.
    Any,
}

/// Resources of one API group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupResources {
    /// The API group without a version; `""` is the core group and `*` every group.
    pub group: String,
    /// Patterns: `pods` (no subresource), `pods/log`, `pods/*` (`pods` and all its subresources), `*/scale`,
    /// `*` (everything). Empty: everything in the group.
    pub resources: Vec<String>,
    /// Object names, from the URL or a `metadata.name` field selector. Empty: any.
    pub resource_names: Vec<String>,
}
