//! Why an API server did not come up, and what its log says about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::command::CommandError;
use crate::program::ProgramError;

/// Why an API server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no program to start.
    #[error(transparent)]
    Program(#[from] &'static ProgramError),
    /// The server ended by itself: it refused its flags, its policy, its files.
    #[error("kube-apiserver refused to start: {reason}")]
    Refused {
        /// Its last words, as it would print them to an operator.
        reason: String,
        /// Its whole log.
        log: String,
    },
    /// It runs, but is not ready.
    #[error("{what} was not ready in time: {last}\n{log}")]
    NotReady {
        /// etcd or kube-apiserver.
        what: &'static str,
        /// The last answer to the question.
        last: String,
        /// The end of its log.
        log: String,
    },
    /// A helper program failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be written, a process not started.
    #[error("could not use `{}`", path.display())]
    Io {
        /// The file or the program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// The last words of a Kubernetes program that gave up: its `command failed` line, or cobra's `Error:` line.
pub(crate) fn last_words(log: &str) -> String {
    if let Some((_, after)) = log.rsplit_once("\"command failed\" err=") {
        return value(after);
    }
    log.lines()
        .rev()
        .find_map(|line| line.strip_prefix("Error: "))
        .or_else(|| log.lines().rev().find(|line| !line.trim().is_empty()))
        .unwrap_or("it said nothing")
        .to_owned()
}

/// A structured value as klog writes it: quoted on one line, or `<`, indented lines, ` >`.
fn value(text: &str) -> String {
    if let Some(lines) = text.strip_prefix("<\n") {
        let lines: Vec<_> = lines.lines().take_while(|line| *line != " >").collect();
        return lines.iter().map(|line| line.trim_start_matches('\t')).collect::<Vec<_>>().join("\n");
    }
    let Some(quoted) = text.strip_prefix('"') else {
        return text.lines().next().unwrap_or_default().to_owned();
    };
    let mut plain = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            None | Some('"') => return plain,
            Some('\\') => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => return plain,
            },
            Some(other) => plain.push(other),
        }
    }
}

/// The end of a log, for an error message.
pub(crate) fn tail(log: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_unquoted() {
        let log = "I1 Version\nE1124 00:33:06 24454 run.go:72] \"command failed\" err=\"level: \\\"X\\\"\"\n";
        assert_eq!(last_words(log), "level: \"X\"");
    }

    #[test]
    fn last_words_of_several_lines() {
        let log = "E1 run.go:72] \"command failed\" err=<\n\tfirst\n\tsecond\n >\n";
        assert_eq!(last_words(log), "first\nsecond");
    }

    #[test]
    fn a_flag_it_does_not_know() {
        assert_eq!(last_words("Error: unknown flag: --x\nUsage:\n  a\n"), "unknown flag: --x");
    }
}
