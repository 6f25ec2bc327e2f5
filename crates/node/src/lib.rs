//! What runs the API server on this machine, and a reversible change to it.
//!
//! ```text
//! inspect   what runs here, and what it was told              manifest  the static pod: read, edited, proven
//! plan ──► preflight ──► change ──► watch ──► prove           service   k3s, RKE2 … : their configuration
//!   │                      │ journal, step                    api       the API server, asked directly
//!   └ pure                 └ undoes everything unless proven  unwind    the way back, from the journals
//! ```

pub mod api;
pub mod change;
pub mod host;
pub mod inspect;
pub mod journal;
pub mod manifest;
pub mod peers;
pub mod plan;
pub mod preflight;
pub mod prove;
pub mod service;
pub mod step;
pub mod unwind;
pub mod watch;
