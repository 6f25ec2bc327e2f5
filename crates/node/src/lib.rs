//! What runs the API server on this machine, and a reversible change to it.

pub mod inspect;
pub mod manifest;
pub mod service;
pub mod api;
pub mod journal;
pub mod prove;
pub mod step;
pub mod watch;
