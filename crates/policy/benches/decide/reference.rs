//! `k8s.io/apiserver`'s evaluator, in a Go program that runs beside us and is told when it is its turn.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use auditward_event::Stage;
use auditward_policy::{Attributes, Evaluator};

use crate::workload::Workload;

pub(crate) struct Reference {
    program: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    /// Builds and starts the program; `None`, with the reason told, where that cannot be done.
    pub(crate) fn start(workload: &Workload) -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference");
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let binary = scratch.join("reference");
        let built =
            Command::new("go").args(["build", "-o"]).arg(&binary).arg(".").current_dir(source).status();
        match built {
            Ok(status) if status.success() => {}
            Ok(_) => {
                eprintln!(
                    "skipped: the Go side, which does not build (it needs Go 1.26 and, once, the network)"
                );
                return None;
            }
            Err(error) => {
                eprintln!("skipped: the Go side, since `go` could not be started: {error}");
                return None;
            }
        }
        let file = scratch.join("workload.json");
        fs::write(&file, workload.to_json().to_string()).unwrap();
        let mut program =
            Command::new(binary).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(program.stdout.take().unwrap());
        Some(Self { commands: program.stdin.take(), program, answers })
    }

    /// Stops the run where one of the two decides a request otherwise than the other.
    pub(crate) fn assert_agrees(
        &mut self,
        index: usize,
        name: &str,
        ours: &Evaluator,
        requests: &[Attributes<'_>],
    ) {
        let answer = self.ask(&format!("decisions {index} 0"));
        let mut theirs = answer.split_whitespace();
        for request in requests {
            let decision = ours.decide(request);
            let bits: u8 = Stage::ALL
                .into_iter()
                .zip([1, 2, 4, 8])
                .filter(|(stage, _)| decision.omit_stages.contains(*stage))
                .map(|(_, bit)| bit)
                .sum();
            let managed = u8::from(decision.omit_managed_fields);
            let ours = format!("{}/{bits}/{managed}", decision.level.as_str());
            assert_eq!(Some(ours.as_str()), theirs.next(), "{name}: {request}");
        }
        assert_eq!(theirs.next(), None, "{name}: more answers than requests");
    }

    /// How long so many passes over a contest's requests take there.
    pub(crate) fn measure(&mut self, index: usize, passes: u32) -> Duration {
        Duration::from_nanos(self.ask(&format!("time {index} {passes}")).trim().parse().unwrap())
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the Go side has ended at `{command}`");
        answer
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.commands.take());
        _ = self.program.wait();
    }
}
