//! `auditward policy check FILE…`

use std::path::PathBuf;

use auditward_policy::Policy;
use auditward_policy::read::position;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input::{self, PolicyFile};
use crate::output::{OutputArgs, count};
use crate::snippet;

/// Say whether kube-apiserver would accept a policy, and if not, everything that is wrong with it
///
/// The verdict is the one of kube-apiserver (1.37 level): a policy that is accepted here lets it start, one that is
/// refused here keeps it down. Unknown and doubled keys are warnings, because kube-apiserver ignores them with a line
/// in its log. Where older releases differ, that is said too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every policy is accepted
  1  at least one is refused
  2  wrong usage, or a file could not be read

Examples:
  auditward policy check audit-policy.yaml
  auditward policy check -o json - < audit-policy.yaml")]
pub(crate) struct Args {
    /// Policy files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once(&self.files)?;
        let files = self.files.iter().map(|path| PolicyFile::open(path)).collect::<Result<Vec<_>, _>>()?;
        let verdicts: Vec<Verdict> = files.iter().map(Verdict::of).collect();
        self.output.print(&verdicts, |colour| {
            files.iter().zip(&verdicts).map(|(file, verdict)| verdict.render(file, colour)).collect()
        })?;
        Ok(if verdicts.iter().all(|verdict| verdict.accepted) { Exit::Fine } else { Exit::Found })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    file: String,
    accepted: bool,
    /// The oldest Kubernetes release that accepts it, where that is not simply any.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_kubernetes: Option<&'static str>,
    rules: usize,
    findings: Vec<Finding>,
    /// How kube-apiserver words its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    kube_apiserver_says: Option<String>,
}

#[derive(Serialize)]
struct Finding {
    severity: String,
    line: usize,
    column: usize,
    path: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Verdict {
    fn of(file: &PolicyFile) -> Self {
        let reading = &file.reading;
        let findings = reading.findings.iter().map(|finding| {
            let at = position(&file.text, finding.span.start);
            Finding {
                severity: finding.severity.to_string(),
                line: at.line,
                column: at.column,
                path: finding.path.to_string(),
                message: finding.message.clone(),
                hint: finding.hint.clone(),
            }
        });
        Self {
            file: file.name(),
            accepted: reading.policy.is_some(),
            needs_kubernetes: reading.policy.as_ref().and_then(Policy::needs_kubernetes),
            rules: reading.policy.as_ref().map_or(0, |policy| policy.rules.len()),
            findings: findings.collect(),
            kube_apiserver_says: reading.reference_refusal.clone(),
        }
    }

    fn render(&self, file: &PolicyFile, colour: bool) -> String {
        let mut out = String::new();
        for finding in &file.reading.findings {
            out += &snippet::render(&self.file, &file.text, finding, colour);
            out.push('\n');
        }
        let verdict = if self.accepted {
            match self.needs_kubernetes {
                None => format!("accepted, {}", count(self.rules as u64, "rule")),
                Some(release) => {
                    format!(
                        "accepted by Kubernetes {release} and newer, {}",
                        count(self.rules as u64, "rule")
                    )
                }
            }
        } else {
            "refused: kube-apiserver would not start".to_owned()
        };
        out + &format!("{}: {verdict}\n", self.file)
    }
}
