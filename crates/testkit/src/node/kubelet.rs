//! The kubelet, which runs what lies in /etc/kubernetes/manifests.

use std::fs;
use std::path::Path;
use std::process::Child;

use super::namespace::{self, Namespace};
use super::{NodeError, containerd, network, service};
use crate::program::Program;
use crate::slots::Slot;

pub(crate) fn start(
    program: &Program,
    namespace: &Namespace,
    slot: &Slot,
    name: &str,
) -> Result<Child, NodeError> {
    let config = slot.folder.join("kubelet.yaml");
    fs::write(&config, configuration(slot.number)).map_err(NodeError::io(&config))?;
    let mut command = namespace.enter();
    command.arg(program.path("kubelet")).arg("--config").arg(&config);
    command.args(["--kubeconfig=/etc/kubernetes/kubelet.conf", "--hostname-override", name]);
    command.args(["--node-ip", &network::address(slot.number), "--v=2"]);
    service(&mut command, &log(&slot.folder))
}

pub(crate) fn log(folder: &Path) -> std::path::PathBuf {
    folder.join("kubelet.log")
}

/// What kubeadm would configure, and what a machine inside a machine needs: its own control group at the root, no
/// control group v2 demanded, swap allowed, no resolv.conf, eviction only when it is really tight.
fn configuration(number: u16) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: /etc/kubernetes/manifests
containerRuntimeEndpoint: unix://{socket}
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: /etc/kubernetes/pki/ca.crt}}
authorization: {{mode: Webhook}}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: \"\"
evictionHard: {{memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}}
",
        socket = containerd::SOCKET,
        cgroup = namespace::cgroup(number),
    )
}
