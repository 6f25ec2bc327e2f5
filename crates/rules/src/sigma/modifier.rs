//! Modifiers: what stands behind a field's name, applied to its values from left to right.

use auditward_expr::{Compare, TimePart};

use super::Options;
use super::notes::near;
use super::value::{Pattern, Piece};

/// Each by the word that rules write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modifier {
    Contains,
    StartsWith,
    EndsWith,
    All,
    Cased,
    Neq,
    Exists,
    Regex,
    Flag(char),
    Cidr,
    Number(Compare),
    Base64,
    Base64Offset,
    Utf16Le,
    Utf16Be,
    Utf16,
    Windash,
    FieldRef,
    Expand,
    Time(TimePart),
}

pub(super) const MODIFIERS: [(&str, Modifier); 34] = [
    ("contains", Modifier::Contains),
    ("startswith", Modifier::StartsWith),
    ("endswith", Modifier::EndsWith),
    ("all", Modifier::All),
    ("cased", Modifier::Cased),
    ("neq", Modifier::Neq),
    ("exists", Modifier::Exists),
    ("re", Modifier::Regex),
    ("i", Modifier::Flag('i')),
    ("ignorecase", Modifier::Flag('i')),
    ("m", Modifier::Flag('m')),
    ("multiline", Modifier::Flag('m')),
    ("s", Modifier::Flag('s')),
    ("dotall", Modifier::Flag('s')),
    ("cidr", Modifier::Cidr),
    ("lt", Modifier::Number(Compare::Less)),
    ("lte", Modifier::Number(Compare::LessOrEqual)),
    ("gt", Modifier::Number(Compare::Greater)),
    ("gte", Modifier::Number(Compare::GreaterOrEqual)),
    ("base64", Modifier::Base64),
    ("base64offset", Modifier::Base64Offset),
    ("utf16le", Modifier::Utf16Le),
    ("wide", Modifier::Utf16Le),
    ("utf16be", Modifier::Utf16Be),
    ("utf16", Modifier::Utf16),
    ("windash", Modifier::Windash),
    ("fieldref", Modifier::FieldRef),
    ("expand", Modifier::Expand),
    ("minute", Modifier::Time(TimePart::Minute)),
    ("hour", Modifier::Time(TimePart::Hour)),
    ("day", Modifier::Time(TimePart::Day)),
    ("week", Modifier::Time(TimePart::Week)),
    ("month", Modifier::Time(TimePart::Month)),
    ("year", Modifier::Time(TimePart::Year)),
];

/// How many values one may stand for after `expand`.
const EXPANDED_MAX: usize = 10_000;

/// What is wrong with a modifier or with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// A value on its way through the modifiers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// Any of these texts. More than one only after an expansion.
    Text(Vec<Pattern>),
    /// A number, and how it was written.
    Number(f64, String),
    Bool(bool),
    Null,
    Exists(bool),
    /// Its own from the start: in a regular expression a backslash means something else.
    Regex {
        source: String,
        flags: String,
        /// Anchored at its start, and at its end.
        anchored: (bool, bool),
    },
    Cidr(String),
    Sized(Compare, f64),
    Time(TimePart, Compare, f64),
    FieldRef {
        name: String,
        compare: Compare,
    },
}

/// The modifier of that name.
pub(super) fn parse(word: &str) -> Result<Modifier, Refused> {
    if let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
        return Ok(*modifier);
    }
    let near = near(word, MODIFIERS.iter().map(|(name, _)| *name));
    let hint = match (near, word) {
        (_, "not") => Some("`neq` negates the match of a field".to_owned()),
        (Some(near), _) => Some(format!("did you mean `{near}`?")),
        _ => None,
    };
    Err(Refused { message: format!("unknown modifier `{word}`"), hint })
}

/// Applies one modifier to one value. `first` when none was applied to it before.
pub(super) fn apply(
    modifier: Modifier,
    operand: Operand,
    first: bool,
    options: &Options,
) -> Result<Operand, Refused> {
    match modifier {
        // These speak of the field as a whole.
        Modifier::All | Modifier::Cased | Modifier::Neq => Ok(operand),
        Modifier::Contains => around(operand, true, true),
        Modifier::StartsWith => around(operand, false, true),
        Modifier::EndsWith => around(operand, true, false),
        Modifier::Exists => match operand {
            Operand::Bool(value) if first => Ok(Operand::Exists(value)),
            Operand::Bool(_) => refuse("`exists` stands alone", None),
            _ => refuse("`exists` takes `true` or `false`", None),
        },
        Modifier::Regex => match operand {
            Operand::Regex { .. } if first => Ok(operand),
            Operand::Regex { .. } => {
                refuse("`re` takes a value that no other modifier has changed", Some("write it first"))
            }
            other => refuse(format!("`re` takes a text, not {}", other.kind()), Some("put it in quotes")),
        },
        Modifier::Flag(flag) => match operand {
            Operand::Regex { source, mut flags, anchored } if !first => {
                if !flags.contains(flag) {
                    flags.push(flag);
                }
                Ok(Operand::Regex { source, flags, anchored })
            }
            _ => refuse(format!("`{flag}` belongs behind `re`"), Some("as in `field|re|i`")),
        },
        Modifier::Cidr => match (plain(&operand), first) {
            (Some(text), true) => cidr(&text),
            (Some(_), false) => refuse("`cidr` takes a value that no other modifier has changed", None),
            (None, _) => refuse("`cidr` takes a network such as `10.0.0.0/8`", None),
        },
        Modifier::Number(compare) => match operand {
            Operand::Number(number, _) => Ok(Operand::Sized(compare, number)),
            Operand::Time(part, Compare::Equal, number) => Ok(Operand::Time(part, compare, number)),
            other => refuse(format!("only a number can be compared in size, not {}", other.kind()), None),
        },
        Modifier::Time(part) => match operand {
            Operand::Number(number, _) => Ok(Operand::Time(part, Compare::Equal, number)),
            other => refuse(format!("a part of a time is a number, not {}", other.kind()), None),
        },
        Modifier::FieldRef => match plain(&operand) {
            Some(name) if !name.is_empty() => Ok(Operand::FieldRef { name, compare: Compare::Equal }),
            _ => refuse(
                "`fieldref` takes the name of a field",
                Some("without wildcards; `contains` and its like stand behind it"),
            ),
        },
        Modifier::Expand => expand(operand, options),
        Modifier::Base64 => encode(operand, |bytes| vec![base64(bytes)]),
        Modifier::Base64Offset => encode(operand, base64_offset),
        Modifier::Utf16Le => utf16(operand, "", u16::to_le_bytes),
        Modifier::Utf16Be => utf16(operand, "", u16::to_be_bytes),
        Modifier::Utf16 => utf16(operand, "\u{feff}", u16::to_le_bytes),
        Modifier::Windash => match operand {
            Operand::Text(patterns) => Ok(Operand::Text(patterns.into_iter().map(windash).collect())),
            other => refuse(format!("`windash` takes a text, not {}", other.kind()), None),
        },
    }
}

impl Operand {
    /// For people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Operand::Text(_) => "a text",
            Operand::Number(..) => "a number",
            Operand::Bool(_) => "a boolean",
            Operand::Null => "null",
            _ => "what another modifier made of it",
        }
    }
}

fn refuse<T>(message: impl Into<String>, hint: Option<&str>) -> Result<T, Refused> {
    Err(Refused { message: message.into(), hint: hint.map(str::to_owned) })
}

/// The text that an operand is, if it is one without wildcards.
fn plain(operand: &Operand) -> Option<String> {
    match operand {
        Operand::Text(patterns) => match patterns.as_slice() {
            [one] => one.plain().and_then(|bytes| String::from_utf8(bytes).ok()),
            _ => None,
        },
        _ => None,
    }
}

/// Wildcards at the start and at the end, or what is the same for other operands.
fn around(operand: Operand, start: bool, end: bool) -> Result<Operand, Refused> {
    match operand {
        Operand::Text(mut patterns) => {
            for pattern in &mut patterns {
                if start {
                    pattern.any_at_start();
                }
                if end {
                    pattern.any_at_end();
                }
            }
            Ok(Operand::Text(patterns))
        }
        // A number is written out: `code|startswith: 4`.
        Operand::Number(_, written) => around(Operand::Text(vec![Pattern::parse(&written)]), start, end),
        Operand::Bool(value) => around(Operand::Text(vec![Pattern::parse(&value.to_string())]), start, end),
        // An expression is found anywhere already, so only what it may not do is said.
        Operand::Regex { source, flags, .. } => {
            Ok(Operand::Regex { source, flags, anchored: (!start, !end) })
        }
        Operand::FieldRef { name, .. } => Ok(Operand::FieldRef {
            name,
            compare: match (start, end) {
                (true, true) => Compare::Contains,
                (false, _) => Compare::StartsWith,
                (true, false) => Compare::EndsWith,
            },
        }),
        other => refuse(format!("wildcards go around a text, not around {}", other.kind()), None),
    }
}

/// Only what the evaluator reads the same: an address, or one with the length of its network.
fn cidr(text: &str) -> Result<Operand, Refused> {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let bits =
        address.parse::<std::net::IpAddr>().ok().map(|address| if address.is_ipv4() { 32 } else { 128 });
    let fits = |bits: u8| {
        length.is_none_or(|length| {
            length.len() <= 3
                && length.bytes().all(|byte| byte.is_ascii_digit())
                && length.parse::<u8>().is_ok_and(|length| length <= bits)
        })
    };
    if bits.is_some_and(fits) {
        Ok(Operand::Cidr(text.to_owned()))
    } else {
        refuse(format!("`{text}` is no network"), Some("as in `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`"))
    }
}

fn encode(operand: Operand, with: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Result<Operand, Refused> {
    let patterns = match operand {
        Operand::Text(patterns) => patterns,
        Operand::Number(_, written) => vec![Pattern::literal(written.into_bytes())],
        other => return refuse(format!("only a text can be encoded, not {}", other.kind()), None),
    };
    let mut encoded = Vec::new();
    for pattern in patterns {
        let Some(bytes) = pattern.plain() else {
            return refuse(
                "a value with wildcards cannot be encoded",
                Some("escape them as `\\*` and `\\?`; `contains` stands behind the encoding"),
            );
        };
        encoded.extend(with(&bytes).into_iter().map(Pattern::literal));
    }
    Ok(Operand::Text(encoded))
}

fn utf16(operand: Operand, mark: &str, order: fn(u16) -> [u8; 2]) -> Result<Operand, Refused> {
    let Operand::Text(mut patterns) = operand else {
        return refuse(format!("only a text can be encoded, not {}", operand.kind()), None);
    };
    let widen = |text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for pattern in &mut patterns {
        for piece in &mut pattern.0 {
            match piece {
                Piece::Text(bytes) => {
                    let Ok(text) = std::str::from_utf8(bytes) else {
                        return refuse("what is encoded already is no text any more", None);
                    };
                    *bytes = widen(text);
                }
                Piece::Any => {}
                Piece::One | Piece::Dash => {
                    return refuse("`?` and `windash` have no place in UTF-16", None);
                }
            }
        }
        if !mark.is_empty() {
            pattern.0.insert(0, Piece::Text(widen(mark)));
            if let [Piece::Text(first), Piece::Text(second), ..] = pattern.0.as_mut_slice() {
                first.append(second);
                pattern.0.remove(1);
            }
        }
    }
    Ok(Operand::Text(patterns))
}

/// `%name%` becomes each of the values that it is configured to stand for.
fn expand(operand: Operand, options: &Options) -> Result<Operand, Refused> {
    let Operand::Text(patterns) = operand else {
        return refuse(format!("`expand` takes a text, not {}", operand.kind()), None);
    };
    let mut expanded = Vec::new();
    for pattern in patterns {
        let mut ways = vec![Pattern(Vec::new())];
        for piece in pattern.0 {
            let Piece::Text(bytes) = piece else {
                for way in &mut ways {
                    way.0.push(piece.clone());
                }
                continue;
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for part in parts(&text) {
                match part {
                    Part::Text(text) => {
                        for way in &mut ways {
                            join(way, &Pattern::literal(text.into()));
                        }
                    }
                    Part::Placeholder(name) => {
                        let Some(values) = options.placeholders.get(name) else {
                            return refuse(
                                format!("the placeholder `%{name}%` is not configured"),
                                Some(unknown_placeholder(name, options).as_str()),
                            );
                        };
                        if ways.len() * values.len() > EXPANDED_MAX {
                            return refuse(format!("more than {EXPANDED_MAX} values once expanded"), None);
                        }
                        let values: Vec<Pattern> = values.iter().map(|value| Pattern::parse(value)).collect();
                        let each = ways.iter().flat_map(|way| {
                            values.iter().map(|value| {
                                let mut way = way.clone();
                                join(&mut way, value);
                                way
                            })
                        });
                        ways = each.collect();
                    }
                }
            }
        }
        expanded.extend(ways);
    }
    if expanded.is_empty() || expanded.len() > EXPANDED_MAX {
        return refuse("a placeholder stands for no value, or for too many", None);
    }
    Ok(Operand::Text(expanded))
}

/// What was probably meant, or where to say what it is.
fn unknown_placeholder(name: &str, options: &Options) -> String {
    // So many names at most are compared: suggesting is no reason to wait.
    let known = options.placeholders.keys().take(1000).map(String::as_str);
    match near(name, known) {
        Some(near) => format!("did you mean `%{near}%`?"),
        None => format!("say in a file of settings what it stands for: `placeholders: {{{name}: [...]}}`"),
    }
}

/// Whether `%name%` may be a placeholder.
pub(crate) fn is_placeholder(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

enum Part<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// `a%b%c`: a percent sign without another one, or around what is no name, stands for itself.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut literal = 0;
    while let Some(start) = rest[literal..].find('%').map(|at| at + literal) {
        let inside = &rest[start + 1..];
        let name = inside.find('%').map(|end| &inside[..end]);
        match name.filter(|name| is_placeholder(name)) {
            Some(name) => {
                parts.push(Part::Text(&rest[..start]));
                parts.push(Part::Placeholder(name));
                rest = &rest[start + name.len() + 2..];
                literal = 0;
            }
            None => literal = start + 1,
        }
    }
    parts.push(Part::Text(rest));
    parts
}

fn join(way: &mut Pattern, more: &Pattern) {
    for piece in &more.0 {
        match (way.0.last_mut(), piece) {
            (Some(Piece::Text(bytes)), Piece::Text(more)) => bytes.extend_from_slice(more),
            (Some(Piece::Any), Piece::Any) => {}
            _ => way.0.push(piece.clone()),
        }
    }
}

/// Dashes and slashes that begin an option: those between something that is no word and a word.
fn windash(pattern: Pattern) -> Pattern {
    let mut out = Pattern(Vec::new());
    for piece in pattern.0 {
        let Piece::Text(bytes) = piece else {
            out.0.push(piece);
            continue;
        };
        let is_word = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
        };
        let mut text = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            if matches!(byte, b'-' | b'/') && !is_word(before) && is_word(bytes.get(at + 1)) {
                join(&mut out, &Pattern::literal(std::mem::take(&mut text)));
                out.0.push(Piece::Dash);
            } else {
                text.push(*byte);
            }
        }
        join(&mut out, &Pattern::literal(text));
    }
    out
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for letter in 0..4 {
            let six = (bits >> (18 - 6 * letter)) & 63;
            out.push(if letter <= chunk.len() { LETTERS[six as usize] } else { b'=' });
        }
    }
    out
}

/// What of the encoded text does not depend on what stands before and after, for each of the three ways in which the
/// text can lie in groups of three bytes.
fn base64_offset(bytes: &[u8]) -> Vec<Vec<u8>> {
    const SKIPPED: [usize; 3] = [0, 2, 3];
    const CUT: [usize; 3] = [0, 3, 2];
    let shifted = (0..3).map(|shift| {
        let mut padded = vec![b' '; shift];
        padded.extend_from_slice(bytes);
        let encoded = base64(&padded);
        let end = encoded.len().saturating_sub(CUT[padded.len() % 3]);
        encoded.get(SKIPPED[shift]..end).unwrap_or_default().to_vec()
    });
    shifted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_its_three_shifts() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text(base64(b"")), "");
        assert_eq!(text(base64(b"f")), "Zg==");
        assert_eq!(text(base64(b"foo?bar")), "Zm9vP2Jhcg==");
        // The example of the specification.
        let shifted: Vec<String> = base64_offset(b"http://").into_iter().map(text).collect();
        assert_eq!(shifted, ["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"]);
        assert_eq!(base64_offset(b"").concat(), b"");
    }

    #[test]
    fn placeholders_are_found() {
        let show = |text| {
            let parts = parts(text).into_iter().map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Placeholder(name) => format!("<{name}>"),
            });
            parts.collect::<String>()
        };
        assert_eq!(show("%a%"), "<a>");
        assert_eq!(show("x%a%y%b%"), "x<a>y<b>");
        assert_eq!(show("100%"), "100%");
        assert_eq!(show("5% of %a%"), "5% of <a>");
        assert_eq!(show("%%"), "%%");
    }
}
