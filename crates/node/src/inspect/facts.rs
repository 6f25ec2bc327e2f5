//! Everything there is to know about auditing on a machine, gathered once; what it comes to is said elsewhere.

use std::path::Path;

use serde::Serialize;

use super::find::{Found, Origin, Setting, find};
use super::host::Host;
use super::log::{self, LogFacts};
use super::metrics::Metrics;
use super::place::Place;
use super::policy::{self, PolicyFacts};
use super::process::Process;
use super::webhook::{self, WebhookFacts};
use crate::change;
use crate::journal::{JournalError, Record};
use crate::manifest::Flags;

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When it was gathered, in microseconds since 1970.
    pub now: i64,
    /// Whether of this machine, and not of a folder.
    pub live: bool,
    /// What runs the API server, and what it is told.
    pub found: Found,
    /// The running API server, where there is one.
    pub running: Option<Running>,
    /// The audit flags that count, defaults of the important ones with them.
    pub flags: Vec<Setting>,
    /// Flags that the configuration and the running process do not agree on.
    pub differences: Vec<Difference>,
    /// The policy, when a flag names one.
    pub policy: Option<PolicyFacts>,
    /// The log, when a flag names one.
    pub log: Option<LogFacts>,
    /// The webhook, when a flag names one.
    pub webhook: Option<WebhookFacts>,
    /// The API server's own numbers; `None` where it was not asked, or did not say.
    pub metrics: Option<Metrics>,
    /// What became of a request that was made to be recorded.
    pub probe: Option<Probe>,
    /// Changes of ours that nobody finished, by name.
    pub unfinished: Vec<String>,
}

/// A request that the policy records was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Probe {
    /// Its event is in the log.
    Recorded {
        /// The request.
        request: String,
        /// The level, as the policy says it.
        level: String,
        /// From the request to the event being found.
        milliseconds: u64,
    },
    /// It is, at another level than the policy says.
    OtherLevel {
        /// The request.
        request: String,
        /// The level that the policy says.
        expected: String,
        /// The level of the event.
        found: String,
    },
    /// It is not.
    NotRecorded {
        /// The request.
        request: String,
    },
    /// No request could be made.
    Failed {
        /// Why.
        why: String,
    },
}

/// The API server that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The process that it is in.
    #[serde(flatten)]
    pub process: Process,
    /// Its audit flags; `None` where the process does not show them.
    #[serde(skip)]
    pub settings: Option<Vec<Setting>>,
    /// How many other processes have an API server in them: containers of other nodes, say.
    #[serde(skip_serializing_if = "is_zero")]
    pub others: usize,
}

/// A flag with two values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The flag, without dashes.
    pub name: String,
    /// What is configured; `None` for nothing.
    pub configured: Option<String>,
    /// What the process has.
    pub running: Option<String>,
}

/// Gathers all there is to know. `now` is in microseconds since 1970.
pub fn facts(host: &Host, now: i64) -> Facts {
    let found = find(host);
    let running = running(&found);
    let told = running.as_ref().and_then(|running| running.settings.clone());
    let differences = told.as_ref().map(|told| differences(&found.settings, told)).unwrap_or_default();
    let told = told.unwrap_or_else(|| found.settings.clone());
    let mut facts = Facts { now, live: host.is_live(), running, differences, ..Facts::default() };
    facts.flags = with_defaults(told, found.version.as_deref());
    facts.found = found;
    let place = |path: &str| Place::of(&facts.found, path);
    let value = |name: &str| facts.flag(name).map(|setting| setting.value.clone());
    let policy = value("audit-policy-file").map(|path| {
        let manifest = facts.found.manifest();
        let annotated =
            manifest.and_then(|pod| pod.manifest.pod().annotations.get(super::POLICY_DIGEST)).cloned();
        policy::look(host, place(&path), path, annotated)
    });
    let log = value("audit-log-path").map(|path| log::look(host, place(&path), path, &facts));
    let webhook = value("audit-webhook-config-file").map(|path| webhook::look(host, place(&path), path));
    let mut facts = Facts { policy, log, webhook, ..facts };
    if host.is_live() {
        // Who may not read it may not read much else either, and that is said there.
        match change::unfinished(&Path::new(crate::host::STATE).join("backups")) {
            Ok(records) => facts.unfinished = records.iter().map(Record::name).collect(),
            Err(JournalError::Damaged { path, line, what }) => {
                facts.found.notes.push(format!("{}:{line}: not a line of a journal: {what}", path.display()));
            }
            Err(_) => {}
        }
    }
    facts
}

impl Facts {
    /// A flag that is set to something.
    pub fn flag(&self, name: &str) -> Option<&Setting> {
        self.flags.iter().find(|setting| setting.name == name && !setting.value.is_empty())
    }

    /// A flag's number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.flag(name)?.value.trim().parse().ok()
    }
}

/// The process that is this machine's API server: of several the one that is most like the manifest.
fn running(found: &Found) -> Option<Running> {
    let likeness = |process: &Process| {
        let Some(pod) = found.manifest() else { return 0 };
        let has: Flags = process.flags();
        let says = pod.manifest.pod().api_server.flags.iter();
        says.filter(|flag| !flag.name.starts_with("audit-") && has.value(&flag.name) == Some(flag.meaning()))
            .count()
    };
    let all: Vec<&Process> = found.processes.api_servers().collect();
    let process = *all.iter().max_by_key(|process| (likeness(process), process.started))?;
    let settings = process.program.shows_flags().then(|| {
        let origin = Origin::Process(process.pid);
        super::find::audit_settings(&process.flags(), |_| origin.clone())
    });
    Some(Running { process: process.clone(), settings, others: all.len() - 1 })
}

/// The last word on a flag.
fn last<'s>(settings: &'s [Setting], name: &str) -> Option<&'s str> {
    settings.iter().rev().find(|setting| setting.name == name).map(|setting| setting.value.as_str())
}

fn differences(configured: &[Setting], running: &[Setting]) -> Vec<Difference> {
    let mut names: Vec<&str> =
        configured.iter().chain(running).map(|setting| setting.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let differ = |name: &&str| last(configured, name) != last(running, name);
    let difference = |name: &str| Difference {
        name: name.to_owned(),
        configured: last(configured, name).map(str::to_owned),
        running: last(running, name).map(str::to_owned),
    };
    names.into_iter().filter(differ).map(difference).collect()
}

/// Each flag once, by name, and what rotation does where nobody said.
fn with_defaults(told: Vec<Setting>, version: Option<&str>) -> Vec<Setting> {
    let mut flags: Vec<Setting> = Vec::new();
    for setting in told {
        match flags.iter_mut().find(|flag| flag.name == setting.name) {
            Some(flag) => *flag = setting,
            None => flags.push(setting),
        }
    }
    let logs = flags.iter().any(|flag| flag.name == "audit-log-path" && !flag.value.is_empty());
    if logs {
        for (name, value) in rotation_defaults(version) {
            if flags.iter().all(|flag| flag.name != name) {
                let (name, value) = (name.to_owned(), value.to_owned());
                flags.push(Setting { name, value, origin: Origin::Default });
            }
        }
    }
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    flags
}

/// What kube-apiserver does without these flags. Up to 1.35 no size meant 100 MB, and everything was kept for ever.
/// Where the version is not known, only what all of them do.
fn rotation_defaults(version: Option<&str>) -> Vec<(&'static str, &'static str)> {
    let minor = version.and_then(minor);
    let size = ("audit-log-maxsize", "100");
    match minor {
        None => vec![size],
        Some(36..) => vec![("audit-log-maxage", "366"), ("audit-log-maxbackup", "100"), size],
        Some(_) => vec![("audit-log-maxage", "0"), ("audit-log-maxbackup", "0"), size],
    }
}

/// 34 of `v1.34.0`.
pub(super) fn minor(version: &str) -> Option<u32> {
    let rest = version.trim_start_matches('v').strip_prefix("1.")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
