//! k0s: `spec.api.extraArgs` in the controller's configuration file.
//!
//! The API server is a child of `k0s controller` and runs as a user of its own.

use std::path::{Path, PathBuf};

use auditward_policy::read::{Node, Value, documents, position};

use super::unit::Unit;
use super::{FileChange, Files, Flags, ServicePlan, ServiceRefusal, read_text, with_paths};

pub(super) const UNIT: &str = "k0scontroller.service";
const CONFIG: &str = "/etc/k0s/k0s.yaml";
const POLICY: &str = "/etc/k0s/audit/policy.yaml";
const LOG: &str = "/var/log/k0s/audit/audit.log";
/// Whom the API server runs as, where that user exists.
const USER: &str = "kube-apiserver";

pub(super) fn plan(files: &dyn Files, flags: &Flags) -> Result<ServicePlan, ServiceRefusal> {
    let path = config(files)?;
    let before = read_text(files, &path)?.ok_or_else(|| ServiceRefusal::Missing {
        problem: format!("there is no file `{}`", path.display()),
        hint: format!(
            "write the defaults with `k0s config create > {CONFIG}`, and let the controller use it with \
             `k0s install controller --config {CONFIG} --force`"
        ),
    })?;
    let (policy, log) = (PathBuf::from(POLICY), PathBuf::from(LOG));
    let mut notes = vec![
        format!("{UNIT} is restarted: on a controller that is also a worker, its kubelet restarts too"),
        "dynamic configuration does not carry these settings: do the same on every controller".to_owned(),
    ];
    let mut after = before.clone();
    // Each new line goes before the others, so the last one is written first.
    for (name, value) in with_paths(flags, &policy, &log).into_iter().rev() {
        after = set(&path, &after, &name, &value, &mut notes)?;
    }
    Ok(ServicePlan {
        files: vec![FileChange { path, before: Some(before.into_bytes()), after: Some(after.into_bytes()) }],
        policy,
        log,
        user: Some(USER.to_owned()),
        unit: UNIT.to_owned(),
        notes,
    })
}

pub(super) fn undo(files: &dyn Files, flags: &Flags) -> Result<Vec<FileChange>, ServiceRefusal> {
    let path = config(files)?;
    let Some(before) = read_text(files, &path)? else { return Ok(Vec::new()) };
    let mut after = before.clone();
    for (name, value) in with_paths(flags, Path::new(POLICY), Path::new(LOG)) {
        after = unset(&path, &after, &name, &value)?;
    }
    Ok(vec![FileChange { path, before: Some(before.into_bytes()), after: Some(after.into_bytes()) }])
}

/// The file that the controller is started with.
fn config(files: &dyn Files) -> Result<PathBuf, ServiceRefusal> {
    let start = Unit::find(files, UNIT)?.and_then(|unit| unit.exec_start());
    let Some(start) = start else { return Ok(PathBuf::from(CONFIG)) };
    let words = start.words();
    let given = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "--config" | "-c" => words.get(at + 1).cloned(),
        word => word.strip_prefix("--config=").map(str::to_owned),
    });
    Ok(PathBuf::from(given.unwrap_or_else(|| CONFIG.to_owned())))
}

fn parse(path: &Path, text: &str) -> Result<Node, ServiceRefusal> {
    let (mut trees, mistake) = documents(text.as_bytes());
    if let Some(mistake) = mistake {
        let line = position(text.as_bytes(), mistake.offset).line;
        let hint = "k0s itself would not start with it; put it right first";
        return Err(ServiceRefusal::unclear(path, Some(line), mistake.message, hint));
    }
    match trees.len() {
        1 => Ok(trees.remove(0).root),
        0 => Ok(Node { value: Value::Null, span: 0..0 }),
        _ => Err(ServiceRefusal::unclear(
            path,
            None,
            "has several documents",
            "keep one; k0s reads the first only",
        )),
    }
}

/// The text with the argument set.
fn set(
    path: &Path,
    text: &str,
    name: &str,
    value: &str,
    notes: &mut Vec<String>,
) -> Result<String, ServiceRefusal> {
    let root = parse(path, text)?;
    let keys = ["spec", "api", "extraArgs"];
    let found = keys.iter().try_fold(&root, |node, key| node.get(key));
    let edited = if let Some(old) = found.and_then(|args| args.get(name)) {
        if scalar(old).as_deref() == Some(value) {
            return Ok(text.to_owned());
        }
        let line = position(text.as_bytes(), old.span.start).line;
        notes.push(format!(
            "{}:{line}: `{name}` is set to something else and becomes `{value}`",
            path.display()
        ));
        format!("{}{}{}", &text[..old.span.start], quoted(value), &text[old.span.end..])
    } else {
        insert(path, text, &root, &keys, name, value)?
    };
    proven(path, text, edited, |before| {
        put(before, &[keys[0], keys[1], keys[2], name], Some(value));
    })
}

/// The text without the argument, if it is set to just that.
fn unset(path: &Path, text: &str, name: &str, value: &str) -> Result<String, ServiceRefusal> {
    let root = parse(path, text)?;
    let keys = ["spec", "api", "extraArgs"];
    let Some(args) = keys.iter().try_fold(&root, |node, key| node.get(key)) else {
        return Ok(text.to_owned());
    };
    let Value::Map(entries) = &args.value else { return Ok(text.to_owned()) };
    let Some(entry) = entries.iter().find(|entry| entry.key == name) else { return Ok(text.to_owned()) };
    if scalar(&entry.node).as_deref() != Some(value) {
        return Ok(text.to_owned());
    }
    let mut from = line_start(text, entry.key_span.start);
    let to = line_end(text, entry.node.span.end);
    // A mapping that held nothing else was ours.
    let mut removed = vec![keys[0], keys[1], keys[2], name];
    let parent = root.get("spec").and_then(|it| it.get("api")).and_then(|api| key_of(api, "extraArgs"));
    if let (1, Some(parent)) = (entries.len(), parent) {
        from = line_start(text, parent);
        removed.pop();
    }
    let edited = format!("{}{}", &text[..from], &text[to..]);
    proven(path, text, edited, |before| put(before, &removed, None))
}

fn key_of(map: &Node, key: &str) -> Option<usize> {
    match &map.value {
        Value::Map(entries) if entries.len() > 1 => {
            entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_span.start)
        }
        _ => None,
    }
}

/// The text with a new line for the argument, and for those of `keys` that are not there.
fn insert(
    path: &Path,
    text: &str,
    root: &Node,
    keys: &[&str],
    name: &str,
    value: &str,
) -> Result<String, ServiceRefusal> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut here = root;
    let mut depth = 0;
    while let Some(next) = keys.get(depth).and_then(|key| here.get(key)) {
        if matches!(next.value, Value::Null) {
            break;
        }
        here = next;
        depth += 1;
    }
    let Value::Map(entries) = &here.value else {
        return Err(by_hand(path, text, here.span.start, name, value));
    };
    let Some(first) = entries.first() else { return Err(by_hand(path, text, here.span.start, name, value)) };
    // A flow mapping has its keys behind a brace.
    let start = line_start(text, first.key_span.start);
    let indent = &text[start..first.key_span.start];
    if !indent.chars().all(|c| c == ' ') {
        return Err(by_hand(path, text, first.key_span.start, name, value));
    }
    // A key that is there without a value takes the lines below it; others go where their mapping begins.
    let empty = keys.get(depth).and_then(|key| entries.iter().find(|entry| entry.key == *key));
    let (at, mut indent) = match empty {
        Some(entry) => {
            depth += 1;
            (line_end(text, entry.key_span.end), format!("{indent}  "))
        }
        None => (start, indent.to_owned()),
    };
    let mut lines = String::new();
    for key in &keys[depth..] {
        lines += &format!("{indent}{key}:{end}");
        indent += "  ";
    }
    lines += &format!("{indent}{name}: {}{end}", quoted(value));
    let gap = if at == text.len() && !text.ends_with('\n') && !text.is_empty() { end } else { "" };
    Ok(format!("{}{gap}{lines}{}", &text[..at], &text[at..]))
}

fn by_hand(path: &Path, text: &str, offset: usize, name: &str, value: &str) -> ServiceRefusal {
    ServiceRefusal::unclear(
        path,
        Some(position(text.as_bytes(), offset).line),
        "is laid out in a way that is not edited safely",
        format!("add `{name}: {}` under `spec.api.extraArgs` by hand", quoted(value)),
    )
}

/// The edited text, if reading it gives exactly the old tree with that change.
fn proven(
    path: &Path,
    before: &str,
    after: String,
    change: impl FnOnce(&mut Plain),
) -> Result<String, ServiceRefusal> {
    let mut wanted = Plain::of(&parse(path, before)?);
    change(&mut wanted);
    if parse(path, &after).is_ok_and(|root| Plain::of(&root) == wanted) {
        return Ok(after);
    }
    Err(ServiceRefusal::unclear(
        path,
        None,
        "could not be edited so that nothing else changes",
        "add the audit flags under `spec.api.extraArgs` by hand",
    ))
}

/// A tree without places; keys in order, since order is no meaning.
#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Leaf(Value),
    List(Vec<Plain>),
    Map(std::collections::BTreeMap<String, Plain>),
}

impl Plain {
    fn of(node: &Node) -> Self {
        match &node.value {
            Value::List(nodes) => Self::List(nodes.iter().map(Self::of).collect()),
            Value::Map(entries) => {
                Self::Map(entries.iter().map(|entry| (entry.key.clone(), Self::of(&entry.node))).collect())
            }
            leaf => Self::Leaf(leaf.clone()),
        }
    }
}

/// Sets what is at `keys`, or takes it away.
fn put(at: &mut Plain, keys: &[&str], value: Option<&str>) {
    let Some((key, rest)) = keys.split_first() else { return };
    if !matches!(at, Plain::Map(_)) {
        *at = Plain::Map(std::collections::BTreeMap::new());
    }
    let Plain::Map(map) = at else { return };
    match (rest.is_empty(), value) {
        (true, None) => {
            map.remove(*key);
        }
        (true, Some(value)) => {
            map.insert((*key).to_owned(), Plain::Leaf(Value::String(value.to_owned())));
        }
        (false, _) => put(map.entry((*key).to_owned()).or_insert(Plain::Leaf(Value::Null)), rest, value),
    }
}

fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        _ => None,
    }
}

/// A text in YAML: k0s wants texts, and `30` without quotes is a number.
fn quoted(value: &str) -> String {
    let plain =
        value.starts_with('/') && value.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |newline| offset + newline + 1)
}
