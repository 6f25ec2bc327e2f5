//! The engine beside a model that is too simple to be wrong, on random events.
//!
//! Rules of every kind, a few users and objects, so that groups meet. `PROPTEST_CASES` says how many; a failure prints the
//! events that it shrank to.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::collections::{BTreeSet, HashMap};

use auditward_detect::{Alert, Batch, Config, Engine, Order};
use auditward_event::EventView;
use auditward_rules::{Relation, Rule, Statistic, Threshold, Trigger};
use common::{compiled, event, feed, field, grouped, is, rule, step, suppressed};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Seen {
    micros: i64,
    verb: &'static str,
    user: &'static str,
    name: &'static str,
}

const VERBS: [&str; 3] = ["create", "get", "delete"];

/// In order, no two at the same time.
fn any_events(max: usize) -> impl Strategy<Value = Vec<Seen>> {
    let one = (1..40_000_000_i64, 0..3_usize, 0..2_usize, 0..3_usize);
    prop::collection::vec(one, 1..max).prop_map(|all| {
        let mut micros = 0;
        let seen = all.into_iter().map(|(after, verb, user, name)| {
            micros += after;
            Seen { micros, verb: VERBS[verb], user: ["ann", "bob"][user], name: ["a", "b", "c"][name] }
        });
        seen.collect()
    })
}

fn text(number: usize, seen: &Seen) -> String {
    let Seen { micros, verb, user, name } = seen;
    event(number, &format!("{} {verb} {user} {name}", *micros as f64 / 1e6))
}

fn rules() -> Vec<Rule> {
    let count = |at_least| Trigger::at_least(at_least, is("verb", "delete"), 60);
    let distinct = Trigger::Count {
        of: vec![step("", is("verb", "get")), step("", is("verb", "create"))],
        statistic: Statistic::Distinct(vec![field("objectRef.name")]),
        thresholds: vec![Threshold { relation: Relation::GreaterOrEqual, value: 2.0 }],
        window_seconds: 90,
    };
    let sequence = |ordered| Trigger::Sequence {
        steps: VERBS.iter().map(|verb| step(verb, is("verb", verb))).collect(),
        ordered,
        window_seconds: 100,
    };
    let first = Trigger::FirstSeen {
        of: is("verb", "delete"),
        key: vec![field("objectRef.name")],
        learning_seconds: 120,
        forget_seconds: 150,
    };
    vec![
        rule("event", Trigger::Event(is("verb", "delete"))),
        suppressed(45, grouped("user.username", rule("quiet", Trigger::Event(is("verb", "get"))))),
        grouped("user.username", rule("count", count(3))),
        suppressed(5, rule("count-all", count(4))),
        grouped("user.username", rule("distinct", distinct)),
        grouped("user.username", rule("ordered", sequence(true))),
        rule("unordered", sequence(false)),
        grouped("user.username", rule("first", first)),
    ]
}

/// Which rule says something at which event.
fn model(events: &[Seen]) -> BTreeSet<(usize, &'static str)> {
    let mut found = BTreeSet::new();
    let second = 1_000_000;
    let user = |seen: &Seen| seen.user;
    let all = |_: &Seen| "";
    for (now, seen) in events.iter().enumerate() {
        if seen.verb == "delete" {
            found.insert((now, "event"));
        }
    }
    let mut periodic = |id, period: i64, group: fn(&Seen) -> &'static str, fires: &dyn Fn(usize) -> bool| {
        let mut last: HashMap<&str, i64> = HashMap::new();
        for (now, seen) in events.iter().enumerate().filter(|(now, _)| fires(*now)) {
            if last.get(group(seen)).is_none_or(|last| seen.micros - last >= period * second) {
                last.insert(group(seen), seen.micros);
                found.insert((now, id));
            }
        }
    };
    let within = |now: usize, window: i64| {
        (0..=now).filter(move |then| events[*then].micros >= events[now].micros - window * second)
    };
    periodic("quiet", 45, user, &|now| events[now].verb == "get");
    periodic("count", 60, user, &|now| {
        let same = |then: &usize| events[*then].verb == "delete" && events[*then].user == events[now].user;
        same(&now) && within(now, 60).filter(same).count() >= 3
    });
    periodic("count-all", 5, all, &|now| {
        let same = |then: &usize| events[*then].verb == "delete";
        same(&now) && within(now, 60).filter(same).count() >= 4
    });
    periodic("distinct", 90, user, &|now| {
        let same = |then: &usize| events[*then].verb != "delete" && events[*then].user == events[now].user;
        same(&now)
            && within(now, 90).filter(same).map(|then| events[then].name).collect::<BTreeSet<_>>().len() >= 2
    });
    for (id, group) in [("ordered", user as fn(&Seen) -> &'static str), ("unordered", all)] {
        let mut begins: HashMap<&str, usize> = HashMap::new();
        for (now, seen) in events.iter().enumerate() {
            let from = begins.get(group(seen)).copied().unwrap_or(0);
            let usable: Vec<usize> = within(now, 100)
                .filter(|then| *then >= from && group(&events[*then]) == group(seen))
                .collect();
            let verb = |at: usize| events[at].verb;
            let fires = if id == "ordered" {
                seen.verb == "delete"
                    && usable.iter().any(|first| {
                        verb(*first) == "create"
                            && usable.iter().any(|next| next > first && verb(*next) == "get")
                    })
            } else {
                VERBS.iter().all(|wanted| usable.iter().any(|at| verb(*at) == *wanted))
            };
            if fires {
                found.insert((now, id));
                begins.insert(group(seen), now + 1);
            }
        }
    }
    for (now, seen) in events.iter().enumerate().filter(|(_, seen)| seen.verb == "delete") {
        let known = within(now, 150).any(|then| {
            let other = &events[then];
            then < now && (other.verb, other.user, other.name) == (seen.verb, seen.user, seen.name)
        });
        if !known && seen.micros >= events[0].micros + 120 * second {
            found.insert((now, "first"));
        }
    }
    found
}

fn found(alerts: &[Alert]) -> BTreeSet<(usize, &str)> {
    let last = |alert: &Alert| alert.events.last().unwrap().audit_id.parse().unwrap();
    alerts.iter().map(|alert| (last(alert), &*alert.rule)).collect()
}

fn run(config: Config, events: &[String]) -> Vec<Alert> {
    common::alerts(rules(), config, events)
}

fn texts(events: &[Seen]) -> Vec<String> {
    events.iter().enumerate().map(|(number, seen)| text(number, seen)).collect()
}

/// As they might come: each up to the lateness after it happened.
fn shuffled(events: &[Seen], delays: &[u8]) -> Vec<String> {
    let delay = |number: usize| i64::from(delays[number % delays.len()]) * 119_000_000 / 255;
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|number| events[*number].micros + delay(*number));
    order.into_iter().map(|number| text(number, &events[number])).collect()
}

proptest! {
    #[test]
    fn alerts_are_those_of_the_model(events in any_events(60)) {
        let alerts = run(Config::default(), &texts(&events));
        prop_assert_eq!(found(&alerts), model(&events));
        prop_assert_eq!(found(&alerts).len(), alerts.len());
    }

    #[test]
    fn what_comes_out_of_order_within_the_bound_changes_nothing(
        events in any_events(200),
        delays in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        prop_assert_eq!(run(Config::default(), &shuffled(&events, &delays)), run(Config::default(), &texts(&events)));
    }

    #[test]
    fn copies_change_nothing(events in any_events(60), copies in prop::collection::vec(0..60_usize, 0..30)) {
        let mut texts = texts(&events);
        let expected = run(Config::default(), &texts);
        for at in copies {
            let at = at % texts.len();
            texts.insert(at + 1, texts[at].clone());
        }
        prop_assert_eq!(run(Config::default(), &texts), expected);
    }

    #[test]
    fn at_once_finds_the_same(events in any_events(60), delays in prop::collection::vec(any::<u8>(), 1..50)) {
        let at_once = Config { order: Order::AtOnce, ..Config::default() };
        let alerts = run(at_once, &shuffled(&events, &delays));
        let mut expected = model(&events);
        // Which of several is said depends on which came first.
        expected.retain(|(_, rule)| *rule != "quiet");
        let alerts: Vec<Alert> = alerts.into_iter().filter(|alert| *alert.rule != *"quiet").collect();
        prop_assert_eq!(found(&alerts), expected);
    }

    #[test]
    fn a_restart_anywhere_changes_nothing(
        events in any_events(60),
        delays in prop::collection::vec(any::<u8>(), 1..50),
        cuts in prop::collection::vec(0..60_usize, 1..6),
    ) {
        let texts = shuffled(&events, &delays);
        let expected = run(Config::default(), &texts);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % texts.len()).collect();
        cuts.sort_unstable();
        let set = compiled(rules());
        let (mut engine, mut alerts, mut from) = (Engine::new(set.clone(), Config::default()), Vec::new(), 0);
        for cut in cuts {
            feed(&mut engine, &texts[from..cut], &mut alerts);
            let saved = engine.save(&cut.into());
            let (restored, report) = Engine::restore(set.clone(), Config::default(), &saved).unwrap();
            prop_assert_eq!(&report.position, &serde_json::Value::from(cut));
            prop_assert!(report.dropped.is_empty() && report.fresh.is_empty());
            (engine, from) = (restored, cut);
        }
        feed(&mut engine, &texts[from..], &mut alerts);
        engine.finish(&mut alerts);
        prop_assert_eq!(alerts, expected);
    }

    #[test]
    fn killed_anywhere_nothing_is_lost_and_ids_tell_doubles(
        events in any_events(60),
        save_every in 1..20_usize,
        killed_at in 0..60_usize,
    ) {
        let texts = texts(&events);
        let expected = run(Config::default(), &texts);
        let set = compiled(rules());
        let (mut engine, mut given) = (Engine::new(set.clone(), Config::default()), Vec::new());
        let mut saved = engine.save(&0.into());
        let killed_at = killed_at % texts.len();
        for (number, text) in texts[..killed_at].iter().enumerate() {
            feed(&mut engine, std::slice::from_ref(text), &mut given);
            if (number + 1) % save_every == 0 {
                saved = engine.save(&(number + 1).into());
            }
        }
        drop(engine);
        let (mut engine, report) = Engine::restore(set, Config::default(), &saved).unwrap();
        let from = usize::try_from(report.position.as_u64().unwrap()).unwrap();
        feed(&mut engine, &texts[from..], &mut given);
        engine.finish(&mut given);
        let mut once: HashMap<String, Alert> = HashMap::new();
        for alert in given {
            if let Some(before) = once.insert(alert.id.clone(), alert.clone()) {
                prop_assert_eq!(before, alert);
            }
        }
        let expected: HashMap<String, Alert> = expected.into_iter().map(|alert| (alert.id.clone(), alert)).collect();
        prop_assert_eq!(once, expected);
    }

    #[test]
    fn batches_and_threads_change_nothing(events in any_events(120), threads in 1..9_usize, size in 1..40_usize) {
        let texts = texts(&events);
        let expected = run(Config::default(), &texts);
        let mut engine = Engine::new(compiled(rules()), Config::default());
        let batches: Vec<&[String]> = texts.chunks(size).collect();
        // Each thread takes every nth batch; they are absorbed in the order of the log.
        let matched: Vec<Vec<Batch>> = std::thread::scope(|scope| {
            let work = |first: usize| {
                let mut matcher = engine.matcher();
                let mine = batches.iter().skip(first).step_by(threads);
                mine.map(|texts| {
                    let mut batch = Batch::default();
                    for text in *texts {
                        matcher.look(&EventView::parse(text.as_bytes()).unwrap(), &mut batch);
                    }
                    batch
                })
                .collect()
            };
            let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut matched: Vec<_> = matched.into_iter().map(Vec::into_iter).collect();
        let mut alerts = Vec::new();
        for number in 0..batches.len() {
            engine.absorb(&mut matched[number % threads].next().unwrap(), &mut alerts);
        }
        engine.finish(&mut alerts);
        prop_assert_eq!(alerts, expected);
    }
}
