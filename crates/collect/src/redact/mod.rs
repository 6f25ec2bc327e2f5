//! Events without the secrets that they carry.
//!
//! An audit log holds what was sent and answered: with it the data of Secrets, the tokens that were handed out, and
//! whatever people wrote into the wrong place. All of that is replaced before an event is written anywhere, by
//! `redacted:KIND:DIGEST` (a keyed digest, so that equal secrets stay equal and nobody can try passwords). The event
//! stays one: keys, numbers and structure are as they were.
//!
//! ```text
//! event ──► needles: one pass over its raw bytes; no needle, no secret      nearly every event ends here, untouched
//!              └──► walk: by place (data of a Secret, value of a telling name), then each string by its looks,
//!                         through JSON, YAML, base64 and percent-encoding inside of it
//! ```
//! Invariant: what the needles pass, the walk would not change. A property test holds the two together.

mod assigned;
mod digest;
mod encoded;
mod event;
mod json;
mod names;
mod needles;
mod rules;
mod shapes;
mod text;
mod tokens;
mod uri;
mod yaml;

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use auditward_event::EventView;

pub use digest::{DigestKey, KeyError};
pub use rules::{Rules, RulesError};

use digest::Marker;
use needles::Needles;

/// What kind of secret: `jwt`, `password`, or a site's own.
type Kind = Cow<'static, str>;

/// Takes secrets out of events. Cheap to clone; a thread has its own.
#[derive(Clone)]
pub struct Redactor {
    marker: Marker,
    needles: Needles,
    rules: Arc<Rules>,
    is_off: bool,
    /// Bytes that may still be looked at in this event.
    work: Cell<usize>,
    stats: Stats,
}

/// How many times an event's length may be looked at, texts in texts and all tries counted, and how many bytes more. What
/// is not looked through within that is replaced as a whole if it may hold a secret.
const WORK_TIMES: usize = 24;
const WORK_BYTES: usize = 1 << 16;

/// What a redactor has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events seen.
    pub events: u64,
    /// Events that were walked, because something in them might have been a secret.
    pub walked: u64,
    /// Events that were changed.
    pub changed: u64,
}

impl Redactor {
    /// A redactor with these rules.
    pub fn new(rules: &Rules, key: &DigestKey) -> Self {
        Redactor {
            marker: Marker::new(key),
            needles: Needles::new(rules),
            rules: Arc::new(rules.clone()),
            is_off: false,
            work: Cell::new(0),
            stats: Stats::default(),
        }
    }

    /// One that leaves every event as it is: for who keeps the trail as safe as the secrets in it.
    pub fn off() -> Self {
        Redactor { is_off: true, ..Self::new(&Rules::default(), &DigestKey::new([0; 32])) }
    }

    /// The event without its secrets; borrowed if there are none.
    pub fn redact<'a>(&mut self, event: &EventView<'a>) -> Cow<'a, [u8]> {
        self.stats.events += 1;
        let bytes = event.as_bytes();
        if self.is_off || !self.suspects(bytes) && !self.suspects_uri(event) {
            return Cow::Borrowed(bytes);
        }
        self.stats.walked += 1;
        self.work.set(bytes.len().saturating_mul(WORK_TIMES).saturating_add(WORK_BYTES));
        let redacted = self.event(event);
        self.stats.changed += u64::from(matches!(redacted, Cow::Owned(_)));
        redacted
    }

    /// What it has done so far.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn suspects(&self, text: &[u8]) -> bool {
        self.needles.suspects(text)
    }

    /// Notes that so many bytes are looked at; false once it is too much.
    fn spend(&self, bytes: usize) -> bool {
        let left = self.work.get().saturating_sub(bytes);
        self.work.set(left);
        left > 0
    }

    fn mark(&self, kind: &str, secret: &[u8]) -> String {
        self.marker.mark(kind, secret)
    }

    /// The mark of a secret whose kind is not known as one of ours. Of a private key the line breaks do not count, which
    /// are written in many ways.
    fn mark_as(&self, kind: &str, secret: &[u8]) -> Vec<u8> {
        if kind != "private-key" {
            return self.mark(kind, secret).into_bytes();
        }
        let plain = String::from_utf8_lossy(secret).replace("\\n", "").replace("\\r", "");
        let plain: Vec<u8> =
            plain.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'\\').collect();
        self.mark(kind, &plain).into_bytes()
    }

    /// The mark of a value of a Secret: of what it says, so that it is the same in `data`, in `stringData` and wherever
    /// it is used.
    fn mark_secret(&self, value: &[u8]) -> Vec<u8> {
        match encoded::decoded(value) {
            Some(said) if value.len().is_multiple_of(4) => self.mark("secret", &said).into_bytes(),
            _ => self.mark("secret", value).into_bytes(),
        }
    }

    /// Whether a site wants this left as it is.
    fn is_allowed(&self, kind: &str, value: &[u8]) -> bool {
        self.rules.disabled.iter().any(|disabled| disabled == kind)
            || self.rules.allowed.iter().any(|allowed| allowed.is_match(value))
    }
}

/// Shows nothing of the key.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("stats", &self.stats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
