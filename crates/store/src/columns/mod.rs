//! An event as a row of columns, and back.
//!
//! ```text
//! {"kind":"Event", … "user":{"username":"bob","uid":7},"verb":"get","note":1}
//!                            └─ username         │            └─ verb    │
//!                      rest: {"user":{"username":"bob","uid":7},"note":1}
//! ```
//! A field goes into its columns, and into `rest` as well, word for word, if the columns do not say exactly what the event
//! says: a number where a text belongs, a key that no version of the format knows, a key that stands there twice. `rest` wins
//! when the event is rebuilt; the columns hold then what [`auditward_event::EventView`] reads, so that a query finds what a
//! rule finds. An event that is odd as a whole (a top-level key twice, invalid UTF-8, no JSON at all) is kept in `raw`.
//!
//! The columns are exact by *accounting*: an object is in its columns only if its known keys, their quotes, colons and
//! commas take exactly as many bytes as the object has. Whatever else there may be in an object takes room.
//!
//! Rebuilt is the same JSON value, with the fields in the order in which kube-apiserver writes them. So what kube-apiserver
//! wrote comes back byte for byte; with `keep_raw` everything does.

mod encode;
mod rebuild;

pub use encode::{Encoder, Row};
pub use rebuild::{RebuildError, Rebuilder};

#[cfg(test)]
mod tests;
