//! `auditward policy lint`

use std::path::PathBuf;

use auditward_base::disk::replace;
use auditward_policy::lint::{Fix, LINTS, LintFinding, Severity, fix_all, lint};
use auditward_policy::read::position;
use clap::ValueEnum;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input::PolicyFile;
use crate::output::{self, OutputArgs, count};
use crate::snippet::Snippet;
use crate::table::{Align, Table};

/// Find what is unwise in a policy that kube-apiserver would accept
///
/// Rules that never match, resources that no API server has, credentials in recorded bodies, noise, blind spots, and
/// what CIS and DISA ask for. What is said about requests is worked out for all requests there can be, and comes with
/// one that shows it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  nothing of severity warning or error was found
  1  something was
  2  wrong usage, a file could not be read or written, or kube-apiserver would refuse the policy

Examples:
  auditward policy lint audit-policy.yaml
  auditward policy lint --fix audit-policy.yaml
  auditward policy lint --fix - < audit-policy.yaml > better.yaml
  auditward policy lint --list")]
pub(crate) struct Args {
    /// The policy; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "list")]
    policy: Option<PathBuf>,
    /// Make the safe changes in the file itself, then say what is left. Of standard input the result goes to stdout
    #[arg(long)]
    fix: bool,
    /// Show findings of this severity and above
    #[arg(long, value_enum, default_value_t = AtLeast::Info, value_name = "SEVERITY")]
    severity: AtLeast,
    /// List all lints instead
    #[arg(long, conflicts_with = "fix")]
    list: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AtLeast {
    Error,
    Warning,
    Info,
}

impl AtLeast {
    fn admits(self, severity: Severity) -> bool {
        severity
            <= match self {
                AtLeast::Error => Severity::Error,
                AtLeast::Warning => Severity::Warning,
                AtLeast::Info => Severity::Info,
            }
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Some(path) = self.policy.as_ref().filter(|_| !self.list) else { return self.print_list() };
        let mut file = PolicyFile::open(path)?;
        file.accepted()?;
        if self.fix {
            let fixed = fix_all(&file.text);
            let stdin = path.as_os_str() == "-";
            if !stdin && fixed.text != file.text {
                replace(path, &fixed.text).map_err(|error| Failure::writing(path, error))?;
            }
            for done in &fixed.done {
                output::talk(&format!("fixed: {done}"));
            }
            if stdin {
                output::write(&String::from_utf8_lossy(&fixed.text))?;
                return Ok(Exit::Fine);
            }
            file = PolicyFile::of(path, fixed.text);
        }
        let findings = lint(&file.text, &file.reading);
        let shown: Vec<&LintFinding> =
            findings.iter().filter(|finding| self.severity.admits(finding.severity)).collect();
        let rows: Vec<Row> = shown.iter().map(|finding| Row::new(&file, finding)).collect();
        self.output.print(&rows, |colour| render(&file, &shown, colour))?;
        let matters = findings.iter().any(|finding| finding.severity <= Severity::Warning);
        Ok(if matters { Exit::Found } else { Exit::Fine })
    }

    fn print_list(&self) -> Result<Exit, Failure> {
        #[derive(Serialize)]
        struct Lint {
            id: &'static str,
            severity: String,
            summary: &'static str,
            why: &'static str,
            refs: &'static [&'static str],
        }
        let lints: Vec<Lint> = LINTS
            .iter()
            .map(|lint| Lint {
                id: lint.id,
                severity: lint.severity.to_string(),
                summary: lint.summary,
                why: lint.why,
                refs: lint.refs,
            })
            .collect();
        self.output.print(&lints, |colour| {
            let mut table =
                Table::new([("LINT", Align::Left), ("SEVERITY", Align::Left), ("FINDS", Align::Left)]);
            for lint in &lints {
                table.row([lint.id.to_owned(), lint.severity.clone(), lint.summary.to_owned()]);
            }
            table.render(colour)
        })?;
        Ok(Exit::Fine)
    }
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    severity: String,
    /// From 1; absent for what is about the policy as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    line: usize,
    column: usize,
    path: String,
    message: String,
    why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixRow>,
    refs: &'static [&'static str],
}

#[derive(Serialize)]
struct FixRow {
    description: String,
    safe: bool,
}

impl Row {
    fn new(file: &PolicyFile, finding: &LintFinding) -> Self {
        let at = position(&file.text, finding.span.start);
        Self {
            id: finding.id,
            severity: finding.severity.to_string(),
            rule: finding.rule.map(|rule| rule + 1),
            line: at.line,
            column: at.column,
            path: finding.path.to_string(),
            message: finding.message.clone(),
            why: finding.why,
            request: finding.witness.as_ref().map(ToString::to_string),
            fix: finding
                .fix
                .as_ref()
                .map(|fix| FixRow { description: fix.description.clone(), safe: fix.safe }),
            refs: finding.refs,
        }
    }
}

fn render(file: &PolicyFile, findings: &[&LintFinding], colour: bool) -> String {
    let name = file.name();
    let mut out = String::new();
    let mut explained: Vec<&str> = Vec::new();
    for finding in findings {
        let severity = format!("{}[{}]", finding.severity, finding.id);
        let snippet = Snippet {
            file: &name,
            text: &file.text,
            span: finding.span.clone(),
            severity: &severity,
            message: &finding.message,
            path: &finding.path,
            hint: None,
        };
        out += &snippet.render(colour);
        out.push('\n');
        // The reason is the same each time; once is enough.
        if !explained.contains(&finding.id) {
            explained.push(finding.id);
            out += &format!("  why: {}\n", finding.why);
        }
        if let Some(proof) = &finding.witness {
            out += &format!("  for example: {proof}\n");
        }
        if let Some(Fix { description, safe, .. }) = &finding.fix {
            out += &format!("  fix: {description}{}\n", if *safe { " (--fix does it)" } else { "" });
        }
        out.push('\n');
    }
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    out + &format!(
        "{name}: {}, {}, {}\n",
        count(number(Severity::Error), "error"),
        count(number(Severity::Warning), "warning"),
        count(number(Severity::Info), "note"),
    )
}
