//! Request targets, taken apart as Go's `net/url` does.

use std::borrow::Cow;

/// A request target in its two halves, both still encoded.
pub(super) struct Split<'a> {
    pub(super) path: &'a str,
    /// What follows the first `?`; `""` without one.
    pub(super) query: &'a str,
}

/// Cuts a target; an absolute one (`https://host/path`) loses scheme and host.
pub(super) fn split(uri: &str) -> Split<'_> {
    let (head, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = if head.starts_with('/') {
        head
    } else {
        head.split_once("://").map_or(head, |(_, rest)| rest.find('/').map_or("", |slash| &rest[slash..]))
    };
    Split { path, query }
}

/// Decodes `%xx`; `None` where a `%` is not followed by two hexadecimal digits.
pub(super) fn decode_path(path: &str) -> Option<Cow<'_, str>> {
    decode(path, false)
}

/// Decodes `%xx` and `+` in one half of a query pair.
pub(super) fn decode_query(text: &str) -> Option<Cow<'_, str>> {
    decode(text, true)
}

fn decode(text: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || (plus_is_space && byte == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(Cow::Owned(
        String::from_utf8(decoded)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    ))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
