//! What all facts come to: one word, and every reason for it.
//!
//! A reason may bring a verdict with it; the gravest one of all reasons is the verdict. Reasons without one are worth
//! knowing all the same.

use std::fmt;

use auditward_event::MicroTime;
use serde::Serialize;

use super::facts::{Facts, Probe};
use super::find::{Distribution, Seen};
use super::log::{EndedBy, LogFacts};
use super::policy::{PolicyFacts, PolicyState};
use super::webhook::Problem;

/// Whether auditing is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Events are recorded, as far as can be seen.
    On,
    /// It can't be told.
    Unknown,
    /// Everything is set, and nothing is written.
    Silent,
    /// Something is set, and something is missing.
    HalfOn,
    /// Nothing is set.
    Off,
}

/// The verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub summary: String,
    /// Why, what decides first.
    pub reasons: Vec<Reason>,
}

/// One reason, or one thing to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable word for programs.
    pub code: &'static str,
    /// What it makes of auditing; `None` for what is only to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What was seen, with where.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

/// A log that is not written for this long is suspicious, in microseconds: leases are renewed every few seconds.
const SILENT_AFTER: i64 = 10 * 60 * SECOND;
/// A history shorter than this is worth a warning, in hours: a weekend.
const HISTORY_MIN: u64 = 72;
const SECOND: i64 = 1_000_000;

/// What `facts` come to.
pub fn verdict(facts: &Facts) -> Judgement {
    let mut reasons = Reasons::default();
    reasons.about_what_runs(facts);
    for name in &facts.unfinished {
        let what = format!("a change of auditward's was cut off: {name}");
        reasons.add(
            "cut-off",
            Verdict::HalfOn,
            what,
            "`auditward rollback` undoes it, or notes that it was done",
        );
    }
    if facts.found.distribution.is_some() {
        reasons.about_flags(facts);
        if let Some(policy) = &facts.policy {
            reasons.about_policy(facts, policy);
        }
        if let Some(log) = &facts.log {
            reasons.about_log(facts, log);
        }
        reasons.about_webhook(facts);
        if let Some(probe) = &facts.probe {
            reasons.about_probe(probe);
        }
        reasons.about_numbers(facts);
    }
    let mut reasons = reasons.all;
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    let verdict = reasons.iter().find_map(|reason| reason.verdict).unwrap_or(Verdict::On);
    Judgement { verdict, summary: summary(facts, verdict, &reasons), reasons }
}

fn summary(facts: &Facts, verdict: Verdict, reasons: &[Reason]) -> String {
    let decides = reasons.iter().find(|reason| reason.verdict == Some(verdict));
    let why = decides.map_or("", |reason| reason.what.as_str());
    match verdict {
        Verdict::Off => format!("auditing is off: {why}"),
        Verdict::HalfOn => format!("auditing is only half on: {why}"),
        Verdict::Silent => format!("auditing is on but silent: {why}"),
        Verdict::Unknown => format!("whether auditing is on could not be told: {why}"),
        Verdict::On => {
            let to = match (&facts.log, &facts.webhook) {
                (Some(log), _) if log.path.is_none() => "to standard output".to_owned(),
                (Some(log), None) => format!("to {}", log.path.as_deref().unwrap_or_default()),
                (Some(log), Some(_)) => {
                    format!("to {} and to a webhook", log.path.as_deref().unwrap_or_default())
                }
                (None, _) => "to a webhook".to_owned(),
            };
            let proven = matches!(facts.probe, Some(Probe::Recorded { .. }));
            let seen = match &facts.running {
                _ if proven => ", proven",
                Some(_) => "",
                None => ", by its configuration",
            };
            format!("auditing is on{seen}: events go {to}")
        }
    }
}

#[derive(Default)]
struct Reasons {
    all: Vec<Reason>,
}

impl Reasons {
    fn add(
        &mut self,
        code: &'static str,
        verdict: impl Into<Option<Verdict>>,
        what: impl Into<String>,
        todo: &str,
    ) {
        let todo = (!todo.is_empty()).then(|| todo.to_owned());
        self.all.push(Reason { code, verdict: verdict.into(), what: what.into(), todo });
    }

    fn about_what_runs(&mut self, facts: &Facts) {
        let found = &facts.found;
        for refused in &found.refused {
            let verdict = found.manifests.is_empty().then_some(Verdict::Unknown);
            let what = format!("{} can't be read as a manifest: {}", refused.path, refused.refusal);
            self.add("manifest-refused", verdict, what, &refused.refusal.hint());
        }
        let Some(distribution) = found.distribution else {
            if !found.refused.is_empty() {
                return;
            }
            let unreadable = found.looked.iter().find_map(|looked| match &looked.seen {
                Seen::Unreadable(why) => Some(format!("{} could not be read: {why}", looked.path)),
                _ => None,
            });
            let what = unreadable.unwrap_or_else(|| "nothing here runs an API server".to_owned());
            let todo =
                "run this as root on a control-plane node, or give --root a folder that was copied from one";
            self.add("no-api-server", Verdict::Unknown, what, todo);
            return;
        };
        let told = facts.running.as_ref().is_some_and(|running| running.settings.is_some());
        for looked in &found.looked {
            if let Seen::Unreadable(why) = &looked.seen {
                let verdict = (!told).then_some(Verdict::Unknown);
                let what = format!("{} could not be read: {why}", looked.path);
                self.add("unreadable", verdict, what, "run this as root");
            }
        }
        if found.manifests.len() > 1 {
            let paths: Vec<&str> = found.manifests.iter().map(|pod| pod.path.as_str()).collect();
            let counted = found.manifests.iter().filter(|pod| pod.watched != Some(false)).count();
            let same = counted > 1;
            let what = format!("{} manifests run an API server: {}", paths.len(), paths.join(", "));
            let todo = "keep one; of several with one pod name the kubelet runs the last, whichever its file's ending";
            self.add("several-manifests", same.then_some(Verdict::HalfOn), what, todo);
        }
        if let Some(pod) = found.manifest()
            && pod.watched == Some(false)
        {
            let what = format!(
                "{} lies in a folder that the kubelet does not watch ({})",
                pod.path,
                found.watched.join(", ")
            );
            self.add(
                "not-watched",
                Verdict::HalfOn,
                what,
                "move the manifest to the folder that the kubelet watches",
            );
        }
        if facts.running.is_none() && found.processes.seen {
            let on = facts.flag("audit-policy-file").is_some();
            let what = "no API server is running here, so nothing is recorded";
            let todo = "its container's last log says why; a policy that is refused or missing keeps it down";
            self.add("not-running", on.then_some(Verdict::HalfOn), what, todo);
        }
        if facts.running.as_ref().is_some_and(|running| running.others > 0) {
            let what =
                "more than one API server runs on this machine; the one most like the manifest is told of";
            self.add(
                "several-processes",
                None,
                what,
                "for one in a container, give --root /proc/PID/root of its init",
            );
        }
        for note in &found.notes {
            self.add("note", None, note.clone(), "");
        }
        if distribution == Distribution::Talos && facts.running.is_none() {
            self.add("talos", None, "what Talos runs shows only in its API: `talosctl get staticpods`", "");
        }
    }

    fn about_flags(&mut self, facts: &Facts) {
        let policy = facts.flag("audit-policy-file");
        let log = facts.flag("audit-log-path");
        let webhook = facts.flag("audit-webhook-config-file");
        let way = facts.found.distribution.map_or("", Distribution::right_way);
        for difference in &facts.differences {
            let says = |value: &Option<String>| {
                value.as_ref().map_or("is not set".to_owned(), |v| format!("is {v}"))
            };
            let what = format!(
                "--{} {} in the configuration and {} in the running process",
                difference.name,
                says(&difference.configured),
                says(&difference.running)
            );
            let matters = ["audit-policy-file", "audit-log-path", "audit-webhook-config-file"]
                .contains(&difference.name.as_str());
            let lost = matters && difference.configured.is_some() && difference.running.is_none();
            let changed = matters && difference.configured.is_some() && difference.running.is_some();
            // A kube-apiserver without a configuration that explains it is no contradiction.
            if facts.found.settings.is_empty()
                && !facts.found.distribution.is_some_and(Distribution::is_static_pod)
            {
                continue;
            }
            self.add(
                "not-running-with",
                (lost || changed).then_some(Verdict::HalfOn),
                what,
                if difference.configured.is_some() {
                    "restart the API server; flags are read once, when it starts"
                } else {
                    "the next restart takes this flag away; put it into the configuration if it is wanted"
                },
            );
        }
        let microshift = facts.found.distribution == Some(Distribution::MicroShift);
        let lost =
            self.all.iter().any(|reason| reason.code == "not-running-with" && reason.verdict.is_some());
        match (policy, log.or(webhook)) {
            (None, None) if !lost => {
                let unsure =
                    self.all.iter().any(|reason| reason.code == "unreadable" && reason.verdict.is_some());
                if !unsure {
                    let what = "neither a policy nor a log nor a webhook is set";
                    self.add("no-flags", Verdict::Off, what, way);
                }
            }
            (Some(policy), None) => {
                let what = format!(
                    "a policy is set ({}) and no log or webhook, so events go nowhere",
                    policy.origin
                );
                self.add("no-backend", Verdict::HalfOn, what, "set --audit-log-path as well");
            }
            (None, Some(backend)) if !microshift => {
                let what = format!(
                    "--{} is set ({}) and no policy, so no event is made",
                    backend.name, backend.origin
                );
                self.add("no-policy", Verdict::HalfOn, what, "set --audit-policy-file as well");
            }
            _ => {}
        }
    }

    fn about_policy(&mut self, facts: &Facts, policy: &PolicyFacts) {
        let path = policy.path.as_deref().unwrap_or(&policy.flag);
        let half = Some(Verdict::HalfOn);
        match &policy.state {
            PolicyState::NotMounted => {
                let what = format!("the policy {} lies in no mount of the pod", policy.flag);
                self.add("policy-not-mounted", half, what, "mount its folder into the pod, read-only");
            }
            PolicyState::Elsewhere { why } => self.add("policy-elsewhere", Verdict::Unknown, why.clone(), ""),
            PolicyState::Missing => {
                let what = format!("the policy {path} does not exist");
                self.add(
                    "policy-missing",
                    half,
                    what,
                    "write it before the API server restarts: without it, it stays down",
                );
            }
            PolicyState::Folder => {
                let what = format!(
                    "the policy {path} is a folder: a container runtime made it where a file was missing"
                );
                self.add("policy-folder", half, what, "remove the folder and write the policy in its place");
            }
            PolicyState::Unreadable { why } => {
                let what = format!("the policy {path} could not be read: {why}");
                self.add("policy-unreadable", Verdict::Unknown, what, "run this as root");
            }
            PolicyState::Refused { line, message } => {
                let what = format!(
                    "the policy is refused, and the API server would not start again: {path}:{line}: {message}"
                );
                self.add("policy-refused", half, what, &format!("auditward policy check {path}"));
            }
            PolicyState::Accepted(accepted) => {
                if accepted.records_nothing {
                    let what = format!("the policy {path} records nothing: it is only None");
                    self.add(
                        "policy-none",
                        half,
                        what,
                        &format!("write rules that record, and judge them with auditward policy lint {path}"),
                    );
                } else if accepted.errors + accepted.warnings > 0 {
                    let what = format!(
                        "the policy {path} has {} and {} of lint",
                        count(accepted.errors as u64, "error"),
                        count(accepted.warnings as u64, "warning")
                    );
                    self.add("policy-lint", None, what, &format!("auditward policy lint {path}"));
                }
                if let Some(before) =
                    policy.enabled_with.as_ref().filter(|before| **before != accepted.digest)
                {
                    let what = format!(
                        "the policy {path} is not the one that auditing was turned on with ({} now, {} then)",
                        short(&accepted.digest),
                        short(before)
                    );
                    self.add(
                        "policy-changed",
                        half,
                        what,
                        "auditward enable with this policy, so that the API server reads it",
                    );
                }
            }
        }
        let started = facts.running.as_ref().and_then(|running| running.process.started);
        if let (Some(started), Some(modified)) = (started, policy.modified)
            // Starts are known to a hundredth of a second.
            && modified > started + SECOND
            && policy.accepted().is_some()
        {
            let what = format!(
                "the policy {path} was changed {} after the API server started, and it reads it only then",
                duration(modified - started)
            );
            self.add("policy-newer", half, what, "restart the API server");
        }
    }

    fn about_log(&mut self, facts: &Facts, log: &LogFacts) {
        let half = Some(Verdict::HalfOn);
        let policy_is_on = facts.flag("audit-policy-file").is_some();
        if log.flag == "-" {
            let what = "events go to standard output, among the API server's own log; how they are kept is its business";
            self.add("log-stdout", None, what, "");
            return;
        }
        let Some(path) = &log.path else {
            match &log.unreadable {
                Some(why) => self.add("log-elsewhere", Verdict::Unknown, why.clone(), ""),
                None => {
                    let what = format!(
                        "the log {} lies in no mount of the pod: it is lost when the container restarts",
                        log.flag
                    );
                    self.add("log-not-mounted", half, what, "mount its folder into the pod, writable");
                }
            }
            return;
        };
        if let Some(mount) = log.mount {
            if mount.read_only {
                let what = format!("the log {path} is mounted read-only, so it can't be written or rotated");
                self.add("log-read-only", half, what, "set `readOnly: false` on its mount");
            }
            if mount.single_file {
                let what = format!(
                    "the log {path} is mounted by itself, so it can't be rotated (the rename fails as busy)"
                );
                self.add("log-single-file", half, what, "mount its folder instead");
            }
        }
        if let Some(why) = &log.unreadable {
            self.add(
                "log-unreadable",
                Verdict::Unknown,
                format!("the log could not be read: {why}"),
                "run this as root",
            );
        } else if policy_is_on {
            self.about_silence(facts, log, path);
        }
        self.about_keeping(log, path);
    }

    fn about_probe(&mut self, probe: &Probe) {
        match probe {
            Probe::Recorded { request, level, milliseconds } => {
                let what =
                    format!("`{request}` was made and found in the log at {level}, {milliseconds} ms later");
                self.add("proven", None, what, "");
            }
            Probe::OtherLevel { request, expected, found } => {
                let what = format!(
                    "`{request}` was recorded at {found}, and the policy says {expected}: another policy is at work"
                );
                self.add("probe-level", Verdict::HalfOn, what, "restart the API server");
            }
            Probe::NotRecorded { request } => {
                let what = format!("`{request}` was made, the policy records it, and no event came");
                self.add("probe-lost", Verdict::Silent, what, "look at the API server's own log for `audit`");
            }
            Probe::Failed { why } => {
                self.add("probe-failed", Verdict::Unknown, format!("no probe could be made: {why}"), "");
            }
        }
    }

    /// Only where something runs can silence be told.
    fn about_silence(&mut self, facts: &Facts, log: &LogFacts, path: &str) {
        let probed = matches!(facts.probe, Some(Probe::Recorded { .. }));
        let Some(running) = &facts.running else { return };
        if probed {
            return;
        }
        if log.space.is_some_and(|space| space.free == 0) {
            let what = format!("the disk is full where {path} lies");
            self.add("disk-full", Verdict::Silent, what, "make room; events are lost meanwhile");
        }
        let up = running.process.started.map(|started| facts.now - started);
        let long_up = up.is_some_and(|up| up > SILENT_AFTER);
        let written = log.last_written.filter(|_| log.files.iter().any(|file| file.size > 0));
        let routine = facts
            .policy
            .as_ref()
            .and_then(PolicyFacts::accepted)
            .is_some_and(|policy| policy.records_routine);
        let settle = "make a request that the policy records and look for its event; the API server's own log says what fails";
        match written {
            None if long_up && routine => {
                let what = format!(
                    "nothing was ever written to {path}, and the API server is up for {}",
                    duration(up.unwrap_or(0))
                );
                self.add("log-empty", Verdict::Silent, what, settle);
            }
            None => self.add("log-empty-yet", None, format!("nothing was written to {path} yet"), settle),
            Some(at) if facts.now - at > SILENT_AFTER && long_up => {
                let what = format!("nothing was written to {path} for {}", duration(facts.now - at));
                if routine {
                    self.add("log-silent", Verdict::Silent, what, settle);
                } else {
                    let what = format!(
                        "{what}; the policy drops what a cluster does by itself, so that may be right"
                    );
                    self.add("log-quiet", None, what, settle);
                }
            }
            Some(_) => {}
        }
    }

    fn about_keeping(&mut self, log: &LogFacts, path: &str) {
        match log.keeps {
            Some(keeps) if keeps.ended_by == EndedBy::Nothing => {
                let what = "no flag ends what is kept, so the log grows until the disk is full";
                self.add("kept-for-ever", None, what, "set --audit-log-maxage and --audit-log-maxbackup");
            }
            Some(keeps) if keeps.hours.is_some_and(|hours| hours < HISTORY_MIN) => {
                let by = match keeps.ended_by {
                    EndedBy::Age => "--audit-log-maxage",
                    _ => "--audit-log-maxbackup × --audit-log-maxsize at the present rate",
                };
                let what = format!("events are kept for {} only, by {by}", hours(keeps.hours.unwrap_or(0)));
                self.add("short-history", None, what, "keep more, or send events elsewhere before they go");
            }
            _ => {}
        }
        if let (Some(space), Some(max)) = (log.space, log.bytes_max) {
            let has: u64 = log.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
            if space.free < max.saturating_sub(has) {
                let what = format!(
                    "{path} may come to {} MB, and only {} MB are free",
                    max / 1_000_000,
                    space.free / 1_000_000
                );
                self.add(
                    "little-room",
                    None,
                    what,
                    "lower --audit-log-maxbackup, or give the log a disk of its own",
                );
            }
        }
        if log.shares_with_etcd == Some(true) {
            let what = format!(
                "{path} and etcd share a file system: a full disk stops the cluster, not only the log"
            );
            self.add("shares-with-etcd", None, what, "give the log a file system of its own");
        }
        if log.world_readable {
            let what = format!("everybody on this machine may read {path}");
            self.add("world-readable", None, what, &format!("chmod o= {path}; rotation keeps the mode"));
        }
    }

    fn about_webhook(&mut self, facts: &Facts) {
        let Some(webhook) = &facts.webhook else { return };
        let path = webhook.path.as_deref().unwrap_or(&webhook.flag);
        let half = Some(Verdict::HalfOn);
        match &webhook.problem {
            None => {}
            Some(Problem::NotMounted) => {
                let what = format!("the webhook's kubeconfig {} lies in no mount of the pod", webhook.flag);
                self.add("webhook-not-mounted", half, what, "mount it into the pod");
            }
            Some(Problem::Missing) => {
                let what = format!("the webhook's kubeconfig {path} does not exist");
                self.add(
                    "webhook-missing",
                    half,
                    what,
                    "write it before the API server restarts: without it, it stays down",
                );
            }
            Some(Problem::Unreadable(why)) => {
                let what = format!("the webhook's kubeconfig {path} could not be read: {why}");
                self.add("webhook-unreadable", Verdict::Unknown, what, "run this as root");
            }
            Some(Problem::NoServer) => {
                let what = format!("the webhook's kubeconfig {path} names no server");
                self.add(
                    "webhook-no-server",
                    half,
                    what,
                    "set `clusters[].cluster.server` and `current-context`",
                );
            }
        }
        if webhook.reachable == Some(false) {
            let verdict = facts.log.is_none().then_some(Verdict::Silent);
            let what = format!(
                "no connection to the webhook {}: {}",
                webhook.server.as_deref().unwrap_or_default(),
                webhook.why_not.as_deref().unwrap_or_default()
            );
            self.add(
                "webhook-unreachable",
                verdict,
                what,
                "events are lost after five tries, some 90 seconds",
            );
        }
    }

    fn about_numbers(&mut self, facts: &Facts) {
        let Some(metrics) = &facts.metrics else { return };
        for (plugin, lost) in metrics.errors.iter().filter(|(_, lost)| **lost > 0) {
            let what =
                format!("the API server lost {} in `{plugin}` since it started", count(*lost, "event"));
            self.add("events-lost", None, what, "its own log says why: `Error in audit plugin`");
        }
        if metrics.rejected > 0 {
            let what =
                format!("{} failed because they could not be recorded", count(metrics.rejected, "request"));
            self.add("requests-rejected", None, what, "blocking-strict refuses what it can't record");
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::Unknown => "unknown",
            Self::Silent => "on but silent",
            Self::HalfOn => "half on",
            Self::Off => "off",
        })
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `3 days`, `4 hours`: how long events are kept.
pub fn hours(hours: u64) -> String {
    if hours >= 72 { count(hours / 24, "day") } else { count(hours, "hour") }
}

/// `12 s`, `5 min`, `3 h`, `4 d`.
pub fn duration(micros: i64) -> String {
    let seconds = micros.max(0) / SECOND;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A moment as people and programs read it.
pub fn moment(micros: i64) -> String {
    MicroTime::from_micros(micros).to_string()
}
