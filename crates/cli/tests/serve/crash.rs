//! Killed with -9 again and again while a log grows and rotates: nothing is lost, nothing is there twice.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use super::server::{Folder, Server, eventually, example, key, keys};

/// As many kills as make each of the workers meet one.
const KILLS: usize = 8;

#[test]
fn every_event_and_every_alert_is_there_once() {
    let folder = Folder::new("crash");
    let (data, log) = (folder.0.join("data"), folder.0.join("audit.log"));
    let lines = example();
    let pieces: Vec<&[String]> = lines.chunks(lines.len().div_ceil(KILLS)).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let server = Server::start(&data, &["--log", log.to_str().unwrap()]);
        let before = server.count("");
        let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        for line in *piece {
            writeln!(file, "{line}").unwrap();
        }
        // At another place each time: before it has begun, in the middle, when all is done.
        let some = before + (piece.len() * number / KILLS) as u64;
        eventually("events are taken in", || server.count("") >= some);
        server.kill();
        if number % 3 == 1 {
            // Rotated while nobody looks, as kube-apiserver does it.
            fs::rename(&log, folder.0.join(format!("audit-2026-11-26T0{number}-00-00.000.log"))).unwrap();
        }
    }
    let server = Server::start(&data, &["--log", log.to_str().unwrap()]);
    eventually("all events are found", || server.count("") == lines.len() as u64);
    let found = server.search("");
    assert_eq!(found.len(), lines.len());
    let found: BTreeSet<_> = found.iter().map(|hit| key(&hit["event"])).collect();
    assert_eq!(found, keys(&lines));

    // The same alerts as over the whole log at once, and each of them once.
    let expected = alerts_of(&lines, &folder);
    eventually("all alerts are there", || server.alerts().len() >= expected.len());
    std::thread::sleep(Duration::from_millis(500));
    let alerts = server.alerts();
    let ids: BTreeSet<String> = alerts.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), alerts.len(), "an alert is there twice");
    let told = |ids: &BTreeSet<String>| {
        let of = |alert: &&serde_json::Value| ids.contains(alert["id"].as_str().unwrap());
        alerts.iter().filter(of).map(|alert| alert["rule"].to_string()).collect::<Vec<_>>()
    };
    let beside: BTreeSet<String> = ids.difference(&expected).cloned().collect();
    assert!(ids.is_superset(&expected), "missing: {:?}", expected.difference(&ids).collect::<Vec<_>>());
    assert_eq!(told(&beside), Vec::<String>::new(), "alerts that `detect` does not give");
    let summary = server.stop();
    assert!(summary.contains("events of"), "{summary}");
}

/// The ids of the alerts that `auditward detect` gives.
fn alerts_of(lines: &[String], folder: &Folder) -> BTreeSet<String> {
    let whole = folder.0.join("whole.jsonl");
    fs::write(&whole, lines.join("\n") + "\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["detect", "--cluster", "local", "-o", "json"])
        .arg(&whole)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}
