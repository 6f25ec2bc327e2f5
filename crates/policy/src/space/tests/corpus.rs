//! Policies that people really use, from the folder that `AUDITWARD_CORPUS` names.

use std::path::PathBuf;
use std::time::Instant;

use super::check_witness;
use crate::diff::diff;
use crate::space::{Classifier, Reach, Realism, Space};
use crate::{Policy, read};

fn corpus() -> Vec<(String, Policy)> {
    let folder = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(folder.join("policies")) else {
        eprintln!("skipped: no corpus of policies in {}", folder.display());
        return Vec::new();
    };
    let mut policies: Vec<_> = files
        .filter_map(|file| {
            let path = file.ok()?.path();
            let policy = read::read(&std::fs::read(&path).ok()?).policy?;
            Some((path.file_stem()?.to_string_lossy().into_owned(), policy))
        })
        .collect();
    policies.sort_by(|a, b| a.0.cmp(&b.0));
    policies
}

#[test]
fn every_policy_is_understood() {
    for (name, policy) in corpus() {
        let start = Instant::now();
        let classifier = Classifier::new(&policy);
        let parts = classifier.partition(&Space::everything()).unwrap();
        let partitioned = start.elapsed();
        let cubes: usize = parts.iter().map(|part| part.space.cubes().len()).sum();
        let tidy: usize = parts.iter().map(|part| part.space.clone().tidy().cubes().len()).sum();
        for part in &parts {
            check_witness(&policy, part.rule, &part.space);
        }
        let start = Instant::now();
        let mut odd = Vec::new();
        for index in 0..policy.rules.len() {
            match classifier.reach(index).unwrap() {
                Reach::Decides { witness, .. } if witness.realism == Realism::Usual => {}
                Reach::Decides { witness, .. } => {
                    odd.push(format!("{index}: {:?} {}", witness.realism, witness.request));
                }
                Reach::Dead { taken_by } => {
                    odd.push(format!(
                        "{index}: dead by {:?}",
                        taken_by.iter().map(|taken| taken.rule).collect::<Vec<_>>()
                    ));
                }
                Reach::Impossible { conditions } => {
                    odd.push(format!("{index}: impossible by {conditions:?}"));
                }
            }
        }
        let reached = start.elapsed();
        eprintln!(
            "{name}: {} rules, {cubes} cubes in {partitioned:?} (tidy {tidy}), reach in {reached:?}; {odd:?}",
            policy.rules.len()
        );
    }
}

#[test]
fn every_policy_differs_from_the_next_as_the_engine_says() {
    let policies = corpus();
    for pair in policies.windows(2) {
        let [(a_name, a), (b_name, b)] = pair else { continue };
        let start = Instant::now();
        let found = diff(a, b).unwrap();
        eprintln!("{a_name} .. {b_name}: {} differences in {:?}", found.differences.len(), start.elapsed());
        assert_eq!(found.unconfirmed, 0);
        for difference in found.differences.iter().take(4) {
            eprintln!(
                "  {} -> {}: {} | {}",
                difference.a.level, difference.b.level, difference.witness.request, difference.description
            );
        }
        assert!(diff(a, a).unwrap().differences.is_empty());
    }
}
