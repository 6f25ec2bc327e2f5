//! Exchanging targets when something is in the way of the new ones, and of the old ones too.

use std::fs;
use std::path::Path;
use std::time::Instant;

use auditward_notify::Notice;
use serde_json::json;

use super::*;

struct NoAlerts;

impl Feed for NoAlerts {
    fn after(&self, _seq: u64, _max: usize) -> std::io::Result<Vec<Notice>> {
        Ok(Vec::new())
    }
}

/// One target that appends to a file.
fn one(name: &str, folder: &Path) -> auditward_notify::Targets {
    serde_json::from_value(json!({ name: {"file": {"path": folder.join(name)}} })).unwrap()
}

/// Waits until these are at work; nobody is while it is broken.
#[track_caller]
fn at_work(targets: &Targets, expected: &[&str]) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let changing = matches!(*targets.0.lock(), State::Changing);
        let names: Vec<String> = targets.status().into_iter().map(|status| status.target).collect();
        if !changing && names == expected {
            return;
        }
        assert!(Instant::now() < end, "{names:?} instead of {expected:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn whatever_is_in_the_way_the_next_change_goes_on() {
    let folder = std::env::temp_dir().join(format!("auditward-targets-{}", std::process::id()));
    let queues = folder.join("notify");
    fs::create_dir_all(&queues).unwrap();
    // Where a target's queue should be, something else is.
    let block = |name: &str| {
        let path = queues.join(format!("{name}.json"));
        _ = fs::remove_file(&path);
        fs::create_dir(path).unwrap();
    };
    let free = |name: &str| fs::remove_dir(queues.join(format!("{name}.json"))).unwrap();

    let targets = Targets::start(one("old", &folder), Arc::new(NoAlerts), queues.clone()).unwrap();
    at_work(&targets, &["old"]);
    block("new");
    targets.change(one("new", &folder)).unwrap();
    at_work(&targets, &["old"]);

    block("old");
    targets.change(one("new", &folder)).unwrap();
    at_work(&targets, &[]);
    assert!(matches!(*targets.0.lock(), State::Broken));
    free("new");
    targets.change(one("new", &folder)).unwrap();
    at_work(&targets, &["new"]);

    targets.stop(Duration::from_mins(1));
    targets.change(one("old", &folder)).unwrap();
    at_work(&targets, &[]);
    assert!(matches!(*targets.0.lock(), State::Stopped));
    fs::remove_dir_all(folder).unwrap();
}
