//! Strings and raw values as Go's `encoding/json` writes them, with its escapes for HTML.

use super::scan::{skip_space, string_end};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes `text` between quotes, as an API server writes it: what HTML gives a meaning to is escaped too.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        if !needs_a_look(byte) {
            continue;
        }
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            0x0c => b"\\f",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0xe2 => {
                if let Some(last) = line_separator(&bytes[i..]) {
                    out.extend_from_slice(&bytes[written..i]);
                    out.extend_from_slice(&[b'\\', b'u', b'2', b'0', b'2', last]);
                    written = i + 3;
                }
                continue;
            }
            _ => {
                out.extend_from_slice(&bytes[written..i]);
                push_unicode(byte, out);
                written = i + 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[written..i]);
        out.extend_from_slice(escape);
        written = i + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Writes a valid JSON value without its insignificant whitespace; `<`, `>`, `&`, U+2028 and U+2029 are escaped and all
/// else stays as it is, byte for byte: order, duplicate keys, spelling of numbers, escapes, invalid UTF-8.
pub(crate) fn write_compact(json: &[u8], out: &mut Vec<u8>) {
    let mut i = 0;
    loop {
        i = skip_space(json, i);
        let Some(&byte) = json.get(i) else { return };
        if byte == b'"' {
            let end = string_end(json, i).unwrap_or(json.len());
            push_html_safe(&json[i..end], out);
            i = end;
        } else {
            out.push(byte);
            i += 1;
        }
    }
}

fn push_html_safe(string: &[u8], out: &mut Vec<u8>) {
    let mut written = 0;
    for (i, &byte) in string.iter().enumerate() {
        match byte {
            b'<' | b'>' | b'&' => {
                out.extend_from_slice(&string[written..i]);
                push_unicode(byte, out);
                written = i + 1;
            }
            0xe2 => {
                if let Some(last) = line_separator(&string[i..]) {
                    out.extend_from_slice(&string[written..i]);
                    out.extend_from_slice(&[b'\\', b'u', b'2', b'0', b'2', last]);
                    written = i + 3;
                }
            }
            _ => {}
        }
    }
    out.extend_from_slice(&string[written..]);
}

const fn needs_a_look(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

/// The last digit of U+2028 or U+2029, if `bytes` start with one.
fn line_separator(bytes: &[u8]) -> Option<u8> {
    match bytes.get(..3)? {
        [0xe2, 0x80, 0xa8] => Some(b'8'),
        [0xe2, 0x80, 0xa9] => Some(b'9'),
        _ => None,
    }
}

fn push_unicode(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u00");
    out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str, expected: &str) {
        let mut out = Vec::new();
        write_str(text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    fn compact(json: &[u8], expected: &[u8]) {
        let mut out = Vec::new();
        write_compact(json, &mut out);
        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        string("", r#""""#);
        string("a\"b\\c", r#""a\"b\\c""#);
        string("<a> & </a>", r#""\u003ca\u003e \u0026 \u003c/a\u003e""#);
        string("x\u{2028}y\u{2029}z\u{2027}\u{e2}", "\"x\\u2028y\\u2029z\u{2027}\u{e2}\"");
        string("\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{b}", r#""\b\f\n\r\t\u0000\u001f\u000b""#);
        string("/\u{7f}\u{e9}\u{1f600}", "\"/\u{7f}\u{e9}\u{1f600}\"");
    }

    #[test]
    fn raw_values_lose_whitespace_only() {
        compact(
            b" { \"b\" : [ 1.50 , 1e400,\n-0 ] ,\t\"a\" : null, \"b\":\" x \" }\r\n",
            br#"{"b":[1.50,1e400,-0],"a":null,"b":" x "}"#,
        );
        compact(br#"{"a":"\u003C\/\u0041\" "}"#, br#"{"a":"\u003C\/\u0041\" "}"#);
        compact(br#"["<&>"]"#, br#"["\u003c\u0026\u003e"]"#);
        compact("{\"\u{2028}<\":\"\u{2029}\"}".as_bytes(), br#"{"\u2028\u003c":"\u2029"}"#);
        compact(b"\"\xff\xe2\x80\"", b"\"\xff\xe2\x80\"");
    }
}
