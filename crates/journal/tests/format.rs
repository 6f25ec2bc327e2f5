//! What was once written is read for ever, and is written the same as long as the format has the same number.
//!
//! `AUDITWARD_WRITE_SAMPLE=1 cargo test -p auditward-journal --test format` writes the sample of a new format; the old ones
//! stay.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auditward_base::disk::Disk;
use auditward_base::disk::faulty::FaultyDisk;
use auditward_journal::{Append, Checkpoint, Config, Entry, Journal, OpenError};

const FOLDER: &str = "/j";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1")
}

fn config() -> Config {
    Config { file_bytes: 400, free_min: 0, ..Config::new(FOLDER) }
}

/// Two files, one with its keys, checkpoints of two sources, a reader.
fn write(disk: &FaultyDisk) {
    let (journal, _) = Journal::open(Arc::new(disk.clone()), config()).unwrap();
    let text = |number: u8| format!(r#"{{"kind":"Event","auditID":"{number}"}}"#).into_bytes();
    let mut texts: Vec<_> = (0..7).map(text).collect();
    // Long enough to be packed.
    texts.push(format!(r#"{{"kind":"Event","auditID":"7","long":"{}"}}"#, "x".repeat(3000)).into_bytes());
    let entry =
        |cluster, number: u8| Entry { cluster, key: [number; 16], event: &texts[usize::from(number)] };
    let checkpoint = |source: &str, value: &[u8]| Checkpoint { source: source.into(), value: value.into() };
    drop(journal.reader("store", 0));
    let appends = [
        Append {
            entries: vec![entry("one", 0), entry("zwei", 1)],
            checkpoints: vec![checkpoint("log", b"at 10")],
        },
        Append { entries: vec![entry("one", 2)], checkpoints: vec![] },
        Append {
            entries: vec![],
            checkpoints: vec![checkpoint("agent/é", &[0, 255]), checkpoint("log", b"at 20")],
        },
        Append { entries: vec![entry("one", 3), entry("one", 2), entry("one", 4)], checkpoints: vec![] },
    ];
    for append in appends {
        journal.append(append).unwrap();
    }
    journal.release("store", 2);
    let last =
        Append { entries: vec![entry("one", 5), entry("one", 6), entry("one", 7)], checkpoints: vec![] };
    journal.append(last).unwrap();
}

fn load(folder: &Path) -> FaultyDisk {
    let disk = FaultyDisk::new(1);
    disk.create_folder(Path::new(FOLDER)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read(entry.path()).unwrap();
        disk.replace(&Path::new(FOLDER).join(entry.file_name()), &[&text]).unwrap();
    }
    disk
}

/// What a journal says on opening and what is in it.
fn tell(disk: &FaultyDisk) -> String {
    let (journal, recovered) = Journal::open(Arc::new(disk.clone()), config()).unwrap();
    let mut told = String::new();
    for (source, value) in recovered.checkpoints {
        writeln!(told, "{source} at {value:?}").unwrap();
    }
    writeln!(told, "readers {:?}", recovered.readers).unwrap();
    writeln!(told, "keys {} next {} cut {}", recovered.keys, recovered.next, recovered.cut_bytes).unwrap();
    for damage in recovered.damage {
        writeln!(told, "{damage}").unwrap();
    }
    let mut reader = journal.reader("store", 0);
    while let Some(records) = reader.next(10, 10_000, Duration::ZERO).unwrap() {
        for record in records.iter() {
            let (key, event) = (record.key[0], String::from_utf8_lossy(record.event));
            writeln!(told, "{} {} {key} {event:.50}", record.position, record.cluster).unwrap();
        }
    }
    told
}

#[test]
fn the_first_format() {
    if std::env::var_os("AUDITWARD_WRITE_SAMPLE").is_some() {
        let disk = FaultyDisk::new(1);
        write(&disk);
        for found in disk.list(Path::new(FOLDER)).unwrap() {
            let text = disk.read(&Path::new(FOLDER).join(&found.name), 1 << 20).unwrap();
            std::fs::create_dir_all(sample()).unwrap();
            std::fs::write(sample().join(found.name), text).unwrap();
        }
    }
    let expected = r#"agent/é at [0, 255]
log at [97, 116, 32, 50, 48]
readers {"store": 2}
keys 8 next 8 cut 0
0 one 0 {"kind":"Event","auditID":"0"}
1 zwei 1 {"kind":"Event","auditID":"1"}
2 one 2 {"kind":"Event","auditID":"2"}
3 one 3 {"kind":"Event","auditID":"3"}
4 one 4 {"kind":"Event","auditID":"4"}
5 one 5 {"kind":"Event","auditID":"5"}
6 one 6 {"kind":"Event","auditID":"6"}
7 one 7 {"kind":"Event","auditID":"7","long":"xxxxxxxxxxxx
"#;
    assert_eq!(tell(&load(&sample())), expected);
}

#[test]
fn the_same_is_written_as_ever() {
    let (now, then) = (FaultyDisk::new(1), load(&sample()));
    write(&now);
    let names = |disk: &FaultyDisk| disk.list(Path::new(FOLDER)).unwrap();
    assert_eq!(names(&now), names(&then));
    for found in names(&now) {
        let path = Path::new(FOLDER).join(found.name);
        assert_eq!(
            now.read(&path, 1 << 20).unwrap(),
            then.read(&path, 1 << 20).unwrap(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn whatever_is_cut_off_the_end_the_rest_is_read() {
    let names = load(&sample()).list(Path::new(FOLDER)).unwrap();
    let last = names.iter().rfind(|found| found.name.ends_with(".journal")).unwrap();
    let path = Path::new(FOLDER).join(&last.name);
    for bytes in 0..last.bytes {
        let disk = load(&sample());
        disk.open(&path).unwrap().truncate(bytes).unwrap();
        let told = tell(&disk);
        assert!(told.contains("\n2 one 2 "), "cut to {bytes}: {told}");
    }
}

#[test]
fn a_later_format_is_left_alone() {
    let disk = load(&sample());
    let path = Path::new(FOLDER).join("0000000000000009.journal");
    let mut head = b"\xFFAWJRNL\n\x02\0\0\0\0\0\0\0".to_vec();
    head.resize(40, 0);
    let sum = crc32c::crc32c(&head);
    head.extend(sum.to_le_bytes());
    disk.replace(&path, &[&head]).unwrap();
    let before = disk.list(Path::new(FOLDER)).unwrap();
    let error = Journal::open(Arc::new(disk.clone()), config()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 2, .. }), "{error}");
    assert_eq!(disk.list(Path::new(FOLDER)).unwrap(), before);
}
