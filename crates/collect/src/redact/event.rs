//! The fields of an event, each in its own way.

use std::borrow::Cow;

use auditward_event::{EventView, Value};

use super::Redactor;
use super::json::{Context, Edit, apply, said};
use super::tokens::quote;

impl Redactor {
    /// An event that may hold secrets, without them.
    pub(super) fn event<'a>(&self, event: &EventView<'a>) -> Cow<'a, [u8]> {
        if event.validate().is_err() {
            return self.broken(event);
        }
        let bytes = event.as_bytes();
        let secret = event.object_ref().is_some_and(|object| {
            matches!(&*object.resource, "secrets" | "tokenreviews") || object.subresource == "token"
        });
        let mut edits = Vec::new();
        for (key, value) in fields(bytes) {
            if let Some(new) = self.field(&key, value.as_bytes(), secret) {
                let start = offset_in(bytes, value.as_bytes());
                edits.push((start..start + value.as_bytes().len(), new));
            }
        }
        apply(bytes, edits)
    }

    /// A field that is to be changed, as JSON.
    fn field(&self, key: &str, value: &[u8], secret: bool) -> Option<Vec<u8>> {
        let quoted = |new: Vec<u8>| {
            let mut out = Vec::with_capacity(new.len() + 2);
            quote(&new, &mut out);
            out
        };
        match key {
            "requestURI" if value.first() == Some(&b'"') => self.uri(&said(value)).map(quoted),
            // Who it was and what it was about: written by the API server, and what an investigation stands on.
            "kind"
            | "apiVersion"
            | "level"
            | "stage"
            | "verb"
            | "user"
            | "sourceIPs"
            | "requestReceivedTimestamp"
            | "stageTimestamp" => None,
            _ => match self.json(value, Context { secret, ..Context::default() }) {
                Cow::Borrowed(_) => None,
                Cow::Owned(new) => Some(new),
            },
        }
    }

    /// An event that is no JSON within: what cannot be read cannot be searched, so it is replaced as a whole.
    fn broken<'a>(&self, event: &EventView<'a>) -> Cow<'a, [u8]> {
        let bytes = event.as_bytes();
        let edits: Vec<Edit> = fields(bytes)
            .filter(|(_, value)| value.validate().is_err())
            .map(|(_, value)| {
                let start = offset_in(bytes, value.as_bytes());
                let mark = format!("\"{}\"", self.mark("broken", value.as_bytes()));
                (start..start + value.as_bytes().len(), mark.into_bytes())
            })
            .collect();
        let readable = apply(bytes, edits);
        match EventView::parse(&readable) {
            Ok(view) if view.validate().is_ok() => Cow::Owned(self.event(&view).into_owned()),
            _ => Cow::Owned(
                format!("{{\"kind\":\"Event\",\"broken\":\"{}\"}}", self.mark("broken", bytes)).into_bytes(),
            ),
        }
    }
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> {
    Value::parse(bytes).into_iter().flat_map(Value::entries)
}

/// Where `part`, which is a part of `whole`, begins in it.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}
