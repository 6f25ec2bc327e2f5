//! A real kube-apiserver has the last word.
//!
//! It is asked whether it accepts each policy, and its audit log is compared, event by event, with what the engine
//! here says of every request that was sent.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests talk, and stop at surprises")]

mod accepts;
mod expected;
mod records;
mod tap;

use std::path::PathBuf;

/// The published policies, or `None` with a word on stderr where they are not at hand.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: the corpus is not at `{}`", folder.display());
    None
}

/// Whether kube-apiserver can be had on this machine.
fn have_kube_apiserver() -> bool {
    match auditward_testkit::Program::get() {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have a real kube-apiserver: {error}");
            eprintln!("skipped: {error}");
            false
        }
    }
}
