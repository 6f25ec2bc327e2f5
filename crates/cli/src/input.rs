//! Files that a command is given; `-` is standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use auditward_policy::Policy;
use auditward_policy::read::{BYTES_MAX, FieldPath, Reading, Severity, read};

use crate::exit::Failure;
use crate::{output, snippet};

/// A whole file, at most `bytes_max` and one byte more, so that the reader can tell that it is too large.
pub(crate) fn whole(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let limit = bytes_max as u64 + 1;
    let result = if is_stdin(path) {
        io::stdin().lock().take(limit).read_to_end(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut text))
    };
    result.map_err(|error| Failure::reading(path, error))?;
    Ok(text)
}

/// A file to be read from front to back, with its size where it has one.
pub(crate) fn stream(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    const BUFFER: usize = 1 << 20;
    if is_stdin(path) {
        return Ok((Box::new(BufReader::with_capacity(BUFFER, io::stdin().lock())), None));
    }
    let open = || -> io::Result<_> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "this is a directory"));
        }
        Ok((file, metadata.len()))
    };
    let (file, size) = open().map_err(|error| Failure::reading(path, error))?;
    Ok((Box::new(BufReader::with_capacity(BUFFER, file)), Some(size)))
}

/// Refuses a command line that names standard input more than once: it can be read only once.
pub(crate) fn stdin_at_most_once<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<(), Failure> {
    match paths.into_iter().filter(|path| is_stdin(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::new("`-` is given more than once, and standard input can be read only once")),
    }
}

/// How a file is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// A policy file with everything that reading it gave.
pub(crate) struct PolicyFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Vec<u8>,
    pub(crate) reading: Reading,
    /// Where each line begins.
    line_starts: Vec<usize>,
}

impl PolicyFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self::of(path, whole(path, BYTES_MAX)?))
    }

    /// The same of a text that is at hand.
    pub(crate) fn of(path: &Path, text: Vec<u8>) -> Self {
        let reading = read(&text);
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Self { path: path.to_owned(), text, reading, line_starts }
    }

    pub(crate) fn name(&self) -> String {
        name(&self.path)
    }

    /// The policy; a refused one is explained on stderr.
    pub(crate) fn accepted(&self) -> Result<&Policy, Failure> {
        self.reading.policy.as_ref().ok_or_else(|| {
            for finding in self.reading.findings.iter().filter(|finding| finding.severity == Severity::Error)
            {
                output::talk(&snippet::render(&self.name(), &self.text, finding, false));
            }
            Failure::new(format!("kube-apiserver would refuse `{}`", self.name()))
        })
    }

    /// The line on which rule `index` begins, from 1.
    pub(crate) fn rule_line(&self, index: usize) -> usize {
        self.line(&FieldPath::rule(index))
    }

    /// The line of the field at `path`, from 1.
    pub(crate) fn line(&self, path: &FieldPath) -> usize {
        let start = self.reading.span(path).start;
        self.line_starts.partition_point(|line| *line <= start)
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
