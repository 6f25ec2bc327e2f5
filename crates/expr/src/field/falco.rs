//! Falco's fields of the `k8s_audit` source, as upstream's plugins yield them, bug for bug.
//!
//! A rule file means the same here and there only if a field that upstream gets wrong is wrong here too. What upstream
//! gets wrong is said at the field; what is right stands under our own names ([`crate::Root::Pod`], …). One exception:
//! `ka.sourceips`, which upstream reads out of the wrong place and never yields, yields the event's source addresses.
//!
//! Three rules hold for all of them. A string is its text, anything else its compact JSON text, `null` included. An array
//! on the way is entered by a decimal step only. An event without a text `auditID` has no `ka.*` field at all.
//!
//! Facts about the process rather than the event are missing always: `evt.num`, `evt.reltime`, `evt.asynctype`,
//! `evt.hostname`.

mod pod;
mod query;
mod table;
mod text;

use std::borrow::Cow;

use auditward_event::{EventView, Kind, MicroTime, Value};

pub use table::{FIELDS, find};

use crate::Parts;

/// What is known of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// `ka.user.name`
    pub name: &'static str,
    /// Whether it yields a list: such a field is only asked `exists`, `in` and `intersects`.
    pub list: bool,
    /// What may stand in brackets behind it.
    pub argument: Argument,
    from: From,
}

/// What may stand in brackets behind a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// A number, or no brackets at all.
    Index,
    /// A text; there must be one.
    Key,
}

/// Where a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// Keys from the event down.
    Keys(&'static [&'static str]),
    /// The same, of an array: each item.
    Items(&'static [&'static str]),
    /// A parameter of the query.
    Parameter,
    /// The response's name, if the request is about a pod itself.
    PodName,
    /// Said of volumes and containers.
    Pod(pod::Member),
    /// Subjects of a binding.
    Subjects(Subject),
    /// A key of each rule of a role, an array, flattened.
    RuleItems(&'static str),
    /// The ports of a service as one text.
    ServicePorts,
    /// The same text of every event.
    Always(&'static str),
    /// By JSON pointer.
    Pointer,
    /// The whole event, indented.
    Pretty,
    /// The whole event as it stands.
    Whole,
    /// A part or a form of `stageTimestamp`.
    Time(Time),
    /// Nothing, ever.
    Never,
}

/// Which of a binding's subjects, and what of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    User,
    Group,
    ServiceAccount,
    /// `namespace:name`; those without a namespace are left out.
    ServiceAccountWithNamespace,
}

/// What of the event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Seconds since 1970.
    Seconds,
    /// The nanoseconds of its second.
    Fraction,
    /// `03:04:05.123456000`
    Clock,
    /// `03:04:05`
    ClockSeconds,
    /// `2026-01-02T03:04:05.123456000+0000`
    Iso,
    /// `2026-01-02 03:04:05.123456000`
    Date,
    /// `2026-01-02 03:04:05`
    DateSeconds,
}

/// Hands every value of a field to `found`, borrowed where it stands in the event. A field that nobody knows has none.
pub fn each<'a>(
    event: &EventView<'a>,
    name: &str,
    argument: Option<&str>,
    found: &mut dyn FnMut(Cow<'a, str>),
) {
    if let Some(spec) = find(name) {
        spec.each(event, argument, found);
    }
}

impl Spec {
    /// Hands every value of the event to `found`, in order.
    pub fn each<'a>(
        &self,
        event: &EventView<'a>,
        argument: Option<&str>,
        found: &mut dyn FnMut(Cow<'a, str>),
    ) {
        if self.name.starts_with("ka.") && event.get("auditID").is_none_or(|id| id.kind() != Kind::String) {
            return;
        }
        // What is missing says nothing, so why it is missing is nobody's business.
        let _ = self.read(event, argument, found);
    }

    /// What it depends on.
    pub(crate) fn reads(&self, argument: Option<&str>) -> Parts {
        match self.from {
            From::Keys(keys) | From::Items(keys) => Parts::of_keys(keys),
            From::Pointer => {
                let keys: Vec<_> = argument.into_iter().flat_map(keys).collect();
                Parts::of_keys(&keys.iter().map(|key| &**key).collect::<Vec<_>>())
            }
            From::PodName => Parts::OBJECT.and(Parts::RESPONSE),
            From::Pod(_) | From::Subjects(_) | From::RuleItems(_) | From::ServicePorts => Parts::REQUEST,
            From::Pretty | From::Whole => Parts::ALL,
            From::Parameter => Parts::URI,
            From::Time(_) => Parts::OTHERS,
            From::Always(_) | From::Never => Parts::NONE,
        }
    }

    fn read<'a>(
        &self,
        event: &EventView<'a>,
        argument: Option<&str>,
        found: &mut dyn FnMut(Cow<'a, str>),
    ) -> Option<()> {
        match self.from {
            From::Keys(keys) => found(text::of(down(event, keys)?)),
            From::Items(keys) => items(down(event, keys)?, argument, found)?,
            From::Parameter => {
                let uri = event.get("requestURI")?;
                found(query::first(&text::of(uri), argument?)?.into());
            }
            From::PodName => {
                let object = event.get("objectRef")?;
                let plain = step(object, "resource")?.is_str("pods") && step(object, "subresource").is_none();
                if plain {
                    found(text::of(down(event, &["responseObject", "metadata", "name"])?));
                }
            }
            From::Pod(member) => {
                let spec = down(event, &["requestObject", "spec"])?;
                member.values(spec, argument)?.into_iter().for_each(found);
            }
            From::Subjects(which) => {
                let subjects = down(event, &["requestObject", "subjects"])?;
                subjects.items().filter_map(|subject| which.name(subject)).for_each(found);
            }
            From::RuleItems(key) => {
                let rules = down(event, &["requestObject", "rules"])?;
                for rule in picked(rules, argument)? {
                    step(rule, key).into_iter().flat_map(Value::items).for_each(|item| found(text::of(item)));
                }
            }
            From::ServicePorts => found(text::of(down(event, &["requestObject", "spec", "ports"])?)),
            From::Always(text) => found(text.into()),
            From::Pointer => found(text::of(pointed(event, argument?)?)),
            From::Pretty => found(text::pretty(event.object()).into()),
            From::Whole => found(String::from_utf8_lossy(event.as_bytes())),
            From::Time(form) => found(form.say(event.stage_time()?).into()),
            From::Never => {}
        }
        Some(())
    }
}

impl Subject {
    fn name(self, subject: Value<'_>) -> Option<Cow<'_, str>> {
        let kind = match self {
            Subject::User => "User",
            Subject::Group => "Group",
            Subject::ServiceAccount | Subject::ServiceAccountWithNamespace => "ServiceAccount",
        };
        if !step(subject, "kind")?.is_str(kind) {
            return None;
        }
        let name = text::of(step(subject, "name")?);
        match self {
            Subject::ServiceAccountWithNamespace => {
                Some(format!("{}:{name}", text::of(step(subject, "namespace")?)).into())
            }
            _ => Some(name),
        }
    }
}

impl Time {
    fn say(self, time: MicroTime) -> String {
        let (seconds, micros) =
            (time.as_micros().div_euclid(1_000_000), time.as_micros().rem_euclid(1_000_000));
        let nanos = micros * 1000;
        let written = time.to_string();
        // `2026-01-02T03:04:05.123456Z`
        let (date, clock) = written.split_once('T').unwrap_or((&written, ""));
        let clock = clock.split('.').next().unwrap_or(clock).trim_end_matches('Z');
        match self {
            Time::Nanoseconds => (i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).to_string(),
            Time::Seconds => seconds.to_string(),
            Time::Fraction => nanos.to_string(),
            Time::Clock => format!("{clock}.{nanos:09}"),
            Time::ClockSeconds => clock.to_owned(),
            Time::Iso => format!("{date}T{clock}.{nanos:09}+0000"),
            Time::Date => format!("{date} {clock}.{nanos:09}"),
            Time::DateSeconds => format!("{date} {clock}"),
        }
    }
}

/// What stands at the end of these keys.
fn down<'a>(event: &EventView<'a>, keys: &[&str]) -> Option<Value<'a>> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(event.get(first)?, |value, key| step(value, key))
}

/// One step down: a key of an object, or a decimal number into an array.
fn step<'a>(value: Value<'a>, key: &str) -> Option<Value<'a>> {
    match value.kind() {
        Kind::Object => value.get(key),
        Kind::Array => value.item(key.parse().ok()?),
        _ => None,
    }
}

/// By JSON pointer; the first slash may be left out.
fn pointed<'a>(event: &EventView<'a>, pointer: &str) -> Option<Value<'a>> {
    let mut keys = keys(pointer);
    // Where the fields of the event itself are is known already.
    let first = event.get(&keys.next()?)?;
    keys.try_fold(first, |value, key| step(value, &key))
}

/// The keys of a JSON pointer.
fn keys(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.strip_prefix('/').unwrap_or(pointer).split('/').map(unescaped)
}

fn unescaped(key: &str) -> Cow<'_, str> {
    if key.contains('~') { key.replace("~1", "/").replace("~0", "~").into() } else { key.into() }
}

fn items<'a>(list: Value<'a>, argument: Option<&str>, found: &mut dyn FnMut(Cow<'a, str>)) -> Option<()> {
    if list.kind() != Kind::Array {
        return None;
    }
    picked(list, argument)?.into_iter().for_each(|item| found(text::of(item)));
    Some(())
}

/// All items of an array, or the one that the argument picks. An object stands for itself.
fn picked<'a>(list: Value<'a>, argument: Option<&str>) -> Option<Vec<Value<'a>>> {
    let all: Vec<Value<'a>> = match list.kind() {
        Kind::Array => list.items().collect(),
        Kind::Object => vec![list],
        _ => return None,
    };
    match argument {
        None => Some(all),
        Some(index) => Some(vec![*all.get(index.parse::<usize>().ok()?)?]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at surprises")]
mod tests;
