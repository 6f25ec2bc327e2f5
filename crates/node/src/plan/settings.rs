//! What audit is to be like on this node.

use std::path::PathBuf;

use crate::manifest::HostPathType;

/// What was asked for. What is `None` stays as it is in the manifest, and is given our default where it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The policy; `None` keeps the one that is installed.
    pub policy: Option<PolicyText>,
    /// Where the policy lies, in the container and on the node.
    pub policy_path: Option<String>,
    /// How the policy is mounted where it is not yet.
    pub policy_mount: PolicyMount,
    /// Where the log goes: a path, or `-` for standard output.
    pub log_path: Option<String>,
    /// Megabytes after which the log is rotated.
    pub max_size: Option<u32>,
    /// Days for which rotated logs are kept.
    pub max_age: Option<u32>,
    /// How many rotated logs are kept.
    pub max_backup: Option<u32>,
    /// `json` or `legacy`.
    pub format: Option<String>,
    /// `blocking`, `blocking-strict` or `batch`.
    pub mode: Option<String>,
    /// The webhook's kubeconfig, on this node.
    pub webhook: Option<Webhook>,
    /// Names of the volumes, where they are free.
    pub volumes: VolumeNames,
    /// More flags, name and value.
    pub extra: Vec<(String, String)>,
}

/// A policy to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// Its text.
    pub text: Vec<u8>,
    /// How it is called in messages.
    pub origin: String,
}

/// A webhook's kubeconfig to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its text.
    pub text: Vec<u8>,
    /// Where it is from, for messages.
    pub origin: PathBuf,
}

/// What of the node the container sees of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyMount {
    /// The folder that it lies in: a file that is replaced is seen at once.
    #[default]
    Folder,
    /// That file alone, by its inode: a file that is replaced is seen after the next start.
    File,
}

/// What new volumes are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeNames {
    /// The policy's.
    pub policy: String,
    /// The log's.
    pub log: String,
}

impl Default for VolumeNames {
    fn default() -> Self {
        Self { policy: "audit-policy".to_owned(), log: "audit-log".to_owned() }
    }
}

/// Our defaults. Each flag has its reason in [`reason`].
pub(super) const POLICY_PATH: &str = "/etc/kubernetes/audit/policy.yaml";
pub(super) const LOG_PATH: &str = "/var/log/kubernetes/audit/audit.log";
pub(crate) const MAX_SIZE: u32 = 100;
pub(crate) const MAX_AGE: u32 = 30;
pub(crate) const MAX_BACKUP: u32 = 10;

/// A policy to begin with.
pub const RECOMMENDED: &str = include_str!("../../../../examples/policies/recommended.yaml");

/// The policy of the on-premises enablement guide.
pub const GUIDE: &str = include_str!("../../../../examples/policies/guide.yaml");

impl Settings {
    /// Our recommendation: the policy that feeds detections and keeps credentials out, and a month of log.
    pub fn recommended() -> Self {
        Self { policy: Some(shipped("recommended", RECOMMENDED)), ..Self::default() }
    }

    /// Exactly what the on-premises enablement guide sets.
    pub fn guide() -> Self {
        Self {
            policy: Some(shipped("guide", GUIDE)),
            policy_path: Some("/etc/kubernetes/audit-policy.yaml".to_owned()),
            policy_mount: PolicyMount::File,
            log_path: Some(LOG_PATH.to_owned()),
            max_size: Some(100),
            max_age: Some(1),
            max_backup: Some(10),
            volumes: VolumeNames { policy: "audit".to_owned(), log: "audit-log".to_owned() },
            ..Self::default()
        }
    }
}

impl PolicyMount {
    pub(super) fn kind(self) -> HostPathType {
        match self {
            Self::Folder => HostPathType::DirectoryOrCreate,
            Self::File => HostPathType::File,
        }
    }
}

/// Why a flag is set, for people.
pub(crate) fn reason(flag: &str) -> &'static str {
    match flag {
        "audit-policy-file" => "which requests are recorded, and how much of them",
        "audit-log-path" => "where events are written; without it the log is off",
        "audit-log-maxsize" => "rotate after so many megabytes; CIS and DISA ask for 100 or more",
        "audit-log-maxage" => "keep rotated logs for so many days; CIS and DISA ask for 30 or more",
        "audit-log-maxbackup" => "keep so many rotated logs; without it older releases fill the disk",
        "audit-log-format" => "one JSON object a line, or the old format",
        "audit-log-mode" => "whether requests wait for their events to be written",
        "audit-webhook-config-file" => "where events are sent to",
        _ => "as asked for",
    }
}

fn shipped(name: &str, text: &str) -> PolicyText {
    PolicyText { text: text.as_bytes().to_vec(), origin: format!("the `{name}` policy that is shipped") }
}
