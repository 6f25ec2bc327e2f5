//! What an agent costs: `cargo bench -p auditward-collect --bench agent [EVENTS_A_SECOND] [SECONDS]`.
//!
//! A writer writes the captured log of `examples/` over and over, as kube-apiserver does, with rotations and compression; an
//! agent in a process of its own sends it to a receiver that unpacks and counts. Printed are the agent's largest memory,
//! its processor time and how far behind it was at the end. A rate of 0 writes everything first: how fast it can be.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use auditward_collect::agent::{Agent, Config, Http, HttpConfig, Next};
use auditward_collect::tail;
use auditward_testkit::Usage;
use flate2::read::{GzDecoder, MultiGzDecoder};

const FILE_BYTES: u64 = 64 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let [role, server, folder] = &args[..]
        && role == "agent"
    {
        agent(server, Path::new(folder));
    }
    let number = |at: usize, default: u64| args.get(at).map_or(default, |text| text.parse().unwrap());
    let (rate, seconds) = (number(0, 10_000), number(1, 20));
    let folder = std::env::temp_dir().join(format!("auditward-bench-agent-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (url, came) = receive();
    let events = if rate == 0 { 400_000 } else { rate * seconds };
    let start = || {
        let exe = std::env::current_exe().unwrap();
        Command::new(exe).args(["agent", &url, &folder.to_string_lossy()]).spawn().unwrap()
    };
    let mut child = (rate > 0).then(start);
    let began = Instant::now();
    let bytes = write(&folder, rate, events);
    let wrote = began.elapsed();
    let behind = events - came.load(Ordering::Relaxed).min(events);
    let began = if rate == 0 { Instant::now() } else { began };
    let child = child.get_or_insert_with(start);
    while came.load(Ordering::Relaxed) < events {
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    let Usage { memory, processor } = Usage::of(child).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    println!("events           {events}, {} bytes each", bytes / events);
    println!("written in       {:.1} s", wrote.as_secs_f64());
    println!(
        "delivered in     {:.1} s: {:.0} events/s",
        took.as_secs_f64(),
        events as f64 / took.as_secs_f64()
    );
    println!("behind at end    {behind} events");
    println!("largest memory   {:.1} MB", memory / 1e3);
    println!("processor        {:.2} s: {:.1} µs an event", processor, processor * 1e6 / events as f64);
    assert_eq!(came.load(Ordering::Relaxed), events);
}

fn agent(server: &str, folder: &Path) -> ! {
    let http = Http::new(HttpConfig {
        server: server.to_owned(),
        cluster: "bench".to_owned(),
        agent: "bench".to_owned(),
        token_file: None,
        ca_file: None,
        pin: None,
        cert_and_key: None,
        timeout: Duration::from_secs(30),
    });
    let tail = tail::Config::new([folder.join("audit.log")]);
    let config = Config::new(tail, "bench".to_owned(), folder.join("state"));
    let mut agent = Agent::new(config, http.unwrap(), None, 1).unwrap();
    let began = Instant::now();
    loop {
        if let Next::In(wait) = agent.step(began.elapsed()).unwrap() {
            std::thread::sleep(wait);
        }
    }
}

/// Counts lines.
fn receive() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let came = Arc::new(AtomicU64::new(0));
    let counter = came.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if socket.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                if !line.trim().is_empty() {
                    continue;
                }
                let mut body = vec![0; length];
                socket.read_exact(&mut body).unwrap();
                let mut text = Vec::new();
                GzDecoder::new(&body[..]).read_to_end(&mut text).unwrap();
                let lines = text.split(|byte| *byte == b'\n').count() - 1;
                counter.fetch_add(lines as u64, Ordering::Relaxed);
                socket.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            }
        }
    });
    (url, came)
}

/// Says how many bytes.
fn write(folder: &Path, rate: u64, events: u64) -> u64 {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let mut text = String::new();
    MultiGzDecoder::new(File::open(example).unwrap()).read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let live = folder.join("audit.log");
    let (mut file, mut size, mut all) = (File::create(&live).unwrap(), 0, 0);
    let began = Instant::now();
    let mut written = 0;
    while written < events {
        let due = match rate {
            0 => events,
            rate => (u64::try_from(began.elapsed().as_millis()).unwrap() * rate / 1000).min(events),
        };
        while written < due {
            let event = lines[usize::try_from(written).unwrap() % lines.len()];
            // A write an event, as kube-apiserver does, and an id of its own.
            let event = event.replacen("\"auditID\":\"", &format!("\"auditID\":\"{written:x}-"), 1) + "\n";
            if size + event.len() as u64 > FILE_BYTES {
                let time = format!(
                    "{:02}-{:02}.{:03}",
                    written / 60_000_000 % 60,
                    written / 1_000_000 % 60,
                    written / 1000 % 1000
                );
                let backup = folder.join(format!("audit-2026-11-23T04-{time}.log"));
                fs::rename(&live, &backup).unwrap();
                (file, size) = (File::create(&live).unwrap(), 0);
                std::thread::spawn(move || compress(&backup));
            }
            file.write_all(event.as_bytes()).unwrap();
            size += event.len() as u64;
            all += event.len() as u64;
            written += 1;
        }
        if rate > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    all
}

fn compress(backup: &Path) {
    let gzip = PathBuf::from(format!("{}.gz", backup.display()));
    let mut encoder =
        flate2::write::GzEncoder::new(File::create(gzip).unwrap(), flate2::Compression::default());
    std::io::copy(&mut File::open(backup).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(backup).unwrap();
}
