//! What it costs to read eight fields of an event: `cargo bench -p auditward-event`.
//!
//! Three readers over the same bytes, one after the other in every round, the best of all rounds each:
//!
//! - `EventView`: the spans of the top level, bodies skipped;
//! - `serde_json`, borrowed: a struct of the top level with the bodies as `RawValue`, which still parses them to find
//!   their end;
//! - `serde_json::Value`: everything.
//!
//! Each adds up the same numbers, which are compared; so none can leave out work.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::borrow::Cow;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use auditward_event::{Event, EventView, Events};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

fn main() {
    // `cargo test --benches` asks every bench for a quick look only.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 30 } else { 1 };
    for name in ["full", "guide"] {
        let text = capture(name);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        println!("{name}: {} events, {} bytes", lines.len(), text.len());
        compare(
            rounds,
            text.len(),
            &[
                ("EventView, 8 fields", &|| lines.iter().map(|line| by_view(line)).sum()),
                ("serde_json borrowed, 8 fields", &|| lines.iter().map(|line| by_struct(line)).sum()),
                ("serde_json::Value, 8 fields", &|| lines.iter().map(|line| by_value(line)).sum()),
            ],
        );
        compare(
            rounds,
            text.len(),
            &[
                ("Events (lines found, spans)", &|| by_reader(&text)),
                ("EventView (spans)", &|| {
                    lines.iter().map(|line| EventView::parse(line).unwrap().len()).sum()
                }),
                ("EventView (validate)", &|| {
                    let check = |line: &&[u8]| {
                        EventView::parse(line).unwrap().validate().map(|()| line.len()).unwrap()
                    };
                    lines.iter().map(check).sum()
                }),
                ("Event (parse and write)", &|| {
                    lines.iter().map(|line| Event::from_json(line).unwrap().to_json().len()).sum()
                }),
            ],
        );
    }
}

/// Runs every reader in every round and prints its best time, and how much longer than the first it takes.
fn compare(rounds: u32, bytes: usize, readers: &[(&str, &dyn Fn() -> usize)]) {
    let sums: Vec<usize> = readers.iter().map(|(_, reader)| reader()).collect();
    assert!(sums.iter().all(|sum| *sum == sums[0]), "the readers do not agree: {sums:?}");
    let mut best = vec![Duration::MAX; readers.len()];
    for _ in 0..rounds {
        for ((_, reader), best) in readers.iter().zip(&mut best) {
            let start = Instant::now();
            black_box(reader());
            *best = start.elapsed().min(*best);
        }
    }
    for ((name, _), time) in readers.iter().zip(&best) {
        let speed = bytes as f64 / 1e6 / time.as_secs_f64();
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        println!("  {name:32} {speed:8.0} MB/s   x{ratio:.1}");
    }
}

fn by_view(line: &[u8]) -> usize {
    let view = EventView::parse(line).unwrap();
    let resource = view.object_ref().map_or(0, |object| object.resource.len() + object.namespace.len());
    view.level().map_or(0, |level| level.as_str().len())
        + view.stage().map_or(0, |stage| stage.as_str().len())
        + view.audit_id().len()
        + view.request_uri().len()
        + view.verb().len()
        + view.user().username.len()
        + resource
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Borrowed<'a> {
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
    user: User<'a>,
    #[serde(borrow)]
    object_ref: Option<ObjectRef<'a>>,
    #[serde(borrow)]
    request_object: Option<&'a RawValue>,
    #[serde(borrow)]
    response_object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow, default)]
    username: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ObjectRef<'a> {
    #[serde(borrow, default)]
    resource: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
}

fn by_struct(line: &[u8]) -> usize {
    let event: Borrowed<'_> = serde_json::from_slice(line).unwrap();
    black_box((event.request_object, event.response_object));
    let resource = event.object_ref.map_or(0, |object| object.resource.len() + object.namespace.len());
    event.level.len()
        + event.stage.len()
        + event.audit_id.len()
        + event.request_uri.len()
        + event.verb.len()
        + event.user.username.len()
        + resource
}

fn by_value(line: &[u8]) -> usize {
    let event: serde_json::Value = serde_json::from_slice(line).unwrap();
    let length = |value: &serde_json::Value| value.as_str().map_or(0, str::len);
    ["level", "stage", "auditID", "requestURI", "verb"].iter().map(|key| length(&event[key])).sum::<usize>()
        + length(&event["user"]["username"])
        + length(&event["objectRef"]["resource"])
        + length(&event["objectRef"]["namespace"])
}

fn by_reader(text: &[u8]) -> usize {
    let mut events = Events::new(text);
    let mut sum = 0;
    while let Some(event) = events.next() {
        sum += event.unwrap().view.len();
    }
    sum
}

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/captures/{name}.jsonl.gz"));
    let mut text = Vec::new();
    MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_end(&mut text).unwrap();
    text
}
