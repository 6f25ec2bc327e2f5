//! What is answered when all is well.

use auditward_server::ports::AlertState;
use auditward_server::{Role, openapi};
use serde_json::json;

use crate::client::{ask, connect, get, hear, say};
use crate::fakes::{Running, alert};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn events_go_in_and_are_found() {
    let running = Running::open();
    let body = b"{\"auditID\":\"one\"}\n{\"auditID\":\"two\"}";
    let answer = ask(running.address, "POST", "/ingest/prod?timeout=30s", &[JSON], body);
    assert_eq!((answer.status, answer.json()), (200, json!({"taken": 2, "repeated": 0})));
    assert_eq!(running.fake.taken.lock().unwrap()[0], ("prod".into(), "local".into(), body.to_vec()));

    let page = get(running.address, "/api/v1/events?limit=1").json();
    assert_eq!(
        page,
        json!({"events": [{"position": 1, "cluster": "prod", "event": {"auditID": "two"}}], "next": "1"})
    );
    let page = get(running.address, "/api/v1/events?limit=1&after=1").json();
    assert_eq!((&page["events"][0]["event"]["auditID"], &page["next"]), (&json!("one"), &json!(null)));
    let page = get(running.address, "/api/v1/events?q=tw%6f&order=oldest").json();
    assert_eq!(page["events"].as_array().unwrap().len(), 1);

    assert_eq!(get(running.address, "/api/v1/events/one").json()["events"][0]["position"], 0);
    assert_eq!(get(running.address, "/api/v1/events/one?cluster=other").status, 404);
    assert_eq!(get(running.address, "/api/v1/events/th%2Free").status, 404);
    assert_eq!(get(running.address, "/api/v1/count").json(), json!({"count": 2}));
    assert_eq!(get(running.address, "/api/v1/histogram?buckets=9").json()["width"], 9);
    assert_eq!(
        get(running.address, "/api/v1/facets/verb").json()["values"][0],
        json!({"value": "verb/10", "count": 2})
    );
    assert_eq!(get(running.address, "/api/v1/fields").json()["fields"][0]["name"], "verb");
    assert_eq!(
        get(running.address, "/api/v1/fields/ns/values?prefix=a&limit=2").json(),
        json!({"values": ["ns/a/2"]})
    );
}

#[test]
fn gzip_is_unpacked() {
    let running = Running::open();
    let body = crate::refusals::gzip(b"{}");
    let headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/x-ndjson")];
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &headers, &body).status, 200);
    assert_eq!(running.fake.taken.lock().unwrap()[0].2, b"{}");
}

#[test]
fn sql_comes_in_pieces() {
    let running = Running::open();
    let asked = |body: &str| ask(running.address, "POST", "/api/v1/sql", &[JSON], body.as_bytes());
    let answer = asked(r#"{"sql": "select 1"}"#);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.body, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(
        asked(r#"{"sql": "select 1", "format": "csv"}"#).header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let answer = asked(r#"{"sql": "wrong"}"#);
    assert_eq!((answer.status, &answer.json()["where"]), (400, &json!("body, `sql`")));
    assert_eq!(asked(r#"{"sql": "select 1", "format": "xml"}"#).status, 400);
    // An answer that broke off has no last chunk.
    let mut stream = connect(running.address);
    say(&mut stream, "POST", "/api/v1/sql", &[JSON], br#"{"sql": "breaks"}"#);
    let mut text = Vec::new();
    _ = std::io::Read::read_to_end(&mut stream, &mut text);
    assert!(!String::from_utf8_lossy(&text).ends_with("0\r\n\r\n"));
}

#[test]
fn alerts_are_listed_and_triaged() {
    let running = Running::open();
    *running.fake.alert.lock().unwrap() = Some(alert());
    assert_eq!(get(running.address, "/api/v1/alerts").json()["alerts"][0]["id"], "a1");
    get(
        running.address,
        "/api/v1/alerts?state=open,closed&severity=high&rule=r&cluster=c&since=2h&until=1h&limit=3&before=9",
    );
    assert_eq!(
        *running.fake.filters.lock().unwrap(),
        [
            "AlertFilter { states: [], severity: None, rule: None, cluster: None, since: None, until: None } None 50",
            "AlertFilter { states: [Open, Closed], severity: Some(\"high\"), rule: Some(\"r\"), cluster: Some(\"c\"), \
             since: Some(\"2h\"), until: Some(\"1h\") } Some(9) 3",
        ]
    );
    assert_eq!(get(running.address, "/api/v1/alerts/a1").json()["severity"], "high");
    assert_eq!(get(running.address, "/api/v1/alerts/a2").status, 404);

    let post = |path: &str, body: &str| ask(running.address, "POST", path, &[JSON], body.as_bytes());
    assert_eq!(post("/api/v1/alerts/a1/acknowledge", "").json()["state"], "acknowledged");
    let refused = post("/api/v1/alerts/a1/close", r#"{"note": " "}"#);
    assert_eq!((refused.status, &refused.json()["what"]), (400, &json!("a note is missing")));
    let closed = post("/api/v1/alerts/a1/close", r#"{"note": "a test of ours"}"#).json();
    assert_eq!(closed["history"][1]["note"], "a test of ours");
    assert_eq!(closed["history"][1]["by"], "local");
    assert_eq!(post("/api/v1/alerts/a1/reopen", "{}").json()["state"], "open");
    assert_eq!(post("/api/v1/alerts/a2/reopen", "{}").status, 404);
    assert_eq!(running.fake.alert.lock().unwrap().as_ref().unwrap().state, AlertState::Open);
}

#[test]
fn rules_and_health() {
    let running = Running::open();
    assert_eq!(get(running.address, "/api/v1/rules").json()["rules"][0]["id"], "secrets-read");
    assert_eq!(get(running.address, "/api/v1/rules/secrets-read").json()["text"], "id: secrets-read");
    assert_eq!(get(running.address, "/api/v1/rules/other").status, 404);
    assert_eq!(get(running.address, "/healthz").json(), json!({"ok": true}));
    let ready = get(running.address, "/readyz").json();
    assert_eq!(ready, json!({"ok": true, "parts": [{"name": "journal", "ready": true}]}));
    running.fake.unready.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = get(running.address, "/readyz");
    assert_eq!((answer.status, &answer.json()["parts"][0]["why"]), (503, &json!("it is full")));
    // Strangers are told whether, not why.
    let token = running.token(Role::Read, None);
    assert_eq!(get(running.address, "/readyz").json(), json!({"ok": false}));
    let bearer = format!("Bearer {token}");
    let known = ask(running.address, "GET", "/readyz", &[("Authorization", &bearer)], b"");
    assert_eq!(known.json()["parts"][0]["why"], "it is full");
    assert_eq!(get(running.address, "/metrics").status, 401);
    let metrics = ask(running.address, "GET", "/metrics", &[("Authorization", &bearer)], b"").body;
    assert!(metrics.starts_with("# HELP fake_total"));
    assert!(
        metrics.contains("auditward_http_requests_total{route=\"/api/v1/rules/{id}\",status=\"404\"} 1\n")
    );
    assert!(metrics.contains("auditward_http_connections_max "));
}

#[test]
fn followers_are_told() {
    let running = Running::start(|config| config.limits.heartbeat = std::time::Duration::from_millis(20));
    let body = b"{\"auditID\":\"one\"}\n{\"auditID\":\"two\"}";
    ask(running.address, "POST", "/ingest/prod", &[JSON], body);
    assert_eq!(get(running.address, "/api/v1/live?q=wrong").status, 400);
    let mut stream = connect(running.address);
    say(&mut stream, "GET", "/api/v1/live", &[("Last-Event-ID", "0")], b"");
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !(text.contains("two") && text.contains("nothing new")) {
        let length = std::io::Read::read(&mut stream, &mut buffer).unwrap();
        assert_ne!(length, 0, "{text}");
        text += &String::from_utf8_lossy(&buffer[..length]);
    }
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    assert!(
        text.contains(
            "event: event\nid: 1\ndata: {\"position\":1,\"cluster\":\"prod\",\"event\":{\"auditID\":\"two\"}}"
        ),
        "{text}"
    );
    assert!(!text.contains("\"one\""), "{text}");
    // It ends when the server stops, and does not hold it up.
    let server = {
        let mut running = running;
        running.server.take().unwrap()
    };
    assert!(server.stop(crate::client::PATIENCE));
    hear_rest(&mut stream);
}

fn hear_rest(stream: &mut impl std::io::Read) {
    let mut rest = Vec::new();
    _ = stream.read_to_end(&mut rest);
}

#[test]
fn the_description_is_written_down_and_has_every_route() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, openapi()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == openapi(), "`UPDATE_EXPECT=1 cargo test -p auditward-server` writes {path} anew");
    let described: serde_json::Value = serde_json::from_str(&written).unwrap();
    let operations =
        described["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let mut described: Vec<_> = described["paths"].as_object().unwrap().keys().cloned().collect();
    described.push("/openapi.json".to_owned());
    let routes = include_str!("../../src/routes.rs");
    let mut routes: Vec<_> = routes
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    routes.sort();
    described.sort();
    assert_eq!(routes, described);
    let running = Running::open();
    let mut stream = connect(running.address);
    say(&mut stream, "GET", "/openapi.json", &[], b"");
    assert_eq!(hear(&mut stream).body, written);
}
