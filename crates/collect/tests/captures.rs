//! No credential of a real cluster's log is left after redaction, and nothing else is lost.
//!
//! What the credentials are is found by other means than the redactor's: `serde_json` and its own walk.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops at surprises")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use auditward_collect::prepare;
use auditward_collect::redact::{DigestKey, Redactor, Rules};
use auditward_event::EventView;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

#[test]
fn no_credential_is_left() {
    let mut credentials = BTreeSet::new();
    let mut redacted = String::new();
    for name in ["full", "guide"] {
        let mut redactor = redactor();
        for line in lines(name) {
            let event: Value = serde_json::from_str(&line).unwrap();
            collect(&event, &event["objectRef"]["resource"] == "secrets", &mut credentials);
            let view = EventView::parse(line.as_bytes()).unwrap();
            let prepared = prepare("test", &view, &mut redactor);
            redacted += std::str::from_utf8(&prepared.event).unwrap();
            redacted.push('\n');
        }
    }
    assert!(credentials.len() >= 20, "found only {}", credentials.len());
    for credential in &credentials {
        assert!(!redacted.contains(credential.as_str()), "left: {credential}");
        for form in encoded(credential) {
            assert!(!redacted.contains(&form), "left, encoded as {form}: {credential}");
        }
    }
    // And the other way round: whatever is base64 in what is left says none of them.
    for run in redacted.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c))) {
        for offset in 0..run.len().min(4) {
            let standard = run[offset..].replace('-', "+").replace('_', "/");
            let whole = &standard[..standard.len() / 4 * 4];
            let said = String::from_utf8_lossy(&STANDARD.decode(whole).unwrap_or_default()).into_owned();
            assert!(
                !credentials.iter().any(|credential| said.contains(credential.as_str())),
                "left in base64: {run}"
            );
        }
    }
    assert!(!redacted.contains("PRIVATE KEY-----\\nM"));
}

#[test]
fn all_else_is_as_it_was() {
    for name in ["full", "guide"] {
        let mut redactor = redactor();
        let mut second = redactor.clone();
        for line in lines(name) {
            let view = EventView::parse(line.as_bytes()).unwrap();
            let redacted = redactor.redact(&view);
            let new = EventView::parse(&redacted).unwrap();
            new.validate().unwrap();
            same_structure(
                &serde_json::from_str(&line).unwrap(),
                &serde_json::from_slice(&redacted).unwrap(),
                name,
            );
            assert!(matches!(second.redact(&new), Cow::Borrowed(_)), "twice is the same as once");
        }
        let stats = redactor.stats();
        println!("{name}: {stats:?}");
        assert!(stats.changed > 20 && stats.changed * 20 < stats.events, "{stats:?}");
        assert!(stats.walked * 10 < stats.events, "{stats:?}");
    }
}

/// Only strings may differ, and a string stays a string.
fn same_structure(old: &Value, new: &Value, place: &str) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            assert!(old.keys().eq(new.keys()), "{place}");
            for (key, value) in old {
                same_structure(value, &new[key], &format!("{place}.{key}"));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "{place}");
            for (old, new) in old.iter().zip(new) {
                same_structure(old, new, place);
            }
        }
        (Value::String(_), Value::String(_)) => {}
        _ => assert_eq!(old, new, "{place}"),
    }
}

/// Every credential that a plain reading finds.
fn collect(value: &Value, in_secret: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let in_secret = in_secret
                || matches!(fields.get("kind"), Some(kind) if kind == "Secret" || kind == "SecretList");
            for (key, value) in fields {
                match value {
                    Value::Object(data) if in_secret && (key == "data" || key == "stringData") => {
                        for text in data.values().filter_map(Value::as_str) {
                            note(text, found);
                        }
                    }
                    Value::String(text) if key == "token" => note(text, found),
                    value => collect(value, in_secret, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, in_secret, found)),
        Value::String(text) => {
            for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
                if word.matches('.').count() == 2 && word.starts_with("eyJ") {
                    note(word, found);
                }
            }
            if let Some((_, key)) = text.split_once("PRIVATE KEY-----") {
                note(key.split("-----").next().unwrap().trim(), found);
            }
            if let Ok(nested @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                collect(&nested, false, found);
            }
        }
        _ => {}
    }
}

fn note(text: &str, found: &mut BTreeSet<String>) {
    if text.len() < 6 {
        return;
    }
    found.insert(text.to_owned());
    // What it says, if it is base64; and of a token its signature alone.
    // (A short word, such as the name of a user, stands in other places of its own right.)
    let said = STANDARD.decode(text).ok().and_then(|said| String::from_utf8(said).ok());
    found.extend(said.filter(|said| said.len() >= 7));
    if let Some((_, signature)) = text.rsplit_once('.')
        && signature.len() > 20
    {
        found.insert(signature.to_owned());
    }
}

fn encoded(text: &str) -> Vec<String> {
    (0..3)
        .flat_map(|before| {
            let padded = [&b"\0\0"[..before], text.as_bytes()].concat();
            let (first, last) = ((before * 8).div_ceil(6), (before + text.len()) * 8 / 6);
            [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
                .map(|all| all[first..last].to_owned())
        })
        .collect()
}

fn redactor() -> Redactor {
    Redactor::new(&Rules::default(), &DigestKey::new([7; 32]))
}

fn lines(name: &str) -> Vec<String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../event/testdata/captures/{name}.jsonl.gz"));
    let mut text = String::new();
    MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_string(&mut text).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
