//! A server of ours, and what tests do with it.

use std::collections::BTreeSet;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `auditward serve`; killed when it is dropped.
pub(crate) struct Server {
    process: auditward_testkit::Server,
    pub(crate) url: String,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_at(data, "127.0.0.1:0", arguments)
    }

    /// Starts one on this address.
    pub(crate) fn start_at(data: &Path, address: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
        command.args(["serve", "--listen", address, "--data"]).arg(data).args(arguments);
        let process =
            auditward_testkit::Server::start(&mut command).unwrap_or_else(|error| panic!("{error}"));
        Server { url: process.url().to_owned(), process }
    }

    pub(crate) fn pid(&self) -> String {
        self.process.child().id().to_string()
    }

    /// kill -9.
    pub(crate) fn kill(self) {
        self.process.kill().unwrap();
    }

    /// SIGTERM; it must end well.
    pub(crate) fn stop(self) -> String {
        let (ended, said) = self.process.stop().unwrap();
        assert!(ended.success());
        said
    }

    /// The next line on stderr that has this in it.
    pub(crate) fn says(&self, part: &str) -> String {
        self.process.says(part).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The status and the text of an answer.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("{}{path}", self.url)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// An answer.
    pub(crate) fn text(&self, path: &str) -> String {
        let (status, body) = self.ask(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A JSON answer.
    pub(crate) fn get(&self, path: &str) -> Value {
        let body = self.text(path);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Posts a body of events.
    pub(crate) fn post(&self, cluster: &str, body: &[u8]) -> Result<u16, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/ingest/{cluster}", self.url);
        Ok(agent.post(&url).header("Content-Type", "application/json").send(body)?.status().as_u16())
    }

    /// How many events a search finds.
    pub(crate) fn count(&self, query: &str) -> u64 {
        self.get(&format!("/api/v1/count?q={}", percent(query)))["count"].as_u64().unwrap()
    }

    /// All that a search finds, by pages.
    pub(crate) fn search(&self, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("/api/v1/events?limit=500&q={}{after}", percent(query)));
            all.extend(page["events"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", percent(next)),
                None => return all,
            }
        }
    }

    /// Alerts, as the API tells them.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.get(&format!("/api/v1/alerts?limit=100{before}"));
            all.extend(page["alerts"].as_array().unwrap().iter().cloned());
            match page["next"].as_u64() {
                Some(next) => before = format!("&before={next}"),
                None => return all,
            }
        }
    }
}

/// A folder that goes when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("auditward-serve-{name}-{}", std::process::id()));
        _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn signal(pid: &str, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), pid]).status().unwrap().success());
}

/// The captured log of the examples.
pub(crate) fn example() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let file = BufReader::new(std::fs::File::open(path).unwrap());
    let mut text = String::new();
    flate2::bufread::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What tells one event from another.
pub(crate) fn key(event: &Value) -> (String, String) {
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    (text("auditID"), text("stage"))
}

pub(crate) fn keys(lines: &[String]) -> BTreeSet<(String, String)> {
    lines.iter().map(|line| key(&serde_json::from_str(line).unwrap())).collect()
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

/// Asks until it is so, and fails when it is not in time.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
