//! An alert as Falco prints it: one line of text, or one of JSON.
//!
//! For rules of every language: whoever reads Falco's alerts reads ours.

use std::borrow::Cow;

use auditward_event::MicroTime;
use auditward_expr::field::falco;
use auditward_expr::{Field, Function, Root};
use serde_json::{Map, Value as Json};

use crate::{Language, Rule, Severity, TemplatePart};

/// How long a list may become in a line of text, in bytes.
const LIST_BYTES_MAX: usize = 1024;

/// An alert that is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Alert<'a> {
    /// Which rule.
    pub rule: &'a Rule,
    /// The event's own time: its `stageTimestamp`.
    pub time: MicroTime,
    /// Falco's `source`: `k8s_audit`.
    pub source: &'a str,
    /// Of the machine that tells it.
    pub hostname: &'a str,
}

/// Which properties a JSON alert has besides those that it always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Falco's own configuration")]
pub struct Properties {
    /// `json_include_output_property`
    pub output: bool,
    /// `json_include_message_property`: the output without time and priority.
    pub message: bool,
    /// `json_include_output_fields_property`
    pub output_fields: bool,
    /// `json_include_tags_property`
    pub tags: bool,
}

impl Default for Properties {
    fn default() -> Self {
        Properties { output: true, message: true, output_fields: true, tags: true }
    }
}

/// `03:04:05.123456000: Warning Pod started …`, in UTC. `values` yields what a field has.
pub fn text(alert: &Alert<'_>, values: &mut dyn FnMut(&Field) -> Vec<String>) -> String {
    with_prefix(alert, &message(alert.rule, values))
}

/// One JSON object; printed, it is one line. Its keys are sorted as Falco's are. `values` yields what a field has.
pub fn json(
    alert: &Alert<'_>,
    shown: Properties,
    values: &mut dyn FnMut(&Field) -> Vec<String>,
) -> Map<String, Json> {
    let rule = alert.rule;
    let message = message(rule, values);
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("time", format!("{}Z", stamp(alert.time)).into());
    put(
        "rule",
        (if rule.origin.language == Language::Falco { &rule.id } else { &rule.title }).as_str().into(),
    );
    put("priority", priority(rule.severity).into());
    put("source", alert.source.into());
    put("hostname", alert.hostname.into());
    if shown.output {
        put("output", with_prefix(alert, &message).into());
    }
    if shown.message {
        put("message", message.into());
    }
    if shown.tags {
        let mut tags = rule.tags.clone();
        tags.sort();
        tags.dedup();
        put("tags", tags.into());
    }
    if shown.output_fields {
        let mut fields = Map::new();
        fields.insert("evt.time".to_owned(), nanoseconds(alert.time).into());
        let of_output = rule.summary.parts.iter().filter_map(|part| match part {
            TemplatePart::Field { field, name, .. } => Some((name, field)),
            TemplatePart::Text(_) => None,
        });
        for (name, field) in of_output.chain(rule.details.iter().map(|(name, field)| (name, field))) {
            fields.insert(name.clone(), field_json(field, alert.time, values(field)));
        }
        put("output_fields", fields.into());
    }
    object
}

/// Falco's word: `Warning`, `Informational`.
pub fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug => "Debug",
        Severity::Informational => "Informational",
        Severity::Notice => "Notice",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
        Severity::Critical => "Critical",
        Severity::Alert => "Alert",
        Severity::Emergency => "Emergency",
    }
}

/// The rule's own text with its fields filled in.
pub fn message<S: AsRef<str>, V: AsRef<[S]>>(rule: &Rule, values: &mut dyn FnMut(&Field) -> V) -> String {
    let mut out = String::new();
    for part in &rule.summary.parts {
        match part {
            TemplatePart::Text(text) if text.contains(['\n', '\r']) => {
                out.push_str(&text.replace(['\n', '\r'], " "));
            }
            TemplatePart::Text(text) => out.push_str(text),
            TemplatePart::Field { field, width, .. } => {
                let start = out.len();
                put_field(field, values(field).as_ref(), &mut out);
                if let Some(width) = width {
                    let cut: String = out[start..].chars().take(*width).collect();
                    out.truncate(start);
                    out.push_str(&format!("{cut:<width$}"));
                }
            }
        }
    }
    out.truncate(out.trim_end_matches([' ', '\n']).len());
    out
}

fn with_prefix(alert: &Alert<'_>, message: &str) -> String {
    let time = stamp(alert.time);
    let clock = time.split_once('T').map_or(time.as_str(), |(_, clock)| clock);
    format!("{clock}: {} {message}", priority(alert.rule.severity))
}

/// To the nanosecond, without a zone.
fn stamp(time: MicroTime) -> String {
    format!("{}000", time.to_string().trim_end_matches('Z'))
}

/// Appends what a field says.
fn put_field<S: AsRef<str>>(field: &Field, values: &[S], out: &mut String) {
    match values {
        [] => out.push_str("<NA>"),
        [one] if !is_list(field) => out.push_str(&escaped(one.as_ref())),
        many => {
            let start = out.len();
            for (index, value) in many.iter().enumerate() {
                out.push(if index == 0 { '(' } else { ',' });
                out.push_str(&escaped(value.as_ref()));
            }
            out.push(')');
            if out.len() - start > LIST_BYTES_MAX {
                out.truncate(out.floor_char_boundary(start + LIST_BYTES_MAX));
            }
        }
    }
}

fn field_json(field: &Field, time: MicroTime, mut values: Vec<String>) -> Json {
    if let Some(number) = time_json(field, time) {
        return number.into();
    }
    match values.len() {
        0 => Json::Null,
        1 if !is_list(field) => values.remove(0).into(),
        _ => values.into(),
    }
}

/// Falco's JSON has a number for each form of the event's time, whatever its line of text says.
fn time_json(field: &Field, time: MicroTime) -> Option<i64> {
    let Root::Falco(name, _) = &field.root else { return None };
    // What a function has made of the text is no time any more.
    if !field.functions.is_empty() {
        return None;
    }
    Some(match name.as_str() {
        "evt.time" | "evt.time.s" | "evt.time.iso8601" | "evt.datetime" | "evt.datetime.s"
        | "evt.rawtime" => nanoseconds(time),
        "evt.rawtime.s" => time.as_micros().div_euclid(1_000_000),
        "evt.rawtime.ns" => time.as_micros().rem_euclid(1_000_000) * 1000,
        _ => return None,
    })
}

/// Since 1970. They fit for the years 1677 to 2262; outside of these it is the nearest number that there is.
fn nanoseconds(time: MicroTime) -> i64 {
    time.as_micros().saturating_mul(1000)
}

/// Whether even a single value of it is shown as a list.
fn is_list(field: &Field) -> bool {
    let Root::Falco(name, _) = &field.root else { return false };
    let joined =
        field.functions.iter().any(|function| matches!(function, Function::Join(_) | Function::Count));
    !joined && falco::find(name).is_some_and(|spec| spec.list)
}

/// So that one alert is one line.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        return text.into();
    }
    let quoted = Json::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned().into()
}
