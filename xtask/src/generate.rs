//! Pages that the program writes itself, so that they cannot say anything else than it does.
//!
//! Each is held by a test, which writes it where it is told to (`UPDATE_EXPECT=1`). So a stale page fails `cargo test`
//! too, and there is one way to make a page, not two.

use std::process::Command;

use crate::{cargo, succeed};

/// The tests that hold generated pages.
const HELD_BY: &[&str] = &[
    // docs/reference/commands.md
    "reference",
    // The `console` blocks of README.md and docs/.
    "docs",
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
    let mut command = cargo();
    // The whole workspace, because of one package alone cargo builds the dependencies anew, with fewer features.
    command.args(["test", "--quiet", "--locked", "--workspace"]);
    for test in HELD_BY {
        command.args(["--test", test]);
    }
    succeed(with(&mut command))
}
