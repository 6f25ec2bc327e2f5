//! How far the steps of a sequence have come in one group.
//!
//! Of all ways to have done the first steps only the one that began last is kept: whatever another could still complete
//! within the window, this one can too.

use serde::{Deserialize, Serialize};

use super::{Evidence, Weigh};
use crate::digest::Digest;
use crate::hit::Which;
use crate::time::Micros;

/// For each step, the sequence that has come this far; for a sequence without order, the last event of this step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Steps {
    reached: Vec<Option<Started>>,
    /// The event that completed the sequence last: it may be an earlier step too, but not of the next one.
    completed_by: Option<Digest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Started {
    first: Micros,
    last: Micros,
    evidence: Evidence,
}

impl Steps {
    /// Notes an event that is the given step of `steps`. When that completes the sequence, its events; and the group begins
    /// anew, so that no event is in two alerts of a group.
    pub(crate) fn advance(
        &mut self,
        which: &Which,
        (step, steps): (usize, usize),
        ordered: bool,
        window: Micros,
        evidence_max: usize,
    ) -> Option<Evidence> {
        if self.completed_by == Some(which.event) {
            return None;
        }
        self.reached.resize_with(steps, || None);
        let done = if ordered {
            self.in_order(which, step, window, evidence_max)
        } else {
            self.in_any_order(which, step, window, evidence_max)
        };
        if done.is_some() {
            self.reached.fill_with(|| None);
            self.completed_by = Some(which.event);
        }
        done
    }

    fn in_order(
        &mut self,
        which: &Which,
        step: usize,
        window: Micros,
        evidence_max: usize,
    ) -> Option<Evidence> {
        let time = which.time;
        let mut started = match step.checked_sub(1) {
            None => Started { first: time, last: time, evidence: Evidence::default() },
            Some(before) => {
                let before = self.reached.get(before)?.as_ref()?;
                let in_time = before.last <= time && before.first >= time.saturating_sub(window);
                in_time.then(|| before.clone())?
            }
        };
        started.last = time;
        started.evidence.note(which, evidence_max);
        if step + 1 == self.reached.len() {
            return Some(started.evidence);
        }
        let kept = self.reached.get_mut(step)?;
        // One that lies ahead of everybody's time is no reason to ignore what happens now.
        if kept.as_ref().is_none_or(|kept| kept.first <= started.first || kept.last > time) {
            *kept = Some(started);
        }
        None
    }

    fn in_any_order(
        &mut self,
        which: &Which,
        step: usize,
        window: Micros,
        evidence_max: usize,
    ) -> Option<Evidence> {
        let time = which.time;
        let mut evidence = Evidence::default();
        evidence.note(which, 1);
        *self.reached.get_mut(step)? = Some(Started { first: time, last: time, evidence });
        let recent = time.saturating_sub(window)..=time;
        let all: Option<Vec<&Started>> = self.reached.iter().map(Option::as_ref).collect();
        let mut all = all.filter(|all| all.iter().all(|started| recent.contains(&started.last)))?;
        all.sort_by_key(|started| started.last);
        Some(Evidence::join(all.into_iter().map(|started| &started.evidence), evidence_max))
    }

    /// The last time that is remembered.
    pub(crate) fn newest(&self) -> Option<Micros> {
        self.reached.iter().flatten().map(|started| started.last).max()
    }
}

impl Weigh for Steps {
    fn weight(&self) -> usize {
        1 + self.reached.iter().flatten().map(|started| 1 + started.evidence.len()).sum::<usize>()
    }
}
