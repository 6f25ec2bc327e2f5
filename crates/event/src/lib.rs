//! Audit events (`audit.k8s.io/v1`): the words that every other crate speaks.

mod level;
mod stage;

pub use level::{Level, UnknownLevel};
pub use stage::{Stage, UnknownStage};
