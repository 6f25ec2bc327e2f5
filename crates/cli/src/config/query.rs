//! What a question may cost.

use std::time::Duration;

use serde::Deserialize;

use super::{Age, Size};

/// `query:`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Query {
    /// Memory of all questions together; what sorts or groups more goes on on the disk.
    pub(crate) memory: Size,
    /// The longest that one question may take.
    pub(crate) time: Age,
}

impl Default for Query {
    fn default() -> Self {
        Query { memory: Size(512 << 20), time: Age(Duration::from_mins(1)) }
    }
}
