//! Falco's fields against the values that upstream's own extraction gave for awkward events.
//!
//! The events and values are in the folder that `AUDITWARD_CORPUS` names.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they skip"
)]

use std::path::PathBuf;

use auditward_event::{EventView, Value};
use auditward_expr::field::falco;
use serde_json::Value as Json;

/// Where this differs from upstream on purpose: the field documented as the source addresses yields them.
const BETTER: &str = "ka.sourceips";

#[test]
fn every_value_is_upstreams() {
    let folder = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(folder.join("events/extraction-edge-cases.jsonl")) else {
        eprintln!("skipped: no corpus at {}", folder.display());
        return;
    };
    let (mut values, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        // As it stands: the order of keys is part of what some fields yield.
        let event = Value::parse(line.as_bytes()).unwrap().get("event").unwrap();
        for (field, expected) in case["expect"].as_object().unwrap() {
            values += 1;
            let got = read(event.as_bytes(), field);
            if got != *expected && !field.starts_with(BETTER) {
                wrong.push(format!("{}: {field}: {got}, upstream {expected}", case["name"]));
            }
        }
        for field in case["unknown_fields"].as_array().into_iter().flatten() {
            assert_eq!(falco::find(field.as_str().unwrap()), None, "{field}");
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
    assert_eq!(values, 177);
}

/// A list, a text, or `null` where there is nothing.
fn read(event: &[u8], field: &str) -> Json {
    let (name, argument) = match field.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']'))),
        None => (field, None),
    };
    let spec = falco::find(name).unwrap_or_else(|| panic!("no field {name}"));
    let mut values: Vec<Json> = Vec::new();
    spec.each(&EventView::parse(event).unwrap(), argument, &mut |value| values.push(value.into()));
    match values.len() {
        0 => Json::Null,
        1 if !spec.list => values.remove(0),
        _ => Json::Array(values),
    }
}
