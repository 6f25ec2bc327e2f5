//! Does one rule match one request? The reference semantics, written to be read.
//!
//! [`crate::Evaluator`] gives the same answers faster, and a property test holds the two together. Source:
//! `k8s.io/apiserver`, `pkg/audit/policy/checker.go`.

use crate::attributes::{Attributes, Resource, Target};
use crate::model::{GroupResources, Rule, Scope};

/// The conditions of a rule, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `users`
    Users,
    /// `userGroups`
    UserGroups,
    /// `verbs`
    Verbs,
    /// The rule is about resources and the request is not.
    ResourceRequest,
    /// `namespaces`
    Namespaces,
    /// `resources`
    Resources,
    /// The rule is about other paths and the request is for a resource.
    NonResourceRequest,
    /// `nonResourceURLs`
    NonResourceUrls,
}

/// The first condition of `rule` that `request` fails; `None` when the rule matches.
pub fn first_failed(rule: &Rule, request: &Attributes<'_>) -> Option<Condition> {
    if !rule.users.is_empty() && !request.user.is_some_and(|user| contains(&rule.users, user.name)) {
        return Some(Condition::Users);
    }
    if !rule.user_groups.is_empty()
        && !request
            .user
            .is_some_and(|user| user.groups.iter().any(|group| contains(&rule.user_groups, group)))
    {
        return Some(Condition::UserGroups);
    }
    if !rule.verbs.is_empty() && !contains(&rule.verbs, request.verb) {
        return Some(Condition::Verbs);
    }
    match (rule.scope(), &request.target) {
        (Scope::Any, _) => None,
        (Scope::Resource, Target::Path(_)) => Some(Condition::ResourceRequest),
        (Scope::NonResource, Target::Resource(_)) => Some(Condition::NonResourceRequest),
        (Scope::Resource, Target::Resource(resource)) => {
            if !rule.namespaces.is_empty() && !contains(&rule.namespaces, resource.namespace) {
                Some(Condition::Namespaces)
            } else if !rule.resources.is_empty()
                && !rule.resources.iter().any(|entry| entry_matches(entry, resource))
            {
                Some(Condition::Resources)
            } else {
                None
            }
        }
        (Scope::NonResource, Target::Path(path)) => {
            (!rule.non_resource_urls.iter().any(|url| url_matches(url, path)))
                .then_some(Condition::NonResourceUrls)
        }
    }
}

/// Whether one entry of `resources` matches.
// Most entries are of another group, which is seen without a call.
#[inline]
pub fn entry_matches(entry: &GroupResources, request: &Resource<'_>) -> bool {
    if entry.group != "*" && !same(&entry.group, request.group) {
        return false;
    }
    // An entry without resources takes the whole group and does not look at names.
    if entry.resources.is_empty() {
        return true;
    }
    (entry.resource_names.is_empty() || contains(&entry.resource_names, request.name))
        && entry.resources.iter().any(|pattern| pattern_matches(pattern, request))
}

/// Whether a resource pattern (`pods`, `pods/log`, `pods/*`, `*/scale`, `*`) matches.
///
/// `pods/*` matches plain `pods` too; `*/scale` needs the subresource.
pub fn pattern_matches(pattern: &str, request: &Resource<'_>) -> bool {
    if pattern == "*" {
        return true;
    }
    let exactly = match request.subresource {
        "" => same(pattern, request.resource),
        sub => pattern.strip_prefix(request.resource).and_then(|rest| rest.strip_prefix('/')) == Some(sub),
    };
    exactly
        || pattern.strip_suffix("/*").is_some_and(|resource| resource == request.resource)
        || (!request.subresource.is_empty()
            && pattern.strip_prefix("*/").is_some_and(|sub| sub == request.subresource))
}

/// Whether a `nonResourceURLs` entry matches a decoded path.
pub fn url_matches(url: &str, path: &str) -> bool {
    if url == "*" || url == path {
        return true;
    }
    url.ends_with('*') && path.starts_with(url.trim_end_matches('*'))
}

fn contains(list: &[String], value: &str) -> bool {
    list.iter().any(|entry| same(entry, value))
}

/// Whether two strings are equal, without a comparison of no bytes: an empty `String` points nowhere, and glibc's
/// `memcmp` loads from there under a mask, which takes some processors 50 ns to get over.
#[inline]
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}
