//! The query of `requestURI`.

use std::borrow::Cow;

use auditward_event::Value;

use crate::{Item, Subject};

/// Every value of a parameter, in order.
pub(crate) fn each<'a>(key: &str, subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    for (name, value) in parameters(subject) {
        if name == key {
            found(Item::Text(value));
        }
    }
}

/// All parameters, decoded as Go does; where an escape is broken it stands for itself.
pub(crate) fn parameters<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    let uri = subject.event().get("requestURI").and_then(Value::as_str).unwrap_or_default();
    let query = match uri {
        Cow::Borrowed(uri) => Cow::Borrowed(uri.split_once('?').map_or("", |(_, query)| query)),
        Cow::Owned(uri) => {
            Cow::Owned(uri.split_once('?').map_or(String::new(), |(_, query)| query.to_owned()))
        }
    };
    Parameters { query, at: 0 }.filter(|(name, value)| !(name.is_empty() && value.is_empty()))
}

struct Parameters<'a> {
    query: Cow<'a, str>,
    at: usize,
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.query.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = self.at + rest.find('&').unwrap_or(rest.len());
        let (start, equals) = (self.at, rest[..end - self.at].find('='));
        self.at = end + 1;
        let name_end = equals.map_or(end, |equals| start + equals);
        let value_start = equals.map_or(end, |equals| start + equals + 1);
        Some(match &self.query {
            Cow::Borrowed(query) => (decode(&query[start..name_end]), decode(&query[value_start..end])),
            Cow::Owned(query) => (
                Cow::Owned(decode(&query[start..name_end]).into_owned()),
                Cow::Owned(decode(&query[value_start..end]).into_owned()),
            ),
        })
    }
}

/// `%41+b` → `A b`
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let escaped = match (first, rest) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                out.push(byte);
                bytes = &rest[2..];
            }
            None => {
                out.push(if *first == b'+' { b' ' } else { *first });
                bytes = rest;
            }
        }
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
