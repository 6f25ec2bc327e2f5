//! `auditward policy diff A B [LOG…]`

use std::path::PathBuf;

use auditward_policy::diff::{Difference, diff};
use auditward_policy::simulate::{Report, Share, Simulation};
use auditward_policy::{Decision, Evaluator};
use serde::Serialize;

use super::simulate::read_logs;
use crate::exit::{Exit, Failure, context};
use crate::input::{self, PolicyFile};
use crate::output::{OutputArgs, bytes, count};
use crate::table::{Align, Table};

/// Say where two policies differ, for every request there can be, and in events and bytes on a log
///
/// The comparison is symbolic: each difference is found without a log, and shown with a request that proves it.
/// Rules are compared by what they record, so a policy that says the same in other words does not differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the two record the same
  1  they differ
  2  wrong usage, or a file could not be read

Examples:
  auditward policy diff old.yaml new.yaml
  auditward policy diff old.yaml new.yaml /var/log/kubernetes/audit/*.log")]
pub(crate) struct Args {
    /// The policy to compare with
    a: PathBuf,
    /// The other policy
    b: PathBuf,
    /// Logs on which to count what each would have kept
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once([&self.a, &self.b].into_iter().chain(&self.logs))?;
        let files = [PolicyFile::open(&self.a)?, PolicyFile::open(&self.b)?];
        let [a, b] = [files[0].accepted()?, files[1].accepted()?];
        let found = diff(a, b).map_err(context("could not compare the two policies"))?;
        let on_logs = if self.logs.is_empty() { None } else { Some(self.on_logs([a, b])?) };
        let answer = Answer {
            a: files[0].name(),
            b: files[1].name(),
            differences: found.differences.iter().map(|difference| Row::new(&files, difference)).collect(),
            on_logs,
        };
        self.output.print(&answer, |colour| answer.render(colour))?;
        Ok(if answer.differences.is_empty() { Exit::Fine } else { Exit::Found })
    }

    fn on_logs(&self, policies: [&auditward_policy::Policy; 2]) -> Result<OnLogs, Failure> {
        let evaluators = policies.map(|policy| Evaluator::new(policy.clone()));
        let [mut a, mut b] = [Simulation::new(&evaluators[0]), Simulation::new(&evaluators[1])];
        read_logs(&self.logs, |event| {
            a.observe(event);
            b.observe(event);
            true
        })?;
        Ok(OnLogs::new(a.report(), b.report()))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    a: String,
    b: String,
    differences: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_logs: Option<OnLogs>,
}

#[derive(Serialize)]
struct Row {
    a: Side,
    b: Side,
    /// A request that the two record differently.
    request: String,
    /// All such requests, in words.
    requests: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    rule: Option<usize>,
    line: Option<usize>,
    level: &'static str,
    omit_stages: Vec<&'static str>,
    omit_managed_fields: bool,
}

impl Row {
    fn new(files: &[PolicyFile; 2], difference: &Difference) -> Self {
        let side = |file: &PolicyFile, decision: &Decision| Side {
            rule: decision.rule.map(|rule| rule + 1),
            line: decision.rule.map(|rule| file.rule_line(rule)),
            level: decision.level.as_str(),
            omit_stages: decision.omit_stages.iter().map(auditward_event::Stage::as_str).collect(),
            omit_managed_fields: decision.omit_managed_fields,
        };
        Self {
            a: side(&files[0], &difference.a),
            b: side(&files[1], &difference.b),
            request: difference.witness.request.with(|request| request.to_string()),
            requests: difference.description.clone(),
        }
    }
}

impl Side {
    fn rule(&self) -> String {
        match (self.rule, self.line) {
            (Some(rule), Some(line)) => format!("rule {rule}, line {line}"),
            _ => "no rule".to_owned(),
        }
    }

    /// The level, and what else differs from `other`.
    fn outcome(&self, other: &Side) -> String {
        let mut out = self.level.to_owned();
        if self.level != "None" && self.omit_stages != other.omit_stages {
            out += &match self.omit_stages.as_slice() {
                [] => " at all stages".to_owned(),
                stages => format!(" without {}", stages.join(", ")),
            };
        }
        if self.level != "None" && self.omit_managed_fields != other.omit_managed_fields {
            out += if self.omit_managed_fields { " without managed fields" } else { " with managed fields" };
        }
        out
    }
}

/// What the two keep of the logs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OnLogs {
    total: Kept,
    /// Only those that differ.
    by_request: Vec<Kept>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    name: String,
    events_in_log: u64,
    a_events: u64,
    b_events: u64,
    a_bytes: u64,
    b_bytes: u64,
}

impl OnLogs {
    fn new(a: &Report, b: &Report) -> Self {
        let kept = |name: &str, a: Share, b: Share| Kept {
            name: name.to_owned(),
            events_in_log: a.seen.events,
            a_events: a.kept.events,
            b_events: b.kept.events,
            a_bytes: a.kept.bytes,
            b_bytes: b.kept.bytes,
        };
        let mut by_request: Vec<Kept> = a
            .by_request
            .iter()
            .map(|(name, share)| kept(name, *share, b.by_request.get(name).copied().unwrap_or_default()))
            .filter(|row| (row.a_events, row.a_bytes) != (row.b_events, row.b_bytes))
            .collect();
        by_request.sort_by(|x, y| {
            (y.a_bytes.abs_diff(y.b_bytes), &x.name).cmp(&(x.a_bytes.abs_diff(x.b_bytes), &y.name))
        });
        Self { total: kept("total", a.total, b.total), by_request }
    }

    fn render(&self, colour: bool) -> String {
        const SHOWN: usize = 20;
        let mut table = Table::new([
            ("REQUEST", Align::Left),
            ("EVENTS", Align::Right),
            ("KEPT BY A", Align::Right),
            ("KEPT BY B", Align::Right),
            ("BYTES OF A", Align::Right),
            ("BYTES OF B", Align::Right),
        ]);
        for row in self.by_request.iter().take(SHOWN).chain([&self.total]) {
            table.row([
                row.name.clone(),
                row.events_in_log.to_string(),
                row.a_events.to_string(),
                row.b_events.to_string(),
                bytes(row.a_bytes),
                bytes(row.b_bytes),
            ]);
        }
        let mut out = format!("\nOn the log, where they differ:\n{}", table.render(colour));
        if self.by_request.len() > SHOWN {
            out += &format!("… and {} more kinds of request\n", self.by_request.len() - SHOWN);
        }
        out
    }
}

impl Answer {
    fn render(&self, colour: bool) -> String {
        let mut out = format!("A {}\nB {}\n", self.a, self.b);
        if self.differences.is_empty() {
            out += "\nThe two record the same of every request.\n";
        } else {
            out += &format!(
                "\n{}, each with a request that proves it:\n",
                count(self.differences.len() as u64, "difference")
            );
        }
        for (number, row) in self.differences.iter().enumerate() {
            out += &format!(
                "\n{}. {}\n   A {} ({})\n   B {} ({})\n   all of: {}\n",
                number + 1,
                row.request,
                row.a.outcome(&row.b),
                row.a.rule(),
                row.b.outcome(&row.a),
                row.b.rule(),
                row.requests,
            );
        }
        if let Some(on_logs) = &self.on_logs {
            out += &on_logs.render(colour);
        }
        out
    }
}
