//! Looking for one event at the end of a log.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Trail;
use crate::watch::container_log;

/// How much of a file's end is read. A probe's event is among the last; a busy cluster writes some megabytes a second.
const TAIL: u64 = 16 << 20;

/// An event that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its level, where the log's format says it.
    pub level: Option<String>,
}

/// The event with this ID, if it is there.
pub fn find(trail: &Trail, audit_id: &str) -> Option<Found> {
    match trail {
        Trail::File(path) => {
            let live = in_text(&tail(path), audit_id);
            // It may have been the last before a rotation.
            live.or_else(|| in_text(&tail(&newest_rotated(path)?), audit_id))
        }
        Trail::ContainerLog { pods, pod } => {
            in_text(container_log::all(pods, pod).last()?.tail().as_bytes(), audit_id)
        }
        Trail::Elsewhere => None,
    }
}

fn in_text(text: &[u8], audit_id: &str) -> Option<Found> {
    let json = format!("\"auditID\":\"{audit_id}\"");
    let legacy = format!(" AUDIT: id=\"{audit_id}\"");
    // A line without its end is still being written.
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let line = lines
        .rev()
        .map(String::from_utf8_lossy)
        .find(|line| line.contains(&json) || line.contains(&legacy))?;
    let level = serde_json::from_str::<Value>(&line).ok();
    Some(Found { level: level.and_then(|event| event["level"].as_str().map(str::to_owned)) })
}

fn tail(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.take(TAIL).read_to_end(&mut text)
    });
    read.map(|_| text).unwrap_or_default()
}

/// `audit-2026-11-24T10-41-19.123.log` beside `audit.log`: the newest by its name.
fn newest_rotated(path: &Path) -> Option<PathBuf> {
    let stem = format!("{}-", path.file_stem()?.to_str()?);
    let entries = fs::read_dir(path.parent()?).ok()?.flatten();
    let rotated = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(&stem) && !name.ends_with(".gz")
    });
    rotated.map(|entry| entry.path()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let seen = in_text(text.as_bytes(), "id-1");
        let seen = seen.map(|found| found.level.unwrap_or("no level".to_owned()));
        assert_eq!(seen.as_deref().unwrap_or("nothing"), expected);
    }

    #[test]
    fn an_event_in_a_text() {
        let event = "{\"level\":\"Metadata\",\"auditID\":\"id-1\",\"stage\":\"ResponseComplete\"}\n";
        check(event, "Metadata");
        check(&format!("half a line\"}}\n{event}{{\"auditID\":\"id-2\"}}\n"), "Metadata");
        check(event.trim_end(), "nothing");
        check("{\"auditID\":\"id-11\"}\n", "nothing");
        check("2026-01-02T03:04:05Z AUDIT: id=\"id-1\" stage=\"ResponseComplete\"\n", "no level");
        check("", "nothing");
    }

    #[test]
    fn an_event_that_was_rotated_away() {
        let folder = std::env::temp_dir().join(format!("auditward-find-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let trail = Trail::File(folder.join("audit.log"));
        assert_eq!(find(&trail, "id-1"), None);
        fs::write(folder.join("audit.log"), "").unwrap();
        fs::write(folder.join("audit-2026-01-01T00-00-00.000.log"), "{\"auditID\":\"id-0\"}\n").unwrap();
        fs::write(
            folder.join("audit-2026-01-02T00-00-00.000.log"),
            "{\"auditID\":\"id-1\",\"level\":\"Request\"}\n",
        )
        .unwrap();
        assert_eq!(find(&trail, "id-1"), Some(Found { level: Some("Request".to_owned()) }));
        assert_eq!(find(&trail, "id-0"), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
