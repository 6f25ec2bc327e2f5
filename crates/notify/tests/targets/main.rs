//! Targets that are real: servers on loopback that do what they are told, Debian's Alertmanager and rsyslogd, and a
//! notifier that is killed in the middle of its work.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests stop at surprises, say what they skip, and nobody reaches into them"
)]

mod alertmanager;
mod change;
mod files;
mod http;
mod killed;
mod support;
mod syslog;
mod tls;
