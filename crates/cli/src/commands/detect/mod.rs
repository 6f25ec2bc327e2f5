//! `auditward detect`

mod follow;
mod history;
mod logs;
mod pipeline;
mod place;
mod print;
mod sarif;
mod span;
mod summary;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use auditward_detect::{Alert, Config, Engine, Order, RuleSet};
use auditward_event::MicroTime;
use auditward_rules::falco::alert::Properties;
use auditward_rules::{Rule, Severity, Weight, falco};
use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::rule_files::RuleArgs;
use crate::{input, output};
use place::{Place, Saved};
use print::Printer;
use summary::Summary;

/// Look for attacks and mistakes in audit logs
///
/// Reads logs as fast as the disk gives them and prints what the rules find, in order of event time: single events, so many
/// within a window, one step after another, things never seen before. The shipped rules run, and those of --rules beside them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  no alert
  1  alerts were printed (0 with --exit-zero)
  2  wrong usage, or a file or rule could not be read (broken lines are counted and passed over);
     alerts of the logs that could be read are printed all the same

Examples:
  auditward detect /var/log/kubernetes/audit/
  auditward detect --rules my-rules/ --no-shipped -o json audit.log.gz | jq .summary
  auditward detect --follow --state /var/lib/auditward/detect.json /var/log/kubernetes/audit/audit.log
  auditward detect --store /var/lib/auditward --since 90d --no-shipped --rules new.yaml")]
pub(crate) struct Args {
    /// Logs: one event a line, event lists, arrays; gzip or not; of a folder all files in it with `log` or `json` in
    /// their names; - is standard input
    #[arg(required_unless_present = "store", value_name = "LOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    history: history::HistoryArgs,
    #[command(flatten)]
    span: span::SpanArgs,
    #[command(flatten)]
    rules: RuleArgs,
    /// Leave out rules that are less severe: debug, informational, notice, warning, error, critical, alert, emergency
    #[arg(long, default_value_t = Severity::Debug, value_name = "SEVERITY")]
    severity: Severity,
    /// The cluster's name, for the alerts; with --store, the only cluster to look at
    #[arg(long, default_value = "", value_name = "NAME")]
    cluster: String,
    /// How many threads look for matches; 0 is one a core
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
    /// Remember windows, baselines and how far each log was read in this file, and go on from there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Wait for more events at the end of the log, also when it is rotated. An alert of a single event is printed at once
    #[arg(long, short)]
    follow: bool,
    /// How much later than a newer one an event may come and still be put in its place, in seconds
    #[arg(long, default_value_t = Config::LATENESS.as_secs(), value_name = "SECONDS")]
    lateness: u64,
    /// Exit with 0 also when there are alerts
    #[arg(long)]
    exit_zero: bool,
    /// How to print alerts; json, yaml and falco print one document an alert
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How alerts are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: one line an alert
    #[default]
    Table,
    /// One line of JSON an alert, as docs/reference/alert.schema.json says
    Json,
    /// One YAML document an alert
    Yaml,
    /// One line of JSON an alert, with Falco's keys
    Falco,
    /// One SARIF 2.1.0 document
    Sarif,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once(&self.logs)?;
        if self.follow {
            self.can_be_followed()?;
        }
        let span = self.span.parse()?;
        let set = self.rule_set()?;
        let (engine, place) = self.engine(&set)?;
        let mut work = Work {
            printer: Printer::new(self.output, set.clone())?,
            set,
            engine,
            saved: self.state.as_deref().map(Saved::new),
            place,
            alerts: Vec::new(),
            printed: BTreeMap::new(),
        };
        let began = Instant::now();
        let read = if let Some(store) = &self.history.store {
            history::run(store, span, &self, &mut work)?
        } else if self.follow {
            follow::run(&self.logs[0], &mut work)?
        } else {
            let logs = logs::files(&self.logs)?;
            pipeline::run(&logs, span, self.threads(), &mut work)?
        };
        work.finish()?;
        Summary { read, took: began.elapsed(), counters: work.engine.counters(), printed: &work.printed }
            .talk();
        Ok(match read.unreadable {
            0 if work.printed.is_empty() || self.exit_zero => Exit::Fine,
            0 => Exit::Found,
            _ => Exit::Trouble,
        })
    }

    /// Refuses here what would show only when the log is read, and then again at every try.
    fn can_be_followed(&self) -> Result<(), Failure> {
        match &self.logs[..] {
            [log] if log.is_dir() => {
                let log = log.display();
                Err(Failure::new(format!("`--follow` waits at the end of one log, and `{log}` is a folder"))
                    .hint("name the log in it that is written to, such as `audit.log`"))
            }
            [_] => Ok(()),
            _ => Err(Failure::new("`--follow` waits at the end of one log, and several were given")),
        }
    }

    fn rule_set(&self) -> Result<Arc<RuleSet>, Failure> {
        let mut rules = self.rules()?;
        rules.retain(|rule| rule.enabled && rule.severity >= self.severity);
        if rules.is_empty() {
            return Err(Failure::new("there is no rule to look for")
                .hint("give some with `--rules`, or leave out `--no-shipped` or `--severity`"));
        }
        let compiled = RuleSet::compile(rules).map_err(|errors| {
            for error in &errors {
                output::talk(&format!("error: {error}"));
            }
            Failure::new("these rules cannot run together")
        })?;
        Ok(Arc::new(compiled))
    }

    /// All rules; mistakes are told, and one that keeps a rule from running ends the command.
    fn rules(&self) -> Result<Vec<Rule>, Failure> {
        let loaded = self.rules.load()?;
        for finding in loaded.findings.iter().filter(|finding| finding.weight == Weight::Error) {
            output::talk(&finding.to_string());
        }
        if loaded.has_errors() {
            return Err(Failure::new("not every rule can run").hint("`auditward rules check` tells more"));
        }
        Ok(loaded.rules)
    }

    fn config(&self, cluster: &str) -> Config {
        Config {
            cluster: cluster.to_owned(),
            lateness: std::time::Duration::from_secs(self.lateness),
            order: if self.follow { Order::AtOnce } else { Order::ByTime },
            ..Config::default()
        }
    }

    fn engine(&self, set: &Arc<RuleSet>) -> Result<(Engine, Place), Failure> {
        let config = self.config(&self.cluster);
        match &self.state {
            Some(path) if path.exists() => place::restore(path, set.clone(), config),
            _ => Ok((Engine::new(set.clone(), config), Place::default())),
        }
    }

    fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        }
    }
}

/// What goes on while logs are read.
struct Work {
    set: Arc<RuleSet>,
    engine: Engine,
    printer: Printer,
    saved: Option<Saved>,
    /// How far each log was read.
    place: Place,
    alerts: Vec<Alert>,
    /// How many alerts of which rule.
    printed: BTreeMap<(Reverse<Severity>, Arc<str>), u64>,
}

impl Work {
    /// Prints what has come; false when nobody reads it any more.
    fn print(&mut self) -> Result<bool, Failure> {
        for alert in self.alerts.drain(..) {
            *self.printed.entry((Reverse(alert.severity), alert.rule.clone())).or_default() += 1;
            if !self.printer.alert(&alert)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn saves_now(&self) -> bool {
        self.saved.as_ref().is_some_and(|saved| saved.is_due(place::When::Sometimes))
    }

    /// Saves the state if it is time. What was found before is with its reader by then.
    fn save(&mut self, when: place::When) -> Result<(), Failure> {
        let Some(saved) = &mut self.saved else { return Ok(()) };
        if saved.is_due(when) {
            self.printer.flush()?;
            saved.write(&mut self.engine, &self.place)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.engine.finish(&mut self.alerts);
        if self.print()? {
            self.printer.finish()?;
        }
        self.save(place::When::Now)
    }
}

/// An alert with Falco's keys.
pub(crate) fn falco_json(rule: &Rule, alert: &Alert) -> Map<String, Value> {
    let told = falco::alert::Alert {
        rule,
        time: MicroTime::parse_rfc3339(&alert.time).unwrap_or(MicroTime::GO_ZERO),
        source: "k8s_audit",
        hostname: &alert.cluster,
    };
    falco::alert::json(&told, Properties::default(), &mut alert.values(rule))
}
