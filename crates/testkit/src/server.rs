//! A server of ours, as a process.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::command;

/// How long it may take to say something.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `auditward serve`; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    said: Receiver<String>,
}

impl Server {
    /// Starts it and waits until it says where it listens. What it says on stdout goes nowhere.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (to, said) = channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stderr).lines().map_while(Result::ok);
                // When nobody listens any more it is still read, so that the server does not wait.
                lines.for_each(|line| _ = to.send(line));
            });
        }
        let mut server = Server { child, url: String::new(), said };
        let line = server.says("listening on ")?;
        let url = line.strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        url.ok_or_else(|| io::Error::other(format!("no address in `{line}`")))?.clone_into(&mut server.url);
        Ok(server)
    }

    /// Where it listens: `http://127.0.0.1:40001`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// The next line on stderr that has this in it.
    pub fn says(&self, part: &str) -> io::Result<String> {
        let end = Instant::now() + PATIENCE;
        let mut all = String::new();
        while let Ok(line) = self.said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return Ok(line);
            }
            all += &line;
            all.push('\n');
        }
        Err(io::Error::other(format!("`{part}` was not said, but\n{all}")))
    }

    /// kill -9.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// SIGTERM. How it ended, and what it said that nobody has asked for.
    pub fn stop(mut self) -> io::Result<(ExitStatus, String)> {
        let told = command::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        told.map_err(io::Error::other)?;
        let ended = self.child.wait()?;
        Ok((ended, self.said.iter().collect::<Vec<_>>().join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
