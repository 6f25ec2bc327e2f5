//! JSON values as texts.

use std::borrow::Cow;

use auditward_event::{Kind, Value};

/// A string's text; of anything else its JSON text without spaces.
pub(super) fn of(value: Value<'_>) -> Cow<'_, str> {
    match value.kind() {
        Kind::String => value.as_str().unwrap_or_default(),
        Kind::Object | Kind::Array => match std::str::from_utf8(value.as_bytes()) {
            // As kube-apiserver writes: nothing would be left out, and a copy of a body is dear.
            Ok(text) if is_plain(text) => Cow::Borrowed(text),
            _ => {
                let mut out = String::with_capacity(value.as_bytes().len());
                lay_out(value, None, &mut out);
                Cow::Owned(out)
            }
        },
        _ => String::from_utf8_lossy(value.as_bytes()),
    }
}

/// Indented by two blanks.
pub(super) fn pretty(value: Value<'_>) -> String {
    let mut out = String::new();
    lay_out(value, Some(0), &mut out);
    out
}

/// Whether laying out this JSON text would give the same text: no spaces but in strings, and no escapes but those that
/// would be written again.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.iter().any(|byte| *byte < b' ') {
        return false;
    }
    let mut rest = bytes;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        if !rest[..quote].iter().all(u8::is_ascii_graphic) {
            return false;
        }
        rest = &rest[quote + 1..];
        loop {
            let Some(at) = memchr::memchr2(b'"', b'\\', rest) else { return false };
            match (rest[at], rest.get(at + 1)) {
                (b'"', _) => {
                    rest = &rest[at + 1..];
                    break;
                }
                (_, Some(b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f')) => rest = &rest[at + 2..],
                _ => return false,
            }
        }
    }
    rest.iter().all(u8::is_ascii_graphic)
}

/// Writes every token once, with its strings as plain as JSON allows. Does not recurse, so depth costs no stack.
fn lay_out(value: Value<'_>, indented: Option<usize>, out: &mut String) {
    let bytes = value.as_bytes();
    let mut depth = indented;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                let end = string_end(bytes, at);
                string(&bytes[at..end], out);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(char::from(byte));
                let next = bytes[at + 1..].iter().position(|b| !b.is_ascii_whitespace()).map(|n| at + 1 + n);
                if let Some(closing) = next.filter(|&n| matches!(bytes[n], b'}' | b']')) {
                    out.push(char::from(bytes[closing]));
                    at = closing + 1;
                    continue;
                }
                depth = depth.map(|depth| depth + 1);
                new_line(depth, out);
            }
            b'}' | b']' => {
                depth = depth.map(|depth| depth.saturating_sub(1));
                new_line(depth, out);
                out.push(char::from(byte));
            }
            b',' => {
                out.push(',');
                new_line(depth, out);
            }
            b':' => out.push_str(if indented.is_some() { ": " } else { ":" }),
            other => out.push(char::from(other)),
        }
        at += 1;
    }
}

fn new_line(depth: Option<usize>, out: &mut String) {
    if let Some(depth) = depth {
        out.push('\n');
        // Indentation of what is nested without end would take its square.
        out.push_str(&"  ".repeat(depth.min(100)));
    }
}

/// A string, with what can be said plainly said plainly.
fn string(quoted: &[u8], out: &mut String) {
    if quoted.iter().all(|byte| (b' '..0x7f).contains(byte) && *byte != b'\\') {
        out.push_str(std::str::from_utf8(quoted).unwrap_or_default());
        return;
    }
    let text = Value::parse(quoted).ok().and_then(Value::as_str).unwrap_or_default();
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at surprises")]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_what_would_be_laid_out_the_same() {
        for (text, plain) in [
            ("{}", true),
            (r#"{"a":"b c","d":[1,-2.5e3,null,{"e":"é"}]}"#, true),
            (r#"["",",: ",""]"#, true),
            ("[ ]", false),
            (r#"{"a": 1}"#, false),
            ("{\"a\":1\n}", false),
            (r#"["a\"b c","\\\n\r\t\b\f"]"#, true),
            (r#"["\/"]"#, false),
            (r#"["\u000a"]"#, false),
            (r#"["\\", 1]"#, false),
            (r#"["\u003c"]"#, false),
            (r#"["a" ]"#, false),
        ] {
            let mut laid_out = String::new();
            let value = Value::parse(text.as_bytes()).unwrap();
            lay_out(value, None, &mut laid_out);
            assert_eq!((is_plain(text), &*of(value)), (plain, &*laid_out), "{text}");
            assert!(!plain || laid_out == text, "{text}");
        }
    }
}
