//! A document as a tree that remembers where everything stood. JSON and YAML both become this.

use super::source::{FieldPath, Span, Step};

/// A value and the bytes it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands; for an alias, where its anchor does.
    pub span: Span,
}

/// What JSON can say; YAML is brought down to it as kube-apiserver does.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it would be written in JSON.
    Number(String),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping without duplicate keys, in the document's order.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as a string whatever it was in YAML.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

/// A key that was set twice in one mapping; the last one wins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Duplicate {
    /// The key.
    pub key: String,
    /// Where it was set first.
    pub first: Span,
    /// Where it was set again.
    pub again: Span,
}

/// A whole document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    /// The outermost value.
    pub root: Node,
    /// Keys that were set more than once, anywhere in it.
    pub duplicates: Vec<Duplicate>,
}

impl Node {
    /// The value at `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The node at `path`, or its nearest ancestor that exists.
    pub fn nearest(&self, path: &FieldPath) -> &Node {
        let mut here = self;
        for step in path.steps() {
            let next = match (step, &here.value) {
                (Step::Key(key), Value::Map(_)) => here.get(key),
                (Step::Index(index), Value::List(nodes)) => nodes.get(*index),
                _ => None,
            };
            match next {
                Some(node) => here = node,
                None => return here,
            }
        }
        here
    }

    /// What kind of value this is, in the reader's words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Sets `entry` in `entries`; a key that is there already is replaced and noted.
pub(super) fn set(entries: &mut Vec<Entry>, entry: Entry, duplicates: &mut Vec<Duplicate>) {
    match entries.iter_mut().find(|known| known.key == entry.key) {
        Some(known) => {
            duplicates.push(Duplicate {
                key: entry.key.clone(),
                first: known.key_span.clone(),
                again: entry.key_span.clone(),
            });
            *known = entry;
        }
        None => entries.push(entry),
    }
}

/// Why a text is not a document at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Byte offset at which reading stopped.
    pub offset: usize,
    /// What is wrong there, lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<&'static str>,
}

impl SyntaxError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), hint: None }
    }
}

/// How deep lists and mappings may be nested. A policy needs six levels; the bound keeps the stack small.
pub(super) const DEPTH_MAX: usize = 200;
