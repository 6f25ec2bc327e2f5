//! The first document as it is written: what stands where, in which style. [`auditward_policy::read`] says what a text
//! means; this says how it looks, which is what an edit must keep.

use auditward_policy::read::Span;
use libyaml_safer::{Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, SequenceStyle};

/// A value, its place and its style.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// From its first byte, or its anchor's or tag's, to its last; without the blank lines and comments behind it.
    pub(super) span: Span,
    /// `an anchor`, `a tag` or `an alias` that stands on it.
    pub(super) mark: Option<&'static str>,
    pub(super) shape: Shape,
}

/// What kind of value it is, and how written.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Alias,
    Scalar { text: String, quotes: Quotes },
    List { flow: bool, items: Vec<Node> },
    Map { flow: bool, entries: Vec<Entry> },
}

/// One key of a mapping, with its value. A key may stand there twice.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    Plain,
    Single,
    Double,
    /// `|` or `>`
    Block,
}

/// One hop into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    Key(String),
    Index(usize),
}

/// A file as it is written.
pub(super) struct Written {
    /// The first document.
    pub(super) root: Node,
    /// Where a second one begins.
    pub(super) second: Option<usize>,
    /// A directive of another version than the kubelet reads, with its place.
    pub(super) version: Option<(usize, String)>,
}

/// Reads a file. `None` for what is no document, which nobody asks here.
pub(super) fn parse(text: &str) -> Option<Written> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut input = body.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut composer = Composer { parser, text, bom: text.len() - body.len() };
    let mut version = None;
    let root = loop {
        let event = composer.next()?;
        match event.data {
            EventData::DocumentStart { version_directive: Some(said), .. } => {
                let offset = composer.offset(event.start_mark);
                version =
                    Some((offset, format!("{}.{}", said.major, said.minor))).filter(|said| said.1 != "1.1");
            }
            EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
            EventData::StreamEnd | EventData::DocumentEnd { .. } => return None,
            _ => break composer.node(event)?,
        }
    };
    // What cannot be parsed behind the first document is something behind it all the same.
    let second = loop {
        match composer.next() {
            None => break Some(root.span.end),
            Some(Event { data: EventData::StreamEnd, .. }) => break None,
            Some(Event { data: EventData::DocumentStart { .. }, start_mark, .. }) => {
                break Some(composer.offset(start_mark));
            }
            Some(_) => {}
        }
    };
    Some(Written { root, second, version })
}

struct Composer<'t, R> {
    parser: Parser<R>,
    text: &'t str,
    bom: usize,
}

impl<R: std::io::BufRead> Composer<'_, R> {
    fn node(&mut self, event: Event) -> Option<Node> {
        let span = self.offset(event.start_mark)..self.offset(event.end_mark);
        let marked = |anchor: Option<String>, tag: Option<String>| match (anchor, tag) {
            (Some(_), _) => Some("an anchor"),
            (None, Some(_)) => Some("a tag"),
            (None, None) => None,
        };
        Some(match event.data {
            EventData::Alias { .. } => Node { span, mark: Some("an alias"), shape: Shape::Alias },
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let quotes = match style {
                    ScalarStyle::SingleQuoted => Quotes::Single,
                    ScalarStyle::DoubleQuoted => Quotes::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Quotes::Block,
                    _ => Quotes::Plain,
                };
                let length = self.text[span.clone()].trim_end().len();
                let span = span.start..span.start + length;
                Node { span, mark: marked(anchor, tag), shape: Shape::Scalar { text: value, quotes } }
            }
            EventData::SequenceStart { anchor, tag, style, .. } => {
                let flow = style == SequenceStyle::Flow;
                let mut items = Vec::new();
                let close = loop {
                    let event = self.next()?;
                    match event.data {
                        EventData::SequenceEnd => break self.offset(event.end_mark),
                        _ => items.push(self.node(event)?),
                    }
                };
                let last = items.last().map(|item| item.span.end);
                let span = span.start..end(flow, last, close);
                Node { span, mark: marked(anchor, tag), shape: Shape::List { flow, items } }
            }
            EventData::MappingStart { anchor, tag, style, .. } => {
                let flow = style == MappingStyle::Flow;
                let mut entries: Vec<Entry> = Vec::new();
                let close = loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::MappingEnd) {
                        break self.offset(event.end_mark);
                    }
                    let key = self.node(event)?;
                    let event = self.next()?;
                    entries.push(Entry { key, value: self.node(event)? });
                };
                let last = entries.last().map(|entry| entry.value.span.end);
                let span = span.start..end(flow, last, close);
                Node { span, mark: marked(anchor, tag), shape: Shape::Map { flow, entries } }
            }
            _ => return None,
        })
    }

    fn next(&mut self) -> Option<Event> {
        self.parser.parse().ok()
    }

    fn offset(&self, mark: Mark) -> usize {
        let offset = usize::try_from(mark.index).unwrap_or(usize::MAX).saturating_add(self.bom);
        self.text.floor_char_boundary(offset.min(self.text.len()))
    }
}

/// Where a collection ends: at its bracket, or with its last item. What the parser calls the end of a block collection
/// is the beginning of what follows it.
fn end(flow: bool, last: Option<usize>, close: usize) -> usize {
    if flow { close } else { last.unwrap_or(close) }
}

impl Node {
    /// The entry at `key`; of one that is there twice the later, as the kubelet has it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.shape {
            Shape::Map { entries, .. } => entries.iter().rev().find(|entry| entry.key.is(key)),
            _ => None,
        }
    }

    /// What a hop leads to.
    pub(super) fn child(&self, hop: &Hop) -> Option<&Node> {
        match (hop, &self.shape) {
            (Hop::Key(key), _) => self.entry(key).map(|entry| &entry.value),
            (Hop::Index(index), Shape::List { items, .. }) => items.get(*index),
            (Hop::Index(_), _) => None,
        }
    }

    /// Whether it is this text.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.shape, Shape::Scalar { text, .. } if text == word)
    }

    /// Whether nothing, or a word for nothing, stands there.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar { text, quotes: Quotes::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether it is written in brackets.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.shape, Shape::List { flow: true, .. } | Shape::Map { flow: true, .. })
    }

    /// The first anchor, alias or tag on it or in it.
    pub(super) fn any_mark(&self) -> Option<(&'static str, usize)> {
        if let Some(mark) = self.mark {
            return Some((mark, self.span.start));
        }
        match &self.shape {
            Shape::Alias | Shape::Scalar { .. } => None,
            Shape::List { items, .. } => items.iter().find_map(Node::any_mark),
            Shape::Map { entries, .. } => {
                entries.iter().find_map(|entry| entry.key.any_mark().or_else(|| entry.value.any_mark()))
            }
        }
    }
}
