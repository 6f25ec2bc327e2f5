//! The pipe that ends a child when this process is gone.
//!
//! Our Go programs read their standard input to its end when told so by the environment, and then exit (see
//! `hyperkube/lifeline`). The writing end is closed in every other child by `O_CLOEXEC`, which std sets.

use std::process::{Command, Stdio};

/// Makes the child's standard input its lifeline. Keep the spawned `Child`: dropping its `stdin` ends it.
pub(crate) fn attach(command: &mut Command) -> &mut Command {
    command.env("AUDITWARD_LIFELINE", "stdin").stdin(Stdio::piped())
}
