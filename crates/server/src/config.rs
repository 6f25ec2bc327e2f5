//! How a server is set up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ClusterName;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens. Port 0 takes a free one, which `Server::addresses` tells.
    pub listen: Vec<SocketAddr>,
    /// How it proves who it is; without it everything goes over the wire in the clear.
    pub tls: Option<Tls>,
    /// Whether to listen beyond this machine without TLS. Tokens then travel in the clear, so this is for a proxy in
    /// front that ends TLS, and for nothing else.
    pub plain_http: bool,
    /// The file of tokens. It need not exist: then there are none, and only loopback addresses may be listened on.
    pub tokens: PathBuf,
    /// What it holds everybody to.
    pub limits: Limits,
}

/// How the server proves who it is, and what it makes of certificates that clients show.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and those between it and its authority, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM. Nobody but the owner and the group may read it, nobody but the owner write it.
    pub key: PathBuf,
    /// Certificates of clients; without it nobody is asked for one.
    pub clients: Option<ClientCertificates>,
}

/// Certificates that stand for a cluster.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// The certificates of the authorities that may sign them, PEM.
    pub authorities: PathBuf,
    /// The cluster that a certificate of this common name may send events of. Another name is nobody.
    pub clusters: BTreeMap<String, ClusterName>,
}

/// What everybody is held to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; one more is closed at once. Never more than the process may have files, less a reserve
    /// for the journal and the store.
    pub connections_max: usize,
    /// Connections at a time from one address.
    pub connections_per_address_max: usize,
    /// The body of `/ingest` as it is sent, in bytes.
    pub body_bytes_max: usize,
    /// The same after it is unpacked.
    pub unpacked_bytes_max: usize,
    /// The bodies of all requests that are being received or taken, in bytes; beyond it, senders wait their turn by 429.
    pub bodies_bytes_max: usize,
    /// The body of any other request, in bytes.
    pub question_bytes_max: usize,
    /// Bodies that are given to the intake at a time.
    pub intakes_max: usize,
    /// Questions that are answered at a time.
    pub queries_max: usize,
    /// Questions of one token that are answered at a time.
    pub queries_per_identity_max: usize,
    /// How long a question waits for its turn.
    pub query_turn: Duration,
    /// How long a question may take.
    pub query_time: Duration,
    /// Followers at a time.
    pub live_max: usize,
    /// Followers at a time of one token.
    pub live_per_identity_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_time: Duration,
    /// How long a client may take to send a request's head once it has begun to.
    pub head_time: Duration,
    /// How long a connection may do nothing. API servers keep theirs for 90 s; it is best if they close first.
    pub idle_time: Duration,
    /// How long a client may pause within a body, or in reading an answer.
    pub stall_time: Duration,
    /// How long a body may take altogether.
    pub body_time: Duration,
    /// How often a follower is told that nothing happened.
    pub heartbeat: Duration,
    /// How long a sender is told to wait when it is this server, not the intake, that has no room.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 1_000,
            body_bytes_max: 32 << 20,
            unpacked_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            question_bytes_max: 64 << 10,
            intakes_max: 64,
            queries_max: 8,
            queries_per_identity_max: 4,
            query_turn: Duration::from_secs(5),
            query_time: Duration::from_mins(1),
            live_max: 64,
            live_per_identity_max: 16,
            handshake_time: Duration::from_secs(10),
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_mins(2),
            stall_time: Duration::from_secs(20),
            body_time: Duration::from_mins(1),
            heartbeat: Duration::from_secs(15),
            retry_after: Duration::from_secs(2),
        }
    }
}
