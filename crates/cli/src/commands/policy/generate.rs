//! `auditward policy generate [--detection ID…] [--budget BYTES --log FILE…]`

use std::path::PathBuf;

use auditward_policy::simulate::Simulation;
use auditward_policy::{Evaluator, Policy, print};
use auditward_rules::coverage::{Demand, demands};
use auditward_rules::generate::{Generated, generate};
use auditward_rules::{Rule, Severity};

use super::simulate::read_logs;
use crate::exit::{Exit, Failure, context};
use crate::output::{self, bytes, count};
use crate::rule_files::RuleArgs;

/// Write the smallest policy that feeds chosen detections
///
/// No rule of it can be left out, no level is higher than a detection needs, and the bodies of secrets and tokens are
/// never recorded. The policy goes to stdout; what could not be fed is told on stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the policy feeds every chosen detection
  1  the policy was written, and some detections were left out or ask for the bodies of credentials
  2  wrong usage, or a file could not be read

Examples:
  auditward policy generate > audit-policy.yaml
  auditward policy generate --detection privileged-pod,cluster-admin-binding
  auditward policy generate --severity warning
  auditward policy generate --budget 500M --log /var/log/kubernetes/audit/audit.log")]
pub(crate) struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// Only these detections
    #[arg(long = "detection", value_name = "ID", value_delimiter = ',')]
    detections: Vec<String>,
    /// Only detections of this severity or more
    #[arg(long, value_name = "LEVEL")]
    severity: Option<Severity>,
    /// How many bytes a day may be recorded, as measured on --log: 500M, 2G. The least severe detections are left out first
    #[arg(long, value_name = "BYTES", requires = "logs", value_parser = parse_bytes)]
    budget: Option<u64>,
    /// A log to measure the budget on; the fuller its own policy, the better the measure
    #[arg(long = "log", value_name = "FILE", requires = "budget")]
    logs: Vec<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let loaded = self.rules.load_whole()?;
        super::refuse_unknown_rules(&loaded.rules, &self.detections)?;
        let mut rules: Vec<&Rule> = loaded
            .rules
            .iter()
            .filter(|rule| match self.detections.as_slice() {
                [] => rule.enabled,
                named => named.contains(&rule.id),
            })
            .filter(|rule| self.severity.is_none_or(|least| rule.severity >= least))
            .collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.severity));
        let asked: Vec<Vec<Demand>> = rules.iter().map(|rule| demands(rule)).collect();
        let (taken, generated) = match self.budget {
            None => (rules.len(), policy_for(&asked)?),
            Some(budget) => self.within(budget, &asked)?,
        };
        let fed = Fed::new(&rules, &asked, taken, &generated);
        fed.tell();
        let mut out = header(&rules[..taken]);
        out += &print(&generated.policy);
        output::write(&out)?;
        Ok(if fed.whole() { Exit::Fine } else { Exit::Found })
    }

    /// As many detections, the most severe first, as the budget allows.
    fn within(&self, budget: u64, asked: &[Vec<Demand>]) -> Result<(usize, Generated), Failure> {
        let fits = |taken: usize| -> Result<Option<Generated>, Failure> {
            let generated = policy_for(&asked[..taken])?;
            let a_day = self.bytes_a_day(&generated.policy)?;
            Ok((a_day <= budget).then_some(generated))
        };
        let (mut low, mut high) = (0, asked.len());
        let Some(mut best) = fits(0)? else {
            return Err(Failure::new("the log has no time stamps to measure by"));
        };
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match fits(middle)? {
                Some(generated) => (low, best) = (middle, generated),
                None => high = middle - 1,
            }
        }
        Ok((low, best))
    }

    fn bytes_a_day(&self, policy: &Policy) -> Result<u64, Failure> {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let evaluator = Evaluator::new(policy.clone());
        let mut simulation = Simulation::new(&evaluator);
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        read_logs(&self.logs, |event| {
            if let Some(time) = event.stage_time() {
                first = first.min(time.as_micros());
                last = last.max(time.as_micros());
            }
            simulation.observe(event);
            true
        })?;
        if last <= first {
            return Err(Failure::new("the log is too short to tell how much comes in a day"));
        }
        let kept = u128::from(simulation.report().total.kept.bytes);
        let span = u128::from(last.abs_diff(first));
        Ok(u64::try_from(kept * u128::from(DAY.unsigned_abs()) / span).unwrap_or(u64::MAX))
    }
}

fn policy_for(asked: &[Vec<Demand>]) -> Result<Generated, Failure> {
    generate(&asked.concat()).map_err(context("could not generate a policy"))
}

fn header(rules: &[&Rule]) -> String {
    let mut out = format!(
        "# Generated by `auditward policy generate`: the least that feeds {}.\n",
        count(rules.len() as u64, "detection")
    );
    out += "# What no detection asks for is not recorded: where a trail for people is wanted, end it with `- level: Metadata`.\n";
    out
}

/// What became of each detection.
struct Fed<'a> {
    left_out: Vec<&'a str>,
    guarded: Vec<&'a str>,
    wildcard: bool,
}

impl<'a> Fed<'a> {
    fn new(rules: &[&'a Rule], asked: &[Vec<Demand>], taken: usize, generated: &Generated) -> Self {
        let mut flags = generated.guarded.iter();
        let mut guarded = Vec::new();
        for (rule, demands) in rules.iter().zip(asked).take(taken) {
            // Every flag has to be taken, so no short cut.
            if flags.by_ref().take(demands.len()).filter(|guarded| **guarded).count() > 0 {
                guarded.push(rule.id.as_str());
            }
        }
        Self {
            left_out: rules[taken..].iter().map(|rule| rule.id.as_str()).collect(),
            guarded,
            wildcard: generated.policy.needs_kubernetes().is_some(),
        }
    }

    fn whole(&self) -> bool {
        self.left_out.is_empty() && self.guarded.is_empty()
    }

    fn tell(&self) {
        if !self.guarded.is_empty() {
            output::talk(&format!(
                "note: these also look into the bodies of secrets or tokens, which are not recorded: {}",
                self.guarded.join(", ")
            ));
        }
        if !self.left_out.is_empty() {
            output::talk(&format!("note: left out for the budget: {}", self.left_out.join(", ")));
        }
        if self.wildcard {
            output::talk(
                "note: the policy names custom resources of unknown groups, which needs Kubernetes 1.36",
            );
        }
    }
}

/// `500M`, `2G`, `1048576`; powers of 1024.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err("should be a number with K, M, G or T behind it".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "should begin with a whole number".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{} is too much", bytes(number)))
}
