//! Rules, or parts of rules, that decide nothing.

pub(super) mod connect_without_get;
pub(super) mod entry_shadowed;
pub(super) mod names_never_sent;
pub(super) mod namespace_missing;
pub(super) mod namespace_needless;
pub(super) mod rule_impossible;
pub(super) mod rule_shadowed;
