//! One value that a field yields.

use std::borrow::Cow;

use auditward_event::{Kind, Value};

use crate::field::Node;

/// One value that a field yields, borrowed from the event where it stands there.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// As it stands in the event.
    Json(Value<'a>),
    /// An object that a JSON Patch speaks of without spelling it out: `{"op":"add","path":"/spec/a/b"}` yields one of
    /// these for `object.spec`. It exists, and [`crate::Expr::Some`] can look into it; it has no value to compare.
    Part(Node<'a>),
    /// Made by a function or a fact.
    Text(Cow<'a, str>),
    /// Made by a function or a fact.
    Number(f64),
    /// Made by a fact.
    Bool(bool),
}

impl<'a> Item<'a> {
    /// The text of a string; of anything else its compact JSON text (`true`, `201`). `None` for what has no value.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Item::Json(value) => Some(json_text(*value)),
            Item::Part(_) => None,
            Item::Text(text) => Some(Cow::Borrowed(text)),
            Item::Number(number) => Some(Cow::Owned(number.to_string())),
            Item::Bool(yes) => Some(Cow::Borrowed(if *yes { "true" } else { "false" })),
        }
    }

    /// As [`Item::text`], but it may outlive the item.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Item::Json(value) => Some(json_text(value)),
            Item::Part(_) => None,
            Item::Text(text) => Some(text),
            Item::Number(number) => Some(Cow::Owned(number.to_string())),
            Item::Bool(yes) => Some(Cow::Borrowed(if yes { "true" } else { "false" })),
        }
    }

    /// A number, or a text that reads as a finite one.
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Item::Json(value) => match value.as_number() {
                Some(number) => number.parse().ok()?,
                None => value.as_str()?.trim().parse().ok()?,
            },
            Item::Text(text) => text.trim().parse().ok()?,
            Item::Number(number) => *number,
            Item::Part(_) | Item::Bool(_) => return None,
        };
        f64::is_finite(number).then_some(number)
    }

    /// Whether this is JSON's `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Item::Json(value) if value.is_null())
    }

    pub(crate) fn is_text(&self, wanted: &str) -> bool {
        match self {
            Item::Json(value) => value.is_str(wanted),
            Item::Text(text) => text == wanted,
            _ => false,
        }
    }

    pub(crate) fn is_bool(&self, wanted: bool) -> bool {
        match self {
            Item::Json(value) => value.as_bool() == Some(wanted),
            Item::Bool(yes) => *yes == wanted,
            _ => false,
        }
    }

    #[expect(clippy::float_cmp, reason = "the same number is what is asked for")]
    pub(crate) fn is_number(&self, wanted: f64) -> bool {
        match self {
            Item::Json(value) => value.as_f64() == Some(wanted),
            Item::Number(number) => *number == wanted,
            _ => false,
        }
    }

    /// What can be looked into.
    pub(crate) fn into_node(self) -> Option<Node<'a>> {
        match self {
            Item::Json(value) => Some(Node::from(value)),
            Item::Part(node) => Some(node),
            _ => None,
        }
    }
}

/// A string's text, anything else compact.
fn json_text(value: Value<'_>) -> Cow<'_, str> {
    match value.kind() {
        Kind::String => value.as_str().unwrap_or_default(),
        _ => value.compact(),
    }
}
