//! What a static pod's containers have said: the files that the kubelet keeps.
//!
//! ```text
//! /var/log/pods/kube-system_kube-apiserver-cp1_UID/kube-apiserver/0.log     of the pod's first container
//!                                                               1.log     of the one after its first end
//! ```
//! A changed manifest is another UID. The API server's own reason for not starting is nowhere else: without it there is
//! no `kubectl logs`.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is read of a log's end, in bytes.
const TAIL: u64 = 256 << 10;

/// One container's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerLog {
    /// When the container was made.
    pub made: Option<SystemTime>,
    /// How many of the pod ran before it.
    pub restarts: u32,
    /// The file.
    pub path: PathBuf,
}

/// The logs of a pod's containers, the oldest first. `pod` is `NAMESPACE_NAME`, as folders begin.
pub fn all(pods: &Path, pod: &str) -> Vec<ContainerLog> {
    let prefix = format!("{pod}_");
    let folders = fs::read_dir(pods).into_iter().flatten().flatten();
    let mine = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    let containers = mine.filter_map(|entry| fs::read_dir(entry.path()).ok()).flatten().flatten();
    let files = containers.filter_map(|entry| fs::read_dir(entry.path()).ok()).flatten().flatten();
    let mut logs: Vec<_> = files
        .filter_map(|entry| {
            let path = entry.path();
            let restarts = path.file_name()?.to_str()?.strip_suffix(".log")?.parse().ok()?;
            // The link itself is made with the container; its target goes on being written.
            let metadata = fs::symlink_metadata(&path).ok()?;
            let made = metadata.created().or_else(|_| metadata.modified()).ok();
            Some(ContainerLog { made, restarts, path })
        })
        .collect();
    logs.sort();
    logs
}

impl ContainerLog {
    /// The end of what it said, a line of the container a line.
    pub fn tail(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            file.take(TAIL).read_to_end(&mut bytes)
        });
        if read.is_err() {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(message).fold(String::new(), |all, line| all + line + "\n")
    }
}

/// `2026-11-24T10:41:19.1Z stderr F what was said`
fn message(line: &str) -> &str {
    let mut parts = line.splitn(4, ' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some("stdout" | "stderr"), Some(_), Some(message)) => message,
        _ => line,
    }
}

/// Why kube-apiserver says it ended, and whether it will say so again each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWords {
    /// In its words, one line.
    pub reason: String,
    /// The same arguments will always end so: there is no point in waiting for another try.
    pub for_good: bool,
}

/// Looks for the reason in what a container has said; none in the log of one that runs well or was told to end.
pub fn last_words(log: &str) -> Option<LastWords> {
    /// What no second try will change.
    const FOR_GOOD: [&str; 7] = [
        "unknown flag",
        "invalid argument",
        "loading audit policy file",
        "ensureLogFile",
        "initializing audit webhook",
        "--audit-",
        "unknown shorthand flag",
    ];
    let of_klog =
        |line: &str| line.starts_with('F') || (line.starts_with('E') && line.contains("command failed"));
    let line = log
        .lines()
        .rev()
        .find(|line| line.starts_with("Error:") || line.starts_with("panic:") || of_klog(line))?;
    let reason = match line.split_once("\"command failed\" err=") {
        Some((_, quoted)) => serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned()),
        None => line.strip_prefix("Error: ").unwrap_or(line).to_owned(),
    };
    let for_good = FOR_GOOD.iter().any(|known| reason.contains(known));
    Some(LastWords { reason: shown(&reason), for_good })
}

/// One line, without what a terminal would obey.
fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 400;
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log: &str, expected: Option<(&str, bool)>) {
        let log: String = log.lines().map(message).fold(String::new(), |all, line| all + line + "\n");
        let seen = last_words(&log).map(|words| (words.reason, words.for_good));
        assert_eq!(seen, expected.map(|(reason, for_good)| (reason.to_owned(), for_good)));
    }

    #[test]
    fn why_it_ended() {
        check("", None);
        check("2026-11-24T10:41:19.1Z stderr F I1124 10:41:19 server.go:1] Version: v1.36.3\n", None);
        check(
            "2026-11-24T10:41:19.1Z stderr F Error: unknown flag: --audit-log-maxages\n2026-11-24T10:41:19.1Z stderr F usage: …",
            Some(("unknown flag: --audit-log-maxages", true)),
        );
        check(
            "2026-11-24T10:41:19Z stderr F E1124 10:41:19.1 1 run.go:72] \"command failed\" err=\"loading audit policy file: failed to read \\\"/a\\\"\"",
            Some(("loading audit policy file: failed to read \"/a\"", true)),
        );
        check(
            "E1124 10:41:19.1 1 run.go:72] \"command failed\" err=\"listen tcp 0.0.0.0:6443: bind: address already in use\"",
            Some(("listen tcp 0.0.0.0:6443: bind: address already in use", false)),
        );
        check("E1124 10:41:19.1 1 other.go:72] nothing of interest", None);
    }
}
