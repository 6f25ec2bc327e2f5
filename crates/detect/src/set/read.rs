//! What is read of an event that a rule matches.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::values::{FieldId, Fields, Look};
use crate::config::Limits;
use crate::digest::{Digest, Hasher};
use crate::hit::Key;
use crate::plan::{Reads, Values};
use crate::texts::Texts;

/// [`Reads`], its fields by their numbers.
#[derive(Debug)]
pub(super) struct Keys {
    group: Vec<FieldId>,
    values: KeyValues,
    number: Option<FieldId>,
}

#[derive(Debug)]
enum KeyValues {
    None,
    Together(Vec<FieldId>),
    Each(Vec<FieldId>),
}

impl Keys {
    pub(super) fn new(reads: &Reads, fields: &mut Fields) -> Self {
        let mut all = |of: &[_]| of.iter().map(|field| fields.add(field)).collect();
        Keys {
            group: all(&reads.group),
            values: match &reads.values {
                Values::None => KeyValues::None,
                Values::Together(of) => KeyValues::Together(all(of)),
                Values::Each(of) => KeyValues::Each(all(of)),
            },
            number: reads.number.as_ref().map(|field| fields.add(field)),
        }
    }

    /// All that is looked at.
    pub(super) fn fields(&self) -> impl Iterator<Item = FieldId> {
        let values: &[FieldId] = match &self.values {
            KeyValues::None => &[],
            KeyValues::Together(of) | KeyValues::Each(of) => of,
        };
        self.group.iter().chain(values).copied().chain(self.number)
    }

    /// What a detector wants to know.
    pub(super) fn of<'f>(&'f self, look: &mut Look<'f, '_>, limits: &Limits) -> Key {
        let group = self.group(look, limits);
        let values = match &self.values {
            KeyValues::None => Vec::new(),
            KeyValues::Together(_) => vec![self.seen(look, limits)],
            KeyValues::Each(fields) => combinations(fields, look, limits),
        };
        let mut numbers = Vec::new();
        if let Some(field) = self.number {
            look.each(field, &mut |item| {
                if numbers.len() < limits.values_max {
                    numbers.extend(item.number());
                }
            });
        }
        Key { group, values, numbers }
    }

    /// What a first-seen rule looks up.
    pub(super) fn seen<'f>(&'f self, look: &mut Look<'f, '_>, limits: &Limits) -> Digest {
        let group = self.group(look, limits);
        match &self.values {
            KeyValues::Together(fields) => joint("key", fields, look, limits).digest(group).finish(),
            KeyValues::None | KeyValues::Each(_) => group,
        }
    }

    fn group<'f>(&'f self, look: &mut Look<'f, '_>, limits: &Limits) -> Digest {
        look.group(&self.group, |look| joint("group", &self.group, look, limits).finish())
    }
}

/// All values of all fields as one name.
fn joint(kind: &str, fields: &[FieldId], look: &mut Look<'_, '_>, limits: &Limits) -> Hasher {
    fields.iter().fold(Hasher::new(kind), |hasher, field| {
        hasher.counted(|hasher| {
            look.each_text(*field, limits.values_max, &mut |text| hasher.add(text.as_bytes()))
        })
    })
}

/// Every choice of one value of each field; none where a field has no value.
fn combinations(fields: &[FieldId], look: &mut Look<'_, '_>, limits: &Limits) -> Vec<Digest> {
    static NOTHING_CHOSEN: LazyLock<Digest> = LazyLock::new(|| Hasher::new("value").finish());
    fields.iter().fold(vec![*NOTHING_CHOSEN], |all, field| {
        look.texts(*field, limits.values_max, |texts| {
            let longer = |begun: Digest, text: &Cow<'_, str>| {
                Hasher::new("value").digest(begun).part(text.as_bytes()).finish()
            };
            let longer = all.iter().flat_map(|begun| texts.iter().map(|text| longer(*begun, text)));
            longer.take(limits.values_max).collect()
        })
    })
}

/// What these fields say, for alerts.
pub(super) fn values(fields: &[FieldId], look: &mut Look<'_, '_>, limits: &Limits) -> Texts {
    let mut all = Texts::with_capacity(fields.len());
    for field in fields {
        look.each_text(*field, limits.values_max, &mut |text| all.push(text, limits.text_chars_max));
        all.next_field();
    }
    all
}
