//! The way to a server, as [`super::protocol`] says it.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use ureq::Agent;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};

use super::protocol::{self, Answer};
use super::tls::{self, Pin, TlsConfig, TlsError};
use super::{Parcel, Post};

/// What is read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A bearer token is not longer.
const TOKEN_BYTES_MAX: u64 = 64 << 10;

/// Where a server is, and what it and we are known by.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// `https://HOST:PORT`, perhaps with a path before `/ingest/…`. Without TLS only on this machine.
    pub server: String,
    /// The name of the cluster.
    pub cluster: String,
    /// Who sends: the node's name.
    pub agent: String,
    /// The file with the bearer token. It is read for every batch, so that it may be replaced.
    pub token_file: Option<PathBuf>,
    /// The authority of the server's certificate, in PEM; without it, those that the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// The server's very certificate.
    pub pin: Option<Pin>,
    /// Our own certificate with its chain, and its key, in PEM.
    pub cert_and_key: Option<(PathBuf, PathBuf)>,
    /// How long one attempt may take in all.
    pub timeout: Duration,
}

/// Why a batch did not get to a server, or can't.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL can't be used.
    #[error("`{server}` can't be used as a server: {why}")]
    Url {
        /// The URL.
        server: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name that can't stand where it should.
    #[error("`{name}` can't be used as {what}: letters, digits, `.`, `_` and `-`, at most {max}")]
    Name {
        /// The name.
        name: String,
        /// Whose name.
        what: &'static str,
        /// How long it may be.
        max: usize,
    },
    /// The token could not be read.
    #[error("could not read the token in `{}`", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificates and keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Who answers there shows a certificate that we have no reason to trust.
    #[error("the certificate that `{server}` shows comes from none of the authorities {trusted}")]
    Untrusted {
        /// The URL.
        server: String,
        /// Which those are, and what to do.
        trusted: String,
        /// What TLS said.
        source: Box<ureq::Error>,
    },
    /// There was no answer.
    #[error("no answer from `{server}`")]
    NoAnswer {
        /// The URL.
        server: String,
        /// Why.
        source: Box<ureq::Error>,
    },
}

/// A server over HTTP.
pub struct Http {
    config: HttpConfig,
    url: String,
    /// Made anew after a failure: certificates and addresses may be others by then.
    client: Option<Agent>,
}

impl Http {
    /// Checks what can be checked without asking the server.
    pub fn new(config: HttpConfig) -> Result<Self, HttpError> {
        check_name(&config.cluster, "a cluster's name", 63)?;
        check_name(&config.agent, "an agent's name", 253)?;
        let base = config.server.trim_end_matches('/');
        let wrong = |why| HttpError::Url { server: config.server.clone(), why };
        let uri: ureq::http::Uri = base.parse().map_err(|_| wrong("it is no URL"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_here(host) => {}
            Some("http") => {
                return Err(wrong("events and the token must not travel without TLS; use `https://`"));
            }
            _ => return Err(wrong("it must begin with `https://`")),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("a password has no place in it; use a token file"));
        }
        if uri.query().is_some() {
            return Err(wrong("it must not have a query"));
        }
        let url = format!("{base}/ingest/{}", config.cluster);
        let mut http = Self { config, url, client: None };
        http.token()?;
        http.client = Some(http.connect()?);
        Ok(http)
    }

    fn connect(&self) -> Result<Agent, HttpError> {
        const CONNECT_MAX: Duration = Duration::from_secs(10);
        let config = &self.config;
        let client = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(config.timeout))
            .timeout_connect(Some(config.timeout.min(CONNECT_MAX)))
            .user_agent(concat!("auditward-agent/", env!("CARGO_PKG_VERSION")))
            .build();
        let tls = TlsConfig {
            ca_file: config.ca_file.clone(),
            pin: config.pin,
            cert_and_key: config.cert_and_key.clone(),
        };
        let tcp = TcpConnector::default();
        if self.url.starts_with("http://") {
            return Ok(Agent::with_parts(client, tcp, DefaultResolver::default()));
        }
        Ok(Agent::with_parts(client, tcp.chain(tls::client(&tls)?), DefaultResolver::default()))
    }

    fn no_answer(&self, source: ureq::Error) -> HttpError {
        let (server, source) = (self.config.server.clone(), Box::new(source));
        // The second is what is said of another authority of the same name.
        let said = source.to_string();
        if !["UnknownIssuer", "BadSignature"].iter().any(|why| said.contains(why)) {
            return HttpError::NoAnswer { server, source };
        }
        let trusted = match &self.config.ca_file {
            Some(path) => format!("in `{}`", path.display()),
            None => "that this machine trusts (`--ca` names a file with others)".to_owned(),
        };
        HttpError::Untrusted { server, trusted, source }
    }

    fn token(&self) -> Result<Option<String>, HttpError> {
        let Some(path) = &self.config.token_file else { return Ok(None) };
        let failed = |source| HttpError::Token { path: path.clone(), source };
        let mut text = String::new();
        let file = fs::File::open(path).map_err(failed)?;
        file.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "it must be one word of printable characters";
            return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, why)));
        }
        Ok(Some(token.to_owned()))
    }
}

impl Post for Http {
    fn post(&mut self, batch: &Parcel<'_>) -> Result<Answer, HttpError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        let mut request = client
            .post(&self.url)
            .header("content-type", protocol::CONTENT_TYPE)
            .header("content-encoding", "gzip")
            .header(protocol::AGENT, &self.config.agent)
            .header(protocol::BATCH, batch.id.to_string())
            .header(protocol::SEQUENCE, batch.sequence.to_string());
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut answer = request.send(batch.body).map_err(|source| self.no_answer(source))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        // Without its words an answer is not taken for a good one.
        let words = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let words = words.unwrap_or_default();
        self.client = Some(client);
        Ok(protocol::answer(status, retry_after.as_deref(), &words))
    }
}

fn is_here(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_name(name: &str, what: &'static str, max: usize) -> Result<(), HttpError> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() <= max && name.chars().all(known) {
        return Ok(());
    }
    Err(HttpError::Name { name: name.chars().take(300).collect(), what, max })
}
