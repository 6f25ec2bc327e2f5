//! One JSON value, borrowed and read on demand.

use std::borrow::Cow;

use crate::json::{self, JsonError};
use crate::path::{Path, Step};

/// One JSON value inside a larger text: a span, nothing parsed until it is asked for.
///
/// Reading never fails: what is of another kind, missing or malformed inside is `None`, and iterators end where the text
/// is broken. [`Value::validate`] tells whether it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Exactly the value: no whitespace around it, never empty.
    bytes: &'a [u8],
}

/// What kind of value a [`Value`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, however it is spelled.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Value<'a> {
    /// The one value in `bytes`; whitespace may stand around it.
    ///
    /// Scalars are checked, the inside of strings, arrays and objects is not: see [`Value::validate`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let start = json::skip_space(bytes, 0);
        let end = json::value_end(bytes, start)?;
        match json::skip_space(bytes, end) {
            after if after == bytes.len() => Ok(Value { bytes: &bytes[start..end] }),
            after => Err(JsonError::new(after, json::JsonProblem::TrailingText)),
        }
    }

    /// `bytes` must be exactly one value, as [`json::value_end`] sees it.
    pub(crate) const fn of(bytes: &'a [u8]) -> Self {
        Value { bytes }
    }

    /// What kind of value this is.
    pub fn kind(self) -> Kind {
        match self.bytes.first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// The value as it stands in the text.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Checks the whole value against the grammar of JSON. Offsets count from the value's first byte.
    pub fn validate(self) -> Result<(), JsonError> {
        json::check(self.bytes)
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a string, borrowed if nothing in it is escaped. Invalid UTF-8 and lone surrogates become U+FFFD.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then(|| json::text(self.bytes))
    }

    /// The value's JSON text without whitespace; borrowed for a scalar. What is not UTF-8 becomes U+FFFD.
    pub fn compact(self) -> Cow<'a, str> {
        if !matches!(self.kind(), Kind::Array | Kind::Object) {
            return String::from_utf8_lossy(self.bytes);
        }
        let mut out = Vec::with_capacity(self.bytes.len());
        json::write_compact(self.bytes, &mut out);
        Cow::Owned(
            String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
        )
    }

    /// Whether this is a string that says `text`; allocates only if something in it is escaped.
    #[inline]
    pub fn is_str(self, text: &str) -> bool {
        self.kind() == Kind::String && json::text_is(self.bytes, text)
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.bytes[0] == b't')
    }

    /// A number as it is spelled: `1.50`, `1e400`.
    pub fn as_number(self) -> Option<&'a str> {
        if self.kind() == Kind::Number { std::str::from_utf8(self.bytes).ok() } else { None }
    }

    /// A number that is spelled as an integer and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.as_number()?.parse().ok()
    }

    /// The nearest floating-point number; infinite if too large.
    pub fn as_f64(self) -> Option<f64> {
        self.as_number()?.parse().ok()
    }

    /// The value of a key of an object. Of duplicate keys the last counts, as for an API server.
    #[inline]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.raw_entries().filter(|(name, _)| json::text_is(name, key)).last().map(|(_, value)| value)
    }

    /// An item of an array, counted from zero.
    pub fn item(self, index: usize) -> Option<Value<'a>> {
        self.items().nth(index)
    }

    /// The items of an array; none for any other value.
    pub fn items(self) -> Items<'a> {
        Items { parts: Parts::of(self, b'[') }
    }

    /// The keys and values of an object as they stand, duplicates included; none for any other value.
    pub fn entries(self) -> Entries<'a> {
        Entries { raw: self.raw_entries() }
    }

    /// The texts of an array's strings; other items are left out.
    pub fn strings(self) -> Strings<'a> {
        Strings { items: self.items() }
    }

    /// Follows a path down from this value. With `[*]` in it, the first value that the path reaches.
    pub fn path(self, path: &Path) -> Option<Value<'a>> {
        self.follow(path.steps())
    }

    /// Hands every value that the path reaches to `found`, in the order of the text.
    pub fn each(self, path: &Path, found: &mut dyn FnMut(Value<'a>)) {
        self.follow_each(path.steps(), found);
    }

    pub(crate) fn follow(self, steps: &[Step]) -> Option<Value<'a>> {
        let mut value = self;
        for (i, step) in steps.iter().enumerate() {
            value = match step {
                Step::Key(key) => value.get(key)?,
                Step::Index(index) => value.item(*index)?,
                Step::Each => return value.items().find_map(|item| item.follow(&steps[i + 1..])),
            };
        }
        Some(value)
    }

    pub(crate) fn follow_each(self, steps: &[Step], found: &mut dyn FnMut(Value<'a>)) {
        let mut value = Some(self);
        for (i, step) in steps.iter().enumerate() {
            let Some(here) = value else { return };
            value = match step {
                Step::Key(key) => here.get(key),
                Step::Index(index) => here.item(*index),
                Step::Each => return here.items().for_each(|item| item.follow_each(&steps[i + 1..], found)),
            };
        }
        if let Some(value) = value {
            found(value);
        }
    }

    #[inline]
    pub(crate) fn raw_entries(self) -> RawEntries<'a> {
        RawEntries { parts: Parts::of(self, b'{') }
    }
}

/// Shows the text of the value, cut after some hundred bytes.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.bytes.get(..200).unwrap_or(self.bytes);
        let dots = if shown.len() < self.bytes.len() { "…" } else { "" };
        write!(f, "{}{dots}", String::from_utf8_lossy(shown))
    }
}

/// The items of an array. Made by [`Value::items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.parts.start()?;
        self.parts.value()
    }
}

/// The keys and values of an object. Made by [`Value::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    raw: RawEntries<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.raw.next().map(|(key, value)| (json::text(key), value))
    }
}

/// The texts of an array's strings. Made by [`Value::strings`]; the default has none.
#[derive(Clone, Debug, Default)]
pub struct Strings<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Strings<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.find_map(Value::as_str)
    }
}

impl Default for Items<'_> {
    fn default() -> Self {
        Items { parts: Parts { bytes: b"", at: 0 } }
    }
}

/// Keys with their quotes, and values.
#[derive(Clone, Debug)]
pub(crate) struct RawEntries<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for RawEntries<'a> {
    type Item = (&'a [u8], Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.parts.start()?;
        if self.parts.bytes.get(start) != Some(&b'"') {
            return self.parts.stop();
        }
        let Ok(end) = json::string_end(self.parts.bytes, start) else { return self.parts.stop() };
        let colon = json::skip_space(self.parts.bytes, end);
        if self.parts.bytes.get(colon) != Some(&b':') {
            return self.parts.stop();
        }
        self.parts.at = json::skip_space(self.parts.bytes, colon + 1);
        let key = &self.parts.bytes[start..end];
        self.parts.value().map(|value| (key, value))
    }
}

/// Walks the inside of an array or object; once anything is wrong it is over.
#[derive(Clone, Debug)]
struct Parts<'a> {
    bytes: &'a [u8],
    /// Just after the opening bracket or a value; past the end when it is over.
    at: usize,
}

impl<'a> Parts<'a> {
    fn of(value: Value<'a>, open: u8) -> Self {
        let at = if value.bytes.first() == Some(&open) { 1 } else { usize::MAX };
        Parts { bytes: value.bytes, at }
    }

    /// Where the next item or key starts.
    #[inline]
    fn start(&mut self) -> Option<usize> {
        let first = self.at == 1;
        let at = json::skip_space(self.bytes, self.at);
        match self.bytes.get(at)? {
            b'}' | b']' => return self.stop(),
            b',' if !first => self.at = json::skip_space(self.bytes, at + 1),
            _ if first => self.at = at,
            _ => return self.stop(),
        }
        Some(self.at)
    }

    /// The value that starts here; afterwards the walk stands behind it.
    #[inline]
    fn value(&mut self) -> Option<Value<'a>> {
        match json::value_end(self.bytes, self.at) {
            Ok(end) => {
                let value = Value::of(&self.bytes[self.at..end]);
                self.at = end;
                Some(value)
            }
            Err(_) => self.stop(),
        }
    }

    fn stop<T>(&mut self) -> Option<T> {
        self.at = usize::MAX;
        None
    }
}
