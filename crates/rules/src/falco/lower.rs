//! A condition's tree as an [`Expr`].
//!
//! Falco's meaning of a missing value is said in the tree: every check on one is false, `!=` too. A list field's `in`
//! wants every element to be listed, `intersects` one of them.

use std::collections::HashMap;

use auditward_expr::field::falco;
use auditward_expr::field::falco::Argument as Takes;
use auditward_expr::{Compare, Expr, Field, Fold, Function, Match, Quantifier, Root, Test};
use auditward_policy::read::did_you_mean;

use super::condition::{Argument, Ast, DEPTH_MAX, Operand, Operator, Quantity, Right, Transformer};
use super::regex;

/// How much an expression may weigh once its macros are followed: bytes of its texts, and [`NODE_WEIGHT`] for each node.
const WEIGHT_MAX: usize = 16 << 20;
const NODE_WEIGHT: usize = 64;

/// The same for all expressions together.
const TOTAL_WEIGHT_MAX: usize = 256 << 20;

/// Among how many names one is looked for that might be meant.
const NAMES_MAX: usize = 1000;

/// `oneof` is said by naming each pair, so its list is kept short.
const ONE_OF_MAX: usize = 64;

/// What is wrong with a condition, or odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// In which macro; otherwise in the rule itself.
    pub(super) in_macro: Option<usize>,
    /// The byte of the filled text.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Whether it is only that nobody knows a field.
    pub(super) unknown_field: bool,
    /// Whether it is only odd, and what upstream calls that.
    pub(super) warning: Option<&'static str>,
}

/// A macro that can be named.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    /// Where it was defined first, among all macros.
    pub(super) position: usize,
    /// Only macros whose position is below this can be named in it: those that stood before its last definition.
    pub(super) sees_below: usize,
    /// In which file it was defined first.
    pub(super) file: usize,
    pub(super) ast: Option<Ast>,
}

/// Follows macros, each once.
#[derive(Debug)]
pub(super) struct Lowering<'m> {
    macros: &'m [Macro],
    by_name: HashMap<&'m str, usize>,
    known: Vec<Known>,
    open: usize,
    /// What was copied so far.
    total: usize,
    pub(super) used: Vec<bool>,
    pub(super) warnings: Vec<Problem>,
}

#[derive(Debug, Clone)]
enum Known {
    NotYet,
    Open,
    Done(Result<Followed, Problem>),
}

#[derive(Debug, Clone)]
struct Followed {
    expr: Expr,
    weight: usize,
    depth: usize,
}

/// Where a condition is lowered.
#[derive(Clone, Copy)]
struct Place {
    in_macro: Option<usize>,
    sees_below: usize,
    file: usize,
}

type Result<T, E = Problem> = std::result::Result<T, E>;

impl<'m> Lowering<'m> {
    pub(super) fn new(macros: &'m [Macro]) -> Self {
        let by_name = macros.iter().enumerate().map(|(i, one)| (one.name.as_str(), i)).collect();
        let known = vec![Known::NotYet; macros.len()];
        Lowering {
            macros,
            by_name,
            known,
            open: 0,
            total: 0,
            used: vec![false; macros.len()],
            warnings: Vec::new(),
        }
    }

    /// The condition of a rule that was last changed in this file.
    pub(super) fn rule(&mut self, ast: &Ast, file: usize) -> Result<Expr> {
        let place = Place { in_macro: None, sees_below: usize::MAX, file };
        self.follow(ast, place).map(|followed| followed.expr)
    }

    fn follow(&mut self, ast: &Ast, place: Place) -> Result<Followed> {
        match ast {
            Ast::Or(parts) => self.all(parts, place, Expr::Or),
            Ast::And(parts) => self.all(parts, place, Expr::And),
            Ast::Not(inner) => {
                let mut inner = self.follow(inner, place)?;
                inner.expr = Expr::Not(Box::new(inner.expr));
                inner.weight += NODE_WEIGHT;
                inner.depth += 1;
                Ok(inner)
            }
            Ast::Macro { name, at } => self.named(name, *at, place),
            Ast::Check { left, operator, right, at } => {
                let expr = self.check(left, *operator, right, *at, place)?;
                let weight = weight(right) + 2 * NODE_WEIGHT;
                Ok(Followed { expr, weight, depth: 4 })
            }
        }
    }

    fn all(&mut self, parts: &[Ast], place: Place, of: fn(Vec<Expr>) -> Expr) -> Result<Followed> {
        let mut exprs = Vec::with_capacity(parts.len());
        let (mut weight, mut depth) = (NODE_WEIGHT, 0);
        for part in parts {
            let followed = self.follow(part, place)?;
            weight += followed.weight;
            depth = depth.max(followed.depth);
            if weight > WEIGHT_MAX {
                return Err(place.problem(start(part), "too large once its macros are followed"));
            }
            if depth > 2 * DEPTH_MAX {
                return Err(place.problem(start(part), "nested too deep once its macros are followed"));
            }
            exprs.push(followed.expr);
        }
        Ok(Followed { expr: of(exprs), weight, depth: depth + 1 })
    }

    fn named(&mut self, name: &str, at: usize, place: Place) -> Result<Followed> {
        let found = self.by_name.get(name).copied();
        let visible = found
            .filter(|&i| self.macros[i].position < place.sees_below && self.macros[i].file <= place.file);
        let Some(i) = visible else {
            let mut problem = place.problem(at, format!("undefined macro `{name}`"));
            problem.hint = match found {
                Some(_) => Some("it is defined further down; define it first".to_owned()),
                None => did_you_mean(name, self.macros.iter().take(NAMES_MAX).map(|one| one.name.as_str()))
                    .map(|near| format!("did you mean `{near}`?")),
            };
            return Err(problem);
        };
        self.used[i] = true;
        match &self.known[i] {
            Known::Done(followed) => {
                self.total += followed.as_ref().map_or(0, |followed| followed.weight);
                if self.total > TOTAL_WEIGHT_MAX {
                    return Err(
                        place.problem(at, "all conditions together are too large once macros are followed")
                    );
                }
                return followed.clone();
            }
            Known::Open => return Err(place.problem(at, format!("macro `{name}` leads back to itself"))),
            Known::NotYet => {}
        }
        let one = &self.macros[i];
        let Some(ast) = &one.ast else {
            return Err(place.problem(at, format!("macro `{name}` has a mistake of its own")));
        };
        if self.open > DEPTH_MAX {
            return Err(place.problem(at, format!("macros within macros, deeper than {DEPTH_MAX} levels")));
        }
        self.known[i] = Known::Open;
        self.open += 1;
        // By now all files are known: what a macro may name is told by its position alone.
        let inside = Place { in_macro: Some(i), sees_below: one.sees_below, file: usize::MAX };
        let followed = self.follow(ast, inside);
        self.open -= 1;
        self.total += followed.as_ref().map_or(0, |followed| followed.weight);
        self.known[i] = Known::Done(followed.clone());
        followed
    }

    fn check(
        &mut self,
        left: &Operand,
        operator: Operator,
        right: &Right,
        at: usize,
        place: Place,
    ) -> Result<Expr> {
        let typed = operand(left).map_err(|problem| place.adopt(problem))?;
        self.oddities(right, operator, at, place);
        let wrong = |message: String| place.problem(at, message);
        let expr = match right {
            Right::Nothing => typed.test(Match::Exists),
            Right::Value(value) => {
                typed.compare(operator, value).map_err(|wrong| place.adopt(wrong.at(at)))?
            }
            Right::List(values) => {
                typed.listed(operator, values).map_err(|wrong| place.adopt(wrong.at(at)))?
            }
            Right::Quantified(quantity, values) => {
                let each = values.iter().map(|value| typed.compare(operator, value));
                let each: Vec<Expr> =
                    each.collect::<Result<_, _>>().map_err(|wrong| place.adopt(wrong.at(at)))?;
                quantified(*quantity, each).map_err(wrong)?
            }
            Right::Operand(right) => {
                let right = operand(right).map_err(|problem| place.adopt(problem))?;
                typed.against(operator, &right).map_err(wrong)?
            }
        };
        Ok(match &typed.guard {
            Some(list) => Expr::And(vec![test(list.clone(), Quantifier::Any, Match::Exists), expr]),
            None => expr,
        })
    }

    /// What upstream only warns about.
    fn oddities(&mut self, right: &Right, operator: Operator, at: usize, place: Place) {
        let values: &[String] = match right {
            Right::Value(value) => std::slice::from_ref(value),
            Right::List(values) | Right::Quantified(_, values) => values,
            Right::Nothing | Right::Operand(_) => return,
        };
        let mut warn = |code, message: String, hint: &str| {
            let mut problem = place.problem(at, message);
            problem.warning = Some(code);
            problem.hint = Some(hint.to_owned());
            self.warnings.push(problem);
        };
        for value in values {
            if value == "<NA>" {
                let hint = "a missing value is no text; ask `not … exists`";
                warn(
                    "LOAD_UNSAFE_NA_CHECK",
                    "comparing with `<NA>` never matches a missing value".to_owned(),
                    hint,
                );
            } else if falco::find(value.split('[').next().unwrap_or(value)).is_some() {
                let hint = format!("write `val({value})` to compare with the field");
                warn(
                    "LOAD_COMPILE_CONDITION",
                    format!("`{value}` is the name of a field, compared as a text"),
                    &hint,
                );
            } else if Transformer::ALL
                .iter()
                .any(|t| value.strip_prefix(t.text()).is_some_and(|v| v.starts_with('(')))
            {
                warn(
                    "LOAD_COMPILE_CONDITION",
                    format!("`{value}` reads like a transformer, compared as a text"),
                    "write it without quotes",
                );
            } else if operator == Operator::Regex
                && regex::translate(value).is_ok_and(|pattern| pattern.needless)
            {
                let hint = "use `=`, `startswith`, `endswith` or `contains`";
                warn("LOAD_COMPILE_CONDITION", "this pattern needs no regular expression".to_owned(), hint);
            }
        }
    }
}

/// The field that an output or a condition names.
pub(super) fn operand(operand: &Operand) -> Result<Typed> {
    match operand {
        Operand::Field { name, argument, at } => field(name, argument.as_deref(), *at),
        Operand::Call { name, arguments, at } => call(*name, arguments, *at),
    }
}

/// A field with what Falco knows of it.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) field: Field,
    pub(super) list: bool,
    number: bool,
    /// Without this there is nothing to compare, whatever the functions say.
    guard: Option<Field>,
}

fn field(name: &str, argument: Option<&str>, at: usize) -> Result<Typed> {
    let wrong = |message: String| Problem::new(None, at, message);
    let Some(spec) = falco::find(name) else {
        let mut problem = wrong(format!("no field `{name}`"));
        problem.unknown_field = true;
        problem.hint = did_you_mean(name, falco::FIELDS.iter().map(|field| field.name))
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| {
                Some("the fields of audit events begin with `ka.`, `jevt.`, `json.` or `evt.`".to_owned())
            });
        return Err(problem);
    };
    match (spec.argument, argument) {
        (Takes::None, Some(_)) => return Err(wrong(format!("`{name}` takes nothing in brackets"))),
        (Takes::Key, None | Some("")) => {
            return Err(wrong(format!("`{name}` needs a name in brackets: `{name}[name]`")));
        }
        (Takes::Index, Some(index)) if index.parse::<u32>().is_err() => {
            return Err(wrong(format!("`{name}` takes a number in brackets, not `{index}`")));
        }
        _ => {}
    }
    let root = Root::Falco(name.to_owned(), argument.map(str::to_owned));
    Ok(Typed { field: Field { root, functions: Vec::new() }, list: spec.list, number: false, guard: None })
}

fn call(name: Transformer, arguments: &[Argument], at: usize) -> Result<Typed> {
    let wrong = |message: String| Problem::new(None, at, message);
    let one = || match arguments {
        [Argument::Operand(inner)] => operand(inner),
        _ => Err(wrong(format!("`{}` takes one field", name.text()))),
    };
    let function = match name {
        Transformer::ToLower => Function::Lower,
        Transformer::ToUpper => Function::Upper,
        Transformer::Base64 => Function::Base64,
        Transformer::Basename => Function::Basename,
        Transformer::Len => {
            let mut typed = one()?;
            let function = if typed.list { Function::Count } else { Function::Length };
            typed.guard = typed.list.then(|| typed.field.clone());
            typed.field.functions.push(function);
            return Ok(Typed { list: false, number: true, ..typed });
        }
        Transformer::Join => {
            let [Argument::Text(between), Argument::Operand(list)] = arguments else {
                return Err(wrong(
                    "`join` takes a text and a list: `join(\",\", ka.user.groups)`".to_owned(),
                ));
            };
            let mut typed = operand(list)?;
            if !typed.list {
                return Err(wrong("`join` takes a list".to_owned()));
            }
            typed.guard = Some(typed.field.clone());
            typed.field.functions.push(Function::Join(between.clone()));
            return Ok(Typed { list: false, ..typed });
        }
        Transformer::Concat | Transformer::Getopt => {
            let mut problem = wrong(format!("`{}` is not supported here", name.text()));
            problem.hint = Some("compare its parts one by one".to_owned());
            return Err(problem);
        }
    };
    let mut typed = one()?;
    if typed.number {
        return Err(wrong(format!("`{}` takes a text, not a number", name.text())));
    }
    typed.field.functions.push(function);
    Ok(typed)
}

/// A reason without a place.
struct Wrong(String, Option<String>);

impl Wrong {
    fn at(self, at: usize) -> Problem {
        let mut problem = Problem::new(None, at, self.0);
        problem.hint = self.1;
        problem
    }
}

impl Typed {
    fn test(&self, check: Match) -> Expr {
        test(self.field.clone(), Quantifier::Any, check)
    }

    fn unless(&self, check: Match) -> Expr {
        Expr::And(vec![self.test(Match::Exists), Expr::Not(Box::new(self.test(check)))])
    }

    fn no_list(&self, operator: Operator) -> Result<(), Wrong> {
        if !self.list {
            return Ok(());
        }
        let message = format!("`{}` is not for lists", operator.text());
        Err(Wrong(message, Some("of a list ask `exists`, `in` or `intersects`".to_owned())))
    }

    fn compare(&self, operator: Operator, value: &str) -> Result<Expr, Wrong> {
        use Operator as O;
        self.no_list(operator)?;
        if self.number {
            let number = number(value).ok_or_else(|| Wrong(format!("`{value}` is no number"), None))?;
            let compare = match operator {
                O::Equal | O::EqualTwice | O::NotEqual => Compare::Equal,
                O::Less => Compare::Less,
                O::LessOrEqual => Compare::LessOrEqual,
                O::Greater => Compare::Greater,
                O::GreaterOrEqual => Compare::GreaterOrEqual,
                _ => return Err(Wrong(format!("`{}` is not for numbers", operator.text()), None)),
            };
            let check = Match::Number(compare, number);
            return Ok(if operator == O::NotEqual { self.unless(check) } else { self.test(check) });
        }
        // A text ends at its first NUL.
        let value = value.split('\0').next().unwrap_or(value).to_owned();
        let check = match operator {
            O::Equal | O::EqualTwice => Match::Equals(value, Fold::Exact),
            O::NotEqual => return Ok(self.unless(Match::Equals(value, Fold::Exact))),
            O::Less => Match::TextOrder(Compare::Less, value),
            O::LessOrEqual => Match::TextOrder(Compare::LessOrEqual, value),
            O::Greater => Match::TextOrder(Compare::Greater, value),
            O::GreaterOrEqual => Match::TextOrder(Compare::GreaterOrEqual, value),
            O::Contains => Match::Contains(value, Fold::Exact),
            O::ContainsFolded => Match::Contains(value, Fold::Ascii),
            O::StartsWith => Match::StartsWith(value, Fold::Exact),
            O::EndsWith => Match::EndsWith(value, Fold::Exact),
            O::Glob => Match::Glob(value, Fold::Exact),
            O::GlobFolded => Match::Glob(value, Fold::Ascii),
            O::Regex => {
                Match::Regex(regex::translate(&value).map_err(|(message, hint)| Wrong(message, hint))?.source)
            }
            O::ContainsBytes | O::StartsWithBytes => {
                let message = format!("`{}` compares byte buffers, and this is a text", operator.text());
                return Err(Wrong(message, Some(format!("use `{}`", &operator.text()[1..]))));
            }
            O::Exists | O::In | O::Intersects | O::PathMatch => {
                return Err(Wrong(format!("`{}` takes no single value", operator.text()), None));
            }
        };
        Ok(self.test(check))
    }

    fn listed(&self, operator: Operator, values: &[String]) -> Result<Expr, Wrong> {
        if self.number {
            let each = values.iter().map(|value| self.compare(Operator::Equal, value));
            return each.collect::<Result<_, _>>().map(Expr::Or);
        }
        if operator == Operator::PathMatch {
            self.no_list(operator)?;
            return Ok(self.test(Match::Under { roots: values.to_vec(), clean: false }));
        }
        let every = self.list && operator == Operator::In;
        let quantifier = if every { Quantifier::Every } else { Quantifier::Any };
        Ok(test(self.field.clone(), quantifier, Match::In(values.to_vec(), Fold::Exact)))
    }

    /// Compared with another field; what is missing on the right makes it false too.
    fn against(&self, operator: Operator, right: &Typed) -> Result<Expr, String> {
        use Operator as O;
        if self.list != right.list {
            let which = |list| if list { "a list" } else { "a single value" };
            return Err(format!("{} cannot be compared with {}", which(self.list), which(right.list)));
        }
        if self.number != right.number {
            return Err("a number cannot be compared with a text".to_owned());
        }
        if self.list && !matches!(operator, O::In | O::Intersects) {
            return Err(format!("`{}` is not for lists", operator.text()));
        }
        let (mut left, mut other) = (self.field.clone(), right.field.clone());
        let compare = match operator {
            O::Equal | O::EqualTwice | O::NotEqual | O::In | O::Intersects => Compare::Equal,
            O::Less => Compare::Less,
            O::LessOrEqual => Compare::LessOrEqual,
            O::Greater => Compare::Greater,
            O::GreaterOrEqual => Compare::GreaterOrEqual,
            O::Contains => Compare::Contains,
            O::ContainsFolded => {
                left.functions.push(Function::Lower);
                other.functions.push(Function::Lower);
                Compare::Contains
            }
            O::StartsWith => Compare::StartsWith,
            O::EndsWith => Compare::EndsWith,
            _ => return Err(format!("`{}` does not compare with another field", operator.text())),
        };
        let quantifier = if self.list && operator == O::In { Quantifier::Every } else { Quantifier::Any };
        let there = test(other.clone(), Quantifier::Any, Match::Exists);
        let so = test(left, quantifier, Match::Field(compare, Box::new(other)));
        Ok(match operator {
            O::NotEqual => Expr::And(vec![self.test(Match::Exists), there, Expr::Not(Box::new(so))]),
            _ => so,
        })
    }
}

/// An empty list is never agreed with.
fn quantified(quantity: Quantity, each: Vec<Expr>) -> Result<Expr, String> {
    if each.is_empty() {
        return Ok(Expr::Const(false));
    }
    match quantity {
        Quantity::Any => Ok(Expr::Or(each)),
        Quantity::All => Ok(Expr::And(each)),
        Quantity::One if each.len() > ONE_OF_MAX => Err(format!("`oneof` takes up to {ONE_OF_MAX} values")),
        Quantity::One => {
            let only = |i: usize| {
                let others = each.iter().enumerate().filter(|(j, _)| *j != i);
                let others = others.map(|(_, other)| Expr::Not(Box::new(other.clone())));
                Expr::And(std::iter::once(each[i].clone()).chain(others).collect())
            };
            Ok(Expr::Or((0..each.len()).map(only).collect()))
        }
    }
}

fn test(field: Field, quantifier: Quantifier, check: Match) -> Expr {
    Expr::Test(Test { field, quantifier, check })
}

fn number(text: &str) -> Option<f64> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

fn weight(right: &Right) -> usize {
    match right {
        Right::Value(value) => value.len(),
        Right::List(values) => values.iter().map(|value| value.len() + NODE_WEIGHT / 2).sum(),
        Right::Quantified(quantity, values) => {
            let each: usize = values.iter().map(|value| value.len() + 4 * NODE_WEIGHT).sum();
            each * if *quantity == Quantity::One { values.len() } else { 1 }
        }
        Right::Nothing | Right::Operand(_) => 0,
    }
}

fn start(ast: &Ast) -> usize {
    match ast {
        Ast::Or(parts) | Ast::And(parts) => parts.first().map_or(0, start),
        Ast::Not(inner) => start(inner),
        Ast::Macro { at, .. } | Ast::Check { at, .. } => *at,
    }
}

impl Place {
    fn problem(self, at: usize, message: impl Into<String>) -> Problem {
        Problem::new(self.in_macro, at, message)
    }

    fn adopt(self, problem: Problem) -> Problem {
        Problem { in_macro: self.in_macro, ..problem }
    }
}

impl Problem {
    fn new(in_macro: Option<usize>, at: usize, message: impl Into<String>) -> Self {
        Problem { in_macro, at, message: message.into(), hint: None, unknown_field: false, warning: None }
    }
}
