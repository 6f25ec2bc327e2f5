//! What would be done to a node, worked out before anything is: pure functions of what was found there.
//!
//! ```text
//! Settings + Manifest ──► Paths ──► (looked at) ──► Found ──► Plan: steps, diff, effects, warnings
//! ```
//! Invariant: no I/O. A plan for what a plan has made is a plan to do nothing.

mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use auditward_base::Digest;
use auditward_policy::Policy;
use auditward_policy::lint::{Severity, lint};
use auditward_policy::read::read;
use serde::Serialize;

use crate::api::ExtraVolume;
use crate::inspect::POLICY_DIGEST;
use crate::manifest::{Change, Edited, HostPath, HostPathType, Manifest, Pod, Refusal, diff};
use crate::prove::Trail;
pub use settings::{GUIDE, PolicyMount, PolicyText, RECOMMENDED, Settings, VolumeNames, Webhook};
use settings::{LOG_PATH, POLICY_PATH};
pub(crate) use settings::{MAX_AGE, MAX_BACKUP, MAX_SIZE, reason};

/// Where things lie, worked out from the manifest and the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The policy, as the API server sees it.
    pub policy: String,
    /// The policy on the node.
    pub policy_on_node: PathBuf,
    /// The log, as the API server sees it; `-` for standard output, none where only a webhook is wanted.
    pub log: Option<String>,
    /// The log on the node; none for standard output.
    pub log_on_node: Option<PathBuf>,
    /// The webhook's kubeconfig, as the API server sees it and on the node.
    pub webhook: Option<(String, PathBuf)>,
    /// What must be mounted for it.
    mounts: Vec<HostPath>,
}

/// What is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What the file at [`Paths::policy_on_node`] holds.
    pub policy: Option<Vec<u8>>,
    /// What the file of the webhook holds.
    pub webhook: Option<Vec<u8>>,
    /// Which folders exist, of those that the paths lie in.
    pub folders: Vec<PathBuf>,
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The manifest, before and after.
    pub manifest: PathBuf,
    /// Its old text.
    pub before: String,
    /// Its new text, and what is different.
    pub edited: Edited,
    /// Folders to make, outermost first.
    pub folders: Vec<Folder>,
    /// Files to write.
    pub files: Vec<Write>,
    /// The policy that will be at work.
    pub policy: Policy,
    /// Its digest.
    pub digest: Digest,
    /// Where things lie.
    pub paths: Paths,
    /// The `--audit-…` flags that the API server will run with, without dashes.
    pub audit_flags: BTreeMap<String, String>,
    /// What kubeadm must be told, so that an upgrade keeps it.
    pub kubeadm: Kubeadm,
    /// What is better known before.
    pub warnings: Vec<String>,
}

/// A folder to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: Option<(u32, u32)>,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub path: PathBuf,
    /// What it holds now.
    pub before: Option<Vec<u8>>,
    /// What it shall hold.
    pub text: Vec<u8>,
    /// Permission bits of a new file.
    pub mode: u32,
    /// Owner and group of a new file.
    pub owner: Option<(u32, u32)>,
}

/// Flags and volumes for kubeadm's ClusterConfiguration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeadm {
    /// Name and value.
    pub flags: Vec<(String, String)>,
    /// What to mount.
    pub volumes: Vec<ExtraVolume>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The manifest can't be changed so.
    #[error("`{}` can't be changed: {refusal}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The policy would keep the API server from starting.
    #[error("kube-apiserver would refuse {origin}")]
    Policy {
        /// How it is called.
        origin: String,
        /// Its text, for showing places.
        text: Vec<u8>,
    },
    /// What was asked for does not fit together, or not with what is there.
    #[error("{what}")]
    Conflict {
        /// What.
        what: String,
        /// What to do.
        hint: String,
    },
}

impl Paths {
    /// Works out where things lie and what must be mounted. Paths that the manifest has are kept unless others are asked
    /// for.
    pub fn of(pod: &Pod, settings: &Settings) -> Result<Self, PlanError> {
        let flag = |name: &str| pod.api_server.flags.value(name).map(|value| pod.api_server.expand(value));
        let flag = |name: &str| flag(name).filter(|value| !value.is_empty());
        let policy = settings.policy_path.clone().or_else(|| flag("audit-policy-file"));
        let policy = policy.unwrap_or_else(|| POLICY_PATH.to_owned());
        absolute("the policy's path", &policy)?;
        let mut mounts = Vec::new();
        let policy_on_node = match place(pod, &policy, "the policy")? {
            Some(on_node) => on_node.path.into(),
            None => {
                mounts.push(match settings.policy_mount {
                    PolicyMount::Folder => folder_mount(pod, &policy, &settings.volumes.policy, true)?,
                    PolicyMount::File => HostPath {
                        volume: settings.volumes.policy.clone(),
                        path: policy.clone(),
                        mount: policy.clone(),
                        read_only: true,
                        kind: settings.policy_mount.kind(),
                    },
                });
                PathBuf::from(&policy)
            }
        };
        let has_webhook = settings.webhook.is_some() || flag("audit-webhook-config-file").is_some();
        let log = settings.log_path.clone().or_else(|| flag("audit-log-path"));
        let log = log.or_else(|| (!has_webhook || settings.webhook.is_some()).then(|| LOG_PATH.to_owned()));
        let log_on_node = match log.as_deref() {
            None | Some("-") => None,
            Some(log) => Some(log_place(pod, log, settings, &mut mounts)?),
        };
        let webhook = match (&settings.webhook, flag("audit-webhook-config-file")) {
            (None, _) => None,
            (Some(_), existing) => Some(webhook_place(pod, existing, &policy, &policy_on_node, settings)?),
        };
        Ok(Self { policy, policy_on_node, log, log_on_node, webhook, mounts })
    }

    /// The folders that must be there.
    pub fn folders(&self) -> Vec<PathBuf> {
        let files = [
            Some(&self.policy_on_node),
            self.log_on_node.as_ref(),
            self.webhook.as_ref().map(|(_, path)| path),
        ];
        let mut folders: Vec<PathBuf> =
            files.into_iter().flatten().filter_map(|file| file.parent().map(Path::to_owned)).collect();
        folders.dedup();
        folders
    }
}

impl Plan {
    /// Works out what to do.
    pub fn new(
        path: &Path,
        manifest: &Manifest,
        settings: &Settings,
        paths: Paths,
        found: &Found,
    ) -> Result<Self, PlanError> {
        let pod = manifest.pod();
        let refused = |refusal| PlanError::Manifest { path: path.to_owned(), refusal };
        let (policy_text, origin) = policy_text(settings, &paths, found)?;
        let reading = read(&policy_text);
        let bad = lint(&policy_text, &reading).into_iter().filter(|one| one.severity == Severity::Error);
        let bad = bad.map(|one| format!("the policy: {}; `auditward policy lint` says more", one.message));
        let bad: Vec<String> = bad.collect();
        let policy = reading.policy.ok_or_else(|| PlanError::Policy { origin, text: policy_text.clone() })?;
        let digest = Digest::of(&policy_text);

        let flags = flags(pod, settings, &paths);
        let change = Change {
            flags: flags.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            mount: paths.mounts.clone(),
            unmount: Vec::new(),
            annotations: BTreeMap::from([(POLICY_DIGEST.to_owned(), Some(digest.to_string()))]),
        };
        let edited = manifest.edit(&change).map_err(refused)?;
        let after = Manifest::read(edited.text.as_bytes()).map_err(refused)?;

        if let Some(webhook) = &settings.webhook {
            webhook_sees(after.pod(), webhook)?;
        }
        let owner = owner(pod)?;
        let mut files = Vec::new();
        if found.policy.as_ref() != Some(&policy_text) {
            let (path, before) = (paths.policy_on_node.clone(), found.policy.clone());
            files.push(Write { path, before, text: policy_text, mode: 0o600, owner });
        }
        if let (Some((_, path)), Some(webhook)) = (&paths.webhook, &settings.webhook)
            && found.webhook.as_ref() != Some(&webhook.text)
        {
            let (path, before) = (path.clone(), found.webhook.clone());
            files.push(Write { path, before, text: webhook.text.clone(), mode: 0o600, owner });
        }
        Ok(Self {
            manifest: path.to_owned(),
            before: manifest.text().to_owned(),
            audit_flags: audit_flags(after.pod()),
            kubeadm: kubeadm(after.pod(), &flags, &paths),
            warnings: [bad, warnings(&flags, found, &files, &policy)].concat(),
            folders: folders(&paths, found, owner),
            edited,
            files,
            policy,
            digest,
            paths,
        })
    }

    /// Whether there is anything to do.
    pub fn is_done(&self) -> bool {
        !self.edited.changed() && self.files.is_empty() && self.folders.is_empty()
    }

    /// Whether the API server will be restarted.
    pub fn restarts(&self) -> bool {
        self.edited.changed()
    }

    /// What will be different, a line each, with reasons.
    pub fn effects(&self) -> Vec<String> {
        let folders = self.folders.iter().map(|folder| {
            format!(
                "make the folder {}, mode {:04o}{}",
                folder.path.display(),
                folder.mode,
                owned(folder.owner)
            )
        });
        let files = self.files.iter().map(|file| match &file.before {
            None => format!("write {}, mode {:04o}{}", file.path.display(), file.mode, owned(file.owner)),
            Some(_) => format!("replace {}; what it holds now is kept in the backup", file.path.display()),
        });
        let manifest = self.edited.effects.iter().map(|effect| {
            use crate::manifest::Effect::{FlagAdded, FlagChanged};
            match effect {
                FlagAdded { name, .. } | FlagChanged { name, .. } => format!("{effect}: {}", reason(name)),
                other => other.to_string(),
            }
        });
        folders.chain(files).chain(manifest).collect()
    }

    /// The unified diffs of the manifest and of files that are replaced.
    pub fn diff(&self) -> String {
        let name = self.manifest.display().to_string();
        let mut text = diff(&self.before, &self.edited.text, &name, &name);
        for file in &self.files {
            let name = file.path.display().to_string();
            if let Some(before) = &file.before {
                let (old, new) = (String::from_utf8_lossy(before), String::from_utf8_lossy(&file.text));
                text += &diff(&old, &new, &name, &name);
            }
        }
        text
    }

    /// Where events will be found.
    pub fn trail(&self, pods: &Path, pod: &str) -> Trail {
        match (&self.paths.log_on_node, self.paths.log.as_deref()) {
            (Some(path), _) => Trail::File(path.clone()),
            (None, Some("-")) => Trail::ContainerLog { pods: pods.to_owned(), pod: pod.to_owned() },
            (None, _) => Trail::Elsewhere,
        }
    }

    /// How much of the disk the log may take before old files go: the live file, one that is being rotated, and the rotated
    /// ones. None where nothing bounds it.
    pub fn log_bytes_max(&self) -> Option<u64> {
        let number = |name: &str| self.audit_flags.get(name).and_then(|value| value.parse::<u64>().ok());
        let (size, backups) = (number("audit-log-maxsize")?, number("audit-log-maxbackup")?);
        (size > 0 && backups > 0).then(|| size.saturating_mul(backups + 2).saturating_mul(1 << 20))
    }
}

/// The `--audit-…` flags of a manifest, as the process will have them.
pub fn audit_flags(pod: &Pod) -> BTreeMap<String, String> {
    let flags = pod.api_server.flags.iter();
    flags
        .filter(|flag| flag.name.starts_with("audit-"))
        .map(|flag| (flag.name.clone(), pod.api_server.expand(flag.meaning())))
        .collect()
}

/// The flags that shall be there: what was asked for, what is there, our default, in this order.
fn flags(pod: &Pod, settings: &Settings, paths: &Paths) -> BTreeMap<String, String> {
    let number = |asked: Option<u32>, name: &str, default: u32| {
        let existing = || pod.api_server.flags.value(name).map(str::to_owned);
        asked.map(|value| value.to_string()).or_else(existing).unwrap_or_else(|| default.to_string())
    };
    let mut flags = BTreeMap::from([("audit-policy-file".to_owned(), paths.policy.clone())]);
    if let Some(log) = &paths.log {
        flags.insert("audit-log-path".to_owned(), log.clone());
        if log != "-" {
            for (asked, name, default) in [
                (settings.max_size, "audit-log-maxsize", MAX_SIZE),
                (settings.max_age, "audit-log-maxage", MAX_AGE),
                (settings.max_backup, "audit-log-maxbackup", MAX_BACKUP),
            ] {
                flags.insert(name.to_owned(), number(asked, name, default));
            }
        }
    }
    for (value, name) in [(&settings.format, "audit-log-format"), (&settings.mode, "audit-log-mode")] {
        if let Some(value) = value {
            flags.insert(name.to_owned(), value.clone());
        }
    }
    if let Some((path, _)) = &paths.webhook {
        flags.insert("audit-webhook-config-file".to_owned(), path.clone());
    }
    flags.extend(settings.extra.iter().cloned());
    flags
}

fn policy_text(settings: &Settings, paths: &Paths, found: &Found) -> Result<(Vec<u8>, String), PlanError> {
    if let Some(policy) = &settings.policy {
        return Ok((policy.text.clone(), policy.origin.clone()));
    }
    let path = paths.policy_on_node.display();
    found.policy.clone().map(|text| (text, format!("`{path}`"))).ok_or_else(|| PlanError::Conflict {
        what: format!("there is no policy at `{path}`"),
        hint: "give one with --policy FILE".to_owned(),
    })
}

/// Where a path of the container lies on the node, if it is mounted already.
fn place(pod: &Pod, path: &str, what: &str) -> Result<Option<crate::manifest::OnNode>, PlanError> {
    match (pod.on_node(path), pod.mount_over(path)) {
        (Some(on_node), _) => Ok(Some(on_node)),
        (None, Some(mount)) => Err(PlanError::Conflict {
            what: format!("{what} would lie in the volume `{}`, which is no path of the node", mount.volume),
            hint: format!("choose a path outside of {}", mount.path),
        }),
        (None, None) => Ok(None),
    }
}

fn log_place(
    pod: &Pod,
    log: &str,
    settings: &Settings,
    mounts: &mut Vec<HostPath>,
) -> Result<PathBuf, PlanError> {
    absolute("the log's path", log)?;
    let conflict = |what: String, hint: &str| Err(PlanError::Conflict { what, hint: hint.to_owned() });
    let Some(on_node) = place(pod, log, "the log")? else {
        let folder = folder_mount(pod, log, &settings.volumes.log, false)?;
        // In the policy's folder, which is about to be mounted read-only.
        if mounts.iter().any(|mount| mount.mount == folder.mount) {
            return conflict(
                format!(
                    "the log and the policy would share {}, and the API server may not write to its policy",
                    folder.mount
                ),
                "choose another folder with --log-path",
            );
        }
        mounts.push(folder);
        return Ok(log.into());
    };
    if on_node.read_only {
        return conflict(
            format!("`{log}` lies in the mount {}, which is read-only", on_node.mount),
            "choose another folder with --log-path, or make that mount writable",
        );
    }
    let single =
        matches!(on_node.kind, HostPathType::File | HostPathType::FileOrCreate) || on_node.mount == log;
    if single {
        return conflict(
            format!(
                "`{log}` is mounted as a single file, and a mounted file can't be renamed when it is rotated"
            ),
            "mount its folder instead, or choose another folder with --log-path",
        );
    }
    Ok(on_node.path.into())
}

/// Beside the policy, in whose folder the API server may read.
fn webhook_place(
    pod: &Pod,
    existing: Option<String>,
    policy: &str,
    policy_on_node: &Path,
    settings: &Settings,
) -> Result<(String, PathBuf), PlanError> {
    if let Some(path) = existing
        && let Some(on_node) = pod.on_node(&path)
    {
        return Ok((path, on_node.path.into()));
    }
    let file = "audit-webhook.yaml";
    let alone = settings.policy_mount == PolicyMount::File
        || pod.on_node(policy).is_some_and(|on| on.mount == policy);
    if alone {
        return Err(PlanError::Conflict {
            what:
                "the policy is mounted as a single file, so there is no folder for the webhook's kubeconfig"
                    .to_owned(),
            hint: "give the policy a folder of its own: --policy-path /etc/kubernetes/audit/policy.yaml"
                .to_owned(),
        });
    }
    let beside = |path: &Path| path.parent().unwrap_or(Path::new("/")).join(file);
    Ok((beside(Path::new(policy)).display().to_string(), beside(policy_on_node)))
}

/// What a webhook's kubeconfig names, keys and certificates, must be mounted too, or the API server does not start.
fn webhook_sees(pod: &Pod, webhook: &Webhook) -> Result<(), PlanError> {
    let origin = webhook.origin.display();
    let conflict = |what: String, hint: &str| Err(PlanError::Conflict { what, hint: hint.to_owned() });
    let text = String::from_utf8_lossy(&webhook.text);
    // The reader's own words would show the line, and the line may hold a key.
    let Ok(config) = serde_saphyr::from_str::<serde_json::Value>(&text) else {
        return conflict(
            format!("`{origin}` is no kubeconfig"),
            "give the kubeconfig of the webhook's receiver",
        );
    };
    let entries = |list: &str, entry: &str| {
        let all = config[list].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|one| one[entry].clone()).collect::<Vec<_>>()
    };
    let named =
        entries("clusters", "cluster").into_iter().chain(entries("users", "user")).flat_map(|entry| {
            ["certificate-authority", "client-certificate", "client-key", "tokenFile"]
                .map(|key| entry[key].as_str().unwrap_or_default().to_owned())
        });
    for file in named.filter(|file| !file.is_empty()) {
        if !file.starts_with('/') || pod.on_node(&file).is_none() {
            return conflict(
                format!("`{origin}` names `{file}`, which the API server would not see"),
                "put its content into the kubeconfig (certificate-authority-data …), or name a file in a folder that is mounted",
            );
        }
    }
    Ok(())
}

/// The mount of the folder that a file lies in. Not of a folder that others use: that would hide or expose what is theirs.
fn folder_mount(pod: &Pod, file: &str, volume: &str, read_only: bool) -> Result<HostPath, PlanError> {
    const SHARED: [&str; 6] = [
        "/etc/kubernetes",
        "/etc/kubernetes/manifests",
        "/etc/kubernetes/pki",
        "/etc/ssl",
        "/var/log",
        "/var/lib",
    ];
    // Mounted from the node they would hide what the container itself is made of, or show it what is none of its business.
    const SYSTEM: [&str; 9] = ["usr", "bin", "sbin", "lib", "lib64", "boot", "dev", "proc", "sys"];
    const AUDITD: &str = "/var/log/audit";
    let folder = Path::new(file).parent().unwrap_or(Path::new("/")).display().to_string();
    let conflict = |what: String| PlanError::Conflict {
        what,
        hint: format!("give it a folder of its own, as {POLICY_PATH} and {LOG_PATH} have"),
    };
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let system = parts.first().is_none_or(|top| SYSTEM.contains(top)) || parts.len() == 1;
    if system || SHARED.contains(&folder.as_str()) {
        return Err(conflict(format!("`{file}` lies in {folder}, which is not for the API server alone")));
    }
    if folder == AUDITD {
        return Err(conflict(format!("{AUDITD} belongs to auditd")));
    }
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    if let Some(mount) = pod.api_server.mounts.iter().find(|mount| mount.path.starts_with(&prefix)) {
        return Err(conflict(format!(
            "`{file}` lies in {folder}, and {} is mounted inside of it",
            mount.path
        )));
    }
    let kind = HostPathType::DirectoryOrCreate;
    Ok(HostPath { volume: volume.to_owned(), path: folder.clone(), mount: folder, read_only, kind })
}

fn absolute(what: &str, path: &str) -> Result<(), PlanError> {
    let plain = path != "-" && !path.chars().any(|c| c.is_control() || c.is_whitespace() || c == '$');
    let whole = path.starts_with('/')
        && !path.ends_with('/')
        && !path.split('/').any(|part| part == ".." || part == ".");
    if path == "-" && what.contains("log") || plain && whole {
        return Ok(());
    }
    Err(PlanError::Conflict {
        what: format!("{what}, `{path}`, is not an absolute path of a file without `..`, spaces and `$`"),
        hint: format!("as in {LOG_PATH}"),
    })
}

/// Who must own what the API server reads and writes: nobody but us, unless it runs as somebody else.
fn owner(pod: &Pod) -> Result<Option<(u32, u32)>, PlanError> {
    let number = |id: i64| {
        u32::try_from(id).map_err(|_| PlanError::Conflict {
            what: format!("the API server runs as {id}, which is no user of Linux"),
            hint: "correct `runAsUser` and `runAsGroup`".to_owned(),
        })
    };
    match pod.user() {
        None | Some(0) => Ok(None),
        Some(user) => Ok(Some((number(user)?, number(pod.group().unwrap_or(0))?))),
    }
}

fn folders(paths: &Paths, found: &Found, owner: Option<(u32, u32)>) -> Vec<Folder> {
    let log = paths.log_on_node.as_deref().and_then(Path::parent);
    let missing = paths.folders().into_iter().filter(|folder| !found.folders.contains(folder));
    missing
        .map(|path| {
            // The log holds what people did; the policy is no secret, but a webhook's kubeconfig beside it is.
            let mode = if Some(path.as_path()) == log { 0o700 } else { 0o750 };
            Folder { path, mode, owner }
        })
        .collect()
}

fn kubeadm(pod: &Pod, flags: &BTreeMap<String, String>, paths: &Paths) -> Kubeadm {
    let files = [Some(&paths.policy), paths.log.as_ref(), paths.webhook.as_ref().map(|(path, _)| path)];
    let mut volumes: Vec<ExtraVolume> = Vec::new();
    for mount in files.into_iter().flatten().filter_map(|file| pod.mount_over(file)) {
        let volume = pod.volumes.iter().find(|volume| volume.name == mount.volume);
        let Some(crate::manifest::VolumeSource::HostPath { path, kind }) =
            volume.map(|volume| &volume.source)
        else {
            continue;
        };
        if volumes.iter().any(|volume| volume.mount_path == mount.path) {
            continue;
        }
        volumes.push(ExtraVolume {
            name: mount.volume.clone(),
            host_path: path.clone(),
            mount_path: mount.path.clone(),
            read_only: mount.read_only,
            path_type: kind.to_string(),
        });
    }
    Kubeadm { flags: flags.iter().map(|(name, value)| (name.clone(), value.clone())).collect(), volumes }
}

fn warnings(
    flags: &BTreeMap<String, String>,
    found: &Found,
    files: &[Write],
    policy: &Policy,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let number = |name: &str| flags.get(name).and_then(|value| value.parse::<u64>().ok());
    for (name, least, why) in [
        ("audit-log-maxage", 30, "days"),
        ("audit-log-maxbackup", 10, "files"),
        ("audit-log-maxsize", 100, "megabytes"),
    ] {
        if let Some(value) = number(name).filter(|value| *value < least) {
            let kept =
                if value == 0 { "0, which means without bound".to_owned() } else { format!("{value} {why}") };
            warnings.push(format!("--{name} is {kept}; CIS and DISA ask for {least} or more"));
        }
    }
    if found.policy.is_some() && !files.is_empty() {
        warnings
            .push("another policy is replaced; `auditward policy diff` shows what that changes".to_owned());
    }
    if let Some(version) = policy.needs_kubernetes() {
        warnings
            .push(format!("the policy says `group: \"*\"`, which kube-apiserver refuses before {version}"));
    }
    warnings
}

fn owned(owner: Option<(u32, u32)>) -> String {
    owner.map_or(String::new(), |(user, group)| format!(", owner {user}:{group}"))
}

/// For `-o json`.
impl Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let files: Vec<&Path> = self.files.iter().map(|file| file.path.as_path()).collect();
        let mut plan = serializer.serialize_struct("Plan", 10)?;
        plan.serialize_field("manifest", &self.manifest)?;
        plan.serialize_field("restartsApiServer", &self.restarts())?;
        plan.serialize_field("folders", &self.folders)?;
        plan.serialize_field("files", &files)?;
        plan.serialize_field("manifestEffects", &self.edited.effects)?;
        plan.serialize_field("effects", &self.effects())?;
        plan.serialize_field("auditFlags", &self.audit_flags)?;
        plan.serialize_field("policyDigest", &self.digest.to_string())?;
        plan.serialize_field("warnings", &self.warnings)?;
        plan.serialize_field("diff", &self.diff())?;
        plan.end()
    }
}

impl fmt::Display for Kubeadm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::api::kubeadm::snippet(None, &self.flags, &self.volumes))
    }
}
