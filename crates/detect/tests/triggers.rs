//! What each kind of trigger fires at, case by case.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests stop at surprises")]

mod common;

use auditward_detect::Config;
use auditward_expr::Match;
use auditward_rules::{Relation, Rule, Source, Statistic, Step, Threshold, Trigger};
use common::{event, field, grouped, is, rule, says, short, step, suppressed, test};
use expect_test::{Expect, expect};

fn check(rule: Rule, events: &[&str], expected: Expect) {
    let alerts = common::alerts(vec![rule], Config::default(), &common::events(events));
    expected.assert_eq(&short(&alerts));
}

fn count(at_least: u32, window_seconds: u64) -> Trigger {
    Trigger::at_least(at_least, is("verb", "delete"), window_seconds)
}

fn statistic(statistic: Statistic, relation: Relation, value: f64) -> Trigger {
    Trigger::Count {
        of: vec![step("", is("verb", "delete"))],
        statistic,
        thresholds: vec![Threshold { relation, value }],
        window_seconds: 60,
    }
}

fn sequence(steps: &[&str], ordered: bool) -> Trigger {
    let steps = steps.iter().map(|verb| step(verb, is("verb", verb))).collect();
    Trigger::Sequence { steps, ordered, window_seconds: 60 }
}

#[test]
fn one_event() {
    check(
        rule("gone", Trigger::Event(is("verb", "delete"))),
        &["1 delete ann", "2 get ann", "3 delete bob"],
        expect![[r#"
            1 gone ann x1 [0]
            3 gone bob x1 [2]
        "#]],
    );
}

#[test]
fn one_request_is_one_alert_whatever_its_stages() {
    let stages = |stage: &str| event(7, "1 delete ann").replace("ResponseComplete", stage);
    let events = [stages("RequestReceived"), stages("ResponseStarted"), stages("ResponseComplete")];
    let gone = rule("gone", Trigger::Event(is("verb", "delete")));
    let alerts = common::alerts(vec![gone], Config::default(), &events);
    expect![[r#"
        1 gone ann x1 [7]
    "#]]
    .assert_eq(&short(&alerts));
}

#[test]
fn whoever_repeats_an_audit_id_is_seen_all_the_same() {
    let events = [event(7, "1 delete ann"), event(7, "1 delete ann"), event(7, "2 delete eve")];
    let gone = rule("gone", Trigger::Event(is("verb", "delete")));
    let alerts = common::alerts(vec![gone], Config::default(), &events);
    expect![[r#"
        1 gone ann x1 [7]
        2 gone eve x1 [7]
    "#]]
    .assert_eq(&short(&alerts));
}

#[test]
fn the_same_again_is_not_said_for_a_while() {
    let gone = rule("gone", Trigger::Event(is("verb", "delete")));
    check(
        suppressed(10, grouped("user.username", gone)),
        &["1 delete ann", "2 delete bob", "10.9 delete ann", "11 delete ann", "12 delete ann"],
        expect![[r#"
            1 gone ann x1 [0]
            2 gone bob x1 [1]
            11 gone ann x1 [3]
        "#]],
    );
}

#[test]
fn so_many_within_a_window() {
    check(
        grouped("user.username", rule("mass", count(3, 60))),
        &[
            "0 delete ann",
            "10 delete bob",
            "20 delete ann",
            "60 delete ann",
            "61 delete ann",
            "119 delete bob",
        ],
        expect![[r#"
            60 mass ann x3 [0 2 3]
        "#]],
    );
    check(
        grouped("user.username", rule("mass", count(3, 60))),
        &["0 delete ann", "20 delete ann", "60.1 delete ann", "80 delete ann"],
        expect![[r#"
            80 mass ann x3 [1 2 3]
        "#]],
    );
}

#[test]
fn a_full_window_says_so_once() {
    let events: Vec<String> = (0..100).map(|second| format!("{second} delete ann")).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    check(
        rule("mass", count(3, 60)),
        &events,
        expect![[r#"
        2 mass ann x3 [0 1 2]
        62 mass ann x61 [43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62]
    "#]],
    );
    check(
        suppressed(10, rule("mass", count(90, 95))),
        &events,
        expect![[r#"
        89 mass ann x90 [70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89]
        99 mass ann x96 [80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99]
    "#]],
    );
}

#[test]
fn so_many_different_values() {
    let names = Statistic::Distinct(vec![field("objectRef.name")]);
    check(
        rule("sweep", statistic(names, Relation::GreaterOrEqual, 3.0)),
        &[
            "0 delete ann a",
            "1 delete ann a",
            "2 delete ann b",
            "61 delete ann c",
            "62 delete bob a",
            "63 delete bob b",
        ],
        expect![[r#"
            61 sweep ann x3 [1 2 3]
        "#]],
    );
}

#[test]
fn sums_means_and_percentiles() {
    let size = || field("objectRef.name");
    let events =
        ["0 delete ann 10", "1 delete ann 20", "2 delete ann x", "3 delete ann 60", "64 delete ann 200"];
    check(
        rule("sum", statistic(Statistic::Sum(size()), Relation::Greater, 89.0)),
        &events,
        expect![[r#"
            3 sum ann x4 [0 1 2 3]
            64 sum ann x1 [4]
        "#]],
    );
    check(
        rule("mean", statistic(Statistic::Average(size()), Relation::Equal, 15.0)),
        &events,
        expect![[r#"
        1 mean ann x2 [0 1]
    "#]],
    );
    check(
        rule("median", statistic(Statistic::Percentile(size(), 50), Relation::Less, 15.0)),
        &events,
        expect![[r#"
            0 median ann x1 [0]
        "#]],
    );
}

#[test]
fn one_after_the_other() {
    let rule = || grouped("user.username", rule("chain", sequence(&["create", "get", "delete"], true)));
    check(
        rule(),
        &["0 create ann", "10 get ann", "60 delete ann"],
        expect![[r#"
        60 chain ann x3 [0 1 2]
    "#]],
    );
    check(rule(), &["0 create ann", "10 get ann", "61 delete ann"], expect![[r#""#]]);
    check(rule(), &["0 get ann", "1 create ann", "2 delete ann"], expect![[r#""#]]);
    check(rule(), &["0 create ann", "10 get bob", "11 delete ann"], expect![[r#""#]]);
    // The later beginning counts, and no event is told twice.
    check(
        rule(),
        &["0 create ann", "1 get ann", "50 create ann", "51 get ann", "100 delete ann", "101 delete ann"],
        expect![[r#"
            100 chain ann x3 [2 3 4]
        "#]],
    );
}

#[test]
fn one_step_is_not_the_next_as_well() {
    check(
        rule("twice", sequence(&["get", "get"], true)),
        &["0 get ann", "1 get bob", "2 get ann", "3 get bob"],
        expect![[r#"
            1 twice bob x2 [0 1]
            3 twice bob x2 [2 3]
        "#]],
    );
}

#[test]
fn all_of_them_in_any_order() {
    let rule = || rule("all", sequence(&["create", "get", "delete"], false));
    check(
        rule(),
        &["0 delete ann", "10 create bob", "60 get ann"],
        expect![[r#"
        60 all ann x3 [0 1 2]
    "#]],
    );
    check(
        rule(),
        &["0 delete ann", "10 create bob", "61 get ann", "62 delete ann"],
        expect![[r#"
        62 all ann x3 [1 2 3]
    "#]],
    );
}

#[test]
fn steps_may_name_their_group_differently() {
    let steps = vec![
        Step { group_by: vec![field("objectRef.name")], ..step("minted", is("verb", "create")) },
        Step { group_by: vec![field("user.username")], ..step("used", is("verb", "get")) },
    ];
    let trigger = Trigger::Sequence { steps, ordered: true, window_seconds: 60 };
    check(
        rule("token", trigger),
        &["0 create ann robot", "1 get ann", "2 get robot x"],
        expect![[r#"
        2 token robot x2 [0 2]
    "#]],
    );
}

#[test]
fn first_seen_after_learning() {
    let trigger = Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("user.username")],
        learning_seconds: 100,
        forget_seconds: 300,
    };
    check(
        rule("new", trigger),
        &[
            "0 get ann",
            "1 delete ann",
            "99 delete bob",
            "100 delete ann",
            "101 delete eve",
            "102 delete eve",
            "401 delete bob",
            "402 delete ann",
            "403 delete eve",
        ],
        expect![[r#"
            101 new eve x1 [4]
            401 new bob x1 [6]
            402 new ann x1 [7]
            403 new eve x1 [8]
        "#]],
    );
}

#[test]
fn what_fires_may_be_a_step() {
    let burst = Source::Fires { trigger: Box::new(count(2, 10)), group_by: vec![field("user.username")] };
    let steps = vec![
        Step { name: "burst".into(), when: burst, group_by: vec![] },
        step("create", is("verb", "create")),
    ];
    let trigger = Trigger::Sequence { steps, ordered: true, window_seconds: 60 };
    check(
        grouped("objectRef.namespace", rule("burst-then-create", trigger)),
        &["0 delete ann", "1 delete bob", "2 create eve", "3 delete bob", "4 create eve"],
        expect![[r#"
            4 burst-then-create eve x2 [3 4]
        "#]],
    );
}

#[test]
fn what_an_alert_says() {
    let with = Rule {
        summary: says(&["%user.username", " deleted ", "%objectRef.name", " by ", "%nothing.there"]),
        details: vec![
            ("agent".into(), field("userAgent")),
            ("groups".into(), field("user.groups[*]")),
            ("none".into(), field("nope")),
        ],
        refs: vec!["k8s_1001".into()],
        response: "ask ann".into(),
        ..rule("gone", Trigger::Event(test("verb", Match::Exists)))
    };
    let config = Config { cluster: "prod".into(), ..Config::default() };
    let alerts = common::alerts(vec![with], config, &common::events(&["1 delete ann"]));
    expect![[r#"
        {
          "id": "fd3c493366c11a700125f027a3c3bd89",
          "time": "2026-09-21T14:13:21.000000Z",
          "rule": "gone",
          "title": "gone happened",
          "severity": "warning",
          "refs": [
            "k8s_1001"
          ],
          "attack": {
            "tactics": [],
            "techniques": [],
            "threatMatrix": []
          },
          "cluster": "prod",
          "user": "ann",
          "sourceIPs": [
            "10.0.0.1"
          ],
          "userAgent": "kubectl",
          "verb": "delete",
          "code": 200,
          "object": {
            "apiGroup": "",
            "resource": "pods",
            "subresource": "",
            "namespace": "shop",
            "name": "web"
          },
          "summary": "ann deleted web by -",
          "count": 1,
          "events": [
            {
              "auditID": "0",
              "stage": "ResponseComplete"
            }
          ],
          "details": {
            "agent": "kubectl",
            "groups": "system:authenticated",
            "none": null
          },
          "response": "ask ann"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&alerts[0]).unwrap());
}
