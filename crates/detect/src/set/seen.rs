//! What a matcher hands over to an engine.

use std::sync::Arc;

use auditward_event::EventView;
use auditward_expr::Subject;

use super::RuleSet;
use super::values::{Look, Places};
use crate::config::Limits;
use crate::digest::Digest;
use crate::hit::{Facts, Key, Which};
use crate::texts::Texts;
use crate::time::Micros;

/// What was seen in a row of events: the input of [`crate::Engine::absorb`].
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<Ended>,
    /// Those of one event behind those of the one before.
    matches: Vec<Seen>,
    /// The events of which more may have to be read later, without their bodies, one behind the other.
    texts: Vec<u8>,
}

/// What is known of an event for all that match it.
#[derive(Debug)]
struct Ended {
    time: Option<Micros>,
    of_all: OfAll,
    /// Where in [`Batch::matches`] its own end.
    matches: usize,
    /// Where in [`Batch::texts`] its own ends; where the one before does if it has none.
    text: usize,
}

/// What is read of an event once, and only if something asks for it.
#[derive(Debug, Default)]
pub(crate) struct OfAll {
    pub(crate) which: Option<Which>,
    pub(crate) facts: Option<Arc<Facts>>,
}

/// A rule, and one of its inputs.
pub(crate) type Place = (usize, usize);

/// A match of an event and an input of a rule.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Of a first-seen rule, which knows most keys that it is shown. All else is in the event's text.
    Key { place: Place, seen: Digest },
    /// Of any other; [`OfAll::which`] is there. What an alert would tell is in the event's text, if it is not told here;
    /// if it is, [`OfAll::facts`] are there.
    Event { place: Place, keys: Arc<[Key]>, told: Option<Texts> },
}

impl Seen {
    const fn needs_text(&self) -> bool {
        matches!(self, Seen::Key { .. } | Seen::Event { told: None, .. })
    }
}

/// One event of a batch.
pub(crate) struct SeenEvent<'b> {
    pub(crate) time: Option<Micros>,
    pub(crate) of_all: OfAll,
    pub(crate) matches: &'b mut dyn Iterator<Item = Seen>,
    /// Without bodies. Empty if there is nothing more to be read.
    pub(crate) text: &'b [u8],
}

impl Batch {
    /// How many events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many matches of events and rules.
    pub fn matches(&self) -> usize {
        self.matches.len()
    }

    /// A match of the event that [`Batch::end`] is told of next.
    pub(super) fn add(&mut self, seen: Seen) {
        self.matches.push(seen);
    }

    /// That was all of this event.
    pub(super) fn end(&mut self, view: &EventView<'_>, time: Option<Micros>, of_all: OfAll) {
        let begin = self.events.last().map_or(0, |before| before.matches);
        if self.matches[begin..].iter().any(Seen::needs_text) {
            view.write_without_bodies(&mut self.texts);
        }
        self.events.push(Ended { time, of_all, matches: self.matches.len(), text: self.texts.len() });
    }

    /// Hands over each event in its turn; nothing is left but the room for the next ones.
    pub(crate) fn each(&mut self, mut take: impl FnMut(SeenEvent<'_>)) {
        let mut all = self.matches.drain(..);
        let (mut taken, mut start) = (0, 0);
        for Ended { time, of_all, matches, text } in self.events.drain(..) {
            let mut own = all.by_ref().take(matches - taken);
            let words = self.texts.get(start..text).unwrap_or_default();
            take(SeenEvent { time, of_all, matches: &mut own, text: words });
            // Whoever takes an event need not look at all of it.
            own.for_each(drop);
            (taken, start) = (matches, text);
        }
        drop(all);
        self.texts.clear();
    }
}

/// Room to work in, for whoever reads texts of a batch.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Places);

impl RuleSet {
    /// What [`Seen::Event`] has and [`Seen::Key`] has not, from the event's text.
    pub(crate) fn read_keys(
        &self,
        place: Place,
        event: &EventView<'_>,
        scratch: &mut Scratch,
        limits: &Limits,
    ) -> Arc<[Key]> {
        self.keys(place, &mut Look::new(Subject::new(event), &self.fields, &mut scratch.0), limits)
    }

    /// What an alert of this rule tells of an event, from its text; `facts` are read too where they are not known.
    pub(crate) fn read_told(
        &self,
        rule: usize,
        text: &[u8],
        facts: &mut Option<Arc<Facts>>,
        scratch: &mut Scratch,
        limits: &Limits,
    ) -> Texts {
        // What was written out of an event can be read.
        match EventView::parse(text) {
            Ok(event) => {
                let mut look = Look::new(Subject::new(&event), &self.fields, &mut scratch.0);
                self.told(rule, facts, &mut look, limits)
            }
            Err(_) => Texts::default(),
        }
    }
}
