//! What redaction costs the detections: nothing. Every rule passes its own tests on redacted events, and the captured logs
//! give the same alerts before and after.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops at surprises")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditward_collect::prepare;
use auditward_collect::redact::{DigestKey, Redactor, Rules};
use auditward_detect::{Alert, Batch, Config, Engine, RuleSet};
use auditward_event::{EventView, Events};
use auditward_rules::{Rule, library, native};
use flate2::read::GzDecoder;

#[test]
fn every_rule_passes_its_own_tests_on_redacted_events() {
    let loaded = library::load_shipped();
    let mut redactor = redactor();
    let (mut tests, mut differ) = (0, Vec::new());
    for source in &loaded.sources {
        for test in &source.tests {
            let events = native::event(&test.events).unwrap();
            let rule = loaded.rule_for_test(source, test).unwrap();
            let redacted: Vec<String> = events.iter().map(|event| redact(event, &mut redactor)).collect();
            tests += 1;
            if alerts(vec![rule], &redacted).is_empty() == test.matches {
                differ.push(format!("{}: {}", source.id.value, test.name));
            }
        }
    }
    assert!(tests > 500, "only {tests} tests");
    assert!(differ.is_empty(), "{} of {tests}: {differ:#?}", differ.len());
}

#[test]
fn logs_give_the_same_alerts() {
    let rules: Vec<Rule> = library::load_shipped().rules.into_iter().filter(|rule| rule.enabled).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let captures = root.join("crates/event/testdata/captures");
    let logs =
        [captures.join("full.jsonl.gz"), captures.join("guide.jsonl.gz"), root.join("examples/audit.log.gz")];
    for log in &logs {
        let events = events(GzDecoder::new(File::open(log).unwrap()));
        same_alerts(&rules, &events, &log.display().to_string());
    }
    let Some(corpus) = corpus() else { return };
    for entry in fs::read_dir(corpus.join("events/falco-trace-files")).unwrap() {
        let path = entry.unwrap().path();
        same_alerts(&rules, &events(File::open(&path).unwrap()), &path.display().to_string());
    }
}

/// The alerts of redacted events are those of the events themselves, but for what was redacted in them.
fn same_alerts(rules: &[Rule], events: &[String], log: &str) {
    let mut redactor = redactor();
    let redacted: Vec<String> = events.iter().map(|event| redact(event, &mut redactor)).collect();
    let (before, after) = (alerts(rules.to_vec(), events), alerts(rules.to_vec(), &redacted));
    let told = |alerts: &[Alert]| -> BTreeMap<String, String> {
        alerts.iter().map(|alert| (alert.id.clone(), format!("{}: {}", alert.rule, alert.summary))).collect()
    };
    assert_eq!(told(&before), told(&after), "{log}");
}

fn alerts(rules: Vec<Rule>, events: &[String]) -> Vec<Alert> {
    let mut engine = Engine::new(Arc::new(RuleSet::compile(rules).unwrap()), Config::default());
    let (mut matcher, mut batch) = (engine.matcher(), Batch::default());
    for event in events {
        matcher.look(&EventView::parse(event.as_bytes()).unwrap(), &mut batch);
    }
    let mut alerts = Vec::new();
    engine.absorb(&mut batch, &mut alerts);
    engine.finish(&mut alerts);
    alerts
}

fn redact(event: &str, redactor: &mut Redactor) -> String {
    let view = EventView::parse(event.as_bytes()).unwrap();
    String::from_utf8(prepare("test", &view, redactor).event.into_owned()).unwrap()
}

fn redactor() -> Redactor {
    Redactor::new(&Rules::default(), &DigestKey::new([7; 32]))
}

fn events(input: impl Read) -> Vec<String> {
    let mut events = Events::new(BufReader::new(input));
    let mut all = Vec::new();
    while let Some(event) = events.next() {
        let Ok(event) = event else { continue };
        all.push(String::from_utf8_lossy(event.view.as_bytes()).into_owned());
    }
    all
}

fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    corpus.is_dir().then_some(corpus)
}
