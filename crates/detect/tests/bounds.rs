//! Hostile events, wrong clocks, and limits: everything stays bounded, and what is given up is counted.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::time::Duration;

use auditward_detect::{Alert, Config, Counters, Engine, Limits};
use auditward_expr::Match;
use auditward_rules::{Rule, Trigger};
use common::{compiled, event, feed, field, grouped, is, rule, says, short, test};
use expect_test::expect;

fn mass(at_least: u32) -> Rule {
    grouped("user.username", rule("mass", Trigger::at_least(at_least, is("verb", "delete"), 60)))
}

fn run(rules: Vec<Rule>, limits: Limits, events: &[String]) -> (Vec<Alert>, Counters, usize) {
    let mut engine = Engine::new(compiled(rules), Config { limits, ..Config::default() });
    let mut alerts = Vec::new();
    feed(&mut engine, events, &mut alerts);
    engine.finish(&mut alerts);
    let (counters, entries) = (engine.counters().clone(), engine.entries());
    (alerts, counters, entries)
}

fn each(numbers: std::ops::Range<usize>, short: impl Fn(usize) -> String) -> Vec<String> {
    numbers.map(|number| event(number, &short(number))).collect()
}

#[test]
fn a_clock_far_ahead_does_not_end_the_windows_of_the_others() {
    let day = 86_400;
    let mut events = each(0..200, |n| format!("{n} get ann"));
    for at in [50, 80, 110] {
        events[at] = event(at, &format!("{at} delete ann"));
    }
    // One API server's clock is a year ahead, and sometimes one lies in the past.
    for at in (1..200).step_by(10) {
        events[at] = event(at, &format!("{} delete ann", at + 365 * day));
        events[at + 1] = event(at + 1, &format!("-{day} delete bob"));
    }
    let (alerts, counters, _) = run(vec![mass(3)], Limits::default(), &events);
    assert!(short(&alerts).contains("110 mass ann x3 [50 80 110]\n"), "{}", short(&alerts));
    assert_eq!(counters.groups_given_up, 0);
}

#[test]
fn after_a_pause_of_a_day_all_goes_on() {
    let mut events = each(0..300, |n| format!("{} get ann", if n < 100 { n } else { n + 86_400 }));
    for at in [97, 98, 102, 103, 104] {
        let seconds = if at < 100 { at } else { at + 86_400 };
        events[at] = event(at, &format!("{seconds} delete ann"));
    }
    let (alerts, ..) = run(vec![mass(3)], Limits::default(), &events);
    expect![[r#"
        86504 mass ann x3 [102 103 104]
    "#]]
    .assert_eq(&short(&alerts));
}

#[test]
fn a_clock_set_back_does_not_stop_anything() {
    let events = each(0..600, |n| format!("{} delete u{}", if n < 300 { n + 10_000 } else { n }, n / 3));
    let (alerts, ..) = run(vec![mass(3)], Limits::default(), &events);
    assert_eq!(alerts.len(), 200);
}

#[test]
fn groups_beyond_the_limit_are_given_up_the_oldest_first() {
    let limits = Limits { groups_per_rule_max: 10, ..Limits::default() };
    let mut events = each(0..100, |n| format!("{n} delete u{n}"));
    events.extend([event(100, "100 delete u99"), event(101, "101 delete u10")]);
    let (alerts, counters, entries) = run(vec![mass(2)], limits, &events);
    expect![[r#"
        100 mass u99 x2 [99 100]
    "#]]
    .assert_eq(&short(&alerts));
    assert!(counters.groups_given_up >= 90 && entries <= 40, "{counters:?} {entries}");
}

#[test]
fn a_window_holds_only_so_many() {
    let limits = Limits { events_per_window_max: 50, ..Limits::default() };
    let events = each(0..1000, |n| format!("{} delete ann", n as f64 / 100.0));
    let (alerts, counters, entries) = run(vec![mass(51)], limits, &events);
    // Counted before the oldest goes, so that a threshold just above is still reached.
    assert_eq!(alerts.len(), 1);
    assert!(counters.window_entries_given_up == 950 && entries < 100, "{counters:?} {entries}");
}

#[test]
fn all_rules_share_one_limit() {
    let limits = Limits { entries_max: 200, ..Limits::default() };
    let rules = (0..5).map(|n| Rule { id: format!("mass-{n}"), ..mass(2) }).collect();
    let events = each(0..2000, |n| format!("{} delete u{n}", n as f64 / 50.0));
    let (_, counters, entries) = run(rules, limits, &events);
    assert!(entries <= 200, "{entries}");
    assert!(counters.groups_given_up > 1000, "{counters:?}");
}

#[test]
fn keys_are_forgotten_beyond_the_limit() {
    let trigger = Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("user.username")],
        learning_seconds: 0,
        forget_seconds: 1_000_000,
    };
    let limits = Limits { keys_per_rule_max: 3, ..Limits::default() };
    let (alerts, counters, _) =
        run(vec![rule("new", trigger)], limits, &each(0..8, |n| format!("{n} delete u{}", n % 4)));
    assert_eq!((alerts.len(), counters.keys_given_up), (8, 5));
}

#[test]
fn what_waits_is_bounded() {
    let rules = vec![rule("gone", Trigger::Event(is("verb", "delete")))];
    let events = each(0..1000, |n| format!("{} delete ann", n as f64 / 1000.0));
    for limits in [
        Limits { waiting_max: 10, ..Limits::default() },
        Limits { waiting_bytes_max: 10_000, ..Limits::default() },
        Limits { waiting_events_max: 10, ..Limits::default() },
    ] {
        let (alerts, counters, _) = run(rules.clone(), limits, &events);
        assert_eq!(alerts.len(), 1000);
        assert!(counters.forced > 900, "{counters:?}");
    }
}

#[test]
fn requests_are_forgotten_beyond_the_limit() {
    let rules = vec![rule("gone", Trigger::Event(is("verb", "delete")))];
    let mut events = each(0..10, |n| format!("{n} delete ann"));
    events.extend([events[9].clone(), events[0].clone()]);
    let limits = Limits { requests_max: 5, ..Limits::default() };
    let at_once = Config { limits, order: auditward_detect::Order::AtOnce, ..Config::default() };
    let alerts = common::alerts(rules, at_once, &events);
    assert_eq!(alerts.len(), 11);
    assert_eq!(alerts[0], alerts[10], "and the copy's alert is a copy too");
}

#[test]
fn nothing_else_happens_and_time_goes_by() {
    let mut engine = Engine::new(compiled(vec![mass(2)]), Config::default());
    let mut alerts = Vec::new();
    feed(&mut engine, &common::events(&["0 delete ann", "1 delete ann"]), &mut alerts);
    let at =
        |seconds: i64| auditward_event::MicroTime::parse_rfc3339(&common::time(seconds * 1_000_000)).unwrap();
    engine.tick(at(100), &mut alerts);
    assert_eq!(short(&alerts), "");
    engine.tick(at(122), &mut alerts);
    expect![[r#"
        1 mass ann x2 [0 1]
    "#]]
    .assert_eq(&short(&alerts));
}

#[test]
fn hostile_events_are_survived() {
    let huge = "x".repeat(10_000_000);
    let containers =
        format!("[{}]", vec![r#"{"image":"a","securityContext":{"privileged":false}}"#; 10_000].join(","));
    let deep = format!("{}1{}", r#"{"a":["#.repeat(4_000), "]}".repeat(4_000));
    let body = |number: usize, body: &str| {
        let with = format!(r#","requestObject":{body},"requestReceived"#);
        event(number, "1 create ann").replace(r#","requestReceived"#, &with)
    };
    let events = [
        event(2, "1 create ann").replace("shop", &huge),
        event(3, "1 create ann").replace("\"ann\"", &format!("\"{huge}\"")),
        event(4, "1 create ann").replace("\"create\"", &format!("\"{huge}\"")),
        event(5, "1 create ann").replace("\"pods\"", &deep),
        body(6, &format!(r#"{{"spec":{{"containers":{containers}}}}}"#)),
        body(7, &deep),
        body(8, "{\"spec\":{\"containers\":7}}"),
        r#"{"auditID":7,"verb":[],"objectRef":[{"resource":"pods"}],"user":"x","sourceIPs":3}"#.to_owned(),
        "{}".to_owned(),
    ];
    let loud = Rule {
        summary: says(&["%user.username", " ", "%objectRef.namespace"]),
        details: vec![
            ("images".into(), field("requestObject.spec.containers[*].image")),
            ("all".into(), field("requestObject")),
            ("ns".into(), field("objectRef.namespace")),
        ],
        ..grouped(
            "requestObject.spec.containers[*].image",
            rule("loud", Trigger::Event(auditward_expr::Expr::Const(true))),
        )
    };
    let privileged = rule(
        "body",
        Trigger::Event(test("requestObject.spec.containers[*].securityContext.privileged", Match::Exists)),
    );
    let (alerts, counters, _) = run(vec![loud, privileged, mass(1)], Limits::default(), &events);
    assert_eq!((counters.events, counters.timeless), (9, 2));
    assert_eq!(alerts.iter().filter(|alert| *alert.rule == *"loud").count(), 9);
    let longest = alerts.iter().map(|alert| serde_json::to_string(alert).unwrap().len()).max().unwrap();
    assert!(longest < 100_000, "{longest}");
}

#[test]
fn heads_without_end_are_bounded() {
    let rules: Vec<Rule> = (0..20)
        .map(|n| {
            rule(
                &format!("r{n}"),
                Trigger::Event(auditward_expr::Expr::And(vec![
                    is("objectRef.resource", &format!("things{n}")),
                    is("user.username", "ann"),
                ])),
            )
        })
        .collect();
    let events: Vec<String> =
        (0..20_000).map(|n| event(n, "1 get ann").replace("\"pods\"", &format!("\"things{n}\""))).collect();
    let limits = Limits { heads_max: 100, ..Limits::default() };
    let (alerts, ..) = run(rules, limits, &events);
    assert_eq!(alerts.len(), 20);
}

#[test]
fn lateness_may_be_nothing_at_all() {
    let config = Config { lateness: Duration::ZERO, ..Config::default() };
    let alerts = common::alerts(vec![mass(2)], config, &common::events(&["0 delete ann", "5 delete ann"]));
    expect![[r#"
        5 mass ann x2 [0 1]
    "#]]
    .assert_eq(&short(&alerts));
}
