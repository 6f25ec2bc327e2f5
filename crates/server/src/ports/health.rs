//! Whether the parts work, and what they count.

use serde::Serialize;
use utoipa::ToSchema;

/// Knows whether the parts work.
pub trait Health: Send + Sync {
    /// Whether the process should go on living: false has it restarted, so only what a restart heals belongs here.
    fn live(&self) -> bool;

    /// Whether it does its work, part by part.
    fn ready(&self) -> Readiness;
}

/// Knows the counters.
pub trait Metrics: Send + Sync {
    /// Adds them in Prometheus' text format, each family with its `# HELP` and `# TYPE`, the last line ended.
    fn write(&self, out: &mut String);
}

/// Whether the parts do their work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// The parts.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it does its work.
    pub ready: bool,
    /// Why not, or what else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Readiness {
    /// Whether every part does its work.
    pub fn ready(&self) -> bool {
        self.parts.iter().all(|part| part.ready)
    }
}
