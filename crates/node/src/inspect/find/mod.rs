//! What runs the API server here, and what it is told: one file a way of running it.
//!
//! Each way leaves its own traces (a manifest, a unit, a configuration file), and old traces stay behind when a machine
//! is set up anew. So all are looked for, and the one whose program is running counts; where none runs, the first.

mod args_file;
mod k0s;
mod lone;
mod microshift;
mod rancher;
mod static_pod;
mod systemd;
mod talos;

use std::fmt;
use std::io;

use auditward_policy::read::Value;
use serde::Serialize;

use super::host::{Host, is_absent};
use super::process::{Processes, Program};
use super::yaml::{self, Document};
use crate::manifest::{Flags, Manifest, Refusal};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What runs the API server; `None` where nothing does.
    pub distribution: Option<Distribution>,
    /// What gave it away.
    pub sign: String,
    /// The folder with the kubelet's static pods that the manifest lies in, where there is one.
    pub manifest_folder: Option<String>,
    /// The folders that the kubelet says it watches; empty where it could not be asked.
    pub watched: Vec<String>,
    /// Static pods with an API server, by folder and file name: of those with one name the kubelet runs the last.
    pub manifests: Vec<StaticPod>,
    /// Manifests that seem to be an API server's and can't be read.
    pub refused: Vec<RefusedManifest>,
    /// The audit flags that are configured, in the order in which the API server gets them: the last of a name counts.
    pub settings: Vec<Setting>,
    /// What else the configuration says that matters, one sentence each.
    pub notes: Vec<String>,
    /// The API server's version, as written where it is: `v1.34.0`.
    pub version: Option<String>,
    /// What is running.
    pub processes: Processes,
    /// Everything that was looked at, in order.
    pub looked: Vec<Looked>,
}

/// Ways to run an API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// kubeadm, and what is built on it and leaves no traces of its own.
    Kubeadm,
    /// kubeadm, by kubespray.
    Kubespray,
    /// kubeadm, in kind's container.
    Kind,
    /// kubeadm, in minikube's machine.
    Minikube,
    /// kOps' nodeup.
    Kops,
    /// The kube-apiserver operator.
    OpenShift,
    /// Inside `microshift`.
    MicroShift,
    /// RKE2.
    Rke2,
    /// Inside `k3s server`.
    K3s,
    /// A Docker container of RKE1.
    Rke1,
    /// A child of `k0s controller`.
    K0s,
    /// Inside kubelite.
    MicroK8s,
    /// The service of Canonical's `k8s` snap.
    CanonicalK8s,
    /// Talos Linux.
    Talos,
    /// A systemd service.
    Systemd,
    /// A static pod of somebody else's making.
    StaticPod,
    /// A process that nothing here explains.
    Process,
}

/// A manifest with an API server in it.
#[derive(Clone, Debug)]
pub struct StaticPod {
    /// Its file.
    pub path: String,
    /// Whether the kubelet says that it watches this folder; `None` where it could not be asked.
    pub watched: Option<bool>,
    /// What it says.
    pub manifest: Manifest,
}

/// A file that seems to be an API server's manifest and is none.
#[derive(Clone, Debug)]
pub struct RefusedManifest {
    /// Its file.
    pub path: String,
    /// What is wrong with it.
    pub refusal: Refusal,
}

/// A flag that is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Without dashes.
    pub name: String,
    /// Its value; `true` for a name alone.
    pub value: String,
    /// Who says so.
    #[serde(serialize_with = "crate::inspect::find::shown")]
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, from 1; 0 where it is about the whole file.
    File(String, usize),
    /// The words of a running process.
    Process(u32),
    /// What the distribution sets unasked.
    Builtin(Distribution),
    /// What kube-apiserver does when nobody says otherwise.
    Default,
}

/// A place that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    /// The path.
    pub path: String,
    /// What was there.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What a look gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "seen", content = "what", rename_all = "camelCase")]
pub enum Seen {
    /// Nothing is there.
    Absent,
    /// Something is, and it could not be read.
    Unreadable(String),
    /// What there is, in a few words.
    Found(String),
}

/// One way that may be the way here.
struct Candidate {
    distribution: Distribution,
    sign: String,
    /// The program that runs when this is the way.
    program: Program,
    settings: Vec<Setting>,
    notes: Vec<String>,
    version: Option<String>,
}

/// Looks for what runs the API server.
pub fn find(host: &Host) -> Found {
    let mut look = Look { host, looked: Vec::new() };
    let processes = Processes::look(host);
    let talk = match (processes.seen, processes.all.len()) {
        (false, _) => Seen::Absent,
        (true, 0) => Seen::Found("no program of Kubernetes".to_owned()),
        (true, _) => {
            let names = processes.all.iter().map(|p| format!("{} ({})", p.program.name(), p.pid));
            Seen::Found(names.collect::<Vec<_>>().join(", "))
        }
    };
    look.looked.push(Looked { path: "/proc".to_owned(), seen: talk });

    let mut candidates: Vec<Candidate> = Vec::new();
    candidates.extend(talos::look(&mut look, &processes));
    candidates.extend(args_file::look(&mut look));
    candidates.extend(microshift::look(&mut look));
    candidates.extend(k0s::look(&mut look));
    candidates.extend(rancher::k3s(&mut look));
    let rke2 = rancher::rke2(&mut look);
    let pods = static_pod::look(&mut look, &processes, rke2.as_ref());
    // RKE2 writes its manifest from its configuration: the manifest is what counts, once there is one.
    match (pods.candidate, rke2) {
        (Some(mut pod), Some(rke2)) if pod.distribution == Distribution::Rke2 => {
            pod.notes.extend(rke2.candidate.notes);
            pod.notes.extend(rancher::not_yet_generated(&rke2.candidate.settings, &pod.settings));
            candidates.push(pod);
        }
        (pod, rke2) => {
            candidates.extend(pod);
            candidates.extend(rke2.map(|rke2| rke2.candidate));
        }
    }
    candidates.extend(systemd::look(&mut look));
    if candidates.is_empty() {
        candidates.extend(lone::look(&mut look, &processes));
    }
    let running = candidates.iter().position(|way| processes.of(way.program).next().is_some());
    let chosen = running.unwrap_or(0);
    let mut found = Found {
        watched: pods.watched,
        manifests: pods.manifests,
        refused: pods.refused,
        processes,
        looked: look.looked,
        ..Found::default()
    };
    for (at, way) in candidates.into_iter().enumerate() {
        if at == chosen {
            found.distribution = Some(way.distribution);
            found.sign = way.sign;
            found.settings = way.settings;
            found.notes.extend(way.notes);
            found.version = way.version;
        } else {
            found.notes.push(format!("there are also traces of {}: {}", way.distribution, way.sign));
        }
    }
    if !found.distribution.is_some_and(Distribution::is_static_pod) {
        found.manifests.clear();
    }
    found.manifest_folder =
        found.manifest().map(|pod| pod.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned());
    found
}

impl Found {
    /// The manifest that the kubelet runs: of several the last, as it does.
    pub fn manifest(&self) -> Option<&StaticPod> {
        let watched = self.manifests.iter().rfind(|pod| pod.watched == Some(true));
        watched.or_else(|| self.manifests.last())
    }

    /// What is configured for a flag: the last word on it.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.name == name)
    }
}

impl Distribution {
    /// Whether the API server is a static pod here, with a manifest in a file.
    pub fn is_static_pod(self) -> bool {
        matches!(
            self,
            Self::Kubeadm
                | Self::Kubespray
                | Self::Kind
                | Self::Minikube
                | Self::Kops
                | Self::OpenShift
                | Self::Rke2
                | Self::StaticPod
        )
    }

    /// How auditing is turned on, or changed, where this runs the API server.
    pub fn right_way(self) -> &'static str {
        match self {
            Self::Kubeadm | Self::Minikube | Self::StaticPod => {
                "`auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            }
            Self::Kubespray => {
                "set `kubernetes_audit: true` in the inventory and run upgrade-cluster.yml; a manifest edited by hand is overwritten by the next run"
            }
            Self::Kind => {
                "set `kubeadmConfigPatches` and `extraMounts` in kind's configuration and create the cluster anew"
            }
            Self::Kops => {
                "set `spec.kubeAPIServer.auditPolicyFile` and `auditLogPath` with `kops edit cluster`, and the policy as a `fileAssets` entry"
            }
            Self::OpenShift => "set `spec.audit.profile` with `oc edit apiserver cluster`",
            Self::MicroShift => {
                "set `apiServer.auditLog` in /etc/microshift/config.yaml and restart microshift"
            }
            Self::Rke2 => {
                "`auditward enable` writes a file into /etc/rancher/rke2/config.yaml.d and restarts rke2-server; its manifest is written anew each time"
            }
            Self::K3s => {
                "`auditward enable` writes a file into /etc/rancher/k3s/config.yaml.d and restarts k3s"
            }
            Self::Rke1 => "set `services.kube-api.audit_log` in cluster.yml and run `rke up`",
            Self::K0s => {
                "`auditward enable` sets `spec.api.extraArgs` in /etc/k0s/k0s.yaml and restarts k0scontroller"
            }
            Self::MicroK8s => {
                "`auditward enable` adds the flags to /var/snap/microk8s/current/args/kube-apiserver and restarts kubelite"
            }
            Self::CanonicalK8s => {
                "add the flags to /var/snap/k8s/common/args/kube-apiserver and restart snap.k8s.kube-apiserver"
            }
            Self::Talos => {
                "patch the machine config: a `KubeAuditPolicyConfig` document, or `cluster.apiServer.auditPolicy` before 1.15"
            }
            Self::Systemd => "`auditward enable` adds the flags in a drop-in of the unit and restarts it",
            Self::Process => "add the flags where this process is started",
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kubeadm => "kubeadm",
            Self::Kubespray => "kubespray",
            Self::Kind => "kind",
            Self::Minikube => "minikube",
            Self::Kops => "kOps",
            Self::OpenShift => "OpenShift",
            Self::MicroShift => "MicroShift",
            Self::Rke2 => "RKE2",
            Self::K3s => "k3s",
            Self::Rke1 => "RKE1",
            Self::K0s => "k0s",
            Self::MicroK8s => "MicroK8s",
            Self::CanonicalK8s => "Canonical Kubernetes",
            Self::Talos => "Talos",
            Self::Systemd => "a systemd service",
            Self::StaticPod => "a static pod",
            Self::Process => "a process",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, 0) => f.write_str(path),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Builtin(by) => write!(f, "set by {by}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as people read it.
pub(super) fn shown<S: serde::Serializer>(value: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Reads files and keeps the list of what was looked at.
pub(super) struct Look<'h> {
    pub(super) host: &'h Host,
    looked: Vec<Looked>,
}

impl Look<'_> {
    /// A file; that it is absent is noted too.
    fn file(&mut self, path: &str, bytes_max: u64) -> Option<Vec<u8>> {
        match self.host.read(path, bytes_max) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.unreadable(path, &error);
                None
            }
        }
    }

    /// The names in a folder.
    fn folder(&mut self, path: &str) -> Vec<String> {
        match self.host.list(path) {
            Ok(names) => names,
            Err(error) => {
                self.unreadable(path, &error);
                Vec::new()
            }
        }
    }

    /// Notes what a path has.
    pub(super) fn found(&mut self, path: &str, what: impl Into<String>) {
        self.note(path, Seen::Found(what.into()));
    }

    /// Notes why a path could not be read.
    pub(super) fn unreadable(&mut self, path: &str, error: &io::Error) {
        let seen = if is_absent(error) { Seen::Absent } else { Seen::Unreadable(error.to_string()) };
        self.note(path, seen);
    }

    fn note(&mut self, path: &str, seen: Seen) {
        match self.looked.iter_mut().find(|looked| looked.path == path) {
            Some(looked) => looked.seen = seen,
            None => self.looked.push(Looked { path: path.to_owned(), seen }),
        }
    }
}

/// The audit flags among these, with where they stand.
pub(super) fn audit_settings(
    flags: &Flags,
    origin: impl Fn(&crate::manifest::Flag) -> Origin,
) -> Vec<Setting> {
    let audit = flags.iter().filter(|flag| flag.name.starts_with("audit-"));
    audit
        .map(|flag| Setting {
            name: flag.name.clone(),
            value: flag.meaning().to_owned(),
            origin: origin(flag),
        })
        .collect()
}

/// The audit flags of a mapping from names to a value or a list of them, at these keys.
fn settings_by_name(document: &Document<'_>, keys: &[&str], path: &str) -> Vec<Setting> {
    let Some(Value::Map(entries)) = document.at(keys).map(|node| &node.value) else { return Vec::new() };
    let audit = entries.iter().filter(|entry| entry.key.starts_with("audit-"));
    let settings = audit.flat_map(|entry| {
        yaml::items(&entry.node).into_iter().filter_map(|node| {
            let origin = Origin::File(path.to_owned(), document.line(node));
            Some(Setting { name: entry.key.clone(), value: yaml::scalar(node)?, origin })
        })
    });
    settings.collect()
}

/// `3 audit flags`, for the list of what was found.
fn how_many(settings: &[Setting]) -> String {
    match settings.len() {
        0 => "no audit flag".to_owned(),
        1 => "1 audit flag".to_owned(),
        number => format!("{number} audit flags"),
    }
}

/// The largest configuration file that is read, in bytes.
const CONFIG_MAX: u64 = 1 << 20;
