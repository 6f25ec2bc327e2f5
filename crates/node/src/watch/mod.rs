//! Waiting for the API server after its manifest was changed, and knowing early when it will not come.
//!
//! ```text
//! Stopping ──► Gone ──► Running ──► ready
//!    old process  no process   new process, with the flags of the manifest
//!                   │            │
//!                   └ no container in time        └ ended twice, or once with a reason that will not go away
//! ```
//! What is believed, in this order: the kernel (processes and when they began), the API server itself (`/readyz`, asked at
//! its own address), the log of its container. The mirror pod in the API is not asked: it may be stale.

pub mod container_log;
mod process;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use auditward_base::clock;
use rustix::process::{Pid, Signal, kill_process};

use crate::api::{Client, Request};
use crate::inspect::Program;
pub use process::{Process, api_servers};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(200);

/// Where the API server of this node is seen.
#[derive(Clone, Debug)]
pub struct Site {
    /// Asks it at its own address.
    pub client: Client,
    /// Who starts it, and keeps what it says.
    pub starter: Starter,
    /// `/proc`
    pub proc: PathBuf,
}

/// Who starts an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Starter {
    /// The kubelet, as a static pod.
    Kubelet {
        /// How folders of its containers' logs begin: `NAMESPACE_POD`.
        pod: String,
        /// `/var/log/pods`
        pod_logs: PathBuf,
    },
    /// systemd, as a unit or as a part of one.
    Unit {
        /// Its name.
        unit: String,
        /// The process that has the API server in it.
        program: Program,
    },
}

/// The `--audit-…` flags, without dashes, that a process must run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flags {
    /// These and no others.
    Exactly(BTreeMap<String, String>),
    /// These; there may be more.
    AtLeast(BTreeMap<String, String>),
    /// The process does not show them, or nobody knows which they should be.
    Any,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it must have been told.
    pub flags: Flags,
    /// How long, all together.
    pub within: Duration,
    /// How long no process may be there.
    pub container_within: Duration,
    /// The processes that ran before the manifest was changed.
    pub before: Vec<Process>,
    /// One of those will do if it runs with the right flags: the pod is the same one, or nobody knows whether the kubelet has
    /// seen that it was another for a moment.
    pub old_will_do: bool,
    /// What crashes may still be the pod that goes, and is no reason to give up.
    pub patient: bool,
    /// End the old process with a second SIGTERM instead of waiting for its grace period.
    pub quick: bool,
}

/// How the wait ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The process.
    pub process: Process,
    /// From the begin of the wait until the API server did not answer any more; none if it never stopped answering.
    pub away_after: Option<Duration>,
    /// From the begin of the wait until it was ready.
    pub ready_after: Duration,
}

/// Why the API server did not come back as it should.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It starts and ends.
    #[error("kube-apiserver does not start: {reason}")]
    Crashed {
        /// Its own words.
        reason: String,
        /// The end of what its container said.
        log: String,
    },
    /// The kubelet starts no container.
    #[error("{who} has started no kube-apiserver for {} s: {hint}", waited.as_secs())]
    NoContainer {
        /// The kubelet, or a unit.
        who: String,
        /// How long.
        waited: Duration,
        /// What it says, or where to look.
        hint: String,
    },
    /// It runs, but is not ready.
    #[error("kube-apiserver was not ready after {} s: {last}", waited.as_secs())]
    NotReady {
        /// How long.
        waited: Duration,
        /// What it answered last.
        last: String,
    },
    /// Somebody asked us to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What the wait tells, and who may end it.
pub struct Watcher<'a> {
    /// Is told what happens, a line each.
    pub tell: &'a mut dyn FnMut(&str),
    /// Set by a signal; none where nothing may interrupt.
    pub stop: Option<&'a Arc<AtomicBool>>,
    /// Called now and then: to keep a lease.
    pub meanwhile: &'a mut dyn FnMut(),
}

/// Where the old process and the new one are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopping,
    Gone { since: Instant },
    Running { since: Instant },
}

impl Site {
    /// Whether it is ready now; what it says if not.
    pub fn ready(&self) -> Result<(), String> {
        match self.client.ask(Request::get("/readyz")) {
            Ok(_) => Ok(()),
            Err(error) => Err(with_causes(&error)),
        }
    }

    /// The running processes.
    pub fn processes(&self) -> Vec<Process> {
        match &self.starter {
            Starter::Kubelet { .. } => api_servers(&self.proc),
            Starter::Unit { program, .. } => process::of(&self.proc, *program),
        }
    }

    /// Waits until the API server runs as wanted and is ready.
    pub fn wait(&self, wanted: &Wanted, watcher: &mut Watcher<'_>) -> Result<Up, WatchError> {
        Wait {
            site: self,
            wanted,
            began: Instant::now(),
            state: State::Stopping,
            logs_before: match &self.starter {
                Starter::Kubelet { pod, pod_logs } => container_log::all(pod_logs, pod),
                Starter::Unit { .. } => Vec::new(),
            },
            since: clock::now(),
            asked: None,
            ended: 0,
            running: None,
            away_after: None,
            hurried: false,
            last: String::new(),
        }
        .run(watcher)
    }
}

struct Wait<'a> {
    site: &'a Site,
    wanted: &'a Wanted,
    began: Instant,
    state: State,
    logs_before: Vec<container_log::ContainerLog>,
    /// The time of day at which the wait began.
    since: SystemTime,
    /// When a unit's journal was last read.
    asked: Option<Instant>,
    /// How many new processes have ended.
    ended: usize,
    running: Option<Process>,
    away_after: Option<Duration>,
    hurried: bool,
    last: String,
}

impl Wait<'_> {
    fn run(mut self, watcher: &mut Watcher<'_>) -> Result<Up, WatchError> {
        /// A server that may yet be stopped by a kubelet that saw the change late is watched for so long.
        const STEADY: Duration = Duration::from_secs(5);
        let mut steady_since: Option<Instant> = None;
        loop {
            if watcher.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Err(WatchError::Interrupted);
            }
            (watcher.meanwhile)();
            self.look(watcher)?;
            let ready = self.site.ready();
            match (&ready, self.suitable()) {
                (Ok(()), Some(process)) => {
                    let old = self.wanted.before.contains(&process);
                    let since = *steady_since.get_or_insert_with(Instant::now);
                    if !old || since.elapsed() >= STEADY {
                        let ready_after = self.began.elapsed();
                        return Ok(Up { process, away_after: self.away_after, ready_after });
                    }
                }
                _ => steady_since = None,
            }
            if let Err(last) = ready {
                if self.away_after.is_none() {
                    self.away_after = Some(self.began.elapsed());
                    (watcher.tell)("the API server does not answer any more");
                }
                self.last = last;
                self.hurry(watcher);
            }
            if self.began.elapsed() > self.wanted.within {
                return Err(WatchError::NotReady { waited: self.began.elapsed(), last: self.last });
            }
            thread::sleep(EVERY);
        }
    }

    /// The process that runs as wanted.
    fn suitable(&self) -> Option<Process> {
        let process = self.running.clone().or_else(|| {
            let old = self.wanted.old_will_do && self.state == State::Stopping;
            old.then(|| self.site.processes().into_iter().find(|now| self.wanted.before.contains(now)))
                .flatten()
        })?;
        let has = process.audit_flags();
        let suits = match &self.wanted.flags {
            Flags::Exactly(flags) => has == *flags,
            Flags::AtLeast(flags) => flags.iter().all(|(name, value)| has.get(name) == Some(value)),
            Flags::Any => true,
        };
        suits.then_some(process)
    }

    fn look(&mut self, watcher: &mut Watcher<'_>) -> Result<(), WatchError> {
        let now = self.site.processes();
        let new = now.iter().find(|process| !self.wanted.before.contains(process));
        let old = now.iter().any(|process| self.wanted.before.contains(process));
        if let Some(running) = &self.running
            && new.is_none_or(|new| new != running)
        {
            self.ended += 1;
            self.running = None;
            self.crashed(watcher)?;
        }
        match (new, self.state) {
            (Some(process), State::Stopping | State::Gone { .. }) => {
                self.running = Some(process.clone());
                self.state = State::Running { since: Instant::now() };
                (watcher.tell)(&format!("kube-apiserver was started, process {}", process.pid));
            }
            (Some(process), State::Running { .. }) => self.running = Some(process.clone()),
            (None, State::Stopping) if !old => {
                self.state = State::Gone { since: Instant::now() };
                (watcher.tell)("the old kube-apiserver has ended");
            }
            (None, State::Running { since }) => {
                // Seconds pass before the next try; the first of them are the kubelet's.
                self.state = State::Gone { since: since.max(Instant::now()) };
            }
            (None, State::Gone { since }) => {
                // One that came and went between two looks left its log.
                self.crashed(watcher)?;
                if since.elapsed() > self.wanted.container_within {
                    let (who, hint) = match &self.site.starter {
                        Starter::Kubelet { .. } => ("the kubelet".to_owned(), kubelets_word()),
                        Starter::Unit { unit, .. } => (unit.clone(), format!("see journalctl -u {unit}")),
                    };
                    return Err(WatchError::NoContainer { who, waited: since.elapsed(), hint });
                }
            }
            (None, State::Stopping) => {}
        }
        Ok(())
    }

    /// Whether what has ended will end again.
    fn crashed(&mut self, watcher: &mut Watcher<'_>) -> Result<(), WatchError> {
        let Some(log) = self.said() else { return Ok(()) };
        let Some(words) = container_log::last_words(&log) else { return Ok(()) };
        if !self.wanted.patient && (words.for_good || self.ended >= 2) {
            return Err(WatchError::Crashed { reason: words.reason, log });
        }
        if self.last != words.reason {
            (watcher.tell)(&format!("kube-apiserver ended: {}; it will be tried again", words.reason));
            self.last = words.reason;
        }
        Ok(())
    }

    /// What the newest one has said, if there has been a new one.
    fn said(&mut self) -> Option<String> {
        /// A journal is read by a program, which takes some time.
        const AGAIN: Duration = Duration::from_secs(1);
        match &self.site.starter {
            Starter::Kubelet { pod, pod_logs } => {
                let logs = container_log::all(pod_logs, pod);
                let new = || logs.iter().filter(|log| !self.logs_before.contains(log));
                let newest = new().next_back()?;
                // A container that is still there has its log; the one before it counts as ended.
                self.ended = self.ended.max(new().count());
                Some(newest.tail())
            }
            Starter::Unit { unit, .. } => {
                if self.asked.is_some_and(|asked| asked.elapsed() < AGAIN) {
                    return None;
                }
                self.asked = Some(Instant::now());
                journal(unit, self.since)
            }
        }
    }

    /// Kubernetes' servers end at once when they are told a second time.
    fn hurry(&mut self, watcher: &mut Watcher<'_>) {
        /// The kubelet's own SIGTERM comes first, some hundred milliseconds after the server says that it is not ready.
        const AFTER: Duration = Duration::from_millis(1500);
        let due = self.away_after.is_some_and(|away| self.began.elapsed() > away + AFTER);
        if !self.wanted.quick || self.hurried || !due {
            return;
        }
        self.hurried = true;
        for old in self.site.processes().iter().filter(|process| self.wanted.before.contains(process)) {
            if let Some(pid) = Pid::from_raw(old.pid)
                && kill_process(pid, Signal::TERM).is_ok()
            {
                (watcher.tell)(&format!("told the old kube-apiserver, process {}, to end at once", old.pid));
            }
        }
    }
}

/// The last that the kubelet said of the API server, where its journal can be read.
fn kubelets_word() -> String {
    let look = "look at the kubelet's log: journalctl -u kubelet".to_owned();
    let output = std::process::Command::new("journalctl")
        .args(["-u", "kubelet", "-n", "300", "--no-pager", "-o", "cat"])
        .stdin(std::process::Stdio::null())
        .output();
    let Ok(output) = output else { return look };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| {
        line.contains("kube-apiserver")
            && (line.starts_with('E') || line.contains("Failed") || line.contains("err="))
    });
    line.map_or(look, |line| line.chars().filter(|c| !c.is_control()).take(400).collect())
}

/// What a unit has said since then, where the journal can be read.
fn journal(unit: &str, since: SystemTime) -> Option<String> {
    let seconds = since.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let output = std::process::Command::new("journalctl")
        .args(["-u", unit, "--since", &format!("@{seconds}"), "-n", "1000", "--no-pager", "-o", "cat"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An error and what caused it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
