//! What a change did, written down before it is done, so that whoever comes after a crash can undo or finish it.
//!
//! ```text
//! /var/lib/auditward/backups/2026-11-24T10-41-19Z-enable/      0700
//!   journal.jsonl     {"began":{…}}  {"doing":{…}}  {"done":{"step":0}} …  "proven"  {"ended":{…}}
//!   0.before          what a file held before step 0, 0600
//!   1.before …
//! ```
//! A line is synced before what it announces is done, and a step's old content is synced before its line. So a journal that
//! was cut anywhere, by a full disk or a lost machine, tells of every step that may have been begun.
//!
//! Invariant: lines are only added. A journal without an `ended` is of a change that nobody finished.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use auditward_base::{Digest, disk};
use auditward_event::MicroTime;
use serde::{Deserialize, Serialize};

use crate::step::{RestartStep, Step};

/// The largest journal that is read, in bytes. One has a few kilobytes.
const BYTES_MAX: u64 = 4 << 20;

const FILE: &str = "journal.jsonl";

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Turning audit on, or setting how.
    Enable,
    /// Turning off what `enable` turned on.
    Disable,
    /// Putting a backup back.
    Rollback,
    /// Another policy.
    Policy,
}

impl Purpose {
    /// As commands and folders are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Rollback => "rollback",
            Self::Policy => "policy",
        }
    }
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// The first line.
    Began(Began),
    /// A step is about to be done.
    Doing(Step),
    /// The step of this number is done.
    Done(usize),
    /// The API server runs as it should: from here on the change is kept.
    Proven,
    /// The last line.
    Ended(Ended),
}

/// What is changed, and when it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// The form of the journal; 1.
    pub form: u32,
    /// What for.
    pub purpose: Purpose,
    /// When, RFC 3339.
    pub at: String,
    /// Which program, which version.
    pub by: String,
    /// What the change says of itself, a line.
    pub summary: String,
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When, RFC 3339.
    pub at: String,
    /// Whether what it did is still there.
    pub outcome: Outcome,
    /// Why it was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a change stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done and stayed.
    Kept,
    /// It was undone.
    RolledBack,
}

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or folder could not be used.
    #[error("could not use `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A whole line says nothing that we know.
    #[error("`{}`, line {line}: not a line of a journal: {what}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The old content that a step would put back is not what was saved.
    #[error("`{}` is not what was saved there: its digest is {found}, not {expected}", path.display())]
    Altered {
        /// The saved file.
        path: PathBuf,
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
}

impl JournalError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// A change's folder, open for writing.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    /// Begins the journal of a new change in a folder of its own.
    pub fn begin(
        backups: &Path,
        purpose: Purpose,
        at: MicroTime,
        summary: &str,
    ) -> Result<Self, JournalError> {
        let stamp = at.to_string();
        // `2026-11-24T10:41:19.123456Z`: to the second, and without colons, which some tools stumble over.
        let stamp = stamp.split('.').next().unwrap_or(&stamp).replace(':', "-");
        private_folder(backups)?;
        let (folder, first) = (backups.join(format!("{stamp}Z-{}", purpose.name())), 2..100);
        let others = first.map(|n| backups.join(format!("{stamp}Z-{}-{n}", purpose.name())));
        let mut folders = std::iter::once(folder).chain(others);
        let folder = loop {
            let Some(folder) = folders.next() else {
                return Err(JournalError::io(backups)(io::ErrorKind::AlreadyExists.into()));
            };
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => break folder,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(JournalError::io(&folder)(error)),
            }
        };
        let path = folder.join(FILE);
        let mut options = File::options();
        let file =
            options.create_new(true).append(true).mode(0o600).open(&path).map_err(JournalError::io(&path))?;
        let mut journal = Self { folder, file, lines: 0 };
        journal.write(&Entry::Began(Began {
            form: 1,
            purpose,
            at: at.to_string(),
            by: format!("auditward {}", env!("CARGO_PKG_VERSION")),
            summary: summary.to_owned(),
        }))?;
        disk::sync_folder(&journal.folder).map_err(JournalError::io(&journal.folder))?;
        disk::sync_folder(backups).map_err(JournalError::io(backups))?;
        Ok(journal)
    }

    /// Goes on with the journal of a change that nobody finished. A line that was cut is taken away first.
    pub fn resume(record: &Record) -> Result<Self, JournalError> {
        let path = record.folder.join(FILE);
        let file = File::options().append(true).open(&path).map_err(JournalError::io(&path))?;
        file.set_len(record.whole_bytes).map_err(JournalError::io(&path))?;
        Ok(Self { folder: record.folder.clone(), file, lines: record.entries.len() })
    }

    /// The change's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a line; it has reached the disk when this returns.
    pub fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let path = self.folder.join(FILE);
        let failed = JournalError::io(&path);
        let mut line = serde_json::to_string(entry).map_err(|error| failed(error.into()))?;
        line.push('\n');
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(JournalError::io(&path))?;
        self.lines += 1;
        failpoint(self.lines);
        Ok(())
    }

    /// Saves what a file held, to be put back; the name to be called by.
    pub fn save(&self, step: usize, text: &[u8]) -> Result<Saved, JournalError> {
        let file = format!("{step}.before");
        let path = self.folder.join(&file);
        let access = disk::Access { mode: 0o600, owner: None };
        disk::write(&path, text, access).map_err(JournalError::io(&path))?;
        Ok(Saved { file, digest: Digest::of(text).to_string() })
    }
}

/// What a file held before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The name of its copy in the change's folder.
    pub file: String,
    /// The copy's digest.
    pub digest: String,
}

/// A change that was recorded, by this process or by another.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its folder.
    pub folder: PathBuf,
    /// Its lines.
    pub entries: Vec<Entry>,
    /// So many bytes of the journal are whole lines.
    whole_bytes: u64,
}

/// What is left to do for a recorded change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// It was done, and only the last line is missing.
    Finish,
    /// It must be undone.
    Undo,
}

impl Record {
    /// Reads a change's folder.
    pub fn read(folder: &Path) -> Result<Self, JournalError> {
        use io::Read as _;
        let path = folder.join(FILE);
        let mut text = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(BYTES_MAX).read_to_end(&mut text))
            .map_err(JournalError::io(&path))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut entries = Vec::new();
        for (index, line) in text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let entry = serde_json::from_slice(line).map_err(|error| JournalError::Damaged {
                path: path.clone(),
                line: index + 1,
                what: error.to_string(),
            })?;
            entries.push(entry);
        }
        Ok(Self { folder: folder.to_owned(), entries, whole_bytes: whole as u64 })
    }

    /// All changes, the oldest first. A folder without a journal is none.
    pub fn all(backups: &Path) -> Result<Vec<Self>, JournalError> {
        let entries = match fs::read_dir(backups) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io(backups)(error)),
        };
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.retain(|folder| folder.join(FILE).is_file());
        // Names begin with the time, and of the same second a later one is longer.
        folders.sort_by_key(|folder| (folder.to_string_lossy().len(), folder.clone()));
        folders.sort_by_key(|folder| name_of(folder).get(..20).map(str::to_owned));
        folders.iter().map(|folder| Self::read(folder)).collect()
    }

    /// The name by which `rollback` takes it.
    pub fn name(&self) -> String {
        name_of(&self.folder)
    }

    /// How it began; none if it was cut before that, and then nothing was done.
    pub fn began(&self) -> Option<&Began> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Began(began) => Some(began),
            _ => None,
        })
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<&Ended> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Ended(ended) => Some(ended),
            _ => None,
        })
    }

    /// The unit that was restarted or may have been.
    pub fn restart(&self) -> Option<&RestartStep> {
        self.steps().into_iter().find_map(|step| match step {
            Step::Restart(restart) => Some(restart),
            _ => None,
        })
    }

    /// Every step that was done or may have been begun, in order.
    pub fn steps(&self) -> Vec<&Step> {
        let steps = self.entries.iter().filter_map(|entry| match entry {
            Entry::Doing(step) => Some(step),
            _ => None,
        });
        steps.collect()
    }

    /// Whether it was done and stayed.
    pub fn kept(&self) -> bool {
        self.ended().is_some_and(|ended| ended.outcome == Outcome::Kept)
    }

    /// What is left to do.
    pub fn left(&self) -> Left {
        if self.ended().is_some() {
            Left::Nothing
        } else if self.entries.contains(&Entry::Proven) {
            Left::Finish
        } else {
            Left::Undo
        }
    }

    /// The old content that was saved, once it is sure that it is that.
    pub fn saved(&self, saved: &Saved) -> Result<Vec<u8>, JournalError> {
        let path = self.folder.join(&saved.file);
        let text = fs::read(&path).map_err(JournalError::io(&path))?;
        let found = Digest::of(&text);
        match saved.digest.parse() {
            Ok(expected) if expected == found => Ok(text),
            Ok(expected) => Err(JournalError::Altered { path, expected, found }),
            Err(error) => Err(JournalError::Damaged { path, line: 1, what: error.to_string() }),
        }
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A folder for this user alone, with the folders above it.
fn private_folder(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(JournalError::io(path))
}

/// Tests end the process right after a line, as a crash would. Not there in a release.
#[cfg(debug_assertions)]
fn failpoint(lines: usize) {
    let wanted = std::env::var("AUDITWARD_CRASH_AFTER_LINE").ok();
    if wanted.and_then(|line| line.parse().ok()) == Some(lines) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
fn failpoint(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{FileStep, Role};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("auditward-journal-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&folder);
        folder
    }

    fn sample(backups: &Path) -> Journal {
        let at = MicroTime::from_micros(1_764_000_000_000_000);
        let mut journal = Journal::begin(backups, Purpose::Enable, at, "audit on").unwrap();
        let saved = journal.save(0, b"old").unwrap();
        let step = Step::File(FileStep {
            role: Role::Manifest,
            path: "/etc/kubernetes/manifests/kube-apiserver.yaml".into(),
            before: Some(saved),
            after: Some(Digest::of(b"new").to_string()),
            mode: None,
            owner: None,
            undo: None,
        });
        journal.write(&Entry::Doing(step)).unwrap();
        journal.write(&Entry::Done(0)).unwrap();
        journal.write(&Entry::Proven).unwrap();
        let at = at.to_string();
        journal.write(&Entry::Ended(Ended { at, outcome: Outcome::Kept, reason: None })).unwrap();
        journal
    }

    #[test]
    fn cut_at_any_byte_it_tells_of_every_step_that_may_have_been_begun() {
        let backups = folder("cut");
        let journal = sample(&backups);
        let path = journal.folder().join(FILE);
        let text = fs::read(&path).unwrap();
        let ends: Vec<usize> =
            text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
        assert_eq!(ends.len(), 5);
        for length in 0..=text.len() {
            fs::write(&path, &text[..length]).unwrap();
            let record = Record::read(journal.folder()).unwrap();
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(record.entries.len(), whole, "{length} bytes");
            // The line of a step is on the disk before the step is begun.
            assert_eq!(record.steps().len(), usize::from(whole >= 2));
            let left = match whole {
                0..=3 => Left::Undo,
                4 => Left::Finish,
                _ => Left::Nothing,
            };
            assert_eq!(record.left(), left, "{length} bytes");
            // What comes after can be read, whatever the cut line held.
            let mut resumed = Journal::resume(&record).unwrap();
            let at = String::new();
            let ended = Ended { at, outcome: Outcome::RolledBack, reason: Some("cut".to_owned()) };
            resumed.write(&Entry::Ended(ended)).unwrap();
            let again = Record::read(journal.folder()).unwrap();
            assert_eq!(again.entries.len(), whole + 1);
            assert_eq!(again.left(), Left::Nothing);
        }
        fs::remove_dir_all(&backups).unwrap();
    }

    #[test]
    fn folders_are_named_by_time_and_never_shared() {
        let backups = folder("names");
        let names: Vec<String> = (0..3).map(|_| name_of(sample(&backups).folder())).collect();
        let first = "2025-11-24T16-00-00Z-enable";
        assert_eq!(names, [first.to_owned(), format!("{first}-2"), format!("{first}-3")]);
        let all: Vec<String> = Record::all(&backups).unwrap().iter().map(Record::name).collect();
        assert_eq!(all, names);
        assert!(Record::all(&backups.join("none")).unwrap().is_empty());
        fs::remove_dir_all(&backups).unwrap();
    }

    #[test]
    fn what_was_saved_is_not_taken_on_trust() {
        let backups = folder("saved");
        let journal = sample(&backups);
        let record = Record::read(journal.folder()).unwrap();
        let [Step::File(step)] = record.steps()[..] else { panic!("{:?}", record.steps()) };
        let saved = step.before.clone().unwrap();
        assert_eq!(record.saved(&saved).unwrap(), b"old");
        fs::write(journal.folder().join(&saved.file), "odd").unwrap();
        assert!(matches!(record.saved(&saved), Err(JournalError::Altered { .. })));
        let mut text = fs::read(journal.folder().join(FILE)).unwrap();
        text[3] = b'!';
        fs::write(journal.folder().join(FILE), text).unwrap();
        assert!(matches!(Record::read(journal.folder()), Err(JournalError::Damaged { line: 1, .. })));
        fs::remove_dir_all(&backups).unwrap();
    }
}
