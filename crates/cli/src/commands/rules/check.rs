//! `auditward rules check PATH…`

use std::path::PathBuf;

use auditward_rules::{Finding, Weight, library};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{OutputArgs, count};
use crate::rule_files::{RuleFiles, render};

/// Say everything that is wrong, or unwise, with rules and settings
///
/// Our own rules, Falco's and Sigma's may be mixed; each document's language is told by its looks. Files of settings are
/// checked against the shipped rules and those that are given. The tests of rules are another command: auditward rules
/// test.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every rule can run, and there is nothing to warn of
  1  there is something of severity warning or error
  2  wrong usage, or a file could not be read

Examples:
  auditward rules check my-rules/ settings.yaml
  auditward rules check -o json - < rule.yaml")]
pub(crate) struct Args {
    /// Files, and folders with files that end in .yaml or .yml; - is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let files = RuleFiles::open(&self.paths)?;
        let loaded = library::load_with_shipped(&files.files);
        let findings = &loaded.findings;
        let data = Verdict {
            files: files.files.len(),
            rules: loaded.rules.iter().filter(|rule| files.has(&rule.origin.file)).count(),
            findings: findings.iter().map(Row::of).collect(),
        };
        self.output.print(&data, |colour| {
            let mut out = String::new();
            for finding in findings {
                out += &render(&files, finding, colour);
                out.push('\n');
            }
            let number = |weight| findings.iter().filter(|finding| finding.weight == weight).count() as u64;
            out + &format!(
                "{} in {}: {}, {}, {}\n",
                count(data.rules as u64, "rule"),
                count(data.files as u64, "file"),
                count(number(Weight::Error), "error"),
                count(number(Weight::Warning), "warning"),
                count(number(Weight::Info), "note"),
            )
        })?;
        let matters = findings.iter().any(|finding| finding.weight <= Weight::Warning);
        Ok(if matters { Exit::Found } else { Exit::Fine })
    }
}

#[derive(Serialize)]
struct Verdict {
    files: usize,
    /// Those that can run.
    rules: usize,
    findings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    severity: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'static str,
    file: String,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Row {
    fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.weight.to_string(),
            code: finding.code,
            file: finding.file.clone(),
            line: finding.at.line,
            column: finding.at.column,
            rule: finding.rule.clone(),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }
}
