//! What a document says about itself: title, level, tags, log source.

use auditward_event::Path;
use auditward_expr::{Field, Root};
use auditward_policy::read::{Node, Span, Value, position};

use super::document::{Document, Kind, text, words};
use super::field;
use super::notes::{Notes, near};
use crate::{Attack, GroupBy, Language, Origin, Rule, Severity, Template, TemplatePart, Trigger};

/// Everything of a rule but what it looks for.
pub(super) struct Header {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) span: Span,
    title: String,
    description: String,
    severity: Severity,
    status: Option<String>,
    tags: Vec<String>,
    references: Vec<String>,
    fields: Vec<String>,
    false_positives: Vec<String>,
    author: Option<String>,
    licence: Option<String>,
}

/// Keys of the specification, for telling slips of the pen from keys of somebody's own.
const KEYS: [&str; 24] = [
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "logsource",
    "detection",
    "correlation",
    "filter",
    "action",
    "regression_tests_path",
    "simulation",
];

const LEVELS: [(&str, Severity); 5] = [
    ("informational", Severity::Informational),
    ("low", Severity::Notice),
    ("medium", Severity::Warning),
    ("high", Severity::Error),
    ("critical", Severity::Critical),
];

const STATUSES: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];

/// ATT&CK's tactics for enterprises, up to and since version 19.
const TACTICS: [&str; 16] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

/// Reads all keys that every kind of document has. Only a missing title is an error: no rule should be lost for a
/// wrong date.
pub(super) fn read(document: &Document, notes: &mut Notes) -> Header {
    let root = &document.root;
    let start = root.span.start..root.span.start;
    check_keys(root, notes);
    let title = string(root, "title", notes);
    let span = root.get("title").map_or(start.clone(), |title| title.span.clone());
    if title.is_none() {
        notes.error(start, "no `title`").hint("say in one line what the rule finds");
    }
    let id = string(root, "id", notes);
    if let (Some(id), Some(node)) = (&id, root.get("id"))
        && !is_uuid(id)
    {
        notes.warning(node.span.clone(), format!("`{id}` is no UUID")).hint("Sigma asks for a random one");
    }
    let status = string(root, "status", notes);
    one_of(root, "status", status.as_deref(), &STATUSES, notes);
    let level = string(root, "level", notes);
    one_of(root, "level", level.as_deref(), &LEVELS.map(|(word, _)| word), notes);
    let severity = LEVELS.iter().find(|(word, _)| level.as_ref().is_some_and(|level| level == word));
    if let Some(taxonomy) = root.get("taxonomy")
        && text(taxonomy).is_none_or(|taxonomy| taxonomy != "sigma")
    {
        notes.warning(taxonomy.span.clone(), "fields are read by Sigma's own taxonomy, whatever stands here");
    }
    Header {
        name: string(root, "name", notes),
        title: title.unwrap_or_default(),
        description: string(root, "description", notes).unwrap_or_default().trim_end().to_owned(),
        severity: severity.map_or(Severity::Warning, |(_, severity)| *severity),
        status,
        tags: strings(root, "tags", notes),
        references: strings(root, "references", notes),
        fields: strings(root, "fields", notes),
        false_positives: strings(root, "falsepositives", notes),
        author: string(root, "author", notes),
        licence: string(root, "license", notes),
        id,
        span,
    }
}

/// Whether the rule is about audit logs of Kubernetes; if not, a warning says so.
pub(super) fn is_ours(document: &Document, notes: &mut Notes) -> bool {
    let root = &document.root;
    let Some(source) = root.get("logsource") else {
        notes
            .error(root.span.start..root.span.start, "no `logsource`")
            .hint("for audit logs: `product: kubernetes`, `service: audit`");
        return false;
    };
    let word = |key: &str| source.get(key).and_then(text);
    let product = word("product").is_some_and(|product| product.eq_ignore_ascii_case("kubernetes"));
    let service = word("service").is_none_or(|service| service.eq_ignore_ascii_case("audit"));
    if product && service {
        return true;
    }
    let named = ["product", "service", "category"]
        .into_iter()
        .filter_map(|key| Some(format!("{key} {}", word(key)?)))
        .collect::<Vec<_>>();
    let named = if named.is_empty() { "nothing".to_owned() } else { named.join(", ") };
    let what = if document.kind == Kind::Filter { "filter" } else { "rule" };
    notes
        .warning(source.span.clone(), format!("skipped: the {what} is about other logs ({named})"))
        .hint("only `product: kubernetes`, alone or with `service: audit`, is read here");
    false
}

impl Header {
    /// What the rule is called among others: see [`Rule::id`].
    pub(super) fn id(&self) -> &str {
        self.id.as_deref().or(self.name.as_deref()).unwrap_or(&self.title)
    }

    pub(super) fn rule(&self, file: &str, text: &str, trigger: Trigger, group_by: GroupBy) -> Rule {
        Rule {
            id: self.id().to_owned(),
            title: self.title.clone(),
            description: self.description.clone(),
            severity: self.severity,
            refs: self.references.clone(),
            attack: attack(&self.tags),
            tags: self.tags.clone(),
            // Its authors have given up what is deprecated or unsupported.
            enabled: !matches!(self.status.as_deref(), Some("deprecated" | "unsupported")),
            origin: Origin {
                language: Language::Sigma,
                file: file.to_owned(),
                line: position(text.as_bytes(), self.span.start).line,
                credit: self.credit(),
            },
            trigger,
            group_by,
            suppress: None,
            summary: summary(&self.title),
            details: self.fields.iter().map(|name| (name.clone(), field::first(name))).collect(),
            response: String::new(),
            false_positives: self.false_positives.clone(),
        }
    }

    /// The author, and the licence where the rule names one.
    fn credit(&self) -> String {
        match (&self.author, &self.licence) {
            (Some(author), Some(licence)) => format!("{author} ({licence})"),
            (Some(author), None) => author.clone(),
            (None, Some(licence)) => licence.clone(),
            (None, None) => String::new(),
        }
    }
}

/// `Title: who verb what`.
fn summary(title: &str) -> Template {
    let field = |name: &str| {
        let steps = name.split('.').map(|key| auditward_event::Step::Key(key.to_owned()));
        TemplatePart::Field {
            field: Field { root: Root::Event(Path::new(steps)), functions: Vec::new() },
            name: name.to_owned(),
            width: None,
        }
    };
    let text = |text: &str| TemplatePart::Text(text.to_owned());
    Template {
        parts: vec![
            text(&format!("{title}: ")),
            field("user.username"),
            text(" "),
            field("verb"),
            text(" "),
            field("requestURI"),
        ],
    }
}

/// `attack.execution` and `attack.t1609`; other words of that namespace stay tags.
fn attack(tags: &[String]) -> Attack {
    let mut attack = Attack::default();
    for tag in tags {
        let Some(word) = tag.strip_prefix("attack.") else { continue };
        let folded = word.to_ascii_lowercase().replace('_', "-");
        if TACTICS.contains(&folded.as_str()) {
            attack.tactics.push(folded);
        } else if is_technique(&folded) {
            attack.techniques.push(folded.to_ascii_uppercase());
        }
    }
    attack
}

/// `t1609`, `t1552.007`.
fn is_technique(word: &str) -> bool {
    let Some(digits) = word.strip_prefix('t') else { return false };
    let (main, sub) = digits.split_once('.').map_or((digits, None), |(main, sub)| (main, Some(sub)));
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(main, 4) && sub.is_none_or(|sub| digits(sub, 3))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn check_keys(root: &Node, notes: &mut Notes) {
    let Value::Map(entries) = &root.value else { return };
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        if let Some(near) = near(&entry.key, KEYS) {
            notes
                .warning(entry.key_span.clone(), format!("`{}` is no key of Sigma and is ignored", entry.key))
                .hint(format!("did you mean `{near}`?"));
        }
    }
}

fn one_of(root: &Node, key: &str, word: Option<&str>, known: &[&'static str], notes: &mut Notes) {
    let (Some(word), Some(node)) = (word, root.get(key)) else { return };
    if !known.contains(&word) {
        let near = near(word, known.iter().copied());
        let hint = near
            .map_or_else(|| format!("one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        notes.warning(node.span.clone(), format!("unknown {key} `{word}`")).hint(hint);
    }
}

/// A text; numbers and dates read as written.
fn string(root: &Node, key: &str, notes: &mut Notes) -> Option<String> {
    let node = root.get(key)?;
    match &node.value {
        Value::Null => None,
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        _ => {
            notes.warning(node.span.clone(), format!("`{key}` is a text, and ignored as it is"));
            None
        }
    }
}

fn strings(root: &Node, key: &str, notes: &mut Notes) -> Vec<String> {
    let Some(node) = root.get(key).filter(|node| node.value != Value::Null) else { return Vec::new() };
    let mut inner = Notes::default();
    match words(node, key, &mut inner) {
        Some(words) => words.into_iter().map(|word| word.text).collect(),
        None => {
            notes.warning(node.span.clone(), format!("`{key}` is a list of texts, and ignored as it is"));
            Vec::new()
        }
    }
}
