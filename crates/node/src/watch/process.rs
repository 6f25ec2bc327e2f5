//! The kube-apiserver processes of this machine, by what the kernel says of them.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use crate::inspect::{self, Program};

/// A running kube-apiserver. A number is used again, but not with the same start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it began, in ticks since the machine did.
    pub start: u64,
    /// Its arguments, the program among them.
    pub arguments: Vec<String>,
}

/// What is read of a command line at most, in bytes.
const ARGUMENTS_MAX: u64 = 1 << 20;

/// All of them; `proc` is `/proc`.
pub fn api_servers(proc: &Path) -> Vec<Process> {
    all(proc, |line| arguments(line).filter(|arguments| is_api_server(arguments)))
}

/// All processes of a program that has an API server in it.
pub(super) fn of(proc: &Path, program: Program) -> Vec<Process> {
    if program == Program::KubeApiserver {
        return api_servers(proc);
    }
    all(proc, |line| inspect::program(line).filter(|(found, _)| *found == program).map(|(_, words)| words))
}

fn all(proc: &Path, of: impl Fn(&[u8]) -> Option<Vec<String>>) -> Vec<Process> {
    let numbers = fs::read_dir(proc).into_iter().flatten().flatten();
    numbers
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let arguments = of(&command_line(&entry.path())?)?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some(Process { pid, start: start(&stat)?, arguments })
        })
        .collect()
}

impl Process {
    /// The values of the flags that begin with `--audit-`, the last of each; a flag without `=` is `true`, or has the next
    /// argument as its value.
    pub fn audit_flags(&self) -> std::collections::BTreeMap<String, String> {
        let mut flags = std::collections::BTreeMap::new();
        let mut rest = self.arguments.iter().peekable();
        while let Some(argument) = rest.next() {
            let Some(flag) = argument.strip_prefix("--").filter(|flag| flag.starts_with("audit-")) else {
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => {
                    (flag, rest.next_if(|next| !next.starts_with("--")).cloned().unwrap_or("true".to_owned()))
                }
            };
            flags.insert(name.to_owned(), value);
        }
        flags
    }
}

fn command_line(process: &Path) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    File::open(process.join("cmdline")).ok()?.take(ARGUMENTS_MAX).read_to_end(&mut line).ok()?;
    Some(line)
}

fn arguments(line: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(line);
    let arguments = text.strip_suffix('\0')?.split('\0').map(str::to_owned);
    Some(arguments.collect())
}

/// `kube-apiserver …`, `/usr/local/bin/kube-apiserver …`, `hyperkube kube-apiserver …`; but not a tool that is given the
/// name as an argument, nor a wrapper that starts it.
fn is_api_server(arguments: &[String]) -> bool {
    let named = |argument: &String| argument.rsplit('/').next() == Some("kube-apiserver");
    let [first, rest @ ..] = arguments else { return false };
    named(first) || (first.rsplit('/').next() == Some("hyperkube") && rest.first().is_some_and(named))
}

/// The 22nd field; the second is the program's name in brackets and may hold anything.
fn start(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_are_api_servers() {
        let check = |line: &str| is_api_server(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(check("kube-apiserver --v=2"));
        assert!(check("/usr/local/bin/kube-apiserver"));
        assert!(check("/hyperkube kube-apiserver --v=2"));
        assert!(!check("/go-runner --log-file=x /usr/local/bin/kube-apiserver"));
        assert!(!check("pgrep kube-apiserver"));
        assert!(!check("kube-apiserver-audit-exporter"));
    }

    #[test]
    fn fields_of_the_kernel() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 100";
        assert_eq!(start(stat), Some(4711));
        assert_eq!(start("7 (a"), None);
        let arguments = [
            "kube-apiserver",
            "--audit-log-path",
            "/a",
            "--audit-log-compress",
            "--audit-log-maxage=1",
            "--audit-log-maxage=2",
            "--v=2",
        ];
        let process = Process { pid: 7, start: 1, arguments: arguments.map(str::to_owned).to_vec() };
        let flags: Vec<String> = process.audit_flags().into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(flags, ["audit-log-compress=true", "audit-log-maxage=2", "audit-log-path=/a"]);
    }
}
