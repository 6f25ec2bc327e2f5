//! [`Event`] on the wire, against what kube-apiserver itself writes.

#![allow(
    clippy::needless_raw_string_hashes,
    clippy::needless_pass_by_value,
    reason = "snapshots come with hashes and are handed over"
)]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use auditward_event::{
    DecodeError, Event, EventList, EventView, Events, Level, MicroTime, ObjectReference, Raw, Stage, Status,
    UserInfo, ZonedTime,
};
use expect_test::{Expect, expect};

const ZERO: &str = concat!(
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"","auditID":"","stage":"","requestURI":"","verb":"","#,
    r#""user":{},"requestReceivedTimestamp":null,"stageTimestamp":null}"#
);

fn text(event: &Event) -> String {
    String::from_utf8(event.to_json()).unwrap()
}

#[test]
fn what_an_api_server_wrote_is_written_again_unchanged() {
    for (name, count) in [("full", 1783), ("guide", 671)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/captures/{name}.jsonl.gz"));
        let mut events = Events::new(BufReader::new(File::open(path).unwrap()));
        let mut same = 0;
        while let Some(next) = events.next() {
            let view = next.unwrap().view;
            let event = Event::from_view(&view).unwrap();
            assert_eq!(text(&event), String::from_utf8_lossy(view.as_bytes()));
            same += 1;

            // As an item of a list it loses its head, and nothing else.
            let list = EventList { items: vec![event.clone()], ..EventList::default() };
            let json = list.to_json();
            assert_eq!(EventList::from_json(&json).unwrap(), list);
            let mut listed = Events::new(&json[..]);
            let item = listed.next().unwrap().unwrap();
            assert!(item.in_list);
            assert_eq!(item.view.standalone(), view.as_bytes());
        }
        assert_eq!(same, count);
    }
}

#[test]
fn the_zero_event_has_173_bytes_with_its_line_break() {
    assert_eq!(text(&Event::default()), ZERO);
    assert_eq!(ZERO.len() + 1, 173);
    assert_eq!(Event::from_json(ZERO.as_bytes()), Ok(Event::default()));
    assert_eq!(Event::from_json(b"{}"), Ok(Event::default()));
    assert_eq!(
        EventList::default().to_json(),
        br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":null}"#
    );
}

/// Reads `json` and checks what is written of it.
#[track_caller]
fn rewritten(json: &str, expected: Expect) {
    let written = match Event::from_json(json.as_bytes()) {
        Ok(event) => text(&event).replacen(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","#, "{", 1),
        Err(error) => format!("! {error}"),
    };
    expected.assert_eq(&written);
}

#[test]
fn every_field_in_its_order_whatever_the_order_it_came_in() {
    rewritten(
        r#"{"annotations":{"b":"2","a":"1","B":"","é":"","aa":""},"stageTimestamp":"2026-01-02T05:04:05.000001+02:00",
        "requestReceivedTimestamp":"2026-01-02T03:04:05.000000Z","responseObject":[ ],"requestObject":{ "b" : 1.50 ,"a":1,"b":1e400},
        "responseStatus":{"code":404,"details":{"retryAfterSeconds":1,"causes":[{"field":"f","message":"m","reason":"r"},{}],
        "uid":"u","kind":"k","group":"g","name":"n"},"reason":"NotFound","message":"m","status":"Failure","metadata":{"remainingItemCount":0,
        "continue":"c","resourceVersion":"1","selfLink":"s"},"apiVersion":"v1","kind":"Status"},
        "objectRef":{"subresource":"s","resourceVersion":"1","apiVersion":"v1","apiGroup":"g","uid":"u","name":"n","namespace":"ns","resource":"r"},
        "userAgent":"ua","sourceIPs":["::1","10.0.0.1"],"authenticationMetadata":{"impersonationConstraint":"ic"},
        "impersonatedUser":{},"user":{"extra":{"z":null,"a":[],"b":["1","2"]},"groups":["g2","g1"],"uid":"u","username":"n"},
        "verb":"get","requestURI":"/a?b&c","stage":"Panic","auditID":"id","level":"RequestResponse","newField":1}"#,
        expect![[
            r#"{"level":"RequestResponse","auditID":"id","stage":"Panic","requestURI":"/a?b\u0026c","verb":"get","user":{"username":"n","uid":"u","groups":["g2","g1"],"extra":{"a":[],"b":["1","2"],"z":null}},"impersonatedUser":{},"authenticationMetadata":{"impersonationConstraint":"ic"},"sourceIPs":["::1","10.0.0.1"],"userAgent":"ua","objectRef":{"resource":"r","namespace":"ns","name":"n","uid":"u","apiGroup":"g","apiVersion":"v1","resourceVersion":"1","subresource":"s"},"responseStatus":{"kind":"Status","apiVersion":"v1","metadata":{"selfLink":"s","resourceVersion":"1","continue":"c","remainingItemCount":0},"status":"Failure","message":"m","reason":"NotFound","details":{"name":"n","group":"g","kind":"k","uid":"u","causes":[{"reason":"r","message":"m","field":"f"},{}],"retryAfterSeconds":1},"code":404},"requestObject":{"b":1.50,"a":1,"b":1e400},"responseObject":[],"requestReceivedTimestamp":"2026-01-02T03:04:05.000000Z","stageTimestamp":"2026-01-02T03:04:05.000001Z","annotations":{"B":"","a":"1","aa":"","b":"2","é":""}}"#
        ]],
    );
}

#[test]
fn what_is_present_but_empty() {
    rewritten(
        r#"{"objectRef":{},"responseStatus":{},"authenticationMetadata":{},"annotations":{},"sourceIPs":[],"user":{"extra":{},"groups":[]}}"#,
        expect![[
            r#"{"level":"","auditID":"","stage":"","requestURI":"","verb":"","user":{},"authenticationMetadata":{},"objectRef":{},"responseStatus":{"metadata":{}},"requestReceivedTimestamp":null,"stageTimestamp":null}"#
        ]],
    );
    rewritten(
        r#"{"level":null,"user":null,"impersonatedUser":null,"sourceIPs":null,"objectRef":null,"responseStatus":null,"requestObject":null,"annotations":null}"#,
        expect![[
            r#"{"level":"","auditID":"","stage":"","requestURI":"","verb":"","user":{},"requestObject":null,"requestReceivedTimestamp":null,"stageTimestamp":null}"#
        ]],
    );
    rewritten(
        r#"{"verb":"a","verb":"b","stageTimestamp":"0001-01-01T00:00:00.000000Z"}"#,
        expect![[
            r#"{"level":"","auditID":"","stage":"","requestURI":"","verb":"b","user":{},"requestReceivedTimestamp":null,"stageTimestamp":null}"#
        ]],
    );
}

#[test]
fn strings_are_escaped_as_go_escapes_them() {
    rewritten(
        "{\"requestURI\":\"/a?b=<x>&c='\u{2028}\u{2029}\\u2028\\/\\u007f\\u0001\\b\\t\\\"\\\\ \u{e9}\u{1f600}\\ud83d\\ude00\\ud800\",\"annotations\":{\"<k>\":\"\"}}",
        expect![[
            r#"{"level":"","auditID":"","stage":"","requestURI":"/a?b=\u003cx\u003e\u0026c='\u2028\u2029\u2028/\u0001\b\t\"\\ é😀😀�","verb":"","user":{},"requestReceivedTimestamp":null,"stageTimestamp":null,"annotations":{"\u003ck\u003e":""}}"#
        ]],
    );
}

#[test]
fn bodies_are_compacted_and_escaped_and_otherwise_left_alone() {
    let body =
        b" { \"z\" : [ 1.50 , 1e400, -0 ] ,\n \"a\":\"<&>\xff\\u003C\\/\", \"a\" : \"\xe2\x80\xa8\" } ";
    let event = Event { request_object: Some(Raw::new(&body[..]).unwrap()), ..Event::default() };
    let written = event.to_json();
    let compact = b"\"requestObject\":{\"z\":[1.50,1e400,-0],\"a\":\"\\u003c\\u0026\\u003e\xff\\u003C\\/\",\"a\":\"\\u2028\"},";
    assert!(written.windows(compact.len()).any(|part| part == compact), "{}", written.escape_ascii());
    assert_eq!(Event::from_json(&written).unwrap().to_json(), written);
    for bad in ["", " ", "{", "{} {}", "{\"a\":01}", "nul", "'a'"] {
        assert!(Raw::new(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn invalid_utf8_in_a_field_becomes_replacement_characters() {
    let event = Event::from_json(b"{\"userAgent\":\"a\xff\xe2\x82\"}").unwrap();
    assert_eq!(event.user_agent, "a\u{fffd}\u{fffd}\u{fffd}");
}

#[test]
fn what_is_wrong_is_said() {
    rewritten(r#"{"verb":1}"#, expect!["! `verb` must be a string"]);
    rewritten(r#"{"user":[]}"#, expect!["! `user` must be an object"]);
    rewritten(r#"{"user":{"groups":["a",1]}}"#, expect!["! `user.groups` must be a string"]);
    rewritten(
        r#"{"responseStatus":{"code":1.5}}"#,
        expect!["! `responseStatus.code` must be an integer that is not too large"],
    );
    rewritten(
        r#"{"responseStatus":{"code":2147483648}}"#,
        expect!["! `responseStatus.code` must be an integer that is not too large"],
    );
    rewritten(
        r#"{"level":"request"}"#,
        expect!["! unknown level `request`, expected None, Metadata, Request or RequestResponse"],
    );
    rewritten(
        r#"{"stage":"Done"}"#,
        expect![
            "! unknown stage `Done`, expected RequestReceived, ResponseStarted, ResponseComplete or Panic"
        ],
    );
    rewritten(
        r#"{"stageTimestamp":"2026-01-02T03:04:05Z"}"#,
        expect![
            "! `stageTimestamp`: malformed time `2026-01-02T03:04:05Z`, expected one like `2006-01-02T15:04:05.000000Z`"
        ],
    );
    rewritten(r#"{"requestObject":{"a":01}}"#, expect!["! malformed number at byte 22"]);
    rewritten(r#"{} {}"#, expect!["! unexpected text after the value at byte 3"]);
    rewritten(r#"[]"#, expect!["! expected an object at byte 0"]);
    assert!(matches!(EventList::from_json(br#"{"items":[{"verb":1}]}"#), Err(DecodeError::Type { .. })));
}

/// The three events of the API server's own test of this format, and the corners of the format.
#[test]
fn legacy_lines() {
    let mut event = Event { audit_id: "a3c5".into(), ..Event::default() };
    let check =
        |event: &Event, received, expected: Expect| expected.assert_eq(&event.to_legacy_line(received));
    check(
        &event,
        None,
        expect![[
            r#"0001-01-01T00:00:00Z AUDIT: id="a3c5" stage="" ip="<unknown>" method="" user="<none>" groups="<none>" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="" response="<deferred>""#
        ]],
    );

    event = Event {
        level: Some(Level::Request),
        audit_id: "id".into(),
        stage: Some(Stage::RequestReceived),
        request_uri: "/apis/rbac.authorization.k8s.io/v1/roles?a=<b>&c".into(),
        verb: "get".into(),
        user: UserInfo {
            username: "admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..UserInfo::default()
        },
        impersonated_user: Some(UserInfo {
            username: "bob".into(),
            groups: vec!["dev".into()],
            ..UserInfo::default()
        }),
        source_ips: vec!["127.0.0.1".into(), "10.0.0.1".into()],
        user_agent: "kubectl \"x\"".into(),
        object_ref: Some(ObjectReference {
            resource: "roles".into(),
            namespace: "default".into(),
            ..ObjectReference::default()
        }),
        response_status: Some(Status { code: 200, ..Status::default() }),
        request_received_timestamp: Some("2026-01-02T03:04:05.120000Z".parse::<MicroTime>().unwrap()),
        ..Event::default()
    };
    check(
        &event,
        None,
        expect![[
            r#"2026-01-02T03:04:05.12Z AUDIT: id="id" stage="RequestReceived" ip="127.0.0.1" method="get" user="admin" groups="\"system:masters\",\"system:authenticated\"" as="bob" asgroups="\"dev\"" user-agent="kubectl \"x\"" namespace="default" uri="/apis/rbac.authorization.k8s.io/v1/roles?a=<b>&c" response="200""#
        ]],
    );

    event.user.username.clear();
    event.impersonated_user = Some(UserInfo { username: "bob".into(), ..UserInfo::default() });
    event.object_ref = Some(ObjectReference { resource: "pods".into(), ..ObjectReference::default() });
    event.response_status = Some(Status::default());
    let received = ZonedTime { seconds: 1_784_880_672, nanos: 123_456_789, offset_seconds: 7200 };
    check(
        &event,
        Some(received),
        expect![[
            r#"2026-07-24T10:11:12.123456789+02:00 AUDIT: id="id" stage="RequestReceived" ip="127.0.0.1" method="get" user="<none>" groups="<none>" as="bob" asgroups="<lookup>" user-agent="kubectl \"x\"" namespace="<none>" uri="/apis/rbac.authorization.k8s.io/v1/roles?a=<b>&c" response="0""#
        ]],
    );
}

/// The API server's own test of the JSON format: what is written reads back equal.
#[test]
fn events_read_back_equal() {
    let full = Event {
        level: Some(Level::RequestResponse),
        audit_id: "\u{0}\"<>&\u{2028}".into(),
        stage: Some(Stage::ResponseComplete),
        annotations: BTreeMap::from([("k".into(), "v".into())]),
        impersonated_user: Some(UserInfo::default()),
        object_ref: Some(ObjectReference::default()),
        response_status: Some(Status { code: -1, ..Status::default() }),
        request_object: Some(Raw::new(&b"null"[..]).unwrap()),
        request_received_timestamp: Some(MicroTime::from_micros(1)),
        stage_timestamp: Some(MicroTime::from_micros(-1)),
        ..Event::default()
    };
    assert_eq!(Event::from_json(&full.to_json()), Ok(full.clone()));
    let view = full.to_json();
    let view = EventView::parse(&view).unwrap();
    assert_eq!(view.audit_id(), full.audit_id);
    assert_eq!(view.stage_time(), full.stage_timestamp);
    assert_eq!(view.response_code(), Some(-1));
}
