//! The journal's parts under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use auditward_base::disk::Disk;

use crate::append::{Append, Appended, Checkpoint, Entry, SOURCES_MAX};
use crate::config::Config;
use crate::damage::Damage;
use crate::error::{AppendError, OpenError};
use crate::files::{Writer, data_path, keys_path};
use crate::format::body::{self, Note};
use crate::format::frame::{Frame, Kind};
use crate::format::keys;
use crate::format::pack::Packer;
use crate::reader::Reader;
use crate::recover;
use crate::status::{Backlog, Status};
use crate::window::Window;

/// Events on disk. Clones are the same journal; the last one to go closes it.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(crate) shared: Arc<Shared>,
}

/// What was there when the journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The newest checkpoint of each source.
    pub checkpoints: BTreeMap<String, Vec<u8>>,
    /// What each reader had released.
    pub readers: BTreeMap<String, u64>,
    /// The position of the next event.
    pub next: u64,
    /// What a crash had left half at the end, and nobody was told to be there.
    pub cut_bytes: u64,
    /// What had been there and is broken. Files that were not read now are checked when a reader comes to them.
    pub damage: Vec<Damage>,
    /// Keys that are remembered.
    pub keys: usize,
    /// How much was read to know all this.
    pub read_bytes: u64,
}

impl Journal {
    /// Opens a journal, or begins one. What a crash left half is cut off.
    pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<(Self, Recovered), OpenError> {
        let (state, recovered) = recover::recover(&*disk, &config)?;
        let shared = Shared {
            disk,
            config,
            state: Mutex::new(state),
            written: Condvar::new(),
            arrived: Condvar::new(),
            tidying: Mutex::new(()),
            packer: Packer::default(),
        };
        Ok((Self { shared: Arc::new(shared) }, recovered))
    }

    /// Takes events and checkpoints, and returns when they are on disk. Calls of several threads share a sync.
    ///
    /// An event whose key is known is not taken again; the answer says so when the first copy is on disk.
    pub fn append(&self, append: Append<'_>) -> Result<Appended, AppendError> {
        if let Some(what) = append.too_large() {
            return Err(AppendError::TooLarge { what });
        }
        let Append { entries, checkpoints } = append;
        let notes: Vec<_> = checkpoints.into_iter().map(Note::Source).collect();
        // Before the lock is taken, because this is the larger part of the work and nearly always right.
        let mut written = Written::new(&notes, &entries).packed(&self.shared.packer);
        let mut state = self.shared.lock();
        self.shared.admit(&mut state, &notes, written.body.len())?;
        let first = state.next;
        let mut next = first;
        let mut newest_known = None;
        let mut is_new = Vec::with_capacity(entries.len());
        for entry in &entries {
            let known = state.window.place(entry.key, next);
            newest_known = newest_known.max(known);
            is_new.push(known.is_none());
            next += u64::from(known.is_none());
        }
        let taken = usize::try_from(next - first).unwrap_or(usize::MAX);
        let repeated = entries.len() - taken;
        let answer = Appended { taken, repeated, next };
        let outcome = if taken == 0 && notes.is_empty() {
            let unsafe_copy = newest_known.is_some_and(|position| position >= state.durable);
            if unsafe_copy { state.last.clone() } else { None }
        } else {
            if repeated > 0 {
                let new = entries.iter().zip(&is_new).filter(|(_, new)| **new).map(|(entry, _)| *entry);
                // Not packed, because others wait; it is rare.
                written = Written::new(&notes, &new.collect::<Vec<_>>());
            }
            Some(state.enqueue(taken, written, notes))
        };
        if let Some(outcome) = outcome {
            state = self.shared.wait(state, &outcome)?;
        }
        state.counters.appended += taken as u64;
        state.counters.repeated += repeated as u64;
        Ok(answer)
    }

    /// The newest checkpoint of a source that is on disk.
    pub fn checkpoint(&self, source: &str) -> Option<Vec<u8>> {
        self.shared.lock().sources.get(source).cloned()
    }

    /// Reads from a position on. The name is what [`Self::release`] is told; what no reader of any name needs any more is
    /// removed. A new name is remembered over restarts before this returns, unless the disk fails.
    pub fn reader(&self, name: &str, from: u64) -> Reader {
        let mut state = self.shared.lock();
        if !state.readers.contains_key(name) {
            let released = from.min(state.durable);
            state.readers.insert(name.to_owned(), released);
            state.tell(Note::Reader(name.to_owned(), released));
            self.shared.flush(state);
        }
        Reader::new(self.clone(), from)
    }

    /// Says that the reader of that name needs nothing before `position`. It is on disk when a file is removed for it, with
    /// the next append, or when the journal is closed: after a crash [`Recovered::readers`] may have an earlier position, never a later one.
    pub fn release(&self, name: &str, position: u64) {
        let mut state = self.shared.lock();
        let position = position.min(state.durable);
        let released = state.readers.entry(name.to_owned()).or_default();
        if position > *released {
            *released = position;
            state.tell(Note::Reader(name.to_owned(), position));
        }
        drop(state);
        self.shared.tidy();
    }

    /// There is no reader of that name any more: nothing is kept for it.
    pub fn forget_reader(&self, name: &str) {
        let mut state = self.shared.lock();
        if state.readers.remove(name).is_some() {
            state.tell(Note::Gone(name.to_owned()));
            self.shared.flush(state);
        }
        self.shared.tidy();
    }

    /// What the journal does, in numbers.
    pub fn status(&self) -> Status {
        let state = self.shared.lock();
        let readers = state.readers.iter().map(|(name, released)| Backlog {
            name: name.clone(),
            released: *released,
            events: state.durable.saturating_sub(*released),
        });
        Status {
            next: state.durable,
            oldest: state.files.front().map_or(state.durable, |file| file.first),
            files: state.files.len(),
            bytes: state.files.iter().map(|file| file.bytes).sum(),
            backlog_bytes: state.backlog(),
            backlog_bytes_max: self.shared.config.bytes_max,
            readers: readers.collect(),
            keys: state.window.len(),
            keys_max: self.shared.config.keys_max,
            ..state.counters.clone()
        }
    }
}

/// What all clones and readers have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: Config,
    state: Mutex<State>,
    /// A group was written, or could not be.
    pub(crate) written: Condvar,
    /// There are events to read.
    pub(crate) arrived: Condvar,
    /// Held by the one who removes files.
    tidying: Mutex<()>,
    packer: Packer,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The position of the next event that is taken.
    pub(crate) next: u64,
    /// What is before this is on disk.
    pub(crate) durable: u64,
    pub(crate) window: Window,
    /// Each waits in a thread of its own, so there are as many as callers allow.
    pub(crate) queue: VecDeque<Waiting>,
    /// What becomes of the newest append that waits or is being written.
    pub(crate) last: Option<Arc<Outcome>>,
    /// Taken by the thread that writes for all.
    pub(crate) writer: Option<Writer>,
    /// Oldest first; the last is being written.
    pub(crate) files: VecDeque<DataFile>,
    /// Key files by number, with the position behind their last key.
    pub(crate) key_files: BTreeMap<u64, u64>,
    pub(crate) sources: BTreeMap<String, Vec<u8>>,
    pub(crate) readers: BTreeMap<String, u64>,
    /// Changes to readers that no frame tells yet; one a reader at most.
    pub(crate) news: Vec<Note>,
    pub(crate) counters: Status,
}

#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    pub(crate) sequence: u64,
    pub(crate) first: u64,
    /// How much of it counts.
    pub(crate) bytes: u64,
    pub(crate) keys_saved: bool,
}

/// An append on its way.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) frame: Frame,
    pub(crate) body: Vec<u8>,
    pub(crate) notes: Vec<Note>,
    pub(crate) outcome: Arc<Outcome>,
}

pub(crate) type Outcome = OnceLock<Result<(), AppendError>>;

/// A body as it goes to the disk.
pub(crate) struct Written {
    pub(crate) body: Vec<u8>,
    packed: bool,
    sum: u32,
}

impl Written {
    pub(crate) fn new(notes: &[Note], entries: &[Entry<'_>]) -> Self {
        let body = body::write(notes, entries);
        let sum = crc32c::crc32c(&body);
        Self { body, packed: false, sum }
    }

    /// The same, packed if that is worth it.
    fn packed(self, packer: &Packer) -> Self {
        let Some(body) = packer.pack(&self.body) else { return self };
        let sum = crc32c::crc32c(&body);
        Self { body, packed: true, sum }
    }
}

impl State {
    /// In the next frame; what it told of the same reader before is old.
    fn tell(&mut self, note: Note) {
        self.news.retain(|older| older.reader() != note.reader());
        self.news.push(note);
    }

    /// Gives the next positions to what is written, and puts it in the queue.
    pub(crate) fn enqueue(&mut self, taken: usize, written: Written, notes: Vec<Note>) -> Arc<Outcome> {
        let waiting = Waiting::new(self.next, taken, written, notes);
        self.next = waiting.frame.end();
        let outcome = Arc::clone(&waiting.outcome);
        self.last = Some(Arc::clone(&outcome));
        self.queue.push_back(waiting);
        outcome
    }

    /// What nobody has released: where the slowest reader is, or the oldest there is if there are no readers.
    pub(crate) fn released(&self) -> u64 {
        let oldest = self.files.front().map_or(0, |file| file.first);
        self.readers.values().min().copied().unwrap_or(oldest)
    }

    /// The position behind the last event of a file.
    pub(crate) fn end_of(&self, index: usize) -> u64 {
        self.files.get(index + 1).map_or(self.durable, |next| next.first)
    }

    /// How many bytes the slowest reader has before it, taking the events of a file to be of one size.
    pub(crate) fn backlog(&self) -> u64 {
        let released = self.released();
        let mut bytes = 0;
        for (index, file) in self.files.iter().enumerate() {
            let all = self.end_of(index).saturating_sub(file.first);
            let unread = self.end_of(index).saturating_sub(released.max(file.first));
            if let Some(share) = (u128::from(file.bytes) * u128::from(unread)).checked_div(u128::from(all)) {
                bytes += u64::try_from(share).unwrap_or(u64::MAX);
            }
        }
        bytes
    }

    /// All there is to remember by name.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let sources = self
            .sources
            .iter()
            .map(|(source, value)| Note::Source(Checkpoint { source: source.clone(), value: value.clone() }));
        let readers = self.readers.iter().map(|(name, released)| Note::Reader(name.clone(), *released));
        sources.chain(readers).collect()
    }
}

impl Waiting {
    pub(crate) fn new(first: u64, taken: usize, written: Written, notes: Vec<Note>) -> Self {
        let number = |length| u32::try_from(length).unwrap_or(u32::MAX);
        let Written { body, packed, sum: body_sum } = written;
        let (length, count) = (number(body.len()), number(taken));
        let frame = Frame { kind: Kind::Append, packed, length, count, first, durable: 0, body_sum };
        Self { frame, body, notes, outcome: Arc::default() }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked left the state as it was between two assignments of numbers: worth going on with.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for so much more.
    fn admit(&self, state: &mut State, notes: &[Note], bytes: usize) -> Result<(), AppendError> {
        /// All checkpoints together, which each new file carries.
        const VALUES_BYTES_MAX: usize = 16 << 20;
        let bytes_max = self.config.bytes_max;
        let backlog = state.backlog();
        let queued: usize = state.queue.iter().map(|waiting| waiting.body.len()).sum();
        let after = backlog.saturating_add(queued as u64).saturating_add(bytes as u64);
        // What is larger than the limit alone is taken when nothing else is there.
        if after > bytes_max && (backlog > 0 || queued > 0) {
            state.counters.behind += 1;
            return Err(AppendError::Behind { backlog, bytes_max });
        }
        if !notes.is_empty() {
            let new = notes.iter().filter(|note| match note {
                Note::Source(Checkpoint { source, .. }) => !state.sources.contains_key(source),
                Note::Reader(..) | Note::Gone(_) => false,
            });
            let values: usize = state.sources.values().map(Vec::len).sum();
            let more: usize = notes.iter().map(note_bytes).sum();
            if state.sources.len() + new.count() > SOURCES_MAX || values + more > VALUES_BYTES_MAX {
                return Err(AppendError::TooLarge { what: "checkpoints beyond 16384 sources or 16 MiB" });
            }
        }
        Ok(())
    }

    /// Removes the files that no reader needs, and the keys that nobody remembers.
    pub(crate) fn tidy(&self) {
        let Ok(_only) = self.tidying.try_lock() else { return };
        let folder = &self.config.folder;
        let mut removed = false;
        loop {
            let mut state = self.lock();
            let Some(file) = state.files.front().cloned() else { break };
            if state.files.len() < 2 || state.readers.is_empty() || state.end_of(0) > state.released() {
                break;
            }
            if !state.news.is_empty() {
                // What is gone was released, also for those who come after a crash.
                if !self.flush(state) {
                    break;
                }
                continue;
            }
            if !file.keys_saved {
                // Or a restart would forget what was there.
                let end = state.end_of(0);
                let text = keys::write(file.sequence, state.window.keys(&(file.first..end)));
                drop(state);
                let saved = self.disk.replace(&keys_path(folder, file.sequence), &[&text]);
                state = self.lock();
                match saved {
                    Ok(()) => {
                        state.keys_saved(file.sequence, end);
                    }
                    Err(error) => {
                        state.counters.trouble = Some(format!("could not save keys: {error}"));
                        break;
                    }
                }
            }
            state.files.pop_front();
            drop(state);
            removed = true;
            if let Err(error) = self.disk.remove(&data_path(folder, file.sequence)) {
                self.lock().counters.trouble = Some(format!("could not remove a file: {error}"));
                break;
            }
        }
        loop {
            let mut state = self.lock();
            let oldest = state.window.oldest().unwrap_or(state.durable);
            let forgotten = state.key_files.first_entry().filter(|entry| *entry.get() <= oldest);
            let Some(sequence) = forgotten.map(|entry| *entry.key()) else { break };
            // As long as the data is there, the file saves reading it.
            if state.files.front().is_some_and(|file| file.sequence <= sequence) {
                break;
            }
            state.key_files.remove(&sequence);
            drop(state);
            removed = true;
            if let Err(error) = self.disk.remove(&keys_path(folder, sequence)) {
                self.lock().counters.trouble = Some(format!("could not remove a file: {error}"));
                break;
            }
        }
        if removed && let Err(error) = self.disk.sync_folder(folder) {
            self.lock().counters.trouble = Some(format!("could not sync the folder: {error}"));
        }
    }
}

impl State {
    pub(crate) fn keys_saved(&mut self, sequence: u64, end: u64) {
        self.key_files.insert(sequence, end);
        for file in &mut self.files {
            file.keys_saved |= file.sequence == sequence;
        }
    }
}

fn note_bytes(note: &Note) -> usize {
    match note {
        Note::Source(checkpoint) => checkpoint.value.len(),
        Note::Reader(..) | Note::Gone(_) => 0,
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}
