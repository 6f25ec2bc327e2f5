//! One file, read line by line from where it was left.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::identity::{HEAD_BYTES, Known, MARK_BYTES, Print};

/// How much is asked of a file at least.
const STEP: usize = 64 << 10;

/// A hole in a file, as is left when a log is cut under a program that goes on writing where it was, is passed over when
/// it is longer than this, also if nothing comes after it yet.
const HOLE_BYTES: usize = 1 << 20;

/// A file that was opened to see what it is.
pub(super) struct Look {
    file: File,
    pub(super) dev: u64,
    pub(super) ino: u64,
    /// Unpacked. Of a compressed file as its end says, which is the remainder to 4 GiB.
    pub(super) size: u64,
    pub(super) gzip: bool,
    head: Vec<u8>,
}

impl Look {
    pub(super) fn at(path: &Path, gzip: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut look = Look {
            dev: metadata.dev(),
            ino: metadata.ino(),
            size: metadata.len(),
            gzip,
            file,
            head: Vec::new(),
        };
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        if gzip {
            let mut length = [0; 4];
            if let Some(end) = look.size.checked_sub(4) {
                look.file.read_exact_at(&mut length, end)?;
            }
            look.size = u64::from(u32::from_le_bytes(length));
            let mut head = MultiGzDecoder::new(BufReader::new(&look.file)).take(HEAD_BYTES as u64);
            // What is broken is told when it is read.
            _ = head.read_to_end(&mut look.head);
        } else {
            look.head = head_of(&look.file)?;
        }
        Ok(look)
    }

    /// Whether this is the file that was read, as it is or compressed.
    pub(super) fn is(&self, known: &Known) -> io::Result<bool> {
        if known.head.bytes == 0 || !known.head.begins(&self.head) {
            return Ok(false);
        }
        let same_inode = (self.dev, self.ino) == (known.dev, known.ino);
        if !same_inode && self.head.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        if self.gzip {
            // The mark is looked at when it is unpacked.
            return Ok(match known.over {
                Some(over) => is_size(over, self.size, true),
                None => known.at > u64::from(u32::MAX) || self.size >= known.at,
            });
        }
        let unmarked = known.mark.bytes == 0 && !same_inode;
        if self.size < known.at || unmarked && known.over.is_some_and(|over| over != self.size) {
            return Ok(false);
        }
        let mut mark = [0; MARK_BYTES];
        let mark = &mut mark[..known.mark.len().min(MARK_BYTES)];
        match known.at.checked_sub(mark.len() as u64) {
            Some(from) => match self.file.read_exact_at(mark, from) {
                Ok(()) => Ok(Print::of(mark) == known.mark),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(error),
            },
            None => Ok(false),
        }
    }

    /// Of a file that is not to be read: as if it had been, up to its last whole line.
    pub(super) fn as_read(&self, over: bool) -> io::Result<Known> {
        let at = if over { self.size } else { self.last_line_end()? };
        let head = &self.head[..self.head.len().min(usize::try_from(at).unwrap_or(usize::MAX))];
        Ok(Known {
            dev: self.dev,
            ino: self.ino,
            head: Print::of(head),
            mark: Print::default(),
            at,
            over: over.then_some(self.size),
        })
    }

    fn last_line_end(&self) -> io::Result<u64> {
        let mut end = self.size;
        let mut block = vec![0; STEP];
        while end > 0 {
            let from = end.saturating_sub(STEP as u64);
            let block = &mut block[..usize::try_from(end - from).unwrap_or(STEP)];
            self.file.read_exact_at(block, from)?;
            if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
                return Ok(from + newline as u64 + 1);
            }
            end = from;
        }
        Ok(0)
    }
}

/// Whether a file of `size` is one that was `over`.
pub(super) fn is_size(over: u64, size: u64, gzip: bool) -> bool {
    if gzip { over & u64::from(u32::MAX) == size } else { over == size }
}

enum Source {
    Plain(File),
    Gzip { unpacked: Box<MultiGzDecoder<BufReader<File>>>, size: u64 },
}

/// A file that is being read. While it is open its inode's number is not given to another.
pub(super) struct Reader {
    pub(super) id: u64,
    pub(super) path: PathBuf,
    pub(super) dev: u64,
    pub(super) ino: u64,
    source: Source,
    head: Vec<u8>,
    mark: Print,
    /// Where the first line begins that was not handed out.
    pub(super) at: u64,
    /// Where the next byte is read: `at` and what is carried, or skipped.
    next: u64,
    /// The beginning of a line whose end is not there yet.
    carry: Vec<u8>,
    /// Whether the line at `at` is too long, so that only its end is looked for.
    skipping: bool,
    /// Lines that were passed over: where the next one begins, and how long each was.
    pub(super) too_long: Vec<(u64, u64)>,
    /// Nothing more will be written: the next end is the last.
    pub(super) over: bool,
}

impl Reader {
    /// Nothing if the file turns out not to be the one that was `known`.
    pub(super) fn open(
        look: Look,
        id: u64,
        path: PathBuf,
        known: Option<&Known>,
    ) -> io::Result<Option<Self>> {
        let (at, mark) = known.map_or((0, Print::default()), |known| (known.at, known.mark));
        let mut reader = Reader {
            id,
            path,
            dev: look.dev,
            ino: look.ino,
            source: Source::Plain(look.file),
            head: look.head,
            mark,
            at,
            next: at,
            carry: Vec::new(),
            skipping: false,
            too_long: Vec::new(),
            over: false,
        };
        if look.gzip {
            let Source::Plain(mut file) = reader.source else { return Ok(None) };
            file.seek(SeekFrom::Start(0))?;
            let mut unpacked = Box::new(MultiGzDecoder::new(BufReader::with_capacity(STEP, file)));
            if !pass_over(&mut unpacked, at, mark)? {
                return Ok(None);
            }
            reader.source = Source::Gzip { unpacked, size: look.size };
        }
        Ok(Some(reader))
    }

    /// Fills `buf` with whole lines: about `chunk` bytes, more only if one line is longer. False if there is none yet.
    ///
    /// After an error the file must be opened again.
    pub(super) fn fill(&mut self, buf: &mut Vec<u8>, chunk: usize, line_max: usize) -> io::Result<bool> {
        buf.clear();
        buf.append(&mut self.carry);
        if buf.len() > line_max {
            self.skipping = true;
            buf.clear();
        }
        let mut whole = 0;
        loop {
            let before = buf.len();
            let want = match chunk.saturating_sub(before) {
                0 if whole > 0 => break,
                0 => STEP,
                want => want,
            };
            if self.read(buf, want)? == 0 {
                break;
            }
            if self.skipping && !self.skip(buf) {
                continue;
            }
            let before = before.min(buf.len());
            if let Some(newline) = buf[before..].iter().rposition(|byte| *byte == b'\n') {
                whole = before + newline + 1;
            } else if whole == 0 {
                self.pass_hole(buf);
                if buf.len() > line_max {
                    self.skipping = true;
                    buf.clear();
                }
            }
        }
        self.carry.extend_from_slice(&buf[whole..]);
        if self.carry.capacity() > STEP && self.carry.len() < STEP / 2 {
            self.carry.shrink_to(STEP);
        }
        buf.truncate(whole);
        if whole > 0 {
            self.at += whole as u64;
            self.mark = Print::of(&buf[whole.saturating_sub(MARK_BYTES)..]);
        }
        Ok(whole > 0)
    }

    /// Whether the file is still what was read so far: neither cut nor written anew.
    pub(super) fn is_same(&mut self) -> io::Result<bool> {
        let Source::Plain(file) = &self.source else { return Ok(true) };
        if file.metadata()?.len() < self.next {
            return Ok(false);
        }
        let head = head_of(file)?;
        let same = head.starts_with(&self.head);
        self.head = head;
        Ok(same)
    }

    /// What it is known by, as far as it was handed out.
    pub(super) fn known(&self) -> Known {
        let read = usize::try_from(self.at).unwrap_or(usize::MAX);
        let head = Print::of(&self.head[..self.head.len().min(read)]);
        Known { dev: self.dev, ino: self.ino, head, mark: self.mark, at: self.at, over: None }
    }

    /// What is after the last line's end.
    pub(super) fn rest(&self) -> &[u8] {
        &self.carry
    }

    /// How much is there of a line that is too long and whose end is not there yet.
    pub(super) fn skipped(&self) -> Option<u64> {
        self.skipping.then(|| self.next - self.at)
    }

    /// Makes the rest a line.
    pub(super) fn take_rest(&mut self, buf: &mut Vec<u8>) {
        buf.clear();
        buf.append(&mut self.carry);
        self.at = self.next;
        self.mark = Print::of(&buf[buf.len().saturating_sub(MARK_BYTES)..]);
    }

    /// The size at which it was read to its end.
    pub(super) fn size_at_end(&self) -> u64 {
        match &self.source {
            Source::Plain(_) => self.next,
            Source::Gzip { size, .. } => *size,
        }
    }

    /// How much of it is not handed out yet, if that can be told.
    pub(super) fn unread(&self) -> u64 {
        match &self.source {
            Source::Plain(file) => {
                file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(self.at))
            }
            Source::Gzip { size, .. } => size.saturating_sub(self.at),
        }
    }

    fn read(&mut self, buf: &mut Vec<u8>, want: usize) -> io::Result<usize> {
        let before = buf.len();
        let read = match &mut self.source {
            Source::Plain(file) => {
                buf.resize(before + want, 0);
                let read = loop {
                    match file.read_at(&mut buf[before..], self.next) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        read => break read,
                    }
                };
                buf.truncate(before + *read.as_ref().unwrap_or(&0));
                read?
            }
            Source::Gzip { unpacked, .. } => unpacked.take(want as u64).read_to_end(buf)?,
        };
        self.next += read as u64;
        Ok(read)
    }

    /// Looks for the end of a line that is too long. True if it was found: `buf` is what comes after it.
    fn skip(&mut self, buf: &mut Vec<u8>) -> bool {
        let Some(newline) = buf.iter().position(|byte| *byte == b'\n') else {
            buf.clear();
            return false;
        };
        let after = buf.len() - newline - 1;
        let begins = self.next - after as u64;
        self.too_long.push((begins, begins - self.at));
        self.at = begins;
        self.mark = Print::default();
        self.skipping = false;
        buf.drain(..=newline);
        true
    }

    /// Drops zeros before what may become a line.
    fn pass_hole(&mut self, buf: &mut Vec<u8>) {
        let zeros = buf.iter().position(|byte| *byte != 0).unwrap_or(buf.len());
        if zeros > 0 && (zeros < buf.len() || zeros > HOLE_BYTES) {
            buf.drain(..zeros);
            self.at += zeros as u64;
            self.mark = Print::default();
        }
    }
}

fn head_of(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES];
    let mut filled = 0;
    while filled < HEAD_BYTES {
        match file.read_at(&mut head[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// Unpacks up to `at`. False if what is before it is not what was read.
fn pass_over(unpacked: &mut impl io::Read, at: u64, mark: Print) -> io::Result<bool> {
    let before = at.saturating_sub(mark.len() as u64);
    if io::copy(&mut unpacked.by_ref().take(before), &mut io::sink())? < before {
        return Ok(false);
    }
    let mut end = Vec::with_capacity(mark.len());
    unpacked.by_ref().take(at - before).read_to_end(&mut end)?;
    Ok(end.len() as u64 == at - before && Print::of(&end) == mark)
}

/// Whether an error is the file's own, so that trying again does not help.
pub(super) fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}
