//! Events out, in order, at a reader's own pace.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::append::Key;
use crate::damage::Damage;
use crate::error::ReadError;
use crate::files::data_path;
use crate::format::body::Body;
use crate::format::frame::Kind;
use crate::format::pack::Unpacker;
use crate::journal::{Journal, State};
use crate::scan::{Step, Walk};

/// Reads from a position on. It keeps the journal open.
#[derive(Debug)]
pub struct Reader {
    journal: Journal,
    /// The next event that is given.
    position: u64,
    walk: Option<Walk>,
    /// A frame that was read and not wholly given.
    open: Option<(Arc<Body>, u64)>,
    /// What is broken before the next whole frame.
    broken: Option<Range<u64>>,
    /// What is told when the events before it are given.
    failed: Option<ReadError>,
}

/// Events in the order of their positions.
#[derive(Debug, Default)]
pub struct Records {
    parts: VecDeque<Part>,
}

#[derive(Debug)]
struct Part {
    body: Arc<Body>,
    first: u64,
    indexes: Range<usize>,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number since the journal began.
    pub position: u64,
    /// Where it comes from.
    pub cluster: &'a str,
    /// What it is known by.
    pub key: Key,
    /// Its text.
    pub event: &'a [u8],
}

/// Where a reader has to look.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    bytes: u64,
    /// The position behind the file's last event.
    end: u64,
}

impl Reader {
    pub(crate) fn new(journal: Journal, position: u64) -> Self {
        Self { journal, position, walk: None, open: None, broken: None, failed: None }
    }

    /// The position of the next event that is given.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next events, at least one, at most `events_max` and about `bytes_max`; waits for the first one, and gives
    /// nothing when there is none after `wait`.
    pub fn next(
        &mut self,
        events_max: usize,
        bytes_max: usize,
        wait: Duration,
    ) -> Result<Option<Records>, ReadError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut records = Records::default();
        let mut left = (events_max.max(1), bytes_max);
        if self.open.is_none() && !self.wait(wait)? {
            return Ok(None);
        }
        loop {
            self.give(&mut records, &mut left);
            if left.0 == 0 || left.1 == 0 {
                break;
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if records.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok((!records.is_empty()).then_some(records))
    }

    /// Whether there is an event to read, at the latest after `wait`.
    fn wait(&mut self, wait: Duration) -> Result<bool, ReadError> {
        let shared = Arc::clone(&self.journal.shared);
        let until = Instant::now() + wait;
        let mut state = shared.lock();
        loop {
            if self.position > state.next {
                return Err(ReadError::Ahead { from: self.position, next: state.durable });
            }
            if state.durable > self.position {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            state = shared.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives what the open frame has and the limits allow.
    fn give(&mut self, records: &mut Records, (events, bytes): &mut (usize, usize)) {
        let Some((body, first)) = &self.open else { return };
        let start = usize::try_from(self.position.saturating_sub(*first)).unwrap_or(usize::MAX);
        let mut end = start;
        while end < body.len() && *events > 0 && *bytes > 0 {
            let length = body.entry(end).map_or(0, |entry| entry.event.len());
            if length > *bytes && !(records.is_empty() && end == start) {
                *bytes = 0;
                break;
            }
            *bytes = bytes.saturating_sub(length);
            *events -= 1;
            end += 1;
        }
        if end > start {
            records.parts.push_back(Part { body: Arc::clone(body), first: *first, indexes: start..end });
            self.position = first + end as u64;
        }
        if end >= body.len() {
            self.open = None;
        }
    }

    /// Opens the next frame that has an event for us. False when there is none yet.
    fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            let place = {
                let state = self.journal.shared.lock();
                place(&state, self.position)?
            };
            let place = match place {
                Where::Here(place) => place,
                Where::Nowhere => return Ok(false),
                Where::From(to) => {
                    let from = std::mem::replace(&mut self.position, to);
                    self.walk = None;
                    return Err(ReadError::Released { from, to });
                }
            };
            if self.step(place)? {
                return Ok(true);
            }
        }
    }

    /// One step through the file of our position; whether it opened a frame.
    fn step(&mut self, place: Place) -> Result<bool, ReadError> {
        let shared = Arc::clone(&self.journal.shared);
        let path = data_path(&shared.config.folder, place.sequence);
        let walk = match self.walk.take_if(|walk| walk.sequence == place.sequence) {
            Some(walk) => self.walk.insert(walk),
            None => {
                self.broken = None;
                match shared.disk.open(&path) {
                    Ok(file) => {
                        let offset = crate::format::head::HEAD_BYTES as u64;
                        let sequence = place.sequence;
                        self.walk.insert(Walk {
                            file,
                            sequence,
                            offset,
                            end: place.bytes,
                            from: None,
                            unpacker: Unpacker::default(),
                        })
                    }
                    // It was released since we looked for it, which the next look will see.
                    Err(source) => return Err(ReadError::Io { path, source }),
                }
            }
        };
        (walk.end, walk.from) = (place.bytes, Some(self.position));
        let before = walk.offset;
        let step = match walk.next() {
            Ok(step) => step,
            Err(source) => {
                walk.offset = before;
                return Err(ReadError::Io { path, source });
            }
        };
        let offset = walk.offset;
        let (found, body) = match step {
            Some(Step::Bad(bytes)) => {
                let start = self.broken.take().map_or(bytes.start, |earlier| earlier.start);
                self.broken = Some(start..bytes.end);
                return Ok(false);
            }
            Some(Step::Good { frame, body, .. }) if frame.first < place.end => {
                if frame.kind == Kind::Carried && self.broken.is_none() {
                    return Ok(false);
                }
                (frame.first, Some((Arc::new(body), frame.first)))
            }
            // The rest of the file does not count, or there is none.
            Some(Step::Good { .. }) | None => {
                self.walk = None;
                (place.end, None)
            }
        };
        let broken = self.broken.take();
        self.open = body.filter(|(body, _)| body.len() > 0);
        if found > self.position || broken.is_some() {
            let lost = self.position..found.max(self.position);
            self.position = lost.end;
            let damage = Damage { file: path, bytes: broken.unwrap_or(offset..offset), lost };
            let mut state = shared.lock();
            state.counters.lost += damage.lost.end - damage.lost.start;
            // So that they are taken when their source sends them again.
            state.window.forget(&damage.lost);
            return Err(ReadError::Damaged(damage));
        }
        Ok(self.open.is_some())
    }
}

enum Where {
    Here(Place),
    /// Not written yet.
    Nowhere,
    /// Only from there on.
    From(u64),
}

fn place(state: &State, position: u64) -> Result<Where, ReadError> {
    if position > state.next {
        return Err(ReadError::Ahead { from: position, next: state.durable });
    }
    if position >= state.durable {
        return Ok(Where::Nowhere);
    }
    let behind = state.files.partition_point(|file| file.first <= position);
    let Some(index) = behind.checked_sub(1) else {
        return Ok(state.files.front().map_or(Where::Nowhere, |file| Where::From(file.first)));
    };
    let Some(file) = state.files.get(index) else { return Ok(Where::Nowhere) };
    Ok(Where::Here(Place { sequence: file.sequence, bytes: file.bytes, end: state.end_of(index) }))
}

impl Records {
    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.parts.iter().flat_map(|part| {
            part.indexes.clone().filter_map(|index| {
                let entry = part.body.entry(index)?;
                let position = part.first + index as u64;
                Some(Record { position, cluster: entry.cluster, key: entry.key, event: entry.event })
            })
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.indexes.len()).sum()
    }

    /// Whether there are none; what a reader gives has some.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The position behind the last one: what to release once they are dealt with.
    pub fn end(&self) -> u64 {
        self.parts.back().map_or(0, |part| part.first + part.indexes.end as u64)
    }
}
