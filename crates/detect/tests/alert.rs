//! What is written is what `docs/reference/alert.schema.json` says; and a state that was once written is read for ever.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use auditward_detect::{Alert, Config, Engine, RestoreError};
use auditward_expr::Expr;
use auditward_rules::{Rule, Trigger};
use common::{compiled, event, feed, field, grouped, is, rule, short, step};
use expect_test::expect;
use serde_json::Value;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/alert.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Where `value` is not what `schema` says; with words for every keyword that the schema uses and stopping at any other.
fn wrong(value: &Value, schema: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, says) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "format" => true,
            "type" => {
                let is = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "integer",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                says == is || says.as_array().is_some_and(|types| types.iter().any(|of| of == is))
            }
            "enum" => says.as_array().unwrap().contains(value),
            "pattern" => {
                assert_eq!(says, "^[0-9a-f]{32}$");
                let text = value.as_str().unwrap();
                text.len() == 32 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
            }
            "required" => {
                says.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, value) in value.as_object().unwrap() {
                    match says.get(key) {
                        Some(schema) => found.extend(wrong(value, schema, &format!("{at}.{key}"))),
                        None => found.push(format!("{at}.{key} is not in the schema")),
                    }
                }
                true
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().unwrap() {
                    found.extend(wrong(value, says, &format!("{at}.{key}")));
                }
                true
            }
            "items" => {
                for item in value.as_array().unwrap() {
                    found.extend(wrong(item, says, &format!("{at}[]")));
                }
                true
            }
            other => panic!("{at}: this test does not know `{other}`"),
        };
        if !fits {
            found.push(format!("{at}: {keyword}"));
        }
    }
    found
}

fn full() -> Value {
    let with = Rule {
        details: vec![
            ("one".into(), field("verb")),
            ("many".into(), field("user[*]")),
            ("groups".into(), field("user.groups[*]")),
            ("none".into(), field("nope")),
        ],
        refs: vec!["k8s_1001".into()],
        ..rule("any", Trigger::Event(Expr::Const(true)))
    };
    let event = event(1, "1 delete ann")
        .replace(r#""sourceIPs""#, r#""impersonatedUser":{"username":"eve"},"sourceIPs""#)
        .replace("\"system:authenticated\"", "\"a\",\"b\"");
    serde_json::to_value(&common::alerts(vec![with], Config::default(), &[event])[0]).unwrap()
}

#[test]
fn alerts_are_what_the_schema_says() {
    let (schema, full) = (schema(), full());
    assert_eq!(wrong(&full, &schema, "alert"), Vec::<String>::new());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&full), keys(&schema["properties"]), "every field is in an alert that has them all");
    let bare = rule("any", Trigger::Event(Expr::Const(true)));
    let bare = serde_json::to_value(&common::alerts(vec![bare], Config::default(), &["{}"])[0]).unwrap();
    assert_eq!(wrong(&bare, &schema, "alert"), Vec::<String>::new());
    let required = schema["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned());
    assert_eq!(keys(&bare), required.collect::<BTreeSet<_>>(), "what is required is what is always there");
    let read: Alert = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), full);
}

#[test]
fn the_schema_can_be_broken() {
    let mut alert = full();
    alert["severity"] = "terrible".into();
    alert["id"] = "x".into();
    alert["object"]["kind"] = "Pod".into();
    assert_eq!(
        wrong(&alert, &schema(), "alert"),
        ["alert.id: pattern", "alert.object.kind is not in the schema", "alert.severity: enum"]
    );
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/state-v1.json")
}

/// A rule of every kind, each with something to remember.
fn rules() -> Vec<Rule> {
    let sequence = Trigger::Sequence {
        steps: vec![step("made", is("verb", "create")), step("gone", is("verb", "delete"))],
        ordered: true,
        window_seconds: 600,
    };
    let first = Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("user.username")],
        learning_seconds: 0,
        forget_seconds: 10_000,
    };
    vec![
        rule("event", Trigger::Event(is("verb", "delete"))),
        grouped("user.username", rule("count", Trigger::at_least(3, is("verb", "delete"), 600))),
        grouped("user.username", rule("sequence", sequence)),
        rule("first", first),
    ]
}

#[test]
fn a_state_of_the_first_version_is_read() {
    let before = ["0 create ann", "1 delete ann", "2 delete ann", "3 create bob", "300 get ann"];
    let before = common::events(&before);
    // Written once, by the first version; kept as it is ever since.
    if !sample().exists() {
        let mut engine = Engine::new(compiled(rules()), Config::default());
        let mut alerts = Vec::new();
        feed(&mut engine, &before[..4], &mut alerts);
        let tick = auditward_event::MicroTime::parse_rfc3339(&common::time(122_500_000)).unwrap();
        engine.tick(tick, &mut alerts);
        feed(&mut engine, &before[4..], &mut alerts);
        std::fs::write(sample(), engine.save(&serde_json::json!({ "offset": 5 }))).unwrap();
    }
    let saved = std::fs::read(sample()).unwrap();
    let (mut engine, restored) = Engine::restore(compiled(rules()), Config::default(), &saved).unwrap();
    assert_eq!(restored.position, serde_json::json!({ "offset": 5 }));
    let mut alerts = Vec::new();
    let after = ["302 delete ann", "303 delete bob", "304 delete eve"];
    let after: Vec<String> = after.iter().enumerate().map(|(n, short)| event(n + 5, short)).collect();
    feed(&mut engine, &after, &mut alerts);
    engine.finish(&mut alerts);
    expect![[r#"
        302 event ann x1 [5]
        302 count ann x3 [1 2 5]
        303 event bob x1 [6]
        303 sequence bob x2 [3 6]
        303 first bob x1 [6]
        304 event eve x1 [7]
        304 first eve x1 [7]
    "#]]
    .assert_eq(&short(&alerts));
}

#[test]
fn another_rule_begins_anew_and_is_named() {
    let saved = std::fs::read(sample()).unwrap();
    let mut rules = rules();
    rules.reverse();
    rules[2] = grouped("user.username", rule("count", Trigger::at_least(4, is("verb", "delete"), 600)));
    rules.remove(0);
    rules.push(rule("new", Trigger::Event(is("verb", "get"))));
    let (_, restored) = Engine::restore(compiled(rules), Config::default(), &saved).unwrap();
    assert_eq!(
        (restored.dropped, restored.fresh),
        (vec!["count".to_owned(), "first".to_owned()], vec!["count".to_owned(), "new".to_owned()])
    );
}

#[test]
fn what_is_no_state_is_refused() {
    let restore = |bytes: &[u8]| Engine::restore(compiled(rules()), Config::default(), bytes).unwrap_err();
    assert!(matches!(restore(b""), RestoreError::Malformed(_)));
    assert!(matches!(restore(b"{\"auditwardDetectState\":1}"), RestoreError::Malformed(_)));
    assert!(matches!(restore(b"{\"auditwardDetectState\":2}"), RestoreError::Version { found: 2 }));
    let saved = std::fs::read(sample()).unwrap();
    for end in (0..saved.len()).step_by(7) {
        assert!(matches!(restore(&saved[..end]), RestoreError::Malformed(_)));
    }
    // Whatever one number is changed to: refused, or it runs.
    let text = String::from_utf8(saved).unwrap();
    for (at, _) in text.match_indices(|c: char| c.is_ascii_digit()).step_by(3) {
        for digit in ["0", "9", "-"] {
            let mut changed = text.clone();
            changed.replace_range(at..=at, digit);
            if let Ok((mut engine, _)) =
                Engine::restore(compiled(rules()), Config::default(), changed.as_bytes())
            {
                let mut alerts = Vec::new();
                feed(
                    &mut engine,
                    &common::events(&["1 delete ann", "2 create ann", "900 delete ann"]),
                    &mut alerts,
                );
                engine.finish(&mut alerts);
                engine.save(&Value::Null);
            }
        }
    }
}
