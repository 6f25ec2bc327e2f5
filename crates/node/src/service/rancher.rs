//! k3s and RKE2: one loader of configuration, two servers.
//!
//! `config.yaml`, then `config.yaml.d/*.yaml` by name. A later file replaces a key, unless the key ends in `+`, which
//! appends to the list; what stands on the command line replaces every list of the files. RKE2 has a key of its own for
//! the policy, and adds the usual rotation flags when it is set.

use std::path::{Path, PathBuf};

use auditward_policy::read::{Node, Value, documents, position};

use super::unit::Unit;
use super::{
    FileChange, Files, Flags, ServicePlan, ServiceRefusal, is_audit_flag, list, read_text, split_flag,
    with_paths,
};

/// Where a distribution keeps things.
pub(super) struct Distribution {
    name: &'static str,
    folder: &'static str,
    pub(super) unit: &'static str,
    data: &'static str,
    policy: &'static str,
    /// Whether `audit-policy-file` is a key of its own, which brings rotation flags with it.
    own_key: bool,
    goes_too: &'static str,
}

pub(super) const K3S: Distribution = Distribution {
    name: "k3s",
    folder: "/etc/rancher/k3s",
    unit: "k3s.service",
    data: "/var/lib/rancher/k3s",
    policy: "/etc/rancher/k3s/auditward/policy.yaml",
    own_key: false,
    goes_too: "the kubelet and, where it is embedded, etcd of this node restart with it; running containers live on",
};

pub(super) const RKE2: Distribution = Distribution {
    name: "RKE2",
    folder: "/etc/rancher/rke2",
    unit: "rke2-server.service",
    data: "/var/lib/rancher/rke2",
    policy: "/etc/rancher/rke2/auditward/policy.yaml",
    own_key: true,
    goes_too: "the kubelet of this node restarts with it; running containers live on",
};

/// The name of our file: late, so that little comes after it.
const OURS: &str = "90-auditward.yaml";

/// What RKE2 adds by itself once it has a policy.
const RKE2_ADDS: [(&str, &str); 3] =
    [("audit-log-maxage", "30"), ("audit-log-maxbackup", "10"), ("audit-log-maxsize", "100")];

pub(super) fn plan(
    of: &Distribution,
    files: &dyn Files,
    flags: &Flags,
) -> Result<ServicePlan, ServiceRefusal> {
    let folder = Path::new(of.folder);
    let settings = Settings::read(of, files)?;
    let data = settings.data.clone().unwrap_or_else(|| PathBuf::from(of.data));
    let (policy, log) = (PathBuf::from(of.policy), data.join("server/logs/audit.log"));
    refuse_command_line(of, files)?;
    let ours = folder.join("config.yaml.d").join(OURS);
    let mut notes = vec![format!("{} is restarted: {}", of.unit, of.goes_too)];
    for set in &settings.audit {
        if set.path == ours {
            continue;
        }
        if set.replaces && set.path > ours {
            return Err(ServiceRefusal::unclear(
                &set.path,
                Some(set.line),
                format!("`{}` replaces the list of `{}`, which is read before it", set.key, ours.display()),
                format!("write `{}+` there, so that it adds to the list", set.key),
            ));
        }
        notes.push(format!(
            "{}:{}: `{}` is there already; where it differs, what stands in `{OURS}` counts, because it comes later",
            set.path.display(),
            set.line,
            set.what,
        ));
    }
    let after = text(of, &with_paths(flags, &policy, &log));
    let before = files.read(&ours).map_err(|source| ServiceRefusal::Read { path: ours.clone(), source })?;
    Ok(ServicePlan {
        files: vec![FileChange { path: ours, before, after: Some(after.into_bytes()) }],
        policy,
        log,
        user: None,
        unit: of.unit.to_owned(),
        notes,
    })
}

pub(super) fn undo(of: &Distribution, files: &dyn Files) -> Result<Vec<FileChange>, ServiceRefusal> {
    let ours = Path::new(of.folder).join("config.yaml.d").join(OURS);
    let before = files.read(&ours).map_err(|source| ServiceRefusal::Read { path: ours.clone(), source })?;
    Ok(vec![FileChange { path: ours, before, after: None }])
}

fn text(of: &Distribution, flags: &Flags) -> String {
    let mut text = String::from(
        "# Written by `auditward enable`; `auditward disable` removes it.\n\
         # The `+` adds to the lists of the files before it instead of replacing them.\n",
    );
    let mut list = flags.clone();
    if of.own_key {
        let is_policy = |(name, _): &(String, String)| name == "audit-policy-file";
        for (_, path) in flags.iter().filter(|flag| is_policy(flag)) {
            text += &format!("audit-policy-file: {}\n", quoted(path));
        }
        list.retain(|flag| {
            !is_policy(flag) && !RKE2_ADDS.iter().any(|(name, value)| flag.0 == *name && flag.1 == *value)
        });
    }
    text += "kube-apiserver-arg+:\n";
    for (name, value) in &list {
        text += &format!("- {}\n", quoted(&format!("{name}={value}")));
    }
    text
}

/// A YAML scalar that is this text whatever is in it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._=-".contains(c);
    if text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// What the configuration files say about audit.
struct Settings {
    audit: Vec<Setting>,
    data: Option<PathBuf>,
}

/// One place that says something about audit, or replaces the list in which it could stand.
struct Setting {
    path: PathBuf,
    line: usize,
    key: String,
    what: String,
    replaces: bool,
}

impl Settings {
    fn read(of: &Distribution, files: &dyn Files) -> Result<Self, ServiceRefusal> {
        let folder = Path::new(of.folder);
        let mut paths = vec![folder.join("config.yaml")];
        paths.extend(list(files, &folder.join("config.yaml.d"), &[".yaml", ".yml"])?);
        let mut settings = Self { audit: Vec::new(), data: None };
        for path in paths {
            if let Some(text) = read_text(files, &path)? {
                settings.take(of, &path, &text)?;
            }
        }
        Ok(settings)
    }

    fn take(&mut self, of: &Distribution, path: &Path, text: &str) -> Result<(), ServiceRefusal> {
        let (trees, mistake) = documents(text.as_bytes());
        if let Some(mistake) = mistake {
            return Err(ServiceRefusal::unclear(
                path,
                Some(position(text.as_bytes(), mistake.offset).line),
                mistake.message,
                format!("{} itself would not start with it; put it right first", of.name),
            ));
        }
        let Some(Value::Map(entries)) = trees.first().map(|tree| &tree.root.value) else { return Ok(()) };
        let ours = path.file_name().is_some_and(|name| name == OURS);
        for entry in entries {
            let (key, appends) =
                entry.key.strip_suffix('+').map_or((entry.key.as_str(), false), |key| (key, true));
            let line = position(text.as_bytes(), entry.key_span.start).line;
            let mut note = |what: String, replaces: bool| {
                self.audit.push(Setting { path: path.to_owned(), line, key: key.to_owned(), what, replaces });
            };
            match key {
                "data-dir" => {
                    if let Value::String(folder) = &entry.node.value {
                        self.data = Some(PathBuf::from(folder));
                    }
                }
                "audit-policy-file" => note(format!("{key}: {}", scalar(&entry.node)), true),
                "profile" if of.own_key => note(format!("{key}: {}", scalar(&entry.node)), false),
                "kube-apiserver-arg" => {
                    let audit: Vec<String> =
                        words(&entry.node).filter(|word| is_audit_flag(&split_flag(word).0)).collect();
                    let late = !appends
                        && !ours
                        && path > Path::new(of.folder).join("config.yaml.d").join(OURS).as_path();
                    if late {
                        note(key.to_owned(), true);
                    } else {
                        for word in audit {
                            note(word, false);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn scalar(node: &Node) -> &str {
    match &node.value {
        Value::String(text) | Value::Number(text) => text,
        Value::Bool(true) => "true",
        _ => "…",
    }
}

/// The texts of a list, or the one text.
fn words(node: &Node) -> impl Iterator<Item = String> {
    let nodes = match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    nodes.iter().map(|node| scalar(node).to_owned())
}

/// A list on the command line replaces that of every file.
fn refuse_command_line(of: &Distribution, files: &dyn Files) -> Result<(), ServiceRefusal> {
    let Some(unit) = Unit::find(files, of.unit)? else { return Ok(()) };
    let Some(start) = unit.exec_start() else { return Ok(()) };
    if start.words().iter().any(|word| word.starts_with("--kube-apiserver-arg")) {
        return Err(ServiceRefusal::unclear(
            &start.path,
            Some(start.line),
            "`--kube-apiserver-arg` on the command line replaces the list of every configuration file",
            format!(
                "move these arguments into `{}/config.yaml` under `kube-apiserver-arg`, then run this again",
                of.folder
            ),
        ));
    }
    Ok(())
}
