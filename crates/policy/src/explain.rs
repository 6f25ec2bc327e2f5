//! Why a rule decides a request: for each rule before it, the one condition that failed.

use crate::attributes::{Attributes, Target};
use crate::matching::{Condition, first_failed, pattern_matches};
use crate::model::{GroupResources, Policy, Rule};

/// How a policy came to its decision about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rules that did not match, in order, up to the one that did or the last.
    pub passed_over: Vec<PassedOver>,
    /// The rule that matched, counted from 0.
    pub matched: Option<usize>,
}

/// A rule that did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The rule, counted from 0.
    pub rule: usize,
    /// The first condition that failed.
    pub condition: Condition,
    /// The same in words: what the rule wants and what the request has.
    pub reason: String,
}

/// Explains the decision of `policy` about `request`.
pub fn explain(policy: &Policy, request: &Attributes<'_>) -> Explanation {
    let mut passed_over = Vec::new();
    for (index, rule) in policy.rules.iter().enumerate() {
        match first_failed(rule, request) {
            None => return Explanation { passed_over, matched: Some(index) },
            Some(condition) => {
                let reason = reason(rule, condition, request);
                passed_over.push(PassedOver { rule: index, condition, reason });
            }
        }
    }
    Explanation { passed_over, matched: None }
}

impl Condition {
    /// The field of the rule that holds the condition.
    pub fn field(self) -> &'static str {
        match self {
            Condition::Users => "users",
            Condition::UserGroups => "userGroups",
            Condition::Verbs => "verbs",
            Condition::ResourceRequest | Condition::Resources => "resources",
            Condition::Namespaces => "namespaces",
            Condition::NonResourceRequest | Condition::NonResourceUrls => "nonResourceURLs",
        }
    }
}

fn reason(rule: &Rule, condition: Condition, request: &Attributes<'_>) -> String {
    let no_user = "the request has no authenticated user";
    match (condition, &request.target) {
        (Condition::Users, _) => match request.user {
            None => no_user.to_owned(),
            Some(user) => format!("user `{}` is not one of {}", user.name, list(&rule.users)),
        },
        (Condition::UserGroups, _) => match request.user {
            None => no_user.to_owned(),
            Some(user) if user.groups.is_empty() => {
                format!("the user is in no group, the rule wants {}", list(&rule.user_groups))
            }
            Some(_) => format!("none of the user's groups is one of {}", list(&rule.user_groups)),
        },
        (Condition::Verbs, _) => format!("verb `{}` is not one of {}", request.verb, list(&rule.verbs)),
        (Condition::ResourceRequest, _) => {
            "the rule is about resources, the request is for another path".to_owned()
        }
        (Condition::NonResourceRequest, _) => {
            "the rule is about other paths, the request is for a resource".to_owned()
        }
        (Condition::Namespaces, Target::Resource(resource)) if resource.namespace.is_empty() => {
            format!("the request names no namespace, the rule wants {}", list(&rule.namespaces))
        }
        (Condition::Namespaces, Target::Resource(resource)) => {
            format!("namespace `{}` is not one of {}", resource.namespace, list(&rule.namespaces))
        }
        (Condition::Resources, Target::Resource(resource)) => {
            let asked = match resource.subresource {
                "" => resource.resource.to_owned(),
                sub => format!("{}/{sub}", resource.resource),
            };
            let group = if resource.group.is_empty() { "the core group" } else { resource.group };
            let mut of_group =
                rule.resources.iter().filter(|entry| entry.group == "*" || entry.group == resource.group);
            let listed =
                |entry: &&GroupResources| entry.resources.iter().any(|p| pattern_matches(p, resource));
            match of_group.clone().find(listed) {
                Some(entry) if resource.name.is_empty() => {
                    format!("the request names no object, the rule wants {}", list(&entry.resource_names))
                }
                Some(entry) => {
                    format!("name `{}` is not one of {}", resource.name, list(&entry.resource_names))
                }
                None if of_group.next().is_none() => format!("no entry is for {group}"),
                None => format!("`{asked}` of {group} is not listed"),
            }
        }
        (_, Target::Path(path)) => format!("path `{path}` is not one of {}", list(&rule.non_resource_urls)),
        (Condition::NonResourceUrls, Target::Resource(_)) => "the request is for a resource".to_owned(),
    }
}

/// A few of the entries, quoted.
fn list(entries: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = entries.iter().take(SHOWN).map(|entry| format!("`{entry}`")).collect();
    if entries.len() > SHOWN {
        shown.push(format!("{} more", entries.len() - SHOWN));
    }
    shown.join(", ")
}
