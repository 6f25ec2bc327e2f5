//! The steps that a change is made of. Each can be done once and undone any number of times.
//!
//! ```text
//! Folder    made, with its owner and mode              undone: removed, if it is empty
//! File      written, replaced or removed as a whole    undone: the old bytes put back, or removed if it was not there
//! Restart   a unit, for its configuration                undone: restarted again, for the old one
//! Cluster   kubeadm's ClusterConfiguration             undone: the old text put back
//! ```
//! Undoing looks first at what is there. What somebody else has changed meanwhile is theirs: it is left, and said.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use auditward_base::Digest;
use auditward_base::disk::{self, Access};
use serde::{Deserialize, Serialize};

use crate::api::{Client, ClusterConfiguration, KubeadmConfigError};
use crate::journal::{JournalError, Record, Saved};
use crate::manifest::Undo;
use crate::service::{Flags, RestartError, Service, restart};

/// One step, as the journal has it: with all that undoing it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A folder is made.
    Folder(FolderStep),
    /// A file is written, replaced or removed.
    File(FileStep),
    /// A unit is restarted.
    Restart(RestartStep),
    /// kubeadm's ClusterConfiguration is changed.
    Cluster(ClusterStep),
}

/// A folder that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderStep {
    /// Where.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, where they are not ours.
    pub owner: Option<(u32, u32)>,
}

/// A file that is written, replaced or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStep {
    /// What it is.
    pub role: Role,
    /// Where.
    pub path: PathBuf,
    /// What it held; none if it was not there.
    pub before: Option<Saved>,
    /// The digest of what it holds afterwards; none if it is removed.
    pub after: Option<String>,
    /// Permission bits of a new file; a file that is replaced keeps its own.
    pub mode: Option<u32>,
    /// Owner and group of a new file.
    pub owner: Option<(u32, u32)>,
    /// The way back for a manifest that somebody edits afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

/// A unit that is restarted because its configuration was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartStep {
    /// What kind of unit.
    pub service: Service,
    /// Its name.
    pub unit: String,
    /// The flags that the configuration now sets: by them they are found when somebody edits it afterwards.
    #[serde(default)]
    pub flags: Flags,
}

/// A ClusterConfiguration that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStep {
    /// What it was.
    pub before: Saved,
    /// The digest of what it is afterwards.
    pub after: String,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The API server's manifest: the kubelet restarts the API server for it.
    Manifest,
    /// The audit policy: read by the API server when it starts.
    Policy,
    /// What a unit is configured by: the API server is restarted with it.
    Configuration,
}

/// Why a step could not be done or undone.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The file is not what the plan was made from.
    #[error("`{}` was changed by somebody else since the plan was made", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// The system did not let us.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// systemd did not let us.
    #[error(transparent)]
    Restart(#[from] RestartError),
    /// The cluster did not let us.
    #[error(transparent)]
    Cluster(#[from] KubeadmConfigError),
    /// The old content is not there.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What undoing a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was before.
    AsBefore,
    /// It was never done, or undone already.
    Nothing,
    /// It is left as it is; why.
    Left(String),
}

impl FolderStep {
    /// Makes it, with the folders above it.
    pub fn run(&self) -> Result<(), StepError> {
        let failed = |source| StepError::Io { what: "make the folder", path: self.path.clone(), source };
        match DirBuilder::new().recursive(true).mode(self.mode).create(&self.path) {
            Ok(()) => {}
            Err(error) => return Err(failed(error)),
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(&self.path, Some(user), Some(group)).map_err(failed)?;
        }
        // What the umask took away.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(self.mode);
        fs::set_permissions(&self.path, mode).map_err(failed)?;
        disk::sync_folder(self.path.parent().unwrap_or(Path::new("/"))).map_err(failed)
    }

    /// Removes it if nothing is in it.
    pub fn undo(&self) -> Result<Undone, StepError> {
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(Undone::AsBefore),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Undone::Nothing),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Ok(Undone::Left(format!("`{}` is not empty", self.path.display())))
            }
            Err(error) => {
                Ok(Undone::Left(format!("`{}` could not be removed: {error}", self.path.display())))
            }
        }
    }
}

impl FileStep {
    /// Writes `text`, or removes the file if there is none. What is there must be what the plan was made from.
    pub fn run(&self, text: Option<&[u8]>) -> Result<(), StepError> {
        let before = self.before.as_ref().map(|saved| saved.digest.clone());
        if digest_of(&self.path)? != before {
            return Err(StepError::Changed { path: self.path.clone() });
        }
        match (text, before) {
            (Some(text), Some(_)) => self.io("replace", disk::replace(&self.path, text)),
            (Some(text), None) => {
                let access = Access { mode: self.mode.unwrap_or(0o600), owner: self.owner };
                self.io("write", disk::write(&self.path, text, access))
            }
            (None, Some(_)) => self.io("remove", disk::remove(&self.path)),
            (None, None) => Ok(()),
        }
    }

    /// Puts back what was there.
    pub fn undo(&self, record: &Record) -> Result<Undone, StepError> {
        let before = self.before.as_ref().map(|saved| saved.digest.clone());
        let found = digest_of(&self.path)?;
        if found == before {
            return Ok(Undone::Nothing);
        }
        if found != self.after {
            return Ok(Undone::Left(format!(
                "`{}` was changed by somebody else meanwhile",
                self.path.display()
            )));
        }
        match &self.before {
            None => self.io("remove", disk::remove(&self.path))?,
            Some(saved) => {
                let text = record.saved(saved)?;
                if found.is_some() {
                    self.io("replace", disk::replace(&self.path, &text))?;
                } else {
                    // It was removed, and its mode with it.
                    let access = Access { mode: self.mode.unwrap_or(0o600), owner: self.owner };
                    self.io("write", disk::write(&self.path, &text, access))?;
                }
            }
        }
        Ok(Undone::AsBefore)
    }

    fn io(&self, what: &'static str, result: io::Result<()>) -> Result<(), StepError> {
        result.map_err(|source| StepError::Io { what, path: self.path.clone(), source })
    }
}

impl RestartStep {
    /// Restarts it; returns before it is up again.
    pub fn run(&self) -> Result<(), StepError> {
        Ok(restart(self.service, &self.unit)?)
    }
}

impl ClusterStep {
    /// Writes `text`. What is there must be what the plan was made from.
    pub fn run(&self, client: &Client, text: &str) -> Result<(), StepError> {
        let now = ClusterConfiguration::read(client)?;
        if Digest::of(now.text.as_bytes()).to_string() != self.before.digest {
            return Err(StepError::Changed { path: "kubeadm-config".into() });
        }
        Ok(now.write(client, text)?)
    }
}

/// The digest of what a file holds; none if it is not there.
pub(crate) fn digest_of(path: &Path) -> Result<Option<String>, StepError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(Digest::of(&text).to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StepError::Io { what: "read", path: path.to_owned(), source }),
    }
}
