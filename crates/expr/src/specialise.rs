//! What is left of an expression once some fields are known.

use auditward_event::{EventView, Value};

use crate::compiled::CompiledTest;
use crate::field::through;
use crate::{Expr, Field, Item, Match, Root, Subject, Test};

/// What is known of an event: the text of some fields, or that they are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    fields: Vec<(String, Option<String>)>,
}

impl Known {
    /// Nothing.
    pub const fn new() -> Self {
        Known { fields: Vec::new() }
    }

    /// `path`, as `verb` or `objectRef.resource` without brackets, holds this string; `None`: it is not there.
    #[must_use]
    pub fn with(mut self, path: &str, text: Option<&str>) -> Self {
        self.fields.retain(|(known, _)| known != path);
        self.fields.push((path.to_owned(), text.map(str::to_owned)));
        self
    }

    /// These fields as an event has them; those that hold something else than a string stay unknown.
    pub fn of(event: &EventView<'_>, paths: &[&str]) -> Self {
        paths.iter().fold(Known::new(), |known, path| {
            let mut keys = path.split('.');
            let first = keys.next().and_then(|key| event.get(key));
            let value: Option<Value<'_>> = keys.fold(first, |value, key| value?.get(key));
            match value.map(Value::as_str) {
                None => known.with(path, None),
                Some(Some(text)) => known.with(path, Some(&text)),
                Some(None) => known,
            }
        })
    }

    /// What is known of a path; `None` where nothing is.
    fn entry(&self, path: &str) -> Option<&(String, Option<String>)> {
        self.fields.iter().find(|(known, _)| known == path)
    }

    /// The same of a field.
    fn of_field(&self, field: &Field) -> Option<&(String, Option<String>)> {
        match &field.root {
            Root::Event(path) => self.entry(&path.to_string()),
            Root::Dotted(keys) => self.entry(&keys.join(".")),
            _ => None,
        }
    }
}

/// An expression that is true of the same events as `expr`, as far as they are as `known` says.
pub fn specialise(expr: &Expr, known: &Known) -> Expr {
    match expr {
        Expr::Const(_) => expr.clone(),
        Expr::Not(inner) => match specialise(inner, known) {
            Expr::Const(yes) => Expr::Const(!yes),
            inner => Expr::Not(Box::new(inner)),
        },
        Expr::And(parts) => parts_of(parts, known, true),
        Expr::Or(parts) => parts_of(parts, known, false),
        Expr::Test(test) => answer(test, known).map_or_else(|| expr.clone(), Expr::Const),
        Expr::Some { list, holds } => match specialise(holds, known) {
            Expr::Const(false) => Expr::Const(false),
            holds => Expr::Some { list: list.clone(), holds: Box::new(holds) },
        },
    }
}

/// `neutral` changes nothing among its like: true in an `and`.
fn parts_of(parts: &[Expr], known: &Known, neutral: bool) -> Expr {
    let mut left = Vec::new();
    for part in parts {
        match specialise(part, known) {
            Expr::Const(yes) if yes == neutral => {}
            Expr::Const(yes) => return Expr::Const(yes),
            part => left.push(part),
        }
    }
    match left.len() {
        0 => Expr::Const(neutral),
        1 => left.remove(0),
        _ if neutral => Expr::And(left),
        _ => Expr::Or(left),
    }
}

fn answer(test: &Test, known: &Known) -> Option<bool> {
    use crate::Function::{Count, Join};
    let aggregates = test.field.functions.iter().any(|function| matches!(function, Count | Join(_)));
    if aggregates || matches!(test.check, Match::Field(..)) {
        return None;
    }
    let (_, value) = known.of_field(&test.field)?;
    let compiled = CompiledTest::new(test).ok()?;
    let nothing = EventView::parse(b"{}").ok()?;
    let subject = Subject::new(&nothing);
    let item = value.as_deref().and_then(|value| through(&test.field.functions, Item::Text(value.into())));
    Some(compiled.holds_of(item.as_slice(), &subject))
}
