//! Clients that ask an API server all the time, and count what came of it: who would notice a restart?
//!
//! They are client-go's (see `../hyperkube/ask`), each with a connection of its own, about twenty requests a second.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::command::{self, CommandError};
use crate::lifeline;
use crate::program::{Program, ProgramError};

/// Clients that are asking now. Dropping them ends them.
#[derive(Debug)]
pub struct Asking {
    clients: Vec<Child>,
}

/// What came of all the requests of all clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Lists. client-go tries them again when a connection breaks.
    pub reads: u64,
    /// Objects created, though not really (`dryRun`). client-go does not try them again when a connection breaks: they
    /// might have been done.
    pub writes: u64,
    /// Requests that were sent more than once, as often as they were.
    pub second_tries: u64,
    /// Reads that failed in spite of that.
    pub reads_failed: u64,
    /// Writes that failed.
    pub writes_failed: u64,
    /// How long the slowest request took, with all its tries.
    pub slowest: Duration,
    /// The first failures in client-go's words.
    pub failures: Vec<String>,
}

/// Why clients could not be started, or what they had counted is not known.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no program to start.
    #[error(transparent)]
    Program(#[from] &'static ProgramError),
    /// It was not to be started or waited for.
    #[error("could not run `ask`")]
    Io(#[from] io::Error),
    /// It could not be told to end.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It ended before it was told to.
    #[error("`ask` ended by itself: {0}")]
    Ended(String),
}

impl Asking {
    /// Lets so many clients ask as the user of this kubeconfig.
    pub fn start(kubeconfig: &Path, clients: usize) -> Result<Self, AskError> {
        let program = Program::get()?;
        let mut asking = Self { clients: Vec::new() };
        for _ in 0..clients {
            let mut command = program.command("ask");
            command.arg(kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped());
            asking.clients.push(lifeline::attach(&mut command).spawn()?);
        }
        Ok(asking)
    }

    /// Lets them end what they have begun, and adds up what they counted.
    pub fn end(mut self) -> Result<Asked, AskError> {
        let clients = std::mem::take(&mut self.clients);
        let mut all = Asked::default();
        for mut client in clients {
            // Its lifeline is closed by waiting for it.
            let lifeline = client.stdin.take();
            command::run(Command::new("kill").args(["-TERM", &client.id().to_string()]))?;
            let output = client.wait_with_output()?;
            drop(lifeline);
            if !output.status.success() {
                return Err(AskError::Ended(String::from_utf8_lossy(&output.stderr).into_owned()));
            }
            all.add(&String::from_utf8_lossy(&output.stdout));
        }
        Ok(all)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        for client in &mut self.clients {
            let _ = client.kill();
            let _ = client.wait();
        }
    }
}

impl Asked {
    fn add(&mut self, printed: &str) {
        for (name, value) in printed.lines().filter_map(|line| line.split_once(' ')) {
            let number = value.parse().unwrap_or(0);
            match name {
                "reads" => self.reads += number,
                "writes" => self.writes += number,
                "second-tries" => self.second_tries += number,
                "reads-failed" => self.reads_failed += number,
                "writes-failed" => self.writes_failed += number,
                "slowest-ms" => self.slowest = self.slowest.max(Duration::from_millis(number)),
                _ => self.failures.push(value.to_owned()),
            }
        }
    }
}
