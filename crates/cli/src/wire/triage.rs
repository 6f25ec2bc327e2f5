//! Alerts over HTTP → alert log.

use auditward_event::MicroTime;
use auditward_query::moment;
use auditward_rules::Severity;
use auditward_server::ports::{
    Alert, AlertFilter, AlertPage, AlertState, Alerts, Failure, Finding, Triage, Triaged,
};
use auditward_store::alerts::{
    AlertError, AlertFilter as Filter, AlertLog, StoredAlert, Triage as Noted, TriageState,
};
use serde_json::value::RawValue;

use super::feed::{parts, text};
use super::keep::now;

/// The alert log, to be worked with.
pub(super) struct Desk(pub(super) AlertLog);

impl Alerts for Desk {
    fn list(&self, filter: &AlertFilter, before: Option<u64>, limit: usize) -> Result<AlertPage, Failure> {
        let page = self.0.page(&wanted(filter)?, before, limit).map_err(|error| broken(&error))?;
        let alerts = page.alerts.iter().map(alert).collect::<Result<_, _>>()?;
        Ok(AlertPage { alerts, next: page.next })
    }

    fn get(&self, id: &str) -> Result<Option<Alert>, Failure> {
        self.0.get(id).map_err(|error| broken(&error))?.as_ref().map(alert).transpose()
    }

    fn triage(&self, id: &str, triage: &Triage) -> Result<Option<Alert>, Failure> {
        let noted = Noted {
            state: match triage.state {
                AlertState::Open => TriageState::Open,
                AlertState::Acknowledged => TriageState::Acknowledged,
                AlertState::Closed => TriageState::Closed,
            },
            note: triage.note.clone().unwrap_or_default(),
            by: triage.by.clone(),
            at: Some(now()),
        };
        match self.0.triage(id, &noted) {
            Ok(stored) => alert(&stored).map(Some),
            Err(AlertError::Unknown { .. }) => Ok(None),
            Err(error @ AlertError::LongNote { .. }) => Err(bad(error.to_string())),
            Err(error) => Err(broken(&error)),
        }
    }
}

fn wanted(filter: &AlertFilter) -> Result<Filter, Failure> {
    let time = |text: &Option<String>| {
        let read = |text: &String| {
            moment(text, now())
                .ok_or_else(|| bad(format!("`{text}` is no time: RFC 3339, or a span such as `2h`")))
        };
        text.as_ref().map(read).transpose()
    };
    let severities = match &filter.severity {
        None => Vec::new(),
        Some(word) => {
            let least: Severity = word.parse().map_err(|error| bad(format!("{error}")))?;
            let grave = Severity::ALL.into_iter().filter(|severity| *severity >= least);
            grave.map(|severity| severity.as_str().to_owned()).collect()
        }
    };
    let states = filter.states.iter().map(|state| match state {
        AlertState::Open => TriageState::Open,
        AlertState::Acknowledged => TriageState::Acknowledged,
        AlertState::Closed => TriageState::Closed,
    });
    Ok(Filter {
        rules: filter.rule.iter().cloned().collect(),
        severities,
        clusters: filter.cluster.iter().cloned().collect(),
        states: states.collect(),
        since: time(&filter.since)?,
        until: time(&filter.until)?,
    })
}

fn alert(stored: &StoredAlert) -> Result<Alert, Failure> {
    let (whole, _) = parts(stored);
    let state = |state: TriageState| match state {
        TriageState::Open => AlertState::Open,
        TriageState::Acknowledged => AlertState::Acknowledged,
        TriageState::Closed => AlertState::Closed,
    };
    let said = |text: &String| (!text.is_empty()).then(|| text.clone());
    let triaged = |triage: &Noted| Triaged {
        state: state(triage.state),
        note: said(&triage.note),
        by: triage.by.clone(),
        at: triage.at.unwrap_or(MicroTime::from_micros(0)).to_string(),
    };
    Ok(Alert {
        id: stored.id.clone(),
        seq: stored.seq,
        time: stored.time.to_string(),
        rule: stored.rule.clone(),
        title: text(&whole, "title"),
        severity: stored.severity.clone(),
        cluster: stored.cluster.clone(),
        summary: text(&whole, "summary"),
        state: state(stored.state()),
        history: stored.history.iter().map(triaged).collect(),
        alert: RawValue::from_string(whole.to_string())
            .map_err(|error| Failure::Broken(error.to_string()))?,
    })
}

fn bad(what: String) -> Failure {
    Failure::Bad(vec![Finding { what, start: 0, end: 0, hint: None }])
}

fn broken(error: &AlertError) -> Failure {
    Failure::Broken(super::chain(error))
}
