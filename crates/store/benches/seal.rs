//! How fast events become columns and files, and how large those are.
//!
//! `cargo bench -p auditward-store --bench seal [-- EVENTS]`, 200,000 if nobody says. Events are made of the captures, with
//! other ids, times, names and users each time; making them is not counted. One thread does all the work.
//!
//! Beside it, in the same run and on the same events: the JSON lines through gzip, as `--audit-log-compress` of an API server
//! keeps them, and through zstd. Neither can be asked anything without reading all of it.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward_base::disk::OsDisk;
use auditward_event::MicroTime;
use auditward_store::columns::{Rebuilder, Row};
use auditward_store::generate::Generator;
use auditward_store::{Config, Store};

fn log() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures");
    let mut lines = Vec::new();
    for name in ["full.jsonl.gz", "guide.jsonl.gz"] {
        let mut text = Vec::new();
        let file = std::fs::File::open(folder.join(name)).expect("the captures are there");
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).expect("a gzip file");
        lines.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    lines
}

#[expect(clippy::print_stdout, reason = "a bench's figures are its data")]
fn main() {
    let events: usize = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let log = log();
    let mut generator = Generator::new(log.iter().map(Vec::as_slice), 1);
    let folder = std::env::temp_dir().join(format!("auditward-seal-{}", std::process::id()));
    let config = Config { fresh_bytes_max: usize::MAX / 2, ..Config::new(&folder) };
    let (store, _) = Store::open(Arc::new(OsDisk), config).expect("a folder of our own");
    let (mut json, mut appending, mut sealing) = (0, Duration::ZERO, Duration::ZERO);
    let (mut gzip, mut zstd) = (Peer::default(), Peer::default());
    let mut left = events;
    while left > 0 {
        let made: Vec<_> = generator.by_ref().take(left.min(65_536)).collect();
        left -= made.len();
        json += made.iter().map(|one| one.event.len()).sum::<usize>();
        let lines = made.iter().map(|one| one.event.as_slice()).collect::<Vec<_>>().join(&b'\n');
        gzip.pack(|| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&lines)?;
            Ok(encoder.finish()?.len())
        });
        zstd.pack(|| Ok(zstd::bulk::compress(&lines, ZSTD_LEVEL)?.len()));
        drop(lines);
        for made in made.chunks(1000) {
            let rows: Vec<Row<'_>> = made
                .iter()
                .map(|one| Row {
                    position: one.position,
                    cluster: "prod",
                    received: one.time,
                    event: &one.event,
                })
                .collect();
            let begun = Instant::now();
            store.append(&rows).expect("sealed in time");
            appending += begun.elapsed();
        }
        let begun = Instant::now();
        store.seal().expect("a disk with room");
        sealing += begun.elapsed();
    }
    let status = store.status();
    let count = events as f64;
    let rate = |time: Duration| count / time.as_secs_f64();
    println!("{events} events, {:.0} bytes of JSON each", json as f64 / count);
    println!("append (JSON to columns)   {:>9.0} events/s", rate(appending));
    println!("seal (columns to Parquet)  {:>9.0} events/s", rate(sealing));
    println!("both                       {:>9.0} events/s", rate(appending + sealing));
    println!("{} files, {:.1} bytes an event", status.segments, status.bytes as f64 / count);
    for (name, peer) in [("gzip 6 of the lines", gzip), ("zstd 3 of the lines", zstd)] {
        println!(
            "{name:<26} {:>9.0} events/s, {:.1} bytes an event",
            rate(peer.time),
            peer.bytes as f64 / count
        );
    }

    let begun = Instant::now();
    let (mut rebuilt, mut bytes) = (0, 0);
    let mut event = Vec::new();
    for segment in store.snapshot().segments {
        for batch in segment.read(8192).expect("a file of ours") {
            let batch = batch.expect("whole rows");
            let rebuilder = Rebuilder::new(&batch).expect("our columns");
            for row in 0..batch.num_rows() {
                event.clear();
                rebuilder.rebuild(row, &mut event);
                rebuilt += 1;
                bytes += event.len();
            }
        }
    }
    assert_eq!((rebuilt, bytes), (events, json));
    println!("read and rebuild           {:>9.0} events/s", rate(begun.elapsed()));

    let begun = Instant::now();
    let report = store.compact().expect("a disk with room");
    let took = begun.elapsed();
    let status = store.status();
    println!(
        "compact {} files to {}      {:>9.0} events/s, {:.1} bytes an event",
        report.compacted,
        status.segments,
        rate(took),
        status.bytes as f64 / count
    );
    columns(&store);
    _ = store.retain(MicroTime::MAX);
    drop(store);
    std::fs::remove_dir_all(&folder).expect("a folder of our own");
}

/// The level that the store's columns have.
const ZSTD_LEVEL: i32 = 3;

/// What the same events cost as lines.
#[derive(Default)]
struct Peer {
    time: Duration,
    bytes: usize,
}

impl Peer {
    fn pack(&mut self, pack: impl FnOnce() -> std::io::Result<usize>) {
        let begun = Instant::now();
        self.bytes += pack().expect("memory for it");
        self.time += begun.elapsed();
    }
}

/// Which columns take the room.
#[expect(clippy::print_stdout, reason = "a bench's figures are its data")]
fn columns(store: &Store) {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let mut sizes: std::collections::BTreeMap<String, (i64, i64)> = std::collections::BTreeMap::new();
    let (mut rows, mut all) = (0, 0);
    for segment in store.snapshot().segments {
        let file = std::fs::File::open(&segment.path).expect("a file of ours");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        rows += reader.metadata().file_metadata().num_rows();
        all += segment.meta.bytes;
        for column in
            reader.metadata().row_groups().iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns)
        {
            let size = sizes.entry(column.column_path().string()).or_default();
            size.0 += column.compressed_size();
            size.1 += i64::from(column.bloom_filter_length().unwrap_or_default());
        }
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| -size.0 - size.1);
    let each = |bytes: i64| bytes as f64 / rows as f64;
    for (name, (bytes, bloom)) in sizes.iter().take(16) {
        println!("  {name:<28}{:>7.2} bytes an event, bloom filter {:>5.2}", each(*bytes), each(*bloom));
    }
    let known: i64 = sizes.iter().map(|(_, size)| size.0 + size.1).sum();
    println!(
        "  {:<28}{:>7.2} bytes an event",
        "indexes and the rest",
        each(i64::try_from(all).unwrap_or(0) - known)
    );
}
