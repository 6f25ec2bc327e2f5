//! `auditward status`

use std::path::PathBuf;

use auditward_base::clock;
use auditward_node::inspect::{
    Check, CheckResult, Difference, EndedBy, Facts, Host, Judgement, LogFacts, Looked, Metrics, PolicyFacts,
    PolicyState, Probe, Running, Seen, Setting, Verdict, WebhookFacts, ask_metrics, ask_probe, checks,
    duration, facts, hours, moment, verdict,
};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{OutputArgs, bytes, count, visible};
use crate::table::{Align, Table};

/// Say whether auditing is on here, and why
///
/// Finds what runs the API server (kubeadm and what is built on it, k3s, RKE2, k0s, MicroK8s, Talos, a systemd unit
/// …), compares what is configured with what runs, and looks at the policy, the log and the webhook.
/// Nothing is changed, and no credential is printed. On the node itself the API server is asked for its counters, and with
/// --probe it is proven that events arrive.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  auditing is on
  1  it is off, half on, or on but silent
  2  wrong usage, or the folder could not be opened
  3  it could not be told

Examples:
  auditward status
  sudo auditward status --probe
  auditward status --checks
  auditward status --root ./copied-from-cp1 -o json")]
pub(crate) struct Args {
    /// Look at a folder that was copied from a machine instead of at this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Show what CIS and DISA ask for instead, each check with its evidence
    #[arg(long)]
    checks: bool,
    /// Make a harmless request that the policy records, and look for its event
    #[arg(long, conflicts_with = "root")]
    probe: bool,
    /// The credentials to ask the API server with, where the node's own lie elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let host = match &self.root {
            Some(root) => Host::at(root).map_err(|error| Failure::reading(root, error))?,
            None => Host::live(),
        };
        let mut facts = facts(&host, clock::micros(clock::now()));
        ask_metrics(&mut facts, self.kubeconfig.as_deref());
        if self.probe {
            ask_probe(&host, &mut facts, self.kubeconfig.as_deref());
        }
        let judgement = verdict(&facts);
        let exit = match judgement.verdict {
            Verdict::On => Exit::Fine,
            Verdict::Off | Verdict::HalfOn | Verdict::Silent => Exit::Found,
            Verdict::Unknown => Exit::Unsure,
        };
        let checks = self.checks.then(|| checks(&facts));
        let status = Status::new(&facts, &judgement, checks.as_deref());
        self.output.print(&status, |colour| match &checks {
            Some(checks) => render_checks(&judgement, checks, colour),
            None => render(&facts, &judgement, colour),
        })?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'f> {
    #[serde(flatten)]
    judgement: &'f Judgement,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'f [Check]>,
    api_server: ApiServer<'f>,
    flags: &'f [Setting],
    differences: &'f [Difference],
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'f PolicyFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'f LogFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<&'f WebhookFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<&'f Metrics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<&'f Probe>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unfinished: &'f [String],
    looked_at: &'f [Looked],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer<'f> {
    run_by: Option<auditward_node::inspect::Distribution>,
    sign: &'f str,
    manifests: Vec<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<&'f Running>,
}

impl<'f> Status<'f> {
    fn new(facts: &'f Facts, judgement: &'f Judgement, checks: Option<&'f [Check]>) -> Self {
        let found = &facts.found;
        Self {
            judgement,
            checks,
            api_server: ApiServer {
                run_by: found.distribution,
                sign: &found.sign,
                manifests: found.manifests.iter().map(|pod| pod.path.as_str()).collect(),
                version: found.version.as_deref(),
                process: facts.running.as_ref(),
            },
            flags: &facts.flags,
            differences: &facts.differences,
            policy: facts.policy.as_ref(),
            log: facts.log.as_ref(),
            last_event: facts.log.as_ref().and_then(|log| log.last_written).map(moment),
            webhook: facts.webhook.as_ref(),
            metrics: facts.metrics.as_ref(),
            probe: facts.probe.as_ref(),
            unfinished: &facts.unfinished,
            looked_at: &found.looked,
        }
    }
}

fn render(facts: &Facts, judgement: &Judgement, colour: bool) -> String {
    let mut out = format!("{}\n", visible(&judgement.summary));
    for reason in &judgement.reasons {
        let mark = reason.verdict.map_or("note".to_owned(), |verdict| verdict.to_string());
        out += &format!("\n  {mark}[{}]: {}\n", reason.code, visible(&reason.what));
        if let Some(todo) = &reason.todo {
            out += &format!("    to do: {}\n", visible(todo));
        }
    }
    out += &api_server(facts);
    if !facts.flags.is_empty() {
        let mut table = Table::new([("FLAG", Align::Left), ("VALUE", Align::Left), ("FROM", Align::Left)]);
        for flag in &facts.flags {
            table.row([format!("--{}", flag.name), flag.value.clone(), flag.origin.to_string()]);
        }
        out += &format!("\n{}", table.render(colour));
    }
    let sections = [
        facts.policy.as_ref().map(policy),
        facts.log.as_ref().map(|log| self::log(facts, log)),
        facts.webhook.as_ref().map(webhook),
        facts.metrics.as_ref().map(metrics),
    ];
    for section in sections.into_iter().flatten() {
        out += &format!("\n{}", visible_lines(&section));
    }
    out += "\nlooked at\n";
    for looked in &facts.found.looked {
        let seen = match &looked.seen {
            Seen::Absent => "nothing there",
            Seen::Unreadable(why) | Seen::Found(why) => why,
        };
        out += &format!("  {}: {}\n", visible(&looked.path), visible(seen));
    }
    out
}

/// Each line made safe by itself, so that the breaks between them stay.
fn visible_lines(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + &visible(line) + "\n")
}

fn api_server(facts: &Facts) -> String {
    let found = &facts.found;
    let Some(distribution) = found.distribution else { return String::new() };
    let mut out = format!("\nAPI server: {distribution}, {}", visible(&found.sign));
    if let Some(version) = &found.version {
        out += &format!(", {}", visible(version));
    }
    out += "\n";
    match &facts.running {
        Some(running) => {
            let process = &running.process;
            out += &format!("  running as process {} ({})", process.pid, process.program.name());
            if let Some(started) = process.started {
                out += &format!(", since {}", moment(started));
            }
            out += "\n";
        }
        None if found.processes.seen => out += "  not running\n",
        None => out += "  whether it runs can't be seen here\n",
    }
    out
}

fn policy(policy: &PolicyFacts) -> String {
    let mut out = format!("policy: {}\n", policy.path.as_deref().unwrap_or(&policy.flag));
    out += &match &policy.state {
        PolicyState::Accepted(accepted) => format!(
            "  {}, {}\n  {}, {}, {} of lint\n",
            count(accepted.rules as u64, "rule"),
            accepted.digest,
            count(accepted.errors as u64, "error"),
            count(accepted.warnings as u64, "warning"),
            count(accepted.notes as u64, "note")
        ),
        PolicyState::Refused { line, message } => format!("  refused, line {line}: {message}\n"),
        PolicyState::Missing => "  missing\n".to_owned(),
        PolicyState::Folder => "  a folder\n".to_owned(),
        PolicyState::NotMounted => "  not mounted into the pod\n".to_owned(),
        PolicyState::Unreadable { why } | PolicyState::Elsewhere { why } => format!("  {why}\n"),
    };
    out
}

fn log(facts: &Facts, log: &LogFacts) -> String {
    let mut out = format!("log: {}", log.path.as_deref().unwrap_or(&log.flag));
    if log.path.as_ref().is_some_and(|path| *path != log.flag) {
        out += &format!(", which is {} in the container", log.flag);
    }
    out += "\n";
    let size: u64 = log.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
    if !log.files.is_empty() {
        out += &format!("  {}, {}", count(log.files.len() as u64, "file"), bytes(size));
        if let Some(last) = log.last_written {
            out += &format!(", last written {}", moment(last));
            if facts.live {
                out += &format!(" ({} ago)", duration(facts.now - last));
            }
        }
        out += "\n";
    }
    if let Some(rate) = log.bytes_per_hour {
        out += &format!("  {} an hour\n", bytes(rate));
    }
    if let Some(keeps) = log.keeps {
        out += &match (keeps.hours, keeps.ended_by) {
            (Some(kept), EndedBy::Age) => format!("  kept for {}, by age\n", hours(kept)),
            (Some(kept), _) => format!("  kept for {}, by size at this rate\n", hours(kept)),
            (None, _) => "  kept for ever\n".to_owned(),
        };
    }
    if let Some(max) = log.bytes_max {
        out += &format!("  {} at most\n", bytes(max));
    }
    if let Some(space) = log.space {
        out += &format!("  {} of {} free on its disk\n", bytes(space.free), bytes(space.size));
    }
    out
}

fn webhook(webhook: &WebhookFacts) -> String {
    let mut out = format!("webhook: {}\n", webhook.path.as_deref().unwrap_or(&webhook.flag));
    if let Some(server) = &webhook.server {
        let reachable = match webhook.reachable {
            Some(true) => ", reachable",
            Some(false) => ", not reachable",
            None => "",
        };
        out += &format!("  {server}{reachable}\n");
    }
    out
}

fn metrics(metrics: &Metrics) -> String {
    let lost: u64 = metrics.errors.values().fold(0, |all, lost| all.saturating_add(*lost));
    format!(
        "counted by the API server since it started\n  {}, {lost} lost, {} refused\n",
        count(metrics.events, "event"),
        count(metrics.rejected, "request")
    )
}

fn render_checks(judgement: &Judgement, checks: &[Check], colour: bool) -> String {
    let mut out = format!("{}\n\n", visible(&judgement.summary));
    let mut table = Table::new([("CHECK", Align::Left), ("RESULT", Align::Left), ("EVIDENCE", Align::Left)]);
    let word = |result| match result {
        CheckResult::Pass => "pass",
        CheckResult::Fail => "FAIL",
        CheckResult::Manual => "manual",
    };
    for check in checks {
        table.row([check.id.to_owned(), word(check.result).to_owned(), check.evidence.clone()]);
    }
    out += &table.render(colour);
    let mut told: Vec<&str> = Vec::new();
    for check in checks {
        if let Some(remedy) = check.remedy.as_deref().filter(|remedy| !told.contains(remedy)) {
            if told.is_empty() {
                out += "\nto do\n";
            }
            told.push(remedy);
            out += &format!("  {}\n", visible(remedy));
        }
    }
    let number = |result| checks.iter().filter(|check| check.result == result).count();
    out + &format!(
        "\n{} pass, {} fail, {} to be looked at\n",
        number(CheckResult::Pass),
        number(CheckResult::Fail),
        number(CheckResult::Manual)
    )
}
