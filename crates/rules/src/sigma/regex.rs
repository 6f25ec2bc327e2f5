//! Sigma's regular expressions, a subset of PCRE, in the syntax of the crate `regex`.
//!
//! That crate runs in linear time and so has no look-around and no backreferences; they are refused. What the two only
//! write differently is rewritten: a brace or a bracket that stands for itself, `\Z`.

/// How many expressions one load may compile, so that no files take long.
const COMPILED_MAX: usize = 5000;

/// How large one expression may become, in bytes of its program; `\w{100}` and its like are larger.
const SIZE_MAX: usize = 1 << 20;

/// How long one may be.
const LENGTH_MAX: usize = 16 << 10;

/// How deep groups may be nested.
const NESTING_MAX: u32 = 50;

/// How many may still be compiled.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Budget(COMPILED_MAX)
    }
}

/// Why one is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The expression as the evaluator takes it; `flags` are of `i`, `m`, `s`.
pub(super) fn translate(source: &str, flags: &str, budget: &mut Budget) -> Result<String, Refused> {
    let refused = |message: String, hint: Option<&str>| Refused { message, hint: hint.map(str::to_owned) };
    if source.len() > LENGTH_MAX {
        return Err(refused(format!("a regular expression of more than {LENGTH_MAX} bytes"), None));
    }
    budget.0 = budget.0.checked_sub(1).ok_or_else(|| {
        refused(
            format!("more than {COMPILED_MAX} regular expressions"),
            Some("split the rules over several runs"),
        )
    })?;
    let mut out = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    rewrite(source, &mut out)?;
    match ::regex::RegexBuilder::new(&out).size_limit(SIZE_MAX).nest_limit(NESTING_MAX).build() {
        Ok(_) => Ok(out),
        Err(::regex::Error::CompiledTooBig(_)) => Err(refused(
            "the regular expression is too large once compiled".to_owned(),
            Some("smaller repetitions; `[0-9]` is smaller than `\\d`, which knows all of Unicode"),
        )),
        Err(error) => Err(explain(&error.to_string())),
    }
}

/// `text` standing for itself.
pub(super) fn escape(text: &str) -> String {
    ::regex::escape(text)
}

fn explain(error: &str) -> Refused {
    // The crate draws the expression and a mark; its last line says what is wrong.
    let reason = error.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
    let hint = if reason.contains("look-around") {
        Some(
            "match what must be there, and put the rest into a search of its own with `not` before it in the condition",
        )
    } else if reason.contains("backreference") {
        Some("write out what is repeated")
    } else {
        None
    };
    Refused {
        message: format!("not a regular expression that is understood here: {reason}"),
        hint: hint.map(str::to_owned),
    }
}

fn rewrite(source: &str, out: &mut String) -> Result<(), Refused> {
    let mut characters = source.char_indices().peekable();
    // Where a quantifier just ended: another `+` would make it possessive.
    let mut after_quantifier = false;
    while let Some((at, character)) = characters.next() {
        let was_after_quantifier = std::mem::take(&mut after_quantifier);
        match character {
            '\\' => match characters.next() {
                Some((_, 'Z')) => *out += r"\z",
                Some((_, 'h')) => *out += r"[\t ]",
                Some((_, 'e')) => *out += r"\x1B",
                Some((_, escaped @ ('K' | 'G' | 'R' | 'X' | 'Q' | 'E'))) => {
                    return Err(Refused {
                        message: format!("`\\{escaped}` has no meaning in regular expressions here"),
                        hint: None,
                    });
                }
                Some((_, escaped)) => {
                    out.push('\\');
                    out.push(escaped);
                }
                None => out.push('\\'),
            },
            '[' => class(&mut characters, out),
            '+' if was_after_quantifier => {
                return Err(Refused {
                    message: "possessive quantifiers are not understood here".to_owned(),
                    hint: Some("leave the second `+` away: nothing here backtracks".to_owned()),
                });
            }
            '{' => match repetition(&source[at..]) {
                Some(length) => {
                    *out += &source[at..at + length];
                    while characters.next_if(|(next, _)| *next < at + length).is_some() {}
                    after_quantifier = true;
                }
                None => *out += r"\{",
            },
            '}' => *out += r"\}",
            '*' | '+' | '?' => {
                // `(?` opens a group, it repeats nothing.
                after_quantifier = !source[..at].ends_with('(');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    Ok(())
}

/// The length of `{3}`, `{3,}` or `{3,5}` at the start of `rest`; anything else is a brace.
fn repetition(rest: &str) -> Option<usize> {
    let end = rest.find('}')?;
    let inside = &rest[1..end];
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!low.is_empty() && digits(low) && digits(high)).then_some(end + 1)
}

/// A bracketed class. In the crate's syntax classes nest and have set operations; in PCRE they do not.
fn class(characters: &mut std::iter::Peekable<std::str::CharIndices<'_>>, out: &mut String) {
    out.push('[');
    if characters.next_if(|(_, next)| *next == '^').is_some() {
        out.push('^');
    }
    let mut first = true;
    while let Some((_, character)) = characters.next() {
        match character {
            ']' if !first => {
                out.push(']');
                return;
            }
            ']' => *out += r"\]",
            '\\' => {
                out.push('\\');
                out.extend(characters.next().map(|(_, escaped)| escaped));
            }
            '[' if characters.peek().is_some_and(|(_, next)| *next == ':') => {
                out.push('[');
                for (_, inner) in characters.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => *out += r"\[",
            '&' | '~' => {
                out.push('\\');
                out.push(character);
            }
            // Two in a row would be a difference of sets.
            '-' if characters.peek().is_some_and(|(_, next)| *next == '-') => *out += r"\-",
            _ => out.push(character),
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let got = match translate(source, "", &mut Budget::default()) {
            Ok(translated) => translated,
            Err(refused) => format!("refused: {}", refused.message),
        };
        assert_eq!(got, expected, "{source}");
    }

    #[test]
    fn what_is_written_differently_is_rewritten() {
        check(r"^/api/v1/(pods|secrets)$", r"^/api/v1/(pods|secrets)$");
        check(r#"\{"a":{}"#, r#"\{"a":\{\}"#);
        check(r"a{2,3}b{4}c{5,}", r"a{2,3}b{4}c{5,}");
        check(r"a{,3}", r"a\{,3\}");
        check(r"[[a]", r"[\[a]");
        check(r"[[:alpha:]_]", r"[[:alpha:]_]");
        check(r"[]a]", r"[\]a]");
        check(r"[^]a]", r"[^\]a]");
        check(r"[a&&b]", r"[a\&\&b]");
        check(r"x\Z", r"x\z");
        check(r"(?:a)(?i)b", r"(?:a)(?i)b");
        check(r"a*?b+?", r"a*?b+?");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        check(
            "a(?=b)",
            "refused: not a regular expression that is understood here: look-around, including look-ahead and look-behind, is not supported",
        );
        check(
            r"(a)\1",
            "refused: not a regular expression that is understood here: backreferences are not supported",
        );
        check("a++", "refused: possessive quantifiers are not understood here");
        check("(a", "refused: not a regular expression that is understood here: unclosed group");
        check(r"((\w{100}){100}){100}", "refused: the regular expression is too large once compiled");
        check(&"(".repeat(20_000), "refused: a regular expression of more than 16384 bytes");
        check(r"\Qa", r"refused: `\Q` has no meaning in regular expressions here");
    }
}
