//! The whole path on a real control-plane node: `auditward enable` turns audit on, a server of ours tails the log and is
//! posted the same events by the API server's webhook, people and an intruder are at work, a real Alertmanager takes the
//! alerts, and the server is killed with -9 and started again all the while.
//!
//! In the end both trails hold what the log holds, each event once, and each finding is one alert, here and at Alertmanager.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they saw"
)]

mod machine;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auditward_testkit::story::{self, Story};
use machine::{Key, Machine, eventually};

/// How long the server is left alone between two kills: a few workers are in the middle of something each time.
const BETWEEN_KILLS: Duration = Duration::from_millis(3500);

/// What the story's steps must have raised, at least: the gravest of each kind.
const MUST_ALARM: [&str; 8] = [
    "access-for-anonymous",
    "cluster-admin-binding",
    "miner-indicators",
    "privileged-pod",
    "sensitive-host-path",
    "exec-reads-credentials",
    "cluster-secrets-listed",
    "event-deletion",
];

#[test]
fn no_event_is_lost_and_no_alert_doubled_while_the_server_is_killed() {
    let Some(machine) = Machine::start() else { return };
    story::prepare(&machine.node).unwrap();
    machine.start_alertmanager();
    machine.start_server();
    machine.enable();

    let over = AtomicBool::new(false);
    let mut kills = 0;
    std::thread::scope(|scope| {
        let killing = scope.spawn(|| {
            let mut kills = 0;
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(BETWEEN_KILLS);
                machine.kill_server();
                machine.start_server();
                kills += 1;
            }
            kills
        });
        let mut story = Story::new(&machine.node, |step| eprintln!("{} {}", step.who, step.what));
        let told = story.ordinary_day().and_then(|()| story.intruder()).map_err(|error| error.to_string());
        over.store(true, Ordering::Relaxed);
        kills = killing.join().unwrap();
        told.unwrap();
    });

    // All that was logged up to now; the background goes on.
    let logged = machine.logged();
    eprintln!("{} events, {kills} kills", logged.len());
    assert!(kills >= 5, "the story was too short for many kills: {kills}");
    for cluster in ["log", "hook"] {
        let mut missing = BTreeSet::new();
        eventually(&format!("the trail `{cluster}` is whole"), || {
            let found = machine.trail(cluster);
            missing = logged.difference(&found.keys).cloned().collect();
            if !missing.is_empty() {
                eprintln!("{cluster}: {} of {} are missing", missing.len(), logged.len());
                std::thread::sleep(Duration::from_secs(2));
            }
            missing.is_empty()
        });
        let found = machine.trail(cluster);
        assert_eq!(found.keys.len(), found.events, "an event of `{cluster}` is there twice");
        let later = machine.logged();
        let strange: Vec<&Key> = found.keys.difference(&later).collect();
        assert!(strange.is_empty(), "in `{cluster}`, and not in the log: {strange:?}");
    }

    // Each finding once, and all of the log's own that `auditward detect` finds in it.
    let expected = machine.detect();
    eventually("all alerts are there", || machine.alerts("log").ids.is_superset(&expected));
    let alerts = machine.alerts("log");
    assert_eq!(alerts.ids.len(), alerts.count, "an alert is there twice");
    for rule in MUST_ALARM {
        assert!(alerts.rules.contains(rule), "nothing was raised by {rule}: {:?}", alerts.rules);
    }
    eventually("Alertmanager has all of them", || machine.delivered().is_superset(&alerts.ids));
    machine.node.kubectl().run(&["get", "--raw", "/readyz"]).unwrap();
}
