//! What a failed test leaves for the reader of its output.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process, thread};

use crate::slots;

/// So many folders of earlier failures are kept; the oldest go first.
const KEPT_MAX: usize = 12;

/// Whether logs should outlive what wrote them: the test panics, or `AUDITWARD_KEEP=1`.
pub(crate) fn wanted() -> bool {
    thread::panicking() || env::var_os("AUDITWARD_KEEP").is_some_and(|value| value != "0")
}

/// A new folder for the logs of `name`; says on standard error where it is.
pub(crate) fn folder(name: &str) -> io::Result<PathBuf> {
    let all = slots::folder("kept")?;
    forget_old(&all)?;
    let mut number = 0;
    loop {
        let path = all.join(format!("{name}-{}-{number}", process::id()));
        match fs::create_dir(&path) {
            Ok(()) => {
                say(&format!("testkit: the logs of {name} are kept in {}", path.display()));
                return Ok(path);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(e),
        }
    }
}

/// One line for the person at the terminal.
#[expect(clippy::print_stderr, reason = "the reader of a test's output is who this is for")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

fn forget_old(all: &Path) -> io::Result<()> {
    let mut kept: Vec<_> = fs::read_dir(all)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    kept.sort_unstable();
    for (_, path) in kept.iter().rev().skip(KEPT_MAX - 1) {
        // Another test may be forgetting the same one.
        let _ = fs::remove_dir_all(path);
    }
    Ok(())
}
