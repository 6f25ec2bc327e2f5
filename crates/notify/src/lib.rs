//! Alerts out.
