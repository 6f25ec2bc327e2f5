//! First-seen rules beside a model: what is known when it comes does not wait for its turn, and nobody can tell.
//!
//! Requests of several stages, copies, and everything out of order within the bound.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::collections::{HashMap, HashSet};

use auditward_detect::{Alert, Config, Engine};
use auditward_rules::{Rule, Source, Step, Trigger};
use common::{compiled, event, feed, field, grouped, is, rule, time};
use proptest::prelude::*;

const LEARNING: i64 = 120_000_000;
const FORGET: i64 = 150_000_000;

/// One stage of a request.
#[derive(Debug, Clone)]
struct Stage {
    request: usize,
    micros: i64,
    user: &'static str,
    name: &'static str,
    text: String,
}

/// In order, no two at the same time.
fn any_stages() -> impl Strategy<Value = Vec<Stage>> {
    let one = (1..30_000_000_i64, 0..2_usize, 0..3_usize, prop::option::of(1..300_000_000_i64));
    prop::collection::vec(one, 1..120).prop_map(|requests| {
        let (mut stages, mut micros) = (Vec::new(), 0);
        for (request, (after, user, name, second)) in requests.into_iter().enumerate() {
            micros += after;
            let (user, name) = (["ann", "bob"][user], ["a", "b", "c"][name]);
            let begun = event(request, &format!("0 delete {user} {name}")).replace(&time(0), &time(micros));
            let stage = |micros: i64, text: String| Stage { request, micros, user, name, text };
            stages.push(stage(micros, begun.clone()));
            if let Some(later) = second {
                let stamp = |micros: i64| format!("\"stageTimestamp\":\"{}\"", time(micros));
                let ended = begun.replace(&stamp(micros), &stamp(micros + later));
                stages.push(stage(micros + later, ended.replace("ResponseComplete", "Panic")));
            }
        }
        stages.sort_by_key(|stage| stage.micros);
        stages.dedup_by_key(|stage| stage.micros);
        stages
    })
}

fn rules() -> Vec<Rule> {
    let first = || Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("objectRef.name")],
        learning_seconds: 120,
        forget_seconds: 150,
    };
    // The same where it is only a step, which by itself is all there is.
    let step = Step {
        name: String::new(),
        when: Source::Fires { trigger: Box::new(first()), group_by: vec![field("user.username")] },
        group_by: vec![],
    };
    let nested = Trigger::Sequence { steps: vec![step], ordered: true, window_seconds: 1 };
    // With a body in its details it is read as a whole when it comes.
    let details = vec![("body".to_owned(), field("requestObject"))];
    let whole = Rule { details, ..rule("whole", first()) };
    vec![
        grouped("user.username", rule("first", first())),
        rule("nested", nested),
        grouped("user.username", whole),
    ]
}

/// The requests that each of the rules tells of, in order.
fn model(stages: &[Stage]) -> Vec<(usize, i64)> {
    let begin = stages[0].micros;
    let (mut last, mut counted, mut found) = (HashMap::new(), HashSet::new(), Vec::new());
    for stage in stages {
        let seen: &mut Option<i64> = last.entry((stage.user, stage.name)).or_default();
        if seen.is_some_and(|seen| seen >= stage.micros - FORGET) {
            *seen = Some(stage.micros);
        } else if counted.insert(stage.request) {
            *seen = Some(stage.micros);
            if stage.micros >= begin + LEARNING {
                found.push((stage.request, stage.micros));
            }
        }
    }
    found
}

fn found(alerts: &[Alert], rule: &str) -> Vec<(usize, i64)> {
    let of_rule = alerts.iter().filter(|alert| *alert.rule == *rule);
    let micros = |alert: &Alert| auditward_event::MicroTime::parse_rfc3339(&alert.time).unwrap().as_micros();
    of_rule
        .map(|alert| (alert.events[0].audit_id.parse().unwrap(), micros(alert) - 1_790_000_000_000_000))
        .collect()
}

/// As they might come: each up to the lateness after it happened, some twice.
fn shuffled(stages: &[Stage], delays: &[u8], copies: &[usize]) -> Vec<String> {
    let copied = copies.iter().map(|at| &stages[at % stages.len()]);
    let all: Vec<&Stage> = stages.iter().chain(copied).collect();
    let delay = |number: usize| i64::from(delays[number % delays.len()]) * 119_000_000 / 255;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|number| all[*number].micros + delay(*number));
    order.into_iter().map(|number| all[number].text.clone()).collect()
}

proptest! {
    #[test]
    fn alerts_are_those_of_the_model_however_events_come(
        stages in any_stages(),
        delays in prop::collection::vec(any::<u8>(), 1..50),
        copies in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let expected = model(&stages);
        let in_order: Vec<String> = stages.iter().map(|stage| stage.text.clone()).collect();
        for texts in [in_order, shuffled(&stages, &delays, &copies)] {
            let alerts = common::alerts(rules(), Config::default(), &texts);
            for rule in ["first", "nested", "whole"] {
                prop_assert_eq!(&found(&alerts, rule), &expected, "{}", rule);
            }
        }
    }

    #[test]
    fn a_restart_changes_nothing(
        stages in any_stages(),
        delays in prop::collection::vec(any::<u8>(), 1..50),
        cut in any::<prop::sample::Index>(),
    ) {
        let texts = shuffled(&stages, &delays, &[]);
        let expected = common::alerts(rules(), Config::default(), &texts);
        let (set, cut) = (compiled(rules()), cut.index(texts.len()));
        let (mut engine, mut alerts) = (Engine::new(set.clone(), Config::default()), Vec::new());
        feed(&mut engine, &texts[..cut], &mut alerts);
        let saved = engine.save(&0.into());
        let (mut engine, _) = Engine::restore(set, Config::default(), &saved).unwrap();
        feed(&mut engine, &texts[cut..], &mut alerts);
        engine.finish(&mut alerts);
        prop_assert_eq!(alerts, expected);
    }
}
