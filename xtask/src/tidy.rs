//! Every check of the project but the tests, by one command; a table at the end says what was checked.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::{arrows, cargo, generate, succeed};

/// A check; what it says is wrong is printed under its name.
type Check = (&'static str, fn() -> Result<(), String>);

const CHECKS: &[Check] = &[
    ("format", || succeed(cargo().args(["fmt", "--all", "--check"]))),
    ("arrows", arrows::check),
    ("clippy", || {
        succeed(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
    }),
    ("docs", || {
        succeed(cargo().env("RUSTDOCFLAGS", "-Dwarnings").args([
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
        ]))
    }),
    ("generated", generate::check),
    // Its database of advisories cannot be reached from everywhere, so `advisories` is not among them.
    ("deny", || {
        succeed(cargo().args(["deny", "--log-level", "warn", "check", "bans", "licenses", "sources"]))
    }),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    let mut table = String::new();
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        print!("{name} … ");
        _ = std::io::stdout().flush();
        let start = Instant::now();
        let result = check();
        let took = seconds(start.elapsed());
        match result {
            Ok(()) => println!("{took}"),
            Err(problem) => {
                println!("failed\n{}\n", problem.trim_end());
                failed.push(*name);
            }
        }
        let verdict = if failed.last() == Some(name) { "failed" } else { "passed" };
        table += &format!("  {name:<10} {verdict}  {took:>7}\n");
    }
    println!("\ntidy:\n{table}");
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
