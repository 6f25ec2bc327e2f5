//! What is kept of an event that a rule asked for: the event's bytes are gone when its turn comes.

use std::cmp::Reverse;
use std::sync::Arc;

use auditward_event::EventView;
use auditward_expr::Subject;
use serde::{Deserialize, Serialize};

use crate::alert::Object;
use crate::config::Limits;
use crate::digest::{Digest, Hasher};
use crate::texts::Texts;
use crate::time::Micros;

/// An event, with all that it is a match of.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) which: Which,
    /// Of which those hits can be read that are not told of yet: all of the event but its bodies. Empty where there is none.
    pub(crate) text: Box<[u8]>,
    /// Once a hit has been told of.
    pub(crate) facts: Option<Arc<Facts>>,
    /// In the order of their turns.
    pub(crate) hits: Vec<Hit>,
}

/// That one rule, or one step of a sequence, matched an event.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// By its place in the set; in a saved state by its place in the list there.
    pub(crate) rule: usize,
    /// Which of the rule's inputs.
    pub(crate) input: usize,
    /// What was read of the event, for each detector that may be told of it, the nearest first. Never empty.
    pub(crate) keys: Arc<[Key]>,
    /// What the fields of the rule's summary say, then those of its details, in their order; `None` if that is still to be
    /// read, since most matches never become an alert.
    pub(crate) told: Option<Texts>,
}

/// What one detector wants to know of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) group: Digest,
    /// Counted once each, or looked up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<Digest>,
    /// Finite ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) numbers: Vec<f64>,
}

impl Key {
    /// What a first-seen rule looks up.
    pub(crate) fn seen(&self) -> Digest {
        self.values.first().copied().unwrap_or(self.group)
    }
}

/// Which event it is, and when it happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Which {
    pub(crate) time: Micros,
    /// The same for all stages of a request.
    pub(crate) request: Digest,
    /// The same for all copies of an event.
    pub(crate) event: Digest,
    pub(crate) mark: Arc<EventRef>,
}

/// What alerts say of an event whatever the rule; shared by all that match it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) user: String,
    pub(crate) impersonated_user: Option<String>,
    pub(crate) source_ips: Vec<String>,
    pub(crate) user_agent: String,
    pub(crate) verb: String,
    pub(crate) code: Option<i32>,
    pub(crate) object: Option<Object>,
}

/// Names an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRef {
    /// The request; any text, since clients may choose it.
    #[serde(rename = "auditID")]
    pub audit_id: String,
    /// The stage, empty where the event names none that we know.
    pub stage: String,
}

/// Which of two events is dealt with first. Nothing in it depends on when or in which order they came.
pub(crate) type Turn = (Micros, Digest);

impl Event {
    /// By time; then by what only makes it the same for everybody.
    pub(crate) const fn turn(&self) -> Turn {
        (self.which.time, self.which.event)
    }

    /// Puts the hits in the order of their turns: the later step of a sequence comes first, so that no event is one step
    /// and the next of it.
    pub(crate) fn sort(&mut self) {
        self.hits.sort_by_key(|hit| (hit.rule, Reverse(hit.input)));
    }

    /// Takes in what a copy of the event is a match of and this one is not.
    pub(crate) fn join(&mut self, copy: Event) {
        for hit in copy.hits {
            if !self.hits.iter().any(|known| (known.rule, known.input) == (hit.rule, hit.input)) {
                self.hits.push(hit);
            }
        }
        if self.text.is_empty() {
            self.text = copy.text;
        }
        self.facts = self.facts.take().or(copy.facts);
        self.sort();
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let facts = self.facts.as_ref().map_or(0, |facts| facts.bytes());
        let hits: usize = self.hits.iter().map(Hit::bytes).sum();
        320 + self.which.mark.audit_id.len() + self.text.len() + facts + hits
    }
}

impl Hit {
    fn bytes(&self) -> usize {
        let keys: usize =
            self.keys.iter().map(|key| 64 + 16 * key.values.len() + 8 * key.numbers.len()).sum();
        128 + keys + self.told.as_ref().map_or(0, Texts::bytes)
    }
}

impl Which {
    /// `time` stands in where the event has none.
    pub(crate) fn of(view: &EventView<'_>, time: Micros, limits: &Limits) -> Self {
        let audit_id = view.audit_id();
        let stage = view.stage().map_or("", auditward_event::Stage::as_str);
        let received = view.get("requestReceivedTimestamp").map_or(&b""[..], |value| value.as_bytes());
        // Clients choose audit ids. Were the id alone to say which events are of one request, whoever repeats the id of
        // an earlier request would pass unseen; the time of reception is the API server's own.
        let request = match &*audit_id {
            "" => Hasher::new("event").part(view.as_bytes()),
            id => Hasher::new("request").part(id.as_bytes()).part(received),
        }
        .finish();
        Which {
            time,
            request,
            event: Hasher::new("stage").digest(request).part(stage.as_bytes()).number(time).finish(),
            mark: Arc::new(EventRef {
                audit_id: cut(&audit_id, limits.text_chars_max),
                stage: stage.to_owned(),
            }),
        }
    }
}

impl Facts {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.user.len() + self.user_agent.len() + 32 * self.source_ips.len()
    }

    pub(crate) fn of(subject: &Subject<'_>, limits: &Limits) -> Self {
        let view = subject.event();
        let cut = |text: &str| cut(text, limits.text_chars_max);
        Facts {
            user: cut(&subject.user().username),
            impersonated_user: view.impersonated_user().map(|user| cut(&user.username)),
            source_ips: view.source_ips().take(limits.values_max).map(|ip| cut(&ip)).collect(),
            user_agent: cut(&view.user_agent()),
            verb: cut(&view.verb()),
            code: view.response_code(),
            object: subject.object_ref().map(|object| Object {
                api_group: cut(&object.api_group),
                resource: cut(&object.resource),
                subresource: cut(&object.subresource),
                namespace: cut(&object.namespace),
                name: cut(&object.name),
            }),
        }
    }
}

/// At most so many characters; what is longer ends in `…`.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let (shown, more) = shown(text, chars_max);
    [shown, more].concat()
}

/// What is shown of a text of which at most so many characters are, and what follows.
pub(crate) fn shown(text: &str, chars_max: usize) -> (&str, &'static str) {
    // There are at least as many bytes as characters.
    if text.len() <= chars_max {
        return (text, "");
    }
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    }
}

/// When an event happened: at its stage, else when its request came.
pub(crate) fn event_time(view: &EventView<'_>) -> Option<Micros> {
    view.stage_time().or_else(|| view.request_received()).map(auditward_event::MicroTime::as_micros)
}
