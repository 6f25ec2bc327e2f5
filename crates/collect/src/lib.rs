//! Events in.
