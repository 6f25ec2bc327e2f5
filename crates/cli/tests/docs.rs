//! Every `console` block in the README and in `docs/` is run, and what it shows must be what comes.
//!
//! In such a block a line that begins with `$ ` is a command for the shell, run in the project's root with
//! `auditward` on the path; what follows, up to the next command, is its output, stdout and stderr together.
//! `UPDATE_EXPECT=1 cargo test -p auditward --test docs` writes the output anew.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_shown_command_does_what_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    collect(&root.join("docs"), &mut pages);
    let mut commands = 0;
    let mut stale = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let fresh = rerun(&text, &root, &mut commands);
        if text == fresh {
            continue;
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&page, fresh).unwrap();
        } else {
            stale.push(format!("{}:\n{fresh}", page.display()));
        }
    }
    assert!(commands > 0, "no console block was found");
    assert!(stale.is_empty(), "these pages should read:\n{}", stale.join("\n"));
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// The page with the output of every command written anew.
fn rerun(page: &str, root: &Path, commands: &mut usize) -> String {
    let mut fresh = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        fresh += &format!("{line}\n");
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            // Old output is dropped; each command brings its own.
            if let Some(command) = line.strip_prefix("$ ") {
                *commands += 1;
                fresh += &format!("{line}\n{}", run(command, root));
            }
        }
    }
    fresh
}

fn run(command: &str, root: &Path) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_auditward")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("{command} 2>&1")])
        .current_dir(root)
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
