//! How fast rules are matched: `cargo bench -p auditward-detect`, or `make bench`.
//!
//! A captured log of a real cluster (`level: RequestResponse`), repeated with other audit ids and times. In every round each
//! contestant takes its turn over the same bytes, so that a busy machine slows all of them down; shown are the middle of
//! all rounds, and the middle of the ratios to the first.
//!
//! - ours: lines found, spans, all rules, windows, alerts;
//! - `serde_json`, borrowed: the top level with bodies as `RawValue`, nothing matched;
//! - `serde_json::Value`: everything parsed, nothing matched.
//!
//! Then all rules over what the log has of ordinary work alone, before its first attack: a third of the events of the whole
//! raise an alert, which no cluster's do for long. Then the same with more and more generated rules, and with several threads.
//! Rules: the shipped ones, Falco's and Sigma's from the corpus (`AUDITWARD_CORPUS`) where it is. `cargo bench … -- WORD RULES`
//! takes the contestants with this word in their names, and the rules with that one.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_wrap,
    reason = "a bench stops at surprises and talks"
)]

mod rules;

use std::borrow::Cow;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward_detect::{Batch, Config, Engine, RuleSet};
use auditward_event::{EventView, Events, MicroTime};
use auditward_rules::Rule;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How often the captured log is repeated.
const COPIES: usize = 30;

type Turn<'t> = Box<dyn Fn() -> usize + 't>;

fn main() {
    let quick = !std::env::args().any(|arg| arg == "--bench");
    let rounds = if quick { 1 } else { 11 };
    let copies = if quick { 1 } else { COPIES };
    let captured = captured();
    let text = log(&captured.lines(), copies);
    let lines: Vec<&[u8]> = lines(&text).collect();
    let mut words = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let (wanted, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let arena = Arena { wanted, rounds, bytes: text.len(), events: lines.len() };
    println!("{} events, {} bytes", lines.len(), text.len());

    for (name, rules) in rules::available().into_iter().filter(|(name, _)| name.contains(&of)) {
        let set = compiled(rules);
        println!("\n{name}: {} rules, {} alerts", set.rules().len(), ours(&set, &text));
        arena.beside(&set, &text);
    }

    let set = compiled(rules::available().pop().unwrap().1);
    let ordinary = log(&captured.lines().take_while(|line| !line.contains("mark-")), copies);
    let events = memchr::memchr_iter(b'\n', &ordinary).count();
    println!("\nall rules, ordinary work: {events} events, {} alerts", ours(&set, &ordinary));
    Arena { wanted: arena.wanted.clone(), rounds, bytes: ordinary.len(), events }.beside(&set, &ordinary);

    println!("\ngenerated rules, one core");
    let sets = [0, 1, 10, 100, 1000].map(|count| (count, compiled(rules::generated(count))));
    let turn = |(count, set): &(usize, Arc<RuleSet>)| -> (String, Turn<'_>) {
        let (set, text) = (set.clone(), &text);
        (format!("{count} rules"), Box::new(move || ours(&set, text)))
    };
    arena.contest(&sets.iter().map(turn).collect::<Vec<_>>());

    println!("\nall rules, threads that match");
    let turn = |count| -> (String, Turn<'_>) {
        let (set, lines) = (&set, &lines);
        (format!("{count}"), Box::new(move || threads(set, lines, count)))
    };
    arena.contest(&[1, 2, 4].map(turn));
}

fn compiled(rules: Vec<Rule>) -> Arc<RuleSet> {
    Arc::new(RuleSet::compile(rules).unwrap())
}

struct Arena {
    /// Those with this word in their names.
    wanted: String,
    rounds: usize,
    bytes: usize,
    events: usize,
}

impl Arena {
    /// These rules over this log, beside whoever only reads it.
    fn beside(&self, set: &Arc<RuleSet>, text: &[u8]) {
        self.contest(&[
            ("ours, one core".to_owned(), Box::new(|| ours(set, text))),
            ("serde_json, borrowed top level".to_owned(), Box::new(|| by_struct(text))),
            ("serde_json::Value".to_owned(), Box::new(|| by_value(text))),
        ]);
    }

    /// Everybody in every round.
    fn contest(&self, contestants: &[(String, Turn<'_>)]) {
        let contestants: Vec<_> =
            contestants.iter().filter(|(name, _)| name.contains(&self.wanted)).collect();
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); contestants.len()];
        for _ in 0..self.rounds {
            for ((_, turn), times) in contestants.iter().zip(&mut times) {
                times.push(measure(turn).as_secs_f64());
            }
        }
        for ((name, _), own) in contestants.iter().zip(&times) {
            let seconds = middle(own.clone());
            let ratio = middle(own.iter().zip(&times[0]).map(|(own, first)| own / first).collect());
            let (megabytes, rate) = (self.bytes as f64 / 1e6 / seconds, self.events as f64 / seconds);
            println!("  {name:32} {megabytes:7.0} MB/s {rate:10.0} events/s   takes x{ratio:.2}");
        }
    }
}

fn measure(turn: &Turn<'_>) -> Duration {
    let start = Instant::now();
    black_box(turn());
    start.elapsed()
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn ours(set: &Arc<RuleSet>, text: &[u8]) -> usize {
    let mut engine = Engine::new(set.clone(), Config::default());
    let mut matcher = engine.matcher();
    let (mut alerts, mut batch) = (Vec::new(), Batch::default());
    let mut events = Events::new(text);
    let mut count = 0;
    while let Some(event) = events.next() {
        matcher.look(&event.unwrap().view, &mut batch);
        if batch.len() == 256 {
            engine.absorb(&mut batch, &mut alerts);
            count += alerts.drain(..).len();
        }
    }
    engine.absorb(&mut batch, &mut alerts);
    engine.finish(&mut alerts);
    count + alerts.len()
}

/// Lines shared out in batches, absorbed in order.
fn threads(set: &Arc<RuleSet>, lines: &[&[u8]], threads: usize) -> usize {
    let mut engine = Engine::new(set.clone(), Config::default());
    let batches: Vec<&[&[u8]]> = lines.chunks(256).collect();
    let mut matched: Vec<std::vec::IntoIter<Batch>> = std::thread::scope(|scope| {
        let work = |first: usize| {
            let mut matcher = engine.matcher();
            let mine = batches.iter().skip(first).step_by(threads);
            let batches = mine.map(|lines| {
                let mut batch = Batch::default();
                for line in *lines {
                    matcher.look(&EventView::parse(line).unwrap(), &mut batch);
                }
                batch
            });
            batches.collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        running.into_iter().map(|thread| thread.join().unwrap().into_iter()).collect()
    });
    let mut alerts = Vec::new();
    for number in 0..batches.len() {
        engine.absorb(&mut matched[number % threads].next().unwrap(), &mut alerts);
    }
    engine.finish(&mut alerts);
    alerts.len()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopLevel<'a> {
    #[serde(borrow)]
    level: Cow<'a, str>,
    #[serde(borrow, rename = "auditID")]
    audit_id: Cow<'a, str>,
    #[serde(borrow)]
    stage: Cow<'a, str>,
    #[serde(borrow, rename = "requestURI")]
    request_uri: Cow<'a, str>,
    #[serde(borrow)]
    verb: Cow<'a, str>,
    #[serde(borrow)]
    user: &'a RawValue,
    #[serde(borrow)]
    object_ref: Option<&'a RawValue>,
    #[serde(borrow)]
    request_object: Option<&'a RawValue>,
    #[serde(borrow)]
    response_object: Option<&'a RawValue>,
}

fn by_struct(text: &[u8]) -> usize {
    lines(text)
        .map(|line| {
            let event: TopLevel<'_> = serde_json::from_slice(line).unwrap();
            let bodies = [Some(event.user), event.object_ref, event.request_object, event.response_object];
            let bodies: usize = bodies.into_iter().flatten().map(|body| body.get().len()).sum();
            let texts = event.level.len() + event.audit_id.len() + event.stage.len();
            bodies + texts + event.request_uri.len() + event.verb.len()
        })
        .sum()
}

fn by_value(text: &[u8]) -> usize {
    let value = |line: &[u8]| -> serde_json::Value { serde_json::from_slice(line).unwrap() };
    lines(text).map(|line| value(line)["verb"].as_str().unwrap().len()).sum()
}

/// As fast as lines are found.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', text).map(move |end| &text[std::mem::replace(&mut from, end + 1)..end])
}

/// The captured log.
fn captured() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures/full.jsonl.gz");
    let mut text = String::new();
    MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_string(&mut text).unwrap();
    text
}

/// These lines so many times, with audit ids and times of its own each time.
fn log<'l>(lines: &(impl Iterator<Item = &'l str> + Clone), copies: usize) -> Vec<u8> {
    let mut all = String::new();
    for copy in 0..copies {
        for line in lines.clone() {
            let mut line = line.replacen("\"auditID\":\"", &format!("\"auditID\":\"{copy:03}"), 1);
            for key in ["\"requestReceivedTimestamp\":\"", "\"stageTimestamp\":\""] {
                let at = line.find(key).unwrap() + key.len();
                let time = MicroTime::parse_rfc3339(&line[at..at + 27]).unwrap();
                let later = MicroTime::from_micros(time.as_micros() + copy as i64 * 3_600_000_000);
                line.replace_range(at..at + 27, &later.to_string());
            }
            all += &line;
            all.push('\n');
        }
    }
    all.into_bytes()
}
