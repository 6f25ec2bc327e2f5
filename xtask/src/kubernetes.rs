//! The Kubernetes programs that tests run, built ahead of them: minutes once, then nothing.

use std::error::Error;

use auditward_testkit::Program;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    let program = Program::get().map_err(|error| chain(error))?;
    println!("kubernetes {} is built", program.version());
    Ok(())
}

/// An error and what caused it, on one line.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        None => error.to_string(),
        Some(cause) => format!("{error}: {}", chain(cause)),
    }
}
