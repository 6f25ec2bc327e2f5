//! Events kept as columns.
