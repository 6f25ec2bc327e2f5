//! What `$name` stands for.

use std::collections::BTreeMap;

use auditward_policy::read::{Node, Value};

use super::source::Located;
use super::text::Text;

/// A parameter as a rule declares it.
#[derive(Clone, Debug)]
pub struct Param {
    /// Without the `$`.
    pub name: Located<String>,
    /// What holds where the site says nothing.
    pub default: ParamValue,
    /// What it means.
    pub description: String,
}

/// What a parameter or a shared list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamValue {
    /// A list of texts.
    Texts(Vec<String>),
    /// A text; `10m` too, where a duration is asked for.
    Text(String),
    /// A whole number.
    Number(u64),
    /// `true` or `false`.
    Bool(bool),
}

impl ParamValue {
    /// In words.
    pub fn kind(&self) -> &'static str {
        match self {
            ParamValue::Texts(_) => "a list",
            ParamValue::Text(_) => "a text",
            ParamValue::Number(_) => "a number",
            ParamValue::Bool(_) => "a boolean",
        }
    }

    /// The value that `node` writes down; otherwise it is said why not.
    pub(crate) fn read(node: &Node, text: &mut Text<'_>) -> Option<Self> {
        match &node.value {
            Value::List(_) => {
                Some(ParamValue::Texts(text.strings(node).into_iter().map(|text| text.value).collect()))
            }
            Value::String(value) => Some(ParamValue::Text(value.clone())),
            Value::Bool(value) => Some(ParamValue::Bool(*value)),
            Value::Number(number) => {
                let value = number.parse().ok().map(ParamValue::Number);
                if value.is_none() {
                    text.error(&node.span, format!("`{number}` is no whole number"));
                }
                value
            }
            Value::Null | Value::Map(_) => {
                text.expected(node, "a list, a number, a duration or a text");
                None
            }
        }
    }
}

/// All names that an expression of one rule may use, with what they hold for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    values: BTreeMap<String, ParamValue>,
}

impl Scope {
    /// What `name` (without `$`) holds.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.values.get(name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.keys().map(String::as_str)
    }

    /// All names with what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParamValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn set(&mut self, name: &str, value: ParamValue) {
        self.values.insert(name.to_owned(), value);
    }
}
