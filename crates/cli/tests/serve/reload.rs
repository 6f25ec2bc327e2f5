//! SIGHUP: other rules, and what windows remember stays; other targets, and no alert is lost between them.

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

/// The captured event that this is made of: a config map is created.
fn event(number: usize) -> String {
    let template = example()
        .into_iter()
        .find(|line| {
            line.contains("\"verb\":\"create\"")
                && line.contains("\"resource\":\"configmaps\"")
                && line.contains("ResponseComplete")
        })
        .unwrap();
    let mut event: serde_json::Value = serde_json::from_str(&template).unwrap();
    event["auditID"] = format!("mark-{number}").into();
    event.to_string()
}

#[test]
fn rules_change_and_windows_stay() {
    let folder = Folder::new("reload");
    let rules = folder.0.join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("count.yaml"), COUNTING).unwrap();
    let data = folder.0.join("data");
    let server = Server::start(&data, &["--rules", rules.to_str().unwrap(), "--no-shipped"]);
    assert_eq!(server.post("c", (event(1) + "\n" + &event(2)).as_bytes()).unwrap(), 200);
    eventually("both are looked at", || server.count("") == 2);
    fs::write(rules.join("broken.yaml"), "id: [").unwrap();
    signal(&server.pid(), "HUP");
    server.says("this part stays as it was");
    fs::write(rules.join("broken.yaml"), COUNTING.replace("three-marks", "another")).unwrap();
    signal(&server.pid(), "HUP");
    server.says("reload: 2 rules");
    assert_eq!(server.post("c", event(3).as_bytes()).unwrap(), 200);
    eventually("the third completes the window of the old rule alone", || server.alerts().len() == 1);
    assert_eq!(server.alerts()[0]["rule"], "three-marks");
}

#[test]
fn targets_change_and_every_alert_goes_to_one_of_them() {
    let folder = Folder::new("targets");
    let rule =
        COUNTING.replace("window: {count: 3, within: 1h}\n", "").replace("match: false", "match: true");
    fs::write(folder.0.join("rule.yaml"), rule).unwrap();
    let config = folder.0.join("auditward.yaml");
    let configure = |target: &str| {
        let page = format!(
            "detect: {{rules: [{rule}], no_shipped: true}}\nnotify:\n  {target}: {{file: {{path: {file}}}}}\n",
            rule = folder.0.join("rule.yaml").display(),
            file = folder.0.join(format!("{target}.json")).display(),
        );
        fs::write(&config, page).unwrap();
    };
    let told = |target: &str| {
        let text = fs::read_to_string(folder.0.join(format!("{target}.json"))).unwrap_or_default();
        text.lines().count()
    };
    configure("first");
    let server = Server::start(&folder.0.join("data"), &["--config", config.to_str().unwrap()]);
    assert_eq!(server.post("c", event(1).as_bytes()).unwrap(), 200);
    eventually("the first target is told", || told("first") == 1);

    fs::write(&config, "notify: {second: {file: {}}}").unwrap();
    signal(&server.pid(), "HUP");
    server.says("everything stays as it was");
    configure("second");
    signal(&server.pid(), "HUP");
    server.says("reload: 1 rule");
    eventually("the second is at work", || server.text("/metrics").contains("target=\"second\""));
    assert_eq!(server.post("c", event(2).as_bytes()).unwrap(), 200);
    eventually("the second target is told", || told("second") == 1);
    assert_eq!(told("first"), 1);
}
