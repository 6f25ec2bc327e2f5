//! An audit log of this machine → intake. What is read is in the journal together with how far it was read.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use auditward_collect::redact::Redactor;
use auditward_collect::tail::{Config, Polled, Tailer, whole_in};
use auditward_event::EventView;
use auditward_journal::{Checkpoint, Journal};

use super::intake::{EVENT_BYTES_MAX, Intake, Ready};
use super::sparing::Sparing;
use super::worker::{self, Next};
use super::{Health, Metrics, Stop};
use crate::config::Log;
use crate::exit::{Failure, context};
use crate::output;

/// How long to wait at the end of a log.
const LOOK_EVERY: Duration = Duration::from_millis(100);

struct Work {
    tailer: Tailer,
    intake: Intake,
    redactor: Redactor,
    cluster: String,
    source: String,
    metrics: Arc<Metrics>,
    /// Read, and not in the journal yet.
    pending: Option<(Ready, Checkpoint)>,
    /// Words about lines that are no events.
    sparing: Sparing,
}

/// Starts the worker of one log.
pub(super) fn start(
    log: &Log,
    journal: &Journal,
    intake: &Intake,
    metrics: &Arc<Metrics>,
    stop: &Stop,
    health: &Health,
) -> Result<JoinHandle<()>, Failure> {
    let path = std::path::absolute(&log.path)
        .map_err(context(format!("could not tell where `{}` is", log.path.display())))?;
    let source = format!("tail/{}/{}", log.cluster, path.display());
    let config = Config { line_bytes_max: EVENT_BYTES_MAX, ..Config::new([path]) };
    let checkpoint = journal.checkpoint(&source);
    let tailer = Tailer::new(config, checkpoint.as_deref())
        .map_err(context(format!("could not follow `{}`", log.path.display())))?;
    let work = Work {
        tailer,
        intake: intake.clone(),
        redactor: intake.redactor(),
        cluster: log.cluster.clone(),
        source,
        metrics: metrics.clone(),
        pending: None,
        sparing: Sparing::default(),
    };
    let finish = |work: &mut Work| {
        work.tell_last();
        Ok(())
    };
    worker::start(&format!("log {}", log.path.display()), stop, health, work, Work::step, finish)
}

impl Work {
    fn step(&mut self) -> Result<Next, Failure> {
        if self.pending.is_none() {
            self.read()?;
        }
        let Some((ready, checkpoint)) = &self.pending else { return Ok(Next::After(LOOK_EVERY)) };
        self.intake
            .append("log", &self.cluster, ready, Some(checkpoint.clone()))
            .map_err(context("could not take in what was read"))?;
        self.pending = None;
        Ok(Next::Now)
    }

    fn read(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        let failed = match self.tailer.poll() {
            Ok(Polled::Lines(lines)) => {
                let mut ready = Ready::default();
                for line in lines.iter() {
                    match EventView::parse(line).and_then(|view| view.validate().map(|()| view)) {
                        Ok(view) => ready.push(&self.cluster, &view, &mut self.redactor),
                        Err(error) => {
                            for view in whole_in(line) {
                                ready.push(&self.cluster, &view, &mut self.redactor);
                            }
                            self.metrics.broken.add(1);
                            if self.sparing.tells(now, 1) {
                                let file = lines.file.display();
                                output::talk(&format!("{file}: a line that is no event: {error}"));
                            }
                        }
                    }
                }
                let checkpoint = Checkpoint { source: self.source.clone(), value: lines.checkpoint };
                self.pending = Some((ready, checkpoint));
                None
            }
            Ok(Polled::Idle) => None,
            Err(error) => Some(error),
        };
        self.tell_notes();
        let rest = self.sparing.rest(now);
        self.tell_rest(rest);
        failed.map_or(Ok(()), |error| Err(context("could not read on")(error)))
    }

    /// Lines that never came to us are counted as well: nothing is passed over without a trace.
    fn tell_notes(&mut self) {
        let (notes, lines) = (self.tailer.notes(), self.tailer.passed_over());
        self.metrics.broken.add(lines);
        for note in &notes {
            output::talk(&note.to_string());
        }
        let told = notes.iter().filter(|note| note.trouble.is_a_line()).count() as u64;
        self.tell_rest(lines.checked_sub(told).filter(|more| *more > 0));
    }

    fn tell_rest(&self, more: Option<u64>) {
        if let Some(more) = more {
            output::talk(&format!("{}: and {more} more lines were passed over", self.source));
        }
    }

    fn tell_last(&mut self) {
        let rest = self.sparing.end();
        self.tell_rest(rest);
    }
}
