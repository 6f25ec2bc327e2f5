//! What is due when: the whole decision, without I/O and without a clock.
//!
//! ```text
//!            accept                 plan                       settle
//!  notices ────────► waiting, by group ────► batches ── send ──────────► taken: forgotten (or kept to be told again)
//!            │ filter                          ▲  │ not taken: later, with backoff
//!            ▼                                 └──┘ refused too often: dead
//!         left out
//! ```
//! The caller saves [`Queue::save`] before it sends a batch for the first time and after each acknowledgement; whatever
//! happens in between, [`Queue::restore`] goes on from the last save, and the feed tells again what was read since.
//!
//! Two things are made to wait: a batch that was not taken, and the target as a whole when it is not well. After each
//! failure another batch has its turn, so that none stands in the way of others.

mod backoff;
mod saved;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use auditward_base::Digest;

pub use backoff::RETRY_AFTER_MAX;
use backoff::{Backoff, Random};
pub use saved::{Saved, SavedError};

use crate::config::{Choice, Target};
use crate::notice::{Notice, Severity};
use crate::send::{Failure, FailureKind};

/// Alerts that a queue holds at most; more are not read from the feed. When it is full, groups go without waiting.
pub const PENDING_MAX: usize = 1000;
/// Alerts that are kept to be told again; beyond, the oldest are not.
pub const TOLD_MAX: usize = 1000;
/// Groups that a queue knows of. Beyond, those that were sent longest ago and have nothing to send are forgotten, and
/// with them their interval.
pub const GROUPS_MAX: usize = 1000;
/// The longest value that a group is told apart by, in bytes.
const VALUE_MAX: usize = 200;

/// What a queue needs to know of its target.
#[derive(Debug, Clone)]
pub struct Rules {
    severity: Option<Severity>,
    /// Of rules.
    ids: Choice,
    clusters: Choice,
    by: Vec<String>,
    wait: i64,
    interval: i64,
    repeat: Option<i64>,
    repeat_max: u32,
    size_max: usize,
    tries_max: u32,
    closed_max: i64,
    backoff: Backoff,
}

/// One target's alerts from the feed to the acknowledgement. Times are microseconds since 1970.
#[derive(Debug)]
pub struct Queue {
    rules: Rules,
    /// Everything up to this number was looked at.
    read: u64,
    /// Whatever is named by number below.
    notices: BTreeMap<u64, Arc<Notice>>,
    groups: BTreeMap<Key, Group>,
    batches: BTreeMap<u64, Batch>,
    next_batch: u64,
    /// Nothing is sent before.
    target_rests_until: i64,
    /// Failures of the target in a row.
    failing: u32,
    last_success: Option<i64>,
    random: Random,
    counts: Counts,
    /// Something changed that a restart must know.
    unsaved: bool,
    /// Numbers that only the feed would have to tell again.
    read_unsaved: u64,
}

/// Alerts counted by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `Status`")]
pub struct Counts {
    pub sent: u64,
    pub repeated: u64,
    pub filtered: u64,
    pub dead: u64,
    pub lost: u64,
    pub failed: u64,
}

/// Names and values that a group's alerts agree in, in the order of `group.by`.
type Key = Vec<(String, String)>;

#[derive(Debug, Default)]
struct Group {
    waiting: VecDeque<u64>,
    /// When the first of them came.
    since: i64,
    /// What waits up to this number is due, and batches are made of it one after another: a thousand would be written
    /// down at every acknowledgement.
    flush: u64,
    /// When it was sent last.
    sent: Option<i64>,
    /// What may be told again.
    told: VecDeque<u64>,
    repeats: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Batch {
    key: Key,
    numbers: Vec<u64>,
    /// 0 for what is told for the first time.
    repeat: u32,
    not_before: i64,
    tries: u32,
    /// How often it was refused,
    refusals: u32,
    /// and how often the target fell over at it that took others meanwhile.
    fallen: u32,
    first_failed: Option<i64>,
    last_tried: Option<i64>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send this now, and tell [`Queue::settle`] what came of it. The state must have been saved before if
    /// [`Queue::is_unsaved`] says so.
    Send(Delivery),
    /// Nothing before this time, unless notices come.
    Wait(i64),
    /// Nothing unless notices come.
    Idle,
}

/// Alerts that go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// For [`Queue::settle`].
    pub batch: u64,
    /// The same for the same alerts however often they are tried, also after a crash; another when they are told
    /// again. 32 hexadecimal digits.
    pub id: String,
    /// What the alerts agree in, if they were grouped.
    pub group: Vec<(String, String)>,
    /// How often they were told before because nobody has acknowledged them.
    pub repeat: u32,
    /// The alerts, at least one, in the feed's order.
    pub notices: Vec<Arc<Notice>>,
    /// Whether this is a test that somebody asked for.
    pub test: bool,
}

/// What came of a delivery that was settled.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is with the target.
    Taken,
    /// It will be tried again.
    Later,
    /// It was given up. It must be written to the dead letters, and then [`Queue::bury`] told so; until then it is
    /// there, and will be tried again.
    Dead(Delivery),
}

impl Rules {
    /// The rules of a target as it is configured.
    pub fn of(target: &Target) -> Self {
        // falcosidekick reads one alert a request.
        let size_max = if target.falcosidekick.is_some() { 1 } else { target.group.size_max.max(1) };
        Self {
            severity: target.severity,
            ids: target.rules.clone(),
            clusters: target.clusters.clone(),
            by: target.group.by.clone(),
            wait: target.group.wait.micros(),
            interval: target.group.interval.micros(),
            repeat: target.group.repeat.map(crate::config::Span::micros),
            repeat_max: target.group.repeat_max,
            size_max,
            tries_max: target.retry.tries_max,
            closed_max: target.retry.closed_max.micros(),
            backoff: Backoff { first: target.retry.first.micros(), longest: target.retry.longest.micros() },
        }
    }

    fn take(&self, notice: &Notice) -> bool {
        self.severity.is_none_or(|least| notice.severity >= least)
            && self.ids.takes(&notice.rule)
            && self.clusters.takes(&notice.cluster)
    }

    fn key(&self, notice: &Notice) -> Key {
        self.by.iter().map(|name| (name.clone(), value(notice, name))).collect()
    }
}

/// What a notice says of a field; empty where it says nothing.
fn value(notice: &Notice, name: &str) -> String {
    let mut text = match name {
        "cluster" => notice.cluster.clone(),
        "rule" => notice.rule.clone(),
        "severity" => notice.severity.to_string(),
        path => {
            let found = path.split('.').try_fold(&notice.alert, |value, key| value.get(key));
            match found {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            }
        }
    };
    let end = (0..=VALUE_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

impl Queue {
    /// A queue that begins behind `read`.
    pub fn new(rules: Rules, read: u64, seed: u64) -> Self {
        Self {
            rules,
            read,
            notices: BTreeMap::new(),
            groups: BTreeMap::new(),
            batches: BTreeMap::new(),
            next_batch: 0,
            target_rests_until: i64::MIN,
            failing: 0,
            last_success: None,
            random: Random::new(seed),
            counts: Counts::default(),
            unsaved: true,
            read_unsaved: 0,
        }
    }

    /// How many more notices it takes. None at all while it is full.
    pub fn room(&self) -> usize {
        PENDING_MAX.saturating_sub(self.pending())
    }

    /// Everything up to this number was read: what the feed is to be asked for.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The oldest number that a restart would ask the feed for.
    pub fn needs(&self) -> u64 {
        self.notices.keys().next().copied().unwrap_or(self.read + 1)
    }

    /// Alerts that are not settled.
    pub fn pending(&self) -> usize {
        let waiting: usize = self.groups.values().map(|group| group.waiting.len()).sum();
        waiting + self.batches.values().map(|batch| batch.numbers.len()).sum::<usize>()
    }

    /// What became of alerts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Goes on counting where another left off, for one target that is configured anew.
    pub fn count_from(&mut self, Counts { sent, repeated, filtered, dead, lost, failed }: Counts) {
        self.counts.sent += sent;
        self.counts.repeated += repeated;
        self.counts.filtered += filtered;
        self.counts.dead += dead;
        self.counts.lost += lost;
        self.counts.failed += failed;
    }

    /// Deliveries in a row that the target did not take.
    pub fn failing(&self) -> u32 {
        self.failing
    }

    /// When the target last took something.
    pub fn last_success(&self) -> Option<i64> {
        self.last_success
    }

    /// Whether there is something that a restart must know.
    pub fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    /// Whether so much was read without consequence that a restart would take long to read it again.
    pub fn is_worth_saving(&self) -> bool {
        const READ_MAX: u64 = 1000;
        self.unsaved || self.read_unsaved >= READ_MAX
    }

    /// Takes in what the feed has behind [`Queue::read`]. What was seen before is passed over.
    pub fn accept(&mut self, notices: Vec<Notice>, now: i64) {
        for notice in notices {
            if notice.seq <= self.read {
                continue;
            }
            self.read = notice.seq;
            self.read_unsaved += 1;
            if !self.rules.take(&notice) {
                self.counts.filtered += 1;
                continue;
            }
            let group = self.groups.entry(self.rules.key(&notice)).or_default();
            if group.waiting.is_empty() {
                group.since = now;
            }
            group.waiting.push_back(notice.seq);
            self.notices.insert(notice.seq, Arc::new(notice));
        }
    }

    /// What to do next. `is_open` is asked for alerts that are due to be told again.
    pub fn plan(&mut self, now: i64, is_open: &mut dyn FnMut(&Notice) -> bool) -> Next {
        self.believe(now);
        if now < self.target_rests_until {
            return if self.is_empty() { Next::Idle } else { Next::Wait(self.target_rests_until) };
        }
        self.flush(now);
        self.repeat(now, is_open);
        self.forget(now);
        let mut ready = self.batches.values().filter(|batch| batch.not_before <= now);
        // After a failure others have their turn before it is tried again, and news come before what is only told
        // again.
        let is_next = |batch: &Batch| batch.repeat == 0 && (batch.tries == 0 || self.failing == 0);
        if !ready.any(is_next) {
            self.make_batch(now);
        }
        if let Some(number) = self.ready(now) {
            return Next::Send(self.delivery(number));
        }
        let groups = self.groups.values().filter_map(|group| self.due(group));
        let repeats = self.groups.values().filter_map(|group| self.repeat_due(group));
        let batches = self.batches.values().map(|batch| batch.not_before);
        groups.chain(repeats).chain(batches).min().map_or(Next::Idle, Next::Wait)
    }

    /// Notes what came of a delivery.
    pub fn settle(&mut self, batch: u64, outcome: Result<(), &Failure>, now: i64) -> Settled {
        match outcome {
            Ok(()) => {
                self.taken(batch, now);
                Settled::Taken
            }
            Err(failure) => self.failed(batch, failure, now),
        }
    }

    /// The dead letters have it: forgets a batch that was given up.
    pub fn bury(&mut self, batch: u64) {
        let Some(batch) = self.batches.remove(&batch) else { return };
        if batch.repeat == 0 {
            self.counts.dead += batch.numbers.len() as u64;
        }
        self.unsaved = true;
        self.drop_notices(&batch.numbers);
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.groups.values().all(|g| g.waiting.is_empty() && g.told.is_empty())
    }

    /// A clock that was set back must not make anything wait for it to catch up.
    fn believe(&mut self, now: i64) {
        let longest = now.saturating_add(self.rules.backoff.longest.max(RETRY_AFTER_MAX));
        self.target_rests_until = self.target_rests_until.min(longest);
        for batch in self.batches.values_mut() {
            batch.not_before = batch.not_before.min(longest);
            batch.first_failed = batch.first_failed.map(|at| at.min(now));
        }
        for group in self.groups.values_mut() {
            group.since = group.since.min(now);
            group.sent = group.sent.map(|at| at.min(now));
        }
    }

    /// The batch whose turn it is: the one that waited longest, but after a failure one that was tried less often, and
    /// what is only told again comes last.
    fn ready(&self, now: i64) -> Option<u64> {
        let ready = self.batches.iter().filter(|(_, batch)| batch.not_before <= now);
        let turn = |(number, batch): &(&u64, &Batch)| {
            let tries = if self.failing > 0 { batch.tries } else { 0 };
            (tries, batch.repeat > 0, batch.not_before, **number)
        };
        ready.min_by_key(turn).map(|(number, _)| *number)
    }

    /// When what waits in a group is to go.
    fn due(&self, group: &Group) -> Option<i64> {
        let first = group.waiting.front()?;
        if *first <= group.flush {
            return Some(i64::MIN);
        }
        let waited = group.since.saturating_add(self.rules.wait);
        let again = group.sent.map_or(i64::MIN, |sent| sent.saturating_add(self.rules.interval));
        Some(waited.max(again))
    }

    fn repeat_due(&self, group: &Group) -> Option<i64> {
        let repeat = self.rules.repeat.filter(|_| !group.told.is_empty())?;
        group.sent.map(|sent| sent.saturating_add(repeat))
    }

    /// Marks what is due in groups whose time has come.
    fn flush(&mut self, now: i64) {
        let full = self.room() == 0;
        let due: Vec<Key> = self
            .groups
            .iter()
            .filter(|(_, group)| self.due(group).is_some_and(|at| at > i64::MIN && (at <= now || full)))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            group.flush = group.waiting.back().copied().unwrap_or(0);
            group.sent = Some(now);
        }
    }

    /// Makes a batch of the oldest that is due.
    fn make_batch(&mut self, now: i64) {
        let due = self.groups.iter_mut().filter_map(|(key, group)| {
            let first = group.waiting.front().copied().filter(|first| *first <= group.flush)?;
            Some((first, key, group))
        });
        let Some((_, key, group)) = due.min_by_key(|(first, ..)| *first) else { return };
        let count = group.waiting.iter().take(self.rules.size_max).take_while(|n| **n <= group.flush).count();
        let numbers: Vec<u64> = group.waiting.drain(..count).collect();
        if let Some(next) = group.waiting.front()
            && *next > group.flush
        {
            // The wait for company begins anew for those that came later.
            group.since = now;
        }
        let key = key.clone();
        self.push(&key, &numbers, 0, now);
    }

    /// Makes batches of what is to be told again.
    fn repeat(&mut self, now: i64, is_open: &mut dyn FnMut(&Notice) -> bool) {
        let due: Vec<Key> = self
            .groups
            .iter()
            .filter(|(_, group)| self.repeat_due(group).is_some_and(|at| at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            // What is still on its way is not told a second time beside itself.
            if self.batches.values().any(|batch| batch.key == key) {
                if let Some(group) = self.groups.get_mut(&key) {
                    group.sent = Some(now);
                }
                continue;
            }
            let Some(group) = self.groups.get_mut(&key) else { continue };
            // Batches may have been taken in another order.
            let told: BTreeSet<u64> = group.told.drain(..).collect();
            let (open, closed): (Vec<u64>, Vec<u64>) = told
                .into_iter()
                .partition(|number| self.notices.get(number).is_some_and(|notice| is_open(notice)));
            self.unsaved = true;
            group.repeats += 1;
            let repeats = group.repeats;
            if open.is_empty() {
                group.repeats = 0;
            } else {
                group.sent = Some(now);
            }
            self.drop_notices(&closed);
            self.push(&key, &open, repeats, now);
        }
    }

    fn push(&mut self, key: &Key, numbers: &[u64], repeat: u32, now: i64) {
        for numbers in numbers.chunks(self.rules.size_max) {
            let batch = Batch {
                key: key.clone(),
                numbers: numbers.to_vec(),
                repeat,
                not_before: now,
                tries: 0,
                refusals: 0,
                fallen: 0,
                first_failed: None,
                last_tried: None,
            };
            self.batches.insert(self.next_batch, batch);
            self.next_batch += 1;
            self.unsaved = true;
        }
    }

    /// Forgets groups that have nothing left to say and nothing to wait for.
    fn forget(&mut self, now: i64) {
        let busy: BTreeSet<Key> = self.batches.values().map(|batch| batch.key.clone()).collect();
        let interval = self.rules.interval;
        let idle = |key: &Key, group: &Group| {
            group.waiting.is_empty() && group.told.is_empty() && !busy.contains(key)
        };
        self.groups.retain(|key, group| {
            let rests = group.sent.is_some_and(|sent| sent.saturating_add(interval) > now);
            rests || !idle(key, group)
        });
        if self.groups.len() > GROUPS_MAX {
            let mut known: Vec<(Option<i64>, Key)> = self
                .groups
                .iter()
                .filter(|(key, group)| idle(key, group))
                .map(|(key, group)| (group.sent, key.clone()))
                .collect();
            known.sort();
            for (_, key) in known.into_iter().take(self.groups.len() - GROUPS_MAX) {
                self.groups.remove(&key);
            }
        }
    }

    fn delivery(&self, number: u64) -> Delivery {
        let (key, repeat, numbers) = match self.batches.get(&number) {
            Some(batch) => (batch.key.clone(), batch.repeat, batch.numbers.as_slice()),
            None => (Key::new(), 0, [].as_slice()),
        };
        let notices: Vec<Arc<Notice>> =
            numbers.iter().filter_map(|number| self.notices.get(number)).cloned().collect();
        Delivery {
            batch: number,
            id: delivery_id(repeat, &notices),
            group: key,
            repeat,
            notices,
            test: false,
        }
    }

    fn taken(&mut self, number: u64, now: i64) {
        self.failing = 0;
        self.target_rests_until = i64::MIN;
        self.last_success = Some(now);
        let Some(batch) = self.batches.remove(&number) else { return };
        self.unsaved = true;
        let count = batch.numbers.len() as u64;
        if batch.repeat == 0 {
            self.counts.sent += count;
        } else {
            self.counts.repeated += count;
        }
        if self.rules.repeat.is_some() && batch.repeat < self.rules.repeat_max {
            let group = self.groups.entry(batch.key).or_default();
            // The time until it is told again runs from when it was told.
            group.sent = Some(now);
            if batch.repeat == 0 {
                group.repeats = 0;
            }
            group.told.extend(batch.numbers);
            self.limit_told();
        } else {
            self.drop_notices(&batch.numbers);
        }
    }

    fn limit_told(&mut self) {
        let told: usize = self.groups.values().map(|group| group.told.len()).sum();
        for _ in TOLD_MAX..told {
            let oldest = self.groups.values_mut().filter(|group| !group.told.is_empty());
            let Some(group) = oldest.min_by_key(|group| group.told.front().copied()) else { return };
            if let Some(number) = group.told.pop_front() {
                self.notices.remove(&number);
            }
        }
    }

    fn failed(&mut self, number: u64, failure: &Failure, now: i64) -> Settled {
        self.counts.failed += 1;
        let last_success = self.last_success;
        let Some(batch) = self.batches.get_mut(&number) else { return Settled::Later };
        batch.tries = batch.tries.saturating_add(1);
        let first_failed = *batch.first_failed.get_or_insert(now);
        // A target that takes others meanwhile is not down: there is something about this one.
        let took_others = batch.last_tried.zip(last_success).is_some_and(|(tried, success)| success >= tried);
        batch.last_tried = Some(now);
        let blame = match failure.kind {
            FailureKind::Refused => Some(&mut batch.refusals),
            FailureKind::Busy { .. } if took_others && failure.answered => Some(&mut batch.fallen),
            FailureKind::Busy { .. } | FailureKind::Closed => None,
        };
        if let Some(count) = blame {
            *count += 1;
            // A process that is restarted again and again must get there too.
            self.unsaved = true;
        }
        let is_given_up = batch.refusals.max(batch.fallen) >= self.rules.tries_max;
        let rest = self.rules.backoff.after(batch.tries, &mut self.random);
        batch.not_before = now.saturating_add(rest);
        let kept_out = failure.kind == FailureKind::Closed
            && now.saturating_sub(first_failed) >= self.rules.closed_max
            && batch.tries >= self.rules.tries_max;
        let is_alone = batch.numbers.len() < 2;
        if is_given_up && !is_alone {
            self.halve(number, now);
        } else if is_given_up || kept_out {
            return Settled::Dead(self.delivery(number));
        }
        if failure.kind == FailureKind::Refused {
            // It is well enough to read what it refuses.
            self.failing = 0;
            return Settled::Later;
        }
        self.failing = self.failing.saturating_add(1);
        let asked = match failure.kind {
            FailureKind::Busy { retry_after: Some(after) } => after.min(RETRY_AFTER_MAX),
            _ => 0,
        };
        let rest = self.rules.backoff.after(self.failing, &mut self.random).max(asked);
        self.target_rests_until = now.saturating_add(rest);
        Settled::Later
    }

    /// One alert that is refused must not take its company with it. Of the halves one refusal is enough, so that what is wrong
    /// is soon alone.
    fn halve(&mut self, number: u64, now: i64) {
        let Some(batch) = self.batches.remove(&number) else { return };
        let half = batch.numbers.len().div_ceil(2);
        for numbers in batch.numbers.chunks(half) {
            let part = Batch {
                numbers: numbers.to_vec(),
                not_before: now.saturating_add(self.rules.backoff.after(1, &mut self.random)),
                tries: 0,
                refusals: self.rules.tries_max.saturating_sub(1),
                fallen: 0,
                first_failed: None,
                last_tried: None,
                ..batch.clone()
            };
            self.batches.insert(self.next_batch, part);
            self.next_batch += 1;
        }
        self.unsaved = true;
    }

    fn drop_notices(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.notices.remove(number);
        }
    }
}

/// What a delivery is known by: the ids of its alerts, in their order, and the repetition.
pub(crate) fn delivery_id(repeat: u32, notices: &[Arc<Notice>]) -> String {
    let mut text = format!("{repeat}");
    for notice in notices {
        text += "\n";
        text += &notice.id;
    }
    let digest = Digest::of(text.as_bytes()).to_string();
    digest.trim_start_matches("sha256:").chars().take(32).collect()
}
