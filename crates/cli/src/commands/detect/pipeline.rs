//! Logs through the engine: one thread reads and remembers, the others match.
//!
//! ```text
//!          ┌► matcher 0 ─┐
//! reader ──┼► matcher 1 ─┼──► engine ──► printer        batches go round, and come back in the same order
//!          └► matcher 2 ─┘
//! ```
//! So the alerts are the same with any number of threads.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use auditward_detect::{Batch, Matcher};
use auditward_event::{EventView, Events, ReadError};

use super::Work;
use super::place::When;
use super::span::{self, Span};
use crate::exit::{Failure, context};
use crate::progress::Progress;
use crate::{input, output};

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) events: u64,
    /// Events that an earlier run has read.
    pub(super) skipped: u64,
    /// Of the events that were read, line breaks included.
    pub(super) bytes: u64,
    pub(super) broken: u64,
    /// Events that happened before or after what was asked for.
    pub(super) outside: u64,
    /// Events that do not tell when they happened, where that was asked.
    pub(super) undated: u64,
    /// Logs that could not be opened, hold no events, or could not be read to their ends.
    pub(super) unreadable: u64,
}

impl Read {
    /// Whether no event was met.
    fn is_nothing(self) -> bool {
        self.events + self.skipped + self.outside + self.undated == 0
    }
}

/// Why a log was not read to its end.
pub(super) fn cut_off(name: &str, offset: u64, error: io::Error) -> Failure {
    context(format!("could not read on in `{name}` after byte {offset}"))(error)
        .hint("what comes before was looked at; gzip that is damaged or was cut breaks off like this")
}

/// Reads all logs to their ends, with so many threads that match.
pub(super) fn run(logs: &[PathBuf], span: Span, threads: usize, work: &mut Work) -> Result<Read, Failure> {
    with_hands(threads, work, |reading| {
        reading.span = span;
        for log in logs {
            match reading.log(log)? {
                Ended::Whole => {}
                Ended::Unheard => break,
                // There is nothing to tell beside it.
                Ended::Unreadable(failure) if logs.len() == 1 && reading.read.is_nothing() => {
                    return Err(failure);
                }
                // What the other logs have to tell is not its fault.
                Ended::Unreadable(failure) => {
                    failure.print();
                    reading.read.unreadable += 1;
                }
            }
        }
        Ok(())
    })
}

/// The same of events that come from elsewhere, each as its JSON text; `next` says none at the end.
pub(super) fn run_events(
    next: &mut dyn FnMut() -> Result<Option<Vec<u8>>, Failure>,
    threads: usize,
    work: &mut Work,
) -> Result<Read, Failure> {
    with_hands(threads, work, |reading| {
        while let Some(event) = next()? {
            let Ok(view) = EventView::parse(&event) else {
                reading.read.broken += 1;
                continue;
            };
            if !reading.event(&view)? {
                return Ok(());
            }
        }
        reading.drain().map(drop)
    })
}

fn with_hands(
    threads: usize,
    work: &mut Work,
    read: impl FnOnce(&mut Reading<'_>) -> Result<(), Failure>,
) -> Result<Read, Failure> {
    std::thread::scope(|scope| {
        let hands = if threads > 1 {
            let all = (0..threads).map(|_| Lane::start(scope, work.engine.matcher())).collect();
            Hands::Many(Lanes { all, filling: Copied::default(), sent: 0, received: 0 })
        } else {
            Hands::One { matcher: Box::new(work.engine.matcher()), batch: Batch::default(), bytes: 0 }
        };
        let progress = Progress::new();
        let mut reading = Reading { work, hands, span: Span::default(), read: Read::default(), progress };
        read(&mut reading)?;
        Ok(reading.read)
    })
}

/// How much is matched in one go. Enough that handing it over costs nothing, little enough to stay in a cache.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_EVENTS: usize = 1024;

/// Batches that may wait in a lane.
const LANE_MAX: usize = 2;

struct Reading<'w> {
    work: &'w mut Work,
    hands: Hands,
    /// When events have to have happened to be looked at.
    span: Span,
    read: Read,
    progress: Progress,
}

/// How the reading of a log ended.
enum Ended {
    Whole,
    /// Not at its end, or it is no log.
    Unreadable(Failure),
    /// Nobody reads the alerts any more.
    Unheard,
}

/// Who matches.
enum Hands {
    /// We ourselves, where the events lie.
    One {
        matcher: Box<Matcher>,
        batch: Batch,
        bytes: usize,
    },
    Many(Lanes),
}

struct Lanes {
    all: Vec<Lane>,
    filling: Copied,
    /// How many batches have been given out and taken back; each goes to the lane of its number.
    sent: usize,
    received: usize,
}

struct Lane {
    to: SyncSender<Copied>,
    from: Receiver<Batch>,
}

/// Events, one after the other.
#[derive(Default)]
pub(super) struct Copied {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Reading<'_> {
    /// Reads one log. Only what would end the reading of any log is an error.
    fn log(&mut self, path: &Path) -> Result<Ended, Failure> {
        const TOLD_MAX: u64 = 3;
        let name = input::name(path);
        let mut log = match input::stream(path) {
            Ok((stream, _)) => Events::new(stream),
            Err(failure) => return Ok(Ended::Unreadable(failure)),
        };
        let (mut broken, mut read_before, mut unreadable) = (0, None, None);
        while let Some(event) = log.next() {
            let event = match event {
                Ok(event) => event,
                Err(ReadError::Io { offset, source }) => {
                    unreadable = Some(cut_off(&name, offset, source));
                    break;
                }
                Err(error) => {
                    broken += 1;
                    if broken <= TOLD_MAX {
                        output::talk(&format!("{name}: {error}"));
                    }
                    continue;
                }
            };
            let until =
                *read_before.get_or_insert_with(|| self.work.place.begin(&name, event.view.as_bytes()));
            if event.place.offset < until {
                self.read.skipped += 1;
                continue;
            }
            if self.is_meant(&event.view) && !self.event(&event.view)? {
                return Ok(Ended::Unheard);
            }
            if let Some(place) = self.work.place.logs.get_mut(&name) {
                place.offset = event.place.offset + event.view.len() as u64;
            }
        }
        if unreadable.is_none() && broken > 0 && log.stats().events == 0 {
            let failure = Failure::new(format!("`{name}` holds no audit events"))
                .hint("a log has one event a line, or event lists; gzip is fine");
            return Ok(Ended::Unreadable(failure));
        }
        self.read.broken += broken;
        if !self.drain()? {
            return Ok(Ended::Unheard);
        }
        Ok(unreadable.map_or(Ended::Whole, Ended::Unreadable))
    }

    /// Whether an event happened when it has to have happened; one that did not is counted.
    fn is_meant(&mut self, view: &EventView<'_>) -> bool {
        // Without a bound nobody pays for reading times.
        if self.span.is_open() {
            return true;
        }
        match span::moment(view) {
            Some(time) if self.span.holds(time) => return true,
            Some(_) => self.read.outside += 1,
            None => self.read.undated += 1,
        }
        false
    }

    /// One event. False when nobody reads the alerts any more.
    fn event(&mut self, view: &EventView<'_>) -> Result<bool, Failure> {
        self.read.events += 1;
        self.read.bytes += view.len() as u64 + 1;
        self.progress.tick(self.read.events, self.read.bytes);
        if self.take(view) { self.absorb() } else { Ok(true) }
    }

    /// Takes in one event. True when there are enough for a batch.
    fn take(&mut self, view: &EventView<'_>) -> bool {
        match &mut self.hands {
            Hands::One { matcher, batch, bytes } => {
                matcher.look(view, batch);
                *bytes += view.len();
                *bytes >= BATCH_BYTES || batch.len() >= BATCH_EVENTS
            }
            Hands::Many(lanes) => {
                lanes.filling.push(view.as_bytes());
                lanes.filling.bytes.len() >= BATCH_BYTES || lanes.filling.ends.len() >= BATCH_EVENTS
            }
        }
    }

    /// A batch is full. False when nobody reads the alerts any more.
    fn absorb(&mut self) -> Result<bool, Failure> {
        match &mut self.hands {
            Hands::One { batch, bytes, .. } => {
                *bytes = 0;
                self.work.engine.absorb(batch, &mut self.work.alerts);
            }
            Hands::Many(lanes) => {
                lanes.send();
                if lanes.sent - lanes.received > lanes.all.len() * LANE_MAX
                    && let Some(mut batch) = lanes.receive()
                {
                    self.work.engine.absorb(&mut batch, &mut self.work.alerts);
                }
            }
        }
        if !self.work.print()? {
            return Ok(false);
        }
        if self.work.saves_now() {
            return self.drain();
        }
        Ok(true)
    }

    /// Takes in all that is under way; then the engine is where the reader is, and its state may be saved.
    fn drain(&mut self) -> Result<bool, Failure> {
        match &mut self.hands {
            Hands::One { batch, bytes, .. } => {
                *bytes = 0;
                self.work.engine.absorb(batch, &mut self.work.alerts);
            }
            Hands::Many(lanes) => {
                lanes.send();
                while let Some(mut batch) = lanes.receive() {
                    self.work.engine.absorb(&mut batch, &mut self.work.alerts);
                }
            }
        }
        let heard = self.work.print()?;
        self.work.save(When::Sometimes)?;
        Ok(heard)
    }
}

impl Lanes {
    fn send(&mut self) {
        if self.filling.ends.is_empty() {
            return;
        }
        let lane = &self.all[self.sent % self.all.len()];
        // A matcher ends only when its lane is gone.
        if lane.to.send(std::mem::take(&mut self.filling)).is_ok() {
            self.sent += 1;
        }
    }

    /// The oldest batch that is under way; `None` if there is none.
    fn receive(&mut self) -> Option<Batch> {
        if self.received == self.sent {
            return None;
        }
        let lane = &self.all[self.received % self.all.len()];
        self.received += 1;
        lane.from.recv().ok()
    }
}

impl Lane {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, mut matcher: Matcher) -> Self {
        let (to, events) = sync_channel::<Copied>(LANE_MAX);
        let (batches, from) = sync_channel(LANE_MAX + 1);
        scope.spawn(move || {
            while let Ok(events) = events.recv() {
                if batches.send(events.look(&mut matcher)).is_err() {
                    return;
                }
            }
        });
        Lane { to, from }
    }
}

impl Copied {
    pub(super) fn push(&mut self, event: &[u8]) {
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn look(&self, matcher: &mut Matcher) -> Batch {
        let mut batch = Batch::default();
        let mut start = 0;
        for end in &self.ends {
            // It was read once already.
            if let Ok(view) = EventView::parse(&self.bytes[start..*end]) {
                matcher.look(&view, &mut batch);
            }
            start = *end;
        }
        batch
    }
}
