//! Events kept as columns, alerts as a log.
//!
//! ```text
//!  append ──► fresh rows, in memory ──seal──► Parquet files ──compact──► larger ones ──retain──► gone
//!                     └───────── snapshot: what a query sees ─────────┘
//! ```
//! A row is seen by the next snapshot. Whether it stays is the journal's business until it is sealed: the catalogue holds,
//! together with the list of files, the journal's position up to which all rows are in them.
//!
//! Invariants: a row is in one place, or in the journal behind the position, at every moment and after every crash. A file
//! that is damaged is set aside and told by name; it never keeps the others from being read. Nothing here asks the time.
//! Files, columns and catalogue are described in `FORMAT.md`.

pub mod alerts;
pub mod catalogue;
pub mod columns;
pub mod generate;
mod schema;
pub mod segment;
mod store;

pub use schema::{COLUMNS, Column, ColumnType, FORMAT, schema};
pub use store::{
    Append, AppendError, Config, Damage, Limits, OpenError, Recovered, Report, Retention, Scrubbed, Segment,
    Snapshot, Status, Store, StoreError,
};
