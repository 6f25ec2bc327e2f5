//! The binary as users see it: exit code, stdout and stderr of each command in one snapshot.
//!
//! `UPDATE_EXPECT=1 cargo test -p auditward` writes the snapshots anew.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests stop at surprises, and read as sentences"
)]

mod agent;
mod ask;
mod detect;
mod enable;
mod node;
mod notify;
mod policy;
mod rules;
mod status;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use expect_test::Expect;

/// Runs `auditward` in the project's root with these words, and compares all that comes of it.
#[track_caller]
fn check(words: &str, expected: Expect) {
    check_with_input(words, "", expected);
}

/// The same with something on standard input.
#[track_caller]
fn check_with_input(words: &str, input: &str, expected: Expect) {
    let words: Vec<&str> = words.split_whitespace().collect();
    check_words(&words, input, |seen| seen, expected);
}

/// The same with words that may have blanks in them; `same` makes alike what differs from run to run.
#[track_caller]
fn check_words(words: &[&str], input: &str, same: impl FnOnce(String) -> String, expected: Expect) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(words)
        .current_dir(root())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut seen = format!("exit {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            seen += &format!("--- {name}\n");
            for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
                seen += &without_time(line);
            }
        }
    }
    expected.assert_eq(&same(seen));
}

/// A line without how long it took to read a log, which is told where it took more than a second.
fn without_time(line: &str) -> String {
    let took = line.ends_with(" events/s)\n").then(|| line.rfind(" in ")).flatten();
    took.map_or_else(|| line.to_owned(), |took| format!("{}\n", &line[..took]))
}

/// The project's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
