//! One POST, and what its answer means.
//!
//! Not followed: redirects (an alert must not wander to where nobody meant it to go). Not asked: the environment's
//! proxies. Files with certificates and secrets are read anew when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::secrets::Secrets;
use super::{Failure, FailureKind, chain, plain};
use crate::config::Http;
use crate::config::url_host;
use crate::time;

/// Why a target can't be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It does not say where to.
    #[error("it does not say where alerts go")]
    Nowhere,
    /// A file that it names can't be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("`{}` holds {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        what: &'static str,
    },
    /// The proxy's address can't be used.
    #[error("the proxy's address can't be used; one is `http://host:port`")]
    Proxy,
    /// An address can't be used.
    #[error("`{address}` can't be used: {what}")]
    Address {
        /// The address.
        address: String,
        /// Why.
        what: String,
    },
}

/// A client for one server.
pub(crate) struct Client {
    config: Http,
    agent: ureq::Agent,
    /// The state of the files that the agent was made of.
    stamps: Vec<Option<Stamp>>,
    /// Made at least once; a later failure keeps the old one working until the files are whole again.
    headers: Vec<(String, String)>,
}

type Stamp = (SystemTime, u64);

/// No more of an answer is read.
const ANSWER_MAX: u64 = 64 << 10;
/// No file of certificates or secrets is larger.
const FILE_MAX: u64 = 4 << 20;

impl Client {
    /// `headers` are sent with everything.
    pub(crate) fn new(config: &Http, headers: Vec<(String, String)>) -> Result<Self, PrepareError> {
        let stamps = stamps(config);
        Ok(Self { config: config.clone(), agent: agent(config)?, stamps, headers })
    }

    /// Posts a JSON text. What a 2xx said is returned, in a line for people.
    pub(crate) fn post(
        &mut self,
        url: &str,
        delivery: &str,
        body: &[u8],
        now: i64,
    ) -> Result<String, Failure> {
        self.refresh()?;
        let mut secrets = Secrets::of_url(url);
        let authorization = self.authorization(&mut secrets)?;
        let mut request = self
            .agent
            .post(url)
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("auditward/", env!("CARGO_PKG_VERSION")))
            .header("Idempotency-Key", delivery);
        for (name, value) in &self.headers {
            secrets.add(value);
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let host = url_host(url);
        let failed = |error| {
            let told = plain(&secrets.hide(&told(&error)));
            Failure::unreachable(format!("{host} could not be asked: {told}"))
        };
        let mut response = request.send(body).map_err(failed)?;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header("retry-after").and_then(|text| retry_after(text, now));
        let read = response.body_mut().with_config().limit(ANSWER_MAX).lossy_utf8(true).read_to_string();
        if (200..300).contains(&status) {
            // The head says that it has it; whether its body arrives whole is of no matter.
            return Ok(format!("HTTP {status}"));
        }
        let kind = match status {
            408 | 425 | 429 | 500..=599 => FailureKind::Busy { retry_after },
            300..=399 | 401 | 403 | 404 | 407 => FailureKind::Closed,
            _ => FailureKind::Refused,
        };
        let said = read.map(|text| plain(&secrets.hide(&text))).unwrap_or_default();
        let hint = if (300..400).contains(&status) { " (redirects are not followed)" } else { "" };
        let colon = if said.is_empty() { "" } else { ": " };
        let reason = format!("{host} answered HTTP {status}{hint}{colon}{said}");
        Err(Failure { kind, answered: true, reason })
    }

    fn refresh(&mut self) -> Result<(), Failure> {
        let stamps = stamps(&self.config);
        if stamps != self.stamps {
            self.agent = agent(&self.config).map_err(|error| Failure::closed(chain(&error)))?;
            self.stamps = stamps;
        }
        Ok(())
    }

    /// The header's value, whose secrets are noted.
    fn authorization(&self, secrets: &mut Secrets) -> Result<Option<String>, Failure> {
        let mut secret = |path: &Path| {
            let secret = first_line(path).map_err(|error| Failure::closed(chain(&error)))?;
            secrets.add(&secret);
            Ok(secret)
        };
        if let Some(path) = &self.config.token_file {
            return Ok(Some(format!("Bearer {}", secret(path)?)));
        }
        let Some((user, path)) = self.config.username.as_ref().zip(self.config.password_file.as_ref()) else {
            return Ok(None);
        };
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", secret(path)?));
        secrets.add(&pair);
        Ok(Some(format!("Basic {pair}")))
    }
}

/// The first line of a file, without blanks at its ends.
pub(crate) fn first_line(path: &Path) -> Result<String, PrepareError> {
    let text = read(path)?;
    let wrong = |what| PrepareError::Content { path: path.to_owned(), what };
    let text = String::from_utf8(text).map_err(|_| wrong("no UTF-8 text"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(wrong("nothing in its first line"));
    }
    if line.chars().any(char::is_control) {
        return Err(wrong("control characters in its first line"));
    }
    Ok(line.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, PrepareError> {
    let failed = |source| PrepareError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    io::Read::read_to_end(&mut io::Read::take(file, FILE_MAX), &mut text).map_err(failed)?;
    Ok(text)
}

fn stamps(config: &Http) -> Vec<Option<Stamp>> {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    let files = [&config.ca_file, &config.cert_file, &config.key_file];
    files.into_iter().flatten().map(|path| stamp(path)).collect()
}

fn agent(config: &Http) -> Result<ureq::Agent, PrepareError> {
    const CONNECT_MAX: Duration = Duration::from_secs(10);
    let timeout = config.timeout.duration();
    let proxy = match &config.proxy {
        Some(proxy) => Some(ureq::Proxy::new(proxy.reveal()).map_err(|_| PrepareError::Proxy)?),
        None => None,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(roots(config)?)
        .client_cert(client_cert(config)?);
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(timeout.min(CONNECT_MAX)))
        .tls_config(tls.build())
        .build();
    Ok(config.new_agent())
}

fn roots(config: &Http) -> Result<RootCerts, PrepareError> {
    /// Where distributions keep them: Debian, Fedora, SUSE, Alpine.
    const SYSTEM: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let all = match &config.ca_file {
        Some(path) => certificates(path)?,
        // A machine without any can still be told a `ca_file`, and needs none for HTTP.
        None => SYSTEM.iter().find_map(|path| certificates(Path::new(path)).ok()).unwrap_or_default(),
    };
    Ok(RootCerts::from(all))
}

fn client_cert(config: &Http) -> Result<Option<ClientCert>, PrepareError> {
    let Some((cert, key)) = config.cert_file.as_ref().zip(config.key_file.as_ref()) else { return Ok(None) };
    let chain = certificates(cert)?;
    let wrong = |_| PrepareError::Content { path: key.clone(), what: "no private key in PEM" };
    let key = PrivateKey::from_pem(&read(key)?).map_err(wrong)?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, PrepareError> {
    let text = read(path)?;
    let found: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let none = || PrepareError::Content { path: path.to_owned(), what: "no certificate in PEM" };
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

/// What the client says of its own failures. A URL is not among it, for it may be a secret.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its URL or a header can't be used".to_owned(),
        ureq::Error::Timeout(which) => format!("it took too long ({which})"),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        other => other.to_string(),
    }
}

/// Microseconds from now: seconds, or a date.
fn retry_after(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => i64::from(seconds),
        Err(_) => time::http_date(text)?.checked_sub(now / 1_000_000)?.max(0),
    };
    seconds.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_or_as_a_date() {
        let now = 784_111_777 * 1_000_000;
        assert_eq!(retry_after("120", now), Some(120_000_000));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(60_000_000));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
