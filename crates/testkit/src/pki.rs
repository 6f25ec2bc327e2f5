//! The certificates of a control plane, made by kubeadm.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command;
use crate::program::Program;
use crate::start_error::StartError;

/// Makes `folder/pki` (certificate authority, serving certificate for loopback, front proxy, service account keys)
/// and returns the kubeadm configuration by which more can be made.
pub(crate) fn make(program: &Program, folder: &Path) -> Result<PathBuf, StartError> {
    let config = folder.join("kubeadm.yaml");
    // The address is one that is nobody's (RFC 5737): kubeadm refuses loopback, and nothing connects to it.
    // Elliptic curves, because RSA keys would take a second.
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 192.0.2.1, bindPort: 6443}}
nodeRegistration: {{name: testkit}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v{version}
certificatesDir: {folder}/pki
encryptionAlgorithm: ECDSA-P256
networking: {{serviceSubnet: 10.96.0.0/16}}
apiServer: {{certSANs: [127.0.0.1, localhost]}}
",
        version = program.version(),
        folder = folder.display(),
    );
    fs::write(&config, text).map_err(StartError::io(&config))?;
    command::run(
        program.command("kubeadm").args(["init", "phase", "certs", "all", "--config"]).arg(&config),
    )?;
    Ok(config)
}
