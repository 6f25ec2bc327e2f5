//! Configuration files in YAML, read for what is looked for and nothing else.

use auditward_policy::read::{Node, Value, documents, position};

/// A file's first document.
pub(super) struct Document<'t> {
    text: &'t [u8],
    /// The outermost value.
    pub(super) root: Node,
}

impl<'t> Document<'t> {
    /// `None` where the text is no YAML at all.
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let (trees, _) = documents(text);
        trees.into_iter().next().map(|tree| Self { text, root: tree.root })
    }

    /// The value behind these keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(&self.root, |node, key| node.get(key))
    }

    /// The text behind these keys.
    pub(super) fn string(&self, keys: &[&str]) -> Option<String> {
        self.at(keys).and_then(scalar)
    }

    /// A node's line, from 1.
    pub(super) fn line(&self, node: &Node) -> usize {
        position(self.text, node.span.start).line
    }
}

/// A scalar as it would stand on a command line.
pub(super) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// The entries of a list, or the one value that stands where a list may.
pub(super) fn items(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::List(nodes) => nodes.iter().collect(),
        Value::Null => Vec::new(),
        _ => vec![node],
    }
}
