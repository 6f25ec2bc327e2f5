//! What published policies leave blind of every detection at hand, and what a generated policy does not.
//!
//! The policies are other people's and stay where they are: the folder that `AUDITWARD_CORPUS` names, or
//! `../shared/corpus` beside the workspace. Without it only our own are looked at.

#![expect(clippy::print_stderr, reason = "what was skipped, and how much was proven")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use auditward_event::{Level, Stage};
use auditward_policy::space::TooComplex;
use auditward_policy::{Evaluator, Policy, read};
use auditward_rules::coverage::{Cause, Coverage, Demand, Judge, Sight, demands};
use auditward_rules::generate::generate;
use auditward_rules::{Rule, library};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn corpus() -> Option<PathBuf> {
    let folder =
        std::env::var_os("AUDITWARD_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: there is no corpus at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    paths.sort();
    paths
}

/// Policies that kube-apiserver accepts, by name.
fn policies(paths: &[PathBuf]) -> Vec<(String, Policy)> {
    let policy = |path: &PathBuf| {
        let policy = read::read(&fs::read(path).expect("a file")).policy?;
        Some((path.file_stem()?.to_string_lossy().into_owned(), policy))
    };
    paths.iter().filter_map(policy).collect()
}

fn published() -> Option<Vec<(String, Policy)>> {
    let corpus = corpus()?;
    let mut all = policies(&files(&corpus.join("policies"), "yaml"));
    for folder in ["guide", "falco"] {
        let found = policies(&[corpus.join(folder).join("audit-policy.yaml")]);
        all.extend(found.into_iter().map(|(_, policy)| (folder.to_owned(), policy)));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Some(all)
}

fn own() -> Vec<(String, Policy)> {
    policies(&files(&root().join("examples/policies"), "yaml"))
}

/// Every rule at hand: the shipped ones, and the corpus's.
fn every_rule() -> Vec<Rule> {
    let mut texts = Vec::new();
    if let Some(corpus) = corpus() {
        let mut paths = files(&corpus.join("sigma"), "yml");
        paths.push(corpus.join("falco/k8s_audit_rules.yaml"));
        for path in paths {
            texts.push((path.display().to_string(), fs::read_to_string(&path).expect("a text")));
        }
    }
    library::load_with_shipped(&texts).rules
}

fn shipped() -> Vec<Rule> {
    library::load_shipped().rules
}

/// Every blind part has a request; the plain engine, asked about it, gives too little.
#[test]
fn every_claim_is_proven() {
    let rules: Vec<(String, Vec<Demand>)> =
        every_rule().iter().map(|rule| (rule.id.clone(), demands(rule))).collect();
    let mut claims = 0;
    for (name, policy) in own().into_iter().chain(published().unwrap_or_default()) {
        let (judge, evaluator) = (Judge::new(&policy), Evaluator::new(policy.clone()));
        for (rule, demands) in &rules {
            let Coverage { sight, blind } = judge.coverage(demands).expect("simple enough");
            let possible = demands.iter().all(|demand| !demand.space.is_empty());
            assert!(!possible || (sight == Sight::Full) == blind.is_empty(), "{name}: {rule}");
            for part in blind {
                let request = &part.witness.request;
                let decision = request.with(|request| evaluator.decide(request));
                let asked = demands.iter().any(|demand| {
                    demand.step == part.step && request.with(|request| demand.space.contains(request))
                });
                let short = match part.cause {
                    Cause::NotRecorded => decision.level == Level::None,
                    Cause::Level { recorded, needed } => decision.level == recorded && recorded < needed,
                    // Every request ends, and every one is received; of the other stages neither is certain.
                    Cause::Stages { needed } => [Stage::RequestReceived, Stage::ResponseComplete]
                        .into_iter()
                        .all(|stage| !needed.contains(stage) || decision.omit_stages.contains(stage)),
                };
                assert!(asked && short, "{name}: {rule}: {request}: {:?}: {decision:?}", part.cause);
                claims += 1;
            }
        }
    }
    eprintln!("{claims} claims proven, of {} rules", rules.len());
    assert!(claims > 100);
}

#[test]
fn what_is_generated_feeds_everything() {
    let rules = shipped();
    let each: Vec<Vec<Demand>> = rules.iter().map(demands).collect();
    let generated = generate(&each.concat()).expect("a policy");
    let judge = Judge::new(&generated.policy);
    let mut guarded = generated.guarded.iter();
    for (rule, demands) in rules.iter().zip(&each) {
        let bodies_of_credentials =
            guarded.by_ref().take(demands.len()).filter(|guarded| **guarded).count() > 0;
        let coverage = judge.coverage(demands).expect("simple enough");
        if !bodies_of_credentials {
            assert_eq!(coverage.sight, Sight::Full, "{}: {:?}", rule.id, coverage.blind);
        }
    }
    // It is a text that reads back as itself.
    let text = auditward_policy::print(&generated.policy);
    assert_eq!(read::read(text.as_bytes()).policy.as_ref(), Some(&generated.policy), "{text}");
}

/// The tables of `docs/policy/published.md`.
#[test]
fn the_page_on_published_policies_is_true() {
    let Some(mut all) = published() else { return };
    all.extend(own().into_iter().map(|(name, policy)| (format!("our {name}"), policy)));
    let rules: Vec<(Rule, Vec<Demand>)> = shipped()
        .into_iter()
        .filter(|rule| rule.enabled)
        .map(|rule| (rule.clone(), demands(&rule)))
        .collect();
    let mut out = String::from("| policy | full | partial | blind |\n| --- | --: | --: | --: |\n");
    let mut by_rule: BTreeMap<&str, [Vec<&str>; 2]> = BTreeMap::new();
    for (name, policy) in &all {
        let judge = Judge::new(policy);
        let mut counts = [0; 3];
        for (rule, demands) in &rules {
            let sight = judge.coverage(demands).map(|coverage| coverage.sight);
            let lists = by_rule.entry(&rule.id).or_default();
            match sight {
                Ok(Sight::Full) => counts[0] += 1,
                Ok(Sight::Partial) => {
                    counts[1] += 1;
                    lists[1].push(name);
                }
                Ok(Sight::Blind) => {
                    counts[2] += 1;
                    lists[0].push(name);
                }
                Err(TooComplex) => panic!("{name}: {} is too complex", rule.id),
            }
        }
        writeln!(out, "| {name} | {} | {} | {} |", counts[0], counts[1], counts[2]).expect("a string");
    }
    out += "\n| detection | blind under | in part under |\n| --- | --- | --- |\n";
    let words = |names: &[&str]| match names.len() {
        0 => "–".to_owned(),
        some if some == all.len() => "all".to_owned(),
        _ => names.join(", "),
    };
    for (id, [blind, partial]) in &by_rule {
        writeln!(out, "| {id} | {} | {} |", words(blind), words(partial)).expect("a string");
    }
    let page = root().join("docs/policy/published.md");
    let text = fs::read_to_string(&page).expect("the page");
    let (before, rest) = text.split_once("<!-- tables -->\n").expect("a mark before the tables");
    let (_, after) = rest.split_once("<!-- end of tables -->").expect("a mark after them");
    let wanted = format!("{before}<!-- tables -->\n{out}<!-- end of tables -->{after}");
    expect_test::expect_file![page].assert_eq(&wanted);
}
