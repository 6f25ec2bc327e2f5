//! What the server needs from the rest of the house. It knows no engine: whoever starts it hands these in.
//!
//! Every method may block (they are called on threads kept for that) and may be called from many threads at once.

mod alerts;
mod cancel;
mod health;
mod intake;
mod rules;
mod trail;

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

pub use alerts::{Alert, AlertFilter, AlertPage, AlertState, Alerts, Triage, Triaged};
pub use cancel::{Cancel, Canceller};
pub use health::{Health, Metrics, Part, Readiness};
pub use intake::{Intake, Refusal, Taken};
pub use rules::{RuleState, RuleText, Rules};
pub use trail::{
    Batch, Bucket, Chunks, Facet, Facets, FieldInfo, Format, Found, Histogram, Hit, Live, Order, Page, Trail,
};

/// Everything that is handed in.
#[derive(Clone)]
pub struct Ports {
    /// Takes events.
    pub intake: Arc<dyn Intake>,
    /// Finds events.
    pub trail: Arc<dyn Trail>,
    /// Finds alerts and notes what people made of them.
    pub alerts: Arc<dyn Alerts>,
    /// Knows the detections.
    pub rules: Arc<dyn Rules>,
    /// Knows whether the parts work.
    pub health: Arc<dyn Health>,
    /// Knows the counters of the parts; the server adds its own.
    pub metrics: Arc<dyn Metrics>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The question makes no sense; where and why, all at once.
    #[error("the question is not understood")]
    Bad(Vec<Finding>),
    /// It would take more time or memory than a question may.
    #[error("{0}")]
    TooMuch(String),
    /// Too much is going on; ask again later.
    #[error("too much is going on")]
    Busy,
    /// Nobody waits for the answer any more.
    #[error("cancelled")]
    Cancelled,
    /// Something broke. The text goes to the log, not to whoever asked.
    #[error("{0}")]
    Broken(String),
}

/// One thing that is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// Where in the text it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
