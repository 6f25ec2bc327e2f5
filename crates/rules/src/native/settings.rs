//! What a site says about rules that it did not write: shared lists, parameters, what runs, how much it matters.

use std::collections::{BTreeMap, BTreeSet};

use auditward_policy::read::{Node, Value, did_you_mean};

use super::keys;
use super::lint::used_names;
use super::params::{ParamValue, Scope};
use super::source::{Located, Source};
use super::text::{Text, hint};
use crate::sigma::is_placeholder;
use crate::{Finding, Rule, Severity, Weight};

/// Everything that files of settings say, and the shared lists.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    lists: BTreeMap<String, Vec<String>>,
    /// Lists that were not there before, with the numbers of the files that make them.
    new_lists: Vec<(usize, Located<String>)>,
    params: Vec<Said<(Located<String>, Change)>>,
    /// What `%name%` stands for in Sigma's rules.
    placeholders: BTreeMap<String, Vec<String>>,
    disable: Vec<Said<()>>,
    enable: Vec<Said<()>>,
    severity: Vec<Said<Severity>>,
}

/// Something that is said of a rule, with the number of the file that says it.
#[derive(Clone, Debug)]
struct Said<T> {
    file: usize,
    rule: Located<String>,
    what: T,
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is this instead.
    Replace(ParamValue),
    /// The list that is there, with these and without those.
    Edit {
        /// What is added.
        add: Vec<String>,
        /// What is taken out.
        remove: Vec<String>,
    },
}

impl Settings {
    /// Adds what a document says; `file` is the number of its file.
    pub(crate) fn read(&mut self, root: &Node, file: usize, text: &mut Text<'_>) {
        if !text.keys(root, &keys::SETTINGS) {
            return;
        }
        for (name, node) in entries(root.get("lists"), text) {
            let before = self.lists.get(&name.value);
            let Some(change) = read_change(node, text, before.is_some()) else { continue };
            let values = change.apply(before.map(|values| ParamValue::Texts(values.clone())).as_ref());
            match values {
                ParamValue::Texts(values) => {
                    if self.lists.insert(name.value.clone(), values).is_none() {
                        self.new_lists.push((file, name));
                    }
                }
                _ => text.expected(node, "a list of texts"),
            }
        }
        for (rule, params) in entries(root.get("params"), text) {
            for (name, node) in entries(Some(params), text) {
                if let Some(change) = read_change(node, text, true) {
                    self.params.push(Said { file, rule: rule.clone(), what: (name, change) });
                }
            }
        }
        for (name, node) in entries(root.get("placeholders"), text) {
            self.placeholder(name, node, text);
        }
        let mut names = |key: &str| -> Vec<Said<()>> {
            let names = root.get(key).map(|node| text.strings(node)).unwrap_or_default();
            names.into_iter().map(|rule| Said { file, rule, what: () }).collect()
        };
        self.disable.extend(names("disable"));
        self.enable.extend(names("enable"));
        for (rule, node) in entries(root.get("severity"), text) {
            let Some(word) = text.string(node) else { continue };
            match severity(&word.value) {
                Some(what) => self.severity.push(Said { file, rule, what }),
                None => text.unknown(&word.span, "severity", &word.value, keys::SEVERITIES.iter().copied()),
            }
        }
    }

    /// Adds what `%name%` stands for.
    fn placeholder(&mut self, name: Located<String>, node: &Node, text: &mut Text<'_>) {
        if !is_placeholder(&name.value) {
            text.error_with(
                &name.span,
                format!("`{}` cannot be the name of a placeholder", name.value),
                "letters, digits, `_`, `-` and `.`: `admins` for `%admins%`",
            );
            return;
        }
        let values = text.strings(node).into_iter().map(|text| text.value).collect();
        self.placeholders.insert(name.value, values);
    }

    /// What `%name%` stands for in Sigma's rules, by name.
    pub(crate) fn placeholders(&self) -> &BTreeMap<String, Vec<String>> {
        &self.placeholders
    }

    /// What each name holds for this rule.
    pub fn scope(&self, source: &Source) -> Scope {
        let mut scope = Scope::default();
        for (name, values) in &self.lists {
            scope.set(name, ParamValue::Texts(values.clone()));
        }
        for param in &source.params {
            scope.set(&param.name.value, param.default.clone());
        }
        for Said { rule, what: (name, change), .. } in &self.params {
            let declared = source.params.iter().find(|param| param.name.value == name.value);
            if rule.value == source.id.value && declared.is_some_and(|param| change.fits(&param.default)) {
                scope.set(&name.value, change.apply(scope.get(&name.value)));
            }
        }
        scope
    }

    /// What each name holds for this rule where no site says anything: for the rule's tests.
    pub fn scope_of_tests(&self, source: &Source) -> Scope {
        Settings { lists: self.lists.clone(), ..Settings::default() }.scope(source)
    }

    /// Names of the shared lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> + Clone {
        self.lists.keys().map(String::as_str)
    }

    /// Switches a rule on or off, and weighs it, as the site wants it.
    pub(crate) fn apply(&self, rule: &mut Rule) {
        let named = |said: &[Said<()>]| said.iter().any(|said| said.rule.value == rule.id);
        rule.enabled = !named(&self.disable) && (rule.enabled || named(&self.enable));
        if let Some(said) = self.severity.iter().rev().find(|said| said.rule.value == rule.id) {
            rule.severity = said.what;
        }
    }

    /// What is said of rules and parameters that are not there.
    pub(crate) fn unknown(
        &self,
        ids: &[&str],
        sources: &[&Source],
        files: &[(String, String)],
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut say = |file: usize, name: &Located<String>, message: String, hint: Option<String>| {
            let Some((file, text)) = files.get(file) else { return };
            let mut finding = Finding::new(Weight::Error, file, text, name.span.clone(), message);
            finding.hint = hint;
            findings.push(finding);
        };
        let rules = self.disable.iter().chain(&self.enable).map(|said| (said.file, &said.rule));
        let rules = rules.chain(self.severity.iter().map(|said| (said.file, &said.rule)));
        for (file, rule) in rules {
            if !ids.contains(&rule.value.as_str()) {
                say(
                    file,
                    rule,
                    format!("no rule is called `{}`", rule.value),
                    hint(&rule.value, ids.iter().copied()),
                );
            }
        }
        for Said { file, rule, what: (name, change) } in &self.params {
            let Some(source) = sources.iter().find(|source| source.id.value == rule.value) else {
                let known = sources.iter().map(|source| source.id.value.as_str());
                let message = format!("no rule with parameters is called `{}`", rule.value);
                say(*file, rule, message, hint(&rule.value, known));
                continue;
            };
            match source.params.iter().find(|param| param.name.value == name.value) {
                Some(param) if !change.fits(&param.default) => {
                    let message = format!("`{}` of `{}` is {}", name.value, rule.value, param.default.kind());
                    say(*file, name, message, Some(param.description.clone()));
                }
                Some(_) => {}
                None => {
                    let known = source.params.iter().map(|param| param.name.value.as_str());
                    let message = format!("no parameter of `{}` is called `{}`", rule.value, name.value);
                    say(*file, name, message, hint(&name.value, known));
                }
            }
        }
        findings.extend(self.unused_lists(sources, files));
        findings
    }

    /// New lists that no rule uses: most often another list was meant, which stays as it was.
    fn unused_lists(&self, sources: &[&Source], files: &[(String, String)]) -> Vec<Finding> {
        if self.new_lists.iter().all(|(file, _)| files.get(*file).is_none()) {
            return Vec::new();
        }
        let used: BTreeSet<&str> = sources.iter().flat_map(|source| used_names(source)).collect();
        let unused = self.new_lists.iter().filter(|(_, name)| !used.contains(name.value.as_str()));
        let finding = |(file, name): &(usize, Located<String>)| {
            let (file, text) = files.get(*file)?;
            let message = format!("no rule uses the list `{}`", name.value);
            let finding = Finding::new(Weight::Warning, file, text, name.span.clone(), message);
            let others = self.lists().filter(|list| *list != name.value);
            Some(finding.hint(match did_you_mean(&name.value, others) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write `${}` in a rule of yours, or take it out", name.value),
            }))
        };
        unused.filter_map(finding).collect()
    }
}

impl Change {
    /// Whether a parameter of this default can become so.
    fn fits(&self, default: &ParamValue) -> bool {
        match self {
            Change::Replace(value) => value.kind() == default.kind(),
            Change::Edit { .. } => matches!(default, ParamValue::Texts(_)),
        }
    }

    fn apply(&self, before: Option<&ParamValue>) -> ParamValue {
        match self {
            Change::Replace(value) => value.clone(),
            Change::Edit { add, remove } => {
                let mut values = match before {
                    Some(ParamValue::Texts(values)) => values.clone(),
                    Some(ParamValue::Text(value)) => vec![value.clone()],
                    _ => Vec::new(),
                };
                values.retain(|value| !remove.contains(value));
                values
                    .extend(add.iter().filter(|value| !values.contains(value)).cloned().collect::<Vec<_>>());
                ParamValue::Texts(values)
            }
        }
    }
}

fn read_change(node: &Node, text: &mut Text<'_>, may_edit: bool) -> Option<Change> {
    if !matches!(node.value, Value::Map(_)) {
        return ParamValue::read(node, text).map(Change::Replace);
    }
    text.keys(node, &keys::LIST);
    let mut strings = |key: &str| -> Option<Vec<String>> {
        Some(text.strings(node.get(key)?).into_iter().map(|text| text.value).collect())
    };
    let (values, add, remove) = (strings("values"), strings("add"), strings("remove"));
    match (values, add.is_some() || remove.is_some()) {
        (Some(values), false) => Some(Change::Replace(ParamValue::Texts(values))),
        (None, true) if may_edit => {
            Some(Change::Edit { add: add.unwrap_or_default(), remove: remove.unwrap_or_default() })
        }
        (None, true) => {
            text.error_with(&node.span, "there is no such list to change", "give its `values`");
            None
        }
        _ => {
            text.error(&node.span, "a list has either `values`, or `add` and `remove`");
            None
        }
    }
}

/// The entries of a mapping by name.
fn entries<'n>(node: Option<&'n Node>, text: &mut Text<'_>) -> Vec<(Located<String>, &'n Node)> {
    match node.map(|node| (&node.value, node)) {
        None => Vec::new(),
        Some((Value::Map(entries), _)) => entries
            .iter()
            .map(|entry| (Located { value: entry.key.clone(), span: entry.key_span.clone() }, &entry.node))
            .collect(),
        Some((_, node)) => {
            text.expected(node, "a mapping");
            Vec::new()
        }
    }
}

/// The severity of this name.
pub(super) fn severity(word: &str) -> Option<Severity> {
    Some(match word {
        "emergency" => Severity::Emergency,
        "alert" => Severity::Alert,
        "critical" => Severity::Critical,
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "notice" => Severity::Notice,
        "informational" => Severity::Informational,
        "debug" => Severity::Debug,
        _ => return None,
    })
}
