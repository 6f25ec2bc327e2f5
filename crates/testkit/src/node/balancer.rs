//! A load balancer before the API servers of one cluster: HAProxy, as on premises it mostly is.
//!
//! ```text
//! clients ── 10.200.N.2:8443 HAProxy ──┬── 10.200.N.2:6443
//!            (in node N's namespaces)  ├── 10.200.M.2:6443     each asked for /readyz twice a second
//!                                      └── …
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Node, NodeError, service, which, write};
use crate::kubectl::Kubectl;
use crate::wait;

const PORT: u16 = 8443;

/// A running load balancer. It ends with the node that it runs in.
#[derive(Debug)]
pub struct Balancer {
    kubeconfig: PathBuf,
    kubectl: Kubectl,
}

impl Balancer {
    /// The super-administrator's kubeconfig for asking through it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl through it.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }
}

impl Node {
    /// Starts HAProxy in this node, before its own API server and those of other nodes of the cluster.
    pub fn balance(&mut self, others: &[&Node]) -> Result<Balancer, NodeError> {
        if which("haproxy").is_none() {
            return Err(NodeError::Unavailable("`haproxy` is missing".to_owned()));
        }
        let config = self.folder.join("haproxy.cfg");
        let addresses: Vec<String> =
            std::iter::once(&*self).chain(others.iter().copied()).map(Self::address).collect();
        write(&config, &configuration(&addresses))?;
        let mut command = self.namespace.enter();
        command.args(["haproxy", "-db", "-f"]).arg(&config);
        let log = self.folder.join("haproxy.log");
        self.services.push(service(&mut command, &log)?);

        // The certificates of the API servers are for their own addresses and for this name, which every one has.
        let direct = fs::read_to_string(self.kubeconfig()).map_err(NodeError::io(&self.kubeconfig()))?;
        let [from, to] = [
            &format!("{}:6443", addresses[0]),
            &format!("{}:{PORT}\n    tls-server-name: kubernetes", addresses[0]),
        ];
        let kubeconfig = self.folder.join("balanced.kubeconfig");
        write(&kubeconfig, &direct.replace(from, to))?;
        let kubectl = Kubectl::new(self.program, kubeconfig.clone());
        let answers = || kubectl.run(&["get", "--raw", "/readyz"]).ok();
        match wait::until(Duration::from_secs(20), answers) {
            Some(_) => Ok(Balancer { kubeconfig, kubectl }),
            None => Err(NodeError::NotReady {
                what: "haproxy",
                log: fs::read_to_string(&log).unwrap_or_default(),
            }),
        }
    }
}

/// What Kubernetes' own notes on HAProxy configure, and a check that sees an API server that is about to end: /readyz says
/// so at once, while the port still takes connections for a moment.
fn configuration(addresses: &[String]) -> String {
    let mut text = format!(
        "defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
frontend api
  bind {first}:{PORT}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check check-ssl verify none inter 500ms fall 1 rise 2
",
        first = addresses[0],
    );
    for address in addresses {
        let _ = writeln!(text, "  server {address} {address}:6443");
    }
    text
}
