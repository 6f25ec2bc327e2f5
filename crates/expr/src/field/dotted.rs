//! Sigma's fields: keys joined by dots, into every element of each array on the way.
//!
//! A key may hold dots itself, and the rule does not say where it ends:
//!
//! ```text
//! annotations.authorization.k8s.io/decision     annotations → "authorization.k8s.io/decision"
//! ```
//! So where a key is not there, or leads nowhere, the keys that hold dots are tried.

use auditward_event::{Kind, Value};

use crate::{Item, Subject};

/// How many arrays and objects are entered one inside the other.
const DEPTH_MAX: usize = 64;

pub(crate) fn each<'a>(keys: &[String], subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    match keys {
        [] => {}
        // No key of an event itself holds a dot.
        [first, rest @ ..] => {
            if let Some(value) = subject.event().get(first) {
                enter(value, rest, DEPTH_MAX, found);
            }
        }
    }
}

/// Whether anything was found.
fn enter<'a>(value: Value<'a>, keys: &[String], depth: usize, found: &mut dyn FnMut(Item<'a>)) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match (value.kind(), keys) {
        (Kind::Array, _) => value.items().fold(false, |any, item| enter(item, keys, depth, found) | any),
        (_, []) => {
            found(Item::Json(value));
            true
        }
        (Kind::Object, [first, rest @ ..]) => {
            value.get(first).is_some_and(|inside| enter(inside, rest, depth, found))
                || !rest.is_empty()
                    && value.entries().any(|(key, inside)| {
                        joined(&key, keys).is_some_and(|rest| enter(inside, rest, depth, found))
                    })
        }
        _ => false,
    }
}

/// What is left of `keys` after the first two or more of them, which `key` joins by dots.
fn joined<'k>(key: &str, keys: &'k [String]) -> Option<&'k [String]> {
    let (first, mut left) = keys.split_first()?;
    let mut rest = key.strip_prefix(first.as_str())?;
    while let Some(inside) = rest.strip_prefix('.') {
        let (next, after) = left.split_first()?;
        rest = inside.strip_prefix(next.as_str())?;
        left = after;
    }
    (rest.is_empty() && left.len() + 1 < keys.len()).then_some(left)
}
