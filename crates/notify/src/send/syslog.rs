//! RFC 5424 over UDP, TCP with octet counting (RFC 6587), or a socket of this machine.
//!
//! ```text
//! <132>1 2026-11-26T14:20:00.000000Z node1 auditward 4711 secrets-listed [auditward@32473 id="…" …] alice listed …
//! ```
//! 32473 is the number that RFC 5612 sets aside for documentation; we have none of our own.
//!
//! Syslog has no acknowledgements. Over TCP, a connection that the other side has closed is noticed before it is
//! written to, but what was on its way then is lost.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use super::{Failure, PrepareError, Sender, line};
use crate::config::{self, Facility, Format};
use crate::notice::Notice;
use crate::queue::Delivery;
use crate::time;

/// Where syslog messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A datagram a message.
    Udp(String, u16),
    /// A stream.
    Tcp(String, u16),
    /// A datagram a message, to a socket of this machine.
    Unix(PathBuf),
}

impl Address {
    /// Reads `udp://host:514`, `tcp://host:601`, `unix:///dev/log`; the error is a sentence for people.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str = "it must be `udp://host:514`, `tcp://host:601` or `unix:///dev/log`";
        let (scheme, rest) = text.split_once("://").ok_or(FORMS)?;
        if scheme == "unix" {
            return if rest.starts_with('/') { Ok(Self::Unix(rest.into())) } else { Err(FORMS) };
        }
        let default = match scheme {
            "udp" => 514,
            "tcp" => 601,
            _ => return Err(FORMS),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(FORMS)?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(FORMS)?) })
            }
            None => match rest.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err("an IPv6 address stands in brackets: `udp://[::1]:514`");
                }
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or("its port must be 1 to 65535")?,
            None => default,
        };
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(FORMS);
        }
        let host = host.to_owned();
        Ok(if scheme == "udp" { Self::Udp(host, port) } else { Self::Tcp(host, port) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(host, port) => write!(f, "udp://{host}:{port}"),
            Self::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

pub(super) struct Syslog {
    address: Address,
    head: Head,
    timeout: Duration,
    tcp: Option<TcpStream>,
}

impl Syslog {
    pub(super) fn new(config: &config::Syslog) -> Result<Self, PrepareError> {
        let wrong =
            |what: &str| PrepareError::Address { address: config.address.clone(), what: what.to_owned() };
        let address = Address::parse(&config.address).map_err(wrong)?;
        let hostname = config.hostname.clone().unwrap_or_else(hostname);
        let head = Head {
            facility: config.facility,
            hostname: word(&hostname, 255),
            app_name: word(&config.app_name, 48),
            process: std::process::id(),
            format: config.format,
            bytes_max: config.bytes_max,
        };
        Ok(Self { address, head, timeout: config.timeout.duration(), tcp: None })
    }

    fn send_all(&mut self, messages: &[String]) -> io::Result<()> {
        match &self.address {
            Address::Udp(host, port) => {
                let to = resolve(host, *port)?;
                let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
                let socket = UdpSocket::bind(any)?;
                socket.set_write_timeout(Some(self.timeout))?;
                // Connected, so that the answer "nobody listens" reaches us, by the second message at the latest.
                socket.connect(to)?;
                messages.iter().try_for_each(|message| socket.send(message.as_bytes()).map(drop))
            }
            Address::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_write_timeout(Some(self.timeout))?;
                socket.connect(path)?;
                messages.iter().try_for_each(|message| socket.send(message.as_bytes()).map(drop))
            }
            Address::Tcp(host, port) => {
                let text = messages.iter().fold(String::new(), |all, m| all + &format!("{} {m}", m.len()));
                let mut stream = match self.tcp.take().filter(is_open) {
                    Some(stream) => stream,
                    None => connect(host, *port, self.timeout)?,
                };
                stream.write_all(text.as_bytes())?;
                // Kept only if all went well: after half a message the stream is of no use.
                self.tcp = Some(stream);
                Ok(())
            }
        }
    }
}

impl Sender for Syslog {
    fn send(&mut self, delivery: &Delivery, _: i64) -> Result<String, Failure> {
        let messages: Vec<String> =
            delivery.notices.iter().map(|notice| self.head.message(delivery, notice)).collect();
        self.send_all(&messages)
            .map(|()| "sent; syslog does not acknowledge".to_owned())
            .map_err(|error| Failure::unreachable(format!("could not send to `{}`: {error}", self.address)))
    }
}

/// What is the same in all messages of a target.
struct Head {
    facility: Facility,
    hostname: String,
    app_name: String,
    process: u32,
    format: Format,
    bytes_max: usize,
}

impl Head {
    fn message(&self, delivery: &Delivery, notice: &Notice) -> String {
        let priority = self.facility as u8 * 8 + notice.severity.syslog();
        let head = format!(
            "<{priority}>1 {} {} {} {} {} ",
            time::rfc3339(notice.time),
            self.hostname,
            self.app_name,
            self.process,
            word(&notice.rule, 32),
        );
        let mut data = "[auditward@32473".to_owned();
        let user = notice.alert.get("user").and_then(serde_json::Value::as_str).unwrap_or_default();
        let test = if delivery.test { "true" } else { "" };
        let repeat = if delivery.repeat > 0 { delivery.repeat.to_string() } else { String::new() };
        let all = [
            ("id", notice.id.as_str()),
            ("rule", &notice.rule),
            ("severity", notice.severity.as_str()),
            ("cluster", &notice.cluster),
            ("user", user),
            ("repeat", &repeat),
            ("test", test),
        ];
        for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
            data += &format!(" {name}=\"{}\"", parameter(value));
        }
        data += "] ";
        let mut message = head + &data;
        let line = match self.format {
            Format::Text => line::said(delivery, notice),
            Format::Json => line::json(delivery, notice).to_string(),
        };
        // Half a JSON text is of no use to anyone.
        let fits = message.len() + line.len() <= self.bytes_max;
        let line = if fits { line } else { line::said(delivery, notice) };
        message.extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
        let end = (0..=self.bytes_max.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or(0));
        message
    }
}

/// This machine's name; empty where it can't be read.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// A word of a header: printable ASCII without blanks, `-` where there is none.
fn word(text: &str, length_max: usize) -> String {
    let word: String =
        text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(length_max).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// The value of a parameter, of bounded length: `"`, `\` and `]` are escaped.
fn parameter(text: &str) -> String {
    const LENGTH_MAX: usize = 128;
    text.chars().take(LENGTH_MAX).fold(String::new(), |mut all, c| {
        if matches!(c, '"' | '\\' | ']') {
            all.push('\\');
        }
        all.push(if c.is_control() { ' ' } else { c });
        all
    })
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut all = (host, port).to_socket_addrs()?;
    all.next().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the host has no address"))
}

fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_write_timeout(Some(timeout))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the other side has not hung up. It has nothing to say to us, so whatever it says is passed over.
fn is_open(stream: &TcpStream) -> bool {
    let mut buffer = [0; 256];
    let quiet = stream.set_nonblocking(true).is_ok() && {
        loop {
            match (&mut &*stream).read(&mut buffer) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(_) => break false,
            }
        }
    };
    quiet && stream.set_nonblocking(false).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::notice::Severity;

    #[test]
    fn addresses() {
        let check = |text: &str, expected: &str| {
            let seen = Address::parse(text).map_or_else(str::to_owned, |address| format!("{address:?}"));
            assert_eq!(seen, expected, "{text}");
        };
        check("udp://logs.example", r#"Udp("logs.example", 514)"#);
        check("tcp://127.0.0.1:6010", r#"Tcp("127.0.0.1", 6010)"#);
        check("tcp://[::1]", r#"Tcp("::1", 601)"#);
        check("udp://[::1]:7/", r#"Udp("::1", 7)"#);
        check("unix:///dev/log", r#"Unix("/dev/log")"#);
        let forms = "it must be `udp://host:514`, `tcp://host:601` or `unix:///dev/log`";
        for wrong in ["", "logs", "tls://logs:1", "unix://dev/log", "udp://", "udp://a/b", "udp://[::1"] {
            check(wrong, forms);
        }
        check("udp://a:0", "its port must be 1 to 65535");
        check("udp://::1:514", "an IPv6 address stands in brackets: `udp://[::1]:514`");
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads better in the cases")]
    #[track_caller]
    fn check(format: Format, bytes_max: usize, summary: &str, expected: Expect) {
        let notice = Notice {
            id: "00ff".to_owned(),
            seq: 1,
            time: 0,
            severity: Severity::Warning,
            rule: "secrets listed".to_owned(),
            title: "Secrets".to_owned(),
            cluster: "a\"]\\b".to_owned(),
            summary: summary.to_owned(),
            alert: json!({ "user": "alice\n", "x": "y".repeat(100) }),
            falco: None,
        };
        let notices = vec![Arc::new(notice.clone())];
        let delivery =
            Delivery { batch: 0, id: String::new(), group: Vec::new(), repeat: 0, notices, test: false };
        let head = Head {
            facility: Facility::Local0,
            hostname: "node1".to_owned(),
            app_name: "auditward".to_owned(),
            process: 7,
            format,
            bytes_max,
        };
        expected.assert_eq(&head.message(&delivery, &notice));
    }

    #[test]
    fn messages() {
        check(
            Format::Text,
            8192,
            "alice\nlisted",
            expect![[
                r#"<132>1 1970-01-01T00:00:00.000000Z node1 auditward 7 secrets_listed [auditward@32473 id="00ff" rule="secrets listed" severity="warning" cluster="a\"\]\\b" user="alice "] alice listed"#
            ]],
        );
        check(
            Format::Json,
            8192,
            "alice",
            expect![[
                r#"<132>1 1970-01-01T00:00:00.000000Z node1 auditward 7 secrets_listed [auditward@32473 id="00ff" rule="secrets listed" severity="warning" cluster="a\"\]\\b" user="alice "] {"user":"alice\n","x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}"#
            ]],
        );
        check(
            Format::Json,
            200,
            "does not fit",
            expect![[
                r#"<132>1 1970-01-01T00:00:00.000000Z node1 auditward 7 secrets_listed [auditward@32473 id="00ff" rule="secrets listed" severity="warning" cluster="a\"\]\\b" user="alice "] does not fit"#
            ]],
        );
        check(
            Format::Text,
            185,
            "üüüüüüüüüüüüüüüüüü",
            expect![[
                r#"<132>1 1970-01-01T00:00:00.000000Z node1 auditward 7 secrets_listed [auditward@32473 id="00ff" rule="secrets listed" severity="warning" cluster="a\"\]\\b" user="alice "] üüüüüüü"#
            ]],
        );
    }
}
