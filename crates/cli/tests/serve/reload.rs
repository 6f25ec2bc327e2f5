//! SIGHUP: other rules, and what windows remember stays.

use std::fs;

use super::server::{Folder, Server, eventually, example, signal};

const COUNTING: &str = r#"id: three-marks
title: Three config maps
description: Three config maps within an hour.
severity: warning
when: verb == "create" and resource == "configmaps"
window: {count: 3, within: 1h}
summary: three config maps
response: Count them.
tests:
- {name: one, match: false, event: {from: create-configmap}}
"#;

#[test]
fn rules_change_and_windows_stay() {
    let folder = Folder::new("reload");
    let rules = folder.0.join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("count.yaml"), COUNTING).unwrap();
    let data = folder.0.join("data");
    let server = Server::start(&data, &["--rules", rules.to_str().unwrap(), "--no-shipped"]);
    let template = example()
        .into_iter()
        .find(|line| {
            line.contains("\"verb\":\"create\"")
                && line.contains("\"resource\":\"configmaps\"")
                && line.contains("ResponseComplete")
        })
        .unwrap();
    let event = |number: usize| {
        let mut event: serde_json::Value = serde_json::from_str(&template).unwrap();
        event["auditID"] = format!("mark-{number}").into();
        event.to_string()
    };
    assert_eq!(server.post("c", (event(1) + "\n" + &event(2)).as_bytes()).unwrap(), 200);
    eventually("both are looked at", || server.count("") == 2);
    fs::write(rules.join("broken.yaml"), "id: [").unwrap();
    signal(&server.pid(), "HUP");
    server.says("everything stays as it was");
    fs::write(rules.join("broken.yaml"), COUNTING.replace("three-marks", "another")).unwrap();
    signal(&server.pid(), "HUP");
    server.says("reload: 2 rules");
    assert_eq!(server.post("c", event(3).as_bytes()).unwrap(), 200);
    eventually("the third completes the window of the old rule alone", || server.alerts().len() == 1);
    assert_eq!(server.alerts()[0]["rule"], "three-marks");
}
