//! A value, or a value and the way to it.

use std::borrow::Cow;

use auditward_event::{Step, Value};

use super::walk;
use crate::Item;

/// A value under a path that a JSON Patch names: at `pointer` below here stands `value`, and nothing else is known.
///
/// With an empty pointer it is the value itself.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// What is left of a JSON pointer: empty, or `/` and a token as often as needed.
    pub(crate) pointer: Cow<'a, str>,
    /// What stands there.
    pub(crate) value: Value<'a>,
}

impl<'a> Node<'a> {
    /// Hands everything at the end of the path to `found`.
    pub(crate) fn each(&self, steps: &[Step], found: &mut dyn FnMut(Node<'a>)) {
        self.each_below(&[], steps, found);
    }

    /// The same, with some keys in front of the path.
    pub(crate) fn each_below(&self, keys: &[&str], steps: &[Step], found: &mut dyn FnMut(Node<'a>)) {
        let mut rest: &str = &self.pointer;
        let (mut keys, mut steps) = (keys, steps);
        while let Some((token, after)) = next_token(rest) {
            match (keys, steps) {
                ([key, more @ ..], _) if token_is(token, key) => keys = more,
                ([], [Step::Key(key), more @ ..]) if token_is(token, key) => steps = more,
                ([], [Step::Index(index), more @ ..]) if token.parse() == Ok(*index) => steps = more,
                ([], [Step::Each, more @ ..]) if is_place_in_array(token) => steps = more,
                ([], []) => return found(Node { pointer: self.pointer_from(rest), value: self.value }),
                _ => return,
            }
            rest = after;
        }
        let mut value = self.value;
        for key in keys {
            let Some(next) = value.get(key) else { return };
            value = next;
        }
        walk(value, steps, &mut |value| found(Node::from(value)));
    }

    fn pointer_from(&self, rest: &str) -> Cow<'a, str> {
        let start = self.pointer.len() - rest.len();
        match &self.pointer {
            Cow::Borrowed(pointer) => Cow::Borrowed(&pointer[start..]),
            Cow::Owned(pointer) => Cow::Owned(pointer[start..].to_owned()),
        }
    }
}

impl<'a> From<Value<'a>> for Node<'a> {
    fn from(value: Value<'a>) -> Self {
        Node { pointer: Cow::Borrowed(""), value }
    }
}

impl<'a> From<Node<'a>> for Item<'a> {
    fn from(node: Node<'a>) -> Self {
        if node.pointer.is_empty() { Item::Json(node.value) } else { Item::Part(node) }
    }
}

/// `/a/b` → `a`, `/b`.
fn next_token(pointer: &str) -> Option<(&str, &str)> {
    let inside = pointer.strip_prefix('/')?;
    Some(inside.split_at(inside.find('/').unwrap_or(inside.len())))
}

/// Whether a token, with its `~0` and `~1`, says `key`.
fn token_is(token: &str, key: &str) -> bool {
    if !token.contains('~') {
        return token == key;
    }
    let mut key = key.chars();
    let mut token = token.chars();
    while let Some(here) = token.next() {
        let meant = match here {
            '~' => match token.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return false,
            },
            other => other,
        };
        if key.next() != Some(meant) {
            return false;
        }
    }
    key.next().is_none()
}

/// Whether an API server takes a token for a place in an array: `-` for behind its end, or a number, which may have a sign.
/// A negative one counts from the end (`gopkg.in/evanphx/json-patch.v4`, which RFC 6901 does not know).
fn is_place_in_array(token: &str) -> bool {
    let digits = token.strip_prefix(['+', '-']).unwrap_or(token);
    token == "-" || !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
