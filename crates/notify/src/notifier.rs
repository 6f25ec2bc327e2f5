//! All targets at work.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use auditward_base::{clock, random_id};
use serde_json::json;

use crate::config::{Mistake, Target, Targets};
use crate::keep::KeepError;
use crate::notice::{Feed, Notice, Severity};
use crate::queue::{Delivery, delivery_id};
use crate::send::{self, Failure, Out, PrepareError};
use crate::slot::{Common, Slot};
use crate::status::Status;
use crate::time;

/// What a notifier is started with.
pub struct Settings {
    /// The targets, which must pass [`Targets::check`].
    pub targets: Targets,
    /// Where queues and dead letters are kept; made if it is not there.
    pub folder: PathBuf,
    /// What `stdout` targets write to.
    pub stdout: Box<dyn Write + Send>,
}

/// A thread a target, at work until [`Notifier::stop`] or the drop.
pub struct Notifier {
    common: Common,
    working: Mutex<Working>,
}

struct Working {
    targets: Targets,
    /// In the order of their names; also those that were taken out and are still at their last delivery.
    slots: Vec<Slot>,
}

/// Why a notifier does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("the targets of alerts are not right: {}", .0.iter().map(Mistake::to_string).collect::<Vec<_>>().join("; "))]
    Mistakes(Vec<Mistake>),
    /// The folder can't be made.
    #[error("could not make the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A target can't be used as it is configured.
    #[error("could not prepare the target `{target}`")]
    Target {
        /// Its name.
        target: String,
        /// Why.
        source: PrepareError,
    },
    /// A target's queue can't be used.
    #[error("could not take up the queue of the target `{target}`")]
    Queue {
        /// Its name.
        target: String,
        /// Why.
        source: KeepError,
    },
    /// The system gives us no thread.
    #[error("could not start a thread for the target `{target}`")]
    Thread {
        /// Its name.
        target: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether all threads ended in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// All did.
    Cleanly,
    /// These targets were still waiting for an answer. What it would have been is unknown: the alerts are sent again
    /// after a restart.
    Waiting(Vec<String>),
}

/// What came of a test alert.
#[derive(Debug)]
pub struct Tested {
    /// The alert's id, by which it is found at the target.
    pub id: String,
    /// The target's answer in a word or two, or why it took nothing.
    pub answer: Result<String, Failure>,
    /// How long it took.
    pub took: Duration,
}

impl Notifier {
    /// Starts a thread for each target. Where a new target begins is written down before this returns; alerts that are
    /// written to the feed from then on reach it.
    pub fn start(settings: Settings, feed: &Arc<dyn Feed>) -> Result<Self, StartError> {
        let Settings { targets, folder, stdout } = settings;
        make(&folder).map_err(|source| StartError::Folder { path: folder.clone(), source })?;
        let common = Common { folder, feed: Arc::clone(feed), out: Arc::new(Mutex::new(stdout)) };
        let working = Mutex::new(Working { targets: Targets::default(), slots: Vec::new() });
        let notifier = Self { common, working };
        notifier.change(targets)?;
        Ok(notifier)
    }

    /// Has other targets instead, or the same with files that are read again. Each goes over to what is new once it has the
    /// answer that it waits for; none waits for another. If one can't be used as it is configured nothing changes.
    pub fn change(&self, targets: Targets) -> Result<(), StartError> {
        let mistakes = targets.check();
        if !mistakes.is_empty() {
            return Err(StartError::Mistakes(mistakes));
        }
        let mut working = self.lock();
        working.slots.retain(|slot| !slot.has_ended());
        // Whatever can't be used is found before anything changes.
        let mut new = Vec::new();
        for (name, target) in &targets.0 {
            if working.slots.iter().any(|slot| slot.name() == name) {
                let sender = send::sender(name, target, &self.common.out);
                sender.map_err(|source| StartError::Target { target: name.clone(), source })?;
            } else {
                new.push(Slot::new(name, target, &self.common)?);
            }
        }
        for slot in &working.slots {
            match targets.0.get(slot.name()) {
                // If it was about to leave and has left just now, nobody has its queue.
                Some(target) if !slot.be(target) => new.push(Slot::new(slot.name(), target, &self.common)?),
                Some(_) => {}
                None => slot.end(),
            }
        }
        for (slot, worker) in new {
            let failed = |source| StartError::Thread { target: slot.name().to_owned(), source };
            slot.start(worker).map_err(failed)?;
            working.slots.push(slot);
        }
        working.slots.sort_by(|a, b| a.name().cmp(b.name()));
        working.targets = targets;
        Ok(())
    }

    /// There are new alerts in the feed. Returns at once.
    pub fn wake(&self) {
        self.lock().slots.iter().for_each(Slot::wake);
    }

    /// How the targets fare, in the order of their names.
    pub fn status(&self) -> Vec<Status> {
        self.lock().slots.iter().filter(|slot| !slot.is_leaving()).map(Slot::status).collect()
    }

    /// Sends a marked test alert to a target, past its queue and its filter, and waits for the answer. `None` if there
    /// is no such target.
    pub fn test(&self, name: &str) -> Option<Tested> {
        let target = self.lock().targets.0.get(name)?.clone();
        Some(test_with(name, &target, &self.common.out))
    }

    /// Lets each thread finish the delivery that it is at, and ends.
    pub fn stop(self, within: Duration) -> Stopped {
        let slots = std::mem::take(&mut self.lock().slots);
        slots.iter().for_each(Slot::end);
        let end = Instant::now() + within;
        while !slots.iter().all(Slot::has_ended) && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
        let waiting = slots.iter().filter(|slot| !slot.has_ended());
        let waiting: Vec<String> = waiting.map(|slot| slot.name().to_owned()).collect();
        if waiting.is_empty() { Stopped::Cleanly } else { Stopped::Waiting(waiting) }
    }

    fn lock(&self) -> MutexGuard<'_, Working> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.lock().slots.iter().for_each(Slot::end);
    }
}

/// Sends a marked test alert to a target that nobody has started: for `auditward notify test`.
pub fn test(name: &str, target: &Target, stdout: Box<dyn Write + Send>) -> Tested {
    let out: Out = Arc::new(Mutex::new(stdout));
    test_with(name, target, &out)
}

fn test_with(name: &str, target: &Target, out: &Out) -> Tested {
    let began = Instant::now();
    let now = clock::micros(clock::now());
    let id = random_id().unwrap_or_else(|_| format!("{now:032x}"));
    let notice = Arc::new(example(name, &id, now));
    let notices = vec![notice];
    let delivery = Delivery {
        batch: 0,
        id: delivery_id(0, &notices),
        group: Vec::new(),
        repeat: 0,
        notices,
        test: true,
    };
    let answer = match send::sender(name, target, out) {
        Ok(mut sender) => sender.send(&delivery, now),
        Err(error) => Err(Failure::closed(send::chain(&error))),
    };
    Tested { id, answer, took: began.elapsed() }
}

/// An alert that looks like one and says that it is none.
fn example(target: &str, id: &str, now: i64) -> Notice {
    let severity = Severity::Informational;
    let (rule, title) = ("auditward-test", "Test of a target for alerts");
    let summary = format!("this is a test of the target {target}; nothing has happened");
    let alert = json!({
        "id": id,
        "time": time::rfc3339(now),
        "rule": rule,
        "title": title,
        "severity": severity.as_str(),
        "refs": [],
        "attack": { "tactics": [], "techniques": [], "threatMatrix": [] },
        "cluster": "",
        "user": "",
        "sourceIPs": [],
        "userAgent": "",
        "verb": "",
        "summary": summary,
        "count": 1,
        "events": [],
        "details": {},
        "response": "Nothing is to be done.",
    });
    Notice {
        id: id.to_owned(),
        seq: 0,
        time: now,
        severity,
        rule: rule.to_owned(),
        title: title.to_owned(),
        cluster: String::new(),
        summary,
        alert,
        falco: None,
    }
}

/// For its owner alone: alerts say who did what.
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
