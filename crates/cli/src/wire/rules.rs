//! The rules at work, and how they do, over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use auditward_detect::Alert;
use auditward_rules::{Rule, library};
use auditward_server::ports::{self, Failure, RuleState, RuleText};

use super::detect::Rules;
use crate::output;

/// How often rules found something since the server started.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    rules: Arc<Mutex<BTreeMap<String, Count>>>,
}

#[derive(Debug, Clone, Default)]
struct Count {
    alerts: u64,
    suppressed: u64,
    last: Option<String>,
}

impl Tally {
    /// A rule found something.
    pub(super) fn alert(&self, alert: &Alert) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let count = rules.entry(alert.rule.to_string()).or_default();
        count.alerts += 1;
        count.last = Some(alert.time.clone());
    }

    /// A rule found, so many times, what it had told shortly before.
    pub(super) fn suppressed(&self, rule: &str, times: u64) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.entry(rule.to_owned()).or_default().suppressed += times;
    }

    /// Alerts by rule.
    pub(super) fn alerts(&self) -> Vec<(String, u64)> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter().map(|(rule, count)| (rule.clone(), count.alerts)).collect()
    }

    fn of(&self, rule: &str) -> Count {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(rule).cloned().unwrap_or_default()
    }
}

/// What is asked about rules.
pub(super) struct Shelf {
    pub(super) rules: Rules,
    pub(super) tally: Tally,
}

impl Shelf {
    fn state(&self, rule: &Rule) -> RuleState {
        let count = self.tally.of(&rule.id);
        let attack = rule.attack.techniques.iter().map(|id| format!("mitre:{id}"));
        RuleState {
            id: rule.id.clone(),
            title: rule.title.clone(),
            severity: rule.severity.as_str().to_owned(),
            tags: attack.chain(rule.tags.iter().cloned()).collect(),
            source: format!("{}:{}", rule.origin.file, rule.origin.line),
            enabled: rule.enabled,
            hits: count.alerts + count.suppressed,
            alerts: count.alerts,
            last: count.last,
        }
    }
}

impl ports::Rules for Shelf {
    fn list(&self) -> Result<Vec<RuleState>, Failure> {
        let set = self.rules.set();
        let mut rules: Vec<RuleState> = set.rules().iter().map(|rule| self.state(rule)).collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rules)
    }

    fn get(&self, id: &str) -> Result<Option<RuleText>, Failure> {
        let set = self.rules.set();
        let Some(rule) = set.rule(id) else { return Ok(None) };
        let file = &rule.origin.file;
        let shipped = library::shipped().iter().find(|(name, _)| name == file);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            // It may have been changed or removed since; what runs is what was read.
            None => std::fs::read_to_string(file).unwrap_or_else(|error| {
                output::talk(&format!("rules: could not read `{file}`: {error}"));
                String::new()
            }),
        };
        Ok(Some(RuleText { rule: self.state(rule), text }))
    }
}
