//! What every request goes through, whatever it asks.

pub(crate) mod around;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod log;
