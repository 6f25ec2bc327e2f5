//! How such an API server is asked, and seen.

use std::path::Path;

use super::Service;
use crate::api::{Address, Client, KubeconfigError};
use crate::host::{self, KUBECONFIGS};
use crate::watch::{Process, Site, Starter, api_servers};

const PROC: &str = "/proc";

/// Where administrators' credentials lie, the most able first.
pub fn kubeconfigs(service: Service) -> &'static [&'static str] {
    match service {
        Service::K3s => &["/etc/rancher/k3s/k3s.yaml"],
        Service::Rke2 => &["/etc/rancher/rke2/rke2.yaml"],
        Service::MicroK8s => &["/var/snap/microk8s/current/credentials/client.config"],
        Service::K0s => &["/var/lib/k0s/pki/admin.conf"],
        Service::Systemd => &KUBECONFIGS,
    }
}

/// The API server, to be asked and watched; by the credentials that are named, or else by the node's own. With
/// `must_answer` only credentials that it accepts now will do.
pub fn site(
    service: Service,
    unit: &str,
    named: Option<&Path>,
    must_answer: bool,
) -> Result<Site, KubeconfigError> {
    Ok(Site {
        client: host::first(clients(service, named), must_answer)?,
        starter: Starter::Unit { unit: unit.to_owned(), program: service.program() },
        proc: PROC.into(),
    })
}

/// A client for each kubeconfig.
pub(crate) fn clients(service: Service, named: Option<&Path>) -> Vec<Result<Client, KubeconfigError>> {
    let paths: Vec<&Path> =
        named.map_or_else(|| kubeconfigs(service).iter().map(Path::new).collect(), |path| vec![path]);
    // The distributions' own kubeconfigs name this machine; others may name a load balancer.
    let here = || api_servers(Path::new(PROC)).first().and_then(address);
    let at = if service == Service::Systemd { here() } else { None };
    host::clients(&paths, at.as_ref())
}

/// Where a process listens on this machine.
fn address(process: &Process) -> Option<Address> {
    let value = |flag: &str| {
        let mut words = process.arguments.iter().rev();
        words.find_map(|word| word.strip_prefix(flag)?.strip_prefix('=').map(str::to_owned))
    };
    let somewhere = |host: &String| !["0.0.0.0", "::", ""].contains(&host.as_str());
    let host = value("--bind-address").filter(somewhere).or_else(|| value("--advertise-address"));
    let port = value("--secure-port").map_or(Some(6443), |port| port.parse().ok())?;
    Some(Address { host: host.unwrap_or_else(|| "127.0.0.1".to_owned()), port })
}
