//! Changes to the text of a policy: what to cut, what to put where. The author's layout is kept, and so is every
//! comment but those inside a removed rule.
//!
//! A change is only offered when, made, it gives exactly the policy that was meant. So what is unusual here (anchors,
//! tags, flow style across lines) needs no care: a change that would go wrong there is not offered.

use auditward_event::{Level, Stage};

use super::context::Context;
use super::{Edit, Fix, fix};
use crate::read::{self, Entry, FieldPath, Node, Span, Value};
use crate::{GroupResources, Policy, Rule};

/// Takes a rule away. Comments above it stay: they may belong to more than this rule, and a comment too many does less
/// harm than a lost one.
pub(super) fn remove_rule(cx: &Context<'_>, rule: usize, safe: bool) -> Option<Fix> {
    let mut meant = cx.policy.clone();
    if rule >= meant.rules.len() || meant.rules.len() == 1 {
        return None;
    }
    meant.rules.remove(rule);
    let span = Item::find(cx, &FieldPath::rule(rule))?.whole(cx.text);
    let edit = Edit { span, replacement: String::new() };
    tried(cx, format!("remove {}", cx.name(rule)), safe, vec![edit], &meant)
}

/// Puts a rule before the one at `at`, above the comments of that one; at the end where there is none at `at`.
pub(super) fn insert_rule(
    cx: &Context<'_>,
    at: usize,
    rule: Rule,
    comment: &str,
    description: String,
    safe: bool,
) -> Option<Fix> {
    let last = cx.policy.rules.len().checked_sub(1)?;
    let item = Item::find(cx, &FieldPath::rule(at.min(last)))?;
    let edit = match (&item, at > last) {
        (Item::Block { line, indent, .. }, false) => {
            let place = above_comments(cx.text, *line);
            insertion(place, block_rule(&rule, comment, indent, newline(cx.text)))
        }
        (Item::Block { indent, end, .. }, true) => {
            let newline = newline(cx.text);
            let text = block_rule(&rule, comment, indent, newline);
            let ends_well = *end == 0 || cx.text.get(end - 1) == Some(&b'\n');
            insertion(*end, if ends_well { text } else { format!("{newline}{}", text.trim_end()) })
        }
        (Item::Flow { span, .. }, false) => insertion(span.start, format!("{}, ", flow_rule(&rule))),
        (Item::Flow { span, .. }, true) => insertion(span.end, format!(", {}", flow_rule(&rule))),
    };
    let mut meant = cx.policy.clone();
    meant.rules.insert(at.min(last + 1), rule);
    tried(cx, description, safe, vec![edit], &meant)
}

/// Gives a rule another level.
pub(super) fn set_level(cx: &Context<'_>, rule: usize, level: Level, safe: bool) -> Option<Fix> {
    let mut meant = cx.policy.clone();
    meant.rules.get_mut(rule)?.level = level;
    let edit = replaced_word(cx, &FieldPath::rule(rule).key("level"), level.as_str())?;
    tried(cx, format!("record {} at {level}", cx.name(rule)), safe, vec![edit], &meant)
}

/// Puts another word in the place of one; `change` says what the policy should then be.
pub(super) fn replace_word(
    cx: &Context<'_>,
    path: &FieldPath,
    word: &str,
    change: impl FnOnce(&mut Policy),
) -> Option<Fix> {
    let mut meant = cx.policy.clone();
    change(&mut meant);
    let edit = replaced_word(cx, path, word)?;
    let shown = if word.is_empty() { "\"\"" } else { word };
    tried(cx, format!("write `{shown}`"), false, vec![edit], &meant)
}

/// Adds a stage to those that the policy omits everywhere.
pub(super) fn omit_stage(cx: &Context<'_>, stage: Stage, safe: bool) -> Option<Fix> {
    let mut meant = cx.policy.clone();
    meant.omit_stages = meant.omit_stages.with(stage);
    let path = FieldPath::ROOT.key("omitStages");
    let edit = match entry(cx, "omitStages") {
        None => {
            policy_key(cx, &format!("omitStages: [{stage}]"), &format!("\"omitStages\": [\"{stage}\"], "))?
        }
        Some(Entry { node: Node { value: Value::List(stages), span }, .. }) => {
            match Item::find(cx, &path.index(0)) {
                Some(Item::Block { line, indent, .. }) => {
                    insertion(line, format!("{indent}- {stage}{}", newline(cx.text)))
                }
                _ if cx.text.get(span.start) == Some(&b'[') => {
                    let more = if stages.is_empty() { "" } else { ", " };
                    insertion(span.start + 1, format!("{}{more}", string(stage.as_str())))
                }
                _ => return None,
            }
        }
        Some(_) => return None,
    };
    tried(cx, format!("omit {stage} everywhere"), safe, vec![edit], &meant)
}

/// Leaves managed fields out of all bodies, where a rule does not say otherwise.
pub(super) fn omit_managed_fields(cx: &Context<'_>, safe: bool) -> Option<Fix> {
    let meant = Policy { omit_managed_fields: true, ..cx.policy.clone() };
    let edit = match entry(cx, "omitManagedFields") {
        None => policy_key(cx, "omitManagedFields: true", "\"omitManagedFields\": true, ")?,
        Some(entry) => Edit { span: entry.node.span.clone(), replacement: "true".to_owned() },
    };
    tried(cx, "omit managed fields from all bodies".to_owned(), safe, vec![edit], &meant)
}

/// The change, if the text that it gives says what was meant.
fn tried(cx: &Context<'_>, description: String, safe: bool, edits: Vec<Edit>, meant: &Policy) -> Option<Fix> {
    if !cx.may_read_again() {
        return None;
    }
    let reading = read::read(&fix::apply(cx.text, edits.clone()));
    let no_worse = reading.findings.len() <= cx.reading.findings.len();
    (reading.policy.as_ref() == Some(meant) && no_worse).then_some(Fix { description, safe, edits })
}

/// Where an item of a list stands.
enum Item {
    /// On lines of its own, behind a dash.
    Block {
        /// The start of its first line.
        line: usize,
        /// What stands before the dash.
        indent: String,
        /// The start of the line after its last.
        end: usize,
    },
    /// In `[…]`.
    Flow {
        /// The item.
        span: Span,
    },
}

impl Item {
    fn find(cx: &Context<'_>, path: &FieldPath) -> Option<Self> {
        let text = cx.text;
        let span = cx.span(path);
        let line = line_start(text, span.start);
        let before = std::str::from_utf8(text.get(line..span.start)?).ok()?;
        let indent = before.trim_end_matches(' ').strip_suffix('-');
        match indent {
            Some(indent) if indent.bytes().all(|byte| byte == b' ') => {
                Some(Self::Block { line, indent: indent.to_owned(), end: line_end(text, span.end) })
            }
            _ => {
                let before = text.get(..span.start)?.trim_ascii_end();
                matches!(before.last(), Some(b'[' | b',')).then_some(Self::Flow { span })
            }
        }
    }

    /// All that goes with the item.
    fn whole(&self, text: &[u8]) -> Span {
        match self {
            Self::Block { line, end, .. } => *line..*end,
            Self::Flow { span } => {
                let before = text[..span.start].trim_ascii_end().len();
                if text[..before].last() == Some(&b',') {
                    return before - 1..span.end;
                }
                let after = text[span.end..].trim_ascii_start();
                match after.strip_prefix(b",") {
                    Some(rest) => span.start..text.len() - rest.trim_ascii_start().len(),
                    None => span.clone(),
                }
            }
        }
    }
}

fn insertion(at: usize, replacement: String) -> Edit {
    Edit { span: at..at, replacement }
}

/// A new key of the policy, before `rules`.
fn policy_key(cx: &Context<'_>, block: &str, flow: &str) -> Option<Edit> {
    let key = entry(cx, "rules")?.key_span.start;
    let line = line_start(cx.text, key);
    let indent = std::str::from_utf8(cx.text.get(line..key)?).ok()?;
    let is_flow = cx.text.get(key) == Some(&b'"') && cx.text.trim_ascii_start().starts_with(b"{");
    Some(match indent {
        _ if is_flow => insertion(key, flow.to_owned()),
        _ if indent.bytes().all(|byte| byte == b' ') => {
            let place = above_comments(cx.text, line);
            insertion(place, format!("{indent}{block}{}", newline(cx.text)))
        }
        _ => return None,
    })
}

fn entry<'c>(cx: &'c Context<'_>, key: &str) -> Option<&'c Entry> {
    match &cx.reading.root.as_ref()?.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

/// `word` in place of the scalar at `path`, in the same quotes.
fn replaced_word(cx: &Context<'_>, path: &FieldPath, word: &str) -> Option<Edit> {
    let span = cx.span(path);
    let replacement = match cx.text.get(span.start)? {
        b'"' => string(word),
        b'\'' => format!("'{}'", word.replace('\'', "''")),
        _ if word.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) => word.to_owned(),
        _ => string(word),
    };
    Some(Edit { span, replacement })
}

/// The start of the comment lines that stand right above `line`; `line` itself where there are none, or where they
/// are the head of the file.
fn above_comments(text: &[u8], line: usize) -> usize {
    let mut place = line;
    while place > 0 {
        let previous = line_start(text, place - 1);
        if !text[previous..place].trim_ascii_start().starts_with(b"#") {
            return place;
        }
        place = previous;
    }
    line
}

fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at.min(text.len())]).map_or(0, |newline| newline + 1)
}

fn line_end(text: &[u8], at: usize) -> usize {
    let at = at.min(text.len());
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline + 1)
}

fn newline(text: &[u8]) -> &'static str {
    match memchr::memchr(b'\n', text) {
        Some(at) if at > 0 && text[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

fn block_rule(rule: &Rule, comment: &str, indent: &str, newline: &str) -> String {
    let mut lines = vec![format!("# {comment}"), format!("- level: {}", rule.level)];
    let mut list = |key: &str, words: &[String]| {
        if !words.is_empty() {
            lines.push(format!("  {key}: {}", strings(words)));
        }
    };
    list("users", &rule.users);
    list("userGroups", &rule.user_groups);
    list("verbs", &rule.verbs);
    list("namespaces", &rule.namespaces);
    list("nonResourceURLs", &rule.non_resource_urls);
    if !rule.resources.is_empty() {
        lines.push("  resources:".to_owned());
    }
    for GroupResources { group, resources, resource_names } in &rule.resources {
        lines.push(format!("  - group: {}", string(group)));
        for (key, words) in [("resources", resources), ("resourceNames", resource_names)] {
            if !words.is_empty() {
                lines.push(format!("    {key}: {}", strings(words)));
            }
        }
    }
    lines.into_iter().fold(String::new(), |text, line| text + indent + &line + newline)
}

fn flow_rule(rule: &Rule) -> String {
    let mut fields = vec![format!("\"level\": {}", string(rule.level.as_str()))];
    for (key, words) in [
        ("users", &rule.users),
        ("userGroups", &rule.user_groups),
        ("verbs", &rule.verbs),
        ("namespaces", &rule.namespaces),
        ("nonResourceURLs", &rule.non_resource_urls),
    ] {
        if !words.is_empty() {
            fields.push(format!("\"{key}\": {}", strings(words)));
        }
    }
    let entries: Vec<String> = rule
        .resources
        .iter()
        .map(|GroupResources { group, resources, resource_names }| {
            let mut fields = vec![format!("\"group\": {}", string(group))];
            for (key, words) in [("resources", resources), ("resourceNames", resource_names)] {
                if !words.is_empty() {
                    fields.push(format!("\"{key}\": {}", strings(words)));
                }
            }
            format!("{{{}}}", fields.join(", "))
        })
        .collect();
    if !entries.is_empty() {
        fields.push(format!("\"resources\": [{}]", entries.join(", ")));
    }
    format!("{{{}}}", fields.join(", "))
}

fn strings(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| string(word)).collect();
    format!("[{}]", quoted.join(", "))
}

/// In double quotes, as YAML and JSON both read it.
fn string(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::lint::fix_all;

    #[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
    fn check(text: &str, expected: Expect) {
        let fixed = fix_all(text.as_bytes());
        expected.assert_eq(&String::from_utf8_lossy(&fixed.text));
        assert_eq!(fix_all(&fixed.text).text, fixed.text);
    }

    #[test]
    fn layout_and_comments_stay() {
        check(
            "# Head of the file.\n\napiVersion: audit.k8s.io/v1\nkind: Policy # kind\n\n# The rules.\nrules:\n# Pods.\n-   level: None # quiet\n    verbs: [get]\n# Again.\n-   level: Request\n    verbs: [get]   # dead\n\n# The rest.\n-   level: RequestResponse\n# End.\n",
            expect![[r##"
                # Head of the file.

                apiVersion: audit.k8s.io/v1
                kind: Policy # kind

                omitStages: [RequestReceived]
                # The rules.
                rules:
                # Pods.
                -   level: None # quiet
                    verbs: [get]
                # Again.

                # Bodies of these hold credentials: record who asked and when, not what was said.
                - level: Metadata
                  resources:
                  - group: ""
                    resources: ["secrets", "serviceaccounts/token"]
                  - group: "authentication.k8s.io"
                    resources: ["tokenreviews"]
                # The rest.
                -   level: RequestResponse
                # End.
            "##]],
        );
    }

    #[test]
    fn lines_end_as_they_did() {
        let text = "apiVersion: audit.k8s.io/v1\r\nkind: Policy\r\nrules:\r\n  - level: Request\r\n";
        let fixed = fix_all(text.as_bytes()).text;
        let fixed = String::from_utf8_lossy(&fixed);
        assert!(fixed.len() > text.len());
        assert_eq!(fixed.matches('\n').count(), fixed.matches("\r\n").count(), "{fixed:?}");
    }

    #[test]
    fn json_stays_json() {
        check(
            r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "None", "verbs": ["get"]}, {"level": "Request", "verbs": ["get"]}, {"level": "Request"}]}"#,
            expect![[
                r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "None", "verbs": ["get"]}, {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}, {"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]}, {"level": "Request"}]}"#
            ]],
        );
    }

    /// An anchor that a later rule needs cannot go with its rule.
    #[test]
    fn what_would_break_is_left_alone() {
        check(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- {level: None, verbs: [get]}\n\
             - level: Metadata\n  verbs: [get]\n  users: &who [alice]\n- {level: Metadata, users: *who}\n- level: None\n",
            expect![[r#"
                apiVersion: audit.k8s.io/v1
                kind: Policy
                omitStages: [RequestReceived]
                rules:
                - {level: None, verbs: [get]}
                - level: Metadata
                  verbs: [get]
                  users: &who [alice]
                - {level: Metadata, users: *who}
                - level: None
            "#]],
        );
    }
}
