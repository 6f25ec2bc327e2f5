//! What is remembered from one event to the next: for each rule its windows, started sequences or known keys, and which
//! alerts are not to be repeated yet.
//!
//! All of it lives in [`Lru`]s with a limit. Nothing is thrown away because time seems to have passed, except where a
//! group is idle: a clock that jumps costs nobody his window.

mod count;
mod evidence;
mod known;
mod lru;
mod recent;
mod sequence;

use auditward_rules::{Rule, Trigger};
use serde::{Deserialize, Serialize};

use crate::config::Limits;
use crate::digest::Digest;
use crate::hit::{EventRef, Hit, Key, Which};
use crate::plan::{Counted, Kind, Plan};
use crate::time::{Micros, seconds};

use count::Window;
pub(crate) use evidence::Evidence;
use known::Known;
pub(crate) use lru::{Lru, Weigh};
pub(crate) use recent::{Noted, Recent};
use sequence::Steps;

/// What one rule remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Which of the engine's beginnings is the rule's: where a time of learning begins.
    pub(crate) era: usize,
    /// As many as the rule has detectors.
    detectors: Vec<Groups>,
    /// When the last alert of a group was.
    alerted: Lru<Last>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Groups {
    None,
    Windows(Lru<Window>),
    Sequences(Lru<Steps>),
    Keys(Known),
}

/// A time, the last of its kind.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Last(Micros);

impl Weigh for Last {
    fn weight(&self) -> usize {
        1
    }
}

/// A rule has found what it looks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) count: u64,
    pub(crate) events: Vec<EventRef>,
}

/// What had to be given up for a limit.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct GivenUp {
    pub(crate) groups: u64,
    pub(crate) window_entries: u64,
    pub(crate) keys: u64,
}

/// What there is to know about now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    /// What the events' clocks say.
    pub(crate) now: Micros,
    /// Since when the rule runs, in event time.
    pub(crate) since: Option<Micros>,
    pub(crate) limits: &'c Limits,
}

impl Memory {
    pub(crate) fn of(plan: &Plan, era: usize) -> Self {
        let detectors = plan.detectors.iter().map(|detector| Groups::of(&detector.kind)).collect();
        Memory { era, detectors, alerted: Lru::default() }
    }

    /// Whether this is a memory for such a rule.
    pub(crate) fn fits(&self, plan: &Plan) -> bool {
        self.detectors.len() == plan.detectors.len()
            && self.detectors.iter().zip(&plan.detectors).all(|(groups, of)| {
                std::mem::discriminant(groups) == std::mem::discriminant(&Groups::of(&of.kind))
            })
    }

    /// Whether a match of this input at this time is of a key that a first-seen rule knows. If so the key is seen once
    /// more, and that is all that comes of the match.
    ///
    /// It need not wait for its turn, since its turn would say the same. Say it is taken now, at time `t`, because the key
    /// was seen at `s`, not too long before `t`, and in its turn a match at an earlier `u` finds the key seen at `t`:
    /// `s` is even less far from `u` than from `t`, so in order too the key was known at `u`.
    pub(crate) fn knows(&mut self, plan: &Plan, input: usize, seen: Digest, time: Micros) -> bool {
        let Some(input) = plan.inputs.get(input) else { return false };
        let kind = plan.detectors.get(input.detector).map(|detector| &detector.kind);
        match (kind, self.detectors.get_mut(input.detector)) {
            (Some(Kind::FirstSeen { forget, .. }), Some(Groups::Keys(keys))) => {
                keys.again(seen, time, time.saturating_sub(*forget))
            }
            _ => false,
        }
    }

    /// Takes in one match, in its turn. A detector that fires is a step of the one above it; what the outermost says is
    /// an alert.
    pub(crate) fn take(
        &mut self,
        plan: &Plan,
        which: &Which,
        hit: &Hit,
        context: Context<'_>,
        given_up: &mut GivenUp,
    ) -> Option<Fired> {
        let input = plan.inputs.get(hit.input)?;
        let (mut detector, mut step) = (input.detector, input.step);
        for key in &*hit.keys {
            let at = plan.detectors.get(detector)?;
            let groups = self.detectors.get_mut(detector)?;
            let fired = groups.take(&at.kind, step, key, which, context, given_up)?;
            match at.parent {
                Some(parent) => (detector, step) = parent,
                None => return Some(fired),
            }
        }
        None
    }

    /// Whether an alert of this group was given less than the rule's period ago. If not, this one is noted.
    pub(crate) fn repeats(
        &mut self,
        rule: &Rule,
        which: &Which,
        hit: &Hit,
        limits: &Limits,
        given_up: &mut GivenUp,
    ) -> bool {
        let (Some(period), Some(key)) = (period(rule), hit.keys.last()) else { return false };
        let time = which.time;
        let last = self.alerted.get(key.group);
        if last.is_some_and(|last| last.0.abs_diff(time) < period.unsigned_abs()) {
            return true;
        }
        self.alerted.update(key.group, || Last(time), |last| last.0 = time);
        keep_to(&mut self.alerted, limits.groups_per_rule_max, &mut given_up.groups);
        false
    }

    /// Entries held.
    pub(crate) fn weight(&self) -> usize {
        self.detectors.iter().map(Groups::weight).sum::<usize>() + self.alerted.weight()
    }

    /// Gives up what was touched least recently, where most is held; false if nothing is.
    pub(crate) fn evict(&mut self, given_up: &mut GivenUp) -> bool {
        let heaviest = self.detectors.iter_mut().max_by_key(|groups| groups.weight());
        if heaviest.is_some_and(|groups| groups.evict(given_up)) {
            return true;
        }
        given_up.groups += u64::from(self.alerted.len() > 0);
        self.alerted.evict()
    }

    /// Gives up what can no longer matter: groups in which nothing happened for longer than the rule looks back.
    pub(crate) fn tidy(&mut self, rule: &Rule, plan: &Plan, before: Micros) {
        for (groups, detector) in self.detectors.iter_mut().zip(&plan.detectors) {
            groups.tidy(&detector.kind, before);
        }
        let repeat_after = period(rule).unwrap_or(0);
        while self.alerted.oldest().is_some_and(|last| last.0 < before.saturating_sub(repeat_after)) {
            self.alerted.evict();
        }
    }
}

impl Groups {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Event => Groups::None,
            Kind::Count { .. } => Groups::Windows(Lru::default()),
            Kind::Sequence { .. } => Groups::Sequences(Lru::default()),
            Kind::FirstSeen { .. } => Groups::Keys(Known::default()),
        }
    }

    fn take(
        &mut self,
        kind: &Kind,
        step: usize,
        key: &Key,
        which: &Which,
        context: Context<'_>,
        given_up: &mut GivenUp,
    ) -> Option<Fired> {
        let (time, limits) = (which.time, context.limits);
        match (kind, self) {
            (Kind::Event, _) => Some(Fired { count: 1, events: vec![(*which.mark).clone()] }),
            (Kind::Count { statistic, thresholds, window }, Groups::Windows(windows)) => {
                if *statistic == Counted::Distinct && key.values.is_empty() {
                    return None;
                }
                let from = time.saturating_sub(*window);
                let fired = windows.update(key.group, Window::default, |group| {
                    let number = match statistic {
                        Counted::Events => Some(group.event(time, from) as f64),
                        Counted::Distinct => Some(group.values(&key.values, time, from) as f64),
                        _ => group.numbers(&key.numbers, time, from, *statistic),
                    };
                    group.evidence.note(which, limits.evidence_max);
                    // An event that comes late, or is ahead of all others, does not end the window of the rest.
                    let keep_from = time.min(context.now).saturating_sub(*window);
                    group.prune(keep_from, limits.events_per_window_max, &mut given_up.window_entries);
                    let number = number.filter(|number| thresholds.iter().all(|t| t.holds(*number)))?;
                    let counts = matches!(statistic, Counted::Events | Counted::Distinct);
                    let events = group.evidence.within(from..=time);
                    let count = if counts { whole(number) } else { events.len() as u64 };
                    Some(Fired { count, events })
                });
                keep_to(windows, limits.groups_per_rule_max, &mut given_up.groups);
                fired
            }
            (Kind::Sequence { steps, ordered, window }, Groups::Sequences(groups)) => {
                let done = groups.update(key.group, Steps::default, |group| {
                    group.advance(which, (step, *steps), *ordered, *window, limits.evidence_max)
                });
                keep_to(groups, limits.groups_per_rule_max, &mut given_up.groups);
                done.map(|evidence| Fired { count: evidence.len() as u64, events: evidence.events() })
            }
            (Kind::FirstSeen { learning, forget }, Groups::Keys(keys)) => {
                let seen = key.seen();
                let known = keys.again(seen, time, time.saturating_sub(*forget));
                keys.note(seen, time);
                while keys.len() > limits.keys_per_rule_max.max(1) && keys.evict() {
                    given_up.keys += 1;
                }
                let learnt = context.since.is_some_and(|since| time >= since.saturating_add(*learning));
                (!known && learnt).then(|| Fired { count: 1, events: vec![(*which.mark).clone()] })
            }
            // `Memory::of` makes them alike, and `Memory::fits` is asked of what was restored.
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Groups::None => 0,
            Groups::Windows(groups) => groups.weight(),
            Groups::Sequences(groups) => groups.weight(),
            Groups::Keys(keys) => keys.len(),
        }
    }

    fn evict(&mut self, given_up: &mut GivenUp) -> bool {
        let (evicted, count) = match self {
            Groups::None => return false,
            Groups::Windows(groups) => (groups.evict(), &mut given_up.groups),
            Groups::Sequences(groups) => (groups.evict(), &mut given_up.groups),
            Groups::Keys(keys) => (keys.evict(), &mut given_up.keys),
        };
        *count += u64::from(evicted);
        evicted
    }

    fn tidy(&mut self, kind: &Kind, before: Micros) {
        let idle = |newest: Option<Micros>, reach: Micros| {
            newest.is_none_or(|newest| newest < before.saturating_sub(reach))
        };
        match (kind, self) {
            (Kind::Count { window, .. }, Groups::Windows(groups)) => {
                while groups.oldest().is_some_and(|group| idle(group.newest(), *window)) {
                    groups.evict();
                }
            }
            (Kind::Sequence { window, .. }, Groups::Sequences(groups)) => {
                while groups.oldest().is_some_and(|group| idle(group.newest(), *window)) {
                    groups.evict();
                }
            }
            (Kind::FirstSeen { forget, .. }, Groups::Keys(keys)) => {
                while keys.oldest().is_some_and(|last| idle(Some(last), *forget)) {
                    keys.evict();
                }
            }
            _ => {}
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that was made a float")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// How long the same alert is not repeated. A window that is full stays so for a while: unless the rule says otherwise
/// it says so once.
fn period(rule: &Rule) -> Option<Micros> {
    match (&rule.suppress, &rule.trigger) {
        (Some(suppress), _) => Some(seconds(suppress.seconds)),
        (None, Trigger::Count { window_seconds, .. }) => Some(seconds(*window_seconds)),
        (None, _) => None,
    }
}

fn keep_to<V: Weigh>(groups: &mut Lru<V>, max: usize, given_up: &mut u64) {
    while groups.len() > max.max(1) && groups.evict() {
        *given_up += 1;
    }
}
