//! A file's text and what is found wrong in it.

use auditward_policy::read::{Node, Span, Value, did_you_mean};

use super::keys::Keys;
use super::source::Located;
use crate::{Finding, Weight};

/// A file while it is read: its text, and what there is to say about it.
pub(crate) struct Text<'t> {
    pub(crate) file: &'t str,
    pub(crate) content: &'t str,
    pub(crate) findings: Vec<Finding>,
    /// The rule that is being read, once its id is known.
    pub(crate) rule: Option<String>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(file: &'t str, content: &'t str) -> Self {
        Self { file, content, findings: Vec::new(), rule: None }
    }

    pub(crate) fn say(
        &mut self,
        weight: Weight,
        span: &Span,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut finding = Finding::new(weight, self.file, self.content, span.clone(), message);
        finding.hint = hint;
        finding.rule.clone_from(&self.rule);
        self.findings.push(finding);
    }

    pub(crate) fn error(&mut self, span: &Span, message: impl Into<String>) {
        self.say(Weight::Error, span, message, None);
    }

    pub(crate) fn error_with(&mut self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.say(Weight::Error, span, message, Some(hint.into()));
    }

    /// `word` is none of `known`.
    pub(crate) fn unknown<'k>(
        &mut self,
        span: &Span,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        let hint = hint(word, known);
        self.say(Weight::Error, span, format!("unknown {what} `{word}`"), hint);
    }

    /// Says which keys are not of this mapping, and which are missing; `false` where it is none.
    pub(crate) fn keys(&mut self, node: &Node, keys: &Keys) -> bool {
        let Value::Map(entries) = &node.value else {
            self.expected(node, "a mapping");
            return false;
        };
        for entry in entries {
            if keys.get(&entry.key).is_none() {
                self.unknown(&entry.key_span, &format!("key of {},", keys.what), &entry.key, keys.names());
            }
        }
        for key in keys.keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
            // The whole mapping would be a wall of marks.
            let start = node.span.start;
            let first = entries.first().map_or(start..start, |entry| entry.key_span.clone());
            self.error_with(
                &first,
                format!("{} has no `{}`", keys.what, key.name),
                format!("`{}`: {}", key.name, key.help),
            );
        }
        true
    }

    pub(crate) fn expected(&mut self, node: &Node, what: &str) {
        self.error(&node.span, format!("expected {what}, found {}", node.kind()));
    }

    /// A text that is not empty.
    pub(crate) fn string(&mut self, node: &Node) -> Option<Located<String>> {
        match &node.value {
            Value::String(text) if text.trim().is_empty() => {
                self.error(&node.span, "this is empty");
                None
            }
            Value::String(text) => {
                Some(Located { value: text.trim_end().to_owned(), span: node.span.clone() })
            }
            Value::Bool(_) | Value::Number(_) => {
                self.error_with(
                    &node.span,
                    format!("expected a text, found {}", node.kind()),
                    "put it in quotes: YAML reads it otherwise",
                );
                None
            }
            _ => {
                self.expected(node, "a text");
                None
            }
        }
    }

    pub(crate) fn bool(&mut self, node: &Node) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.expected(node, "`true` or `false`");
                None
            }
        }
    }

    /// A list of texts, or one text.
    pub(crate) fn strings(&mut self, node: &Node) -> Vec<Located<String>> {
        match &node.value {
            Value::List(nodes) => nodes.iter().filter_map(|node| self.string(node)).collect(),
            Value::String(_) => self.string(node).into_iter().collect(),
            _ => {
                self.expected(node, "a list of texts");
                Vec::new()
            }
        }
    }

    /// The entries of a list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(nodes) => nodes,
            _ => {
                self.expected(node, "a list");
                &[]
            }
        }
    }

    /// The line of an offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        auditward_policy::read::position(self.content.as_bytes(), offset).line
    }

    /// Where something stands in the file that stands at `within` of a text that the file holds at `span`.
    ///
    /// A block (`|`) is shifted line by line; a text in quotes or none by its first character. Where that cannot be said
    /// (folded lines, escapes), it is the whole text.
    pub(crate) fn inside(&self, text: &Located<String>, within: &Span) -> Span {
        let whole = text.span.clone();
        let Some(raw) = self.content.get(whole.clone()) else { return whole };
        let (start, end) = (within.start.min(text.value.len()), within.end.min(text.value.len()));
        let (Some(before), Some(marked)) = (text.value.get(..start), text.value.get(start..end.max(start)))
        else {
            return whole;
        };
        if raw.starts_with('|') {
            return block_offset(self.content, &whole, &text.value, before)
                .map_or(whole, |at| at..at + marked.lines().next().unwrap_or_default().len().max(1));
        }
        let skipped = usize::from(raw.starts_with(['"', '\'']));
        let at = whole.start + skipped + start;
        match self.content.get(at..at + marked.len()) {
            Some(found) if found == marked && !before.contains('\n') => at..at + marked.len(),
            _ => whole,
        }
    }
}

/// Where a place in a literal block stands in the file; `None` if the block is not laid out as it seems.
fn block_offset(file: &str, whole: &Span, value: &str, before: &str) -> Option<usize> {
    let line_index = before.matches('\n').count();
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    let mut at = whole.start + file.get(whole.start..)?.find('\n')? + 1;
    // Leading empty lines belong to the value, so every line of it is a line of the file.
    for _ in 0..line_index {
        at += file.get(at..)?.find('\n')? + 1;
    }
    let line = file.get(at..)?.lines().next()?;
    let wanted = value.lines().nth(line_index)?;
    let indent = line.len().checked_sub(wanted.len())?;
    line.ends_with(wanted).then_some(at + indent + column)
}

/// "did you mean …?", or what there is.
pub(crate) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<String> {
    if let Some(near) = did_you_mean(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = known.into_iter().map(|word| format!("`{word}`")).collect();
    (!all.is_empty() && all.len() <= 20).then(|| format!("one of {}", all.join(", ")))
}
