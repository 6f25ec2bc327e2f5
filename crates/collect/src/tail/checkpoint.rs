//! How far all logs were read, as text that is small enough to be written with every batch.
//!
//! ```json
//! {"v":1,"logs":{"/var/log/audit/audit.log":{"through":"2026-11-23T04-04-37.558","files":["fd00 1a2b 400 9f86d081884c7d65 200 60303ae22b998861 4d2 -"]}}}
//! ```
//! A file is eight hexadecimal numbers: device, inode, bytes and digest of its head, bytes and digest of the mark before
//! the place up to which it was read, that place, and its size if it was read to its end. `through`: rotated files up to
//! this age were read and are not listed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::identity::{Known, Print};
use super::names::Age;

const VERSION: u32 = 1;

/// What is remembered of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) through: Option<Age>,
    pub(super) files: Vec<Known>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    v: u32,
    logs: BTreeMap<String, LogText>,
}

#[derive(Serialize, Deserialize)]
struct LogText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<String>,
    files: Vec<String>,
}

pub(super) fn write<'p>(logs: impl Iterator<Item = (&'p Path, Place)>) -> Vec<u8> {
    let logs = logs.map(|(path, place)| {
        let through = place.through.as_ref().and_then(Age::text).map(str::to_owned);
        let files = place.files.iter().map(file_text).collect();
        (path.to_string_lossy().into_owned(), LogText { through, files })
    });
    // Maps of text, numbers and lists: there is nothing in it that could not be written.
    serde_json::to_vec(&Text { v: VERSION, logs: logs.collect() }).unwrap_or_default()
}

pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<PathBuf, Place>, String> {
    let text: Text = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if text.v != VERSION {
        return Err(format!("it is of version {}, and this program reads version {VERSION}", text.v));
    }
    let mut logs = BTreeMap::new();
    for (path, log) in text.logs {
        let mut place = Place { through: None, files: Vec::with_capacity(log.files.len()) };
        if let Some(through) = log.through {
            place.through = Some(Age::from_text(&through).ok_or_else(|| format!("`{through}` is no time"))?);
        }
        for file in log.files {
            place.files.push(file_of(&file).ok_or_else(|| format!("`{file}` is no file's place"))?);
        }
        logs.insert(PathBuf::from(path), place);
    }
    Ok(logs)
}

fn file_text(known: &Known) -> String {
    let Known { dev, ino, head, mark, at, over } = known;
    let over = over.map_or("-".to_owned(), |over| format!("{over:x}"));
    format!(
        "{dev:x} {ino:x} {:x} {:x} {:x} {:x} {at:x} {over}",
        head.bytes, head.digest, mark.bytes, mark.digest
    )
}

fn file_of(text: &str) -> Option<Known> {
    let mut parts = text.split(' ');
    let mut next = || u64::from_str_radix(parts.next()?, 16).ok();
    let print = |next: &mut dyn FnMut() -> Option<u64>| {
        Some(Print { bytes: u32::try_from(next()?).ok()?, digest: next()? })
    };
    let (dev, ino) = (next()?, next()?);
    let (head, mark) = (print(&mut next)?, print(&mut next)?);
    let at = next()?;
    let over = match parts.next()? {
        "-" => None,
        over => Some(u64::from_str_radix(over, 16).ok()?),
    };
    parts.next().is_none().then_some(Known { dev, ino, head, mark, at, over })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        let known = |at, over| Known {
            dev: 0xfd00,
            ino: u64::MAX,
            head: Print::of(b"{\"kind\""),
            mark: Print::of(b"}\n"),
            at,
            over,
        };
        let through = Age::from_text("2026-11-23T04-04-37.558");
        let place = Place { through, files: vec![known(10, Some(12)), known(0, None)] };
        let logs = [(Path::new("/a/audit.log"), place.clone()), (Path::new("b.log"), Place::default())];
        let bytes = write(logs.clone().into_iter());
        let expect = logs.into_iter().map(|(path, place)| (path.to_owned(), place)).collect();
        assert_eq!(read(&bytes), Ok(expect));
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"v":2,"logs":{}}"#,
            r#"{"v":1,"logs":{"a":{"files":[""]}}}"#,
            r#"{"v":1,"logs":{"a":{"files":["1 1 1 1 1 1 1"]}}}"#,
            r#"{"v":1,"logs":{"a":{"files":["1 1 1 1 1 1 1 - 1"]}}}"#,
            r#"{"v":1,"logs":{"a":{"files":["1 1 1ffffffff 1 1 1 1 -"]}}}"#,
            r#"{"v":1,"logs":{"a":{"through":"yesterday","files":[]}}}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        // The first version's own, for every later one to read.
        let first = r#"{"v":1,"logs":{"/l":{"through":"20261123","files":["fd00 1a 2 9f 2 60 4d2 -"]}}}"#;
        assert_eq!(
            write(read(first.as_bytes()).unwrap().iter().map(|(p, l)| (p.as_path(), l.clone()))),
            first.as_bytes()
        );
    }
}
