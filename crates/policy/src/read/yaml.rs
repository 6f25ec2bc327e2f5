//! The first document of a YAML 1.1 stream as a [`Tree`], as kube-apiserver turns YAML into JSON.
//!
//! The API server's reader is a port of libyaml, and so is the one here, so that the two refuse the same
//! texts. What this file adds is what happens above the parser's events: aliases, merge keys, the meaning of
//! plain scalars, keys that become strings. Later documents are never looked at.

mod scalar;

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Mark};

use super::source::Span;
use super::tree::{DEPTH_MAX, Duplicate, Entry, Node, SyntaxError, Tree, Value, set};

/// How many nodes a document may have once its aliases are followed. Keeps "billion laughs" small.
const NODES_MAX: usize = 200_000;

/// Reads the first document; an empty stream is `null`.
pub(super) fn parse(text: &[u8]) -> Result<Tree, SyntaxError> {
    let bom = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if let Err(error) = std::str::from_utf8(text) {
        return Err(SyntaxError::new(error.valid_up_to(), "not UTF-8 text"));
    }
    let mut input = &text[bom..];
    let mut parser = libyaml_safer::Parser::new();
    parser.set_input_string(&mut input);
    let mut composer =
        Composer { text, bom, parser, anchors: HashMap::new(), duplicates: Vec::new(), nodes: 0 };
    let root = composer.document()?;
    Ok(Tree { root, duplicates: composer.duplicates })
}

struct Composer<'t, R> {
    text: &'t [u8],
    /// Bytes that the parser was not shown.
    bom: usize,
    parser: libyaml_safer::Parser<R>,
    anchors: HashMap<String, Node>,
    duplicates: Vec<Duplicate>,
    nodes: usize,
}

type Result<T, E = SyntaxError> = std::result::Result<T, E>;

impl<R: std::io::BufRead> Composer<'_, R> {
    fn document(&mut self) -> Result<Node> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd => return Ok(Node { value: Value::Null, span: 0..0 }),
                _ => return self.node(event, 0),
            }
        }
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node> {
        let start = self.offset(event.start_mark);
        if depth > DEPTH_MAX {
            return Err(SyntaxError::new(start, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.count(1, start)?;
        let mut span = start..self.offset(event.end_mark);
        let (value, anchor) = match event.data {
            EventData::Alias { anchor } => return self.alias(&anchor, start),
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let value = scalar::resolve(tag.as_deref(), plain_implicit, value)
                    .map_err(|message| SyntaxError::new(start, message))?;
                (value, anchor)
            }
            EventData::SequenceStart { anchor, .. } => (Value::List(self.list(depth, &mut span)?), anchor),
            EventData::MappingStart { anchor, .. } => (Value::Map(self.map(depth, &mut span)?), anchor),
            _ => return Err(SyntaxError::new(start, "expected a value")),
        };
        let node = Node { value, span };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize, span: &mut Span) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                span.end =
                    self.end_of_collection(nodes.last().map(|node: &Node| node.span.end), &event, span.start);
                return Ok(nodes);
            }
            nodes.push(self.node(event, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize, span: &mut Span) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut last_end = None;
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                span.end = self.end_of_collection(last_end, &event, span.start);
                return Ok(entries);
            }
            let merge = matches!(&event.data, EventData::Scalar { value, tag, plain_implicit, .. }
                if value == "<<" && (*plain_implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge")));
            let key = self.node(event, depth + 1)?;
            let key_span = key.span.clone();
            let next = self.next()?;
            let node = self.node(next, depth + 1)?;
            last_end = Some(node.span.end.max(key_span.end));
            if merge {
                self.merge(&mut entries, node)?;
            } else {
                let key = key_text(key)?;
                set(&mut entries, Entry { key, key_span, node }, &mut self.duplicates);
            }
        }
    }

    /// What `<<` does: the mapping's keys, or those of each mapping in a list, of which the first wins.
    fn merge(&mut self, entries: &mut Vec<Entry>, node: Node) -> Result<()> {
        let refused =
            SyntaxError::new(node.span.start, "`<<` merges a mapping or a list of mappings, nothing else");
        match node.value {
            Value::Map(merged) => {
                for entry in merged {
                    set(entries, entry, &mut self.duplicates);
                }
                Ok(())
            }
            Value::List(nodes) => {
                for node in nodes.into_iter().rev() {
                    match node.value {
                        Value::Map(_) => self.merge(entries, node)?,
                        _ => return Err(refused),
                    }
                }
                Ok(())
            }
            _ => Err(refused),
        }
    }

    fn alias(&mut self, anchor: &str, at: usize) -> Result<Node> {
        // An anchor is known only once its node is complete, so one that holds itself is unknown too.
        let node = self.anchors.get(anchor).cloned().ok_or_else(|| {
            SyntaxError::new(at, format!("alias `*{anchor}` has no anchor `&{anchor}` before it"))
        })?;
        self.count(size(&node), at)?;
        Ok(node)
    }

    /// Adds to the number of nodes read so far, and stops where it is too large.
    fn count(&mut self, nodes: usize, at: usize) -> Result<()> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(SyntaxError::new(at, format!("more than {NODES_MAX} values, aliases followed")));
        }
        Ok(())
    }

    /// A block collection's end event stands at the next token, far below; its last value's end is what people see.
    fn end_of_collection(&self, last: Option<usize>, end: &Event, start: usize) -> usize {
        let end = self.offset(end.end_mark);
        let closed_by_bracket = end > start
            && matches!(self.text.get(end - 1), Some(b']' | b'}'))
            && matches!(self.text.get(start), Some(b'[' | b'{'));
        if closed_by_bracket { end } else { last.unwrap_or(end) }
    }

    fn next(&mut self) -> Result<Event> {
        self.parser.parse().map_err(|error| {
            let at = error.problem_mark().map_or(0, |mark| self.offset(mark));
            let tab = error.problem().contains("tab character")
                || (error.problem().contains("cannot start any token") && self.text.get(at) == Some(&b'\t'));
            SyntaxError {
                offset: at,
                message: format!("not YAML: {}", error.problem()),
                hint: tab.then_some("indent with spaces; YAML does not allow tabs there"),
            }
        })
    }

    fn offset(&self, mark: Mark) -> usize {
        usize::try_from(mark.index).map_or(self.text.len(), |index| (index + self.bom).min(self.text.len()))
    }
}

/// A mapping key as JSON has it. Numbers and booleans are spelled out; anything else cannot be a key.
fn key_text(key: Node) -> Result<String> {
    match key.value {
        Value::String(text) | Value::Number(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => {
            Err(SyntaxError::new(key.span.start, format!("{} cannot be a key", key.kind())))
        }
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(nodes) => nodes.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| 1 + size(&entry.node)).sum::<usize>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Value {
        parse(text.as_bytes()).unwrap().root.value
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().message
    }

    fn string(text: &str) -> Value {
        Value::String(text.into())
    }

    #[test]
    fn only_the_first_document_counts() {
        assert_eq!(root("a\n---\n}{"), string("a"));
        assert_eq!(root("---\n---\na"), Value::Null);
        assert_eq!(root("# nothing\n"), Value::Null);
    }

    #[test]
    fn merge_keys_and_explicit_keys_overwrite_in_order() {
        let get = |text: &str| {
            parse(text.as_bytes()).unwrap().root.get("b").unwrap().get("x").unwrap().value.clone()
        };
        assert_eq!(get("a: &a {x: one}\nb: {<<: *a}"), string("one"));
        assert_eq!(get("a: &a {x: one}\nb: {<<: *a, x: two}"), string("two"));
        assert_eq!(get("a: &a {x: one}\nc: &c {x: three}\nb: {<<: [*c, *a]}"), string("three"));
        assert!(refused("b: {<<: 5}").contains("merges a mapping"));
    }

    #[test]
    fn aliases_need_their_anchor_and_cannot_explode() {
        assert!(refused("*nobody").contains("has no anchor"));
        assert!(refused("&a [*a]").contains("has no anchor"));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..9 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb += &format!("a{i}: &a{i} [{aliases}]\n");
        }
        assert!(refused(&bomb).contains("values, aliases followed"));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(refused(&"[".repeat(5000)).contains("nested deeper"));
    }

    #[test]
    fn spans_end_where_the_text_does() {
        let text = "rules:\n- level: None\n  users: [a, b]\n\n# comment\nx: 1\n";
        let tree = parse(text.as_bytes()).unwrap();
        let rules = tree.root.get("rules").unwrap();
        assert_eq!(&text[rules.span.clone()], "- level: None\n  users: [a, b]");
        let with_bom = "\u{feff}a: b";
        let tree = parse(with_bom.as_bytes()).unwrap();
        assert_eq!(&with_bom[tree.root.get("a").unwrap().span.clone()], "b");
    }

    #[test]
    fn tabs_are_named() {
        let error = parse(b"rules:\n\t- level: None\n").unwrap_err();
        assert!(error.hint.unwrap().contains("tabs"), "{error:?}");
    }
}
