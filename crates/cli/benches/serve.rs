//! What a server costs under load: `cargo bench -p auditward --bench serve [EVENTS_A_SECOND] [SECONDS]`.
//!
//! A writer appends the captured log of `examples/` over and over, with ids and times of its own, as kube-apiserver does; a
//! server with every shipped detection reads it and keeps it. Printed are the server's largest memory, its processor time,
//! and how far behind it was when the writer stopped.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use auditward_testkit::{Server, Usage};
use flate2::read::MultiGzDecoder;

/// The time of the first event written: 2026-11-26T00:00:00Z, in microseconds.
const START: u64 = 1_795_651_200_000_000;

fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let measured = std::env::args().any(|arg| arg == "--bench");
    let rate = args.first().copied().unwrap_or(if measured { 20_000 } else { 200 });
    let seconds = args.get(1).copied().unwrap_or(if measured { 30 } else { 1 });
    let folder = std::env::var_os("AUDITWARD_BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("serve-bench-{}", std::process::id())),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).unwrap();
    let log = folder.join("audit.log");
    File::create(&log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
    let server = Server::start(command.arg("--log").arg(&log)).unwrap();
    let url = server.url();

    let lines = example();
    let began = Instant::now();
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    let (mut written, mut bytes) = (0, 0);
    while written < rate * seconds {
        let due = u64::try_from(began.elapsed().as_millis()).unwrap() * rate / 1000;
        let mut text = String::new();
        while written < due.min(rate * seconds) {
            let line = &lines[usize::try_from(written).unwrap() % lines.len()];
            line.write(written, START + written * 1_000_000 / rate, &mut text);
            written += 1;
        }
        bytes += text.len();
        file.write_all(text.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let wrote = began.elapsed().as_secs_f64();
    let events = rate * seconds;
    let behind = events - count(url, "select count(*) from events").min(events);
    let mut stored = 0;
    while stored < events {
        std::thread::sleep(Duration::from_millis(100));
        stored = count(url, "select count(*) from events");
    }
    let took = began.elapsed().as_secs_f64();
    let alerts = count(url, "select count(*) from alerts");
    let Usage { memory, processor } = Usage::of(server.child()).unwrap();
    println!(
        "{events} events of {} bytes, written in {wrote:.1} s, all there after {took:.1} s",
        bytes as u64 / events
    );
    println!("behind when the writer stopped   {behind} events");
    println!("alerts                           {alerts}");
    println!("largest memory                   {:.0} MB", memory / 1e3);
    println!(
        "processor                        {processor:.1} s: {:.1} µs an event",
        processor * 1e6 / events as f64
    );
    server.kill().unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

/// A line in parts, so that writing it with another id and other times costs the bench little.
struct Line {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Id,
    Time,
}

impl Line {
    fn new(line: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = line;
        // In the order in which kube-apiserver writes them.
        for (key, part) in [
            ("\"auditID\":\"", Part::Id),
            ("\"requestReceivedTimestamp\":\"", Part::Time),
            ("\"stageTimestamp\":\"", Part::Time),
        ] {
            // The event's own times stand behind its bodies.
            let at = if matches!(part, Part::Id) { rest.find(key) } else { rest.rfind(key) };
            let Some(at) = at.map(|at| at + key.len()) else { continue };
            parts.push(Part::Text(rest[..at].to_owned()));
            parts.push(part);
            rest = &rest[at + rest[at..].find('"').unwrap()..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Line { parts }
    }

    fn write(&self, number: u64, micros: u64, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Id => out.push_str(&format!("{number:032x}")),
                Part::Time => {
                    let (second, micros) = (micros / 1_000_000 % 86_400, micros % 1_000_000);
                    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
                    out.push_str(&format!("2026-11-26T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"));
                }
            }
        }
        out.push('\n');
    }
}

fn example() -> Vec<Line> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let mut text = String::new();
    MultiGzDecoder::new(File::open(example).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(Line::new).collect()
}

/// A number that the server knows.
fn count(url: &str, query: &str) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["query", "--server", url, "-o", "csv", query])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().parse().unwrap()
}
