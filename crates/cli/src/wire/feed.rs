//! The alert log, as those see it who send alerts out.

use std::io;

use auditward_notify::{Feed, Notice, Severity};
use auditward_store::alerts::{AlertLog, StoredAlert, TriageState};
use serde_json::Value;

/// The alert log.
pub(super) struct Log(pub(super) AlertLog);

impl Feed for Log {
    fn after(&self, seq: u64, max: usize) -> io::Result<Vec<Notice>> {
        let stored = self.0.after(seq, max).map_err(io::Error::other)?;
        Ok(stored.iter().map(notice).collect())
    }

    fn last(&self) -> io::Result<u64> {
        Ok(self.0.status().last)
    }

    fn is_open(&self, id: &str) -> io::Result<bool> {
        let stored = self.0.get(id).map_err(io::Error::other)?;
        Ok(stored.is_some_and(|alert| alert.state() == TriageState::Open))
    }
}

/// What the alert log keeps of an alert: the alert, and as one more key how Falco would say it.
pub(super) fn parts(stored: &StoredAlert) -> (Value, Option<Value>) {
    let mut alert: Value = serde_json::from_str(&stored.json).unwrap_or_default();
    let falco = alert.as_object_mut().and_then(|alert| alert.remove("falco"));
    (alert, falco)
}

pub(super) fn text(alert: &Value, key: &str) -> String {
    alert[key].as_str().unwrap_or_default().to_owned()
}

fn notice(stored: &StoredAlert) -> Notice {
    let (alert, falco) = parts(stored);
    Notice {
        id: stored.id.clone(),
        seq: stored.seq,
        time: stored.time.as_micros(),
        severity: stored.severity.parse().unwrap_or(Severity::Warning),
        rule: stored.rule.clone(),
        title: text(&alert, "title"),
        cluster: stored.cluster.clone(),
        summary: text(&alert, "summary"),
        alert,
        falco,
    }
}
