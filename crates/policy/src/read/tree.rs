//! A document as a tree that remembers where everything stood. JSON and YAML both become this.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

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

/// A key that was set twice in one mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// Where it was set first.
    pub first: Span,
    /// Where it was set again.
    pub again: Span,
}

/// A whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
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

/// What becomes of a key that is set twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubled {
    /// YAML: the later value replaces the earlier one.
    LastWins,
    /// JSON: Go decodes the later value into the earlier one, so the two are mixed.
    Mixed,
}

/// How many doubled keys are noted.
const DUPLICATES_MAX: usize = 1000;

/// The entries of one mapping, each key once; what is set twice is noted.
pub(super) fn unique(entries: Vec<Entry>, doubled: Doubled, duplicates: &mut Vec<Duplicate>) -> Vec<Entry> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match places.entry(entry.key.clone()) {
            Slot::Vacant(free) => {
                free.insert(unique.len());
                unique.push(entry);
            }
            Slot::Occupied(taken) => {
                let known = &mut unique[*taken.get()];
                if duplicates.len() < DUPLICATES_MAX {
                    let (first, again) = (known.key_span.clone(), entry.key_span.clone());
                    duplicates.push(Duplicate { key: entry.key.clone(), first, again });
                }
                known.key_span = entry.key_span;
                match doubled {
                    Doubled::LastWins => known.node = entry.node,
                    Doubled::Mixed => mix(&mut known.node, entry.node),
                }
            }
        }
    }
    unique
}

/// Decodes `later` into `earlier` as Go does: null changes nothing, mappings are joined, lists are joined entry by
/// entry, everything else is replaced.
fn mix(earlier: &mut Node, later: Node) {
    match (&mut earlier.value, later.value) {
        (_, Value::Null) => return,
        (Value::Map(known), Value::Map(entries)) => {
            for entry in entries {
                match known.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => mix(&mut known.node, entry.node),
                    None => known.push(entry),
                }
            }
        }
        (Value::List(known), Value::List(nodes)) => {
            known.truncate(nodes.len());
            let mut nodes = nodes.into_iter();
            for (known, node) in known.iter_mut().zip(&mut nodes) {
                mix(known, node);
            }
            known.extend(nodes);
        }
        (value, later) => *value = later,
    }
    earlier.span = later.span;
}

/// Why a text is not a document at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
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
