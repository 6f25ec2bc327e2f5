//! How requests are recorded, by policies of the corpus and by random ones.

use std::path::PathBuf;

use auditward_event::Stage;
use auditward_policy::read::read;
use auditward_policy::{Attributes, Evaluator, Policy, Resource, StageSet, Target, User};
use serde_json::Value;

#[test]
fn decisions() {
    let mut wrong = Vec::new();
    let (mut cases, mut left_out) = (0, 0);
    for vector in crate::lines("decisions.jsonl.gz") {
        let Some(policy) = policy(&vector) else {
            left_out += 1;
            continue;
        };
        let evaluator = Evaluator::new(policy);
        for case in vector["cases"].as_array().unwrap() {
            cases += 1;
            let ours = decide(&evaluator, &case["attributes"]);
            if ours != case["decision"] {
                wrong.push(format!("{}: {case}\n  ours {ours}", vector["policy"]));
            }
        }
    }
    if left_out > 0 {
        eprintln!("skipped: {left_out} policies of the corpus, which is not here");
    }
    crate::verdict("decisions", cases, &wrong);
}

/// The policy of a vector: inline, or a file of the corpus.
fn policy(vector: &Value) -> Option<Policy> {
    let name = vector["policy"].as_str().unwrap();
    let text = match name.strip_prefix("file:") {
        None => vector["document"]
            .as_str()
            .map_or_else(|| vector["document"].to_string(), str::to_owned)
            .into_bytes(),
        Some(file) => {
            let corpus = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
                || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
                PathBuf::from,
            );
            std::fs::read(corpus.join("policies").join(file)).ok()?
        }
    };
    let reading = read(&text);
    Some(reading.policy.unwrap_or_else(|| panic!("{name} is refused: {:?}", reading.findings)))
}

fn decide(evaluator: &Evaluator, attributes: &Value) -> Value {
    let text = |field: &str| attributes[field].as_str().unwrap_or("");
    let groups: Vec<&str> =
        attributes["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let target = if attributes["isResourceRequest"].as_bool().unwrap() {
        Target::Resource(Resource {
            group: text("apiGroup"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
        })
    } else {
        Target::Path(text("path"))
    };
    let user = attributes["user"].as_str().map(|name| User { name, groups: &groups });
    let decision = evaluator.decide(&Attributes { user, verb: text("verb"), target });
    serde_json::json!({
        "level": decision.level.as_str(),
        "omitStages": sorted(decision.omit_stages),
        "omitManagedFields": decision.omit_managed_fields,
    })
}

fn sorted(stages: StageSet) -> Vec<&'static str> {
    let mut names: Vec<_> = stages.iter().map(Stage::as_str).collect();
    names.sort_unstable();
    names
}
