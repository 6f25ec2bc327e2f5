//! Rule files made to hurt: they end in a verdict, in bounded time and memory.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use auditward_rules::Weight;
use auditward_rules::falco::{BYTES_MAX, FINDINGS_MAX, Loaded, Options, load};

fn read(text: &str) -> Loaded {
    load(&[("hostile.yaml", text)], &Options::default())
}

fn rule(condition: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: k8s_audit\n"
    )
}

fn refused(text: &str, because: &str) {
    let loaded = read(text);
    assert!(loaded.rules.is_empty());
    let told = loaded.findings.iter().any(|f| f.weight == Weight::Error && f.message.contains(because));
    let first = &loaded.findings[..loaded.findings.len().min(3)];
    assert!(told, "no `{because}` in {first:?}");
}

#[test]
fn macros_that_double() {
    let mut text = "- macro: m0\n  condition: ka.verb in (a, b, c)\n".to_owned();
    for i in 1..60 {
        text += &format!("- macro: m{i}\n  condition: m{0} and m{0}\n", i - 1);
    }
    refused(&(text + &rule("m59")), "too large once");
}

#[test]
fn macros_in_a_long_chain() {
    let mut text = "- macro: m0\n  condition: ka.verb exists\n".to_owned();
    for i in 1..5000 {
        text += &format!("- macro: m{i}\n  condition: not m{}\n", i - 1);
    }
    refused(&(text + &rule("m4999")), "deeper than");
}

#[test]
fn lists_that_double() {
    let mut text = String::new();
    for i in 0..60 {
        text += &format!("- list: l{i}\n  items: [l{0}, l{0}, x{i}]\n", i + 1);
    }
    text += "- list: l60\n  items: [y]\n";
    refused(&(text + &rule("ka.verb in (l0)")), "too large once");
}

#[test]
fn a_list_that_is_named_often() {
    let items = "aaaaaaaaa, ".repeat(50_000);
    let text = format!(
        "- list: l\n  items: [{items}]\n{}",
        rule(&format!("ka.verb in ({}l)", "l, ".repeat(50_000)))
    );
    refused(&text, "too large once");
}

#[test]
fn deep_conditions() {
    refused(&rule(&format!("{}ka.verb exists{}", "(".repeat(50_000), ")".repeat(50_000))), "nested deeper");
    refused(
        &rule(&format!("{}ka.verb{} = x", "tolower(".repeat(50_000), ")".repeat(50_000))),
        "nested deeper",
    );
    assert_eq!(read(&rule(&format!("{}ka.verb exists", "not ".repeat(50_000)))).rules.len(), 1);
}

#[test]
fn more_findings_than_anybody_reads() {
    let loaded = read(&"- what: x\n".repeat(100_000));
    assert_eq!(loaded.findings.len(), FINDINGS_MAX);
    let loaded = read(&("- what: x\n".repeat(2000) + &"- list: {}\n".repeat(60_000)));
    assert_eq!(loaded.findings.len(), FINDINGS_MAX);
    assert!(loaded.findings.iter().all(|finding| finding.weight == Weight::Error));
}

#[test]
fn many_items_of_unknown_names() {
    let items: Vec<String> =
        (0..40_000).map(|i| format!("- list: l{i}\n  items: []\n  override: {{items: append}}\n")).collect();
    assert_eq!(read(&items.concat()).findings.len(), FINDINGS_MAX);
}

#[test]
fn a_rule_that_is_changed_often() {
    let change = "- rule: r\n  condition: or ka.verb = x\n  override: {condition: append}\n";
    assert_eq!(read(&(rule("ka.verb = y") + &change.repeat(20_000))).rules.len(), 1);
}

#[test]
fn too_large() {
    refused(&" ".repeat(BYTES_MAX + 1), "larger than");
}

#[test]
fn yaml_that_explodes() {
    let mut bomb = "- list: l\n  items: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        bomb += &format!("- list: l{i}\n  items: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(10));
    }
    let loaded = read(&bomb);
    assert!(loaded.findings.iter().any(|finding| finding.message.contains("too large once its aliases")));
}
