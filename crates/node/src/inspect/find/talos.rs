//! Talos: the kubelet fetches its static pods from a local address, so no manifest lies in a file.

use crate::inspect::process::{Processes, Program};

use super::{CONFIG_MAX, Candidate, Distribution, Look, Origin, Setting};

const RELEASE: &str = "/etc/os-release";
/// Rendered from the machine config; the same path inside the pod.
const POLICY: &str = "/system/config/kubernetes/kube-apiserver/auditpolicy.yaml";

/// The flags that Talos sets, always.
const FLAGS: [(&str, &str); 5] = [
    ("audit-policy-file", POLICY),
    ("audit-log-path", "/var/log/audit/kube/kube-apiserver.log"),
    ("audit-log-maxage", "30"),
    ("audit-log-maxbackup", "10"),
    ("audit-log-maxsize", "100"),
];

pub(super) fn look(look: &mut Look<'_>, processes: &Processes) -> Option<Candidate> {
    let text = look.host.read(RELEASE, CONFIG_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    let talos = text.lines().any(|line| matches!(line.trim(), "ID=talos" | "ID=\"talos\""));
    if !talos {
        return None;
    }
    look.found(RELEASE, "Talos");
    // A worker has none of it.
    let control_plane = look.host.exists(POLICY) || processes.of(Program::KubeApiserver).next().is_some();
    control_plane.then(|| Candidate {
        distribution: Distribution::Talos,
        sign: format!("{RELEASE} says Talos"),
        program: Program::KubeApiserver,
        settings: FLAGS
            .map(|(name, value)| Setting {
                name: name.to_owned(),
                value: value.to_owned(),
                origin: Origin::Builtin(Distribution::Talos),
            })
            .to_vec(),
        notes: Vec::new(),
        version: None,
    })
}
