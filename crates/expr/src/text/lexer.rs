//! Words, texts, numbers and signs.

/// What stands somewhere in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Text(String),
    Number(f64),
    Parameter(&'t str),
    /// `==`, `<=`, `(`, …
    Sign(&'static str),
    /// A text without its closing quote, a bad escape, a stray character: what is wrong.
    Bad(&'static str),
    End,
}

/// A token, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed<'t> {
    pub(super) token: Token<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

const SIGNS: [&str; 16] =
    ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", ".", "*", "=", "&&", "||"];

/// The token at or after `at`.
pub(super) fn token(source: &str, at: usize) -> Placed<'_> {
    let start = skip(source, at);
    let rest = &source[start..];
    let (token, length) = read(rest);
    Placed { token, start, end: start + length }
}

/// Blanks and comments.
fn skip(source: &str, mut at: usize) -> usize {
    loop {
        let rest = &source[at..];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        if !rest[blank..].starts_with('#') {
            return at;
        }
        at += rest[blank..].find('\n').unwrap_or(rest.len() - blank);
    }
}

fn read(rest: &str) -> (Token<'_>, usize) {
    let Some(first) = rest.chars().next() else { return (Token::End, 0) };
    match first {
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = word_length(rest);
            (Token::Word(&rest[..length]), length)
        }
        '$' => match word_length(&rest[1..]) {
            0 => (Token::Bad("a parameter is `$` and a name"), 1),
            length => (Token::Parameter(&rest[1..=length]), 1 + length),
        },
        '"' => quoted(rest),
        '\'' => match rest[1..].find('\'') {
            Some(length) => (Token::Text(rest[1..=length].to_owned()), length + 2),
            None => (Token::Bad("this text is never closed; write `'` behind it"), rest.len()),
        },
        '0'..='9' => number(rest),
        '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(rest),
        _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => (Token::Sign(sign), sign.len()),
            None => (Token::Bad("this character has no meaning here"), first.len_utf8()),
        },
    }
}

fn word_length(rest: &str) -> usize {
    rest.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_' || b == b'-')).unwrap_or(rest.len())
}

fn number(rest: &str) -> (Token<'_>, usize) {
    let bytes = rest.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = digits(usize::from(bytes[0] == b'-'));
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(sign).is_some_and(u8::is_ascii_digit) {
            end = digits(sign);
        }
    }
    match rest[..end].parse() {
        Ok(number) => (Token::Number(number), end),
        Err(_) => (Token::Bad("this is no number"), end),
    }
}

/// A JSON string.
fn quoted(rest: &str) -> (Token<'_>, usize) {
    let mut out = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (Token::Text(out), at + 1),
            '\\' => {
                let Some((_, escape)) = letters.next() else { break };
                out.push(match escape {
                    '"' | '\\' | '/' => escape,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let hex = rest.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                        let Some(letter) = hex.and_then(char::from_u32) else {
                            return (Token::Bad("`\\u` takes four hexadecimal digits of a character"), at + 2);
                        };
                        letters.nth(3);
                        letter
                    }
                    _ => {
                        let what = "in double quotes `\\` begins an escape; write `\\\\`, or put the text in single quotes";
                        return (Token::Bad(what), at + 1);
                    }
                });
            }
            other => out.push(other),
        }
    }
    (Token::Bad("this text is never closed; write `\"` behind it"), rest.len())
}
