//! Secrets in manifests that stand in a text as YAML.
//!
//! By lines, not by a parser: what is in a text need not be YAML as a whole (a script with a manifest in it is usual).
//! In each document that says `kind: Secret` the values under `data` and `stringData` are secret, to whichever object of
//! the document they belong.

use std::ops::Range;

use super::digest::is_mark;
use super::text::Span;

/// Adds what is secret in manifests.
pub(super) fn spans(text: &[u8], spans: &mut Vec<Span>) {
    let mut document = Document::default();
    let mut at = 0;
    while at <= text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
        let line = &text[at..end];
        if line.starts_with(b"---") {
            std::mem::take(&mut document).finish(text, spans);
        } else {
            document.line(text, at..end);
        }
        at = end + 1;
    }
    document.finish(text, spans);
}

/// A document so far.
#[derive(Default)]
struct Document {
    is_secret: bool,
    /// The column of the `data` that we are under.
    data: Option<usize>,
    /// The column of the keys under it; what stands further in belongs to a value of many lines.
    keys: Option<usize>,
    /// A `data` in the flow style began on a line before, and has no end yet.
    in_flow: bool,
    values: Vec<Range<usize>>,
}

impl Document {
    fn line(&mut self, text: &[u8], range: Range<usize>) {
        let line = &text[range.clone()];
        let is_indent = |byte: &&u8| matches!(byte, b' ' | b'-' | b'\t');
        let indent = line.iter().take_while(is_indent).count();
        let said = line[indent..].trim_ascii();
        // Neither a comment nor a template's line ends a block, wherever it stands.
        let is_between = said.starts_with(b"#") || said.starts_with(b"{{");
        if said.is_empty() || is_between && self.data.is_none_or(|column| indent <= column) {
            return;
        }
        let content = range.start + indent..range.end;
        if self.in_flow {
            self.in_flow = !said.starts_with(b"}");
            if self.in_flow {
                self.values.extend(value(text, content));
            } else {
                self.flow(text, content);
            }
            return;
        }
        if self.data.is_some_and(|column| indent > column) {
            let keys = *self.keys.get_or_insert(indent);
            self.values.extend(if indent > keys { trimmed(text, content) } else { value(text, content) });
            return;
        }
        (self.data, self.keys) = (None, None);
        if said.starts_with(b"{") {
            return self.flow(text, content);
        }
        if let Some(kind) = behind_key(said, b"kind") {
            self.is_secret |= is_kind_secret(&said[kind..]);
        }
        for key in [&b"data"[..], b"stringData"] {
            if let Some(rest) = behind_key(said, key) {
                self.data = Some(indent);
                // In the flow style all of it stands on this line.
                if matches!(said[rest..].trim_ascii_start().first(), Some(b'{')) {
                    let start = range.start + indent + rest;
                    self.values.extend(trimmed(text, start..range.end));
                }
            }
        }
    }

    /// A line that is in the flow style from its beginning: `{kind: Secret, data: {…}}`.
    fn flow(&mut self, text: &[u8], line: Range<usize>) {
        let said = &text[line.clone()];
        // A key begins behind a brace or a comma.
        let starts = (0..said.len()).filter(|at| matches!(said[*at], b'{' | b','));
        let mut covered = 0;
        for start in starts.map(|at| at + 1 + blanks(&said[at + 1..])) {
            let entry = &said[start..];
            if let Some(kind) = behind_key(entry, b"kind") {
                self.is_secret |= is_kind_secret(&entry[kind..]);
            }
            for key in [&b"data"[..], b"stringData"] {
                if start < covered {
                    continue;
                }
                let Some(rest) = behind_key(entry, key) else { continue };
                let value = start + rest;
                let end = flow_end(&said[value..]).map(|length| value + length);
                // It goes on in the next lines, to the brace that closes it, and wherever that is.
                self.in_flow |= end.is_none();
                covered = end.unwrap_or(said.len());
                self.values.extend(trimmed(text, line.start + value..line.start + covered));
            }
        }
    }

    fn finish(self, text: &[u8], spans: &mut Vec<Span>) {
        if self.is_secret {
            let values = self.values.into_iter().filter(|range| !is_mark(&text[range.clone()]));
            spans.extend(values.map(|range| Span::new(range, "secret")));
        }
    }
}

/// Where the value of this key begins in a text that begins with the key, quoted or not.
fn behind_key(said: &[u8], key: &[u8]) -> Option<usize> {
    let quote = said.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let mut at = usize::from(quote.is_some());
    said.get(at..)?.strip_prefix(key)?;
    at += key.len();
    if quote.is_some() && said.get(at).copied() == quote {
        at += 1;
    }
    at += blanks(&said[at..]);
    (said.get(at) == Some(&b':')).then_some(at + 1)
}

fn is_kind_secret(value: &[u8]) -> bool {
    let kind = value.trim_ascii();
    let kind = kind.strip_prefix(b"\"").or(kind.strip_prefix(b"'")).unwrap_or(kind);
    kind.starts_with(b"Secret") && kind.get(6).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// How long a value of the flow style is, to its own brace; `None` if that is not there.
fn flow_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quote, mut before) = (0_usize, None, b' ');
    for (at, &byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open && !(byte == b'"' && before == b'\\') => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if matches!(before, b'{' | b'[' | b',' | b':' | b' ') => quote = Some(byte),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') if depth <= 1 => return Some(if depth == 1 { at + 1 } else { at }),
            (None, b'}' | b']') => depth -= 1,
            (None, _) => {}
        }
        before = byte;
    }
    None
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The value on a line under `data`: what stands behind the key, or all of a line that has none.
fn value(text: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let said = &text[line.clone()];
    let start = match memchr::memmem::find(said, b": ") {
        Some(colon) => colon + 2,
        None if said.trim_ascii_end().ends_with(b":") => return None,
        None => 0,
    };
    let range = trimmed(text, line.start + start..line.end)?;
    let value = &text[range.clone()];
    // The head of a block, a comment, an empty value.
    let is_head = matches!(value, [b'|' | b'>', rest @ ..] if rest.iter().all(|byte| matches!(byte, b'-' | b'+' | b'0'..=b'9')));
    let harmless =
        is_head || value.starts_with(b"#") || matches!(value, b"\"\"" | b"''" | b"{}" | b"null" | b"~");
    (!harmless).then_some(range)
}

fn trimmed(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let said = &text[range.clone()];
    let start = range.start + said.len() - said.trim_ascii_start().len();
    let length = said.trim_ascii().len();
    (length > 0).then_some(start..start + length)
}
