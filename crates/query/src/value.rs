//! What stands behind a colon, and what it asks of a field.

use std::ops::Range;

use auditward_event::MicroTime;
use auditward_expr::schema::nearest;
use auditward_expr::{Compare, Expr, Field, Fold, Literal, Match, Quantifier, Test, check};

use crate::Finding;
use crate::finding::shorten;
use crate::names::{LEVELS, Name, Type};
use crate::time::{FORMS, moment};

/// What stands behind a colon.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `*`: there is one.
    Any,
    /// A text; whether it stood in quotes.
    Text(String, bool),
    /// With wildcards: what [`Match::Glob`] takes.
    Like(String),
    /// `>=400`
    Order(Compare, String),
}

/// A word as it is meant: `\` takes the next character as it is, `*` and `?` are wildcards.
pub(crate) fn word(raw: &str) -> Value {
    if raw == "*" {
        return Value::Any;
    }
    for (sign, compare) in [
        (">=", Compare::GreaterOrEqual),
        ("<=", Compare::LessOrEqual),
        (">", Compare::Greater),
        ("<", Compare::Less),
    ] {
        if let Some(rest) = raw.strip_prefix(sign) {
            return Value::Order(compare, unescaped(rest));
        }
    }
    let mut pattern = String::new();
    let mut wild = false;
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' | '?' => {
                wild = true;
                pattern.push(letter);
            }
            '\\' => push_literal(letters.next().unwrap_or('\\'), &mut pattern),
            other => push_literal(other, &mut pattern),
        }
    }
    if wild { Value::Like(pattern) } else { Value::Text(unescaped(raw), false) }
}

fn push_literal(letter: char, pattern: &mut String) {
    if matches!(letter, '*' | '?' | '[' | '\\') {
        pattern.push('\\');
    }
    pattern.push(letter);
}

fn unescaped(raw: &str) -> String {
    let mut out = String::new();
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}

/// Whether a text looks like the pattern: `*` any run of characters, `?` one, `\` takes the next as it is.
///
/// Takes at most as many steps as both have characters, multiplied.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<(char, bool)> = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '\\' => (letters.next().unwrap_or('\\'), false),
            other => (other, matches!(other, '*' | '?')),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut part, mut at) = (0, 0);
    // Where the last `*` was, and what it has swallowed so far.
    let mut back: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(('*', true)) => {
                back = Some((part, at));
                part += 1;
            }
            Some((letter, wild)) if *wild || *letter == text[at] => {
                part += 1;
                at += 1;
            }
            _ => {
                let Some((star, swallowed)) = back else { return false };
                back = Some((star, swallowed + 1));
                part = star + 1;
                at = swallowed + 1;
            }
        }
    }
    parts[part..].iter().all(|part| *part == ('*', true))
}

/// What a value, or one of several, asks of a field.
pub(crate) struct Asked<'n> {
    /// Where it stood.
    pub(crate) span: Range<usize>,
    pub(crate) field: &'n Field,
    pub(crate) kind: Type,
    pub(crate) name: Option<&'static Name>,
    /// As the searcher called it.
    pub(crate) called: &'n str,
    pub(crate) now: MicroTime,
}

impl Asked<'_> {
    /// One value.
    pub(crate) fn one(&self, value: &Value) -> Result<Expr, Finding> {
        let expr = self.lowered(value)?;
        match check(&expr).into_iter().next() {
            None => Ok(expr),
            Some(problem) => Err(self.wrong(problem.message, problem.hint)),
        }
    }

    /// One of these.
    pub(crate) fn list(&self, values: &[Value]) -> Result<Expr, Finding> {
        let texts: Option<Vec<&str>> = values
            .iter()
            .map(|value| match (value, self.kind) {
                (Value::Text(text, _), Type::Text | Type::Level | Type::Resource | Type::Address) => {
                    Some(text.as_str())
                }
                (Value::Text(text, false), Type::Any) => {
                    Some(text.as_str()).filter(|_| range(text).is_none())
                }
                _ => None,
            })
            .collect();
        // Each has to be right on its own.
        let each = values.iter().map(|value| self.one(value)).collect::<Result<Vec<Expr>, Finding>>()?;
        match (texts, self.kind) {
            (Some(texts), Type::Address) if each.len() > 1 => {
                Ok(self.test(Match::Cidr(texts.into_iter().map(str::to_owned).collect())))
            }
            (Some(texts), kind) if each.len() > 1 && kind != Type::Address => {
                let texts = texts.into_iter().map(|text| self.known(text)).collect::<Result<_, _>>()?;
                Ok(self.test(Match::In(texts, Fold::Exact)))
            }
            _ => Ok(joined(each, Expr::Or).unwrap_or(Expr::Const(false))),
        }
    }

    fn lowered(&self, value: &Value) -> Result<Expr, Finding> {
        if let (Type::Number, Value::Text(text, _)) | (Type::Any, Value::Text(text, false)) =
            (self.kind, value)
            && let Some((low, high)) = range(text)
        {
            return Ok(Expr::And(vec![
                self.test(Match::Number(Compare::GreaterOrEqual, low)),
                self.test(Match::Number(Compare::LessOrEqual, high)),
            ]));
        }
        let check = match (self.kind, value) {
            (_, Value::Any) => Match::Exists,
            (_, Value::Like(pattern)) => Match::Glob(pattern.clone(), Fold::Exact),
            (Type::Text | Type::Resource | Type::Level, Value::Text(text, _)) => {
                Match::Is(Literal::Text(self.known(text)?))
            }
            (Type::Level, Value::Order(compare, text)) => {
                let wanted = self.known(text)?;
                let place = LEVELS.iter().position(|level| *level == wanted).unwrap_or_default();
                let levels = LEVELS.iter().enumerate().filter(|(at, _)| match compare {
                    Compare::Less => *at < place,
                    Compare::LessOrEqual => *at <= place,
                    Compare::Greater => *at > place,
                    _ => *at >= place,
                });
                let levels: Vec<String> = levels.map(|(_, level)| (*level).to_owned()).collect();
                match levels.as_slice() {
                    [one] => Match::Is(Literal::Text(one.clone())),
                    _ => Match::In(levels, Fold::Exact),
                }
            }
            (Type::Address, Value::Text(text, _)) => Match::Cidr(vec![text.clone()]),
            (Type::Number, Value::Text(text, _)) => match number(text) {
                Some(number) => Match::Is(Literal::Number(number)),
                None => {
                    let message = format!("`{}` is a number, `{}` is none", self.called, shorten(text));
                    return Err(self.wrong(message, "write `403`, `>=400` or `400..499`".to_owned()));
                }
            },
            (Type::Number | Type::Any, Value::Order(compare, text)) => match number(text) {
                Some(number) => Match::Number(*compare, number),
                None => {
                    let message = format!("`{}` is no number", shorten(text));
                    return Err(self.wrong(message, "`<` and `>` compare numbers".to_owned()));
                }
            },
            (Type::Bool, Value::Text(text, _)) if matches!(text.as_str(), "true" | "false") => {
                Match::Is(Literal::Bool(text == "true"))
            }
            (Type::Bool, _) => {
                let message = format!("`{}` is true or false", self.called);
                return Err(self.wrong(message, format!("write `{}:true`", self.called)));
            }
            (Type::Time, Value::Order(compare, text)) => match moment(text, self.now) {
                Some(time) => Match::TextOrder(*compare, time.to_string()),
                None => return Err(self.wrong(format!("`{}` is no time", shorten(text)), FORMS.to_owned())),
            },
            // To the microsecond, or it would mean a span.
            (Type::Time, Value::Text(text, _)) if text.parse::<MicroTime>().is_ok() => {
                Match::Is(Literal::Text(text.clone()))
            }
            (Type::Time, Value::Text(..)) => {
                let hint = format!("write `{0}:>=today` or `{0}:<2h`", self.called);
                return Err(self.wrong(format!("`{}` is compared by `<` or `>`", self.called), hint));
            }
            (Type::Any, Value::Text(text, true)) => Match::Is(Literal::Text(text.clone())),
            (Type::Any, Value::Text(text, false)) => Match::Equals(text.clone(), Fold::Exact),
            (Type::Text | Type::Resource | Type::Address, Value::Order(..)) => {
                let message = format!("`{}` has no order", self.called);
                return Err(self.wrong(message, "`<` and `>` are for numbers, times and levels".to_owned()));
            }
        };
        Ok(self.test(check))
    }

    /// A text that may be a value of the field, as it is written there.
    fn known(&self, text: &str) -> Result<String, Finding> {
        let Some(name) = self.name.filter(|name| name.closed) else { return Ok(text.to_owned()) };
        if let Some(value) = name.values.iter().find(|value| value.eq_ignore_ascii_case(text)) {
            return Ok((*value).to_owned());
        }
        let hint = match nearest(text, name.values.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", name.values.join(", ")),
        };
        Err(self.wrong(format!("`{}` is never `{}`", self.called, shorten(text)), hint))
    }

    fn test(&self, check: Match) -> Expr {
        Expr::Test(Test { field: self.field.clone(), quantifier: Quantifier::Any, check })
    }

    fn wrong(&self, message: String, hint: String) -> Finding {
        Finding::new(self.span.clone(), message, hint)
    }
}

/// The two ends of `400..499`.
fn range(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.split_once("..")?;
    Some((number(low)?, number(high)?))
}

/// A number as people write it: Rust reads `inf` and `nan` as well.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| text.parse().ok())?
        .filter(|n: &f64| n.is_finite())
}

/// Parts as one expression; none of them is none.
pub(crate) fn joined(mut parts: Vec<Expr>, made: fn(Vec<Expr>) -> Expr) -> Option<Expr> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(made(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("?", "", false),
            ("a*", "a", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*b*", "abc", true),
            ("a?c", "abc", true),
            ("a\\*c", "abc", false),
            ("a\\*c", "a*c", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("ü?", "üé", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
