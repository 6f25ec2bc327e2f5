//! Our own rule format: one YAML document a rule, its tests beside it.
//!
//! ```text
//! text ── YAML ──► tree ── decode ──► Source ── lower, with the site's Settings ──► Rule
//!                                       │
//!                                       └── tests ── Event ──► JSON of an audit event
//! ```
//! [`Source`] is what the author wrote, with places; what a `$parameter` stands for is not in it, since a site, or a test,
//! may say otherwise. [`keys`] lists every key of the format with its words: the reader, its "did you mean" and the JSON
//! schema all come from there.

mod decode;
mod duration;
mod event;
mod expression;
pub mod keys;
mod lint;
mod lower;
mod params;
mod schema;
mod settings;
mod source;
mod template;
mod text;

pub use event::{EventError, bases, event};
pub use params::{Param, ParamValue, Scope};
pub use schema::schema;
pub use settings::{Change, Settings};
pub use source::{Located, Pace, Source, SourceStep, SourceTrigger, Test};

pub(crate) use decode::decode;
pub(crate) use lint::lint;
pub(crate) use lower::lower;
pub(crate) use text::Text;
