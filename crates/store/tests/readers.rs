//! Readers of Parquet that are not ours open a store's files, and find what we know is in there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they skip"
)]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use auditward_base::disk::OsDisk;
use auditward_event::{EventView, MicroTime};
use auditward_store::columns::Row;
use auditward_store::{Config, Store};

fn capture() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures/full.jsonl.gz");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Where `scripts/setup.sh test` puts a Python that has them.
fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")).unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    cache.join("auditward/readers/bin/python")
}

fn check(reader: &str) {
    let has = Command::new(python()).args(["-c", &format!("import {reader}")]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} has no module {reader}", python().display());
        return;
    }
    let folder = std::env::temp_dir().join(format!("auditward-readers-{reader}-{}", std::process::id()));
    let (store, _) = Store::open(Arc::new(OsDisk), Config::new(&folder)).unwrap();
    let events = capture();
    for (events, first) in events.chunks(600).zip((0..).step_by(600)) {
        let received = MicroTime::from_micros(0);
        let rows: Vec<Row<'_>> = events
            .iter()
            .zip(first..)
            .map(|(event, position)| Row { position, cluster: "prod", received, event })
            .collect();
        store.append(&rows).unwrap();
        store.seal().unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let pattern = folder.join("events-*.parquet");
    let output = Command::new(python()).arg(script).args([Path::new(reader), &pattern]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<u64> = serde_json::from_slice(&output.stdout).unwrap();

    let views: Vec<EventView<'_>> = events.iter().map(|event| EventView::parse(event).unwrap()).collect();
    let count = |test: &dyn Fn(&EventView<'_>) -> bool| views.iter().filter(|view| test(view)).count() as u64;
    let mut ids: Vec<_> = views.iter().map(EventView::audit_id).collect();
    ids.sort();
    ids.dedup();
    let expected = [
        views.len() as u64,
        count(&|view| {
            view.verb() == "create" && view.object_ref().is_some_and(|object| object.resource == "pods")
        }),
        count(&|view| view.response_code().is_some_and(|code| code >= 400)),
        ids.len() as u64,
        count(&|view| view.object_ref().is_none_or(|object| object.namespace.is_empty())),
        count(&|view| {
            let body = view.request_object();
            body.is_some_and(|body| String::from_utf8_lossy(body.as_bytes()).contains("hostNetwork"))
        }),
        count(&|view| view.user().groups().next().is_some_and(|group| group == "system:masters")),
        views.len() as u64 - 1,
    ];
    assert_eq!(answers, expected);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn duckdb_reads_the_files() {
    check("duckdb");
}

#[test]
fn chdb_reads_the_files() {
    check("chdb");
}
