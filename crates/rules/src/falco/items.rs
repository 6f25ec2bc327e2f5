//! Lists, macros and rules as the files say them, one after the other: who is defined, redefined, overridden, appended to.

use std::collections::HashMap;

use auditward_policy::read::{Entry, Node, Value, did_you_mean, documents};

use super::Options;
use super::exceptions::{Exception, Exceptions};
use super::requirements;
use super::text::{Pieces, Written, quoted};
use crate::{Finding, Severity, Weight};

/// Lists, macros and rules together.
const ITEMS_MAX: usize = 50_000;

/// Among how many names one is looked for that might be meant.
const NAMES_MAX: usize = 1000;

/// What the files define, each in the order of its first definition.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) lists: Vec<List>,
    pub(super) macros: Vec<Macro>,
    pub(super) rules: Vec<Rule>,
    list_names: HashMap<String, usize>,
    macro_names: HashMap<String, usize>,
    rule_names: HashMap<String, usize>,
    /// How many definitions there were; tells what stood before what.
    clock: usize,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<String>,
    pub(super) written: Written,
    /// When it was defined first, and last.
    pub(super) first: usize,
    pub(super) last: usize,
}

#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: Pieces,
    pub(super) written: Written,
    pub(super) first: usize,
    pub(super) last: usize,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) written: Written,
    pub(super) source: String,
    pub(super) condition: Pieces,
    pub(super) output: Pieces,
    pub(super) description: String,
    pub(super) severity: Severity,
    pub(super) tags: Vec<String>,
    pub(super) enabled: bool,
    pub(super) skip_if_unknown_filter: bool,
    pub(super) exceptions: Exceptions,
    /// In which file it was changed last.
    pub(super) file: usize,
    /// Whether one of its definitions had a mistake.
    pub(super) broken: bool,
}

impl Rule {
    fn empty() -> Self {
        Rule {
            name: String::new(),
            written: Written { file: 0, span: 0..0 },
            source: String::new(),
            condition: Pieces::default(),
            output: Pieces::default(),
            description: String::new(),
            severity: Severity::Debug,
            tags: Vec::new(),
            enabled: true,
            skip_if_unknown_filter: false,
            exceptions: Exceptions::default(),
            file: 0,
            broken: false,
        }
    }
}

/// Reads items out of files, and notes what is wrong.
pub(super) struct Reader<'r> {
    pub(super) files: &'r [(&'r str, &'r str)],
    pub(super) findings: Vec<Finding>,
    pub(super) options: &'r Options,
    pub(super) items: Items,
    pub(super) file: usize,
    rule: Option<String>,
    /// Written to instead of one finding too many.
    unread: Option<Finding>,
}

/// What to do with a key that is defined already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Append,
    Replace,
}

const RULE_KEYS: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "tags",
    "exceptions",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
    "override",
    "append",
];
const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];
const REPLACEABLE: &[&str] = &[
    "condition",
    "output",
    "desc",
    "tags",
    "exceptions",
    "priority",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];

/// A mistake was noted; what it was part of is left out.
pub(super) struct Noted;
pub(super) type Result<T, E = Noted> = std::result::Result<T, E>;

const VALIDATE: &str = "LOAD_ERR_YAML_VALIDATE";

impl<'r> Reader<'r> {
    pub(super) fn new(files: &'r [(&'r str, &'r str)], options: &'r Options) -> Self {
        Reader {
            files,
            findings: Vec::new(),
            options,
            items: Items::default(),
            file: 0,
            rule: None,
            unread: None,
        }
    }

    pub(super) fn file(&mut self, file: usize) {
        self.file = file;
        let text = self.files[file].1;
        if text.len() > super::BYTES_MAX {
            let message = format!("larger than {} bytes", super::BYTES_MAX);
            self.note(Weight::Error, "LOAD_ERR_FILE_READ", 0..0, message);
            return;
        }
        let (trees, error) = documents(text.as_bytes());
        if let Some(error) = error {
            let finding =
                self.note(Weight::Error, "LOAD_ERR_YAML_PARSE", error.offset..error.offset, error.message);
            finding.hint = error.hint.map(str::to_owned);
        }
        for tree in trees {
            for twice in &tree.duplicates {
                let message = format!("key `{}` is set twice; this one wins", twice.key);
                self.note(Weight::Warning, "LOAD_WARNING_EXTENSION", twice.again.clone(), message);
            }
            match &tree.root.value {
                Value::Null => {}
                Value::List(items) => {
                    for item in items {
                        self.rule = None;
                        // Its mistakes have been noted; the next item may be right.
                        let _ = self.item(item);
                    }
                }
                _ => {
                    let message = format!("expected a list of items, found {}", tree.root.kind());
                    let finding = self.note(Weight::Error, VALIDATE, tree.root.span.clone(), message);
                    finding.hint =
                        Some("a rules file is a list: `- rule: …`, `- macro: …`, `- list: …`".to_owned());
                }
            }
        }
    }

    fn item(&mut self, item: &Node) -> Result<()> {
        let Value::Map(entries) = &item.value else {
            return self.wrong(
                VALIDATE,
                item,
                format!("expected an item such as `rule: …`, found {}", item.kind()),
            );
        };
        self.items.clock += 1;
        if self.items.lists.len() + self.items.macros.len() + self.items.rules.len() >= ITEMS_MAX {
            return self.wrong(VALIDATE, item, format!("more than {ITEMS_MAX} items"));
        }
        if let Some(node) = item.get("required_engine_version") {
            self.known_keys(entries, &["required_engine_version"]);
            return requirements::engine(self, node);
        }
        if let Some(node) = item.get("required_plugin_versions") {
            self.known_keys(entries, &["required_plugin_versions"]);
            return requirements::plugins(self, node);
        }
        if let Some(name) = item.get("list") {
            self.known_keys(entries, &["list", "items", "override", "append"]);
            return self.list(item, name);
        }
        if let Some(name) = item.get("macro") {
            self.known_keys(entries, &["macro", "condition", "override", "append"]);
            return self.macro_(item, name);
        }
        if let Some(name) = item.get("rule") {
            self.known_keys(entries, RULE_KEYS);
            return self.rule(item, name);
        }
        let kinds = ["required_engine_version", "required_plugin_versions", "list", "macro", "rule"];
        let near = entries.iter().find_map(|entry| did_you_mean(&entry.key, kinds));
        let finding = self.note(
            Weight::Warning,
            "LOAD_UNKNOWN_ITEM",
            item.span.start..item.span.start,
            "neither a rule nor a macro nor a list: left out",
        );
        finding.hint = near.map(|near| format!("did you mean `{near}`?"));
        Ok(())
    }

    fn list(&mut self, item: &Node, name: &Node) -> Result<()> {
        let name = self.name(name, "list")?;
        let how = self.how(item, &["items"], &["items"], &["items"])?;
        let Some(node) = item.get("items") else { return self.wrong(VALIDATE, item, "a list needs `items`") };
        let items = self.texts(node, "items")?;
        if name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'' | '=' | ','))
        {
            let message = format!("no condition can name the list `{name}`");
            let finding = self.note(Weight::Warning, "LOAD_INVALID_LIST_NAME", item.span.clone(), message);
            finding.hint = Some("leave out blanks, brackets, quotes, `=` and `,`".to_owned());
        }
        let (clock, written) = (self.items.clock, self.written(item));
        match (self.items.list_names.get(&name).copied(), how.get("items")) {
            (None, Some(_)) => self.nothing_to_override("list", &name, item),
            (None, None) => {
                self.items.list_names.insert(name.clone(), self.items.lists.len());
                self.items.lists.push(List { name, items, written, first: clock, last: clock });
                Ok(())
            }
            (Some(i), how) => {
                let list = &mut self.items.lists[i];
                list.last = clock;
                match how {
                    Some(How::Append) => list.items.extend(items),
                    Some(How::Replace) | None => list.items = items,
                }
                Ok(())
            }
        }
    }

    fn macro_(&mut self, item: &Node, name: &Node) -> Result<()> {
        let name = self.name(name, "macro")?;
        let how = self.how(item, &["condition"], &["condition"], &["condition"])?;
        let Some(node) = item.get("condition") else {
            return self.wrong(VALIDATE, item, "a macro needs a `condition`");
        };
        let condition = Pieces::new(self.text(node, "condition")?, self.written(node));
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !valid {
            let message = format!("no condition can name the macro `{name}`");
            let finding = self.note(Weight::Warning, "LOAD_INVALID_MACRO_NAME", item.span.clone(), message);
            finding.hint = Some("a letter, then letters, digits and `_`".to_owned());
        }
        let (clock, written) = (self.items.clock, self.written(item));
        match (self.items.macro_names.get(&name).copied(), how.get("condition")) {
            (None, Some(_)) => self.nothing_to_override("macro", &name, item),
            (None, None) => {
                self.items.macro_names.insert(name.clone(), self.items.macros.len());
                self.items.macros.push(Macro { name, condition, written, first: clock, last: clock });
                Ok(())
            }
            (Some(i), how) => {
                let one = &mut self.items.macros[i];
                one.last = clock;
                match how {
                    Some(How::Append) => one.condition.append(condition),
                    Some(How::Replace) | None => one.condition = condition,
                }
                Ok(())
            }
        }
    }

    fn rule(&mut self, item: &Node, name: &Node) -> Result<()> {
        let name = self.name(name, "rule")?;
        self.rule = Some(name.clone());
        let known = self.items.rule_names.get(&name).copied();
        let how =
            self.how(item, APPENDABLE, REPLACEABLE, &["condition", "exceptions", "tags", "output", "desc"]);
        let how = match (how, known) {
            (Ok(how), _) => how,
            (Err(noted), known) => {
                self.broken(known);
                return Err(noted);
            }
        };
        let changed = if how.is_empty() {
            let switches = item.get("enabled").is_some()
                && !["condition", "output", "desc", "priority"].iter().any(|key| item.get(key).is_some());
            if switches { self.switch(item, &name, known) } else { self.define(item, name, known) }
        } else {
            match known {
                None => self.nothing_to_override("rule", &name, item),
                Some(i) => self.change(item, i, &how),
            }
        };
        if changed.is_err() {
            self.broken(known);
        }
        changed
    }

    fn broken(&mut self, rule: Option<usize>) {
        if let Some(i) = rule {
            self.items.rules[i].broken = true;
        }
    }

    /// The old way to turn a rule on or off.
    fn switch(&mut self, item: &Node, name: &str, known: Option<usize>) -> Result<()> {
        let Some(i) = known else { return self.nothing_to_override("rule", name, item) };
        let enabled = self.flag(item, "enabled", true)?;
        let message = "`enabled` alone is the old way to turn a rule on or off";
        let finding = self.note(Weight::Warning, "LOAD_DEPRECATED_ITEM", item.span.clone(), message);
        finding.hint = Some("add `override: {enabled: replace}`".to_owned());
        self.items.rules[i].enabled = enabled;
        Ok(())
    }

    fn define(&mut self, item: &Node, name: String, known: Option<usize>) -> Result<()> {
        let source = match item.get("source") {
            Some(node) => Some(self.text(node, "source")?),
            None => None,
        };
        if let (Some(i), Some(source)) = (known, &source)
            && self.items.rules[i].source != *source
        {
            let message = format!("rule `{name}` is of source `{}` already", self.items.rules[i].source);
            return self.wrong("LOAD_ERR_VALIDATE", item, message);
        }
        let missing: Vec<&str> = ["condition", "output", "desc", "priority"]
            .into_iter()
            .filter(|key| item.get(key).is_none())
            .collect();
        if !missing.is_empty() {
            return self.wrong(VALIDATE, item, format!("a rule needs `{}`", missing.join("`, `")));
        }
        let inherited = known.map(|i| self.items.rules[i].source.clone());
        let source = source.or(inherited).unwrap_or_else(|| "syscall".to_owned());
        let mut rule = Rule {
            name: name.clone(),
            written: self.written(item),
            source,
            enabled: self.flag(item, "enabled", true)?,
            skip_if_unknown_filter: self.flag(item, "skip-if-unknown-filter", false)?,
            file: self.file,
            ..Rule::empty()
        };
        if !self.options.sources.contains(&rule.source) {
            let message =
                format!("rule `{name}` is of source `{}`, which is not read here: left out", rule.source);
            let near = did_you_mean(&rule.source, self.options.sources.iter().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            self.note(Weight::Warning, "LOAD_UNKNOWN_SOURCE", item.span.clone(), message).hint = hint;
            return Ok(());
        }
        self.flag(item, "warn_evttypes", true)?;
        for key in ["condition", "output", "desc", "priority", "tags", "exceptions"] {
            if let Some(node) = item.get(key) {
                self.set(&mut rule, key, node, How::Replace)?;
            }
        }
        match known {
            Some(i) => self.items.rules[i] = rule,
            None => {
                self.items.rule_names.insert(name, self.items.rules.len());
                self.items.rules.push(rule);
            }
        }
        Ok(())
    }

    fn change(&mut self, item: &Node, i: usize, how: &HashMap<String, How>) -> Result<()> {
        if let Some(node) = item.get("source") {
            let source = self.text(node, "source")?;
            let known = &self.items.rules[i];
            if source != known.source {
                let message = format!("rule `{}` is of source `{}` already", known.name, known.source);
                return self.wrong("LOAD_ERR_VALIDATE", item, message);
            }
        }
        // Taken out, not copied: a rule may be long, and changed often.
        let mut rule = std::mem::replace(&mut self.items.rules[i], Rule::empty());
        rule.file = self.file;
        let keys = REPLACEABLE.iter().filter_map(|key| Some((key, item.get(key)?, *how.get(*key)?)));
        let mut changed = Ok(());
        for (key, node, how) in keys {
            changed = changed.and(self.set(&mut rule, key, node, how));
        }
        self.items.rules[i] = rule;
        changed
    }

    fn set(&mut self, rule: &mut Rule, key: &str, node: &Node, how: How) -> Result<()> {
        match key {
            "condition" | "output" => {
                let pieces = Pieces::new(self.text(node, key)?, self.written(node));
                let old = if key == "condition" { &mut rule.condition } else { &mut rule.output };
                if how == How::Append { old.append(pieces) } else { *old = pieces }
            }
            "desc" => {
                let text = self.text(node, key)?;
                rule.description =
                    if how == How::Append { format!("{} {text}", rule.description) } else { text };
            }
            "tags" => {
                if how == How::Replace {
                    rule.tags.clear();
                }
                rule.tags.extend(self.texts(node, key)?);
                rule.tags.sort();
                rule.tags.dedup();
            }
            "priority" => rule.severity = self.priority(node)?,
            "enabled" => rule.enabled = self.truth(node, key)?,
            "skip-if-unknown-filter" => rule.skip_if_unknown_filter = self.truth(node, key)?,
            "exceptions" => {
                let exceptions = Exception::read_all(self, node)?;
                match how {
                    How::Append => rule.exceptions.append(self, exceptions)?,
                    How::Replace => rule.exceptions = Exceptions::new(self, exceptions)?,
                }
            }
            // Of system calls and captures, which are not here.
            _ => {}
        }
        Ok(())
    }

    fn priority(&mut self, node: &Node) -> Result<Severity> {
        let word = self.text(node, "priority")?;
        if let Some(severity) = severity(&word) {
            return Ok(severity);
        }
        let finding =
            self.note(Weight::Error, VALIDATE, node.span.clone(), format!("unknown priority `{word}`"));
        let known = SEVERITIES.iter().map(|(name, _)| *name);
        finding.hint = Some(match did_you_mean(&word, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", known.collect::<Vec<_>>().join(", ")),
        });
        Err(Noted)
    }

    /// What `override` says of each key, or `append`. Empty: it is a definition.
    fn how(
        &mut self,
        item: &Node,
        appendable: &[&str],
        replaceable: &[&str],
        by_append: &[&str],
    ) -> Result<HashMap<String, How>> {
        let append = self.flag(item, "append", false)?;
        let mut how = HashMap::new();
        let Some(over) = item.get("override") else {
            if append {
                let message = "`append` is the old way to add to an item";
                let at = item.get("append").map_or(item.span.clone(), |node| node.span.clone());
                let finding = self.note(Weight::Warning, "LOAD_DEPRECATED_ITEM", at, message);
                finding.hint = Some("say `override: {…: append}` of each key".to_owned());
                let present = by_append.iter().filter(|key| item.get(key).is_some());
                how.extend(present.map(|key| ((*key).to_owned(), How::Append)));
                if how.is_empty() {
                    let message = format!("there is nothing to append: none of `{}`", by_append.join("`, `"));
                    return self.wrong(VALIDATE, item, message);
                }
            }
            return Ok(how);
        };
        if append {
            return self.wrong(VALIDATE, over, "`append` and `override` do not go together");
        }
        let Value::Map(entries) = &over.value else {
            return self.wrong(VALIDATE, over, "`override` wants a mapping such as `{condition: append}`");
        };
        for entry in entries {
            let word = self.text(&entry.node, "override")?;
            let (one, allowed) = match word.as_str() {
                "append" => (How::Append, appendable),
                "replace" => (How::Replace, replaceable),
                _ => {
                    let message =
                        format!("`{}` can be overridden by `append` or `replace`, not `{word}`", entry.key);
                    return self.wrong(VALIDATE, &entry.node, message);
                }
            };
            if !allowed.contains(&entry.key.as_str()) {
                return self.wrong(
                    VALIDATE,
                    &entry.node,
                    format!("`{}` cannot be overridden by `{word}`", entry.key),
                );
            }
            if item.get(&entry.key).is_none() {
                let message = format!("`override` names `{}`, which this item does not have", entry.key);
                return self.wrong(VALIDATE, &entry.node, message);
            }
            how.insert(entry.key.clone(), one);
        }
        if let Some(key) = replaceable.iter().find(|key| item.get(key).is_some() && !how.contains_key(**key))
        {
            return self.wrong(VALIDATE, over, format!("`override` does not say what to do with `{key}`"));
        }
        Ok(how)
    }

    fn nothing_to_override<T>(&mut self, kind: &str, name: &str, item: &Node) -> Result<T> {
        let names: Vec<&String> = match kind {
            "list" => self.items.list_names.keys().collect(),
            "macro" => self.items.macro_names.keys().collect(),
            _ => self.items.rule_names.keys().collect(),
        };
        let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        names.sort_unstable();
        let hint = match did_you_mean(name, names.into_iter().take(NAMES_MAX)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "files are read in order: what changes an item stands behind it".to_owned(),
        };
        let message = format!("there is no {kind} `{name}` before this to change");
        self.note(Weight::Error, "LOAD_ERR_VALIDATE", item.span.clone(), message).hint = Some(hint);
        Err(Noted)
    }

    fn known_keys(&mut self, entries: &[Entry], known: &[&str]) {
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("nobody knows the key `{}` here: left out", entry.key);
            let near =
                did_you_mean(&entry.key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.note(Weight::Warning, "LOAD_UNKNOWN_KEY", entry.key_span.clone(), message).hint = near;
        }
    }

    fn name(&mut self, node: &Node, kind: &str) -> Result<String> {
        let name = self.text(node, kind)?;
        if name.is_empty() {
            return self.wrong(VALIDATE, node, format!("a {kind} needs a name"));
        }
        Ok(name)
    }

    fn flag(&mut self, item: &Node, key: &str, default: bool) -> Result<bool> {
        item.get(key).map_or(Ok(default), |node| self.truth(node, key))
    }

    fn truth(&mut self, node: &Node, key: &str) -> Result<bool> {
        match &node.value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => self.wrong(VALIDATE, node, format!("`{key}` is `true` or `false`, not {}", node.kind())),
        }
    }

    /// Each scalar as it is written, quoted if it has blanks and is an item of a list.
    fn texts(&mut self, node: &Node, key: &str) -> Result<Vec<String>> {
        let Value::List(nodes) = &node.value else {
            return self.wrong(VALIDATE, node, format!("`{key}` is a list, not {}", node.kind()));
        };
        let quote = key == "items";
        let mut texts = Vec::with_capacity(nodes.len());
        for node in nodes {
            let text = self.text(node, key)?;
            texts.push(if quote { quoted(&text) } else { text });
        }
        Ok(texts)
    }

    /// A scalar as it is written: `0644`, `yes` and `1.0` stay so.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Result<String> {
        match &node.value {
            Value::String(text) => Ok(text.clone()),
            Value::Bool(_) | Value::Number(_) => {
                let written = self.files[self.file].1.get(node.span.clone()).unwrap_or_default();
                Ok(written.trim_matches(['"', '\'']).to_owned())
            }
            _ => self.wrong(VALIDATE, node, format!("`{key}` wants a text, not {}", node.kind())),
        }
    }

    pub(super) fn written(&self, node: &Node) -> Written {
        Written { file: self.file, span: node.span.clone() }
    }

    pub(super) fn wrong<T>(
        &mut self,
        code: &'static str,
        node: &Node,
        message: impl Into<String>,
    ) -> Result<T> {
        self.note(Weight::Error, code, node.span.clone(), message);
        Err(Noted)
    }

    pub(super) fn note(
        &mut self,
        weight: Weight,
        code: &'static str,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let (name, text) = self.files[self.file];
        // A place costs a walk through the text, so of what nobody will read there is one only.
        let full = if weight == Weight::Error { 2 * super::FINDINGS_MAX } else { super::FINDINGS_MAX };
        if self.findings.len() >= full {
            return self.unread.get_or_insert_with(|| Finding::new(weight, name, text, 0..0, ""));
        }
        let mut finding = Finding::new(weight, name, text, span, message).code(code);
        finding.rule.clone_from(&self.rule);
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

/// Falco's names, most urgent first.
pub(super) const SEVERITIES: [(&str, Severity); 9] = [
    ("emergency", Severity::Emergency),
    ("alert", Severity::Alert),
    ("critical", Severity::Critical),
    ("error", Severity::Error),
    ("warning", Severity::Warning),
    ("notice", Severity::Notice),
    ("informational", Severity::Informational),
    ("info", Severity::Informational),
    ("debug", Severity::Debug),
];

/// The priority of that name, whatever its case.
pub(super) fn severity(name: &str) -> Option<Severity> {
    SEVERITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, severity)| *severity)
}
