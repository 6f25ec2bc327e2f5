//! The HTTP API: events in, answers out. It knows who may ask what, and holds every request to bounds in size, time and
//! number; what is asked it hands to its [`ports`], and it knows no engine behind them.
//!
//! ```text
//! accept ──► connection limits ──► TLS ──► HTTP ──► request id ──► host ──► who ──► may ──► noun ──► port
//!                                                        └─► access log, counters, security headers
//! ```
//! One file a noun; `routes.rs` lists them; `error.rs` alone knows status codes.

mod alerts;
mod auth;
mod body;
mod certificate;
mod cluster;
mod config;
mod counters;
mod error;
mod events;
mod fields;
mod files;
mod health;
mod identity;
mod ingest;
mod kubeconfig;
mod layers;
mod listen;
mod openapi;
mod params;
pub mod ports;
mod routes;
mod rules;
mod server;
mod sql;
mod state;
#[cfg(test)]
mod testing;
mod tls;
pub mod tokens;

pub use cluster::{ClusterName, ClusterNameError};
pub use config::{ClientCertificates, Config, Limits, Tls};
pub use identity::{Identity, Role};
pub use kubeconfig::kubeconfig;
pub use layers::log::{Log, Said};
pub use openapi::openapi;
pub use server::{Server, StartError};
pub use tls::TlsError;
