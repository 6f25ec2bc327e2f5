//! The node's manifests, certificates and kubeconfigs: kubeadm's own, phase by phase.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::namespace::Namespace;
use super::{NodeBuilder, NodeError, containerd, network};
use crate::command;
use crate::program::Program;

/// Where kube-apiserver writes its audit log, if the node is started with a policy.
pub(crate) const AUDIT_LOG: &str = "/var/log/kubernetes/audit/audit.log";
const AUDIT_POLICY: &str = "/etc/kubernetes/audit/policy.yaml";

pub(crate) fn configure(builder: &NodeBuilder, version: &str, number: u16, first: Option<u16>) -> String {
    let mut text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {address}, bindPort: 6443}}
nodeRegistration: {{name: {name}, criSocket: \"unix://{socket}\", taints: []}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v{version}
encryptionAlgorithm: ECDSA-P256
networking: {{serviceSubnet: 10.96.0.0/16, podSubnet: 10.244.{number}.0/24}}
apiServer:
  certSANs: [127.0.0.1]
",
        address = network::address(number),
        name = builder.name,
        socket = containerd::SOCKET,
    );
    if builder.audit_policy.is_some() {
        let _ = write!(
            text,
            "  extraArgs:
  - {{name: audit-policy-file, value: {AUDIT_POLICY}}}
  - {{name: audit-log-path, value: {AUDIT_LOG}}}
  extraVolumes:
  - {{name: audit, hostPath: /etc/kubernetes/audit, mountPath: /etc/kubernetes/audit, readOnly: true, pathType: Directory}}
  - {{name: audit-log, hostPath: /var/log/kubernetes/audit, mountPath: /var/log/kubernetes/audit, pathType: DirectoryOrCreate}}
"
        );
    }
    if let Some(first) = first {
        let _ = write!(
            text,
            "etcd:
  external:
    endpoints: [\"https://{}:2379\"]
    caFile: /etc/kubernetes/pki/etcd/ca.crt
    certFile: /etc/kubernetes/pki/apiserver-etcd-client.crt
    keyFile: /etc/kubernetes/pki/apiserver-etcd-client.key
",
            network::address(first)
        );
    }
    text
}

/// Writes everything that the kubelet needs to bring the control plane up.
pub(crate) fn prepare(
    builder: &NodeBuilder,
    program: &Program,
    namespace: &Namespace,
    config: &Path,
    first: Option<&Namespace>,
) -> Result<(), NodeError> {
    if let Some(policy) = &builder.audit_policy {
        let path = namespace.path(AUDIT_POLICY);
        fs::create_dir_all(namespace.path("/etc/kubernetes/audit")).map_err(NodeError::io(&path))?;
        fs::write(&path, policy).map_err(NodeError::io(&path))?;
    }
    if let Some(first) = first {
        take_authorities(first, namespace)?;
    }
    let mut phases = vec!["certs all", "kubeconfig all", "etcd local", "control-plane all"];
    if first.is_some() {
        // The first node's etcd is everyone's.
        phases.retain(|phase| *phase != "etcd local");
    }
    for phase in phases {
        run_phase(program, namespace, config, phase)?;
    }
    Ok(())
}

/// Writes the configuration into the cluster, where an upgrade will look for it.
pub(crate) fn upload(program: &Program, namespace: &Namespace, config: &Path) -> Result<(), NodeError> {
    let phase = "upload-config all --kubeconfig /etc/kubernetes/super-admin.conf";
    run_phase(program, namespace, config, phase)
}

fn run_phase(program: &Program, namespace: &Namespace, config: &Path, phase: &str) -> Result<(), NodeError> {
    let mut command = namespace.enter();
    command.arg(program.path("kubeadm")).args(["init", "phase"]).args(phase.split(' '));
    command::run(command.arg("--config").arg(config))?;
    Ok(())
}

/// Nodes of one cluster share certificate authorities and the service accounts' key.
fn take_authorities(from: &Namespace, to: &Namespace) -> Result<(), NodeError> {
    let folder = "/etc/kubernetes/pki";
    let made = to.path(&format!("{folder}/etcd"));
    fs::create_dir_all(&made).map_err(NodeError::io(&made))?;
    for file in [
        "ca.crt",
        "ca.key",
        "sa.pub",
        "sa.key",
        "front-proxy-ca.crt",
        "front-proxy-ca.key",
        "apiserver-etcd-client.crt",
        "apiserver-etcd-client.key",
        "etcd/ca.crt",
        "etcd/ca.key",
    ] {
        let path = format!("{folder}/{file}");
        fs::copy(from.path(&path), to.path(&path)).map_err(NodeError::io(&from.path(&path)))?;
    }
    Ok(())
}
