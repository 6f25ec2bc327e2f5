//! `enable`, `disable`, `rollback` and `policy install` on a real control-plane node: kubelet, containerd, etcd and all.
//!
//! However it ends, an API server answers afterwards, and either audit is proven or the manifest has its old bytes. Nodes take
//! seconds to make and restarts of an API server tens of seconds, so a test tells a whole story on one node, and most of
//! them hurry the old process (`--quick`).

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises; times are for the reader"
)]

mod cluster;
mod crash;
mod mistakes;
mod outage;
mod refuse;
mod roll_back;
mod service;
mod status;
mod story;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditward_testkit::{Node, NodeBuilder, copy_program};

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const LOG: &str = "/var/log/kubernetes/audit/audit.log";

/// A control-plane node with auditing off, and our program in it.
struct Machine {
    node: Node,
    /// The program, in a folder that the node sees too.
    folder: PathBuf,
    original: Vec<u8>,
}

/// How a command ended.
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Machine {
    /// None where this machine can run no node; says why.
    fn start(name: &str) -> Option<Self> {
        if let Err(reason) = Node::available() {
            eprintln!("skipped: {reason}");
            return None;
        }
        Some(Self::of(Node::builder(name)))
    }

    /// The node of this builder, and our program in it.
    fn of(builder: NodeBuilder) -> Self {
        let node = builder.start().unwrap_or_else(|error| panic!("{error}"));
        let name = node.name();
        // The node shares /tmp with us, and the binary may lie where it sees something else.
        let folder = Path::new("/tmp").join(format!("auditward-node-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        copy_program(env!("CARGO_BIN_EXE_auditward"), folder.join("auditward")).unwrap();
        let original = fs::read(node.path(MANIFEST)).unwrap();
        Self { node, folder, original }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.node.command();
        command.arg(self.folder.join("auditward")).args(words.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// Runs `auditward` inside, as root of the node.
    fn run(&self, words: &str) -> Outcome {
        let began = Instant::now();
        let outcome = Outcome::of(&mut self.command(words));
        eprintln!("--- auditward {words}: {:?} in {:.1} s", outcome.code, began.elapsed().as_secs_f64());
        eprintln!("{}", outcome.stderr);
        outcome
    }

    /// A file for the node, by the path that both see.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn manifest(&self) -> Vec<u8> {
        fs::read(self.node.path(MANIFEST)).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.node.path(LOG)).unwrap_or_default()
    }

    fn sh(&self, script: &str) -> String {
        self.node.exec(&["sh", "-c", script]).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An API server answers.
    #[track_caller]
    fn answers(&self) {
        let ready = self.node.kubectl().run(&["get", "--raw", "/readyz"]);
        assert_eq!(ready.map_err(|error| error.to_string()), Ok("ok".to_owned()));
    }

    /// An API server answers, and the manifest is what it was before any of ours.
    #[track_caller]
    fn is_as_before(&self) {
        self.answers();
        assert!(self.manifest() == self.original, "{}", String::from_utf8_lossy(&self.manifest()));
        assert_eq!(self.stray_files(), "kube-apiserver.yaml\n");
        let flags =
            self.sh("tr '\\0' '\\n' < /proc/$(pidof -s kube-apiserver)/cmdline | grep -c ^--audit || true");
        assert_eq!(flags, "0\n", "the process has audit flags");
    }

    /// What of the API server's lies in the manifest folder, hidden files too.
    fn stray_files(&self) -> String {
        self.sh("ls -A /etc/kubernetes/manifests | grep apiserver")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}

impl Outcome {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It ended with this code, and said this on its way.
    #[track_caller]
    fn ended(&self, code: i32, said: &[&str]) {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "{all}");
        for part in said {
            assert!(all.contains(part), "`{part}` is not in:\n{all}");
        }
    }
}

/// Asks until it is so, and fails when it is not in time.
#[track_caller]
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
