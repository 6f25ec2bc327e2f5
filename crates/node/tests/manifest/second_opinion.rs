//! The kubelet's own reader on what we hand out: nothing that it would drop, and nothing else than was asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auditward_node::manifest::{Effect, Manifest};
use serde_json::Value;

use super::mutants::mutants;
use super::{enable, manifests};

#[test]
fn the_kubelet_reads_what_was_meant() {
    let Some(program) = build() else { return };
    let mut originals: Vec<Vec<u8>> = manifests().unwrap_or_default().into_values().collect();
    originals.extend(mutants());
    let edits: Vec<_> = originals
        .iter()
        .map(|bytes| Manifest::read(bytes).and_then(|manifest| manifest.edit(&enable())))
        .collect();
    let before = ask(&program, originals.clone());
    let after =
        ask(&program, edits.iter().flatten().map(|edited| edited.text.clone().into_bytes()).collect());
    let mut after = after.into_iter();
    let (mut edited, mut refused) = (0, 0);
    for ((bytes, edit), before) in originals.iter().zip(&edits).zip(before) {
        let text = String::from_utf8_lossy(bytes);
        let Ok(edit) = edit else {
            refused += 1;
            continue;
        };
        edited += 1;
        let after = after.next().unwrap();
        let Some(before) = before.get("pod") else {
            // Fields of the pod that have nothing to do with audit are not ours to judge: what was wrong with them still is.
            let fault = |said: &Value| {
                let said = said["error"].as_str().unwrap_or_default();
                (said.starts_with("spec.") || said.starts_with("metadata.")).then(|| said.to_owned())
            };
            assert!(fault(&before).is_some(), "edited what the kubelet had dropped: {before}\n{text}");
            assert!(fault(&after).is_some(), "{after}\n{text}");
            continue;
        };
        let Some(pod) = after.get("pod") else {
            panic!("the kubelet would drop it: {after}\n{}", edit.text);
        };
        let kept = without(pod.clone(), &edit.effects);
        assert_eq!(kept, without(before.clone(), &edit.effects), "of\n{text}\ncame\n{}", edit.text);
    }
    println!("{edited} edited, each read by the kubelet as meant; {refused} refused");
}

/// The pod without what the effects name: that is what an edit may not have touched.
fn without(mut pod: Value, effects: &[Effect]) -> Value {
    let gone = |key: &str, value: &Value| {
        effects.iter().any(|effect| match effect {
            Effect::VolumeAdded { name, .. } => key == "volumes" && value["name"] == name.as_str(),
            Effect::MountAdded { path, .. } => key == "volumeMounts" && value["mountPath"] == path.as_str(),
            _ => false,
        })
    };
    let named = |word: &str| {
        let name = word.trim_start_matches('-').split('=').next().unwrap_or_default().replace('_', "-");
        effects.iter().any(|effect| match effect {
            Effect::FlagAdded { name: ours, .. }
            | Effect::FlagChanged { name: ours, .. }
            | Effect::FlagRemoved { name: ours, .. } => *ours == name,
            _ => false,
        })
    };
    let values: Vec<String> = effects
        .iter()
        .flat_map(|effect| match effect {
            Effect::FlagAdded { value, .. } | Effect::FlagRemoved { value, .. } => vec![value.clone()],
            Effect::FlagChanged { from, to, .. } => vec![from.clone(), to.clone()],
            _ => Vec::new(),
        })
        .collect();
    let filter = |list: &mut Value, key: &str| {
        if let Some(items) = list.get_mut(key).and_then(Value::as_array_mut) {
            items.retain(|item| !gone(key, item));
            if items.is_empty() {
                drop(list.as_object_mut().unwrap().remove(key));
            }
        }
    };
    filter(&mut pod["spec"], "volumes");
    let runs_it = |container: &Value| {
        let words =
            [&container["command"], &container["args"]].into_iter().filter_map(Value::as_array).flatten();
        words.filter_map(Value::as_str).any(|word| word.ends_with("kube-apiserver"))
    };
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        if !runs_it(container) {
            continue;
        }
        filter(container, "volumeMounts");
        for list in ["command", "args"] {
            if let Some(words) = container.get_mut(list).and_then(Value::as_array_mut) {
                words.retain(|word| {
                    let word = word.as_str().unwrap();
                    let is_flag = word.starts_with("--") && named(word);
                    !(is_flag || values.iter().any(|value| value == word))
                });
            }
        }
    }
    if let Some(annotations) = pod["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("auditward.dev/policy");
        if annotations.is_empty() {
            pod["metadata"].as_object_mut().unwrap().remove("annotations");
        }
    }
    pod
}

/// What the kubelet says to each of these.
fn ask(program: &Path, manifests: Vec<Vec<u8>>) -> Vec<Value> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let count = manifests.len();
    let writer = std::thread::spawn(move || {
        for manifest in manifests {
            stdin.write_all(format!("{}\n", manifest.len()).as_bytes()).unwrap();
            stdin.write_all(&manifest).unwrap();
        }
    });
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(said.len(), count);
    said
}

/// The program, made of the Kubernetes that testkit has built: seconds then, minutes without. `None` without Go.
fn build() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubelet-reads");
    std::fs::create_dir_all(&folder).unwrap();
    for (from, name) in [
        ("tests/manifest/kubelet/main.go", "main.go"),
        ("../testkit/hyperkube/go.mod", "go.mod"),
        ("../testkit/hyperkube/go.sum", "go.sum"),
    ] {
        std::fs::copy(here.join(from), folder.join(name)).unwrap();
    }
    let arguments = ["build", "-trimpath", "-mod=mod", "-o", "kubelet-reads", "."];
    let output = Command::new("go")
        .args(arguments)
        .current_dir(&folder)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Some(folder.join("kubelet-reads")),
        Ok(output) => {
            println!("skipped: go build: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            println!("skipped: could not run `go`: {error}");
            None
        }
    }
}
