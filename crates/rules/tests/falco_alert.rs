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

/// Tells of an alert with this output, on an event.
fn made<T>(
    output: &str,
    event: &str,
    tell: impl FnOnce(&Alert<'_>, &mut dyn FnMut(&Field) -> Vec<String>) -> T,
) -> T {
    let rules = format!(
        "- rule: Pod Made\n  desc: d\n  condition: ka.verb = create\n  output: {output}\n  priority: info\n  source: k8s_audit\n  tags: [k8s, a]\n"
    );
    let loaded = load(&[("rules.yaml", &rules)], &Options::default());
    assert_eq!(loaded.findings, []);
    let event = EventView::parse(event.as_bytes()).unwrap();
    let subject = Subject::new(&event);
    let mut values = |field: &Field| {
        let mut all = Vec::new();
        field.each(&subject, &mut |item| all.extend(item.into_text().map(std::borrow::Cow::into_owned)));
        all
    };
    let time = event.stage_time().unwrap();
    tell(&Alert { rule: &loaded.rules[0], time, source: "k8s_audit", hostname: "cp-1" }, &mut values)
}

fn check(output: &str, shown: Properties, expected_text: Expect, expected_json: Expect) {
    made(output, EVENT, |alert, values| {
        expected_text.assert_eq(&text(alert, values));
        expected_json.assert_eq(&Value::Object(json(alert, shown, values)).to_string());
    });
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

/// The `output_fields` of an alert with this output, on an event of this time.
fn output_fields(output: &str, time: &str) -> String {
    made(output, &EVENT.replace("2026-01-02T03:04:05.123456Z", time), |alert, values| {
        assert!(text(alert, values).contains("Informational"));
        json(alert, Properties::default(), values)["output_fields"].to_string()
    })
}

#[test]
fn times_are_numbers() {
    let forms = "a %evt.time %evt.time.s %evt.time.iso8601 %evt.datetime %evt.datetime.s %evt.rawtime";
    expect![[
        r#"{"evt.datetime":1767323045123456000,"evt.datetime.s":1767323045123456000,"evt.rawtime":1767323045123456000,"evt.time":1767323045123456000,"evt.time.iso8601":1767323045123456000,"evt.time.s":1767323045123456000}"#
    ]]
    .assert_eq(&output_fields(forms, "2026-01-02T03:04:05.123456Z"));
    expect![[r#"{"evt.rawtime.ns":123456000,"evt.rawtime.s":1767323045,"evt.time":1767323045123456000}"#]]
        .assert_eq(&output_fields("a %evt.rawtime.s %evt.rawtime.ns", "2026-01-02T03:04:05.123456Z"));
    expect![[r#"{"evt.time":1767323045123456000,"ka.verb":"create"}"#]]
        .assert_eq(&output_fields("a %ka.verb", "2026-01-02T03:04:05.123456Z"));
}

/// Nanoseconds of such years do not fit into 64 bits: the nearest number stands for them.
#[test]
fn extreme_times_are_held() {
    let forms = "a %evt.time %evt.rawtime.s %evt.rawtime.ns";
    expect![[r#"{"evt.rawtime.ns":0,"evt.rawtime.s":-62135596800,"evt.time":-9223372036854775808}"#]]
        .assert_eq(&output_fields(forms, "0001-01-01T00:00:00.000000Z"));
    expect![[r#"{"evt.rawtime.ns":999999000,"evt.rawtime.s":253402300799,"evt.time":9223372036854775807}"#]]
        .assert_eq(&output_fields(forms, "9999-12-31T23:59:59.999999Z"));
}
