//! `auditward policy simulate`

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use auditward_event::{EventView, Events, Level, Stage};
use auditward_policy::Evaluator;
use auditward_policy::simulate::{Fate, Report, Share, Simulation};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input::{self, PolicyFile};
use crate::output::{self, OutputArgs, bytes, count, share};
use crate::progress::Progress;
use crate::table::{Align, Table};

/// Say what a policy would have recorded of events that are in a log
///
/// Each event's request is judged again, as the API server saw it: by its verb and requestURI and the authenticated
/// user. A log cannot tell what its own policy never wrote, nor how large a body was that it left out; what is unknown
/// for that reason is counted and said.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  done
  2  wrong usage, or a file could not be read (broken lines are counted and passed over)

Examples:
  auditward policy simulate --policy new.yaml /var/log/kubernetes/audit/audit*.log
  auditward policy simulate --policy new.yaml --events audit.log.gz | jq 'select(.recorded|not)'")]
pub(crate) struct Args {
    /// The policy; - is standard input
    #[arg(short, long, value_name = "FILE")]
    policy: PathBuf,
    /// Logs: one event a line, event lists, arrays; gzip or not; - is standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Print one line of JSON an event instead of a summary: auditID, stage, level, rule, recorded
    #[arg(long)]
    events: bool,
    /// How many users and kinds of request to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once([&self.policy].into_iter().chain(&self.logs))?;
        let file = PolicyFile::open(&self.policy)?;
        let evaluator = Evaluator::new(file.accepted()?.clone());
        let mut simulation = Simulation::new(&evaluator);
        let reading = if self.events {
            let mut lines = BufWriter::new(io::stdout().lock());
            let mut written = Ok(());
            let reading = read_logs(&self.logs, |event| {
                if let Some(fate) = simulation.observe(event) {
                    written = write_fate(&mut lines, event, &fate);
                }
                written.is_ok()
            })?;
            output::ignore_closed_pipe(written.and_then(|()| lines.flush()))?;
            reading
        } else {
            read_logs(&self.logs, |event| {
                simulation.observe(event);
                true
            })?
        };
        reading.talk();
        if !self.events {
            let summary = Summary::new(&file, simulation.report(), self.top, reading);
            self.output.print(&summary, |colour| summary.render(colour))?;
        }
        Ok(Exit::Fine)
    }
}

/// What reading the logs gave besides events.
#[derive(Clone, Copy, Default)]
pub(super) struct LogReading {
    pub(super) broken: u64,
}

impl LogReading {
    fn talk(self) {
        if self.broken > 0 {
            output::talk(&format!("passed over {}", count(self.broken, "broken line")));
        }
    }
}

/// Hands every event of the logs to `each` until it says no. The first broken lines of a log are told in full; a log
/// in which nothing else is found is none.
pub(super) fn read_logs(
    logs: &[PathBuf],
    mut each: impl FnMut(&EventView<'_>) -> bool,
) -> Result<LogReading, Failure> {
    const TOLD_MAX: u64 = 3;
    let mut progress = Progress::new();
    let mut reading = LogReading::default();
    let (mut events, mut size) = (0, 0);
    for path in logs {
        let mut log = Events::new(input::stream(path)?.0);
        let mut broken = 0;
        while let Some(event) = log.next() {
            match event {
                Ok(event) => {
                    events += 1;
                    size += event.view.len() as u64 + 1;
                    if !each(&event.view) {
                        return Ok(reading);
                    }
                    progress.tick(events, size);
                }
                Err(error) => {
                    broken += 1;
                    if broken <= TOLD_MAX {
                        output::talk(&format!("{}: {error}", input::name(path)));
                    }
                }
            }
        }
        if broken > 0 && log.stats().events == 0 {
            return Err(Failure::new(format!("`{}` holds no audit events", input::name(path)))
                .hint("a log has one event a line, or event lists; gzip is fine"));
        }
        reading.broken += broken;
    }
    Ok(reading)
}

fn write_fate(out: &mut impl Write, event: &EventView<'_>, fate: &Fate) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        #[serde(rename = "auditID")]
        audit_id: &'a str,
        stage: Option<&'static str>,
        level: &'static str,
        rule: Option<usize>,
        recorded: bool,
    }
    let line = Line {
        audit_id: &event.audit_id(),
        stage: event.stage().map(Stage::as_str),
        level: fate.decision.level.as_str(),
        rule: fate.decision.rule.map(|rule| rule + 1),
        recorded: fate.recorded,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The report in the form in which it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    policy: String,
    total: Row,
    by_rule: Vec<Row>,
    by_level: Vec<Row>,
    by_stage: Vec<Row>,
    by_request: Vec<Row>,
    by_user: Vec<Row>,
    /// How many kinds of request and users there are beyond those shown.
    more_requests: usize,
    more_users: usize,
    unknown: UnknownRow,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    events: u64,
    kept_events: u64,
    bytes: u64,
    kept_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnknownRow {
    broken_lines: u64,
    unreadable_events: u64,
    bodies_not_in_log: u64,
    /// Stages that the policy may record and the log has none of.
    stages_not_in_log: Vec<&'static str>,
}

impl Summary {
    pub(super) fn new(file: &PolicyFile, report: &Report, top: usize, reading: LogReading) -> Self {
        let policy = file.reading.policy.as_ref();
        let level = |rule: usize| policy.and_then(|policy| policy.rules.get(rule)).map(|rule| rule.level);
        let mut by_rule: Vec<Row> = report
            .by_rule
            .iter()
            .enumerate()
            .map(|(rule, share)| Row {
                line: Some(file.rule_line(rule)),
                level: level(rule).map(Level::as_str),
                ..Row::new((rule + 1).to_string(), *share)
            })
            .collect();
        if report.no_rule.seen.events > 0 {
            by_rule.push(Row { level: Some("None"), ..Row::new("none".to_owned(), report.no_rule) });
        }
        let omitted_everywhere = policy.map_or_else(Default::default, |policy| policy.omit_stages);
        let unseen = |stage: &Stage| {
            *stage != Stage::Panic
                && !omitted_everywhere.contains(*stage)
                && report.by_stage[*stage as usize].seen.events == 0
        };
        Self {
            policy: file.name(),
            total: Row::new("total".to_owned(), report.total),
            by_rule,
            by_level: rows(Level::ALL.map(Level::as_str).into_iter().zip(report.by_level)),
            by_stage: rows(Stage::ALL.map(Stage::as_str).into_iter().zip(report.by_stage)),
            by_request: rows(Report::sorted(&report.by_request).into_iter().take(top)),
            by_user: rows(Report::sorted(&report.by_user).into_iter().take(top).map(named_user)),
            more_requests: beyond(&report.by_request, top),
            more_users: beyond(&report.by_user, top),
            unknown: UnknownRow {
                broken_lines: reading.broken,
                unreadable_events: report.unknown.unreadable,
                bodies_not_in_log: report.unknown.bodies_not_in_log,
                stages_not_in_log: Stage::ALL.into_iter().filter(unseen).map(Stage::as_str).collect(),
            },
        }
    }

    fn render(&self, colour: bool) -> String {
        let total = &self.total;
        let mut out = format!(
            "{} keeps {} of {} ({}), {} of {} ({})\n",
            self.policy,
            total.kept_events,
            count(total.events, "event"),
            share(total.kept_events, total.events),
            bytes(total.kept_bytes),
            bytes(total.bytes),
            share(total.kept_bytes, total.bytes),
        );
        let mut rules = Table::new([
            ("RULE", Align::Right),
            ("LINE", Align::Right),
            ("LEVEL", Align::Left),
            ("EVENTS", Align::Right),
            ("KEPT", Align::Right),
            ("KEPT BYTES", Align::Right),
            ("OF ALL KEPT", Align::Right),
        ]);
        for row in &self.by_rule {
            rules.row([
                row.name.clone(),
                row.line.map_or_else(|| "-".to_owned(), |line| line.to_string()),
                row.level.unwrap_or_default().to_owned(),
                row.events.to_string(),
                row.kept_events.to_string(),
                bytes(row.kept_bytes),
                share(row.kept_bytes, total.kept_bytes),
            ]);
        }
        out += &format!("\n{}", rules.render(colour));
        for (heading, rows, more) in [
            ("LEVEL", &self.by_level, 0),
            ("STAGE", &self.by_stage, 0),
            ("REQUEST", &self.by_request, self.more_requests),
            ("USER", &self.by_user, self.more_users),
        ] {
            out += &format!("\n{}", self.section(heading, rows, more, colour));
        }
        out + &self.unknown.render()
    }

    fn section(&self, heading: &'static str, rows: &[Row], more: usize, colour: bool) -> String {
        let mut table = Table::new([
            (heading, Align::Left),
            ("EVENTS", Align::Right),
            ("KEPT", Align::Right),
            ("KEPT BYTES", Align::Right),
            ("OF ALL KEPT", Align::Right),
        ]);
        for row in rows.iter().filter(|row| row.events > 0) {
            table.row([
                row.name.clone(),
                row.events.to_string(),
                row.kept_events.to_string(),
                bytes(row.kept_bytes),
                share(row.kept_bytes, self.total.kept_bytes),
            ]);
        }
        let mut out = table.render(colour);
        if more > 0 {
            out += &format!("… and {more} more (--top)\n");
        }
        out
    }
}

impl UnknownRow {
    fn render(&self) -> String {
        let mut out =
            "\nWhat this log cannot tell: requests that its own policy left out are not in it.\n".to_owned();
        if self.bodies_not_in_log > 0 {
            out += &format!(
                "{} would be kept with a body that the log does not have; their bytes are a lower bound.\n",
                count(self.bodies_not_in_log, "event"),
            );
        }
        if !self.stages_not_in_log.is_empty() {
            out += &format!(
                "It has no events at {}; this policy may write some.\n",
                self.stages_not_in_log.join(", ")
            );
        }
        if self.unreadable_events > 0 {
            out += &format!(
                "{} told of no request and is counted nowhere.\n",
                count(self.unreadable_events, "event")
            );
        }
        out
    }
}

impl Row {
    fn new(name: String, share: Share) -> Self {
        Self {
            name,
            line: None,
            level: None,
            events: share.seen.events,
            kept_events: share.kept.events,
            bytes: share.seen.bytes,
            kept_bytes: share.kept.bytes,
        }
    }
}

fn rows<'n>(shares: impl Iterator<Item = (&'n str, Share)>) -> Vec<Row> {
    shares.map(|(name, share)| Row::new(name.to_owned(), share)).collect()
}

fn named_user((name, share): (&str, Share)) -> (&str, Share) {
    (if name.is_empty() { "(not authenticated)" } else { name }, share)
}

fn beyond(map: &HashMap<String, Share>, top: usize) -> usize {
    map.len().saturating_sub(top)
}
