//! The audit policy language (`audit.k8s.io/v1`, `Policy`): read as kube-apiserver reads it, decided as it
//! decides.
//!
//! Invariant: no I/O and no clock; text in, findings and decisions out.

pub mod api_resources;
mod attributes;
mod decide;
pub mod diff;
mod explain;
pub mod lint;
pub mod matching;
mod model;
mod print;
pub mod read;
mod request_info;
pub mod simulate;
pub mod space;
mod stage_set;

pub use attributes::{Attributes, Resource, Target, User};
pub use decide::{Decision, Evaluator};
pub use explain::{Explanation, PassedOver, explain};
pub use model::{GroupResources, Policy, Rule, Scope};
pub use print::print;
pub use request_info::{RequestInfo, RequestInfoError};
pub use stage_set::StageSet;
