//! What a manifest says, as the kubelet would understand it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::flags::Flags;

/// A static pod that runs an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`; the pod in the API has the node's name behind it.
    pub name: String,
    /// `metadata.namespace`; empty when not said.
    pub namespace: String,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
    /// `spec.hostNetwork`
    pub host_network: bool,
    /// `spec.securityContext`
    pub security: Security,
    /// `spec.volumes`, in order.
    pub volumes: Vec<Volume>,
    /// The container that runs kube-apiserver.
    pub api_server: ApiServer,
    /// The names of all containers, in order.
    pub containers: Vec<String>,
    /// Volumes that other containers mount, by name.
    pub(super) mounted_elsewhere: Vec<String>,
}

/// The container that runs kube-apiserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its place in `spec.containers`, from 0.
    pub index: usize,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// How the program is started.
    pub launch: Launch,
    /// Its flags; none where a shell starts it.
    pub flags: Flags,
    /// The place of the word behind the program's name among the words of `command` and `args`.
    pub(super) first_word: usize,
    /// How many words `command` has.
    pub(super) command_words: usize,
    /// Whether its first mount begins with the volume's name, as people write it, or with the path, as kubeadm does.
    pub(super) names_first: bool,
    /// `volumeMounts`, in order.
    pub mounts: Vec<Mount>,
    /// `securityContext` of the container; see [`Pod::user`] for what counts.
    pub security: Security,
    /// Its probes, in the order liveness, readiness, startup.
    pub probes: Vec<Probe>,
    /// Environment variables with a value in the manifest; `None` where it comes from elsewhere.
    pub env: BTreeMap<String, Option<String>>,
}

/// How the program is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launch {
    /// Its flags are items of this list, and those to be added go to its end.
    Listed {
        /// Where.
        list: ArgumentList,
        /// The program that starts it, where that is not itself: `/go-runner`.
        wrapper: Option<String>,
    },
    /// By a shell, with its flags inside a script.
    Shell {
        /// The shell.
        program: String,
    },
}

/// Which list of a container holds the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ArgumentList {
    /// `command`
    Command,
    /// `args`
    Args,
}

/// A volume of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What it is.
    pub source: VolumeSource,
    /// Its line, from 1.
    pub line: usize,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A path of the node.
    HostPath {
        /// Absolute path on the node.
        path: String,
        /// What must be there.
        kind: HostPathType,
    },
    /// Anything else, by its key: `emptyDir`, `secret`.
    Other(String),
    /// Nothing is said, which means an empty directory.
    None,
}

/// `hostPath.type`: what the kubelet asks of the path before it starts the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum HostPathType {
    /// Nothing is asked; a missing path becomes a directory.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// A directory, made when missing.
    DirectoryOrCreate,
    /// A directory.
    Directory,
    /// A file, made empty when missing.
    FileOrCreate,
    /// A file.
    File,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A word that the kubelet does not know.
    #[serde(untagged)]
    Unknown(String),
}

/// A mount of the API server's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Absolute path in the container.
    pub path: String,
    /// Whether the container may not write there.
    pub read_only: bool,
    /// The part of the volume that is mounted; `None` for all of it.
    pub sub_path: Option<String>,
    /// Its line, from 1.
    pub line: usize,
}

/// Who a container runs as, and what it may write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// `runAsUser`
    pub user: Option<i64>,
    /// `runAsGroup`
    pub group: Option<i64>,
    /// `fsGroup`, which means nothing to host paths.
    pub fs_group: Option<i64>,
    /// `supplementalGroups`
    pub supplemental_groups: Vec<i64>,
    /// `readOnlyRootFilesystem`
    pub read_only_root: Option<bool>,
}

/// How the kubelet asks whether the server lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which question.
    pub kind: ProbeKind,
    /// `httpGet.host`; `None` means the pod's address.
    pub host: Option<String>,
    /// `httpGet.port`, a named port looked up; `None` where no such port is listed.
    pub port: Option<u16>,
    /// `httpGet.scheme`; `HTTP` where not said.
    pub scheme: String,
    /// `httpGet.path`
    pub path: String,
}

/// Which question a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Is it to be restarted?
    Liveness,
    /// Does it answer?
    Readiness,
    /// Has it come up?
    Startup,
}

/// A path of the container, on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnNode {
    /// The same file on the node.
    pub path: String,
    /// Whether the container may not write there.
    pub read_only: bool,
    /// Where the mount is in the container. Equal to the path asked for where it is mounted singly.
    pub mount: String,
    /// The volume's name.
    pub volume: String,
    /// What the kubelet asks of the volume's path.
    pub kind: HostPathType,
}

impl Pod {
    /// Where `path`, as the API server sees it, lies on the node. `None` where it does not: in the container's own
    /// layer, or in a volume that is no host path.
    pub fn on_node(&self, path: &str) -> Option<OnNode> {
        let mount = self.mount_over(path)?;
        let volume = self.volumes.iter().find(|volume| volume.name == mount.volume)?;
        let VolumeSource::HostPath { path: base, kind } = &volume.source else { return None };
        let base = mount.sub_path.as_ref().map_or_else(|| base.clone(), |sub| join(base, sub));
        Some(OnNode {
            path: join(&base, below(&mount.path, path)?),
            read_only: mount.read_only,
            mount: mount.path.clone(),
            volume: volume.name.clone(),
            kind: kind.clone(),
        })
    }

    /// The mount that `path` of the API server's container lies in: the deepest one.
    pub fn mount_over(&self, path: &str) -> Option<&Mount> {
        let over = self.api_server.mounts.iter().filter(|mount| below(&mount.path, path).is_some());
        over.max_by_key(|mount| clean(&mount.path).len())
    }

    /// The user that the API server runs as; `None` means the image's, root for kube-apiserver's own.
    pub fn user(&self) -> Option<i64> {
        self.api_server.security.user.or(self.security.user)
    }

    /// The group that the API server runs as.
    pub fn group(&self) -> Option<i64> {
        self.api_server.security.group.or(self.security.group)
    }
}

impl ApiServer {
    /// The port it serves on, 6443 where no flag says otherwise; `None` when the flag is no port.
    pub fn secure_port(&self) -> Option<u16> {
        self.flags.value("secure-port").map_or(Some(6443), |port| self.expand(port).parse().ok())
    }

    /// The address it listens on; `None` means all.
    pub fn bind_address(&self) -> Option<String> {
        let address = self.expand(self.flags.value("bind-address")?);
        Some(address).filter(|address| !address.is_empty() && address != "0.0.0.0" && address != "::")
    }

    /// `text` with each `$(NAME)` replaced as the kubelet does: by the variable's value where the manifest says it, left
    /// as it is where not. `$$` is one dollar.
    pub fn expand(&self, text: &str) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            expanded += &rest[..dollar];
            rest = &rest[dollar + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                expanded.push('$');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
                match self.env.get(name) {
                    Some(Some(value)) => expanded += value,
                    _ => expanded += &format!("$({name})"),
                }
                rest = after;
            } else {
                expanded.push('$');
            }
        }
        expanded + rest
    }

    /// The version that the image's tag names, as written: `v1.34.0`.
    pub fn image_version(&self) -> Option<&str> {
        let name = self.image.split_once('@').map_or(self.image.as_str(), |(name, _)| name);
        let tag = name.rsplit_once('/').map_or(name, |(_, last)| last).split_once(':')?.1;
        tag.starts_with('v').then_some(tag)
    }
}

impl ArgumentList {
    /// The field's name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Args => "args",
        }
    }
}

impl HostPathType {
    /// As it is written; empty for [`HostPathType::Unset`].
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unset => "",
            Self::DirectoryOrCreate => "DirectoryOrCreate",
            Self::Directory => "Directory",
            Self::FileOrCreate => "FileOrCreate",
            Self::File => "File",
            Self::Socket => "Socket",
            Self::CharDevice => "CharDevice",
            Self::BlockDevice => "BlockDevice",
            Self::Unknown(word) => word,
        }
    }
}

impl From<&str> for HostPathType {
    fn from(word: &str) -> Self {
        match word {
            "" => Self::Unset,
            "DirectoryOrCreate" => Self::DirectoryOrCreate,
            "Directory" => Self::Directory,
            "FileOrCreate" => Self::FileOrCreate,
            "File" => Self::File,
            "Socket" => Self::Socket,
            "CharDevice" => Self::CharDevice,
            "BlockDevice" => Self::BlockDevice,
            word => Self::Unknown(word.to_owned()),
        }
    }
}

impl fmt::Display for HostPathType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A path without needless slashes: `/a//b/` is `/a/b`.
pub(super) fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// What of `path` lies below `folder`: empty when they are the same, `None` when it lies elsewhere.
pub(super) fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let mut rest = path.trim_start_matches('/');
    for part in folder.split('/').filter(|part| !part.is_empty() && *part != ".") {
        rest = rest.strip_prefix(part)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        rest = rest.trim_start_matches('/');
    }
    Some(rest)
}

/// `rest` below `folder`.
pub(super) fn join(folder: &str, rest: &str) -> String {
    clean(&format!("{folder}/{rest}"))
}
