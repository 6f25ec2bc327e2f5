//! Random appends, readers, restarts and faults, under a seed, against what must be true whatever happens:
//!
//! - every acknowledged event is there once, with its text, in the order in which it was taken;
//! - of an append that failed, events may be there, once, and then count as known;
//! - a checkpoint is the last acknowledged one or one that was tried after it, and never ahead of its events;
//! - a reader sees the same event at the same position, for ever;
//! - what was broken on purpose is reported, and nothing else is lost.
//!
//! `AUDITWARD_SEED=7 cargo test -p auditward-journal --test model` runs one seed again; `AUDITWARD_SEEDS=10000` runs more.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests stop at surprises and say where")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auditward_base::disk::Disk as _;
use auditward_base::disk::faulty::{Dice, Faults, FaultyDisk, Loss};
use auditward_journal::{
    Append, AppendError, Checkpoint, Config, Damage, Entry, Journal, Key, OpenError, ReadError, Recovered,
};

const FOLDER: &str = "/data/journal";
const SOURCES: [&str; 3] = ["log", "webhook/one", "agent/é"];
const READERS: [&str; 2] = ["detect", "store"];
const STEPS: u64 = 80;

/// Runs every seed, or the one that is asked for; a failure says which.
fn seeds(many: u64, check: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let range = match number("AUDITWARD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AUDITWARD_SEEDS").unwrap_or(many),
    };
    for seed in range {
        if let Err(panic) = std::panic::catch_unwind(|| check(seed)) {
            println!("failed with AUDITWARD_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    seeds(400, |seed| World::new(seed).run());
}

#[test]
fn what_is_broken_is_reported_and_nothing_else_is_lost() {
    seeds(400, |seed| World::new(seed).run_and_break());
}

/// What the journal may and must hold.
struct World {
    dice: Dice,
    disk: FaultyDisk,
    config: Config,
    journal: Option<Journal>,
    /// The text of every event that was ever tried.
    texts: HashMap<Key, Vec<u8>>,
    acknowledged: HashSet<Key>,
    /// Those that were acknowledged at the first try, in that order.
    taken: Vec<Key>,
    /// What each source may be at: first the one that was acknowledged, then those that were tried since.
    checkpoints: BTreeMap<&'static str, Vec<Option<Vec<u8>>>>,
    /// What each reader got.
    seen: BTreeMap<&'static str, BTreeMap<u64, Key>>,
    released: BTreeMap<&'static str, u64>,
    /// Where the journal has been.
    next: u64,
    made: u64,
    damage: Vec<Damage>,
    broken: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let config = Config {
            file_bytes: 200 + dice.below(4000),
            bytes_max: 1 << 20,
            keys_max: 100,
            free_min: 0,
            ..Config::new(FOLDER)
        };
        let disk = FaultyDisk::new(dice.roll());
        let mut world = Self {
            dice,
            disk,
            config,
            journal: None,
            texts: HashMap::new(),
            acknowledged: HashSet::new(),
            taken: Vec::new(),
            checkpoints: SOURCES.into_iter().map(|source| (source, vec![None])).collect(),
            seen: READERS.into_iter().map(|name| (name, BTreeMap::new())).collect(),
            released: READERS.into_iter().map(|name| (name, 0)).collect(),
            next: 0,
            made: 0,
            damage: Vec::new(),
            broken: false,
        };
        world.open();
        world
    }

    fn run(mut self) {
        let gentle = self.dice.chance(300_000);
        for _ in 0..STEPS {
            match self.dice.below(100) {
                0..50 => self.append(),
                50..70 => self.read(),
                70..80 => self.release(),
                80..85 => self.restart(),
                85..90 if !gentle => self.disk.crash_after(self.dice.below(30)),
                90..95 if !gentle => self.misbehave(),
                95..97 => self.disk.set_faults(Faults::default()),
                _ => self.append(),
            }
            if self.disk.is_down() {
                self.restart();
            }
        }
        self.restart();
        self.read_all();
        assert_eq!(self.damage, []);
        self.compare(&BTreeSet::new());
    }

    /// Writes, breaks a byte or a few, and looks at what is said of it.
    fn run_and_break(mut self) {
        // So that all is there to compare: what was removed cannot break.
        for _ in 0..STEPS / 2 {
            match self.dice.below(20) {
                0 => self.restart(),
                1..4 => self.read(),
                _ => self.append(),
            }
        }
        for seen in self.seen.values_mut() {
            seen.clear();
        }
        let clean = self.dice.chance(500_000);
        if clean {
            self.journal = None;
        }
        self.broken = true;
        let files = self.disk.list(Path::new(FOLDER)).unwrap();
        let flips = 1 + self.dice.below(3);
        for _ in 0..flips {
            let file = &files[self.dice.index(files.len())];
            let bits = 1 << self.dice.below(8);
            assert!(self.disk.flip(&path(&file.name), self.dice.below(file.bytes), bits));
        }
        let way = if self.dice.chance(500_000) { Loss::Power } else { Loss::Process };
        let recovered = self.restart_now(way);
        self.damage.extend(recovered.damage);
        self.read_all();
        let mut lost: BTreeSet<u64> = self.damage.iter().flat_map(|damage| damage.lost.clone()).collect();
        if recovered.cut_bytes > 0 {
            // The last append has nobody to vouch for it until there is another or the journal is closed.
            // The frame that vouches for all of a closed journal has nobody to vouch for itself, nor anything to lose.
            assert!(!clean || flips > 1 || recovered.next == self.next);
            lost.extend(recovered.next..self.next);
        }
        self.compare(&lost);
        // What is lost is taken when it comes again.
        let missing: Vec<Key> = self.missing();
        for key in missing {
            let entry = Entry { cluster: "c", key, event: &self.texts[&key] };
            let journal = self.journal.as_ref().unwrap();
            let append = Append { entries: vec![entry], checkpoints: Vec::new() };
            let window = self.taken.len() - self.taken.iter().position(|taken| *taken == key).unwrap();
            let taken = journal.append(append).unwrap().taken;
            assert!(taken == 1 || window > 100, "a lost event is called known");
        }
    }

    fn missing(&self) -> Vec<Key> {
        let there: HashSet<Key> = self.seen[READERS[0]].values().copied().collect();
        self.taken.iter().copied().filter(|key| !there.contains(key)).collect()
    }

    fn append(&mut self) {
        let mut keys = Vec::new();
        let mut first_try = HashSet::new();
        for _ in 0..self.dice.below(5) {
            let again = self.dice.chance(200_000) && !self.texts.is_empty();
            // Near enough to be in the window.
            let number = if again { self.made - self.dice.below(self.made.min(30)) } else { self.made + 1 };
            self.made = self.made.max(number);
            let mut key = [0; 16];
            key[4..12].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            // Now and then long enough to be packed.
            let longest = if self.dice.chance(100_000) { 4000 } else { 200 };
            let length = self.dice.index(longest);
            self.texts.entry(key).or_insert_with(|| {
                first_try.insert(key);
                format!("{number}:{}", "x".repeat(length)).into_bytes()
            });
            keys.push(key);
        }
        let source = SOURCES[self.dice.index(SOURCES.len())];
        let mut checkpoints = Vec::new();
        if self.dice.chance(400_000) {
            let value = self.dice.roll().to_le_bytes().to_vec();
            checkpoints.push(Checkpoint { source: source.to_owned(), value: value.clone() });
            self.checkpoints.get_mut(source).unwrap().push(Some(value));
        }
        let tried = !checkpoints.is_empty();
        let entries =
            keys.iter().map(|key| Entry { cluster: "c", key: *key, event: &self.texts[key] }).collect();
        let count = keys.len();
        let known = keys.iter().filter(|key| self.acknowledged.contains(*key)).count();
        match self.journal.as_ref().unwrap().append(Append { entries, checkpoints }) {
            Ok(done) => {
                assert_eq!(done.taken + done.repeated, count);
                assert!(done.repeated >= known, "an acknowledged event was taken again");
                assert!(done.next >= self.next);
                self.next = done.next;
                for key in keys {
                    if self.acknowledged.insert(key) && first_try.contains(&key) {
                        self.taken.push(key);
                    }
                }
                if tried {
                    let values = self.checkpoints.get_mut(source).unwrap();
                    values.drain(..values.len() - 1);
                    let there = self.journal.as_ref().unwrap().checkpoint(source);
                    assert_eq!(there, values[0]);
                }
            }
            Err(AppendError::Full { .. } | AppendError::Io { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn misbehave(&mut self) {
        let chance = |dice: &mut Dice, most| u32::try_from(dice.below(most)).unwrap();
        let capacity = self.disk.used() + self.dice.below(3000);
        self.disk.set_faults(Faults {
            errors_per_million: chance(&mut self.dice, 100_000),
            sync_errors_per_million: chance(&mut self.dice, 500_000),
            capacity: self.dice.chance(500_000).then_some(capacity),
        });
    }

    fn restart(&mut self) {
        let loss = if self.dice.chance(500_000) { Loss::Power } else { Loss::Process };
        if self.dice.chance(200_000) {
            // In peace.
            self.journal = None;
        }
        self.restart_now(loss);
    }

    fn restart_now(&mut self, loss: Loss) -> Recovered {
        // Its last words go to a machine that is gone.
        self.disk.crash_after(0);
        _ = self.disk.free(Path::new(FOLDER));
        self.journal = None;
        self.disk.restart(loss);
        // Restarting has its accidents, too.
        while !self.broken && self.dice.chance(300_000) {
            self.disk.crash_after(self.dice.below(40));
            match Journal::open(Arc::new(self.disk.clone()), self.config.clone()) {
                Ok((journal, _)) => {
                    self.disk.crash_after(0);
                    _ = self.disk.free(Path::new(FOLDER));
                    drop(journal);
                }
                Err(OpenError::Io { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            self.disk.restart(if self.dice.chance(500_000) { Loss::Power } else { Loss::Process });
        }
        self.open()
    }

    fn open(&mut self) -> Recovered {
        let (journal, recovered) = Journal::open(Arc::new(self.disk.clone()), self.config.clone()).unwrap();
        self.journal = Some(journal);
        if self.broken {
            return recovered;
        }
        assert_eq!(recovered.damage, []);
        assert!(recovered.next >= self.next, "{} after {}", recovered.next, self.next);
        self.next = recovered.next;
        for source in SOURCES {
            let there = recovered.checkpoints.get(source).cloned();
            let values = self.checkpoints.get_mut(source).unwrap();
            assert!(values.contains(&there), "{source} is at {there:?}, not any of {values:?}");
            *values = vec![there];
        }
        for (name, released) in &self.released {
            let told = recovered.readers.get(*name).copied().unwrap_or(0);
            assert!(told <= *released, "{name} released {told}, or rather {released}");
        }
        // Both must be known before one of them releases.
        for (name, released) in &self.released {
            self.journal.as_ref().unwrap().reader(name, *released);
        }
        recovered
    }

    fn read(&mut self) {
        let name = READERS[self.dice.index(READERS.len())];
        let journal = self.journal.clone().unwrap();
        let from = self.seen[name].last_key_value().map_or(self.released[name], |(position, _)| position + 1);
        let from = from.saturating_sub(self.dice.below(4)).max(self.released[name]);
        let mut reader = journal.reader(name, from);
        for _ in 0..self.dice.below(4) {
            let events_max = self.dice.index(10);
            let bytes_max = self.dice.index(1000);
            match reader.next(events_max, bytes_max, Duration::ZERO) {
                Ok(None) => break,
                Ok(Some(records)) => {
                    assert!(!records.is_empty() && records.len() <= events_max.max(1));
                    assert_eq!(records.end(), reader.position());
                    self.note(name, records.iter().map(|record| (record.position, record.key, record.event)));
                }
                Err(ReadError::Io { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn note<'a>(&mut self, name: &'static str, records: impl Iterator<Item = (u64, Key, &'a [u8])>) {
        let seen = self.seen.get_mut(name).unwrap();
        for (position, key, event) in records {
            assert_eq!(self.texts[&key], event);
            let before = seen.insert(position, key);
            assert!(before.is_none_or(|before| before == key), "{position} was another event once");
        }
    }

    fn release(&mut self) {
        let name = READERS[self.dice.index(READERS.len())];
        let Some((last, _)) = self.seen[name].last_key_value() else { return };
        let position = (last + 1).saturating_sub(self.dice.below(5)).max(self.released[name]);
        self.released.insert(name, position);
        self.journal.as_ref().unwrap().release(name, position);
    }

    fn read_all(&mut self) {
        let journal = self.journal.clone().unwrap();
        for name in READERS {
            let from =
                self.seen[name].last_key_value().map_or(self.released[name], |(position, _)| position + 1);
            let mut reader = journal.reader(name, from);
            loop {
                match reader.next(7, 3000, Duration::ZERO) {
                    Ok(None) => break,
                    Ok(Some(records)) => {
                        self.note(
                            name,
                            records.iter().map(|record| (record.position, record.key, record.event)),
                        );
                    }
                    Err(ReadError::Damaged(damage)) if self.broken => self.damage.push(damage),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }

    /// What readers got is what was acknowledged, but for positions that are known to be lost.
    fn compare(&self, lost: &BTreeSet<u64>) {
        for seen in self.seen.values() {
            let all: Vec<Key> = seen.values().copied().collect();
            let unique: HashSet<Key> = all.iter().copied().collect();
            assert_eq!(all.len(), unique.len(), "an event is there twice");
            let missing = self.acknowledged.iter().filter(|key| !unique.contains(*key)).count();
            assert!(missing <= lost.len(), "{missing} events are missing and {} are reported", lost.len());
            let there = seen.keys().find(|position| lost.contains(*position));
            assert_eq!(there, None, "it is there and reported lost");
            let places: HashMap<Key, u64> = seen.iter().map(|(position, key)| (*key, *position)).collect();
            let order: Vec<u64> = self.taken.iter().filter_map(|key| places.get(key).copied()).collect();
            assert!(order.is_sorted(), "events are not in the order of their acknowledgements");
        }
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}
