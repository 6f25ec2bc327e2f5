//! What an audit policy leaves blind: which detections can never fire under it, or only sometimes.
//!
//! ```text
//!  rule ──► demands: these requests, at this level or more, at one of these stages
//!                │
//!  policy ──► partition of those requests: which part each policy rule decides
//!                │
//!                ▼
//!  each part is recorded well enough, or blind, and then one request proves it
//! ```
//!
//! Nothing is sampled: the answer is about all requests there can be. Every blind part has its witness, and the plain
//! engine has confirmed that the policy decides it so.
//!
//! What a policy cannot see (a response code, an address, a regular expression over names) a demand takes for "could be
//! anything". So a blind part may be one in which the rule has nothing to find; a seen part is always seen.

mod demand;
mod judge;

#[cfg(test)]
mod tests;

pub use demand::{Demand, demands};
pub use judge::{Blind, Cause, Coverage, Judge, Sight, coverage};
