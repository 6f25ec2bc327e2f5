//! Falco's rules of source `k8s_audit`, read as Falco reads them.
//!
//! ```text
//! files ── items ──► lists, macros, rules ── exceptions ── text ──► condition ──► tree ── lower ──► Expr
//!          who overrides whom                lists filled in                      macros followed
//! ```
//! Upstream stops at a file's first mistake and then refuses to start. Here all mistakes are told at once, each with the
//! name that Falco gives it, and what is not concerned is loaded: whether to run with the rest is the caller's decision.

pub mod alert;
mod condition;
mod exceptions;
mod items;
mod lower;
mod output;
mod regex;
mod requirements;
mod select;
mod text;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests stop at surprises, and hand over what they expect"
)]
mod tests;

use auditward_policy::read::position;

use crate::{Attack, Finding, Language, Origin, Rule, Severity, TemplatePart, Trigger, Weight};
use items::{Items, Reader};
use lower::{Lowering, Problem};
pub use select::{Matching, Switch, Which, firing};
use text::{Filled, Lists, Pieces};

/// The largest file that is read, in bytes. Published ones have some tens of kilobytes.
pub const BYTES_MAX: usize = 4 << 20;

/// How many findings are told; of more, warnings are left out first.
pub const FINDINGS_MAX: usize = 1000;

/// How long all conditions together may become once their lists are filled in.
const CONDITION_BYTES_MAX: usize = 16 << 20;

/// What is asked of the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Sources whose rules are read; others are left out with a warning.
    pub sources: Vec<String>,
    /// Rules that matter less are left out: `priority:` of Falco's own configuration.
    pub priority: Severity,
    /// `rules:` of Falco's own configuration, in order; the last one that concerns a rule wins.
    pub switches: Vec<Switch>,
}

impl Default for Options {
    fn default() -> Self {
        Options { sources: vec!["k8s_audit".to_owned()], priority: Severity::Debug, switches: Vec::new() }
    }
}

/// What reading gave.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Rules without a mistake, in the order of their first definition, which is that of evaluation.
    pub rules: Vec<Rule>,
    /// Everything there is to say, file by file, up to [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// Reads files, each with the name that findings call it by, in the order in which they may override one another.
pub fn load(files: &[(&str, &str)], options: &Options) -> Loaded {
    let mut reader = Reader::new(files, options);
    for file in 0..files.len() {
        reader.file(file);
    }
    let items = std::mem::take(&mut reader.items);
    let rules = compile(&mut reader, &items);
    let mut findings = reader.findings;
    let order = |finding: &Finding| files.iter().position(|(name, _)| *name == finding.file);
    findings.sort_by_key(|finding| (order(finding), finding.span.start));
    findings.dedup();
    if findings.len() > FINDINGS_MAX {
        findings.sort_by_key(|finding| finding.weight);
        findings.truncate(FINDINGS_MAX);
        findings.sort_by_key(|finding| (order(finding), finding.span.start));
    }
    Loaded { rules, findings }
}

fn compile(reader: &mut Reader<'_>, items: &Items) -> Vec<Rule> {
    let (lists, mut used_lists) = lists(items);
    let mut macro_texts = Vec::with_capacity(items.macros.len());
    let mut macros = Vec::with_capacity(items.macros.len());
    let mut bytes = 0;
    for one in &items.macros {
        let filled = fill(reader, &lists, &one.condition, &mut used_lists, &mut bytes);
        let ast = filled.as_ref().and_then(|filled| match condition::parse(&filled.text) {
            Ok(ast) => Some(ast),
            Err(error) => {
                let problem = Problem::of_condition(error);
                tell(reader, &problem, (&one.condition, filled), None);
                None
            }
        });
        let (position, sees_below, file) = (one.first, one.last, one.written.file);
        macros.push(lower::Macro { name: one.name.clone(), position, sees_below, file, ast });
        macro_texts.push((&one.condition, filled));
    }
    let mut lowering = Lowering::new(&macros);
    let mut rules = Vec::with_capacity(items.rules.len());
    for item in &items.rules {
        let Ok(guarded) = item.exceptions.guard(reader, &item.condition) else { continue };
        let Some(filled) = fill(reader, &lists, &guarded, &mut used_lists, &mut bytes) else { continue };
        let lowered = condition::parse(&filled.text)
            .map_err(Problem::of_condition)
            .and_then(|ast| lowering.rule(&ast, item.file));
        for warning in std::mem::take(&mut lowering.warnings) {
            match warning.in_macro.and_then(|i| Some((macro_texts[i].0, macro_texts[i].1.as_ref()?))) {
                Some(text) => tell(reader, &warning, text, None),
                None => tell(reader, &warning, (&guarded, &filled), Some(item)),
            }
        }
        let expr = match lowered {
            Ok(expr) => expr,
            Err(problem) => {
                match problem.in_macro.and_then(|i| Some((macro_texts[i].0, macro_texts[i].1.as_ref()?))) {
                    Some(text) => tell(reader, &problem, text, Some(item)),
                    None => tell(reader, &problem, (&guarded, &filled), Some(item)),
                }
                continue;
            }
        };
        let Some(summary) = output(reader, item) else { continue };
        if item.broken || item.severity < reader.options.priority {
            continue;
        }
        rules.push(rule(reader, item, expr, summary));
    }
    unused(reader, items, &lowering.used, &used_lists);
    rules
}

/// Lists with what they name filled in: an item that is the name of an earlier list is that list's items.
fn lists(items: &Items) -> (Lists, Vec<bool>) {
    let names: std::collections::HashMap<&str, usize> =
        items.lists.iter().enumerate().map(|(i, list)| (list.name.as_str(), i)).collect();
    let mut used = vec![false; items.lists.len()];
    let mut size = 0;
    let all: Vec<(String, Vec<String>)> = items
        .lists
        .iter()
        .map(|list| {
            let mut out = Vec::with_capacity(list.items.len());
            for item in &list.items {
                match names.get(item.as_str()).filter(|&&other| items.lists[other].first < list.last) {
                    // Copies of copies have an end.
                    Some(&other) if size < CONDITION_BYTES_MAX => {
                        used[other] = true;
                        size += items.lists[other].items.iter().map(|item| item.len() + 24).sum::<usize>();
                        out.extend(items.lists[other].items.iter().cloned());
                    }
                    _ => out.push(item.clone()),
                }
            }
            (list.name.clone(), out)
        })
        .collect();
    (Lists::new(all), used)
}

/// Fills in lists, as long as all conditions together stay below [`CONDITION_BYTES_MAX`].
fn fill(
    reader: &mut Reader<'_>,
    lists: &Lists,
    text: &Pieces,
    used: &mut [bool],
    bytes: &mut usize,
) -> Option<Filled> {
    let room = |filled: &Filled| *bytes + filled.text.len() <= CONDITION_BYTES_MAX;
    let filled = lists.fill(&text.text()).filter(room);
    *bytes += filled.as_ref().map_or(0, |filled| filled.text.len());
    match &filled {
        Some(filled) => filled.used.iter().for_each(|&list| used[list] = true),
        None => {
            let written = text.last();
            reader.file = written.file;
            let message = "too large once its lists are filled in";
            reader.note(Weight::Error, "LOAD_ERR_COMPILE_CONDITION", written.span, message);
        }
    }
    filled
}

fn output(reader: &mut Reader<'_>, item: &items::Rule) -> Option<crate::Template> {
    let text = item.output.text();
    match output::parse(text.trim()) {
        Ok(template) => Some(template),
        Err(error) => {
            let trimmed = text.len() - text.trim_start().len();
            let place = item.output.place(trimmed + error.at, reader.files);
            reader.file = place.file;
            let (weight, code) = if item.skip_if_unknown_filter && error.unknown_field {
                (Weight::Warning, "LOAD_UNKNOWN_FILTER")
            } else {
                (Weight::Error, "LOAD_ERR_COMPILE_OUTPUT")
            };
            let finding = reader.note(weight, code, place.span, error.message);
            finding.hint = error.hint;
            finding.rule = Some(item.name.clone());
            None
        }
    }
}

/// Notes a problem where its text was written.
fn tell(reader: &mut Reader<'_>, problem: &Problem, text: (&Pieces, &Filled), rule: Option<&items::Rule>) {
    let (pieces, filled) = text;
    let place = pieces.place(filled.origin(problem.at), reader.files);
    reader.file = place.file;
    let skip = problem.unknown_field && rule.is_some_and(|rule| rule.skip_if_unknown_filter);
    let (weight, code) = match problem.warning {
        Some(code) => (Weight::Warning, code),
        None if skip => (Weight::Warning, "LOAD_UNKNOWN_FILTER"),
        None => (Weight::Error, "LOAD_ERR_COMPILE_CONDITION"),
    };
    let finding = reader.note(weight, code, place.span, problem.message.clone());
    finding.hint.clone_from(&problem.hint);
    finding.rule = rule.map(|rule| rule.name.clone());
}

fn unused(reader: &mut Reader<'_>, items: &Items, macros: &[bool], lists: &[bool]) {
    let macros = items.macros.iter().zip(macros).map(|(one, used)| (used, &one.written, "MACRO", &one.name));
    let lists = items.lists.iter().zip(lists).map(|(list, used)| (used, &list.written, "LIST", &list.name));
    for (_, written, kind, name) in macros.chain(lists).filter(|(used, ..)| !**used) {
        reader.file = written.file;
        let (code, word) =
            if kind == "MACRO" { ("LOAD_UNUSED_MACRO", "macro") } else { ("LOAD_UNUSED_LIST", "list") };
        let span = written.span.clone();
        reader.note(Weight::Warning, code, span, format!("nothing uses the {word} `{name}`")).rule = None;
    }
}

fn rule(
    reader: &Reader<'_>,
    item: &items::Rule,
    expr: auditward_expr::Expr,
    summary: crate::Template,
) -> Rule {
    let (file, text) = reader.files[item.written.file];
    let details = summary.parts.iter().filter_map(|part| match part {
        TemplatePart::Field { field, name, .. } => Some((name.clone(), field.clone())),
        TemplatePart::Text(_) => None,
    });
    Rule {
        id: item.name.clone(),
        title: item.name.clone(),
        description: item.description.trim().to_owned(),
        severity: item.severity,
        refs: Vec::new(),
        attack: attack(&item.tags),
        tags: item.tags.clone(),
        enabled: select::enabled(&reader.options.switches, &item.name, &item.tags, item.enabled),
        origin: Origin {
            language: Language::Falco,
            file: file.to_owned(),
            line: position(text.as_bytes(), item.written.span.start).line,
            credit: String::new(),
        },
        trigger: Trigger::Event(expr),
        group_by: Vec::new(),
        suppress: None,
        details: details.collect(),
        summary,
        response: String::new(),
        false_positives: Vec::new(),
    }
}

/// Falco writes ATT&CK into tags: `mitre_privilege_escalation`, `T1611`.
fn attack(tags: &[String]) -> Attack {
    let technique = |tag: &&String| {
        let digits = tag.strip_prefix('T').unwrap_or_default();
        digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    Attack {
        tactics: tags
            .iter()
            .filter_map(|tag| tag.strip_prefix("mitre_"))
            .map(|tag| tag.replace('_', "-"))
            .collect(),
        techniques: tags.iter().filter(technique).cloned().collect(),
        threat_matrix: Vec::new(),
    }
}

impl Problem {
    fn of_condition(error: condition::ConditionError) -> Self {
        Problem {
            in_macro: None,
            at: error.at,
            message: error.message,
            hint: error.hint,
            unknown_field: false,
            warning: None,
        }
    }
}
