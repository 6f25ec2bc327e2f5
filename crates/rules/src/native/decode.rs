//! From a YAML document to a [`Source`].

use auditward_event::Stage;
use auditward_policy::read::{Node, Value};

use super::duration;
use super::keys::{self, Keys};
use super::params::{Param, ParamValue};
use super::settings::severity;
use super::source::{Located, Pace, Source, SourceStep, SourceTrigger, Test};
use super::text::Text;
use crate::{Attack, Severity};

/// The rule that a document says; `None` if something that it cannot do without is missing or wrong, which was said then.
pub(crate) fn decode(root: &Node, text: &mut Text<'_>) -> Option<Source> {
    text.rule = match root.get("id").map(|id| &id.value) {
        Some(Value::String(id)) => Some(id.clone()),
        _ => None,
    };
    let before = text.findings.len();
    if !text.keys(root, &keys::RULE) {
        return None;
    }
    let id = root.get("id").and_then(|node| text.string(node));
    if let Some(id) = id.as_ref().filter(|id| !is_id(&id.value)) {
        text.error_with(
            &id.span,
            format!("`{}` cannot be an id", id.value),
            "small letters, digits and single hyphens: `privileged-pod`",
        );
    }
    let decoded = Decoder { root, text };
    let source = decoded.source(id);
    (!text.findings[before..].iter().any(|finding| finding.weight == crate::Weight::Error)).then_some(source?)
}

struct Decoder<'d, 't> {
    root: &'d Node,
    text: &'d mut Text<'t>,
}

impl Decoder<'_, '_> {
    fn source(mut self, id: Option<Located<String>>) -> Option<Source> {
        let title = self.string("title");
        let description = self.string("description");
        let severity = self.severity();
        let attack = self.attack();
        let params = self.params();
        let stages = self.stages();
        let trigger = self.trigger();
        let suppress = self.root.get("suppress").and_then(|node| self.duration(node));
        let summary = self.string("summary");
        let tests = self.tests();
        let source = Source {
            file: self.text.file.to_owned(),
            line: self.text.line(self.root.span.start),
            id: id?,
            title: title?.value,
            description: description?.value,
            severity: severity?,
            attack,
            refs: self.values("refs"),
            enabled: self.root.get("enabled").and_then(|node| self.text.bool(node)).unwrap_or(true),
            stages,
            trigger: trigger?,
            group_by: self.strings("groupBy"),
            suppress,
            params,
            summary: summary?,
            details: self.details(),
            response: self.string("response").map(|text| text.value).unwrap_or_default(),
            false_positives: self.values("falsePositives"),
            tests,
        };
        Some(source)
    }

    fn string(&mut self, key: &str) -> Option<Located<String>> {
        self.root.get(key).and_then(|node| self.text.string(node))
    }

    fn strings(&mut self, key: &str) -> Vec<Located<String>> {
        self.root.get(key).map(|node| self.text.strings(node)).unwrap_or_default()
    }

    fn values(&mut self, key: &str) -> Vec<String> {
        self.strings(key).into_iter().map(|text| text.value).collect()
    }

    fn severity(&mut self) -> Option<Severity> {
        let word = self.string("severity")?;
        let severity = severity(&word.value);
        if severity.is_none() {
            self.text.unknown(&word.span, "severity", &word.value, keys::SEVERITIES.iter().copied());
        }
        severity
    }

    fn attack(&mut self) -> Attack {
        let Some(node) = self.root.get("attack") else { return Attack::default() };
        if !self.text.keys(node, child("attack")) {
            return Attack::default();
        }
        let mut get = |key: &str| node.get(key).map(|node| self.text.strings(node)).unwrap_or_default();
        let (tactics, techniques, threat_matrix) = (get("tactics"), get("techniques"), get("threatMatrix"));
        for tactic in tactics.iter().filter(|tactic| !keys::TACTICS.contains(&tactic.value.as_str())) {
            self.text.unknown(&tactic.span, "tactic", &tactic.value, keys::TACTICS.iter().copied());
        }
        for id in techniques.iter().filter(|id| !is_technique(&id.value)) {
            self.text.error_with(
                &id.span,
                format!("`{}` is no technique", id.value),
                "written as `T1611` or `T1053.007`",
            );
        }
        for id in threat_matrix.iter().filter(|id| !is_threat_matrix(&id.value)) {
            self.text.error_with(
                &id.span,
                format!("`{}` is not of the Threat Matrix", id.value),
                "written as `MS-TA9018`",
            );
        }
        let plain = |texts: Vec<Located<String>>| texts.into_iter().map(|text| text.value).collect();
        Attack { tactics: plain(tactics), techniques: plain(techniques), threat_matrix: plain(threat_matrix) }
    }

    fn params(&mut self) -> Vec<Param> {
        let Some(node) = self.root.get("params") else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            self.text.expected(node, "a mapping of names");
            return Vec::new();
        };
        let mut params = Vec::new();
        for entry in entries {
            if !is_param_name(&entry.key) {
                self.text.error_with(
                    &entry.key_span,
                    format!("`{}` cannot be the name of a parameter", entry.key),
                    "a letter, then letters and digits: `allowedNamespaces`",
                );
            }
            if !self.text.keys(&entry.node, child("params")) {
                continue;
            }
            let default = entry.node.get("default").and_then(|node| ParamValue::read(node, self.text));
            let description = entry.node.get("description").and_then(|node| self.text.string(node));
            if let (Some(default), Some(description)) = (default, description) {
                let name = Located { value: entry.key.clone(), span: entry.key_span.clone() };
                params.push(Param { name, default, description: description.value });
            }
        }
        params
    }

    fn stages(&mut self) -> Vec<Stage> {
        let mut stages = Vec::new();
        for word in self.strings("stages") {
            match Stage::ALL.into_iter().find(|stage| stage.as_str() == word.value) {
                Some(stage) => stages.push(stage),
                None => {
                    let known = Stage::ALL.into_iter().map(Stage::as_str);
                    self.text.unknown(&word.span, "stage", &word.value, known);
                }
            }
        }
        stages
    }

    fn trigger(&mut self) -> Option<SourceTrigger> {
        let given: Vec<&str> = ["window", "sequence", "firstSeen"]
            .into_iter()
            .filter(|key| self.root.get(key).is_some())
            .collect();
        if let [_, second, ..] = given.as_slice() {
            let span = self.root.get(second).map(|node| node.span.start..node.span.start).unwrap_or_default();
            self.text.error_with(
                &span,
                format!(
                    "a rule has either {}",
                    given.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ")
                ),
                "write two rules",
            );
            return None;
        }
        let when = self.string("when");
        match given.first() {
            Some(&"sequence") => {
                if let Some(when) = &when {
                    self.text.error_with(
                        &when.span.clone(),
                        "a rule with a `sequence` has no `when` of its own",
                        "each step has its `when`; write what all have in common into each",
                    );
                }
                self.sequence()
            }
            _ if when.is_none() => {
                if self.root.get("when").is_none() {
                    let start = self.root.span.start;
                    self.text.error_with(
                        &(start..start),
                        "a rule has either `when` or `sequence`, and this one has neither",
                        "for example `when: verb == delete and resource == pods`",
                    );
                }
                None
            }
            Some(&"window") => self.window(when?),
            Some(_) => self.first_seen(when?),
            None => when.map(SourceTrigger::Event),
        }
    }

    fn window(&mut self, when: Located<String>) -> Option<SourceTrigger> {
        let node = self.root.get("window")?;
        if !self.text.keys(node, child("window")) {
            return None;
        }
        let count = node.get("count").and_then(|node| self.number(node));
        let distinct = node.get("distinct").map(|node| self.text.strings(node)).unwrap_or_default();
        let within = node.get("within").and_then(|node| self.duration(node));
        Some(SourceTrigger::Window { when, count: count?, distinct, within: within? })
    }

    fn sequence(&mut self) -> Option<SourceTrigger> {
        let node = self.root.get("sequence")?;
        if !self.text.keys(node, child("sequence")) {
            return None;
        }
        let ordered = node.get("ordered").and_then(|node| self.text.bool(node)).unwrap_or(true);
        let within = node.get("within").and_then(|node| self.duration(node));
        let nodes = node.get("steps").map(|node| (node.span.clone(), self.text.list(node)));
        let (span, nodes) = nodes?;
        if nodes.len() < 2 {
            self.text.error_with(&span, "a sequence has at least two steps", "one step alone is a `when`");
        }
        let mut steps = Vec::new();
        for node in nodes {
            if !self.text.keys(node, STEP) {
                continue;
            }
            let name = node.get("name").and_then(|node| self.text.string(node));
            let when = node.get("when").and_then(|node| self.text.string(node));
            let group_by = node.get("groupBy").map(|node| self.text.strings(node)).unwrap_or_default();
            if let (Some(name), Some(when)) = (name, when) {
                if steps.iter().any(|step: &SourceStep| step.name == name.value) {
                    self.text.error_with(
                        &name.span,
                        format!("two steps are called `{}`", name.value),
                        "alerts and `policy coverage` tell steps apart by their names",
                    );
                }
                let rule_groups = self.root.get("groupBy").map_or(0, |node| match &node.value {
                    Value::List(nodes) => nodes.len(),
                    _ => 1,
                });
                if !group_by.is_empty() && group_by.len() != rule_groups {
                    self.text.error_with(
                        &group_by[0].span,
                        format!("{} fields here, but {rule_groups} in the rule's `groupBy`", group_by.len()),
                        "a step names each field of the rule's `groupBy`, in its order",
                    );
                }
                steps.push(SourceStep { name: name.value, when, group_by });
            }
        }
        Some(SourceTrigger::Sequence { steps, ordered, within: within? })
    }

    fn first_seen(&mut self, when: Located<String>) -> Option<SourceTrigger> {
        let node = self.root.get("firstSeen")?;
        if !self.text.keys(node, child("firstSeen")) {
            return None;
        }
        let key = node.get("key").map(|node| self.text.strings(node)).unwrap_or_default();
        let learning = node.get("learning").and_then(|node| self.duration(node));
        let forget = node.get("forget").and_then(|node| self.duration(node));
        Some(SourceTrigger::FirstSeen { when, key, learning: learning?, forget: forget? })
    }

    fn number(&mut self, node: &Node) -> Option<Pace> {
        if let Some(param) = param_name(node) {
            return Some(Pace::Param(param));
        }
        match ParamValue::read(node, self.text)? {
            value @ ParamValue::Number(_) => Some(Pace::Value(Located { value, span: node.span.clone() })),
            _ => {
                self.text.expected(node, "a whole number or `$parameter`");
                None
            }
        }
    }

    fn duration(&mut self, node: &Node) -> Option<Pace> {
        if let Some(param) = param_name(node) {
            return Some(Pace::Param(param));
        }
        match &node.value {
            Value::String(value) if duration::parse(value).is_some() => {
                Some(Pace::Value(Located { value: ParamValue::Text(value.clone()), span: node.span.clone() }))
            }
            _ => {
                self.text.error_with(
                    &node.span,
                    "this is no duration",
                    "written as `90s`, `10m`, `2h` or `7d`",
                );
                None
            }
        }
    }

    fn details(&mut self) -> Vec<(String, Located<String>)> {
        let Some(node) = self.root.get("details") else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            self.text.expected(node, "a mapping of names to fields");
            return Vec::new();
        };
        entries.iter().filter_map(|entry| Some((entry.key.clone(), self.text.string(&entry.node)?))).collect()
    }

    fn tests(&mut self) -> Vec<Test> {
        let Some(node) = self.root.get("tests") else { return Vec::new() };
        let mut tests = Vec::new();
        for node in self.text.list(node) {
            if !self.text.keys(node, TEST) {
                continue;
            }
            let name = node.get("name").and_then(|node| self.text.string(node));
            let matches = node.get("match").and_then(|node| self.text.bool(node));
            let events = match (node.get("event"), node.get("events")) {
                (Some(event), None) => vec![event.clone()],
                (None, Some(events)) => self.text.list(events).to_vec(),
                _ => {
                    self.text.error(&node.span, "a test has either `event` or `events`");
                    continue;
                }
            };
            let mut params = Vec::new();
            if let Some(Value::Map(entries)) = node.get("params").map(|node| &node.value) {
                for entry in entries {
                    let name = Located { value: entry.key.clone(), span: entry.key_span.clone() };
                    params.extend(ParamValue::read(&entry.node, self.text).map(|value| (name, value)));
                }
            }
            if let (Some(name), Some(matches)) = (name, matches) {
                let (span, line) = (name.span.clone(), self.text.line(node.span.start));
                tests.push(Test { name: name.value, span, line, matches, events, params });
            }
        }
        tests
    }
}

/// The keys below this key of a rule.
fn child(name: &str) -> &'static Keys {
    match keys::RULE.get(name).map(|key| key.kind) {
        Some(keys::Kind::Map(keys) | keys::Kind::Maps(keys) | keys::Kind::MapByName(keys)) => keys,
        _ => &keys::RULE,
    }
}

const STEP: &Keys = &keys::STEP;
const TEST: &Keys = &keys::TEST;

/// `$threshold`
fn param_name(node: &Node) -> Option<Located<String>> {
    match &node.value {
        Value::String(text) => {
            let name = text.strip_prefix('$').filter(|name| is_param_name(name))?;
            Some(Located { value: name.to_owned(), span: node.span.clone() })
        }
        _ => None,
    }
}

fn is_id(id: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    id.len() <= 64 && id.split('-').all(part)
}

fn is_param_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_technique(id: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some(id) = id.strip_prefix('T') else { return false };
    match id.split_once('.') {
        None => digits(id, 4),
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
    }
}

fn is_threat_matrix(id: &str) -> bool {
    id.strip_prefix("MS-TA").is_some_and(|id| id.len() == 4 && id.bytes().all(|b| b.is_ascii_digit()))
}
