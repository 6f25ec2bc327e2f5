//! Falco's own rules, overrides and sample events: what loads, and what fires.
//!
//! They are other people's and stay where they are: the folder that `AUDITWARD_CORPUS` names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they skip"
)]

use std::path::PathBuf;

use auditward_event::{EventView, Events};
use auditward_expr::{Compiled, Subject};
use auditward_rules::falco::{Loaded, Matching, Options, firing, load};
use auditward_rules::{Rule, Trigger, Weight};

/// The folder, if it is there.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if !folder.join("falco").is_dir() {
        eprintln!("skipped: no corpus at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn load_files(corpus: &std::path::Path, names: &[&str]) -> Loaded {
    let texts: Vec<String> =
        names.iter().map(|name| std::fs::read_to_string(corpus.join("falco").join(name)).unwrap()).collect();
    let files: Vec<(&str, &str)> = names.iter().copied().zip(texts.iter().map(String::as_str)).collect();
    load(&files, &Options::default())
}

fn errors(loaded: &Loaded) -> Vec<String> {
    let errors = loaded.findings.iter().filter(|finding| finding.weight == Weight::Error);
    errors.map(|finding| format!("{} {finding}", finding.code)).collect()
}

/// The names of what fires on an event, in the order of definition.
fn fired(rules: &[Rule], event: EventView<'_>, matching: Matching) -> Vec<String> {
    let subject = Subject::new(&event);
    let holds = |rule: &Rule| {
        let Trigger::Event(expr) = &rule.trigger else { return false };
        Compiled::new(expr).unwrap().holds(&subject)
    };
    firing(rules, matching, holds).into_iter().map(|rule| rule.id.clone()).collect()
}

/// `A=2; B=1` of all events in a file; `-` where nothing fires.
fn fired_on_file(corpus: &std::path::Path, rules: &[Rule], event_file: &str, matching: Matching) -> String {
    let text = std::fs::read(corpus.join("events/falco-trace-files").join(event_file)).unwrap();
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let mut events = Events::new(text.as_slice());
    while let Some(event) = events.next() {
        let Ok(event) = event else { continue };
        for name in fired(rules, event.view, matching) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join("; ") }
}

#[test]
fn every_expected_rule_fires_and_no_other() {
    let Some(corpus) = corpus() else { return };
    let table = std::fs::read_to_string(corpus.join("events/falco-expected.tsv")).unwrap();
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [case, event_file, rules_files, upstream, first, all, note] = columns[..] else {
            panic!("{line}")
        };
        cases += 1;
        let loaded = load_files(&corpus, &rules_files.split(' ').collect::<Vec<_>>());
        assert_eq!(errors(&loaded), [] as [String; 0], "{case}");
        for (matching, expected) in [(Matching::First, first), (Matching::All, all)] {
            let got = fired_on_file(&corpus, &loaded.rules, event_file, matching);
            if got != expected {
                wrong.push(format!("{case} {matching:?}: {got}, expected {expected}"));
            }
        }
        // Upstream's own table: under `first`, but where it is stale.
        let any = upstream == "any" && first != "-";
        assert!(
            any || upstream == first || note.starts_with("stale upstream"),
            "{case}: {upstream}, {first}"
        );
    }
    assert_eq!(wrong, [] as [String; 0]);
    assert_eq!(cases, 66);
}

#[test]
fn every_sample_event_fires_what_another_evaluator_says() {
    let Some(corpus) = corpus() else { return };
    let loaded = load_files(&corpus, &["k8s_audit_rules.yaml"]);
    let table = std::fs::read_to_string(corpus.join("events/derived-matches.tsv")).unwrap();
    let (mut events_seen, mut wrong) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (source, number) = (columns[0], columns[1].parse::<usize>().unwrap());
        let path = corpus.join("events/falco-trace-files").join(source);
        let Ok(text) = std::fs::read(&path) else { panic!("{}", path.display()) };
        let mut events = Events::new(text.as_slice());
        let mut at = 0;
        while let Some(event) = events.next() {
            at += 1;
            let Ok(event) = event else { continue };
            if at == number {
                events_seen += 1;
                let got = fired(&loaded.rules, event.view, Matching::All).join("; ");
                let got = if got.is_empty() { "-" } else { &got };
                if got != columns[3] {
                    wrong.push(format!("{source}:{number}: {got}, expected {}", columns[3]));
                }
                break;
            }
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
    assert_eq!(events_seen, table.lines().count() - 1);
}

#[test]
fn published_files_load_without_an_error() {
    let Some(corpus) = corpus() else { return };
    for (files, rules) in [
        (&["k8s_audit_rules.yaml"][..], 48),
        (&["k8s_audit_rules.yaml", "k8s_audit_rules_gke.yaml"], 48),
        (&["k8s_audit_rules.yaml", "k8s_audit_rules_gke.yaml", "gke_hack_rules.yaml"], 50),
    ] {
        let loaded = load_files(&corpus, files);
        assert_eq!(errors(&loaded), [] as [String; 0], "{files:?}");
        assert_eq!(loaded.rules.len(), rules, "{files:?}");
        for rule in &loaded.rules {
            let Trigger::Event(expr) = &rule.trigger else { panic!("{}", rule.id) };
            assert_eq!(Compiled::new(expr).err(), None, "{}", rule.id);
        }
    }
}

#[test]
fn conditions_compile_where_upstream_compiles_them() {
    let Some(corpus) = corpus() else { return };
    let table = std::fs::read_to_string(corpus.join("falco/condition-cases.tsv")).unwrap();
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (verdict, condition) = (columns.next().unwrap(), columns.next().unwrap());
        cases += 1;
        let head = "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  source: k8s_audit\n  condition: ";
        let text = format!("{head}'{}'\n", condition.replace('\'', "''"));
        let loaded = load(&[("r", &text)], &Options::default());
        let errors = errors(&loaded);
        if errors.is_empty() != (verdict == "ok") {
            wrong.push(format!("{condition}: {errors:?}"));
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
    assert_eq!(cases, table.lines().count() - 1);
}

#[test]
fn bodies_of_webhooks_are_read_as_upstream_reads_them_or_better() {
    let Some(corpus) = corpus() else { return };
    let cases = std::fs::read_to_string(corpus.join("events/ingest-cases.jsonl")).unwrap();
    let mut differences = Vec::new();
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let padded =
            format!(r#"{{"kind":"Event","auditID":"a","annotations":{{"a":"{}"}}}}"#, "x".repeat(262_144));
        let body = case["body"].as_str().unwrap_or(&padded);
        let mut events = Events::new(body.as_bytes());
        while events.next().is_some() {}
        let (name, upstream) = (case["name"].as_str().unwrap(), case["upstream_accepted"].as_u64().unwrap());
        if events.stats().events != upstream {
            differences.push(format!("{name}: {} events, upstream {upstream}", events.stats().events));
        }
    }
    expect_test::expect![[r#"
        no-stage-timestamp: 1 events, upstream 0
        bad-stage-timestamp: 1 events, upstream 0
        one-bad-in-list: 3 events, upstream 2
        one-bad-in-array: 2 events, upstream 0
        two-documents: 2 events, upstream 0
        over-256-KiB: 1 events, upstream 0"#]]
    .assert_eq(&differences.join("\n"));
}
