//! From a tree to a [`RawPolicy`]: types must be right, names that no field has are only warned of.
//!
//! The reference stops at the first wrong type; here all are told.

use super::finding::{Finding, Severity};
use super::metadata;
use super::raw::{Located, RawGroupResources, RawLevel, RawPolicy, RawRule};
use super::source::{FieldPath, Span};
use super::suggest::did_you_mean;
use super::tree::{Entry, Node, Value};

const POLICY: &[&str] = &["apiVersion", "kind", "metadata", "omitManagedFields", "omitStages", "rules"];
const RULE: &[&str] = &[
    "level",
    "namespaces",
    "nonResourceURLs",
    "omitManagedFields",
    "omitStages",
    "resources",
    "userGroups",
    "users",
    "verbs",
];
const GROUP_RESOURCES: &[&str] = &["group", "resourceNames", "resources"];

/// Decodes a document whose outermost value is a mapping or null.
pub(super) fn decode(root: &Node, findings: &mut Vec<Finding>) -> RawPolicy {
    Decoder { findings }.policy(root)
}

pub(super) struct Decoder<'f> {
    pub(super) findings: &'f mut Vec<Finding>,
}

impl Decoder<'_> {
    fn policy(&mut self, root: &Node) -> RawPolicy {
        let here = FieldPath::ROOT;
        let mut policy = RawPolicy::default();
        for entry in self.fields(root, &here, POLICY) {
            let (path, node) = (here.key(&entry.key), &entry.node);
            match entry.key.as_str() {
                "rules" => {
                    let rule =
                        |decoder: &mut Self, node: &Node, path: &FieldPath| Some(decoder.rule(node, path));
                    policy.rules = self.list(node, &path, rule);
                }
                "omitStages" => policy.omit_stages = self.strings(node, &path),
                "omitManagedFields" => policy.omit_managed_fields = self.bool(node, &path).unwrap_or(false),
                "metadata" => metadata::check(self, node, &path),
                // `header` has read these, without regard to case; as fields they must be strings too.
                _ => _ = self.string(node, &path),
            }
        }
        policy
    }

    fn rule(&mut self, node: &Node, here: &FieldPath) -> RawRule {
        let mut rule = RawRule {
            path: here.clone(),
            span: node.span.clone(),
            level: RawLevel::Absent,
            users: Vec::new(),
            user_groups: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            namespaces: Vec::new(),
            non_resource_urls: Vec::new(),
            omit_stages: Vec::new(),
            omit_managed_fields: None,
        };
        for entry in self.fields(node, here, RULE) {
            let (path, node) = (here.key(&entry.key), &entry.node);
            match entry.key.as_str() {
                "level" => rule.level = self.level(node, &path),
                "users" => rule.users = self.strings(node, &path),
                "userGroups" => rule.user_groups = self.strings(node, &path),
                "verbs" => rule.verbs = self.strings(node, &path),
                "resources" => {
                    let entry = |decoder: &mut Self, node: &Node, path: &FieldPath| {
                        Some(decoder.group_resources(node, path))
                    };
                    rule.resources = self.list(node, &path, entry);
                }
                "namespaces" => rule.namespaces = self.strings(node, &path),
                "nonResourceURLs" => rule.non_resource_urls = self.strings(node, &path),
                "omitStages" => rule.omit_stages = self.strings(node, &path),
                _ => rule.omit_managed_fields = self.bool(node, &path),
            }
        }
        rule
    }

    fn level(&mut self, node: &Node, path: &FieldPath) -> RawLevel {
        match self.string(node, path) {
            None => RawLevel::Unreadable,
            Some(word) if word.value.is_empty() => RawLevel::Absent,
            Some(word) => RawLevel::Word(word),
        }
    }

    fn group_resources(&mut self, node: &Node, here: &FieldPath) -> RawGroupResources {
        let located = |value| Located { value, path: here.clone(), span: node.span.clone() };
        let mut entry_of = RawGroupResources {
            path: here.clone(),
            group: located(String::new()),
            resources: Vec::new(),
            resource_names: Vec::new(),
        };
        for entry in self.fields(node, here, GROUP_RESOURCES) {
            let (path, node) = (here.key(&entry.key), &entry.node);
            match entry.key.as_str() {
                "group" => {
                    if let Some(group) = self.string(node, &path) {
                        entry_of.group = group;
                    }
                }
                "resources" => entry_of.resources = self.strings(node, &path),
                _ => entry_of.resource_names = self.strings(node, &path),
            }
        }
        entry_of
    }

    /// The entries of a mapping that have one of the `known` names; others are warned of. Null has none.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: &FieldPath, known: &[&str]) -> Vec<&'n Entry> {
        match &node.value {
            Value::Null => Vec::new(),
            Value::Map(entries) => {
                let (fields, unknown): (Vec<_>, Vec<_>) =
                    entries.iter().partition(|entry| known.contains(&entry.key.as_str()));
                for entry in unknown {
                    self.unknown_field(entry, path, known, &fields);
                }
                fields
            }
            _ => {
                self.wrong_type(node, path, "a mapping");
                Vec::new()
            }
        }
    }

    fn unknown_field(&mut self, entry: &Entry, path: &FieldPath, known: &[&str], present: &[&Entry]) {
        let meant = did_you_mean(&entry.key, known.iter().copied())
            .filter(|meant| !present.iter().any(|field| field.key == *meant));
        let consequence = if known == GROUP_RESOURCES && !present.iter().any(|field| field.key == "resources")
        {
            "; as it stands, this entry takes every resource of its group"
        } else {
            ""
        };
        self.findings.push(Finding {
            severity: Severity::Warning,
            path: path.key(&entry.key),
            span: entry.key_span.clone(),
            message: format!("unknown field `{}` is ignored{consequence}", entry.key),
            hint: Some(meant.map_or_else(
                || format!("remove it; known here are {}", known.join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            )),
            reference: None,
        });
    }

    /// A list; null is an empty one, and an entry that cannot be read is left out.
    pub(super) fn list<T>(
        &mut self,
        node: &Node,
        path: &FieldPath,
        read: impl Fn(&mut Self, &Node, &FieldPath) -> Option<T>,
    ) -> Vec<T> {
        match &node.value {
            Value::Null => Vec::new(),
            Value::List(nodes) => {
                nodes.iter().enumerate().filter_map(|(i, node)| read(self, node, &path.index(i))).collect()
            }
            _ => {
                self.wrong_type(node, path, "a list");
                Vec::new()
            }
        }
    }

    /// A list of strings, in which null is "".
    pub(super) fn strings(&mut self, node: &Node, path: &FieldPath) -> Vec<Located<String>> {
        self.list(node, path, Self::string)
    }

    /// A string; null is "".
    pub(super) fn string(&mut self, node: &Node, path: &FieldPath) -> Option<Located<String>> {
        let value = match &node.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            _ => {
                self.wrong_type(node, path, "a string");
                return None;
            }
        };
        Some(Located { value, path: path.clone(), span: node.span.clone() })
    }

    /// A boolean; null is as if it were absent.
    pub(super) fn bool(&mut self, node: &Node, path: &FieldPath) -> Option<bool> {
        match &node.value {
            Value::Null => None,
            Value::Bool(value) => Some(*value),
            _ => {
                self.wrong_type(node, path, "a boolean");
                None
            }
        }
    }

    pub(super) fn wrong_type(&mut self, node: &Node, path: &FieldPath, expected: &str) {
        let hint = match (&node.value, expected) {
            _ if path.is_in_resources() => {
                Some("write an entry as `- {group: \"\", resources: [\"pods\"]}`".to_owned())
            }
            (Value::String(text), "a list") if text.is_empty() => {
                Some("write `[]` for an empty list".to_owned())
            }
            (Value::String(text), "a list") => {
                Some(format!("write it as a list with one entry: `[\"{text}\"]`"))
            }
            (Value::Map(_), "a list") => Some("begin the entry with `- `".to_owned()),
            (Value::Bool(_), "a string") => Some(
                "put it in quotes: YAML reads yes, no, on, off, y, n, true and false as booleans".to_owned(),
            ),
            (Value::Number(_), "a string") => Some("put it in quotes".to_owned()),
            (Value::String(text), "a boolean") if text == "true" || text == "false" => {
                Some("take the quotes off".to_owned())
            }
            _ => None,
        };
        self.error(path, node.span.clone(), format!("expected {expected}, found {}", node.kind()), hint);
    }

    pub(super) fn error(&mut self, path: &FieldPath, span: Span, message: String, hint: Option<String>) {
        let severity = Severity::Error;
        self.findings.push(Finding { severity, path: path.clone(), span, message, hint, reference: None });
    }
}
