//! One write and one sync for all who wait.
//!
//! Whoever finds nobody writing writes for everyone in the queue; the others sleep until their outcome is set. So a group is
//! as large as what came in during the last sync, and a lone append waits for nobody.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::AppendError;
use crate::files::{self, Writer, data_path, keys_path};
use crate::format::body::Note;
use crate::format::frame::{FRAME_BYTES, Frame};
use crate::format::keys;
use crate::journal::{DataFile, Outcome, Shared, State, Waiting, Written};

/// The most appends in one group, and its bytes once it has one append.
const GROUP_MAX: usize = 400;
const GROUP_BYTES_MAX: usize = 16 << 20;

impl Shared {
    /// Until the append of this outcome is on disk or has failed.
    pub(crate) fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        outcome: &Outcome,
    ) -> Result<MutexGuard<'a, State>, AppendError> {
        loop {
            if let Some(result) = outcome.get() {
                return result.clone().map(|()| state);
            }
            state = match state.writer.take() {
                Some(writer) => self.lead(state, writer),
                None => self.written.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes what is to be told of readers, and says whether it is on disk. If not, the next append tells it.
    pub(crate) fn flush(&self, mut state: MutexGuard<'_, State>) -> bool {
        let notes = std::mem::take(&mut state.news);
        let outcome = state.enqueue(0, Written::new(&notes, &[]), notes);
        self.wait(state, &outcome).is_ok()
    }

    /// The last words, on a disk that has been well so far: what is to be told of readers, and a frame that vouches for
    /// all before it. Without one, damage to the last append could not be told from a torn tail.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        let Some(writer) = state.writer.take_if(|writer| writer.trusted) else { return };
        let notes = std::mem::take(&mut state.news);
        let last = Waiting::new(state.durable, 0, Written::new(&notes, &[]), notes);
        state.queue.push_back(last);
        drop(self.lead(state, writer));
    }

    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>, mut writer: Writer) -> MutexGuard<'a, State> {
        let group = next_group(&mut state);
        let first = state.durable;
        let anew = (!writer.trusted || writer.bytes >= self.config.file_bytes).then(|| state.notes());
        drop(state);

        let began = Instant::now();
        let written = match anew {
            Some(notes) => self.begin(&mut writer, first, &notes),
            None => Ok(()),
        };
        let written = written.and_then(|()| self.write(&mut writer, &group));
        let took = began.elapsed();

        let mut state = self.lock();
        match &written {
            Ok(bytes) => {
                state.counters.syncs += 1;
                state.counters.sync_time += took;
                state.counters.sync_time_max = state.counters.sync_time_max.max(took);
                state.counters.written_bytes += bytes;
                state.publish(&group, writer.bytes);
                self.arrived.notify_all();
            }
            Err(error) => state.fail(group, error),
        }
        state.writer = Some(writer);
        self.written.notify_all();
        state
    }

    fn write(&self, writer: &mut Writer, group: &[Waiting]) -> Result<u64, AppendError> {
        let bytes: u64 = group.iter().map(|waiting| waiting.frame.bytes()).sum();
        let folder = &self.config.folder;
        // A file system that cannot say is asked by writing.
        let free = self.disk.free(folder).unwrap_or(u64::MAX);
        if free < self.config.free_min.saturating_add(bytes) {
            return Err(AppendError::Full { folder: folder.clone() });
        }
        let heads: Vec<[u8; FRAME_BYTES]> = group
            .iter()
            .map(|waiting| Frame { durable: writer.bytes, ..waiting.frame }.write(writer.sequence))
            .collect();
        let parts: Vec<&[u8]> =
            heads.iter().zip(group).flat_map(|(head, waiting)| [&head[..], &waiting.body[..]]).collect();
        if let Err(error) = writer.file.append(&parts).and_then(|()| writer.file.sync()) {
            writer.trusted = false;
            return Err(AppendError::of(data_path(folder, writer.sequence), error));
        }
        writer.bytes += bytes;
        Ok(bytes)
    }

    /// The next file. What the last one has from `first` on does not count from then on.
    fn begin(&self, writer: &mut Writer, first: u64, notes: &[Note]) -> Result<(), AppendError> {
        let folder = &self.config.folder;
        let sequence = writer.sequence + 1;
        let new = files::begin(&*self.disk, folder, sequence, (first, first), notes, &mut [])
            .map_err(|error| AppendError::of(data_path(folder, sequence), error))?;
        let (bytes, old) = (new.bytes, std::mem::replace(writer, new));
        if !old.trusted {
            // It does not count anyway, but it takes room.
            _ = old.file.truncate(old.bytes);
        }
        let mut state = self.lock();
        state.files.push_back(DataFile { sequence, first, bytes, keys_saved: false });
        let old_first = state.files.iter().find(|file| file.sequence == old.sequence).map(|file| file.first);
        let Some(old_first) = old_first else { return Ok(()) };
        if old_first == first {
            // Nothing was ever in it.
            state.files.retain(|file| file.sequence != old.sequence);
            drop(state);
            _ = self.disk.remove(&data_path(folder, old.sequence));
            return Ok(());
        }
        let text = keys::write(old.sequence, state.window.keys(&(old_first..first)));
        drop(state);
        let saved = self.disk.replace(&keys_path(folder, old.sequence), &[&text]);
        let mut state = self.lock();
        match saved {
            Ok(()) => state.keys_saved(old.sequence, first),
            // It is tried again before the data goes; until then opening reads the data.
            Err(error) => state.counters.trouble = Some(format!("could not save keys: {error}")),
        }
        Ok(())
    }
}

fn next_group(state: &mut State) -> Vec<Waiting> {
    let mut group = Vec::new();
    let mut bytes = 0;
    if !state.news.is_empty() {
        let notes = std::mem::take(&mut state.news);
        group.push(Waiting::new(state.durable, 0, Written::new(&notes, &[]), notes));
    }
    while let Some(waiting) = state.queue.pop_front() {
        bytes += waiting.body.len();
        group.push(waiting);
        if group.len() >= GROUP_MAX || bytes >= GROUP_BYTES_MAX {
            break;
        }
    }
    group
}

impl State {
    fn publish(&mut self, group: &[Waiting], bytes: u64) {
        for waiting in group {
            self.durable = self.durable.max(waiting.frame.end());
            for note in &waiting.notes {
                if let Note::Source(checkpoint) = note {
                    self.sources.insert(checkpoint.source.clone(), checkpoint.value.clone());
                }
            }
            _ = waiting.outcome.set(Ok(()));
        }
        self.window.trim();
        if let Some(file) = self.files.back_mut() {
            file.bytes = bytes;
        }
    }

    /// Nobody in the queue is told that it went well: their positions begin behind events that are not there.
    fn fail(&mut self, group: Vec<Waiting>, error: &AppendError) {
        for waiting in group.into_iter().chain(std::mem::take(&mut self.queue)) {
            self.counters.failed += 1;
            // What was to be told of readers still is, unless there is something newer to tell.
            let old = waiting.notes.into_iter().filter(|note| {
                note.reader().is_some_and(|name| !self.news.iter().any(|newer| newer.reader() == Some(name)))
            });
            let old: Vec<_> = old.collect();
            self.news.extend(old);
            _ = waiting.outcome.set(Err(error.clone()));
        }
        self.last = None;
        self.next = self.durable;
        self.window.forget_from(self.durable);
    }
}
