//! Events into the journal, from whoever sends them: without their secrets, each once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auditward_collect::intake::{self, AgentBatch, IntakeError, Limits};
use auditward_collect::prepare;
use auditward_collect::redact::Redactor;
use auditward_event::EventView;
use auditward_journal::{Append, AppendError, Appended, Checkpoint, Entry, Journal, Key};
use auditward_server::{Identity, ports};

use super::Metrics;

/// The largest event that is taken. A request to an API server, and so each body in an event, is at most 3 MiB.
pub(super) const EVENT_BYTES_MAX: usize = 16 << 20;

/// What goes into the journal at once. One event may be more.
const APPEND_BYTES_MAX: usize = 8 << 20;

/// When senders are told to come back.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Where all events go in. Clones are the same.
#[derive(Clone)]
pub(crate) struct Intake {
    journal: Journal,
    redactors: Arc<Mutex<Redactors>>,
    metrics: Arc<Metrics>,
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
    pub(crate) fn new(journal: Journal, redactor: Redactor, metrics: Arc<Metrics>, body_max: usize) -> Self {
        let redactors = Redactors { first: redactor, spare: Vec::new() };
        Intake { journal, redactors: Arc::new(Mutex::new(redactors)), metrics, body_max }
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
        let mut events = intake::read(body, &limits).map_err(|error| refusal(&error))?;
        let source = if agent.is_some() { "agent" } else { "webhook" };
        let (mut ready, mut taken) = (Ready::default(), ports::Taken::default());
        let mut broken = None;
        let mut add = |ready: &Ready, checkpoint| {
            let appended =
                self.append(source, cluster, ready, checkpoint).map_err(|error| from_journal(&error))?;
            taken.taken += appended.taken as u64;
            taken.repeated += appended.repeated as u64;
            Ok(())
        };
        while let Some(event) = events.next() {
            match event {
                Ok(view) => ready.push(cluster, &view, &mut redactor),
                Err(error) if error.is_too_large() => return Err(refusal(&error)),
                // One event that cannot be read must not keep the others from being kept: the sender would give up on all.
                Err(error) => {
                    self.metrics.broken.add(1);
                    broken = Some(error);
                }
            }
            if ready.bytes >= APPEND_BYTES_MAX {
                add(&std::mem::take(&mut ready), None)?;
            }
        }
        let checkpoint =
            agent.map(|batch| Checkpoint { source: batch.source(cluster), value: batch.checkpoint() });
        if !ready.is_empty() || checkpoint.is_some() {
            add(&ready, checkpoint)?;
        }
        self.redactors.lock().unwrap_or_else(PoisonError::into_inner).spare.push(redactor);
        match broken {
            Some(error) if taken.taken + taken.repeated == 0 => Err(refusal(&error)),
            _ => Ok(taken),
        }
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
            AgentBatch::of(header).map_err(|error| ports::Refusal::Bad { message: error.to_string() })?;
        if let Some(batch) = &agent
            && batch.is_repeated(self.journal.checkpoint(&batch.source(cluster)).as_deref())
        {
            self.metrics.repeated_batches.add(1);
            return Ok(ports::Taken::default());
        }
        self.body(cluster, body, agent.as_ref())
    }
}

fn refusal(error: &IntakeError) -> ports::Refusal {
    let message = error.to_string();
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
