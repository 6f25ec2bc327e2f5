//! What runs the API server on this machine, and a reversible change to it.

pub mod inspect;
pub mod manifest;
pub mod service;
