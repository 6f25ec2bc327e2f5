//! One typed predicate over an audit event.
//!
//! Rules of every language and searches are lowered to [`Expr`], so that two languages can never disagree on what a
//! comparison means. Where languages differ, the tree says so with different nodes: nothing is implied by where an
//! expression came from.
//!
//! Invariant: no input makes anything here panic, and no event makes a test take more than linear time.

mod ast;
mod check;
mod compiled;
pub mod field;
mod fold;
mod item;
mod parts;
mod pattern;
pub mod schema;
mod subject;
pub mod symbolic;
pub mod text;

pub use ast::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test, TimePart};
pub use check::{Problem, Type, check};
pub use compiled::{BadMatch, Compiled, CompiledTest};
pub use item::Item;
pub use parts::Parts;
pub use subject::{Scope, Subject};
pub use text::{Parameters, SyntaxError, parse, parse_unchecked};
