//! Just as much of systemd's unit files as is needed to find the command that runs.

use std::path::{Path, PathBuf};

use super::{Files, ServiceRefusal, list, read_text};

/// Where units stand; an earlier folder hides a later one (systemd.unit(5)).
const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// A unit with its drop-ins, in the order in which they count.
pub(super) struct Unit {
    parts: Vec<(PathBuf, String)>,
}

/// A command that a unit runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Where it stands.
    pub(super) path: PathBuf,
    /// Its first line, from 1.
    pub(super) line: usize,
    /// As written, continuation lines included, without `ExecStart=`.
    pub(super) text: String,
}

impl Unit {
    /// The unit of that name.
    pub(super) fn find(files: &dyn Files, name: &str) -> Result<Option<Self>, ServiceRefusal> {
        let mut parts = Vec::new();
        for folder in FOLDERS {
            let path = Path::new(folder).join(name);
            if let Some(text) = read_text(files, &path)? {
                parts.push((path, text));
                break;
            }
        }
        if parts.is_empty() {
            return Ok(None);
        }
        // Drop-ins of all folders count by their file names; of two that are named alike the earlier folder's does.
        let mut drop_ins: Vec<PathBuf> = Vec::new();
        for folder in FOLDERS {
            for path in list(files, &Path::new(folder).join(format!("{name}.d")), &[".conf"])? {
                if drop_ins.iter().all(|known| known.file_name() != path.file_name()) {
                    drop_ins.push(path);
                }
            }
        }
        drop_ins.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        for path in drop_ins {
            if let Some(text) = read_text(files, &path)? {
                parts.push((path, text));
            }
        }
        Ok(Some(Self { parts }))
    }

    /// The command that counts: the last one set.
    pub(super) fn exec_start(&self) -> Option<Command> {
        self.exec_start_without(|_| false)
    }

    /// The same as if some parts were not there.
    pub(super) fn exec_start_without(&self, hidden: impl Fn(&Path) -> bool) -> Option<Command> {
        let mut found = None;
        for (path, text) in self.parts.iter().filter(|(path, _)| !hidden(path)) {
            for (line, value) in settings(text, "ExecStart") {
                // An empty one takes back those before it.
                found = (!value.trim().is_empty()).then(|| Command { path: path.clone(), line, text: value });
            }
        }
        found
    }

    /// The last value of a key of `[Service]`.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        let all = self.parts.iter().flat_map(|(_, text)| settings(text, key));
        all.last().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

impl Command {
    /// The words, quotes taken off.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let (mut word, mut quote) = (None::<String>, None);
        for c in self.text.replace("\\\n", " ").chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }
}

/// The lines of `[Service]` that set `key`, with continuation lines, each with its line number.
fn settings(text: &str, key: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut lines, mut in_service) = (text.lines().enumerate(), false);
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            in_service = trimmed == "[Service]";
            continue;
        }
        let comment = trimmed.starts_with('#') || trimmed.starts_with(';');
        let mut whole = line.trim_start().to_owned();
        while !comment && whole.ends_with('\\') {
            let Some((_, next)) = lines.next() else { break };
            whole.push('\n');
            whole += next;
        }
        let value = whole.split_once('=').filter(|(name, _)| name.trim() == key);
        if let (true, false, Some((_, value))) = (in_service, comment, value) {
            found.push((index + 1, value.to_owned()));
        }
    }
    found
}
