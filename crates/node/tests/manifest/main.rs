//! Manifests edited and put back: every one of the corpus, ten thousand broken ones, and each mistake's message.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at surprises and say what they counted"
)]

mod corpus;
mod edits;
mod mutants;
mod second_opinion;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use auditward_node::manifest::{Change, HostPath, HostPathType};

/// What `enable` asks of a manifest.
fn enable() -> Change {
    let flags = [
        ("audit-policy-file", "/etc/kubernetes/audit/policy.yaml"),
        ("audit-log-path", "/var/log/kubernetes/audit/audit.log"),
        ("audit-log-maxage", "30"),
        ("audit-log-maxbackup", "10"),
        ("audit-log-maxsize", "100"),
    ];
    let folder = |volume: &str, path: &str, read_only| HostPath {
        volume: volume.into(),
        path: path.into(),
        mount: path.into(),
        read_only,
        kind: HostPathType::DirectoryOrCreate,
    };
    Change {
        flags: flags.into_iter().map(|(name, value)| (name.into(), Some(value.into()))).collect(),
        mount: vec![
            folder("audit-policy", "/etc/kubernetes/audit", true),
            folder("audit-log", "/var/log/kubernetes/audit", false),
        ],
        unmount: Vec::new(),
        annotations: BTreeMap::from([("auditward.dev/policy".into(), Some("sha256:0123456789ab".into()))]),
    }
}

/// The manifests of the corpus by name, `synthetic/` among them; `None` where there is no corpus.
fn manifests() -> Option<BTreeMap<String, Vec<u8>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let corpus =
        std::env::var_os("AUDITWARD_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let mut found = BTreeMap::new();
    for folder in ["", "synthetic"] {
        for entry in std::fs::read_dir(corpus.join("manifests").join(folder)).ok()? {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_file() && name != "SOURCES.md" {
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    Some(found)
}
