//! What is there, after whatever happened.
//!
//! ```text
//!  older files        their key files are read, their events are not
//!  the newest one     head │ frames … safe │ frames that nobody vouched for │ torn
//!                          └── stays ──────┘ └── copied ──┐               └─ cut
//!  a new one          head │ all checkpoints and readers │ copies │ …
//! ```
//! A frame says how much of its file was synced when it was written. What is broken before that was whole once: damage. What
//! is broken after it was never acknowledged: a torn tail. Frames after it may be readable only because the system still
//! has them in memory, so they are written again before anybody relies on them. The new file is made whole before it gets
//! its name, and from then on the old tail does not count; so a crash here changes nothing or everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use auditward_base::disk::{Disk, DiskFile};

use crate::append::Key;
use crate::config::Config;
use crate::damage::Damage;
use crate::error::OpenError;
use crate::files::{self, Copied, Named, data_path, keys_path};
use crate::format::body::Note;
use crate::format::frame::{FRAME_BYTES, Frame, Kind};
use crate::format::head::{HEAD_BYTES, Head, NoHead};
use crate::format::keys;
use crate::format::pack::Unpacker;
use crate::journal::{DataFile, Recovered, State};
use crate::scan::{Step, Walk};
use crate::status::Status;
use crate::window::Window;

/// A data file that was there.
struct Old {
    sequence: u64,
    bytes: u64,
    file: Arc<dyn DiskFile>,
    head: Option<Head>,
    scan: Option<Scan>,
}

/// All of a data file but the events' text.
#[derive(Default)]
struct Scan {
    pieces: Vec<Piece>,
    bad: Vec<Range<u64>>,
}

struct Piece {
    offset: u64,
    frame: Frame,
    keys: Vec<Key>,
    notes: Vec<Note>,
}

/// Where the newest file ends.
struct Tail {
    /// What is before this was synced.
    safe: u64,
    /// What is behind this is torn.
    cut: u64,
    /// The position of the first event behind `safe`.
    first: u64,
    /// The position behind the last event before `cut`.
    next: u64,
}

pub(crate) fn recover(disk: &dyn Disk, config: &Config) -> Result<(State, Recovered), OpenError> {
    let folder = &config.folder;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    disk.create_folder(folder).map_err(failed(folder))?;
    let mut recovered = Recovered::default();
    let (mut olds, key_files) = list(disk, folder)?;
    let newest = olds.keys().chain(&key_files).max().copied().unwrap_or(0);
    for (sequence, old) in &mut olds {
        old.read_head().map_err(|error| error.at(data_path(folder, *sequence)))?;
        recovered.read_bytes += HEAD_BYTES as u64;
    }

    // Which files must be read: the newest; one that does not say where it begins; one whose end nobody says; and as
    // many before the newest as it takes to find all checkpoints.
    let sequences: Vec<u64> = olds.keys().copied().collect();
    let mut need_notes = true;
    for (index, sequence) in sequences.iter().enumerate().rev() {
        let next_is_there = sequences.get(index + 1) == Some(&(sequence + 1));
        let Some(old) = olds.get_mut(sequence) else { continue };
        if need_notes || old.head.is_none() || !next_is_there || !key_files.contains(sequence) {
            old.scan().map_err(failed(&data_path(folder, *sequence)))?;
            recovered.read_bytes += old.bytes;
        }
        let carried = |scan: &Scan| scan.pieces.iter().any(|piece| piece.frame.kind == Kind::Carried);
        need_notes &= !old.scan.as_ref().is_some_and(carried);
    }
    // A file of which not one frame is left says nothing, not even of where it was.
    let mut unreadable = Vec::new();
    olds.retain(|sequence, old| {
        let known = old.first().is_some();
        if !known {
            unreadable.push((*sequence, old.bytes));
        }
        known
    });

    let mut notes = Notes::default();
    let mut window = Window::new(config.keys_max);
    let mut files = VecDeque::new();
    let mut keys_saved = BTreeMap::new();
    let mut tail = None;
    let all: BTreeSet<u64> = olds.keys().chain(&key_files).copied().collect();
    let firsts: BTreeMap<u64, u64> =
        olds.iter().filter_map(|(sequence, old)| Some((*sequence, old.first()?))).collect();
    let mut last_key = None;
    for sequence in all {
        let old = olds.get_mut(&sequence);
        let is_newest = firsts.last_key_value().is_some_and(|(last, _)| *last == sequence);
        let end = firsts.range(sequence + 1..).next().map(|(_, first)| *first);
        let mut known = match &old {
            Some(Old { scan: Some(_), .. }) => None,
            _ => {
                let text = disk.read(&keys_path(folder, sequence), KEYS_BYTES_MAX).unwrap_or_default();
                recovered.read_bytes += text.len() as u64;
                keys::read(&text, sequence)
            }
        };
        if let Some(old) = old {
            if known.is_none() && old.scan.is_none() {
                old.scan().map_err(failed(&data_path(folder, sequence)))?;
                recovered.read_bytes += old.bytes;
            }
            let first = old.first().unwrap_or_default();
            let mut bytes = old.bytes;
            if let Some(scan) = &old.scan {
                let path = data_path(folder, sequence);
                let found = if is_newest {
                    let found = scan.tail(old.head, old.bytes);
                    recovered.cut_bytes = old.bytes - found.cut;
                    bytes = found.safe;
                    let damage = scan.damage(&path, first, found.next, found.safe);
                    tail = Some(found);
                    damage
                } else {
                    scan.damage(&path, first, end.unwrap_or(u64::MAX), u64::MAX)
                };
                recovered.damage.extend(found);
                let cut = tail.as_ref().map_or(u64::MAX, |tail| tail.cut);
                let end = end.unwrap_or(u64::MAX);
                let counts = |piece: &&Piece| {
                    piece.offset < cut && (piece.frame.count == 0 || piece.frame.first < end)
                };
                let mut all_keys = keys::Keys::new();
                for piece in scan.pieces.iter().filter(counts) {
                    all_keys.extend((piece.frame.first..).zip(piece.keys.iter().copied()));
                    notes.apply(piece);
                }
                known = Some(all_keys);
            }
            files.push_back(DataFile { sequence, first, bytes, keys_saved: false });
        }
        for (position, key) in known.into_iter().flatten() {
            if last_key.is_none_or(|last| position > last) {
                window.place(key, position);
                last_key = Some(position);
            }
        }
        if key_files.contains(&sequence) {
            keys_saved.insert(sequence, last_key.map_or(0, |last| last + 1));
        }
    }
    window.trim();
    for (sequence, bytes) in unreadable {
        // Readers find out which events these were: the files around say it.
        let file = data_path(folder, sequence);
        recovered.damage.push(Damage { file, bytes: 0..bytes, lost: 0..0 });
    }

    // What every reader had released may be gone, and a file that should have been removed be there nevertheless.
    let needed = notes.readers.values().min().copied().unwrap_or(0);
    recovered.damage.retain(|damage| damage.lost.is_empty() || damage.lost.end > needed);

    let released = notes.readers.values().max().copied().unwrap_or(0);
    let least = released.max(config.next_min).max(last_key.map_or(0, |last| last + 1));
    let (first, next) = match &tail {
        Some(tail) => (tail.first, tail.next.max(least)),
        None => (least, least),
    };
    let mut copied = match (files.back(), &tail) {
        (Some(file), Some(tail)) => {
            let old = olds.get(&file.sequence);
            old.map_or(Ok(Vec::new()), |old| old.copies(tail))
                .map_err(failed(&data_path(folder, file.sequence)))?
        }
        _ => Vec::new(),
    };
    let sequence = newest + 1;
    let writer = files::begin(disk, folder, sequence, (first, next), &notes.all(), &mut copied)
        .map_err(failed(&data_path(folder, sequence)))?;
    drop(copied);

    // From here on the old tail does not count. What fails now is done later.
    if let (Some(file), Some(tail)) = (files.back().cloned(), &tail) {
        let broken = recovered.damage.iter().any(|damage| damage.file == data_path(folder, file.sequence));
        if file.first == first && !broken {
            files.pop_back();
            _ = disk.remove(&data_path(folder, file.sequence));
        } else if let Some(old) = olds.get(&file.sequence) {
            _ = old.file.truncate(tail.safe);
        }
    }
    for index in 0..files.len() {
        let end = files.get(index + 1).map_or(first, |next| next.first);
        let Some(file) = files.get_mut(index) else { continue };
        file.keys_saved = key_files.contains(&file.sequence)
            && olds.get(&file.sequence).is_none_or(|old| old.scan.is_none());
        if !file.keys_saved {
            let text = keys::write(file.sequence, window.keys(&(file.first..end)));
            file.keys_saved = disk.replace(&keys_path(folder, file.sequence), &[&text]).is_ok();
        }
        if file.keys_saved {
            keys_saved.insert(file.sequence, end);
        }
    }
    files.push_back(DataFile { sequence, first, bytes: writer.bytes, keys_saved: false });

    recovered.next = next;
    recovered.keys = window.len();
    recovered.checkpoints.clone_from(&notes.sources);
    recovered.readers.clone_from(&notes.readers);
    let lost = recovered.damage.iter().map(|damage| damage.lost.end - damage.lost.start).sum();
    let state = State {
        next,
        durable: next,
        window,
        queue: VecDeque::new(),
        last: None,
        writer: Some(writer),
        files,
        key_files: keys_saved,
        sources: notes.sources,
        readers: notes.readers,
        news: Vec::new(),
        counters: Status { lost, ..Status::default() },
    };
    Ok((state, recovered))
}

/// The largest key file that is read: that of a full file of the smallest events, or of a window of as many.
const KEYS_BYTES_MAX: u64 = 1 << 30;

fn list(disk: &dyn Disk, folder: &Path) -> Result<(BTreeMap<u64, Old>, BTreeSet<u64>), OpenError> {
    let mut olds = BTreeMap::new();
    let mut keys = BTreeSet::new();
    let failed = |source| OpenError::Io { path: folder.to_owned(), source };
    for found in disk.list(folder).map_err(failed)? {
        let path = folder.join(&found.name);
        let failed = |source| OpenError::Io { path: path.clone(), source };
        match files::named(&found.name) {
            Named::Data(sequence) => {
                let file = disk.open(&path).map_err(failed)?;
                olds.insert(sequence, Old { sequence, bytes: found.bytes, file, head: None, scan: None });
            }
            Named::Keys(sequence) => _ = keys.insert(sequence),
            Named::New => disk.remove(&path).map_err(failed)?,
            Named::Foreign => {}
        }
    }
    Ok((olds, keys))
}

enum HeadError {
    Io(io::Error),
    Newer(u32),
}

impl HeadError {
    fn at(self, path: std::path::PathBuf) -> OpenError {
        match self {
            Self::Io(source) => OpenError::Io { path, source },
            Self::Newer(version) => OpenError::Newer { path, version },
        }
    }
}

impl Old {
    fn read_head(&mut self) -> Result<(), HeadError> {
        let mut text = [0; HEAD_BYTES];
        let length = self.file.read_at(0, &mut text).map_err(HeadError::Io)?;
        self.head = match Head::read(&text[..length]) {
            Ok(head) => Some(head).filter(|head| head.sequence == self.sequence),
            Err(NoHead::Damaged) => None,
            Err(NoHead::Newer(version)) => return Err(HeadError::Newer(version)),
        };
        Ok(())
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut scan = Scan::default();
        let offset = if self.head.is_some() { HEAD_BYTES as u64 } else { 0 };
        let file = Arc::clone(&self.file);
        let mut walk = Walk {
            file,
            sequence: self.sequence,
            offset,
            end: self.bytes,
            from: None,
            unpacker: Unpacker::default(),
        };
        while let Some(step) = walk.next()? {
            match step {
                Step::Good { offset, frame, body } => {
                    let keys = body.keys().copied().collect();
                    scan.pieces.push(Piece { offset, frame, keys, notes: body.notes });
                }
                Step::Bad(bytes) => scan.bad.push(bytes),
            }
        }
        self.scan = Some(scan);
        Ok(())
    }

    /// The position of its first event.
    fn first(&self) -> Option<u64> {
        let piece = || self.scan.as_ref()?.pieces.first().map(|piece| piece.frame.first);
        self.head.map(|head| head.first).or_else(piece)
    }

    /// The frames between what is safe and what is torn.
    fn copies(&self, tail: &Tail) -> io::Result<Vec<Copied>> {
        let mut copies = Vec::new();
        for piece in self.scan.iter().flat_map(|scan| &scan.pieces) {
            if piece.offset < tail.safe || piece.offset >= tail.cut || piece.frame.kind == Kind::Carried {
                continue;
            }
            let mut body = vec![0; piece.frame.length as usize];
            let read = self.file.read_at(piece.offset + FRAME_BYTES as u64, &mut body)?;
            if read != body.len() || crc32c::crc32c(&body) != piece.frame.body_sum {
                return Err(io::Error::other("it changed while it was read"));
            }
            copies.push(Copied { frame: piece.frame, body });
        }
        Ok(copies)
    }
}

impl Scan {
    fn tail(&self, head: Option<Head>, bytes: u64) -> Tail {
        let marks = self.pieces.iter().map(|piece| piece.frame.durable);
        let safe = marks.max().unwrap_or(0).max(HEAD_BYTES as u64).min(bytes);
        let cut = self.bad.iter().map(|bad| bad.start).find(|start| *start >= safe).unwrap_or(bytes);
        let counted = || self.pieces.iter().filter(|piece| piece.offset < cut);
        let begins = head.map_or(0, |head| head.first);
        let kept = counted().rfind(|piece| piece.offset < safe).map_or(begins, |piece| piece.frame.end());
        let next = counted().next_back().map_or(begins, |piece| piece.frame.end());
        let next = next.max(head.map_or(0, |head| head.next));
        let first = counted().find(|piece| piece.offset >= safe).map_or(next, |piece| piece.frame.first);
        Tail { safe, cut, first: first.max(kept), next }
    }

    /// What is broken of what counts: the events from `first` to `end`, and what is before `safe`.
    fn damage(&self, path: &Path, first: u64, end: u64, safe: u64) -> Vec<Damage> {
        let mut all = Vec::new();
        let mut position = first;
        let mut bad = self.bad.iter().filter(|bad| bad.start < safe).peekable();
        for piece in &self.pieces {
            if piece.frame.count > 0 && piece.frame.first >= end {
                break;
            }
            if let Some(broken) = bad.next_if(|bad| bad.start < piece.offset) {
                let mut bytes = broken.clone();
                while let Some(more) = bad.next_if(|bad| bad.start < piece.offset) {
                    bytes.end = more.end;
                }
                let lost = position..piece.frame.first.clamp(position, end.max(position));
                all.push(Damage { file: path.to_owned(), bytes, lost });
            }
            position = position.max(piece.frame.end());
        }
        if position < end && end < u64::MAX {
            let bytes = bad
                .next()
                .cloned()
                .map_or(0..0, |broken| broken.start..bad.last().map_or(broken.end, |last| last.end));
            all.push(Damage { file: path.to_owned(), bytes, lost: position..end });
        }
        all
    }
}

/// What is remembered by name, so far.
#[derive(Default)]
struct Notes {
    sources: BTreeMap<String, Vec<u8>>,
    readers: BTreeMap<String, u64>,
}

impl Notes {
    fn apply(&mut self, piece: &Piece) {
        if piece.frame.kind == Kind::Carried {
            *self = Self::default();
        }
        for note in &piece.notes {
            match note.clone() {
                Note::Source(checkpoint) => _ = self.sources.insert(checkpoint.source, checkpoint.value),
                Note::Reader(name, position) => _ = self.readers.insert(name, position),
                Note::Gone(name) => _ = self.readers.remove(&name),
            }
        }
    }

    fn all(&self) -> Vec<Note> {
        let sources = self.sources.iter().map(|(source, value)| {
            Note::Source(crate::append::Checkpoint { source: source.clone(), value: value.clone() })
        });
        sources.chain(self.readers.iter().map(|(name, at)| Note::Reader(name.clone(), *at))).collect()
    }
}
