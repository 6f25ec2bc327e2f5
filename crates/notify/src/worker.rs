//! One target's thread: asks the feed, asks the queue, sends, and writes down.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auditward_base::clock;
use auditward_base::disk::{Disk, OsDisk};

use crate::config::Target;
use crate::dead::Dead;
use crate::keep::{Keep, KeepError};
use crate::notice::{Feed, Notice};
use crate::queue::{Counts, Next, Queue, Rules, Saved, Settled};
use crate::send::{Sender, chain};
use crate::slot::Common;
use crate::status::{Happened, Status};
use crate::waker::{Known, Waker};

/// Notices are read in pages of this.
const PAGE: usize = 256;
/// Without news, the feed is asked again after this: a wake-up that was forgotten must not keep an alert for ever.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// After an error of our own disk or feed.
const REST: Duration = Duration::from_secs(5);

pub(crate) struct Worker {
    queue: Queue,
    keep: Keep,
    dead: Dead,
    sender: Box<dyn Sender>,
    feed: Arc<dyn Feed>,
    waker: Arc<Waker>,
    status: Arc<Mutex<Status>>,
}

/// Something of ours went wrong; the target has nothing to do with it.
struct Trouble(String);

impl Worker {
    /// Reads what was saved, or begins behind the newest alert and writes that down.
    pub(crate) fn new(
        name: &str,
        target: &Target,
        parts: Parts<'_>,
        sender: Box<dyn Sender>,
    ) -> Result<Self, KeepError> {
        let Parts { disk, folder, feed, waker, status, seed } = parts;
        let keep = Keep::new(disk, folder, name);
        let rules = Rules::of(target);
        let failed = |source| KeepError::Read { path: "the feed of alerts".into(), source };
        let mut queue = match keep.read()? {
            Some(saved) => {
                let notices = load(&*feed, &saved).map_err(failed)?;
                Queue::restore(rules, saved, notices, seed)
            }
            None => Queue::new(rules, feed.last().map_err(failed)?, seed),
        };
        // Written down now: a target is told of all alerts from here on, whatever happens next.
        keep.write(&queue.save())?;
        let worker = Self { queue, keep, dead: Dead::new(folder, name), sender, feed, waker, status };
        let kind = target.kind().unwrap_or_default();
        worker.report(|status| (status.target, status.kind) = (name.to_owned(), kind));
        Ok(worker)
    }

    /// Works until the waker is stopped.
    pub(crate) fn run_until_stopped(&mut self) {
        while !self.waker.stopped() {
            let known = self.waker.known();
            let step = self.step(known);
            if let Err(Trouble(what)) = step {
                let at = now();
                self.report(|status| status.last_error = Some(Happened { at, what }));
                self.waker.wait(self.waker.known(), REST);
            }
        }
        // What was only read is read again after a restart; this saves the reading.
        if let Err(Trouble(what)) = self.save() {
            let at = now();
            self.report(|status| status.last_error = Some(Happened { at, what }));
        }
    }

    /// What has become of alerts so far.
    pub(crate) fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Goes on counting where the one before left off.
    pub(crate) fn count_from(&mut self, counts: Counts) {
        self.queue.count_from(counts);
        self.report(|_| ());
    }

    /// One look at the feed, and one delivery or one wait.
    fn step(&mut self, known: Known) -> Result<(), Trouble> {
        let asked = self.queue.room().min(PAGE);
        let mut trouble = None;
        let mut more = false;
        if asked > 0 {
            match self.feed.after(self.queue.read(), asked) {
                Ok(notices) => {
                    more = notices.len() >= asked;
                    self.queue.accept(notices, now());
                }
                // What is queued already can go nevertheless.
                Err(error) => trouble = Some(Trouble(format!("could not read alerts: {}", chain(&error)))),
            }
        }
        let feed = &self.feed;
        // Better told once too often than not at all.
        let mut is_open = |notice: &Notice| feed.is_open(&notice.id).unwrap_or(true);
        let next = self.queue.plan(now(), &mut is_open);
        if let Next::Send(delivery) = next {
            // Also what was acknowledged last, if its own save failed.
            if self.queue.is_unsaved() {
                self.save()?;
            }
            return self.send(&delivery);
        }
        if self.queue.is_worth_saving() {
            self.save()?;
        }
        self.report(|_| ());
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        if !more {
            let until = match next {
                Next::Wait(at) => Duration::from_micros(u64::try_from(at.saturating_sub(now())).unwrap_or(0)),
                _ => LOOK_MAX,
            };
            self.waker.wait(known, until.min(LOOK_MAX));
        }
        Ok(())
    }

    fn send(&mut self, delivery: &crate::queue::Delivery) -> Result<(), Trouble> {
        let outcome = self.sender.send(delivery, now());
        let at = now();
        let settled = self.queue.settle(delivery.batch, outcome.as_ref().map(drop), at);
        if let Err(failure) = &outcome {
            let what = failure.reason.clone();
            self.report(|status| status.last_error = Some(Happened { at, what }));
        }
        match (settled, outcome) {
            (Settled::Dead(delivery), Err(failure)) => {
                // What is only told again has arrived before.
                if delivery.repeat == 0 {
                    let written = self.dead.write(&delivery, &failure.reason, at);
                    let failed = |error: std::io::Error| {
                        Trouble(format!("could not write dead letters: {}", chain(&error)))
                    };
                    written.map_err(failed)?;
                }
                self.queue.bury(delivery.batch);
                self.save()?;
            }
            (Settled::Taken, _) => self.save()?,
            _ => {}
        }
        self.report(|_| ());
        Ok(())
    }

    fn save(&mut self) -> Result<(), Trouble> {
        let saved = self.queue.save();
        self.keep.write(&saved).map_err(|error| {
            self.queue.not_saved();
            Trouble(chain(&error))
        })
    }

    fn report(&self, further: impl FnOnce(&mut Status)) {
        let counts = self.queue.counts();
        // Numbers are whole at every moment.
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.queued = self.queue.pending() as u64;
        status.sent = counts.sent;
        status.repeated = counts.repeated;
        status.filtered = counts.filtered;
        status.dead = counts.dead;
        status.lost = counts.lost;
        status.failed = counts.failed;
        status.failing = self.queue.failing();
        status.read = self.queue.read();
        status.needs = self.queue.needs();
        status.last_success = self.queue.last_success().or(status.last_success);
        further(&mut status);
    }
}

/// What a worker is given.
pub(crate) struct Parts<'a> {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: &'a std::path::Path,
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) status: Arc<Mutex<Status>>,
    pub(crate) seed: u64,
}

impl<'a> Parts<'a> {
    /// Those of a target on a real disk.
    pub(crate) fn new(common: &'a Common, waker: Arc<Waker>, status: Arc<Mutex<Status>>) -> Self {
        Parts {
            disk: Arc::new(OsDisk),
            folder: &common.folder,
            feed: Arc::clone(&common.feed),
            waker,
            status,
            seed: RandomState::new().build_hasher().finish(),
        }
    }
}

/// The notices that a saved queue names.
fn load(feed: &dyn Feed, saved: &Saved) -> std::io::Result<Vec<Notice>> {
    let needs = saved.needs();
    let mut found = Vec::with_capacity(needs.len());
    let mut wanted = needs.iter().copied().peekable();
    // One page for numbers that stand close together, and no reading through what lies between those that do not.
    while let Some(first) = wanted.peek().copied() {
        let page = feed.after(first - first.min(1), PAGE)?;
        let Some(last) = page.last().map(|notice| notice.seq).filter(|last| *last >= first) else { break };
        for notice in page {
            while wanted.peek().is_some_and(|number| *number < notice.seq) {
                wanted.next();
            }
            if wanted.peek() == Some(&notice.seq) {
                wanted.next();
                found.push(notice);
            }
        }
        while wanted.peek().is_some_and(|number| *number <= last) {
            wanted.next();
        }
    }
    Ok(found)
}

fn now() -> i64 {
    clock::micros(clock::now())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use auditward_base::disk::faulty::{Dice, Faults, FaultyDisk, Loss};
    use serde_json::Value;

    use super::*;
    use crate::config::{Group, Retry, Span};
    use crate::notice::Severity;
    use crate::queue::Delivery;
    use crate::send::Failure;

    struct Alerts(Mutex<u64>);

    impl Feed for Alerts {
        fn after(&self, seq: u64, max: usize) -> std::io::Result<Vec<Notice>> {
            let last = *self.0.lock().unwrap();
            Ok((seq + 1..=last).take(max).map(notice).collect())
        }
    }

    fn notice(seq: u64) -> Notice {
        Notice {
            id: seq.to_string(),
            seq,
            time: 0,
            severity: Severity::Error,
            rule: String::new(),
            title: String::new(),
            cluster: String::new(),
            summary: String::new(),
            alert: Value::Null,
            falco: None,
        }
    }

    /// What the target has acknowledged: the delivery's id, and in which life of ours.
    type Taken = Arc<Mutex<BTreeMap<u64, (String, u32)>>>;

    struct Target {
        taken: Taken,
        life: u32,
        dice: Dice,
    }

    impl Sender for Target {
        fn send(&mut self, delivery: &Delivery, _: i64) -> Result<String, Failure> {
            if self.dice.chance(200_000) {
                return Err(Failure::unreachable("gone"));
            }
            let mut taken = self.taken.lock().unwrap();
            for notice in &delivery.notices {
                if let Some((id, life)) = taken.insert(notice.seq, (delivery.id.clone(), self.life)) {
                    assert_eq!(id, delivery.id, "{}", notice.seq);
                    assert!(life < self.life, "{} came twice without a crash", notice.seq);
                }
            }
            Ok(String::new())
        }
    }

    #[test]
    fn whatever_the_disk_does_each_alert_arrives_and_twice_only_after_a_crash() {
        const ALERTS: u64 = 60;
        for seed in 0..150 {
            let mut dice = Dice::new(seed);
            let disk = FaultyDisk::new(seed);
            disk.create_folder(Path::new("/notify")).unwrap();
            let (feed, taken) = (Arc::new(Alerts(Mutex::new(0))), Taken::default());
            let target = crate::config::Target {
                group: Group { size_max: 3, ..Group::default() },
                retry: Retry {
                    first: Span::from_millis(1),
                    longest: Span::from_millis(1),
                    ..Retry::default()
                },
                ..crate::config::Target::default()
            };
            for life in 0.. {
                let last = life == 12;
                if !last && life > 0 {
                    disk.crash_after(dice.below(120));
                    disk.set_faults(Faults { errors_per_million: 20_000, ..Faults::default() });
                }
                let waker = Arc::new(Waker::default());
                let parts = Parts {
                    disk: Arc::new(disk.clone()),
                    folder: Path::new("/notify"),
                    feed: Arc::clone(&feed) as Arc<dyn Feed>,
                    waker: Arc::clone(&waker),
                    status: Arc::default(),
                    seed,
                };
                let sender = Target { taken: Arc::clone(&taken), life, dice: Dice::new(dice.roll()) };
                if let Ok(mut worker) = Worker::new("t", &target, parts, Box::new(sender)) {
                    // The last life ends when all have arrived; a clock that is set back keeps retries waiting a while.
                    let end = std::time::Instant::now() + Duration::from_mins(1);
                    for step in 0.. {
                        let over = if last {
                            taken.lock().unwrap().len() as u64 == ALERTS || std::time::Instant::now() > end
                        } else {
                            step == 400
                        };
                        if over || disk.is_down() {
                            break;
                        }
                        {
                            let mut count = feed.0.lock().unwrap();
                            *count = ALERTS.min(*count + dice.below(3) + u64::from(last));
                        }
                        let known = waker.known();
                        // There is always news, so that nothing waits.
                        waker.wake();
                        _ = worker.step(known);
                    }
                }
                if last {
                    break;
                }
                disk.restart(if dice.chance(500_000) { Loss::Power } else { Loss::Process });
            }
            assert_eq!(taken.lock().unwrap().len() as u64, ALERTS, "seed {seed}");
        }
    }
}
