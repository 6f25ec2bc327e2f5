//! Webhooks and what comes in their way.

use std::fs;
use std::io;
use std::time::Duration;

use auditward_notify::{FailureKind, Notifier, Settings, StartError, Stopped};
use serde_json::{Value, json};

use crate::support::{Alerts, Does, Folder, Server, no, ok, start, status, targets};

/// Failures are over soon.
fn retry() -> Value {
    json!({ "first": "5ms", "longest": "20ms", "tries_max": 3 })
}

fn ids(body: &Value) -> Vec<u64> {
    let id = |alert: &Value| u64::from_str_radix(alert["id"].as_str().unwrap(), 16).unwrap();
    body["alerts"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn a_delivery_is_what_the_docs_say() {
    let (folder, server, feed) = (Folder::new("delivery"), Server::new([ok()]), Alerts::new());
    let token = folder.file("token", "geheim\n");
    let config = json!({ "hook": {
        "webhook": {
            "url": server.url("/in?key=1"), "headers": { "X-Team": "blue" }, "http": { "token_file": token },
        },
        "group": { "by": ["cluster"] },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.sent == 2);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.starts_with("POST /in?key=1 HTTP/1.1\n"), "{}", seen[0].head);
    assert_eq!(seen[0].header("authorization"), Some("Bearer geheim"));
    assert_eq!(seen[0].header("x-team"), Some("blue"));
    let body = seen[0].json();
    assert_eq!(seen[0].header("idempotency-key"), body["delivery"].as_str());
    assert_eq!(ids(&body), [1, 2]);
    assert_eq!(body["alerts"][0]["user"], "alice");
    let rest = (&body["version"], &body["target"], &body["test"], &body["repeat"], &body["group"]);
    assert_eq!(rest, (&json!(1), &json!("hook"), &json!(false), &json!(0), &json!({ "cluster": "prod" })));
    // A secret that has changed is read anew.
    folder.file("token", "neu");
    feed.add(1);
    notifier.wake();
    assert_eq!(server.wait(2)[1].header("authorization"), Some("Bearer neu"));
    assert_eq!(notifier.stop(Duration::from_secs(10)), Stopped::Cleanly);
}

#[test]
fn text_for_chats() {
    let (folder, server, feed) = (Folder::new("chat"), Server::new([ok()]), Alerts::new());
    let url = folder.file("url", &server.url("/services/secret"));
    let config = json!({ "chat": { "webhook": { "url_file": url, "body": "text" } } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(2);
    notifier.wake();
    let text = "2026-07-25T17:20:00.000001Z warning prod rule-1: alice listed secrets, number 1\n\
                2026-07-25T17:20:00.000002Z warning prod rule-2: alice listed secrets, number 2";
    assert_eq!(server.wait(1)[0].json(), json!({ "text": text }));
}

#[test]
fn whatever_goes_wrong_for_a_while_is_tried_again_as_the_same_delivery() {
    let (folder, feed) = (Folder::new("again"), Alerts::new());
    let server = Server::new([no(500), Does::Close, no(429), Does::Hang, no(401), no(302), ok()]);
    let config = json!({ "hook": {
        "webhook": { "url": server.url("/"), "http": { "timeout": "300ms" } }, "retry": retry(),
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    let status = status(&notifier, |status| status.sent == 1);
    assert_eq!((status.failed, status.failing, status.dead, status.queued), (6, 0, 0, 0));
    let seen = server.seen();
    assert_eq!(seen.len(), 7);
    assert!(seen.iter().all(|request| request.body == seen[0].body));
}

#[test]
fn nobody_is_asked_before_the_time_it_named() {
    let (folder, feed) = (Folder::new("later"), Alerts::new());
    let server = Server::new([Does::Answer(429, "Retry-After: 1\r\n", String::new()), ok()]);
    let config = json!({ "hook": { "webhook": { "url": server.url("/") }, "retry": retry() } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    let seen = server.wait(2);
    assert!(seen[1].at - seen[0].at >= Duration::from_millis(990));
}

#[test]
fn what_is_refused_is_put_aside_with_the_reason() {
    let (folder, feed) = (Folder::new("refused"), Alerts::new());
    let refusal = || Does::Answer(400, "", "no such \u{1b}field: geheim-geheim at /path-geheim".to_owned());
    let server = Server::new([refusal(), ok(), refusal(), refusal(), ok()]);
    let config = json!({ "hook": {
        "webhook": { "url": server.url("/path-geheim"), "headers": { "X-Key": "geheim-geheim" } },
        "retry": { "first": "400ms", "longest": "400ms", "tries_max": 3 }, "group": { "size_max": 1 },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(2);
    notifier.wake();
    let status = status(&notifier, |status| status.dead == 1);
    assert_eq!((status.sent, status.queued, status.failed), (1, 0, 3));
    let dead = fs::read_to_string(folder.path().join("hook.dead.jsonl")).unwrap();
    let dead: Value = serde_json::from_str(&dead).unwrap();
    let reason = format!("http://{} answered HTTP 400: no such  field: (hidden) at (hidden)", server.address);
    assert_eq!((dead["reason"].as_str(), &dead["alert"]["user"]), (Some(reason.as_str()), &json!("alice")));
    assert_eq!(status.last_error.map(|error| error.what), Some(reason));
    // The second went while the first was being refused.
    let tries: Vec<u64> = server.seen().iter().map(|request| ids(&request.json())[0]).collect();
    assert_eq!(tries, [1, 2, 1, 1]);
}

#[test]
fn after_a_stop_it_goes_on_where_it_was() {
    let (folder, server, feed) = (Folder::new("stop"), Server::new([ok()]), Alerts::new());
    // What was there before the target is not for it.
    feed.add(3);
    let config = json!({ "hook": { "webhook": { "url": server.url("/") }, "group": { "wait": "1h" } } });
    let notifier = start(folder.path(), config.clone(), &feed);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.queued == 2);
    assert_eq!(notifier.stop(Duration::from_secs(10)), Stopped::Cleanly);
    feed.add(1);
    let mut config = config;
    config["hook"]["group"]["wait"] = "0s".into();
    let notifier = start(folder.path(), config, &feed);
    status(&notifier, |status| status.sent == 3);
    let all: Vec<u64> = server.seen().iter().flat_map(|request| ids(&request.json())).collect();
    assert_eq!(all, [4, 5, 6]);
}

#[test]
fn a_stop_does_not_wait_for_those_that_hang() {
    let (folder, server, feed) = (Folder::new("hang"), Server::new([Does::Hang]), Alerts::new());
    let config = json!({ "hook": { "webhook": { "url": server.url("/") } } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    server.wait(1);
    assert_eq!(notifier.stop(Duration::ZERO), Stopped::Waiting(vec!["hook".to_owned()]));
}

#[test]
fn a_slow_target_holds_up_no_other() {
    let (folder, slow, fast) = (Folder::new("slow"), Server::new([Does::Hang]), Server::new([ok()]));
    let feed = Alerts::new();
    let config = json!({
        "a-slow": { "webhook": { "url": slow.url("/") } },
        "b-fast": { "webhook": { "url": fast.url("/") }, "group": { "size_max": 1 } },
    });
    let notifier = start(folder.path(), config, &feed);
    feed.add(50);
    notifier.wake();
    slow.wait(1);
    fast.wait(50);
    notifier.stop(Duration::ZERO);
}

#[test]
fn an_alert_is_told_again_until_the_times_are_over() {
    let (folder, server, feed) = (Folder::new("repeat"), Server::new([ok()]), Alerts::new());
    let config = json!({ "hook": {
        "webhook": { "url": server.url("/") }, "group": { "repeat": "1s", "repeat_max": 2 },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    let status = status(&notifier, |status| status.repeated == 2);
    assert_eq!((status.sent, status.queued), (1, 0));
    let repeats: Vec<Value> = server.seen().iter().map(|request| request.json()["repeat"].clone()).collect();
    assert_eq!(repeats, [0, 1, 2]);
}

#[test]
fn falcosidekick_gets_one_alert_a_request_with_falcos_keys() {
    let (folder, server, feed) = (Folder::new("falco"), Server::new([ok()]), Alerts::new());
    let config = json!({ "falco": {
        "falcosidekick": { "url": server.url("/"), "fields": { "stage": "prod" } },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.sent == 2);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let expected = json!({
        "output": "Warning: alice listed secrets, number 1",
        "priority": "Warning",
        "rule": "Secrets listed",
        "time": "2026-07-25T17:20:00.000001Z",
        "source": "k8s_audit",
        "hostname": "prod",
        "tags": [],
        "uuid": "00000000-0000-0000-0000-000000000001",
        "output_fields": {
            "auditward.id": "00000000000000000000000000000001",
            "auditward.rule": "rule-1",
            "auditward.cluster": "prod",
            "stage": "prod",
        },
    });
    assert_eq!(seen[0].json(), expected);
}

#[test]
fn a_test_alert_says_that_it_is_one_and_what_came_of_it() {
    let (folder, server) = (Folder::new("test"), Server::new([ok(), no(403)]));
    let config = json!({
        "hook": { "webhook": { "url": server.url("/") }, "severity": "emergency" },
        "gone": { "webhook": { "url": "http://127.0.0.1:1/geheim" } },
        "locked": { "webhook": { "url": server.url("/"), "http": { "token_file": "/nonexistent/token" } } },
    });
    let notifier = start(folder.path(), config, &Alerts::new());
    assert!(notifier.test("nobody").is_none());
    let tested = notifier.test("hook").unwrap();
    assert_eq!(tested.answer, Ok("HTTP 200".to_owned()));
    let body = server.seen()[0].json();
    assert_eq!((&body["test"], &body["alerts"][0]["id"]), (&json!(true), &json!(tested.id)));
    let failure = notifier.test("hook").unwrap().answer.unwrap_err();
    assert_eq!(failure.reason, format!("http://{} answered HTTP 403: no", server.address));
    assert_eq!(failure.kind, FailureKind::Closed);
    let gone = notifier.test("gone").unwrap().answer.unwrap_err();
    assert!(gone.reason.starts_with("http://127.0.0.1:1 could not be asked: "), "{gone}");
    assert!(!gone.reason.contains("geheim"), "{gone}");
    let locked = notifier.test("locked").unwrap().answer.unwrap_err();
    assert!(locked.reason.starts_with("could not read `/nonexistent/token`"), "{locked}");
}

#[test]
fn what_cannot_work_does_not_start() {
    let folder = Folder::new("start");
    let start = |config: Value| {
        let settings = Settings {
            targets: targets(config),
            folder: folder.path().to_owned(),
            stdout: Box::new(io::sink()),
        };
        let feed: std::sync::Arc<dyn auditward_notify::Feed> = Alerts::new();
        Notifier::start(settings, &feed).err().unwrap()
    };
    assert!(matches!(start(json!({ "a": {} })), StartError::Mistakes(_)));
    let ca = json!({ "a": { "webhook": { "url": "https://x/", "http": { "ca_file": "/nonexistent" } } } });
    assert!(matches!(start(ca), StartError::Target { .. }));
    folder.file("a.json", "{}");
    let error = start(json!({ "a": { "stdout": {} } }));
    assert!(matches!(error, StartError::Queue { .. }), "{error}");
}
