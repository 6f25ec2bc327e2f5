//! `auditward notify …`

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use expect_test::expect;

use crate::check;

/// A configuration of its own for each test.
fn config(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("auditward-cli-notify-{name}-{}.yaml", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

/// Whether a request has come with all of its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = |line: &str| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned);
    head.lines().find_map(length).is_some_and(|length| body.len() >= length.parse().unwrap())
}

#[test]
fn targets_are_shown_without_their_secrets() {
    let text = "\
notify:
  archive: {file: {path: /var/log/alerts.json}}
  chat: {webhook: {url: 'https://hooks.example/services/SECRET'}, severity: error}
  logs: {syslog: {address: 'udp://logs.example:514'}}
";
    let path = config("targets", text);
    check(
        &format!("notify targets --config {}", path.display()),
        expect![[r"
            exit 0
            --- stdout
            NAME     KIND     PLACE                   SEVERITY
            archive  file     /var/log/alerts.json    all
            chat     webhook  https://hooks.example   error
            logs     syslog   udp://logs.example:514  all
        "]],
    );
    fs::remove_file(path).unwrap();
}

#[test]
fn a_test_says_what_each_target_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (stream, status) in listener.incoming().zip(["204 No Content", "403 Forbidden"]) {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let text = format!("notify:\n  one: {{webhook: {{url: 'http://{address}/'}}}}\n");
    let path = config("test", &text);
    let run = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
            .args(["notify", "test", "one", "-o", "json", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            output.status.code().unwrap(),
            rows[0]["taken"].clone(),
            rows[0]["answer"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(run(), (0, true.into(), "HTTP 204".to_owned()));
    assert_eq!(run(), (1, false.into(), format!("http://{address} answered HTTP 403")));
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_wrong() {
    let path = config("wrong", "notify:\n  one: {webhook: {url: 'hooks'}}\n");
    let words = |rest: &str| format!("notify {rest} --config {}", path.display());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(words("targets").split(' '))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let first = "error: notify.one.webhook.url: it must be a whole URL: `https://host…` or `http://host…`\n";
    assert!(output.status.code() == Some(2) && said.starts_with(first), "{said}");
    fs::write(&path, "notify:\n  one: {stdout: {}}\n").unwrap();
    check(
        &words("test two"),
        expect![[r"
            exit 2
            --- stderr
            error: there is no target `two`
            hint: there are `one`
        "]],
    );
    fs::write(&path, "").unwrap();
    let none = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(words("targets").split(' '))
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(1));
    fs::remove_file(path).unwrap();
}
