//! Policies that people really use, linted: what is said of each is held in a snapshot, every request that proves
//! something is put to the plain engine, and every fix must hold.
//!
//! The policies themselves are other people's and stay where they are: the folder that `AUDITWARD_CORPUS` names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they skip"
)]

mod random;
mod real_bodies;
mod real_discovery;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use auditward_policy::lint::{Fix, LintFinding, fix, fix_all, lint};
use auditward_policy::matching::first_failed;
use auditward_policy::read::{position, read};
use auditward_policy::{Evaluator, Policy};
use expect_test::expect_file;

struct Published {
    name: String,
    text: Vec<u8>,
}

fn corpus() -> Vec<Published> {
    let folder = std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let mut files: Vec<PathBuf> = Vec::new();
    for place in ["policies", "guide", "falco"] {
        let entries = fs::read_dir(folder.join(place)).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".yaml") && (place == "policies" || name == "audit-policy.yaml")
        }));
    }
    if files.is_empty() {
        eprintln!("skipped: no corpus of policies in {}", folder.display());
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let place = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = if place == "policies" { stem.into_owned() } else { format!("{place}-{stem}") };
            Published { name, text: fs::read(&path).unwrap() }
        })
        .collect()
}

#[test]
fn what_is_said_of_published_policies() {
    for Published { name, text } in corpus() {
        let reading = read(&text);
        let told = if reading.policy.is_none() {
            let first = reading.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
            format!("refused: {first}\n")
        } else {
            render(&text, &lint(&text, &reading))
        };
        expect_file![format!("../lint-snapshots/{name}.txt")].assert_eq(&told);
    }
}

#[test]
fn every_witness_is_decided_as_it_says() {
    for Published { name, text } in corpus() {
        let reading = read(&text);
        let Some(policy) = &reading.policy else { continue };
        let evaluator = Evaluator::new(policy.clone());
        let mut proofs = 0;
        for finding in lint(&text, &reading) {
            let Some(proof) = &finding.witness else { continue };
            proofs += 1;
            let plain = proof
                .request
                .with(|it| policy.rules.iter().position(|rule| first_failed(rule, it).is_none()));
            assert_eq!(plain, proof.decided_by, "{name}: {}: {proof}", finding.id);
            let fast = proof.request.with(|it| evaluator.decide(it).rule);
            assert_eq!(fast, proof.decided_by, "{name}: {}: {proof}", finding.id);
        }
        assert!(proofs > 0 || policy.rules.len() == 1, "{name}");
    }
}

/// Each safe fix by itself: accepted, its finding gone, every comment still there but those of a removed rule.
#[test]
fn a_fix_does_what_it_says() {
    for Published { name, text } in corpus() {
        for finding in lint(&text, &read(&text)) {
            let Some(_) = finding.fix.as_ref().filter(|fix| fix.safe) else { continue };
            let fixed = fix(&text, std::slice::from_ref(&finding));
            let reading = read(&fixed);
            let shown = String::from_utf8_lossy(&fixed);
            assert!(reading.policy.is_some(), "{name}: {}: {shown}", finding.id);
            let left: Vec<_> = lint(&fixed, &reading)
                .into_iter()
                .filter(|it| {
                    it.id == finding.id && it.message == finding.message && it.witness == finding.witness
                })
                .collect();
            assert_eq!(left, [], "{name}: {shown}");
            for line in comments(&text) {
                let inside = finding.id == "rule-shadowed";
                assert!(inside || comments(&fixed).contains(&line), "{name}: lost `{line}`");
            }
        }
    }
}

#[test]
fn all_fixes_together_leave_none_and_lose_nothing() {
    for Published { name, text } in corpus() {
        let before = read(&text);
        let Some(policy) = &before.policy else {
            assert_eq!(fix_all(&text).text, text, "{name}");
            continue;
        };
        let fixed = fix_all(&text);
        let after = read(&fixed.text);
        let shown = String::from_utf8_lossy(&fixed.text);
        let findings = lint(&fixed.text, &after);
        assert!(after.policy.is_some(), "{name}: {shown}");
        assert!(
            !findings.iter().any(|it| it.fix.as_ref().is_some_and(|fix: &Fix| fix.safe)),
            "{name}: {shown}"
        );
        assert_eq!(fix_all(&fixed.text).text, fixed.text, "{name}");
        assert!(
            !findings.iter().any(|it| it.id == "secret-bodies" || it.id == "token-bodies"),
            "{name}: {shown}"
        );
        // One round makes no less than what the findings of that round offered.
        let once = fix(&text, &lint(&text, &before));
        assert!(read(&once).policy.is_some(), "{name}");
        only_credentials_are_recorded_at_less(&name, policy, after.policy.as_ref().unwrap());
    }
}

/// Fixing must not blind: whatever was recorded still is, and only what held credentials at a lower level.
fn only_credentials_are_recorded_at_less(name: &str, before: &Policy, after: &Policy) {
    use auditward_policy::diff::diff;
    use auditward_policy::space::OwnedTarget;
    let Ok(diff) = diff(before, after) else { return };
    for difference in diff.differences {
        if difference.b.level >= difference.a.level {
            continue;
        }
        for cube in difference.space.cubes() {
            let witness = auditward_policy::space::Space::from(cube.clone()).witness().unwrap();
            let OwnedTarget::Resource { resource, subresource, .. } = &witness.request.target else {
                panic!("{name}: {}", witness.request)
            };
            let credentials = [("secrets", ""), ("serviceaccounts", "token"), ("tokenreviews", "")];
            assert!(credentials.contains(&(resource, subresource)), "{name}: {}", witness.request);
            assert_eq!(difference.b.level, auditward_event::Level::Metadata, "{name}: {}", witness.request);
        }
    }
}

/// No asserted time, but a place to see it: `cargo test -p auditward-policy --release --test lint -- --nocapture`.
#[test]
fn how_long_it_takes() {
    for Published { name, text } in corpus() {
        let reading = read(&text);
        let start = Instant::now();
        let findings = lint(&text, &reading).len();
        eprintln!("{name}: {findings} findings in {:?}", start.elapsed());
    }
}

fn render(text: &[u8], findings: &[LintFinding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let line = position(text, finding.span.start).line;
        let rule = finding.rule.map(|rule| format!(" rule {}", rule + 1)).unwrap_or_default();
        let _ = writeln!(out, "{line}: {} {}{rule}: {}", finding.severity, finding.id, finding.message);
        if let Some(proof) = &finding.witness {
            let by = proof.decided_by.map_or("no rule".to_owned(), |rule| format!("rule {}", rule + 1));
            let _ = writeln!(out, "    {proof}: {by}");
        }
        if let Some(fix) = &finding.fix {
            let word = if fix.safe { "fix" } else { "maybe" };
            let _ = writeln!(out, "    {word}: {}", fix.description);
        }
    }
    out
}

/// The comment lines, without their indent.
fn comments(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().map(str::trim).filter(|line| line.starts_with('#')).map(str::to_owned).collect()
}
