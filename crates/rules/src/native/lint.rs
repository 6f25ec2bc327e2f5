//! What is unwise in a rule that can be read.

use std::collections::BTreeSet;

use auditward_expr::symbolic::symbolic;

use super::params::Scope;
use super::source::{Pace, Source, SourceTrigger};
use super::text::Text;
use crate::{Rule, Weight};

/// Says what is unwise in a rule, and in what it is lowered to if it can run. `shared` has the names of all shared lists.
pub(crate) fn lint(source: &Source, rule: Option<&Rule>, shared: &Scope, text: &mut Text<'_>) {
    text.rule = Some(source.id.value.clone());
    if let Some(rule) = rule {
        can_be_true(source, rule, text);
    }
    unused_params(source, text);
    shadowed_lists(source, text, shared);
    tests_of_both_kinds(source, text);
    result_is_asked(source, text);
    where_it_leads(source, text);
}

/// `verb == create and verb == delete`.
fn can_be_true(source: &Source, rule: &Rule, text: &mut Text<'_>) {
    let written = source.trigger.conditions();
    for (expr, when) in rule.trigger.expressions().into_iter().zip(written) {
        if symbolic(expr).ways.is_empty() {
            text.say(
                Weight::Warning,
                &when.span.clone(),
                "no request can make this true",
                Some("look for two parts that exclude each other".to_owned()),
            );
        }
    }
}

fn unused_params(source: &Source, text: &mut Text<'_>) {
    let used = used_names(source);
    for param in source.params.iter().filter(|param| !used.contains(param.name.value.as_str())) {
        text.say(
            Weight::Warning,
            &param.name.span,
            format!("nothing uses the parameter `{}`", param.name.value),
            Some(format!("write `${}` where it should hold, or take it out", param.name.value)),
        );
    }
}

/// A parameter's name is looked up first, so one that is called as a shared list hides it.
fn shadowed_lists(source: &Source, text: &mut Text<'_>, shared: &Scope) {
    for param in source.params.iter().filter(|param| shared.get(&param.name.value).is_some()) {
        text.say(
            Weight::Warning,
            &param.name.span,
            format!("the parameter `{0}` hides the shared list `${0}`", param.name.value),
            Some("give it another name".to_owned()),
        );
    }
}

fn tests_of_both_kinds(source: &Source, text: &mut Text<'_>) {
    for (wanted, what) in [(true, "fires"), (false, "stays silent")] {
        if !source.tests.iter().any(|test| test.matches == wanted) {
            text.say(
                Weight::Warning,
                &source.id.span,
                format!("no test shows when it {what}"),
                Some(format!("add a test with `match: {wanted}`")),
            );
        }
    }
}

/// A denied or a dry request changes nothing; a rule that never looks says the same of it as of one that did.
fn result_is_asked(source: &Source, text: &mut Text<'_>) {
    const WORDS: &[&str] = &["code", "responseStatus", "outcome", "authorization.k8s.io/decision"];
    let SourceTrigger::Event(when) = &source.trigger else { return };
    let shown = source.details.iter().map(|(_, field)| field).chain([&source.summary, when]);
    let asked = shown.into_iter().any(|text| WORDS.iter().any(|word| text.value.contains(word)));
    if !asked {
        text.say(
            Weight::Warning,
            &when.span.clone(),
            "neither the condition nor the alert says how the request ended, so one that was denied looks the same",
            Some("ask for `outcome == success`, or show `outcome: outcome` in `details`".to_owned()),
        );
    }
}

fn where_it_leads(source: &Source, text: &mut Text<'_>) {
    let attack = &source.attack;
    if attack.tactics.is_empty() && attack.techniques.is_empty() && attack.threat_matrix.is_empty() {
        text.say(
            Weight::Info,
            &source.id.span,
            "stands in no catalogue of attacks",
            Some("add `attack: {tactics: [...], techniques: [...]}`".to_owned()),
        );
    }
}

/// Every `$name` in the rule.
pub(super) fn used_names(source: &Source) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    let mut paces: Vec<&Pace> = source.suppress.iter().collect();
    match &source.trigger {
        SourceTrigger::Event(_) => {}
        SourceTrigger::Window { count, within, .. } => paces.extend([count, within]),
        SourceTrigger::Sequence { within, .. } => paces.push(within),
        SourceTrigger::FirstSeen { learning, forget, .. } => paces.extend([learning, forget]),
    }
    for pace in paces {
        if let Pace::Param(name) = pace {
            used.insert(name.value.as_str());
        }
    }
    for expression in source.trigger.conditions() {
        for part in expression.value.split('$').skip(1) {
            let length = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
            used.insert(&part[..length]);
        }
    }
    used
}
