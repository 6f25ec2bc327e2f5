//! JSON as kube-apiserver reads and writes it, on bytes.
//!
//! Own code rather than a library's because three things are needed together: bodies are skipped, not parsed; strings
//! may hold invalid UTF-8 and lone surrogates (Go lets both through); and what is written must be byte for byte what Go
//! writes. `serde_json` is the second opinion in the tests.

mod blocks;
mod check;
mod error;
mod scan;
mod text;
mod write;

pub(crate) use check::{Checker, check, checked_string_end};
pub use error::{JsonError, JsonProblem};
pub(crate) use scan::{skip_space, string_end, value_end};
pub(crate) use text::{key, text, text_is};
pub use write::write_str;

pub(crate) use write::write_compact;

/// How deep arrays and objects may be nested: 10,000, Go's own limit, so that whatever an API server wrote can be read.
///
/// Nothing here recurses, so depth costs a bit a level, not stack.
pub const DEPTH_MAX: usize = 10_000;
