//! What redaction costs beside reading: `cargo bench -p auditward-collect --bench redact`.
//!
//! Over the captured logs, one after the other in every round, the best of all rounds each. Of ordinary events the
//! captures hold too few secrets and too many steps of an attack; so there is a line for those alone that nothing is
//! found in.

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

use auditward_collect::prepare;
use auditward_collect::redact::{DigestKey, Redactor, Rules};
use auditward_event::EventView;
use flate2::bufread::MultiGzDecoder;

fn main() {
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 30 } else { 1 };
    for name in ["full", "guide"] {
        let text = capture(name);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let views: Vec<EventView<'_>> = lines.iter().map(|line| EventView::parse(line).unwrap()).collect();
        let mut redactor = Redactor::new(&Rules::default(), &DigestKey::new([7; 32]));
        let mut untouched: Vec<EventView<'_>> = Vec::new();
        for view in &views {
            let before = redactor.stats().walked;
            let redacted = redactor.redact(view);
            if matches!(redacted, Cow::Borrowed(_)) && redactor.stats().walked == before {
                untouched.push(*view);
            }
        }
        let stats = redactor.stats();
        println!(
            "{name}: {} events, {} bytes; {} of them walked, {} changed",
            views.len(),
            text.len(),
            stats.walked,
            stats.changed
        );
        let bytes = |views: &[EventView<'_>]| views.iter().map(EventView::len).sum::<usize>();
        compare(
            rounds,
            bytes(&views),
            &mut [
                ("EventView::parse", &mut || {
                    lines.iter().map(|line| EventView::parse(line).unwrap().len()).sum()
                }),
                ("EventView::validate", &mut || {
                    views.iter().map(|view| view.validate().map(|()| view.len()).unwrap()).sum()
                }),
                ("redact, all events", &mut || {
                    let mut redactor = redactor.clone();
                    views
                        .iter()
                        .map(|view| {
                            black_box(redactor.redact(view));
                            view.len()
                        })
                        .sum()
                }),
                ("prepare (redact, key, one line)", &mut || {
                    let mut redactor = redactor.clone();
                    views
                        .iter()
                        .map(|view| {
                            black_box(prepare("bench", view, &mut redactor));
                            view.len()
                        })
                        .sum()
                }),
            ],
        );
        compare(
            rounds,
            bytes(&untouched),
            &mut [
                ("EventView::parse, passed events", &mut || {
                    untouched.iter().map(|view| EventView::parse(view.as_bytes()).unwrap().len()).sum()
                }),
                ("redact, passed events", &mut || {
                    let mut redactor = redactor.clone();
                    untouched
                        .iter()
                        .map(|view| {
                            black_box(redactor.redact(view));
                            view.len()
                        })
                        .sum()
                }),
            ],
        );
    }
}

type Reader<'a> = (&'a str, &'a mut dyn FnMut() -> usize);

/// Runs every reader in every round and prints its best time, and how much longer than the first it takes.
fn compare(rounds: u32, bytes: usize, readers: &mut [Reader<'_>]) {
    let mut best = vec![Duration::MAX; readers.len()];
    for _ in 0..rounds {
        for ((name, reader), best) in readers.iter_mut().zip(&mut best) {
            let start = Instant::now();
            assert_eq!(black_box(reader()), bytes, "{name}");
            *best = start.elapsed().min(*best);
        }
    }
    for ((name, _), time) in readers.iter().zip(&best) {
        let speed = bytes as f64 / 1e6 / time.as_secs_f64();
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        println!("  {name:32} {speed:8.0} MB/s   x{ratio:.1}");
    }
}

fn capture(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../event/testdata/captures/{name}.jsonl.gz"));
    let mut text = Vec::new();
    MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_end(&mut text).unwrap();
    text
}
