//! Field and label selectors, read as `k8s.io/apimachinery` reads them, only to know whether they are valid and
//! which single name they allow.

/// The terms of a field selector, in the order in which they are judged.
fn field_terms(selector: &str) -> Option<Vec<(String, bool, String)>> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, byte) in selector.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts.sort_unstable();
    parts.into_iter().filter(|part| !part.is_empty()).map(field_term).collect()
}

/// One term: field, whether it must be equal (or else differ), value.
fn field_term(term: &str) -> Option<(String, bool, String)> {
    let at = term
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| term[*at..].starts_with('=') || term[*at..].starts_with("!="))?;
    let (field, rest) = term.split_at(at);
    let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
        (false, value)
    } else {
        (true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?)
    };
    Some((field.to_owned(), equal, unescape(value)?))
}

fn unescape(value: &str) -> Option<String> {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().filter(|c| matches!(c, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// Whether a field selector can be read.
pub(super) fn fields_are_valid(selector: &str) -> bool {
    field_terms(selector).is_some()
}

/// The name that `metadata.name` must equal, if the selector says one.
pub(super) fn required_name(selector: &str) -> Option<String> {
    field_terms(selector)?
        .into_iter()
        .find(|(field, equal, _)| *equal && field == "metadata.name")
        .map(|term| term.2)
}

/// Whether a label selector can be read: requirements joined by commas, each `key`, `!key`, `key=value`, `key==value`,
/// `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key>1`, `key<1`.
pub(super) fn labels_are_valid(selector: &str) -> bool {
    let tokens = tokens(selector);
    let mut at = 0;
    if tokens.is_empty() {
        return true;
    }
    loop {
        let Some(after) = requirement(&tokens, at) else { return false };
        match tokens.get(after) {
            None => return true,
            Some(Token::Comma) => {
                at = after + 1;
                // A comma must be followed by another requirement.
                if !matches!(tokens.get(at), Some(Token::Word(_) | Token::Not)) {
                    return false;
                }
            }
            Some(_) => return false,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'s> {
    Word(&'s str),
    Not,
    Equal,
    NotEqual,
    Greater,
    Less,
    Open,
    Close,
    Comma,
    Unknown,
}

fn tokens(selector: &str) -> Vec<Token<'_>> {
    const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
    const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
    let mut tokens = Vec::new();
    let mut rest = selector.trim_start_matches(SPACE);
    while let Some(c) = rest.chars().next() {
        let length = if SPECIAL.contains(&c) {
            // Operators are read greedily while the longer text is still one.
            let pairs = ["==", "!="];
            if pairs.iter().any(|pair| rest.starts_with(pair)) { 2 } else { 1 }
        } else {
            rest.find(|c| SPACE.contains(&c) || SPECIAL.contains(&c)).unwrap_or(rest.len())
        };
        let (text, after) = rest.split_at(length);
        tokens.push(match text {
            "!" => Token::Not,
            "=" | "==" => Token::Equal,
            "!=" => Token::NotEqual,
            ">" => Token::Greater,
            "<" => Token::Less,
            "(" => Token::Open,
            ")" => Token::Close,
            "," => Token::Comma,
            word if !word.starts_with(SPECIAL) => Token::Word(word),
            _ => Token::Unknown,
        });
        rest = after.trim_start_matches(SPACE);
    }
    tokens
}

/// The index after the requirement that begins at `at`.
fn requirement(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let (negated, at) = if tokens.get(at)? == &Token::Not { (true, at + 1) } else { (false, at) };
    let Token::Word(key) = tokens.get(at)? else { return None };
    if !key_is_valid(key) {
        return None;
    }
    let at = at + 1;
    let operator = tokens.get(at);
    if negated || matches!(operator, None | Some(Token::Comma)) {
        return Some(at);
    }
    match operator? {
        Token::Word("in" | "notin") => set(tokens, at + 1),
        Token::Equal | Token::NotEqual => match tokens.get(at + 1) {
            None | Some(Token::Comma) => Some(at + 1),
            Some(Token::Word(value)) => value_is_valid(value).then_some(at + 2),
            Some(_) => None,
        },
        Token::Greater | Token::Less => match tokens.get(at + 1) {
            Some(Token::Word(value)) => {
                (value_is_valid(value) && value.parse::<i64>().is_ok()).then_some(at + 2)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The index after the parenthesised set that begins at `at`; empty entries are allowed in it, nothing else is.
fn set(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    if tokens.get(at)? != &Token::Open {
        return None;
    }
    let mut at = at + 1;
    if tokens.get(at)? == &Token::Close {
        return None;
    }
    loop {
        match tokens.get(at)? {
            Token::Close => return Some(at + 1),
            Token::Comma => at += 1,
            Token::Word(value) if value_is_valid(value) => {
                at += 1;
                if !matches!(tokens.get(at)?, Token::Comma | Token::Close) {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

/// A qualified name: an optional DNS subdomain and `/`, then a name of at most 63 characters.
fn key_is_valid(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let subdomain = |text: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=253).contains(&text.len())
            && text.split('.').all(|label| {
                let bytes = label.as_bytes();
                !bytes.is_empty()
                    && inner(bytes[0])
                    && inner(bytes[bytes.len() - 1])
                    && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
            })
    };
    prefix.is_none_or(subdomain) && !name.is_empty() && value_is_valid(name)
}

/// Empty, or at most 63 letters, digits, `-`, `_`, `.` with a letter or digit at both ends.
fn value_is_valid(value: &str) -> bool {
    let bytes = value.as_bytes();
    let Some((first, last)) = bytes.first().zip(bytes.last()) else { return true };
    bytes.len() <= 63
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
