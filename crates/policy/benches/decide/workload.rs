//! The policies and the requests, and the file that tells the Go side of them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use auditward_event::Events;
use auditward_policy::read::read;
use auditward_policy::{Attributes, Policy, RequestInfo, Resource, Target, User};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

pub(crate) struct Workload {
    /// Lists of requests, each as the vectors write one (`attributes` in their README).
    pub(crate) requests: Vec<Vec<Value>>,
    pub(crate) contests: Vec<Contest>,
}

/// One policy on one list of requests.
pub(crate) struct Contest {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) policy: Policy,
    /// Which list of [`Workload::requests`].
    pub(crate) requests: usize,
}

impl Workload {
    pub(crate) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let corpus =
            std::env::var_os("AUDITWARD_CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
        let mut files = yaml_files(&corpus.join("guide"));
        files.extend(yaml_files(&corpus.join("policies")));
        let mut logs = files_in(&corpus.join("events/captures"), ".jsonl.gz");
        if files.is_empty() || logs.is_empty() {
            eprintln!("no corpus at `{}`: only what is under `examples/` is measured", corpus.display());
            logs = vec![root.join("examples/audit.log.gz")];
        }
        files.extend(yaml_files(&root.join("examples/policies")));

        let mut workload = Self {
            requests: vec![logs.iter().flat_map(|log| captured(log)).collect()],
            contests: Vec::new(),
        };
        for file in &files {
            let name = short_name(file);
            workload.add(&name, &fs::read_to_string(file).unwrap(), 0);
        }
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors/decisions.jsonl.gz");
        for line in BufReader::new(GzDecoder::new(File::open(vectors).unwrap())).lines() {
            let vector: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let Some(name) = vector["policy"].as_str().and_then(|policy| policy.strip_prefix("file:")) else {
                continue;
            };
            let Ok(text) = fs::read_to_string(corpus.join("policies").join(name)) else { continue };
            let cases = vector["cases"].as_array().unwrap();
            workload.requests.push(cases.iter().map(|case| case["attributes"].clone()).collect());
            workload.add(&format!("{name} (vectors)"), &text, workload.requests.len() - 1);
        }
        workload
    }

    fn add(&mut self, name: &str, text: &str, requests: usize) {
        // Some of the corpus are fragments or other documents; kube-apiserver takes them no more than we do.
        let Some(policy) = read(text.as_bytes()).policy else { return };
        self.contests.push(Contest { name: name.to_owned(), text: text.to_owned(), policy, requests });
    }

    /// As the Go side reads it.
    pub(crate) fn to_json(&self) -> Value {
        let policies: Vec<_> = self
            .contests
            .iter()
            .map(|contest| json!({ "text": contest.text, "requests": contest.requests }))
            .collect();
        json!({ "requests": self.requests, "policies": policies })
    }
}

/// One copy of each string: a request that has just been read is in the processor's cache, and so are these.
#[derive(Default)]
pub(crate) struct Words<'a>(HashSet<&'a str>);

impl<'a> Words<'a> {
    fn one(&mut self, word: &'a str) -> &'a str {
        self.0.insert(word);
        self.0.get(word).unwrap()
    }
}

/// The groups of a request's user.
pub(crate) fn groups<'a>(request: &'a Value, words: &mut Words<'a>) -> Vec<&'a str> {
    let groups = request["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
    groups.map(|group| words.one(group)).collect()
}

/// A request as a policy sees it.
pub(crate) fn attributes<'a>(
    request: &'a Value,
    groups: &'a [&'a str],
    words: &mut Words<'a>,
) -> Attributes<'a> {
    let mut text = |field: &str| words.one(request[field].as_str().unwrap_or(""));
    let target = if request["isResourceRequest"] == true {
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
    let verb = text("verb");
    let user = request["user"].as_str().map(|name| User { name: words.one(name), groups });
    Attributes { user, verb, target }
}

/// The request of every event in a log.
fn captured(log: &Path) -> Vec<Value> {
    let mut events = Events::new(BufReader::new(File::open(log).unwrap()));
    let mut requests = Vec::new();
    while let Some(event) = events.next() {
        let view = event.unwrap().view;
        let (verb, uri, user) = (view.verb(), view.request_uri(), view.user());
        let Ok(info) = RequestInfo::from_event(&verb, &uri) else { continue };
        let groups: Vec<_> = user.groups().collect();
        requests.push(json!({
            "user": (!user.username.is_empty()).then_some(&user.username),
            "groups": groups,
            "verb": info.verb,
            "isResourceRequest": info.is_resource_request(),
            "apiGroup": info.group(),
            "resource": info.resource(),
            "subresource": info.subresource(),
            "namespace": info.namespace(),
            "name": info.name(),
            "path": info.path,
        }));
    }
    requests
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    files_in(folder, ".yaml")
}

fn files_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// The file and the folder it is in.
fn short_name(file: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    format!("{}/{}", name(file.parent().unwrap()), name(file))
}
