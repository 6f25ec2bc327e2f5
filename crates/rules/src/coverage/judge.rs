//! Demands against a policy.

use auditward_event::{Level, Stage};
use auditward_policy::space::{Classifier, Part, Realism, Space, TooComplex, Witness};
use auditward_policy::{Evaluator, Policy, StageSet};

use super::demand::{CERTAIN, Demand, long_running};

/// How well a policy feeds a detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// In one word.
    pub sight: Sight,
    /// What is not recorded well enough, the most ordinary first. Empty where `sight` is full, and where a detection is
    /// blind because it can never be true, whatever is recorded.
    pub blind: Vec<Blind>,
}

/// How much of what a detection looks for is recorded well enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Nothing: it can never fire.
    Blind,
    /// Some of it.
    Partial,
    /// All of it.
    Full,
}

/// Requests that a detection has to see and that a policy does not record well enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind {
    /// The sequence's step, or empty.
    pub step: String,
    /// Why.
    pub cause: Cause,
    /// The policy's rule that decides them; `None` where none matches.
    pub policy_rule: Option<usize>,
    /// One of them.
    pub witness: Witness,
    /// All of them.
    pub space: Space,
    /// What of an event the detection looks at.
    pub paths: Vec<String>,
}

/// Why a request is not recorded well enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not recorded at all.
    NotRecorded,
    /// It is recorded, without what the detection looks at.
    Level {
        /// As it is recorded.
        recorded: Level,
        /// As it would have to be.
        needed: Level,
    },
    /// Every stage that would do is omitted.
    Stages {
        /// Those stages.
        needed: StageSet,
    },
}

/// How well `policy` feeds a detection with these demands.
pub fn coverage(policy: &Policy, demands: &[Demand]) -> Result<Coverage, TooComplex> {
    Judge::new(policy).coverage(demands)
}

/// A policy, prepared for many detections.
#[derive(Debug)]
pub struct Judge<'a> {
    classifier: Classifier<'a>,
    evaluator: Evaluator,
}

impl<'a> Judge<'a> {
    /// Prepares a policy.
    pub fn new(policy: &'a Policy) -> Self {
        Self { classifier: Classifier::new(policy), evaluator: Evaluator::new(policy.clone()) }
    }

    /// How well the policy feeds a detection with these demands.
    ///
    /// A detection of several steps needs every step: it is blind when one of them is, full when all are.
    pub fn coverage(&self, demands: &[Demand]) -> Result<Coverage, TooComplex> {
        let mut blind = Vec::new();
        let mut steps: Vec<(&str, bool)> = Vec::new();
        let sent = |demand: &Demand| demand.space.witness().is_some_and(|it| it.realism < Realism::Odd);
        for demand in demands {
            // What no client ever sends is no other way to do what clients do.
            if !sent(demand) && demands.iter().any(|other| other.step == demand.step && sent(other)) {
                continue;
            }
            let parts = self.blind_parts(demand)?;
            match steps.iter_mut().find(|(name, _)| *name == demand.step) {
                Some((_, seen)) => *seen |= parts.seen,
                None => steps.push((&demand.step, parts.seen)),
            }
            blind.extend(parts.blind);
        }
        blind.sort_by(|a, b| {
            (a.witness.realism, &a.witness.request).cmp(&(b.witness.realism, &b.witness.request))
        });
        let sight = if steps.iter().any(|(_, seen)| !seen) {
            Sight::Blind
        } else if blind.is_empty() {
            Sight::Full
        } else {
            Sight::Partial
        };
        Ok(Coverage { sight, blind })
    }

    /// Which part of `space` each rule of the policy decides.
    pub fn partition(&self, space: &Space) -> Result<Vec<Part>, TooComplex> {
        self.classifier.partition(space)
    }

    fn blind_parts(&self, demand: &Demand) -> Result<Parts, TooComplex> {
        let mut parts = Parts { seen: false, blind: Vec::new() };
        // Requests that no client sends prove nothing as long as the demand has ordinary ones.
        let Some(ordinary) = demand.space.witness().map(|witness| witness.realism) else { return Ok(parts) };
        for part in self.classifier.partition(&demand.space)? {
            let (seen, blind, cause) = match self.sight(part.rule, demand) {
                Record::Enough => (part.space, Space::nothing(), Cause::NotRecorded),
                Record::Short(cause) => (Space::nothing(), part.space, cause),
                Record::OnlyStarts => {
                    let long = long_running();
                    let cause = Cause::Stages { needed: demand.stages };
                    (part.space.and(&long)?, part.space.minus(&long)?, cause)
                }
            };
            parts.seen |= seen.witness().is_some_and(|witness| witness.realism <= ordinary);
            let Some(witness) = self.confirmed(part.rule, &blind, ordinary) else { continue };
            parts.blind.push(Blind {
                step: demand.step.clone(),
                cause,
                policy_rule: part.rule,
                witness,
                space: blind.tidy(),
                paths: demand.paths.clone(),
            });
        }
        Ok(parts)
    }

    /// How what the rule at `rule` decides serves the demand.
    fn sight(&self, rule: Option<usize>, demand: &Demand) -> Record {
        let policy = self.classifier.policy();
        let Some(rule) = rule.and_then(|index| policy.rules.get(index)) else {
            return Record::Short(Cause::NotRecorded);
        };
        let omitted = policy.omit_stages.union(rule.omit_stages);
        let kept = |stage: Stage| demand.stages.contains(stage) && !omitted.contains(stage);
        if rule.level == Level::None {
            Record::Short(Cause::NotRecorded)
        } else if rule.level < demand.level {
            Record::Short(Cause::Level { recorded: rule.level, needed: demand.level })
        } else if CERTAIN.into_iter().any(kept) || demand.stages == PANIC && kept(Stage::Panic) {
            // Whoever asks for nothing but a panic means requests that have one.
            Record::Enough
        } else if kept(Stage::ResponseStarted) {
            Record::OnlyStarts
        } else {
            Record::Short(Cause::Stages { needed: demand.stages })
        }
    }

    /// A request of the space, ordinary enough, that the plain engine gives to that rule too.
    fn confirmed(&self, rule: Option<usize>, space: &Space, ordinary: Realism) -> Option<Witness> {
        let witness = space.witness().filter(|witness| witness.realism <= ordinary)?;
        let decided = witness.request.with(|request| self.evaluator.decide(request).rule);
        debug_assert_eq!(decided, rule, "{witness:?}");
        (decided == rule).then_some(witness)
    }
}

/// No other stage than that.
const PANIC: StageSet = StageSet::EMPTY.with(Stage::Panic);

/// How well a rule of the policy records what a demand asks for.
enum Record {
    /// Well enough.
    Enough,
    /// Only where a request has begun to be answered before it is done.
    OnlyStarts,
    /// Not well enough.
    Short(Cause),
}

struct Parts {
    seen: bool,
    blind: Vec<Blind>,
}
