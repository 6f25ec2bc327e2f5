//! Events in.

pub mod tail;
