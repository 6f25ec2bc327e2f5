//! Two policies side by side: every kind of request that they record differently.
//!
//! Exact, not sampled. Each difference carries a request as proof, and the plain engine has confirmed it.

use auditward_event::Level;

use crate::matching;
use crate::space::{Budget, Classifier, Space, TooComplex, Witness};
use crate::{Attributes, Decision, Policy, StageSet};

/// How two policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// By rule of the first policy, then by rule of the second; "no rule" comes last.
    pub differences: Vec<Difference>,
    /// Differences that were found and left out because the plain engine did not confirm their witness. More than
    /// zero is a bug in this crate, and then the list is not to be relied on.
    pub unconfirmed: usize,
}

/// Requests that one rule of each policy decides, differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the first policy decides about them, and by which rule.
    pub a: Decision,
    /// What the second policy decides about them, and by which rule.
    pub b: Decision,
    /// The most ordinary of them.
    pub witness: Witness,
    /// All of them, in disjoint cubes, the widest first.
    pub space: Space,
    /// What they have in common, in a few words: the widest of them, or all that both rules name "but what earlier
    /// rules decide".
    pub description: String,
}

/// Every kind of request that `a` and `b` record differently.
pub fn diff(a: &Policy, b: &Policy) -> Result<Diff, TooComplex> {
    let mut budget = Budget::new();
    let (first, second) = (Classifier::new(a), Classifier::new(b));
    let mut diff = Diff { differences: Vec::new(), unconfirmed: 0 };
    for part in first.partition_within(&Space::everything(), &mut budget)? {
        let decision_a = decision(a, part.rule);
        for other in second.partition_within(&part.space, &mut budget)? {
            let decision_b = decision(b, other.rule);
            if records_alike(&decision_a, &decision_b) {
                continue;
            }
            let space = other.space.tidy();
            let confirmed = space.witness().filter(|witness| {
                witness.request.with(|it| first_match(a, it) == part.rule && first_match(b, it) == other.rule)
            });
            debug_assert!(confirmed.is_some(), "{:?} against {:?}: {space:?}", part.rule, other.rule);
            match confirmed {
                Some(witness) => {
                    let named =
                        first.named(part.rule).and_within(&second.named(other.rule), &mut budget)?.tidy();
                    let description = describe(&space, &named);
                    diff.differences.push(Difference {
                        a: decision_a,
                        b: decision_b,
                        witness,
                        space,
                        description,
                    });
                }
                None => diff.unconfirmed += 1,
            }
        }
    }
    Ok(diff)
}

/// A few words for `space`, the part of `named` (what both rules name) that is left for them.
fn describe(space: &Space, named: &Space) -> String {
    if space.cubes().len() > 2 && named.cubes().len() < space.cubes().len() {
        format!("{named}, but for what earlier rules decide")
    } else {
        space.to_string()
    }
}

/// Whether the same events come out of two decisions: stages do not matter where nothing is recorded, nor managed
/// fields where no body is.
pub fn records_alike(a: &Decision, b: &Decision) -> bool {
    if !records(a) || !records(b) {
        return records(a) == records(b);
    }
    a.level == b.level
        && a.omit_stages == b.omit_stages
        && (a.level < Level::Request || a.omit_managed_fields == b.omit_managed_fields)
}

/// Whether anything at all comes out.
fn records(decision: &Decision) -> bool {
    decision.level != Level::None && decision.omit_stages != StageSet::ALL
}

/// What `policy` decides by the rule, or where no rule matches.
fn decision(policy: &Policy, rule: Option<usize>) -> Decision {
    let (level, omit_stages, omit_managed_fields) = match rule.and_then(|index| policy.rules.get(index)) {
        None => (Level::None, StageSet::EMPTY, None),
        Some(rule) => (rule.level, rule.omit_stages, rule.omit_managed_fields),
    };
    Decision {
        level,
        omit_stages: policy.omit_stages.union(omit_stages),
        omit_managed_fields: omit_managed_fields.unwrap_or(policy.omit_managed_fields),
        rule,
    }
}

/// The rule that decides, according to the plain engine.
fn first_match(policy: &Policy, request: &Attributes<'_>) -> Option<usize> {
    policy.rules.iter().position(|rule| matching::first_failed(rule, request).is_none())
}

#[cfg(test)]
mod tests;
