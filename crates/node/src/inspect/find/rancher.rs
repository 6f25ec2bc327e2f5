//! k3s and RKE2: flags of the API server in a configuration of their own.
//!
//! ```text
//! config.yaml  <  config.yaml.d/*.yaml, by name  <  the unit's words      later replaces earlier,
//!                                                                        `key+:` adds to it
//! kube-apiserver-arg:        the API server's flags, `name=value` each
//! audit-policy-file:         RKE2 only: sets five flags, which kube-apiserver-arg may override
//! ```

use std::collections::BTreeMap;

use auditward_policy::read::Value;

use crate::inspect::host::has_extension;
use crate::inspect::process::Program;
use crate::inspect::unit;
use crate::inspect::yaml::{self, Document};
use crate::manifest::Flags;

use super::{CONFIG_MAX, Candidate, Distribution, Look, Origin, Setting, audit_settings, how_many};

/// What RKE2's configuration says.
pub(super) struct Rke2 {
    pub(super) candidate: Candidate,
    /// The folder that it writes manifests to.
    pub(super) manifests: String,
}

/// How many drop-ins are read.
const DROP_INS_MAX: usize = 200;

pub(super) fn k3s(look: &mut Look<'_>) -> Option<Candidate> {
    let config = Config::read(look, "k3s", "k3s");
    let data = config.word("data-dir").unwrap_or("/var/lib/rancher/k3s").to_owned();
    let sign = config.sign(look, &format!("{data}/server"))?;
    let settings = config.api_server_arguments();
    Some(Candidate {
        distribution: Distribution::K3s,
        sign,
        program: Program::K3s,
        settings,
        notes: Vec::new(),
        version: None,
    })
}

pub(super) fn rke2(look: &mut Look<'_>) -> Option<Rke2> {
    let config = Config::read(look, "rke2", "rke2-server");
    let data = config.word("data-dir").unwrap_or("/var/lib/rancher/rke2").to_owned();
    let sign = config.sign(look, &format!("{data}/server"))?;
    let mut notes = Vec::new();
    let profile = config.values.get("profile").and_then(|values| values.last());
    if let Some(profile) = profile {
        notes.push(format!("`profile: {}` is set ({})", profile.text, profile.origin));
    }
    let policy = config.values.get("audit-policy-file").and_then(|values| values.last());
    let policy = policy.map(|value| (value.text.clone(), value.origin.clone())).or_else(|| {
        let profile = profile.filter(|profile| profile.text.starts_with("cis") || profile.text == "etcd")?;
        Some(("/etc/rancher/rke2/audit-policy.yaml".to_owned(), profile.origin.clone()))
    });
    let mut settings = Vec::new();
    if let Some((path, origin)) = policy {
        let log = format!("{data}/server/logs/audit.log");
        let flags = [
            ("audit-policy-file", path.as_str()),
            ("audit-log-path", log.as_str()),
            ("audit-log-maxage", "30"),
            ("audit-log-maxbackup", "10"),
            ("audit-log-maxsize", "100"),
        ];
        settings.extend(flags.map(|(name, value)| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            origin: origin.clone(),
        }));
    }
    settings.extend(config.api_server_arguments());
    let candidate = Candidate {
        distribution: Distribution::Rke2,
        sign,
        program: Program::Rke2,
        settings,
        notes,
        version: None,
    };
    Some(Rke2 { candidate, manifests: format!("{data}/agent/pod-manifests") })
}

/// What the configuration asks for and the manifest does not have: RKE2 writes it when it starts.
pub(super) fn not_yet_generated(wanted: &[Setting], has: &[Setting]) -> Option<String> {
    let last = |settings: &[Setting], name: &str| {
        settings.iter().rev().find(|setting| setting.name == name).map(|setting| setting.value.clone())
    };
    let missing: Vec<&str> = ["audit-policy-file", "audit-log-path"]
        .into_iter()
        .filter(|name| last(wanted, name).is_some_and(|value| last(has, name) != Some(value)))
        .collect();
    (!missing.is_empty()).then(|| {
        let names = missing.join(" and ");
        format!(
            "the configuration sets {names} otherwise than the manifest; restart rke2-server to write it anew"
        )
    })
}

/// A merged configuration.
#[derive(Default)]
struct Config {
    values: BTreeMap<String, Vec<Said>>,
    file: Option<String>,
}

/// One value of a key.
struct Said {
    text: String,
    origin: Origin,
}

impl Config {
    fn read(look: &mut Look<'_>, name: &str, service: &str) -> Self {
        let mut config = Self::default();
        let main = format!("/etc/rancher/{name}/config.yaml");
        let folder = format!("{main}.d");
        let mut files = vec![main];
        if look.host.exists(&folder) {
            let names = look.folder(&folder);
            let yaml = names.iter().filter(|name| has_extension(name, &["yaml", "yml"]));
            files.extend(yaml.take(DROP_INS_MAX).map(|name| format!("{folder}/{name}")));
        }
        for path in files {
            let Some(text) = look.file(&path, CONFIG_MAX) else { continue };
            match Document::read(&text) {
                Some(document) => {
                    config.lay(&document, &path);
                    look.found(&path, how_many(&config.api_server_arguments()));
                }
                None => look.found(&path, "no YAML"),
            }
            config.file.get_or_insert(path);
        }
        if let Some(words) = unit::command(look, service)
            && words.iter().any(|word| word.text == "server")
        {
            config.add_words(&words);
        }
        config
    }

    fn lay(&mut self, document: &Document<'_>, path: &str) {
        let Value::Map(entries) = &document.root.value else { return };
        for entry in entries {
            let said = yaml::items(&entry.node).into_iter().filter_map(|node| {
                let origin = Origin::File(path.to_owned(), document.line(node));
                Some(Said { text: yaml::scalar(node)?, origin })
            });
            let adds = entry.key.strip_suffix('+');
            let values = self.values.entry(adds.unwrap_or(&entry.key).to_owned()).or_default();
            if adds.is_none() {
                values.clear();
            }
            values.extend(said);
        }
    }

    /// The words of the unit come behind what files say.
    fn add_words(&mut self, words: &[unit::Word]) {
        let flags = Flags::parse(words.iter().map(|word| (word.text.as_str(), word.line)));
        for flag in &flags {
            let path = words.get(flag.word).map_or("", |word| word.path.as_str());
            let said =
                Said { text: flag.meaning().to_owned(), origin: Origin::File(path.to_owned(), flag.line) };
            self.file.get_or_insert_with(|| path.to_owned());
            self.values.entry(flag.name.clone()).or_default().push(said);
        }
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(|said| said.text.as_str())
    }

    /// What says that a server, not an agent, is set up here.
    fn sign(&self, look: &mut Look<'_>, state: &str) -> Option<String> {
        if look.host.exists(state) {
            look.found(state, "a server's state");
            return Some(format!("{state} is a server's"));
        }
        // An agent's configuration names the server that it joins and sets nothing of an API server.
        let server = !self.values.contains_key("server") || self.values.contains_key("kube-apiserver-arg");
        let file = self.file.as_ref().filter(|_| server)?;
        Some(format!("{file} configures it"))
    }

    fn api_server_arguments(&self) -> Vec<Setting> {
        let said = self.values.get("kube-apiserver-arg").map(Vec::as_slice).unwrap_or_default();
        said.iter()
            .flat_map(|said| {
                let word = format!("--{}", said.text.trim_start_matches('-'));
                audit_settings(&Flags::parse([(word.as_str(), 0)]), |_| said.origin.clone())
            })
            .collect()
    }
}
