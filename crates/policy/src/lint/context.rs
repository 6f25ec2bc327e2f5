//! What every lint looks at: the text, its policy, and what each rule decides.

use std::cell::Cell;

use auditward_event::{Level, Stage};

use super::Proof;
use crate::read::{FieldPath, Reading, Span, position};
use crate::space::{Classifier, Part, Reach, Space, TooComplex};
use crate::{Policy, Rule, Scope, StageSet};

/// How many rules a policy may have for questions about all requests to be asked. Real ones have a few dozen.
const RULES_MAX: usize = 1_000;

/// How many bytes may be read again in all to try changes. A text of 10 kB can have thousands of them tried.
const BYTES_READ_AGAIN_MAX: usize = 32 << 20;

pub(super) const TOO_COMPLEX: &str =
    "the rules overlap in too many ways: not everything about this policy could be worked out";

pub(super) struct Context<'a> {
    pub(super) text: &'a [u8],
    pub(super) reading: &'a Reading,
    pub(super) policy: &'a Policy,
    classifier: Classifier<'a>,
    /// What each rule decides, by its index; what no rule decides is the last.
    decided: Vec<Option<Space>>,
    reaches: Vec<Option<Reach>>,
    gave_up: Cell<bool>,
    /// What is left of [`BYTES_READ_AGAIN_MAX`].
    bytes_to_read: Cell<usize>,
}

impl<'a> Context<'a> {
    pub(super) fn new(text: &'a [u8], reading: &'a Reading) -> Option<Self> {
        let policy = reading.policy.as_ref()?;
        let mut cx = Self {
            text,
            reading,
            policy,
            classifier: Classifier::new(policy),
            decided: Vec::new(),
            reaches: Vec::new(),
            gave_up: Cell::new(false),
            bytes_to_read: Cell::new(BYTES_READ_AGAIN_MAX),
        };
        if cx.is_too_large() {
            cx.gave_up.set(true);
            return Some(cx);
        }
        cx.decided = vec![None; policy.rules.len() + 1];
        if let Some(parts) = cx.known(cx.classifier.partition(&Space::everything())) {
            for slot in &mut cx.decided {
                *slot = Some(Space::nothing());
            }
            for part in parts {
                let at = part.rule.unwrap_or(policy.rules.len());
                cx.decided[at] = Some(part.space);
            }
        }
        cx.reaches = cx.classifier.reaches().into_iter().map(|reach| cx.known(reach)).collect();
        Some(cx)
    }

    /// The rules with their indices.
    pub(super) fn rules(&self) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.policy.rules.iter().enumerate()
    }

    /// What the rule matches, wherever it stands.
    pub(super) fn named(&self, rule: usize) -> Space {
        self.classifier.rules().get(rule).cloned().unwrap_or_default()
    }

    /// What the rule decides; `None` when that could not be worked out.
    pub(super) fn decided_by(&self, rule: usize) -> Option<&Space> {
        self.decided.get(rule)?.as_ref()
    }

    /// What no rule decides; `None` when that could not be worked out.
    pub(super) fn undecided(&self) -> Option<&Space> {
        self.decided.last()?.as_ref()
    }

    /// What the rule gets; `None` when that could not be worked out.
    pub(super) fn reach(&self, rule: usize) -> Option<&Reach> {
        self.reaches.get(rule)?.as_ref()
    }

    fn is_too_large(&self) -> bool {
        self.policy.rules.len() > RULES_MAX
    }

    /// Which rule decides which part of `space`; nothing when that could not be worked out.
    pub(super) fn decide(&self, space: &Space) -> Vec<Part> {
        if self.is_too_large() {
            return Vec::new();
        }
        self.known(self.classifier.partition(space)).unwrap_or_default()
    }

    /// What is in both; nothing when that could not be worked out.
    pub(super) fn both(&self, a: &Space, b: &Space) -> Space {
        self.known(a.and(b)).unwrap_or_default()
    }

    /// Notes that something could not be worked out.
    pub(super) fn known<T>(&self, result: Result<T, TooComplex>) -> Option<T> {
        if result.is_err() {
            self.gave_up.set(true);
        }
        result.ok()
    }

    /// Whether no request leaves a trace.
    pub(super) fn records_nothing(&self) -> bool {
        let records = |index: usize| {
            self.level(Some(index)) != Level::None
                && !matches!(self.reach(index), Some(Reach::Dead { .. } | Reach::Impossible { .. }))
        };
        !(0..self.policy.rules.len()).any(records)
    }

    /// Notes that something was not looked at.
    pub(super) fn give_up(&self) {
        self.gave_up.set(true);
    }

    /// Whether the text may be read once more; counts it as read.
    pub(super) fn may_read_again(&self) -> bool {
        let left = self.bytes_to_read.get().checked_sub(self.text.len().max(1));
        self.bytes_to_read.set(left.unwrap_or(0));
        left.is_some()
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.get()
    }

    /// The level that the rule, or no rule, records at: `None` too where all stages are omitted.
    pub(super) fn level(&self, rule: Option<usize>) -> Level {
        let Some(rule) = rule.and_then(|index| self.policy.rules.get(index)) else { return Level::None };
        if self.omitted(rule) == StageSet::ALL { Level::None } else { rule.level }
    }

    /// The stages at which the rule writes no event.
    pub(super) fn omitted(&self, rule: &Rule) -> StageSet {
        self.policy.omit_stages.union(rule.omit_stages)
    }

    /// Rules that record something at this stage.
    pub(super) fn recording_at(&self, stage: Stage) -> impl Iterator<Item = usize> {
        self.rules()
            .filter(move |(_, rule)| rule.level != Level::None && !self.omitted(rule).contains(stage))
            .map(|(index, _)| index)
    }

    /// Whether the rule's bodies keep `metadata.managedFields`.
    pub(super) fn keeps_managed_fields(&self, rule: &Rule) -> bool {
        !rule.omit_managed_fields.unwrap_or(self.policy.omit_managed_fields)
    }

    pub(super) fn span(&self, path: &FieldPath) -> Span {
        self.reading.span(path)
    }

    /// The most ordinary request of `space`, all of which the rule decides.
    pub(super) fn proof(space: &Space, decided_by: Option<usize>) -> Option<Proof> {
        Some(Proof { request: space.witness()?.request, decided_by })
    }

    /// `rule 5 (line 31)`
    pub(super) fn name(&self, rule: usize) -> String {
        let line = position(self.text, self.span(&FieldPath::rule(rule)).start).line;
        format!("rule {} (line {line})", rule + 1)
    }

    /// `rule 5 (line 31) and rule 7 (line 40)`
    pub(super) fn names(&self, rules: impl IntoIterator<Item = usize>) -> String {
        let rules: Vec<usize> = rules.into_iter().collect();
        super::names::joined_by(&rules, |rule| self.name(*rule), "and")
    }
}

impl Rule {
    /// Whether the rule matches every request.
    pub(super) fn is_catch_all(&self) -> bool {
        self.scope() == Scope::Any
            && self.users.is_empty()
            && self.user_groups.is_empty()
            && self.verbs.is_empty()
    }

    /// Whether the rule looks at who asks.
    pub(super) fn names_someone(&self) -> bool {
        !self.users.is_empty() || !self.user_groups.is_empty()
    }
}
