//! Every bound, reached: slow senders, many connections, many questions, many followers; and the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use auditward_server::{Limits, Role, Server, StartError};

use crate::client::{PATIENCE, ask, connect, get, hear, say};
use crate::fakes::{Running, config, folder};

/// Waits for something that happens on another thread.
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the other end closes the connection, after it has said `text` or less.
fn closed(stream: &mut TcpStream) -> bool {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

const SHORT: Duration = Duration::from_millis(100);

fn impatient(limits: &mut Limits) {
    limits.head_time = SHORT;
    limits.idle_time = SHORT;
    limits.stall_time = SHORT;
    limits.handshake_time = SHORT;
    limits.body_time = 5 * SHORT;
}

#[test]
fn slow_senders_are_let_go() {
    let running = Running::start(|config| impatient(&mut config.limits));
    // Nothing at all, half a head, and a head that comes byte by byte.
    let mut silent = connect(running.address);
    let mut half = connect(running.address);
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let mut dripping = connect(running.address);
    let dripper = dripping.try_clone().unwrap();
    let drip = thread::spawn(move || {
        let mut dripper = dripper;
        dripper.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
        while dripper.write_all(b"A: b\r\n").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    for stream in [&mut silent, &mut half, &mut dripping] {
        assert!(closed(stream));
    }
    drip.join().unwrap();
    // A connection that was good and does nothing more.
    let mut idle = connect(running.address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(closed(&mut idle));
    // A body that stops, and one that never ends.
    let mut stops = connect(running.address);
    say(&mut stops, "POST", "/ingest/prod", &[("Content-Length", "10")], b"");
    stops.write_all(b"{").unwrap();
    assert_eq!(hear(&mut stops).status, 408);
    let mut endless = connect(running.address);
    say(&mut endless, "POST", "/ingest/prod", &[("Content-Length", "1000000")], b"");
    let mut sender = endless.try_clone().unwrap();
    let drip = thread::spawn(move || {
        while sender.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(hear(&mut endless).status, 408);
    drop(endless);
    drip.join().unwrap();
    until("all are gone", || {
        get(running.address, "/metrics").body.contains("\nauditward_http_connections 1\n")
    });
    assert!(running.fake.taken.lock().unwrap().is_empty());
}

#[test]
fn who_takes_no_answer_is_let_go() {
    let running = Running::start(|config| {
        impatient(&mut config.limits);
        config.limits.body_bytes_max = 64 << 20;
    });
    // An answer larger than what the system keeps for a client that does not read.
    let event = format!("{{\"auditID\":\"{}\"}}", "x".repeat(16 << 20));
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &[], event.as_bytes()).status, 200);
    let mut stream = connect(running.address);
    say(&mut stream, "GET", "/api/v1/events", &[], b"");
    until("it is gone", || {
        get(running.address, "/metrics").body.contains("\nauditward_http_connections 1\n")
    });
    assert!(closed(&mut stream));
}

#[test]
fn a_handshake_must_come_in_time() {
    let folder = folder();
    let tls = crate::tls::Authority::new().write(&folder);
    let running = Running::start_in(folder, |config| {
        impatient(&mut config.limits);
        config.tls = Some(tls);
    });
    assert!(closed(&mut connect(running.address)));
}

#[test]
fn so_many_connections_and_no_more() {
    let running = Running::start(|config| config.limits.connections_max = 300);
    let many: Vec<_> = (0..299).map(|_| connect(running.address)).collect();
    // They do nothing, and others are served as ever.
    until("all are in", || {
        get(running.address, "/metrics").body.contains("\nauditward_http_connections 300\n")
    });
    let _last = connect(running.address);
    until("one more is closed", || closed(&mut connect(running.address)));
    drop(many);
    until("there is room again", || {
        let mut stream = connect(running.address);
        let said = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        said.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    });
    let metrics = get(running.address, "/metrics").body;
    assert!(!metrics.contains("auditward_http_refused_total{reason=\"too_many\"} 0\n"), "{metrics}");
}

#[test]
fn so_many_connections_from_one_address() {
    let running = Running::start(|config| config.limits.connections_per_address_max = 2);
    let mut first = connect(running.address);
    let _second = connect(running.address);
    assert!(closed(&mut connect(running.address)));
    say(&mut first, "GET", "/healthz", &[], b"");
    assert_eq!(hear(&mut first).status, 200);
}

#[test]
fn slow_questions_keep_nobody_else_from_his_turn() {
    let running = Running::start(|config| {
        config.limits.queries_max = 2;
        config.limits.queries_per_identity_max = 2;
        config.limits.query_turn = SHORT;
    });
    let mut slow: Vec<_> = (0..2).map(|_| connect(running.address)).collect();
    for stream in &mut slow {
        say(stream, "GET", "/api/v1/events?q=wait", &[], b"");
    }
    until("both wait", || running.fake.waiting.load(Ordering::SeqCst) == 2);
    let refused = get(running.address, "/api/v1/count");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    for path in ["/api/v1/alerts", "/api/v1/rules", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(running.address, path).status, 200, "{path}");
    }
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &[], b"{}").status, 200);
    // Those who go have their questions cancelled, and their turns are free.
    drop(slow);
    until("both are cancelled", || running.fake.cancelled.load(Ordering::SeqCst) == 2);
    until("there is a turn", || get(running.address, "/api/v1/count").status == 200);
}

#[test]
fn nobody_has_all_turns() {
    let running = Running::start(|config| {
        config.limits.queries_max = 2;
        config.limits.queries_per_identity_max = 1;
        config.limits.query_turn = SHORT;
    });
    let [one, two] = [0, 1].map(|_| format!("Bearer {}", running.token(Role::Read, None)));
    let mut slow = connect(running.address);
    say(&mut slow, "GET", "/api/v1/events?q=wait", &[("Authorization", &one)], b"");
    until("it waits", || running.fake.waiting.load(Ordering::SeqCst) == 1);
    let count =
        |token: &str| ask(running.address, "GET", "/api/v1/count", &[("Authorization", token)], b"").status;
    assert_eq!([count(&one), count(&two)], [429, 200]);
}

#[test]
fn a_question_has_its_time() {
    let running = Running::start(|config| config.limits.query_time = SHORT);
    let answer = get(running.address, "/api/v1/events?q=wait");
    assert_eq!(answer.status, 422);
    until("it is cancelled", || running.fake.cancelled.load(Ordering::SeqCst) == 1);
}

#[test]
fn so_many_followers() {
    let running = Running::start(|config| {
        config.limits.live_max = 3;
        config.limits.live_per_identity_max = 2;
    });
    let tokens = [0, 1].map(|_| format!("Bearer {}", running.token(Role::Read, None)));
    let follow = |token: &str| {
        let mut stream = connect(running.address);
        say(&mut stream, "GET", "/api/v1/live", &[("Authorization", token)], b"");
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8_lossy(&status[9..]).into_owned(), stream)
    };
    let (one, two, three) = (follow(&tokens[0]), follow(&tokens[0]), follow(&tokens[0]));
    assert_eq!([&*one.0, &*two.0, &*three.0], ["200", "200", "429"]);
    let (four, five) = (follow(&tokens[1]), follow(&tokens[1]));
    assert_eq!([&*four.0, &*five.0], ["200", "429"]);
    drop(one);
    until("there is a place", || follow(&tokens[0]).0 == "200");
}

#[test]
fn bodies_have_room_for_so_many() {
    let running = Running::start(|config| config.limits.bodies_bytes_max = 100_000);
    let mut slow = connect(running.address);
    say(&mut slow, "POST", "/ingest/prod", &[("Content-Length", "90001")], b"");
    slow.write_all(&vec![b' '; 90_000]).unwrap();
    let body = vec![b' '; 50_000];
    // In pieces of 1 KiB.
    until("it has its room", || {
        get(running.address, "/metrics").body.contains("\nauditward_http_bodies_bytes 90112\n")
    });
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &[], &body).status, 429);
    slow.write_all(b" ").unwrap();
    assert_eq!(hear(&mut slow).status, 200);
    assert_eq!(ask(running.address, "POST", "/ingest/prod", &[], &body).status, 200);
}

#[test]
fn without_tokens_nobody_listens_to_the_world() {
    let folder = folder();
    let start = |config: &auditward_server::Config| {
        let fake = std::sync::Arc::default();
        Server::start(config, crate::fakes::ports(&fake), std::sync::Arc::new(|_: &_| {})).map(drop)
    };
    let mut config = config(&folder);
    config.listen.push(([0, 0, 0, 0], 0).into());
    assert!(matches!(start(&config), Err(StartError::NoTokens { .. })));
    crate::fakes::token(&folder, Role::Read, None);
    assert!(matches!(start(&config), Err(StartError::NoTls(_))));
    config.plain_http = true;
    assert!(start(&config).is_ok());
    config.listen.clear();
    assert!(matches!(start(&config), Err(StartError::NoAddress)));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_first_token_closes_the_door() {
    let running = Running::open();
    assert_eq!(get(running.address, "/api/v1/rules").status, 200);
    let token = crate::fakes::token(&running.folder, Role::Read, None);
    // Nobody told the server.
    until("it is noticed", || get(running.address, "/api/v1/rules").status == 401);
    let bearer = format!("Bearer {token}");
    assert_eq!(ask(running.address, "GET", "/api/v1/rules", &[("Authorization", &bearer)], b"").status, 200);
    // And it stays closed when the last token is gone.
    let tokens = running.folder.join("tokens");
    let id = auditward_server::tokens::list(&tokens).unwrap()[0].id.clone();
    auditward_server::tokens::revoke(&tokens, &id).unwrap();
    until("it is noticed", || {
        ask(running.address, "GET", "/api/v1/rules", &[("Authorization", &bearer)], b"").status == 401
    });
    assert_eq!(get(running.address, "/api/v1/rules").status, 401);
    // A file that is broken changes nothing, and is told of once.
    std::fs::write(&tokens, "{").unwrap();
    until("it is told", || {
        _ = get(running.address, "/api/v1/rules");
        running.said.lock().unwrap().iter().any(|line| line.contains("the tokens of before count"))
    });
}

#[test]
fn it_stops_when_all_have_their_answer() {
    let mut running = Running::open();
    let mut waiting = connect(running.address);
    say(&mut waiting, "GET", "/api/v1/events?q=wait", &[], b"");
    let mut idle = connect(running.address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    until("it waits", || running.fake.waiting.load(Ordering::SeqCst) == 1);
    let server = running.server.take().unwrap();
    let stopped = thread::spawn(move || server.stop(PATIENCE));
    // A connection that asks nothing is closed at once, and nobody new comes in.
    assert!(closed(&mut idle));
    until("nobody listens", || TcpStream::connect(running.address).is_err());
    assert!(!stopped.is_finished());
    drop(waiting);
    assert!(stopped.join().unwrap());
}

#[test]
fn it_does_not_wait_for_ever() {
    let mut running = Running::open();
    let mut waiting = connect(running.address);
    say(&mut waiting, "GET", "/api/v1/events?q=wait", &[], b"");
    until("it waits", || running.fake.waiting.load(Ordering::SeqCst) == 1);
    assert!(!running.server.take().unwrap().stop(SHORT));
    assert!(closed(&mut waiting));
    assert_eq!(running.fake.cancelled.load(Ordering::SeqCst), 1);
}
