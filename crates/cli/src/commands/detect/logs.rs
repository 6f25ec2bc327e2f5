//! Which files to read.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The files that are meant: of a folder those in it, not below it, by name; but rotated logs by age, which in the names
/// that kube-apiserver gives comes to the same, with the live one last.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

pub(super) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let reading = |error| Failure::reading(folder, error);
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(reading)? {
        let path = entry.map_err(reading)?.path();
        if path.is_file() && path.file_name().is_some_and(|name| is_log(&name.to_string_lossy())) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::new(format!("there is no log in `{}`", folder.display()))
            .hint("logs in a folder have `log` or `json` in their names; others can be named one by one"));
    }
    // `audit-2026-01-02T03-04-05.678.log` comes before `audit.log`, and would in any order of bytes: `-` is before `.`.
    files.sort();
    Ok(files)
}

/// `audit.log`, `audit-….log.gz`, `audit.log.1`, `events.jsonl`; not the page that explains them.
fn is_log(name: &str) -> bool {
    !name.starts_with('.') && (name.contains("log") || name.contains("json"))
}
