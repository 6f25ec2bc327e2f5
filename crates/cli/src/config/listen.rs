//! Where requests are answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use auditward_server::ClusterName;
use serde::{Deserialize, Deserializer};

/// `listen:`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    /// Address and port. Without TLS and tokens only a loopback address is taken.
    pub(crate) address: SocketAddr,
    /// How the server proves who it is; without it requests come in the clear.
    pub(crate) tls: Option<Tls>,
}

/// `listen.tls:`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// PEM: the certificate, then those that lead to its authority.
    pub(crate) certificate: PathBuf,
    /// PEM: its private key. Nobody else may read the file.
    pub(crate) key: PathBuf,
    /// PEM: authorities whose client certificates may send events.
    #[serde(default)]
    pub(crate) client_ca: Option<PathBuf>,
    /// The cluster that a certificate of this common name may send events of. Another name is nobody.
    #[serde(default, deserialize_with = "clusters")]
    pub(crate) client_clusters: BTreeMap<String, ClusterName>,
}

impl Default for Listen {
    fn default() -> Self {
        Listen { address: SocketAddr::from(([127, 0, 0, 1], 8440)), tls: None }
    }
}

fn clusters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, ClusterName>, D::Error> {
    let texts: BTreeMap<String, String> = BTreeMap::deserialize(deserializer)?;
    let named = texts.into_iter().map(|(name, cluster)| Ok((name, cluster.parse()?)));
    named.collect::<Result<_, auditward_server::ClusterNameError>>().map_err(serde::de::Error::custom)
}
