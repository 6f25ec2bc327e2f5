//! The project's own chores: `cargo xtask` lists them.
//!
//! One file a chore, one line a chore in [`CHORES`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore is a conversation with a developer")]

mod arrows;
mod cluster;
mod generate;
mod kubernetes;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A chore: its name, what it does, and how. It gets the arguments after its name.
type Chore = (&'static str, &'static str, fn(&[String]) -> Result<(), String>);

const CHORES: &[Chore] = &[
    ("tidy", "run every check of the project but the tests", tidy::run),
    (
        "cluster",
        "a real control-plane node by hand: up, status, kubectl, exec, down; needs root",
        |arguments| cluster::run(arguments).map_err(|error| error.to_string()),
    ),
    ("generate", "write the generated pages anew; with --check, say which are stale", generate::run),
    ("kubernetes", "build the Kubernetes programs that tests run, once; needs Go", kubernetes::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chore = arguments.first().and_then(|name| CHORES.iter().find(|(known, ..)| known == name));
    let Some((name, _, run)) = chore else {
        eprintln!("usage: cargo xtask CHORE\n");
        for (name, what, _) in CHORES {
            eprintln!("  {name:<10} {what}");
        }
        return ExitCode::from(2);
    };
    match run(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{name}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What it tells us of ourselves is not for those that it runs: `ring` is built anew when it changes, and with it half
    // of everything.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a command that should succeed; what it printed is the problem if it does not.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("could not start {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}
