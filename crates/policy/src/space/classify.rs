//! Running requests down a list of rules, all at once.

use super::set::Space;
use super::tidy;
use super::witness::Witness;
use super::{Budget, TooComplex};
use crate::matching::Condition;
use crate::{GroupResources, Policy, Rule, Scope};

/// A policy's rules as sets of requests.
#[derive(Clone, Debug)]
pub struct Classifier<'a> {
    policy: &'a Policy,
    rules: Vec<Space>,
}

/// The part of a space that one rule decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The rule's index; `None` where no rule matches, so that nothing is recorded.
    pub rule: Option<usize>,
    /// What it decides; never empty, disjoint from every other part.
    pub space: Space,
}

/// What a rule gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It decides something.
    Decides {
        /// The most ordinary request that it decides.
        witness: Witness,
        /// Earlier rules that take part of what it names, in order; empty when it gets all.
        taken_by: Vec<Taken>,
    },
    /// Earlier rules take all that it names.
    Dead {
        /// Such rules, none of which could be left out, in order.
        taken_by: Vec<Taken>,
    },
    /// No request that can occur matches it, wherever it stands.
    Impossible {
        /// The conditions that no request can fulfil, each by itself; empty when only several together are at fault.
        conditions: Vec<Condition>,
    },
}

/// An earlier rule that takes part of what a later one names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The earlier rule's index.
    pub rule: usize,
    /// A request that the later rule names and that the earlier one decides.
    pub witness: Witness,
}

impl<'a> Classifier<'a> {
    /// Prepares a policy.
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, rules: policy.rules.iter().map(Space::matched_by).collect() }
    }

    /// The policy.
    pub fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// What each rule matches, wherever it stands.
    pub fn rules(&self) -> &[Space] {
        &self.rules
    }

    /// What the rule names, wherever it stands; everything where no rule matches.
    pub(crate) fn named(&self, rule: Option<usize>) -> Space {
        rule.and_then(|index| self.rules.get(index)).cloned().unwrap_or_else(Space::everything)
    }

    /// Which part of `space` each rule decides, in the order of the rules; what no rule takes comes last.
    ///
    /// Rules that get nothing are left out. The parts have disjoint cubes when `space` has.
    pub fn partition(&self, space: &Space) -> Result<Vec<Part>, TooComplex> {
        self.partition_within(space, &mut Budget::new())
    }

    pub(crate) fn partition_within(
        &self,
        space: &Space,
        budget: &mut Budget,
    ) -> Result<Vec<Part>, TooComplex> {
        let (mut parts, rest) = run(self.rules.iter().enumerate(), space, budget)?;
        if !rest.is_empty() {
            parts.push(Part { rule: None, space: rest });
        }
        Ok(parts)
    }

    /// What the rule at `index` gets, and who takes the rest. Impossible where there is no such rule.
    pub fn reach(&self, index: usize) -> Result<Reach, TooComplex> {
        self.reach_within(index, &mut Budget::new())
    }

    /// What each rule gets, in order. All share the work that one question may take; what is not done by then is
    /// unknown.
    pub fn reaches(&self) -> Vec<Result<Reach, TooComplex>> {
        let mut budget = Budget::new();
        (0..self.rules.len()).map(|index| self.reach_within(index, &mut budget)).collect()
    }

    fn reach_within(&self, index: usize, budget: &mut Budget) -> Result<Reach, TooComplex> {
        let (Some(space), Some(rule)) = (self.rules.get(index), self.policy.rules.get(index)) else {
            return Ok(Reach::Impossible { conditions: Vec::new() });
        };
        if space.is_empty() {
            return Ok(Reach::Impossible { conditions: impossible_conditions(rule) });
        }
        let earlier = self.rules[..index].iter().enumerate();
        let (parts, rest) = run(earlier, space, budget)?;
        let taken: Vec<Taken> = parts
            .iter()
            .filter_map(|part| Some(Taken { rule: part.rule?, witness: part.space.witness()? }))
            .collect();
        match rest.witness() {
            Some(witness) => Ok(Reach::Decides { witness, taken_by: taken }),
            None => Ok(Reach::Dead { taken_by: self.fewest(space, taken, budget)? }),
        }
    }

    /// Of rules that together take all of `space`, as few as still do.
    fn fewest(
        &self,
        space: &Space,
        taken: Vec<Taken>,
        budget: &mut Budget,
    ) -> Result<Vec<Taken>, TooComplex> {
        // One rule that does it alone is the best answer, if it exists.
        for one in &taken {
            if space.clone().minus_within(&self.rules[one.rule], budget)?.is_empty() {
                return Ok(vec![one.clone()]);
            }
        }
        let mut kept = taken;
        let mut at = 0;
        while at < kept.len() {
            let mut rest = space.clone();
            for other in kept.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, taken)| taken) {
                rest = rest.minus_within(&self.rules[other.rule], budget)?;
            }
            if rest.is_empty() {
                kept.remove(at);
            } else {
                at += 1;
            }
        }
        Ok(kept)
    }
}

/// What each of `rules` takes of `space`, one after the other, and what is left.
fn run<'r>(
    rules: impl Iterator<Item = (usize, &'r Space)>,
    space: &Space,
    budget: &mut Budget,
) -> Result<(Vec<Part>, Space), TooComplex> {
    /// Joining cubes is only worth its while when there are many.
    const TIDY_FROM: usize = 64;
    let mut parts = Vec::new();
    let mut rest = space.clone();
    let mut tidied = TIDY_FROM;
    for (index, rule) in rules {
        let mut decided = Space::nothing();
        for cube in rule.cubes() {
            let cube = Space::from(cube.clone());
            let both = rest.and_within(&cube, budget)?;
            if !both.is_empty() {
                decided = decided.or(both);
                rest = rest.minus_within(&cube, budget)?;
            }
        }
        if !decided.is_empty() {
            parts.push(Part { rule: Some(index), space: decided });
        }
        if rest.cubes().len() > 2 * tidied {
            rest = tidy::tidy(rest.into_cubes()).into_iter().collect();
            tidied = rest.cubes().len().max(TIDY_FROM);
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok((parts, rest))
}

/// The conditions of `rule` of which each alone already lets no request through.
fn impossible_conditions(rule: &Rule) -> Vec<Condition> {
    // What kind of request the rule is about decides which verbs there are.
    let mut bare = Rule::catch_all(rule.level);
    match rule.scope() {
        Scope::Resource => {
            bare.resources = vec![GroupResources { group: "*".to_owned(), ..GroupResources::default() }];
        }
        Scope::NonResource => bare.non_resource_urls = vec!["*".to_owned()],
        Scope::Any => {}
    }
    let alone = [
        (Condition::Users, Rule { users: rule.users.clone(), ..bare.clone() }),
        (Condition::UserGroups, Rule { user_groups: rule.user_groups.clone(), ..bare.clone() }),
        (Condition::Verbs, Rule { verbs: rule.verbs.clone(), ..bare.clone() }),
        (Condition::Namespaces, Rule { namespaces: rule.namespaces.clone(), ..bare.clone() }),
        (Condition::Resources, Rule { resources: rule.resources.clone(), ..bare.clone() }),
        (Condition::NonResourceUrls, Rule { non_resource_urls: rule.non_resource_urls.clone(), ..bare }),
    ];
    alone
        .into_iter()
        .filter(|(_, rule)| Space::matched_by(rule).is_empty())
        .map(|(condition, _)| condition)
        .collect()
}
