//! A search as text.
//!
//! Several expressions have words of their own in the language, and each was made from some: so the text of one is
//! guessed from its shape and read back. Where what was read is not the same, it is embedded as an expression.

use std::fmt::{self, Display, Formatter};

use auditward_event::{MicroTime, Path, Step};
use auditward_expr::{Compare, Expr, Fold, Literal, Match, Quantifier, Root, Test};

use crate::clusters::{ClusterRule, Pattern};
use crate::names::{At, NAMES};
use crate::{Clusters, Search, parse};

/// The text that [`parse`] reads back as the same search, whatever the time then, as long as
/// [`auditward_expr::check`] finds nothing wrong with its expression.
impl Display for Search {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.since.map(|time| format!("since:{time}")));
        words.extend(self.until.map(|time| format!("until:{time}")));
        words.extend(self.clusters.rules().iter().map(cluster));
        match &self.expr {
            Expr::Const(true) => {}
            or @ Expr::Or(_) if !words.is_empty() => words.push(part(or, 0)),
            expr => words.push(whole(expr, 0)),
        }
        f.write_str(&words.join(" "))
    }
}

impl Search {
    /// The same as text.
    pub fn print(&self) -> String {
        self.to_string()
    }
}

/// How deep parentheses and negations go; what is deeper is embedded. Less than is read.
const DEPTH_MAX: usize = 40;

/// An expression that nothing stands beside.
fn whole(expr: &Expr, depth: usize) -> String {
    match expr {
        Expr::Or(parts) if parts.len() > 1 => {
            parts.iter().map(|part| side(part, depth)).collect::<Vec<_>>().join(" OR ")
        }
        _ => side(expr, depth),
    }
}

/// One side of an `OR`.
fn side(expr: &Expr, depth: usize) -> String {
    match expr {
        Expr::And(parts) if parts.len() > 1 => match one_term(expr) {
            Some(text) => text,
            None => parts.iter().map(|one| part(one, depth)).collect::<Vec<_>>().join(" "),
        },
        _ => part(expr, depth),
    }
}

/// What others may stand beside.
fn part(expr: &Expr, depth: usize) -> String {
    if let Some(text) = one_term(expr) {
        return text;
    }
    match expr {
        Expr::Not(inner) if depth < DEPTH_MAX => format!("-{}", part(inner, depth + 1)),
        Expr::And(parts) | Expr::Or(parts) if parts.len() > 1 && depth < DEPTH_MAX => {
            format!("({})", whole(expr, depth + 1))
        }
        _ => format!("where:{}", quoted(&expr.to_string())),
    }
}

/// An expression that is one field and its value.
fn one_term(expr: &Expr) -> Option<String> {
    let candidates = match expr {
        Expr::Const(true) => return Some("*".to_owned()),
        Expr::Test(test) => terms(test),
        Expr::And(parts) => pair(parts).into_iter().collect(),
        _ => return None,
    };
    // Whatever it was: no term but `since` depends on the time, and none of these is one.
    let now = MicroTime::from_micros(0);
    candidates.into_iter().find(|text| parse(text, now).is_ok_and(|read| read == Search::of(expr.clone())))
}

fn terms(asked: &Test) -> Vec<String> {
    if asked.quantifier != Quantifier::Any || !asked.field.functions.is_empty() {
        return Vec::new();
    }
    if asked.field.root == Root::Anywhere {
        return match &asked.check {
            Match::Contains(text, Fold::Ascii) => vec![quoted(text)],
            Match::Glob(pattern, Fold::Ascii) => like(pattern).into_iter().collect(),
            _ => Vec::new(),
        };
    }
    let Some(name) = name(&asked.field.root) else { return Vec::new() };
    values(&asked.check).into_iter().map(|value| format!("{name}:{value}")).collect()
}

/// Two tests, or three, that one value was.
fn pair(parts: &[Expr]) -> Option<String> {
    let tests: Option<Vec<&Test>> =
        parts.iter().map(|part| if let Expr::Test(test) = part { Some(test) } else { None }).collect();
    match tests?.as_slice() {
        [low, high] if low.field == high.field => match (&low.check, &high.check) {
            (Match::Number(_, low_number), Match::Number(_, high)) => {
                Some(format!("{}:{low_number}..{high}", name(&low.field.root)?))
            }
            _ => None,
        },
        tests => {
            let mut text = String::from("resource:");
            for (i, test) in tests.iter().enumerate() {
                text.push_str(match name(&test.field.root)?.as_str() {
                    "resource" if i == 0 => "",
                    "apiGroup" if i > 0 => ".",
                    "subresource" if i > 0 => "/",
                    _ => return None,
                });
                text.push_str(&match &test.check {
                    Match::Exists => "*".to_owned(),
                    Match::Is(Literal::Text(text)) => bare(text)?,
                    Match::Glob(pattern, Fold::Exact) => like(pattern)?,
                    _ => return None,
                });
            }
            Some(text)
        }
    }
}

/// What may have been written, the likeliest first.
fn values(check: &Match) -> Vec<String> {
    let list = |texts: Vec<String>| {
        if texts.len() > 1 { format!("({})", texts.join(" OR ")) } else { texts.concat() }
    };
    match check {
        Match::Exists => vec!["*".to_owned()],
        Match::Is(Literal::Text(text)) => bare(text).into_iter().chain([quoted(text)]).collect(),
        Match::Is(literal @ (Literal::Number(_) | Literal::Bool(_))) => vec![literal.to_string()],
        Match::Equals(text, Fold::Exact) => bare(text).into_iter().collect(),
        Match::Glob(pattern, Fold::Exact) => like(pattern).into_iter().collect(),
        Match::In(texts, Fold::Exact) => {
            vec![list(texts.iter().map(|text| bare(text).unwrap_or_else(|| quoted(text))).collect())]
        }
        Match::Cidr(networks) => {
            vec![list(networks.iter().map(|text| bare(text).unwrap_or_else(|| quoted(text))).collect())]
        }
        Match::Number(compare, number) => {
            sign(*compare).map(|sign| format!("{sign}{number}")).into_iter().collect()
        }
        Match::TextOrder(compare, text) => {
            sign(*compare).map(|sign| format!("{sign}{text}")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

const fn sign(compare: Compare) -> Option<&'static str> {
    match compare {
        Compare::Less => Some("<"),
        Compare::LessOrEqual => Some("<="),
        Compare::Greater => Some(">"),
        Compare::GreaterOrEqual => Some(">="),
        _ => None,
    }
}

/// What leads to this root.
fn name(root: &Root) -> Option<String> {
    let below = |name: &str, steps: &[Step]| format!("{name}{}", below(steps));
    Some(match root {
        Root::Event(path) => {
            let text = path.to_string();
            if let Some(known) = NAMES.iter().find(|known| matches!(known.at, At::Event(at) if at == text)) {
                return Some(known.name.to_owned());
            }
            match path.steps() {
                [Step::Key(first), rest @ ..] if first == "annotations" => below("annotations", rest),
                [Step::Key(first), rest @ ..] if first == "responseObject" => below("response", rest),
                [Step::Key(first), rest @ ..] => below(first, rest),
                _ => return None,
            }
        }
        Root::Object(path) => below("body", path.steps()),
        Root::Pod(path) => below("pod", path.steps()),
        Root::Container(path) => below("container", path.steps()),
        Root::Query(key) => below("query", &[Step::Key(key.clone())]),
        Root::Fact(fact) => fact.clone(),
        _ => return None,
    })
}

fn below(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) if is_plain(key) => {
                out.push('.');
                out.push_str(key);
            }
            // Brackets of a path are those of a field.
            Step::Key(key) => out.push_str(&format!("[{}]", quoted(key))),
            other => out.push_str(&Path::new([other.clone()]).to_string()),
        }
    }
    out
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-'))
}

/// A text as a word, if it can be one.
fn bare(text: &str) -> Option<String> {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    let signs = text.starts_with(['<', '>', '=', '!', '\'']) || matches!(text, "" | "AND" | "OR" | "NOT");
    if signs || !text.chars().all(plain) || text.contains(['(', ')', '"', ',']) {
        return None;
    }
    let mut out = String::new();
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    Some(out)
}

/// A pattern as a word, if it can be one.
fn like(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '*' | '?' => {
                out.push(letter);
                continue;
            }
            // Brackets mean something in a pattern, and nothing in a search.
            '[' => return None,
            '\\' => letters.next()?,
            other => other,
        };
        if literal.is_control() {
            return None;
        }
        if literal.is_whitespace() || matches!(literal, '*' | '?' | '\\' | '(' | ')' | '"' | ',') {
            out.push('\\');
        }
        out.push(literal);
    }
    Some(out)
}

/// A text in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other.is_control() => out.push_str(&format!("\\u{:04x}", other as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn cluster(rule: &ClusterRule) -> String {
    let minus = if rule.negated { "-" } else { "" };
    let any: Vec<String> = rule
        .any
        .iter()
        .map(|pattern| match pattern {
            Pattern::Name(name) => bare(name).unwrap_or_else(|| quoted(name)),
            Pattern::Like(pattern) => like(pattern).unwrap_or_else(|| quoted(pattern)),
        })
        .collect();
    match any.as_slice() {
        [one] => format!("{minus}cluster:{one}"),
        any => format!("{minus}cluster:({})", any.join(" OR ")),
    }
}

/// As in a search.
impl Display for Clusters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rules().iter().map(cluster).collect::<Vec<_>>().join(" "))
    }
}
