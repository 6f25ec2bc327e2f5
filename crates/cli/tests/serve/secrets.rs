//! No secret of the captured log is anywhere: not on the disk, not in answers, not in alerts, not in what the server says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::server::{Folder, Server, eventually, example};

#[test]
fn tokens_and_secrets_of_the_log_are_nowhere() {
    let folder = Folder::new("secrets");
    let (data, log) = (folder.0.join("data"), folder.0.join("audit.log"));
    let lines = example();
    let secrets = secrets(&lines);
    assert!(secrets.len() > 3, "the log should hold some: {}", secrets.len());
    fs::write(&log, lines.join("\n") + "\n").unwrap();
    let server = Server::start(&data, &["--log", log.to_str().unwrap()]);
    eventually("all events are found", || server.count("") == lines.len() as u64);
    let answers: String = server.search("").iter().chain(&server.alerts()).map(ToString::to_string).collect();
    let said = server.stop();
    // Raw, as the journal has them; the columns are compressed, and what is in them was in the answers.
    let disk = everything(&data);
    for secret in &secrets {
        assert!(!answers.contains(secret), "in an answer: {secret}");
        assert!(!said.contains(secret), "on stderr: {secret}");
        assert!(memchr::memmem::find(&disk, secret.as_bytes()).is_none(), "on the disk: {secret}");
    }
}

/// Signed tokens, and the values of secrets' data, by looking for them in the plainest way.
fn secrets(lines: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in lines {
        for (at, _) in line.match_indices("eyJ") {
            let token: String =
                line[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
            if token.matches('.').count() == 2 && token.len() > 100 {
                found.insert(token);
            }
        }
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["objectRef"]["resource"] != "secrets" {
            continue;
        }
        for body in ["requestObject", "responseObject"] {
            let one = std::iter::once(&event[body]);
            for object in one.chain(event[body]["items"].as_array().into_iter().flatten()) {
                let values =
                    object["data"].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
                found.extend(values.filter(|value| value.len() > 8).map(str::to_owned));
            }
        }
    }
    found
}

fn everything(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything(&path));
        } else {
            all.extend(fs::read(&path).unwrap());
        }
    }
    all
}
