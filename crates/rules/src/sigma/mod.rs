//! Sigma: rules, filters and correlations for audit logs, lowered to ours.
//!
//! ```text
//! texts ── document ──► rules ─────── detection (field, modifier, value, condition) ──► one Expr each
//!                  ├──► filters ───── the same, and'ed to the rules that they name
//!                  └──► correlations ─ their rules' expressions, counted or in sequence
//! ```
//! Read as the Sigma specification 2.1 says it. Whatever cannot be meant here is refused with its place, rule by rule:
//! a rule that would run as something else than it says is worse than one that does not run.
//!
//! Invariant: no text takes long. Nesting, the size of a rule's expression, regular expressions and findings are bounded.

mod condition;
mod correlation;
mod detection;
mod document;
mod field;
mod header;
mod lint;
mod modifier;
mod notes;
mod regex;
mod value;

use std::collections::{BTreeMap, HashMap};

use auditward_expr::Expr;

pub use field::{FIELDS, Mapped};
pub(crate) use modifier::is_placeholder;

use crate::{Finding, Rule, Trigger, Weight};
use correlation::Correlation;
use detection::Detection;
use document::{Document, Kind, Targets};
use header::Header;
use notes::Notes;

/// The largest text that is read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// How many findings are told; of more, the lightest are left out first.
pub const FINDINGS_MAX: usize = 1000;

/// How many questions all rules of a load may ask together.
const QUESTIONS_MAX: usize = 2_000_000;

/// What the person who runs the rules decides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `%name%` stands for in values with the modifier `expand`: any of these, with wildcards.
    pub placeholders: BTreeMap<String, Vec<String>>,
}

/// What reading gave.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Rules and correlations that can run, in the order of the files. Those that only feed a correlation are not
    /// enabled.
    pub rules: Vec<Rule>,
    /// Everything there is to say, in the order of the files and texts.
    pub findings: Vec<Finding>,
}

/// Reads files, each with its name; rules, filters and correlations may name each other across them.
pub fn load(files: &[(&str, &str)], options: &Options) -> Loaded {
    let mut loading =
        Loading { files, options, findings: Vec::new(), lightest: None, budget: Budget::default() };
    let mut items = Vec::new();
    let mut filters = Vec::new();
    for file in 0..files.len() {
        for document in loading.documents(file) {
            match document.kind {
                Kind::Filter => filters.extend(loading.filter(&document)),
                Kind::Rule | Kind::Correlation => items.extend(loading.item(&document)),
            }
        }
    }
    loading.refuse_doubles(&mut items);
    let names = Names::new(&items);
    loading.apply(&filters, &mut items, &names);
    let rules = correlation::lower(&mut items, &names, &mut loading);
    Loaded { rules, findings: loading.findings() }
}

/// The words of all modifiers, for pages that list them.
pub fn modifiers() -> impl Iterator<Item = &'static str> {
    modifier::MODIFIERS.iter().map(|(word, _)| *word)
}

/// A rule or a correlation on its way.
struct Item {
    file: usize,
    header: Header,
    body: Body,
}

enum Body {
    Rule(Expr),
    Correlation(Correlation),
    /// What was refused keeps its name, so that who refers to it is told why that fails.
    Refused,
}

/// Known-good events to leave out of rules.
struct Filter {
    file: usize,
    header: Header,
    targets: Targets,
    condition: Expr,
}

/// Where a rule is found by what others call it.
struct Names(BTreeMap<String, usize>);

impl Names {
    fn new(items: &[Item]) -> Self {
        let mut names = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            for name in [&item.header.id, &item.header.name].into_iter().flatten() {
                names.entry(name.clone()).or_insert(index);
            }
        }
        Names(names)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    fn suggestion(&self, name: &str) -> Option<String> {
        // So many names at most are compared: suggesting is no reason to wait.
        let known = self.0.keys().take(1000).map(String::as_str);
        notes::near(name, known).map(|near| format!("did you mean `{near}`?"))
    }
}

struct Loading<'a> {
    files: &'a [(&'a str, &'a str)],
    options: &'a Options,
    findings: Vec<(usize, Finding)>,
    /// Once there are too many findings: only graver ones are added.
    lightest: Option<Weight>,
    budget: Budget,
}

/// What may still be made of the texts: names, filters, correlations and placeholders repeat what is said once.
struct Budget {
    /// Questions in all expressions.
    questions: usize,
    regexes: regex::Budget,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { questions: QUESTIONS_MAX, regexes: regex::Budget::default() }
    }
}

impl Budget {
    /// Whether so many questions may be made; they are charged then.
    fn charge(&mut self, questions: usize) -> bool {
        let left = self.questions.checked_sub(questions);
        self.questions = left.unwrap_or(self.questions);
        left.is_some()
    }
}

impl Loading<'_> {
    fn documents(&mut self, file: usize) -> Vec<Document> {
        let (_, text) = self.files[file];
        let mut notes = Notes::default();
        let documents = document::read(file, text, &mut notes);
        self.note(file, None, notes);
        documents
    }

    /// A rule or correlation with its detection read; nothing for one that is about something else.
    fn item(&mut self, document: &Document) -> Option<Item> {
        let mut notes = Notes::default();
        let header = header::read(document, &mut notes);
        let body = if document.kind == Kind::Correlation {
            correlation::read(document, &mut notes).map(Body::Correlation)
        } else {
            if !header::is_ours(document, &mut notes) {
                self.note(document.file, Some(header.id()), notes);
                return None;
            }
            self.detection(document.root.get("detection"), document, &mut notes).map(Body::Rule)
        };
        let body = body.filter(|_| !notes.refused()).unwrap_or(Body::Refused);
        self.note(document.file, Some(header.id()), notes);
        Some(Item { file: document.file, header, body })
    }

    fn filter(&mut self, document: &Document) -> Option<Filter> {
        let mut notes = Notes::default();
        let header = header::read(document, &mut notes);
        let mut read = || {
            if !header::is_ours(document, &mut notes) {
                return None;
            }
            let body = document.root.get("filter");
            let targets = document::targets(body?, &mut notes)?;
            let condition = self.detection(body, document, &mut notes)?;
            Some((targets, condition))
        };
        let read = read();
        let refused = notes.refused();
        self.note(document.file, Some(header.id()), notes);
        let (targets, condition) = read.filter(|_| !refused)?;
        Some(Filter { file: document.file, header, targets, condition })
    }

    fn detection(
        &mut self,
        body: Option<&auditward_policy::read::Node>,
        document: &Document,
        notes: &mut Notes,
    ) -> Option<Expr> {
        let Some(body) = body else {
            notes
                .error(document.root.span.start..document.root.span.start, "no `detection`")
                .hint("a rule needs searches and a `condition` under `detection`");
            return None;
        };
        let (_, text) = self.files[document.file];
        let mut detection = Detection { text, options: self.options, budget: &mut self.budget, notes };
        detection.lower(body)
    }

    /// The first of several rules with one id runs; an alert has to say which rule it is of.
    fn refuse_doubles(&mut self, items: &mut [Item]) {
        let mut known: HashMap<String, usize> = HashMap::new();
        for index in 0..items.len() {
            let id = items[index].header.id().to_owned();
            let Some(first) = known.get(&id) else {
                known.insert(id, index);
                continue;
            };
            let (file, text) = self.files[items[*first].file];
            let at = auditward_policy::read::position(text.as_bytes(), items[*first].header.span.start);
            let mut notes = Notes::default();
            notes
                .error(
                    items[index].header.span.clone(),
                    format!("another rule is `{id}` already, at {file}:{at}"),
                )
                .hint("give each rule an `id` of its own (a random UUID)");
            self.note(items[index].file, Some(&id), notes);
            items[index].body = Body::Refused;
        }
    }

    /// Makes each filtered rule `(rule) and (filter)`.
    fn apply(&mut self, filters: &[Filter], items: &mut [Item], names: &Names) {
        for filter in filters {
            let mut notes = Notes::default();
            let targets: Vec<usize> = match &filter.targets {
                Targets::Any => (0..items.len()).collect(),
                Targets::These(rules) => {
                    let find = |word: &document::Word| {
                        let found = names.find(&word.text);
                        if found.is_none() {
                            let note = notes.warning(
                                word.span.clone(),
                                format!("no rule has the id or name `{}`: nothing is left out", word.text),
                            );
                            note.hint = names.suggestion(&word.text);
                        }
                        found
                    };
                    rules.iter().filter_map(find).collect()
                }
            };
            let added = detection::weight(&filter.condition);
            for target in targets {
                let item = &mut items[target];
                match &mut item.body {
                    Body::Rule(expr) => {
                        let weight = detection::weight(expr) + added;
                        if weight > detection::WEIGHT_MAX || !self.budget.charge(added) {
                            notes.error(
                                filter.header.span.clone(),
                                format!("with this filter the rule `{}` is too large", item.header.id()),
                            );
                            item.body = Body::Refused;
                        } else {
                            let rule = std::mem::replace(expr, Expr::Const(false));
                            *expr = Expr::And(vec![rule, filter.condition.clone()]);
                        }
                    }
                    Body::Correlation(_) if matches!(filter.targets, Targets::These(_)) => {
                        notes
                            .warning(
                                filter.header.span.clone(),
                                format!("`{}` is a correlation: filters leave it alone", item.header.id()),
                            )
                            .hint("name the rules that it refers to instead");
                    }
                    Body::Correlation(_) | Body::Refused => {}
                }
            }
            self.note(filter.file, Some(filter.header.id()), notes);
        }
    }

    fn note(&mut self, file: usize, rule: Option<&str>, notes: Notes) {
        let (name, text) = self.files[file];
        for note in notes.list {
            if self.findings.len() >= 2 * FINDINGS_MAX {
                self.thin_out();
                self.lightest = self.findings.last().map(|(_, finding)| finding.weight);
            }
            // Places are counted only for what can still be told.
            if self.lightest.is_some_and(|lightest| note.weight >= lightest) {
                continue;
            }
            let mut finding = Finding::new(note.weight, name, text, note.span, note.message);
            finding.hint = note.hint;
            finding.rule = rule.map(str::to_owned);
            self.findings.push((file, finding));
        }
    }

    fn thin_out(&mut self) {
        self.findings.sort_by_key(|(_, finding)| finding.weight);
        self.findings.truncate(FINDINGS_MAX);
    }

    fn findings(mut self) -> Vec<Finding> {
        if self.findings.len() > FINDINGS_MAX {
            self.thin_out();
        }
        self.findings.sort_by_key(|(file, finding)| (*file, finding.span.start, finding.weight));
        self.findings.into_iter().map(|(_, finding)| finding).collect()
    }
}

impl Item {
    /// The rule that this is, once its trigger is known.
    fn rule(&self, files: &[(&str, &str)], trigger: Trigger, group_by: Vec<auditward_expr::Field>) -> Rule {
        let (name, text) = files[self.file];
        self.header.rule(name, text, trigger, group_by)
    }
}

/// Whether anything was refused.
impl Loaded {
    /// Whether some rule, or a whole text, does not run for a mistake in it.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == Weight::Error)
    }
}
