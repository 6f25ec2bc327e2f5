//! An expression as text.

use std::fmt::{self, Display, Formatter, Write};

use auditward_event::{Path, Step};

use super::words::{function_name, is_plain_key, is_raw};
use crate::field::fact;
use crate::schema::{ALIASES, event_type};
use crate::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test};

/// The text that [`super::parse_unchecked`] reads back as the same expression, on one line.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Const(yes) => write!(f, "{yes}"),
            Expr::Not(inner) => match &**inner {
                Expr::Test(test) if negated_operator(test).is_some() => print_test(test, true, f),
                inner => {
                    f.write_str("not ")?;
                    operand(inner, matches!(inner, Expr::And(_) | Expr::Or(_)), f)
                }
            },
            Expr::And(parts) if parts.len() < 2 => call("all", parts, f),
            Expr::Or(parts) if parts.len() < 2 => call("any", parts, f),
            Expr::And(parts) => joined(parts, " and ", |part| matches!(part, Expr::And(_) | Expr::Or(_)), f),
            Expr::Or(parts) => joined(parts, " or ", |part| matches!(part, Expr::Or(_)), f),
            Expr::Test(test) => print_test(test, false, f),
            Expr::Some { list, holds } => write!(f, "some {list} ({holds})"),
        }
    }
}

fn call(name: &str, parts: &[Expr], f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    joined(parts, ", ", |_| false, f)?;
    f.write_char(')')
}

fn joined(
    parts: &[Expr],
    between: &str,
    binds_less: fn(&Expr) -> bool,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        // Of one part or none they are printed as calls.
        let short = matches!(part, Expr::And(parts) | Expr::Or(parts) if parts.len() < 2);
        operand(part, binds_less(part) && !short, f)?;
    }
    Ok(())
}

fn operand(expr: &Expr, in_parentheses: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let short = matches!(expr, Expr::And(parts) | Expr::Or(parts) if parts.len() < 2);
    if in_parentheses && !short { write!(f, "({expr})") } else { write!(f, "{expr}") }
}

/// The operator that says the opposite, where there is one.
fn negated_operator(test: &Test) -> Option<&'static str> {
    match (&test.quantifier, &test.check) {
        (Quantifier::Any, Match::Is(_) | Match::Field(Compare::Equal, _)) => Some("!="),
        (Quantifier::Any, Match::In(_, Fold::Exact)) => Some("not in"),
        _ => None,
    }
}

/// A test is an expression of its own.
impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print_test(self, false, f)
    }
}

fn print_test(asked: &Test, negated: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let field = &asked.field;
    match (asked.quantifier, &asked.check) {
        (Quantifier::Any, Match::Exists) => return write!(f, "exists {field}"),
        (Quantifier::Any, _) => write!(f, "{field} ")?,
        (Quantifier::Every, _) => write!(f, "every {field} ")?,
    }
    let pick = |positive: &'static str| {
        if negated { negated_operator(asked).unwrap_or(positive) } else { positive }
    };
    match &asked.check {
        Match::Exists => f.write_str("exists"),
        Match::Null => f.write_str("is null"),
        Match::Is(literal) => write!(f, "{} {literal}", pick("==")),
        Match::In(texts, Fold::Exact) => {
            write!(f, "{} ", pick("in"))?;
            list(texts, f)
        }
        Match::In(texts, fold) => {
            write!(f, "{}in ", letter(*fold))?;
            list(texts, f)
        }
        Match::Equals(text, fold) => write!(f, "{}equals {}", letter(*fold), Quoted(text)),
        Match::Contains(text, fold) => write!(f, "{}contains {}", letter(*fold), Quoted(text)),
        Match::StartsWith(text, fold) => write!(f, "{}startswith {}", letter(*fold), Quoted(text)),
        Match::EndsWith(text, fold) => write!(f, "{}endswith {}", letter(*fold), Quoted(text)),
        Match::Glob(text, fold) => write!(f, "{}like {}", letter(*fold), Quoted(text)),
        Match::Regex(text) => write!(f, "matches {}", Quoted(text)),
        Match::TextOrder(compare, text) => write!(f, "text {} {}", relation(*compare), Quoted(text)),
        Match::Number(
            compare @ (Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual),
            number,
        ) => write!(f, "{} {}", relation(*compare), Literal::Number(*number)),
        Match::Number(compare, number) => {
            write!(f, "number {} {}", relation(*compare), Literal::Number(*number))
        }
        Match::Cidr(networks) => {
            f.write_str("within ")?;
            list(networks, f)
        }
        Match::Under { roots, clean } => {
            f.write_str(if *clean { "under " } else { "pmatch " })?;
            list(roots, f)
        }
        Match::Field(Compare::Equal, other) => write!(f, "{} {other}", pick("==")),
        Match::Field(compare, other) => write!(f, "{} {other}", relation(*compare)),
    }
}

const fn letter(fold: Fold) -> &'static str {
    match fold {
        Fold::Exact => "",
        Fold::Ascii => "i",
        Fold::Unicode => "u",
    }
}

const fn relation(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "==",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
        Compare::Contains => "contains",
        Compare::StartsWith => "startswith",
        Compare::EndsWith => "endswith",
    }
}

fn list(texts: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('[')?;
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{}", Quoted(text))?;
    }
    f.write_char(']')
}

/// A text in quotes, a number or a boolean.
impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Text(text) => write!(f, "{}", Quoted(text)),
            // Every number that is too large reads as the same one.
            Literal::Number(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "1e999" } else { "-1e999" })
            }
            Literal::Number(number) => write!(f, "{number}"),
            Literal::Bool(yes) => write!(f, "{yes}"),
        }
    }
}

/// The text that reads back as the same field.
impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for function in self.functions.iter().rev() {
            write!(f, "{}(", function_name(function))?;
        }
        write!(f, "{}", self.root)?;
        for function in &self.functions {
            match function {
                Function::Join(separator) => write!(f, ", {})", Quoted(separator))?,
                _ => f.write_char(')')?,
            }
        }
        Ok(())
    }
}

/// The text that reads back as the same root.
impl Display for Root {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Root::Event(path) => match bare(path) {
                Some(alias) => f.write_str(&alias),
                None => write!(f, "event({})", Steps(path.steps(), true)),
            },
            Root::Dotted(keys) => {
                f.write_str("sigma(")?;
                for (i, key) in keys.iter().enumerate() {
                    match !key.is_empty() && key.chars().all(is_raw) {
                        true if i == 0 => f.write_str(key)?,
                        true => write!(f, ".{key}")?,
                        false => write!(f, "[{}]", Quoted(key))?,
                    }
                }
                f.write_char(')')
            }
            Root::Object(path) => write!(f, "object{}", Steps(path.steps(), false)),
            Root::Pod(path) => write!(f, "pod{}", Steps(path.steps(), false)),
            Root::Container(path) => write!(f, "container{}", Steps(path.steps(), false)),
            Root::Element(path) => match path.steps() {
                [Step::Key(key), ..] if is_plain_key(key) => write!(f, "{}", Steps(path.steps(), false)),
                steps => write!(f, ".{}", Steps(steps, false)),
            },
            Root::Query(key) => write!(f, "query{}", Steps(&[Step::Key(key.clone())], false)),
            Root::Anywhere => f.write_str("anywhere"),
            Root::Fact(name) if fact::find(name).is_some() => f.write_str(name),
            Root::Fact(name) => write!(f, "fact({})", Quoted(name)),
            Root::Falco(name, argument) => {
                let plain = |text: &str| !text.is_empty() && text.chars().all(|c| is_raw(c) || c == '.');
                f.write_str("falco(")?;
                let name = if plain(name) { name.clone() } else { Quoted(name).to_string() };
                f.write_str(&name)?;
                match argument {
                    None => {}
                    Some(argument) if plain(argument) => write!(f, "[{argument}]")?,
                    Some(argument) => write!(f, "[{}]", Quoted(argument))?,
                }
                f.write_char(')')
            }
        }
    }
}

/// An event's path as one writes it, if it reads back as itself: one that events have, by its short name if it has one.
fn bare(path: &Path) -> Option<String> {
    event_type(path).ok()?;
    if let [Step::Key(first), rest @ ..] = path.steps() {
        let text = format!("{first}{}", Steps(rest, false));
        if let Some(alias) = ALIASES.iter().find(|alias| alias.path == text) {
            return Some(alias.name.to_owned());
        }
        let taken = ALIASES.iter().any(|alias| alias.name == text) || fact::find(&text).is_some();
        return (!taken).then_some(text);
    }
    None
}

/// Steps of a path; whether they stand first.
struct Steps<'s>(&'s [Step], bool);

impl Display for Steps<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if !is_plain_key(key) => write!(f, "[{}]", Quoted(key))?,
                Step::Key(key) if i == 0 && self.1 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// A text in double quotes; what would be hard to read escaped.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A pattern reads better without its backslashes doubled.
        if self.0.contains('\\') && !self.0.contains(|c: char| c == '\'' || c.is_control()) {
            return write!(f, "'{}'", self.0);
        }
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                other if other.is_control() => write!(f, "\\u{:04x}", other as u32)?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}
