//! Alerts as lines.

use serde_json::Value;

use crate::config::Format;
use crate::notice::Notice;
use crate::queue::Delivery;
use crate::time;

/// A line for each alert of a delivery, each with its end.
pub(crate) fn lines(format: Format, delivery: &Delivery) -> String {
    delivery.notices.iter().fold(String::new(), |all, notice| all + &line(format, delivery, notice) + "\n")
}

/// Without its end.
pub(crate) fn line(format: Format, delivery: &Delivery, notice: &Notice) -> String {
    match format {
        Format::Text => text(delivery, notice),
        Format::Json => json(delivery, notice).to_string(),
    }
}

/// `2026-11-26T14:20:00.000000Z warning prod secrets-listed: alice listed secrets in all namespaces`
fn text(delivery: &Delivery, notice: &Notice) -> String {
    let cluster = if notice.cluster.is_empty() { "-" } else { &notice.cluster };
    let time = time::rfc3339(notice.time);
    let line = format!("{time} {} {cluster} {}: {}", notice.severity, notice.rule, said(delivery, notice));
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The summary, marked where it is a test or is told again.
pub(crate) fn said(delivery: &Delivery, notice: &Notice) -> String {
    let mark = match (delivery.test, delivery.repeat) {
        (true, _) => "TEST: ".to_owned(),
        (false, 0) => String::new(),
        (false, times) => format!("still open, reminder {times}: "),
    };
    mark + if notice.summary.is_empty() { &notice.title } else { &notice.summary }
}

/// The alert's own JSON, with `test` or `repeat` added where they are.
pub(crate) fn json(delivery: &Delivery, notice: &Notice) -> Value {
    let mut alert = notice.alert.clone();
    if let Value::Object(fields) = &mut alert {
        if delivery.test {
            fields.insert("test".to_owned(), Value::Bool(true));
        }
        if delivery.repeat > 0 {
            fields.insert("repeat".to_owned(), delivery.repeat.into());
        }
    }
    alert
}
