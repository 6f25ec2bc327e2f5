//! What is read of an event that a rule matches.

use std::borrow::Cow;

use auditward_expr::{Field, Item, Subject};
use auditward_rules::{Rule, Template, TemplatePart};
use serde_json::Value;

use crate::config::Limits;
use crate::digest::{Digest, Hasher};
use crate::hit::{Key, cut};
use crate::plan::{Reads, Values};

/// What a detector wants to know.
pub(super) fn key(reads: &Reads, subject: &Subject<'_>, limits: &Limits) -> Key {
    let group = joint("group", &reads.group, subject, limits).finish();
    let values = match &reads.values {
        Values::None => Vec::new(),
        Values::Together(fields) => vec![joint("key", fields, subject, limits).digest(group).finish()],
        Values::Each(fields) => combinations(fields, subject, limits),
    };
    let mut numbers = Vec::new();
    if let Some(field) = &reads.number {
        field.each(subject, &mut |item| {
            if numbers.len() < limits.values_max {
                numbers.extend(item.number());
            }
        });
    }
    Key { group, values, numbers }
}

/// The values of a field as texts: so many at most.
fn texts<'e>(field: &Field, subject: &Subject<'e>, limits: &Limits) -> Vec<Cow<'e, str>> {
    let mut texts = Vec::new();
    field.each(subject, &mut |item: Item<'e>| {
        if texts.len() < limits.values_max {
            texts.extend(item.into_text());
        }
    });
    texts
}

/// All values of all fields as one name.
fn joint(kind: &str, fields: &[Field], subject: &Subject<'_>, limits: &Limits) -> Hasher {
    fields.iter().fold(Hasher::new(kind), |hasher, field| {
        let texts = texts(field, subject, limits);
        let hasher = hasher.size(texts.len());
        texts.iter().fold(hasher, |hasher, text| hasher.part(text.as_bytes()))
    })
}

/// Every choice of one value of each field; none where a field has no value.
fn combinations(fields: &[Field], subject: &Subject<'_>, limits: &Limits) -> Vec<Digest> {
    let mut all = vec![Hasher::new("value").finish()];
    for field in fields {
        let texts = texts(field, subject, limits);
        let longer = all.iter().flat_map(|begun| {
            texts.iter().map(|text| Hasher::new("value").digest(*begun).part(text.as_bytes()).finish())
        });
        all = longer.take(limits.values_max).collect();
    }
    all
}

/// The rule's line about this event; its title where it has none.
pub(super) fn summary(rule: &Rule, subject: &Subject<'_>, limits: &Limits) -> String {
    let Template { parts } = &rule.summary;
    if parts.is_empty() {
        return cut(&rule.title, limits.text_chars_max);
    }
    let mut line = String::new();
    for part in parts {
        match part {
            TemplatePart::Text(text) => line += text,
            TemplatePart::Field { field, width, .. } => {
                let texts = texts(field, subject, limits);
                let text = if texts.is_empty() { "-".to_owned() } else { texts.join(",") };
                match width {
                    None => line += &text,
                    Some(width) => line += &format!("{text:width$.width$}"),
                }
            }
        }
        if line.len() > 4 * limits.text_chars_max {
            break;
        }
    }
    cut(&line, limits.text_chars_max)
}

/// The rule's further fields: a text, several, or null.
pub(super) fn details(rule: &Rule, subject: &Subject<'_>, limits: &Limits) -> Vec<(String, Value)> {
    let detail = |(name, field): &(String, Field)| {
        let texts = texts(field, subject, limits);
        let value = match texts.as_slice() {
            [] => Value::Null,
            [one] => Value::String(cut(one, limits.text_chars_max)),
            several => {
                let several = several.iter().take(limits.values_max);
                Value::Array(several.map(|text| Value::String(cut(text, limits.text_chars_max))).collect())
            }
        };
        (name.clone(), value)
    };
    rule.details.iter().map(detail).collect()
}
