//! Streams of every shape through [`Events`].

#![allow(
    clippy::needless_raw_string_hashes,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "snapshots come with hashes and are handed over, a skipped test says so"
)]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;

use auditward_event::{EventView, Events, Level, ReadError};
use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;

/// What a reader says of a stream, one line each: events by line, column, offset and verb; errors as shown.
fn told<R: BufRead>(mut events: Events<R>) -> String {
    let mut out = String::new();
    while let Some(next) = events.next() {
        match next {
            Ok(event) => {
                let (place, verb) = (event.place, event.view.verb());
                let list = if event.in_list { " in list" } else { "" };
                writeln!(out, "{}:{} +{} {verb}{list}", place.line, place.column, place.offset)
            }
            Err(error) => writeln!(out, "! {error}"),
        }
        .unwrap();
    }
    let stats = events.stats();
    writeln!(
        out,
        "{} lines, {} bytes, {} events, {} broken",
        stats.lines, stats.bytes, stats.events, stats.broken
    )
    .unwrap();
    out
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    let whole = told(Events::new(text.as_bytes()));
    expected.assert_eq(&whole);
    // However the bytes arrive, and compressed or not, the answer is the same.
    assert_eq!(told(Events::new(BufReader::with_capacity(1, text.as_bytes()))), whole);
    assert_eq!(told(Events::new(BufReader::with_capacity(7, text.as_bytes()))), whole);
    assert_eq!(told(Events::new(&gzip(text.as_bytes())[..])), whole);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn event(verb: &str) -> String {
    format!(r#"{{"kind":"Event","verb":"{verb}"}}"#)
}

#[test]
fn one_event_a_line() {
    check(
        &format!("{}\n{}\n", event("get"), event("list")),
        expect![[r#"
            1:1 +0 get
            2:1 +30 list
            2 lines, 61 bytes, 2 events, 0 broken
        "#]],
    );
}

#[test]
fn byte_order_mark_crlf_blank_lines_and_no_last_line_break() {
    check(
        &format!("\u{feff}{}\r\n\r\n\n  {}\r\n \n{}", event("get"), event("list"), event("watch")),
        expect![[r#"
            1:4 +3 get
            4:3 +39 list
            6:1 +73 watch
            6 lines, 104 bytes, 3 events, 0 broken
        "#]],
    );
}

#[test]
fn nothing_at_all() {
    check("", expect!["0 lines, 0 bytes, 0 events, 0 broken\n"]);
    check("\u{feff}", expect!["1 lines, 3 bytes, 0 events, 0 broken\n"]);
    check("\n \n", expect!["2 lines, 3 bytes, 0 events, 0 broken\n"]);
}

#[test]
fn lists_arrays_and_lists_in_arrays() {
    let item = r#"{"verb":"get"}"#;
    let list = format!(
        r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{item},{item}]}}"#
    );
    check(
        &format!(
            "{list}\n{{\"items\":[ {item} ],\"kind\":\"EventList\"}}\n[{}, {list} ,{}]\n",
            event("a"),
            event("b")
        ),
        expect![[r#"
            1:75 +74 get in list
            1:90 +89 get in list
            2:12 +117 get in list
            3:2 +155 a
            3:105 +258 get in list
            3:120 +273 get in list
            3:138 +291 b
            3 lines, 320 bytes, 7 events, 0 broken
        "#]],
    );
}

#[test]
fn empty_lists_are_no_error() {
    check(
        "[]\n{\"kind\":\"EventList\"}\n{\"kind\":\"EventList\",\"items\":null}\n{\"kind\":\"EventList\",\"items\":[ ]}\n",
        expect!["4 lines, 91 bytes, 0 events, 0 broken\n"],
    );
}

#[test]
fn documents_one_after_the_other_on_one_line() {
    check(
        &format!("{}{} [{}] {}", event("a"), event("b"), event("c"), event("d")),
        expect![[r#"
            1:1 +0 a
            1:28 +27 b
            1:57 +56 c
            1:86 +85 d
            1 lines, 112 bytes, 4 events, 0 broken
        "#]],
    );
}

#[test]
fn documents_over_many_lines() {
    let pretty =
        |verb| format!("{{\n  \"kind\": \"Event\",\n  \"user\": {{\n  }},\n  \"verb\": \"{verb}\"\n}}\n");
    check(
        &format!("{}{}{}\n[\n{},\n{}\n]\n", pretty("a"), pretty("b"), event("c"), event("d"), event("e")),
        expect![[r#"
            1:1 +0 a
            7:1 +54 b
            13:1 +108 c
            15:1 +138 d
            16:1 +167 e
            17 lines, 197 bytes, 5 events, 0 broken
        "#]],
    );
    check(
        &format!("{{\n\"kind\": \"EventList\",\n\"items\": [\n{}  ]\n}}\n", pretty("a")),
        expect![[r#"
            4:1 +34 a in list
            11 lines, 94 bytes, 1 events, 0 broken
        "#]],
    );
}

#[test]
fn a_cut_line_costs_no_other() {
    for cut in [
        r#"{"kind":"Event","ver"#,
        r#"{"kind":"Event","verb"#,
        r#"{"kind":"Event","verb":"a""#,
        r#"{"kind":"Event","verb":"a","#,
        r#"{"kind":"Event","verb":"#,
        r#"{"kind":"Event","user":{"#,
        r#"{"kind":"Event","user":{"groups":["#,
        r#"{"kind":"Event","user":{"groups":[1"#,
        "{",
        "[",
    ] {
        let text = format!("{}\n{cut}\n{}\n{}\n{}\n", event("a"), event("b"), event("c"), event("d"));
        let mut events = Events::new(text.as_bytes());
        let (mut verbs, mut lines) = (String::new(), Vec::new());
        while let Some(next) = events.next() {
            match next {
                Ok(event) => verbs.push_str(&event.view.verb()),
                Err(ReadError::Broken { start, .. }) => lines.push(start.line),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((verbs.as_str(), lines), ("abcd", vec![2]), "{cut}");
    }
}

#[test]
fn what_is_broken_has_its_place() {
    check(
        &format!(
            "{}\n{{\"kind\" \"Event\"}}\n{}rest\nnope\n5\n\"Event\"\nnull\n{{\"kind\":\"Event\",\"a\":01}}\n{}\n",
            event("a"),
            event("b"),
            event("c")
        ),
        expect![[r#"
            1:1 +0 a
            ! line 2, column 9: expected `:`
            3:1 +45 b
            ! line 3, column 28: expected a value
            ! line 4, column 1: expected `true`, `false` or `null`
            ! line 5, column 1: not an audit event: it is a number
            ! line 6, column 1: not an audit event: it is a string
            ! line 7, column 1: not an audit event: it is `null`
            ! line 8, column 21: malformed number
            9:1 +121 c
            9 lines, 149 bytes, 3 events, 7 broken
        "#]],
    );
}

#[test]
fn a_broken_document_of_many_lines_is_one_error() {
    check(
        &format!("{{\n  \"kind\": \"Event\",\n  \"verb\" \"x\"\n}}\n{}\n", event("a")),
        expect![[r#"
            ! line 3, column 10: expected `:`
            5:1 +36 a
            5 lines, 64 bytes, 1 events, 1 broken
        "#]],
    );
    check(
        &format!("[\n{},\n{{\"kind\":\"Ev\n{}\n]\n{}\n", event("a"), event("b"), event("c")),
        expect![[r#"
            ! line 3, column 9: a string without end
            2:1 +2 a
            4:1 +43 b
            6:1 +73 c
            6 lines, 101 bytes, 3 events, 1 broken
        "#]],
    );
    check(
        &format!("[\n{},\r\n{},\r\n", event("a"), event("b")),
        expect![[r#"
            ! line 4, column 1: the text ends in the middle of a value
            2:1 +2 a
            3:1 +32 b
            3 lines, 62 bytes, 2 events, 1 broken
        "#]],
    );
}

#[test]
fn other_kinds_are_told_apart() {
    check(
        &[
            r#"{"kind":"Pod"}"#,
            r#"{"kind":0}"#,
            r#"{"verb":"no-kind"}"#,
            r#"{"kind":"Event","apiVersion":"v1","verb":"core"}"#,
            r#"{"kind":"Event","apiVersion":"events.k8s.io/v1"}"#,
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1","verb":"old"}"#,
            r#"{"\u006bind":"Ev\u0065nt","verb":"escaped"}"#,
            r#"{"kind":"Pod","kind":"Event","verb":"last-wins"}"#,
            r#"[[],{"kind":"Pod"},{"verb":"x"}]"#,
            r#"{"kind":"EventList","items":[{"kind":"Pod"},{"kind":"EventList","items":[]},1,{"verb":"y"}]}"#,
        ]
        .join("\n"),
        expect![[r#"
            ! line 1, column 1: not an audit event: its `kind` is `Pod`
            ! line 2, column 1: not an audit event: its `kind` is `0`
            ! line 3, column 1: not an audit event: it has no `kind`
            ! line 4, column 1: not an audit event: its `apiVersion` is `v1`, not of `audit.k8s.io`
            ! line 5, column 1: not an audit event: its `apiVersion` is `events.k8s.io/v1`, not of `audit.k8s.io`
            6:1 +143 old
            7:1 +209 escaped
            8:1 +253 last-wins
            ! line 9, column 2: not an audit event: it is an array in a list
            ! line 9, column 5: not an audit event: its `kind` is `Pod`
            ! line 9, column 20: not an audit event: it has no `kind`
            ! line 10, column 30: not an audit event: its `kind` is `Pod`
            ! line 10, column 45: not an audit event: an `EventList` in an `EventList`
            ! line 10, column 77: not an audit event: it is a number
            10:79 +413 y in list
            10 lines, 427 bytes, 4 events, 11 broken
        "#]],
    );
}

#[test]
fn a_broken_item_costs_no_other_if_it_ends() {
    check(
        &format!(
            "[{{\"kind\" \"x\"}},{},nul]\n[{} {}]\n[,{}]\n{}",
            event("a"),
            event("b"),
            event("c"),
            event("d"),
            event("e")
        ),
        expect![[r#"
            ! line 1, column 10: expected `:`
            1:15 +14 a
            ! line 1, column 43: the text ends in the middle of a value
            2:2 +48 b
            ! line 2, column 30: expected `,` or the end of the array or object
            ! line 3, column 2: expected a value
            4:1 +136 e
            4 lines, 163 bytes, 3 events, 4 broken
        "#]],
    );
}

#[test]
fn a_document_larger_than_the_limit_is_skipped() {
    let small = event("a");
    let large = event(&"x".repeat(100));
    let text = format!("{small}\n{large}\n{small}\n{small}{large}\n{small}{small}{small}{small}\n");
    let stream = told(Events::with_limit(text.as_bytes(), 64));
    expect![[r#"
        1:1 +0 a
        ! line 2, column 1: skipped, larger than 64 bytes
        3:1 +155 a
        4:1 +183 a
        ! line 4, column 28: skipped, larger than 64 bytes
        5:1 +337 a
        5:28 +364 a
        5:55 +391 a
        5:82 +418 a
        5 lines, 446 bytes, 7 events, 2 broken
    "#]]
    .assert_eq(&stream);
    assert_eq!(told(Events::with_limit(BufReader::with_capacity(5, text.as_bytes()), 64)), stream);
    let lines = format!("[\n{small},\n{small},\n{small}\n]\n{small}\n");
    expect![[r#"
        ! line 1, column 1: skipped, larger than 64 bytes
        2:1 +2 a
        3:1 +31 a
        4:1 +60 a
        6:1 +90 a
        6 lines, 118 bytes, 4 events, 1 broken
    "#]]
    .assert_eq(&told(Events::with_limit(lines.as_bytes(), 64)));
}

#[test]
fn documents_without_any_line_break_need_no_more_than_the_limit() {
    let text = event("a").repeat(10_000);
    let mut events = Events::with_limit(text.as_bytes(), 4096);
    while let Some(next) = events.next() {
        assert_eq!(next.unwrap().view.verb(), "a");
    }
    assert_eq!(events.stats().events, 10_000);
}

#[test]
fn gzip_in_several_members() {
    let bytes = [gzip(format!("{}\n", event("a")).as_bytes()), gzip(event("b").as_bytes())].concat();
    expect![[r#"
        1:1 +0 a
        2:1 +28 b
        2 lines, 55 bytes, 2 events, 0 broken
    "#]]
    .assert_eq(&told(Events::new(&bytes[..])));
}

#[test]
fn a_damaged_stream_gives_what_was_whole_and_then_the_error() {
    let text: String = (0..1000).map(|i| event(&format!("verb-{i}")) + "\n").collect();
    let bytes = gzip(text.as_bytes());
    let mut events = Events::new(&bytes[..bytes.len() - 4]);
    let mut last = None;
    let mut count = 0;
    while let Some(next) = events.next() {
        match next {
            Ok(_) => count += 1,
            Err(error) => last = Some(error),
        }
    }
    assert_eq!(count, 1000);
    assert!(matches!(last, Some(ReadError::Io { .. })), "{last:?}");
    assert!(events.next().is_none());
}

/// Fails after some bytes, once interrupted before.
struct Fails(usize, bool);

impl Read for Fails {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let text = format!("{}\n{}", event("a"), event("b"));
        let rest = &text.as_bytes()[self.0..];
        if rest.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        let n = rest.len().min(buf.len()).min(5);
        buf[..n].copy_from_slice(&rest[..n]);
        self.0 += n;
        Ok(n)
    }
}

#[test]
fn a_failing_reader_is_told_once() {
    expect![[r#"
        1:1 +0 a
        2:1 +28 b
        ! could not read on after byte 55
        2 lines, 55 bytes, 2 events, 1 broken
    "#]]
    .assert_eq(&told(Events::new(BufReader::new(Fails(0, false)))));
}

#[test]
fn the_captures_are_read_whole() {
    for (name, count) in [("full", 1783), ("guide", 671)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/captures/{name}.jsonl.gz"));
        let mut events = Events::new(BufReader::new(File::open(path).unwrap()));
        while let Some(next) = events.next() {
            let event = next.unwrap();
            event.view.validate().unwrap();
            assert_eq!(event.view.kind(), "Event");
            assert!(event.view.level().is_some_and(|level| level >= Level::Metadata));
            assert!(event.view.stage().is_some() && event.view.stage_time().is_some());
            assert!(event.view.request_received().is_some());
            assert_eq!(event.view.unknown_fields().count(), 0);
        }
        let stats = events.stats();
        assert_eq!((stats.events, stats.lines, stats.broken), (count, count, 0));
    }
}

#[test]
fn an_item_of_a_list_can_be_made_a_document() {
    let check = |item: &str, expected: &str| {
        let view = EventView::parse(item.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&view.standalone()), expected);
        EventView::parse(&view.standalone()).unwrap().validate().unwrap();
    };
    check(r#"{"level":"None"}"#, r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"None"}"#);
    check(r"{ }", r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1"}"#);
    check(
        r#"{"apiVersion":"audit.k8s.io/v1beta1"}"#,
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}"#,
    );
    check(r#"{"kind":"Event"}"#, r#"{"kind":"Event"}"#);
}

#[test]
fn lines_without_an_event_stay_errors_after_a_broken_document() {
    check(
        &format!("{{\n\"kind\": 01\n}}\n{}\nnope\n}}\nnope\n", event("a")),
        expect![[r#"
            ! line 2, column 9: malformed number
            4:1 +15 a
            ! line 5, column 1: expected `true`, `false` or `null`
            ! line 7, column 1: expected `true`, `false` or `null`
            7 lines, 55 bytes, 1 events, 3 broken
        "#]],
    );
}

/// Webhook bodies, with what another collector makes of each of them (third-party knowledge, so not kept here).
///
/// Where we differ is on purpose: a list without items is no error, a stage's time is not the reader's business,
/// of an array with one bad item the others count, and two documents are two documents.
#[test]
fn bodies_that_another_collector_was_given() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let corpus = std::env::var_os("AUDITWARD_CORPUS").map_or(default, Into::into);
    let Ok(cases) = std::fs::read_to_string(corpus.join("events/ingest-cases.jsonl")) else {
        eprintln!("skipped: no events/ingest-cases.jsonl in {}", corpus.display());
        return;
    };
    let mut seen = 0;
    for case in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(case).unwrap();
        let Some(body) = case["body"].as_str() else { continue };
        let name = case["name"].as_str().unwrap();
        let mut events = Events::new(body.as_bytes());
        while events.next().is_some() {}
        let expected = match name {
            "list-empty" | "list-without-items" | "list-null-items" | "empty" => (0, 0),
            "no-stage-timestamp" | "bad-stage-timestamp" => (1, 0),
            "one-bad-in-list" => (3, 0),
            "one-bad-in-array" => (2, 1),
            "two-documents" => (2, 0),
            _ => (case["upstream_accepted"].as_u64().unwrap(), case["upstream_errors"].as_u64().unwrap()),
        };
        assert_eq!((events.stats().events, events.stats().broken), expected, "{name}");
        seen += 1;
    }
    assert!(seen > 20);
}
