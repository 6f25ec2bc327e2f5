//! Questions to the store: search, counts, facets, timelines, SQL.
//!
//! ```text
//!  Search ──► rows: which files, by cluster and time ──► lower: Expr → columns, and what must be asked of events
//!                                                            │
//!  SQL ─────► views `events`, `alerts` ──────────────────────┴──► DataFusion ──► hits, numbers, batches
//! ```
//! Every answer is that of a naive scan over all events with [`auditward_expr::Compiled`], which a property test holds it
//! to. A question sees one snapshot of the store, from beginning to end.
//!
//! Bounds: memory that `DataFusion` accounts for, beyond which it spills to a folder of its own until that is full, too;
//! time; threads of a runtime of its own, so that nobody else's tasks wait for a query. A question whose answer nobody
//! waits for any more (the future or the stream is dropped) is given up.
//!
//! Invariant: nothing here writes to the store, whatever the SQL says. Only this crate knows `DataFusion`.

mod alerts;
mod answer;
mod count;
mod engine;
mod error;
mod export;
mod facets;
pub mod format;
mod histogram;
pub mod lower;
mod rows;
mod search;
pub mod slices;
mod sql;
mod statement;
mod table;
mod timeline;
mod yielding;

pub use alerts::ALERT_COLUMNS;
pub use count::Counted;
pub use engine::{Limits, Scan};
pub use error::{Given, ScanError};
pub use export::Export;
pub use facets::{Facet, Facets, UnknownField, facet_fields};
pub use histogram::{Bucket, Histogram};
pub use search::{Cursor, Found, Hit, Order, Page};
pub use sql::Batches;
pub use timeline::{Object, Whose};
