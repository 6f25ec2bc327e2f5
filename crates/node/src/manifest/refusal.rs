//! Why a manifest is not read, or not edited: each reason with its place and the right way.

use std::fmt;

use auditward_policy::read::Position;
use serde::Serialize;

/// A manifest that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is in the way.
    pub why: Why,
    /// Where it stands; `None` where it is about the whole file.
    pub place: Option<Position>,
}

/// What is in the way. `Display` says it, lower case, no full stop; [`Why::hint`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Larger than any manifest.
    #[error("the file has {bytes} bytes; a manifest has at most {max}")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// [`super::BYTES_MAX`]
        max: usize,
    },
    /// Bytes that are no UTF-8 text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// A tab where YAML wants spaces.
    #[error("a tab is used as indentation, which YAML forbids")]
    Tab,
    /// Text that is no YAML.
    #[error("the file is {message}")]
    NotYaml {
        /// What the parser says, beginning with `not YAML`.
        message: String,
    },
    /// A template that nobody has filled in.
    #[error("`{marker}` is a placeholder that was never filled in")]
    Template {
        /// The placeholder.
        marker: String,
    },
    /// YAML, but no pod that the kubelet would take.
    #[error("{message}")]
    NotAPod {
        /// What is wrong, with the field.
        message: String,
    },
    /// A field that makes the kubelet drop the file.
    #[error("`{field}` {message}, so the kubelet refuses the file")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong with it, as the rest of a sentence.
        message: String,
    },
    /// YAML of a version that the kubelet does not read.
    #[error("the file says it is YAML {version}, and the kubelet only reads 1.1")]
    YamlVersion {
        /// The version that the directive names.
        version: String,
    },
    /// It begins as JSON, and is none.
    #[error("the file begins with `{{` and is not JSON: {message}")]
    NotJson {
        /// What the parser says.
        message: String,
    },
    /// No container runs kube-apiserver.
    #[error("no container of this pod runs kube-apiserver")]
    NoApiServer,
    /// Two containers run kube-apiserver.
    #[error("containers `{first}` and `{second}` both run kube-apiserver")]
    TwoApiServers {
        /// The name of one.
        first: String,
        /// The name of the other.
        second: String,
    },

    // Those below stop an edit, not a reading.
    /// More than one document.
    #[error("the file has a second document, which the kubelet never reads")]
    SeveralDocuments,
    /// The flags are words of a shell script.
    #[error(
        "the API server is started by `{program}`, so its flags are text in a script, not items of a list"
    )]
    Shell {
        /// The shell.
        program: String,
    },
    /// An anchor, alias, tag or merge key where something would change.
    #[error("{what} stands on `{field}`, so a change here could change something else too")]
    Anchor {
        /// `an anchor`, `an alias`, `a tag` or `a merge key`
        what: &'static str,
        /// The field.
        field: String,
    },
    /// A key that is set twice where something would change.
    #[error("key `{key}` is set twice; the kubelet takes the later one")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// Somebody else writes this file.
    #[error("this manifest is written by {by} (seen: {sign}); an edit would be undone or ignored")]
    Generated {
        /// Who writes it.
        by: Generator,
        /// What gave it away.
        sign: String,
    },
    /// The file is a copy out of the API.
    #[error("`{field}` is set: this is a copy out of the API, not a manifest")]
    MirrorDump {
        /// The field that only the API sets.
        field: String,
    },
    /// A pod that the kubelet would refuse or that cannot be whole.
    #[error("{message}; the file looks cut off or half edited")]
    HalfWritten {
        /// What is missing.
        message: String,
    },
    /// What the change asks for cannot be had beside what is there.
    #[error("{message}")]
    Conflict {
        /// What is in the way.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The edited text could not be shown to be right.
    #[error("the manifest could not be edited safely: {message}")]
    Unproven {
        /// What did not hold.
        message: String,
        /// The change to make by hand, line by line.
        steps: String,
    },
}

/// Programs that write API server manifests and keep them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Generator {
    /// Writes it anew at each start of rke2-server.
    Rke2,
    /// The kube-apiserver operator.
    OpenShift,
    /// nodeup, from the cluster's spec.
    Kops,
    /// Serves it to the kubelet over a local URL.
    Talos,
    /// cluster/gce's start scripts.
    Gce,
}

impl Refusal {
    /// A refusal with its place.
    pub(super) fn at(place: Position, why: Why) -> Self {
        Self { why, place: Some(place) }
    }

    /// A refusal of the whole file.
    pub(super) fn whole(why: Why) -> Self {
        Self { why, place: None }
    }

    /// What to do instead.
    pub fn hint(&self) -> String {
        self.why.hint()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "line {}, column {}: {}", place.line, place.column, self.why),
            None => self.why.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl Why {
    /// What to do about it: whole sentences for people, no full stop at the end.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLarge { .. } | Self::NoApiServer => {
                "name the manifest of kube-apiserver; kubeadm writes /etc/kubernetes/manifests/kube-apiserver.yaml".into()
            }
            Self::NotText => "save the file as UTF-8, or put back the manifest that ran before".into(),
            Self::Tab => "indent with spaces; the kubelet stops the API server within 20 seconds of reading a tab".into(),
            Self::NotYaml { .. } => {
                "mend the file or put back the one that ran before; the kubelet stops a pod whose file it cannot read".into()
            }
            Self::Template { .. } => "fill the template in, or edit the template and render it again".into(),
            Self::NotAPod { .. } => "a static pod is one object, `apiVersion: v1` and `kind: Pod`".into(),
            Self::Invalid { .. } => "mend that line, or put back the manifest that ran before".into(),
            Self::YamlVersion { .. } => "remove the line that begins with `%YAML`".into(),
            Self::NotJson { .. } => {
                "kubelets read a file that begins with `{` as JSON: no comments, no commas too many, all in quotes".into()
            }
            Self::TwoApiServers { .. } => "keep one of the two; which one audits could not be told".into(),
            Self::SeveralDocuments => "keep only the document with the pod, and remove the `---` behind it".into(),
            Self::Shell { .. } => {
                "write the flags as items of `command`, or add them to the script by hand".into()
            }
            Self::Anchor { .. } => "write the value out in full where it is used".into(),
            Self::DuplicateKey { .. } => "keep the later one and remove the earlier".into(),
            Self::Generated { by, .. } => by.right_way().into(),
            Self::MirrorDump { .. } => {
                "edit the file in the kubelet's manifest folder; the pod in the API only mirrors it".into()
            }
            Self::HalfWritten { .. } => "complete the file or put back the one that ran before, then try again".into(),
            Self::Conflict { hint, .. } => hint.clone(),
            Self::Unproven { .. } => "make the change by hand, as shown".into(),
        }
    }

    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::NotText => "not-text",
            Self::Tab => "tab",
            Self::NotYaml { .. } => "not-yaml",
            Self::Template { .. } => "template",
            Self::NotAPod { .. } => "not-a-pod",
            Self::Invalid { .. } => "invalid",
            Self::YamlVersion { .. } => "yaml-version",
            Self::NotJson { .. } => "not-json",
            Self::NoApiServer => "no-api-server",
            Self::TwoApiServers { .. } => "two-api-servers",
            Self::SeveralDocuments => "several-documents",
            Self::Shell { .. } => "shell",
            Self::Anchor { .. } => "anchor",
            Self::DuplicateKey { .. } => "duplicate-key",
            Self::Generated { .. } => "generated",
            Self::MirrorDump { .. } => "mirror-dump",
            Self::HalfWritten { .. } => "half-written",
            Self::Conflict { .. } => "conflict",
            Self::Unproven { .. } => "unproven",
        }
    }
}

impl Generator {
    /// How to turn audit on where this one writes the manifest.
    pub fn right_way(self) -> &'static str {
        match self {
            Self::Rke2 => {
                "set `audit-policy-file:` and `kube-apiserver-arg:` in /etc/rancher/rke2/config.yaml and restart rke2-server"
            }
            Self::OpenShift => "set `spec.audit.profile` with `oc edit apiserver cluster`",
            Self::Kops => {
                "set `spec.kubeAPIServer.auditPolicyFile` and `auditLogPath` with `kops edit cluster`, the policy as a `fileAssets` entry"
            }
            Self::Talos => {
                "patch the machine config: a `KubeAuditPolicyConfig` document, or `cluster.apiServer.auditPolicy` before 1.15"
            }
            Self::Gce => {
                "set ENABLE_APISERVER_ADVANCED_AUDIT and ADVANCED_AUDIT_POLICY in the cluster's kube-env"
            }
        }
    }
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rke2 => "RKE2",
            Self::OpenShift => "the OpenShift operator",
            Self::Kops => "kOps",
            Self::Talos => "Talos",
            Self::Gce => "the GCE start scripts",
        })
    }
}
