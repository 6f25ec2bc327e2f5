//! Many files of rules, in any mix of languages.
//!
//! ```text
//! files ──► which language? ──┬► native ─► Sources ─┐
//!                             ├► settings ──────────┴─► rules ─┐
//!                             ├► Falco, in order ──────────────┼─► switched and weighed as the site wants ─► Loaded
//!                             └► Sigma ────────────────────────┘
//! ```

use std::collections::HashMap;

use auditward_policy::read::{Node, Span, Tree, Value, rule_documents};

use crate::native::{self, Settings, Source, Text};
use crate::{Finding, Language, Rule, Weight, falco, sigma};

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The largest file of rules that is read, in bytes. Falco's own has 60 kB.
pub const BYTES_MAX: usize = 8 << 20;

/// The rules that come with the program: names and texts, sorted by name. `lists.yaml` is among them.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    SHIPPED
}

/// What files of rules gave.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Every rule that can run, in the order of the files; those that are switched off too.
    pub rules: Vec<Rule>,
    /// Everything there is to say, by file and place.
    pub findings: Vec<Finding>,
    /// Our own rules as they were written, with their tests; also those that cannot run.
    pub sources: Vec<Source>,
    /// What the site says, and the shared lists.
    pub settings: Settings,
}

impl Loaded {
    /// Whether something is wrong enough for a rule, or a file, not to run.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == Weight::Error)
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The rule as one of its tests wants it: shared lists hold, what a site says does not, the test's own parameters do.
    pub fn rule_for_test(&self, source: &Source, test: &native::Test) -> Result<Rule, Vec<Finding>> {
        let mut scope = self.settings.scope_of_tests(source);
        let mut notes = Text::new(&source.file, "");
        for (name, value) in &test.params {
            if !source.params.iter().any(|param| param.name.value == name.value) {
                let known = source.params.iter().map(|param| param.name.value.as_str());
                notes.unknown(&name.span, "parameter", &name.value, known);
            }
            scope.set(&name.value, value.clone());
        }
        let rule = native::lower(source, &scope, &mut notes);
        rule.filter(|_| notes.findings.is_empty()).ok_or(notes.findings)
    }
}

/// The shipped rules.
pub fn load_shipped() -> Loaded {
    load(&shipped_files())
}

/// The shipped rules as files, for whoever adds more: `detections/…` and the text.
pub fn shipped_files() -> Vec<(String, String)> {
    SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Reads files of rules, each with its name, in this order. The order matters among Falco's, and among settings.
///
/// Shared lists of the shipped rules are known to every rule, whether `files` has them or not.
pub fn load(files: &[(String, String)]) -> Loaded {
    load_behind(files, 0)
}

/// The shipped rules and these files. A rule of the files takes the place of the shipped one of the same id.
pub fn load_with_shipped(files: &[(String, String)]) -> Loaded {
    let mut all = shipped_files();
    // Whoever names the shipped files themselves means those.
    all.retain(|file| !files.contains(file));
    let shipped = all.len();
    all.extend_from_slice(files);
    load_behind(&all, shipped)
}

/// Reads files, of which so many at the beginning are the shipped ones.
fn load_behind(files: &[(String, String)], shipped: usize) -> Loaded {
    let mut library = Library::new(files, shipped);
    for (number, (file, text)) in files.iter().enumerate() {
        library.file(number, file, text);
    }
    library.finish()
}

/// What a document is, by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rule(Language),
    Settings,
}

fn kind(root: &Node) -> Option<Kind> {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    match &root.value {
        Value::List(_) => Some(Kind::Rule(Language::Falco)),
        Value::Map(_) if has(&["detection", "correlation", "logsource", "filter", "action"]) => {
            Some(Kind::Rule(Language::Sigma))
        }
        Value::Map(_) if has(&["when", "window", "sequence", "firstSeen", "id", "summary"]) => {
            Some(Kind::Rule(Language::Native))
        }
        Value::Map(entries)
            if entries.iter().any(|entry| native::keys::SETTINGS.get(&entry.key).is_some()) =>
        {
            Some(Kind::Settings)
        }
        _ => None,
    }
}

struct Library<'f> {
    files: &'f [(String, String)],
    /// How many of them are shipped; they come first.
    shipped: usize,
    loaded: Loaded,
    /// Sources with the number of their file.
    sources: Vec<(usize, Source)>,
    falco: Vec<usize>,
    sigma: Vec<usize>,
}

impl<'f> Library<'f> {
    fn new(files: &'f [(String, String)], shipped: usize) -> Self {
        let mut loaded = Loaded::default();
        // A rule of the site's own may use the lists without naming their file.
        if let Some((name, text)) = SHIPPED.iter().find(|(name, _)| name.ends_with(LISTS)) {
            let mut text = Text::new(name, text);
            for tree in rule_documents(text.content.as_bytes()).0 {
                loaded.settings.read(&tree.root, usize::MAX, &mut text);
            }
        }
        Self { files, shipped, loaded, sources: Vec::new(), falco: Vec::new(), sigma: Vec::new() }
    }

    fn file(&mut self, number: usize, file: &str, content: &str) {
        let mut text = Text::new(file, content);
        if content.len() > BYTES_MAX {
            text.error(&(0..0), format!("larger than {BYTES_MAX} bytes"));
            self.loaded.findings.append(&mut text.findings);
            return;
        }
        let (trees, error) = rule_documents(content.as_bytes());
        let trees: Vec<&Tree> = trees.iter().filter(|tree| tree.root.value != Value::Null).collect();
        let kinds: Vec<Option<Kind>> = trees.iter().map(|tree| kind(&tree.root)).collect();
        let first = kinds.iter().copied().flatten().next();
        // Falco's and Sigma's readers have their own words for texts that are no YAML.
        match first {
            Some(Kind::Rule(Language::Falco)) => self.falco.push(number),
            Some(Kind::Rule(Language::Sigma)) => self.sigma.push(number),
            _ => {
                if let Some(error) = &error {
                    let at = error.offset.min(content.len());
                    text.say(Weight::Error, &(at..at), error.message.clone(), error.hint.map(str::to_owned));
                }
                for tree in &trees {
                    duplicates(tree, &mut text);
                }
            }
        }
        for (tree, kind) in trees.iter().zip(kinds) {
            text.rule = None;
            match (first, kind) {
                (_, None) => text.say(
                    Weight::Error,
                    &start(&tree.root),
                    "this is no rule of ours, of Falco's or of Sigma's, and no settings",
                    Some(
                        "a rule of ours has `id` and `when`, Falco's are a list, Sigma's have `detection`"
                            .to_owned(),
                    ),
                ),
                (Some(Kind::Rule(language @ (Language::Falco | Language::Sigma))), Some(other)) => {
                    if other != Kind::Rule(language) {
                        mixed(tree, &mut text);
                    }
                }
                (_, Some(Kind::Rule(Language::Native))) => {
                    self.sources.extend(native::decode(&tree.root, &mut text).map(|source| (number, source)));
                }
                (_, Some(Kind::Settings)) => self.loaded.settings.read(&tree.root, number, &mut text),
                (_, Some(Kind::Rule(_))) => mixed(tree, &mut text),
            }
        }
        self.loaded.findings.append(&mut text.findings);
    }

    fn finish(mut self) -> Loaded {
        self.replace_shipped();
        let mut rules: Vec<(usize, Rule)> = Vec::new();
        let shared = self.shared_lists();
        for (number, source) in &self.sources {
            let (file, content) = &self.files[*number];
            let mut text = Text::new(file, content);
            let scope = self.loaded.settings.scope(source);
            let rule = native::lower(source, &scope, &mut text);
            native::lint(source, rule.as_ref(), &shared, &mut text);
            rules.extend(rule.map(|rule| (*number, rule)));
            self.loaded.findings.append(&mut text.findings);
        }
        self.others(&mut rules);
        rules.sort_by_key(|(number, _)| *number);
        let rules = self.each_id_once(rules);
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        let sources: Vec<&Source> = self.sources.iter().map(|(_, source)| source).collect();
        let unknown = self.loaded.settings.unknown(&ids, &sources, self.files);
        self.loaded.findings.extend(unknown);
        self.loaded.sources = self.sources.into_iter().map(|(_, source)| source).collect();
        self.loaded.rules = rules;
        for rule in &mut self.loaded.rules {
            self.loaded.settings.apply(rule);
        }
        let order: HashMap<&str, usize> =
            self.files.iter().enumerate().map(|(number, (file, _))| (file.as_str(), number)).collect();
        self.loaded
            .findings
            .sort_by_key(|finding| (order.get(finding.file.as_str()).copied(), finding.at, finding.weight));
        self.loaded
    }

    /// Takes out the shipped rules that a file has under the same id.
    fn replace_shipped(&mut self) {
        let shipped = self.shipped;
        let own: Vec<String> = self
            .sources
            .iter()
            .filter(|(number, _)| *number >= shipped)
            .map(|(_, source)| source.id.value.clone())
            .collect();
        self.sources.retain(|(number, source)| *number >= shipped || !own.contains(&source.id.value));
    }

    /// Those of the other languages: their items may name each other across files, so all files are read together.
    fn others(&mut self, rules: &mut Vec<(usize, Rule)>) {
        let files: Vec<(&str, &str)> = self.falco.iter().map(|number| self.named(*number)).collect();
        let falco = falco::load(&files, &falco::Options::default());
        rules.extend(numbered(&files, &self.falco, falco.rules));
        let files: Vec<(&str, &str)> = self.sigma.iter().map(|number| self.named(*number)).collect();
        let options = sigma::Options { placeholders: self.loaded.settings.placeholders().clone() };
        let sigma = sigma::load(&files, &options);
        rules.extend(numbered(&files, &self.sigma, sigma.rules));
        self.loaded.findings.extend(falco.findings.into_iter().chain(sigma.findings));
    }

    fn named(&self, number: usize) -> (&'f str, &'f str) {
        let (file, text) = &self.files[number];
        (file, text)
    }

    fn shared_lists(&self) -> native::Scope {
        let mut scope = native::Scope::default();
        for name in self.loaded.settings.lists() {
            scope.set(name, native::ParamValue::Texts(Vec::new()));
        }
        scope
    }

    /// Alerts and settings name rules by their ids, whatever the language.
    fn each_id_once(&mut self, rules: Vec<(usize, Rule)>) -> Vec<Rule> {
        let mut taken: HashMap<String, (String, usize)> = HashMap::new();
        let mut kept = Vec::new();
        for (number, rule) in rules {
            if let Some((file, line)) = taken.get(&rule.id) {
                let Some((name, content)) = self.files.get(number) else { continue };
                let span = line_start(content, rule.origin.line);
                let message = format!(
                    "a rule is called `{}` already, at {file}:{line}; this one does not run",
                    rule.id
                );
                let finding = Finding::new(Weight::Error, name, content, span, message);
                let finding =
                    finding.rule(&rule.id).hint("give it another name, or change the other one by settings");
                self.loaded.findings.push(finding);
                continue;
            }
            taken.insert(rule.id.clone(), (rule.origin.file.clone(), rule.origin.line));
            kept.push(rule);
        }
        kept
    }
}

/// Rules with the number of the file that each came from.
fn numbered(files: &[(&str, &str)], numbers: &[usize], rules: Vec<Rule>) -> Vec<(usize, Rule)> {
    let by_name: HashMap<&str, usize> =
        files.iter().zip(numbers).map(|((file, _), number)| (*file, *number)).collect();
    let number = |rule: &Rule| by_name.get(rule.origin.file.as_str()).copied().unwrap_or(usize::MAX);
    rules.into_iter().map(|rule| (number(&rule), rule)).collect()
}

/// Where the shared lists are, among the shipped files.
const LISTS: &str = "lists.yaml";

fn duplicates(tree: &Tree, text: &mut Text<'_>) {
    for duplicate in &tree.duplicates {
        let first = text.line(duplicate.first.start);
        text.say(
            Weight::Warning,
            &duplicate.again,
            format!("key `{}` is set already on line {first}; this one wins", duplicate.key),
            Some("keep one of the two".to_owned()),
        );
    }
}

fn mixed(tree: &Tree, text: &mut Text<'_>) {
    text.error_with(
        &start(&tree.root),
        "this document is of another language than the first one of its file",
        "give it a file of its own",
    );
}

fn start(node: &Node) -> Span {
    node.span.start..node.span.start
}

fn line_start(text: &str, line: usize) -> Span {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    start..start
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "tests read as sentences")]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Each rule that runs, then each finding.
    #[track_caller]
    fn check(texts: &[&str], expected: Expect) {
        let name = |(number, text): (usize, &&str)| (format!("{}.yaml", number + 1), (*text).to_owned());
        let loaded = load_with_shipped(&texts.iter().enumerate().map(name).collect::<Vec<_>>());
        let mut seen = String::new();
        for rule in loaded.rules.iter().filter(|rule| !rule.origin.file.starts_with("detections/")) {
            let off = if rule.enabled { "" } else { ", off" };
            seen += &format!("{:?} {} {:?}{off}\n", rule.origin.language, rule.id, rule.severity);
        }
        for finding in loaded.findings {
            seen += &format!("{finding}\n");
        }
        expected.assert_eq(&seen);
    }

    const RULE: &str = "\
id: secret-read-by-hand
title: Secret read by hand
description: Somebody read a secret.
severity: error
attack: {tactics: [credential-access]}
params: {allowed: {default: [bob], description: Who may}}
when: verb == \"get\" and resource == \"secrets\" and not user in $allowed and outcome == \"success\"
summary: '{user} read {name}'
response: Ask.
tests:
- {name: yes it does, match: true, event: {from: get-secret}}
- {name: no it does not, match: false, event: {from: get-secret, user: bob}}
";

    const FALCO: &str = "\
- list: shells
  items: [sh, bash]
- rule: A shell in a pod
  desc: Somebody opened a shell.
  condition: ka.verb=get and ka.target.subresource=exec and ka.uri.param[command] in (shells)
  output: a shell (user=%ka.user.name)
  priority: WARNING
  source: k8s_audit
";

    const SIGMA: &str = "\
title: Exec
logsource: {product: kubernetes, service: audit}
detection:
  selection: {verb: get, objectRef.subresource: exec}
  condition: selection
level: low
";

    #[test]
    fn what_is_shipped_is_without_fault() {
        let loaded = load_shipped();
        let findings: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        assert_eq!(findings, [] as [&str; 0]);
        assert_eq!(loaded.rules.len(), loaded.sources.len());
        for source in &loaded.sources {
            let folder = source.file.strip_prefix("detections/").unwrap();
            let (folder, file) = folder.split_once('/').unwrap();
            assert_eq!(file, format!("{}.yaml", source.id.value), "a file is called as its rule");
            assert!(
                source.attack.tactics.iter().any(|tactic| tactic == folder),
                "{file} is in the folder of a tactic"
            );
        }
    }

    #[test]
    fn languages_are_told_by_their_looks() {
        check(
            &[FALCO, RULE, SIGMA],
            expect![[r#"
                Falco A shell in a pod Warning
                Native secret-read-by-hand Error
                Sigma Exec Notice
                3.yaml:4:21: info: clients open this with `create` too
                  hint: `kubectl` sends `get` (WebSocket) since 1.30, `create` (SPDY) before: list both verbs
            "#]],
        );
        check(
            &["just: words\n"],
            expect![[r#"
            1.yaml:1:1: error: this is no rule of ours, of Falco's or of Sigma's, and no settings
              hint: a rule of ours has `id` and `when`, Falco's are a list, Sigma's have `detection`
        "#]],
        );
        check(&["# nothing\n"], expect![]);
        check(
            &["a: [\n"],
            expect![[r#"
            1.yaml:2:1: error: not YAML: did not find expected node content
        "#]],
        );
        check(
            &[&format!("{RULE}---\n{SIGMA}")],
            expect![[r#"
            Native secret-read-by-hand Error
            1.yaml:14:1: error: this document is of another language than the first one of its file
              hint: give it a file of its own
        "#]],
        );
    }

    #[test]
    fn ids_are_unique() {
        check(
            &[RULE, RULE],
            expect![[r#"
            Native secret-read-by-hand Error
            2.yaml:1:1: error: a rule is called `secret-read-by-hand` already, at 1.yaml:1; this one does not run
              hint: give it another name, or change the other one by settings
        "#]],
        );
        check(
            &[&RULE.replace("secret-read-by-hand", "privileged-pod")],
            expect![[r#"
            Native privileged-pod Error
        "#]],
        );
    }

    #[test]
    fn settings_change_rules() {
        check(
            &[RULE, "disable: [secret-read-by-hand]\nseverity: {secret-read-by-hand: alert}\n"],
            expect![[r#"
            Native secret-read-by-hand Alert, off
        "#]],
        );
        check(
            &["disable: [privileged-pot]\nenable: [host-pid]\nseverity: {host-pid: grave}\n"],
            expect![[r#"
            1.yaml:1:11: error: no rule is called `privileged-pot`
              hint: did you mean `privileged-pod`?
            1.yaml:3:22: error: unknown severity `grave`
              hint: one of `emergency`, `alert`, `critical`, `error`, `warning`, `notice`, `informational`, `debug`
        "#]],
        );
        check(
            &["params:\n  privileged-pod: {allowedNamespace: [a]}\n  exec: {a: b}\n"],
            expect![[r#"
                1.yaml:2:20: error: no parameter of `privileged-pod` is called `allowedNamespace`
                  hint: did you mean `allowedNamespaces`?
                1.yaml:3:3: error: no rule with parameters is called `exec`
            "#]],
        );
        check(
            &["params:\n  self-access-burst: {threshold: many}\n"],
            expect![[r#"
                1.yaml:2:23: error: `threshold` of `self-access-burst` is a number
                  hint: So many questions within a minute
            "#]],
        );
        check(
            &[
                "lists:\n  shells: {add: [nu], remove: [sh]}\n  mine: {add: [a]}\n  yours: {values: [a], add: [b]}\n",
            ],
            expect![[r#"
                1.yaml:3:9: error: there is no such list to change
                  hint: give its `values`
                1.yaml:4:10: error: a list has either `values`, or `add` and `remove`
            "#]],
        );
    }

    #[test]
    fn a_new_list_is_for_a_rule_that_uses_it() {
        check(
            &["lists: {systemNamespace: [a], ours: [b]}\n"],
            expect![[r#"
                1.yaml:1:9: warning: no rule uses the list `systemNamespace`
                  hint: did you mean `systemNamespaces`?
                1.yaml:1:31: warning: no rule uses the list `ours`
                  hint: write `$ours` in a rule of yours, or take it out
            "#]],
        );
        let rule = RULE.replace("not user in $allowed", "not user in $allowed and not user in $ours");
        check(
            &["lists: {ours: [b], shells: {add: [nu]}}\n", &rule],
            expect![[r#"
                Native secret-read-by-hand Error
            "#]],
        );
    }

    const EXPANDED: &str = "\
title: Made by an admin
logsource: {product: kubernetes, service: audit}
detection:
  selection: {verb: create, user.username|expand: '%admins%'}
  condition: selection
level: low
";

    #[test]
    fn placeholders_of_sigma_are_what_settings_say() {
        // Before or behind the rule, as a list or as one text.
        check(
            &[EXPANDED, "placeholders: {admins: [alice, ops-*]}\n"],
            expect![[r#"
                Sigma Made by an admin Notice
            "#]],
        );
        check(
            &["placeholders: {admins: alice}\n", EXPANDED],
            expect![[r#"
                Sigma Made by an admin Notice
            "#]],
        );
        check(
            &[EXPANDED],
            expect![[r#"
                1.yaml:4:51: error: the placeholder `%admins%` is not configured
                  hint: say in a file of settings what it stands for: `placeholders: {admins: [...]}`
            "#]],
        );
        check(
            &[EXPANDED, "placeholders: {admin: [alice]}\n"],
            expect![[r#"
                1.yaml:4:51: error: the placeholder `%admins%` is not configured
                  hint: did you mean `%admin%`?
            "#]],
        );
        check(
            &["placeholders: {'%a%': [b], c: [7], d: {e: f}}\nplaceholder: {}\n"],
            expect![[r#"
                1.yaml:1:16: error: `%a%` cannot be the name of a placeholder
                  hint: letters, digits, `_`, `-` and `.`: `admins` for `%admins%`
                1.yaml:1:32: error: expected a text, found a number
                  hint: put it in quotes: YAML reads it otherwise
                1.yaml:1:39: error: expected a list of texts, found a mapping
                1.yaml:2:1: error: unknown key of a file of settings, `placeholder`
                  hint: did you mean `placeholders`?
            "#]],
        );
    }

    #[test]
    fn a_placeholder_stands_for_each_of_its_values() {
        let settings = "placeholders: {admins: [alice, ops-*]}\n";
        let files = [("a".to_owned(), EXPANDED.to_owned()), ("b".to_owned(), settings.to_owned())];
        let loaded = load(&files);
        let shown = format!("{:?}", loaded.rules[0].trigger);
        assert!(shown.contains("alice") && shown.contains("ops-") && !shown.contains('%'), "{shown}");
    }

    #[test]
    fn lists_and_parameters_change_as_they_are_told() {
        let scope = |settings: &str| {
            let files = [("a".to_owned(), RULE.to_owned()), ("b".to_owned(), settings.to_owned())];
            let loaded = load(&files);
            let scope = loaded.settings.scope(&loaded.sources[0]);
            format!("{:?} {:?}", scope.get("allowed"), scope.get("systemNamespaces"))
        };
        let check = |settings: &str, expected: Expect| expected.assert_eq(&scope(settings));
        check(
            "",
            expect![[
                r#"Some(Texts(["bob"])) Some(Texts(["kube-system", "kube-public", "kube-node-lease"]))"#
            ]],
        );
        check(
            "params: {secret-read-by-hand: {allowed: [eve]}}",
            expect![[
                r#"Some(Texts(["eve"])) Some(Texts(["kube-system", "kube-public", "kube-node-lease"]))"#
            ]],
        );
        check(
            "params: {secret-read-by-hand: {allowed: {add: [eve, bob], remove: [bob]}}}",
            expect![[
                r#"Some(Texts(["eve", "bob"])) Some(Texts(["kube-system", "kube-public", "kube-node-lease"]))"#
            ]],
        );
        check(
            "lists: {systemNamespaces: {add: [a]}}",
            expect![[
                r#"Some(Texts(["bob"])) Some(Texts(["kube-system", "kube-public", "kube-node-lease", "a"]))"#
            ]],
        );
        check("lists: {systemNamespaces: [b]}", expect![[r#"Some(Texts(["bob"])) Some(Texts(["b"]))"#]]);
    }

    #[test]
    fn a_parameter_may_be_a_letter_that_old_yaml_takes_for_a_boolean() {
        check(
            &[&RULE.replace("allowed", "n"), "params: {secret-read-by-hand: {n: [y]}}\n"],
            expect![[r#"
                Native secret-read-by-hand Error
            "#]],
        );
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let rule = RULE
            .replace("id: secret-read-by-hand", "id: Secret_read")
            .replace("severity: error", "severity: eror")
            .replace("[credential-access]", "[credentials-access], techniques: [1552]")
            .replace("summary", "sumary")
            .replace("match: true", "match: yes please");
        check(
            &[&rule],
            expect![[r#"
            1.yaml:1:1: error: a rule has no `summary`
              hint: `summary`: The alert's one line, with fields in braces: `{user} created {namespace}/{name}`
            1.yaml:1:5: error: `Secret_read` cannot be an id
              hint: small letters, digits and single hyphens: `privileged-pod`
            1.yaml:4:11: error: unknown severity `eror`
              hint: did you mean `error`?
            1.yaml:5:20: error: unknown tactic `credentials-access`
              hint: did you mean `credential-access`?
            1.yaml:5:54: error: expected a text, found a number
              hint: put it in quotes: YAML reads it otherwise
            1.yaml:8:1: error: unknown key of a rule, `sumary`
              hint: did you mean `summary`?
            1.yaml:11:30: error: expected `true` or `false`, found a string
        "#]],
        );
        check(
            &[&RULE.replace("when:", "window: {count: 5}\nfirstSeen: {}\nwhen:")],
            expect![[r#"
            1.yaml:8:12: error: a rule has either `window` or `firstSeen`
              hint: write two rules
        "#]],
        );
        check(
            &[&RULE.replace("when:", "window: {count: 0, within: 5 minutes}\nwhen:")],
            expect![[r#"
            1.yaml:7:28: error: this is no duration
              hint: written as `90s`, `10m`, `2h` or `7d`
        "#]],
        );
        check(
            &[&RULE.replace("when:", "window: {count: $most, within: 5m}\nwhen:")],
            expect![[r#"
                1.yaml:7:17: error: no parameter is called `most`
                  hint: one of `allowed`, `controlPlaneUsers`, `kubectlClients`, `powerfulRoles`, `scriptClients`, `sensitiveParents`, `sensitivePaths`, `shells`, `systemNamespaces`, `workloads`
            "#]],
        );
        check(
            &[&RULE.replace(
                "when: ",
                "sequence: {within: 5m, steps: [{name: a, when: verb == 'get'}]}\nwhen: ",
            )],
            expect![[r#"
                1.yaml:7:31: error: a sequence has at least two steps
                  hint: one step alone is a `when`
                1.yaml:8:7: error: a rule with a `sequence` has no `when` of its own
                  hint: each step has its `when`; write what all have in common into each
            "#]],
        );
        check(
            &[&RULE.replace(
                "when: ",
                "sequence: {within: 5m, steps: [{name: a, when: verb == 'get'}, {name: a, when: verb == 'list'}]}\nx: ",
            )],
            expect![[r#"
                1.yaml:7:71: error: two steps are called `a`
                  hint: alerts and `policy coverage` tell steps apart by their names
                1.yaml:8:1: error: unknown key of a rule, `x`
                  hint: one of `id`, `title`, `description`, `severity`, `attack`, `refs`, `enabled`, `params`, `stages`, `when`, `window`, `sequence`, `firstSeen`, `groupBy`, `suppress`, `summary`, `details`, `response`, `falsePositives`, `tests`
            "#]],
        );
        check(
            &[&RULE.replace("'{user} read {name}'", "'{user read'")],
            expect![[r#"
            1.yaml:8:11: error: this brace is not closed; a brace itself is written `{{`
        "#]],
        );
        check(
            &[&RULE.replace("title:", "title: a\ntitle:")],
            expect![[r#"
                Native secret-read-by-hand Error
                1.yaml:3:1: warning: key `title` is set already on line 2; this one wins
                  hint: keep one of the two
            "#]],
        );
    }

    #[test]
    fn what_is_unwise_is_told() {
        check(
            &[&RULE.replace(" and not user in $allowed and outcome == \"success\"", "")],
            expect![[r#"
            Native secret-read-by-hand Error
            1.yaml:6:10: warning: nothing uses the parameter `allowed`
              hint: write `$allowed` where it should hold, or take it out
            1.yaml:7:7: warning: neither the condition nor the alert says how the request ended, so one that was denied looks the same
              hint: ask for `outcome == success`, or show `outcome: outcome` in `details`
        "#]],
        );
        check(
            &[&RULE.replace("match: false", "match: true")],
            expect![[r#"
            Native secret-read-by-hand Error
            1.yaml:1:5: warning: no test shows when it stays silent
              hint: add a test with `match: false`
        "#]],
        );
        check(
            &[&RULE.replace("allowed", "shells")],
            expect![[r#"
            Native secret-read-by-hand Error
            1.yaml:6:10: warning: the parameter `shells` hides the shared list `$shells`
              hint: give it another name
        "#]],
        );
        check(
            &[&RULE.replace("attack: {tactics: [credential-access]}\n", "")],
            expect![[r#"
            Native secret-read-by-hand Error
            1.yaml:1:5: info: stands in no catalogue of attacks
              hint: add `attack: {tactics: [...], techniques: [...]}`
        "#]],
        );
    }

    #[test]
    fn nothing_panics() {
        for end in 0..RULE.len() {
            load(&[("a".to_owned(), RULE[..end].to_owned())]);
            load(&[("a".to_owned(), RULE[end..].to_owned())]);
        }
    }
}
