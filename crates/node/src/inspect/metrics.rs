//! What the API server counts of its own auditing: four counters of `/metrics`.

use std::collections::BTreeMap;

use serde::Serialize;

/// The counters, since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// `apiserver_audit_event_total`: events handed to the backends.
    pub events: u64,
    /// `apiserver_audit_error_total`, by plugin: events that a backend lost.
    pub errors: BTreeMap<String, u64>,
    /// `apiserver_audit_requests_rejected_total`: requests that failed because they could not be recorded.
    pub rejected: u64,
    /// `apiserver_audit_level_total`, by level: requests.
    pub levels: BTreeMap<String, u64>,
}

impl Metrics {
    /// Reads the text that `/metrics` answers; `None` where it has no audit counters at all.
    pub fn read(text: &str) -> Option<Self> {
        let mut metrics = Self::default();
        let mut any = false;
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("apiserver_audit_") else { continue };
            let Some((series, value)) = rest.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole")]
            let value = value as u64;
            let (name, label) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.split('"').nth(1).unwrap_or_default()),
                None => (series, ""),
            };
            match name {
                "event_total" => metrics.events = value,
                "requests_rejected_total" => metrics.rejected = value,
                "error_total" => _ = metrics.errors.insert(label.to_owned(), value),
                "level_total" => _ = metrics.levels.insert(label.to_owned(), value),
                _ => continue,
            }
            any = true;
        }
        any.then_some(metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_out_of_a_page() {
        let text = "# HELP x\napiserver_audit_event_total 12\napiserver_audit_error_total{plugin=\"log\"} 3\n\
                    apiserver_audit_level_total{level=\"None\"} 1e+06\napiserver_audit_requests_rejected_total 0\nup 1\n\
                    apiserver_audit_event_total x\napiserver_audit_\n";
        let metrics = Metrics::read(text).unwrap();
        assert_eq!((metrics.events, metrics.rejected), (12, 0));
        assert_eq!(metrics.errors["log"], 3);
        assert_eq!(metrics.levels["None"], 1_000_000);
        assert_eq!(Metrics::read("up 1\n"), None);
    }
}
