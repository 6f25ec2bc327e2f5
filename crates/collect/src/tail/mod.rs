//! Logs that grow and rotate, read line by line, each line once, also across restarts.
//!
//! [`Tailer::poll`] is asked for more and answers at once; it has no thread and never waits. What it hands out comes with a
//! checkpoint, and whoever makes the lines durable makes the checkpoint durable with them: a tailer that is given it goes
//! on behind exactly those lines.
//!
//! - Rotated files, compressed or not, come before the live one, the oldest first, also those that were rotated while
//!   nobody looked. A file is recognised by what is in it, so neither a new name nor compression makes it a new one, and
//!   a used inode number does not make it an old one.
//! - Half a line is never handed out. What is left at the end of a file that is over is a [`Note`].
//! - A log that is cut (`> audit.log`, logrotate's `copytruncate`) is read from its beginning; what had not been read is
//!   taken from the copy, if there is one.
//!
//! Invariants: of each log one file is open; of all logs together one chunk is held, and of each the beginning of a line
//! whose end is not there yet.

mod checkpoint;
mod identity;
mod log;
mod names;
mod pattern;
mod reader;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use auditward_event::EventView;
use checkpoint::Place;
use log::Log;

/// Logs that one tailer follows. More are not looked at, and that is a [`Note`].
pub const LOGS_MAX: usize = 1024;

/// Notes that wait for [`Tailer::notes`]. Of more there is no word, but the lines among them are counted.
const NOTES_MAX: usize = 1024;

/// What to read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Paths of live logs, as kube-apiserver's `--audit-log-path` says them; `*` and `?` stand for any characters and for
    /// one. What such a log was before its rotations belongs to it and need not be named.
    pub patterns: Vec<PathBuf>,
    /// Where to begin when there is no checkpoint. Logs that appear later are always read from their beginning.
    pub start: Start,
    /// About how many bytes of lines one poll hands out.
    pub chunk_bytes: usize,
    /// How long a line may be, if not as long as a chunk. A longer one is passed over, and that is a [`Note`].
    pub line_bytes_max: usize,
}

impl Config {
    /// Everything there is in these logs, by the megabyte, with lines of up to 64 MiB.
    pub fn new(patterns: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            patterns: patterns.into_iter().collect(),
            start: Start::Oldest,
            chunk_bytes: 1 << 20,
            line_bytes_max: auditward_event::DOCUMENT_BYTES_MAX,
        }
    }
}

/// Where to begin with a log of which nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest rotated file that is still there.
    #[default]
    Oldest,
    /// With the live file's first line.
    Live,
    /// Behind the live file's last line.
    End,
}

/// What a poll found.
#[derive(Debug)]
pub enum Polled<'t> {
    /// Whole lines of one file.
    Lines(Lines<'t>),
    /// Nothing for now: all logs are read to their ends.
    Idle,
}

/// Whole lines of one file, and how far all logs are read with them.
#[derive(Debug)]
pub struct Lines<'t> {
    /// The log's live file, whatever the name of the file is by now.
    pub log: &'t Path,
    /// The file's name when it was opened.
    pub file: PathBuf,
    /// Where in the file, unpacked, the first line begins.
    pub offset: u64,
    /// To be made durable with the lines, and to be given to [`Tailer::new`] next time.
    pub checkpoint: Vec<u8>,
    bytes: &'t [u8],
}

impl<'t> Lines<'t> {
    /// Each line without its end; empty ones are left out.
    pub fn iter(&self) -> impl Iterator<Item = &'t [u8]> + use<'t> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes);
        let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // What a crash or a cut left before it, and what editors of another system begin files with.
            let zeros = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
            line[zeros..].strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line[zeros..])
        });
        lines.filter(|line| !line.is_empty())
    }

    /// The bytes of all lines with their ends.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// The whole events on a line that is none: the last that an API server wrote before it crashed, or half of it, and the first
/// that it wrote after its start, are one line.
///
/// Those that the line begins with, and the one that it ends with. What stands between may be a part of a body.
pub fn whole_in(line: &[u8]) -> Vec<EventView<'_>> {
    const BEGIN: &[u8] = br#"{"kind":"Event","apiVersion":"audit.k8s.io/"#;
    /// In the body of an event may stand what looks like the beginning of one, but not often.
    const TRIES: usize = 16;
    let (mut found, mut rest) = (Vec::new(), line);
    while rest.starts_with(BEGIN)
        && let Ok((view, behind)) = EventView::parse_first(rest)
        && view.validate().is_ok()
    {
        found.push(view);
        rest = behind.trim_ascii_start();
    }
    let whole = |part| EventView::parse(part).ok().filter(|view: &EventView<'_>| view.validate().is_ok());
    let mut starts = memchr::memmem::rfind_iter(rest, BEGIN).filter(|start| *start > 0).take(TRIES);
    found.extend(starts.find_map(|start| whole(&rest[start..])));
    found
}

/// Something that an operator should know, and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file, by the name under which it was opened.
    pub file: PathBuf,
    /// Where in it, unpacked.
    pub offset: u64,
    /// What is the matter.
    pub trouble: Trouble,
}

/// What is the matter with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is over, and its last line has no end and is no whole document.
    Torn {
        /// How much of the line is there.
        bytes: u64,
    },
    /// A line was longer than may be, and was passed over. The offset is where the next line begins.
    TooLong {
        /// How long it was.
        bytes: u64,
    },
    /// It became shorter, or begins otherwise than it did. It is read from its beginning.
    Cut,
    /// It can't be unpacked from here on.
    Broken(String),
    /// It went away before it was read to its end. The offset is how far it was read.
    Gone,
    /// There are more logs than [`LOGS_MAX`].
    TooManyLogs,
}

impl Trouble {
    /// Whether one line was passed over.
    pub const fn is_a_line(&self) -> bool {
        matches!(self, Trouble::Torn { .. } | Trouble::TooLong { .. })
    }
}

impl Note {
    fn new(file: &Path, offset: u64, trouble: Trouble) -> Self {
        Note { file: file.to_owned(), offset, trouble }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Note { file, offset, trouble } = self;
        let file = file.display();
        match trouble {
            Trouble::Torn { bytes } => {
                write!(f, "{file}: the last line, at byte {offset}, is torn after {bytes} bytes")
            }
            Trouble::TooLong { bytes } => {
                write!(
                    f,
                    "{file}: a line of {bytes} bytes before byte {offset} is too long and was passed over"
                )
            }
            Trouble::Cut => {
                write!(f, "{file}: was cut after {offset} bytes were read; reading from its beginning")
            }
            Trouble::Broken(why) => write!(f, "{file}: can't be unpacked after byte {offset}: {why}"),
            Trouble::Gone => {
                write!(f, "{file}: a file of this log went away when {offset} bytes of it were read")
            }
            Trouble::TooManyLogs => write!(f, "{file}: not followed, there are {LOGS_MAX} logs already"),
        }
    }
}

/// Why a tailer can't go on for now, or can't begin. A failed poll changes nothing and can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A pattern could not be looked up.
    #[error("could not look for logs as `{}` says", pattern.display())]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The checkpoint is none.
    #[error("the checkpoint can't be used: {0}")]
    Checkpoint(String),
    /// A log could not be read.
    #[error("could not read the log `{}`", log.display())]
    Read {
        /// The log's live file.
        log: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How far a log is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<'t> {
    /// The log's live file.
    pub log: &'t Path,
    /// The file that is being read.
    pub file: Option<&'t Path>,
    /// Bytes that are there and were not handed out, as of the last look at the folder.
    pub unread_bytes: u64,
}

struct Limits {
    chunk_bytes: usize,
    line_bytes_max: usize,
}

/// Follows logs.
pub struct Tailer {
    patterns: Vec<PathBuf>,
    start: Option<Start>,
    limits: Limits,
    logs: Vec<Log>,
    /// Remembered of logs that no pattern stands for at the moment.
    others: BTreeMap<PathBuf, Place>,
    /// The log whose turn it is.
    turn: usize,
    buf: Vec<u8>,
    notes: Vec<Note>,
    /// Lines that were passed over and not asked about yet.
    passed_over: u64,
}

impl Tailer {
    /// A tailer that goes on where `checkpoint` says. No file is touched yet.
    pub fn new(config: Config, checkpoint: Option<&[u8]>) -> Result<Self, TailError> {
        let others = checkpoint.map(checkpoint::read).transpose().map_err(TailError::Checkpoint)?;
        for pattern in &config.patterns {
            if pattern.file_name().is_none_or(|name| name.to_str().is_none()) {
                let source = io::Error::new(io::ErrorKind::InvalidInput, "it names no file");
                return Err(TailError::Pattern { pattern: pattern.clone(), source });
            }
        }
        Ok(Self {
            patterns: config.patterns,
            start: others.is_none().then_some(config.start),
            limits: Limits {
                chunk_bytes: config.chunk_bytes.max(1),
                line_bytes_max: config.line_bytes_max.max(config.chunk_bytes),
            },
            logs: Vec::new(),
            others: others.unwrap_or_default(),
            turn: 0,
            buf: Vec::new(),
            notes: Vec::new(),
            passed_over: 0,
        })
    }

    /// Reads on. Logs take turns. One that can't be read is told when no other has lines.
    pub fn poll(&mut self) -> Result<Polled<'_>, TailError> {
        // A line that was very long must not be paid for ever after.
        self.buf.clear();
        self.buf.shrink_to(self.limits.chunk_bytes.saturating_mul(2));
        let mut failed = self.find_logs().err();
        for _ in 0..self.logs.len() {
            let turn = self.turn % self.logs.len();
            self.turn = turn + 1;
            let log = &mut self.logs[turn];
            let before = self.notes.len();
            let polled = log.poll(&mut self.buf, &self.limits, &mut self.notes);
            let lines = self.notes[before..].iter().filter(|note| note.trouble.is_a_line());
            self.passed_over += lines.count() as u64;
            self.notes.truncate(NOTES_MAX);
            match polled {
                Ok(None) => {}
                Ok(Some((file, offset))) => {
                    let checkpoint = self.checkpoint();
                    let log = &self.logs[turn].path;
                    return Ok(Polled::Lines(Lines { log, file, offset, checkpoint, bytes: &self.buf }));
                }
                Err(source) => {
                    let error = TailError::Read { log: log.path.clone(), source };
                    failed = failed.or(Some(error));
                }
            }
        }
        failed.map_or(Ok(Polled::Idle), Err)
    }

    /// How far all logs are read with what was handed out so far.
    pub fn checkpoint(&self) -> Vec<u8> {
        let others = self.others.iter().map(|(path, place)| (path.as_path(), place.clone()));
        checkpoint::write(others.chain(self.logs.iter().map(|log| (log.path.as_path(), log.place()))))
    }

    /// What should be known and was not told yet.
    pub fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// How many lines were passed over since the last time: torn ones and such as were too long. Each has a note, unless
    /// there were too many notes.
    pub fn passed_over(&mut self) -> u64 {
        std::mem::take(&mut self.passed_over)
    }

    /// How far each log is read.
    pub fn progress(&self) -> impl Iterator<Item = Progress<'_>> {
        self.logs.iter().map(|log| {
            let (file, unread_bytes) = log.progress();
            Progress { log: &log.path, file, unread_bytes }
        })
    }

    fn find_logs(&mut self) -> Result<(), TailError> {
        let first = self.logs.is_empty();
        let mut failed = None;
        for pattern in &self.patterns {
            let paths = match pattern::logs(pattern) {
                Ok(paths) => paths,
                Err(source) => {
                    failed = failed.or(Some(TailError::Pattern { pattern: pattern.clone(), source }));
                    continue;
                }
            };
            for path in paths {
                if self.logs.iter().any(|log| log.path == path) {
                    continue;
                }
                if self.logs.len() == LOGS_MAX {
                    self.notes.push(Note::new(&path, 0, Trouble::TooManyLogs));
                    self.notes.truncate(NOTES_MAX);
                    break;
                }
                let start = self.start.filter(|_| first);
                if let Some(log) = Log::new(&path, self.others.remove(&path), start) {
                    self.logs.push(log);
                }
            }
        }
        self.start = None;
        failed.map_or(Ok(()), Err)
    }
}
