//! Rules by hand, events by the line, and how they are run.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "each test uses its part, and stops at surprises"
)]

use std::sync::Arc;

use auditward_detect::{Alert, Batch, Config, Engine, RuleSet};
use auditward_event::{EventView, MicroTime, Path};
use auditward_expr::{Expr, Field, Fold, Match, Quantifier, Root, Test};
use auditward_rules::{
    Attack, Language, Origin, Rule, Severity, Source, Step, Suppress, Template, TemplatePart, Trigger,
};

/// A rule that does nothing but find.
pub(crate) fn rule(id: &str, trigger: Trigger) -> Rule {
    Rule {
        id: id.to_owned(),
        title: format!("{id} happened"),
        description: String::new(),
        severity: Severity::Warning,
        refs: vec![],
        attack: Attack::default(),
        tags: vec![],
        enabled: true,
        origin: Origin {
            language: Language::Native,
            file: "test.yaml".to_owned(),
            line: 1,
            credit: String::new(),
        },
        trigger,
        group_by: vec![],
        suppress: None,
        summary: Template::default(),
        details: vec![],
        response: String::new(),
        false_positives: vec![],
    }
}

pub(crate) fn grouped(by: &str, rule: Rule) -> Rule {
    Rule { group_by: vec![field(by)], ..rule }
}

pub(crate) fn suppressed(seconds: u64, rule: Rule) -> Rule {
    Rule { suppress: Some(Suppress { seconds }), ..rule }
}

pub(crate) fn field(path: &str) -> Field {
    Field { root: Root::Event(Path::parse(path).unwrap()), functions: vec![] }
}

pub(crate) fn test(path: &str, check: Match) -> Expr {
    Expr::Test(Test { field: field(path), quantifier: Quantifier::Any, check })
}

pub(crate) fn is(path: &str, text: &str) -> Expr {
    test(path, Match::Equals(text.to_owned(), Fold::Exact))
}

pub(crate) fn step(name: &str, when: Expr) -> Step {
    Step { name: name.to_owned(), when: Source::Event(when), group_by: vec![] }
}

pub(crate) fn says(parts: &[&str]) -> Template {
    let part = |part: &&str| match part.strip_prefix('%') {
        Some(path) => TemplatePart::Field { field: field(path), name: path.to_owned(), width: None },
        None => TemplatePart::Text((*part).to_owned()),
    };
    Template { parts: parts.iter().map(part).collect() }
}

/// An event in short: `SECONDS VERB USER [NAME]`, seconds since the hour. Each has an audit id of its own.
pub(crate) fn event(number: usize, short: &str) -> String {
    let words: Vec<&str> = short.split_whitespace().collect();
    let [seconds, verb, user, name @ ..] = words.as_slice() else { panic!("{short}") };
    let seconds: f64 = seconds.parse().unwrap();
    let time = time((seconds * 1e6) as i64);
    let name = name.first().copied().unwrap_or("web");
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{number}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/{name}","verb":"{verb}","user":{{"username":"{user}","groups":["system:authenticated"]}},"sourceIPs":["10.0.0.1"],"userAgent":"kubectl","objectRef":{{"resource":"pods","namespace":"shop","name":"{name}","apiVersion":"v1"}},"responseStatus":{{"code":200}},"requestReceivedTimestamp":"{time}","stageTimestamp":"{time}"}}"#
    )
}

pub(crate) fn events(short: &[&str]) -> Vec<String> {
    short.iter().enumerate().map(|(number, short)| event(number, short)).collect()
}

pub(crate) fn time(micros: i64) -> String {
    MicroTime::from_micros(1_790_000_000_000_000 + micros).to_string()
}

pub(crate) fn compiled(rules: Vec<Rule>) -> Arc<RuleSet> {
    Arc::new(RuleSet::compile(rules).unwrap())
}

/// All alerts of these events.
pub(crate) fn alerts<E: AsRef<str>>(rules: Vec<Rule>, config: Config, events: &[E]) -> Vec<Alert> {
    let mut engine = Engine::new(compiled(rules), config);
    let mut alerts = Vec::new();
    feed(&mut engine, events, &mut alerts);
    engine.finish(&mut alerts);
    alerts
}

pub(crate) fn feed<E: AsRef<str>>(engine: &mut Engine, events: &[E], alerts: &mut Vec<Alert>) {
    let mut matcher = engine.matcher();
    let mut batch = Batch::default();
    for event in events {
        matcher.look(&EventView::parse(event.as_ref().as_bytes()).unwrap(), &mut batch);
    }
    engine.absorb(&mut batch, alerts);
}

/// Alerts in short: `SECONDS RULE USER xCOUNT [audit ids]`.
pub(crate) fn short(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| {
        let micros = MicroTime::parse_rfc3339(&alert.time).unwrap().as_micros() - 1_790_000_000_000_000;
        let ids: Vec<&str> = alert.events.iter().map(|event| event.audit_id.as_str()).collect();
        let seconds = micros as f64 / 1e6;
        format!("{seconds} {} {} x{} [{}]\n", alert.rule, alert.user, alert.count, ids.join(" "))
    };
    alerts.iter().map(line).collect()
}
