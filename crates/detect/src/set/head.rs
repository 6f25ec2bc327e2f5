//! What an event is about, in a few words: stage, level, verb, group, version, resource, subresource; what kind of client asks,
//! whether in earnest, and how it ended.
//!
//! A cluster has thousands of objects and users but some hundred heads. Tests that look at nothing else have the same answer
//! for all events of a head, so they are asked once, and most rules are out.

use std::sync::LazyLock;

use auditward_event::{Kind, Path, Step, Value};
use auditward_expr::field::fact::{self, Fact};
use auditward_expr::{Expr, Field, Item, Match, Root, Subject, Test};

/// The top-level keys of an event that belong to its head.
const KEYS: [&str; 3] = ["stage", "level", "verb"];

/// The keys of `objectRef` that do.
const OBJECT_KEYS: [&str; 4] = ["apiGroup", "apiVersion", "resource", "subresource"];

/// Facts of a handful of values each that nearly every rule asks for.
const FACTS: [&str; 3] = ["actor", "impersonated", "outcome"];

/// One more, for which the query of a request, or its body, has to be looked at.
const DRY_RUN: &str = "dryRun";

/// The same, found once.
static FACTS_READ: LazyLock<[Option<&Fact>; FACTS.len()]> = LazyLock::new(|| FACTS.map(fact::find));
static DRY_RUN_READ: LazyLock<Option<&Fact>> = LazyLock::new(|| fact::find(DRY_RUN));

/// Facts that the values of [`KEYS`] decide.
const FACTS_OF_KEYS: [&str; 1] = ["changes"];

fn is_of_head(fact: &str) -> bool {
    fact == DRY_RUN || FACTS.iter().chain(&FACTS_OF_KEYS).any(|known| *known == fact)
}

/// What was met of `objectRef` on the way that is not of the head, as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) is_there: bool,
    pub(super) namespace: Option<&'a [u8]>,
    pub(super) name: Option<&'a [u8]>,
}

/// Writes to `out` the head of an event but for its [`FACTS`], and whether it is a dry run: the values as they stand in the text,
/// each with its length. `None` if the event is built so oddly that more than these values decides.
pub(super) fn write<'a>(subject: &Subject<'a>, out: &mut Vec<u8>) -> Option<Object<'a>> {
    let view = subject.event();
    out.clear();
    for key in KEYS {
        put(view.get(key).map(Value::as_bytes), out)?;
    }
    // Without an audit id Falco's fields have nothing to say.
    view.get("auditID").filter(|id| id.kind() == Kind::String)?;
    let object = view.get("objectRef");
    // An array of them is something else to Sigma's fields than to ours.
    if object.is_some_and(|object| object.kind() != Kind::Object) {
        return None;
    }
    let mut found = [None; OBJECT_KEYS.len()];
    let mut rest = Object { is_there: object.is_some(), namespace: None, name: None };
    for (key, value) in object.into_iter().flat_map(Value::entries) {
        match &*key {
            "namespace" => rest.namespace = Some(value.as_bytes()),
            "name" => rest.name = Some(value.as_bytes()),
            key => {
                if let Some(place) = OBJECT_KEYS.iter().position(|known| *known == key) {
                    found[place] = Some(value.as_bytes());
                }
            }
        }
    }
    put(object.map(|_| &b"{"[..]), out)?;
    for value in found {
        put(value, out)?;
    }
    put_fact(*DRY_RUN_READ, subject, out)?;
    Some(rest)
}

/// Appends the facts to what [`write`] has written; the whole is the head.
pub(super) fn write_facts(subject: &Subject<'_>, out: &mut Vec<u8>) -> Option<()> {
    FACTS_READ.iter().try_for_each(|fact| put_fact(*fact, subject, out))
}

fn put_fact(fact: Option<&Fact>, subject: &Subject<'_>, out: &mut Vec<u8>) -> Option<()> {
    match fact.and_then(|fact| fact.of(subject)) {
        Some(Item::Bool(said)) => put(Some(if said { b"+" } else { b"-" }), out),
        said => put(said.as_ref().and_then(Item::text).as_deref().map(str::as_bytes), out),
    }
}

/// Values are never empty, so that zero is free for a missing one.
fn put(bytes: Option<&[u8]>, out: &mut Vec<u8>) -> Option<()> {
    let bytes = bytes.unwrap_or_default();
    out.push(u8::try_from(bytes.len()).ok()?);
    out.extend_from_slice(bytes);
    Some(())
}

/// How much of an event has to be looked at, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reach {
    /// Its head.
    Head,
    /// A short field.
    Short,
    /// Something longer, or several fields.
    Long,
    /// A body.
    Body,
    /// A body in all its depth.
    Everything,
}

impl Reach {
    pub(super) fn of_test(test: &Test) -> Self {
        let other = match &test.check {
            Match::Field(_, other) => Self::of_field(other),
            _ => Reach::Head,
        };
        Self::of_field(&test.field).max(other)
    }

    pub(super) fn of_field(field: &Field) -> Self {
        match &field.root {
            Root::Event(path) => Self::of_path(path),
            Root::Dotted(keys) => Self::of_keys(&keys.iter().map(String::as_str).collect::<Vec<_>>()),
            Root::Falco(name, argument) => Self::of_falco(name, argument.as_deref()),
            Root::Object(_) | Root::Pod(_) | Root::Container(_) => Reach::Body,
            Root::Fact(name) if is_of_head(name) => Reach::Head,
            Root::Query(_) | Root::Fact(_) => Reach::Long,
            Root::Element(_) => Reach::Short,
            Root::Anywhere => Reach::Everything,
        }
    }

    /// Of all that is asked in an expression.
    pub(super) fn of_expr(expr: &Expr) -> Self {
        match expr {
            Expr::Const(_) => Reach::Head,
            Expr::Not(inner) => Self::of_expr(inner),
            Expr::And(all) | Expr::Or(all) => all.iter().map(Self::of_expr).max().unwrap_or(Reach::Head),
            Expr::Test(test) => Self::of_test(test),
            Expr::Some { list, holds } => Self::of_field(list).max(Self::of_expr(holds)).max(Reach::Short),
        }
    }

    fn of_path(path: &Path) -> Self {
        let keys: Option<Vec<&str>> = path
            .steps()
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Index(_) | Step::Each => None,
            })
            .collect();
        match (keys, path.steps().first()) {
            (Some(keys), _) => Self::of_keys(&keys),
            (None, Some(Step::Key(first))) => Self::of_keys(&[first]).max(Reach::Long),
            (None, _) => Reach::Everything,
        }
    }

    fn of_keys(keys: &[&str]) -> Self {
        match keys {
            [] => Reach::Everything,
            [key] if KEYS.contains(key) => Reach::Head,
            ["objectRef", key] if OBJECT_KEYS.contains(key) => Reach::Head,
            ["requestObject" | "responseObject", ..] => Reach::Body,
            ["auditID" | "userAgent" | "requestURI" | "stageTimestamp" | "requestReceivedTimestamp"]
            | ["user" | "objectRef" | "responseStatus", _] => Reach::Short,
            _ => Reach::Long,
        }
    }

    /// The fields of which upstream reads one value of the event as it stands.
    fn of_falco(name: &str, argument: Option<&str>) -> Self {
        match (name, argument) {
            ("ka.verb" | "ka.stage" | "ka.target.resource" | "ka.target.subresource", None) => Reach::Head,
            ("jevt.value" | "json.value", Some(pointer)) => {
                let keys: Vec<&str> = pointer.strip_prefix('/').unwrap_or(pointer).split('/').collect();
                Self::of_keys(&keys)
            }
            ("jevt.obj" | "json.obj" | "evt.plugininfo", _) => Reach::Everything,
            _ if name.starts_with("ka.req.") || name.starts_with("ka.resp.") => Reach::Body,
            _ => Reach::Short,
        }
    }
}
