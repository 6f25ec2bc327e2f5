//! What a detection asks of an audit policy.

use auditward_event::Level;
use auditward_policy::StageSet;
use auditward_policy::space::Space;

/// Requests that a detection has to see, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What it is for: the name of a sequence's step; empty where the rule has only one.
    pub step: String,
    /// The requests.
    pub space: Space,
    /// The least level at which they tell enough.
    pub level: Level,
    /// Stages of which each alone is enough.
    pub stages: StageSet,
    /// The places in an event that make it so, for people: `requestObject.spec.hostNetwork`.
    pub paths: Vec<String>,
}
