//! Falco's JSON output, posted as Falco's own `http_output` posts it: one alert a request. falcosidekick reads it, and
//! so does whatever else reads Falco.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::http::Client;
use super::{Failure, PrepareError, Sender, line};
use crate::config::{self, Hidden};
use crate::notice::Notice;
use crate::queue::Delivery;
use crate::time;

pub(super) struct Falcosidekick {
    url: Hidden,
    fields: BTreeMap<String, String>,
    client: Client,
}

impl Falcosidekick {
    pub(super) fn new(config: &config::Falcosidekick) -> Result<Self, PrepareError> {
        let client = Client::new(&config.http, Vec::new())?;
        Ok(Self { url: config.url.clone(), fields: config.fields.clone(), client })
    }
}

impl Sender for Falcosidekick {
    fn send(&mut self, delivery: &Delivery, now: i64) -> Result<String, Failure> {
        let mut said = String::new();
        // The queue gives us one at a time: what is acknowledged here must be written down before the next.
        for notice in &delivery.notices {
            let body = payload(delivery, notice, &self.fields).to_string();
            said = self.client.post(self.url.reveal(), &delivery.id, body.as_bytes(), now)?;
        }
        Ok(said)
    }
}

fn payload(delivery: &Delivery, notice: &Notice, further: &BTreeMap<String, String>) -> Value {
    let mut payload = match &notice.falco {
        Some(Value::Object(fields)) => fields.clone(),
        _ => Map::new(),
    };
    if delivery.test || delivery.repeat > 0 {
        payload.remove("output");
    }
    let mut add = |key: &str, value: Value| {
        if payload.get(key).is_none_or(Value::is_null) {
            payload.insert(key.to_owned(), value);
        }
    };
    add("output", format!("{}: {}", notice.severity.falco(), line::said(delivery, notice)).into());
    add("priority", notice.severity.falco().into());
    add("rule", if notice.title.is_empty() { notice.rule.as_str() } else { &notice.title }.into());
    add("time", time::rfc3339(notice.time).into());
    add("source", "k8s_audit".into());
    add("hostname", notice.cluster.as_str().into());
    add("tags", json!([]));
    add("output_fields", json!({}));
    add("uuid", uuid(&notice.id).into());
    if let Some(Value::Object(fields)) = payload.get_mut("output_fields") {
        fields.insert("auditward.id".to_owned(), notice.id.as_str().into());
        fields.insert("auditward.rule".to_owned(), notice.rule.as_str().into());
        fields.insert("auditward.cluster".to_owned(), notice.cluster.as_str().into());
        if delivery.test {
            fields.insert("auditward.test".to_owned(), "true".into());
        }
        if delivery.repeat > 0 {
            fields.insert("auditward.repeat".to_owned(), delivery.repeat.to_string().into());
        }
        for (name, value) in further {
            fields.insert(name.clone(), value.as_str().into());
        }
    }
    payload.into()
}

/// An id of 32 hexadecimal digits, in the shape that falcosidekick knows ids in.
fn uuid(id: &str) -> String {
    let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex {
        format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
    } else {
        id.to_owned()
    }
}
