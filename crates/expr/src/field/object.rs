//! The object that a request writes, whatever form the request has.
//!
//! A create or an update carries the object. A merge, strategic merge or apply patch carries a part of it in the same
//! shape. A JSON Patch is a list of operations, each with the place of a value:
//!
//! ```text
//! [{"op":"add","path":"/spec/template/spec/containers/-","value":{"image":"x"}}]     object.spec.template.spec.containers[*].image
//! ```

use std::borrow::Cow;

use auditward_event::{EventView, Kind, Step, Value};

use super::Node;

/// What a request writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    /// Nothing, or nothing that was recorded.
    None,
    /// An object, or a patch in the shape of one.
    Whole(Value<'a>),
    /// The operations of a JSON Patch.
    Operations(Value<'a>),
}

impl<'a> Body<'a> {
    pub(crate) fn of(event: &EventView<'a>) -> Self {
        let Some(body) = event.request_object() else { return Body::None };
        match (&*event.verb(), body.kind()) {
            // Their body is a DeleteOptions, which is nobody's object.
            ("delete" | "deletecollection", _) => Body::None,
            (_, Kind::Object) => Body::Whole(body),
            ("patch", Kind::Array) => Body::Operations(body),
            _ => Body::None,
        }
    }

    /// Hands to `found` what the request writes at the path that begins with `keys` and goes on with `steps`.
    pub(crate) fn each(self, keys: &[&str], steps: &[Step], found: &mut dyn FnMut(Node<'a>)) {
        match self {
            Body::None => {}
            Body::Whole(value) => Node::from(value).each_below(keys, steps, found),
            Body::Operations(operations) => {
                for operation in operations.items() {
                    if let Some(node) = written(operation) {
                        node.each_below(keys, steps, found);
                    }
                }
            }
        }
    }
}

/// What an operation writes, and where. `copy` and `move` write what their operation does not show.
fn written(operation: Value<'_>) -> Option<Node<'_>> {
    let what = operation.get("op")?;
    if !what.is_str("add") && !what.is_str("replace") {
        return None;
    }
    let pointer = from_first_slash(operation.get("path")?.as_str()?)?;
    Some(Node { pointer, value: operation.get("value")? })
}

/// A path as an API server reads it: the whole document if it is empty, else from its first slash on. What stands in front
/// of that should not be there (RFC 6901), and is passed over.
fn from_first_slash(path: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if path.is_empty() || path.starts_with('/') {
        return Some(path);
    }
    let start = path.find('/')?;
    Some(match path {
        Cow::Borrowed(path) => Cow::Borrowed(&path[start..]),
        Cow::Owned(path) => Cow::Owned(path[start..].to_owned()),
    })
}
