//! An alert of a real rule on an event, as Falco prints it.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests stop at surprises, and hand over what they expect"
)]

use auditward_event::EventView;
use auditward_expr::{Field, Subject};
use auditward_rules::falco::alert::{Alert, Properties, json, text};
use auditward_rules::falco::{Options, load};
use expect_test::{Expect, expect};
use serde_json::Value;

const EVENT: &str = r#"{"auditID":"a","stage":"ResponseComplete","stageTimestamp":"2026-01-02T03:04:05.123456Z","verb":"create","user":{"username":"eve\n\"x\"","groups":["dev"]},"requestObject":{"spec":{"containers":[{"image":"a:1"},{"image":"b"}]}}}"#;

fn check(output: &str, shown: Properties, expected_text: Expect, expected_json: Expect) {
    let rules = format!(
        "- rule: Pod Made\n  desc: d\n  condition: ka.verb = create\n  output: {output}\n  priority: info\n  source: k8s_audit\n  tags: [k8s, a]\n"
    );
    let loaded = load(&[("rules.yaml", &rules)], &Options::default());
    assert_eq!(loaded.findings, []);
    let event = EventView::parse(EVENT.as_bytes()).unwrap();
    let subject = Subject::new(&event);
    let mut values = |field: &Field| {
        let mut all = Vec::new();
        field.each(&subject, &mut |item| all.extend(item.into_text().map(std::borrow::Cow::into_owned)));
        all
    };
    let time = event.stage_time().unwrap();
    let alert = Alert { rule: &loaded.rules[0], time, source: "k8s_audit", hostname: "cp-1" };
    expected_text.assert_eq(&text(&alert, &mut values));
    let line = Value::Object(json(&alert, shown, &mut values)).to_string();
    expected_json.assert_eq(&line);
}

#[test]
fn values_lists_and_what_is_missing() {
    check(
        "made (user=%ka.user.name groups=%ka.user.groups images=%ka.req.pod.containers.image uri=%ka.uri). done",
        Properties::default(),
        expect![[
            r#"03:04:05.123456000: Informational made (user=eve\n\"x\" groups=(dev) images=(a:1,b) uri=<NA>). done"#
        ]],
        expect![[
            r#"{"hostname":"cp-1","message":"made (user=eve\\n\\\"x\\\" groups=(dev) images=(a:1,b) uri=<NA>). done","output":"03:04:05.123456000: Informational made (user=eve\\n\\\"x\\\" groups=(dev) images=(a:1,b) uri=<NA>). done","output_fields":{"evt.time":1767323045123456000,"ka.req.pod.containers.image":["a:1","b"],"ka.uri":null,"ka.user.groups":["dev"],"ka.user.name":"eve\n\"x\""},"priority":"Informational","rule":"Pod Made","source":"k8s_audit","tags":["a","k8s"],"time":"2026-01-02T03:04:05.123456000Z"}"#
        ]],
    );
}

#[test]
fn widths_arguments_and_functions() {
    let bare = Properties { output: true, message: false, output_fields: false, tags: false };
    check(
        "'[%3ka.verb] [%8ka.verb] %jevt.value[/stage] %toupper(ka.verb) %ka.req.pod.containers.image[1]'",
        bare,
        expect!["03:04:05.123456000: Informational [cre] [create  ] ResponseComplete CREATE (b)"],
        expect![[
            r#"{"hostname":"cp-1","output":"03:04:05.123456000: Informational [cre] [create  ] ResponseComplete CREATE (b)","priority":"Informational","rule":"Pod Made","source":"k8s_audit","time":"2026-01-02T03:04:05.123456000Z"}"#
        ]],
    );
}
