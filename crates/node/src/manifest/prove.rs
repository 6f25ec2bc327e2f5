//! The proof that an edit did what was planned and nothing else, by readers that the editor does not use.
//!
//! 1. The values: original and result are read by another YAML parser, `saphyr-parser`, and as kube-apiserver's own
//!    dialect reads them; in both, the result must equal the original with the planned steps made.
//! 2. The lines: every line of the original that no step names is in the result, in the same order.
//! 3. The way back: the undo gives the original's bytes.
//! 4. The sequel: the result is a manifest that may be edited, of the same API server, where the change is made already.

use auditward_policy::read as yaml11;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

use super::Manifest;
use super::change::{Change, Undo};
use super::edit::planned;
use super::splice::{apply, line_start};
use super::step::{Path, Step, made};
use super::syntax::{Hop, Node};

type Proof<T = ()> = Result<T, String>;

/// Proves an edit; otherwise says what did not hold.
pub(super) fn edit(manifest: &Manifest, change: &Change, steps: &[Step], text: &str, undo: &Undo) -> Proof {
    let original = &manifest.text;
    for (reader, read) in [("another YAML parser", other as fn(&str) -> _), ("the kubelet", kubelet)] {
        let before = read(original).ok_or_else(|| format!("{reader} does not read the file"))?;
        let after = read(text).ok_or_else(|| format!("{reader} would not read the result"))?;
        if made(&before, steps).as_ref() != Some(&after) {
            return Err(format!("{reader} would see something else than was planned"));
        }
    }
    if serde_json::from_str::<Value>(original).is_ok() && serde_json::from_str::<Value>(text).is_err() {
        return Err("the result would no longer be JSON".into());
    }
    lines(manifest, steps, text)?;
    if apply(text, &undo.splices).as_ref() != Some(original) {
        return Err("it could not be undone to the byte".into());
    }
    let result = sequel(text, change)?;
    if result.pod.api_server.index != manifest.pod.api_server.index {
        return Err("the result would start another API server".into());
    }
    Ok(())
}

/// Proves that `text` is a manifest as it was before an edit, whose opposite is `change`.
pub(super) fn undo(text: &str, change: &Change) -> Proof {
    other(text).ok_or("another YAML parser would not read the result")?;
    sequel(text, change).map(drop)
}

/// The result as a manifest that may be edited, where the change is made already.
fn sequel(text: &str, change: &Change) -> Proof<Manifest> {
    let result = Manifest::read(text.as_bytes()).map_err(|refusal| format!("of the result, {refusal}"))?;
    if let Err(refusals) = result.editable() {
        let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        return Err(format!("of the result, {}", refusals.join("; ")));
    }
    let again = planned(&result, change).map_err(|refusal| format!("of the result, {refusal}"))?;
    if again.steps.is_empty() { Ok(result) } else { Err("made twice it would not be as made once".into()) }
}

/// Every line that no step may change is there still, in order.
fn lines(manifest: &Manifest, steps: &[Step], text: &str) -> Proof {
    let original = &manifest.text;
    let number = |offset: usize| original[..offset].matches('\n').count();
    let mut may_change: Vec<(usize, usize)> = Vec::new();
    for step in steps {
        may_change.extend(changing(manifest, step).map(|span| (number(span.start), number(span.end))));
    }
    // A line that is no longer the last one gets its newline.
    if !original.ends_with('\n') {
        may_change.push((number(original.len()), number(original.len())));
    }
    let mut result = text.split_inclusive('\n');
    for (line, kept) in original.split_inclusive('\n').enumerate() {
        let may = may_change.iter().any(|(first, last)| (*first..=*last).contains(&line));
        if !may && !result.any(|line| line == kept) {
            return Err(format!("line {} would be changed", line + 1));
        }
    }
    Ok(())
}

/// The stretch of the original in which a step may change lines, if any: additions to blocks change none.
fn changing(manifest: &Manifest, step: &Step) -> Option<std::ops::Range<usize>> {
    let find = |path: &[Hop]| path.iter().try_fold(&manifest.syntax, |node: &Node, hop| node.child(hop));
    // The key of a list that becomes empty gets brackets, and an item begins at its dash.
    let from_owner = |path: &Path| {
        let owner = find(&path[..path.len().checked_sub(1)?])?;
        let key = path.len().checked_sub(2).and_then(|length| match &path[length] {
            Hop::Key(key) => find(&path[..length])?.entry(key),
            Hop::Index(_) => None,
        });
        Some((owner, key.map_or(owner.span.start, |entry| entry.key.span.start)))
    };
    match step {
        Step::Replace { at, .. } => find(at).map(|node| node.span.clone()),
        Step::Remove { at } => {
            let (owner, start) = from_owner(at)?;
            if owner.is_flow() {
                return Some(owner.span.clone());
            }
            Some(start..owner.span.end.max(start))
        }
        Step::Append { list, .. } => {
            let node = find(list).filter(|node| node.is_flow())?;
            Some(line_start(&manifest.text, node.span.start)..node.span.end)
        }
        Step::Add { map, key, .. } => {
            let node = find(map)?;
            match node.entry(key) {
                Some(entry) => Some(entry.key.span.start..entry.value.span.end.max(entry.key.span.end)),
                None => node.is_flow().then(|| node.span.clone()),
            }
        }
    }
}

/// The document as the kubelet reads it.
fn kubelet(text: &str) -> Option<Value> {
    let (trees, _) = yaml11::documents(text.as_bytes());
    trees.first().map(|tree| value(&tree.root))
}

fn value(node: &yaml11::Node) -> Value {
    match &node.value {
        yaml11::Value::Null => Value::Null,
        yaml11::Value::Bool(value) => json!(value),
        yaml11::Value::Number(number) => json!({ "number": number }),
        yaml11::Value::String(text) => json!(text),
        yaml11::Value::List(nodes) => nodes.iter().map(value).collect(),
        yaml11::Value::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), value(&entry.node))).collect())
        }
    }
}

/// The document as another parser reads it: YAML 1.2, aliases and merge keys left as they are written.
fn other(text: &str) -> Option<Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut events = Parser::new_from_str(text).filter_map(|event| match event {
        Ok((Event::StreamStart | Event::DocumentStart(_), _)) => None,
        Ok((event, _)) => Some(Ok(event)),
        Err(_) => Some(Err(())),
    });
    let document = compose(&mut events, 0)?;
    // No second document, and no error to the end.
    events.all(|event| matches!(event, Ok(Event::DocumentEnd | Event::StreamEnd))).then_some(document)
}

fn compose<'i>(events: &mut impl Iterator<Item = Result<Event<'i>, ()>>, depth: usize) -> Option<Value> {
    let event = events.next()?.ok()?;
    from(event, events, depth)
}

fn from<'i>(
    event: Event<'i>,
    events: &mut impl Iterator<Item = Result<Event<'i>, ()>>,
    depth: usize,
) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match event {
        Event::Alias(anchor) => Some(json!({ "alias": anchor })),
        Event::Scalar(text, style, _, tag) => Some(match (tag, style) {
            (Some(tag), _) => json!({ "tag": tag.to_string(), "text": text }),
            (None, ScalarStyle::Plain) => plain(&text),
            (None, _) => json!(text),
        }),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next()?.ok()? {
                    Event::SequenceEnd => return Some(Value::Array(items)),
                    event => items.push(from(event, events, depth + 1)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match events.next()?.ok()? {
                    Event::MappingEnd => return Some(Value::Object(map)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    event => from(event, events, depth + 1)?.to_string(),
                };
                // Of a key that is there twice the later value counts, in the kubelet's reader.
                map.insert(key, compose(events, depth + 1)?);
            }
        }
        _ => None,
    }
}

/// A scalar without quotes: what any YAML could take for something else than text is kept apart from text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" => json!(true),
        "false" => json!(false),
        _ if text.parse::<f64>().is_ok() => json!({ "number": text }),
        _ => json!(text),
    }
}

/// How deep the other parser is followed; [`Manifest::read`] stops at as much.
const DEPTH_MAX: usize = 256;
