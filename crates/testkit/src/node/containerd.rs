//! containerd and the images in it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use super::namespace::Namespace;
use super::{NodeError, service};
use crate::images::Images;
use crate::{command, wait};

pub(crate) const SOCKET: &str = "/run/containerd/containerd.sock";

pub(crate) fn start(namespace: &Namespace, folder: &Path, images: &Images) -> Result<Child, NodeError> {
    let config = folder.join("containerd.toml");
    // restrict_oom_score_adj: without CAP_SYS_RESOURCE, runc would fail at lowering it.
    let text = format!(
        r#"version = 2
root = "{folder}/containerd"
state = "/run/containerd/state"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
"#,
        folder = folder.display(),
        pause = images.pause,
    );
    fs::write(&config, text).map_err(NodeError::io(&config))?;
    let mut command = namespace.enter();
    command.args(["containerd", "--config"]).arg(&config);
    let log = folder.join("containerd.log");
    let child = service(&mut command, &log)?;
    let socket = namespace.path(SOCKET);
    let open = wait::until(Duration::from_mins(1), || UnixStream::connect(&socket).ok());
    if open.is_none() {
        let log = fs::read_to_string(&log).unwrap_or_default();
        return Err(NodeError::NotReady { what: "containerd", log });
    }
    Ok(child)
}

pub(crate) fn import(namespace: &Namespace, images: &Images) -> Result<(), NodeError> {
    for archive in &images.archives {
        ctr(namespace, &["images", "import", &archive.to_string_lossy()])?;
    }
    Ok(())
}

pub(crate) fn ctr(namespace: &Namespace, arguments: &[&str]) -> Result<String, NodeError> {
    let mut command = namespace.enter();
    command.args(["ctr", "--address", SOCKET, "--namespace", "k8s.io"]).args(arguments);
    Ok(command::run(&mut command)?)
}
