//! A node's audit log, sent to a server.
//!
//! ```text
//! Tailer ──► lines ──► batch (gzip) ──► Post ──► 200: state file ──► next batch
//!                                        └─────► not now: the same batch after a pause
//! ```
//! The log is the buffer: while a server can't be reached nothing is read, and what rotation deletes meanwhile is gone and
//! told. An event is forgotten only after the server has said that it is durable, and after a crash it may be sent again,
//! which the server recognises.
//!
//! Invariants: one batch is held, compressed; the state file is written after the answer, never before, and nothing is sent
//! until it is written; no clock is asked and nothing waits in here: [`Agent::step`] is told the time and says when to come back.

mod backoff;
mod batch;
mod http;
pub mod protocol;
mod state;
mod tls;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use auditward_event::EventView;

use crate::tail::{self, Polled, TailError, Tailer};
use backoff::Backoff;
use batch::{Batch, Gathering};
pub use http::{Http, HttpConfig, HttpError};
use protocol::{Answer, BatchId};
pub use state::{State, StateError};
pub use tls::{Pin, PinError, TlsError};

/// Changes an event's bytes before they leave the node, or not.
pub type Hook = Box<dyn FnMut(&EventView<'_>, &mut Vec<u8>) + Send>;

/// What an agent sends, and where it remembers what it sent.
#[derive(Clone, Debug)]
pub struct Config {
    /// The logs.
    pub tail: tail::Config,
    /// Under which name the server keeps the events.
    pub cluster: String,
    /// The file that remembers what was acknowledged. Its folder must exist.
    pub state: PathBuf,
    /// A batch is sent when it has so many events,
    pub batch_events_max: usize,
    /// or so many bytes before compression,
    pub batch_bytes_max: usize,
    /// or when its first event has waited for so long.
    pub linger: Duration,
    /// How often the ends of the logs are looked at.
    pub look_every: Duration,
}

impl Config {
    /// Batches of up to 5,000 events or 2 MiB that wait for a second at most.
    pub fn new(tail: tail::Config, cluster: String, state: PathBuf) -> Self {
        Self {
            // Small chunks: of what is read in one poll a batch holds all or nothing.
            tail: tail::Config { chunk_bytes: 256 << 10, ..tail },
            cluster,
            state,
            batch_events_max: 5000,
            batch_bytes_max: 2 << 20,
            linger: Duration::from_secs(1),
            look_every: Duration::from_millis(200),
        }
    }
}

/// Takes a batch to a server.
pub trait Post {
    /// One attempt.
    fn post(&mut self, batch: &Parcel<'_>) -> Result<Answer, HttpError>;
}

/// A batch as it is sent.
#[derive(Debug)]
pub struct Parcel<'b> {
    /// Lines, compressed with gzip.
    pub body: &'b [u8],
    /// The id of the lines.
    pub id: BatchId,
    /// Its number.
    pub sequence: u64,
    /// How many lines.
    pub events: u64,
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// After a while.
    In(Duration),
}

/// What was done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that the server has acknowledged.
    pub events: u64,
    /// Their bytes before compression,
    pub bytes: u64,
    /// and after.
    pub sent_bytes: u64,
    /// Acknowledged batches.
    pub batches: u64,
    /// Events of which the server said that it had them.
    pub repeated: u64,
    /// Lines that are no events, torn or too long, passed over.
    pub broken: u64,
    /// Events that the server refused, passed over.
    pub refused: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// What should be told to an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something is the matter with a file.
    File(tail::Note),
    /// A line is no event.
    Broken {
        /// The file.
        file: PathBuf,
        /// Where in it its chunk begins.
        offset: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A batch can't be delivered for now. Told again only when the reason changes.
    Waiting(String),
    /// It could be delivered again.
    Delivered,
    /// The server will never take an event.
    Refused(String),
    /// The logs can't be read for now. Told again only when the reason changes.
    Unreadable(String),
}

/// News that wait to be told. More are dropped: they are counted in [`Counters`].
const NEWS_MAX: usize = 256;
/// How many reasons for waiting are remembered, so that each is told once.
const REASONS_MAX: usize = 8;

/// How long to wait after the logs could not be read.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(5);

/// Why an agent can't begin, or must not go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The logs, or what the state file says of them.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// Lines could not be compressed.
    #[error("could not compress a batch")]
    Compress(#[source] std::io::Error),
}

/// Sends logs.
pub struct Agent<P> {
    config: Config,
    tailer: Tailer,
    post: P,
    hook: Option<Hook>,
    state: State,
    gathering: Gathering,
    /// What is to be sent before anything else is read, in order.
    sending: VecDeque<Batch>,
    /// What is acknowledged with the last of these.
    then: Option<Vec<u8>>,
    /// What was acknowledged is not in the state file yet.
    unsaved: bool,
    not_before: Duration,
    backoff: Backoff,
    counters: Counters,
    news: Vec<News>,
    /// Why nothing is taken, as far as it was told: the last few reasons, without their numbers.
    told: Vec<String>,
    unreadable: Option<String>,
    changed: Vec<u8>,
}

impl<P: Post> Agent<P> {
    /// An agent that goes on where its state file says. `seed` makes its pauses differ from those of others.
    pub fn new(config: Config, post: P, hook: Option<Hook>, seed: u64) -> Result<Self, AgentError> {
        let state = state::read(&config.state, &config.cluster)?;
        let tailer = Tailer::new(config.tail.clone(), state.checkpoint.as_deref())?;
        // That nothing can be remembered is found before anything is sent.
        state::write(&config.state, &config.cluster, &state)?;
        Ok(Self {
            config,
            tailer,
            post,
            hook,
            state,
            gathering: Gathering::new(),
            sending: VecDeque::new(),
            then: None,
            unsaved: false,
            not_before: Duration::ZERO,
            backoff: Backoff::new(seed),
            counters: Counters::default(),
            news: Vec::new(),
            told: Vec::new(),
            unreadable: None,
            changed: Vec::new(),
        })
    }

    /// Reads a little, or makes one attempt to send. `now` is any clock that never goes back.
    pub fn step(&mut self, now: Duration) -> Result<Next, AgentError> {
        if self.unsaved || !self.sending.is_empty() {
            if let Some(wait) = self.not_before.checked_sub(now).filter(|wait| !wait.is_zero()) {
                return Ok(Next::In(wait));
            }
            return if self.unsaved { Ok(self.save(now)) } else { self.send(now) };
        }
        let next = self.gather(now)?;
        let full = self.gathering.events() >= self.config.batch_events_max as u64
            || self.gathering.bytes() >= self.config.batch_bytes_max as u64;
        let due = self.gathering.since().is_some_and(|since| now.saturating_sub(since) >= self.config.linger);
        let only_broken = self.gathering.events() == 0 && self.then.is_some() && next != Next::Now;
        if full || due || only_broken {
            self.seal()?;
            return Ok(Next::Now);
        }
        Ok(next)
    }

    /// Makes a batch of what was read, without waiting for more. Before the end of a process.
    pub fn flush(&mut self) -> Result<(), AgentError> {
        if self.sending.is_empty() { self.seal() } else { Ok(()) }
    }

    /// Whether there is nothing that was read and is not acknowledged, or acknowledged and not remembered.
    pub fn is_clean(&self) -> bool {
        !self.unsaved && self.sending.is_empty() && self.gathering.events() == 0
    }

    /// What was done since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes of the logs that are there and not read.
    pub fn unread_bytes(&self) -> u64 {
        self.tailer.progress().map(|progress| progress.unread_bytes).fold(0, u64::saturating_add)
    }

    /// Why the logs can't be read for now, if so.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// What was not told yet.
    pub fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    fn gather(&mut self, now: Duration) -> Result<Next, AgentError> {
        let polled = match self.tailer.poll() {
            Ok(polled) => polled,
            Err(error) => {
                let why = with_source(&error);
                if self.unreadable.as_ref() != Some(&why) {
                    tell(&mut self.news, News::Unreadable(why.clone()));
                    self.unreadable = Some(why);
                }
                let pause =
                    if self.gathering.events() > 0 { self.config.look_every } else { UNREADABLE_PAUSE };
                return Ok(Next::In(pause));
            }
        };
        let next = match polled {
            Polled::Idle => {
                // Of several logs one that can't be read is no reason not to read the others.
                self.unreadable = None;
                Next::In(self.config.look_every)
            }
            Polled::Lines(lines) => {
                let (gathering, changed) = (&mut self.gathering, &mut self.changed);
                let mut push = |view: &EventView<'_>| {
                    let line = match &mut self.hook {
                        Some(hook) => {
                            changed.clear();
                            hook(view, changed);
                            changed.as_slice()
                        }
                        None => view.as_bytes(),
                    };
                    gathering.push(line, now).map_err(AgentError::Compress)
                };
                for line in lines.iter() {
                    match EventView::parse(line) {
                        Ok(view) => push(&view)?,
                        Err(error) => {
                            self.counters.broken += 1;
                            let (file, offset, why) = (lines.file.clone(), lines.offset, error.to_string());
                            tell(&mut self.news, News::Broken { file, offset, why });
                            for view in tail::whole_in(line) {
                                push(&view)?;
                            }
                        }
                    }
                }
                self.then = Some(lines.checkpoint);
                Next::Now
            }
        };
        self.counters.broken += self.tailer.passed_over();
        for note in self.tailer.notes() {
            tell(&mut self.news, News::File(note));
        }
        Ok(next)
    }

    fn seal(&mut self) -> Result<(), AgentError> {
        if let Some(batch) = self.gathering.finish().map_err(AgentError::Compress)? {
            self.sending.push_back(batch);
        } else if self.sending.is_empty() && self.then.is_some() {
            // Nothing of what was read is to be sent, and it need not be read again.
            self.unsaved = true;
        }
        Ok(())
    }

    fn send(&mut self, now: Duration) -> Result<Next, AgentError> {
        let Some(batch) = self.sending.front() else { return Ok(Next::Now) };
        let parcel = Parcel {
            body: &batch.body,
            id: batch.id,
            sequence: self.state.sequence + 1,
            events: batch.events,
        };
        match self.post.post(&parcel) {
            Ok(Answer::Taken { repeated }) => {
                self.counters.batches += 1;
                self.counters.events += batch.events;
                self.counters.bytes += batch.bytes;
                self.counters.sent_bytes += batch.body.len() as u64;
                self.counters.repeated += repeated;
                self.state.sequence += 1;
                self.sending.pop_front();
                self.unsaved = self.sending.is_empty();
                if self.unsaved {
                    return Ok(self.save(now));
                }
                self.succeeded();
                Ok(Next::Now)
            }
            Ok(Answer::Refused { why }) => {
                self.backoff.succeeded();
                self.halve(why)?;
                Ok(Next::Now)
            }
            // What somebody else says of one event is no reason to give it up.
            Ok(Answer::TooLarge { why }) if batch.events < 2 => Ok(self.later(now, why, None)),
            Ok(Answer::TooLarge { why }) => {
                self.halve(why)?;
                Ok(Next::Now)
            }
            Ok(Answer::Later { why, after }) => Ok(self.later(now, why, after)),
            Err(error) => {
                let mut why = with_source(&error);
                if is_about_our_certificate(&why) {
                    why += "; the server does not take the certificate that we show it";
                }
                Ok(self.later(now, why, None))
            }
        }
    }

    /// Remembers that all parts of a batch are taken; after a pause again where that can't be written.
    fn save(&mut self, now: Duration) -> Next {
        if let Some(checkpoint) = self.then.take() {
            self.state.checkpoint = Some(checkpoint);
        }
        match state::write(&self.config.state, &self.config.cluster, &self.state) {
            Ok(()) => {
                self.unsaved = false;
                self.succeeded();
                Next::Now
            }
            Err(error) => self.later(now, with_source(&error), None),
        }
    }

    fn succeeded(&mut self) {
        self.backoff.succeeded();
        if !self.told.is_empty() {
            self.told.clear();
            tell(&mut self.news, News::Delivered);
        }
    }

    fn later(&mut self, now: Duration, why: String, after: Option<Duration>) -> Next {
        self.counters.failed += 1;
        let reason = without_numbers(&why);
        if !self.told.contains(&reason) {
            tell(&mut self.news, News::Waiting(why));
            self.told.truncate(REASONS_MAX - 1);
            self.told.insert(0, reason);
        }
        let wait = self.backoff.failed(after);
        self.not_before = now + wait;
        Next::In(wait)
    }

    /// One bad event must not hold up the rest, nor take it with it.
    fn halve(&mut self, why: String) -> Result<(), AgentError> {
        let Some(batch) = self.sending.pop_front() else { return Ok(()) };
        match batch.halves().map_err(AgentError::Compress)? {
            Some((first, second)) => {
                self.sending.push_front(second);
                self.sending.push_front(first);
            }
            None => {
                self.counters.refused += batch.events;
                tell(&mut self.news, News::Refused(why));
                self.unsaved = self.sending.is_empty();
            }
        }
        Ok(())
    }
}

/// What is wrong, and why.
fn with_source(error: &impl std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A reason without the numbers in it, but for the status that it begins with: how late it is, since when a certificate is no
/// longer good, which request this was.
fn without_numbers(why: &str) -> String {
    let status = why.strip_prefix("status ").and_then(|rest| rest.get(..3)).unwrap_or_default();
    let words = why.chars().filter(|c| !c.is_ascii_digit());
    status.chars().chain(words).collect()
}

/// Whether it is our side's certificate that a TLS connection ended by (RFC 8446, 6.2).
fn is_about_our_certificate(why: &str) -> bool {
    why.split_once("received fatal alert: ")
        .is_some_and(|(_, alert)| alert.contains("Cert") || alert.starts_with("UnknownCA"))
}

fn tell(news: &mut Vec<News>, one: News) {
    if news.len() < NEWS_MAX {
        news.push(one);
    }
}
