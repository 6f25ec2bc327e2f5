//! Alertmanager's API, version 2: `POST /api/v2/alerts`.
//!
//! Alertmanager knows an alert by its labels. `alert_id` is among them, so that two alerts stay two, and one that is
//! sent twice stays one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::http::Client;
use super::{Failure, PrepareError, Sender, line};
use crate::config::{self, Hidden};
use crate::notice::Notice;
use crate::queue::Delivery;
use crate::time;

pub(super) struct Alertmanager {
    url: Hidden,
    labels: BTreeMap<String, String>,
    hold: i64,
    client: Client,
}

/// A test is over soon: five minutes, in microseconds.
const TEST_HOLD: i64 = 300 * 1_000_000;

impl Alertmanager {
    pub(super) fn new(config: &config::Alertmanager) -> Result<Self, PrepareError> {
        let url = config.url.reveal().trim_end_matches('/');
        Ok(Self {
            url: Hidden::new(format!("{url}/api/v2/alerts")),
            labels: config.labels.clone(),
            hold: config.hold.micros(),
            client: Client::new(&config.http, Vec::new())?,
        })
    }

    fn alert(&self, delivery: &Delivery, notice: &Notice, now: i64) -> Value {
        let field = |path: &[&str]| {
            let found = path.iter().try_fold(&notice.alert, |value, key| value.get(*key));
            found.and_then(Value::as_str).unwrap_or_default()
        };
        let mut labels: Map<String, Value> =
            self.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let of_alert = [
            ("alertname", notice.rule.as_str()),
            ("alert_id", &notice.id),
            ("severity", notice.severity.as_str()),
            ("cluster", &notice.cluster),
            ("user", field(&["user"])),
            ("verb", field(&["verb"])),
            ("resource", field(&["object", "resource"])),
            ("namespace", field(&["object", "namespace"])),
            ("name", field(&["object", "name"])),
            ("test", if delivery.test { "true" } else { "" }),
        ];
        // Alertmanager takes an empty label for one that is not there.
        for (name, value) in of_alert.into_iter().filter(|(_, value)| !value.is_empty()) {
            labels.insert(name.to_owned(), value.into());
        }
        // Events may come from a clock that is ahead of ours, and it refuses what ends before it starts.
        let hold = if delivery.test { self.hold.min(TEST_HOLD) } else { self.hold };
        let ends = now.max(notice.time).saturating_add(hold.max(1_000_000));
        json!({
            "labels": labels,
            "annotations": {
                "title": notice.title,
                "summary": line::said(delivery, notice),
                "description": field(&["response"]),
            },
            "startsAt": time::rfc3339(notice.time),
            "endsAt": time::rfc3339(ends),
        })
    }
}

impl Sender for Alertmanager {
    fn send(&mut self, delivery: &Delivery, now: i64) -> Result<String, Failure> {
        let alerts: Vec<Value> =
            delivery.notices.iter().map(|notice| self.alert(delivery, notice, now)).collect();
        self.client.post(self.url.reveal(), &delivery.id, Value::from(alerts).to_string().as_bytes(), now)
    }
}
