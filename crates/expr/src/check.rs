//! What can be said against an expression before any event is seen.

use auditward_event::{Path, Step};

use crate::compiled::CompiledTest;
use crate::field::{fact, falco};
use crate::schema::{event_type, nearest};
use crate::{Compare, Expr, Field, Function, Literal, Match, Root, Test};

/// What the values of a field are known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// A text that is an IP address.
    Address,
    /// A text that is a time.
    Time,
    /// An object or an array: it exists, and there is more inside.
    Inside,
    /// Anything.
    Any,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do; empty where nothing can be said.
    pub hint: String,
}

/// How many problems are told of.
const PROBLEMS_MAX: usize = 50;

/// Everything that is wrong, in the order of the tree. Fields of the event that no event has, comparisons that can
/// never be true, patterns, networks and paths that are none.
pub fn check(expr: &Expr) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(expr, &mut problems);
    problems.truncate(PROBLEMS_MAX);
    problems
}

fn walk(expr: &Expr, problems: &mut Vec<Problem>) {
    match expr {
        Expr::Const(_) => {}
        Expr::Not(inner) => walk(inner, problems),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| walk(part, problems)),
        Expr::Test(one) => problems.extend(test(one)),
        Expr::Some { list, holds } => {
            problems.extend(field(list).err());
            walk(holds, problems);
        }
    }
}

/// The same of one test.
pub(crate) fn test(test: &Test) -> Vec<Problem> {
    let mut problems = Vec::new();
    match field(&test.field) {
        Ok(kind) => problems.extend(comparison(&test.field, kind, &test.check)),
        Err(problem) => problems.push(problem),
    }
    if let Match::Field(_, other) = &test.check {
        problems.extend(field(other).err());
    }
    if let Match::Under { roots, clean: true } = &test.check {
        let relative = roots.iter().filter(|root| !root.starts_with('/'));
        problems.extend(
            relative.map(|root| problem(format!("`{root}` is no absolute path"), "begin it with `/`")),
        );
    }
    if let Err(error) = CompiledTest::new(test) {
        let hint = match &test.check {
            Match::Cidr(_) => "write `10.0.0.0/8`, `fd00::/8` or one address",
            Match::Regex(_) => "the syntax is that of the crate `regex`: no look-around, no back-references",
            _ => "",
        };
        problems.push(problem(error.to_string(), hint));
    }
    problems
}

/// What the field's values are.
pub(crate) fn field(field: &Field) -> Result<Type, Problem> {
    let root = match &field.root {
        Root::Event(path) => {
            event_type(path).map_err(|(known, choices)| unknown_path(path, &known, &choices))?
        }
        Root::Fact(name) => fact::find(name).map(|fact| fact.kind).ok_or_else(|| {
            let near = nearest(name, fact::FACTS.iter().map(|fact| fact.name));
            problem(
                format!("unknown fact `{name}`"),
                near.map_or(String::new(), |near| format!("did you mean `{near}`?")),
            )
        })?,
        Root::Falco(name, _) if falco::find(name).is_none() => {
            let near = nearest(name, falco::FIELDS.iter().map(|field| field.name));
            let hint = near.map_or(String::new(), |near| format!("did you mean `{near}`?"));
            return Err(problem(format!("Falco has no field `{name}`"), hint));
        }
        Root::Query(_) | Root::Falco(..) => Type::Text,
        Root::Dotted(_)
        | Root::Object(_)
        | Root::Pod(_)
        | Root::Container(_)
        | Root::Element(_)
        | Root::Anywhere => Type::Any,
    };
    Ok(field.functions.iter().fold(root, |_, function| match function {
        Function::Length | Function::Count | Function::TimePart(_) => Type::Number,
        _ => Type::Text,
    }))
}

fn unknown_path(path: &Path, known: &str, choices: &[&'static str]) -> Problem {
    let depth = known.split(['.', '[']).filter(|part| !part.is_empty()).count();
    let near = match path.steps().get(depth) {
        Some(Step::Key(key)) => nearest(key, choices.iter().copied()),
        _ => None,
    };
    let dot = if known.is_empty() { "" } else { "." };
    let hint = near.map_or(String::new(), |near| format!("did you mean `{known}{dot}{near}`?"));
    problem(format!("no event has a field `{path}`"), hint)
}

/// A comparison that can never be true of values of that type.
fn comparison(field: &Field, kind: Type, check: &Match) -> Option<Problem> {
    let texts = matches!(kind, Type::Text | Type::Address | Type::Time);
    let never = |what: &str, hint: String| Some(problem(format!("`{field}` {what}"), hint));
    match (kind, check) {
        (Type::Any, _) | (_, Match::Exists | Match::Null) => None,
        (Type::Inside, _) => {
            never("is no single value", format!("name what is inside, or its items: `{field}[*]`"))
        }
        (_, Match::Is(Literal::Number(number))) if texts => never(
            "is a text, never a number",
            format!("put the value in quotes: `\"{}\"`", Literal::Number(*number)),
        ),
        (_, Match::Is(Literal::Bool(_))) if texts => {
            never("is a text, never true or false", "say what it is compared with".to_owned())
        }
        (Type::Number, Match::Is(Literal::Text(_) | Literal::Bool(_))) => {
            never("is a number", "compare it with a number, without quotes".to_owned())
        }
        (Type::Bool, Match::Is(Literal::Text(_) | Literal::Number(_)) | Match::Number(..)) => {
            never("is true or false", "compare it with `true` or `false`, or write it alone".to_owned())
        }
        (Type::Text | Type::Number | Type::Bool | Type::Time, Match::Cidr(_)) if !may_hold_address(field) => {
            never("is no address", "`sourceIP` and `sourceIPs[*]` are".to_owned())
        }
        (Type::Number | Type::Bool, Match::Under { .. }) => never("is no path", String::new()),
        (_, Match::Number(Compare::Contains | Compare::StartsWith | Compare::EndsWith, _)) => never(
            "is compared as a number by what is for texts",
            "use the operator without `number`".to_owned(),
        ),
        _ => None,
    }
}

/// Falco's fields and parameters of a query are texts of any sort.
fn may_hold_address(field: &Field) -> bool {
    matches!(field.root, Root::Falco(..) | Root::Query(_))
}

fn problem(message: impl Into<String>, hint: impl Into<String>) -> Problem {
    Problem { message: message.into(), hint: hint.into() }
}
