//! Running programs, out of `/proc`.
//!
//! ```text
//! /proc/PID/cmdline   words, each ended by NUL
//! /proc/PID/stat      PID (NAME) S … and, as field 22, the start in ticks after boot
//! /proc/stat          btime SECONDS, when the machine was booted
//! ```

use serde::Serialize;

use super::host::Host;
use crate::manifest::Flags;

/// A running program that has, or may have, an API server in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// What it is.
    pub program: Program,
    /// When it started, in microseconds since 1970; `None` where the system does not say.
    pub started: Option<i64>,
    /// Its words behind the program's name. Not printed: they may hold secrets.
    #[serde(skip)]
    pub words: Vec<String>,
}

/// Programs that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// kube-apiserver itself, hyperkube's too.
    KubeApiserver,
    /// The kubelet.
    Kubelet,
    /// `k3s server`, with the API server inside.
    K3s,
    /// `rke2 server`
    Rke2,
    /// `k0s controller`, which starts kube-apiserver.
    K0s,
    /// `MicroK8s`' kubelite, with the API server inside.
    Kubelite,
    /// `microshift run`, with the API server inside.
    Microshift,
}

/// What `/proc` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Processes {
    /// Whether there is a `/proc` that can be read: without, that nothing is found says nothing.
    pub seen: bool,
    /// Those that matter, by number.
    pub all: Vec<Process>,
}

/// The longest command line that is read, in bytes; Linux allows two megabytes.
const CMDLINE_MAX: u64 = 2 << 20;
/// A process's `stat` is one line.
const STAT_MAX: u64 = 4 << 10;
/// The machine's `stat` has a line for each processor and one very long one.
const MACHINE_STAT_MAX: u64 = 1 << 20;
/// Ticks a second in `/proc`, the same on every architecture that Kubernetes runs on.
const TICKS: i64 = 100;

impl Processes {
    /// Looks at every process.
    pub(super) fn look(host: &Host) -> Self {
        let Ok(names) = host.list("/proc") else { return Self::default() };
        let pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let booted = booted(host);
        let mut readable = false;
        let mut all: Vec<Process> = Vec::new();
        for pid in pids {
            let Ok(words) = host.read(&format!("/proc/{pid}/cmdline"), CMDLINE_MAX) else { continue };
            // With hidepid only our own are shown, and the first process is not ours.
            readable |= pid == 1 || !host.is_live();
            let Some((program, words)) = program(&words) else { continue };
            all.push(Process { pid, program, started: started(host, pid, booted), words });
        }
        all.sort_by_key(|process| process.pid);
        Self { seen: readable, all }
    }

    /// Those of one program.
    pub fn of(&self, program: Program) -> impl Iterator<Item = &Process> {
        self.all.iter().filter(move |process| process.program == program)
    }

    /// The programs that have an API server in them.
    pub fn api_servers(&self) -> impl Iterator<Item = &Process> {
        self.all.iter().filter(|process| process.program.has_api_server())
    }
}

impl Program {
    /// Whether the API server is in this process.
    pub fn has_api_server(self) -> bool {
        matches!(self, Self::KubeApiserver | Self::K3s | Self::Kubelite | Self::Microshift)
    }

    /// Whether the process's own words are the API server's flags.
    pub fn shows_flags(self) -> bool {
        self == Self::KubeApiserver
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubelet => "kubelet",
            Self::K3s => "k3s server",
            Self::Rke2 => "rke2 server",
            Self::K0s => "k0s controller",
            Self::Kubelite => "kubelite",
            Self::Microshift => "microshift",
        }
    }
}

impl Process {
    /// Its flags.
    pub fn flags(&self) -> Flags {
        Flags::parse(self.words.iter().map(|word| (word.as_str(), 0)))
    }
}

/// Which program a command line starts, and the words behind its name.
pub(crate) fn program(cmdline: &[u8]) -> Option<(Program, Vec<String>)> {
    let text = String::from_utf8_lossy(cmdline);
    let mut words: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
    // k3s and rke2 overwrite their command line, with spaces for NULs.
    if let [only] = words[..]
        && only.contains(' ')
    {
        words = only.split_whitespace().collect();
    }
    let first = words.first()?.rsplit('/').next()?;
    let second = words.get(1).copied().unwrap_or_default();
    let (program, skip) = match (first, second) {
        ("kube-apiserver", _) => (Program::KubeApiserver, 1),
        ("hyperkube", "kube-apiserver" | "apiserver") => (Program::KubeApiserver, 2),
        ("kubelet", _) => (Program::Kubelet, 1),
        ("hyperkube", "kubelet") => (Program::Kubelet, 2),
        ("k3s" | "k3s-server", "server") => (Program::K3s, 2),
        ("rke2", "server") => (Program::Rke2, 2),
        ("k0s", "controller") => (Program::K0s, 2),
        ("kubelite", _) => (Program::Kubelite, 1),
        ("microshift", "run") => (Program::Microshift, 2),
        _ => return None,
    };
    Some((program, words[skip..].iter().map(|word| (*word).to_owned()).collect()))
}

/// When the machine was booted, in seconds since 1970.
fn booted(host: &Host) -> Option<i64> {
    let text = host.read("/proc/stat", MACHINE_STAT_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn started(host: &Host, pid: u32, booted: Option<i64>) -> Option<i64> {
    let text = host.read(&format!("/proc/{pid}/stat"), STAT_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name in brackets may hold anything, brackets too. The state behind it is field 3.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks: i64 = rest.split_whitespace().nth(22 - 3)?.parse().ok()?;
    let since_boot = ticks.checked_mul(1_000_000 / TICKS)?;
    booted?.checked_mul(1_000_000)?.checked_add(since_boot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cmdline: &str, expected: Option<(Program, &[&str])>) {
        let seen = program(cmdline.replace(' ', "\0").replace('~', " ").as_bytes());
        let expected =
            expected.map(|(program, words)| (program, words.iter().map(|word| (*word).to_owned()).collect()));
        assert_eq!(seen, expected, "{cmdline}");
    }

    #[test]
    fn programs() {
        check("/usr/local/bin/kube-apiserver --a=b ", Some((Program::KubeApiserver, &["--a=b"])));
        check("hyperkube kube-apiserver --a", Some((Program::KubeApiserver, &["--a"])));
        check("/usr/local/bin/k3s~server~~ ", Some((Program::K3s, &[])));
        check("/snap/microk8s/1/kubelite --x", Some((Program::Kubelite, &["--x"])));
        check("vim kube-apiserver", None);
        check("k3s agent", None);
        check("", None);
    }
}
