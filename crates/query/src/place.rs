//! From a name to what is looked at in an event.

use std::ops::Range;

use auditward_event::{Path, Step};
use auditward_expr::schema::{EVENT, nearest};
use auditward_expr::{Expr, Field, Match, Quantifier, Root, Test, check};

use crate::Finding;
use crate::finding::shorten;
use crate::names::{At, NAMES, Name, Type, find};

/// What a name leads to.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Something in the event.
    In(Field, Type, Option<&'static Name>),
    Since,
    Until,
    Cluster,
    Where,
    Anywhere,
}

/// Maps whose keys have dots in them more often than maps inside: what follows is one key.
const FLAT: &[&str] = &["annotations", "labels", "matchLabels", "nodeSelector"];

/// What is a list wherever Kubernetes uses the name: who leaves out `[*]` means each item.
const LISTS: &[&str] = &[
    "apiGroups",
    "args",
    "capabilities.add",
    "capabilities.drop",
    "command",
    "containers",
    "env",
    "envFrom",
    "ephemeralContainers",
    "finalizers",
    "groups",
    "hostAliases",
    "imagePullSecrets",
    "initContainers",
    "nonResourceURLs",
    "ownerReferences",
    "ports",
    "resourceNames",
    "rules",
    "subjects",
    "tolerations",
    "verbs",
    "volumeMounts",
    "volumes",
    "webhooks",
];

/// The place that `name` stands for; `any` says that only its existence is asked for.
pub(crate) fn place(name: &str, span: Range<usize>, any: bool) -> Result<Place, Finding> {
    if let Some(known) = find(name) {
        return known_place(known, Vec::new(), span, any);
    }
    let steps = steps(name).ok_or_else(|| {
        let hint = "keys are joined by dots; others stand in brackets: `annotations[\"a/b\"]`, `[0]`, `[*]`";
        Finding::new(span.clone(), format!("malformed field `{}`", shorten(name)), hint)
    })?;
    if let Some(Step::Key(first)) = steps.first()
        && let Some(known) = find(first)
        && matches!(
            known.at,
            At::Object | At::Pod | At::Container | At::Response | At::Query | At::Annotations
        )
    {
        return known_place(known, steps.into_iter().skip(1).collect(), span, any);
    }
    event_place(name, steps, span, any)
}

fn known_place(
    name: &'static Name,
    inside: Vec<Step>,
    span: Range<usize>,
    any: bool,
) -> Result<Place, Finding> {
    let alone = inside.is_empty();
    let more = |example: &str| {
        let message = format!("`{}` alone is no single value", name.name);
        Err(Finding::new(span.clone(), message, format!("say what is inside: `{example}`")))
    };
    let root = match name.at {
        At::Since => return Ok(Place::Since),
        At::Until => return Ok(Place::Until),
        At::Cluster => return Ok(Place::Cluster),
        At::Where => return Ok(Place::Where),
        At::Anywhere => return Ok(Place::Anywhere),
        At::Fact => Root::Fact(name.name.to_owned()),
        At::Event(path) => match Path::parse(path) {
            Ok(path) => Root::Event(path),
            Err(error) => return Err(Finding::new(span, error.to_string(), "")),
        },
        At::Object | At::Pod | At::Container | At::Response if alone && !any => {
            return more(if name.at == At::Container { "container.image:nginx*" } else { name.example });
        }
        At::Query | At::Annotations if alone => return more(name.example),
        At::Object => Root::Object(Path::new(each(inside, any))),
        At::Pod => Root::Pod(Path::new(each(inside, any))),
        At::Container => Root::Container(Path::new(each(inside, any))),
        At::Response => Root::Event(Path::new(under("responseObject", each(inside, any)))),
        At::Annotations => Root::Event(Path::new(under("annotations", inside))),
        At::Query => match inside.as_slice() {
            [Step::Key(key)] => Root::Query(key.clone()),
            _ => return more(name.example),
        },
    };
    let kind = if name.at == At::Annotations || name.at == At::Query { Type::Text } else { name.kind };
    Ok(Place::In(Field::of(root), kind, Some(name)))
}

/// A path of the event as the event itself calls it.
fn event_place(name: &str, mut steps: Vec<Step>, span: Range<usize>, any: bool) -> Result<Place, Finding> {
    let is_extra = match steps.as_slice() {
        [Step::Key(user), Step::Key(extra), Step::Key(_)] => {
            matches!(user.as_str(), "user" | "impersonatedUser") && extra == "extra"
        }
        _ => false,
    };
    let body =
        matches!(steps.first(), Some(Step::Key(key)) if key == "requestObject" || key == "responseObject");
    if body {
        steps = each(steps, any);
    }
    let text = Path::new(steps.clone()).to_string();
    let items = format!("{text}[*]");
    let list = EVENT.iter().any(|(path, _)| *path == items);
    if !any && (list || is_extra) {
        steps.push(Step::Each);
    }
    let exists = |steps: &[Step]| {
        let field = Field::of(Root::Event(Path::new(steps.to_vec())));
        Expr::Test(Test { field, quantifier: Quantifier::Any, check: Match::Exists })
    };
    if !check(&exists(&steps)).is_empty() {
        return Err(unknown(name, span));
    }
    let path = Path::new(steps);
    let text = path.to_string();
    // Where a name of ours means the same, it knows more.
    if let Some(known) = NAMES.iter().find(|known| known.at == At::Event(static_path(&text))) {
        return Ok(Place::In(Field::of(Root::Event(path)), known.kind, Some(known)));
    }
    let kind = match EVENT.iter().find(|(path, _)| *path == text) {
        Some((_, auditward_expr::Type::Text)) => Type::Text,
        Some((_, auditward_expr::Type::Number)) => Type::Number,
        Some((_, auditward_expr::Type::Address)) => Type::Address,
        Some((_, auditward_expr::Type::Time)) => Type::Time,
        Some((path, auditward_expr::Type::Inside)) if !any => {
            let message = format!("`{path}` is no single value");
            return Err(Finding::new(span, message, format!("name what is inside, or ask `{path}:*`")));
        }
        _ => Type::Any,
    };
    Ok(Place::In(Field::of(Root::Event(path)), kind, None))
}

/// The same text as it stands in the table of what events have; empty where it does not.
fn static_path(text: &str) -> &'static str {
    EVENT.iter().find(|(path, _)| *path == text).map_or("", |(path, _)| path)
}

fn unknown(name: &str, span: Range<usize>) -> Finding {
    let ours = NAMES.iter().flat_map(|known| [known.name].into_iter().chain(known.aliases.iter().copied()));
    let paths = EVENT.iter().map(|(path, _)| *path).filter(|path| !path.contains(['[', '*']));
    let hint = match nearest(name, ours.chain(paths)) {
        Some(near) => format!("did you mean `{near}:`?"),
        None => "put it in quotes to search for it as a text".to_owned(),
    };
    Finding::new(span, format!("unknown field `{}`", shorten(name)), hint)
}

fn under(key: &str, steps: Vec<Step>) -> Vec<Step> {
    let mut path = vec![Step::Key(key.to_owned())];
    path.extend(steps);
    path
}

/// Enters each item of what is known to be a list. At the end too, unless only its existence is asked for.
fn each(steps: Vec<Step>, any: bool) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    let mut before = String::new();
    let mut ahead = steps.into_iter().peekable();
    while let Some(step) = ahead.next() {
        let list = match &step {
            Step::Key(key) => {
                let both = format!("{before}.{key}");
                before.clone_from(key);
                LISTS.iter().any(|list| *list == key.as_str() || *list == both)
            }
            _ => false,
        };
        out.push(step);
        match ahead.peek() {
            Some(Step::Key(_)) if list => out.push(Step::Each),
            None if list && !any => out.push(Step::Each),
            _ => {}
        }
    }
    out
}

/// Keys joined by dots, and brackets.
fn steps(name: &str) -> Option<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        if rest.starts_with('[') {
            // The grammar of brackets is that of paths.
            let end = bracket_length(rest)?;
            let path = Path::parse(rest.get(..end)?).ok()?;
            steps.extend(path.steps().iter().cloned());
            rest = rest.get(end..)?;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let flat = match steps.as_slice() {
            [Step::Key(user), Step::Key(extra)] if extra == "extra" => {
                matches!(user.as_str(), "user" | "impersonatedUser")
            }
            [.., Step::Key(last)] => {
                FLAT.contains(&last.as_str()) || steps.len() == 1 && last == "annotation"
            }
            _ => false,
        };
        let end = if flat { rest.find('[') } else { rest.find(['.', '[']) }.unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        steps.push(Step::Key(rest[..end].to_owned()));
        rest = &rest[end..];
    }
    Some(steps)
}

/// Bytes of the bracket that `text` begins with.
pub(crate) fn bracket_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    if !inside.starts_with('"') {
        return Some(inside.find(']')? + 2);
    }
    let mut escaped = false;
    for (at, letter) in inside.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return inside.get(at + 1..)?.starts_with(']').then_some(at + 3),
            _ => {}
        }
    }
    None
}
