//! Events that are alike: what a head leaves open, answered once for all of them.
//!
//! Kubelets, controllers and dashboards ask for the same things all day. What the rules still want to know of such an event,
//! who asked, from where, about what, with which answer, has been answered before; so has, by which key a rule counts it. Only
//! bodies, and the query of a request, differ from one to the next.
//!
//! ```text
//! what is asked, by whom, how it ended ──► Caller: head, number
//!                                 number, and what else of the event its head asks for ──► what is left of the rules
//! ```

use std::collections::HashSet;
use std::hash::BuildHasher as _;

use auditward_event::{EventView, Value};
use auditward_expr::Parts;
use foldhash::fast::RandomState;

use super::head::Object;

/// Parts of which the head's facts are made. They stand in the key of a caller.
const OF_CALLER: Parts = Parts::USER.and(Parts::IMPERSONATED).and(Parts::STATUS).and(Parts::ANNOTATIONS);

/// Parts that stand in the key of what is left, where it is asked for them. The URI does so only where it says what a request is
/// about that is about no resource.
const OF_EVENT: Parts =
    Parts::NAMESPACE.and(Parts::NAME).and(Parts::ADDRESSES).and(Parts::USER_AGENT).and(Parts::URI);

/// Parts that all events of one head have the same of.
const OF_HEAD: Parts = Parts::LEVEL.and(Parts::STAGE).and(Parts::VERB).and(Parts::KIND);

/// An event for which these take more bytes is like no other.
const KEY_BYTES_MAX: usize = 4096;

/// So many keys are known of which only one event was seen, for each that is kept.
const ONCE_FACTOR: usize = 8;

/// The parts of an event with such an object that another may be like it in.
pub(super) fn parts(object: Object<'_>) -> Parts {
    let all = OF_HEAD.and(OF_CALLER).and(OF_EVENT);
    if object.is_there { all.without(Parts::URI) } else { all }
}

/// Those of which the values are known of all events with the same key, when the key was written with `asks`.
pub(super) fn known(asks: Parts) -> Parts {
    OF_HEAD.and(OF_CALLER).and(asks.within(OF_EVENT))
}

/// Appends to `key` what an event has in the parts of a caller. False if it is too long.
pub(super) fn write_caller(view: &EventView<'_>, key: &mut Vec<u8>) -> bool {
    for name in ["user", "impersonatedUser", "responseStatus", "annotations"] {
        put(view.get(name).map(Value::as_bytes), key);
    }
    key.len() <= KEY_BYTES_MAX
}

/// Writes to `key` the number of a caller, and what an event has in those parts that are asked for and not its caller's. False if
/// it is too long.
pub(super) fn write(
    caller: u64,
    asks: Parts,
    object: Object<'_>,
    view: &EventView<'_>,
    key: &mut Vec<u8>,
) -> bool {
    key.clear();
    key.extend_from_slice(&caller.to_ne_bytes());
    let get = |name| view.get(name).map(Value::as_bytes);
    for (part, value) in [(Parts::NAMESPACE, object.namespace), (Parts::NAME, object.name)] {
        if asks.meets(part) {
            put(value, key);
        }
    }
    for (part, name) in
        [(Parts::ADDRESSES, "sourceIPs"), (Parts::USER_AGENT, "userAgent"), (Parts::URI, "requestURI")]
    {
        if asks.meets(part) {
            put(get(name), key);
        }
    }
    key.len() <= KEY_BYTES_MAX
}

/// Values are never empty, so that zero is free for a missing one.
fn put(value: Option<&[u8]>, key: &mut Vec<u8>) {
    let value = value.unwrap_or_default();
    key.extend_from_slice(&(value.len() as u64).to_ne_bytes());
    key.extend_from_slice(value);
}

/// What is known, by keys.
///
/// Bounded: it holds two generations, of which the older goes when the younger is full. What is asked for moves on to the
/// younger, so what comes again and again stays.
#[derive(Debug)]
pub(super) struct Memory<T> {
    young: Generation<T>,
    old: Generation<T>,
    /// Hashes of keys of which one event was seen. Most of what never comes again is not worked out either.
    once: HashSet<u64, RandomState>,
    hasher: RandomState,
}

type Generation<T> = std::collections::HashMap<Box<[u8]>, T, RandomState>;

/// What is known of a key.
pub(super) enum Known<T> {
    /// This.
    This(T),
    /// There was one before.
    Again,
    /// Nothing.
    Nothing,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        let hasher = RandomState::default();
        let generation = || Generation::with_hasher(hasher.clone());
        Memory {
            young: generation(),
            old: generation(),
            once: HashSet::with_hasher(hasher.clone()),
            hasher: hasher.clone(),
        }
    }
}

impl<T: Clone> Memory<T> {
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.once.clear();
    }

    /// What is known of this key; at most `max` keys are kept in a generation.
    pub(super) fn ask(&mut self, key: &[u8], max: usize) -> Known<T> {
        if let Some(known) = self.young.get(key) {
            return Known::This(known.clone());
        }
        if let Some((key, known)) = self.old.remove_entry(key) {
            self.insert(key, known.clone(), max);
            return Known::This(known);
        }
        if self.once.len() >= max.saturating_mul(ONCE_FACTOR) {
            self.once.clear();
        }
        if self.once.insert(self.hasher.hash_one(key)) { Known::Nothing } else { Known::Again }
    }

    pub(super) fn insert(&mut self, key: Box<[u8]>, known: T, max: usize) {
        if self.young.len() >= max {
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(key, known);
    }
}
