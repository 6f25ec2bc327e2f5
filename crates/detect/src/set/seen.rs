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
    /// By event.
    times: Vec<Option<Micros>>,
    /// With the place of the event in `times`, in that order.
    matches: Vec<(usize, Seen)>,
    /// The events of which more may have to be read later, without their bodies, one behind the other.
    texts: Vec<u8>,
    /// By event, where its text ends; where the one before does if it has none.
    ends: Vec<usize>,
}

/// A rule, and one of its inputs.
pub(crate) type Place = (usize, usize);

/// What an alert tells of an event: [`crate::hit::Told::Read`].
pub(crate) type ReadOut = (Arc<Facts>, Texts);

/// A match of an event and an input of a rule.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Of a first-seen rule, which knows most keys that it is shown. All else is in the event's text.
    Key { place: Place, seen: Digest },
    /// What an alert would tell is in the event's text, if it is not told here.
    Event { place: Place, keys: Vec<Key>, which: Which, told: Option<ReadOut> },
}

impl Seen {
    const fn needs_text(&self) -> bool {
        matches!(self, Seen::Key { .. } | Seen::Event { told: None, .. })
    }
}

/// One event of a batch.
pub(crate) struct SeenEvent<'b> {
    pub(crate) time: Option<Micros>,
    pub(crate) matches: &'b mut dyn Iterator<Item = Seen>,
    /// Without bodies. Empty if there is nothing more to be read.
    pub(crate) text: &'b [u8],
}

impl Batch {
    /// How many events.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// How many matches of events and rules.
    pub fn matches(&self) -> usize {
        self.matches.len()
    }

    /// A match of the event that [`Batch::end`] is told of next.
    pub(super) fn add(&mut self, seen: Seen) {
        self.matches.push((self.times.len(), seen));
    }

    /// That was all of this event.
    pub(super) fn end(&mut self, view: &EventView<'_>, time: Option<Micros>) {
        let event = self.times.len();
        let mut own = self.matches.iter().rev().take_while(|(of, _)| *of == event);
        if own.any(|(_, seen)| seen.needs_text()) {
            view.write_without_bodies(&mut self.texts);
        }
        self.ends.push(self.texts.len());
        self.times.push(time);
    }

    /// Hands over each event in its turn; nothing is left but the room for the next ones.
    pub(crate) fn each(&mut self, mut take: impl FnMut(SeenEvent<'_>)) {
        let mut all = self.matches.drain(..).peekable();
        let mut start = 0;
        for (event, (time, end)) in self.times.drain(..).zip(self.ends.drain(..)).enumerate() {
            let text = self.texts.get(start..end).unwrap_or_default();
            let mut matches =
                std::iter::from_fn(|| all.next_if(|(of, _)| *of == event).map(|(_, seen)| seen));
            take(SeenEvent { time, matches: &mut matches, text });
            start = end;
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
    ) -> Vec<Key> {
        self.keys(place, &mut Look::new(Subject::new(event), &self.fields, &mut scratch.0), limits)
    }

    /// What an alert of this rule tells of an event, from its text. What was written out of an event can be read.
    pub(crate) fn read_told(
        &self,
        rule: usize,
        text: &[u8],
        scratch: &mut Scratch,
        limits: &Limits,
    ) -> ReadOut {
        match EventView::parse(text) {
            Ok(event) => {
                let mut look = Look::new(Subject::new(&event), &self.fields, &mut scratch.0);
                self.told(rule, &mut None, &mut look, limits)
            }
            Err(_) => ReadOut::default(),
        }
    }
}
