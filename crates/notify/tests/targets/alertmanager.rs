//! Debian's Alertmanager, as it is.

use std::time::Duration;

use auditward_notify::Stopped;
use serde_json::{Value, json};

use crate::support::{Alerts, Folder, Program, free_port, start, status, until};

struct Alertmanager {
    program: Program,
    url: String,
    _folder: Folder,
}

impl Alertmanager {
    /// Started and ready; `None` where it is not installed.
    fn start(port: u16) -> Option<Self> {
        let folder = Folder::new("alertmanager");
        let config = folder.file("alertmanager.yml", "route:\n  receiver: none\nreceivers:\n- name: none\n");
        let arguments = [
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=".to_owned(),
            "--log.level=error".to_owned(),
        ];
        let program = Program::start("prometheus-alertmanager", &arguments)?;
        let mut server = Self { program, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        let ready = until(|| {
            assert!(server.program.running(), "it ended by itself");
            ureq::get(format!("{}/-/ready", server.url)).call().ok()
        });
        assert!(ready.is_some());
        Some(server)
    }

    fn alerts(&self) -> Vec<Value> {
        let mut answer = ureq::get(format!("{}/api/v2/alerts", self.url)).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// How many alerts it was ever sent, each as often as it was.
    fn received(&self) -> u64 {
        let mut answer = ureq::get(format!("{}/metrics", self.url)).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let of = |line: &str| {
            let value = line.strip_prefix("alertmanager_alerts_received_total{")?.rsplit_once(' ')?.1;
            line.contains(r#"version="v2""#).then(|| value.parse::<u64>().unwrap())
        };
        text.lines().filter_map(of).sum()
    }
}

#[test]
fn each_alert_is_there_once_with_its_labels_though_the_server_came_late_and_we_were_stopped_meanwhile() {
    let (folder, feed, port) = (Folder::new("am"), Alerts::new(), free_port());
    let config = json!({ "am": {
        "alertmanager": { "url": format!("http://127.0.0.1:{port}/"), "labels": { "team": "blue" } },
        "retry": { "first": "10ms", "longest": "50ms" },
    } });
    let notifier = start(folder.path(), config.clone(), &feed);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.failed >= 3 && status.queued == 2);
    assert_eq!(notifier.stop(Duration::from_secs(10)), Stopped::Cleanly);

    let notifier = start(folder.path(), config.clone(), &feed);
    status(&notifier, |status| status.failed >= 1);
    let Some(server) = Alertmanager::start(port) else { return };
    status(&notifier, |status| status.sent == 2);
    assert_eq!(notifier.stop(Duration::from_secs(10)), Stopped::Cleanly);

    // Once more, with one alert more.
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    status(&notifier, |status| status.sent == 1);
    assert_eq!(server.received(), 3);

    let mut alerts = server.alerts();
    alerts.sort_by_key(|alert| alert["labels"]["alert_id"].to_string());
    assert_eq!(alerts.len(), 3);
    let labels = json!({
        "alertname": "rule-1", "alert_id": "00000000000000000000000000000001", "severity": "warning",
        "cluster": "prod", "user": "alice", "verb": "list", "resource": "secrets", "namespace": "shop",
        "team": "blue",
    });
    assert_eq!(alerts[0]["labels"], labels);
    let annotations = json!({
        "title": "Secrets listed", "summary": "alice listed secrets, number 1", "description": "Ask alice.",
    });
    assert_eq!(alerts[0]["annotations"], annotations);
    assert_eq!(alerts[0]["startsAt"], "2026-07-25T17:20:00.000Z");
    assert_eq!(alerts[0]["status"]["state"], "active");

    let tested = notifier.test("am").unwrap();
    assert_eq!(tested.answer, Ok("HTTP 200".to_owned()));
    let of_test =
        |alert: &Value| alert["labels"]["alert_id"] == tested.id && alert["labels"]["test"] == "true";
    assert!(server.alerts().iter().any(of_test));
}
