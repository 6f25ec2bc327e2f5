//! Patterns as linear-time regular expressions.

use regex::{Regex, RegexBuilder};

use crate::Fold;

/// How many bytes a compiled pattern may take: enough for any that a person writes.
const SIZE_MAX: usize = 1 << 20;
/// How deep groups may be nested in a pattern.
const DEPTH_MAX: u32 = 64;

/// Compiles a regular expression as it stands.
pub(crate) fn regex(source: &str) -> Result<Regex, String> {
    build(source).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("takes more than {SIZE_MAX} bytes when compiled"),
        // The last line says what is wrong; those before it draw the pattern.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

/// `text` anywhere.
pub(crate) fn containing(text: &str, fold: Fold) -> Result<Regex, String> {
    let mut source = fold_flag(fold);
    text.chars().for_each(|letter| push_literal(letter, fold, &mut source));
    regex(&source)
}

/// A shell pattern, for the whole text.
pub(crate) fn glob(pattern: &str, fold: Fold) -> Result<Regex, String> {
    let mut source = format!("{}(?s)^", fold_flag(fold));
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '*' => source.push_str(".*"),
            '?' => source.push('.'),
            '\\' => push_literal(rest.next().unwrap_or('\\'), fold, &mut source),
            '[' => match class(rest.as_str(), fold) {
                Some((class, after)) => {
                    source.push_str(&class);
                    rest = after.chars();
                }
                None => push_literal('[', fold, &mut source),
            },
            other => push_literal(other, fold, &mut source),
        }
    }
    source.push('$');
    regex(&source)
}

/// Whether a text is a pattern at all.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '\\'])
}

fn build(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).size_limit(SIZE_MAX).dfa_size_limit(SIZE_MAX).nest_limit(DEPTH_MAX).build()
}

fn fold_flag(fold: Fold) -> String {
    if fold == Fold::Unicode { "(?i)".to_owned() } else { String::new() }
}

/// With [`Fold::Ascii`] each letter is a class of its two cases: the flag would fold all of Unicode.
fn push_literal(letter: char, fold: Fold, out: &mut String) {
    if fold == Fold::Ascii && letter.is_ascii_alphabetic() {
        out.extend(['[', letter.to_ascii_lowercase(), letter.to_ascii_uppercase(), ']']);
    } else {
        out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

/// What stands in brackets, as a class, and what follows it. `None` where the bracket is not closed.
fn class(inside: &str, fold: Fold) -> Option<(String, &str)> {
    let (negated, mut rest) = match inside.strip_prefix(['!', '^']) {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut named = String::new();
    let mut first = true;
    loop {
        if let Some(after) = rest.strip_prefix("[:")
            && let Some((name, after)) = after.split_once(":]")
        {
            const NAMES: [&str; 12] = [
                "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                "upper", "xdigit",
            ];
            if !NAMES.contains(&name) {
                return None;
            }
            named.push_str(&format!("[:{name}:]"));
            (rest, first) = (after, false);
            continue;
        }
        let mut letters = rest.chars();
        let mut letter = letters.next()?;
        if letter == ']' && !first {
            rest = letters.as_str();
            break;
        }
        if letter == '\\' {
            letter = letters.next()?;
        }
        first = false;
        let mut end = letter;
        let mut ahead = letters.clone();
        if ahead.next() == Some('-')
            && let Some(mut last) = ahead.next()
            && last != ']'
        {
            if last == '\\' {
                last = ahead.next()?;
            }
            end = last;
            letters = ahead;
        }
        rest = letters.as_str();
        ranges.push((letter, end));
    }
    let mut out = String::from(if negated { "[^" } else { "[" });
    // A range that ends before it begins holds nothing.
    let ranges: Vec<(char, char)> = ranges.into_iter().filter(|(start, end)| start <= end).collect();
    if ranges.is_empty() && named.is_empty() {
        let nothing = if negated { "(?s:.)" } else { r"[^\s\S]" };
        return Some((nothing.to_owned(), rest));
    }
    for (start, end) in ranges {
        push_range(start, end, &mut out);
        if fold == Fold::Ascii {
            // What the range shares with one case, in the other.
            for (from, to, moved) in [
                ('a', 'z', char::to_ascii_uppercase as fn(&char) -> char),
                ('A', 'Z', char::to_ascii_lowercase as fn(&char) -> char),
            ] {
                let (low, high) = (start.max(from), end.min(to));
                if low <= high {
                    push_range(moved(&low), moved(&high), &mut out);
                }
            }
        }
    }
    out.push_str(&named);
    out.push(']');
    Some((out, rest))
}

fn push_range(start: char, end: char, out: &mut String) {
    out.push_str(&format!(r"\x{{{:X}}}-\x{{{:X}}}", start as u32, end as u32));
}
