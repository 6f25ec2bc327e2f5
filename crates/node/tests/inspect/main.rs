//! Inspection of manifests that people really use, and of a real node.
//!
//! The manifests are other people's and stay where they are: the folder that `AUDITWARD_CORPUS` names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they skip"
)]

mod real_node;

use std::fs;
use std::path::{Path, PathBuf};

use auditward_node::inspect::{Host, facts, verdict};
use expect_test::expect_file;

/// Each manifest in a tree of its own, without the files that it names: what is it, and what is said of auditing?
#[test]
fn what_is_said_of_published_manifests() {
    let corpus = std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let mut paths = Vec::new();
    for folder in ["manifests", "manifests/synthetic"] {
        let entries = fs::read_dir(corpus.join(folder)).into_iter().flatten().flatten();
        paths.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    paths.sort();
    if paths.is_empty() {
        eprintln!("skipped: no corpus of manifests in {}", corpus.display());
        return;
    }
    let root = std::env::temp_dir().join(format!("auditward-inspect-corpus-{}", std::process::id()));
    let mut told = String::new();
    for path in paths {
        let folder = root.join("etc/kubernetes/manifests");
        fs::create_dir_all(&folder).unwrap();
        let extension = path.extension().unwrap().to_string_lossy();
        fs::copy(&path, folder.join(format!("kube-apiserver.{extension}"))).unwrap();
        let facts = facts(&Host::at(&root).unwrap(), 0);
        let judgement = verdict(&facts);
        let by = facts.found.distribution.map_or("nothing".to_owned(), |by| by.to_string());
        let name = path.strip_prefix(&corpus).unwrap().display().to_string();
        told += &format!("{name}: {by}: {}\n", judgement.verdict);
        for reason in judgement.reasons.iter().filter(|reason| reason.verdict.is_some()) {
            told += &format!("  {}: {}\n", reason.code, reason.what);
        }
        fs::remove_dir_all(&root).unwrap();
    }
    expect_file!["published.txt"].assert_eq(&told);
}
