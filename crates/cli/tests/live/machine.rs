//! A node with a server of ours and an Alertmanager in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use auditward_testkit::{Node, copy_program};
use serde_json::Value;

const SERVER: &str = "http://127.0.0.1:8440";
const ALERTMANAGER: &str = "http://127.0.0.1:9093";
const LOG_FOLDER: &str = "/var/log/kubernetes/audit";

/// What tells one event from another.
pub(crate) type Key = (String, String);

/// What a trail holds.
pub(crate) struct Trail {
    pub(crate) keys: BTreeSet<Key>,
    pub(crate) events: usize,
}

/// What alerts there are.
pub(crate) struct Alerts {
    pub(crate) ids: BTreeSet<String>,
    pub(crate) rules: BTreeSet<String>,
    pub(crate) count: usize,
}

pub(crate) struct Machine {
    pub(crate) node: Node,
    /// Seen by the node too, by the same path.
    folder: PathBuf,
    /// Of the server, as the node counts.
    pid: Mutex<Option<String>>,
}

impl Machine {
    /// None where this machine can run no node; says why.
    pub(crate) fn start() -> Option<Self> {
        let alertmanager = Path::new("/usr/bin/prometheus-alertmanager").exists();
        let missing = (!alertmanager).then(|| "there is no prometheus-alertmanager".to_owned());
        if let Some(reason) = Node::available().err().or(missing) {
            eprintln!("skipped: {reason}");
            return None;
        }
        let node = Node::builder("cp1").start().unwrap_or_else(|error| panic!("{error}"));
        let folder = Path::new("/tmp").join(format!("auditward-live-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        copy_program(env!("CARGO_BIN_EXE_auditward"), folder.join("auditward")).unwrap();
        let machine = Machine { node, folder, pid: Mutex::new(None) };
        let page = format!(
            "data: {data}\nlisten: {{address: '127.0.0.1:8440'}}\n\
             collect:\n  logs: [{{path: {LOG_FOLDER}/audit.log, cluster: log}}]\n\
             store: {{seal_after: 2s}}\n\
             notify:\n  pager: {{alertmanager: {{url: '{ALERTMANAGER}'}}, clusters: {{include: [log]}}, retry: {{longest: 2s}}}}\n",
            data = machine.folder.join("data").display(),
        );
        fs::write(machine.folder.join("auditward.yaml"), page).unwrap();
        Some(machine)
    }

    /// Runs in the background inside, and returns its number there.
    fn spawn(&self, name: &str, command: &str) -> String {
        let pid = self.folder.join(format!("{name}.pid"));
        _ = fs::remove_file(&pid);
        let said = self.folder.join(format!("{name}.said"));
        let script = format!(
            "echo $$ >{}.new; mv {}.new {}; exec {command} >>{} 2>&1",
            pid.display(),
            pid.display(),
            pid.display(),
            said.display()
        );
        let mut process = self.node.command();
        process.args(["sh", "-c", &script]).stdin(Stdio::null());
        let mut child = process.spawn().unwrap();
        // It ends with the node at the latest.
        std::thread::spawn(move || child.wait());
        eventually("a process has a number", || pid.exists());
        fs::read_to_string(&pid).unwrap().trim().to_owned()
    }

    pub(crate) fn start_alertmanager(&self) {
        let config = self.folder.join("alertmanager.yml");
        fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let command = format!(
            "prometheus-alertmanager --config.file={} --storage.path={} --web.listen-address=127.0.0.1:9093 --cluster.listen-address=",
            config.display(),
            self.folder.join("alertmanager").display()
        );
        self.spawn("alertmanager", &command);
        eventually("Alertmanager answers", || self.ask(ALERTMANAGER, "/-/ready").is_some());
    }

    pub(crate) fn start_server(&self) {
        let command = format!("{0}/auditward serve --config {0}/auditward.yaml", self.folder.display());
        *self.pid.lock().unwrap() = Some(self.spawn("server", &command));
        eventually("the server answers", || self.ask(SERVER, "/healthz").is_some());
    }

    /// kill -9, and nothing of it is left when this returns.
    pub(crate) fn kill_server(&self) {
        let pid = self.pid.lock().unwrap().take().unwrap();
        self.node.exec(&["kill", "-9", &pid]).unwrap();
        eventually("the server is gone", || {
            self.node.exec(&["test", "!", "-d", &format!("/proc/{pid}")]).is_ok()
        });
    }

    /// Turns audit on by our own command: everything at `RequestResponse`, to the log and to our webhook.
    pub(crate) fn enable(&self) {
        let policy = self.folder.join("policy.yaml");
        fs::write(&policy, "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitManagedFields: true\nrules: [{level: RequestResponse}]\n").unwrap();
        let program = self.folder.join("auditward").display().to_string();
        let kubeconfig = self.node.exec(&[&program, "serve", "kubeconfig", "hook", "--url", SERVER]).unwrap();
        let webhook = self.folder.join("webhook.yaml");
        fs::write(&webhook, kubeconfig).unwrap();
        let said = self.node.exec(&[
            &program,
            "enable",
            "--yes",
            "--quick",
            "--policy",
            &policy.display().to_string(),
            "--webhook-config",
            &webhook.display().to_string(),
            "--extra-arg",
            "audit-webhook-batch-max-wait=1s",
            "--extra-arg",
            "audit-webhook-initial-backoff=2s",
        ]);
        said.unwrap_or_else(|error| panic!("{error}"));
    }

    /// All events of the log and of what it was rotated to.
    pub(crate) fn logged(&self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        for entry in fs::read_dir(self.node.path(LOG_FOLDER)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            keys.extend(whole.lines().map(|line| key(&serde_json::from_str(line).unwrap())));
        }
        keys
    }

    /// All events that the server has of a cluster.
    pub(crate) fn trail(&self, cluster: &str) -> Trail {
        let mut trail = Trail { keys: BTreeSet::new(), events: 0 };
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/events?order=oldest&limit=500&q=cluster:{cluster}{after}");
            let page = self.ask(SERVER, &path).unwrap();
            for hit in page["events"].as_array().unwrap() {
                trail.events += 1;
                trail.keys.insert(key(&hit["event"]));
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return trail,
            }
        }
    }

    pub(crate) fn alerts(&self, cluster: &str) -> Alerts {
        let mut alerts = Alerts { ids: BTreeSet::new(), rules: BTreeSet::new(), count: 0 };
        let mut before = String::new();
        loop {
            let page =
                self.ask(SERVER, &format!("/api/v1/alerts?limit=100&cluster={cluster}{before}")).unwrap();
            for alert in page["alerts"].as_array().unwrap() {
                alerts.count += 1;
                alerts.ids.insert(alert["id"].as_str().unwrap().to_owned());
                alerts.rules.insert(alert["rule"].as_str().unwrap().to_owned());
            }
            match page["next"].as_u64() {
                Some(next) => before = format!("&before={next}"),
                None => return alerts,
            }
        }
    }

    /// The ids of what `auditward detect` finds in the log as it is now.
    pub(crate) fn detect(&self) -> BTreeSet<String> {
        let program = self.folder.join("auditward").display().to_string();
        let found = self
            .node
            .exec(&[&program, "detect", "--exit-zero", "--cluster", "log", "-o", "json", LOG_FOLDER])
            .unwrap();
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        found.lines().map(id).collect()
    }

    /// The ids of the alerts that Alertmanager has.
    pub(crate) fn delivered(&self) -> BTreeSet<String> {
        let alerts = self.ask(ALERTMANAGER, "/api/v2/alerts").unwrap();
        let id = |alert: &Value| alert["labels"]["alert_id"].as_str().map(str::to_owned);
        alerts.as_array().unwrap().iter().filter_map(id).collect()
    }

    /// What is answered inside; none if nobody does.
    fn ask(&self, server: &str, path: &str) -> Option<Value> {
        let answer = self.node.exec(&["curl", "-sf", "--max-time", "60", &format!("{server}{path}")]).ok()?;
        Some(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = fs::read_to_string(self.folder.join("server.said")).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(40).collect();
            eprintln!("the server's last words:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        _ = fs::remove_dir_all(&self.folder);
    }
}

fn key(event: &Value) -> Key {
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    (text("auditID"), text("stage"))
}

/// Asks until it is so, and fails when it is not in time.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(3);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
