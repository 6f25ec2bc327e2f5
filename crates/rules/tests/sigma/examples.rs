//! Our own rules in `examples/rules/sigma`: every one loads, and nothing is to be said of it.

use std::fs;
use std::path::Path;

use auditward_rules::sigma::{self, Options};

use super::told;

#[test]
fn every_example_loads_without_a_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules/sigma");
    let mut files: Vec<(String, String)> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let loaded = sigma::load(&files, &Options::default());
    assert_eq!(told(&loaded), "");
    assert!(loaded.rules.iter().all(|rule| !rule.description.is_empty() && !rule.false_positives.is_empty()));
}
