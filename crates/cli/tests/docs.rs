//! Every `console` block in the README and in `docs/` is run, and what it shows must be what comes.
//!
//! In such a block a line that begins with `$ ` is a command for the shell, run in the project's root with
//! `auditward` on the path; what follows, up to the next command, is its output, stdout and stderr together. Questions
//! go to a server that has taken in the examples' log.
//! `UPDATE_EXPECT=1 cargo test -p auditward --test docs` writes the output anew.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::fs;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn every_shown_command_does_what_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    collect(&root.join("docs"), &mut pages);
    let server = Server::start(&root);
    let mut commands = 0;
    let mut stale = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let fresh = rerun(&text, &root, &server, &mut commands);
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
fn rerun(page: &str, root: &Path, server: &Server, commands: &mut usize) -> String {
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
                fresh += &format!("{line}\n{}", run(command, root, server.url()));
            }
        }
    }
    fresh
}

fn run(command: &str, root: &Path, server: &str) -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_auditward")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("{command} 2>&1")])
        .current_dir(root)
        .env_clear()
        .env("PATH", path)
        .env("AUDITWARD_SERVER", server)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().flat_map(|line| [without_speed(line), "\n"]).collect()
}

/// How long a log took, and how fast that was, is not the same twice.
fn without_speed(line: &str) -> &str {
    let took = line.ends_with(" events/s)").then(|| line.rfind(" s (")).flatten();
    took.and_then(|took| line[..took].rfind(" in ")).map_or(line, |at| &line[..at])
}

/// A server that has taken in the examples' log; gone when it is dropped.
struct Server {
    process: auditward_testkit::Server,
    folder: PathBuf,
}

impl Server {
    fn start(root: &Path) -> Self {
        let folder = std::env::temp_dir().join(format!("auditward-docs-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let packed = fs::File::open(root.join("examples/audit.log.gz")).unwrap();
        let mut events = String::new();
        flate2::bufread::MultiGzDecoder::new(BufReader::new(packed)).read_to_string(&mut events).unwrap();
        fs::write(folder.join("audit.log"), &events).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--cluster", "prod", "--log"]);
        command.arg(folder.join("audit.log")).arg("--data").arg(folder.join("data"));
        let process = auditward_testkit::Server::start(&mut command).unwrap();
        let server = Server { process, folder };
        server.until("select count(*) from events", &events.lines().count().to_string(), root);
        let detect = "{ auditward detect -o json examples/audit.log.gz 2>/dev/null; }";
        let alerts = run(detect, root, server.url());
        server.until("select count(*) from alerts", &alerts.lines().count().to_string(), root);
        server
    }

    fn url(&self) -> &str {
        self.process.url()
    }

    fn until(&self, query: &str, answer: &str, root: &Path) {
        let end = Instant::now() + Duration::from_mins(2);
        let ask = || run(&format!("auditward query -o csv '{query}'"), root, self.url());
        loop {
            let said = ask();
            if said.lines().last() == Some(answer) {
                return;
            }
            assert!(Instant::now() < end, "{query}: {said}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}
