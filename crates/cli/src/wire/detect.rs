//! Journal → rules → alert log.
//!
//! An engine a cluster, each with its memory in a file of its own, which says up to which event it has looked. After a crash
//! the events since are looked at again; alerts found twice have the same id, and the alert log takes each once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use auditward_base::{Digest, clock, disk};
use auditward_detect::{Alert, Batch, Config, Engine, Matcher, Order, RuleSet};
use auditward_event::{EventView, MicroTime};
use auditward_journal::{Journal, Reader, Records};
use auditward_store::alerts::{AlertLog, NewAlert};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::rules::Tally;
use super::worker::{self, Next};
use super::{Folder, Health, Metrics, Stop};
use crate::commands::detect::falco_json;
use crate::exit::{Failure, context};
use crate::output::{self, count};

/// The name under which the journal knows this reader.
pub(super) const READER: &str = "detect";

/// What is looked at in one go.
const EVENTS_MAX: usize = 2048;
const BYTES_MAX: usize = 4 << 20;

/// How long to wait for an event before the clock is looked at.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often memories are written down. What came since is looked at again after a crash.
const SAVE_EVERY: Duration = Duration::from_secs(15);

/// How many clusters have an engine; a name that comes after that is a mistake or an attack, and is said.
const CLUSTERS_MAX: usize = 256;

/// The rules that are to be used from now on, for whoever reloads them.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    wanted: Arc<Mutex<Arc<RuleSet>>>,
}

impl Rules {
    pub(crate) fn new(set: Arc<RuleSet>) -> Self {
        Rules { wanted: Arc::new(Mutex::new(set)) }
    }

    pub(crate) fn set(&self) -> Arc<RuleSet> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every engine goes on with these, and with what it remembers for rules that stay.
    pub(crate) fn replace(&self, set: Arc<RuleSet>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = set;
    }
}

/// What engines remember from an earlier life.
pub(crate) struct Memories {
    folder: PathBuf,
    lateness: Duration,
    set: Arc<RuleSet>,
    clusters: BTreeMap<String, Cluster>,
}

/// What the worker is given.
pub(crate) struct Parts<'p> {
    pub(crate) journal: &'p Journal,
    pub(crate) alerts: AlertLog,
    pub(crate) rules: Rules,
    pub(crate) memories: Memories,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tally: Tally,
    /// Told when there are new alerts.
    pub(crate) wake: Box<dyn Fn() + Send>,
}

struct Work {
    journal: Journal,
    reader: Reader,
    alerts: AlertLog,
    rules: Rules,
    metrics: Arc<Metrics>,
    tally: Tally,
    wake: Box<dyn Fn() + Send>,
    memories: Memories,
    /// The first event that was not looked at.
    position: u64,
    /// The same when memories were last written.
    saved: u64,
    saved_at: Instant,
    /// Found, and not in the alert log yet.
    found: Vec<Alert>,
}

/// The engine of a cluster.
struct Cluster {
    engine: Engine,
    matcher: Matcher,
    /// Events before this one it has seen in an earlier life.
    from: u64,
    /// Alerts that were left out as repetitions, by rule, as far as they are tallied.
    suppressed: Vec<u64>,
}

/// What the alert log keeps: the alert, and as one more key how Falco would say it, which only the engine knows.
#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    alert: &'a Alert,
    #[serde(skip_serializing_if = "Option::is_none")]
    falco: Option<Map<String, Value>>,
}

/// Starts the worker.
pub(crate) fn start(
    parts: Parts<'_>,
    stop: &Stop,
    health: &Health,
) -> Result<std::thread::JoinHandle<()>, Failure> {
    // Clusters may be at different places, when a crash came between writing the one and the other.
    let froms = parts.memories.clusters.values().map(|cluster| cluster.from);
    let from = froms.min().unwrap_or(0).max(parts.journal.status().oldest);
    let work = Work {
        journal: parts.journal.clone(),
        reader: parts.journal.reader(READER, from),
        alerts: parts.alerts,
        rules: parts.rules,
        metrics: parts.metrics,
        tally: parts.tally,
        wake: parts.wake,
        memories: parts.memories,
        position: from,
        saved: from,
        saved_at: Instant::now(),
        found: Vec::new(),
    };
    worker::start(READER, stop, health, work, Work::step, Work::save)
}

impl Work {
    fn step(&mut self) -> Result<Next, Failure> {
        self.tell()?;
        self.memories.change_rules(&self.rules.set())?;
        let records = self
            .reader
            .next(EVENTS_MAX, BYTES_MAX, PATIENCE)
            .map_err(context("could not read the journal"))?;
        match records {
            Some(records) => self.look(&records),
            None => {
                let now = MicroTime::from_micros(clock::micros(clock::now()));
                for cluster in self.memories.clusters.values_mut() {
                    cluster.engine.tick(now, &mut self.found);
                }
            }
        }
        self.tell()?;
        if self.position != self.saved && self.saved_at.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        Ok(Next::Now)
    }

    fn look(&mut self, records: &Records) {
        let mut batches: BTreeMap<&str, Batch> = BTreeMap::new();
        for record in records.iter() {
            let Some(cluster) = self.memories.cluster(record.cluster) else {
                self.metrics.unwatched.add(1);
                continue;
            };
            if record.position < cluster.from {
                continue;
            }
            // It was read once already.
            if let Ok(view) = EventView::parse(record.event) {
                cluster.matcher.look(&view, batches.entry(record.cluster).or_default());
            }
        }
        self.position = records.end();
        for (name, mut batch) in batches {
            let Some(cluster) = self.memories.cluster(name) else { continue };
            self.metrics.looked_at.add(batch.len() as u64);
            cluster.engine.absorb(&mut batch, &mut self.found);
            cluster.tally(&self.tally);
        }
    }

    /// Alerts are on disk before anything else happens to them.
    fn tell(&mut self) -> Result<(), Failure> {
        if self.found.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = self.found.iter().map(|alert| self.memories.json(alert)).collect();
        let new = self.found.iter().zip(&texts).map(|(alert, json)| NewAlert {
            id: &alert.id,
            time: MicroTime::parse_rfc3339(&alert.time).unwrap_or(MicroTime::from_micros(0)),
            rule: &alert.rule,
            severity: alert.severity.as_str(),
            cluster: &alert.cluster,
            json,
        });
        let before = self.alerts.status().last;
        let numbers = self
            .alerts
            .append(&new.collect::<Vec<_>>())
            .map_err(context("could not write alerts to the alert log"))?;
        // One that was found again after a restart has the number that it was given then.
        for (alert, number) in self.found.drain(..).zip(numbers) {
            if number > before {
                self.metrics.alerts.add(1);
                self.tally.alert(&alert);
            }
        }
        (self.wake)();
        Ok(())
    }

    /// Writes down what each engine remembers; then the journal may let go of what they have seen.
    fn save(&mut self) -> Result<(), Failure> {
        self.tell()?;
        self.memories.write(self.position)?;
        self.journal.release(READER, self.position);
        self.saved = self.position;
        self.saved_at = Instant::now();
        Ok(())
    }
}

impl Cluster {
    fn new(engine: Engine, from: u64) -> Self {
        Cluster { matcher: engine.matcher(), suppressed: vec![0; engine.set().rules().len()], engine, from }
    }

    fn tally(&mut self, tally: &Tally) {
        let now = &self.engine.counters().suppressed;
        for ((rule, now), before) in self.engine.set().rules().iter().zip(now).zip(&mut self.suppressed) {
            if *now > *before {
                tally.suppressed(&rule.id, *now - *before);
                *before = *now;
            }
        }
    }
}

impl Memories {
    /// Reads what was written down. A file that cannot be used is put aside and said, and its cluster learns anew.
    pub(crate) fn read(folder: &Folder, set: &Arc<RuleSet>, lateness: Duration) -> Result<Self, Failure> {
        let folder = folder.room("detect")?;
        let mut memories = Memories { folder, lateness, set: set.clone(), clusters: BTreeMap::new() };
        let reading = |error| Failure::reading(&memories.folder, error);
        let entries = std::fs::read_dir(&memories.folder).map_err(reading)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
        for path in paths.map_err(reading)? {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| Failure::reading(&path, error))?;
            match memories.restore(&bytes) {
                Ok((name, cluster)) => {
                    memories.clusters.insert(name, cluster);
                }
                Err(failure) => {
                    let aside = path.with_extension("json.unreadable");
                    std::fs::rename(&path, &aside).map_err(|error| Failure::writing(&aside, error))?;
                    output::talk(&format!(
                        "detect: {}; baselines are learnt anew, the file is now `{}`",
                        failure.chain(),
                        aside.display()
                    ));
                }
            }
        }
        Ok(memories)
    }

    /// Beyond all events that were looked at.
    pub(crate) fn next(&self) -> u64 {
        self.clusters.values().map(|cluster| cluster.from).max().unwrap_or(0)
    }

    /// The cluster of that name; one more if there may be. A name that comes after so many is a mistake or an attack.
    fn cluster(&mut self, name: &str) -> Option<&mut Cluster> {
        if !self.clusters.contains_key(name) {
            if self.clusters.len() >= CLUSTERS_MAX {
                return None;
            }
            let engine = Engine::new(self.set.clone(), self.config(name));
            self.clusters.insert(name.to_owned(), Cluster::new(engine, 0));
        }
        self.clusters.get_mut(name)
    }

    fn config(&self, cluster: &str) -> Config {
        Config {
            cluster: cluster.to_owned(),
            lateness: self.lateness,
            order: Order::AtOnce,
            ..Config::default()
        }
    }

    /// [`Kept`], as JSON.
    fn json(&self, alert: &Alert) -> String {
        let rule = self.set.rule(&alert.rule);
        let kept = Kept { alert, falco: rule.map(|rule| falco_json(rule, alert)) };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    fn write(&mut self, position: u64) -> Result<(), Failure> {
        for (name, cluster) in &mut self.clusters {
            let next = position.max(cluster.from);
            let place = json!({ "cluster": name, "next": next });
            let path = self.folder.join(file_name(name));
            let access = disk::Access { mode: 0o600, owner: None };
            disk::write_with(&path, access, |out| cluster.engine.save_to(&place, out))
                .map_err(|error| Failure::writing(&path, error))?;
        }
        Ok(())
    }

    fn restore(&self, bytes: &[u8]) -> Result<(String, Cluster), Failure> {
        #[derive(Deserialize)]
        struct Saved {
            position: Position,
        }
        #[derive(Deserialize)]
        struct Position {
            cluster: String,
            next: u64,
        }
        let Saved { position } =
            serde_json::from_slice(bytes).map_err(context("could not tell whose memory it is"))?;
        let config = self.config(&position.cluster);
        let (engine, restored) = Engine::restore(self.set.clone(), config, bytes)
            .map_err(context("could not go on from what was remembered"))?;
        if !restored.dropped.is_empty() {
            let rules = count(restored.dropped.len() as u64, "rule");
            output::talk(&format!(
                "detect: {}: forgot what was remembered for {rules} that changed or are gone",
                position.cluster
            ));
        }
        Ok((position.cluster, Cluster::new(engine, position.next)))
    }

    /// Other rules, from the next event on; what is remembered for rules that stay is kept.
    fn change_rules(&mut self, wanted: &Arc<RuleSet>) -> Result<(), Failure> {
        if Arc::ptr_eq(wanted, &self.set) {
            return Ok(());
        }
        let mut changed = BTreeMap::new();
        for (name, cluster) in &mut self.clusters {
            let config = Config {
                cluster: name.clone(),
                lateness: self.lateness,
                order: Order::AtOnce,
                ..Config::default()
            };
            let bytes = cluster.engine.save(&Value::Null);
            let (engine, _) = Engine::restore(wanted.clone(), config, &bytes)
                .map_err(context("could not hand what was remembered to the new rules"))?;
            changed.insert(name.clone(), Cluster::new(engine, cluster.from));
        }
        self.clusters = changed;
        self.set = wanted.clone();
        Ok(())
    }
}

/// A cluster's name may hold anything that a path may hold; its file's name not.
fn file_name(cluster: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !cluster.is_empty() && cluster.len() <= 63 && cluster.chars().all(plain) {
        return format!("{cluster}.json");
    }
    format!("{}.json", Digest::of(cluster.as_bytes()).to_string().replace(':', "-"))
}
