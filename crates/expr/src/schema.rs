//! What an audit event has, by name.

use auditward_event::{Path, Step};

use crate::Type;

/// A short name for a field of the event.
#[derive(Debug)]
pub struct Alias {
    /// `resource`
    pub name: &'static str,
    /// `objectRef.resource`
    pub path: &'static str,
}

/// All of them.
pub static ALIASES: &[Alias] = &[
    Alias { name: "apiGroup", path: "objectRef.apiGroup" },
    Alias { name: "code", path: "responseStatus.code" },
    Alias { name: "groups", path: "user.groups[*]" },
    Alias { name: "name", path: "objectRef.name" },
    Alias { name: "namespace", path: "objectRef.namespace" },
    Alias { name: "reason", path: "responseStatus.reason" },
    Alias { name: "resource", path: "objectRef.resource" },
    Alias { name: "subresource", path: "objectRef.subresource" },
    Alias { name: "user", path: "user.username" },
];

/// What the event has, by path; `*` is any key, and what is [`Type::Any`] may have anything below.
pub static EVENT: &[(&str, Type)] = &[
    ("kind", Type::Text),
    ("apiVersion", Type::Text),
    ("level", Type::Text),
    ("auditID", Type::Text),
    ("stage", Type::Text),
    ("requestURI", Type::Text),
    ("verb", Type::Text),
    ("user", Type::Inside),
    ("user.username", Type::Text),
    ("user.uid", Type::Text),
    ("user.groups", Type::Inside),
    ("user.groups[*]", Type::Text),
    ("user.extra", Type::Any),
    ("impersonatedUser", Type::Inside),
    ("impersonatedUser.username", Type::Text),
    ("impersonatedUser.uid", Type::Text),
    ("impersonatedUser.groups", Type::Inside),
    ("impersonatedUser.groups[*]", Type::Text),
    ("impersonatedUser.extra", Type::Any),
    ("authenticationMetadata", Type::Inside),
    ("authenticationMetadata.impersonationConstraint", Type::Text),
    ("sourceIPs", Type::Inside),
    ("sourceIPs[*]", Type::Address),
    ("userAgent", Type::Text),
    ("objectRef", Type::Inside),
    ("objectRef.resource", Type::Text),
    ("objectRef.namespace", Type::Text),
    ("objectRef.name", Type::Text),
    ("objectRef.uid", Type::Text),
    ("objectRef.apiGroup", Type::Text),
    ("objectRef.apiVersion", Type::Text),
    ("objectRef.resourceVersion", Type::Text),
    ("objectRef.subresource", Type::Text),
    ("responseStatus", Type::Inside),
    ("responseStatus.metadata", Type::Any),
    ("responseStatus.status", Type::Text),
    ("responseStatus.message", Type::Text),
    ("responseStatus.reason", Type::Text),
    ("responseStatus.details", Type::Any),
    ("responseStatus.code", Type::Number),
    ("requestObject", Type::Any),
    ("responseObject", Type::Any),
    ("requestReceivedTimestamp", Type::Time),
    ("stageTimestamp", Type::Time),
    ("annotations", Type::Inside),
    ("annotations.*", Type::Text),
];

/// What a path's values are. `Err`: up to where the path leads somewhere, and what could follow there.
pub(crate) fn event_type(path: &Path) -> Result<Type, (String, Vec<&'static str>)> {
    let mut here = String::new();
    let mut kind = Type::Inside;
    for step in path.steps() {
        if kind == Type::Any {
            return Ok(Type::Any);
        }
        let dot = if here.is_empty() { "" } else { "." };
        let (next, any) = match step {
            Step::Key(key) => (format!("{here}{dot}{key}"), format!("{here}.*")),
            Step::Index(_) | Step::Each => (format!("{here}[*]"), String::new()),
        };
        let known =
            EVENT.iter().find(|(name, _)| *name == next || *name == any && matches!(step, Step::Key(_)));
        match known {
            Some((name, found)) => {
                (here, kind) = ((*name).to_owned(), *found);
            }
            None => {
                let prefix = format!("{here}{dot}");
                let choices = EVENT.iter().filter_map(|(name, _)| {
                    let rest = name.strip_prefix(&prefix)?;
                    (!rest.is_empty() && !rest.contains(['.', '[', '*'])).then_some(rest)
                });
                return Err((here, choices.collect()));
            }
        }
    }
    Ok(kind)
}

/// The one of `choices` that was probably meant.
pub fn nearest<'c>(word: &str, choices: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// A longer word is no slip of the fingers, and comparing takes time.
    const BYTES_MAX: usize = 100;
    if word.len() > BYTES_MAX {
        return None;
    }
    let folded = word.to_lowercase();
    choices
        .into_iter()
        .map(|choice| (strsim::damerau_levenshtein(&folded, &choice.to_lowercase()), choice))
        .filter(|(distance, choice)| *distance <= 1 + choice.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}
