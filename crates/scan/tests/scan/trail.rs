//! A store with a trail in it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auditward_base::disk::OsDisk;
use auditward_event::{Events, MicroTime};
use auditward_scan::{Limits, Scan};
use auditward_store::{Config, Store};

use crate::naive::Row;

/// A store in a folder of its own, and its rows as they were put in.
pub(crate) struct Trail {
    pub(crate) rows: Vec<Row>,
    pub(crate) store: Store,
    pub(crate) scan: Scan,
    _folder: Folder,
}

/// How the rows lie.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// In memory.
    Fresh,
    /// In so many files a cluster, and the rest in memory.
    Files(usize),
    /// The same, files put together.
    Compacted(usize),
}

impl Trail {
    pub(crate) fn new(rows: Vec<Row>, shape: Shape) -> Self {
        Trail::with(rows, shape, |_| {})
    }

    pub(crate) fn with(rows: Vec<Row>, shape: Shape, change: impl FnOnce(&mut Limits)) -> Self {
        let folder = Folder::new();
        let mut config = Config::new(folder.0.join("store"));
        config.fresh_events_max = 1 << 20;
        let (store, _) = Store::open(Arc::new(OsDisk), config).unwrap();
        let files = match shape {
            Shape::Fresh => 0,
            Shape::Files(files) | Shape::Compacted(files) => files,
        };
        let parts = rows.len().div_ceil(files + 1).max(1);
        for (number, part) in rows.chunks(parts).enumerate() {
            put(&store, part);
            if number < files {
                store.seal().unwrap();
            }
        }
        if let Shape::Compacted(_) = shape {
            store.compact().unwrap();
        }
        let mut limits = Limits::new(folder.0.join("spill"));
        change(&mut limits);
        let scan = Scan::new(store.clone(), None, limits).unwrap();
        Trail { rows, store, scan, _folder: folder }
    }
}

pub(crate) fn put(store: &Store, rows: &[Row]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| auditward_store::columns::Row {
            position: row.position,
            cluster: &row.cluster,
            received: row.received,
            event: &row.event,
        })
        .collect();
    store.append(&rows).unwrap();
}

/// Events of a real API server, those with bodies among them.
pub(crate) fn captured() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures");
    let all = ["full.jsonl.gz", "guide.jsonl.gz"];
    all.iter().flat_map(|file| lines(&folder.join(file))).collect()
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    let mut events = Events::new(text.as_slice());
    let mut all = Vec::new();
    while let Some(event) = events.next() {
        all.push(event.unwrap().view.as_bytes().to_vec());
    }
    all
}

/// Numbered, of three clusters.
pub(crate) fn rows(events: impl IntoIterator<Item = Vec<u8>>) -> Vec<Row> {
    let cluster = |number: u64| ["prod", "edge-1", "edge-2"][usize::try_from(number * 7 / 5 % 3).unwrap()];
    let row = |(number, event): (u64, Vec<u8>)| Row {
        position: number,
        cluster: cluster(number).to_owned(),
        received: MicroTime::from_micros(1_790_000_000_000_000 + i64::try_from(number).unwrap()),
        event,
    };
    (0..).zip(events).map(row).collect()
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("scan é %41 #?-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
