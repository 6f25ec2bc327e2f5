//! The engine: matches in, alerts out, one event after the other.
//!
//! ```text
//! events ──► Matcher (any number, any thread) ──► Batch ──► Engine::absorb ──► alerts
//!            which rules match, what is kept of it          each in its turn: windows, sequences, baselines
//! ```
//! What a [`Matcher`] finds depends on the event and the rules alone, so batches may be matched anywhere as long as they are
//! absorbed in the order of the log. All memory is here.

use std::sync::Arc;

use auditward_event::{EventView, MicroTime};
use auditward_rules::Trigger;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Finding};
use crate::clock::Clock;
use crate::config::{Config, Order};
use crate::digest::{Digest, Hasher};
use crate::hit::{Event, Facts, Hit, Which};
use crate::memory::{Context, GivenUp, Memory, Noted, Recent};
use crate::set::{Batch, Matcher, OfAll, Place, RuleSet, Scratch, Seen, SeenEvent};
use crate::state::{self, RestoreError, Restored};
use crate::time::{Micros, micros};
use crate::waiting::Waiting;

/// Rules at work on the events of one cluster.
#[derive(Debug)]
pub struct Engine {
    set: Arc<RuleSet>,
    config: Config,
    /// [`Config::cluster`], for alerts.
    cluster: Arc<str>,
    memory: EngineMemory,
    counters: Counters,
    /// Entries held by all rules.
    weight: usize,
    scratch: Scratch,
}

/// What survives a restart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EngineMemory {
    clock: Clock,
    /// Events absorbed.
    seen: u64,
    /// The time up to which matches have had their turn.
    done_until: Option<Micros>,
    waiting: Waiting,
    counted: Recent,
    /// The first event times of the runs in which a rule was new.
    pub(crate) eras: Vec<Option<Micros>>,
    /// As many as there are rules, in their order.
    pub(crate) rules: Vec<Memory>,
}

/// What an engine has done, and what it had to give up. All but the first two should be zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Events absorbed.
    pub events: u64,
    /// Matches of events and rules or steps, copies included.
    pub matches: u64,
    /// Alerts by rule, in the order of the set.
    pub alerts: Vec<u64>,
    /// Alerts not given because the same one was given shortly before, by rule.
    pub suppressed: Vec<u64>,
    /// Matches of a request that had been counted for the same rule: another stage, or a copy. Of first-seen rules only
    /// those of a key that is not known.
    pub repeated: u64,
    /// Matches that came later than the lateness allows.
    pub late: u64,
    /// Matches that could not wait for their turn.
    pub forced: u64,
    /// Events without a time of their own.
    pub timeless: u64,
    /// Groups given up for a limit.
    pub groups_given_up: u64,
    /// Events or values in windows given up for a limit.
    pub window_entries_given_up: u64,
    /// Keys of first-seen rules given up for a limit.
    pub keys_given_up: u64,
    /// Requests forgotten for a limit, so that a copy would count again. Not zero in any long run.
    pub requests_forgotten: u64,
}

impl Engine {
    /// With nothing remembered.
    pub fn new(set: Arc<RuleSet>, config: Config) -> Self {
        let rules: Vec<Memory> = set.plans().iter().map(|plan| Memory::of(plan, 0)).collect();
        let counters = Counters {
            alerts: vec![0; rules.len()],
            suppressed: vec![0; rules.len()],
            ..Counters::default()
        };
        Engine {
            set,
            cluster: config.cluster.as_str().into(),
            config,
            memory: EngineMemory { rules, eras: vec![None], ..EngineMemory::default() },
            weight: 0,
            scratch: Scratch::default(),
            counters,
        }
    }

    /// The rules.
    pub fn set(&self) -> &Arc<RuleSet> {
        &self.set
    }

    /// One more pair of eyes; each thread has its own.
    pub fn matcher(&self) -> Matcher {
        Matcher::new(self.set.clone(), self.config.limits)
    }

    /// Takes in what was seen in a batch of events, which is empty afterwards. Alerts are appended in the order in which they
    /// are due.
    pub fn absorb(&mut self, batch: &mut Batch, alerts: &mut Vec<Alert>) {
        batch.each(|event| {
            self.event(event.time);
            if let Some(event) = self.matched(event) {
                self.hit(event, alerts);
            }
            // Now and then is enough, as long as it is always at the same events.
            if self.memory.seen.is_multiple_of(16) {
                self.release(alerts);
            }
        });
    }

    /// Lets those have their turn that have waited long enough at `now`, for when no more events come. The clock of
    /// whoever calls; with a wrong one alerts come sooner or later, but are the same.
    pub fn tick(&mut self, now: MicroTime, alerts: &mut Vec<Alert>) {
        self.release_before(now.as_micros().saturating_sub(micros(self.config.lateness)), alerts);
    }

    /// Lets everything have its turn: nothing more comes.
    pub fn finish(&mut self, alerts: &mut Vec<Alert>) {
        self.release_before(Micros::MAX, alerts);
    }

    /// What has been done and given up since the engine was made.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Entries held, in the sense of [`crate::Limits::entries_max`].
    pub fn entries(&self) -> usize {
        self.weight
    }

    /// Everything that is remembered, as bytes to be kept, together with `position`: whatever the caller needs to
    /// continue after the last event absorbed. Events after that one must be given again after a restore, and then every
    /// alert is given at least once, and those that are given twice have the same id.
    pub fn save(&mut self, position: &serde_json::Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Memory takes all that is written to it.
        _ = self.save_to(position, &mut bytes);
        bytes
    }

    /// The same, piece by piece: with many matches that wait for their turn it is larger than all of the engine.
    pub fn save_to(
        &mut self,
        position: &serde_json::Value,
        out: &mut dyn std::io::Write,
    ) -> std::io::Result<()> {
        self.tidy();
        let (set, limits, scratch) = (&self.set, &self.config.limits, &mut self.scratch);
        self.memory.waiting.for_each(|Event { text, facts, hits, .. }| {
            for hit in hits {
                hit.told.get_or_insert_with(|| set.read_told(hit.rule, text, facts, scratch, limits));
            }
            *text = Box::default();
        });
        state::save(&self.set, &self.memory, position, out)
    }

    /// Goes on with what was saved. Rules that are new or look for something else begin with nothing remembered.
    pub fn restore(
        set: Arc<RuleSet>,
        config: Config,
        bytes: &[u8],
    ) -> Result<(Self, Restored), RestoreError> {
        let mut engine = Engine::new(set, config);
        let (memory, restored) = state::restore(&engine.set, bytes)?;
        engine.memory = memory;
        engine.weigh();
        Ok((engine, restored))
    }

    fn event(&mut self, time: Option<Micros>) {
        self.memory.seen += 1;
        self.counters.events += 1;
        let Some(time) = time else {
            self.counters.timeless += 1;
            return;
        };
        self.memory.clock.observe(time);
        let lateness = micros(self.config.lateness);
        for since in &mut self.memory.eras {
            match since {
                None => *since = Some(time),
                // An earlier event that came a little later; but not one whose clock is wrong.
                Some(since) if time < *since && since.saturating_sub(time) <= lateness => *since = time,
                Some(_) => {}
            }
        }
    }

    /// What comes of the matches of an event; `None` if nothing does.
    fn matched(&mut self, event: SeenEvent<'_>) -> Option<Event> {
        let SeenEvent { time, of_all: OfAll { mut which, facts }, matches, text } = event;
        // An event without a time happened when the others do.
        let now = time.unwrap_or_else(|| self.memory.clock.now().unwrap_or(0));
        let is_late = self.memory.done_until.is_some_and(|done| now < done);
        let mut hits = Vec::new();
        for seen in matches {
            self.counters.matches += 1;
            self.counters.late += u64::from(is_late);
            let (place, keys, told) = match seen {
                Seen::Key { place, seen } => {
                    if self.knows(place, seen, now) {
                        continue;
                    }
                    // What was written out of an event can be read.
                    let Ok(event) = EventView::parse(text) else { continue };
                    let limits = &self.config.limits;
                    let keys = self.set.read_keys(place, &event, &mut self.scratch, limits);
                    which.get_or_insert_with(|| Which::of(&event, time.unwrap_or_default(), limits));
                    (place, keys, None)
                }
                Seen::Event { place, keys, told } => {
                    if keys.first().is_some_and(|key| self.knows(place, key.seen(), now)) {
                        continue;
                    }
                    (place, keys, told)
                }
            };
            hits.push(Hit { rule: place.0, input: place.1, keys, told });
        }
        let mut which = which.filter(|_| !hits.is_empty())?;
        which.time = now;
        let untold = hits.iter().any(|hit| hit.told.is_none());
        let text = if untold { text.into() } else { Box::default() };
        Some(Event { which, text, facts, hits })
    }

    /// Whether a match is of a key that its rule knows, so that nothing comes of it.
    fn knows(&mut self, (rule, input): Place, seen: Digest, time: Micros) -> bool {
        self.memory.rules[rule].knows(&self.set.plans()[rule], input, seen, time)
    }

    fn hit(&mut self, mut event: Event, alerts: &mut Vec<Alert>) {
        if self.config.order == Order::AtOnce {
            let alone = |hit: &mut Hit| matches!(self.set.rules()[hit.rule].trigger, Trigger::Event(_));
            let hits: Vec<Hit> = event.hits.extract_if(.., alone).collect();
            for hit in hits {
                self.turn(&mut event, hit, alerts);
            }
            if event.hits.is_empty() {
                return;
            }
        }
        event.sort();
        self.memory.waiting.push(event, self.memory.seen);
        while let Some(event) = self.memory.waiting.pop_forced(self.memory.seen, &self.config.limits) {
            self.counters.forced += event.hits.len() as u64;
            self.turns(event, alerts);
        }
    }

    fn release(&mut self, alerts: &mut Vec<Alert>) {
        if !self.memory.waiting.is_empty()
            && let Some(now) = self.memory.clock.now()
        {
            self.release_before(now.saturating_sub(micros(self.config.lateness)), alerts);
        }
    }

    fn release_before(&mut self, until: Micros, alerts: &mut Vec<Alert>) {
        while let Some(event) = self.memory.waiting.pop_before(until) {
            self.memory.done_until = self.memory.done_until.max(Some(event.which.time));
            self.turns(event, alerts);
        }
    }

    fn turns(&mut self, mut event: Event, alerts: &mut Vec<Alert>) {
        for hit in std::mem::take(&mut event.hits) {
            self.turn(&mut event, hit, alerts);
        }
    }

    /// It is this match's turn.
    fn turn(&mut self, event: &mut Event, hit: Hit, alerts: &mut Vec<Alert>) {
        let Event { which, text, facts, .. } = event;
        // What was new when it came need not be any more.
        if hit.keys.first().is_some_and(|key| self.knows((hit.rule, hit.input), key.seen(), which.time)) {
            return;
        }
        let limits = &self.config.limits;
        let set = Arc::clone(&self.set);
        let rule = &set.rules()[hit.rule];
        let request = Hasher::new("counted").part(rule.id.as_bytes()).size(hit.input);
        let request = request.digest(which.request).finish();
        let forgotten = &mut self.counters.requests_forgotten;
        if self.memory.counted.note(request, limits.requests_max, forgotten) == Noted::Known {
            self.counters.repeated += 1;
            return;
        }
        let memory = &mut self.memory.rules[hit.rule];
        let context = Context {
            now: self.memory.clock.now().unwrap_or(which.time),
            since: self.memory.eras.get(memory.era).copied().flatten(),
            limits,
        };
        let mut given_up = GivenUp::default();
        let before = memory.weight();
        let fired = memory.take(&set.plans()[hit.rule], which, &hit, context, &mut given_up);
        let repeats = fired.is_some() && memory.repeats(rule, which, &hit, limits, &mut given_up);
        self.weight = self.weight + memory.weight() - before;
        match fired {
            Some(_) if repeats => self.counters.suppressed[hit.rule] += 1,
            Some(fired) => {
                self.counters.alerts[hit.rule] += 1;
                let id = alert_id(&self.config.cluster, &rule.id, which, &hit);
                let values = hit
                    .told
                    .unwrap_or_else(|| set.read_told(hit.rule, text, facts, &mut self.scratch, limits));
                let finding =
                    Finding { id, time: which.time, count: fired.count, events: fired.events, values };
                let of_rule = (rule, set.common(hit.rule));
                let facts = Facts::clone(facts.get_or_insert_default());
                alerts.push(Alert::new(of_rule, &self.cluster, facts, finding, limits));
            }
            None => {}
        }
        self.keep_to_entries(&mut given_up);
        self.counters.groups_given_up += given_up.groups;
        self.counters.window_entries_given_up += given_up.window_entries;
        self.counters.keys_given_up += given_up.keys;
    }

    fn keep_to_entries(&mut self, given_up: &mut GivenUp) {
        if self.weight <= self.config.limits.entries_max {
            return;
        }
        self.tidy();
        while self.weight > self.config.limits.entries_max {
            let heaviest = self.memory.rules.iter_mut().max_by_key(|memory| memory.weight());
            let Some(memory) = heaviest else { return };
            let before = memory.weight();
            if !memory.evict(given_up) {
                return;
            }
            self.weight = self.weight + memory.weight() - before;
        }
    }

    /// Gives up what is idle by the events' own clock, whatever any other clock says.
    fn tidy(&mut self) {
        let Some(now) = self.memory.clock.now() else { return };
        let earliest = now.saturating_sub(micros(self.config.lateness));
        let before = self.memory.waiting.next().map_or(earliest, |waiting| waiting.min(earliest));
        for ((rule, plan), memory) in
            self.set.rules().iter().zip(self.set.plans()).zip(&mut self.memory.rules)
        {
            memory.tidy(rule, plan, before);
        }
        self.weigh();
    }

    fn weigh(&mut self) {
        self.weight = self.memory.rules.iter().map(Memory::weight).sum();
    }
}

impl EngineMemory {
    /// Whether all that waits is of one of the first so many rules, and of an input that it has.
    pub(crate) fn names_only(&self, fits: impl Fn(&Hit) -> bool) -> bool {
        self.waiting.hits().all(fits)
    }

    /// With other rules: `number` says where a rule is now, if it still is.
    pub(crate) fn with_rules(
        mut self,
        rules: Vec<Memory>,
        eras: Vec<Option<Micros>>,
        number: impl Fn(usize) -> Option<usize>,
    ) -> Self {
        self.waiting = self.waiting.renumber(number);
        (self.rules, self.eras) = (rules, eras);
        self
    }
}

/// From the rule, the group and the request alone: found again, it has the same id.
fn alert_id(cluster: &str, rule: &str, which: &Which, hit: &Hit) -> String {
    let hasher = Hasher::new("alert").part(cluster.as_bytes()).part(rule.as_bytes());
    let group = hit.keys.last().map_or(Digest::LEAST, |key| key.group);
    hasher.digest(group).digest(which.request).finish().to_string()
}
