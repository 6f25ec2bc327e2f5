//! What a JSON string says.

use std::borrow::Cow;

use memchr::memchr;

/// The text of a string, given with its quotes: borrowed when nothing in it is escaped.
///
/// As Go reads it: each byte that is not UTF-8 and each lone surrogate becomes U+FFFD. What is no escape at all
/// (`\q`, which a full check refuses) stands for itself.
pub(crate) fn text(quoted: &[u8]) -> Cow<'_, str> {
    let inner = inner(quoted);
    if memchr(b'\\', inner).is_none() {
        return lossy(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(b'\\', rest) {
        out.push_str(&lossy(&rest[..at]));
        let (meaning, used) = unescape(&rest[at..]);
        out.push(meaning);
        rest = &rest[at + used..];
    }
    out.push_str(&lossy(rest));
    Cow::Owned(out)
}

/// The bytes of a key, given with its quotes, to be compared with known ones: borrowed when nothing in it is escaped.
#[inline]
pub(crate) fn key(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = inner(quoted);
    if inner.contains(&b'\\') {
        Cow::Owned(text(quoted).into_owned().into_bytes())
    } else {
        Cow::Borrowed(inner)
    }
}

/// Whether a string, given with its quotes, says `wanted`.
#[inline]
pub(crate) fn text_is(quoted: &[u8], wanted: &str) -> bool {
    let inner = inner(quoted);
    if inner.len() == wanted.len() && inner == wanted.as_bytes() {
        return memchr(b'\\', inner).is_none() || text(quoted) == wanted;
    }
    // What is neither escaped nor possibly invalid is as it stands, so it is something else.
    let as_it_stands = inner.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
    !as_it_stands && text(quoted) == wanted
}

fn inner(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// As [`String::from_utf8_lossy`], but with one U+FFFD for each invalid byte, as Go does.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// What an escape means and how many bytes it takes; `bytes` starts with a backslash.
fn unescape(bytes: &[u8]) -> (char, usize) {
    let simple = |c| (c, 2);
    match bytes.get(1) {
        Some(b'"') => simple('"'),
        Some(b'\\') => simple('\\'),
        Some(b'/') => simple('/'),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => match unit(bytes) {
            Some(high @ 0xd800..=0xdbff) => match bytes.get(6..).and_then(unit) {
                Some(low @ 0xdc00..=0xdfff) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                _ => (char::REPLACEMENT_CHARACTER, 6),
            },
            Some(code) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            None => ('\\', 1),
        },
        _ => ('\\', 1),
    }
}

/// The UTF-16 unit of `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let hex = bytes.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(quoted: &[u8], expected: &str) {
        assert_eq!(text(quoted), expected, "{}", quoted.escape_ascii());
        assert!(text_is(quoted, expected), "{}", quoted.escape_ascii());
        assert!(!text_is(quoted, &format!("{expected}.")));
        assert!(!text_is(quoted, std::str::from_utf8(quoted).unwrap_or("?")));
    }

    #[test]
    fn plain_strings_are_borrowed() {
        assert!(matches!(text("\"h\u{e9}\"".as_bytes()), Cow::Borrowed("h\u{e9}")));
    }

    #[test]
    fn escapes_mean_what_they_mean_in_json() {
        check(br#""""#, "");
        check(br#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
        check(br#""\u0041\u00e9\u20ac\uD83D\uDE00""#, "A\u{e9}\u{20ac}\u{1f600}");
        check(br#""\u003cb\u003e \u0026""#, "<b> &");
    }

    #[test]
    fn what_is_not_unicode_becomes_replacement_characters() {
        check(br#""\ud800""#, "\u{fffd}");
        check(br#""\udc00x""#, "\u{fffd}x");
        check(br#""\ud800\u0041""#, "\u{fffd}A");
        check(br#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}");
        check(b"\"a\xff\xe2\x82z\"", "a\u{fffd}\u{fffd}\u{fffd}z");
        check(b"\"\xff\\n\"", "\u{fffd}\n");
    }

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        assert_eq!(text(br#""\q\u12""#), "\\q\\u12");
        assert_eq!(text(br#""\u12G4""#), "\\u12G4");
        assert_eq!(text(b"\""), "");
        assert_eq!(text(b""), "");
    }
}
