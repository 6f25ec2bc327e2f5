//! What runs the API server on this machine, and a reversible change to it.

pub mod inspect;
pub mod manifest;
pub mod service;
pub mod api;
pub mod change;
pub mod host;
pub mod journal;
pub mod manifest;
pub mod peers;
pub mod plan;
pub mod preflight;
pub mod prove;
pub mod step;
pub mod unwind;
pub mod watch;
