//! What the fields say of the event that is looked at: each is read at most once, whoever asks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use auditward_expr::{CompiledTest, Field, Item, Parts, Subject};

use crate::digest::Digest;

/// How many values of one field are kept. A field with more of them is read again by each who asks, so that an event of
/// many megabytes is not in memory some more times.
const KEPT_MAX: usize = 64;

/// Every field that is looked at, once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    fields: Vec<Field>,
    ids: HashMap<Field, FieldId>,
}

/// A field of [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldId(usize);

impl Fields {
    pub(super) fn add(&mut self, field: &Field) -> FieldId {
        let next = FieldId(self.fields.len());
        let id = *self.ids.entry(field.clone()).or_insert(next);
        if id == next {
            self.fields.push(field.clone());
        }
        id
    }

    /// What it depends on.
    pub(super) fn parts(&self, FieldId(field): FieldId) -> Parts {
        Parts::of_field(&self.fields[field])
    }
}

/// Where the values of each field are, by field, and for which event: so nothing has to be wiped between events.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: Vec<Place>,
    event: u32,
}

#[derive(Debug, Clone, Default)]
struct Place {
    event: u32,
    /// In [`Look::items`]; `None` where there are too many to be kept.
    kept: Option<Range<usize>>,
}

/// One event, and what its fields were found to say.
pub(super) struct Look<'f, 'e> {
    pub(super) subject: Subject<'e>,
    fields: &'f [Field],
    places: &'f mut Places,
    items: Vec<Item<'e>>,
    /// The names of groups that were worked out. Events are in few, so looking through them is quick.
    groups: Vec<(&'f [FieldId], Digest)>,
}

impl<'f, 'e> Look<'f, 'e> {
    pub(super) fn new(subject: Subject<'e>, fields: &'f Fields, places: &'f mut Places) -> Self {
        places.places.resize(fields.fields.len(), Place::default());
        places.event = places.event.wrapping_add(1);
        if places.event == 0 {
            places.places.fill(Place::default());
            places.event = 1;
        }
        Look { subject, fields: &fields.fields, places, items: Vec::new(), groups: Vec::new() }
    }

    /// Whether the test, which is of this field, is true of the event.
    pub(super) fn holds(&mut self, field: FieldId, test: &CompiledTest) -> bool {
        match self.kept(field) {
            Some(kept) => test.holds_of(&self.items[kept], &self.subject),
            None => test.holds(&self.subject),
        }
    }

    /// Hands everything that the field says to `found`.
    pub(super) fn each(&mut self, field: FieldId, found: &mut dyn FnMut(&Item<'e>)) {
        match self.kept(field) {
            Some(kept) => self.items[kept].iter().for_each(found),
            None => self.fields[field.0].each(&self.subject, &mut |item| found(&item)),
        }
    }

    /// Hands the texts of the field to `found`, so many at most, and says how many there were.
    pub(super) fn each_text(&mut self, field: FieldId, max: usize, found: &mut dyn FnMut(&str)) -> usize {
        let mut count = 0;
        self.each(field, &mut |item| {
            if count < max
                && let Some(text) = item.text()
            {
                count += 1;
                found(&text);
            }
        });
        count
    }

    /// Works on the texts of the field, so many at most.
    pub(super) fn texts<T>(
        &mut self,
        field: FieldId,
        max: usize,
        work: impl FnOnce(&[Cow<'_, str>]) -> T,
    ) -> T {
        match self.kept(field) {
            Some(kept) => {
                let texts: Vec<_> = self.items[kept].iter().filter_map(Item::text).take(max).collect();
                work(&texts)
            }
            None => {
                let mut texts = Vec::new();
                self.fields[field.0].each(&self.subject, &mut |item| {
                    if texts.len() < max {
                        texts.extend(item.into_text());
                    }
                });
                work(&texts)
            }
        }
    }

    /// The name of the group that these fields make, from `make` the first time.
    pub(super) fn group(&mut self, fields: &'f [FieldId], make: impl FnOnce(&mut Self) -> Digest) -> Digest {
        if let Some((_, group)) = self.groups.iter().find(|(known, _)| *known == fields) {
            return *group;
        }
        let group = make(self);
        self.groups.push((fields, group));
        group
    }

    /// Where in [`Look::items`] the values of the field are.
    fn kept(&mut self, FieldId(field): FieldId) -> Option<Range<usize>> {
        let place = &mut self.places.places[field];
        if place.event != self.places.event {
            let items = &mut self.items;
            if items.capacity() == 0 {
                // Room for what most events are asked, so that nothing has to move while it fills.
                items.reserve(16);
            }
            let start = items.len();
            let mut count = 0;
            self.fields[field].each(&self.subject, &mut |item| {
                count += 1;
                if count <= KEPT_MAX {
                    items.push(item);
                }
            });
            if count > KEPT_MAX {
                items.truncate(start);
            }
            let kept = (count <= KEPT_MAX).then_some(start..items.len());
            *place = Place { event: self.places.event, kept };
        }
        place.kept.clone()
    }
}
