//! The webhook that a flag names: where events are sent, and whether anybody listens.
//!
//! Invariant: of the kubeconfig only the server's host and port are kept, so no credential gets out.

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use auditward_policy::read::Node;
use serde::Serialize;

use super::host::{Host, is_absent};
use super::place::Place;
use super::yaml::{self, Document};

/// The webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookFacts {
    /// The kubeconfig, as the API server knows it.
    pub flag: String,
    /// On this machine.
    pub path: Option<String>,
    /// What is wrong with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// `https://host:port`
    pub server: Option<String>,
    /// Whether a connection could be made; `None` where that was not tried.
    pub reachable: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// What is wrong with the kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", content = "why", rename_all = "camelCase")]
pub enum Problem {
    /// No mount of the pod covers it.
    NotMounted,
    /// Nothing is there.
    Missing,
    /// It can't be read.
    Unreadable(String),
    /// It names no server.
    NoServer,
}

const BYTES_MAX: u64 = 1 << 20;
const CONNECT_TIME: Duration = Duration::from_secs(2);

pub(super) fn look(host: &Host, place: Place, flag: String) -> WebhookFacts {
    let mut facts = WebhookFacts { flag, ..WebhookFacts::default() };
    let path = match place {
        Place::Node { path, .. } => path,
        Place::Container => {
            facts.problem = Some(Problem::NotMounted);
            return facts;
        }
        Place::Unknown(why) => {
            facts.problem = Some(Problem::Unreadable(why));
            return facts;
        }
    };
    let text = host.read(&path, BYTES_MAX);
    facts.path = Some(path);
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            let unreadable = Problem::Unreadable(error.to_string());
            facts.problem = Some(if is_absent(&error) { Problem::Missing } else { unreadable });
            return facts;
        }
    };
    let Some((scheme, host_name, port)) = Document::read(&text).and_then(|document| server(&document)) else {
        facts.problem = Some(Problem::NoServer);
        return facts;
    };
    let shown = if host_name.contains(':') { format!("[{host_name}]") } else { host_name.clone() };
    facts.server = Some(format!("{scheme}://{shown}:{port}"));
    if host.is_live() {
        let tried = connect(&host_name, port);
        facts.reachable = Some(tried.is_ok());
        facts.why_not = tried.err().map(|error| error.to_string());
    }
    facts
}

/// The current context's server; of a file without contexts the first cluster's.
fn server(document: &Document<'_>) -> Option<(&'static str, String, u16)> {
    let named = |list: &str, name: &str| -> Option<&Node> {
        let entries = document.at(&[list]).map(yaml::items)?;
        entries.into_iter().find(|entry| entry.get("name").and_then(yaml::scalar).as_deref() == Some(name))
    };
    let context = document.string(&["current-context"]).and_then(|name| named("contexts", &name));
    let name = context.and_then(|entry| yaml::scalar(entry.get("context")?.get("cluster")?));
    let cluster = match name {
        Some(name) => named("clusters", &name)?,
        None => document.at(&["clusters"]).map(yaml::items)?.into_iter().next()?,
    };
    address(&yaml::scalar(cluster.get("cluster")?.get("server")?)?)
}

/// Host and port of a URL: neither what stands before an `@` nor the path nor the query, for they may be secrets.
fn address(url: &str) -> Option<(&'static str, String, u16)> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("https", rest)) => ("https", rest),
        Some(("http", rest)) => ("http", rest),
        Some(_) => return None,
        None => ("http", url),
    };
    let rest = rest.split(['/', '?', '#']).next()?;
    let rest = rest.rsplit('@').next()?;
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => {
            if scheme == "https" {
                443
            } else {
                80
            }
        }
    };
    (!host.is_empty()).then(|| (scheme, host.to_owned(), port))
}

fn connect(host: &str, port: u16) -> io::Result<()> {
    const ADDRESSES_MAX: usize = 4;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()?.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&'static str, &str, u16)>) {
        let expected = expected.map(|(scheme, host, port)| (scheme, host.to_owned(), port));
        assert_eq!(address(url), expected);
    }

    #[test]
    fn only_host_and_port_are_kept() {
        check(
            "https://user:secret@audit.example.com/hook?token=s",
            Some(("https", "audit.example.com", 443)),
        );
        check("http://127.0.0.1:8080/x", Some(("http", "127.0.0.1", 8080)));
        check("https://[fd00::1]:9443", Some(("https", "fd00::1", 9443)));
        check("audit:80", Some(("http", "audit", 80)));
        check("ftp://x", None);
        check("https://", None);
        check("https://a:99999", None);
    }
}
