//! What a table tells of an event.

use std::borrow::Cow;

use auditward_event::{EventView, Stage};

use super::Hit;

/// What a table tells of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// When the stage was reached, to the millisecond.
    pub(crate) time: String,
    pub(crate) cluster: String,
    /// Who asked, and as whom.
    pub(crate) user: String,
    pub(crate) verb: String,
    /// `pods/exec prod/db`, or a path.
    pub(crate) object: String,
    /// The status; where there is none yet, the stage.
    pub(crate) code: String,
    /// The address that the connection came from.
    pub(crate) from: String,
}

impl Told {
    /// Nothing of an event that cannot be read, but its cluster.
    pub(crate) fn of(hit: &Hit) -> Self {
        let cluster = hit.cluster.clone();
        let Ok(event) = EventView::parse(hit.event.get().as_bytes()) else {
            return Told { cluster, ..Told::nothing() };
        };
        let user = event.user().username.into_owned();
        let user = match event.impersonated_user().map(|user| user.username) {
            Some(other) if !other.is_empty() => format!("{user} as {other}"),
            _ => user,
        };
        Told {
            time: event.stage_time().map_or_else(String::new, |time| short(&time.to_string())),
            cluster,
            user,
            verb: event.verb().into_owned(),
            object: object(&event),
            code: match (event.response_code(), event.stage()) {
                (Some(code), _) => code.to_string(),
                (None, Some(stage)) => stage_word(stage).to_owned(),
                (None, None) => String::new(),
            },
            from: event.source_ips().last().map_or_else(String::new, Cow::into_owned),
        }
    }

    fn nothing() -> Self {
        let nothing = String::new;
        Told {
            time: nothing(),
            cluster: nothing(),
            user: nothing(),
            verb: nothing(),
            object: nothing(),
            code: nothing(),
            from: nothing(),
        }
    }

    /// Whether it is the same done again, as far as a table tells.
    pub(crate) fn is_again(&self, before: &Told) -> bool {
        Told { time: before.time.clone(), ..self.clone() } == *before
    }
}

/// `2026-11-26T14:00:00.123Z`
fn short(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.len() > 3 => format!("{seconds}.{}Z", &fraction[..3]),
        _ => time.to_owned(),
    }
}

const fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::RequestReceived => "asked",
        Stage::ResponseStarted => "begun",
        Stage::ResponseComplete => "",
        Stage::Panic => "panic",
    }
}

fn object(event: &EventView<'_>) -> String {
    let Some(object) = event.object_ref() else {
        let uri = event.request_uri();
        return uri.split('?').next().unwrap_or_default().to_owned();
    };
    let mut out = object.resource.into_owned();
    for (before, part) in [(".", object.api_group), ("/", object.subresource)] {
        if !part.is_empty() {
            out.push_str(before);
            out.push_str(&part);
        }
    }
    match (object.namespace.is_empty(), object.name.is_empty()) {
        (true, true) => out,
        (true, false) => format!("{out} {}", object.name),
        (false, true) => format!("{out} {}/*", object.namespace),
        (false, false) => format!("{out} {}/{}", object.namespace, object.name),
    }
}
