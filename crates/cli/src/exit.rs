//! What a command's end means: one place that knows exit codes and prints the last error.

use std::error::Error;
use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

/// How a command ended. Every command uses these codes and says in its help what 1 means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and nothing was found that the command looks for.
    Fine,
    /// 1: done, and something was found: a refused policy, a difference, a lint finding.
    Found,
    /// 2: wrong usage, or something could not be read or written.
    Trouble,
    /// 3: done, and the answer is that it can't be told.
    Unsure,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Found => 1,
            Exit::Trouble => 2,
            Exit::Unsure => 3,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    what: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
}

impl Failure {
    /// Something that is wrong by itself.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None, hint: None }
    }

    /// A file that could not be read.
    pub fn reading(path: &Path, source: std::io::Error) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new(format!("could not read `{}`", path.display())) }
    }

    /// A file that could not be written.
    pub fn writing(path: &Path, source: std::io::Error) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new(format!("could not write `{}`", path.display())) }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What went wrong and why, in one line.
    pub(crate) fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            line.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        line
    }

    /// Says on stderr what went wrong, why, and what to do.
    pub(crate) fn print(&self) {
        crate::output::talk(&format!("error: {}", self.chain()));
        if let Some(hint) = &self.hint {
            crate::output::talk(&format!("hint: {hint}"));
        }
    }
}

impl From<std::io::Error> for Failure {
    /// Only standard output is written without naming it.
    fn from(source: std::io::Error) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new("could not write to standard output") }
    }
}

/// Adds what was being tried to an error.
pub(crate) fn context<E: Error + Send + Sync + 'static>(what: impl Display) -> impl FnOnce(E) -> Failure {
    let what = what.to_string();
    move |source| Failure { what, source: Some(Box::new(source)), hint: None }
}
