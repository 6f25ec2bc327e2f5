//! A body of an event: JSON that is carried, not understood.

use std::fmt;

use crate::json::{self, JsonError};
use crate::value::Value;

/// A valid JSON value, kept byte for byte: the order of keys, duplicates, the spelling of numbers, invalid UTF-8.
///
/// An event is written with its bodies compacted, but not otherwise changed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raw {
    bytes: Box<[u8]>,
}

impl Raw {
    /// Takes `bytes` if they are exactly one JSON value, with whitespace around it or not.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, JsonError> {
        let bytes = bytes.into();
        json::check(&bytes)?;
        Ok(Raw { bytes })
    }

    /// `bytes` must have been checked as a part of something larger.
    pub(crate) fn checked(bytes: &[u8]) -> Self {
        Raw { bytes: bytes.into() }
    }

    /// The value as it was given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value, to look into.
    pub fn value(&self) -> Value<'_> {
        Value::parse(&self.bytes).unwrap_or(Value::of(b"null"))
    }
}

/// Shows the text, cut after some hundred bytes.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}
