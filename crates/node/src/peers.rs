//! The other API servers of the cluster.

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

/// All API servers but the one at `own`, as they announced themselves, each asked whether it is ready.
pub fn peers(client: &Client, own: &str) -> Result<Vec<Peer>, ApiError> {
    let slice: Value = match client.get(SLICE) {
        // A server announces itself some seconds after it is ready, and nobody else has.
        Err(error) if error.status() == Some(404) => return Ok(Vec::new()),
        answer => answer?,
    };
    let port = slice["ports"][0]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(6443);
    let nodes: Value = client.get("/api/v1/nodes").unwrap_or_default();
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let addresses =
        endpoints.filter_map(|endpoint| endpoint["addresses"][0].as_str()).filter(|host| *host != own);
    Ok(addresses
        .map(|host| {
            let address = Address { host: host.to_owned(), port };
            let asked = client.at(address.clone()).ask(Request::get("/readyz"));
            Peer {
                node: node_at(&nodes, host),
                not_ready: asked.err().map(|error| with_causes(&error)),
                address,
            }
        })
        .collect())
}

fn node_at(nodes: &Value, host: &str) -> Option<String> {
    let mut all = nodes["items"].as_array()?.iter();
    let node = all.find(|node| {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        addresses.into_iter().any(|address| address["address"] == host)
    })?;
    node["metadata"]["name"].as_str().map(str::to_owned)
}
