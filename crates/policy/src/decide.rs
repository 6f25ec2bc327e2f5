//! Which rule decides a request, without allocating.
//!
//! A policy is compiled into one table per condition: value → the rules that a request with this value may match,
//! one bit a rule. A decision is one look-up a table and an AND; the lowest bit that is left is the first rule
//! worth looking at. Tables name every rule that matches, and now and then one that does not. That is what makes them
//! fast: they compare no strings and hardly branch. So a rule that they name is held against the request itself
//! ([`matching::first_failed`]) before it decides.
//!
//! ```text
//! users ["alice"]   0b1011      rules 0, 1, 3 may match
//! verbs ["get"]     0b1110
//! groups [""]       0b0110      …
//!              AND  0b0010      rule 1 is looked at, and decides
//! ```

mod table;

use auditward_event::Level;

use crate::attributes::{Attributes, Target, User};
use crate::matching;
use crate::model::{GroupResources, Policy, Rule, Scope};
use crate::stage_set::StageSet;
use table::{Keys, Table, WORD_BITS};

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
    paths: Table,
    prefixes: Prefixes,
    /// A word for each 64 rules.
    words: Vec<Word>,
}

/// What is known of 64 rules, a bit each.
#[derive(Clone, Copy, Debug)]
struct Word {
    /// May match a request for a resource.
    for_resources: u64,
    /// May match another request.
    for_paths: u64,
    /// Ask for one of some groups.
    ask_for_group: u64,
    /// Have no condition, and so need no second look.
    catch_all: u64,
}

impl Evaluator {
    /// Compiles `policy`.
    pub fn new(policy: Policy) -> Self {
        let rules = &policy.rules;
        Self {
            outcomes: rules.iter().enumerate().map(|(i, rule)| outcome(&policy, i, rule)).collect(),
            no_rule: Decision {
                level: Level::None,
                omit_stages: policy.omit_stages,
                omit_managed_fields: policy.omit_managed_fields,
                rule: None,
            },
            users: Table::new(rules, |rule| listed(&rule.users)),
            user_groups: Table::new(rules, |rule| listed(&rule.user_groups)),
            verbs: Table::new(rules, |rule| listed(&rule.verbs)),
            namespaces: Table::new(rules, |rule| listed(&rule.namespaces)),
            api_groups: Table::new(rules, |rule| of_entries(rule, |entry| vec![group(entry)])),
            resources: Table::new(rules, |rule| of_entries(rule, |entry| patterns(entry, |p| p.resource))),
            subresources: Table::new(rules, |rule| {
                of_entries(rule, |entry| patterns(entry, |p| p.subresource))
            }),
            names: Table::new(rules, |rule| of_entries(rule, names)),
            paths: Table::new(rules, paths),
            prefixes: Prefixes::new(rules),
            words: rules.chunks(WORD_BITS).map(Word::new).collect(),
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
        (0..self.words.len()).find_map(|index| self.first_match_in(index, request))
    }

    fn first_match_in(&self, index: usize, request: &Attributes<'_>) -> Option<usize> {
        let word = &self.words[index];
        let mut candidates = self.candidates(index, request);
        // Asked last, and seldom: a user has several groups, and few rules ask for one.
        if candidates & word.ask_for_group != 0 {
            candidates &= !word.ask_for_group | self.of_groups(request.user.as_ref(), index);
        }
        while candidates != 0 {
            let rule = index * WORD_BITS + candidates.trailing_zeros() as usize;
            let lowest = candidates & candidates.wrapping_neg();
            if word.catch_all & lowest != 0
                || matching::first_failed(&self.policy.rules[rule], request).is_none()
            {
                return Some(rule);
            }
            candidates ^= lowest;
        }
        None
    }

    /// The rules of one word that may match, as far as everything but groups tells.
    // Inlined, it would be spread over the loops around it, and everything read before it is known to be needed.
    #[inline(never)]
    fn candidates(&self, index: usize, request: &Attributes<'_>) -> u64 {
        let word = &self.words[index];
        // A request without a user is taken for one of the user "": the second look knows better.
        let user = request.user.map_or("", |user| user.name);
        let by_anyone = self.verbs.word(request.verb, index) & self.users.word(user, index);
        by_anyone
            & match &request.target {
                Target::Path(path) => {
                    word.for_paths & (self.paths.word(path, index) | self.prefixes.word(path, index))
                }
                Target::Resource(resource) => {
                    word.for_resources
                        & self.namespaces.word(resource.namespace, index)
                        & self.api_groups.word(resource.group, index)
                        & self.resources.word(resource.resource, index)
                        & self.subresources.word(resource.subresource, index)
                        & self.names.word(resource.name, index)
                }
            }
    }

    /// The rules of one word that some group of the user allows.
    fn of_groups(&self, user: Option<&User<'_>>, index: usize) -> u64 {
        let groups = user.map_or(&[][..], |user| user.groups);
        groups.iter().fold(0, |all, group| all | self.user_groups.word(group, index))
    }
}

impl Word {
    fn new(rules: &[Rule]) -> Self {
        Self {
            for_resources: table::bits(rules, |rule| rule.scope() != Scope::NonResource),
            for_paths: table::bits(rules, |rule| rule.scope() != Scope::Resource),
            ask_for_group: table::bits(rules, |rule| !rule.user_groups.is_empty()),
            catch_all: table::bits(rules, is_catch_all),
        }
    }
}

fn outcome(policy: &Policy, index: usize, rule: &Rule) -> Decision {
    Decision {
        level: rule.level,
        omit_stages: policy.omit_stages.union(rule.omit_stages),
        omit_managed_fields: rule.omit_managed_fields.unwrap_or(policy.omit_managed_fields),
        rule: Some(index),
    }
}

fn is_catch_all(rule: &Rule) -> bool {
    let who = rule.users.is_empty() && rule.user_groups.is_empty();
    who && rule.verbs.is_empty() && rule.scope() == Scope::Any
}

/// An empty list asks nothing.
fn listed(list: &[String]) -> Keys<'_> {
    if list.is_empty() { Keys::Any } else { Keys::Of(list.iter().map(String::as_str).collect()) }
}

/// What a rule's entries ask, each for one of the values that `asks` names, where `None` is any.
fn of_entries<'p>(rule: &'p Rule, asks: impl Fn(&'p GroupResources) -> Vec<Option<&'p str>>) -> Keys<'p> {
    let asked: Option<Vec<&str>> = rule.resources.iter().flat_map(asks).collect();
    match asked {
        Some(keys) if !rule.resources.is_empty() => Keys::Of(keys),
        _ => Keys::Any,
    }
}

fn group(entry: &GroupResources) -> Option<&str> {
    Some(entry.group.as_str()).filter(|group| *group != "*")
}

/// An entry without resources takes the whole group and does not look at names.
fn names(entry: &GroupResources) -> Vec<Option<&str>> {
    if entry.resources.is_empty() || entry.resource_names.is_empty() {
        return vec![None];
    }
    entry.resource_names.iter().map(|name| Some(name.as_str())).collect()
}

fn patterns<'p>(entry: &'p GroupResources, part: fn(Pattern<'p>) -> Option<&'p str>) -> Vec<Option<&'p str>> {
    if entry.resources.is_empty() {
        return vec![None];
    }
    entry.resources.iter().map(|pattern| part(Pattern::new(pattern))).collect()
}

/// What one resource pattern asks at least of resource and subresource; `None` is anything.
struct Pattern<'p> {
    resource: Option<&'p str>,
    subresource: Option<&'p str>,
}

impl<'p> Pattern<'p> {
    fn new(pattern: &'p str) -> Self {
        let (resource, subresource) = match pattern.split_once('/') {
            None if pattern == "*" => (None, None),
            None => (Some(pattern), Some("")),
            // `a/b/c` and `pods/` match next to nothing, but not quite nothing.
            Some((_, subresource)) if subresource.is_empty() || subresource.contains('/') => (None, None),
            Some((resource, subresource)) => (
                Some(resource).filter(|resource| *resource != "*"),
                Some(subresource).filter(|subresource| *subresource != "*"),
            ),
        };
        Self { resource, subresource }
    }
}

/// Paths in full; [`Prefixes`] have the others.
fn paths(rule: &Rule) -> Keys<'_> {
    if rule.non_resource_urls.iter().any(|url| url.starts_with('*')) {
        return Keys::Any;
    }
    listed(&rule.non_resource_urls)
}

/// The rules that ask for paths with a certain beginning.
#[derive(Clone, Debug)]
struct Prefixes(Vec<Prefix>);

/// A prefix by its length and last byte: again rather too much than too little.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    end: usize,
    last: u8,
    rule: usize,
}

impl Prefixes {
    fn new(rules: &[Rule]) -> Self {
        let prefixes = |(rule, of): (usize, &Rule)| {
            let urls = of.non_resource_urls.iter().filter(|url| url.ends_with('*'));
            let prefixes = urls.map(|url| url.trim_end_matches('*').as_bytes());
            prefixes
                .filter_map(|prefix| {
                    let (last, before) = prefix.split_last()?;
                    Some(Prefix { end: before.len(), last: *last, rule })
                })
                .collect::<Vec<_>>()
        };
        Self(rules.iter().enumerate().flat_map(prefixes).collect())
    }

    fn word(&self, path: &str, index: usize) -> u64 {
        let fitting = self.0.iter().filter(|prefix| path.as_bytes().get(prefix.end) == Some(&prefix.last));
        let of_word = fitting.filter(|prefix| prefix.rule / WORD_BITS == index);
        of_word.fold(0, |all, prefix| all | 1 << (prefix.rule % WORD_BITS))
    }
}

#[cfg(test)]
mod tests;
