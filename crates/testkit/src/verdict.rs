//! Does kube-apiserver accept this audit policy?
//!
//! The real server is asked, but not waited for: it loads the policy before it needs anything else. A refused one
//! ends it after 0.15 s; an accepted one makes it log the audit backend in use, and then it is killed, having never
//! spoken to an etcd.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Program;
use crate::start_error::{StartError, last_words, tail};
use crate::{api_server, lifeline, pki};

/// What kube-apiserver says to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It audits by it.
    Accepted {
        /// What it warned of: fields that it does not know, said once at start and otherwise ignored.
        warning: Option<String>,
    },
    /// It does not start.
    Refused {
        /// Why, without our file's name: ``rules[0].level: Unsupported value: …``.
        reason: String,
    },
}

/// Asks the real kube-apiserver: 0.2 s. May be asked from several threads at once.
pub fn policy_verdict(policy: &str) -> Result<Verdict, StartError> {
    const WITHIN: Duration = Duration::from_mins(1);
    let program = Program::get()?;
    let slot = api_server::new_folder()?;
    let folder = &slot.folder;
    let port = api_server::free_port()?;
    pki::make(program, folder)?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(StartError::io(&path))
    };
    write("tokens.csv", "t,admin,admin\n")?;
    write("policy.yaml", policy)?;

    // Nobody listens on this etcd: it is needed only later.
    let etcd = format!("unix://{}", folder.join("nobody.sock").display());
    let mut command = api_server::base_command(program, folder, &etcd, port.number);
    command
        .arg(format!("--audit-policy-file={}", folder.join("policy.yaml").display()))
        .arg(format!("--audit-log-path={}", folder.join("audit.log").display()))
        // `Using audit backend` is said at this level, right after the policy is in force.
        .arg("--vmodule=audit=2")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let path = program.path("kube-apiserver");
    let mut server = Killed(lifeline::attach(&mut command).spawn().map_err(StartError::io(&path))?);

    let (lines, heard) = mpsc::channel();
    if let Some(stderr) = server.0.stderr.take() {
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let end = Instant::now() + WITHIN;
    let mut log = String::new();
    loop {
        match heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains("] Using audit backend: ") => break,
            Ok(line) => log = log + &line + "\n",
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let verdict = refusal(log, &folder.display().to_string());
                let _ = fs::remove_dir_all(folder);
                return verdict;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let last = "it neither took nor refused the policy".to_owned();
                return Err(StartError::NotReady { what: "kube-apiserver", last, log: tail(&log) });
            }
        }
    }
    drop(server);
    let _ = fs::remove_dir_all(folder);
    Ok(Verdict::Accepted { warning: warning(&log) })
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The verdict of a server that ended by itself; an error if it did so for another reason than the policy.
fn refusal(log: String, folder: &str) -> Result<Verdict, StartError> {
    let words = last_words(&log);
    let Some(reason) = words.strip_prefix("loading audit policy file: ") else {
        return Err(StartError::Refused { reason: words, log });
    };
    let ours = format!(": from file {folder}/policy.yaml");
    Ok(Verdict::Refused { reason: reason.strip_suffix(&ours).unwrap_or(reason).to_owned() })
}

/// The policy reader's warning: from its words to the next line that begins like one of klog's.
fn warning(log: &str) -> Option<String> {
    let (_, text) = log.split_once("Audit policy contains errors, falling back to lenient decoding: ")?;
    let begins = |line: &str| {
        let mut bytes = line.bytes();
        matches!(bytes.next(), Some(b'I' | b'W' | b'E' | b'F')) && bytes.take(4).all(|b| b.is_ascii_digit())
    };
    let mut lines = text.lines();
    let first = lines.next()?.to_owned();
    Some(lines.take_while(|line| !begins(line)).fold(first, |all, line| all + "\n" + line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_ends_where_the_next_line_begins() {
        let log = "W1124 a] Audit policy contains errors, falling back to lenient decoding: strict: a\nb\nI1124 c\n";
        assert_eq!(warning(log).as_deref(), Some("strict: a\nb"));
        assert_eq!(warning("I1124 all is well\n"), None);
    }
}
