//! The smallest policy that feeds chosen detections.
//!
//! ```text
//!  demands ──► one policy rule a box (lower) ──► rules that differ in one dimension joined, rules within others dropped
//!          ──► highest level first, guards for credentials before all ──► whatever can be left out is left out
//! ```
//!
//! The result is held against the same judge that answers `coverage`: what is generated feeds every demand wholly, or
//! there is no result.

mod lower;
mod shrink;

#[cfg(test)]
mod tests;

use auditward_event::{Level, Stage};
use auditward_policy::space::{Cube, OwnedTarget, Realism, ResourceSet, Space, TooComplex, Words};
use auditward_policy::{GroupResources, Policy, Rule, StageSet};

use crate::coverage::{Demand, Judge, Sight};

/// A policy that feeds detections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The policy. It has at least one rule.
    pub policy: Policy,
    /// For each demand, in the order given, whether part of it is left out because the bodies it asks for hold
    /// credentials.
    pub guarded: Vec<bool>,
}

/// Why there is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The demands overlap in too many ways.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// A bug: the policy that came out does not feed a demand.
    #[error("the generated policy would not feed demand {demand}; please report this as a bug")]
    NotFed {
        /// Its index.
        demand: usize,
    },
}

/// The smallest policy that feeds the demands: no rule of it can be left out, none records more than is asked for
/// but where the policy language has no words for less, and no body of a credential is recorded.
pub fn generate(demands: &[Demand]) -> Result<Generated, GenerateError> {
    let (mut asked, mut guarded) = (Vec::new(), Vec::new());
    let everything = Policy {
        rules: vec![Rule::catch_all(Level::RequestResponse)],
        omit_stages: StageSet::EMPTY,
        omit_managed_fields: false,
    };
    let best = Judge::new(&everything);
    for demand in demands {
        let credentials = credentials(demand.level);
        let takes_bodies = !demand.space.and(&credentials)?.is_empty();
        let mut space = if takes_bodies { demand.space.minus(&credentials)? } else { demand.space.clone() };
        // What no policy could record: most requests never have a stage `ResponseStarted`. Where that is all there is, it
        // stays, and is told in the end.
        let mut possible = space.clone();
        for blind in best.coverage(std::slice::from_ref(demand))?.blind {
            possible = possible.minus(&blind.space)?;
        }
        if !possible.is_empty() {
            space = possible;
        }
        guarded.push(takes_bodies);
        asked.push(Demand { space: ordinary(&demand.space, space), ..demand.clone() });
    }
    let mut rules: Vec<Rule> = asked.iter().flat_map(lower::rules).collect();
    let omit_stages = omit_stages(&asked);
    let mut policy = assembled(rules.clone(), omit_stages, &asked)?;
    for _ in 0..MISSED_MAX {
        let missed = missed(&policy, &asked)?;
        if missed.is_empty() {
            break;
        }
        rules.extend(missed);
        policy = assembled(rules.clone(), omit_stages, &asked)?;
    }
    shrink::leave_out(&mut policy, &asked)?;
    if policy.rules.is_empty() {
        // A policy without rules is refused.
        policy.rules.push(Rule::catch_all(Level::None));
    }
    if let Some(demand) = first_not_fed(&Judge::new(&policy), &asked)? {
        return Err(GenerateError::NotFed { demand });
    }
    Ok(Generated { policy, guarded })
}

/// Of `part`, what is as ordinary as `whole`: nobody asks for the service account tokens of another group. Nothing
/// where no client sends any of it.
fn ordinary(whole: &Space, part: Space) -> Space {
    let Some(best) = whole.witness().map(|witness| witness.realism) else { return part };
    if best == Realism::Odd {
        return Space::nothing();
    }
    let cubes = part.cubes().iter().cloned().map(Space::from);
    cubes
        .filter(|cube| cube.witness().is_some_and(|witness| witness.realism <= best))
        .fold(Space::nothing(), Space::or)
}

/// How often what a first draft missed is added to it.
const MISSED_MAX: usize = 32;

/// The rules in order, as few as say the same.
fn assembled(mut rules: Vec<Rule>, omit_stages: StageSet, demands: &[Demand]) -> Result<Policy, TooComplex> {
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.level));
    let mut policy = Policy { rules, omit_stages, omit_managed_fields: true };
    shrink::join(&mut policy)?;
    if tells_credentials(&policy)? {
        policy.rules.splice(0..0, guards(demands)?);
    }
    Ok(policy)
}

/// Rules for what the policy leaves blind. A demand that names no API group is first taken to mean those in which
/// Kubernetes has such a resource; the witness knows add-ons that have it too.
fn missed(policy: &Policy, demands: &[Demand]) -> Result<Vec<Rule>, TooComplex> {
    let judge = Judge::new(policy);
    let mut rules = Vec::new();
    for demand in demands {
        for blind in judge.coverage(std::slice::from_ref(demand))?.blind {
            let OwnedTarget::Resource { group, .. } = &blind.witness.request.target else { continue };
            let of_group = ResourceSet { groups: Words::only([group]), ..ResourceSet::any() };
            let space = demand.space.and(&Space::from(Cube::resources(of_group)))?;
            rules.extend(lower::rules(&Demand { space, ..demand.clone() }));
        }
    }
    Ok(rules)
}

/// The first demand that the judge's policy leaves blind, in part or wholly.
fn first_not_fed(judge: &Judge<'_>, demands: &[Demand]) -> Result<Option<usize>, TooComplex> {
    for (index, demand) in demands.iter().enumerate() {
        if !demand.space.is_empty() && judge.coverage(std::slice::from_ref(demand))?.sight != Sight::Full {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Resources whose bodies hold credentials.
struct Credential {
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    /// The lowest level at which an event tells them: the question for a token holds none, its answer does.
    told_at: Level,
}

const CREDENTIALS: [Credential; 3] = [
    Credential { group: "", resource: "secrets", subresource: "", told_at: Level::Request },
    Credential {
        group: "",
        resource: "serviceaccounts",
        subresource: "token",
        told_at: Level::RequestResponse,
    },
    Credential {
        group: "authentication.k8s.io",
        resource: "tokenreviews",
        subresource: "",
        told_at: Level::Request,
    },
];

impl Credential {
    /// Every request for it.
    fn space(&self) -> Space {
        let one = |word: &str| Words::only([word]);
        Space::from(Cube::resources(ResourceSet {
            groups: one(self.group),
            resources: one(self.resource),
            subresources: one(self.subresource),
            ..ResourceSet::any()
        }))
    }

    /// Whether a demand looks into such bodies of it as hold no credential.
    fn is_asked(&self, demands: &[Demand]) -> Result<bool, TooComplex> {
        if self.told_at == Level::Request {
            return Ok(false);
        }
        for demand in demands.iter().filter(|demand| demand.level > Level::Metadata) {
            if !demand.space.and(&self.space())?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Every request of which an event of this level tells a credential.
fn credentials(level: Level) -> Space {
    let told = CREDENTIALS.iter().filter(|credential| credential.told_at <= level);
    told.map(Credential::space).fold(Space::nothing(), Space::or)
}

/// The rules that keep credentials out whatever comes after them, and record no more than is asked for.
fn guards(demands: &[Demand]) -> Result<Vec<Rule>, TooComplex> {
    let (mut asked, mut rest) = (Vec::new(), Vec::new());
    for credential in &CREDENTIALS {
        let of_level = if credential.is_asked(demands)? { &mut asked } else { &mut rest };
        of_level.push(credential);
    }
    let guards = [(Level::Request, asked), (Level::Metadata, rest)];
    Ok(guards.into_iter().filter(|(_, of)| !of.is_empty()).map(|(level, of)| guard(level, &of)).collect())
}

fn guard(level: Level, credentials: &[&Credential]) -> Rule {
    let mut resources: Vec<GroupResources> = Vec::new();
    for Credential { group, resource, subresource, .. } in credentials {
        let pattern =
            if subresource.is_empty() { (*resource).to_owned() } else { format!("{resource}/{subresource}") };
        match resources.iter_mut().find(|entry| entry.group == *group) {
            Some(entry) => entry.resources.push(pattern),
            None => resources.push(GroupResources {
                group: (*group).to_owned(),
                resources: vec![pattern],
                resource_names: Vec::new(),
            }),
        }
    }
    Rule { resources, ..Rule::catch_all(level) }
}

/// Whether a rule would tell a credential, were it the first.
fn tells_credentials(policy: &Policy) -> Result<bool, TooComplex> {
    for rule in policy.rules.iter().filter(|rule| rule.level > Level::Metadata) {
        if !Space::matched_by(rule).and(&credentials(rule.level))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stages that no demand needs: each demand is content with any one of its stages, and is given the last.
fn omit_stages(demands: &[Demand]) -> StageSet {
    let ends = StageSet::EMPTY.with(Stage::ResponseComplete).with(Stage::Panic);
    let kept = demands.iter().fold(ends, |kept, demand| {
        if demand.stages.iter().any(|stage| kept.contains(stage) && stage != Stage::Panic) {
            kept
        } else {
            kept.union(demand.stages)
        }
    });
    // A watch or an exec is told when it begins, not hours later when it ends.
    kept.with(Stage::ResponseStarted).complement()
}
