//! Which keys a body must spell for an expression to be true of its event.
//!
//! A test is false of a field that is missing, so the last key of its path stands in the body's text: as a key, or in the
//! path of a JSON Patch's operation. A search through the text tells most events from those that an expression has to be
//! asked of, without rebuilding and reading them.

use auditward_event::{EventView, Step};
use auditward_expr::{Compiled, Expr, Quantifier, Root, Subject, Test};

use super::ask::NOTHING;

/// A text that a column of JSON has to contain; one in which some character is written as an escape may lack it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spelled {
    pub(super) column: &'static str,
    pub(super) key: String,
}

/// All that has to be spelled for `expr` to be true; nothing of what is an alternative or must not be.
pub(super) fn of(expr: &Expr) -> Vec<Spelled> {
    let mut found = Vec::new();
    gather(expr, None, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// `around`: the column of the list whose elements are asked about.
fn gather(expr: &Expr, around: Option<&'static str>, found: &mut Vec<Spelled>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| gather(part, around, found)),
        Expr::Test(test) if needs_its_field(test) => found.extend(spelled(&test.field.root, around)),
        Expr::Some { list, holds } if list.functions.is_empty() => {
            found.extend(spelled(&list.root, around));
            gather(holds, place(&list.root, around).map(|(column, _)| column), found);
        }
        Expr::Const(_) | Expr::Not(_) | Expr::Or(_) | Expr::Test(_) | Expr::Some { .. } => {}
    }
}

/// Whether a test is false of what is not there.
fn needs_its_field(test: &Test) -> bool {
    test.field.functions.is_empty()
        && test.quantifier == Quantifier::Any
        && Compiled::new(&Expr::Test(test.clone())).is_ok_and(|compiled| {
            EventView::parse(NOTHING).is_ok_and(|nothing| !compiled.holds(&Subject::new(&nothing)))
        })
}

fn spelled(root: &Root, around: Option<&'static str>) -> Option<Spelled> {
    let (column, key) = place(root, around)?;
    // What neither JSON nor a JSON pointer may write in another way, but for `\u`.
    let in_one_way = |c: char| !matches!(c, '"' | '\\' | '/' | '~') && !c.is_control();
    let key = key.filter(|key| !key.is_empty() && key.chars().all(in_one_way))?;
    Some(Spelled { column, key: key.to_owned() })
}

/// The column that a field is in, and the last key on the way.
fn place<'r>(root: &'r Root, around: Option<&'static str>) -> Option<(&'static str, Option<&'r str>)> {
    match root {
        Root::Object(path) | Root::Pod(path) | Root::Container(path) => {
            Some(("request_object", last(path.steps())))
        }
        Root::Element(path) => Some((around?, last(path.steps()))),
        Root::Event(path) => match path.steps() {
            [Step::Key(first), inside @ ..] => Some((body(first)?, last(inside))),
            _ => None,
        },
        Root::Dotted(words) => match words.as_slice() {
            [first, inside @ ..] => Some((body(first)?, inside.last().map(String::as_str))),
            [] => None,
        },
        _ => None,
    }
}

fn body(key: &str) -> Option<&'static str> {
    match key {
        "requestObject" => Some("request_object"),
        "responseObject" => Some("response_object"),
        _ => None,
    }
}

/// What follows the last key are places in arrays.
fn last(steps: &[Step]) -> Option<&str> {
    steps.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Each | Step::Index(_) => None,
    })
}
