//! The store's whole life under a seed: events are kept, sealed, put together and removed when they are old, alerts are found
//! and triaged, while queries hold files, the disk fails or is full, files are damaged, the process dies and the power goes.
//! Whatever happens:
//!
//! - an event that the journal has let go is there once, as it was, unless retention may have removed it, or it was in a file
//!   that was damaged on purpose, which is told by name;
//! - an event that the journal still has is there once after the journal was read again from where the store says;
//! - a query reads to its end what it has begun with;
//! - an alert, and what was done about it, is there under the number that was told, and no number is told twice;
//! - a file that is whole is never set aside, and what failed leaves nothing behind.
//!
//! `AUDITWARD_SEED=7 cargo test -p auditward-store --test life` runs one seed again; `AUDITWARD_SEEDS=10000` runs more.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests stop at surprises and say where")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use auditward_base::disk::Disk;
use auditward_base::disk::faulty::{Dice, Faults, FaultyDisk, Loss};
use auditward_event::MicroTime;
use auditward_store::alerts::{AlertConfig, AlertError, AlertLog, NewAlert, Triage, TriageState};
use auditward_store::catalogue::Catalogue;
use auditward_store::columns::{Rebuilder, Row};
use auditward_store::segment::Reader;
use auditward_store::{AppendError, Config, Limits, Recovered, Retention, Snapshot, Store};

const FOLDER: &str = "/data/store";
const CATALOGUE: &str = "/data/store/catalogue";
/// All events of a kind as long as retention allows, and the third only so many bytes.
const CLUSTERS: [&str; 3] = ["prod", "small one/é", "bounded"];
const BOUNDED: usize = 2;
const BOUNDED_BYTES: u64 = 60_000;
const AGE: Duration = Duration::from_mins(1);
const ALERTS_MAX: usize = 12;
const LIVES: u64 = 5;

#[test]
fn nothing_is_lost_or_doubled_whatever_happens() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("AUDITWARD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AUDITWARD_SEEDS").unwrap_or(12),
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| World::new(seed).run()) {
            println!("failed with AUDITWARD_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

struct World {
    dice: Dice,
    faulty: FaultyDisk,
    disk: Arc<dyn Disk>,
    now: i64,
    /// All that ever came, by position.
    events: Vec<Event>,
    /// The journal has let go what is before.
    released: u64,
    /// A catalogue that was made anew may be behind that, where retention had removed what is between.
    is_behind: bool,
    /// The store has been given what is before.
    fed: u64,
    /// What happened before may have been removed.
    cutoff: i64,
    /// Of the cluster that has a bound, events before this position may have been removed.
    bounded: u64,
    /// Events that were in files that were damaged on purpose, and the names of those.
    broken: BTreeSet<u64>,
    damaged: BTreeSet<String>,
    /// What was told of alerts: the number, and the state if it is certain.
    told: BTreeMap<String, (u64, Option<TriageState>)>,
    numbers: BTreeMap<u64, String>,
    /// Alerts with lower numbers may have been removed.
    alerts_from: u64,
    /// What goes wrong in this life.
    faults: Faults,
    is_doomed: bool,
}

struct Event {
    cluster: usize,
    text: String,
    /// When it happened, at the latest.
    time: i64,
}

/// A file that was damaged, and the events that were in it.
type Harm = (String, BTreeSet<u64>);

/// A query that is under way.
struct Query {
    snapshot: Snapshot,
    seen: BTreeSet<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let faulty = FaultyDisk::new(seed);
        World {
            dice: Dice::new(seed ^ 0x0005_707e),
            disk: Arc::new(faulty.clone()),
            faulty,
            now: 1_000_000_000,
            events: Vec::new(),
            released: 0,
            is_behind: false,
            fed: 0,
            cutoff: i64::MIN,
            bounded: 0,
            broken: BTreeSet::new(),
            damaged: BTreeSet::new(),
            told: BTreeMap::new(),
            numbers: BTreeMap::new(),
            alerts_from: 0,
            faults: Faults::default(),
            is_doomed: false,
        }
    }

    fn run(mut self) {
        let (mut store, mut log) = self.begin(None);
        for _ in 0..LIVES {
            self.plan();
            let mut queries = Vec::new();
            // Some lives are over before anything was done.
            let steps = if self.dice.chance(200_000) { 0 } else { self.dice.below(24) };
            for _ in 0..steps {
                self.faulty.set_faults(self.faults.clone());
                self.step(&store, &log, &mut queries);
                self.faulty.set_faults(Faults::default());
                if !self.is_doomed {
                    self.check(&store);
                }
            }
            if !self.is_doomed && self.dice.chance(300_000) {
                // An orderly end.
                self.seal(&store);
            } else {
                // In the middle of something, as like as not.
                if !self.is_doomed && self.dice.chance(500_000) {
                    self.arrive();
                    self.feed(&store);
                    self.faulty.crash_after(self.dice.below(40));
                    self.is_doomed = true;
                    match self.dice.below(4) {
                        0 => _ = store.compact(),
                        1 => self.retain(&store, &log),
                        _ => self.seal(&store),
                    }
                }
                // Whoever is killed tidies nothing up.
                self.faulty.crash_after(0);
                _ = self.disk.list(Path::new(FOLDER));
            }
            drop((queries, store, log));
            let loss = if self.dice.chance(500_000) { Loss::Power } else { Loss::Process };
            self.faulty.restart(loss);
            let harm = self.harm();
            (store, log) = self.begin(harm);
        }
        self.end(&store, &log);
    }

    /// What will go wrong.
    fn plan(&mut self) {
        self.faults = Faults::default();
        self.is_doomed = false;
        match self.dice.below(4) {
            0 => {
                self.is_doomed = true;
                self.faulty.crash_after(self.dice.below(300));
            }
            1 => {
                self.faults.errors_per_million = 30_000;
                self.faults.sync_errors_per_million = 50_000;
            }
            2 => self.faults.capacity = Some(self.faulty.used() + self.dice.below(60_000)),
            _ => {}
        }
    }

    fn step(&mut self, store: &Store, log: &AlertLog, queries: &mut Vec<Query>) {
        match self.dice.below(12) {
            0..=3 => {
                self.arrive();
                self.feed(store);
                if self.dice.chance(700_000) {
                    self.seal(store);
                }
            }
            4 | 5 => _ = store.compact(),
            6 => self.retain(store, log),
            7 if !self.is_doomed => {
                self.faulty.set_faults(Faults::default());
                let snapshot = store.snapshot();
                let seen = self.read(&snapshot);
                queries.push(Query { snapshot, seen });
            }
            8 if !self.is_doomed && !queries.is_empty() => {
                let query = queries.swap_remove(self.dice.index(queries.len()));
                self.faulty.set_faults(Faults::default());
                assert_eq!(self.read(&query.snapshot), query.seen);
                // Its files may go now, if the disk likes.
                self.faulty.set_faults(self.faults.clone());
            }
            9 => {
                let snapshot = store.snapshot();
                let place = self.dice.index(snapshot.segments.len());
                if let Some(segment) = snapshot.segments.get(place) {
                    // It is whole.
                    let refused = store.suspect(segment).unwrap();
                    assert!(refused.is_none_or(|told| told.problem.contains("it cannot be read")
                        || told.problem.contains("and so is the catalogue")));
                }
            }
            _ => self.alert(log),
        }
    }

    fn arrive(&mut self) {
        for _ in 0..self.dice.below(12) {
            self.now += i64::try_from(self.dice.below(2_000_000)).unwrap();
            let position = self.events.len();
            // Some clocks are wrong, some events are late.
            let away = i64::try_from(self.dice.below(20_000_000)).unwrap() - 15_000_000;
            let time = MicroTime::from_micros(self.now + away);
            let text = format!(
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{position}","verb":"get","stageTimestamp":"{time}"}}"#
            );
            let time = time.as_micros().min(self.now);
            self.events.push(Event { cluster: self.dice.index(CLUSTERS.len()), text, time });
        }
    }

    fn feed(&mut self, store: &Store) {
        let first = usize::try_from(self.fed).unwrap();
        let row = |(event, position): (&'_ Event, u64)| {
            let (cluster, received) = (CLUSTERS[event.cluster], MicroTime::from_micros(self.now));
            (position, cluster, received, event.text.clone())
        };
        let owned: Vec<_> = self.events[first..].iter().zip(self.fed..).map(row).collect();
        let rows: Vec<Row<'_>> = owned
            .iter()
            .map(|(position, cluster, received, event)| Row {
                position: *position,
                cluster,
                received: *received,
                event: event.as_bytes(),
            })
            .collect();
        match store.append(&rows) {
            Ok(_) => self.fed = self.events.len() as u64,
            Err(AppendError::Full { rows }) => assert!(rows >= 80),
            Err(error) => panic!("{error}"),
        }
    }

    fn seal(&mut self, store: &Store) {
        if let Ok(Some(position)) = store.seal() {
            assert!((self.released..=self.fed).contains(&position));
            self.released = position;
            self.is_behind = false;
        }
    }

    fn retain(&mut self, store: &Store, log: &AlertLog) {
        self.now += i64::try_from(self.dice.below(20_000_000)).unwrap();
        self.cutoff = self.cutoff.max(self.now - i64::try_from(AGE.as_micros()).unwrap());
        self.bounded = self.bounded.max(self.fed);
        if store.retain(MicroTime::from_micros(self.now)).is_ok() {
            let left = store.status().clusters.get(CLUSTERS[BOUNDED]).map_or(0, |cluster| cluster.1);
            assert!(left <= BOUNDED_BYTES, "{left}");
        }
        let newest = self.told.values().map(|known| known.0).collect::<BTreeSet<_>>();
        self.alerts_from =
            self.alerts_from.max(newest.iter().rev().nth(ALERTS_MAX - 1).copied().unwrap_or(0));
        _ = log.retain(MicroTime::from_micros(self.now), u64::MAX);
        if !self.is_doomed {
            self.faulty.set_faults(Faults::default());
            let from = self.alerts_from;
            // What could not be removed may be gone nevertheless.
            let is_there = |id: &str| log.get(id).is_ok_and(|found| found.is_some());
            self.told.retain(|id, known| known.0 >= from || is_there(id));
        }
    }

    fn alert(&mut self, log: &AlertLog) {
        let names: Vec<String> =
            (0..self.dice.below(4)).map(|_| format!("id{}", self.dice.below(60))).collect();
        let new = |id| NewAlert {
            id,
            time: MicroTime::from_micros(self.now),
            rule: "rule",
            severity: "high",
            cluster: "prod",
            json: r#"{"title":"é","n":[1]}"#,
        };
        let alerts: Vec<NewAlert<'_>> = names.iter().map(|id| new(id.as_str())).collect();
        if let Ok(numbers) = log.append(&alerts) {
            for (id, number) in names.into_iter().zip(numbers) {
                let known = self.told.get(&id).filter(|known| known.0 >= self.alerts_from);
                assert!(known.is_none_or(|known| known.0 == number), "{id}: {known:?}, {number}");
                self.number(number, &id);
                let before = self.told.get(&id).filter(|known| known.0 == number).copied();
                self.told.insert(id, before.unwrap_or((number, Some(TriageState::Open))));
            }
        }
        let id = format!("id{}", self.dice.below(60));
        let state = TriageState::ALL[self.dice.index(3)];
        match log.triage(&id, &Triage { state, ..Triage::default() }) {
            Ok(alert) => {
                let known = self.told.get_mut(&id).unwrap();
                assert_eq!((alert.seq, alert.state()), (known.0, state));
                known.1 = Some(state);
            }
            // If the process dies now, it may be there nevertheless.
            Err(AlertError::Io { .. }) => _ = self.told.get_mut(&id).map(|known| known.1 = None),
            Err(_) => assert!(self.told.get(&id).is_none_or(|known| known.0 < self.alerts_from)),
        }
    }

    /// A number that was told is told of one alert only.
    fn number(&mut self, number: u64, id: &str) {
        let before = self.numbers.entry(number).or_insert_with(|| id.to_owned());
        assert_eq!(before, id, "{number}");
    }

    /// All that was given to the store is there, once.
    fn check(&mut self, store: &Store) {
        // What the disk refuses is left out until it is given again.
        assert_eq!(store.verify().unwrap(), []);
        let snapshot = store.snapshot();
        assert!(snapshot.position == self.fed || self.is_behind);
        let seen = self.read(&snapshot);
        for position in 0..self.fed {
            assert!(seen.contains(&position) || self.may_be_gone(position), "{position} is lost");
        }
        let status = store.status();
        let set_aside: BTreeSet<String> = status.damaged.into_iter().map(|damage| damage.file).collect();
        assert!(set_aside.is_subset(&self.damaged), "{set_aside:?}");
    }

    fn may_be_gone(&self, position: u64) -> bool {
        let event = &self.events[usize::try_from(position).unwrap()];
        event.time < self.cutoff
            || self.broken.contains(&position)
            || event.cluster == BOUNDED && position < self.bounded
    }

    /// The positions of all rows, each there once and as it came, in order of time in each file.
    fn read(&self, snapshot: &Snapshot) -> BTreeSet<u64> {
        let mut seen = BTreeSet::new();
        for segment in &snapshot.segments {
            let mut rows = 0;
            let mut last = i64::MIN;
            for batch in segment.read(100).unwrap() {
                let batch = batch.unwrap();
                for time in batch["time"].as_primitive::<TimestampMicrosecondType>().values() {
                    assert!(last <= *time);
                    last = *time;
                }
                rows += batch.num_rows() as u64;
                self.take(&batch, &mut seen);
            }
            assert_eq!(rows, segment.meta.rows);
        }
        for batch in &snapshot.fresh {
            self.take(batch, &mut seen);
        }
        seen
    }

    fn take(&self, batch: &RecordBatch, seen: &mut BTreeSet<u64>) {
        let rebuilder = Rebuilder::new(batch).unwrap();
        let clusters = batch["cluster"].as_string_view();
        let mut text = Vec::new();
        for (row, position) in positions(batch).into_iter().enumerate() {
            assert!(seen.insert(position), "{position} is there twice");
            let event = &self.events[usize::try_from(position).unwrap()];
            text.clear();
            rebuilder.rebuild(row, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), event.text);
            assert_eq!(clusters.value(row), CLUSTERS[event.cluster]);
        }
    }

    /// Damages a file, perhaps.
    fn harm(&mut self) -> Option<Harm> {
        let files = self.disk.list(Path::new(FOLDER)).unwrap();
        let is_catalogue_there = files.iter().any(|file| file.name == "catalogue");
        let bit = 1 << self.dice.below(8);
        match self.dice.below(8) {
            0..=2 if is_catalogue_there => {
                let path = PathBuf::from(CATALOGUE);
                let bytes = self.disk.read(&path, u64::MAX).unwrap().len() as u64;
                if self.dice.chance(300_000) {
                    self.disk.remove(&path).unwrap();
                } else {
                    assert!(self.faulty.flip(&path, self.dice.below(bytes - 1), bit));
                }
                self.damaged.insert("catalogue".to_owned());
                Some(("catalogue".to_owned(), BTreeSet::new()))
            }
            3 if is_catalogue_there => {
                let events: Vec<_> = files.iter().filter(|file| file.name.ends_with(".parquet")).collect();
                let file = events.get(self.dice.index(events.len()))?;
                let path = Path::new(FOLDER).join(&file.name);
                let text = self.disk.read(&path, u64::MAX).unwrap();
                // It may have been damaged before, and be there again because the power went.
                let batches = Reader::new(bytes::Bytes::from(text), 100).ok()?;
                let rows = batches.flat_map(|batch| positions(&batch.unwrap())).collect();
                assert!(self.faulty.flip(&path, self.dice.below(file.bytes), bit));
                self.damaged.insert(file.name.clone());
                Some((file.name.clone(), rows))
            }
            _ => None,
        }
    }

    /// Opens the store and the log, sees what is in there, and gives the store what is behind its position.
    fn begin(&mut self, harm: Option<Harm>) -> (Store, AlertLog) {
        self.is_behind |= harm.as_ref().is_some_and(|(name, _)| name == "catalogue");
        // Opening may be hit as well, and is done again.
        while self.dice.chance(300_000) {
            if self.dice.chance(500_000) {
                self.faulty.crash_after(self.dice.below(30));
            } else {
                self.faulty.set_faults(Faults { errors_per_million: 100_000, ..Faults::default() });
            }
            let opened = (self.open(), AlertLog::open(Arc::clone(&self.disk), alert_config()));
            self.faulty.crash_after(0);
            _ = self.disk.list(Path::new(FOLDER));
            drop(opened);
            self.faulty.restart(if self.dice.chance(500_000) { Loss::Power } else { Loss::Process });
        }
        let catalogue = self.disk.read(Path::new(CATALOGUE), u64::MAX).unwrap_or_default();
        // With a catalogue that is whole, a full disk is no reason not to open.
        if Catalogue::read(&catalogue).is_ok() && self.dice.chance(200_000) {
            self.faulty.set_faults(Faults { capacity: Some(self.faulty.used()), ..Faults::default() });
        }
        let (store, recovered) = self.open().unwrap();
        let (log, _) = AlertLog::open(Arc::clone(&self.disk), alert_config()).unwrap();
        self.see_alerts(&log, false);
        self.faulty.set_faults(Faults::default());
        log.append(&[]).unwrap();
        self.see_alerts(&log, true);

        self.is_behind &= recovered.position < self.released;
        assert!(self.is_behind || recovered.position >= self.released, "{recovered:?}, {}", self.released);
        let mut told: Vec<_> = recovered.damaged;
        told.extend(store.verify().unwrap());
        let told: BTreeSet<String> = told.into_iter().map(|damage| damage.file).collect();
        assert!(told.is_subset(&self.damaged), "{told:?}");
        self.released = self.released.max(recovered.position);
        let seen = self.read(&store.snapshot());
        // Whatever is missing is told.
        if let Some((name, rows)) = harm {
            let is_there = |row: &u64| *row >= self.released || seen.contains(row) || self.may_be_gone(*row);
            assert!(told.contains(&name) || rows.iter().all(is_there), "{name}");
            self.broken.extend(rows);
        }
        self.fed = self.released;
        for position in 0..self.fed {
            assert!(seen.contains(&position) || self.may_be_gone(position), "{position} is lost");
        }
        // Who reads the journal from the store's position on doubles nothing.
        self.feed(&store);
        while self.fed < self.events.len() as u64 {
            self.seal(&store);
            self.feed(&store);
        }
        self.check(&store);
        (store, log)
    }

    fn open(&self) -> Result<(Store, Recovered), auditward_store::OpenError> {
        Store::open(Arc::clone(&self.disk), config())
    }

    /// What was told of alerts is true. What else is there counts as told from now on, if it is `safe`.
    fn see_alerts(&mut self, log: &AlertLog, safe: bool) {
        let alerts = log.after(0, usize::MAX).unwrap();
        let ids: BTreeSet<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
        assert_eq!(ids.len(), alerts.len());
        assert!(alerts.is_sorted_by(|a, b| a.seq < b.seq));
        let last = log.status().last;
        for (id, (number, state)) in &self.told {
            assert!(*number <= last);
            let Some(found) = log.get(id).unwrap() else {
                assert!(*number < self.alerts_from, "{id} is lost");
                continue;
            };
            if found.seq != *number {
                assert!(*number < self.alerts_from && *number < found.seq, "{id}");
                continue;
            }
            assert!(state.is_none_or(|state| state == found.state()), "{id}");
        }
        if safe {
            self.told.clear();
            for alert in alerts {
                self.number(alert.seq, &alert.id);
                let state = alert.state();
                self.told.insert(alert.id, (alert.seq, Some(state)));
            }
        }
    }

    /// With a disk that is well nothing is left of what went wrong, and in the end of nothing at all.
    fn end(&mut self, store: &Store, log: &AlertLog) {
        self.faults = Faults::default();
        self.is_doomed = false;
        self.arrive();
        self.feed(store);
        store.seal().unwrap();
        store.compact().unwrap();
        self.check(store);
        self.alert(log);
        let files = || -> BTreeSet<String> {
            let all = self.disk.list(Path::new(FOLDER)).unwrap().into_iter().map(|file| file.name);
            all.filter(|name| !name.ends_with(".damaged")).collect()
        };
        let mut named: BTreeSet<String> =
            store.snapshot().segments.iter().map(|segment| segment.meta.file.clone()).collect();
        named.extend(files().take("spare"));
        named.insert("catalogue".to_owned());
        assert_eq!(files(), named);
        store.retain(MicroTime::MAX).unwrap();
        assert_eq!(files(), BTreeSet::from(["catalogue".to_owned(), "spare".to_owned()]));
        assert_eq!(store.status().rows, 0);
    }
}

fn config() -> Config {
    let limits = |age, bytes| Limits { age, bytes };
    Config {
        fresh_events_max: 40,
        target_bytes: 80_000,
        retention: Retention {
            others: limits(Some(AGE), None),
            clusters: BTreeMap::from([(
                CLUSTERS[BOUNDED].to_owned(),
                limits(Some(AGE), Some(BOUNDED_BYTES)),
            )]),
        },
        ..Config::new(FOLDER)
    }
}

fn alert_config() -> AlertConfig {
    AlertConfig { file_bytes: 600, alerts_max: ALERTS_MAX, ..AlertConfig::new("/data/alerts") }
}

fn positions(batch: &RecordBatch) -> Vec<u64> {
    batch["position"].as_primitive::<UInt64Type>().values().to_vec()
}
