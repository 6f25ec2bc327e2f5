//! `auditward rules list [PATH…]`

use std::path::PathBuf;

use auditward_event::Level;
use auditward_expr::Expr;
use auditward_expr::symbolic::symbolic;
use auditward_rules::{Language, Rule, Trigger, library};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::OutputArgs;
use crate::rule_files::RuleFiles;
use crate::table::{Align, Table};

/// List rules: the shipped ones, or those of files, as settings among them make them
///
/// NEEDS is the least level at which an audit policy has to record a rule's events for it to find anything.
///
/// Without PATH these are the shipped rules. With PATH they are the rules of those files; a file of settings brings in the
/// shipped rules that it speaks of.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  there is at least one rule
  1  there is none
  2  wrong usage, or a file could not be read

Examples:
  auditward rules list
  auditward rules list --tactic persistence -o json
  auditward rules list settings.yaml my-rules/")]
pub(crate) struct Args {
    /// Files and folders of rules and settings
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only rules of this tactic of MITRE
    #[arg(long, value_name = "NAME")]
    tactic: Option<String>,
    /// Only rules that have this among their refs, such as the id of another product's alarm
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Only rules that run
    #[arg(long)]
    enabled: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let files = RuleFiles::open(&self.paths)?;
        let loaded = library::load_with_shipped(&files.files);
        let own = loaded.rules.iter().any(|rule| files.has(&rule.origin.file));
        let rules: Vec<Row> = loaded
            .rules
            .iter()
            .filter(|rule| !own || files.has(&rule.origin.file))
            .filter(|rule| self.tactic.as_ref().is_none_or(|tactic| rule.attack.tactics.contains(tactic)))
            .filter(|rule| self.reference.as_ref().is_none_or(|reference| rule.refs.contains(reference)))
            .filter(|rule| rule.enabled || !self.enabled)
            .map(Row::of)
            .collect();
        self.output.print(&rules, |colour| table(&rules, colour))?;
        Ok(if rules.is_empty() { Exit::Found } else { Exit::Fine })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    title: String,
    severity: &'static str,
    enabled: bool,
    language: &'static str,
    kind: &'static str,
    /// The least level that its events have to be recorded at; absent where none is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    tactics: Vec<String>,
    techniques: Vec<String>,
    threat_matrix: Vec<String>,
    refs: Vec<String>,
    description: String,
    file: String,
    line: usize,
}

impl Row {
    fn of(rule: &Rule) -> Self {
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            severity: rule.severity.as_str(),
            enabled: rule.enabled,
            language: match rule.origin.language {
                Language::Native => "native",
                Language::Falco => "falco",
                Language::Sigma => "sigma",
            },
            kind: kind(&rule.trigger),
            level: level(&rule.trigger).map(Level::as_str),
            tactics: rule.attack.tactics.clone(),
            techniques: rule.attack.techniques.clone(),
            threat_matrix: rule.attack.threat_matrix.clone(),
            refs: rule.refs.clone(),
            description: rule.description.clone(),
            file: rule.origin.file.clone(),
            line: rule.origin.line,
        }
    }
}

fn table(rules: &[Row], colour: bool) -> String {
    let mut table = Table::new([
        ("RULE", Align::Left),
        ("SEVERITY", Align::Left),
        ("NEEDS", Align::Left),
        ("TACTIC", Align::Left),
        ("REFS", Align::Left),
        ("FINDS", Align::Left),
    ]);
    for rule in rules {
        let severity =
            if rule.enabled { rule.severity.to_owned() } else { format!("{} (off)", rule.severity) };
        // Addresses are long, and in `-o json`.
        let refs: Vec<&str> =
            rule.refs.iter().map(String::as_str).filter(|name| !name.contains("://")).collect();
        table.row([
            rule.id.clone(),
            severity,
            rule.level.unwrap_or("-").to_owned(),
            rule.tactics.first().cloned().unwrap_or_default(),
            refs.join(" "),
            rule.title.clone(),
        ]);
    }
    table.render(colour)
}

/// The least level at which all that the trigger asks for can be true of recorded events.
fn level(trigger: &Trigger) -> Option<Level> {
    let least = |expr: &Expr| symbolic(expr).ways.iter().map(|way| way.level).min();
    let levels: Option<Vec<Level>> = trigger.expressions().into_iter().map(least).collect();
    levels?.into_iter().max()
}

fn kind(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Event(_) => "event",
        Trigger::Count { .. } => "window",
        Trigger::Sequence { .. } => "sequence",
        Trigger::FirstSeen { .. } => "firstSeen",
    }
}
