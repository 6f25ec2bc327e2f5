//! Saved states: as they are written for ever, and damaged. What is damaged is refused with what is wrong, or read; whatever
//! it holds, what follows does not panic.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::error::Error as _;
use std::sync::LazyLock;

use auditward_detect::{Config, Engine, RestoreError};
use auditward_rules::{Rule, Statistic, Threshold, Trigger};
use common::{compiled, event, events, feed, field, grouped, is, rule, says, step, suppressed};
use expect_test::expect;
use proptest::prelude::*;

fn rules() -> Vec<Rule> {
    let distinct = Trigger::Count {
        of: vec![step("", is("verb", "get"))],
        statistic: Statistic::Distinct(vec![field("objectRef.name")]),
        thresholds: vec![Threshold { relation: auditward_rules::Relation::GreaterOrEqual, value: 9.0 }],
        window_seconds: 600,
    };
    let sequence = Trigger::Sequence {
        steps: vec![step("got", is("verb", "get")), step("gone", is("verb", "delete"))],
        ordered: true,
        window_seconds: 600,
    };
    let first = Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("objectRef.name")],
        learning_seconds: 0,
        forget_seconds: 600,
    };
    vec![
        suppressed(60, rule("event", Trigger::Event(is("verb", "delete")))),
        grouped("user.username", rule("distinct", distinct)),
        rule("sequence", sequence),
        Rule { summary: says(&["%user.username"]), ..grouped("user.username", rule("first", first)) },
    ]
}

/// With something in every memory, and something that waits.
static SAVED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut engine = Engine::new(compiled(rules()), Config::default());
    let seen: Vec<String> = (0..60)
        .map(|n| event(n, &format!("{} {} ann o{}", n * 7, ["get", "delete"][n % 2], n % 5)))
        .collect();
    feed(&mut engine, &seen, &mut Vec::new());
    engine.save(&serde_json::json!({"next": 60}))
});

fn survive(bytes: &[u8]) -> Result<(), RestoreError> {
    let (mut engine, _) = Engine::restore(compiled(rules()), Config::default(), bytes)?;
    let mut alerts = Vec::new();
    feed(&mut engine, &events(&["500 delete ann o1", "501 get eve o9"]), &mut alerts);
    engine.finish(&mut alerts);
    let again = engine.save(&serde_json::Value::Null);
    Engine::restore(compiled(rules()), Config::default(), &again).map(drop)
}

fn told(error: &RestoreError) -> String {
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[test]
fn what_is_whole_is_read() {
    survive(&SAVED).unwrap();
}

/// Version 1 has been written so from the beginning; what is read late when nothing is saved is read before.
#[test]
fn version_1_stays_as_it_is() {
    let names = Rule { details: vec![("name".into(), field("objectRef.name"))], ..rules().remove(3) };
    let mut engine = Engine::new(compiled(vec![names]), Config::default());
    let seen = events(&["0 delete ann a", "130 get ann b", "131 get ann c", "132 delete ann d"]);
    feed(&mut engine, &seen, &mut Vec::new());
    // Every sixteenth event it is looked who has waited long enough.
    let many: Vec<String> = (4..100).map(|n| event(n, "140 get ann a")).collect();
    feed(&mut engine, &many, &mut Vec::new());
    let mut saved: serde_json::Value = serde_json::from_slice(&engine.save(&7.into())).unwrap();
    saved["memory"]["clock"]["recent"] = "…".into();
    expect![[r#"
        {
          "auditwardDetectState": 1,
          "memory": {
            "clock": {
              "recent": "…"
            },
            "counted": [
              "a26516d949bf7acafb527877e4ad4089"
            ],
            "done_until": 1790000000000000,
            "eras": [
              1790000000000000
            ],
            "rules": [
              {
                "alerted": [],
                "detectors": [
                  {
                    "Keys": [
                      [
                        "26a7ad528c82ef0c10f8b77c503441af",
                        1790000000000000
                      ]
                    ]
                  }
                ],
                "era": 0
              }
            ],
            "seen": 100,
            "waiting": [
              [
                4,
                {
                  "facts": {
                    "code": 200,
                    "event": "c31c8951a32be746c65361012312e818",
                    "impersonated_user": null,
                    "mark": {
                      "auditID": "3",
                      "stage": "ResponseComplete"
                    },
                    "object": {
                      "apiGroup": "",
                      "name": "d",
                      "namespace": "shop",
                      "resource": "pods",
                      "subresource": ""
                    },
                    "request": "46397f0f5f999db0d81bac344f13b763",
                    "source_ips": [
                      "10.0.0.1"
                    ],
                    "time": 1790000132000000,
                    "user": "ann",
                    "user_agent": "kubectl",
                    "verb": "delete"
                  },
                  "input": 0,
                  "keys": [
                    {
                      "group": "cc860dd2277b213d67d34bbf420b73db",
                      "values": [
                        "a405889a3be526459abb1fa3fad1547a"
                      ]
                    }
                  ],
                  "rule": 0,
                  "values": [
                    [
                      "ann"
                    ],
                    [
                      "d"
                    ]
                  ]
                }
              ]
            ]
          },
          "position": 7,
          "rules": [
            {
              "fingerprint": "f26420cc3874fc78fe614fc1567c5595",
              "id": "first"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&saved).unwrap());
}

#[test]
fn cut_anywhere_it_is_refused() {
    for end in (0..SAVED.len()).step_by(17) {
        let error = survive(&SAVED[..end]).unwrap_err();
        assert!(
            told(&error).starts_with("this is no state of the detection engine: EOF"),
            "{}",
            told(&error)
        );
    }
}

#[test]
fn it_says_what_is_wrong() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = String::from_utf8(SAVED.clone()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let error = survive(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(told(&error).starts_with(expected), "{}", told(&error));
    };
    check(
        "{\"auditwardDetectState\":1",
        "{\"auditwardDetectState\":99",
        "the state has version 99, and the newest that is known here is",
    );
    check(
        "\"rules\":[{",
        "\"rules\":[{\"id\":\"x\",\"fingerprint\":\"00000000000000000000000000000000\"},{",
        "the state contradicts itself: it has another number of memories than of rules",
    );
    check("{\"Keys\":", "{\"Windows\":", "this is no state of the detection engine: ");
    check("\"Keys\":[[\"", "\"Keys\":[[\"0", "this is no state of the detection engine: a digest has");
    check("\"era\":0", "\"era\":-1", "this is no state of the detection engine: invalid value");
}

proptest! {
    #[test]
    fn flipped_anywhere_it_is_survived(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = SAVED.clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Err(error) = survive(&bytes) {
            prop_assert!(!told(&error).is_empty());
        }
    }

    /// Digits that become other digits leave the JSON whole, so that what it holds gets through.
    #[test]
    fn other_numbers_are_survived(
        edits in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..30),
    ) {
        let mut bytes = SAVED.clone();
        let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
        for (at, digit) in edits {
            bytes[digits[at.index(digits.len())]] = digit;
        }
        if let Err(error) = survive(&bytes) {
            prop_assert!(!told(&error).is_empty());
        }
    }
}
