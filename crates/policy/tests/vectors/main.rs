//! The reference implementation's own answers, every one of which must be ours too.
//!
//! The folder is `testdata/vectors`, or the one that `AUDITWARD_VECTORS` names. How the vectors were made and
//! what their fields mean stands in that folder's README.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests talk, and stop at surprises"
)]

mod decisions;
mod load;
mod requestinfo;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

/// Every line of a vectors file.
fn lines(name: &str) -> impl Iterator<Item = Value> {
    let folder = std::env::var_os("AUDITWARD_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors"), PathBuf::from);
    let path = folder.join(name);
    let file =
        File::open(&path).unwrap_or_else(|error| panic!("could not open `{}`: {error}", path.display()));
    BufReader::new(GzDecoder::new(file)).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// Fails with the first few of `wrong` where there are any, and says how many cases were right.
fn verdict(what: &str, cases: usize, wrong: &[String]) {
    println!("{what}: {} of {cases} agree", cases - wrong.len());
    assert!(cases > 0, "no cases in the vectors");
    assert!(
        wrong.is_empty(),
        "{} of {cases} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}
