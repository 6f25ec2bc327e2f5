//! Random writes, rotations, compressions, deletions and restarts against what was written: each line once.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Small, fast and the same everywhere: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn size(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap()
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

/// A reader that may die at any time, and what it had made durable by then.
struct Reader {
    random: Random,
    config: Config,
    tailer: Option<Tailer>,
    checkpoint: Option<Vec<u8>>,
    durable: Vec<u64>,
    /// Lines that were removed before they were durable: nobody can be blamed.
    lost: BTreeSet<u64>,
    notes: Vec<Note>,
}

impl Reader {
    /// Somewhere between two steps of the writer.
    fn maybe(&mut self, polls: u64) {
        for _ in 0..self.random.below(polls) {
            self.poll();
        }
        if self.random.one_in(12) {
            self.tailer = None;
        }
    }

    fn poll(&mut self) -> bool {
        let checkpoint = self.checkpoint.as_deref();
        let tailer = self.tailer.get_or_insert_with(|| Tailer::new(self.config.clone(), checkpoint).unwrap());
        let any = match tailer.poll().unwrap() {
            Polled::Idle => false,
            Polled::Lines(lines) => {
                if self.random.one_in(8) {
                    // Handed out, and never made durable.
                    self.tailer = None;
                    return true;
                }
                self.checkpoint = Some(lines.checkpoint.clone());
                self.durable.extend(lines.iter().map(number));
                true
            }
        };
        let notes = self.tailer.as_mut().map(Tailer::notes).unwrap_or_default();
        self.notes.extend(notes);
        any
    }

    fn removed(&mut self, bytes: &[u8]) {
        self.lost.extend(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(number));
    }
}

/// `{"n":7,"pad":"xxxx"}`
fn number(line: &[u8]) -> u64 {
    let text = std::str::from_utf8(line).unwrap();
    assert!(text.starts_with("{\"n\":") && text.ends_with("\"}"), "half a line: {text}");
    text[5..].split(',').next().unwrap().parse().unwrap()
}

struct World {
    clock_goes_back: bool,
    copies: bool,
}

fn check(seed: u64, world: &World) {
    let folder = Folder::new();
    let mut random = Random(seed);
    let mut writer = Lumberjack::new(&folder.0, 2000 + random.below(8000));
    writer.compress = random.one_in(2);
    writer.backups_max = if random.one_in(2) { 1 + random.size(6) } else { 0 };
    writer.clock = 40_000_000;
    let mut config = folder.config(if random.one_in(2) { "audit.log" } else { "*" });
    config.chunk_bytes = 1 + random.size(3000);
    let mut reader = Reader {
        random: Random(random.next()),
        config,
        tailer: None,
        checkpoint: None,
        durable: Vec::new(),
        lost: BTreeSet::new(),
        notes: Vec::new(),
    };
    let polls = 1 + random.below(6);
    let lines = 300;
    for n in 0..lines {
        writer.clock += random.below(5000);
        if world.clock_goes_back && random.one_in(30) {
            writer.clock -= random.below(writer.clock / 4);
        }
        let line = format!("{{\"n\":{n},\"pad\":\"{}\"}}\n", "x".repeat(random.size(600)));
        let halves = random.size(line.len() + 1);
        let mut between = |step: Step<'_>| {
            if let Step::Removed(lines) = step {
                reader.removed(lines);
            }
            reader.maybe(polls);
        };
        match random.below(100) {
            0..2 => writer.rotate(&mut between),
            2..4 => writer.close(),
            _ => {}
        }
        writer.write(line.as_bytes(), halves, &mut between);
        if world.copies && random.one_in(40) {
            // As logrotate does with `copytruncate`, while nobody writes.
            let names = |number: u64| {
                (
                    folder.path(&format!("audit.log.{number}")),
                    folder.path(&format!("audit.log.{}", number + 1)),
                )
            };
            for number in (1..40).rev() {
                let (from, to) = names(number);
                if from.exists() {
                    fs::rename(from, to).unwrap();
                    reader.maybe(polls);
                }
            }
            fs::copy(writer.live(), folder.path("audit.log.1")).unwrap();
            reader.maybe(polls);
            writer.close();
            File::options().write(true).open(writer.live()).unwrap().set_len(0).unwrap();
            reader.maybe(polls);
        }
    }
    let mut idle = 0;
    while idle < 6 {
        idle = if reader.poll() { 0 } else { idle + 1 };
    }
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for n in &reader.durable {
        *times.entry(*n).or_default() += 1;
    }
    for n in 0..lines {
        let times = times.get(&n).copied().unwrap_or(0);
        assert!(
            times == 1 || times == 0 && reader.lost.contains(&n),
            "seed {seed}: line {n} came {times} times"
        );
    }
    if !world.clock_goes_back && !world.copies {
        assert!(reader.durable.is_sorted(), "seed {seed}: out of order");
    }
    let torn = |note: &&Note| matches!(note.trouble, Trouble::Torn { .. } | Trouble::Broken(_));
    assert_eq!(reader.notes.iter().find(torn), None, "seed {seed}");
}

fn seeds() -> std::ops::Range<u64> {
    // `TAIL_SEEDS=0..100000 cargo test -p auditward-collect model`
    let range = std::env::var("TAIL_SEEDS").ok();
    let parse = |text: &str| text.parse().ok();
    let range = range.as_deref().and_then(|text| text.split_once(".."));
    range.and_then(|(from, to)| Some(parse(from)?..parse(to)?)).unwrap_or(0..15)
}

#[test]
fn each_line_once_whatever_happens() {
    seeds().for_each(|seed| check(seed, &World { clock_goes_back: false, copies: false }));
}

#[test]
fn each_line_once_with_a_clock_that_jumps() {
    seeds().for_each(|seed| check(seed, &World { clock_goes_back: true, copies: false }));
}

#[test]
fn each_line_once_with_copies() {
    seeds().for_each(|seed| check(seed, &World { clock_goes_back: false, copies: true }));
}
