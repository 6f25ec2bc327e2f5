//! Pages that the program writes itself, so that they cannot say anything else than it does.
//!
//! Each is held by a test, which writes it where it is told to (`UPDATE_EXPECT=1`). So a stale page fails `cargo test`
//! too, and there is one way to make a page, not two.

use std::process::Command;

use crate::{cargo, succeed};

/// The tests that hold generated pages: package and test.
const HELD_BY: &[(&str, &str)] = &[
    // docs/reference/commands.md
    ("auditward", "reference"),
    // The `console` blocks of README.md and docs/.
    ("auditward", "docs"),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => run_tests(|command| command.env("UPDATE_EXPECT", "1")),
        [flag] if flag == "--check" => check(),
        _ => Err("the only argument is --check".to_owned()),
    }
}

/// Says which pages are stale.
pub(crate) fn check() -> Result<(), String> {
    run_tests(|command| command.env_remove("UPDATE_EXPECT"))
        .map_err(|problem| format!("{problem}\nhint: cargo xtask generate"))
}

fn run_tests(with: fn(&mut Command) -> &mut Command) -> Result<(), String> {
    for (package, test) in HELD_BY {
        let mut command = cargo();
        command.args(["test", "--quiet", "--locked", "--package", package, "--test", test]);
        succeed(with(&mut command))?;
    }
    Ok(())
}
