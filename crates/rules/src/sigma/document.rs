//! A text's documents: which there are, of which kind, with `action` collections unfolded.

use auditward_policy::read::{Node, Span, Value, rule_documents};

use super::BYTES_MAX;
use super::notes::Notes;

/// One document that says something.
pub(super) struct Document {
    /// Which file it is of.
    pub(super) file: usize,
    pub(super) kind: Kind,
    /// A mapping.
    pub(super) root: Node,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rule,
    Correlation,
    Filter,
}

/// A word with its place.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Span,
}

/// How many values all documents of a text may have once `action` collections are unfolded.
const VALUES_MAX: usize = 1 << 20;

/// The documents of a text, those that only serve others left out.
pub(super) fn read(file: usize, text: &str, notes: &mut Notes) -> Vec<Document> {
    if text.len() > BYTES_MAX {
        notes.error(0..0, format!("larger than {BYTES_MAX} bytes"));
        return Vec::new();
    }
    let (trees, mistake) = rule_documents(text.as_bytes());
    let mut found = Vec::new();
    let mut collection = Collection::default();
    for tree in trees {
        for double in &tree.duplicates {
            notes
                .warning(double.again.clone(), format!("key `{}` is set twice; this one wins", double.key))
                .hint("for one field with several values write a list");
        }
        let start = tree.root.span.start..tree.root.span.start;
        match tree.root.value {
            Value::Null => {}
            Value::Map(_) => match collection.unfold(tree.root, notes) {
                Ok(root) => found.extend(root.map(|root| Document { file, kind: kind(&root), root })),
                Err(TooLarge) => {
                    notes.error(start, "too large once `action` collections are unfolded");
                    break;
                }
            },
            _ => {
                notes
                    .error(start, "a Sigma document is a mapping, with `title`, `logsource` and `detection`");
            }
        }
    }
    if let Some(mistake) = mistake {
        notes.error(mistake.offset..mistake.offset, mistake.message).hint = mistake.hint.map(str::to_owned);
    }
    found
}

fn kind(root: &Node) -> Kind {
    if root.get("correlation").is_some() {
        Kind::Correlation
    } else if root.get("filter").is_some() && root.get("detection").is_none() {
        Kind::Filter
    } else {
        Kind::Rule
    }
}

/// What `action: global` and `repeat` refer to.
#[derive(Default)]
struct Collection {
    global: Option<Node>,
    previous: Option<Node>,
    values: usize,
}

struct TooLarge;

impl Collection {
    /// The rule that this document is; nothing when it only speaks of others.
    fn unfold(&mut self, root: Node, notes: &mut Notes) -> Result<Option<Node>, TooLarge> {
        let action = root.get("action");
        let word = action.map(|action| (text(action).unwrap_or_default(), action.span.clone()));
        match word {
            None => {}
            Some(("global", _)) => {
                self.global = Some(root);
                return Ok(None);
            }
            Some(("reset", _)) => {
                self.global = None;
                return Ok(None);
            }
            Some(("repeat", span)) => {
                let Some(previous) = self.previous.take() else {
                    notes.error(span, "`action: repeat` has no rule before it");
                    return Ok(None);
                };
                self.charge(&previous)?;
                let root = merged(previous, &root, 0);
                self.previous = Some(root.clone());
                return Ok(Some(root));
            }
            Some((other, span)) => {
                notes.error(span, format!("unknown action `{other}`")).hint("`global`, `repeat` or `reset`");
                return Ok(None);
            }
        }
        let root = match &self.global {
            Some(global) => {
                let global = global.clone();
                self.charge(&global)?;
                merged(global, &root, 0)
            }
            None => root,
        };
        self.charge(&root)?;
        self.previous = Some(root.clone());
        Ok(Some(root))
    }

    fn charge(&mut self, node: &Node) -> Result<(), TooLarge> {
        self.values += values(node);
        if self.values > VALUES_MAX { Err(TooLarge) } else { Ok(()) }
    }
}

fn values(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(nodes) => nodes.iter().map(values).sum(),
        Value::Map(entries) => entries.iter().map(|entry| values(&entry.node)).sum(),
        _ => 0,
    }
}

/// `base` with what `update` says: mappings are joined, everything else is replaced.
fn merged(base: Node, update: &Node, depth: usize) -> Node {
    match (base.value, &update.value) {
        (Value::Map(mut entries), Value::Map(updates)) => {
            entries.retain(|entry| depth > 0 || entry.key != "action");
            for entry in updates.iter().filter(|entry| depth > 0 || entry.key != "action") {
                match entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => {
                        let null = Node { value: Value::Null, span: 0..0 };
                        let before = std::mem::replace(&mut known.node, null);
                        known.node = merged(before, &entry.node, depth + 1);
                        known.key_span = entry.key_span.clone();
                    }
                    None => entries.push(entry.clone()),
                }
            }
            Node { value: Value::Map(entries), span: update.span.clone() }
        }
        _ => update.clone(),
    }
}

/// The text of a scalar that is one.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// One word or a list of them; `None`, with a note, for anything else. Numbers and booleans read as written.
pub(super) fn words(node: &Node, what: &str, notes: &mut Notes) -> Option<Vec<Word>> {
    let word = |node: &Node| match &node.value {
        Value::String(text) | Value::Number(text) => {
            Some(Word { text: text.clone(), span: node.span.clone() })
        }
        Value::Bool(value) => Some(Word { text: value.to_string(), span: node.span.clone() }),
        _ => None,
    };
    let all = match &node.value {
        Value::List(list) => list.iter().map(word).collect(),
        _ => word(node).map(|word| vec![word]),
    };
    if all.is_none() {
        notes.error(node.span.clone(), format!("`{what}` is a text or a list of texts"));
    }
    all
}

/// Which rules a filter is for.
pub(super) enum Targets {
    Any,
    /// By names or ids.
    These(Vec<Word>),
}

/// What a filter's `rules` says.
pub(super) fn targets(body: &Node, notes: &mut Notes) -> Option<Targets> {
    let Some(rules) = body.get("rules") else {
        notes
            .error(body.span.start..body.span.start, "the filter does not say which `rules` it is for")
            .hint("list ids or names, or say `rules: any`");
        return None;
    };
    let words = words(rules, "rules", notes)?;
    let any = words.is_empty() || (words.len() == 1 && words[0].text.eq_ignore_ascii_case("any"));
    Some(if any { Targets::Any } else { Targets::These(words) })
}
