//! Parameters of a request's query, as Go's `url.ParseQuery` reads them.

/// The first value of `key`. If any part of the query is badly escaped or has a `;`, no key has one.
pub(super) fn first(uri: &str, key: &str) -> Option<String> {
    let uri = uri.split_once('#').map_or(uri, |(before, _)| before);
    let (path, query) = uri.split_once('?')?;
    decode(path)?;
    if uri.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    let mut first = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return None;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if first.is_none() && name == key.as_bytes() {
            first = Some(value);
        }
    }
    first.map(|value| String::from_utf8_lossy(&value).into_owned())
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
