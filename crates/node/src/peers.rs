//! The other API servers of the cluster.

use std::net::{IpAddr, UdpSocket};

use serde_json::Value;

use crate::api::{Address, ApiError, Client, Request};
use crate::watch::with_causes;

/// The addresses that the API servers announce themselves at.
pub(crate) const SLICE: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";

/// Another API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it listens.
    pub address: Address,
    /// The node that it runs on, where the cluster says.
    pub node: Option<String>,
    /// Why it is not ready; none when it is.
    pub not_ready: Option<String>,
}

/// All API servers but the one at `own`, as they announced themselves, each asked whether it is ready. Without `own` those at
/// addresses of this machine are left out.
pub fn peers(client: &Client, own: Option<&str>) -> Result<Vec<Peer>, ApiError> {
    let slice: Value = match client.get(SLICE) {
        // A server announces itself some seconds after it is ready, and nobody else has.
        Err(error) if error.status() == Some(404) => return Ok(Vec::new()),
        answer => answer?,
    };
    let port = slice["ports"][0]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(6443);
    let nodes: Value = client.get("/api/v1/nodes").unwrap_or_default();
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let addresses =
        endpoints.filter_map(|endpoint| endpoint["addresses"][0].as_str()).filter(|host| match own {
            Some(own) => *host != own,
            None => !is_here(host),
        });
    let mut all: Vec<Peer> = addresses
        .map(|host| {
            let address = Address { host: host.to_owned(), port };
            Peer { node: node_at(&nodes, host), not_ready: not_ready(&client.at(address.clone())), address }
        })
        .collect();
    all.sort_by(|one, other| (&one.node, &one.address.host).cmp(&(&other.node, &other.address.host)));
    Ok(all)
}

/// Its certificate may be for its own address and not for the one in our kubeconfig; the name by which pods ask is in each.
fn not_ready(client: &Client) -> Option<String> {
    let ask = |client: &Client| client.ask(Request::get("/readyz"));
    let by_our_name = ask(client).err()?;
    // What it answered is the answer; what TLS said may have been about the name.
    if by_our_name.status().is_none() && ask(&client.named("kubernetes.default.svc")).is_ok() {
        return None;
    }
    Some(with_causes(&by_our_name))
}

/// Only an address of one's own can be listened on.
fn is_here(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| UdpSocket::bind((address, 0)).is_ok())
}

fn node_at(nodes: &Value, host: &str) -> Option<String> {
    let mut all = nodes["items"].as_array()?.iter();
    let node = all.find(|node| {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        addresses.into_iter().any(|address| address["address"] == host)
    })?;
    node["metadata"]["name"].as_str().map(str::to_owned)
}
