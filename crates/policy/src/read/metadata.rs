//! `metadata` of a policy: without effect, but its types must be right.
//!
//! Source: `meta/v1`, `ObjectMeta`.

use super::decode::Decoder;
use super::source::FieldPath;
use super::tree::{Node, Value};

const OBJECT_META: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];
const OWNER_REFERENCE: &[&str] = &["apiVersion", "blockOwnerDeletion", "controller", "kind", "name", "uid"];
const MANAGED_FIELDS: &[&str] =
    &["apiVersion", "fieldsType", "fieldsV1", "manager", "operation", "subresource", "time"];

pub(super) fn check(decoder: &mut Decoder<'_>, node: &Node, here: &FieldPath) {
    for entry in decoder.fields(node, here, OBJECT_META) {
        let (path, node) = (here.key(&entry.key), &entry.node);
        match entry.key.as_str() {
            "annotations" | "labels" => string_map(decoder, node, &path),
            "creationTimestamp" | "deletionTimestamp" => time(decoder, node, &path),
            "deletionGracePeriodSeconds" | "generation" => integer(decoder, node, &path),
            "finalizers" => _ = decoder.strings(node, &path),
            "ownerReferences" => {
                decoder.list(node, &path, |decoder, node, path| {
                    owner_reference(decoder, node, path);
                    Some(())
                });
            }
            "managedFields" => {
                decoder.list(node, &path, |decoder, node, path| {
                    managed_fields(decoder, node, path);
                    Some(())
                });
            }
            _ => _ = decoder.string(node, &path),
        }
    }
}

fn owner_reference(decoder: &mut Decoder<'_>, node: &Node, here: &FieldPath) {
    for entry in decoder.fields(node, here, OWNER_REFERENCE) {
        let path = here.key(&entry.key);
        match entry.key.as_str() {
            "blockOwnerDeletion" | "controller" => _ = decoder.bool(&entry.node, &path),
            _ => _ = decoder.string(&entry.node, &path),
        }
    }
}

fn managed_fields(decoder: &mut Decoder<'_>, node: &Node, here: &FieldPath) {
    for entry in decoder.fields(node, here, MANAGED_FIELDS) {
        let path = here.key(&entry.key);
        match entry.key.as_str() {
            "time" => time(decoder, &entry.node, &path),
            "fieldsV1" => {}
            _ => _ = decoder.string(&entry.node, &path),
        }
    }
}

fn string_map(decoder: &mut Decoder<'_>, node: &Node, path: &FieldPath) {
    match &node.value {
        Value::Null => {}
        Value::Map(entries) => {
            for entry in entries {
                decoder.string(&entry.node, &path.key(&entry.key));
            }
        }
        _ => decoder.wrong_type(node, path, "a mapping"),
    }
}

fn integer(decoder: &mut Decoder<'_>, node: &Node, path: &FieldPath) {
    match &node.value {
        Value::Null => {}
        Value::Number(number) if number.parse::<i64>().is_ok() => {}
        Value::Number(_) => {
            decoder.error(path, node.span.clone(), "expected a whole number of 64 bits".to_owned(), None);
        }
        _ => decoder.wrong_type(node, path, "a whole number"),
    }
}

fn time(decoder: &mut Decoder<'_>, node: &Node, path: &FieldPath) {
    match &node.value {
        Value::Null => {}
        Value::String(text) if is_rfc3339(text) => {}
        Value::String(text) => decoder.error(
            path,
            node.span.clone(),
            format!("`{text}` is not an RFC 3339 time"),
            Some("write it as 2026-01-31T12:00:00Z, or remove it: a policy does not need it".to_owned()),
        ),
        _ => decoder.wrong_type(node, path, "a string"),
    }
}

/// `2006-01-02T15:04:05[.999…](Z|±07:00)` with a day that exists.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if bytes.len() < 20 || separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return false;
    }
    let parts = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].map(number);
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    let Some(mut rest) = text.get(19..) else { return false };
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    let zone_is_right = rest == "Z" || {
        let offset = rest.as_bytes();
        let part = |at: usize, max: u32| {
            let digits =
                rest.get(at..at + 2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|value| value <= max)
        };
        offset.len() == 6
            && matches!(offset[0], b'+' | b'-')
            && offset[3] == b':'
            && part(1, 24)
            && part(4, 60)
    };
    (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60 && zone_is_right
}

#[cfg(test)]
mod tests {
    use super::is_rfc3339;

    #[test]
    fn times() {
        for right in ["2026-11-23T00:00:00Z", "2024-02-29T23:59:59.123+01:00"] {
            assert!(is_rfc3339(right), "{right}");
        }
        for wrong in ["", "2026-11-23", "2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:00:00"]
        {
            assert!(!is_rfc3339(wrong), "{wrong}");
        }
    }
}
