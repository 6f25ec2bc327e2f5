//! The `auditward` command.
fn main() {}
