//! API servers that are configured, not laid out: k3s, RKE2, MicroK8s, k0s, a systemd unit.
//!
//! Each has a file of its own that says which lines go into which of its configuration files, and which unit has to be
//! restarted for them to count. Planning is pure: it reads through [`Files`] and answers with whole new contents.
//!
//! ```text
//!  k3s       /etc/rancher/k3s/config.yaml.d/90-auditward.yaml    kube-apiserver-arg+        a file of ours
//!  RKE2      /etc/rancher/rke2/config.yaml.d/90-auditward.yaml   audit-policy-file, args    a file of ours
//!  MicroK8s  /var/snap/microk8s/current/args/kube-apiserver      a flag a line              edited
//!  k0s       /etc/k0s/k0s.yaml                                   spec.api.extraArgs         edited
//!  systemd   kube-apiserver.service.d/90-auditward.conf          ExecStart                  a file of ours
//! ```
//!
//! Invariant: a file of ours is only ever written or removed whole, and an edited one keeps every line that is not about
//! an audit flag.

mod enabling;
mod k0s;
mod microk8s;
mod rancher;
mod restart;
mod site;
mod systemd;
mod unit;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::inspect::Program;
use crate::manifest::diff;
pub use enabling::{Enabling, wanted_service};
pub use restart::{RestartError, is_known, restart};
pub(crate) use site::clients;
pub use site::{kubeconfigs, site};

/// What planning may look at.
pub trait Files {
    /// The whole content; `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    /// The names in a folder, in any order; empty where there is no such folder.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
}

/// A way to run an API server that is configured by files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// `k3s server`.
    K3s,
    /// `rke2 server`.
    Rke2,
    /// The snap `microk8s`.
    MicroK8s,
    /// `k0s controller`.
    K0s,
    /// A unit `kube-apiserver.service`.
    Systemd,
}

impl Service {
    /// The process that has the API server in it.
    pub fn program(self) -> Program {
        match self {
            Self::K3s => Program::K3s,
            Self::MicroK8s => Program::Kubelite,
            Self::Rke2 | Self::K0s | Self::Systemd => Program::KubeApiserver,
        }
    }
}

/// The unit that is restarted for a service.
pub fn unit(service: Service) -> &'static str {
    match service {
        Service::K3s => rancher::K3S.unit,
        Service::Rke2 => rancher::RKE2.unit,
        Service::MicroK8s => microk8s::UNIT,
        Service::K0s => k0s::UNIT,
        Service::Systemd => systemd::UNIT,
    }
}

/// The mode of a new configuration file. systemd complains of units that not everybody may read; the others may hold tokens.
pub fn mode(service: Service) -> u32 {
    if service == Service::Systemd { 0o644 } else { 0o600 }
}

/// What the API server is to be told: flags without dashes and their values, in the order in which they are written. The
/// policy file and the log path are not among them: [`plan`] says where these go.
pub type Flags = Vec<(String, String)>;

/// What has to be done so that audit is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// Configuration files with their new contents. Empty where everything is as it should be already.
    pub files: Vec<FileChange>,
    /// Where the policy goes.
    pub policy: PathBuf,
    /// Where the log goes.
    pub log: PathBuf,
    /// The user that the API server runs as, who must be able to read the one and write the other; `None` for root.
    pub user: Option<String>,
    /// What is restarted: `k3s.service`.
    pub unit: String,
    /// What a person should know: which settings of other files are overridden, what else the restart takes with it.
    pub notes: Vec<String>,
}

/// One configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Which.
    pub path: PathBuf,
    /// As it is; `None` where it does not exist.
    pub before: Option<Vec<u8>>,
    /// As it is to be; `None` where it is to be removed.
    pub after: Option<Vec<u8>>,
}

impl FileChange {
    /// What is different, as a unified diff.
    pub fn diff(&self) -> String {
        let text = |bytes: &Option<Vec<u8>>| {
            bytes.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
        };
        let name = |bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map_or("/dev/null".to_owned(), |_| self.path.display().to_string())
        };
        diff(&text(&self.before), &text(&self.after), &name(&self.before), &name(&self.after))
    }
}

/// Why a configuration is left alone.
#[derive(Debug, thiserror::Error)]
pub enum ServiceRefusal {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there cannot be edited without guessing.
    #[error("{}{}: {problem}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Unclear {
        /// Which file.
        path: PathBuf,
        /// Where in it, from 1.
        line: Option<usize>,
        /// What.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// There is nothing to configure.
    #[error("{problem}")]
    Missing {
        /// What was looked for.
        problem: String,
        /// What to do.
        hint: String,
    },
}

impl ServiceRefusal {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Read { .. } => None,
            Self::Unclear { hint, .. } | Self::Missing { hint, .. } => Some(hint),
        }
    }

    fn unclear(
        path: &Path,
        line: Option<usize>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Unclear { path: path.to_owned(), line, problem: problem.into(), hint: hint.into() }
    }
}

/// What to write and what to restart so that audit is on with these flags.
pub fn plan(service: Service, files: &dyn Files, flags: &Flags) -> Result<ServicePlan, ServiceRefusal> {
    let mut plan = match service {
        Service::K3s => rancher::plan(&rancher::K3S, files, flags),
        Service::Rke2 => rancher::plan(&rancher::RKE2, files, flags),
        Service::MicroK8s => microk8s::plan(files, flags),
        Service::K0s => k0s::plan(files, flags),
        Service::Systemd => systemd::plan(files, flags),
    }?;
    plan.files.retain(|file| file.before != file.after);
    Ok(plan)
}

/// What to write so that what [`plan`] wrote is gone and everything else stays. A flag that was set to another value
/// before is not known here any more; where the file is as it was left, put its old bytes back instead.
pub fn undo(service: Service, files: &dyn Files, flags: &Flags) -> Result<Vec<FileChange>, ServiceRefusal> {
    let mut changes = match service {
        Service::K3s => rancher::undo(&rancher::K3S, files),
        Service::Rke2 => rancher::undo(&rancher::RKE2, files),
        Service::MicroK8s => microk8s::undo(files, flags),
        Service::K0s => k0s::undo(files, flags),
        Service::Systemd => systemd::undo(files),
    }?;
    changes.retain(|file| file.before != file.after);
    Ok(changes)
}

/// The file at `path` as text.
fn read_text(files: &dyn Files, path: &Path) -> Result<Option<String>, ServiceRefusal> {
    let bytes = files.read(path).map_err(|source| ServiceRefusal::Read { path: path.to_owned(), source })?;
    bytes
        .map(|bytes| {
            String::from_utf8(bytes).map_err(|_| {
                ServiceRefusal::unclear(path, None, "is not UTF-8 text", "look at it with a text editor")
            })
        })
        .transpose()
}

/// The files of a folder whose names end so, by name.
fn list(files: &dyn Files, folder: &Path, ends: &[&str]) -> Result<Vec<PathBuf>, ServiceRefusal> {
    let mut names =
        files.names(folder).map_err(|source| ServiceRefusal::Read { path: folder.to_owned(), source })?;
    names.retain(|name| ends.iter().any(|end| name.ends_with(end)));
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The flags that are about audit.
fn is_audit_flag(name: &str) -> bool {
    name.starts_with("audit-")
}

/// `--audit_log_path=…`, `audit-log-path=…` → `audit-log-path` and what follows the `=`.
fn split_flag(word: &str) -> (String, Option<&str>) {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    (name.trim_start_matches("--").replace('_', "-"), value)
}

/// All flags to set, with the policy and the log.
fn with_paths(flags: &Flags, policy: &Path, log: &Path) -> Flags {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mut all =
        vec![("audit-policy-file".to_owned(), path(policy)), ("audit-log-path".to_owned(), path(log))];
    all.extend(flags.iter().cloned());
    all
}
