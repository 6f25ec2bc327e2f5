//! Which files to read.

use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::output::{self, count};

/// The files that are meant: of a folder those in it, not below it, by name; but rotated logs by age, which in the names
/// that kube-apiserver gives comes to the same, with the live one last. What else a folder has is told.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let contents = Contents::of(path)?;
            contents.tell_passed_over(path);
            files.extend(contents.logs);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The logs in a folder, with no word of what else is in it.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    Ok(Contents::of(folder)?.logs)
}

/// What is in a folder, hidden files aside.
#[derive(Default)]
struct Contents {
    logs: Vec<PathBuf>,
    /// The names of files that are not called as logs are.
    others: Vec<String>,
    /// The names of folders, whatever is in them.
    folders: Vec<String>,
}

impl Contents {
    /// It is an error when there is no log.
    fn of(folder: &Path) -> Result<Self, Failure> {
        let reading = |error| Failure::reading(folder, error);
        let mut contents = Contents::default();
        for entry in folder.read_dir().map_err(reading)? {
            contents.add(entry.map_err(reading)?.path());
        }
        if contents.logs.is_empty() {
            return Err(no_log(folder));
        }
        // `audit-2026-01-02T03-04-05.678.log` comes before `audit.log`, and would in any order of bytes: `-` is before `.`.
        contents.logs.sort();
        contents.others.sort();
        contents.folders.sort();
        Ok(contents)
    }

    fn add(&mut self, path: PathBuf) {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
        if name.starts_with('.') {
            return;
        }
        if path.is_dir() {
            self.folders.push(name);
        } else if is_log(&name) && path.is_file() {
            self.logs.push(path);
        } else if path.is_file() {
            self.others.push(name);
        }
    }

    /// Says what is passed over: who has a log of another name would take it for looked at.
    fn tell_passed_over(&self, folder: &Path) {
        const NAMES_MAX: usize = 5;
        let mut counts = Vec::new();
        for (names, noun) in [(&self.others, "file"), (&self.folders, "folder")] {
            if !names.is_empty() {
                counts.push(count(names.len() as u64, noun));
            }
        }
        if counts.is_empty() {
            return;
        }
        let names: Vec<&str> = self.others.iter().chain(&self.folders).map(String::as_str).collect();
        let mut shown = names[..names.len().min(NAMES_MAX)].join(", ");
        if names.len() > NAMES_MAX {
            shown += &format!(" and {} more", names.len() - NAMES_MAX);
        }
        let shown = output::visible(&shown);
        output::talk(&format!(
            "`{}`: passed over {} (logs in a folder have `log` or `json` in their names): {shown}",
            folder.display(),
            counts.join(" and "),
        ));
    }
}

fn no_log(folder: &Path) -> Failure {
    Failure::new(format!("there is no log in `{}`", folder.display()))
        .hint("logs in a folder have `log` or `json` in their names; others can be named one by one")
}

/// `audit.log`, `audit-….log.gz`, `audit.log.1`, `events.jsonl`; not the page that explains them.
fn is_log(name: &str) -> bool {
    name.contains("log") || name.contains("json")
}
