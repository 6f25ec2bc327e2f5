//! The queue against a model, under seeds: whatever the target answers and whenever we are killed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::config::{Choice, Group as GroupConfig, Retry, Span};
use crate::glob::Glob;

const SECOND: i64 = 1_000_000;

fn notice(seq: u64) -> Notice {
    Notice {
        id: format!("id{seq}"),
        seq,
        time: 0,
        severity: Severity::ALL[usize::try_from(seq % 8).unwrap()],
        rule: format!("rule-{}", seq % 3),
        title: String::new(),
        cluster: format!("c{}", seq % 2),
        summary: String::new(),
        alert: json!({ "user": format!("u{}", seq % 5), "object": { "namespace": "n" } }),
        falco: None,
    }
}

fn notices(numbers: std::ops::RangeInclusive<u64>) -> Vec<Notice> {
    numbers.map(notice).collect()
}

fn queue(target: &Target) -> Queue {
    Queue::new(Rules::of(target), 0, 7)
}

fn open(_: &Notice) -> bool {
    true
}

fn send(queue: &mut Queue, now: i64) -> Delivery {
    match queue.plan(now, &mut open) {
        Next::Send(delivery) => delivery,
        other => panic!("at {now}: {other:?}"),
    }
}

fn numbers(delivery: &Delivery) -> Vec<u64> {
    delivery.notices.iter().map(|notice| notice.seq).collect()
}

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, answered: true, reason: "no".to_owned() }
}

const BUSY: FailureKind = FailureKind::Busy { retry_after: None };

#[test]
fn what_is_there_goes_at_once() {
    let mut queue = queue(&Target::default());
    assert_eq!(queue.plan(0, &mut open), Next::Idle);
    queue.accept(notices(1..=3), 0);
    let delivery = send(&mut queue, 0);
    assert_eq!(numbers(&delivery), [1, 2, 3]);
    assert!(queue.is_unsaved());
    assert_eq!(queue.settle(delivery.batch, Ok(()), 0), Settled::Taken);
    assert_eq!(queue.plan(0, &mut open), Next::Idle);
    assert_eq!((queue.counts().sent, queue.pending()), (3, 0));
    // Told again by the feed, it is known.
    queue.accept(notices(1..=3), 0);
    assert_eq!(queue.plan(0, &mut open), Next::Idle);
}

#[test]
fn a_filter_leaves_out() {
    let glob = |text: &str| vec![Glob::new(text)];
    let target = Target {
        severity: Some(Severity::Warning),
        rules: Choice { include: glob("rule-*"), exclude: glob("*-2") },
        clusters: Choice { include: glob("c?"), exclude: Vec::new() },
        ..Target::default()
    };
    let mut queue = queue(&target);
    queue.accept(notices(1..=16), 0);
    // Severities are the numbers modulo 8, rules modulo 3.
    assert_eq!(numbers(&send(&mut queue, 0)), [3, 4, 6, 7, 12, 13, 15]);
    assert_eq!(queue.counts().filtered, 9);
}

#[test]
fn groups_wait_for_company_and_then_for_their_interval() {
    let target = Target {
        group: GroupConfig {
            by: vec!["rule".to_owned()],
            wait: Span::from_secs(30),
            interval: Span::from_secs(300),
            ..GroupConfig::default()
        },
        ..Target::default()
    };
    let mut queue = queue(&target);
    queue.accept(notices(1..=2), 0);
    assert_eq!(queue.plan(0, &mut open), Next::Wait(30 * SECOND));
    queue.accept(notices(3..=4), 10 * SECOND);
    assert_eq!(queue.plan(29 * SECOND, &mut open), Next::Wait(30 * SECOND));
    let first = send(&mut queue, 30 * SECOND);
    assert_eq!((numbers(&first), first.group), (vec![1, 4], vec![("rule".to_owned(), "rule-1".to_owned())]));
    queue.settle(first.batch, Ok(()), 30 * SECOND);
    let second = send(&mut queue, 30 * SECOND);
    assert_eq!(numbers(&second), [2]);
    queue.settle(second.batch, Ok(()), 30 * SECOND);
    let third = send(&mut queue, 40 * SECOND);
    assert_eq!(numbers(&third), [3]);
    queue.settle(third.batch, Ok(()), 40 * SECOND);
    // Number 7 is of the first group again.
    queue.accept(vec![notice(7)], 50 * SECOND);
    assert_eq!(queue.plan(50 * SECOND, &mut open), Next::Wait(330 * SECOND));
    assert_eq!(numbers(&send(&mut queue, 330 * SECOND)), [7]);
}

#[test]
fn fields_of_the_alert_make_groups_too() {
    let by = ["user", "object.namespace", "severity", "cluster", "object.none"];
    let target = Target {
        group: GroupConfig { by: by.map(str::to_owned).to_vec(), ..GroupConfig::default() },
        ..Target::default()
    };
    let mut queue = queue(&target);
    queue.accept(vec![notice(1)], 0);
    let values: Vec<String> = send(&mut queue, 0).group.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["u1", "n", "informational", "c1", ""]);
}

#[test]
fn an_open_alert_is_told_again_and_a_closed_one_is_not() {
    let group = GroupConfig { repeat: Some(Span::from_secs(60)), repeat_max: 2, ..GroupConfig::default() };
    let mut queue = queue(&Target { group, ..Target::default() });
    queue.accept(notices(1..=2), 0);
    let first = send(&mut queue, 0);
    queue.settle(first.batch, Ok(()), 0);
    assert_eq!(queue.plan(0, &mut open), Next::Wait(60 * SECOND));
    let Next::Send(again) = queue.plan(60 * SECOND, &mut |notice| notice.seq == 2) else { panic!() };
    assert_eq!((numbers(&again), again.repeat), (vec![2], 1));
    assert_ne!(again.id, first.id);
    queue.settle(again.batch, Ok(()), 61 * SECOND);
    let third = send(&mut queue, 121 * SECOND);
    assert_eq!(third.repeat, 2);
    queue.settle(third.batch, Ok(()), 121 * SECOND);
    assert_eq!(queue.plan(999 * SECOND, &mut open), Next::Idle);
    assert_eq!((queue.counts().sent, queue.counts().repeated), (2, 2));
}

#[test]
fn a_busy_target_is_left_alone_for_as_long_as_it_asks() {
    let mut queue = queue(&Target::default());
    queue.accept(vec![notice(1)], 0);
    let delivery = send(&mut queue, 0);
    let asked = FailureKind::Busy { retry_after: Some(90 * SECOND) };
    assert_eq!(queue.settle(delivery.batch, Err(&failure(asked)), 0), Settled::Later);
    queue.accept(vec![notice(2)], 0);
    assert_eq!(queue.plan(0, &mut open), Next::Wait(90 * SECOND));
    let asked = FailureKind::Busy { retry_after: Some(i64::MAX) };
    let delivery = send(&mut queue, 90 * SECOND);
    queue.settle(delivery.batch, Err(&failure(asked)), 90 * SECOND);
    assert_eq!(queue.plan(90 * SECOND, &mut open), Next::Wait(3690 * SECOND));
    // A clock that was set back by a day does not make it a day.
    assert_eq!(queue.plan(-86_400 * SECOND, &mut open), Next::Wait(-82_800 * SECOND));
}

#[test]
fn what_is_refused_stands_in_nobodys_way_and_dies() {
    let group = GroupConfig { size_max: 1, ..GroupConfig::default() };
    let mut queue = queue(&Target { group, ..Target::default() });
    queue.accept(notices(1..=2), 0);
    let bad = send(&mut queue, 0);
    assert_eq!(numbers(&bad), [1]);
    assert_eq!(queue.settle(bad.batch, Err(&failure(FailureKind::Refused)), 0), Settled::Later);
    let good = send(&mut queue, 0);
    assert_eq!(numbers(&good), [2]);
    queue.settle(good.batch, Ok(()), 0);
    let mut now = 0;
    for tries in 2..=8 {
        now += 600 * SECOND;
        let bad = send(&mut queue, now);
        let settled = queue.settle(bad.batch, Err(&failure(FailureKind::Refused)), now);
        assert_eq!(matches!(settled, Settled::Dead(_)), tries == 8, "{tries}");
    }
    assert_eq!(queue.pending(), 1);
    queue.bury(bad.batch);
    assert_eq!((queue.pending(), queue.counts().dead, queue.counts().failed), (0, 1, 8));
}

#[test]
fn a_refused_alert_takes_no_other_with_it() {
    let mut queue = queue(&Target::default());
    queue.accept(notices(1..=9), 0);
    let (mut now, mut taken, mut dead, mut tries) = (0, BTreeSet::new(), Vec::new(), 0);
    while queue.pending() > 0 {
        now += 3600 * SECOND;
        let delivery = send(&mut queue, now);
        tries += 1;
        if !numbers(&delivery).contains(&4) {
            taken.extend(numbers(&delivery));
            queue.settle(delivery.batch, Ok(()), now);
        } else if let Settled::Dead(delivery) =
            queue.settle(delivery.batch, Err(&failure(FailureKind::Refused)), now)
        {
            dead.extend(numbers(&delivery));
            queue.bury(delivery.batch);
        }
    }
    assert_eq!((dead, taken), (vec![4], BTreeSet::from([1, 2, 3, 5, 6, 7, 8, 9])));
    // Eight of all of them, then 1–5, 6–9, 1–3, 4–5, 4, 5.
    assert_eq!(tries, 8 + 6);
}

#[test]
fn a_target_that_is_busy_now_and_then_refuses_no_half() {
    let mut queue = queue(&Target::default());
    queue.accept(notices(1..=9), 0);
    let (mut now, mut busy) = (0, BTreeMap::<u64, u32>::new());
    let (mut taken, mut dead) = (BTreeSet::new(), Vec::new());
    while queue.pending() > 0 {
        now += 3600 * SECOND;
        let delivery = send(&mut queue, now);
        let was_busy = busy.entry(delivery.batch).or_default();
        let outcome = if numbers(&delivery).contains(&4) {
            Err(failure(FailureKind::Refused))
        } else if *was_busy < 3 && numbers(&delivery)[0] < 10 {
            *was_busy += 1;
            Err(failure(BUSY))
        } else {
            taken.extend(numbers(&delivery));
            Ok(())
        };
        // Others are taken meanwhile, so that it may look as if it were this one's fault.
        queue.accept(vec![notice(u64::try_from(now / SECOND).unwrap())], now);
        if let Settled::Dead(delivery) = queue.settle(delivery.batch, outcome.as_ref().map(drop), now) {
            dead.extend(numbers(&delivery));
            queue.bury(delivery.batch);
        }
        if now > 300 * 3600 * SECOND {
            break;
        }
    }
    assert_eq!(dead, [4]);
    assert!(taken.is_superset(&BTreeSet::from([1, 2, 3, 5, 6, 7, 8, 9])), "{taken:?}");
}

#[test]
fn a_target_that_is_down_for_a_week_kills_nothing() {
    let mut queue = queue(&Target::default());
    queue.accept(vec![notice(1)], 0);
    let mut now = 0;
    for _ in 0..2016 {
        let delivery = send(&mut queue, now);
        assert_eq!(queue.settle(delivery.batch, Err(&failure(BUSY)), now), Settled::Later);
        now += 300 * SECOND;
    }
}

#[test]
fn what_makes_a_working_target_fall_over_dies() {
    let group = GroupConfig { size_max: 1, ..GroupConfig::default() };
    let mut queue = queue(&Target { group, ..Target::default() });
    let mut now = 0;
    for number in 1..=100 {
        queue.accept(vec![notice(number)], now);
        while let Next::Send(delivery) = queue.plan(now, &mut open) {
            let bad = numbers(&delivery) == [1];
            let outcome = if bad { Err(&failure(BUSY)) } else { Ok(()) };
            if let Settled::Dead(dead) = queue.settle(delivery.batch, outcome, now) {
                assert_eq!(numbers(&dead), [1]);
                queue.bury(dead.batch);
            }
        }
        now += 600 * SECOND;
    }
    assert_eq!((queue.counts().dead, queue.counts().sent), (1, 99));
}

#[test]
fn a_closed_door_is_knocked_at_for_a_day() {
    let mut queue = queue(&Target::default());
    queue.accept(vec![notice(1)], 0);
    let mut now = 0;
    loop {
        let delivery = send(&mut queue, now);
        match queue.settle(delivery.batch, Err(&failure(FailureKind::Closed)), now) {
            Settled::Later => now += 300 * SECOND,
            _ => break,
        }
    }
    assert_eq!(now, 86_400 * SECOND);
}

#[test]
fn a_full_queue_reads_no_more_and_waits_for_no_company() {
    let group = GroupConfig { wait: Span::from_secs(3600), ..GroupConfig::default() };
    let mut queue = queue(&Target { group, ..Target::default() });
    queue.accept(notices(1..=999), 0);
    assert_eq!((queue.room(), queue.plan(0, &mut open)), (1, Next::Wait(3600 * SECOND)));
    queue.accept(vec![notice(1000)], 0);
    assert_eq!((queue.room(), numbers(&send(&mut queue, 0)).len()), (0, 100));
}

#[test]
fn a_saved_queue_goes_on_and_what_the_feed_lost_is_counted() {
    let target = Target { group: GroupConfig { size_max: 2, ..GroupConfig::default() }, ..Target::default() };
    let mut queue = queue(&target);
    queue.accept(notices(1..=5), 0);
    let first = send(&mut queue, 0);
    queue.settle(first.batch, Ok(()), 0);
    let saved = Saved::read(&queue.save().text()).unwrap();
    assert_eq!(saved.needs(), [3, 4, 5]);
    let mut queue = Queue::restore(Rules::of(&target), saved, vec![notice(3), notice(5)], 7);
    assert_eq!((queue.read(), queue.counts().lost), (5, 1));
    assert_eq!(numbers(&send(&mut queue, 0)), [3, 5]);
}

#[test]
fn files_of_strangers() {
    for text in ["", "{}", "[]", r#"{"version":1}"#, r#"{"version":1,"read":-1,"groups":[],"batches":[]}"#] {
        assert!(matches!(Saved::read(text.as_bytes()), Err(SavedError::Read(_))), "{text}");
    }
    let newer = Saved::read(br#"{"version":2,"else":1}"#).unwrap_err();
    assert_eq!(newer.to_string(), "it has version 2, and this program reads 1");
    // The same number in two places, and one that was never read.
    let odd = r#"{"version":1,"read":3,"groups":[{"key":[],"waiting":[1,1,9],"since":0,"flush":0,"sent":null,"told":[1],"repeats":0}],
        "batches":[{"key":[],"numbers":[1,2],"repeat":0,"refusals":0,"tries":0,"firstFailed":null}]}"#;
    let saved = Saved::read(odd.as_bytes()).unwrap();
    let mut queue = Queue::restore(Rules::of(&Target::default()), saved, notices(1..=9), 7);
    assert_eq!(numbers(&send(&mut queue, 0)), [1, 2]);
    assert_eq!(queue.pending(), 2);
}

/// The version that was released reads for ever.
#[test]
fn the_first_version() {
    let text = r#"{"version":1,"read":120,"groups":[{"key":[["rule","r"]],"waiting":[119,120],"since":1785000000000000,"flush":0,"sent":null,"told":[],"repeats":0}],"batches":[{"key":[],"numbers":[117,118],"repeat":0,"refusals":2,"tries":2,"firstFailed":1785000000000000}]}
"#;
    let saved = Saved::read(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(saved.text()).unwrap(), text);
}

/// A target as a model: answers by chance, and remembers.
struct World {
    random: Random,
    now: i64,
    last: u64,
    target: Target,
    /// The disk: what was saved last.
    saved: Saved,
    /// How often the target acknowledged which alert when it was not a repetition.
    taken: BTreeMap<u64, u32>,
    dead: BTreeSet<u64>,
    /// Alerts whose acknowledgement a crash took away before it was saved, with the delivery's id.
    forgotten: BTreeMap<u64, String>,
    /// What was refused at least once.
    refused: BTreeSet<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut choose = |from: &[u32]| from[usize::try_from(random.below(from.len() as u64)).unwrap()];
        let group = GroupConfig {
            by: ["rule", "user"][..choose(&[0, 1, 2]) as usize].iter().map(|s| (*s).to_owned()).collect(),
            wait: Span::from_secs(choose(&[0, 5, 60])),
            interval: Span::from_secs(choose(&[0, 0, 30])),
            repeat: (choose(&[0, 1]) == 1).then(|| Span::from_secs(100)),
            repeat_max: choose(&[1, 3]),
            size_max: choose(&[1, 2, 100]) as usize,
        };
        let retry = Retry { tries_max: choose(&[1, 3, 8]), ..Retry::default() };
        let rules = Choice {
            include: Vec::new(),
            exclude: vec![Glob::new(if choose(&[0, 1]) == 0 { "rule-0" } else { "" })],
        };
        let target = Target { rules, group, retry, ..Target::default() };
        let saved = queue(&target).save();
        Self {
            random,
            now: 0,
            last: 0,
            target,
            saved,
            taken: BTreeMap::new(),
            dead: BTreeSet::new(),
            forgotten: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }

    fn restart(&mut self) -> Queue {
        let needs = self.saved.needs().into_iter().map(notice).collect();
        Queue::restore(Rules::of(&self.target), self.saved.clone(), needs, self.random.next())
    }

    /// One turn of a worker. True when it was killed.
    fn turn(&mut self, queue: &mut Queue, healthy: bool) -> bool {
        let room = queue.room().min(usize::try_from(self.random.below(4)).unwrap() + usize::from(healthy));
        let upto = self.last.min(queue.read() + room as u64);
        if queue.read() < upto {
            queue.accept(notices(queue.read() + 1..=upto), self.now);
        }
        let (coin, killed) = (self.random.next(), !healthy && self.random.below(20) == 0);
        let next = queue.plan(self.now, &mut |notice| (notice.seq ^ coin) % 2 == 0);
        let Next::Send(delivery) = next else {
            if let Next::Wait(at) = next {
                assert!(at > self.now);
            }
            if queue.is_worth_saving() {
                self.saved = queue.save();
            }
            return killed;
        };
        if killed {
            return true;
        }
        if queue.is_unsaved() {
            self.saved = queue.save();
        }
        let answer = if healthy { 9 } else { self.random.below(10) };
        let outcome = match answer {
            0 => Err(failure(FailureKind::Refused)),
            1 => Err(failure(FailureKind::Closed)),
            2 | 3 => Err(failure(FailureKind::Busy { retry_after: Some(20 * SECOND) })),
            4 => Err(Failure::unreachable("gone")),
            _ => Ok(()),
        };
        match &outcome {
            Ok(()) => self.acknowledge(&delivery),
            Err(failure) if failure.answered => self.refused.extend(numbers(&delivery)),
            Err(_) => {}
        }
        let killed = !healthy && self.random.below(20) == 0;
        if killed {
            if outcome.is_ok() && delivery.repeat == 0 {
                self.forgotten.extend(numbers(&delivery).into_iter().map(|n| (n, delivery.id.clone())));
            }
            return true;
        }
        match queue.settle(delivery.batch, outcome.as_ref().map(drop), self.now) {
            Settled::Dead(dead) => {
                self.dead.extend(numbers(&dead));
                queue.bury(dead.batch);
                self.saved = queue.save();
            }
            Settled::Taken => self.saved = queue.save(),
            Settled::Later => {}
        }
        false
    }

    fn acknowledge(&mut self, delivery: &Delivery) {
        let numbers = numbers(delivery);
        assert!(!numbers.is_empty() && numbers.len() <= self.target.group.size_max);
        assert!(numbers.is_sorted());
        if delivery.repeat > 0 {
            assert!(delivery.repeat <= self.target.group.repeat_max);
            assert!(numbers.iter().all(|number| self.taken.contains_key(number)));
            return;
        }
        for number in numbers {
            let times = self.taken.entry(number).or_default();
            *times += 1;
            if *times > 1 {
                // Only what a crash made us forget, and then as the same delivery; or as a part of it, if it was refused.
                let forgotten = self.forgotten.remove(&number).expect("it was forgotten");
                assert!(forgotten == delivery.id || self.refused.contains(&number), "{number}");
            }
            assert_ne!(self.target.rules.takes(&format!("rule-{}", number % 3)), self.dead.contains(&number));
        }
    }
}

#[test]
fn whatever_happens_each_alert_arrives_once_or_dies() {
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        let mut queue = world.restart();
        for _ in 0..150 {
            world.last += world.random.below(3);
            if world.turn(&mut queue, false) {
                queue = world.restart();
            }
            world.now += match world.random.below(30) {
                // Clocks are set.
                0 => -3600 * SECOND,
                1 => 3600 * SECOND,
                _ => i64::try_from(world.random.below(20)).unwrap() * SECOND,
            };
        }
        // The target is well again, and nobody kills us: in bounded time all is settled.
        let mut turns = 0;
        while queue.read() < world.last || queue.pending() > 0 {
            world.turn(&mut queue, true);
            world.now += 5 * SECOND;
            turns += 1;
            assert!(turns < 2000, "seed {seed}");
        }
        let wanted: BTreeSet<u64> =
            (1..=world.last).filter(|n| world.target.rules.takes(&format!("rule-{}", n % 3))).collect();
        let settled: BTreeSet<u64> = world.taken.keys().chain(&world.dead).copied().collect();
        assert_eq!(settled, wanted, "seed {seed}");
        assert_eq!(queue.pending(), 0, "seed {seed}");
        assert_eq!(queue.counts().lost, 0, "seed {seed}");
    }
}
