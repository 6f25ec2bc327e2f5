//! What an engine remembers, as bytes.
//!
//! ```text
//! {"auditwardDetectState":1,"position":…,"rules":[{"id":…,"fingerprint":…}, …],"memory":{…}}
//! ```
//! JSON, so that it can be looked at; a version, because what was once written is read for ever. A rule is known by its id
//! and by a fingerprint of what it looks for: a window of another rule's events is worth nothing.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::{Digest, Hasher};
use crate::engine::EngineMemory;
use crate::hit::Hit;
use crate::memory::Memory;
use crate::set::RuleSet;
use crate::time::Micros;

/// The version that is written.
pub const VERSION: u64 = 1;

/// What came of a restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What was saved as the caller's position.
    pub position: serde_json::Value,
    /// Rules whose memory was dropped, because they are gone or look for something else now.
    pub dropped: Vec<String>,
    /// Rules that begin with nothing remembered.
    pub fresh: Vec<String>,
}

/// Why a state was not read. Nothing has been changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No state of ours, or a damaged one.
    #[error("this is no state of the detection engine")]
    Malformed(#[source] serde_json::Error),
    /// Of a later version.
    #[error("the state has version {found}, and the newest that is known here is {VERSION}")]
    Version {
        /// Which.
        found: u64,
    },
    /// Says different things in different places.
    #[error("the state contradicts itself: {0}")]
    Inconsistent(&'static str),
}

#[derive(Serialize)]
struct Written<'s> {
    #[serde(rename = "auditwardDetectState")]
    version: u64,
    position: &'s serde_json::Value,
    rules: Vec<RuleMark>,
    memory: &'s EngineMemory,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "auditwardDetectState")]
    version: u64,
}

#[derive(Deserialize)]
struct Read {
    position: serde_json::Value,
    rules: Vec<RuleMark>,
    memory: EngineMemory,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct RuleMark {
    id: String,
    fingerprint: Digest,
}

pub(crate) fn save(
    set: &RuleSet,
    memory: &EngineMemory,
    position: &serde_json::Value,
    out: &mut dyn Write,
) -> io::Result<()> {
    let written = Written { version: VERSION, position, rules: marks(set), memory };
    Ok(serde_json::to_writer(out, &written)?)
}

pub(crate) fn restore(set: &RuleSet, bytes: &[u8]) -> Result<(EngineMemory, Restored), RestoreError> {
    let header: Header = serde_json::from_slice(bytes).map_err(RestoreError::Malformed)?;
    if header.version != VERSION {
        return Err(RestoreError::Version { found: header.version });
    }
    let read: Read = serde_json::from_slice(bytes).map_err(RestoreError::Malformed)?;
    if read.memory.rules.len() != read.rules.len() {
        return Err(RestoreError::Inconsistent("it has another number of memories than of rules"));
    }
    let now = marks(set);
    let place = |mark: &RuleMark| set.place_of(&mark.id).filter(|at| now[*at] == *mark);
    let place: Vec<Option<usize>> = read.rules.iter().map(place).collect();
    let fits = |hit: &Hit| match place.get(hit.rule) {
        Some(Some(place)) => set.plans()[*place].fits(hit),
        Some(None) => true,
        None => false,
    };
    if !read.memory.names_only(fits) {
        return Err(RestoreError::Inconsistent("a match is of no rule that it has"));
    }
    // Rules that are new now begin to learn now.
    let mut eras = read.memory.eras.clone();
    eras.push(None);
    let mut rules: Vec<Memory> = set.plans().iter().map(|plan| Memory::of(plan, eras.len() - 1)).collect();
    let mut restored = Restored { position: read.position, ..Restored::default() };
    let mut known = vec![false; rules.len()];
    for ((memory, place), mark) in read.memory.rules.iter().zip(&place).zip(&read.rules) {
        match place {
            Some(place) if memory.fits(&set.plans()[*place]) => {
                rules[*place] = memory.clone();
                known[*place] = true;
            }
            Some(_) => return Err(RestoreError::Inconsistent("a rule's memory is of another kind")),
            None => restored.dropped.push(mark.id.clone()),
        }
    }
    keep_used(&mut eras, &mut rules);
    let fresh = set.rules().iter().zip(known).filter(|(_, known)| !known);
    restored.fresh = fresh.map(|(rule, _)| rule.id.clone()).collect();
    let number = |rule: usize| place.get(rule).copied().flatten();
    Ok((read.memory.with_rules(rules, eras, number), restored))
}

/// Gives up the beginnings of which no rule knows any more.
fn keep_used(eras: &mut Vec<Option<Micros>>, rules: &mut [Memory]) {
    let mut used: Vec<usize> = rules.iter().map(|memory| memory.era).collect();
    used.sort_unstable();
    used.dedup();
    for memory in rules {
        memory.era = used.binary_search(&memory.era).unwrap_or_default();
    }
    *eras = used.into_iter().map(|era| eras.get(era).copied().flatten()).collect();
}

fn marks(set: &RuleSet) -> Vec<RuleMark> {
    let mark = |rule: &auditward_rules::Rule| {
        let looks_for = format!("{:?} {:?} {:?}", rule.trigger, rule.group_by, rule.suppress);
        let fingerprint = Hasher::new("rule").part(looks_for.as_bytes()).finish();
        RuleMark { id: rule.id.clone(), fingerprint }
    };
    set.rules().iter().map(mark).collect()
}
