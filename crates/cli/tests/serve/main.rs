//! `auditward serve` as a process: fed, asked, killed and started again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests stop at surprises, and say what they saw"
)]

mod crash;
mod damage;
mod follow;
mod full;
mod lines;
mod refuse;
mod reload;
mod secrets;
mod server;
mod webhook;
