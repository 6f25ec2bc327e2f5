//! Many threads on one journal, on a disk that fails now and then; and a process that is killed.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditward_base::disk::faulty::{Dice, Faults, FaultyDisk, Loss};
use auditward_base::disk::{Disk, OsDisk};
use auditward_journal::{Append, Checkpoint, Config, Entry, Journal, Key};

const THREADS: u64 = 8;
const APPENDS: u64 = 150;
/// For what comes when it comes; a test that waits so long has failed.
const LONG: Duration = Duration::from_mins(1);

fn key(thread: u64, number: u64) -> Key {
    (u128::from(thread) << 64 | u128::from(number)).to_le_bytes()
}

fn append(journal: &Journal, thread: u64, number: u64) -> bool {
    let text = format!("{thread}/{number}");
    let entries = [0, 1].map(|half| Entry {
        cluster: "c",
        key: key(thread, number * 2 + half),
        event: text.as_bytes(),
    });
    let value = number.to_le_bytes().to_vec();
    let checkpoints = vec![Checkpoint { source: thread.to_string(), value }];
    journal.append(Append { entries: entries.to_vec(), checkpoints }).is_ok()
}

/// All that is there, by position.
fn all(journal: &Journal) -> BTreeMap<u64, Key> {
    let mut reader = journal.reader("all", 0);
    let mut all = BTreeMap::new();
    while let Some(records) = reader.next(100, 1 << 20, Duration::ZERO).unwrap() {
        all.extend(records.iter().map(|record| (record.position, record.key)));
    }
    all
}

fn config(folder: &Path) -> Config {
    Config { file_bytes: 20_000, free_min: 0, ..Config::new(folder) }
}

#[test]
fn threads_share_syncs_and_nobody_is_told_wrong() {
    let disk = FaultyDisk::new(11);
    let (journal, _) = Journal::open(Arc::new(disk.clone()), config(Path::new("/j"))).unwrap();
    let acknowledged = Mutex::new(HashSet::new());
    let done = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reader = journal.reader("live", 0);
            let mut seen = Vec::new();
            loop {
                let last = done.load(Ordering::Acquire);
                match reader.next(10, 1000, if last { Duration::ZERO } else { Duration::from_millis(20) }) {
                    Ok(Some(records)) => seen.extend(records.iter().map(|record| record.key)),
                    Ok(None) if last => return seen,
                    // The disk fails for readers, too.
                    Ok(None) | Err(_) => {}
                }
            }
        });
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (journal, acknowledged, disk) = (journal.clone(), &acknowledged, &disk);
                scope.spawn(move || {
                    for number in 0..APPENDS {
                        if thread == 0 && number % 10 == 0 {
                            let bad = Faults { sync_errors_per_million: 300_000, ..Faults::default() };
                            disk.set_faults(if number % 20 == 0 { bad } else { Faults::default() });
                        }
                        // As a source would: again, until it is taken.
                        while !append(&journal, thread, number) {}
                        acknowledged.lock().unwrap().insert(key(thread, number * 2));
                        acknowledged.lock().unwrap().insert(key(thread, number * 2 + 1));
                    }
                });
            }
        });
        disk.set_faults(Faults::default());
        done.store(true, Ordering::Release);
        reading.join().unwrap()
    });
    let status = journal.status();
    assert!(status.failed > 0, "no append met a failure");
    assert_eq!(status.appended, THREADS * APPENDS * 2);
    disk.crash_after(0);
    drop(journal);
    disk.restart(Loss::Power);

    let (journal, recovered) = Journal::open(Arc::new(disk), config(Path::new("/j"))).unwrap();
    assert_eq!(recovered.damage, []);
    let last = (APPENDS - 1).to_le_bytes().to_vec();
    assert!((0..THREADS).all(|thread| recovered.checkpoints.get(&thread.to_string()) == Some(&last)));
    let all: Vec<Key> = all(&journal).into_values().collect();
    assert_eq!(all, read, "a reader saw something else while it was written");
    let unique: HashSet<Key> = all.iter().copied().collect();
    assert_eq!((all.len(), &unique), (unique.len(), &acknowledged.into_inner().unwrap()));
    for thread in 0..THREADS {
        let of_thread =
            all.iter().map(|key| u128::from_le_bytes(*key)).filter(|key| key >> 64 == thread.into());
        assert!(of_thread.is_sorted(), "a thread's events changed places");
    }
}

#[test]
fn a_waiting_reader_is_woken() {
    let (journal, _) = Journal::open(Arc::new(FaultyDisk::new(1)), config(Path::new("/j"))).unwrap();
    std::thread::scope(|scope| {
        let mut reader = journal.reader("r", 0);
        assert!(reader.next(1, 1, Duration::ZERO).unwrap().is_none());
        let waiting = scope.spawn(move || reader.next(10, 1000, LONG).unwrap().unwrap().len());
        assert!(append(&journal, 1, 1));
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

/// What the killed process does; see below.
#[test]
#[ignore = "a part of another test, which kills it"]
fn victim() {
    let folder = PathBuf::from(std::env::var_os("AUDITWARD_VICTIM").unwrap());
    let (journal, _) = Journal::open(Arc::new(OsDisk), config(&folder)).unwrap();
    let out = Mutex::new(std::io::stdout());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let from = journal.checkpoint(&thread.to_string());
            let from = from.map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()) + 1);
            let (journal, out) = (&journal, &out);
            scope.spawn(move || {
                for number in from.. {
                    assert!(append(journal, thread, number));
                    let mut out = out.lock().unwrap();
                    // Nobody may be there to read it any more.
                    _ = writeln!(out, "acknowledged {thread} {number}");
                    _ = out.flush();
                }
            });
        }
    });
}

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    let folder = std::env::temp_dir().join(format!("auditward-journal-kill-{}", std::process::id()));
    let mut dice = Dice::new(5);
    let mut newest = [None; 4];
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "victim", "--nocapture"])
            .env("AUDITWARD_VICTIM", &folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut left = dice.below(60);
        let mut note = |line: &str| {
            let Some((_, numbers)) = line.split_once("acknowledged ") else { return false };
            let (thread, number) = numbers.split_once(' ').unwrap();
            newest[thread.parse::<usize>().unwrap()] = Some(number.parse::<u64>().unwrap());
            true
        };
        while left > 0 {
            left -= u64::from(note(&lines.next().expect("it ended by itself")));
        }
        child.kill().unwrap();
        for line in lines {
            note(&line);
        }
        child.wait().unwrap();

        let (journal, recovered) = Journal::open(Arc::new(OsDisk), config(&folder)).unwrap();
        assert_eq!(recovered.damage, [], "round {round}");
        let there: Vec<Key> = all(&journal).into_values().collect();
        let unique: HashSet<Key> = there.iter().copied().collect();
        assert_eq!(there.len(), unique.len());
        for (thread, newest) in (0_u64..).zip(newest) {
            let checkpoint = recovered.checkpoints.get(&thread.to_string());
            let checkpoint = checkpoint.map(|value| u64::from_le_bytes(value.clone().try_into().unwrap()));
            assert!(checkpoint >= newest, "round {round}: {checkpoint:?} and {newest:?} was acknowledged");
            for number in 0..checkpoint.map_or(0, |last| last + 1) {
                let pair = [key(thread, number * 2), key(thread, number * 2 + 1)];
                assert!(pair.iter().all(|key| unique.contains(key)), "round {round}: {thread} {number}");
            }
        }
    }
    assert!(OsDisk.list(&folder).unwrap().len() > 10, "files were changed, too");
    std::fs::remove_dir_all(&folder).unwrap();
}
