//! Questions to a store, beside a naive scan of the same events.
//!
//! One program for all of them, because linking the query engine takes a while.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests stop at surprises, and expect! makes values"
)]

mod export;
mod follow;
mod format;
mod limits;
mod lower;
mod naive;
mod numbers;
mod paging;
mod property;
mod random;
mod slices;
mod sql;
mod trail;
