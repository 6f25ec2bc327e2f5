//! The log that a flag names: its files, how fast it grows, how long it is kept, and what room is left.

use auditward_event::{EventView, MicroTime};
use serde::Serialize;

use super::facts::Facts;
use super::host::{Host, Kind, Space, is_absent};
use super::place::{MountKind, Place};

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFacts {
    /// As the API server knows it; `-` is its standard output.
    pub flag: String,
    /// On this machine; `None` where it lies nowhere outside of a container, or on standard output.
    pub path: Option<String>,
    /// How it gets out of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountKind>,
    /// What stands in the way of looking at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Its files, the oldest first, the one that is written last.
    pub files: Vec<LogFile>,
    /// When the newest event was written, by its own word or by the file's.
    #[serde(skip)]
    pub last_written: Option<i64>,
    /// Bytes an hour, over the time that its files cover.
    pub bytes_per_hour: Option<u64>,
    /// How long rotation keeps events at that rate.
    pub keeps: Option<Keeps>,
    /// What all its files together may come to have, in bytes; `None` for no end.
    pub bytes_max: Option<u64>,
    /// Room where it lies.
    pub space: Option<Space>,
    /// Whether etcd's data lie on the same file system.
    pub shares_with_etcd: Option<bool>,
    /// Whether everybody on the machine may read it.
    pub world_readable: bool,
}

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// When it was rotated away, in microseconds since 1970, by its name; `None` for the one that is written.
    #[serde(skip)]
    pub rotated: Option<i64>,
    /// Whether it is compressed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compressed: bool,
}

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keeps {
    /// In hours; `None` for ever.
    pub hours: Option<u64>,
    /// What ends it.
    pub ended_by: EndedBy,
}

/// What ends an event's time in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndedBy {
    /// `--audit-log-maxage`
    Age,
    /// `--audit-log-maxbackup` × `--audit-log-maxsize`, at the present rate.
    Size,
    /// Nothing: the disk fills.
    Nothing,
}

const MIB: u64 = 1 << 20;
const SECOND: i64 = 1_000_000;
/// How much of a file's ends is looked at for an event's time.
const END: u64 = 1 << 20;
/// Less than this says nothing about a rate, in microseconds.
const SPAN_MIN: i64 = 60 * SECOND;
const ETCD: [&str; 4] = [
    "/var/lib/etcd",
    "/var/lib/rancher/rke2/server/db/etcd",
    "/var/lib/rancher/k3s/server/db",
    "/var/lib/k0s/etcd",
];

pub(super) fn look(host: &Host, place: Place, flag: String, facts: &Facts) -> LogFacts {
    let mut log = LogFacts { flag, ..LogFacts::default() };
    if log.flag == "-" {
        return log;
    }
    match place {
        Place::Container => return log,
        Place::Unknown(why) => {
            log.unreadable = Some(why);
            return log;
        }
        Place::Node { path, mount } => {
            log.mount = mount;
            log.path = Some(path);
        }
    }
    let Some(path) = log.path.clone() else { return log };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let folder = if folder.is_empty() { "/" } else { folder };
    match host.list(folder) {
        Ok(names) => log.files = files(host, folder, name, &names),
        Err(error) if is_absent(&error) => {}
        Err(error) => log.unreadable = Some(format!("`{folder}`: {error}")),
    }
    let stat = host.stat(&path);
    match &stat {
        Err(error) if !is_absent(error) => log.unreadable = Some(format!("`{path}`: {error}")),
        Ok(stat) if stat.kind != Kind::File => log.unreadable = Some(format!("`{path}` is no file")),
        _ => {}
    }
    let stat = stat.ok();
    // A copy's mode is whoever copied it's.
    log.world_readable = host.is_live() && stat.is_some_and(|stat| stat.mode & 0o004 != 0);
    let tail = host.tail(&path, END);
    if let (Err(error), true) = (&tail, stat.is_some()) {
        log.unreadable.get_or_insert_with(|| format!("`{path}`: {error}"));
    }
    let newest = tail.ok().and_then(|tail| tail.split(|b| *b == b'\n').rev().find_map(event_time));
    let rotated = log.files.iter().rev().find_map(|file| file.rotated);
    log.last_written = newest.or(stat.filter(|stat| stat.size > 0).map(|stat| stat.modified)).or(rotated);
    let oldest = host.head(&path, END).ok().and_then(|head| head.split(|b| *b == b'\n').find_map(event_time));
    log.bytes_per_hour = rate(&log.files, oldest, log.last_written, facts);
    log.keeps = keeps(facts, log.bytes_per_hour);
    log.bytes_max = bytes_max(facts);
    let there = [path.as_str(), folder].into_iter().find(|path| host.exists(path));
    // In a copied folder the disk is ours, not the machine's.
    if let Some(there) = there.filter(|_| host.is_live()) {
        log.space = host.space(there).ok();
        let device = |path: &str| host.stat(path).ok().map(|stat| stat.device);
        let etcd = ETCD.iter().find_map(|path| device(path));
        log.shares_with_etcd = etcd.map(|etcd| device(there) == Some(etcd));
    }
    log
}

/// The log's own files among the names of its folder, the oldest first.
fn files(host: &Host, folder: &str, name: &str, names: &[String]) -> Vec<LogFile> {
    let (stem, extension) = match name.rfind('.') {
        Some(dot) => name.split_at(dot),
        None => (name, ""),
    };
    let mut files: Vec<LogFile> = names
        .iter()
        .filter_map(|other| {
            let size = host.stat(&format!("{folder}/{other}")).ok().filter(|s| s.kind == Kind::File)?.size;
            if other == name {
                return Some(LogFile { name: other.clone(), size, rotated: None, compressed: false });
            }
            let plain = other.strip_suffix(".gz");
            let time =
                plain.unwrap_or(other).strip_suffix(extension)?.strip_prefix(stem)?.strip_prefix('-')?;
            let rotated = Some(backup_time(time)?);
            Some(LogFile { name: other.clone(), size, rotated, compressed: plain.is_some() })
        })
        .collect();
    files.sort_by_key(|file| (file.rotated.is_none(), file.rotated));
    files
}

/// `2026-11-23T04-04-37.558`, UTC.
fn backup_time(text: &str) -> Option<i64> {
    let (day, clock) = text.split_once('T')?;
    if text.len() != "2026-11-23T04-04-37.558".len() {
        return None;
    }
    let time = format!("{day}T{}Z", clock.replace('-', ":"));
    MicroTime::parse_rfc3339(&time).ok().map(MicroTime::as_micros)
}

fn event_time(line: &[u8]) -> Option<i64> {
    let view = EventView::parse(line).ok()?;
    view.stage_time().or_else(|| view.request_received()).map(MicroTime::as_micros)
}

/// Bytes an hour. With backups: what was written since the oldest was begun to be followed; without: what the one file
/// has between its first and last event. A compressed backup had the size at which it was rotated.
fn rate(files: &[LogFile], oldest: Option<i64>, newest: Option<i64>, facts: &Facts) -> Option<u64> {
    let full = facts.number("audit-log-maxsize").unwrap_or(100).saturating_mul(MIB);
    let written = |file: &LogFile| if file.compressed { full } else { file.size };
    let mut rotated = files.iter().filter_map(|file| file.rotated);
    let (start, bytes): (i64, u64) = match rotated.next() {
        // When the oldest was begun is not known; when it ended is.
        Some(first) => (first, files.iter().skip(1).map(written).fold(0, u64::saturating_add)),
        None => (oldest?, files.iter().map(written).fold(0, u64::saturating_add)),
    };
    let span = newest?.checked_sub(start).filter(|span| *span >= SPAN_MIN)?;
    u64::try_from(u128::from(bytes) * 3_600_000_000 / u128::try_from(span).ok()?).ok()
}

fn keeps(facts: &Facts, rate: Option<u64>) -> Option<Keeps> {
    let (age, backups, size) = rotation(facts)?;
    if size == 0 {
        return Some(Keeps { hours: None, ended_by: EndedBy::Nothing });
    }
    let by_age = (age > 0).then(|| age.saturating_mul(24));
    // Without a rate the files say nothing about time.
    let by_size = if backups > 0 {
        let rate = rate.filter(|rate| *rate > 0)?;
        Some(backups.saturating_add(1).saturating_mul(size).saturating_mul(MIB) / rate)
    } else {
        None
    };
    let (hours, ended_by) = match (by_age, by_size) {
        (None, None) => (None, EndedBy::Nothing),
        (Some(age), Some(size)) if size < age => (Some(size), EndedBy::Size),
        (Some(age), _) => (Some(age), EndedBy::Age),
        (None, Some(size)) => (Some(size), EndedBy::Size),
    };
    Some(Keeps { hours, ended_by })
}

fn bytes_max(facts: &Facts) -> Option<u64> {
    let (_, backups, size) = rotation(facts)?;
    // One is being written, and one more may be on its way out.
    (backups > 0 && size > 0).then(|| backups.saturating_add(2).saturating_mul(size).saturating_mul(MIB))
}

/// Age in days, backups, size in MiB; `None` where a default is needed that depends on the version.
fn rotation(facts: &Facts) -> Option<(u64, u64, u64)> {
    let number = |name| facts.number(name);
    let mut size = number("audit-log-maxsize")?;
    let old = facts.found.version.as_deref().and_then(super::facts::minor).is_none_or(|minor| minor < 36);
    if size == 0 && old {
        // Before 1.36 the rotating writer took 0 for 100.
        size = 100;
    }
    Some((number("audit-log-maxage")?, number("audit-log-maxbackup")?, size))
}
