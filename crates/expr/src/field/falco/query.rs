//! Parameters of a request's query, as Go's `url.ParseQuery` reads them.

/// Hands the first value of `key` to `found`. If any part of the query is badly escaped or has a `;`, no key has one.
pub(super) fn first(uri: &str, key: &str, found: &mut dyn FnMut(&str)) {
    let uri = uri.split_once('#').map_or(uri, |(before, _)| before);
    let Some((path, query)) = uri.split_once('?') else { return };
    if decode(path).is_none() || uri.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return;
    }
    let mut first = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else { return };
        if first.is_none() && name == key.as_bytes() {
            first = Some(value);
        }
    }
    if let Some(value) = first {
        found(&String::from_utf8_lossy(&value));
    }
}

/// `%41` and `+` as what they stand for; nothing where a `%` has no two digits behind it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => 16 * digit(bytes.next()?)? + digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
