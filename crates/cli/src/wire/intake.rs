//! Events into the journal, from whoever sends them: without their secrets, each once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use auditward_collect::intake::{self, AgentBatch, IntakeError, Limits};
use auditward_collect::prepare;
use auditward_collect::redact::Redactor;
use auditward_event::EventView;
use auditward_journal::{Append, AppendError, Appended, Checkpoint, Entry, Journal, Key};
use auditward_server::{Identity, ports};

use super::sparing::Sparing;
use super::worker::{self, Next};
use super::{Health, Metrics, Stop};
use crate::exit::Failure;
use crate::output;

/// The largest event that is taken. A request to an API server, and so each body in an event, is at most 3 MiB.
pub(super) const EVENT_BYTES_MAX: usize = 16 << 20;

/// What goes into the journal at once. One event may be more.
const APPEND_BYTES_MAX: usize = 8 << 20;

/// When senders are told to come back.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Under which name health knows it when what is posted cannot be written.
const WHO: &str = "intake";

/// How often it is tried whether there is room again, and looked for what was not told.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where all events go in. Clones are the same.
#[derive(Clone)]
pub(crate) struct Intake {
    journal: Journal,
    redactors: Arc<Mutex<Redactors>>,
    metrics: Arc<Metrics>,
    health: Health,
    /// Words about what was posted and is no event.
    sparing: Arc<Mutex<Sparing>>,
    body_max: usize,
}

/// Making one takes longer than a batch, so that they are used again.
struct Redactors {
    first: Redactor,
    /// Those that nobody uses at the moment.
    spare: Vec<Redactor>,
}

/// Events that are ready for the journal.
#[derive(Debug, Default)]
pub(super) struct Ready {
    events: Vec<(Key, Vec<u8>)>,
    bytes: usize,
}

/// What of a body was passed over.
struct Broken {
    first: IntakeError,
    /// How many after it.
    more: u64,
}

/// Starts the worker that tries whether there is room again, so that a server whom nobody sends to any more, as it is not
/// ready, gets ready.
pub(super) fn start(intake: &Intake, stop: &Stop, health: &Health) -> Result<JoinHandle<()>, Failure> {
    let step = |intake: &mut Intake| {
        intake.look(Instant::now());
        Ok(Next::After(LOOK_EVERY))
    };
    let finish = |intake: &mut Intake| {
        let rest = intake.sparing().end();
        tell_rest(rest);
        Ok(())
    };
    worker::start("intake's look", stop, health, intake.clone(), step, finish)
}

impl Ready {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Redacts an event and adds it.
    pub(super) fn push(&mut self, cluster: &str, event: &EventView<'_>, redactor: &mut Redactor) {
        let prepared = prepare(cluster, event, redactor);
        self.bytes += prepared.event.len();
        self.events.push((prepared.key, prepared.event.into_owned()));
    }
}

impl Intake {
    pub(crate) fn new(
        journal: Journal,
        redactor: Redactor,
        metrics: Arc<Metrics>,
        health: Health,
        body_max: usize,
    ) -> Self {
        let redactors = Arc::new(Mutex::new(Redactors { first: redactor, spare: Vec::new() }));
        Intake { journal, redactors, metrics, health, sparing: Arc::default(), body_max }
    }

    /// A redactor to work with.
    pub(super) fn redactor(&self) -> Redactor {
        let mut redactors = self.redactors.lock().unwrap_or_else(PoisonError::into_inner);
        redactors.spare.pop().unwrap_or_else(|| redactors.first.clone())
    }

    /// Events and how far their source was read with them, on disk when this returns.
    pub(super) fn append(
        &self,
        source: &'static str,
        cluster: &str,
        ready: &Ready,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Appended, AppendError> {
        let entries: Vec<Entry<'_>> =
            ready.events.iter().map(|(key, event)| Entry { cluster, key: *key, event }).collect();
        let appended =
            self.journal.append(Append { entries, checkpoints: checkpoint.into_iter().collect() })?;
        self.metrics.took(source, cluster, &appended, ready.bytes);
        Ok(appended)
    }

    fn body(
        &self,
        cluster: &str,
        body: &[u8],
        agent: Option<&AgentBatch>,
    ) -> Result<ports::Taken, ports::Refusal> {
        let mut redactor = self.redactor();
        let limits =
            Limits { event_bytes_max: EVENT_BYTES_MAX, body_bytes_max: self.body_max, ..Limits::default() };
        let mut events = intake::read(body, &limits).map_err(|error| refusal(&error, error.to_string()))?;
        let source = if agent.is_some() { "agent" } else { "webhook" };
        let (mut ready, mut taken) = (Ready::default(), ports::Taken::default());
        let mut broken: Option<Broken> = None;
        let mut add = |ready: &Ready, checkpoint| {
            let appended = self.append(source, cluster, ready, checkpoint).map_err(|error| {
                self.failed(&error);
                from_journal(&error)
            })?;
            taken.taken += appended.taken as u64;
            taken.repeated += appended.repeated as u64;
            Ok(())
        };
        while let Some(event) = events.next() {
            match event {
                Ok(view) => ready.push(cluster, &view, &mut redactor),
                Err(error) if error.ends_body() => return Err(refusal(&error, error.to_string())),
                // One event that cannot be read must not keep the others from being kept: of a body that is refused an
                // API server gives up all, if not at once.
                Err(error) => match &mut broken {
                    Some(broken) => broken.more += 1,
                    None => broken = Some(Broken { first: error, more: 0 }),
                },
            }
            if ready.bytes >= APPEND_BYTES_MAX {
                add(&std::mem::take(&mut ready), None)?;
            }
        }
        // A batch that is refused and comes again must be refused again: its agent has to hear why.
        let agent = agent.filter(|_| broken.is_none());
        let checkpoint =
            agent.map(|batch| Checkpoint { source: batch.source(cluster), value: batch.checkpoint() });
        if !ready.is_empty() || checkpoint.is_some() {
            add(&ready, checkpoint)?;
        }
        self.redactors.lock().unwrap_or_else(PoisonError::into_inner).spare.push(redactor);
        match broken {
            Some(broken) => Err(self.refuse(source, cluster, body, &broken, taken)),
            None => Ok(taken),
        }
    }

    /// Counts, tells and answers for what of a body is no event. Nothing is passed over with a 200.
    fn refuse(
        &self,
        source: &str,
        cluster: &str,
        body: &[u8],
        broken: &Broken,
        taken: ports::Taken,
    ) -> ports::Refusal {
        let (first, more) = (&broken.first, broken.more);
        let mut message = first.to_string();
        if more > 0 {
            message += &format!("; and {more} more");
        }
        if taken.taken + taken.repeated > 0 {
            message += "; all other events of the body were taken";
        }
        // An agent halves what is refused until it is alone; it is one all the way.
        let alone = !body.trim_ascii_end().contains(&b'\n');
        if source != "agent" || alone {
            self.metrics.broken.add(1 + more);
            if self.sparing().tells(Instant::now(), 1 + more) {
                let line = format!("{source} of the cluster `{cluster}`: {message}");
                output::talk(&output::visible(&line));
            }
        }
        refusal(first, message)
    }

    /// Senders hear it too, but they may be many, and nobody may look at what they say.
    fn failed(&self, error: &AppendError) {
        let advice = match error {
            AppendError::Full { .. } => "; senders are turned away: make room or keep less",
            AppendError::Io { .. } => "; senders are turned away until it can be written",
            // What keeps the readers is told by them, what is too large by its sender.
            AppendError::Behind { .. } | AppendError::TooLarge { .. } => return,
        };
        self.health.trouble(WHO, &(super::chain(error) + advice));
    }

    fn look(&self, now: Instant) {
        if self.health.has_trouble(WHO) {
            let checkpoint = Checkpoint { source: "intake/look".to_owned(), value: b"-".to_vec() };
            match self.journal.append(Append { entries: Vec::new(), checkpoints: vec![checkpoint] }) {
                Ok(_) => self.health.fine(WHO),
                Err(error) => self.failed(&error),
            }
        }
        let rest = self.sparing().rest(now);
        tell_rest(rest);
    }

    fn sparing(&self) -> MutexGuard<'_, Sparing> {
        self.sparing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ports::Intake for Intake {
    fn take(
        &self,
        cluster: &str,
        _sender: &Identity,
        headers: &axum::http::HeaderMap,
        body: &[u8],
    ) -> Result<ports::Taken, ports::Refusal> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let agent =
            AgentBatch::of(header).map_err(|error| ports::Refusal::Header { message: error.to_string() })?;
        if agent.as_ref().is_some_and(|batch| !batch.is_of(body)) {
            let message = "header `auditward-batch` is not the digest of the lines: something on the way, as a proxy, changed the \
                 body, which must be passed on as it is";
            return Err(ports::Refusal::Header { message: message.to_owned() });
        }
        if let Some(batch) = &agent
            && batch.is_repeated(self.journal.checkpoint(&batch.source(cluster)).as_deref())
        {
            self.metrics.repeated_batches.add(1);
            return Ok(ports::Taken::default());
        }
        self.body(cluster, body, agent.as_ref())
    }
}

fn tell_rest(rest: Option<u64>) {
    if let Some(more) = rest {
        output::talk(&format!("{WHO}: and {more} more that were posted and are no events"));
    }
}

fn refusal(error: &IntakeError, message: String) -> ports::Refusal {
    if error.is_too_large() { ports::Refusal::TooLarge { message } } else { ports::Refusal::Bad { message } }
}

fn from_journal(error: &AppendError) -> ports::Refusal {
    match error {
        AppendError::Behind { .. } => ports::Refusal::Behind { retry_after: RETRY_AFTER },
        AppendError::Full { .. } => ports::Refusal::DiskFull,
        AppendError::TooLarge { .. } => ports::Refusal::TooLarge { message: error.to_string() },
        AppendError::Io { .. } => ports::Refusal::Broken(super::chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use auditward_base::disk::faulty::{Faults, FaultyDisk};
    use auditward_journal::Config;
    use auditward_server::ports::Health as _;

    use super::*;

    fn intake(disk: &FaultyDisk) -> Intake {
        let (journal, _) = Journal::open(Arc::new(disk.clone()), Config::new("/journal")).unwrap();
        Intake::new(journal, Redactor::off(), Arc::default(), Health::default(), 64 << 20)
    }

    fn event(id: &str) -> String {
        format!(r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{id}","stage":"Panic"}}"#)
    }

    #[test]
    fn a_full_disk_is_known_until_there_is_room() {
        let disk = FaultyDisk::new(1);
        let intake = intake(&disk);
        disk.set_faults(Faults { capacity: Some(1 << 20), ..Faults::default() });
        let refused = intake.body("c", event("a").as_bytes(), None);
        assert!(matches!(refused, Err(ports::Refusal::DiskFull)), "{refused:?}");
        intake.look(Instant::now());
        let ready = intake.health.ready();
        assert!(!ready.ready());
        let why = ready.parts[0].why.clone().unwrap();
        assert!(why.starts_with("the disk of `/journal` is full; "), "{why}");
        disk.set_faults(Faults::default());
        intake.look(Instant::now());
        assert!(intake.health.ready().ready());
        assert_eq!(intake.body("c", event("a").as_bytes(), None).unwrap().taken, 1);
    }

    #[test]
    fn what_is_no_event_is_refused_and_the_others_are_taken() {
        let intake = intake(&FaultyDisk::new(1));
        let body = format!("{}\n{{\"kind\":\"Event\", broken\n{}\n", event("a"), event("b"));
        let refused = intake.body("c", body.as_bytes(), None).unwrap_err().to_string();
        assert!(refused.starts_with("line 2, column "), "{refused}");
        assert!(refused.ends_with("; all other events of the body were taken"), "{refused}");
        assert_eq!(intake.metrics.broken.get(), 1);
        let list = format!(r#"{{"kind":"EventList","items":[{},{{"a":1}},{{"a":2}}]}}"#, event("a"));
        let refused = intake.body("c", list.as_bytes(), None).unwrap_err().to_string();
        assert!(refused.contains("item 2 of the body is no audit event"), "{refused}");
        assert!(refused.contains("; and 1 more"), "{refused}");
        assert_eq!(intake.metrics.broken.get(), 3);
        let both = format!("{}\n{}", event("a"), event("b"));
        assert_eq!(intake.body("c", both.as_bytes(), None).unwrap().repeated, 2);
    }

    #[test]
    fn an_agents_line_is_counted_when_it_is_alone() {
        let intake = intake(&FaultyDisk::new(1));
        let batch = AgentBatch { agent: "n".to_owned(), id: "0".repeat(32), sequence: 1 };
        let refused = |body: &str| intake.body("c", body.as_bytes(), Some(&batch)).is_err();
        assert!(refused(&format!("{}\n{{\"a\":1}}\n", event("a"))));
        assert_eq!(intake.metrics.broken.get(), 0);
        assert_eq!(intake.journal.checkpoint(&batch.source("c")), None, "it would not be refused again");
        assert!(!refused(&format!("{}\n", event("a"))));
        assert!(refused("{\"a\":1}\n"));
        assert_eq!(intake.metrics.broken.get(), 1);
    }
}
