//! Lines in files and on standard output.

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use auditward_notify::{Feed, Notifier, Settings};
use serde_json::{Value, json};

use crate::support::{Alerts, Folder, start, status, targets};

#[test]
fn a_file_may_be_moved_away_and_begins_anew() {
    let (folder, feed) = (Folder::new("file"), Alerts::new());
    let path = folder.path().join("alerts.json");
    // What a loss of power left.
    fs::write(&path, "{\"torn").unwrap();
    let notifier = start(folder.path(), json!({ "file": { "file": { "path": path } } }), &feed);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.sent == 2);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"torn"));
    assert_eq!(serde_json::from_str::<Value>(lines[1]).unwrap()["user"], "alice");
    fs::rename(&path, folder.path().join("moved")).unwrap();
    feed.add(1);
    notifier.wake();
    status(&notifier, |status| status.sent == 3);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
}

#[test]
fn a_file_that_has_grown_is_numbered() {
    let (folder, feed) = (Folder::new("grown"), Alerts::new());
    let path = folder.path().join("alerts");
    let config = json!({ "file": {
        "file": { "path": path, "format": "text", "bytes_max": 100, "keep": 2 }, "group": { "size_max": 1 },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(7);
    notifier.wake();
    status(&notifier, |status| status.sent == 7);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
    let numbers = |name: &str| {
        read(name).map(|text| text.lines().map(|line| line.chars().last().unwrap()).collect::<String>())
    };
    let found = ["alerts", "alerts.1", "alerts.2", "alerts.3"].map(numbers);
    assert_eq!(found, [Some("7".to_owned()), Some("56".to_owned()), Some("34".to_owned()), None]);
}

#[test]
fn a_file_that_cannot_be_written_is_tried_again() {
    let (folder, feed) = (Folder::new("nowhere"), Alerts::new());
    let path = folder.path().join("later/alerts");
    let config = json!({ "file": {
        "file": { "path": path }, "retry": { "first": "5ms", "longest": "20ms" },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    status(&notifier, |status| status.failing > 1);
    fs::create_dir(folder.path().join("later")).unwrap();
    status(&notifier, |status| status.sent == 1);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_for_people() {
    let (folder, feed, shown) = (Folder::new("stdout"), Alerts::new(), Shown::default());
    let settings = Settings {
        targets: targets(json!({ "console": { "stdout": {} } })),
        folder: folder.path().to_owned(),
        stdout: Box::new(shown.clone()),
    };
    let of_notifier: Arc<dyn Feed> = Arc::clone(&feed) as _;
    let notifier = Notifier::start(settings, &of_notifier).unwrap();
    feed.add(1);
    notifier.wake();
    status(&notifier, |status| status.sent == 1);
    let line = "2026-07-25T17:20:00.000001Z warning prod rule-1: alice listed secrets, number 1\n";
    assert_eq!(String::from_utf8(shown.0.lock().unwrap().clone()).unwrap(), line);
}
