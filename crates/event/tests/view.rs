//! [`EventView`] and [`Value`] against `serde_json`, and against whatever an enemy may send.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path as FilePath;

use auditward_event::{
    AuthenticationMetadata, DEPTH_MAX, Event, EventView, Events, JsonProblem, Kind, Level, ListMeta,
    MicroTime, ObjectReference, Path, Raw, Stage, Status, StatusCause, StatusDetails, Step, UserInfo, Value,
};
use flate2::bufread::MultiGzDecoder;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const SAMPLE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods?fieldManager=a\u0026b","verb":"create","user":{"username":"alice","uid":"7","groups":["dev","system:authenticated"],"extra":{"k":["v"]}},"impersonatedUser":{"username":"bob"},"sourceIPs":["203.0.113.7","10.0.0.5"],"userAgent":"kubectl/v1.36.3","objectRef":{"resource":"pods","namespace":"shop","name":"p","apiVersion":"v1","subresource":"exec"},"responseStatus":{"metadata":{},"code":201},"requestObject":{"spec":{"containers":[{"image":"a:1","n":1},{"image":"b:2","n":-2.5}]}},"responseObject":[true,null],"requestReceivedTimestamp":"2026-01-02T03:04:05.000001Z","stageTimestamp":"2026-01-02T03:04:05Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"\"x\""},"later":{"a":1}}"#;

#[test]
fn every_accessor() {
    let view = EventView::parse(SAMPLE.as_bytes()).unwrap();
    assert_eq!((view.kind(), view.api_version()), ("Event".into(), "audit.k8s.io/v1".into()));
    assert_eq!((view.level(), view.stage()), (Some(Level::RequestResponse), Some(Stage::ResponseComplete)));
    assert_eq!((view.audit_id(), view.verb()), ("a-1".into(), "create".into()));
    assert_eq!(view.request_uri(), "/api/v1/namespaces/shop/pods?fieldManager=a&b");
    assert_eq!(view.user_agent(), "kubectl/v1.36.3");
    let user = view.user();
    assert_eq!((user.username.as_ref(), user.uid.as_ref()), ("alice", "7"));
    assert_eq!(user.groups().collect::<Vec<_>>(), ["dev", "system:authenticated"]);
    assert_eq!(user.extra().map(|(key, _)| key).collect::<Vec<_>>(), ["k"]);
    assert_eq!(view.impersonated_user().unwrap().username, "bob");
    assert_eq!(view.source_ips().collect::<Vec<_>>(), ["203.0.113.7", "10.0.0.5"]);
    let reference = view.object_ref().unwrap();
    let names = [
        reference.resource,
        reference.namespace,
        reference.name,
        reference.subresource,
        reference.api_version,
    ];
    assert_eq!(names, ["pods", "shop", "p", "exec", "v1"]);
    assert_eq!(
        (reference.api_group, reference.uid, reference.resource_version),
        ("".into(), "".into(), "".into())
    );
    assert_eq!(view.response_code(), Some(201));
    assert_eq!(view.request_received().unwrap().to_string(), "2026-01-02T03:04:05.000001Z");
    assert_eq!(view.stage_time().unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!(view.annotation("authorization.k8s.io/reason").unwrap(), "\"x\"");
    assert_eq!(view.annotations().count(), 2);
    assert_eq!(view.response_object().unwrap().as_bytes(), b"[true,null]");
    assert_eq!(view.unknown_fields().map(|(key, _)| key).collect::<Vec<_>>(), ["later"]);
    assert_eq!(view.len(), SAMPLE.len());
    view.validate().unwrap();
}

#[test]
fn paths_lead_into_the_bodies() {
    let view = EventView::parse(SAMPLE.as_bytes()).unwrap();
    let at = |path: &str| view.path(&Path::parse(path).unwrap()).map(|value| format!("{value:?}"));
    assert_eq!(at("objectRef.resource").unwrap(), "\"pods\"");
    assert_eq!(at("requestObject.spec.containers[1].image").unwrap(), "\"b:2\"");
    assert_eq!(at("requestObject.spec.containers[*].image").unwrap(), "\"a:1\"");
    assert_eq!(at("annotations[\"authorization.k8s.io/decision\"]").unwrap(), "\"allow\"");
    assert_eq!(at("responseObject[1]").unwrap(), "null");
    assert_eq!(at("later.a").unwrap(), "1");
    for missing in
        ["nothing", "verb.x", "verb[0]", "responseObject[2]", "requestObject[0]", "later.b", "[0]", "[*]"]
    {
        assert_eq!(at(missing), None, "{missing}");
    }
    let mut found = Vec::new();
    view.each(&Path::parse("requestObject.spec.containers[*].n").unwrap(), &mut |n| {
        found.push(n.as_f64().unwrap());
    });
    assert_eq!(found, [1.0, -2.5]);
}

#[test]
fn what_is_missing_or_of_another_type_is_empty() {
    for text in [
        "{}",
        r#"{"level":1,"stage":[],"auditID":null,"verb":{},"user":"x","impersonatedUser":null,"sourceIPs":{},"objectRef":null,
        "responseStatus":null,"requestReceivedTimestamp":null,"stageTimestamp":"yesterday","annotations":["a"]}"#,
    ] {
        let view = EventView::parse(text.as_bytes()).unwrap();
        assert_eq!((view.level(), view.stage(), view.response_code()), (None, None, None));
        assert_eq!((view.audit_id(), view.verb(), view.user().username), ("".into(), "".into(), "".into()));
        assert!(view.impersonated_user().is_none() && view.object_ref().is_none());
        assert_eq!(view.source_ips().count() + view.annotations().count() + view.user().groups().count(), 0);
        assert_eq!((view.request_received(), view.stage_time()), (None, None));
    }
    assert_eq!(EventView::parse(br#"{"responseStatus":{}}"#).unwrap().response_code(), Some(0));
    assert_eq!(EventView::parse(br#"{"responseStatus":{"code":1e9}}"#).unwrap().response_code(), None);
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    let view = EventView::parse(
        br#"{"verb":"a","\u0076erb":"b","x":1,"x":2,"user":{"username":"a","username":"b"}}"#,
    )
    .unwrap();
    assert_eq!((view.verb(), view.user().username), ("b".into(), "b".into()));
    assert_eq!(view.get("x").unwrap().as_i64(), Some(2));
    assert_eq!(view.unknown_fields().count(), 2);
}

#[test]
fn without_its_bodies_an_event_says_the_same_of_all_else() {
    let check = |event: &str, expected: &str| {
        let mut short = b"before ".to_vec();
        EventView::parse(event.as_bytes()).unwrap().write_without_bodies(&mut short);
        assert_eq!(String::from_utf8(short).unwrap(), format!("before {expected}"));
    };
    check(r#"{}"#, r#"{}"#);
    check(r#"{"verb":"get","x":[1]}"#, r#"{"verb":"get","x":[1]}"#);
    check(r#"{"requestObject":{"a":"}"}}"#, r#"{"requestObject":null}"#);
    check(
        r#"{"a":1, "responseObject" : [ "]" ] ,"verb":"get","requestObject":"x","b":2 }"#,
        r#"{"a":1, "responseObject" : null ,"verb":"get","requestObject":null,"b":2 }"#,
    );
}

#[test]
fn broken_at_the_top_is_refused_with_its_place() {
    for (text, offset, problem) in [
        ("", 0, JsonProblem::UnexpectedEnd),
        ("[]", 0, JsonProblem::ExpectedObject),
        (" nope", 1, JsonProblem::ExpectedObject),
        ("{\"a\":1,}", 7, JsonProblem::ExpectedKey),
        (" {\"a\" 1}", 6, JsonProblem::ExpectedColon),
        ("{\"a\":1 \"b\":2}", 7, JsonProblem::ExpectedComma),
        ("{\"a\":01}", 5, JsonProblem::BadNumber),
        ("{\"verb\":\"a\tb\"}", 10, JsonProblem::ControlCharacter),
        ("{\"verb\":\"\\q\"}", 9, JsonProblem::BadEscape),
        ("{} {}", 3, JsonProblem::TrailingText),
        ("{\"a\":{}", 7, JsonProblem::UnexpectedEnd),
    ] {
        let error = EventView::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.offset, error.problem), (offset, problem), "{text}");
    }
}

#[test]
fn a_body_is_checked_by_structure_only_until_asked() {
    let view = EventView::parse(br#"{"requestObject":{"a":[nonsense 01 , "\q"}],"verb":"get"}"#).unwrap();
    assert_eq!((view.verb(), view.validate().is_err()), ("get".into(), true));
    let view = EventView::parse(br#"{"requestObject":{"a":1,"b" 2,"c":3},"verb":"get"}"#).unwrap();
    assert_eq!(view.verb(), "get");
    let error = view.validate().unwrap_err();
    assert_eq!((error.offset, error.problem), (28, JsonProblem::ExpectedColon));
    // What stands before the break can be read.
    assert_eq!(view.request_object().unwrap().get("a").unwrap().as_i64(), Some(1));
    assert_eq!(view.request_object().unwrap().get("c"), None);
}

#[test]
fn deep_nesting_costs_no_stack() {
    let nested =
        |n: usize| format!("{{\"requestObject\":{}{}}}", "[{\"a\":".repeat(n / 2) + "1", "}]".repeat(n / 2));
    let deepest = nested(DEPTH_MAX - 2);
    let view = EventView::parse(deepest.as_bytes()).unwrap();
    view.validate().unwrap();
    assert_eq!(Event::from_view(&view).unwrap().request_object.unwrap().as_bytes().len(), deepest.len() - 18);
    for deeper in
        [nested(DEPTH_MAX + 2), nested(4_000_000), "[".repeat(4_000_000), "{\"a\":".repeat(4_000_000)]
    {
        assert!(EventView::parse(deeper.as_bytes()).is_err());
        let mut events = Events::new(deeper.as_bytes());
        assert!(events.next().unwrap().is_err());
        assert!(events.next().is_none());
    }
}

#[test]
fn a_string_of_ten_megabytes() {
    let long = "x\\\"".repeat(3 << 20) + "y";
    let text = format!("{{\"kind\":\"Event\",\"requestObject\":\"{long}\",\"verb\":\"get\"}}");
    let view = EventView::parse(text.as_bytes()).unwrap();
    assert_eq!(view.verb(), "get");
    assert_eq!(view.request_object().unwrap().as_str().unwrap().len(), (2 << 20) * 3 + 1);
    view.validate().unwrap();
    assert!(EventView::parse(&text.as_bytes()[..text.len() - 16]).is_err());
}

#[test]
fn cut_anywhere_it_is_refused() {
    for end in 0..SAMPLE.len() {
        let cut = &SAMPLE.as_bytes()[..end];
        assert!(EventView::parse(cut).is_err(), "{end}");
        assert!(Event::from_json(cut).is_err(), "{end}");
        let text = [cut, b"\n", SAMPLE.as_bytes(), b"\n"].concat();
        let mut events = Events::new(&text[..]);
        let mut whole = 0;
        while let Some(next) = events.next() {
            whole += usize::from(next.is_ok_and(|event| event.view.as_bytes() == SAMPLE.as_bytes()));
        }
        assert_eq!((whole, events.stats().broken), (1, u64::from(end > 0)), "{end}");
    }
}

#[test]
fn captures_agree_with_serde_json_at_every_path() {
    for line in captured(29) {
        let expected: serde_json::Value = serde_json::from_slice(&line).unwrap();
        agree(EventView::parse(&line).unwrap().object(), &expected);
    }
}

/// Every `step`th line of both captures.
fn captured(step: usize) -> Vec<Vec<u8>> {
    ["full", "guide"]
        .iter()
        .flat_map(|name| {
            let path =
                FilePath::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/captures/{name}.jsonl.gz"));
            let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())));
            lines.split(b'\n').map(Result::unwrap).step_by(step).collect::<Vec<_>>()
        })
        .collect()
}

/// Checks that a value says what `serde_json` says, all the way down.
fn agree(value: Value<'_>, expected: &serde_json::Value) {
    match expected {
        serde_json::Value::Null => assert_eq!(value.kind(), Kind::Null),
        serde_json::Value::Bool(b) => assert_eq!(value.as_bool(), Some(*b)),
        serde_json::Value::Number(n) => {
            assert_eq!(value.as_i64(), n.as_i64());
            let (ours, theirs) = (value.as_f64().unwrap(), n.as_f64().unwrap());
            assert!((ours - theirs).abs() <= theirs.abs() * 1e-15, "{ours} {theirs}");
        }
        serde_json::Value::String(text) => {
            assert_eq!(value.as_str().as_deref(), Some(text.as_str()));
            assert!(value.is_str(text));
        }
        serde_json::Value::Array(items) => {
            assert_eq!(value.items().count(), items.len());
            for (i, item) in items.iter().enumerate() {
                agree(value.item(i).unwrap(), item);
            }
            assert_eq!(value.item(items.len()), None);
        }
        serde_json::Value::Object(fields) => {
            assert_eq!(value.kind(), Kind::Object);
            for (key, field) in fields {
                agree(value.get(key).unwrap(), field);
            }
            assert!(value.entries().all(|(key, _)| fields.contains_key(&*key)));
        }
    }
}

/// Every path through a value, with what stands there.
fn paths<'v>(
    value: &'v serde_json::Value,
    here: &mut Vec<Step>,
    out: &mut Vec<(Path, &'v serde_json::Value)>,
) {
    out.push((Path::new(here.clone()), value));
    let children: Vec<(Step, &serde_json::Value)> = match value {
        serde_json::Value::Array(items) => {
            items.iter().enumerate().map(|(i, v)| (Step::Index(i), v)).collect()
        }
        serde_json::Value::Object(fields) => fields.iter().map(|(k, v)| (Step::Key(k.clone()), v)).collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        here.push(step);
        paths(child, here, out);
        here.pop();
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec!["", "get", "pods", "system:masters", "a\"b\\c", "<&>\u{2028}", "\u{0}\n\u{7f}", "\u{fffd}", "a.b/c"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Random JSON; some of its keys are those of an event.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let key = prop_oneof![
        word(),
        select(vec!["kind", "verb", "user", "requestObject", "items"]).prop_map(str::to_owned)
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e300..1e300f64).prop_map(Into::into),
        word().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Into::into),
            vec((key.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn words() -> impl Strategy<Value = Vec<String>> {
    vec(word(), 0..4)
}

fn user() -> impl Strategy<Value = UserInfo> {
    (word(), word(), words(), btree_map(word(), option::of(words()), 0..3))
        .prop_map(|(username, uid, groups, extra)| UserInfo { username, uid, groups, extra })
}

fn reference() -> impl Strategy<Value = ObjectReference> {
    [word(), word(), word(), word(), word(), word(), word(), word()].prop_map(|words| {
        let [resource, namespace, name, uid, api_group, api_version, resource_version, subresource] = words;
        ObjectReference {
            resource,
            namespace,
            name,
            uid,
            api_group,
            api_version,
            resource_version,
            subresource,
        }
    })
}

fn status() -> impl Strategy<Value = Status> {
    let cause =
        [word(), word(), word()].prop_map(|[reason, message, field]| StatusCause { reason, message, field });
    let details = ([word(), word(), word(), word()], vec(cause, 0..3), any::<i32>()).prop_map(
        |([name, group, kind, uid], causes, retry_after_seconds)| StatusDetails {
            name,
            group,
            kind,
            uid,
            causes,
            retry_after_seconds,
        },
    );
    let metadata = ([word(), word(), word()], option::of(any::<i64>())).prop_map(
        |([self_link, resource_version, r#continue], remaining_item_count)| ListMeta {
            self_link,
            resource_version,
            r#continue,
            remaining_item_count,
        },
    );
    ([word(), word(), word(), word(), word()], metadata, option::of(details), any::<i32>()).prop_map(
        |([kind, api_version, status, message, reason], metadata, details, code)| Status {
            kind,
            api_version,
            metadata,
            status,
            message,
            reason,
            details,
            code,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let time = || {
        let range = MicroTime::MIN.as_micros()..=MicroTime::MAX.as_micros();
        option::of(
            range
                .prop_map(MicroTime::from_micros)
                .prop_filter("written as null", |&time| time != MicroTime::GO_ZERO),
        )
    };
    let body =
        || option::of(json().prop_map(|json| Raw::new(serde_json::to_vec_pretty(&json).unwrap()).unwrap()));
    let who = (user(), option::of(user()), option::of(word()), words(), word());
    let what = (option::of(reference()), option::of(status()), body(), body());
    let when = (time(), time(), btree_map(word(), word(), 0..4));
    let level = option::of(select(Level::ALL.to_vec()));
    (level, option::of(select(Stage::ALL.to_vec())), [word(), word(), word()], who, what, when).prop_map(
        |(level, stage, [audit_id, request_uri, verb], who, what, when)| Event {
            level,
            audit_id,
            stage,
            request_uri,
            verb,
            user: who.0,
            impersonated_user: who.1,
            authentication_metadata: who
                .2
                .map(|impersonation_constraint| AuthenticationMetadata { impersonation_constraint }),
            source_ips: who.3,
            user_agent: who.4,
            object_ref: what.0,
            response_status: what.1,
            request_object: what.2,
            response_object: what.3,
            request_received_timestamp: when.0,
            stage_timestamp: when.1,
            annotations: when.2,
        },
    )
}

/// Does everything that can be done to bytes; what it gives does not matter, only that it comes back.
fn survive(bytes: &[u8]) {
    let _ = Event::from_json(bytes);
    let _ = Raw::new(bytes);
    let mut events = Events::with_limit(bytes, 1000);
    while let Some(next) = events.next() {
        if let Ok(event) = next {
            let _ = Event::from_view(&event.view);
            read_all(&event.view);
        }
    }
    if let Ok(view) = EventView::parse(bytes) {
        read_all(&view);
        let standalone = view.standalone();
        assert!(EventView::parse(&standalone).is_ok());
        let mut short = Vec::new();
        view.write_without_bodies(&mut short);
        let short = EventView::parse(&short).unwrap();
        for key in ["auditID", "verb", "user", "objectRef", "annotations", "later"] {
            assert_eq!(short.get(key), view.get(key));
        }
        // What serde_json takes is valid, and what is valid and UTF-8 reads the same.
        if let Ok(expected) = serde_json::from_slice::<serde_json::Value>(bytes) {
            view.validate().unwrap();
            agree(view.object(), &expected);
        }
    }
}

fn read_all(view: &EventView<'_>) {
    let _ =
        (view.kind(), view.api_version(), view.level(), view.stage(), view.audit_id(), view.request_uri());
    let _ =
        (view.verb(), view.user_agent(), view.impersonated_user(), view.object_ref(), view.response_code());
    let _ =
        (view.request_received(), view.stage_time(), view.annotation("a"), view.validate(), view.get("x"));
    let _ = view.user().groups().count() + view.user().extra().count() + view.source_ips().count();
    let _ = view.annotations().count() + view.unknown_fields().count();
    walk(view.object(), 0);
}

fn walk(value: Value<'_>, depth: usize) {
    let _ = (
        value.as_str(),
        value.as_bool(),
        value.as_i64(),
        value.as_f64(),
        value.is_str("get"),
        value.validate(),
    );
    if depth < 20 {
        value.items().for_each(|item| walk(item, depth + 1));
        value.entries().for_each(|(_, field)| walk(field, depth + 1));
    }
}

proptest! {
    #[test]
    fn an_event_reads_back_as_it_was_written(event in event()) {
        let json = event.to_json();
        let compact = |raw: &Option<Raw>| raw.as_ref().map(|raw| serde_json::from_slice::<serde_json::Value>(raw.as_bytes()).unwrap());
        let back = Event::from_json(&json).unwrap();
        prop_assert_eq!(compact(&back.request_object), compact(&event.request_object));
        prop_assert_eq!(compact(&back.response_object), compact(&event.response_object));
        prop_assert_eq!(back.to_json(), json.clone());
        let bare = |event: Event| Event { request_object: None, response_object: None, ..event };
        prop_assert_eq!(bare(back), bare(event.clone()));

        // `serde_json` reads the same out of it, and the view as well.
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(value["user"].get("username").and_then(|v| v.as_str()).unwrap_or(""), &event.user.username);
        let view = EventView::parse(&json).unwrap();
        agree(view.object(), &value);
        let groups: Vec<String> = view.user().groups().map(Into::into).collect();
        prop_assert_eq!(groups, event.user.groups.clone());
        let annotations: BTreeMap<String, String> =
            view.annotations().map(|(key, value)| (key.into(), value.as_str().unwrap().into())).collect();
        prop_assert_eq!(annotations, event.annotations.clone());
        prop_assert!(!json.iter().any(|byte| b"<>&\n".contains(byte)));
        let _ = event.to_legacy_line(None);
    }

    #[test]
    fn a_view_agrees_with_serde_json_at_every_path(fields in vec((word(), json()), 0..6), body in json(), pretty: bool) {
        let mut object: serde_json::Map<_, _> = fields.into_iter().collect();
        object.insert("requestObject".into(), body);
        let value = serde_json::Value::Object(object);
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let view = EventView::parse(&text).unwrap();
        prop_assert_eq!(view.validate(), Ok(()));
        let mut all = Vec::new();
        paths(&value, &mut Vec::new(), &mut all);
        for (path, expected) in all {
            agree(view.path(&path).unwrap(), expected);
            if !path.steps().is_empty() {
                prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        survive(&bytes);
    }

    #[test]
    fn anything_that_looks_like_json_is_survived(
        parts in vec(select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\n", " ", "\"kind\":\"Event\"", "\"verb\"", "1", "-", "null",
            "\"items\"", "EventList", "{\"kind\":\"Event\"}", "\u{feff}", "\u{1f}", "\\u12", "e"]), 0..40),
    ) {
        survive(parts.concat().as_bytes());
    }

    #[test]
    fn mutations_of_a_real_line_are_survived(
        line in select(captured(97)),
        edits in vec((any::<prop::sample::Index>(), select(b"{}[]\",:\\\n0 \xff\x00n".to_vec()), 0..3u8), 1..6),
    ) {
        let mut line = line;
        for (index, byte, how) in edits {
            let at = index.index(line.len().max(1));
            match how {
                0 if !line.is_empty() => line[at] = byte,
                1 => line.insert(at.min(line.len()), byte),
                _ if !line.is_empty() => drop(line.drain(at..line.len().min(at + 7))),
                _ => {}
            }
        }
        survive(&line);
    }

    #[test]
    fn numbers_are_checked_as_serde_json_checks_them(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?[ x]?") {
        let ours = Value::parse(text.as_bytes()).is_ok();
        prop_assert_eq!(ours, serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn a_check_agrees_with_serde_json(
        parts in vec(select(vec!["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\n\"", "1", "null", " ", "true", "\"\\q\""]), 0..12),
    ) {
        let text = parts.concat();
        let ours = Value::parse(text.as_bytes()).and_then(Value::validate).is_ok();
        prop_assert_eq!(ours, serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
    }
}
