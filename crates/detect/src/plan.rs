//! A rule's trigger, taken apart: which expressions are asked of events, what is read of an event of which one is true,
//! and who waits for it.
//!
//! ```text
//!  input 0 ──► detector 1: 10 events in 5 minutes ──┐
//!                                                    ├──► detector 0: one after the other ──► alert
//!  input 1 ──────────────────────────────────────────┘
//! ```

use auditward_expr::{Expr, Field};
use auditward_rules::{GroupBy, Rule, Source, Statistic, Step, Threshold, Trigger};

use crate::hit::Hit;
use crate::time::{Micros, seconds};

/// One rule.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The outermost first.
    pub(crate) detectors: Vec<Detector>,
    pub(crate) inputs: Vec<Input>,
}

/// What waits for events, or for other detectors.
#[derive(Debug)]
pub(crate) struct Detector {
    pub(crate) kind: Kind,
    /// Who is told when it fires, and as which step; nobody is told by the outermost.
    pub(crate) parent: Option<(usize, usize)>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Event,
    Count { statistic: Counted, thresholds: Vec<Threshold>, window: Micros },
    Sequence { steps: usize, ordered: bool, window: Micros },
    FirstSeen { learning: Micros, forget: Micros },
}

/// [`Statistic`] without its fields, which are read when the event is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Events,
    Distinct,
    Sum,
    Average,
    Percentile(u8),
}

/// An expression, and what becomes of an event of which it is true.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) when: Expr,
    pub(crate) detector: usize,
    pub(crate) step: usize,
    /// What is read of the event: for the detector, then for its parent, up to the outermost.
    pub(crate) reads: Vec<Reads>,
}

/// What a detector reads of an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    pub(crate) group: GroupBy,
    pub(crate) values: Values,
    pub(crate) number: Option<Field>,
}

/// Which values of an event are counted or remembered.
#[derive(Debug, Clone, Default)]
pub(crate) enum Values {
    #[default]
    None,
    /// One name for what all these fields say, in this group.
    Together(Vec<Field>),
    /// Every choice of one value of each.
    Each(Vec<Field>),
}

impl Plan {
    pub(crate) fn of(rule: &Rule) -> Self {
        let mut plan = Plan { detectors: Vec::new(), inputs: Vec::new() };
        plan.add(&rule.trigger, &rule.group_by, None, &[]);
        plan
    }

    /// Whether this is a match of such a rule.
    pub(crate) fn fits(&self, hit: &Hit) -> bool {
        self.inputs.get(hit.input).is_some_and(|input| input.reads.len() == hit.keys.len())
    }

    /// `above` is what the parents read, the nearest first.
    fn add(
        &mut self,
        trigger: &Trigger,
        group_by: &GroupBy,
        parent: Option<(usize, usize)>,
        above: &[Reads],
    ) {
        let detector = self.detectors.len();
        let (kind, reads) = match trigger {
            Trigger::Event(_) => (Kind::Event, Reads::default()),
            Trigger::Count { statistic, thresholds, window_seconds, .. } => {
                let (statistic, reads) = counted(statistic);
                let window = seconds(*window_seconds);
                (Kind::Count { statistic, thresholds: thresholds.clone(), window }, reads)
            }
            Trigger::Sequence { steps, ordered, window_seconds } => {
                let window = seconds(*window_seconds);
                (Kind::Sequence { steps: steps.len(), ordered: *ordered, window }, Reads::default())
            }
            Trigger::FirstSeen { key, learning_seconds, forget_seconds, .. } => (
                Kind::FirstSeen { learning: seconds(*learning_seconds), forget: seconds(*forget_seconds) },
                Reads { values: Values::Together(key.clone()), ..Reads::default() },
            ),
        };
        self.detectors.push(Detector { kind, parent });
        let with_group = |group: &GroupBy| Reads { group: group.clone(), ..reads.clone() };
        match trigger {
            Trigger::Event(when) | Trigger::FirstSeen { of: when, .. } => {
                self.input(when, (detector, 0), with_group(group_by), above);
            }
            Trigger::Count { of: steps, .. } | Trigger::Sequence { steps, .. } => {
                for (index, step) in steps.iter().enumerate() {
                    let group = if step.group_by.is_empty() { group_by } else { &step.group_by };
                    self.step(step, (detector, index), with_group(group), above);
                }
            }
        }
    }

    fn step(&mut self, step: &Step, place: (usize, usize), reads: Reads, above: &[Reads]) {
        match &step.when {
            Source::Event(when) => self.input(when, place, reads, above),
            Source::Fires { trigger, group_by } => {
                let above: Vec<Reads> = std::iter::once(reads).chain(above.iter().cloned()).collect();
                self.add(trigger, group_by, Some(place), &above);
            }
        }
    }

    fn input(&mut self, when: &Expr, (detector, step): (usize, usize), reads: Reads, above: &[Reads]) {
        let reads = std::iter::once(reads).chain(above.iter().cloned()).collect();
        self.inputs.push(Input { when: when.clone(), detector, step, reads });
    }
}

fn counted(statistic: &Statistic) -> (Counted, Reads) {
    let number = |field: &Field| Reads { number: Some(field.clone()), ..Reads::default() };
    match statistic {
        Statistic::Events => (Counted::Events, Reads::default()),
        Statistic::Distinct(fields) => {
            (Counted::Distinct, Reads { values: Values::Each(fields.clone()), ..Reads::default() })
        }
        Statistic::Sum(field) => (Counted::Sum, number(field)),
        Statistic::Average(field) => (Counted::Average, number(field)),
        Statistic::Percentile(field, percent) => (Counted::Percentile(*percent), number(field)),
    }
}
