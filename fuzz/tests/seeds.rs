//! Every fuzz target is linked, has seeds, and lets all of them through: what a long run found and was mended stays mended.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_target_takes_its_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Where one program lies, the others do.
    let programs = Path::new(env!("CARGO_BIN_EXE_event_json")).parent().unwrap();
    let targets = files(&root.join("fuzz_targets"));
    assert!(!targets.is_empty());
    for target in targets {
        let name = target.file_stem().unwrap();
        let seeds = files(&root.join("seeds").join(name));
        assert!(!seeds.is_empty(), "no seeds for {}", name.display());
        // libFuzzer runs each file that it is given by name, once.
        let output = Command::new(programs.join(name)).args(&seeds).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", name.display());
        assert_eq!(said.matches("Executed ").count(), seeds.len(), "{}: {said}", name.display());
    }
}
