//! `auditward policy coverage --policy FILE [--rules PATH…]`

use std::path::PathBuf;

use auditward_event::Stage;
use auditward_policy::space::TooComplex;
use auditward_rules::coverage::{Blind, Cause, Coverage, Judge, Sight, demands};
use auditward_rules::{Rule, Severity};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input::{self, PolicyFile};
use crate::output::{OutputArgs, count};
use crate::rule_files::RuleArgs;
use crate::table::{Align, Table};

/// Say which detections a policy leaves blind, each with a request that proves it
///
/// Nothing is sampled: each detection is turned into the requests that it has to see, and these are run down the policy's
/// rules. What a policy cannot see (a response code, an address, a pattern) counts as "could be anything".
///
/// A detection is fed in full when whatever it looks for is recorded well enough, in part when some of it is, and is blind
/// when none of it is: then it can never fire.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every detection is fed in full
  1  some are blind, or partly so
  2  wrong usage, or a file could not be read

Examples:
  auditward policy coverage --policy /etc/kubernetes/audit-policy.yaml
  auditward policy coverage --policy audit-policy.yaml --rules falco_rules.yaml --no-shipped
  auditward policy coverage --policy audit-policy.yaml --detection privileged-pod")]
pub(crate) struct Args {
    /// The policy
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
    /// Only these detections, with every blind part of each
    #[arg(long = "detection", value_name = "ID", value_delimiter = ',')]
    detections: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once(self.rules.paths.iter().chain([&self.policy]))?;
        let file = PolicyFile::open(&self.policy)?;
        let judge = Judge::new(file.accepted()?);
        let loaded = self.rules.load_whole()?;
        super::refuse_unknown_rules(&loaded.rules, &self.detections)?;
        let chosen = |rule: &&Rule| match self.detections.as_slice() {
            [] => rule.enabled,
            named => named.contains(&rule.id),
        };
        let mut rows: Vec<Row> = loaded
            .rules
            .iter()
            .filter(chosen)
            .map(|rule| Row::new(&file, rule, judge.coverage(&demands(rule))))
            .collect();
        rows.sort_by(|a, b| (a.sight, b.weight, &a.rule).cmp(&(b.sight, a.weight, &b.rule)));
        let whole = !self.detections.is_empty();
        self.output.print(&rows, |colour| render(&rows, whole, colour))?;
        Ok(if rows.iter().all(|row| row.sight == Word::Full) { Exit::Fine } else { Exit::Found })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rule: String,
    title: String,
    severity: String,
    #[serde(skip)]
    weight: Severity,
    sight: Word,
    blind: Vec<Part>,
}

/// [`Sight`], and what cannot be told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Blind,
    Partial,
    Unknown,
    Full,
}

/// What a detection does not see.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    /// Of a sequence.
    #[serde(skip_serializing_if = "String::is_empty")]
    step: String,
    /// A request that the detection has to see.
    request: String,
    /// The policy's rule that decides it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_rule: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    recorded: String,
    needed: String,
    /// What of the event the detection looks at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
}

impl Row {
    fn new(file: &PolicyFile, rule: &Rule, coverage: Result<Coverage, TooComplex>) -> Self {
        let (sight, blind) = match coverage {
            Err(TooComplex) => (Word::Unknown, Vec::new()),
            Ok(coverage) => {
                let sight = match coverage.sight {
                    Sight::Blind => Word::Blind,
                    Sight::Partial => Word::Partial,
                    Sight::Full => Word::Full,
                };
                (sight, coverage.blind.iter().map(|blind| Part::new(file, blind)).collect())
            }
        };
        Self {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            severity: rule.severity.to_string(),
            weight: rule.severity,
            sight,
            blind,
        }
    }
}

impl Part {
    fn new(file: &PolicyFile, blind: &Blind) -> Self {
        let (recorded, needed) = match blind.cause {
            Cause::NotRecorded => ("nothing".to_owned(), "an event".to_owned()),
            Cause::Level { recorded, needed } => (recorded.to_string(), needed.to_string()),
            Cause::Stages { needed } => {
                let stages: Vec<&str> = needed.iter().map(Stage::as_str).collect();
                ("other stages".to_owned(), stages.join(" or "))
            }
        };
        Self {
            step: blind.step.clone(),
            request: blind.witness.request.to_string(),
            policy_rule: blind.policy_rule.map(|rule| rule + 1),
            line: blind.policy_rule.map(|rule| file.rule_line(rule)),
            recorded,
            needed,
            paths: blind.paths.clone(),
        }
    }

    /// The request, what is recorded of it, what is needed, and what decides.
    fn cells(&self) -> [String; 4] {
        [self.request.clone(), self.recorded.clone(), self.needed.clone(), self.by()]
    }

    fn by(&self) -> String {
        match (self.policy_rule, self.line) {
            (Some(rule), Some(line)) => format!("rule {rule}, line {line}"),
            _ => "no rule".to_owned(),
        }
    }
}

fn render(rows: &[Row], whole: bool, colour: bool) -> String {
    let word = |word: Word| rows.iter().filter(|row| row.sight == word).count() as u64;
    let mut out = format!(
        "{} of {} in full, {} in part, {} blind\n",
        word(Word::Full),
        count(rows.len() as u64, "detection"),
        word(Word::Partial),
        word(Word::Blind),
    );
    let short: Vec<&Row> = rows.iter().filter(|row| whole || row.sight != Word::Full).collect();
    if short.is_empty() {
        return out;
    }
    let mut table = Table::new([
        ("SIGHT", Align::Left),
        ("DETECTION", Align::Left),
        ("NOT SEEN, FOR EXAMPLE", Align::Left),
        ("RECORDED", Align::Left),
        ("NEEDED", Align::Left),
        ("BY", Align::Left),
    ]);
    for row in short {
        // Of several that read alike, which differ by what they look for, one is shown.
        let mut parts: Vec<[String; 4]> = Vec::new();
        for cells in row.blind.iter().map(Part::cells) {
            if !parts.contains(&cells) {
                parts.push(cells);
            }
        }
        let more = if whole { 0 } else { parts.len().saturating_sub(1) };
        parts.truncate(parts.len() - more);
        let (sight, id) = (row.sight.as_str().to_owned(), row.rule.clone());
        if row.blind.is_empty() {
            let note = match row.sight {
                Word::Blind => "it can never be true, whatever is recorded",
                Word::Unknown => "it overlaps with the policy in too many ways to be compared exactly",
                Word::Partial | Word::Full => "",
            };
            table.row([sight, id, note.to_owned(), String::new(), String::new(), String::new()]);
            continue;
        }
        if more > 0 {
            parts[0][0] += &format!(" (and {more} more)");
        }
        for (number, [request, recorded, needed, by]) in parts.into_iter().enumerate() {
            let (sight, id) =
                if number == 0 { (sight.clone(), id.clone()) } else { (String::new(), String::new()) };
            table.row([sight, id, request, recorded, needed, by]);
        }
    }
    out += "\n";
    out += &table.render(colour);
    out
}

impl Word {
    fn as_str(self) -> &'static str {
        match self {
            Word::Blind => "blind",
            Word::Partial => "partial",
            Word::Unknown => "unknown",
            Word::Full => "full",
        }
    }
}
