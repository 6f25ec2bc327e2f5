//! One log: its live file and what that was before, read in order, each byte once.
//!
//! What was read of which file is remembered by what the files are, not by their names: a file is renamed, compressed and
//! copied while we look. At each end of a file the folder is looked at:
//!
//! - A file that is still the live one is waited at; it stays open, so a rotation can't take it from us.
//! - Another one is read until its end once more, because its last line may have been written between our last read and
//!   its renaming. Then it is over, and the oldest file that is not over is next.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::checkpoint::Place;
use super::identity::Known;
use super::names::{self, Age};
use super::pattern::names_in;
use super::reader::{Look, Reader, is_broken, is_size};
use super::{Limits, Note, Start, Trouble};

/// Files of which it is remembered one by one that they are over. Of older ones it is only known that they were before.
const OVER_MAX: usize = 128;

/// The newest files of a log that are looked at.
const FILES_MAX: usize = 8192;

/// A file that isn't there so many times is forgotten: a folder's list is not made in one moment, and a file that gets
/// another name meanwhile may be missing in it.
const ABSENT_MAX: u8 = 3;

/// Files that are opened in one poll before the others get their turn.
const STEPS_MAX: usize = 64;

pub(super) struct Log {
    pub(super) path: PathBuf,
    folder: PathBuf,
    live: String,
    start: Option<Start>,
    known: Vec<Entry>,
    next_id: u64,
    /// Rotated files up to this age are over, if nothing else is known of them.
    through: Option<Age>,
    reader: Option<Reader>,
    /// What was found out about files that have not changed since.
    seen: HashMap<Stamp, Seen>,
    /// Bytes in files that wait for the one that is being read.
    waiting: u64,
}

struct Entry {
    id: u64,
    known: Known,
    age: Option<Age>,
    absent: u8,
}

/// As long as all of this is the same, so is the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stamp {
    name: String,
    gzip: bool,
    dev: u64,
    ino: u64,
    size: u64,
    changed: (i64, i64),
}

#[derive(Clone, Copy)]
struct Seen {
    id: Option<u64>,
    /// It begins like this one, and is not it.
    not: Option<u64>,
    /// Unpacked.
    size: u64,
}

struct Member {
    age: Age,
    gzip: bool,
    stamp: Stamp,
    seen: Seen,
    /// Another member is the same file, and the one to read.
    copy: bool,
}

impl Log {
    /// Nothing for a path that is no text or has no name.
    pub(super) fn new(path: &Path, place: Option<Place>, start: Option<Start>) -> Option<Self> {
        let live = path.file_name()?.to_str()?.to_owned();
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let Place { through, files } = place.unwrap_or_default();
        let entry = |(id, known)| Entry { id, known, age: None, absent: 0 };
        let known: Vec<Entry> = (0..).zip(files).map(entry).collect();
        Some(Log {
            path: path.to_owned(),
            folder,
            live,
            start,
            next_id: known.len() as u64,
            known,
            through,
            reader: None,
            seen: HashMap::new(),
            waiting: 0,
        })
    }

    pub(super) fn place(&self) -> Place {
        let read = |entry: &&Entry| entry.known.at > 0 || entry.known.over.is_some();
        let files = self.known.iter().filter(read).map(|entry| entry.known.clone()).collect();
        Place { through: self.through.clone(), files }
    }

    /// The file that is open, and bytes that are there and not handed out.
    pub(super) fn progress(&self) -> (Option<&Path>, u64) {
        let reader = self.reader.as_ref();
        let unread = reader.map_or(0, Reader::unread);
        (reader.map(|reader| reader.path.as_path()), unread + self.waiting)
    }

    /// Fills `buf` with whole lines. False if there is none for now. Says the path and the place of the first one.
    pub(super) fn poll(
        &mut self,
        buf: &mut Vec<u8>,
        limits: &Limits,
        notes: &mut Vec<Note>,
    ) -> io::Result<Option<(PathBuf, u64)>> {
        for _ in 0..STEPS_MAX {
            let Some(mut reader) = self.reader.take() else {
                if self.open_next(notes)? {
                    continue;
                }
                return Ok(None);
            };
            if !reader.is_same()? {
                notes.push(Note::new(&reader.path, reader.at, Trouble::Cut));
                continue;
            }
            let filled = match reader.fill(buf, limits.chunk_bytes, limits.line_bytes_max) {
                // It is opened again where it was, and what was passed over is met again.
                Err(error) if !is_broken(&error) => return Err(error),
                filled => filled,
            };
            for (next, bytes) in reader.too_long.drain(..) {
                notes.push(Note::new(&reader.path, next, Trouble::TooLong { bytes }));
            }
            let filled = match filled {
                Ok(filled) => filled,
                Err(error) => {
                    notes.push(Note::new(&reader.path, reader.at, Trouble::Broken(error.to_string())));
                    self.finish(&reader);
                    continue;
                }
            };
            if filled {
                // Were it cut while it was read, the bytes could be the old ones or the new ones.
                if !reader.is_same()? {
                    buf.clear();
                    notes.push(Note::new(&reader.path, reader.at, Trouble::Cut));
                    continue;
                }
                return Ok(Some(self.handed_out(reader, buf)));
            }
            self.keep(reader.id, reader.known());
            if !reader.over {
                let members = self.scan(Some(&reader), notes)?;
                let mine = members.iter().find(|member| member.seen.id == Some(reader.id) && !member.copy);
                let next = self.pick(&members);
                let waits = match (mine, next) {
                    (Some(mine), next) if mine.age == Age::Live => {
                        next.is_none_or(|next| next.seen.id == Some(reader.id))
                    }
                    // It was removed, and no other has taken its place yet.
                    (None, None) => true,
                    _ => false,
                };
                if waits {
                    self.reader = Some(reader);
                    return Ok(None);
                }
                if mine.is_some_and(|mine| mine.age == Age::Live) {
                    // Older ones first; the live one is found again.
                    continue;
                }
                reader.over = true;
                self.reader = Some(reader);
                continue;
            }
            if let Some(bytes) = reader.skipped() {
                // Its end never came.
                notes.push(Note::new(&reader.path, reader.at + bytes, Trouble::TooLong { bytes }));
                self.finish(&reader);
            } else if reader.rest().is_empty() {
                self.finish(&reader);
            } else if is_object(reader.rest()) {
                // Only the newline is missing.
                reader.take_rest(buf);
                return Ok(Some(self.handed_out(reader, buf)));
            } else {
                let bytes = reader.rest().len() as u64;
                notes.push(Note::new(&reader.path, reader.at, Trouble::Torn { bytes }));
                self.finish(&reader);
            }
        }
        Ok(None)
    }

    fn handed_out(&mut self, reader: Reader, buf: &[u8]) -> (PathBuf, u64) {
        self.keep(reader.id, reader.known());
        let from = (reader.path.clone(), reader.at.saturating_sub(buf.len() as u64));
        self.reader = Some(reader);
        from
    }

    fn keep(&mut self, id: u64, known: Known) {
        if let Some(entry) = self.known.iter_mut().find(|entry| entry.id == id) {
            entry.known = known;
        }
    }

    fn finish(&mut self, reader: &Reader) {
        self.keep(reader.id, Known { over: Some(reader.size_at_end()), ..reader.known() });
    }

    /// Opens what is to be read next. True if there may be something to read.
    fn open_next(&mut self, notes: &mut Vec<Note>) -> io::Result<bool> {
        let members = self.scan(None, notes)?;
        let Some(member) = self.pick(&members) else { return Ok(false) };
        let counted = self.unread(member);
        let path = self.folder.join(&member.stamp.name);
        let Some(look) = look(&path, member.gzip)? else { return Ok(true) };
        if (look.dev, look.ino) != (member.stamp.dev, member.stamp.ino) {
            // Renamed since. The next scan sees it.
            return Ok(true);
        }
        let known = match member.seen.id {
            Some(id) => self.known.iter().find(|entry| entry.id == id).map(|entry| entry.known.clone()),
            None => None,
        };
        if let Some(known) = &known
            && !look.is(known)?
        {
            self.seen.remove(&member.stamp);
            return Ok(true);
        }
        let id = if known.is_some() { member.seen.id.unwrap_or(self.next_id) } else { self.next_id };
        let size = look.size;
        if known.is_none() {
            // Its copy may have been read since it was looked at.
            let packed = self.seen.iter().filter(|(stamp, _)| stamp.gzip);
            let packed = packed.filter_map(|(_, seen)| seen.id).collect();
            if let Some(id) = self.find(&look, &packed, member.seen.not)? {
                self.seen.insert(member.stamp.clone(), Seen { id: Some(id), ..member.seen });
                return Ok(true);
            }
        }
        let reader = match Reader::open(look, id, path.clone(), known.as_ref()) {
            Ok(Some(reader)) => reader,
            Ok(None) => {
                // It only began as one that was read.
                self.seen.insert(member.stamp.clone(), Seen { id: None, not: Some(id), size });
                return Ok(true);
            }
            Err(error) if is_broken(&error) => {
                let at = known.as_ref().map_or(0, |known| known.at);
                notes.push(Note::new(&path, at, Trouble::Broken(error.to_string())));
                if let Some(known) = known {
                    self.keep(id, Known { over: Some(size), ..known });
                }
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        if known.is_none() {
            self.next_id += 1;
            self.known.push(Entry { id, known: reader.known(), age: Some(member.age.clone()), absent: 0 });
            self.seen.insert(member.stamp.clone(), Seen { id: Some(id), not: None, size });
        }
        // The scan counted it among those that nobody reads yet.
        self.waiting = self.waiting.saturating_sub(counted);
        self.reader = Some(reader);
        Ok(true)
    }

    /// The oldest file that is not over, and the live one if all others are.
    fn pick<'m>(&self, members: &'m [Member]) -> Option<&'m Member> {
        members.iter().filter(|member| !member.copy).find(|member| self.is_unread(member))
    }

    fn is_unread(&self, member: &Member) -> bool {
        if member.age == Age::Live {
            return true;
        }
        let entry = member.seen.id.and_then(|id| self.known.iter().find(|entry| entry.id == id));
        match entry.map(|entry| entry.known.over) {
            Some(Some(over)) => !is_size(over, member.seen.size, member.gzip),
            Some(None) => true,
            None => {
                let before = member.age.stays() && self.through.as_ref().is_some_and(|t| member.age <= *t);
                !before && member.stamp.size > 0
            }
        }
    }

    /// Looks at the folder: the log's files, the oldest first, each with what is known of it.
    fn scan(&mut self, reader: Option<&Reader>, notes: &mut Vec<Note>) -> io::Result<Vec<Member>> {
        let mut members = self.list()?;
        let mut seen = HashMap::with_capacity(members.len());
        // A beginning that was read may be forged in another file; one compressed file is enough.
        let mut packed = HashSet::new();
        for member in &mut members {
            let held = reader.filter(|reader| {
                !member.gzip && (reader.dev, reader.ino) == (member.stamp.dev, member.stamp.ino)
            });
            member.seen = match held {
                Some(reader) => Seen { id: Some(reader.id), not: None, size: member.stamp.size },
                None => match self.seen.get(&member.stamp) {
                    Some(seen) => *seen,
                    None => self.recognise(member, &packed)?,
                },
            };
            if member.gzip {
                packed.extend(member.seen.id);
            }
            seen.insert(member.stamp.clone(), member.seen);
        }
        self.seen = seen;
        self.mark_copies(&mut members, reader);
        if let Some(start) = self.start.take() {
            self.begin(start, &mut members)?;
        }
        self.forget(&members, reader, notes);
        let waiting = |member: &&Member| {
            let held = reader.is_some_and(|reader| member.seen.id == Some(reader.id));
            !member.copy && !held && self.is_unread(member)
        };
        self.waiting = members.iter().filter(waiting).map(|member| self.unread(member)).sum();
        Ok(members)
    }

    fn unread(&self, member: &Member) -> u64 {
        let entry = self.known.iter().find(|entry| member.seen.id == Some(entry.id));
        member.seen.size.saturating_sub(entry.map_or(0, |entry| entry.known.at))
    }

    fn list(&self) -> io::Result<Vec<Member>> {
        let names = names_in(&self.folder)?;
        let mut found: Vec<(Age, bool, String)> = names
            .into_iter()
            .filter_map(|name| names::age(&name, &self.live).map(|(age, gzip)| (age, gzip, name)))
            .collect();
        let plain: HashSet<String> =
            found.iter().filter(|(_, gzip, _)| !gzip).map(|(_, _, name)| name.clone()).collect();
        // While both are there the compressed one is being written.
        found.retain(|(_, gzip, name)| !gzip || !name.strip_suffix(".gz").is_some_and(|n| plain.contains(n)));
        found.sort();
        let mut members = Vec::with_capacity(found.len());
        for (age, gzip, name) in found.into_iter().rev().take(FILES_MAX) {
            let metadata = match self.folder.join(&name).metadata() {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let stamp = Stamp {
                name,
                gzip,
                dev: metadata.dev(),
                ino: metadata.ino(),
                size: metadata.len(),
                changed: (metadata.mtime(), metadata.mtime_nsec()),
            };
            let seen = Seen { id: None, not: None, size: stamp.size };
            members.push(Member { age, gzip, stamp, seen, copy: false });
        }
        members.reverse();
        Ok(members)
    }

    fn recognise(&self, member: &Member, packed: &HashSet<u64>) -> io::Result<Seen> {
        let path = self.folder.join(&member.stamp.name);
        let unknown = Seen { id: None, not: None, size: member.stamp.size };
        let Some(look) = look(&path, member.gzip)? else { return Ok(unknown) };
        Ok(Seen { id: self.find(&look, packed, None)?, not: None, size: look.size })
    }

    /// The file that was read and is this one.
    fn find(&self, look: &Look, packed: &HashSet<u64>, not: Option<u64>) -> io::Result<Option<u64>> {
        let mut best: Option<&Entry> = None;
        for entry in &self.known {
            let passed = not == Some(entry.id) || look.gzip && packed.contains(&entry.id);
            if passed || !look.is(&entry.known)? {
                continue;
            }
            let rank = |entry: &Entry| {
                ((entry.known.dev, entry.known.ino) == (look.dev, look.ino), entry.known.head.bytes)
            };
            if best.is_none_or(|best| rank(best) < rank(entry)) {
                best = Some(entry);
            }
        }
        Ok(best.map(|entry| entry.id))
    }

    /// Of several files that are the same the one that is open is read, or the live one, which may grow, or the one that
    /// was read before, or the oldest.
    fn mark_copies(&self, members: &mut [Member], reader: Option<&Reader>) {
        let mut chosen: HashMap<u64, (usize, u8)> = HashMap::new();
        for (at, member) in members.iter().enumerate() {
            let Some(id) = member.seen.id else { continue };
            let inode = (member.stamp.dev, member.stamp.ino);
            let known = self.known.iter().find(|entry| entry.id == id);
            let rank = if reader.is_some_and(|reader| (reader.dev, reader.ino) == inode) {
                3
            } else if member.age == Age::Live {
                2
            } else {
                u8::from(known.is_some_and(|entry| (entry.known.dev, entry.known.ino) == inode))
            };
            let best = chosen.entry(id).or_insert((at, rank));
            if best.1 < rank {
                *best = (at, rank);
            }
        }
        for (at, member) in members.iter_mut().enumerate() {
            member.copy =
                member.seen.id.and_then(|id| chosen.get(&id)).is_some_and(|(first, _)| *first != at);
        }
    }

    /// The first look at a log of which nothing is known: what need not be read counts as read.
    fn begin(&mut self, start: Start, members: &mut [Member]) -> io::Result<()> {
        for member in members {
            let live = member.age == Age::Live;
            let passed = match start {
                Start::Oldest => false,
                Start::Live => !live,
                Start::End => true,
            };
            if !passed || member.seen.id.is_some() {
                continue;
            }
            let Some(look) = look(&self.folder.join(&member.stamp.name), member.gzip)? else { continue };
            let known = look.as_read(!live)?;
            if known.at == 0 {
                continue;
            }
            let id = self.next_id;
            self.next_id += 1;
            self.known.push(Entry { id, known, age: Some(member.age.clone()), absent: 0 });
            member.seen = Seen { id: Some(id), not: None, size: look.size };
            self.seen.insert(member.stamp.clone(), member.seen);
        }
        Ok(())
    }

    /// Forgets files that are gone, and bounds what is remembered of those that are over.
    fn forget(&mut self, members: &[Member], reader: Option<&Reader>, notes: &mut Vec<Note>) {
        let ages: HashMap<u64, &Age> = members
            .iter()
            .filter(|member| !member.copy)
            .filter_map(|member| member.seen.id.map(|id| (id, &member.age)))
            .collect();
        for entry in &mut self.known {
            match ages.get(&entry.id) {
                Some(age) => {
                    entry.age = Some((*age).clone());
                    entry.absent = 0;
                }
                None if reader.is_some_and(|reader| reader.id == entry.id) => entry.absent = 0,
                None => entry.absent = entry.absent.saturating_add(1),
            }
        }
        let folder_path = &self.path;
        self.known.retain(|entry| {
            let gone = entry.absent >= ABSENT_MAX;
            if gone && entry.known.over.is_none() && entry.known.at > 0 {
                notes.push(Note::new(folder_path, entry.known.at, Trouble::Gone));
            }
            !gone
        });
        let unread: Option<&Age> =
            members.iter().filter(|m| m.age.stays() && self.is_unread(m)).map(|m| &m.age).min();
        let unread = unread.cloned();
        while self.known.iter().filter(|entry| entry.known.over.is_some()).count() > OVER_MAX {
            let may_go = |entry: &&Entry| {
                entry.known.over.is_some()
                    && entry
                        .age
                        .as_ref()
                        .is_some_and(|age| age.stays() && unread.as_ref().is_none_or(|unread| age < unread))
            };
            let Some(oldest) = self.known.iter().filter(may_go).min_by(|a, b| a.age.cmp(&b.age)) else {
                break;
            };
            let (id, age) = (oldest.id, oldest.age.clone());
            self.through = self.through.take().max(age);
            self.known.retain(|entry| entry.id != id);
            self.seen.values_mut().filter(|seen| seen.id == Some(id)).for_each(|seen| seen.id = None);
        }
    }
}

/// Nothing if it has gone meanwhile.
fn look(path: &Path, gzip: bool) -> io::Result<Option<Look>> {
    match Look::at(path, gzip) {
        Ok(look) => Ok(Some(look)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_object(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}
