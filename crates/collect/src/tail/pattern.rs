//! Which logs are meant: paths, whose parts may hold `*` (any characters) and `?` (one).

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::names;

/// How many folders one pattern may come to, so that a careless `/*/*/*` ends.
const FOLDERS_MAX: usize = 4096;

/// The live files of the logs that `pattern` stands for, whether or not they are there at the moment; without a wildcard
/// always the path itself.
pub(super) fn logs(pattern: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut folders = vec![PathBuf::new()];
    let parts: Vec<Component<'_>> = pattern.components().collect();
    let Some((Component::Normal(last), before)) = parts.split_last() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    };
    for part in before {
        let wild = part.as_os_str().to_str().filter(|text| is_wild(text));
        let Some(wild) = wild else {
            for folder in &mut folders {
                folder.push(part);
            }
            continue;
        };
        let mut below = Vec::new();
        for folder in &folders {
            for name in names_in(folder)?.into_iter().filter(|name| is_like(name, wild)) {
                let path = folder.join(name);
                if path.is_dir() && below.len() < FOLDERS_MAX {
                    below.push(path);
                }
            }
        }
        folders = below;
    }
    let wild = last.to_str().filter(|text| is_wild(text));
    let mut logs = BTreeSet::new();
    for folder in folders {
        match wild {
            None => _ = logs.insert(folder.join(last)),
            Some(wild) => {
                let names = names_in(&folder)?.into_iter().filter(|name| is_like(name, wild));
                logs.extend(names.map(|name| folder.join(names::live(&name))));
            }
        }
    }
    Ok(logs)
}

/// Names that are text, without hidden ones. A folder that is not there has none.
pub(super) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn is_like(name: &str, wild: &str) -> bool {
    if name.starts_with('.') && !wild.starts_with('.') {
        return false;
    }
    let (name, wild): (Vec<char>, Vec<char>) = (name.chars().collect(), wild.chars().collect());
    let (mut at, mut like) = (0, 0);
    // Where to go on when what was taken for the end of a `*` was not: no more than the last one need be tried.
    let mut again = None;
    while at < name.len() {
        match wild.get(like) {
            Some('*') => {
                again = Some((at, like));
                like += 1;
            }
            Some(c) if *c == '?' || *c == name[at] => (at, like) = (at + 1, like + 1),
            _ => match again {
                Some((from, star)) => {
                    again = Some((from + 1, star));
                    (at, like) = (from + 1, star + 1);
                }
                None => return false,
            },
        }
    }
    wild[like..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, wild: &str, expect: bool) {
        assert_eq!(is_like(name, wild), expect, "{name} {wild}");
    }

    #[test]
    fn wildcards() {
        check("audit.log", "*.log", true);
        check("audit.log", "a*d*t.log", true);
        check("audit.log", "audit.???", true);
        check("audit.log", "audit.??", false);
        check("audit.log.1", "*.log", false);
        check("audit.log", "*", true);
        check(".audit.log", "*", false);
        check(".audit.log", ".a*", true);
        check("aab", "*ab", true);
        check("", "*", true);
    }
}
