//! A running server, asked over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auditward_query::{Finding, Search};
use serde::Deserialize;
use serde_json::json;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::{Found, Hit, Page, Rows, Source, Top, not_understood};
use crate::exit::{Failure, context};
use crate::output;

/// A server.
pub(crate) struct Remote {
    /// Without a slash at its end.
    url: String,
    agent: Agent,
    token: Option<String>,
}

impl Remote {
    pub(crate) fn new(url: &str, token_file: Option<&Path>, ca: Option<&Path>) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        let token = token_file.map(token).transpose()?;
        if token.is_some() && url.starts_with("http://") && !is_loopback(&url) {
            return Err(Failure::new(format!("a token would go to `{url}` in the clear"))
                .hint("ask by `https://`, with `--ca FILE` if its authority is your own"));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(
                Failure::new(format!("`{url}` is no address of a server")).hint("write `https://HOST:PORT`")
            );
        }
        Ok(Remote { url, agent: agent(ca)?, token })
    }

    fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in params {
            request = request.query(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| self.unreachable(error))?;
        Ok(response)
    }

    fn unreachable(&self, error: ureq::Error) -> Failure {
        context(format!("could not ask `{}`", self.url))(error)
            .hint("name a server with `--server URL`, or the folder of a stopped one with `--data DIR`")
    }

    /// The answer's body, unless it says what is wrong; `text` is what the question's places are in.
    fn answer(
        &self,
        mut response: Response<Body>,
        what: &str,
        text: &str,
    ) -> Result<Response<Body>, Failure> {
        /// A problem is told in a few lines.
        const PROBLEM_MAX: u64 = 1 << 20;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.body_mut().with_config().limit(PROBLEM_MAX).lossy_utf8(true).read_to_string();
        let body = body.unwrap_or_default();
        let Ok(problem) = serde_json::from_str::<Problem>(&body) else {
            return Err(Failure::new(format!("`{}` answered with status {status}", self.url)));
        };
        let findings: Vec<Finding> = problem
            .findings
            .into_iter()
            .map(|found| Finding {
                span: found.start.min(text.len())..found.end.min(text.len()),
                message: found.what,
                hint: found.hint.unwrap_or_default(),
            })
            .collect();
        if !findings.is_empty() {
            return Err(not_understood(what, text, &findings));
        }
        let failure = Failure::new(format!("`{}` says: {}", self.url, output::visible(&problem.what)));
        Err(match problem.hint {
            Some(hint) => failure.hint(output::visible(&hint).into_owned()),
            None => failure,
        })
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, mut response: Response<Body>) -> Result<T, Failure> {
        /// A page of a thousand large events.
        const ANSWER_MAX: u64 = 512 << 20;
        let broken = || format!("could not read the answer of `{}`", self.url);
        let text = response.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
        let text = text.map_err(|error| context(broken())(error))?;
        serde_json::from_str(&text).map_err(context(broken()))
    }

    /// One connection's messages.
    fn listen(
        &self,
        text: &str,
        after: Option<u64>,
        found: &mut dyn FnMut(Hit) -> Result<bool, Failure>,
    ) -> Result<Heard, Failure> {
        let position = after.map(|position| position.to_string());
        let mut params = vec![("q", text)];
        params.extend(position.as_deref().map(|position| ("after", position)));
        let response = match self.get("/api/v1/live", &params) {
            Ok(response) => response,
            Err(failure) => return Ok(Heard::Nobody(failure)),
        };
        let passes = response.status() == 429 || response.status().is_server_error();
        let response = match self.answer(response, "search", text) {
            Ok(response) => response,
            Err(failure) if passes => return Ok(Heard::Nobody(failure)),
            Err(failure) => return Err(failure),
        };
        let mut last = after;
        let mut message = Message::default();
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            // A connection that breaks off is taken up again.
            let Ok(line) = line else { return Ok(Heard::Until(last)) };
            if !message.take(&line) {
                continue;
            }
            let Message { name, data } = std::mem::take(&mut message);
            match name.as_str() {
                "event" => {
                    let hit: Hit = serde_json::from_str(&data)
                        .map_err(context(format!("could not read what `{}` told", self.url)))?;
                    last = Some(hit.position);
                    if !found(hit)? {
                        return Ok(Heard::Enough);
                    }
                }
                "position" => last = data.trim().parse().ok().or(last),
                "skipped" => {
                    output::talk(&format!("skipped {data} events: they came faster than they were read"));
                }
                "failure" => {
                    return Err(Failure::new(format!("`{}` says: {}", self.url, output::visible(&data))));
                }
                _ => {}
            }
        }
        Ok(Heard::Until(last))
    }
}

/// How listening ended.
enum Heard {
    /// Nobody wants to hear more.
    Enough,
    /// The connection is gone; all up to this position was heard.
    Until(Option<u64>),
    /// There is no server now, or it has no time.
    Nobody(Failure),
}

impl Source for Remote {
    fn page(&self, search: &Search, page: &Page) -> Result<Found, Failure> {
        let text = search.print();
        let limit = page.limit.max(1).to_string();
        let order = if page.oldest_first { "oldest" } else { "newest" };
        let mut params = vec![("q", text.as_str()), ("limit", &limit), ("order", order)];
        params.extend(page.after.as_deref().map(|after| ("after", after)));
        let response = self.get("/api/v1/events", &params)?;
        self.read(self.answer(response, "search", &text)?)
    }

    fn top(&self, search: &Search, field: &str, limit: usize) -> Result<Top, Failure> {
        let text = search.print();
        let limit = limit.clamp(1, super::PAGE_MAX).to_string();
        let response = self.get(&format!("/api/v1/facets/{field}"), &[("q", &text), ("limit", &limit)])?;
        self.read(self.answer(response, "search", &text)?)
    }

    fn sql(&self, text: &str, format: Rows, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
        let mut request =
            self.agent.post(format!("{}/api/v1/sql", self.url)).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let question = json!({"sql": text, "format": format}).to_string();
        let response = request.send(question).map_err(|error| self.unreachable(error))?;
        let response = self.answer(response, "query", text)?;
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = reader.read(&mut piece).map_err(|error| {
                context("the answer broke off")(error).hint("the server's log says why: a limit, or an error")
            })?;
            if read == 0 {
                return Ok(());
            }
            out.write_all(&piece[..read])?;
        }
    }

    fn follow(
        &self,
        search: &Search,
        found: &mut dyn FnMut(Hit) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        /// Between two attempts.
        const PAUSE: Duration = Duration::from_secs(1);
        /// Then the server is gone for good, or somebody should look.
        const ATTEMPTS_MAX: u32 = 30;
        let text = search.print();
        let mut after = None;
        let mut heard = false;
        let mut failed = 0;
        loop {
            match self.listen(&text, after, found)? {
                Heard::Enough => return Ok(()),
                Heard::Until(last) => {
                    (after, heard, failed) = (last, true, 0);
                }
                // A server that was never there is not waited for.
                Heard::Nobody(failure) if !heard || failed == ATTEMPTS_MAX => return Err(failure),
                Heard::Nobody(_) => failed += 1,
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// What a server says is wrong.
#[derive(Deserialize)]
struct Problem {
    what: String,
    hint: Option<String>,
    #[serde(default)]
    findings: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    what: String,
    start: usize,
    end: usize,
    hint: Option<String>,
}

/// A message of server-sent events.
#[derive(Default)]
struct Message {
    name: String,
    data: String,
}

impl Message {
    /// Takes a line; true when the message is whole.
    fn take(&mut self, line: &str) -> bool {
        let value = |rest: &str| rest.strip_prefix(' ').unwrap_or(rest).to_owned();
        if line.is_empty() {
            return !self.name.is_empty() || !self.data.is_empty();
        }
        if let Some(name) = line.strip_prefix("event:") {
            self.name = value(name);
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(&value(data));
        }
        false
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.trim_start_matches("http://").split(['/', '?']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn token(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::reading(path, error))?;
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if line.is_empty() || line.chars().any(|c| c.is_control() || c == ' ') {
        return Err(Failure::new(format!("`{}` holds no token in its first line", path.display())));
    }
    Ok(line)
}

fn agent(ca: Option<&Path>) -> Result<Agent, Failure> {
    /// A connection on a network of one's own is made in milliseconds.
    const CONNECT_MAX: Duration = Duration::from_secs(10);
    /// A server gives up a question after a minute.
    const ANSWER_MAX: Duration = Duration::from_mins(2);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots(ca)?).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A token goes to the server that was named and to no other.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT_MAX))
        .timeout_recv_response(Some(ANSWER_MAX))
        .user_agent(concat!("auditward/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Ok(config.new_agent())
}

fn roots(ca: Option<&Path>) -> Result<RootCerts, Failure> {
    /// Where distributions keep them: Debian, Fedora, SUSE, Alpine.
    const SYSTEM: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let all = match ca {
        Some(path) => {
            let text = fs::read(path).map_err(|error| Failure::reading(path, error))?;
            let found = certificates(&text);
            if found.is_empty() {
                return Err(Failure::new(format!("`{}` holds no certificate in PEM", path.display())));
            }
            found
        }
        None => SYSTEM
            .iter()
            .find_map(|path| fs::read(path).ok())
            .map(|text| certificates(&text))
            .unwrap_or_default(),
    };
    Ok(RootCerts::from(all))
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_in_the_clear() {
        for (url, loopback) in [
            ("http://127.0.0.1:8440", true),
            ("http://localhost/x", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com:80", false),
        ] {
            assert_eq!(is_loopback(url), loopback, "{url}");
        }
    }

    #[test]
    fn messages_of_several_lines() {
        let mut message = Message::default();
        let lines = [": nothing new", "", "event: event", "id: 3", "data: {", "data:}", ""];
        let whole: Vec<bool> = lines.iter().map(|line| message.take(line)).collect();
        assert_eq!(whole, [false, false, false, false, false, false, true]);
        assert_eq!((message.name.as_str(), message.data.as_str()), ("event", "{\n}"));
    }
}
