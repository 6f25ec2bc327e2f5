//! Which rule decides a request, without allocating.
//!
//! A policy is compiled into one table per condition: value → the set of rules that a request with this value
//! can still match, a bit a rule. A decision is one look-up a table and an AND; the lowest bit that is left is
//! the first rule that can match. A set says too much only where a rule lists several groups of resources
//! (`pods` of one, `jobs` of another); such a rule is looked at once more before it wins.
//!
//! ```text
//! users ["alice"]   0b1011      rules 0, 1, 3 could still match
//! verbs ["get"]     0b1110
//! groups [""]       0b0110      …
//!              AND  0b0010      rule 1 decides
//! ```

mod table;

use auditward_event::Level;

use crate::attributes::{Attributes, Resource, Target};
use crate::matching;
use crate::model::{GroupResources, Policy, Rule, Scope};
use crate::stage_set::StageSet;
use table::{Table, WORD_BITS};

/// How a request is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The level; [`Level::None`] where no rule matches.
    pub level: Level,
    /// Stages at which no event is written: the policy's and the rule's.
    pub omit_stages: StageSet,
    /// Whether `metadata.managedFields` is left out of recorded bodies.
    pub omit_managed_fields: bool,
    /// The rule that decided, counted from 0; `None` where no rule matches.
    pub rule: Option<usize>,
}

/// A policy, compiled. Decides as `k8s.io/apiserver`'s `policyRuleEvaluator` does.
#[derive(Clone, Debug)]
pub struct Evaluator {
    policy: Policy,
    outcomes: Vec<Decision>,
    no_rule: Decision,
    users: Table,
    user_groups: Table,
    verbs: Table,
    namespaces: Table,
    api_groups: Table,
    resources: Table,
    subresources: Table,
    names: Table,
    paths: Paths,
    /// Rules without `users` and `userGroups`: all that a request without a user can match.
    anyone: Vec<u64>,
    /// Rules without `userGroups`.
    any_group: Vec<u64>,
    /// Rules whose resources the tables know exactly.
    exact: Vec<u64>,
}

impl Evaluator {
    /// Compiles `policy`.
    pub fn new(policy: Policy) -> Self {
        let rules = &policy.rules;
        let entries = |rule: &Rule| rule.scope() == Scope::Resource && !rule.resources.is_empty();
        Self {
            outcomes: rules.iter().enumerate().map(|(i, rule)| outcome(&policy, i, rule)).collect(),
            no_rule: Decision {
                level: Level::None,
                omit_stages: policy.omit_stages,
                omit_managed_fields: policy.omit_managed_fields,
                rule: None,
            },
            users: Table::new(rules, |rule| strs(&rule.users), |rule| rule.users.is_empty()),
            user_groups: Table::new(rules, |rule| strs(&rule.user_groups), |_| false),
            verbs: Table::new(rules, |rule| strs(&rule.verbs), |rule| rule.verbs.is_empty()),
            namespaces: Table::new(
                rules,
                |rule| strs(&rule.namespaces),
                |rule| rule.namespaces.is_empty() && rule.scope() != Scope::NonResource,
            ),
            api_groups: Table::new(
                rules,
                |rule| rule.resources.iter().map(|entry| entry.group.as_str()),
                |rule| !entries(rule) || rule.resources.iter().any(|entry| entry.group == "*"),
            ),
            resources: Table::new(
                rules,
                |rule| patterns(rule).filter_map(|pattern| pattern.resource),
                |rule| !entries(rule) || patterns(rule).any(|pattern| pattern.resource.is_none()),
            ),
            subresources: Table::new(
                rules,
                |rule| patterns(rule).filter_map(|pattern| pattern.subresource),
                |rule| !entries(rule) || patterns(rule).any(|pattern| pattern.subresource.is_none()),
            ),
            names: Table::new(
                rules,
                |rule| rule.resources.iter().flat_map(|entry| strs(&entry.resource_names)),
                |rule| !entries(rule) || rule.resources.iter().any(|entry| entry.resource_names.is_empty()),
            ),
            paths: Paths::new(rules),
            anyone: table::rules_where(rules, |rule| rule.users.is_empty() && rule.user_groups.is_empty()),
            any_group: table::rules_where(rules, |rule| rule.user_groups.is_empty()),
            exact: table::rules_where(rules, is_product),
            policy,
        }
    }

    /// The policy that was compiled.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How `request` is recorded. Does not allocate.
    pub fn decide(&self, request: &Attributes<'_>) -> Decision {
        match self.first_match(request) {
            Some(rule) => self.outcomes[rule],
            None => self.no_rule,
        }
    }

    fn first_match(&self, request: &Attributes<'_>) -> Option<usize> {
        let verb = self.verbs.row(request.verb);
        let user = request.user.map(|user| (self.users.row(user.name), user.groups));
        let target = match &request.target {
            Target::Path(path) => Rows::Path(path),
            Target::Resource(resource) => Rows::Resource(
                [
                    self.namespaces.row(resource.namespace),
                    self.api_groups.row(resource.group),
                    self.resources.row(resource.resource),
                    self.subresources.row(resource.subresource),
                    self.names.row(resource.name),
                ],
                resource,
            ),
        };
        for word in 0..self.anyone.len() {
            let mut candidates = verb[word]
                & match &user {
                    None => self.anyone[word],
                    Some((row, groups)) => row[word] & self.of_groups(groups, word),
                };
            if candidates == 0 {
                continue;
            }
            candidates &= match &target {
                Rows::Path(path) => self.paths.word(path, word),
                Rows::Resource(rows, _) => rows.iter().fold(u64::MAX, |all, row| all & row[word]),
            };
            while candidates != 0 {
                let lowest = candidates & candidates.wrapping_neg();
                let rule = word * WORD_BITS + candidates.trailing_zeros() as usize;
                if self.confirmed(rule, lowest, word, &target) {
                    return Some(rule);
                }
                candidates ^= lowest;
            }
        }
        None
    }

    /// The rules of one word that some of these groups, or any, can match.
    fn of_groups(&self, groups: &[&str], word: usize) -> u64 {
        let any = self.any_group[word];
        if self.user_groups.is_empty() {
            return any;
        }
        groups.iter().fold(any, |all, group| all | self.user_groups.row(group)[word])
    }

    /// Looks once more at a rule whose resources the tables know only roughly.
    fn confirmed(&self, rule: usize, bit: u64, word: usize, target: &Rows<'_, '_>) -> bool {
        match target {
            Rows::Resource(_, resource) if self.exact[word] & bit == 0 => {
                self.policy.rules[rule].resources.iter().any(|entry| matching::entry_matches(entry, resource))
            }
            _ => true,
        }
    }
}

/// What was looked up for a request's target.
enum Rows<'e, 'r> {
    Resource([&'e [u64]; 5], &'r Resource<'r>),
    Path(&'r str),
}

fn outcome(policy: &Policy, index: usize, rule: &Rule) -> Decision {
    Decision {
        level: rule.level,
        omit_stages: policy.omit_stages.union(rule.omit_stages),
        omit_managed_fields: rule.omit_managed_fields.unwrap_or(policy.omit_managed_fields),
        rule: Some(index),
    }
}

/// What one resource pattern asks of resource and subresource; `None` is anything.
#[derive(Clone, Copy)]
struct Pattern<'p> {
    resource: Option<&'p str>,
    subresource: Option<&'p str>,
    /// Whether the pattern matches all that these two allow, or has to be looked at once more.
    exact: bool,
}

impl<'p> Pattern<'p> {
    const ANYTHING: Pattern<'static> = Pattern { resource: None, subresource: None, exact: true };

    fn new(pattern: &'p str) -> Self {
        match pattern.split_once('/') {
            _ if pattern == "*" => Self::ANYTHING,
            None => Self { resource: Some(pattern), subresource: Some(""), exact: true },
            // `a/b/c`, `pods/` and `*/*` match next to nothing.
            Some((resource, subresource))
                if subresource.is_empty()
                    || subresource.contains('/')
                    || (resource, subresource) == ("*", "*") =>
            {
                Self { exact: false, ..Self::ANYTHING }
            }
            Some(("*", subresource)) => Self { resource: None, subresource: Some(subresource), exact: true },
            Some((resource, "*")) => Self { resource: Some(resource), subresource: None, exact: true },
            Some((resource, subresource)) => {
                Self { resource: Some(resource), subresource: Some(subresource), exact: true }
            }
        }
    }
}

/// The patterns of a rule; an entry without patterns asks nothing.
fn patterns(rule: &Rule) -> impl Iterator<Item = Pattern<'_>> {
    rule.resources.iter().flat_map(|entry| {
        let whole_group = entry.resources.is_empty().then_some(Pattern::ANYTHING);
        strs(&entry.resources).map(Pattern::new).chain(whole_group)
    })
}

/// Whether the rule's resources are a product of sets, one a table, so that the tables say exactly what matches.
fn is_product(rule: &Rule) -> bool {
    let takes_whole_group = |entry: &GroupResources| {
        entry.resources.is_empty()
            || (entry.resource_names.is_empty() && entry.resources.iter().any(|p| p == "*"))
    };
    let alike = |entry: &GroupResources| {
        let patterns: Vec<_> = strs(&entry.resources).map(Pattern::new).collect();
        let no_subresource = patterns.iter().all(|pattern| pattern.exact && pattern.subresource == Some(""));
        no_subresource || matches!(patterns.as_slice(), [only] if only.exact)
    };
    rule.resources.iter().all(takes_whole_group)
        || matches!(rule.resources.as_slice(), [entry] if alike(entry))
}

fn strs(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

/// The rules that each path can match.
#[derive(Clone, Debug)]
struct Paths {
    exact: Table,
    /// All that fit are joined.
    prefixes: Vec<(Box<str>, Vec<u64>)>,
}

impl Paths {
    fn new(rules: &[Rule]) -> Self {
        let of = |rule: &Rule| rule.scope() == Scope::NonResource;
        let mut prefixes: Vec<(Box<str>, Vec<u64>)> = Vec::new();
        for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| of(rule)) {
            for url in rule.non_resource_urls.iter().filter(|url| url.ends_with('*') && *url != "*") {
                let prefix = url.trim_end_matches('*');
                let row = match prefixes.iter_mut().find(|(known, _)| **known == *prefix) {
                    Some((_, row)) => row,
                    None => {
                        prefixes.push((prefix.into(), vec![0; table::words(rules)]));
                        &mut prefixes.last_mut().expect("just pushed").1
                    }
                };
                table::set(row, i);
            }
        }
        let exact = Table::new(
            rules,
            |rule| strs(&rule.non_resource_urls).filter(|_| rule.scope() == Scope::NonResource),
            |rule| {
                rule.scope() == Scope::Any
                    || (of(rule) && rule.non_resource_urls.iter().any(|url| url == "*"))
            },
        );
        Self { exact, prefixes }
    }

    fn word(&self, path: &str, word: usize) -> u64 {
        let fitting = self.prefixes.iter().filter(|(prefix, _)| path.starts_with(&**prefix));
        fitting.fold(self.exact.row(path)[word], |all, (_, row)| all | row[word])
    }
}

#[cfg(test)]
mod tests;
