//! YAML 1.1 as [`Tree`]s, as kube-apiserver turns YAML into JSON. A policy is the first document of its stream; rule
//! files are all of theirs.
//!
//! The API server's reader is a port of libyaml, and so is the one here, so that the two refuse the same
//! texts. What this file adds is what happens above the parser's events: aliases, merge keys, the meaning of
//! plain scalars, keys that become strings. Of a policy, later documents are never looked at.
//!
//! Three texts are refused here that the API server would take: UTF-16, bytes that are not UTF-8 behind the first
//! document, and a tag with a comma right behind it.

mod scalar;

pub(super) use scalar::Letters;

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event, EventData, Mark};

use super::source::Span;
use super::tree::{DEPTH_MAX, Doubled, Duplicate, Entry, Node, SyntaxError, Tree, Value, unique};

/// How large a document may be once its aliases are followed: bytes of its strings, and [`NODE_WEIGHT`] for each value.
/// Keeps "billion laughs" small.
const WEIGHT_MAX: usize = 32 << 20;

/// What a value weighs besides its text.
const NODE_WEIGHT: usize = 64;

/// Reads the first document; an empty stream is `null`.
pub(super) fn parse(text: &[u8]) -> Result<Tree, SyntaxError> {
    let null = Node { value: Value::Null, span: 0..0 };
    compose(text, Letters::Booleans, |composer| {
        Ok(composer.document()?.unwrap_or(Tree { root: null, duplicates: Vec::new() }))
    })
}

/// Reads every document; an empty stream has none. What stands before a mistake is handed out with it.
pub(super) fn parse_all(text: &[u8], letters: Letters) -> (Vec<Tree>, Option<SyntaxError>) {
    let mut trees = Vec::new();
    let end = compose(text, letters, |composer| {
        while let Some(tree) = composer.document()? {
            trees.push(tree);
        }
        Ok(())
    });
    (trees, end.err())
}

fn compose<T>(
    text: &[u8],
    letters: Letters,
    read: impl FnOnce(&mut Composer<'_, &mut &[u8]>) -> Result<T>,
) -> Result<T, SyntaxError> {
    let bom = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if let Err(error) = std::str::from_utf8(text) {
        return Err(SyntaxError::new(error.valid_up_to(), "not UTF-8 text"));
    }
    let whole = text.is_empty()
        || text.ends_with(b"\r")
        || BREAKS.iter().any(|line_break| text.ends_with(line_break));
    let ended = if whole { Cow::Borrowed(&text[bom..]) } else { Cow::Owned([&text[bom..], b"\n"].concat()) };
    let mut input = &*ended;
    let mut parser = libyaml_safer::Parser::new();
    parser.set_input_string(&mut input);
    read(&mut Composer {
        text,
        bom,
        letters,
        parser,
        anchors: HashMap::new(),
        duplicates: Vec::new(),
        weight: 0,
        at: 0,
    })
}

/// What ends a line. The parser panics on a block scalar whose last line is not ended, so [`compose`] ends it.
const BREAKS: [&[u8]; 4] = [b"\n", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"];

struct Composer<'t, R> {
    text: &'t [u8],
    /// Bytes that the parser was not shown.
    bom: usize,
    letters: Letters,
    parser: libyaml_safer::Parser<R>,
    anchors: HashMap<String, Anchored>,
    duplicates: Vec<Duplicate>,
    weight: usize,
    /// Where the last event ended.
    at: usize,
}

/// A node that aliases may repeat, with what a copy of it costs.
struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

type Result<T, E = SyntaxError> = std::result::Result<T, E>;

impl<R: std::io::BufRead> Composer<'_, R> {
    /// The next document of the stream. Anchors live in one document; what may be made of aliases is counted over all.
    fn document(&mut self) -> Result<Option<Tree>> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. }
                | EventData::DocumentStart { .. }
                | EventData::DocumentEnd { .. } => {}
                EventData::StreamEnd => return Ok(None),
                _ => {
                    self.anchors.clear();
                    let root = self.node(event, 0)?;
                    return Ok(Some(Tree { root, duplicates: std::mem::take(&mut self.duplicates) }));
                }
            }
        }
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node> {
        let start = self.offset(event.start_mark);
        if depth > DEPTH_MAX {
            return Err(SyntaxError::new(start, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut span = start..self.offset(event.end_mark);
        let (value, anchor) = match event.data {
            EventData::Alias { anchor } => return self.alias(&anchor, start, depth),
            EventData::Scalar { anchor, tag, mut value, plain_implicit, .. } => {
                self.take_back_line_end(&mut value, event.end_mark);
                let value = scalar::resolve(tag.as_deref(), plain_implicit, value, self.letters)
                    .map_err(|message| SyntaxError::new(start, message))?;
                (value, anchor)
            }
            EventData::SequenceStart { anchor, .. } => (Value::List(self.list(depth, &mut span)?), anchor),
            EventData::MappingStart { anchor, .. } => (Value::Map(self.map(depth, &mut span)?), anchor),
            _ => return Err(SyntaxError::new(start, "expected a value")),
        };
        let node = Node { value, span };
        self.charge(weight_of_one(&node), start)?;
        if let Some(anchor) = anchor {
            let (weight, height) = measure(&node);
            self.charge(weight, start)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height });
        }
        Ok(node)
    }

    /// A block scalar that runs to the end of the text has no line end there, if the text has none. Not so behind a last
    /// line of nothing but blanks, which the parser may have taken for either.
    fn take_back_line_end(&self, value: &mut String, end: Mark) {
        let beyond = usize::try_from(end.index).is_ok_and(|index| index + self.bom > self.text.len());
        if beyond && value.ends_with('\n') && self.text.last() != Some(&b' ') {
            value.pop();
        }
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
                return Ok(unique(entries, Doubled::LastWins, &mut self.duplicates));
            }
            let merge = matches!(&event.data, EventData::Scalar { value, tag, plain_implicit, .. }
                if value == "<<" && (*plain_implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge")));
            let key = self.node(event, depth + 1)?;
            let key_span = key.span.clone();
            let next = self.next()?;
            let aliased = matches!(next.data, EventData::Alias { .. });
            let node = self.node(next, depth + 1)?;
            last_end = Some(node.span.end.max(key_span.end));
            if merge {
                merge_into(&mut entries, node, aliased)?;
            } else {
                let key = key_text(key)?;
                entries.push(Entry { key, key_span, node });
            }
        }
    }

    fn alias(&mut self, anchor: &str, at: usize, depth: usize) -> Result<Node> {
        // An anchor is known only once its node is complete, so one that holds itself is unknown too.
        let Some(Anchored { weight, height, .. }) = self.anchors.get(anchor) else {
            return Err(SyntaxError::new(
                at,
                format!("alias `*{anchor}` has no anchor `&{anchor}` before it"),
            ));
        };
        if depth + height > DEPTH_MAX {
            return Err(SyntaxError::new(
                at,
                format!("nested deeper than {DEPTH_MAX} levels, aliases followed"),
            ));
        }
        self.charge(*weight, at)?;
        Ok(self.anchors[anchor].node.clone())
    }

    /// Adds to what the document weighs so far, before anything is copied, and stops where it is too much.
    fn charge(&mut self, weight: usize, at: usize) -> Result<()> {
        self.weight += weight;
        if self.weight > WEIGHT_MAX {
            return Err(SyntaxError::new(at, "too large once its aliases are followed"));
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
        // The parser panics on a tag that a comma follows, `{a: !, b: c}`, and perhaps on more; its state is not looked at
        // again after that.
        let parsed = catch_unwind(AssertUnwindSafe(|| self.parser.parse()));
        let parsed = parsed.map_err(|_| SyntaxError {
            offset: self.at,
            message: "YAML that the parser gives up on, somewhere from here on".to_owned(),
            hint: Some("put texts with `!` or other signs in them into quotes"),
        })?;
        let event = parsed.map_err(|error| {
            let at = error.problem_mark().map_or(0, |mark| self.offset(mark));
            let tab = error.problem().contains("tab character")
                || (error.problem().contains("cannot start any token") && self.text.get(at) == Some(&b'\t'));
            SyntaxError {
                offset: at,
                message: format!("not YAML: {}", error.problem()),
                hint: tab.then_some("indent with spaces; YAML does not allow tabs there"),
            }
        })?;
        self.at = self.offset(event.end_mark);
        Ok(event)
    }

    fn offset(&self, mark: Mark) -> usize {
        usize::try_from(mark.index).map_or(self.text.len(), |index| (index + self.bom).min(self.text.len()))
    }
}

/// What `<<` does: the mapping's keys, or those of each mapping in a list, of which the first wins. A key that is set
/// on both sides of it is a duplicate for the reference, and the later one wins.
fn merge_into(entries: &mut Vec<Entry>, node: Node, aliased: bool) -> Result<()> {
    let refused =
        SyntaxError::new(node.span.start, "`<<` merges a mapping or a list of mappings, nothing else");
    match node.value {
        Value::Map(merged) => entries.extend(merged),
        // A list must stand there itself; one behind an alias is refused.
        Value::List(nodes) if !aliased => {
            for node in nodes.into_iter().rev() {
                let Value::Map(merged) = node.value else { return Err(refused) };
                entries.extend(merged);
            }
        }
        _ => return Err(refused),
    }
    Ok(())
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

/// What a node weighs without what is in it.
fn weight_of_one(node: &Node) -> usize {
    NODE_WEIGHT
        + match &node.value {
            Value::String(text) | Value::Number(text) => text.len(),
            Value::Map(entries) => entries.iter().map(|entry| entry.key.len()).sum(),
            _ => 0,
        }
}

/// What a node weighs with all that is in it, and how deep it is.
fn measure(node: &Node) -> (usize, usize) {
    let inner: Vec<(usize, usize)> = match &node.value {
        Value::List(nodes) => nodes.iter().map(measure).collect(),
        Value::Map(entries) => entries.iter().map(|entry| measure(&entry.node)).collect(),
        _ => Vec::new(),
    };
    let weight = weight_of_one(node) + inner.iter().map(|(weight, _)| weight).sum::<usize>();
    (weight, 1 + inner.iter().map(|(_, height)| *height).max().unwrap_or(0))
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
    fn all_documents_are_read_up_to_a_mistake() {
        let roots = |text: &str| {
            let (trees, error) = parse_all(text.as_bytes(), Letters::Booleans);
            let roots: Vec<Value> = trees.into_iter().map(|tree| tree.root.value).collect();
            (roots, error.map(|error| error.message))
        };
        assert_eq!(roots("# nothing\n"), (vec![], None));
        assert_eq!(roots("a\n---\nb\n...\n---\n"), (vec![string("a"), string("b"), Value::Null], None));
        let (read, error) = roots("a\n---\n}{");
        assert_eq!(read, [string("a")]);
        assert!(error.unwrap().starts_with("not YAML"));
        assert!(roots("&a x\n---\n*a\n").1.unwrap().contains("has no anchor"));
    }

    #[test]
    fn letters_alone_are_what_the_reader_says() {
        let text = "{a: y, b: Y, c: n, d: N, e: yes, n: x}";
        let values = |letters: Letters| {
            let (trees, error) = parse_all(text.as_bytes(), letters);
            assert_eq!(error, None);
            let Value::Map(entries) = trees[0].root.value.clone() else { panic!("no mapping") };
            entries.into_iter().map(|entry| (entry.key, entry.node.value)).collect::<Vec<_>>()
        };
        let entry = |key: &str, value: Value| (key.to_owned(), value);
        assert_eq!(
            values(Letters::Booleans),
            [
                entry("a", Value::Bool(true)),
                entry("b", Value::Bool(true)),
                entry("c", Value::Bool(false)),
                entry("d", Value::Bool(false)),
                entry("e", Value::Bool(true)),
                entry("false", string("x")),
            ]
        );
        assert_eq!(
            values(Letters::Texts),
            [
                entry("a", string("y")),
                entry("b", string("Y")),
                entry("c", string("n")),
                entry("d", string("N")),
                entry("e", Value::Bool(true)),
                entry("n", string("x")),
            ]
        );
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
        assert!(refused("a: &a {x: one}\nl: &l [*a]\nb: {<<: *l}").contains("merges a mapping"));
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
        assert!(refused(&bomb).contains("too large once its aliases are followed"));
        let heavy = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 19), "*a, ".repeat(1000));
        assert!(refused(&heavy).contains("too large once its aliases are followed"));
        let mut deep = String::from("a0: &a0 x\n");
        for i in 1..40 {
            deep += &format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(150), i - 1, "]".repeat(150));
        }
        assert!(refused(&deep).contains("nested deeper"));
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
    fn a_block_scalar_may_end_with_the_text() {
        let get = |text: &str| parse(text.as_bytes()).unwrap().root.get("a").unwrap().value.clone();
        assert_eq!(get("a: |\n  b"), string("b"));
        assert_eq!(get("a: |\n  b\n"), string("b\n"));
        assert_eq!(get("a: |+\n  b"), string("b"));
        assert_eq!(get("a: |-\n  b"), string("b"));
        assert_eq!(get("a: >\n  b\n  c"), string("b c"));
        assert_eq!(get("a: |\n  b\n    "), string("b\n  \n"));
        assert_eq!(get("\u{feff}a: |\n  b"), string("b"));
    }

    #[test]
    fn what_the_parser_panics_on_is_refused() {
        assert!(refused("{a: !, b: c}").contains("gives up"));
        assert!(refused("a: {b: !!str, c: d}").contains("gives up"));
    }

    #[test]
    fn tabs_are_named() {
        let error = parse(b"rules:\n\t- level: None\n").unwrap_err();
        assert!(error.hint.unwrap().contains("tabs"), "{error:?}");
    }
}
