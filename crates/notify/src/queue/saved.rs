//! The queue as it is written down.
//!
//! Alerts are named by their numbers and read from the feed again, so the file stays small: it is written at every
//! acknowledgement. Version 1:
//!
//! ```json
//! {"version":1,"read":120,
//!  "groups":[{"key":[["rule","secrets-listed"]],"waiting":[119,120],"since":1785000000000000,"flush":0,"sent":null,"told":[],"repeats":0}],
//!  "batches":[{"key":[],"numbers":[117,118],"repeat":0,"refusals":2,"tries":2,"firstFailed":1785000000000000}]}
//! ```
//! Numbers up to `read` that are not named are settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Batch, Group, Key, Queue, Rules};
use crate::notice::Notice;

const VERSION: u32 = 1;

/// A queue's durable part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    read: u64,
    groups: Vec<SavedGroup>,
    batches: Vec<SavedBatch>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedGroup {
    key: Key,
    waiting: Vec<u64>,
    since: i64,
    flush: u64,
    sent: Option<i64>,
    told: Vec<u64>,
    repeats: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedBatch {
    key: Key,
    numbers: Vec<u64>,
    repeat: u32,
    refusals: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    fallen: u32,
    tries: u32,
    first_failed: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why a saved queue can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It is not what was written.
    #[error("it is no saved queue")]
    Read(#[from] serde_json::Error),
    /// A later version of this program wrote it.
    #[error("it has version {0}, and this program reads {VERSION}")]
    Version(u32),
}

impl Saved {
    /// Reads it from its text.
    pub fn read(text: &[u8]) -> Result<Self, SavedError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        // First the version: what a later one adds is no reason to call the file broken.
        let Head { version } = serde_json::from_slice(text)?;
        if version != VERSION {
            return Err(SavedError::Version(version));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// Its text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// The numbers whose notices [`Queue::restore`] needs, in ascending order.
    pub fn needs(&self) -> Vec<u64> {
        let of_groups = self.groups.iter().flat_map(|group| group.waiting.iter().chain(&group.told));
        let all: BTreeSet<u64> =
            of_groups.chain(self.batches.iter().flat_map(|batch| &batch.numbers)).copied().collect();
        all.into_iter().collect()
    }
}

impl Queue {
    /// What a restart needs. The caller has written it down durably, or it says so with [`Queue::not_saved`].
    pub fn save(&mut self) -> Saved {
        self.unsaved = false;
        self.read_unsaved = 0;
        let groups = self.groups.iter().map(|(key, group)| SavedGroup {
            key: key.clone(),
            waiting: group.waiting.iter().copied().collect(),
            since: group.since,
            flush: group.flush,
            sent: group.sent,
            told: group.told.iter().copied().collect(),
            repeats: group.repeats,
        });
        let batches = self.batches.values().map(|batch| SavedBatch {
            key: batch.key.clone(),
            numbers: batch.numbers.clone(),
            repeat: batch.repeat,
            refusals: batch.refusals,
            fallen: batch.fallen,
            tries: batch.tries,
            first_failed: batch.first_failed,
        });
        Saved { version: VERSION, read: self.read, groups: groups.collect(), batches: batches.collect() }
    }

    /// The last [`Queue::save`] did not reach the disk.
    pub fn not_saved(&mut self) {
        self.unsaved = true;
    }

    /// A queue that goes on from what was saved. Notices that are needed and not given are counted as lost. What the
    /// file says is checked: no alert is in two places.
    pub fn restore(rules: Rules, saved: Saved, notices: Vec<Notice>, random: u64) -> Self {
        let mut given: BTreeMap<u64, Arc<Notice>> =
            notices.into_iter().map(|notice| (notice.seq, Arc::new(notice))).collect();
        let mut queue = Self::new(rules, saved.read, random);
        let mut lost = 0;
        let mut seen = BTreeSet::new();
        let mut keep = |numbers: Vec<u64>, told: bool| -> Vec<u64> {
            let fresh = numbers.into_iter().filter(|number| *number <= saved.read && seen.insert(*number));
            fresh
                .filter(|number| {
                    let is_there = given.contains_key(number);
                    lost += u64::from(!is_there && !told);
                    is_there
                })
                .collect()
        };
        for batch in saved.batches {
            let numbers = keep(batch.numbers, batch.repeat > 0);
            if numbers.is_empty() {
                continue;
            }
            // A target may have become one that takes fewer at a time.
            for numbers in numbers.chunks(queue.rules.size_max) {
                let batch = Batch {
                    key: batch.key.clone(),
                    numbers: numbers.to_vec(),
                    repeat: batch.repeat,
                    // What a target's answer was before the restart need not be what it is now.
                    not_before: i64::MIN,
                    tries: batch.tries,
                    refusals: batch.refusals,
                    fallen: batch.fallen,
                    first_failed: batch.first_failed,
                    last_tried: None,
                };
                queue.batches.insert(queue.next_batch, batch);
                queue.next_batch += 1;
            }
        }
        for group in saved.groups {
            let waiting = keep(group.waiting, false).into();
            // Telling again may have been turned off.
            let told = if queue.rules.repeat.is_some() { group.told } else { Vec::new() };
            let told = keep(told, true).into();
            let restored = Group {
                waiting,
                since: group.since,
                flush: group.flush,
                sent: group.sent,
                told,
                repeats: group.repeats,
            };
            queue.groups.insert(group.key, restored);
        }
        given.retain(|number, _| seen.contains(number));
        queue.notices = given;
        queue.counts.lost = lost;
        queue.unsaved = lost > 0;
        queue
    }
}
