//! All targets at work.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use auditward_base::disk::OsDisk;
use auditward_base::{clock, random_id};
use serde_json::json;

use crate::config::{Mistake, Target, Targets};
use crate::keep::KeepError;
use crate::notice::{Feed, Notice, Severity};
use crate::queue::{Delivery, delivery_id};
use crate::send::{self, Failure, Out, PrepareError};
use crate::status::{Happened, Status};
use crate::time;
use crate::waker::Waker;
use crate::worker::{Parts, Worker};

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
    targets: Targets,
    out: Out,
    waker: Arc<Waker>,
    running: Vec<Running>,
}

struct Running {
    status: Arc<Mutex<Status>>,
    thread: Option<JoinHandle<()>>,
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
        let mistakes = targets.check();
        if !mistakes.is_empty() {
            return Err(StartError::Mistakes(mistakes));
        }
        make(&folder).map_err(|source| StartError::Folder { path: folder.clone(), source })?;
        let out: Out = Arc::new(Mutex::new(stdout));
        let waker = Arc::new(Waker::default());
        let mut workers = Vec::new();
        for (name, target) in &targets.0 {
            let sender = send::sender(name, target, &out);
            let sender = sender.map_err(|source| StartError::Target { target: name.clone(), source })?;
            let status =
                Status { target: name.clone(), kind: target.kind().unwrap_or_default(), ..Status::default() };
            let status = Arc::new(Mutex::new(status));
            let parts = Parts {
                disk: Arc::new(OsDisk),
                folder: &folder,
                feed: Arc::clone(feed),
                waker: Arc::clone(&waker),
                status: Arc::clone(&status),
                seed: RandomState::new().build_hasher().finish(),
            };
            let worker = Worker::new(name, target, parts, sender)
                .map_err(|source| StartError::Queue { target: name.clone(), source })?;
            workers.push((name.clone(), worker, status));
        }
        let mut notifier = Self { targets: targets.clone(), out, waker, running: Vec::new() };
        for (name, worker, status) in workers {
            let thread = thread::Builder::new().name(format!("notify {name}")).spawn(move || worker.run());
            let thread = thread.map_err(|source| StartError::Thread { target: name, source })?;
            notifier.running.push(Running { status, thread: Some(thread) });
        }
        Ok(notifier)
    }

    /// There are new alerts in the feed. Returns at once.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// How the targets fare, in the order of their names.
    pub fn status(&self) -> Vec<Status> {
        let of = |running: &Running| {
            let mut status = running.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if running.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                let at = clock::micros(clock::now());
                let what = "its thread has ended, which must not happen; a restart begins it anew".to_owned();
                status.last_error = Some(Happened { at, what });
            }
            status
        };
        self.running.iter().map(of).collect()
    }

    /// The targets as they were configured.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Sends a marked test alert to a target, past its queue and its filter, and waits for the answer. `None` if there
    /// is no such target.
    pub fn test(&self, name: &str) -> Option<Tested> {
        let target = self.targets.0.get(name)?;
        Some(test_with(name, target, &self.out))
    }

    /// Lets each thread finish the delivery that it is at, and ends.
    pub fn stop(mut self, within: Duration) -> Stopped {
        self.waker.stop();
        let end = Instant::now() + within;
        let mut waiting = Vec::new();
        for running in &mut self.running {
            let Some(thread) = running.thread.take() else { continue };
            while !thread.is_finished() && Instant::now() < end {
                thread::sleep(Duration::from_millis(2));
            }
            if thread.is_finished() {
                // A panic has been printed; there is nothing to add.
                _ = thread.join();
            } else {
                waiting.push(running.status.lock().unwrap_or_else(PoisonError::into_inner).target.clone());
            }
        }
        if waiting.is_empty() { Stopped::Cleanly } else { Stopped::Waiting(waiting) }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.waker.stop();
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
