//! The server over real sockets, with ports that live in memory.

#![allow(clippy::unwrap_used)] // all of it is test code, but not all of it `#[test]` functions

mod answers;
mod bounds;
mod client;
mod fakes;
mod refusals;
mod tls;
