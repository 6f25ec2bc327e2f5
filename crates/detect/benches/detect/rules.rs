//! Rules to be fast with.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use auditward_expr::{Expr, Field, Fold, Match, Quantifier, Root, Test};
use auditward_rules::{Attack, Language, Origin, Rule, Severity, Template, Trigger, library};

/// Sets of rules with their names, the last one all of them.
pub(crate) fn available() -> Vec<(&'static str, Vec<Rule>)> {
    let shipped = library::load_shipped().rules;
    let falco = library::load(&texts("falco", "k8s_audit_rules.yaml")).rules;
    let sigma = library::load(&texts("sigma", ".yml")).rules;
    let all = [shipped.clone(), falco.clone(), sigma.clone()].concat();
    let mut sets = vec![("shipped", shipped), ("Falco's", falco), ("Sigma's", sigma), ("all", all)];
    for (_, rules) in &mut sets {
        let mut ids = HashSet::new();
        // What runs when nobody says anything about it; two rules of one name do not run together.
        rules.retain(|rule| rule.enabled && ids.insert(rule.id.clone()));
    }
    sets.retain(|(_, rules)| !rules.is_empty());
    sets
}

/// The files of a folder of the corpus whose names end so.
fn texts(folder: &str, end: &str) -> Vec<(String, String)> {
    let corpus = std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(corpus.join(folder)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(end));
    named.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// So many rules that differ, as a site's own might: verb, resource, who, and something of the body.
pub(crate) fn generated(count: usize) -> Vec<Rule> {
    let verbs = ["create", "update", "patch", "delete"];
    let resources =
        ["pods", "secrets", "configmaps", "deployments", "roles", "clusterroles", "services", "ingresses"];
    (0..count)
        .map(|n| {
            let all = vec![
                test("stage", is("ResponseComplete")),
                test("verb", is(verbs[n % verbs.len()])),
                test("objectRef.resource", is(resources[n / 4 % resources.len()])),
                test("user.username", Match::StartsWith(format!("user-{}", n / 32), Fold::Exact)),
                test("requestObject.metadata.labels.app", Match::Contains(format!("app-{n}"), Fold::Exact)),
            ];
            rule(&format!("generated-{n}"), Trigger::Event(Expr::And(all)))
        })
        .collect()
}

fn is(text: &str) -> Match {
    Match::Equals(text.to_owned(), Fold::Exact)
}

fn test(path: &str, check: Match) -> Expr {
    let root = Root::Event(auditward_event::Path::parse(path).unwrap());
    Expr::Test(Test { field: Field { root, functions: vec![] }, quantifier: Quantifier::Any, check })
}

fn rule(id: &str, trigger: Trigger) -> Rule {
    Rule {
        id: id.to_owned(),
        title: id.to_owned(),
        description: String::new(),
        severity: Severity::Warning,
        refs: vec![],
        attack: Attack::default(),
        tags: vec![],
        enabled: true,
        origin: Origin { language: Language::Native, file: String::new(), line: 1, credit: String::new() },
        trigger,
        group_by: vec![],
        suppress: None,
        summary: Template::default(),
        details: vec![],
        response: String::new(),
        false_positives: vec![],
    }
}
