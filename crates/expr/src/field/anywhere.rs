//! Every scalar of an event, keys aside.

use auditward_event::Value;
use memchr::memchr2;

use crate::{Item, Subject};

/// One pass over the bytes, whatever is nested in what.
pub(crate) fn each<'a>(subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    let bytes = subject.event().as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'"' => {
                let Some(end) = string_end(bytes, at) else { return };
                at = end;
                if is_key(&bytes[end..]) {
                    continue;
                }
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            _ => {
                let length = bytes[at..]
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"'))
                    .unwrap_or(bytes.len() - at);
                at += length.max(1);
            }
        }
        if let Ok(value) = Value::parse(&bytes[start..at]) {
            found(Item::Json(value));
        }
    }
}

/// Just after the closing quote of the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

fn is_key(after: &[u8]) -> bool {
    after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}
