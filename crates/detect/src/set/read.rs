//! What is read of an event that a rule matches.

use std::borrow::Cow;

use auditward_expr::{Field, Item, Subject};

use super::values::{FieldId, Look};
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

/// What these fields say, for alerts.
pub(super) fn values(fields: &[FieldId], look: &mut Look<'_, '_>, limits: &Limits) -> Vec<Vec<String>> {
    let texts = |field: &FieldId| {
        let mut texts = Vec::new();
        look.each(*field, &mut |item| {
            if texts.len() < limits.values_max {
                texts.extend(item.text().map(|text| cut(&text, limits.text_chars_max)));
            }
        });
        texts
    };
    fields.iter().map(texts).collect()
}
