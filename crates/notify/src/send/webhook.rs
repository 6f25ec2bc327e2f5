//! Batches of alerts as JSON.
//!
//! ```json
//! {"version":1,"delivery":"3f…","target":"pager","test":false,"repeat":0,"group":{"cluster":"prod"},"alerts":[{"id":…}]}
//! ```
//! `delivery` is also sent as `Idempotency-Key`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::http::{Client, first_line};
use super::{Failure, PrepareError, Sender, chain, line};
use crate::config::{self, Body, Format, Hidden};
use crate::queue::Delivery;

pub(super) struct Webhook {
    target: String,
    url: Where,
    body: Body,
    client: Client,
}

enum Where {
    Url(Hidden),
    File(PathBuf),
}

impl Webhook {
    pub(super) fn new(target: &str, config: &config::Webhook) -> Result<Self, PrepareError> {
        let url = match (&config.url, &config.url_file) {
            (Some(url), _) => Where::Url(url.clone()),
            (None, Some(path)) => Where::File(path.clone()),
            (None, None) => return Err(PrepareError::Nowhere),
        };
        let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
        let client = Client::new(&config.http, headers.collect())?;
        Ok(Self { target: target.to_owned(), url, body: config.body, client })
    }
}

impl Sender for Webhook {
    fn send(&mut self, delivery: &Delivery, now: i64) -> Result<String, Failure> {
        let url = match &self.url {
            Where::Url(url) => url.reveal().to_owned(),
            Where::File(path) => first_line(path).map_err(|error| Failure::closed(chain(&error)))?,
        };
        let body = match self.body {
            Body::Alerts => alerts(&self.target, delivery),
            Body::Text => json!({ "text": line::lines(Format::Text, delivery).trim_end() }),
        };
        self.client.post(&url, &delivery.id, body.to_string().as_bytes(), now)
    }
}

fn alerts(target: &str, delivery: &Delivery) -> Value {
    let group: serde_json::Map<String, Value> =
        delivery.group.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let alerts: Vec<&Value> = delivery.notices.iter().map(|notice| &notice.alert).collect();
    json!({
        "version": 1,
        "delivery": delivery.id,
        "target": target,
        "test": delivery.test,
        "repeat": delivery.repeat,
        "group": group,
        "alerts": alerts,
    })
}
