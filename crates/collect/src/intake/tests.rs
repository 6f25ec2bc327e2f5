//! What is taken and what is refused, one body after the other.

use std::io::Write as _;

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const LIMITS: Limits = Limits { event_bytes_max: 200, events_max: 3, body_bytes_max: 1000 };

fn check(body: &[u8], expected: &Expect) {
    let mut shown = String::new();
    match read(body, &LIMITS) {
        Err(error) => shown += &format!("{error}\n"),
        Ok(mut batch) => {
            while let Some(next) = batch.next() {
                shown += &match next {
                    Ok(event) => format!("{}\n", event.verb()),
                    Err(error) => format!("{error}{}\n", if error.is_too_large() { " (413)" } else { "" }),
                };
            }
        }
    }
    expected.assert_eq(&shown);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

const LIST: &str = r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[{"auditID":"a","verb":"get"},{"stage":"Panic","verb":"list"}]}"#;

#[test]
fn whatever_shape() {
    check(
        LIST.as_bytes(),
        &expect![[r#"
        get
        list
    "#]],
    );
    check(
        br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get"}"#,
        &expect![[r#"
        get
    "#]],
    );
    check(
        b"{\"kind\":\"Event\",\"verb\":\"get\"}\n{\"kind\":\"Event\",\"verb\":\"list\"}\n",
        &expect![[r#"
        get
        list
    "#]],
    );
    check(
        &gzip(LIST.as_bytes()),
        &expect![[r#"
        get
        list
    "#]],
    );
    check(b"", &expect![[""]]);
}

#[test]
fn what_is_wrong_has_a_place_and_costs_no_other() {
    check(
        b"{\"kind\":\"Event\",\"verb\":\"get\"}\n{\"kind\":\"Ev\n{\"kind\":\"Event\",\"verb\":\"list\"}\n",
        &expect![[r#"
            get
            line 2, column 9: a string without end
            list
        "#]],
    );
    check(br#"{"kind":"EventList","items":[{"stage":"","verb":"get"},{"stage":"","verb":"list","requestObject":{"a":01}},{"stage":"","verb":"watch"}]}"#, &expect![[r#"
        get
        line 1, column 56: in the event that begins here: malformed number at byte 47
        watch
    "#]]);
    check(
        br#"{"kind":"EventList","items":[{"auditID":"a","verb":"get"},{"a":1}]}"#,
        &expect![[r#"
        get
        line 1, column 59: item 2 of the body is no audit event: it has neither `auditID` nor `stage`
    "#]],
    );
    for nothing in ["[]", "{\"kind\":\"EventList\",\"items\":null}", "{\"kind\":\"EventList\",\"items\":[]}"]
    {
        check(nothing.as_bytes(), &expect![[""]]);
    }
    check(
        br#"{"kind":"Pod","apiVersion":"v1"}"#,
        &expect![[r#"
        line 1, column 1: not an audit event: its `apiVersion` is `v1`, not of `audit.k8s.io`
    "#]],
    );
    check(
        b"hello",
        &expect![[r#"
        line 1, column 1: expected a value
    "#]],
    );
    check(
        &gzip(LIST.as_bytes())[..20],
        &expect![[r#"
        could not read on after byte 0
    "#]],
    );
}

#[test]
fn what_is_too_much_is_refused() {
    let large = format!(r#"{{"kind":"Event","verb":"get","requestURI":"{}"}}"#, "x".repeat(300));
    check(
        format!("{large}\n{{\"kind\":\"Event\",\"verb\":\"list\"}}\n").as_bytes(),
        &expect![[r#"
        line 1, column 1: an event of 345 bytes, more than 200 (413)
        list
    "#]],
    );
    check(
        "{\"kind\":\"Event\",\"verb\":\"get\"}\n".repeat(5).as_bytes(),
        &expect![[r#"
        get
        get
        get
        more than 3 events in one body; send smaller batches (413)
    "#]],
    );
    check(
        &vec![b' '; 1001],
        &expect![[r#"
        the body is larger than 1000 bytes after decompression; send smaller batches
    "#]],
    );
    let bomb = gzip(&vec![b' '; 10 << 20]);
    check(
        &bomb[..bomb.len().min(900)],
        &expect![[r#"
        the body is larger than 1000 bytes after decompression; send smaller batches (413)
    "#]],
    );
    let list = format!(r#"{{"kind":"EventList","items":[{}]}}"#, vec![r#"{"verb":"get"}"#; 100].join(","));
    check(
        &gzip(list.as_bytes()),
        &expect![[r#"
        the body is larger than 1000 bytes after decompression; send smaller batches (413)
    "#]],
    );
    check(
        &gzip(&gzip(LIST.as_bytes())),
        &expect![[r#"
        could not read on after byte 0
    "#]],
    );
}
