//! An audit log of this machine → intake. What is read is in the journal together with how far it was read.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use auditward_collect::redact::Redactor;
use auditward_collect::tail::{Config, Polled, Tailer};
use auditward_event::EventView;
use auditward_journal::{Checkpoint, Journal};

use super::intake::{EVENT_BYTES_MAX, Intake, Ready};
use super::worker::{self, Next};
use super::{Health, Metrics, Stop};
use crate::config::Log;
use crate::exit::{Failure, context};
use crate::output;

/// How long to wait at the end of a log.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Lines that are no events are said one by one up to here; all are counted.
const TOLD_MAX: u64 = 10;

struct Work {
    tailer: Tailer,
    intake: Intake,
    redactor: Redactor,
    cluster: String,
    source: String,
    metrics: Arc<Metrics>,
    /// Read, and not in the journal yet.
    pending: Option<(Ready, Checkpoint)>,
    told: u64,
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
        told: 0,
    };
    worker::start(&format!("log {}", log.path.display()), stop, health, work, Work::step, |_| Ok(()))
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
        let polled = self.tailer.poll().map_err(context("could not read on"))?;
        if let Polled::Lines(lines) = polled {
            let mut ready = Ready::default();
            for line in lines.iter() {
                match EventView::parse(line).and_then(|view| view.validate().map(|()| view)) {
                    Ok(view) => ready.push(&self.cluster, &view, &mut self.redactor),
                    Err(error) => {
                        self.metrics.broken.add(1);
                        self.told += 1;
                        if self.told <= TOLD_MAX {
                            output::talk(&format!(
                                "{}: a line that is no event: {error}",
                                lines.file.display()
                            ));
                        }
                    }
                }
            }
            let checkpoint = Checkpoint { source: self.source.clone(), value: lines.checkpoint };
            self.pending = Some((ready, checkpoint));
        }
        for note in self.tailer.notes() {
            output::talk(&note.to_string());
        }
        Ok(())
    }
}
