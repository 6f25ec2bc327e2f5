//! The API server, asked by name over a connection of our own making.
//!
//! [`Client`] connects to an *address* and expects the certificate of a *name*. So this node's own API server is asked,
//! and not whichever the load balancer in the kubeconfig chooses, and its certificate is still verified.
//!
//! Invariant: keys and tokens are in no error and no debug output.

mod http;
mod kubeadm_config;
mod kubeconfig;
mod lease;

use std::fmt;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use http::Answer;
pub use kubeadm_config::{ClusterConfiguration, ExtraVolume, KubeadmConfigError};
pub mod kubeadm {
    //! The text of a ClusterConfiguration, changed.
    pub use super::kubeadm_config::{flags, snippet, with, without};
}
pub use kubeconfig::{Kubeconfig, KubeconfigError};
pub use lease::{Held, Holder, LeaseError, Spec as LeaseSpec, Turn, turn};

/// How long one request may take, all of it.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 16 << 20;

/// A way to ask one API server, as one user.
#[derive(Clone)]
pub struct Client {
    address: Address,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    token: Option<String>,
    /// Where the credentials are from, for messages.
    origin: PathBuf,
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody listens, or nothing gets through.
    #[error("could not connect to the API server at {address}")]
    Connect {
        /// Where to.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or TLS could not be agreed on.
    #[error("could not talk to the API server at {address}")]
    Talk {
        /// Where to.
        address: Address,
        /// What the system or TLS said.
        source: io::Error,
    },
    /// What came is no HTTP, or too much.
    #[error("the API server at {address} answered something that could not be read: {what}")]
    Unreadable {
        /// Where to.
        address: Address,
        /// What is wrong with it.
        what: String,
    },
    /// It said no.
    #[error("the API server answered {status} to {method} {path}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
        /// Why, in its own words.
        message: String,
    },
}

impl ApiError {
    /// The HTTP status, if the server answered at all.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `PUT` …
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Sent as JSON.
    pub body: Option<&'a Value>,
    /// Sent as the `Audit-ID` header, by which the request's audit events are found again.
    pub audit_id: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Reading.
    pub fn get(path: &'a str) -> Self {
        Self { method: "GET", path, body: None, audit_id: None }
    }

    /// Something with a body.
    pub fn with_body(method: &'a str, path: &'a str, body: &'a Value) -> Self {
        Self { method, path, body: Some(body), audit_id: None }
    }
}

impl Client {
    /// A client of the server that the kubeconfig names.
    pub fn new(config: &Kubeconfig) -> Result<Self, KubeconfigError> {
        config.client()
    }

    /// The same user, asking at another address; the certificate must still be for the same name.
    #[must_use]
    pub fn at(&self, address: Address) -> Self {
        Self { address, ..self.clone() }
    }

    /// The same user, expecting the server's certificate to be for `name`.
    #[must_use]
    pub fn named(&self, name: &'static str) -> Self {
        let name = ServerName::try_from(name).unwrap_or_else(|_| self.name.clone());
        Self { name, ..self.clone() }
    }

    /// Where it connects to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The file that the credentials are from.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Sends a request and reads the answer, whatever its status.
    pub fn send(&self, request: Request<'_>) -> Result<Answer, ApiError> {
        let end = Instant::now() + REQUEST_TIME;
        let socket = self.connect()?;
        let talk = |source| ApiError::Talk { address: self.address.clone(), source };
        let tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone())
            .map_err(|error| talk(io::Error::other(error)))?;
        let mut stream = StreamOwned::new(tls, socket);
        let text = http::request(request, &self.address, self.token.as_deref());
        stream.sock.set_write_timeout(Some(REQUEST_TIME)).map_err(talk)?;
        stream.sock.set_read_timeout(Some(REQUEST_TIME)).map_err(talk)?;
        stream.write_all(&text).and_then(|()| stream.flush()).map_err(talk)?;
        let bytes = read_all(&mut stream, end).map_err(talk)?;
        http::answer(&bytes).map_err(|what| ApiError::Unreadable { address: self.address.clone(), what })
    }

    /// Sends a request; an answer outside of 200–299 is an error.
    pub fn ask(&self, request: Request<'_>) -> Result<Answer, ApiError> {
        let answer = self.send(request)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        Err(ApiError::Refused {
            status: answer.status,
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            message: answer.message(),
        })
    }

    /// Reads an object.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let answer = self.ask(Request::get(path))?;
        self.decode(&answer)
    }

    /// The answer's body, decoded.
    pub fn decode<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ApiError> {
        serde_json::from_slice(&answer.body)
            .map_err(|e| ApiError::Unreadable { address: self.address.clone(), what: e.to_string() })
    }

    fn connect(&self) -> Result<TcpStream, ApiError> {
        const CONNECT_TIME: Duration = Duration::from_secs(3);
        let failed = |source| ApiError::Connect { address: self.address.clone(), source };
        let all: Vec<SocketAddr> =
            (self.address.host.as_str(), self.address.port).to_socket_addrs().map_err(failed)?.collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in all {
            match TcpStream::connect_timeout(&address, CONNECT_TIME) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} by {})", self.address, self.origin.display())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Until the server closes, as it was asked to.
fn read_all(stream: &mut impl io::Read, end: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        let read = match stream.read(&mut part) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A server that closes without saying so in TLS; `http::answer` knows whether everything came.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(bytes),
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(&part[..read]);
        if bytes.len() > ANSWER_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {ANSWER_MAX} bytes")));
        }
        if Instant::now() > end {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long"));
        }
    }
}
