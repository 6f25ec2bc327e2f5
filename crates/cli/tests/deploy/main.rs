//! What is in `deploy/`, on a real control-plane node: a real systemd runs a server and an agent by their units, the kubelet
//! runs an agent as a static pod, and both send the API server's log. Server and agents are killed in the middle.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they saw"
)]

mod systemd;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use auditward_testkit::{Node, copy_program};
use serde_json::Value;
use systemd::Systemd;

const POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitManagedFields: true\nrules: [{level: Metadata}]\n";

/// What tells one event from another.
type Key = (String, String);

#[test]
fn units_and_the_static_pod_do_what_they_are_for() {
    if let Err(reason) = Node::available().and_then(|()| Systemd::available()) {
        eprintln!("skipped: {reason}");
        return;
    }
    let node = Node::builder("cp1").audit_policy(POLICY).start().unwrap_or_else(|error| panic!("{error}"));
    let folder = Folder::new();
    copy_program(env!("CARGO_BIN_EXE_auditward"), folder.0.join("auditward")).unwrap();
    // The API server's own certificate is good for the node's address.
    let server = format!("https://{}:8443", node.address());
    let trail = Trail { node: &node, folder: &folder.0, server: &server };
    trail.configure();

    let systemd = Systemd::start(&node, &folder.0);
    systemd.install("auditward.service", "");
    let environment =
        format!("[Service]\nEnvironment=SERVER={server} CLUSTER=unit LOG={}\n", Node::AUDIT_LOG);
    systemd.install("auditward-agent.service", &environment);
    // `Type=notify`: started is what says that it is ready.
    systemd.ctl(&["start", "auditward", "auditward-agent"]);
    trail.run_the_pod();

    for round in 1..=2 {
        node.kubectl().run(&["create", "configmap", &format!("round-{round}"), "-n", "default"]).unwrap();
        let logged = trail.logged();
        for cluster in ["unit", "pod"] {
            eventually(&format!("all of the log is in `{cluster}`"), || {
                trail.of(cluster).is_ok_and(|found| found.is_superset(&logged))
            });
            let strange: Vec<Key> = trail.of(cluster).unwrap().difference(&trail.logged()).cloned().collect();
            assert!(strange.is_empty(), "in `{cluster}`, and not in the log: {strange:?}");
        }
        if round == 1 {
            systemd.ctl(&["reload", "auditward"]);
            for unit in ["auditward", "auditward-agent"] {
                systemd.ctl(&["kill", "--signal=KILL", unit]);
            }
            // Each comes back by itself.
            for unit in ["auditward", "auditward-agent"] {
                eventually(&format!("{unit} was started again"), || {
                    systemd.ctl(&["show", "--value", "--property=NRestarts", unit]).trim() == "1"
                        && systemd.ctl(&["show", "--value", "--property=ActiveState", unit]).trim()
                            == "active"
                });
            }
        }
    }
    assert!(trail.of("pod").unwrap().len() > 100, "the log is too short to show anything");

    systemd.ctl(&["stop", "auditward-agent", "auditward"]);
    for unit in ["auditward", "auditward-agent"] {
        let result = systemd.ctl(&["show", "--value", "--property=Result", unit]);
        assert_eq!(result.trim(), "success", "{unit}: {}", systemd.said(unit));
    }
}

/// The server in the node, and how it is asked.
struct Trail<'n> {
    node: &'n Node,
    /// Seen by the node too, by the same path.
    folder: &'n Path,
    server: &'n str,
}

impl Trail<'_> {
    /// What an administrator lays down before the first start.
    fn configure(&self) {
        let etc = self.node.path("/etc/auditward");
        fs::create_dir_all(&etc).unwrap();
        let page = format!(
            "data: /var/lib/auditward\n\
             listen:\n  address: '{}'\n  tls: {{certificate: /etc/kubernetes/pki/apiserver.crt, key: /etc/kubernetes/pki/apiserver.key}}\n\
             store: {{seal_after: 2s}}\n",
            self.server.trim_start_matches("https://")
        );
        fs::write(etc.join("auditward.yaml"), page).unwrap();
        fs::copy(self.node.path("/etc/kubernetes/pki/ca.crt"), etc.join("ca.crt")).unwrap();
        let token = |role: &[&str]| {
            let mut words = vec!["serve", "token", "add", "--data", "/var/lib/auditward", "--role"];
            words.extend(role);
            self.auditward(&words).unwrap()
        };
        fs::write(etc.join("agent.token"), token(&["ingest", "--cluster", "unit"])).unwrap();
        fs::write(etc.join("pod.token"), token(&["ingest", "--cluster", "pod"])).unwrap();
        fs::write(self.folder.join("read.token"), token(&["read"])).unwrap();
        for file in ["agent.token", "pod.token"] {
            fs::set_permissions(etc.join(file), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// Puts the pod's image and its manifest where the kubelet finds them.
    fn run_the_pod(&self) {
        let archive = self.folder.join("auditward.tar");
        let made = Command::new(deploy("image.sh")).arg(self.folder.join("auditward")).arg(&archive).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.node.import_images(&archive).unwrap();
        let mut manifest = fs::read_to_string(deploy("auditward-agent.yaml")).unwrap();
        for (shown, ours) in [
            ("--server=https://audit.example:8443", format!("--server={}", self.server)),
            ("--cluster=east", "--cluster=pod".to_owned()),
            ("/etc/auditward/agent.token", "/etc/auditward/pod.token".to_owned()),
        ] {
            assert_eq!(manifest.matches(shown).count(), 1, "{shown}");
            manifest = manifest.replace(shown, &ours);
        }
        // Two agents on one machine have a state each.
        manifest = manifest.replace("path: /var/lib/auditward-agent", "path: /var/lib/auditward-agent-pod");
        fs::write(self.node.path("/etc/kubernetes/manifests/auditward-agent.yaml"), manifest).unwrap();
    }

    /// All events of a cluster; each is there once.
    fn of(&self, cluster: &str) -> Result<BTreeSet<Key>, String> {
        let token = self.folder.join("read.token").display().to_string();
        let found = self.auditward(&[
            "search",
            "--server",
            self.server,
            "--ca",
            "/etc/auditward/ca.crt",
            "--token-file",
            &token,
            "--limit",
            "100000",
            "-o",
            "json",
            &format!("cluster:{cluster}"),
        ])?;
        let events: Vec<Key> =
            found.lines().map(|line| key(&serde_json::from_str::<Value>(line).unwrap()["event"])).collect();
        let keys: BTreeSet<Key> = events.iter().cloned().collect();
        assert_eq!(keys.len(), events.len(), "an event of `{cluster}` is there twice");
        Ok(keys)
    }

    /// All events of the log by now.
    fn logged(&self) -> BTreeSet<Key> {
        let text = fs::read_to_string(self.node.path(Node::AUDIT_LOG)).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| key(&serde_json::from_str(line).unwrap())).collect()
    }

    fn auditward(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.node.command();
        let output = command.arg(self.folder.join("auditward")).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // 1: nothing was found.
        let answered = matches!(output.status.code(), Some(0 | 1));
        answered.then(|| String::from_utf8(output.stdout).unwrap()).ok_or(said)
    }
}

fn key(event: &Value) -> Key {
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    (text("auditID"), text("stage"))
}

/// A file of `deploy/`.
fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

/// A folder that goes when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = Path::new("/tmp").join(format!("auditward-deploy-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Asks until it is so, and fails when it is not in time.
#[track_caller]
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
