//! Runs a program to its end and keeps what it said, for the error message.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that could not be run, or that ended with a failure.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{command}` {outcome}{}", indented(.stderr))]
pub struct CommandError {
    /// The program and its arguments.
    pub command: String,
    /// How it ended, or why it could not be run.
    pub outcome: String,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// What the program wrote to standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, CommandError> {
    run_with_input(command, "")
}

/// The same with `input` as the program's standard input.
///
/// The input is written in one piece before anything is read, so it must fit where the program reads it all before
/// it answers, as `kubectl apply -f -` does.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<String, CommandError> {
    let shown = show(command);
    let failed = |outcome: String| CommandError {
        command: shown.clone(),
        outcome,
        stdout: String::new(),
        stderr: String::new(),
    };
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| failed(format!("could not be run: {e}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| failed(format!("could not be waited for: {e}")))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(CommandError { stdout, stderr, ..failed(format!("ended with {}", output.status)) })
}

/// Copies a program that is to be run from there.
///
/// A file cannot be run while anybody has it open for writing, and what we write ourselves every child that another
/// thread is just starting has open too, until it becomes its program. So a program of its own does the writing.
///
/// # Errors
///
/// What `cp` said.
pub fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), CommandError> {
    run(Command::new("cp").arg(from.as_ref()).arg(to.as_ref())).map(drop)
}

fn show(command: &Command) -> String {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(shown, " {}", argument.to_string_lossy());
    }
    shown
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "\n    " + line)
}
