//! `auditward agent` against a small server that keeps what it gets.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use expect_test::expect;

use super::{check, root};

/// Takes everything, and passes the ids of the events on, a batch at a time.
fn server() -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (to, came) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                socket.read_line(&mut line).unwrap();
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).unwrap();
            let mut text = String::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
            let ids = text.lines().map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                event["auditID"].as_str().unwrap().to_owned()
            });
            let ids: Vec<String> = ids.collect();
            let taken = format!("{{\"taken\":{},\"repeated\":0}}", ids.len());
            let length = taken.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{taken}");
            socket.get_mut().write_all(answer.as_bytes()).unwrap();
            if to.send(ids).is_err() {
                return;
            }
        }
    });
    (url, came)
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("auditward-cli-agent-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn append(&self, name: &str, numbers: std::ops::Range<u32>) {
        let mut log = fs::File::options().create(true).append(true).open(self.0.join(name)).unwrap();
        for n in numbers {
            writeln!(log, r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{n}"}}"#).unwrap();
        }
    }

    fn agent(&self, server: &str, more: &[&str]) -> Child {
        let path = |name: &str| self.0.join(name).to_string_lossy().into_owned();
        let args =
            ["--server", server, "--cluster", "east", "--log", &path("audit.log"), "--state", &path("state")];
        start(args.iter().chain(more).map(ToString::to_string))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn start(args: impl Iterator<Item = String>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command
        .arg("agent")
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ended(mut child: Child) -> (i32, String) {
    // What a server does not take is sent again for ever.
    let end = Instant::now() + Duration::from_mins(2);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8(stderr).unwrap())
}

fn ids(batches: &[Vec<String>]) -> Vec<u32> {
    batches.iter().flatten().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn what_is_there_is_sent_once() {
    let (url, came) = server();
    let folder = Folder::new("once");
    folder.append("audit-2026-11-23T04-04-37.558.log", 0..3);
    folder.append("audit.log", 3..5);
    let (exit, said) = ended(folder.agent(&url, &["--once", "--name", "cp1"]));
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("5 events delivered in "), "{said}");
    assert_eq!(ids(&came.try_iter().collect::<Vec<_>>()), [0, 1, 2, 3, 4]);
    folder.append("audit.log", 5..6);
    assert_eq!(ended(folder.agent(&url, &["--once", "--name", "cp1"])).0, 0);
    assert_eq!(ids(&came.try_iter().collect::<Vec<_>>()), [5]);
}

#[test]
fn killed_and_started_again_it_goes_on() {
    const PATIENCE: Duration = Duration::from_mins(1);
    let (url, came) = server();
    let folder = Folder::new("killed");
    let mut seen = BTreeSet::new();
    let mut written = 0;
    for round in 0..4 {
        folder.append("audit.log", written..written + 10);
        written += 10;
        let mut agent = folder.agent(&url, &[]);
        while seen.len() < written as usize {
            seen.extend(came.recv_timeout(PATIENCE).unwrap());
        }
        if round % 2 == 0 {
            agent.kill().unwrap();
            agent.wait().unwrap();
        } else {
            let pid = rustix::process::Pid::from_child(&agent);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            assert_eq!(ended(agent).0, 0);
        }
    }
    assert_eq!(seen.len(), 40);
}

/// What `deploy/` says works: its own command lines, with folders of this machine's and this server.
#[test]
fn the_units_of_deploy_start() {
    let service =
        fs::read_to_string(root().join("deploy/auditward-agent.service")).unwrap().replace("\\\n", " ");
    let value = |name: &str| {
        let prefix = format!("Environment={name}=");
        service.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
    };
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let words: Vec<String> = line
        .split_whitespace()
        .map(|word| match word.strip_prefix("${").and_then(|word| word.strip_suffix('}')) {
            Some(name) => value(name),
            None => word.to_owned(),
        })
        .collect();
    check_deployed("service", &words);
    let pod = fs::read_to_string(root().join("deploy/auditward-agent.yaml")).unwrap();
    let pod: serde_json::Value = serde_saphyr::from_str(&pod).unwrap();
    let command = pod["spec"]["containers"][0]["command"].as_array().unwrap();
    let words: Vec<String> =
        command.iter().flat_map(|word| word.as_str().unwrap().splitn(2, '=')).map(str::to_owned).collect();
    check_deployed("pod", &words);
}

fn check_deployed(name: &str, words: &[String]) {
    assert_eq!(words[..2], ["/usr/local/bin/auditward", "agent"]);
    let (url, came) = server();
    let folder = Folder::new(name);
    folder.append("audit.log", 0..2);
    fs::write(folder.0.join("agent.token"), "token").unwrap();
    let here =
        |path: &str| folder.0.join(Path::new(path).file_name().unwrap()).to_string_lossy().into_owned();
    let mut args = Vec::new();
    for pair in words[2..].chunks(2) {
        match &pair[0][..] {
            "--ca" => {}
            "--server" => args.extend([pair[0].clone(), url.clone()]),
            "--cluster" => args.extend([pair[0].clone(), pair[1].clone()]),
            _ => args.extend([pair[0].clone(), here(&pair[1])]),
        }
    }
    args.push("--once".to_owned());
    let (exit, said) = ended(start(args.into_iter()));
    assert_eq!(exit, 0, "{said}");
    assert_eq!(ids(&came.try_iter().collect::<Vec<_>>()), [0, 1]);
}

#[test]
fn refusals() {
    check(
        "agent --server http://audit.example --cluster east --log /none --state /tmp/auditward-no-state",
        expect![[r#"
            exit 2
            --- stderr
            error: could not begin: `http://audit.example` can't be used as a server: events and the token must not travel without TLS; use `https://`
        "#]],
    );
    check(
        "agent --server https://localhost --cluster east --log /none --state /nowhere/state",
        expect![[r#"
            exit 2
            --- stderr
            error: could not use the state file: could not lock `/nowhere/state.lock`: No such file or directory (os error 2)
        "#]],
    );
}
