//! What it costs to bring a log to safety: `cargo bench -p auditward-collect --bench intake [EVENTS]`.
//!
//! The captured log of `examples/`, over and over with ids of its own, is read from one file.
//!
//! - ours: lines found, each event validated, its secrets taken out, keyed, packed, appended, synced with the place up to
//!   which the log was read; a process of its own;
//! - peer: an OpenTelemetry Collector of `otel/`, filelog receiver → file exporter, its defaults. It wraps each line and writes it;
//!   it looks into none, and syncs nothing. Without Go this part is skipped.
//!
//! They take turns; shown are the middle of the rounds, and ours by the peer's. A busy machine slows both down, so the figure
//! to quote is the ratio of events for a second of a processor.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward_base::disk::OsDisk;
use auditward_collect::prepare;
use auditward_collect::redact::{DigestKey, Redactor, Rules};
use auditward_collect::tail::{self, Polled, Tailer};
use auditward_event::EventView;
use auditward_journal::{Append, Checkpoint, Entry, Journal};
use auditward_testkit::Usage;
use flate2::read::MultiGzDecoder;

/// What one turn took.
#[derive(Clone, Copy)]
struct Turn {
    seconds: f64,
    processor: f64,
    /// The largest, in MB.
    memory: f64,
    /// On disk.
    bytes: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let [role, log, folder, events] = &args[..]
        && role == "ours"
    {
        return ours(Path::new(log), Path::new(folder), events.parse().unwrap());
    }
    let measured = std::env::args().any(|arg| arg == "--bench");
    let events: u64 =
        args.first().map_or(if measured { 200_000 } else { 2000 }, |text| text.parse().unwrap());
    let rounds = if measured { 3 } else { 1 };
    let folder = std::env::var_os("AUDITWARD_BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("intake-bench-{}", std::process::id())),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).unwrap();
    let log = folder.join("audit.log");
    let bytes = write(&log, events);
    println!("{events} events, {} bytes each", bytes / events);
    // A test run of the bench builds no Collector.
    let peer = measured.then(build_peer).flatten();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(take_turn(&folder, |out| {
            let exe = std::env::current_exe().unwrap();
            let paths = [log.as_os_str(), out.as_os_str()];
            let child = Command::new(exe).arg("ours").args(paths).arg(events.to_string()).spawn().unwrap();
            (child, out.join("done"), 1)
        }));
        if let Some(program) = &peer {
            theirs.push(take_turn(&folder, |out| collector(program, &log, out, events)));
        }
    }
    fs::remove_dir_all(&folder).unwrap();
    show("ours", &ours, events);
    if !theirs.is_empty() {
        show("otel filelog → file", &theirs, events);
        let ratio = |of: fn(&Turn) -> f64| middle(&theirs, of) / middle(&ours, of);
        println!(
            "ours by theirs: {:.2}× the events for a second of a processor, {:.2}× the events a second, 1/{:.1} of the memory, 1/{:.1} of the bytes on disk",
            ratio(|turn| turn.processor),
            ratio(|turn| turn.seconds),
            ratio(|turn| turn.memory),
            ratio(|turn| turn.bytes as f64),
        );
    }
}

/// From a log to a journal, and then waits to be measured.
fn ours(log: &Path, folder: &Path, events: u64) {
    let config = auditward_journal::Config::new(folder.join("journal"));
    let (journal, _) = Journal::open(Arc::new(OsDisk), config).unwrap();
    let mut redactor = Redactor::new(&Rules::default(), &DigestKey::new([7; 32]));
    let mut tailer = Tailer::new(tail::Config::new([log.to_owned()]), None).unwrap();
    let mut taken = 0;
    while taken < events {
        let Polled::Lines(lines) = tailer.poll().unwrap() else { continue };
        let prepared: Vec<_> = lines
            .iter()
            .map(|line| {
                let view = EventView::parse(line).unwrap();
                view.validate().unwrap();
                prepare("bench", &view, &mut redactor)
            })
            .collect();
        let entries = prepared
            .iter()
            .map(|prepared| Entry { cluster: "bench", key: prepared.key, event: &prepared.event })
            .collect();
        let checkpoint = Checkpoint { source: "log".to_owned(), value: lines.checkpoint };
        taken += journal.append(Append { entries, checkpoints: vec![checkpoint] }).unwrap().taken as u64;
    }
    fs::write(folder.join("done"), "x").unwrap();
    loop {
        std::thread::park();
    }
}

/// The Collector, the file that it writes, and how often `auditID` is in it in the end.
fn collector(program: &Path, log: &Path, out: &Path, events: u64) -> (Child, PathBuf, u64) {
    let (config, written) = (out.join("otel.yaml"), out.join("events.json"));
    let page = format!(
        "receivers:\n  filelog: {{include: ['{}'], start_at: beginning, max_log_size: 16MiB}}\n\
         exporters:\n  file: {{path: '{}'}}\n\
         service:\n  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}\n  \
         pipelines: {{logs: {{receivers: [filelog], exporters: [file]}}}}\n",
        log.display(),
        written.display()
    );
    fs::write(&config, page).unwrap();
    let mut command = Command::new(program);
    command.arg("--config").arg(format!("file:{}", config.display())).stdout(Stdio::null());
    (command.spawn().unwrap(), written, events)
}

/// Starts one, waits until what it writes holds all, and measures and ends it.
fn take_turn(folder: &Path, start: impl Fn(&Path) -> (Child, PathBuf, u64)) -> Turn {
    let out = folder.join("out");
    fs::create_dir_all(&out).unwrap();
    let began = Instant::now();
    let (mut child, written, wanted) = start(&out);
    let (mut seen, mut counted) = (0, 0);
    // Nothing is read twice, so that the looking costs little.
    while counted < wanted {
        std::thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        let Ok(length) = fs::metadata(&written).map(|meta| meta.len()) else { continue };
        if length > seen {
            counted += if wanted == 1 { 1 } else { count(&written, &mut seen) };
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let Usage { memory, processor } = Usage::of(&child).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let turn = Turn { seconds, processor, memory: memory / 1e3, bytes: size(&out) };
    fs::remove_dir_all(&out).unwrap();
    turn
}

/// How many events are behind `seen` in whole batches; the Collector writes a line a batch.
fn count(path: &Path, seen: &mut u64) -> u64 {
    use std::io::Seek as _;
    let mut file = File::open(path).unwrap();
    file.seek(std::io::SeekFrom::Start(*seen)).unwrap();
    let mut text = Vec::new();
    file.read_to_end(&mut text).unwrap();
    let whole = memchr::memrchr(b'\n', &text).map_or(0, |end| end + 1);
    *seen += whole as u64;
    memchr::memmem::find_iter(&text[..whole], b"\\\"auditID\\\":\\\"bench-").count() as u64
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { size(&entry.path()) } else { meta.len() }
        })
        .sum()
}

/// The Collector's program, built from its Go modules the first time.
fn build_peer() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/otel");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("otel-collector");
    println!("building the Collector");
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .status();
    match built {
        Ok(status) if status.success() => Some(program),
        other => {
            println!("skipped: the Collector could not be built: {other:?}");
            None
        }
    }
}

/// Says how many bytes.
fn write(log: &Path, events: u64) -> u64 {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let mut text = String::new();
    MultiGzDecoder::new(File::open(example).unwrap()).read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut file = BufWriter::new(File::create(log).unwrap());
    let mut bytes = 0;
    for (number, line) in (0..events).zip(lines.iter().cycle()) {
        let line = line.replacen("\"auditID\":\"", &format!("\"auditID\":\"bench-{number:x}-"), 1);
        writeln!(file, "{line}").unwrap();
        bytes += line.len() as u64 + 1;
    }
    file.flush().unwrap();
    bytes
}

fn middle(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    let mut all: Vec<f64> = turns.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn show(name: &str, turns: &[Turn], events: u64) {
    let events = events as f64;
    println!(
        "{name:<20} {:>8.0} events for a second of a processor, {:>8.0} a second, {:>6.1} MB of memory, {:>6.0} bytes an event",
        events / middle(turns, |turn| turn.processor),
        events / middle(turns, |turn| turn.seconds),
        middle(turns, |turn| turn.memory),
        middle(turns, |turn| turn.bytes as f64) / events,
    );
}
