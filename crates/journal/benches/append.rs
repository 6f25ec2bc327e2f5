//! How fast events get onto the disk: `cargo bench -p auditward-journal`, or `make bench`.
//!
//! A captured log of a real cluster, repeated under other keys. In every round each contestant writes the same events to
//! the same file system, so that a busy machine slows all of them down; shown are the middle of all rounds, and the middle
//! of the ratios to the first. `per core` is what one core's worth of computing does, syncs not counted.
//!
//! - plain: the same bytes and nothing else, written and synced as often, one thread;
//! - ours, with as many events an append;
//! - zstd: the same bytes, each append packed as ours are, then as plain: what of the difference is the packing.
//!
//! `AUDITWARD_BENCH_DIR` is where it writes; by default the build folder, because a temporary folder may be in memory.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use auditward_base::disk::OsDisk;
use auditward_journal::{Append, Config, Entry, Journal, Key};
use flate2::read::MultiGzDecoder;

struct Round {
    seconds: f64,
    computing: f64,
    written: u64,
}

type Turn<'t> = Box<dyn Fn(&Path) -> u64 + 't>;

fn main() {
    let quick = !std::env::args().any(|arg| arg == "--bench");
    let (copies, rounds) = if quick { (1, 1) } else { (8, 5) };
    let text = log();
    let lines: Vec<&[u8]> =
        (0..copies).flat_map(|_| text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())).collect();
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    let folder = std::env::var_os("AUDITWARD_BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-bench-{}", std::process::id())),
        PathBuf::from,
    );
    println!("{} events, {bytes} bytes", lines.len());
    let lines = &lines[..];
    for batch in [400, 100, 10] {
        // The fewer events a sync, the longer it takes: a part of them says enough.
        let lines = &lines[..lines.len().min(batch * if quick { 5 } else { 300 })];
        println!("\n{batch} events an append, {} appends", lines.len().div_ceil(batch));
        let contestants: Vec<(String, Turn<'_>)> = vec![
            ("plain write and sync".into(), Box::new(move |folder| plain(folder, lines, batch))),
            ("ours, one thread".into(), Box::new(move |folder| ours(folder, lines, batch, 1))),
            ("ours, four threads".into(), Box::new(move |folder| ours(folder, lines, batch, 4))),
            ("ours, sixteen threads".into(), Box::new(move |folder| ours(folder, lines, batch, 16))),
            ("zstd 1, write and sync".into(), Box::new(move |folder| packed(folder, lines, batch))),
        ];
        contest(&folder, lines, rounds, &contestants);
    }
    fs::remove_dir_all(folder).unwrap();
}

fn contest(folder: &Path, lines: &[&[u8]], rounds: usize, contestants: &[(String, Turn<'_>)]) {
    let mut all: Vec<Vec<Round>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((_, turn), own) in contestants.iter().zip(&mut all) {
            fs::create_dir_all(folder).unwrap();
            let (before, start) = (computing(), Instant::now());
            let written = turn(folder);
            let (seconds, computing) = (start.elapsed().as_secs_f64(), computing() - before);
            own.push(Round { seconds, computing, written });
            fs::remove_dir_all(folder).unwrap();
            fs::create_dir_all(folder).unwrap();
        }
    }
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    for ((name, _), own) in contestants.iter().zip(&all) {
        let seconds = middle(own.iter().map(|round| round.seconds));
        let ratio = middle(own.iter().zip(&all[0]).map(|(own, first)| own.seconds / first.seconds));
        let computing = middle(own.iter().map(|round| round.computing)).max(0.01);
        let written = own[0].written as f64 / bytes as f64;
        println!(
            "  {name:24} {:6.0} MB/s {:9.0} events/s   takes x{ratio:.2}   {:9.0} events/s per core   writes x{written:.2}",
            bytes as f64 / 1e6 / seconds,
            lines.len() as f64 / seconds,
            lines.len() as f64 / computing,
        );
    }
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds that this process has computed, in all its threads: user and system.
fn computing() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on every Linux there is.
    ticks as f64 / 100.0
}

fn plain(folder: &Path, lines: &[&[u8]], batch: usize) -> u64 {
    let mut file = File::create(folder.join("plain")).unwrap();
    let mut text = Vec::new();
    for lines in lines.chunks(batch) {
        text.clear();
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        file.write_all(&text).unwrap();
        file.sync_data().unwrap();
    }
    file.metadata().unwrap().len()
}

fn packed(folder: &Path, lines: &[&[u8]], batch: usize) -> u64 {
    let mut file = File::create(folder.join("packed")).unwrap();
    let mut packer = zstd::bulk::Compressor::new(1).unwrap();
    let mut text = Vec::new();
    for lines in lines.chunks(batch) {
        text.clear();
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        file.write_all(&packer.compress(&text).unwrap()).unwrap();
        file.sync_data().unwrap();
    }
    file.metadata().unwrap().len()
}

fn ours(folder: &Path, lines: &[&[u8]], batch: usize, threads: usize) -> u64 {
    let (journal, _) = Journal::open(Arc::new(OsDisk), Config::new(folder.join("journal"))).unwrap();
    let batches: Vec<(usize, &[&[u8]])> = lines.chunks(batch).enumerate().collect();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (journal, batches) = (&journal, &batches);
            scope.spawn(move || {
                for (number, lines) in batches.iter().skip(thread).step_by(threads) {
                    let key = |index: usize| ((number * batch + index) as u128).to_le_bytes();
                    let entries = lines.iter().enumerate();
                    let entries = entries.map(|(index, event)| Entry {
                        cluster: "c",
                        key: Key::from(key(index)),
                        event,
                    });
                    let append = Append { entries: entries.collect(), checkpoints: Vec::new() };
                    assert_eq!(journal.append(append).unwrap().taken, lines.len());
                }
            });
        }
    });
    journal.status().bytes
}

fn log() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let mut text = Vec::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text
}
