//! The way back to before: from records of changes to a change that undoes them.
//!
//! Where a file is as a change left it, it becomes what it was before that change, byte for byte. Where somebody has edited the
//! manifest since, what the change added is taken out and their edits stay.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use auditward_base::Digest;

use crate::change::{Change, NewConfiguration, NewManifest, Todo};
use crate::inspect::Host;
use crate::journal::{JournalError, Purpose, Record};
use crate::manifest::{Manifest, Refusal};
use crate::service::{self, FileChange, ServiceRefusal};
use crate::step::{FileStep, RestartStep, Role, Step};
use crate::watch::Flags;

/// A change that takes others back, and what of them stays.
#[derive(Clone, Debug)]
pub struct Unwound {
    /// What to do.
    pub change: Change,
    /// What stays, and why.
    pub stays: Vec<String>,
    /// Whether the manifest becomes what it was, byte for byte.
    pub exact: bool,
}

/// Why there is no way back.
#[derive(Debug, thiserror::Error)]
pub enum UnwindError {
    /// Nothing on this node was changed by us, or it was taken back already.
    #[error("auditward has not turned audit on here, or has turned it off again")]
    Nothing,
    /// No record of this name.
    #[error("there is no backup `{name}`")]
    NoSuchBackup {
        /// The name that was given.
        name: String,
    },
    /// The record holds no manifest.
    #[error("the backup `{name}` holds no file")]
    Empty {
        /// Its name.
        name: String,
    },
    /// A record can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file can't be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A configuration was edited since, in a way that what we added can't be told apart.
    #[error("what auditward added to the configuration can't be taken out")]
    Service(#[from] ServiceRefusal),
    /// The manifest was edited since, in a way that what we added can't be told apart.
    #[error("`{}` was edited since, and what auditward added can't be taken out: {refusal}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
}

/// The changes that are in force: kept, and not taken back by a later one.
pub fn in_force(records: &[Record]) -> Vec<&Record> {
    let mut stack: Vec<&Record> = Vec::new();
    for record in records.iter().filter(|record| record.kept()) {
        match record.began().map(|began| began.purpose) {
            Some(Purpose::Enable | Purpose::Policy) => stack.push(record),
            Some(Purpose::Disable) => stack.clear(),
            // It put the node to where it was before one of them, or after one.
            Some(Purpose::Rollback) => {
                let left = |other: &Record| -> Vec<(PathBuf, String)> {
                    let manifest = manifest_step(other).map(|file| vec![file]);
                    let files = manifest.unwrap_or_else(|| file_steps(other));
                    files
                        .into_iter()
                        .filter_map(|file| Some((file.path.clone(), file.after.clone()?)))
                        .collect()
                };
                let now = left(record);
                let keep = stack.iter().rposition(|other| left(other).iter().any(|file| now.contains(file)));
                stack.truncate(keep.map_or(0, |at| at + 1));
            }
            None => {}
        }
    }
    stack
}

/// Takes everything back that is in force.
pub fn disable(records: &[Record]) -> Result<Unwound, UnwindError> {
    let stack = in_force(records);
    if stack.is_empty() {
        return Err(UnwindError::Nothing);
    }
    let mut stays = Vec::new();
    let mut exact = true;
    let manifest = manifest_without(&stack, &mut exact)?;
    let unit = configuration_without(&stack, &mut exact)?;
    let mut first = Vec::new();
    let mut last = Vec::new();
    for (path, steps) in files_of(&stack) {
        let (Some((oldest, record)), Some((newest, _))) = (steps.first(), steps.last()) else { continue };
        let found = read(&path)?;
        if digest(found.as_deref()) != newest.after {
            stays.push(format!("`{}` was changed since and is left as it is", path.display()));
            continue;
        }
        let text = oldest.before.as_ref().map(|saved| record.saved(saved)).transpose()?;
        let todo = Todo::File {
            path,
            before: found,
            text: text.clone(),
            mode: oldest.mode.unwrap_or(0o600),
            owner: oldest.owner,
        };
        // What the old manifest's API server reads must be there before it starts; what only ours reads goes when it is gone.
        if text.is_some() { first.push(todo) } else { last.push(todo) }
    }
    for record in stack.iter().rev() {
        for step in record.steps().into_iter().rev() {
            if let Step::Folder(folder) = step {
                last.push(Todo::RemoveFolder(folder.path.clone()));
            }
        }
    }
    let change = Change {
        purpose: Purpose::Disable,
        summary: format!("take back {}", names(&stack)),
        first,
        manifest,
        unit,
        last,
        proof: None,
    };
    Ok(Unwound { change, stays, exact })
}

/// Puts everything to where it was before the named change, byte for byte, whatever is there now.
pub fn restore(records: &[Record], name: &str) -> Result<Unwound, UnwindError> {
    let missing = || UnwindError::NoSuchBackup { name: name.to_owned() };
    let record = records.iter().find(|record| record.name() == name).ok_or_else(missing)?;
    let mut change = Change {
        purpose: Purpose::Rollback,
        summary: format!("to before {name}"),
        first: Vec::new(),
        manifest: None,
        unit: None,
        last: Vec::new(),
        proof: None,
    };
    let mut files = Vec::new();
    let mut any = false;
    for step in record.steps() {
        let Step::File(file) = step else { continue };
        any = true;
        let text = file.before.as_ref().map(|saved| record.saved(saved)).transpose()?;
        let found = read(&file.path)?;
        if found == text {
            continue;
        }
        if file.role == Role::Configuration {
            files.push(FileChange { path: file.path.clone(), before: found, after: text });
            continue;
        }
        match (file.role, &text, &found) {
            (Role::Manifest, Some(old), Some(found)) => {
                let utf8 = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let (path, before, text) = (file.path.clone(), utf8(found), utf8(old));
                change.manifest = Some(NewManifest { path, before, text, undo: None });
            }
            _ => {
                let todo = Todo::File {
                    path: file.path.clone(),
                    before: found,
                    text: text.clone(),
                    mode: file.mode.unwrap_or(0o600),
                    owner: file.owner,
                };
                if text.is_some() { change.first.push(todo) } else { change.last.push(todo) }
            }
        }
    }
    // Another policy too is read only when the unit is restarted.
    let changes = !(files.is_empty() && change.first.is_empty() && change.last.is_empty());
    change.unit = record.restart().filter(|_| changes).map(|restart| configuration(restart, files));
    if !any {
        return Err(UnwindError::Empty { name: name.to_owned() });
    }
    Ok(Unwound { change, stays: Vec::new(), exact: true })
}

/// The manifest as it would be without these changes; none if it is so already.
fn manifest_without(stack: &[&Record], exact: &mut bool) -> Result<Option<NewManifest>, UnwindError> {
    let Some(path) = stack.iter().find_map(|record| manifest_step(record)).map(|file| file.path.clone())
    else {
        return Ok(None);
    };
    let bytes = read(&path)?.unwrap_or_default();
    let before = String::from_utf8_lossy(&bytes).into_owned();
    let mut text = before.clone();
    for record in stack.iter().rev() {
        let Some(file) = manifest_step(record) else { continue };
        if let (Some(saved), true) =
            (&file.before, Some(Digest::of(text.as_bytes()).to_string()) == file.after)
        {
            text = String::from_utf8_lossy(&record.saved(saved)?).into_owned();
            continue;
        }
        *exact = false;
        let Some(undo) = &file.undo else { continue };
        let refused = |refusal| UnwindError::Manifest { path: path.clone(), refusal };
        let manifest = Manifest::read(text.as_bytes()).map_err(refused)?;
        text = manifest.undo(undo).map_err(refused)?.text;
    }
    Ok((text != before).then_some(NewManifest { path, before, text, undo: None }))
}

/// The configuration of a unit as it would be without these changes; none where no unit was restarted for them.
fn configuration_without(
    stack: &[&Record],
    exact: &mut bool,
) -> Result<Option<NewConfiguration>, UnwindError> {
    let Some(newest) = stack.iter().rev().find_map(|record| record.restart()) else { return Ok(None) };
    let mut files: Vec<FileChange> = Vec::new();
    let mut edited = false;
    for (path, steps) in files_by(stack, |role| role == Role::Configuration) {
        let (Some((oldest, record)), Some((last, _))) = (steps.first(), steps.last()) else { continue };
        let found = read(&path)?;
        if digest(found.as_deref()) != last.after {
            edited = true;
            continue;
        }
        let after = oldest.before.as_ref().map(|saved| record.saved(saved)).transpose()?;
        files.push(FileChange { path, before: found, after });
    }
    if edited {
        *exact = false;
        for file in service::undo(newest.service, &Host::live(), &newest.flags)? {
            if files.iter().all(|known| known.path != file.path) {
                files.push(file);
            }
        }
    }
    Ok(Some(configuration(newest, files)))
}

fn configuration(restart: &RestartStep, files: Vec<FileChange>) -> NewConfiguration {
    NewConfiguration {
        service: restart.service,
        unit: restart.unit.clone(),
        files,
        settings: restart.flags.clone(),
        flags: Flags::Any,
    }
}

fn file_steps(record: &Record) -> Vec<&FileStep> {
    let files = record.steps().into_iter().filter_map(|step| match step {
        Step::File(file) => Some(file),
        _ => None,
    });
    files.collect()
}

fn manifest_step(record: &Record) -> Option<&FileStep> {
    record.steps().into_iter().find_map(|step| match step {
        Step::File(file) if file.role == Role::Manifest => Some(file),
        _ => None,
    })
}

/// The files that an API server reads, with the steps that touched each, the oldest first.
fn files_of<'r>(stack: &[&'r Record]) -> BTreeMap<PathBuf, Vec<(&'r FileStep, &'r Record)>> {
    files_by(stack, |role| role == Role::Policy)
}

fn files_by<'r>(
    stack: &[&'r Record],
    of: impl Fn(Role) -> bool,
) -> BTreeMap<PathBuf, Vec<(&'r FileStep, &'r Record)>> {
    let mut files: BTreeMap<PathBuf, Vec<_>> = BTreeMap::new();
    for record in stack {
        for step in record.steps() {
            if let Step::File(file) = step
                && of(file.role)
            {
                files.entry(file.path.clone()).or_default().push((file, *record));
            }
        }
    }
    files
}

/// The texts of kubeadm's ClusterConfiguration as our changes found and left it: the oldest before, the newest after.
pub fn cluster_texts(records: &[Record]) -> Result<Option<(String, String)>, UnwindError> {
    let mut texts: Option<(String, String)> = None;
    for record in in_force(records) {
        for step in record.steps() {
            if let Step::Cluster(cluster) = step {
                let before = String::from_utf8_lossy(&record.saved(&cluster.before)?).into_owned();
                let oldest = texts.map_or(before, |(oldest, _)| oldest);
                texts = Some((oldest, cluster.after.clone()));
            }
        }
    }
    Ok(texts)
}

fn names(stack: &[&Record]) -> String {
    stack.iter().map(|record| record.name()).collect::<Vec<_>>().join(", ")
}

fn digest(text: Option<&[u8]>) -> Option<String> {
    text.map(|text| Digest::of(text).to_string())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, UnwindError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(UnwindError::Read { path: path.to_owned(), source }),
    }
}
