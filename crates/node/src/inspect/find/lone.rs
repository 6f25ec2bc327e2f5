//! A running API server that no file explains: RKE1's Docker container, another container, a program started by hand.

use crate::inspect::process::{Processes, Program};

use super::{Candidate, Distribution, Look};

/// What RKE1 leaves on its nodes.
const RKE1: &str = "/etc/kubernetes/ssl/kubecfg-kube-apiserver-requestheader-ca.yaml";
const RKE1_STATE: &str = "/var/lib/rancher/rke";

pub(super) fn look(look: &mut Look<'_>, processes: &Processes) -> Option<Candidate> {
    let rke1 = [RKE1, RKE1_STATE].into_iter().find(|path| look.host.exists(path));
    let process = processes.of(Program::KubeApiserver).next();
    let (distribution, sign) = match (rke1, process) {
        (Some(path), _) => {
            look.found(path, "left by RKE1");
            (Distribution::Rke1, format!("{path} is RKE1's"))
        }
        (None, Some(process)) => (
            Distribution::Process,
            format!("process {} is kube-apiserver, and no file here says what starts it", process.pid),
        ),
        (None, None) => return None,
    };
    Some(Candidate {
        distribution,
        sign,
        program: Program::KubeApiserver,
        settings: Vec::new(),
        notes: Vec::new(),
        version: None,
    })
}
