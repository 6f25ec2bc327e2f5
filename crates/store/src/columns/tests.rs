use std::io::Read as _;
use std::path::Path;

use auditward_event::{Events, MicroTime};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn row(event: &[u8]) -> Row<'_> {
    Row { position: 7, cluster: "test", received: MicroTime::from_micros(1), event }
}

struct Seen {
    event: Vec<u8>,
    rest: Option<String>,
    is_raw: bool,
}

fn through(event: &[u8], keep_raw: bool) -> Seen {
    let mut encoder = Encoder::new(keep_raw);
    encoder.push(&row(event));
    let batch = encoder.finish();
    let rebuilder = Rebuilder::new(&batch).unwrap();
    let mut out = Vec::new();
    rebuilder.rebuild(0, &mut out);
    let rest = batch.column_by_name("rest").unwrap();
    let rest = arrow::array::AsArray::as_string_view(rest).iter().next().flatten().map(str::to_owned);
    Seen { event: out, rest, is_raw: rebuilder.is_raw(0) }
}

/// What comes back says the same, and with `keep_raw` it is the same.
fn same(event: &[u8]) -> Seen {
    let seen = through(event, false);
    if let Ok(before) = serde_json::from_slice::<Json>(event) {
        let after: Json = serde_json::from_slice(&seen.event)
            .unwrap_or_else(|e| panic!("{e}: {} of {}", seen.event.escape_ascii(), event.escape_ascii()));
        assert_eq!(after, before, "{}", event.escape_ascii());
    } else {
        // What Go lets through and serde does not: at least nothing may be lost.
        assert!(seen.is_raw || seen.rest.is_some() || seen.event == event, "{}", event.escape_ascii());
    }
    let kept = through(event, true);
    assert_eq!(kept.event.escape_ascii().to_string(), event.escape_ascii().to_string());
    seen
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let mut text = Vec::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
    } else {
        text = bytes;
    }
    let mut events = Events::new(text.as_slice());
    let mut all = Vec::new();
    while let Some(event) = events.next() {
        all.extend(event.map(|event| event.view.as_bytes().to_vec()));
    }
    all
}

fn captures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = [
        "../event/testdata/captures/full.jsonl.gz",
        "../event/testdata/captures/guide.jsonl.gz",
        "../../examples/audit.log.gz",
    ];
    all.iter().flat_map(|path| lines(&folder.join(path))).collect()
}

#[test]
fn a_key_with_a_broken_escape_is_kept_as_it_came() {
    for key in
        [r"\authorization.k8s.io/decision", r"a\uthorization.k8s.io/decision", r"\uthorization.k8s.io/reason"]
    {
        let seen = same(
            format!(r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","annotations":{{"{key}":"allow"}}}}"#)
                .as_bytes(),
        );
        assert!(seen.is_raw || seen.rest.is_some());
    }
}

#[test]
fn what_an_api_server_wrote_comes_back_byte_for_byte_and_costs_nothing_more() {
    let (mut all, mut left) = (0, 0);
    for event in captures() {
        let seen = same(&event);
        assert_eq!(seen.event.escape_ascii().to_string(), event.escape_ascii().to_string());
        assert!(!through(&event, true).is_raw);
        all += 1;
        left += usize::from(seen.rest.is_some());
    }
    assert!(all > 6000, "{all}");
    // `"user":{}` of requests that nobody was recognised in.
    assert!(left * 100 < all, "{left} of {all}");
}

/// Where the corpus is there: events of other programs and other versions.
#[test]
fn events_of_others_say_the_same_afterwards() {
    let corpus = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        std::path::PathBuf::from,
    );
    let folder = corpus.join("events/falco-trace-files");
    let Ok(found) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no traces at {}", folder.display());
        return;
    };
    for file in found {
        for event in lines(&file.unwrap().path()) {
            same(&event);
        }
    }
}

fn check(event: &str, rest: &str) {
    let seen = same(event.as_bytes());
    let shown = if seen.is_raw { "raw" } else { seen.rest.as_deref().unwrap_or("") };
    assert_eq!(shown, rest, "{event}");
}

fn event(fields: &str) -> String {
    format!(r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1"{fields}}}"#)
}

#[test]
fn what_the_columns_cannot_say_stands_in_rest() {
    check(&event(""), "");
    check(&event(r#","verb":"get""#), "");
    check(&event(r#","verb":null"#), r#"{"verb":null}"#);
    check(&event(r#","verb":7"#), r#"{"verb":7}"#);
    check(&event(r#","verb":"\ud800""#), r#"{"verb":"\ud800"}"#);
    check(&event(r#","level":"None","stage":"""#), "");
    check(&event(r#","novelty":{"a":[1,2.50]},"verb":"get""#), r#"{"novelty":{"a":[1,2.50]}}"#);
    check(&event(r#","user":{}"#), r#"{"user":{}}"#);
    check(&event(r#","user":{"username":"a","age":3}"#), r#"{"user":{"username":"a","age":3}}"#);
    check(
        &event(r#","user":{"username":"a","username":"b"}"#),
        r#"{"user":{"username":"a","username":"b"}}"#,
    );
    check(&event(r#","user":{"groups":["a",1]}"#), r#"{"user":{"groups":["a",1]}}"#);
    check(&event(r#","user":{"groups":[]}"#), "");
    check(&event(r#","user":{"groups":[ ]}"#), r#"{"user":{"groups":[ ]}}"#);
    check(&event(r#","user":"bob""#), r#"{"user":"bob"}"#);
    check(&event(r#","user":{"uid":"1","username":"bob"}"#), "");
    check(&event(r#","user":{"user\u006eame":"bob"}"#), r#"{"user":{"user\u006eame":"bob"}}"#);
    check(&event(r#","sourceIPs":[],"userAgent":"a<b>&\u2028""#), "");
    check(&event(r#","sourceIPs":["1.1.1.1","::1"]"#), "");
    check(&event(r#","responseStatus":{"code":0}"#), "");
    check(&event(r#","responseStatus":{"code":-0}"#), r#"{"responseStatus":{"code":-0}}"#);
    check(&event(r#","responseStatus":{"code":-1}"#), "");
    check(&event(r#","responseStatus":{"code":2e2}"#), r#"{"responseStatus":{"code":2e2}}"#);
    check(&event(r#","responseStatus":{"code":3000000000}"#), r#"{"responseStatus":{"code":3000000000}}"#);
    check(&event(r#","responseStatus":null"#), r#"{"responseStatus":null}"#);
    check(&event(r#","requestObject":null,"responseObject":[1,{"a":1,"a":2}]"#), "");
    check(&event(r#","stageTimestamp":"2026-01-02T03:04:05.123456Z""#), "");
    check(
        &event(r#","stageTimestamp":"2026-01-02T03:04:05Z""#),
        r#"{"stageTimestamp":"2026-01-02T03:04:05Z"}"#,
    );
    check(
        &event(r#","stageTimestamp":"2026-01-02T03:04:05,123456Z""#),
        r#"{"stageTimestamp":"2026-01-02T03:04:05,123456Z"}"#,
    );
    check(&event(r#","stageTimestamp":"today""#), r#"{"stageTimestamp":"today"}"#);
    check(&event(r#","annotations":{}"#), r#"{"annotations":{}}"#);
    check(&event(r#","annotations":{"a":"1","authorization.k8s.io/decision":"allow","b":"2"}"#), "");
    check(&event(r#","annotations":{"authorization.k8s.io/reason":"x","z":1}"#), "");
    check(&event(r#","annotations":{"b":"1","a":"2"}"#), r#"{"annotations":{"b":"1","a":"2"}}"#);
    check(&event(r#","annotations":{"a":"1","a":"2"}"#), r#"{"annotations":{"a":"1","a":"2"}}"#);
    check(
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}"#,
        r#"{"apiVersion":"audit.k8s.io/v1beta1"}"#,
    );
    check(r#" { "verb" : "get" , "apiVersion":"audit.k8s.io/v1", "kind":"Event" } "#, "");
}

#[test]
fn what_is_odd_as_a_whole_is_kept_as_it_came() {
    check("{}", "raw");
    check(r#"{"verb":"get"}"#, "raw");
    check(&event(r#","verb":"get","verb":"list""#), "raw");
    check(&event(r#","x":1,"x":2"#), "raw");
    check(&event(r#","\ud800":1"#), "raw");
    check("", "raw");
    check("no event", "raw");
    check("[]", "raw");
    check(&event(r#","verb":"#), "raw");
    same(b"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"verb\":\"\xff\"}");
    same(b"\xff\xfe");
}

#[test]
fn odd_events_are_found_by_what_they_say() {
    let mut encoder = Encoder::new(false);
    let event =
        br#"{"verb":"get","verb":"list","user":{"username":"a","x":1},"sourceIPs":["1.1.1.1","2.2.2.2"]}"#;
    encoder.push(&row(event));
    encoder.push(&row(b"no event"));
    assert_eq!((encoder.rows(), encoder.bytes()), (2, event.len() + 8));
    let batch = encoder.finish();
    let text = |name: &str| {
        let column = arrow::array::AsArray::as_string_view(batch.column_by_name(name).unwrap());
        column.iter().map(|text| text.unwrap_or("null").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(text("verb"), ["list", "null"]);
    assert_eq!(text("username"), ["a", "null"]);
    assert_eq!(text("source_ip"), ["2.2.2.2", "null"]);
    assert_eq!(text("cluster"), ["test", "test"]);
    let batch = batch.project(&[0, 1, 2]).unwrap();
    let mut out = Vec::new();
    Rebuilder::new(&batch).unwrap().rebuild(0, &mut out);
    assert_eq!(out, br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1"}"#);
    out.clear();
    Rebuilder::new(&batch).unwrap().rebuild(9, &mut out);
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1e3".to_owned()),
        Just("-0".to_owned()),
        "[ -~]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\ud83d\ude00\u00e9\/""#.to_owned()),
        Just(r#""2026-01-02T03:04:05.000001Z""#.to_owned()),
        Just(r#""2026-01-02T03:04:05.000001+01:00""#.to_owned()),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known = [
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "impersonatedUser",
        "authenticationMetadata",
        "sourceIPs",
        "userAgent",
        "objectRef",
        "responseStatus",
        "requestObject",
        "responseObject",
        "requestReceivedTimestamp",
        "stageTimestamp",
        "annotations",
        "username",
        "uid",
        "groups",
        "extra",
        "resource",
        "namespace",
        "name",
        "apiGroup",
        "resourceVersion",
        "subresource",
        "code",
        "status",
        "message",
        "reason",
        "details",
        "metadata",
        "authorization.k8s.io/decision",
        "authorization.k8s.io/reason",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(|key| format!("\"{key}\"")),
        1 => "[a-c]".prop_map(|key| format!("\"{key}\"")),
        1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ]
}

fn json() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 24, 5, |inner| {
        let space = || prop_oneof![9 => Just(""), 1 => Just(" ")];
        let array = (prop::collection::vec(inner.clone(), 0..4), space())
            .prop_map(|(items, space)| format!("[{space}{}]", items.join(",")));
        let object = (prop::collection::vec((key(), inner), 0..5), space()).prop_map(|(fields, space)| {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{space}{value}")).collect();
            format!("{{{space}{}}}", fields.join(","))
        });
        prop_oneof![array, object]
    })
}

proptest! {
    #[test]
    fn any_event_says_the_same_afterwards(
        standard in any::<bool>(),
        fields in prop::collection::vec((key(), json()), 0..8),
    ) {
        let head = [r#""kind":"Event""#.to_owned(), r#""apiVersion":"audit.k8s.io/v1""#.to_owned()];
        let head = if standard { &head[..] } else { &[] };
        let fields = fields.iter().map(|(key, value)| format!("{key}:{value}"));
        let fields: Vec<String> = head.iter().cloned().chain(fields).collect();
        same(format!("{{{}}}", fields.join(",")).as_bytes());
    }

    #[test]
    fn any_damage_to_an_event_loses_nothing(at in 0usize..900, byte: u8, which in 0usize..40) {
        let event = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/x?a=b\u0026c","verb":"get","user":{"username":"u","uid":"1","groups":["g","h"],"extra":{"a":["b"]}},"sourceIPs":["10.0.0.1"],"userAgent":"k/1","objectRef":{"resource":"pods","namespace":"n","name":"m","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-11-23T21:01:14.542686Z","stageTimestamp":"2026-11-23T21:01:14.547480Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}"#;
        let mut event = event.to_vec();
        let at = at % event.len();
        match which % 3 {
            0 => event[at] = byte,
            1 => _ = event.remove(at),
            _ => event.insert(at, byte),
        }
        let seen = same(&event);
        // Read again, it is the same to whoever reads it as we do.
        if let (Ok(before), Ok(after)) = (
            auditward_event::EventView::parse(&event),
            auditward_event::EventView::parse(&seen.event),
        ) {
            prop_assert_eq!(before.verb(), after.verb());
            prop_assert_eq!(before.user().username, after.user().username);
            prop_assert_eq!(before.object_ref(), after.object_ref());
            prop_assert_eq!(before.response_code(), after.response_code());
            prop_assert_eq!(before.stage_time(), after.stage_time());
            prop_assert_eq!(before.source_ips().collect::<Vec<_>>(), after.source_ips().collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        same(&bytes);
    }
}
