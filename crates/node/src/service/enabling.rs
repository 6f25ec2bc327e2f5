//! Turning audit on where a unit runs the API server: the configuration's plan, the policy, the folders, as one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use auditward_base::Digest;
use auditward_policy::Policy;
use auditward_policy::read::{BYTES_MAX, read};
use serde::Serialize;

use super::{FileChange, Files, Flags, Service, ServicePlan, ServiceRefusal, plan, with_paths};
use crate::inspect::{Distribution, Found, Host, Origin};
use crate::plan::{Folder, MAX_AGE, MAX_BACKUP, MAX_SIZE, PlanError, Settings, Write, reason};
use crate::watch;

/// The largest configuration file that is read, in bytes.
const CONFIG_MAX: u64 = 1 << 20;

/// What would be done.
#[derive(Clone, Debug)]
pub struct Enabling {
    /// What kind of unit.
    pub service: Service,
    /// Configuration files, the unit, and what to know of it.
    pub plan: ServicePlan,
    /// Folders to make, outermost first.
    pub folders: Vec<Folder>,
    /// Files to write besides the configuration.
    pub writes: Vec<Write>,
    /// The policy that will be at work.
    pub policy: Policy,
    /// Its digest.
    pub digest: Digest,
    /// The flags besides the policy and the log.
    pub settings: Flags,
    /// Whom the API server runs as, where that is not root.
    pub owner: Option<(u32, u32)>,
}

/// The kind of unit that a distribution is, where we can configure it.
pub fn wanted_service(distribution: Distribution) -> Option<Service> {
    match distribution {
        Distribution::K3s => Some(Service::K3s),
        Distribution::Rke2 => Some(Service::Rke2),
        Distribution::MicroK8s => Some(Service::MicroK8s),
        Distribution::K0s => Some(Service::K0s),
        Distribution::Systemd => Some(Service::Systemd),
        _ => None,
    }
}

impl Files for Host {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match Host::read(self, &path.to_string_lossy(), CONFIG_MAX) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self.list(&folder.to_string_lossy()) {
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            names => names,
        }
    }
}

impl Enabling {
    /// Works out what to do on a machine of which `found` is known. It is only looked at.
    pub fn new(service: Service, host: &Host, found: &Found, settings: &Settings) -> Result<Self, PlanError> {
        refuse_places(settings)?;
        let mut flags = flags(found, settings);
        let places = plan(service, host, &flags)?;
        let webhook = settings.webhook.as_ref().map(|webhook| {
            let path = places.policy.with_file_name("audit-webhook.yaml");
            flags.push(("audit-webhook-config-file".to_owned(), path.display().to_string()));
            (path, webhook.text.clone())
        });
        let mut plan = if webhook.is_some() { plan(service, host, &flags)? } else { places };
        let mut notes = Vec::new();
        let (text, origin) = policy_text(host, found, settings, &plan, &mut notes)?;
        plan.notes.extend(notes);
        let policy = read(&text).policy.ok_or_else(|| PlanError::Policy { origin, text: text.clone() })?;
        let digest = Digest::of(&text);
        let owner = owner(service, host, plan.user.as_deref())?;

        let mut writes = Vec::new();
        for (path, text) in std::iter::once((plan.policy.clone(), text)).chain(webhook) {
            let before = looked_at(host, &path)?;
            if before.as_ref() != Some(&text) {
                if before.is_some() {
                    plan.notes.push(format!("{} is replaced", path.display()));
                }
                writes.push(Write { path, before, text, mode: 0o600, owner });
            }
        }
        let mut enabling =
            Self { service, folders: Vec::new(), plan, writes, policy, digest, settings: flags, owner };
        enabling.folders = enabling.missing_folders(host);
        Ok(enabling)
    }

    /// Whether there is anything to do.
    pub fn is_done(&self) -> bool {
        self.plan.files.is_empty() && self.writes.is_empty() && self.folders.is_empty()
    }

    /// What the API server's process must have been told.
    pub fn flags(&self) -> watch::Flags {
        // Inside k3s and kubelite it is no process of its own.
        if !self.service.program().shows_flags() {
            return watch::Flags::Any;
        }
        let all = with_paths(&self.settings, &self.plan.policy, &self.plan.log);
        watch::Flags::AtLeast(all.into_iter().collect())
    }

    /// What will be different, a line each, with reasons.
    pub fn effects(&self) -> Vec<String> {
        let owned = |owner: Option<(u32, u32)>| {
            owner.map_or(String::new(), |(user, group)| format!(", owner {user}:{group}"))
        };
        let mut all: Vec<String> = Vec::new();
        for Folder { path, mode, owner } in &self.folders {
            all.push(format!("make the folder {}, mode {mode:04o}{}", path.display(), owned(*owner)));
        }
        for write in &self.writes {
            let path = write.path.display();
            all.push(match &write.before {
                None => format!("write {path}, mode {:04o}{}", write.mode, owned(write.owner)),
                Some(_) => format!("replace {path}; what it holds now is kept in the backup"),
            });
        }
        if !self.plan.files.is_empty() {
            for (name, value) in with_paths(&self.settings, &self.plan.policy, &self.plan.log) {
                all.push(format!("set --{name}={value}: {}", reason(&name)));
            }
        }
        all.push(format!("restart {}", self.plan.unit));
        all
    }

    /// The unified diffs of the configuration files and of others that are replaced.
    pub fn diff(&self) -> String {
        let files = self.plan.files.iter().map(FileChange::diff);
        let writes = self.writes.iter().filter(|write| write.before.is_some()).map(|write| {
            let (path, before, after) = (write.path.clone(), write.before.clone(), Some(write.text.clone()));
            FileChange { path, before, after }.diff()
        });
        files.chain(writes).collect()
    }

    /// How much of the disk the log may take before old files go; none where nothing bounds it.
    pub fn log_bytes_max(&self) -> Option<u64> {
        let number = |name: &str| {
            self.settings.iter().find(|(flag, _)| flag == name).and_then(|(_, value)| value.parse().ok())
        };
        let (size, backups): (u64, u64) = (number("audit-log-maxsize")?, number("audit-log-maxbackup")?);
        (size > 0 && backups > 0).then(|| size.saturating_mul(backups + 2).saturating_mul(1 << 20))
    }

    fn missing_folders(&self, host: &Host) -> Vec<Folder> {
        let mut folders: Vec<Folder> = Vec::new();
        let log = self.plan.log.parent().map(|path| (path, 0o700, self.owner));
        let policy = self.plan.policy.parent().map(|path| (path, 0o750, self.owner));
        let config = self.plan.files.iter().filter_map(|file| Some((file.path.parent()?, 0o755, None)));
        for (folder, mode, owner) in policy.into_iter().chain(log).chain(config) {
            let above: Vec<&Path> =
                folder.ancestors().take_while(|path| !host.exists(&path.to_string_lossy())).collect();
            for path in above.into_iter().rev() {
                let (mode, owner) = if path == folder { (mode, owner) } else { (0o755, None) };
                if folders.iter().all(|known| known.path != path) {
                    folders.push(Folder { path: path.to_owned(), mode, owner });
                }
            }
        }
        folders
    }
}

/// The distributions have places of their own, which their API servers may read and write.
fn refuse_places(settings: &Settings) -> Result<(), PlanError> {
    for (asked, option) in [(&settings.policy_path, "--policy-path"), (&settings.log_path, "--log-path")] {
        if asked.is_some() {
            return Err(PlanError::Conflict {
                what: format!(
                    "{option} is for API servers that a manifest runs; this one has its own places"
                ),
                hint: format!("leave {option} away; `auditward enable --dry-run` shows the places"),
            });
        }
    }
    Ok(())
}

/// The flags besides the policy and the log: what was asked for, what is configured, our default, in this order.
fn flags(found: &Found, settings: &Settings) -> Flags {
    let configured = |name: &str| {
        let setting = found.setting(name)?;
        matches!(setting.origin, Origin::File(..)).then(|| setting.value.clone())
    };
    let mut flags = Flags::new();
    for (asked, name, default) in [
        (settings.max_size, "audit-log-maxsize", MAX_SIZE),
        (settings.max_age, "audit-log-maxage", MAX_AGE),
        (settings.max_backup, "audit-log-maxbackup", MAX_BACKUP),
    ] {
        let value = asked.map(|value| value.to_string()).or_else(|| configured(name));
        flags.push((name.to_owned(), value.unwrap_or_else(|| default.to_string())));
    }
    for (asked, name) in [(&settings.format, "audit-log-format"), (&settings.mode, "audit-log-mode")] {
        flags.extend(asked.clone().or_else(|| configured(name)).map(|value| (name.to_owned(), value)));
    }
    flags.extend(settings.extra.iter().cloned());
    flags
}

/// The policy that was asked for, the one that is configured, ours, in this order.
fn policy_text(
    host: &Host,
    found: &Found,
    settings: &Settings,
    plan: &ServicePlan,
    notes: &mut Vec<String>,
) -> Result<(Vec<u8>, String), PlanError> {
    if let Some(policy) = &settings.policy {
        return Ok((policy.text.clone(), policy.origin.clone()));
    }
    let configured = found.setting("audit-policy-file").map(|setting| PathBuf::from(&setting.value));
    for path in configured.into_iter().chain([plan.policy.clone()]) {
        if let Some(text) = looked_at(host, &path)? {
            if path != plan.policy {
                notes.push(format!("the policy is that of {}", path.display()));
            }
            return Ok((text, format!("`{}`", path.display())));
        }
    }
    let ours = Settings::recommended().policy;
    ours.map(|policy| (policy.text, policy.origin)).ok_or_else(|| PlanError::Conflict {
        what: "there is no policy".to_owned(),
        hint: "give one with --policy FILE".to_owned(),
    })
}

fn looked_at(host: &Host, path: &Path) -> Result<Option<Vec<u8>>, PlanError> {
    match Host::read(host, &path.to_string_lossy(), BYTES_MAX as u64) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(ServiceRefusal::Read { path: path.to_owned(), source }.into()),
    }
}

/// The numbers of a unit's user, by `/etc/passwd`.
fn owner(service: Service, host: &Host, user: Option<&str>) -> Result<Option<(u32, u32)>, PlanError> {
    let Some(user) = user else { return Ok(None) };
    let text = looked_at(host, Path::new("/etc/passwd"))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // name:password:uid:gid:…
    let known = text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields[..] else { return None };
        (name == user || uid == user).then(|| Some((uid.parse().ok()?, gid.parse().ok()?))).flatten()
    });
    match (known, service) {
        (Some((0, _)), _) => Ok(None),
        (Some(owner), _) => Ok(Some(owner)),
        // k0s runs it as root where its user was not made.
        (None, Service::K0s) => Ok(None),
        (None, _) => Err(PlanError::Conflict {
            what: format!("the unit runs as `{user}`, who is not in /etc/passwd"),
            hint: "make that user on this machine, or correct `User=`".to_owned(),
        }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl From<ServiceRefusal> for PlanError {
    fn from(refusal: ServiceRefusal) -> Self {
        let hint = refusal.hint().unwrap_or("run it as root, and look at that file").to_owned();
        Self::Conflict { what: watch::with_causes(&refusal), hint }
    }
}

/// For `-o json`.
impl Serialize for Enabling {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let files: Vec<&Path> = self.writes.iter().map(|file| file.path.as_path()).collect();
        let configuration: Vec<&Path> = self.plan.files.iter().map(|file| file.path.as_path()).collect();
        let all = with_paths(&self.settings, &self.plan.policy, &self.plan.log);
        let flags: BTreeMap<String, String> = all.into_iter().collect();
        let mut plan = serializer.serialize_struct("Enabling", 9)?;
        plan.serialize_field("service", &self.service)?;
        plan.serialize_field("restarts", &self.plan.unit)?;
        plan.serialize_field("configuration", &configuration)?;
        plan.serialize_field("folders", &self.folders)?;
        plan.serialize_field("files", &files)?;
        plan.serialize_field("auditFlags", &flags)?;
        plan.serialize_field("policyDigest", &self.digest.to_string())?;
        plan.serialize_field("notes", &self.plan.notes)?;
        plan.serialize_field("diff", &self.diff())?;
        plan.end()
    }
}
