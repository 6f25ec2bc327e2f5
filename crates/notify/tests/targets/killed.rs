//! A notifier that is killed in the middle of its work, as often as it takes: `kill -9`, and the disk is real.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::{Alerts, Folder, Server, WITHIN, ok, start};

const ALERTS: u64 = 400;
const ASKED: &str = "AUDITWARD_NOTIFY_CHILD";

/// No test: what the test below starts and kills.
#[test]
fn child() {
    let Ok(asked) = env::var(ASKED) else { return };
    let (folder, url) = asked.split_once(' ').unwrap();
    let folder = PathBuf::from(folder);
    let config = json!({ "hook": { "webhook": { "url": url }, "group": { "size_max": 3 } } });
    let feed = Alerts::new();
    let begun = folder.join("begun");
    if begun.exists() {
        feed.add(ALERTS);
    }
    let notifier = start(&folder, config, &feed);
    if !begun.exists() {
        fs::write(&begun, "").unwrap();
        feed.add(ALERTS);
        notifier.wake();
    }
    // Killed long before.
    thread::sleep(WITHIN * 4);
}

fn spawn(folder: &Folder, server: &Server) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(env::current_exe().unwrap());
    command.args(["killed::child", "--exact", "--nocapture"]);
    command.env(ASKED, format!("{} {}", folder.path().display(), server.url("/")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn each_alert_arrives_and_twice_only_what_was_at_hand_when_we_died() {
    let (folder, server) = (Folder::new("killed"), Server::new([ok()]));
    let mut kills = 0;
    let mut known = 0;
    while server.seen().len() < usize::try_from(ALERTS / 3).unwrap() {
        let mut child = spawn(&folder, &server);
        // Between none and nine deliveries further, and then a little.
        known = server.wait(known + 1 + kills % 9).len();
        thread::sleep(Duration::from_micros(u64::try_from(kills * 137 % 1500).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let mut child = spawn(&folder, &server);
    let delivered = |server: &Server| -> BTreeSet<String> {
        let ids = |alert: &serde_json::Value| alert["id"].as_str().unwrap().to_owned();
        let seen = server.seen();
        seen.iter()
            .flat_map(|r| r.json()["alerts"].as_array().unwrap().iter().map(ids).collect::<Vec<_>>())
            .collect()
    };
    let all = crate::support::until(|| (delivered(&server).len() as u64 == ALERTS).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all.is_some(), "{} of {ALERTS} after {kills} kills", delivered(&server).len());

    let keys: Vec<String> =
        server.seen().iter().map(|r| r.header("idempotency-key").unwrap().to_owned()).collect();
    // A delivery that came twice came twice in a row: it was at hand at a kill.
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(key).or_default().push(place);
    }
    for places in places.values() {
        assert!(places.windows(2).all(|two| two[1] == two[0] + 1), "{places:?}");
    }
    let again = keys.len() - places.len();
    assert!(again <= kills, "{again} deliveries came again after {kills} kills");
    // And no alert is in two deliveries.
    let alerts: usize = {
        let mut first = BTreeSet::new();
        let seen = server.seen();
        let fresh = seen.iter().filter(|r| first.insert(r.header("idempotency-key").unwrap().to_owned()));
        fresh.map(|r| r.json()["alerts"].as_array().unwrap().len()).sum()
    };
    assert_eq!(alerts as u64, ALERTS);
    eprintln!("{kills} kills, {again} deliveries came again");
}
