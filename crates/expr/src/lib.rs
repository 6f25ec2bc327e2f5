//! One typed predicate over an audit event.
//!
//! Rules of every language and searches are lowered to [`Expr`], so that two languages can never disagree on what a
//! comparison means. Where languages differ, the tree says so with different nodes: nothing is implied by where an
//! expression came from.

mod ast;
pub mod field;
pub mod symbolic;

pub use ast::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test, TimePart};
