//! How far logs were read, and the file in which that and the engine's memory is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward_base::{Digest, disk};
use auditward_detect::{Config, Engine, RuleSet};
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, context};
use crate::output::{self, count};

/// By path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) logs: BTreeMap<String, LogPlace>,
}

/// How far one log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogPlace {
    /// Where the first event starts that was not read, in bytes after decompression.
    pub(super) offset: u64,
    /// SHA-256 of the first event: of another log, one that was rotated to this name, nothing was read yet.
    pub(super) begins: String,
}

impl Place {
    /// How many logs are known; of more, those that come first by name go, which are the oldest of rotated ones.
    const LOGS_MAX: usize = 10_000;

    /// Where to read on in a log whose first event is this, under whatever name it was read before.
    pub(super) fn begin(&mut self, name: &str, first: &[u8]) -> u64 {
        let mut is = LogPlace::of(first);
        if let Some(known) = self.logs.values().find(|known| known.begins == is.begins) {
            is.offset = known.offset;
        }
        let offset = is.offset;
        self.logs.insert(name.to_owned(), is);
        while self.logs.len() > Self::LOGS_MAX {
            self.logs.pop_first();
        }
        offset
    }
}

impl LogPlace {
    /// Of a log whose first event is this.
    pub(super) fn of(first: &[u8]) -> Self {
        LogPlace { offset: 0, begins: Digest::of(first).to_string() }
    }
}

/// When a state is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Now,
    /// Every now and then.
    Sometimes,
}

/// The file that the state is written to.
pub(super) struct Saved {
    path: PathBuf,
    last: Instant,
}

impl Saved {
    /// What was done since the last time is done again after a crash.
    const INTERVAL: Duration = Duration::from_secs(10);

    pub(super) fn new(path: &Path) -> Self {
        Saved { path: path.to_owned(), last: Instant::now() }
    }

    pub(super) fn is_due(&self, when: When) -> bool {
        when == When::Now || self.last.elapsed() >= Self::INTERVAL
    }

    pub(super) fn write(&mut self, engine: &mut Engine, place: &Place) -> Result<(), Failure> {
        let place = serde_json::to_value(place)
            .map_err(context("could not write down how far the logs were read"))?;
        let fill = |out: &mut dyn std::io::Write| engine.save_to(&place, out);
        let written = if self.path.exists() {
            disk::replace_with(&self.path, fill)
        } else {
            // It names users and objects.
            disk::write_with(&self.path, disk::Access { mode: 0o600, owner: None }, fill)
        };
        self.last = Instant::now();
        written.map_err(|error| Failure::writing(&self.path, error))
    }
}

pub(super) fn restore(path: &Path, set: Arc<RuleSet>, config: Config) -> Result<(Engine, Place), Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| Failure::reading(path, error))?;
    let (engine, restored) = Engine::restore(set, config, &bytes).map_err(|error| {
        context(format!("could not go on from `{shown}`"))(error)
            .hint("move the file away to begin anew: baselines will have to be learnt again")
    })?;
    if !restored.dropped.is_empty() {
        let rules = count(restored.dropped.len() as u64, "rule");
        output::talk(&format!(
            "forgot what was remembered for {rules} that changed or are gone: {}",
            restored.dropped.join(", ")
        ));
    }
    let place = serde_json::from_value(restored.position)
        .map_err(context(format!("`{shown}` does not say how far logs were read")))?;
    Ok((engine, place))
}
