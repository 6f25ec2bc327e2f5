//! The real kubectl, as one user of one cluster.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{self, CommandError};
use crate::program::Program;

/// kubectl with the kubeconfig of one user.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(program: &Program, kubeconfig: PathBuf) -> Self {
        Self { program: program.path("kubectl"), kubeconfig }
    }

    /// Runs it to its end: what it wrote to standard output, or an error with what it wrote to standard error.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String, CommandError> {
        command::run(self.command().args(arguments))
    }

    /// `kubectl apply -f -` of these YAML documents.
    pub fn apply(&self, documents: &str) -> Result<String, CommandError> {
        self.run_with_input(&["apply", "-f", "-"], documents)
    }

    /// Runs it with `input` as its standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: &[S], input: &str) -> Result<String, CommandError> {
        command::run_with_input(self.command().args(args), input)
    }

    /// The command, for what [`Kubectl::run`] does not do: a watch in the background, other streams.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig);
        // Discovery answers are cached by server address, and our addresses are used again by other servers.
        command.env("KUBECACHEDIR", self.kubeconfig.with_extension("cache"));
        command
    }

    /// The user's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}
