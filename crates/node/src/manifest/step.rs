//! A change, taken apart: what is put where in the document. The editor makes these steps in the text, the prover makes
//! them in the values, and both must come to the same.

use serde_json::Value;

use super::syntax::Hop;

/// One structural step. Paths are those of the original.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Items at the end of a list that is there.
    Append { list: Path, items: Vec<Data> },
    /// A key that is not there, or has no value.
    Add { map: Path, key: String, value: Data },
    /// Another text in the place of one.
    Replace { at: Path, with: String },
    /// An item or a key goes.
    Remove { at: Path },
}

/// The way to a value from the root.
pub(super) type Path = Vec<Hop>;

/// What is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Text(String),
    True,
    List(Vec<Data>),
    Map(Vec<(String, Data)>),
}

/// `spec.containers[0].command`
pub(super) fn show(path: &[Hop]) -> String {
    path.iter().fold(String::new(), |shown, step| match step {
        Hop::Key(key) if shown.is_empty() => key.clone(),
        Hop::Key(key) => format!("{shown}.{key}"),
        Hop::Index(index) => format!("{shown}[{index}]"),
    })
}

/// The document with all steps made. `None` where a step leads nowhere.
pub(super) fn made(original: &Value, steps: &[Step]) -> Option<Value> {
    let mut document = original.clone();
    for step in steps {
        match step {
            Step::Replace { at, with } => *find(&mut document, at)? = Value::String(with.clone()),
            Step::Append { list, items } => {
                find(&mut document, list)?.as_array_mut()?.extend(items.iter().map(Data::value));
            }
            Step::Add { map, key, value } => {
                let map = find(&mut document, map)?.as_object_mut()?;
                if !map.get(key).unwrap_or(&Value::Null).is_null() {
                    return None;
                }
                map.insert(key.clone(), value.value());
            }
            Step::Remove { .. } => {}
        }
    }
    // From the end, so that the places of the others still hold.
    let mut gone: Vec<&Path> = steps
        .iter()
        .filter_map(|step| if let Step::Remove { at } = step { Some(at) } else { None })
        .collect();
    gone.sort_by_key(|path| match path.last() {
        Some(Hop::Index(index)) => std::cmp::Reverse(*index),
        _ => std::cmp::Reverse(0),
    });
    for path in gone {
        let (last, owner) = path.split_last()?;
        match (last, find(&mut document, owner)?) {
            (Hop::Index(index), Value::Array(items)) if *index < items.len() => drop(items.remove(*index)),
            (Hop::Key(key), Value::Object(map)) => drop(map.remove(key)?),
            _ => return None,
        }
    }
    Some(document)
}

fn find<'v>(document: &'v mut Value, path: &[Hop]) -> Option<&'v mut Value> {
    path.iter().try_fold(document, |value, step| match step {
        Hop::Key(key) => value.get_mut(key),
        Hop::Index(index) => value.get_mut(index),
    })
}

impl Data {
    /// As a value.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::True => Value::Bool(true),
            Self::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Self::Map(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.value())).collect())
            }
        }
    }
}
