//! Falco's regular expressions (RE2 with POSIX syntax, the whole value) in the syntax of crate `regex`.

/// A pattern that is matched against whole values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// For crate `regex`, anchored.
    pub(super) source: String,
    /// Whether it says no more than a text with `.*` at its ends.
    pub(super) needless: bool,
}

/// Translates, and refuses what upstream refuses: with a reason and a hint.
pub(super) fn translate(pattern: &str) -> Result<Pattern, (String, Option<String>)> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let Some(escaped) = rest.chars().next() else {
                    return Err(("a `\\` at the end of the pattern escapes nothing".to_owned(), None));
                };
                rest = &rest[escaped.len_utf8()..];
                out.push_str(&escape(escaped)?);
            }
            '(' if rest.starts_with('?') => {
                let hint = "POSIX syntax has no `(?…)`; plain parentheses group";
                return Err(("`(?` is no group here".to_owned(), Some(hint.to_owned())));
            }
            '[' => {
                let (class, length) = class(rest)?;
                out.push_str(&class);
                rest = &rest[length..];
            }
            '{' if !is_repetition(rest) => out.push_str("\\{"),
            c => out.push(c),
        }
    }
    let source = format!("\\A(?m:{out})\\z");
    let built = regex::RegexBuilder::new(&source).size_limit(SIZE_MAX).nest_limit(100).build();
    match built {
        Ok(_) => Ok(Pattern { source, needless: is_needless(pattern) }),
        Err(regex::Error::CompiledTooBig(_)) => Err(("this pattern takes too much memory".to_owned(), None)),
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err((format!("not a regular expression: {reason}"), None))
        }
    }
}

/// What a compiled pattern may take, in bytes.
const SIZE_MAX: usize = 1 << 20;

fn escape(c: char) -> Result<String, (String, Option<String>)> {
    let instead = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[[:space:]]",
        'S' => "[^[:space:]]",
        'b' | 'B' | 'A' | 'z' | 'Z' | 'Q' | 'E' | 'p' | 'P' | 'C' => "",
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => return Ok(format!("\\{c}")),
        c if c.is_ascii_punctuation() => return Ok(regex::escape(&c.to_string())),
        c => return Err((format!("unknown escape `\\{c}`"), None)),
    };
    let hint = (!instead.is_empty()).then(|| format!("write `{instead}`"));
    Err((format!("`\\{c}` is Perl's, and patterns have POSIX syntax"), hint))
}

/// A bracket expression whose `[` has been read, and how many bytes of `text` it takes. What means more to crate `regex`
/// than to POSIX is escaped.
fn class(text: &str) -> Result<(String, usize), (String, Option<String>)> {
    let mut out = "[".to_owned();
    let mut at = 0;
    let mut first = true;
    if text.starts_with('^') {
        out.push('^');
        at = 1;
    }
    while let Some(c) = text[at..].chars().next() {
        let behind = &text[at + c.len_utf8()..];
        match c {
            ']' if !first => return Ok((out + "]", at + 1)),
            '[' if behind.starts_with(':') && behind[1..].contains(":]") => {
                let end = behind[1..].find(":]").unwrap_or_default() + 3;
                out.push('[');
                out.push_str(&behind[..end]);
                at += 1 + end;
                first = false;
                continue;
            }
            '\\' => {
                let Some(escaped) = behind.chars().next() else { break };
                out.push_str(&escape(escaped)?);
                at += 1 + escaped.len_utf8();
                first = false;
                continue;
            }
            '[' | ']' | '&' | '~' => out.extend(['\\', c]),
            '-' if behind.starts_with('-') || first => out.push_str("\\-"),
            c => out.push(c),
        }
        at += c.len_utf8();
        first = false;
    }
    Err(("`[` is not closed".to_owned(), None))
}

/// Whether what stands behind a `{` makes it a repetition.
fn is_repetition(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once('}') else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once(',') {
        None => number(inside),
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
    }
}

fn is_needless(pattern: &str) -> bool {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let inner = inner.strip_prefix(".*").unwrap_or(inner);
    let inner = inner.strip_suffix(".*").unwrap_or(inner);
    !inner.contains(['\\', '.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '^', '$'])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at surprises")]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = regex::Regex::new(&translate(pattern).unwrap().source).unwrap();
        for text in yes {
            assert!(compiled.is_match(text), "{pattern} {text}");
        }
        for text in no {
            assert!(!compiled.is_match(text), "{pattern} {text}");
        }
    }

    #[test]
    fn whole_values_match() {
        check("system:[a-z]+", &["system:node"], &["system:nodes2", "xsystem:node", "system:"]);
        check("a|bc", &["a", "bc"], &["ab", "abc"]);
        check("[]a]+", &["]a"], &["b"]);
        check("[a&&b]", &["&", "a"], &["c"]);
        check("[[:digit:]]{2}", &["12"], &["1"]);
        check("a{,2}", &["a{,2}"], &["aa"]);
        check("a\\.b", &["a.b"], &["axb"]);
        check("^a$", &["a"], &["a\nb"]);
        check("[^[]x", &["ax"], &["[x"]);
    }

    #[test]
    fn perl_is_refused() {
        for (pattern, hint) in
            [("\\d+", Some("write `[0-9]`")), ("[\\w]", Some("write `[0-9A-Za-z_]`")), ("\\bx", None)]
        {
            let (message, got) = translate(pattern).unwrap_err();
            assert!(message.contains("POSIX"), "{message}");
            assert_eq!(got.as_deref(), hint);
        }
        for pattern in ["(", "(?i)a", "[a", "a\\", "*", "a{9999}{9999}"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn some_patterns_say_no_more_than_a_text() {
        assert!(translate("^/healthz.*$").unwrap().needless);
        assert!(translate("abc").unwrap().needless);
        assert!(!translate("a.c").unwrap().needless);
    }
}
