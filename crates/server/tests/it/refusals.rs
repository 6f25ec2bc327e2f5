//! What is refused, and that nothing else suffers for it.

use std::io::Write as _;
use std::time::Duration;

use auditward_server::Role;
use auditward_server::ports::Refusal;
use serde_json::json;

use crate::client::{ask, get, hear, say};
use crate::fakes::Running;

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn status(running: &Running, method: &str, path: &str, token: Option<&str>) -> u16 {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
    ask(running.address, method, path, &headers, b"").status
}

#[test]
fn each_role_may_what_it_may() {
    let running = Running::open();
    let [ingest, read, triage, admin] =
        Role::ALL.map(|role| running.token(role, (role == Role::Ingest).then_some("prod")));
    for (method, path, expected) in [
        ("POST", "/ingest/prod", [401, 200, 403, 403, 403]),
        ("POST", "/ingest/other", [401, 403, 403, 403, 403]),
        ("GET", "/api/v1/events", [401, 403, 200, 200, 200]),
        ("GET", "/api/v1/alerts", [401, 403, 200, 200, 200]),
        ("GET", "/api/v1/rules", [401, 403, 200, 200, 200]),
        ("GET", "/metrics", [401, 403, 200, 200, 200]),
        ("POST", "/api/v1/alerts/a1/close", [401, 403, 403, 400, 400]),
        ("GET", "/api/v1/tokens", [401, 403, 403, 403, 200]),
        ("GET", "/api/v1/whoami", [401, 200, 200, 200, 200]),
        ("GET", "/healthz", [200, 200, 200, 200, 200]),
        ("GET", "/api/v1/nothing", [404, 404, 404, 404, 404]),
    ] {
        let tokens = [None, Some(&ingest), Some(&read), Some(&triage), Some(&admin)];
        let found = tokens.map(|token| status(&running, method, path, token.map(String::as_str)));
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn a_wrong_token_is_refused_and_not_logged() {
    let running = Running::open();
    let token = running.token(Role::Read, None);
    let (all_but_one, last) = token.split_at(token.len() - 1);
    let wrong = format!("{all_but_one}{}", if last == "0" { "1" } else { "0" });
    for header in [format!("Bearer {wrong}"), format!("Basic {token}"), token.clone(), "Bearer".into()] {
        let answer = ask(running.address, "GET", "/api/v1/rules", &[("Authorization", &header)], b"");
        assert_eq!(answer.status, 401, "{header}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    let large = vec![b' '; 4 << 20];
    let header = [("Authorization", &*format!("Bearer {wrong}"))];
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &header, &large).status, 401);
    let twice = format!("Bearer {token}");
    let headers = [("Authorization", &*twice), ("Authorization", &*twice)];
    assert_eq!(ask(running.address, "GET", "/api/v1/rules", &headers, b"").status, 401);
    status(&running, "GET", &format!("/api/v1/events?q={token}"), Some(&token));
    status(&running, "GET", &format!("/{token}"), Some(&token));
    let said = running.said.lock().unwrap().join("\n");
    assert!(said.contains("read of all GET /api/v1/events 200"), "{said}");
    assert!(!said.contains(&token) && !said.contains(&wrong), "{said}");
}

#[test]
fn tokens_are_made_and_revoked_while_it_runs() {
    let running = Running::open();
    let admin = format!("Bearer {}", running.token(Role::Admin, None));
    let headers = [("Authorization", &*admin), ("Content-Type", "application/json")];
    let made = ask(
        running.address,
        "POST",
        "/api/v1/tokens",
        &headers,
        br#"{"name": "node", "role": "ingest", "cluster": "prod"}"#,
    );
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(status(&running, "POST", "/ingest/prod", Some(secret)), 200);
    let refused =
        ask(running.address, "POST", "/api/v1/tokens", &headers, br#"{"name": "x", "role": "ingest"}"#);
    assert_eq!(refused.status, 400);
    let path = format!("/api/v1/tokens/{}", made["token"]["id"].as_str().unwrap());
    assert_eq!(ask(running.address, "DELETE", &path, &headers, b"").status, 200);
    assert_eq!(ask(running.address, "DELETE", &path, &headers, b"").status, 404);
    assert_eq!(status(&running, "POST", "/ingest/prod", Some(secret)), 401);
}

#[test]
fn what_the_intake_says_is_told() {
    let running = Running::open();
    for (refusal, expected, wait) in [
        (Refusal::Behind { retry_after: Duration::from_millis(2500) }, 429, Some("3")),
        (Refusal::DiskFull, 503, Some("2")),
        (Refusal::TooLarge { message: "an event is too large".into() }, 413, None),
        (Refusal::Bad { message: "line 1 is no event".into() }, 400, None),
        (Refusal::Header { message: "no number".into() }, 400, None),
        (Refusal::Broken("/dev/secret".into()), 500, None),
    ] {
        *running.fake.refusal.lock().unwrap() = Some(refusal);
        let answer = ask(running.address, "POST", "/ingest/prod", &[], b"{}");
        assert_eq!((answer.status, answer.header("retry-after")), (expected, wait));
        assert!(!answer.body.contains("secret"));
    }
    assert!(running.said.lock().unwrap().iter().any(|line| line.contains("/dev/secret")));
}

#[test]
fn bodies_have_their_size_packed_and_unpacked() {
    let running = Running::start(|config| {
        config.limits.body_bytes_max = 10_000;
        config.limits.unpacked_bytes_max = 100_000;
    });
    let send =
        |headers: &[(&str, &str)], body: &[u8]| ask(running.address, "POST", "/ingest/prod", headers, body);
    let packed = [("Content-Encoding", "gzip")];
    assert_eq!(send(&[], &[b' '; 10_000]).status, 200);
    let answer = send(&[], &[b' '; 10_001]);
    assert_eq!((answer.status, &answer.json()["what"]), (413, &json!("a body may have at most 10000 bytes")));
    let mut chunked = b"2711\r\n".to_vec();
    chunked.resize(chunked.len() + 10_001, b' ');
    let mut stream = crate::client::connect(running.address);
    say(&mut stream, "POST", "/ingest/prod", &[("Transfer-Encoding", "chunked")], b"");
    _ = stream.write_all(&chunked);
    assert_eq!(hear(&mut stream).status, 413);
    assert_eq!(send(&packed, &gzip(&vec![b' '; 100_000])).status, 200);
    let answer = send(&packed, &gzip(&vec![b' '; 100_001]));
    assert_eq!(
        (answer.status, &answer.json()["what"]),
        (413, &json!("an unpacked body may have at most 100000 bytes"))
    );
    // A thousand million bytes in ten thousand, were they unpacked.
    let bomb = gzip(&vec![0; 9_000_000]);
    assert!(bomb.len() < 10_000);
    assert_eq!(send(&packed, &bomb).status, 413);
    assert_eq!(send(&packed, b"no gzip").status, 400);
    assert_eq!(send(&packed, &gzip(b"{}")[..10]).status, 400);
    assert_eq!(send(&[("Content-Encoding", "br")], b"{}").status, 415);
    assert_eq!(send(&[("Content-Encoding", "gzip, gzip")], b"{}").status, 415);
    assert_eq!(send(&[("Content-Type", "text/html")], b"{}").status, 415);
    assert_eq!(ask(running.address, "POST", "/ingest/a%20b", &[], b"{}").status, 400);
    // However much was still to be sent, the answer arrives.
    let large = vec![b' '; 8 << 20];
    for _ in 0..5 {
        assert_eq!(send(&[], &large).status, 413);
    }
    // All that was refused has given its room back.
    assert_eq!(send(&packed, &gzip(b"{}")).status, 200);
}

#[test]
fn a_mistake_has_its_place() {
    let running = Running::open();
    let problem = get(running.address, "/api/v1/events?q=wrong");
    assert_eq!(problem.status, 400);
    assert_eq!(
        problem.json(),
        json!({
            "what": "the question is not understood", "where": "query parameter `q`",
            "findings": [{"what": "`wrong` is wrong", "start": 0, "end": 5, "hint": "say `right`"}],
        })
    );
    for path in [
        "events?limit=0",
        "events?limit=1001",
        "events?limit=x",
        "events?qq=1",
        "events?order=up",
        "histogram?buckets=0",
    ] {
        assert_eq!(get(running.address, &format!("/api/v1/{path}")).status, 400, "{path}");
    }
    assert_eq!(get(running.address, "/api/v1/alerts?state=shut").status, 400);
    assert_eq!(ask(running.address, "PUT", "/api/v1/events", &[], b"").status, 405);
    assert_eq!(get(running.address, "/").status, 404);
}

#[test]
fn what_breaks_is_told_to_the_log_alone() {
    let running = Running::open();
    let answer = get(running.address, "/api/v1/events?q=broken");
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("secret"));
    assert_eq!(get(running.address, "/api/v1/events?q=panic").status, 500);
    let said = running.said.lock().unwrap();
    assert!(
        said.iter().any(|line| line.contains(&id) && line.contains("disk /dev/secret is gone")),
        "{said:?}"
    );
}

#[test]
fn pages_of_strangers_are_not_answered() {
    let running = Running::open();
    let with = |headers: &[(&str, &str)]| ask(running.address, "GET", "/api/v1/rules", headers, b"").status;
    assert_eq!(with(&[("Host", "evil.example")]), 421);
    assert_eq!(with(&[("Host", "localhost"), ("Origin", "http://evil.example")]), 421);
    assert_eq!(with(&[("Host", "localhost"), ("Origin", "http://localhost")]), 200);
    // With tokens it is the token that counts.
    let bearer = format!("Bearer {}", running.token(Role::Read, None));
    assert_eq!(with(&[("Host", "audit.example"), ("Authorization", &bearer)]), 200);
    let answer = get(running.address, "/api/v1/rules");
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
