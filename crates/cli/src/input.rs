//! Files that a command is given; `-` is standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use auditward_policy::Policy;
use auditward_policy::read::{Reading, Severity, read};

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

/// How a file is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// A policy file with everything that reading it gave.
pub(crate) struct PolicyFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Vec<u8>,
    pub(crate) reading: Reading,
}

impl PolicyFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let text = whole(path, auditward_policy::read::BYTES_MAX)?;
        let reading = read(&text);
        Ok(Self { path: path.to_owned(), text, reading })
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
        self.line(&auditward_policy::read::FieldPath::rule(index))
    }

    /// The line of the field at `path`, from 1.
    pub(crate) fn line(&self, path: &auditward_policy::read::FieldPath) -> usize {
        auditward_policy::read::position(&self.text, self.reading.span(path).start).line
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
